//! What is accepted: one meaning in many spellings, and files of declarations.

use callframe::expression::{Environment, EvaluationError, Expression};
use callframe::types::{Extent, Type};
use callframe::{CallFrame, DataModel, parse, parse_file};

fn read(text: &str) -> CallFrame {
    parse(text).unwrap_or_else(|error| panic!("{}", error.render(text)))
}

#[test]
fn spellings_of_one_meaning_are_one_frame() {
    for (text, others) in [
        (
            "unsigned long f(void)",
            &[
                "long unsigned f(void)",
                "int long unsigned f(void);",
                "extern unsigned long int f ( void ) ;",
                "unsigned /* a */ long // b\n f(void)",
                "uLong f(void)",
                "unsigned long (f)(void)",
                "__extension__ unsigned long f(void) __attribute__((pure, nothrow, leaf))",
                "[[nodiscard]] unsigned long f(void)",
                "typedef unsigned long word; word f(void)",
                "enum { OLD __attribute__((deprecated(\"why\"))), NEW [[deprecated]] = 2, }; unsigned long f(void)",
                "extern \"C\" unsigned long f(void)",
                "unsigned \\\n long f(void)",
            ][..],
        ),
        (
            "long long unsigned f(_Bool b, double _Complex z)",
            &[
                "unsigned long long int f(bool b, complex double z)",
                "int long unsigned long f(const _Bool b, double __complex__ z)",
            ],
        ),
        (
            "size_t strlen(const char *s)",
            &[
                "size_t strlen(char const *s)",
                "size_t strlen(const char *restrict s) __attribute__((nonnull(1)))",
                "size_t strlen(const char s[])",
                "size_t strlen(char const *const s)",
                "size_t strlen(const char *__in __null_terminated s)",
                "size_t strlen(const char *s __in __null_terminated_or_null)",
                "size_t strlen([[cosmos::in]] const char *s)",
                "typedef const char *text; size_t strlen(text s)",
            ],
        ),
        (
            "int f(unsigned char *__out __counted_by(n) p, int n)",
            &[
                "int f(unsigned char __out p[n], int n)",
                "int f(unsigned char *p __out __counted_by(n), int n)",
                "int f(unsigned char p[static n] __out, int n)",
                "int f(unsigned char *[[cosmos::out, cosmos::counted_by(n)]] p, int n)",
                "int f(unsigned char *p, int n) __attribute__((access(write_only, 1, 2)))",
                "[[gnu::access(write_only, 1, 2)]] int f(unsigned char *p, int n)",
                "int f(unsigned char *__out __counted_by_or_null((n)) p, int n)",
                "int f(Byte __out p[const n], int n)",
                "int f(unsigned char __out (p)[n], int n)",
            ],
        ),
        (
            "int f(int (*__inout __counted_by(2) m)[3])",
            &["int f(int m[2][3])", "typedef int row[3]; int f(row m[2])"],
        ),
        (
            "ssize_t read(int __fd fd, void *__out __sized_by(n) buf, size_t n)",
            &[
                "ssize_t read(int fd __fd, void *__out __sized_by(n) buf, size_t n)",
                "ssize_t read(int fd, void *buf, size_t n) __attribute__((fd_arg_read(1), __access__(__write_only__, 2, 3)))",
            ],
        ),
        (
            "FILE *__closed_by(fclose) tmpfile(void)",
            &[
                "FILE *tmpfile(void) __attribute__((malloc(fclose, 1)))",
                "struct _IO_FILE *__handle __closed_by(fclose) tmpfile(void)",
            ],
        ),
        (
            "char *__owned(free) strdup(const char *s)",
            &["char *strdup(const char *s) __attribute__((malloc (free)))"],
        ),
        (
            "int f(int arg1, char arg2)",
            &["int f(int, char)", "int f(int (arg1), char)"],
        ),
        (
            "enum e { A, B = 2 }; enum e f(int x[4])",
            &["enum { A, B = 4 }; unsigned f(int x[B])"],
        ),
        (
            "int f(int x) __fail(-1) __success(return >= 0) __noreturn",
            &[
                "_Noreturn int f(int x) __success(return >= (0)) __fail(-(1))",
                "int f(int x) __success(return >= 0) __attribute__((noreturn)) __fail(0 - 1)",
            ],
        ),
        (
            "int f(char *__out __sized_by(n) __null_terminated s, size_t n)",
            &[
                "int f(char *__null_terminated __sized_by(n) __out s, size_t n)",
                "int f(char *__out __terminated_by(0) __sized_by_or_null(n) s, size_t n)",
            ],
        ),
        (
            "int f(const long *__ended_by(last) first, const long *last)",
            &[
                "int f(const long *__ended_by_or_null(last) first, const long *__alias(first) last)",
                "int f(const long first[] __ended_by(last), const long last[])",
            ],
        ),
        (
            "int f(const char *const *__null_terminated argv)",
            &["int f(const char *__in __null_terminated const *__in __null_terminated argv)"],
        ),
        (
            "size_t room(int n); void *__borrowed __sized_by(2 * room(n)) f(int n)",
            &["size_t room(); extern void *__borrowed __sized_by((2) * room(n)) f(int n)"],
        ),
        (
            "struct s { unsigned a : 3; unsigned : 0; long b : 32; }; int f(struct s *__inout s)",
            &["struct s { unsigned a : 1 + 2, : 0; long b : 32; }; int f(struct s *s)"],
        ),
        (
            "double f(double x) __fail(NAN)",
            &["[[cosmos::fail(NAN)]] double f(double x)"],
        ),
    ] {
        let frame = read(text);
        for other in others {
            assert_eq!(read(other).to_string(), frame.to_string(), "{other}");
            assert_eq!(read(other), frame, "{other}");
        }
    }
}

#[test]
fn given_records_are_printed_before_the_function() {
    let text = "struct pt { int x, y; }; typedef struct pt pt;
                typedef struct { pt corner[2]; char name[8]; } box_t;
                struct seen_by_name { int bits : 3; };
                pt middle(const box_t *b, struct seen_by_name *__handle h)";
    assert_eq!(
        read(text).to_string(),
        "struct pt { int x; int y; }; \
         typedef struct { struct pt corner[2]; char name[8]; } box_t; \
         struct pt middle(const box_t *__in __single b, struct seen_by_name *__handle h)"
    );
}

#[test]
fn standard_records_can_be_given_anew() {
    let text = "struct iovec { const void *__in __sized_by(iov_len) iov_base; size_t iov_len; };
                ssize_t writev(int __fd fd, const struct iovec *__counted_by(n) iov, int n)";
    let frame = read(text);
    assert!(
        frame
            .to_string()
            .starts_with("struct iovec { const void *__in __sized_by(iov_len)")
    );
    assert_eq!(read(&frame.to_string()), frame);
}

#[test]
fn records_that_only_handles_reach_are_not_looked_into() {
    for text in [
        "int f(struct node *__handle n); struct later;",
        "struct node { struct node *__handle next; int (*call)(void); }; int f(struct node *__handle n)",
        "typedef struct { char *raw; int bits : 2; } opaque; int f(opaque *__handle o)",
        "int deflateEnd(z_streamp __handle strm)",
    ] {
        let frame = read(text);
        assert_eq!(read(&frame.to_string()), frame, "{frame}");
    }
    let frame =
        read("struct node { struct node *__handle next; int v; }; int f(struct node *__in n)");
    assert_eq!(
        frame.to_string(),
        "struct node { struct node *__handle next; int v; }; \
         int f(struct node *__in __single n)"
    );
}

/// The extent of the first parameter of a function with these parameters after it.
fn extent(expression: &str) -> (CallFrame, Expression) {
    let frame = read(&format!(
        "int f(char *__inout __sized_by({expression}) p, int a, int b, int c, int *n)"
    ));
    let Type::Pointer(pointer) = frame.ty(frame.parameters()[0].ty) else {
        panic!("a pointer");
    };
    let Extent::Sized(size) = pointer.extent.clone() else {
        panic!("a size");
    };
    (frame, size)
}

struct Values;

impl Environment for Values {
    fn parameter(&self, index: u32) -> Option<i128> {
        [None, Some(100), Some(10), Some(3)]
            .get(index as usize)
            .copied()
            .flatten()
    }

    fn pointee(&self, _: u32) -> Option<i128> {
        Some(7)
    }

    fn field(&self, _: u32) -> Option<i128> {
        None
    }

    fn returned(&self) -> Option<i128> {
        None
    }
}

#[test]
fn expressions_group_as_in_c() {
    for (text, printed, value) in [
        ("a+b*c", "a + b * c", 130),
        ("(a+b)*c", "(a + b) * c", 330),
        ("a-b-c", "a - b - c", 87),
        ("a-(b-c)", "a - (b - c)", 93),
        ("a/b/c", "a / b / c", 3),
        ("a/(b/c)", "a / (b / c)", 33),
        ("a * *n", "a * *n", 700),
        ("*n**n", "*n * *n", 49),
        ("-a + -b * -c", "-a + -b * -c", -70),
        ("a - -1", "a - -1", 101),
        ("- -a", "-(-a)", 100),
        ("+a", "a", 100),
        (
            "a+sizeof(unsigned long[4])*0x10",
            "a + sizeof(unsigned long) * 4 * 16",
            612,
        ),
        ("a + 'a' + 010", "a + 97 + 8", 205),
        ("a + sizeof(char *)", "a + sizeof(uintptr_t)", 108),
    ] {
        let (frame, expression) = extent(text);
        assert_eq!(frame.expression_text(&expression), printed);
        assert_eq!(
            expression.evaluate(&Values, &DataModel::LP64),
            Ok(value),
            "{text}"
        );
    }
    let (_, quotient) = extent("a / (c - 3)");
    assert_eq!(
        quotient.evaluate(&Values, &DataModel::LP64),
        Err(EvaluationError::DivisionByZero)
    );
}

#[test]
fn files_are_read_declaration_by_declaration() {
    let file = "\
/* A header as people write them. */
#ifndef SHAPES_H
#define SHAPES_H \\
    1
extern \"C\" {
struct shape { int sides; double length; }; // given to all that follows
typedef struct shape shape;
double area(const shape *s);
void fill(char *buffer, size_t n);
static inline int twice(int x) { struct shape s; return 2 * x; }
int broken(unknown_t x;
int sides(shape s), corners(shape s);
struct shape { int again; };
struct half { int x; unknown_t y; };
int whole(struct half *h);
#endif
}
int last(int __fd fd)";
    let seen: Vec<(String, Option<&str>)> = parse_file(file)
        .into_iter()
        .map(|declaration| {
            let code = declaration
                .outcome
                .as_ref()
                .err()
                .map(|error| error.code().number());
            if let Err(error) = &declaration.outcome {
                let within = declaration.span.contains(&error.span().start);
                assert!(within || declaration.name.as_deref() == Some("whole"));
            }
            (declaration.name.unwrap_or_default(), code)
        })
        .collect();
    let expected = [
        ("area", None),
        ("fill", Some("E0103")),
        ("twice", Some("E0302")),
        ("broken", Some("E0106")),
        ("sides", None),
        ("corners", None),
        ("shape", Some("E0116")),
        ("half", Some("E0106")),
        ("whole", Some("E0106")),
        ("last", None),
    ];
    assert_eq!(seen, expected.map(|(name, code)| (name.to_owned(), code)));
}

#[test]
fn an_error_in_a_file_is_shown_in_its_line() {
    let file = "int a(int x);\n\n/* é */ int b(char *p);\nint c(int x);\n";
    let declarations = parse_file(file);
    let error = declarations[1].outcome.clone().unwrap_err();
    insta::assert_snapshot!(error.render(file));
    assert_eq!(error.one_line(), "E0103 cannot tell how large 'p' is");
}
