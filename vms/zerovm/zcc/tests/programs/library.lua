-- The language and the libraries that need no operating system; prints the same everywhere.
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
print(fib(20), 2^53, 10 / 3, 1e300 * 1e10, -0.0, math.pi, 1e15, 123456789012345678)
print(string.format("%5.2f|%10s|%-5d|%x|%q|%a|%i|%c|%g", 3.14159, "hi", 42, 255, "a\nb", 1.5, 7, 65, 1e-5))
for word in ("one two three"):gmatch("%a+") do io.write(word, ",") end
print(("key = value"):match("^(%w+)%s*=%s*(%w+)$"), ("abc"):rep(3, "-"), ("hello"):gsub("l+", string.upper))
print(pcall(error, { code = 1 }) , select("#", table.unpack({ 1, 2, nil, 4 }, 1, 4)))
print(select(2, pcall(error, "message")), select(2, pcall(function() local x = nil; return x.y end)))
local t = {}
for i = 1, 1000 do t[i] = (i * 7919) % 1000 end
table.sort(t)
print(t[1], t[500], t[1000], #t, table.concat(t, " ", 1, 10))
table.sort(t, function(a, b) return a > b end)
print(t[1], next({}), rawlen({ 1, 2 }), table.remove(t), table.pack(1, 2).n)
print(math.sin(1), math.exp(1), math.log(10), math.log(8, 2), math.sqrt(2), math.tan(0.5), math.atan(1, 2))
print(math.floor(-3.5), math.ceil(-3.5), 7 // 2, -7 // 2, 7 % -3, -7 % 3, 7.5 // 2, 5.3 % 2, 2^0.5, math.fmod(-7, 3))
print(math.tointeger(3.0), math.type(1), math.type(1.0), math.maxinteger + 1 == math.mininteger, math.ult(1, -1))
print(tonumber("0x1p4"), tonumber("1e1"), tonumber("  12  "), tonumber("z", 36), tonumber("1e"), 0x7fffffffffffffff)
print(1e100, 123456.789e3, 0.1, 1 / 3, 100, 1e16, 2^63, -2^63, 5 // 0.0, -5 // 0.0, 0 / 0 ~= 0 / 0)
print(utf8.char(228, 8364, 128512), utf8.len("äö€"), #"héllo", utf8.codepoint("€"))
local generator = coroutine.wrap(function(a) for _ = 1, 3 do a = coroutine.yield(a * 2) end return "done" end)
print(generator(1), generator(2), generator(3), generator(4))
local thread = coroutine.create(function() error("inside") end)
print(coroutine.resume(thread))
print(coroutine.status(thread), coroutine.isyieldable())
print(string.pack("<i4d", 7, 1.5):byte(1, -1))
print(string.unpack("<i4d", string.pack("<i4d", -7, 2.25)))
local meta = setmetatable({}, { __index = function(_, k) return k .. "!" end, __call = function(_, a) return a + 1 end,
  __add = function() return "sum" end, __tostring = function() return "object" end, __len = function() return 9 end, __lt = function() return true end })
print(meta.key, meta(1), meta + 1, tostring(meta), #meta, meta < meta)
do local closed <close> = setmetatable({}, { __close = function() print("closed") end }) print("open") end
goto over
print("never")
::over::
print(load("return 1 + ...")(41), load("syntax error here"))
print(os.time { year = 2020, month = 1, day = 1, hour = 12 } > 0, os.date("!%Y-%m-%d %H:%M:%S", 86400), os.getenv("NOTHING_LIKE_THIS"))
local words = setmetatable({}, { __mode = "k" })
for i = 1, 100 do words[{}] = i end
collectgarbage()
print(next(words), collectgarbage("count") > 0)
local parts = {}
for i = 1, 300 do parts[#parts + 1] = ("%d:%s"):format(i, ("x"):rep(i % 7)) end
local text = table.concat(parts, ";")
local sum = 0
for i = 1, #text do sum = (sum * 31 + text:byte(i)) % 1000000007 end
print(#text, sum)
