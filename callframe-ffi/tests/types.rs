//! libffi lays frames out as the templates do, and really calls by them.

use callframe::types::Type;
use callframe::{CallFrame, DataModel, Template};
use callframe_ffi::{FfiError, NarrowResult, cif, result_of, result_type};
use libffi::middle::{CodePtr, arg, ffi_abi_FFI_DEFAULT_ABI};
use std::sync::Arc;

fn parse(prototype: &str) -> CallFrame {
    callframe::parse(prototype).unwrap_or_else(|error| panic!("{}", error.render(prototype)))
}

#[test]
fn records_have_the_offsets_of_the_template() {
    for records in [
        "struct s { char a; double b; short c; };",
        "struct s { char a; long double b; char c; };",
        "struct in { char a; int64_t b; }; struct s { char a; struct in b; float c; };",
        "struct s { float complex a; char b; double complex c; };",
        "struct s { _Bool a; unsigned char b; wchar_t c; size_t d; };",
    ] {
        let frame = Arc::new(parse(&format!("{records} struct s f(struct s x);")));
        let template = Template::of(&frame, DataModel::native().unwrap()).unwrap();
        let Type::Record(record) = *frame.ty(frame.result()) else {
            panic!("{records}")
        };
        let expected: Vec<usize> = (0..frame.record(record).fields.len())
            .map(|field| template.field_offset(record, field).unwrap() as usize)
            .collect();
        let mut ty = result_type(&frame).unwrap();
        assert_eq!(
            ty.struct_offsets(ffi_abi_FFI_DEFAULT_ABI).unwrap(),
            expected,
            "{records}"
        );
        cif(&frame).unwrap();
    }
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Inner {
    letter: i8,
    numbers: [i16; 3],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Outer {
    inner: [Inner; 2],
    factor: f32,
}

extern "C" fn doubled(mut value: Outer, times: u8) -> Outer {
    for inner in &mut value.inner {
        inner.letter *= times as i8;
        inner.numbers = inner.numbers.map(|number| number * i16::from(times));
    }
    value.factor *= f32::from(times);
    value
}

#[test]
fn arrays_inside_structs_are_passed_by_value() {
    let frame = parse(
        "struct inner { int8_t letter; int16_t numbers[3]; };
         struct outer { struct inner inner[2]; float factor; };
         struct outer doubled(struct outer value, uint8_t times);",
    );
    let value = Outer {
        inner: [
            Inner {
                letter: -3,
                numbers: [1, -2, 300],
            },
            Inner {
                letter: 7,
                numbers: [4, 5, 6],
            },
        ],
        factor: 1.5,
    };
    let interface = cif(&frame).unwrap();
    let code = CodePtr(doubled as *mut _);
    // SAFETY: the prototype is that of `doubled`.
    let result: Outer = unsafe { interface.call(code, &[arg(&value), arg(&2u8)]) };
    assert_eq!(result, doubled(value, 2));
}

#[repr(C)]
#[derive(Clone, Copy)]
union Number {
    real: f64,
    integer: i32,
    halves: [f32; 2],
}

#[repr(C)]
#[derive(Clone, Copy)]
union Reals {
    one: f64,
    halves: [f32; 2],
}

extern "C" fn joined(number: Number, reals: Reals, last: u8) -> Number {
    // SAFETY: every bit pattern is a value of every member.
    let halves = unsafe { [number.integer as f32 + f32::from(last), reals.halves[1]] };
    Number { halves }
}

#[test]
fn unions_are_passed_by_value() {
    let frame = parse(
        "union number { double real; int integer; float halves[2]; };
         union reals { double one; float halves[2]; };
         union number joined(union number number, union reals reals, uint8_t last);",
    );
    let (number, reals) = (Number { integer: 41 }, Reals { halves: [0.5, 2.5] });
    let interface = cif(&frame).unwrap();
    let code = CodePtr(joined as *mut _);
    // SAFETY: the prototype is that of `joined`.
    let result: Number = unsafe { interface.call(code, &[arg(&number), arg(&reals), arg(&1u8)]) };
    // SAFETY: every bit pattern is a value of every member.
    assert_eq!(unsafe { result.halves }, [42.0, 2.5]);
}

#[test]
fn a_struct_of_one_long_double_is_returned_as_that() {
    let kind = |text: &str| {
        let ty = result_type(&parse(text)).unwrap();
        // SAFETY: the type lives as long as `ty`.
        u32::from(unsafe { (*ty.as_raw_ptr()).type_ })
    };
    let (number, record) = (
        libffi::raw::FFI_TYPE_LONGDOUBLE,
        libffi::raw::FFI_TYPE_STRUCT,
    );
    let inner = "struct i { long double x[1]; };";
    for (text, expected) in [
        (
            "struct s { long double x; }; struct s f(void);".to_owned(),
            number,
        ),
        (
            format!("{inner} struct s {{ struct i y; }}; struct s f(void);"),
            number,
        ),
        (
            "struct s { long double x[2]; }; struct s f(void);".to_owned(),
            record,
        ),
        (
            "struct s { double x; }; struct s f(void);".to_owned(),
            record,
        ),
        (
            "struct s { long double _Complex x; }; struct s f(void);".to_owned(),
            record,
        ),
    ] {
        assert_eq!(kind(&text), expected as u32, "{text}");
    }
}

#[test]
fn narrow_results_are_known() {
    let narrow = |size, signed| Some(NarrowResult { size, signed });
    for (prototype, expected) in [
        ("char f(void);", narrow(1, true)),
        ("unsigned char f(void);", narrow(1, false)),
        ("_Bool f(void);", narrow(1, false)),
        ("short f(void);", narrow(2, true)),
        ("uint32_t f(void);", narrow(4, false)),
        ("wchar_t f(void);", narrow(4, true)),
        ("int __fd f(void);", narrow(4, true)),
        ("ssize_t f(void);", narrow(8, true)),
        ("void f(void);", None),
        ("double f(void);", None),
        ("div_t f(void);", None),
        ("void *__opaque f(void);", None),
    ] {
        assert_eq!(result_of(&parse(prototype)), expected, "{prototype}");
    }
}

#[test]
fn what_cannot_be_passed_is_refused_by_name() {
    let union = "union u { int a; long double b; };";
    let refused = |text: &str| cif(&parse(text)).unwrap_err();
    let error = refused(&format!("{union} int f(union u value);"));
    let FfiError::UnionByValue { place, name } = &error else {
        panic!("{error}")
    };
    assert_eq!((place.as_str(), name.as_str()), ("parameter 'value'", "u"));
    let nested = refused(&format!(
        "{union} struct s {{ union u u; }}; struct s f(void);"
    ));
    assert!(matches!(nested, FfiError::UnionByValue { .. }), "{nested}");
    let large = refused("struct s { char bytes[100000]; }; int f(struct s value);");
    assert!(matches!(large, FfiError::TooManyElements { .. }), "{large}");
    let product = refused("struct s { char bytes[1000][1000]; }; int f(struct s value);");
    assert!(
        matches!(product, FfiError::TooManyElements { .. }),
        "{product}"
    );
}

/// The number of vector registers that a variadic call must tell reaches the function: without it
/// a variadic function takes its doubles from nowhere.
#[test]
fn what_is_variadic_is_called_as_such() {
    let frame = parse(
        "int snprintf(char *__out __sized_by(n) s, size_t n, const char *format, double a, int b,
                      double c) __variadic(3)",
    );
    let interface = cif(&frame).unwrap();
    let mut buffer = [0u8; 32];
    let (start, room, format) = (buffer.as_mut_ptr(), buffer.len(), c"%g %d %g".as_ptr());
    let arguments = [
        arg(&start),
        arg(&room),
        arg(&format),
        arg(&0.5f64),
        arg(&-7i32),
        arg(&2.25f64),
    ];
    let code = CodePtr::from_ptr(libc::snprintf as *const std::ffi::c_void);
    // SAFETY: snprintf takes these for this format.
    let written: i32 = unsafe { interface.call(code, &arguments) };
    assert_eq!((written, &buffer[..11]), (11, &b"0.5 -7 2.25"[..]));

    let open = parse("int printf(const char *format, ...) __printf(1, 2)");
    let error = cif(&open).err().unwrap();
    assert!(matches!(error, FfiError::OpenArguments { .. }), "{error}");
    assert!(error.to_string().contains("__variadic(n)"), "{error}");
}
