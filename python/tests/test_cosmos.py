"""The Python module against real libraries, in VMs."""

import ctypes
import gc
import pathlib
import threading
import unittest

import cosmos

CRC32 = "uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len)"
QSORT = """void qsort(void *__inout __sized_by(nmemb * size) base, size_t nmemb, size_t size,
    int (*compar)(const void *__sized_by(size) a, const void *__sized_by(size) b))"""


class Values(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = cosmos.dlopen("libc.so.6")
        cls.m = cosmos.dlopen("libm.so.6")
        cls.z = cosmos.dlopen("libz.so.1")

    def test_sizes_may_be_left_out(self):
        crc32 = self.z(CRC32)
        for values in [(0, b"hello"), (0, "hello"), (0, bytearray(b"hello"), 5), (0, memoryview(b"hello!"), 5)]:
            self.assertEqual(crc32(*values), 907060870)
        self.assertEqual(self.z("crc32")(0, b"hello"), 907060870)

    def test_numbers(self):
        self.assertEqual(self.m("double cos(double x)")(0), 1.0)
        self.assertAlmostEqual(self.m("float sqrtf(float x)")(2.25), 1.5)
        self.assertEqual(self.c("long labs(long n)")(-(1 << 62)), 1 << 62)
        self.assertEqual(self.c("unsigned long strtoul(const char *s, char *__alias(s) *__out end, int base)")(
            "18446744073709551615x", ..., 10), (2 ** 64 - 1, cosmos.Alias("s", 20)))
        self.assertAlmostEqual(self.m("double complex cexp(double complex z)")(1j), complex(0.5403023, 0.8414710), 6)
        self.assertEqual(self.m("float complex csqrtf(float complex z)")(-4), 2j)

    def test_long_doubles_keep_all_their_bits(self):
        identity = self.m("long double fabsl(long double x)")
        third = self.m("long double expl(long double x)")(1)
        self.assertAlmostEqual(third, 2.718281828459045)
        self.assertEqual(identity(third).bytes, third.bytes)
        self.assertNotEqual(identity(float(third)).bytes, third.bytes)
        for number in [0.0, 1.5, 5e-324, 1.7976931348623157e308, float("inf")]:
            self.assertEqual(identity(number), number)
        self.assertEqual(self.m("long double ldexpl(long double x, int n)")(1, 16000), float("inf"))
        self.assertEqual(self.m("long double ldexpl(long double x, int n)")(1, -16000), 0.0)

    def test_structs_and_arrays(self):
        self.assertEqual(self.c("div_t div(int numer, int denom)")(17, -5), {"quot": -3, "rem": 2})
        self.assertEqual(self.c("struct tm *__borrowed gmtime(const time_t *t)")(0).tm_year, 70)
        strftime = self.c("""size_t strftime(char *__out __sized_by(max) __null_terminated s, size_t max,
            const char *format, const struct tm *tm)""")
        self.assertEqual(strftime(64, "%F", {"tm_year": 100, "tm_mday": 3}), (10, "2000-01-03"))
        poll = self.c("int poll(struct pollfd *__inout __counted_by(nfds) fds, nfds_t nfds, int timeout)")
        count, fds = poll([{"fd": -1}, (-1, 1)], 2, 0)
        self.assertEqual((count, [fd.events for fd in fds]), (0, [0, 1]))

    def test_outputs_come_back(self):
        modf = self.m("double modf(double x, double *__out whole)")
        self.assertEqual(modf(3.25), (0.25, 3.0))
        self.assertEqual(modf(3.25, cosmos.OUT), (0.25, 3.0))
        outcome = self.z("compress").call(100, b"a" * 50)
        self.assertEqual((outcome.result, len(outcome.outputs.dest)), (0, outcome.outputs.destLen))
        self.assertEqual(self.c("int chdir(const char *path)").call("/nonexistent"), (-1, {}, 2))

    def test_text_that_is_not_utf_8(self):
        strdup = self.c("char *__owned(free) strdup(const char *s)")
        self.assertEqual(strdup(b"caf\xe9"), "caf\udce9")
        self.assertEqual(strdup(strdup(b"caf\xe9")), "caf\udce9")
        self.assertIsNone(self.c("char *__static getenv(const char *name)")("no such variable"))

    def test_files(self):
        read = self.c("""ssize_t read(int __fd fd, void *__out __sized_by(count) __filled(return) buf,
            size_t count)""")
        with open(__file__, "rb") as file:
            self.assertEqual(read(file, 6), (6, b'"""The'))

    def test_handles(self):
        sqlite = cosmos.dlopen("libsqlite3.so.0")
        code, database = sqlite("sqlite3_open")(":memory:")
        self.assertEqual((code, type(database)), (0, cosmos.Handle))
        rows = []

        def row(_, count, values, names):
            rows.append((count, values, names))
            return 0

        statement = "create table t(a, b); insert into t values(1, null); select * from t"
        self.assertEqual(sqlite("sqlite3_exec")(database, statement, row, None), (0, None))
        self.assertEqual(rows, [(2, ["1", None], ["a", "b"])])
        self.assertEqual(sqlite("sqlite3_close")(database), 0)
        with self.assertRaises(cosmos.Error) as told:
            sqlite("sqlite3_close")(database)
        self.assertEqual(told.exception.errno, 9)

    def test_memory(self):
        regex = cosmos.Memory()
        self.assertEqual(self.c("regcomp")(regex, "a+b", 1)[0], 0)
        self.assertEqual(self.c("regexec")(regex, "caab", 1, ..., 0)[1], [{"rm_so": 1, "rm_eo": 4}])
        self.c("regfree")(regex)
        stream = cosmos.Memory()
        self.z("deflateInit_")(stream, -1, "1.2.11", 112)
        code, state = self.z("deflate")(stream(next_in=b"a" * 50, avail_in=50, next_out=..., avail_out=100), 4)
        packed = state.next_out
        self.assertEqual(code, 1)
        self.assertEqual(self.z("uncompress")(100, packed)[1], b"a" * 50)
        self.z("deflateEnd")(stream)

    def test_what_takes_the_place_of_dots(self):
        snprintf = self.c("""int snprintf(char *__out __sized_by(n) __null_terminated s, size_t n,
            const char *format, ...) __printf(3, 4)""")
        self.assertEqual(snprintf(..., 20, "%s %d %.1f", "one", 2, 2.5), (9, "one 2 2.5"))


class Callbacks(unittest.TestCase):
    def setUp(self):
        self.qsort = cosmos.dlopen("libc.so.6")(QSORT)

    def tearDown(self):
        gc.collect()
        self.assertEqual(cosmos._passed, {})

    def test_a_function_is_called_back(self):
        self.assertEqual(self.qsort(b"bca", 3, 1, lambda a, b: (a > b) - (a < b)), b"abc")

    def test_it_may_call_the_library_again(self):
        inner = []

        def compare(a, b):
            inner.append(self.qsort(b"ba", 2, 1, lambda c, d: (c > d) - (c < d)))
            return (a > b) - (a < b)

        self.assertEqual(self.qsort(b"ba", 2, 1, compare), b"ab")
        self.assertEqual(inner[0], b"ab")

    def test_what_it_raises_goes_on(self):
        with self.assertRaises(ZeroDivisionError):
            self.qsort(b"ba", 2, 1, lambda a, b: 1 // 0)
        with self.assertRaises(KeyboardInterrupt):
            def compare(a, b):
                raise KeyboardInterrupt
            self.qsort(b"ba", 2, 1, compare)

    def test_what_is_no_answer_is_refused(self):
        for answer in ["text", None]:
            with self.assertRaises(cosmos.Error) as told:
                self.qsort(b"ba", 2, 1, lambda a, b: answer)
            self.assertIn("compar", str(told.exception))
        with self.assertRaises(TypeError):
            self.qsort(b"ba", 2, 1, object())
        with self.assertRaises(TypeError):
            self.qsort(b"ba", object(), 1, lambda a, b: 0)


class Failures(unittest.TestCase):
    def told(self, function, *values, **options):
        with self.assertRaises(cosmos.Error) as told:
            function(*values, **options)
        return told.exception

    def test_errors_say_what_and_whose(self):
        self.assertEqual(self.told(cosmos.dlopen, "libnothere.so.9").code, 5)
        self.assertIn("memory", str(self.told(cosmos.dlopen, "libc.so.6", limits={"memory": 1})))
        c = cosmos.dlopen("libc.so.6", limits={"open_files": 100}, isolation="limits", fresh=True)
        self.assertEqual(self.told(c, "int nothere(void)").code, 9)
        self.assertIn("E0103", str(self.told(c, "int puts(char *s)")))
        self.assertIn("4 arguments", str(self.told(c(QSORT), b"a")))
        self.assertIn("text is needed, an integer was given", str(self.told(c("size_t strlen(const char *s)"), 65)))
        error = self.told(c("void abort(void)"))
        self.assertEqual((error.code, error.signal, error.function), (14, 6, "abort"))
        self.assertTrue(error.vm.startswith("hostfn-"))
        c.close()
        self.assertIn("closed", str(self.told(c.close)))
        self.assertEqual(self.told(c, "int abs(int n)").errno, 9)

    def test_nothing_is_cut_on_its_way_to_c(self):
        for limits in [{"memory_bytes": -1}, {"memory_bytes": 1 << 64}]:
            self.assertRaises(OverflowError, cosmos.dlopen, "libm.so.6", limits=limits)
        self.assertRaises(TypeError, cosmos.dlopen, "libm.so.6", limits={"open_files": "9"})
        self.assertRaises(OverflowError, cosmos.dlopen, "libm.so.6", timeout=1e30)
        self.assertRaises(ValueError, cosmos.dlopen, "libm.so.6", timeout=-1)
        self.assertRaises(ValueError, cosmos.dlopen, "libm.so.6\0.else")
        self.assertRaises(ValueError, cosmos.dlopen, "libm.so.6", read=["/usr\0/share"])
        c = cosmos.dlopen("libc.so.6")
        self.assertRaises(ValueError, c, "int abs(int n)\0 else")
        labs = c("long labs(long n)")
        self.assertRaises(OverflowError, labs, 1 << 127)
        self.assertIn("does not fit", str(self.told(labs, 1 << 64)))
        self.assertRaises(OverflowError, labs, cosmos.Handle(-1))
        self.assertRaises(OverflowError, labs, 1, timeout=1e300)

    def test_one_path_is_not_taken_for_its_letters(self):
        for options in [{"read": "/"}, {"write": b"/tmp"}, {"read": pathlib.Path("/tmp")}, {"packs": "zlib"}]:
            self.assertRaises(TypeError, cosmos.dlopen, "libm.so.6", **options)

    def test_a_long_double_of_the_program_is_a_float(self):
        fabsl = cosmos.dlopen("libm.so.6")("long double fabsl(long double x)")
        self.assertEqual(fabsl(cosmos.LongDouble(-2.5)), 2.5)

    def test_time(self):
        sleep = cosmos.dlopen("libc.so.6", fresh=True)("unsigned sleep(unsigned seconds)")
        self.assertEqual(self.told(sleep, 1000, timeout=0.1).errno, 110)
        sleep = cosmos.dlopen("libc.so.6", fresh=True, timeout=0.1)("unsigned sleep(unsigned seconds)")
        self.assertEqual(self.told(sleep, 1000).errno, 110)

    def test_another_thread_ends_calls(self):
        with cosmos.dlopen("libc.so.6", fresh=True) as c:
            told = []
            sleep = c("unsigned sleep(unsigned seconds)")
            thread = threading.Thread(target=lambda: told.append(self.told(sleep, 1000)))
            thread.start()
            while not c.cancel():
                thread.join(0.01)
            thread.join()
            self.assertEqual(told[0].errno, 125)

    def test_bytes_that_are_no_values(self):
        c = cosmos.dlopen("libc.so.6")
        reply, length = ctypes.c_void_p(), ctypes.c_size_t()
        for values, words in [(b"?", "tag of no value"), (b"i123", "cut off"), (b"m" + b"\xff" * 8, "no memory")]:
            failed = cosmos._c.cosmos_call_values(c._dl, b"int abs(int n)", values, len(values), None,
                                                  ctypes.byref(reply), ctypes.byref(length))
            self.assertEqual(failed, -1)
            self.assertIn(words, str(cosmos._failure()))
        self.assertEqual(cosmos._c.cosmos_memory_free(0), -1)
        cosmos._c.cosmos_values_free(None, 0)


if __name__ == "__main__":
    unittest.main()
