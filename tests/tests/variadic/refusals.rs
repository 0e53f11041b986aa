//! Arguments that do not go with their format: a named error, and the VM lives on.

use crate::{C, SNPRINTF, Snprintf, with_errno};
use cosmos::{FaultCode, Value};
use cosmos_tests::in_world;
use std::ffi::{c_char, c_void};
use std::ptr::null;

const PRINTF: &str = "int printf(const char *format, ...) __attribute__((format(printf, 1, 2)))";

/// Formats and further values, and a word of what is said of them.
fn misfits() -> Vec<(&'static str, Vec<Value>, &'static str)> {
    let long: String = "%d".repeat(125);
    vec![
        (
            "%d",
            vec![],
            "takes 1 argument in place of '...', 0 were given",
        ),
        (
            "%d",
            vec![1.into(), 2.into()],
            "takes 1 argument in place of '...', 2 were given",
        ),
        (
            "none",
            vec![1.into()],
            "takes no argument in place of '...', 1 was given",
        ),
        ("%*.*f", vec![1.into(), 1.into()], "takes 3 arguments"),
        ("%y", vec![1.into()], "'%y' is no conversion"),
        ("%hs", vec!["x".into()], "'%hs' is no conversion"),
        ("50%", vec![], "ends within its last conversion"),
        (
            "%2$d",
            vec![1.into(), 2.into()],
            "no conversion takes argument 1",
        ),
        (
            "%1$d %d",
            vec![1.into(), 2.into()],
            "either all name a position",
        ),
        ("%1$d %1$s", vec![1.into()], "two different types"),
        ("%d", vec!["text".into()], "arg4"),
        ("%d", vec![(1i64 << 40).into()], "arg4"),
        ("%d", vec![1.5.into()], "arg4"),
        ("%n", vec![Value::Handle(7)], "arg4"),
        (long.leak(), vec![1.into(); 125], "at most 127"),
    ]
}

#[test]
fn values_that_do_not_go_with_the_format() {
    in_world(|_| {
        let library = cosmos::dlopen(C).expect(C);
        let function = library.function(SNPRINTF).expect("snprintf");
        for (format, further, said) in misfits() {
            let mut values = vec![Value::Out, 64.into(), format.into()];
            values.extend(further);
            let error = function.call(&values).expect_err(format);
            assert!(error.to_string().contains(said), "{format}: {error}");
            let expected = match said {
                "at most 127" => FaultCode::TooLarge,
                _ => FaultCode::BadArgument,
            };
            assert_eq!(error.code(), expected, "{error}");
            assert_eq!(error.function(), Some("snprintf"));
        }
        let error = function
            .call(&[Value::Out, 64.into(), Value::Null])
            .expect_err("no format");
        assert!(error.to_string().contains("format"), "{error}");
        let error = function.call(&[Value::Out]).expect_err("too few");
        assert!(error.to_string().contains("at least 3"), "{error}");
        let huge = [Value::Out, 64.into(), "%2147483648d".into(), 1.into()];
        let outcome = function.call(&huge).expect("a width that C refuses");
        assert_eq!(
            (outcome.result, outcome.errno),
            ((-1).into(), libc::EOVERFLOW)
        );
        let wide = [Value::Out, 64.into(), "%100000000d".into(), 1.into()];
        assert_eq!(
            function.call(&wide).expect("wide").result,
            100_000_000.into()
        );
    });
}

#[test]
fn a_pointer_says_so_by_its_result() {
    in_world(|_| {
        let library = cosmos::dlopen(C).expect(C);
        let function = library.function(SNPRINTF).expect("snprintf");
        // SAFETY: snprintf has this type.
        let print = unsafe { std::mem::transmute::<*const c_void, Snprintf>(function.pointer()) };
        for (format, said) in [
            (c"%y".as_ptr(), "'%y' is no conversion"),
            (c"%1$d %d".as_ptr(), "either all name a position"),
            (c"%".as_ptr(), "ends within"),
            (null(), "the format is NULL"),
        ] {
            cosmos::clear_last_error();
            let mut buffer = [0x55 as c_char; 8];
            // SAFETY: nothing is read beyond the format.
            let (result, after) = with_errno(0, || unsafe {
                print(buffer.as_mut_ptr(), buffer.len(), format, 1, 2)
            });
            assert_eq!((result, after), (-1, libc::EINVAL));
            let error = cosmos::last_error().expect("the call failed");
            assert!(error.to_string().contains(said), "{error}");
            assert_eq!(buffer, [0x55; 8]);
        }
        let mut buffer = [0; 8];
        // SAFETY: the format takes no argument.
        let result = unsafe { print(buffer.as_mut_ptr(), buffer.len(), c"fine".as_ptr()) };
        assert_eq!(result, 4);
    });
}

/// A VM keeps what it resolved, so one function has a bounded number of types.
#[test]
fn lists_of_types_are_bounded() {
    in_world(|_| {
        let library = cosmos::dlopen(C).expect(C);
        let function = library.function(SNPRINTF).expect("snprintf");
        let kinds = [
            ("%d", Value::from(1)),
            ("%u", 1.into()),
            ("%ld", 1.into()),
            ("%lu", 1.into()),
            ("%lld", 1.into()),
            ("%zd", 1.into()),
            ("%g", 1.5.into()),
            ("%s", "x".into()),
        ];
        let mut refused = None;
        for number in 0..8usize.pow(4) + 1 {
            let digits = format!("{number:o}");
            let mut values = vec![Value::Out, 64.into(), Value::Null];
            let mut format = String::new();
            for digit in digits.bytes() {
                let (conversion, value) = &kinds[usize::from(digit - b'0')];
                format.push_str(conversion);
                values.push(value.clone());
            }
            values[2] = format.as_str().into();
            if let Err(error) = function.call(&values) {
                refused = Some((number, error));
                break;
            }
        }
        let (number, error) = refused.expect("a bound");
        assert_eq!(number, 4096);
        assert_eq!(error.code(), FaultCode::LimitReached);
        let known = [Value::Out, 64.into(), "%d".into(), 5.into()];
        assert_eq!(
            function.call(&known).expect("a known list").result,
            1.into()
        );
    });
}

#[test]
fn the_command_line_takes_further_words() {
    in_world(|world| {
        let ran = world.call(&[C, SNPRINTF, "_", "40", "%s is %d, %.2f", "x", "3", "1.5"]);
        assert!(ran.succeeded().starts_with("return = 12\ns = "), "{ran:?}");
        let ran = world.call(&[C, SNPRINTF, "_", "40", "%s%n", "four", "_"]);
        assert!(ran.succeeded().ends_with("arg5 = 4\n"), "{ran:?}");
        let ran = world.call(&[C, SNPRINTF, "_", "40", "%d"]);
        ran.failed(
            2,
            &["the format takes 1 argument in place of '...', 0 were given"],
        );
        let ran = world.call(&[C, SNPRINTF, "_", "40", "%d", "five"]);
        ran.failed(2, &["argument 4", "arg4", "five"]);
        let ran = world.call(&[C, SNPRINTF, "_"]);
        ran.failed(2, &["at least 3 arguments", "string, ..."]);
        let ran = world.run_cosmos(&["proto", "show", PRINTF]);
        assert!(ran.succeeded().contains("what 'format' takes"), "{ran:?}");
        let ran = world.call(&[C, PRINTF, "%y", "1"]);
        ran.failed(2, &["'%y' is no conversion"]);
        let execl = "int execl(const char *path, const char *arg, ...) __sentinel";
        let ran = world.call(&["--programs", "--errno", C, execl, "/no/such", "a", "b", "c"]);
        assert!(ran.succeeded().starts_with("-1\nerrno = 2"), "{ran:?}");
    });
}
