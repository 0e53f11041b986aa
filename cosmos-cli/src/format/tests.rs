use super::*;

fn frame(prototype: &str) -> CallFrame {
    callframe::parse(prototype).unwrap_or_else(|error| panic!("{}", error.render(prototype)))
}

fn left(result: Value, outputs: &[(&str, Value)]) -> Outcome {
    Outcome {
        result,
        outputs: outputs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        errno: 0,
    }
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
fn a_value_alone_is_printed_alone() {
    let cos = frame("double cos(double x)");
    assert_eq!(outcome(&cos, &left(Value::Float(1.0), &[])), "1\n");
    assert_eq!(
        outcome(&frame("void abort(void)"), &left(Value::Void, &[])),
        ""
    );
    let div = frame("div_t div(int numer, int denom)");
    let result = record(&[("quot", Value::Int(-3)), ("rem", Value::Int(2))]);
    assert_eq!(
        outcome(&div, &left(result, &[])),
        "{.quot = -3, .rem = 2}\n"
    );
}

#[test]
fn outputs_are_named_lines() {
    let strtod = frame("double strtod(const char *nptr, char *__alias(nptr) *__out endptr)");
    let end = Value::Alias {
        parameter: "nptr".into(),
        offset: 3,
    };
    assert_eq!(
        outcome(&strtod, &left(Value::Float(1.5), &[("endptr", end)])),
        "return = 1.5\nendptr = nptr + 3\n"
    );
    let filling = frame("void fill(void *__out __sized_by(2) buf)");
    let bytes = Value::Bytes(vec![0, 0xff]);
    assert_eq!(
        outcome(&filling, &left(Value::Void, &[("buf", bytes)])),
        "buf = 00ff\n"
    );
}

#[test]
fn characters_are_told_from_numbers_by_their_type() {
    let toupper = frame("char first(const char *s)");
    assert_eq!(outcome(&toupper, &left(Value::Int(65), &[])), "'A'\n");
    assert_eq!(outcome(&toupper, &left(Value::Int(-1), &[])), "'\\377'\n");
    let truth = frame("_Bool is(int x)");
    assert_eq!(outcome(&truth, &left(Value::Int(1), &[])), "true\n");
}

#[test]
fn strings_are_quoted_with_c_escapes() {
    for (bytes, text) in [
        (&b"hi"[..], r#""hi""#),
        (b"a\"b\\c\n", r#""a\"b\\c\n""#),
        ("é".as_bytes(), "\"é\""),
        (b"\xff1\x01", r#""\3771\001""#),
        (b"", r#""""#),
    ] {
        assert_eq!(quote('"', bytes), text);
    }
}

#[test]
fn floating_numbers_print_the_fewest_digits() {
    for (number, text) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (0.1, "0.1"),
        (-1.5, "-1.5"),
        (1e20, "100000000000000000000"),
        (1e21, "1e21"),
        (1.5e300, "1.5e300"),
        (1e-5, "0.00001"),
        (1e-6, "1e-6"),
        (5e-324, "5e-324"),
        (123456.789, "123456.789"),
        (std::f64::consts::PI, "3.141592653589793"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (f64::NAN, "nan"),
    ] {
        assert_eq!(float(None, number), text);
    }
    assert_eq!(float(Some(Scalar::Float), f64::from(0.1_f32)), "0.1");
}

#[test]
fn complex_numbers_keep_their_signs() {
    assert_eq!(complex(None, 1.0, 2.0), "1+2i");
    assert_eq!(complex(None, -1.0, -0.0), "-1-0i");
    assert_eq!(complex(None, f64::NAN, f64::NAN), "nan+nani");
}

#[test]
fn json_keeps_buffers_apart_from_strings() {
    let read = frame("ssize_t read(int __fd fd, void *__out __sized_by(count) buf, size_t count)");
    let mut after = left(Value::Int(2), &[("buf", Value::Bytes(b"hi".to_vec()))]);
    after.errno = 4;
    assert_eq!(
        crate::json::outcome(&read, &after).to_string(),
        r#"{"return":2,"out":{"buf":"6869"},"errno":4}"#
    );
    let strdup = frame("char *__owned(free) strdup(const char *s)");
    let text = |bytes: &[u8]| {
        crate::json::outcome(&strdup, &left(Value::Text(bytes.to_vec()), &[]))["return"].to_string()
    };
    assert_eq!(text(b"hi"), r#""hi""#);
    assert_eq!(text(b"\xff"), r#"{"bytes":"ff"}"#);
    let cos = frame("double cos(double x)");
    let number =
        |number| crate::json::outcome(&cos, &left(Value::Float(number), &[]))["return"].clone();
    assert_eq!(number(f64::NAN), "nan");
    assert_eq!(number(0.1), 0.1);
}
