//! Formats made at random, with the values they take: through a VM by [`Value`]s, and directly
//! through libffi.

use crate::{C, with_errno};
use cosmos::Value;
use cosmos_tests::in_world;
use libffi::middle::{Arg, Cif, CodePtr, Type};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::ffi::{CString, c_int, c_void};

/// A buffer that comes back whole: `%c` may print a NUL.
const WHOLE: &str =
    "int snprintf(char *__out __sized_by(n) s, size_t n, const char *format, ...) __printf(3, 4)";

/// Room for the text; some formats print more.
const ROOM: usize = 200;

/// An argument of a format, as C passes it.
#[derive(Clone, Debug)]
enum Given {
    Int(i32),
    Unsigned(u32),
    Long(i64),
    UnsignedLong(u64),
    Double(f64),
    LongDouble([u8; 10]),
    Text(CString),
    Wide(Vec<u32>),
    Pointer(usize),
    Written,
}

/// A piece of a format and what it takes.
type Piece = (String, Vec<Given>);

#[test]
fn formats_print_what_they_print_directly() {
    in_world(|_| {
        let library = cosmos::dlopen(C).expect(C);
        let function = library.function(WHOLE).expect("snprintf");
        let config = Config {
            cases: 400,
            failure_persistence: None,
            ..Config::default()
        };
        let pieces = proptest::collection::vec(piece(), 0..6);
        TestRunner::new(config)
            .run(&pieces, |pieces| {
                let format: String = pieces.iter().map(|(text, _)| text.as_str()).collect();
                let given: Vec<Given> = pieces.into_iter().flat_map(|(_, given)| given).collect();
                let format = CString::new(format).expect("no NUL");
                let direct = directly(&format, &given);
                let remote = remotely(&function, &format, &given);
                prop_assert_eq!(remote, direct, "left the VM's, right direct");
                Ok(())
            })
            .unwrap_or_else(|error| panic!("{error}"));
    });
}

/// What a call printed: result, errno, text, and the numbers that `%n` wrote.
type Printed = (i128, c_int, Vec<u8>, Vec<i128>);

fn remotely(function: &cosmos::Function, format: &CString, given: &[Given]) -> Printed {
    let mut values = vec![
        Value::Out,
        Value::Int(ROOM as i128),
        Value::Text(format.as_bytes().to_vec()),
    ];
    values.extend(given.iter().map(value));
    let outcome = function
        .call(&values)
        .unwrap_or_else(|error| panic!("{format:?}: {error}"));
    let Value::Int(result) = outcome.result else {
        panic!("{outcome:?}")
    };
    let mut outputs = outcome.outputs.into_iter().map(|(_, value)| value);
    let text = match outputs.next() {
        Some(Value::Bytes(bytes) | Value::Text(bytes)) => printed(&bytes, result),
        other => panic!("{other:?}"),
    };
    let written = outputs.map(|value| match value {
        Value::Int(number) => number,
        other => panic!("{other:?}"),
    });
    (result, outcome.errno, text, written.collect())
}

/// As much as was printed and had room.
fn printed(buffer: &[u8], result: i128) -> Vec<u8> {
    let length = usize::try_from(result).unwrap_or(0).min(ROOM - 1);
    buffer.iter().copied().take(length).collect()
}

fn value(given: &Given) -> Value {
    match given {
        Given::Int(number) => (*number).into(),
        Given::Unsigned(number) => (*number).into(),
        Given::Long(number) => (*number).into(),
        Given::UnsignedLong(number) => (*number).into(),
        Given::Double(number) => (*number).into(),
        Given::LongDouble(bytes) => Value::LongDouble(*bytes),
        Given::Text(text) => Value::Text(text.as_bytes().to_vec()),
        Given::Wide(wide) => Value::Array(
            wide.iter()
                .map(|letter| (*letter).into())
                .chain([0.into()])
                .collect(),
        ),
        Given::Pointer(0) => Value::Null,
        Given::Pointer(address) => Value::Int(*address as i128),
        Given::Written => Value::Out,
    }
}

#[repr(C, align(16))]
struct Extended([u8; 16]);

/// The memory that one argument points to, or is.
enum Cell {
    Word(u64),
    Double(f64),
    Extended(Extended),
}

fn directly(format: &CString, given: &[Given]) -> Printed {
    let mut buffer = [0u8; ROOM];
    let mut written = vec![0i32; given.len()];
    let wide: Vec<Vec<u32>> = given
        .iter()
        .map(|one| match one {
            Given::Wide(wide) => wide.iter().copied().chain([0]).collect(),
            _ => Vec::new(),
        })
        .collect();
    let mut types = vec![Type::pointer(), Type::usize(), Type::pointer()];
    let mut cells = Vec::new();
    for (index, one) in given.iter().enumerate() {
        let (ty, cell) = match one {
            Given::Int(number) => (Type::i32(), Cell::Word(*number as u32 as u64)),
            Given::Unsigned(number) => (Type::u32(), Cell::Word(u64::from(*number))),
            Given::Long(number) => (Type::i64(), Cell::Word(*number as u64)),
            Given::UnsignedLong(number) => (Type::u64(), Cell::Word(*number)),
            Given::Double(number) => (Type::f64(), Cell::Double(*number)),
            Given::LongDouble(bytes) => {
                let mut whole = [0; 16];
                whole[..10].copy_from_slice(bytes);
                (Type::longdouble(), Cell::Extended(Extended(whole)))
            }
            Given::Text(text) => (Type::pointer(), Cell::Word(text.as_ptr() as u64)),
            Given::Wide(_) => (Type::pointer(), Cell::Word(wide[index].as_ptr() as u64)),
            Given::Pointer(address) => (Type::pointer(), Cell::Word(*address as u64)),
            Given::Written => (Type::pointer(), Cell::Word(&raw mut written[index] as u64)),
        };
        types.push(ty);
        cells.push(cell);
    }
    let cif = Cif::try_new_variadic(types, 3, Type::c_int()).expect("snprintf");
    let (room, start, format) = (ROOM, buffer.as_mut_ptr(), format.as_ptr());
    let mut arguments = vec![Arg::new(&start), Arg::new(&room), Arg::new(&format)];
    arguments.extend(cells.iter().map(|cell| match cell {
        Cell::Word(word) => Arg::new(word),
        Cell::Double(number) => Arg::new(number),
        Cell::Extended(number) => Arg::new(number),
    }));
    let code = CodePtr::from_ptr(libc::snprintf as *const c_void);
    // SAFETY: the format takes these arguments, which outlive the call.
    let (result, after) = with_errno(0, || unsafe { cif.call::<c_int>(code, &arguments) });
    let taken = given.iter().zip(&written);
    let written = taken
        .filter(|(one, _)| matches!(one, Given::Written))
        .map(|(_, number)| i128::from(*number));
    let result = i128::from(result);
    (result, after, printed(&buffer, result), written.collect())
}

/// Literal text or a conversion.
fn piece() -> impl Strategy<Value = Piece> {
    let literal = prop_oneof![
        Just("%%".to_owned()),
        Just("%m".to_owned()),
        "[ -$&-~]{0,8}"
    ];
    prop_oneof![
        1 => literal.prop_map(|text| (text, Vec::new())),
        5 => conversion(),
    ]
}

fn conversion() -> impl Strategy<Value = Piece> {
    let number = prop_oneof![
        3 => Just((String::new(), vec![])),
        2 => (0..40u32).prop_map(|number| (number.to_string(), vec![])),
        1 => (-30..30i32).prop_map(|number| ("*".to_owned(), vec![Given::Int(number)])),
    ];
    let precision = prop_oneof![
        3 => Just((String::new(), vec![])),
        2 => number.clone().prop_map(|(text, given)| (format!(".{text}"), given)),
    ];
    ("[-+ #0']{0,3}", number, precision, letter()).prop_map(
        |(flags, (width, mut given), (precision, second), (letter, third))| {
            given.extend(second);
            given.extend(third);
            (format!("%{flags}{width}{precision}{letter}"), given)
        },
    )
}

fn letter() -> impl Strategy<Value = Piece> {
    let one = |letter: &str, given: Given| (letter.to_owned(), vec![given]);
    let double = prop_oneof![any::<f64>(), -1e6..1e6f64];
    prop_oneof![
        ("(hh|h|)[di]", any::<i32>()).prop_map(move |(letter, n)| one(&letter, Given::Int(n))),
        ("(hh|h|)[uoxX]", any::<u32>())
            .prop_map(move |(letter, n)| one(&letter, Given::Unsigned(n))),
        ("(l|ll|q|j|z|t|L)[di]", any::<i64>())
            .prop_map(move |(letter, n)| one(&letter, Given::Long(n))),
        ("(l|ll|q|j|z|t|L)[uoxX]", any::<u64>())
            .prop_map(move |(letter, n)| one(&letter, Given::UnsignedLong(n))),
        ("l?[aAeEfFgG]", double).prop_map(move |(letter, n)| one(&letter, Given::Double(n))),
        ("L[aAeEfFgG]", extended()).prop_map(move |(letter, n)| one(&letter, Given::LongDouble(n))),
        (0..256i32).prop_map(move |n| one("c", Given::Int(n))),
        (0..0x80u32).prop_map(move |n| one("lc", Given::Unsigned(n))),
        "[ -~]{0,30}"
            .prop_map(move |text| { one("s", Given::Text(CString::new(text).expect("no NUL"))) }),
        "[ -~é]{0,10}".prop_map(move |text| {
            one("ls", Given::Wide(text.chars().map(u32::from).collect()))
        }),
        any::<usize>().prop_map(move |address| one("p", Given::Pointer(address))),
        Just(one("n", Given::Written)),
    ]
}

/// A normal number of the x87 format, zero, or infinity.
fn extended() -> impl Strategy<Value = [u8; 10]> {
    let normal = (any::<u64>(), 16_300..16_470u16, any::<bool>());
    normal.prop_map(|(mantissa, exponent, negative)| {
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&(mantissa | 1 << 63).to_le_bytes());
        bytes[8..].copy_from_slice(&(u16::from(negative) << 15 | exponent).to_le_bytes());
        bytes
    })
}
