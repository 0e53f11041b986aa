//! A script that was opened: its engine, and the bounds of that.

use crate::signature::Signature;
use callframe::Template;
use cosmos_rpc::{Fault, FaultCode};
use cosmos_vm_core::{Call, pins};
use mlua::{HookTriggers, Lua, LuaOptions, MultiValue, StdLib, Value, VmState};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Most bytes of a script.
const LONGEST: u64 = 16 << 20;
/// Most memory of an engine.
const MEMORY: usize = 256 << 20;
/// How many instructions go by between two looks at the time.
const STRIDE: u32 = 10_000;
/// What an engine has in place of some of Lua's own functions. What catches errors does not catch the end of
/// a call's time, and finalizers, in which Lua asks nobody whether they may go on, are none.
const PRELUDE: &str = r#"
local still_in_time = ...
local catch, catch_with, resume, close = pcall, xpcall, coroutine.resume, coroutine.close
local set, get, kind, fail = setmetatable, rawget, type, error
local function checked(...)
    still_in_time()
    return ...
end
function pcall(...) return checked(catch(...)) end
function xpcall(...) return checked(catch_with(...)) end
function coroutine.resume(...) return checked(resume(...)) end
function coroutine.close(...) return checked(close(...)) end
function setmetatable(value, metatable)
    if kind(metatable) == "table" and get(metatable, "__gc") ~= nil then
        fail("a script has no finalizers (__gc)", 2)
    end
    return set(value, metatable)
end
"#;
/// How near a name must be to be offered in place of one that is not there.
const NEAR: f64 = 0.7;
/// Most names offered.
const OFFERED: usize = 3;

/// A script.
#[derive(Debug)]
pub struct Script {
    path: PathBuf,
    engine: Arc<Engine>,
}

/// The engine of a script. Its lock is held for a call: values of Lua are made and used in it.
#[derive(Debug)]
struct Engine {
    turn: Mutex<()>,
    lua: Lua,
    /// When the call that runs must be over.
    deadline: Arc<Mutex<Option<Instant>>>,
}

/// A function of a script.
#[derive(Debug)]
pub struct Function {
    engine: Arc<Engine>,
    function: mlua::Function,
    signature: Signature,
    /// How long a call may take: nine tenths of what its prototype says, for then the client ends the
    /// VM.
    timeout: Option<Duration>,
}

impl Script {
    /// Reads a script and runs it once: what it defines is what it has. What was read, and nothing that is
    /// read later, has to be what it is pinned to.
    pub(crate) fn open(path: &Path, pin: Option<&str>) -> Result<Script, Fault> {
        let text = read(path, pin)?;
        let failed = |error: mlua::Error| {
            let message = format!("{}: {error}", path.display());
            Fault::vm(FaultCode::NotLoadable, message)
        };
        let engine = Engine::new().map_err(failed)?;
        let name = format!("@{}", path.display());
        // Text alone: prepared code is not checked by Lua.
        let chunk = engine.lua.load(text).set_name(name);
        chunk
            .set_mode(mlua::chunk::ChunkMode::Text)
            .exec()
            .map_err(failed)?;
        Ok(Script {
            path: path.to_owned(),
            engine: Arc::new(engine),
        })
    }

    /// The function that a prototype names.
    pub(crate) fn function(&self, template: &Template) -> Result<Function, Fault> {
        let frame = template.frame();
        let signature = Signature::of(frame)?;
        let _turn = self.engine.turn();
        let found = self.engine.lua.globals().raw_get::<Value>(frame.name());
        match found {
            Ok(Value::Function(function)) => Ok(Function {
                engine: Arc::clone(&self.engine),
                function,
                signature,
                timeout: frame
                    .contract()
                    .timeout
                    .map(|it| Duration::from_millis(it.into()) * 9 / 10),
            }),
            _ => Err(self.missing(frame.name())),
        }
    }

    fn missing(&self, name: &str) -> Fault {
        let globals = self.engine.lua.globals();
        let pairs = globals.pairs::<String, Value>().flatten();
        let functions = pairs.filter(|(_, value)| value.is_function());
        let mut near: Vec<(f64, String)> = functions
            .map(|(known, _)| (strsim::jaro_winkler(&known, name), known))
            .filter(|(nearness, _)| *nearness >= NEAR)
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let near: Vec<String> = near
            .into_iter()
            .take(OFFERED)
            .map(|(_, name)| name)
            .collect();
        let offer = match near.is_empty() {
            true => String::new(),
            false => format!("; did you mean {}?", near.join(", ")),
        };
        let message = format!("{} has no function '{name}'{offer}", self.path.display());
        Fault::caller(FaultCode::NoSuchSymbol, message)
    }
}

impl Engine {
    fn new() -> mlua::Result<Engine> {
        let libraries =
            StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::UTF8 | StdLib::COROUTINE;
        let lua = Lua::new_with(libraries, LuaOptions::default())?;
        lua.set_memory_limit(MEMORY)?;
        // They read files, and prepared code.
        for name in ["dofile", "loadfile", "load"] {
            lua.globals().raw_set(name, Value::Nil)?;
        }
        let deadline = Arc::new(Mutex::new(None::<Instant>));
        let watched = Arc::clone(&deadline);
        let triggers = HookTriggers::new().every_nth_instruction(STRIDE);
        lua.set_global_hook(triggers, move |_, _| {
            in_time(&watched).map(|()| VmState::Continue)
        })?;
        let asked = Arc::clone(&deadline);
        let still_in_time = lua.create_function(move |_, ()| in_time(&asked))?;
        let prelude = lua.load(PRELUDE).set_name("=(engine)");
        prelude.call::<()>(still_in_time)?;
        Ok(Engine {
            turn: Mutex::default(),
            lua,
            deadline,
        })
    }

    fn turn(&self) -> impl Drop {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_deadline(&self, deadline: Option<Instant>) {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
    }
}

/// Fails where the time of the call that runs is over.
fn in_time(deadline: &Mutex<Option<Instant>>) -> mlua::Result<()> {
    let deadline = *deadline.lock().unwrap_or_else(PoisonError::into_inner);
    match deadline.is_some_and(|deadline| Instant::now() >= deadline) {
        true => Err(mlua::Error::runtime(OVER)),
        false => Ok(()),
    }
}

/// What a call fails with whose time is over.
const OVER: &str = "its time is over";

impl Function {
    /// Calls it.
    pub(crate) fn call(&self, call: &mut Call<'_>) -> Result<(), Fault> {
        let _turn = self.engine.turn();
        let arguments = self.signature.arguments(&self.engine.lua, call)?;
        let deadline = self.timeout.map(|timeout| Instant::now() + timeout);
        self.engine.set_deadline(deadline);
        let returned = self
            .function
            .call::<MultiValue>(MultiValue::from_vec(arguments));
        self.engine.set_deadline(None);
        let is_over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let returned = returned.map_err(|error| {
            let fault = failure(&error, is_over);
            if fault.code == FaultCode::LimitReached {
                // What filled the memory is garbage now; the next call has room again.
                let _ = self.engine.lua.gc_collect();
            }
            fault
        })?;
        self.signature.give(call, returned.into_vec())
    }
}

/// A script that fails is the script's own affair.
fn failure(error: &mlua::Error, is_over: bool) -> Fault {
    let text = error.to_string();
    let code = match error {
        mlua::Error::MemoryError(_) => FaultCode::LimitReached,
        _ if is_over && text.contains(OVER) => FaultCode::TimedOut,
        _ if text.contains("not enough memory") => FaultCode::LimitReached,
        _ => FaultCode::System,
    };
    Fault::vm(code, text)
}

/// The text of a script, without its first line where that names an interpreter; the newline stays, so
/// that lines keep their numbers.
fn read(path: &Path, pin: Option<&str>) -> Result<Vec<u8>, Fault> {
    let unreadable = |error: std::io::Error| {
        let message = format!("{}: {error}", path.display());
        match error.kind() {
            std::io::ErrorKind::NotFound => Fault::caller(FaultCode::NoSuchTarget, message),
            _ => Fault::caller(FaultCode::NotLoadable, message),
        }
    };
    let mut text = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LONGEST + 1)
        .read_to_end(&mut text)
        .map_err(unreadable)?;
    if text.len() as u64 > LONGEST {
        let message = format!("{} is longer than 16 MiB", path.display());
        return Err(Fault::caller(FaultCode::TooLarge, message));
    }
    if let Some(pin) = pin
        && pins::digest(&text[..]).map_err(unreadable)? != pin
    {
        return Err(pins::refusal(path));
    }
    if text.starts_with(b"#") {
        let end = text.iter().position(|byte| *byte == b'\n');
        text.drain(..end.unwrap_or(text.len()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use callframe::DataModel;

    fn opened(text: &str) -> Result<Script, Fault> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("script");
        std::fs::write(&path, text).expect("written");
        Script::open(&path, None)
    }

    fn resolve(script: &Script, prototype: &str) -> Result<Function, Fault> {
        let frame = Arc::new(callframe::parse(prototype).expect("a prototype"));
        script.function(&Template::of(&frame, DataModel::LP64).expect("its layout"))
    }

    #[test]
    fn functions_are_found_and_near_ones_offered() {
        let script = opened("#!/usr/bin/lua\nfunction twice(x) return 2 * x end\nnumber = 3\n");
        let script = script.expect("a script");
        assert!(resolve(&script, "int twice(int x)").is_ok());
        let missing = resolve(&script, "int twic(int x)").expect_err("it is not there");
        assert_eq!(missing.code, FaultCode::NoSuchSymbol);
        assert!(missing.message.contains("did you mean twice"), "{missing}");
        assert!(resolve(&script, "int number(void)").is_err());
    }

    #[test]
    fn what_reaches_out_is_not_there() {
        for text in [
            "io.open('/etc/passwd')",
            "os.execute('true')",
            "require('x')",
            "dofile('/etc/passwd')",
            "load('return 1')",
            "debug.getinfo(1)",
            "this is no Lua",
            "error('as it was asked to')",
            "\x1bLua prepared code",
        ] {
            let fault = opened(text).expect_err(text);
            assert_eq!(fault.code, FaultCode::NotLoadable, "{fault}");
        }
    }

    #[test]
    fn time_has_a_bound_and_the_engine_goes_on_after_it() {
        let engine = Engine::new().expect("an engine");
        let run = |text: &str| engine.lua.load(text).exec();
        for endless in [
            "while true do end",
            "pcall(function() while true do end end) while true do end",
            // What catches errors does not catch this one, however often it tries.
            "while true do pcall(function() while true do end end) end",
            "while true do pcall(pcall, pcall, function() while true do end end) end",
            "while true do xpcall(function() while true do end end, function() end) end",
            "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
            "coroutine.wrap(function() while true do end end)()",
            "local c = coroutine.wrap(function() while true do coroutine.yield() end end) while true do c() end",
            "error(setmetatable({}, { __tostring = function() while true do end end }))",
            "local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end }) \
             while true do pcall(function() return t[1] end) end",
            "local t <close> = setmetatable({}, { __close = function() while true do end end })",
            "table.sort({1, 2, 3}, function() while true do end end)",
        ] {
            engine.set_deadline(Some(Instant::now() + Duration::from_millis(20)));
            let error = run(endless).expect_err("it does not end");
            assert_eq!(failure(&error, true).code, FaultCode::TimedOut, "{error}");
            engine.set_deadline(None);
            run("x = 1").expect("it goes on");
        }
    }

    #[test]
    fn memory_has_a_bound() {
        for text in [
            "local t = {} for i = 1, 1e9 do t[i] = string.rep('x', 1e6) .. i end",
            "string.rep('x', 1 << 33)",
            "local s = 'x' while true do s = s .. s end",
            "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end",
            "table.concat({string.rep('x', 1e8), string.rep('y', 1e8), string.rep('z', 1e8)})",
        ] {
            let started = Instant::now();
            match opened(text) {
                Err(fault) => assert!(
                    fault.message.contains("memory") || fault.message.contains("too large"),
                    "{fault}"
                ),
                Ok(_) => panic!("{text}"),
            }
            assert!(started.elapsed() < Duration::from_secs(50));
        }
    }

    #[test]
    fn what_would_break_out_of_an_engine_does_not() {
        // Each says why it could not; `nil` where there is nothing to be had.
        for (text, word) in [
            // Prepared code is not loaded, however it was come by.
            ("load(string.dump(function() end))", "nil"),
            ("string.dump(function() end)()", "call"),
            ("loadstring('x = 1')", "nil"),
            ("loadfile('/etc/passwd')", "nil"),
            ("package.loadlib('libc.so.6', '*')", "nil"),
            ("require('debug').getregistry()", "nil"),
            ("debug.sethook()", "nil"),
            ("debug.setmetatable('', nil)", "nil"),
            ("io.popen('true')", "nil"),
            ("os.getenv('HOME')", "nil"),
            ("os.exit(0)", "nil"),
            // Finalizers would run where no bound holds.
            (
                "setmetatable({}, { __gc = function() while true do end end })",
                "__gc",
            ),
            ("getmetatable('').__index = nil; ('x'):upper()", "index"),
            ("string.format('%999999d', 1)", "format"),
            ("string.pack('i17', 1)", "17"),
            ("('x'):rep(1 << 62)", "large"),
            ("local function f() return f() + 1 end f()", "overflow"),
            (
                "string.rep('(', 300):gsub(string.rep('(', 300), '')",
                "captures",
            ),
            (
                "local t = {} t.t = t for i = 1, 300 do t = setmetatable({}, { __index = t }) end return t.x.y",
                "nil",
            ),
            (
                "coroutine.wrap(function() coroutine.wrap(function() error('deep') end)() end)()",
                "deep",
            ),
        ] {
            let fault = opened(text).expect_err(text);
            assert_eq!(fault.code, FaultCode::NotLoadable, "{text}: {fault}");
            assert!(fault.message.contains(word), "{text}: {fault}");
        }
        // A metatable that gains a finalizer later has none.
        let late = "local m = {} setmetatable({}, m) m.__gc = function() while true do end end collectgarbage()";
        assert!(opened(late).is_ok());
    }
}
