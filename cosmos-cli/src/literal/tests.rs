use super::*;

fn frame(prototype: &str) -> CallFrame {
    callframe::parse(prototype).unwrap_or_else(|error| panic!("{}", error.render(prototype)))
}

fn read(prototype: &str, words: &[&str]) -> Result<Vec<Value>, ArgumentError> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let names = Names {
        constants: &callframe::constants(prototype),
        kept: None,
    };
    arguments(&frame(prototype), &words, names).map(|given| given.values)
}

fn one(prototype: &str, word: &str) -> Value {
    read(prototype, &[word])
        .unwrap_or_else(|error| panic!("{error}"))
        .remove(0)
}

fn refused(prototype: &str, words: &[&str]) -> String {
    read(prototype, words).unwrap_err().to_string()
}

fn record(members: &[(&str, Value)]) -> Value {
    Value::Record(
        members
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
    )
}

#[test]
fn constants_of_the_prototype_stand_for_their_values() {
    const LEVELS: &str = "enum level { LOW = -1, HIGH = 2, HUGE = 300 }; ";
    let of = |function: &str| format!("{LEVELS}{function}");
    assert_eq!(one(&of("int f(enum level l)"), "HIGH"), Value::Int(2));
    assert_eq!(one(&of("int f(long n)"), " LOW "), Value::Int(-1));
    assert_eq!(
        one(
            &of("struct s { enum level l; int n; }; int f(struct s s)"),
            "{HIGH, .n = LOW}"
        ),
        record(&[("l", Value::Int(2)), ("n", Value::Int(-1))])
    );
    let text = refused(&of("int f(enum level l)"), &["MIDDLE"]);
    assert!(text.contains("`LOW`, `HIGH` or `HUGE`"), "{text}");
    let text = refused(&of("int f(unsigned char c)"), &["HUGE"]);
    assert!(text.contains("the type holds 0 to 255"), "{text}");
    assert!(refused(&of("int f(double x)"), &["HIGH"]).contains("no number"));
    let text = refused("int f(int l)", &["HIGH"]);
    assert!(text.ends_with("it is no integer"), "{text}");
    // Of many, those that may have been meant.
    let many: String = (0..20).map(|index| format!("LEVEL_{index}, ")).collect();
    let text = refused(&format!("enum {{ {many} }}; int f(int l)"), &["LEVEL19"]);
    assert!(
        text.contains("`LEVEL_19`") && !text.contains("`LEVEL_5`"),
        "{text}"
    );
}

#[test]
fn integers_are_those_of_c() {
    for (word, number) in [
        ("0", 0),
        ("12", 12),
        ("-12", -12),
        ("+12", 12),
        ("0x1F", 31),
        ("0X1f", 31),
        ("-0x10", -16),
        ("017", 15),
        ("0b101", 5),
        ("10UL", 10),
        ("10ll", 10),
        ("0u", 0),
        ("'a'", 97),
        ("'\\n'", 10),
        ("'\\x41'", 65),
        ("'\\0'", 0),
        ("'\\''", 39),
        ("-'a'", -97),
        ("9223372036854775807", i128::from(i64::MAX)),
        ("-9223372036854775808", i128::from(i64::MIN)),
    ] {
        assert_eq!(one("long labs(long j)", word), Value::Int(number), "{word}");
    }
    for word in [
        "", "-", "x", "08", "1.5", "1e3", "0x", "12abc", "'ab'", "''", "1 2", "--1",
    ] {
        let text = refused("long labs(long j)", &[word]);
        assert!(
            text.starts_with("argument 1, 'j' (long), cannot be"),
            "{text}"
        );
    }
}

#[test]
fn integers_are_checked_against_their_type() {
    for (prototype, inside, outside) in [
        ("int f(int x)", "-2147483648", "2147483648"),
        ("int f(unsigned int x)", "4294967295", "-1"),
        ("int f(unsigned char x)", "255", "256"),
        ("int f(signed char x)", "-128", "128"),
        ("int f(_Bool x)", "true", "2"),
        (
            "int f(size_t x)",
            "18446744073709551615",
            "18446744073709551616",
        ),
        (
            "int f(int64_t x)",
            "-9223372036854775808",
            "9223372036854775808",
        ),
    ] {
        assert!(read(prototype, &[inside]).is_ok(), "{prototype} {inside}");
        assert!(
            refused(prototype, &[outside]).contains("the type holds"),
            "{prototype}"
        );
    }
}

#[test]
fn floating_numbers_are_those_of_c() {
    for (word, number) in [
        ("0", 0.0),
        ("-1.5", -1.5),
        ("1e-3", 1e-3),
        (".5", 0.5),
        ("5.", 5.0),
        ("1.5f", 1.5),
        ("1.5L", 1.5),
        ("0x1p-3", 0.125),
        ("0x1.8p1", 3.0),
        ("-0x.8p0", -0.5),
        ("0x10", 16.0),
        ("0x1.fffffffffffffp1023", f64::MAX),
        ("0x1p-1074", 5e-324),
        ("0x1p-1075", 0.0),
        ("0x1.8p-1075", 5e-324),
        ("0x1p1024", f64::INFINITY),
        ("0x1.00000000000008p0", 1.0),
        ("0x1.000000000000081p0", 1.0 + f64::EPSILON),
        ("inf", f64::INFINITY),
        ("-inf", f64::NEG_INFINITY),
        ("INFINITY", f64::INFINITY),
        ("'a'", 97.0),
    ] {
        assert_eq!(
            one("double cos(double x)", word),
            Value::Float(number),
            "{word}"
        );
    }
    let Value::Float(nan) = one("double cos(double x)", "nan") else {
        panic!()
    };
    assert!(nan.is_nan());
    // Rounded once to float: through double it would become the even neighbour.
    let word = "1.00000017881393432617187500001";
    assert_eq!(
        one("float f(float x)", word),
        Value::Float(f64::from(1.000_000_2_f32))
    );
    for word in ["", "x", "1.5x", "0x", "0xg", "1e", "--1"] {
        assert!(
            refused("double cos(double x)", &[word]).contains("no"),
            "{word}"
        );
    }
}

#[test]
fn complex_numbers_have_an_imaginary_part() {
    for (word, real, imaginary) in [
        ("1+2i", 1.0, 2.0),
        ("1 - 2i", 1.0, -2.0),
        ("-1.5e-3-2.5e+2i", -1.5e-3, -250.0),
        ("2i", 0.0, 2.0),
        ("-i", 0.0, -1.0),
        ("1+i", 1.0, 1.0),
        ("3", 3.0, 0.0),
        ("1+2*I", 1.0, 2.0),
        ("0x1p-1+0x1p+1j", 0.5, 2.0),
    ] {
        assert_eq!(
            one("double complex cexp(double complex z)", word),
            Value::Complex(real, imaginary),
            "{word}"
        );
    }
    assert!(read("double complex cexp(double complex z)", &["1+xi"]).is_err());
}

#[test]
fn text_is_a_string_and_a_buffer() {
    let strlen = "size_t strlen(const char *s)";
    assert_eq!(one(strlen, "hi"), Value::Text(b"hi".to_vec()));
    assert_eq!(
        one(strlen, "{not a brace}"),
        Value::Text(b"{not a brace}".to_vec())
    );
    assert_eq!(
        one(strlen, r#""a\tb\0101""#),
        Value::Text(b"a\tb\x081".to_vec())
    );
    assert_eq!(one(strlen, r#""NULL""#), Value::Text(b"NULL".to_vec()));
    assert_eq!(one(strlen, "NULL"), Value::Null);
    assert_eq!(one(strlen, "hex:00"), Value::Text(b"hex:00".to_vec()));
    assert!(refused(strlen, &[r#""a\0b""#]).contains("zero byte"));
    assert!(refused(strlen, &["_"]).contains("this is an input"));

    let crc = "uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len)";
    assert_eq!(
        read(crc, &["0", "hex:00fF", "sizeof:buf"]).unwrap(),
        [Value::Int(0), Value::Bytes(vec![0, 255]), Value::Int(2)]
    );
    assert!(refused(crc, &["0", "hex:0", "1"]).contains("two digits"));
    assert!(refused(crc, &["0", "NULL", "sizeof:buf"]).contains("'buf' was not given"));
    assert!(refused(crc, &["0", "NULL", "sizeof:bufs"]).contains("no parameter is named"));
}

#[test]
fn files_give_their_bytes_or_their_descriptor() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"a\0b").unwrap();
    let word = format!("@{}", file.path().display());
    let crc = "uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len)";
    assert_eq!(
        read(crc, &["0", &word, "3"]).unwrap()[1],
        Value::Bytes(b"a\0b".to_vec())
    );
    assert!(refused("size_t strlen(const char *s)", &[&word]).contains("byte 1 is one"));
    assert!(refused(crc, &["0", "@/nonexistent", "3"]).contains("cannot read /nonexistent"));

    let read_prototype =
        "ssize_t read(int __fd fd, void *__out __sized_by(count) buf, size_t count)";
    assert!(matches!(
        read(read_prototype, &[&word, "_", "3"]).unwrap()[..],
        [Value::Descriptor(3..), Value::Out, Value::Int(3)]
    ));
    assert_eq!(
        read(read_prototype, &["-1", "_", "3"]).unwrap()[0],
        Value::Int(-1)
    );
}

#[test]
fn structs_are_initialized_as_in_c() {
    let poll = "int poll(struct pollfd *__inout __counted_by(nfds) fds, nfds_t nfds, int timeout)";
    let expected = Value::Array(vec![
        record(&[("fd", Value::Int(-1)), ("events", Value::Int(1))]),
        record(&[("fd", Value::Int(-2)), ("revents", Value::Int(4))]),
    ]);
    for word in [
        "{{-1, 1}, {-2, .revents = 4}}",
        "{{-1,1,},{-2,.revents=0x4},}",
    ] {
        assert_eq!(
            read(poll, &[word, "2", "0"]).unwrap()[0],
            expected,
            "{word}"
        );
    }
    let localtime = "struct point { int x; double y[2]; char name[4]; };
        int show(const struct point *p, const int *__counted_by(2) pair, const int *single)";
    assert_eq!(
        read(localtime, &[r#"{1, {.5, 2}, "ab"}"#, "{1,2}", "7"]).unwrap(),
        [
            record(&[
                ("x", Value::Int(1)),
                (
                    "y",
                    Value::Array(vec![Value::Float(0.5), Value::Float(2.0)])
                ),
                ("name", Value::Array(vec![Value::Int(97), Value::Int(98)])),
            ]),
            Value::Array(vec![Value::Int(1), Value::Int(2)]),
            Value::Int(7),
        ]
    );
    for (word, reason) in [
        (
            "{1,{1,2,3}}",
            "member 'y': the array has 2 elements, 3 are given",
        ),
        ("{1,{1,2},\"ab\",4}", "the struct has 3 members"),
        ("{.z = 1}", "no member 'z'"),
        ("{.nam = 1}", "did you mean 'name'?"),
        ("{x}", "member 'x': it is no integer"),
        ("{1", "expected ',' or '}' at the end"),
        ("1", "expected '{' at '1'"),
        ("{1} 2", "expected nothing more at '2'"),
    ] {
        let text = refused(localtime, &[word, "NULL", "NULL"]);
        assert!(text.contains(reason), "{word}: {text}");
    }
}

#[test]
fn one_struct_of_a_list_has_braces_within_braces() {
    let poll = "int poll(struct pollfd *__inout __counted_by(n) fds, nfds_t n, int timeout)";
    assert!(read(poll, &["{{-1, 1}}", "1", "0"]).is_ok());
    for word in ["{-1, 1}", "{.fd = -1}"] {
        let text = refused(poll, &[word, "1", "0"]);
        assert!(text.contains("its own braces: {{…}, {…}}"), "{text}");
    }
}

#[test]
fn a_wrong_count_shows_the_parameters() {
    let text = refused("div_t div(int numer, int denom)", &["1"]);
    assert_eq!(
        text,
        "div takes 2 arguments, but 1 was given: numer: int, denom: int"
    );
    let text = refused("void abort(void)", &["1", "2"]);
    assert_eq!(text, "abort takes no arguments, but 2 were given: (void)");
}

#[test]
fn long_doubles_are_exact() {
    let nearest_tenth = *b"\xcd\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xfb\x3f";
    let one = *b"\0\0\0\0\0\0\0\x80\xff\x3f";
    for (word, bytes, printed) in [
        ("0.1", nearest_tenth, "0.1"),
        ("1", one, "1"),
        ("1L", one, "1"),
        ("0x1p0", one, "1"),
        ("-0", *b"\0\0\0\0\0\0\0\0\0\x80", "-0"),
        ("inf", *b"\0\0\0\0\0\0\0\x80\xff\x7f", "inf"),
        (
            "18446744073709551615",
            *b"\xff\xff\xff\xff\xff\xff\xff\xff\x3e\x40",
            "18446744073709551615",
        ),
        // The least and the greatest that the format has.
        ("3.6e-4951", *b"\x01\0\0\0\0\0\0\0\0\0", "4e-4951"),
        ("1e-4990", [0; 10], "0"),
        (
            "1.18973149535723176502e+4932",
            *b"\xff\xff\xff\xff\xff\xff\xff\xff\xfe\x7f",
            "1.189731495357231765e4932",
        ),
        ("1e4933", *b"\0\0\0\0\0\0\0\x80\xff\x7f", "inf"),
        ("1e999999", *b"\0\0\0\0\0\0\0\x80\xff\x7f", "inf"),
    ] {
        let plain = word.strip_suffix('L').unwrap_or(word);
        assert_eq!(super::extended::parse(plain), Some(bytes), "{word}");
        assert_eq!(crate::format::extended(&bytes), printed, "{word}");
    }
}

const VISIT: &str = "void visit(int (*visit)(int value) __or_const(-1))";

#[test]
fn functions_are_those_of_the_command() {
    for word in ["@print", "@print=7", "@print=-0x10"] {
        assert!(matches!(one(VISIT, word), Value::Callback(_)), "{word}");
    }
    assert_eq!(one(VISIT, "NULL"), Value::Null);
    assert_eq!(one(VISIT, "-1"), Value::Int(-1));
    let sorts = "void sort(int (*compare)(const int *a, const int *b))";
    assert!(matches!(one(sorts, "@compare"), Value::Callback(_)));
    for (prototype, word, reason) in [
        (VISIT, "main", "a function is needed"),
        (VISIT, "-2", "a function is needed"),
        (VISIT, "@print=1e3", "1e3"),
        (VISIT, "@print=99999999999", "holds"),
        (VISIT, "@compare", "two pointers"),
        ("void f(void (*done)(void))", "@print=1", "returns nothing"),
        (
            "void f(char *__owned(free) (*give)(void))",
            "@print=1",
            "no number",
        ),
    ] {
        let text = refused(prototype, &[word]);
        assert!(text.contains(reason), "{word}: {text}");
    }
}
