//! What is refused: one text for each code, and how the error looks to a person.

use std::collections::BTreeSet;

use callframe::error::codes;
use callframe::{Options, parse, parse_with};

/// Texts and the code they are refused with; the first of each code is rendered in a snapshot.
const REFUSED: &[(&str, &str)] = &[
    ("E0102", "int f(int @x)"),
    ("E0102", "int f(int x) /* no end"),
    ("E0102", "int f(int x[0x])"),
    ("E0102", "#include <math.h>\ndouble cos(double x)"),
    (
        "E0103",
        "int compress2(unsigned char *dest, unsigned long *destLen, const unsigned char *source, unsigned long sourceLen, int level)",
    ),
    (
        "E0103",
        "ssize_t write(int __fd fd, const void *buf, size_t n)",
    ),
    ("E0103", "int f(char *__inout s)"),
    ("E0103", "int f(wchar_t *s)"),
    ("E0103", "int getloadavg(double loadavg[], int nelem)"),
    ("E0103", "int f(int n, const int a[*])"),
    ("E0103", "int f(int (*visit)(const long row[], int n))"),
    ("E0103", "int f(const uint8_t *data, size_t n)"),
    ("E0103", "int f(char **names)"),
    ("E0103", "int f(char *__out __null_terminated s)"),
    ("E0103", "void *__owned(free) f(int n)"),
    ("E0104", "double cos(double x"),
    ("E0104", "cos(double x)"),
    ("E0104", "int f(char *out buf)"),
    ("E0104", "int f(int a b)"),
    ("E0104", "int f(int n, char *__out __sized_by((size_t)n) p)"),
    ("E0104", "int f(int n, char *__out __sized_by(n > 3) p)"),
    ("E0104", "int f(int n, char *__out __sized_by(n % 3) p)"),
    ("E0165", "crc32"),
    ("E0165", " __private "),
    ("E0124", ""),
    ("E0104", ")"),
    ("E0106", "int gadget_open(gadget *g)"),
    ("E0106", "unit32_t f(void)"),
    ("E0106", "struct pt { int x; }; int f(pt p)"),
    ("E0106", "__off_t f(void)"),
    (
        "E0107",
        "struct blob { void *data; size_t size; };\nint blob_send(const struct blob *b)",
    ),
    (
        "E0107",
        "ssize_t writev(int __fd fd, const struct iovec *__counted_by(n) iov, int n)",
    ),
    ("E0107", "struct s { FILE *log; }; int f(struct s *s)"),
    ("E0107", "struct s { const char *name; }; int f(struct s s)"),
    ("E0108", "int f(int *__in __out p)"),
    ("E0108", "int f(int *__out __out p)"),
    ("E0108", "int f(const char *__out __sized_by(3) p)"),
    ("E0108", "char *__in __borrowed f(void)"),
    (
        "E0109",
        "int f(char *__out __sized_by(n) __counted_by(n) p, int n)",
    ),
    ("E0109", "int f(int __counted_by(n) p[n], int n)"),
    (
        "E0110",
        "int f(const char *__sized_by(n) __filled(return) p, int n)",
    ),
    ("E0110", "int f(int *__out __filled(return) p)"),
    (
        "E0110",
        "char *__borrowed __sized_by(3) __filled(return) f(int n)",
    ),
    (
        "E0111",
        "int f(char *__out __sized_by(lenght) p, int length)",
    ),
    ("E0111", "char *__alias(q) f(const char *p)"),
    (
        "E0111",
        "struct s { char *__in __sized_by(m) p; int n; }; int f(struct s *s, int m)",
    ),
    ("E0112", "int f(char *__out __sized_by(*n) p, int *__out n)"),
    ("E0112", "int f(char *__out __sized_by(return) p)"),
    ("E0112", "int f(char *__out __sized_by(x) p, double x)"),
    ("E0112", "int f(char *__out __sized_by(n) p, int *n)"),
    ("E0112", "int f(char *__out __sized_by(*n) p, int n)"),
    ("E0112", "int f(int *__inout __counted_by(*p) p)"),
    (
        "E0112",
        "int f(char *__out __sized_by(*n) p, const int *__counted_by(3) n)",
    ),
    (
        "E0112",
        "void f(char *__out __sized_by(3) __filled(return) p)",
    ),
    ("E0112", "int f(char *__out __sized_by(sizeof(void)) p)"),
    ("E0113", "int f(__out char *buf, size_t n)"),
    ("E0113", "int f(int __inout x)"),
    ("E0113", "__owned(free) char *f(void)"),
    ("E0113", "struct s { int __out x; }; int f(struct s s)"),
    ("E0114", "int f(char *__out __sizd_by(n) buf, int n)"),
    ("E0114", "int f(char *__sized_by buf, int n)"),
    ("E0114", "int f([[cosmos::outt]] int *p)"),
    ("E0115", "unsigned double f(int x)"),
    ("E0115", "long long long f(void)"),
    ("E0115", "complex f(void)"),
    ("E0115", "int struct tm f(void)"),
    (
        "E0116",
        "struct s { int x; }; struct s { int y; }; int f(struct s s)",
    ),
    ("E0116", "typedef int t; typedef long t; t f(void)"),
    ("E0116", "enum a { X }; enum b { X }; int f(void)"),
    ("E0116", "struct s { int x; }; int f(union s s)"),
    ("E0117", "int f(struct gadget g)"),
    ("E0117", "int f(FILE *__inout stream)"),
    ("E0117", "int f(enum color c)"),
    ("E0117", "struct s { struct s inner; }; int f(struct s s)"),
    ("E0119", "int f(int a, int a)"),
    ("E0119", "struct s { int a; char a; }; int f(struct s s)"),
    ("E0120", "char *__alias(c) f(const char *s, int c)"),
    ("E0120", "int f(char *__alias(s) p, const char *s)"),
    ("E0120", "char *__alias(stream) f(FILE *stream)"),
    ("E0121", "int f(long x[18446744073709551616])"),
    ("E0121", "struct s { int x[0]; }; int f(struct s s)"),
    ("E0121", "int f(char *__out __sized_by(-1) p)"),
    ("E0121", "int f(char *__out __sized_by(1 / 0) p)"),
    ("E0121", "int f(const char *__terminated_by(300) p)"),
    ("E0121", "int f(int m[3][n], int n)"),
    ("E0121", "int f(char *__out __sized_by(sizeof(int[0])) p)"),
    ("E0122", "int f(FILE *__handle __out stream)"),
    ("E0122", "void *__opaque __sized_by(3) f(void)"),
    ("E0122", "FILE *__consume f(void)"),
    ("E0122", "char *__borrowed_from(n) f(int n)"),
    ("E0122", "int f(FILE *__handle *__in __handle p)"),
    ("E0123", "int f(char *__owned(free) __null_terminated s)"),
    ("E0123", "char *__owned(free) __borrowed f(void)"),
    ("E0124", "int errno_location;"),
    ("E0124", "struct pt { int x; };"),
    ("E0124", "int f(int x); int g(int x);"),
    ("E0124", "int x = 3;"),
    ("E0125", "int f(int x)(int y)"),
    ("E0125", "int f(int x)[3]"),
    ("E0125", "int f(void x)"),
    ("E0125", "int f(int x[3](int))"),
    ("E0125", "struct s { }; int f(struct s s)"),
    ("E0125", "struct s { void x; }; int f(struct s s)"),
    ("E0126", "int f(const double *__null_terminated p)"),
    ("E0126", "int f(void *__out __counted_by(n) p, int n)"),
    ("E0126", "int f(void *__out __single p)"),
    ("E0127", "int f(int *__noerrno p)"),
    ("E0127", "char *f(void) __owned(free)"),
    ("E0127", "int f(void) __noerrno __noerrno"),
    ("E0127", "int f(__idempotent int x)"),
    ("E0128", "int f(long __fd fd)"),
    ("E0128", "int f(int *__fd p)"),
    ("E0129", "void f(int x) __fail(-1)"),
    ("E0129", "int f(int x) __fail(1.5)"),
    ("E0129", "unsigned char f(int x) __fail(300)"),
    ("E0131", "int getpid()"),
    ("E0132", "char *getenv(const char *name)"),
    ("E0132", "const char *zlibVersion(void)"),
    ("E0132", "int f(char *__null_terminated *__out message)"),
    (
        "E0132",
        "struct s { char *__inout __null_terminated p; }; int f(struct s *__out s)",
    ),
    ("E0133", "int f(int x) __attribute__((flatline))"),
    (
        "E0133",
        "enum { OLD __attribute__((flatline)) }; int f(int x)",
    ),
    (
        "E0133",
        "int f(char *p) __attribute__((access(write_only, 3)))",
    ),
    ("E0133", "[[acme::fast]] int f(int x)"),
    ("E0150", "int f(const char *__ended_by(s) s)"),
    (
        "E0150",
        "int f(const char *__ended_by(end) start, const char *__sized_by(3) end)",
    ),
    ("E0150", "int f(const char *__ended_by(n) start, int n)"),
    (
        "E0150",
        "int f(const char *__ended_by(c) a, const char *__ended_by(c) b, const char *c)",
    ),
    (
        "E0150",
        "const char *__borrowed __ended_by(p) f(const char *p)",
    ),
    (
        "E0150",
        "struct s { const char *__in __ended_by(q) p; }; int f(struct s *s, const char *q)",
    ),
    (
        "E0110",
        "int f(char *__out __sized_by(3) __null_terminated __filled(return) p)",
    ),
    (
        "E0110",
        "const char *__borrowed __sized_by(3) __null_terminated f(void)",
    ),
    (
        "E0126",
        "int f(double *__out __counted_by(3) __null_terminated p)",
    ),
    ("E0109", "int f(const char *__null_terminated __single p)"),
    (
        "E0117",
        "int f(char *__out __sized_by(sizeof(struct gadget)) p)",
    ),
    (
        "E0119",
        "struct s { int a; union { int b; long a; }; }; int f(struct s s)",
    ),
    (
        "E0151",
        "union value { long number; const char *text; };\nint f(union value v)",
    ),
    (
        "E0151",
        "struct v { int kind; union { long n __case(1); const char *__in s __case(2); } u[2]; }; int f(struct v *v)",
    ),
    (
        "E0152",
        "struct v { double tag; union { int i __case(1); float f; } u __switch(tag); };\nint f(struct v *__in v)",
    ),
    ("E0152", "int f(int x, const int *__switch(x) p)"),
    ("E0152", "int f(int __case(1) x)"),
    (
        "E0152",
        "struct v { int tag; int u __switch(tag); }; int f(struct v v)",
    ),
    (
        "E0152",
        "struct v { int tag; struct { int i; } u __switch(tag); }; int f(struct v v)",
    ),
    (
        "E0152",
        "struct v { int tag; union { int i; float f; } u __switch(tag); }; int f(struct v v)",
    ),
    (
        "E0152",
        "struct v { int tag; union { int i __case(1, 2); float f __case(2); } u __switch(tag); }; int f(struct v v)",
    ),
    (
        "E0152",
        "struct v { int tag __case(1); }; int f(struct v v)",
    ),
    (
        "E0111",
        "struct v { int tag; union { int i __case(1); } u __switch(tog); }; int f(struct v v)",
    ),
    ("E0131", "int f(void (*done)())"),
    ("E0140", "int f(const char *s __scope(s))"),
    ("E0140", "int f(void (*__in done)(void))"),
    ("E0140", "int f(void (*done)(void) __opaque)"),
    ("E0121", "int f(void (*done)(void) __or_const(4294967296))"),
    (
        "E0140",
        "int f(const char *__borrowed_from(t) (*name)(struct t *t))",
    ),
    ("E0141", "int f(int n, void (*done)(void) __scope(n))"),
    ("E0141", "int f(void (*done)(void) __scope(done))"),
    (
        "E0153",
        "int f(struct timespec *__inout t) __field(t->tv_sec->x, __out __sized_by(3))",
    ),
    (
        "E0153",
        "int f(FILE *__handle s, int n) __field(s->fd, __fd)",
    ),
    ("E0153", "int f(int n) __field(n.x, __fd)"),
    (
        "E0111",
        "int f(const struct iovec *iov) __field(iov->iov_bas, __out __sized_by(iov_len))",
    ),
    (
        "E0111",
        "int f(const struct iovec *iov) __field(io->iov_base, __out __sized_by(iov_len))",
    ),
    (
        "E0104",
        "int f(const struct iovec *iov) __field(iov, __out)",
    ),
    (
        "E0104",
        "int f(const struct iovec *iov) __field(iov->iov_base, )",
    ),
    (
        "E0154",
        "int f(char *__out __sized_by(room(h)) p, FILE *__handle h)",
    ),
    (
        "E0154",
        "int f(char *__out __sized_by(9) __filled(room(h)) p, FILE *__handle h)",
    ),
    ("E0154", "int f(FILE *__handle h) __success(good(h))"),
    (
        "E0154",
        "char *room(int n); void *__borrowed __sized_by(room(n)) f(int n)",
    ),
    (
        "E0154",
        "struct s { const char *__in __sized_by(room(n)) p; int n; }; int f(struct s *s)",
    ),
    ("E0111", "void *__borrowed __sized_by(room(m)) f(int n)"),
    ("E0104", "void *__borrowed __sized_by(room(n + 1)) f(int n)"),
    (
        "E0124",
        "int other(int n); void *__borrowed __sized_by(room(n)) f(int n)",
    ),
    (
        "E0132",
        "struct node { int value; struct node *__in next; }; struct node f(void)",
    ),
    (
        "E0132",
        "struct node { int value; struct node *__in next; }; int f(struct node *__out n)",
    ),
    (
        "E0141",
        "struct s { struct t *__handle t; void (*done)(void) __scope(t); }; int f(struct s *__in s)",
    ),
    (
        "E0111",
        "int f(int (*done)(const char *__sized_by(size) s))",
    ),
    (
        "E0112",
        "int f(const char *size, int (*done)(const char *__sized_by(size) s))",
    ),
    ("E0103", "int f(int (*done)(char *s))"),
    ("E0132", "int f(char *(*give)(void))"),
    ("E0201", "void (*signal(int sig, void (*func)(int)))(int)"),
    ("E0201", "int f(void (**__out hook)(void))"),
    ("E0201", "int f(int (*visit)(void (*done)(void)))"),
    ("E0201", "int f(void (*(*give)(int))(void))"),
    ("E0145", "int f(const char *__or_const(-1) p)"),
    ("E0121", "FILE *__or_const(4294967296) f(void)"),
    ("E0202", "int f(int (*log)(const char *format, ...))"),
    (
        "E0202",
        "typedef void log(int level, ...); int f(log *to) __variadic(1)",
    ),
    ("E0160", "int printf(const char *format, ...)"),
    (
        "E0160",
        "int scanf(const char *format, ...) __attribute__((format(scanf, 1, 2)))",
    ),
    (
        "E0160",
        "int execle(const char *path, const char *arg, ...) __attribute__((sentinel(1)))",
    ),
    (
        "E0161",
        "int printf(const char *format, float x) __variadic(1)",
    ),
    ("E0161", "int f(int n, char c) __variadic(1)"),
    ("E0161", "int f(int n, _Bool b) __variadic(1)"),
    (
        "E0162",
        "int snprintf(char *__out __sized_by(n) s, size_t n, const char *format, ...) __printf(2, 4)",
    ),
    (
        "E0162",
        "int printf(const char *format, ...) __printf(1, 3)",
    ),
    (
        "E0162",
        "int printf(const char *format, ...) __printf(7, 2)",
    ),
    ("E0162", "int puts(const char *s) __printf(1, 2)"),
    ("E0162", "int f(int x) __sentinel"),
    ("E0162", "int f(int x, ...) __variadic(1)"),
    ("E0162", "int f(int x) __variadic(2)"),
    ("E0162", "int f(int x) __variadic(0)"),
    (
        "E0162",
        "int f(const char *s, ...) __printf(1, 2) __sentinel",
    ),
    (
        "E0148",
        "int f(z_streamp __handle __cursor(next_in, avail_on) strm)",
    ),
    (
        "E0148",
        "int f(z_streamp __handle __cursor(avail_in, next_in) strm)",
    ),
    ("E0148", "int f(FILE *__handle __cursor(next, left) stream)"),
    (
        "E0148",
        "struct s { char *next; unsigned left; int n; }; int f(struct s *__handle __cursor(next, left) s)",
    ),
    (
        "E0148",
        "struct s { int n; unsigned left; char *next; }; int f(struct s *__handle __cursor(next, left) s)",
    ),
    (
        "E0148",
        "struct s { long n; unsigned left; void *next; }; int f(struct s *__handle __cursor(next, left) s)",
    ),
    (
        "E0146",
        "int f(int number, const char *__retained(number) name)",
    ),
    (
        "E0146",
        "int f(FILE *stream, char *__inout __sized_by(3) __retained(stream) name)",
    ),
    (
        "E0146",
        "struct s { const char *__retained(stream) name; }; int f(FILE *stream, struct s *__in s)",
    ),
    (
        "E0146",
        "int f(FILE *stream, const char *__retained(stream) *__out name)",
    ),
    (
        "E0110",
        "int f(char *__owned(free) __filled(return) *__inout line)",
    ),
    (
        "E0163",
        "int fcntl(int fd, int command, ...) __variadic_by(command)",
    ),
    (
        "E0163",
        "struct f_variadic { int n; }; int f(int t, ...) __variadic_by(t)",
    ),
    (
        "E0163",
        "union f_variadic { int n __case(1); long m __case(2, 1); }; int f(int t, ...) __variadic_by(t)",
    ),
    (
        "E0163",
        "union f_variadic { int n; long m; }; int f(int t, ...) __variadic_by(t)",
    ),
    (
        "E0163",
        "union f_variadic { int n __case_range(1, 5); long m __case_range(5, 9); }; int f(int t, ...) __variadic_by(t)",
    ),
    (
        "E0163",
        "union f_variadic { int n __case_range(5, 1); }; int f(int t, ...) __variadic_by(t)",
    ),
    (
        "E0163",
        "union f_variadic { char name[10]; }; int f(int t, ...) __variadic_by(t)",
    ),
    (
        "E0161",
        "union f_variadic { char c; }; int f(int t, ...) __variadic_by(t)",
    ),
    (
        "E0103",
        "union f_variadic { void *p; }; int f(int t, ...) __variadic_by(t)",
    ),
    (
        "E0162",
        "union f_variadic { int n; }; int f(double t, ...) __variadic_by(t)",
    ),
    (
        "E0111",
        "union f_variadic { int n; }; int f(int t, ...) __variadic_by(tag)",
    ),
    (
        "E0152",
        "struct s { int t; union { int n __case_range(1, 2); } u __switch(t); }; int f(struct s *__in s)",
    ),
    ("E0164", "int f(int x) __timeout(0)"),
    ("E0164", "int f(int x) __timeout(4294967296)"),
    ("E0127", "int f(int x) __timeout(1) __timeout(1)"),
    (
        "E0216",
        "struct flags { unsigned a : 1, b : 3; };\nint f(struct flags x)",
    ),
    ("E0103", "int f(FILE **stream)"),
    (
        "E0147",
        "struct thing; int make(struct thing *__closed_by(end) thing)",
    ),
    (
        "E0147",
        "struct thing { union { void *p; long n; } u; }; int make(struct thing *__closed_by(end) thing)",
    ),
    (
        "E0221",
        "struct text { int n; char s[]; };\nint f(struct text *__in t)",
    ),
    (
        "E0216",
        "struct flags { int n; struct { unsigned a : 1; } in[2]; }; struct flags f(void)",
    ),
    ("E0121", "struct s { unsigned a : 33; }; int f(struct s *s)"),
    ("E0121", "struct s { unsigned a : 0; }; int f(struct s *s)"),
    (
        "E0121",
        "struct s { unsigned long a : 33; }; int f(struct s *s)",
    ),
    (
        "E0121",
        "struct s { unsigned long a : 65; }; int f(struct s *s)",
    ),
    ("E0121", "struct s { double a : 3; }; int f(struct s *s)"),
    ("E0121", "struct s { _Bool a : 2; }; int f(struct s *s)"),
    ("E0223", "__int128 f(int x)"),
    ("E0223", "enum e : unsigned char { A }; int f(enum e v)"),
    (
        "E0223",
        "enum big { HUGE = 0x100000000 }; int f(enum big b)",
    ),
    ("E0301", "int setjmp(jmp_buf env)"),
    ("E0301", "pid_t fork(void)"),
    ("E0301", "int f(int x) __attribute__((returns_twice))"),
    ("E0302", "static inline int twice(int x) { return 2 * x; }"),
    ("E0302", "inline int f(int x);"),
    ("E0302", "int f(int x) { return x; }"),
    ("E0303", "static int helper(int x);"),
    (
        "E0304",
        "int vprintf(const char *format, va_list arguments)",
    ),
    ("E0305", "int f(_Atomic int *p)"),
    ("E0306", "int __attribute__((ms_abi)) f(int x)"),
    (
        "E0306",
        "struct __attribute__((packed)) s { char c; int x; }; int f(struct s s)",
    ),
    ("E0306", "int f(int x) __asm__(\"g\")"),
];

/// Texts that are too long to write here.
fn made() -> Vec<(&'static str, String)> {
    let members: String = (0..1100).map(|n| format!("int m{n}; ")).collect();
    vec![
        ("E0101", format!("int f(int x); {}", " ".repeat(64 << 10))),
        (
            "E0105",
            format!("int {}f{}(int x)", "(".repeat(60), ")".repeat(60)),
        ),
        ("E0105", format!("int {}f(int x)", "*".repeat(60))),
        ("E0105", format!("int f(int (*{}g)(int))", "(*".repeat(60))),
        (
            "E0105",
            format!("int f(char *__sized_by({}1) p)", "(".repeat(60)),
        ),
        (
            "E0105",
            (1..60).fold("typedef int t0; ".to_owned(), |text, n| {
                format!("{text}typedef t{} *t{n}; ", n - 1)
            }),
        ),
        ("E0130", format!("int f({}int last)", "int, ".repeat(200))),
        (
            "E0130",
            format!("struct s {{ {members} }}; int f(struct s s)"),
        ),
        (
            "E0130",
            format!("int f(char *__out __sized_by(1{}) p)", " + 1".repeat(300)),
        ),
        (
            "E0130",
            (1..30).fold("struct s0 { char c; };".to_owned(), |text, n| {
                format!("{text} struct s{n} {{ struct s{} a, b; }};", n - 1)
            }) + " int f(struct s29 *__inout s)",
        ),
        (
            "E0130",
            format!(
                "{}{}{} f(void)",
                "struct { ".repeat(16),
                "int x; ",
                "} a, b, c; ".repeat(15) + "}"
            ),
        ),
    ]
}

#[test]
fn each_text_is_refused_with_its_code() {
    let mut wrong = String::new();
    for (code, text) in all() {
        match parse(&text) {
            Ok(frame) => wrong += &format!("not refused with {code}: {frame}\n"),
            Err(error) => {
                if error.code().number() != code {
                    wrong += &format!("not {code}:\n{}", error.render(&text));
                }
                assert!(error.span().end <= text.len(), "{text}: {:?}", error.span());
                assert!(error.span().start <= error.span().end);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_code_has_a_text_that_shows_it() {
    let shown: BTreeSet<&str> = all()
        .iter()
        .map(|(code, _)| *code)
        .chain(["E0118"])
        .collect();
    for code in codes() {
        assert!(shown.contains(code.number()), "{code} is shown by no text");
    }
}

#[test]
fn strictness_refuses_the_default_direction_alone() {
    let strict = Options { strict: true };
    let text = "int f(int *p)";
    let error = parse_with(text, &strict).unwrap_err();
    assert_eq!(error.code().number(), "E0118");
    insta::assert_snapshot!("E0118", error.render(text));
    for text in [
        "int f(int *__inout p)",
        "int f(const int *p)",
        "int f(int *__counted_by(3) p)",
    ] {
        assert!(parse_with(text, &strict).is_ok(), "{text}");
    }
}

#[test]
fn errors_look_like_this() {
    let mut rendered = BTreeSet::new();
    for (code, text) in all() {
        if rendered.insert(code) {
            insta::assert_snapshot!(code, parse(&text).unwrap_err().render(&text));
        }
    }
}

fn all() -> Vec<(&'static str, String)> {
    let written = REFUSED
        .iter()
        .map(|(code, text)| (*code, (*text).to_owned()));
    made().into_iter().chain(written).collect()
}
