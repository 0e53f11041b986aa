//! Calls by a convention are those that libffi makes, over all kinds of signatures that have one: the
//! caller is this crate's and the function libffi's, and the other way round.

#![cfg(all(target_arch = "x86_64", unix))]

use callframe::types::Type;
use callframe::{DataModel, Template};
use callframe_native::{Convention, Entered, Thunk};
use libffi::low::{ffi_cif, ffi_closure, try_closure_alloc};
use libffi::middle::Cif;
use libffi::raw::{ffi_call, ffi_closure_free, ffi_prep_closure_loc, ffi_status_FFI_OK};
use proptest::prelude::*;
use proptest::sample::select;
use std::cell::RefCell;
use std::ffi::c_void;
use std::sync::Arc;

/// A function of one or two parameters, as a prototype, with bytes for arguments and result.
#[derive(Clone, Debug)]
struct Case {
    prototype: String,
    arguments: [[u8; 16]; 2],
    result: [u8; 16],
}

const SCALARS: [&str; 14] = [
    "_Bool",
    "char",
    "unsigned char",
    "short",
    "unsigned short",
    "int",
    "unsigned",
    "long",
    "size_t",
    "float",
    "double",
    "float complex",
    "double complex",
    "int32_t",
];

fn member() -> impl Strategy<Value = String> {
    (select(&SCALARS[..]), prop_oneof![4 => Just(1), 1 => 2..5u8]).prop_map(|(scalar, count)| {
        match count {
            1 => format!("{scalar} NAME;"),
            count => format!("{scalar} NAME[{count}];"),
        }
    })
}

/// A type's name, and its definition where it needs one.
fn any_type(tag: &'static str) -> impl Strategy<Value = (String, String)> {
    let record = prop::collection::vec(member(), 1..5);
    let kinds = prop_oneof![4 => Just("struct"), 1 => Just("union")];
    prop_oneof![
        2 => select(&SCALARS[..]).prop_map(|scalar| (scalar.to_owned(), String::new())),
        1 => (kinds, record).prop_map(move |(kind, members)| {
            let mut body = String::new();
            for (index, member) in members.iter().enumerate() {
                body += &member.replace("NAME", &format!("m{index}"));
            }
            (format!("{kind} {tag}"), format!("{kind} {tag} {{ {body} }}; "))
        }),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let types = (
        prop_oneof![
            1 => Just(("void".to_owned(), String::new())),
            6 => any_type("r"),
        ],
        any_type("a"),
        prop::option::of(any_type("b")),
    );
    (types, any::<[[u8; 16]; 2]>(), any::<[u8; 16]>()).prop_map(|(types, arguments, result)| {
        let ((result_type, mut text), (first, definition), second) = types;
        text += &definition;
        let second = second.map_or(String::new(), |(second, definition)| {
            text += &definition;
            format!(", {second} b")
        });
        text += &format!("{result_type} f({first} a{second});");
        Case {
            prototype: text,
            arguments,
            result,
        }
    })
}

/// A function that both can call.
struct Function {
    template: Template,
    convention: Convention,
    interface: Cif,
    /// The bytes of arguments and result that are not padding.
    arguments: Vec<Vec<bool>>,
    result: Vec<bool>,
}

impl Function {
    fn of(prototype: &str) -> Option<Function> {
        let frame = Arc::new(callframe::parse(prototype).expect(prototype));
        let template = Template::of(&frame, DataModel::native().unwrap()).expect(prototype);
        let convention = Convention::of(&template)?;
        let parts = |ty| {
            let mut parts = vec![false; template.size_align(ty).size as usize];
            mark(&template, ty, 0, &mut parts);
            parts
        };
        let result = match frame.ty(frame.result()) {
            Type::Void => Vec::new(),
            _ => parts(frame.result()),
        };
        let parameters = frame.parameters().iter();
        Some(Function {
            arguments: parameters.map(|parameter| parts(parameter.ty)).collect(),
            result,
            convention,
            interface: callframe_ffi::cif(&frame).expect(prototype),
            template,
        })
    }

    /// The words of arguments, with nothing behind them but zeros, as the call takes them.
    fn words(&self, arguments: &[[u8; 16]; 2]) -> [u64; 2] {
        let mut bytes = [0; 16];
        let slots = self.template.arguments().iter();
        for ((slot, parts), argument) in slots.zip(&self.arguments).zip(arguments) {
            for (index, part) in parts.iter().enumerate() {
                bytes[slot.offset as usize + index] = if *part { argument[index] } else { 0 };
            }
        }
        words(bytes)
    }

    fn agree(&self, parts: &[bool], left: &[u8], right: &[u8]) -> bool {
        let mut bytes = parts.iter().zip(left.iter().zip(right));
        bytes.all(|(part, (left, right))| !part || left == right)
    }
}

fn words(bytes: [u8; 16]) -> [u64; 2] {
    let all = u128::from_le_bytes(bytes);
    [all as u64, (all >> 64) as u64]
}

fn bytes([first, second]: [u64; 2]) -> [u8; 16] {
    (u128::from(first) | u128::from(second) << 64).to_le_bytes()
}

fn mark(template: &Template, ty: callframe::types::TypeId, at: usize, parts: &mut [bool]) {
    let frame = template.frame();
    let size = template.size_align(ty).size as usize;
    match frame.ty(ty) {
        Type::Array { element, length } => {
            let stride = template.size_align(*element).size as usize;
            for index in 0..*length as usize {
                mark(template, *element, at + index * stride, parts);
            }
        }
        Type::Record(record) => {
            for (index, field) in frame.record(*record).fields.iter().enumerate() {
                let offset = template.field_offset(*record, index).unwrap() as usize;
                mark(template, field.ty, at + offset, parts);
            }
        }
        _ => parts[at..at + size].fill(true),
    }
}

/// What a function saw, and what it returns.
#[derive(Default)]
struct Seen {
    arguments: Vec<Vec<u8>>,
    sizes: Vec<usize>,
    result: Vec<u8>,
    widened: Option<usize>,
    words: [u64; 2],
    reply: [u64; 2],
}

/// libffi's closure of a test.
unsafe extern "C" fn closed(
    _: *mut ffi_cif,
    result: *mut c_void,
    arguments: *mut *mut c_void,
    seen: *mut c_void,
) {
    // SAFETY: libffi gives a pointer for each argument, and room for the result.
    unsafe {
        let mut seen = (*seen.cast::<RefCell<Seen>>()).borrow_mut();
        for (index, size) in seen.sizes.clone().into_iter().enumerate() {
            let bytes = std::slice::from_raw_parts((*arguments.add(index)).cast::<u8>(), size);
            seen.arguments.push(bytes.to_vec());
        }
        match seen.widened {
            Some(register) => result.cast::<usize>().write(register),
            None => {
                let from = seen.result.as_ptr();
                std::ptr::copy_nonoverlapping(from, result.cast(), seen.result.len());
            }
        }
    }
}

struct Noting;

impl Entered for Noting {
    unsafe fn enter(data: *const c_void, (first, second): (u64, u64)) -> (u64, u64) {
        // SAFETY: the test made the pointer of this.
        let mut seen = unsafe { &*data.cast::<RefCell<Seen>>() }.borrow_mut();
        seen.words = [first, second];
        (seen.reply[0], seen.reply[1])
    }
}

/// The result as a register holds it, where it is a narrow integer.
fn widened(function: &Function, result: &[u8; 16]) -> Option<usize> {
    let narrow = callframe_ffi::result_of(function.template.frame())?;
    Some(narrow.widened(*result.first_chunk().unwrap()))
}

/// This crate calls, libffi is called.
fn calls_a_closure(function: &Function, case: &Case) {
    let seen = RefCell::new(Seen {
        sizes: function.arguments.iter().map(Vec::len).collect(),
        result: case.result[..function.result.len()].to_vec(),
        widened: widened(function, &case.result),
        ..Seen::default()
    });
    let (closure, code) = try_closure_alloc().unwrap();
    let closure: *mut ffi_closure = closure;
    // SAFETY: everything lives until the end of this function.
    let returned = unsafe {
        let interface = function.interface.as_raw_ptr();
        let data = (&raw const seen).cast_mut().cast();
        let status =
            ffi_prep_closure_loc(closure, interface, Some(closed), data, code.as_mut_ptr());
        assert_eq!(status, ffi_status_FFI_OK);
        let code = std::mem::transmute::<*const c_void, unsafe extern "C" fn()>(code.as_ptr());
        let returned = function
            .convention
            .call(code, function.words(&case.arguments));
        ffi_closure_free(closure.cast());
        returned
    };
    let seen = seen.into_inner();
    let all = seen
        .arguments
        .iter()
        .zip(&function.arguments)
        .zip(&case.arguments);
    for ((got, parts), given) in all {
        assert!(function.agree(parts, got, given), "{got:?} for {given:?}");
    }
    let returned = bytes(returned);
    assert!(
        function.agree(&function.result, &returned, &case.result),
        "{returned:?}"
    );
}

/// libffi calls, this crate is called.
fn is_called(function: &Function, case: &Case) {
    let reply = match widened(function, &case.result) {
        Some(register) => [register as u64, 0],
        None => words(case.result),
    };
    let seen = RefCell::new(Seen {
        reply,
        ..Seen::default()
    });
    let thunk = Thunk::new::<Noting>(&function.convention, (&raw const seen).cast()).unwrap();
    let mut arguments = case.arguments.map(u128::from_le_bytes);
    let mut pointers: Vec<*mut c_void> = arguments
        .iter_mut()
        .map(|argument| std::ptr::from_mut(argument).cast())
        .collect();
    let mut result = [0u128; 2];
    // SAFETY: there is a pointer for each argument, of at most 16 bytes, and room for the result.
    unsafe {
        let code = std::mem::transmute::<*const c_void, unsafe extern "C" fn()>(thunk.code());
        ffi_call(
            function.interface.as_raw_ptr(),
            Some(code),
            result.as_mut_ptr().cast(),
            pointers.as_mut_ptr(),
        );
    }
    let got = bytes(seen.into_inner().words);
    let slots = function.template.arguments().iter();
    for ((slot, parts), given) in slots.zip(&function.arguments).zip(&case.arguments) {
        let got = &got[slot.offset as usize..];
        assert!(function.agree(parts, got, given), "{got:?} for {given:?}");
    }
    let result = result[0].to_le_bytes();
    assert!(
        function.agree(&function.result, &result, &case.result),
        "{result:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn calls_are_libffis(mut case in case()) {
        let Some(function) = Function::of(&case.prototype) else {
            return Ok(());
        };
        // A truth value is 0 or 1 to both.
        if case.prototype.contains("_Bool") {
            let truths = |bytes: [u8; 16]| bytes.map(|byte| byte & 1);
            case.arguments = case.arguments.map(truths);
            case.result = truths(case.result);
        }
        calls_a_closure(&function, &case);
        is_called(&function, &case);
    }
}

fn has_convention(prototype: &str) -> bool {
    Function::of(prototype).is_some()
}

#[test]
fn functions_of_two_words_have_a_convention() {
    for prototype in [
        "void f(void)",
        "double cos(double x)",
        "double pow(double x, double y)",
        "int abs(int x)",
        "_Bool f(char x, _Bool y)",
        "float ldexpf(float x, int e)",
        "struct { int quot; int rem; } div(int a, int b)",
        "struct { long quot; long rem; } ldiv(long a, long b)",
        "struct d { double x; long n; }; struct d f(struct d d)",
        "struct l { long n; double x; }; struct l f(struct l l)",
        "struct p { float x, y, z; }; struct p f(struct p p)",
        "double complex f(double complex z)",
        "float complex f(float complex z, float complex y)",
        "union u { double real; int integer; }; union u f(union u u)",
    ] {
        assert!(has_convention(prototype), "{prototype}");
    }
}

#[test]
fn others_have_none() {
    for prototype in [
        "double fma(double x, double y, double z)",
        "long double cosl(long double x)",
        "struct { long double x; } f(int x)",
        "long double complex f(int x)",
        "struct s { long a; long b; long c; }; void f(struct s s)",
        "struct s { long a; long b; long c; }; struct s f(void)",
        "struct s { long a; long b; }; void f(struct s s, int x)",
        "int f(int x, double y) __variadic(1)",
    ] {
        assert!(!has_convention(prototype), "{prototype}");
    }
}

/// What stands beside a narrow argument in its register is none of the function's business, and it
/// finds its sign there.
#[test]
fn narrow_arguments_are_extended() {
    extern "C" fn wide(narrow: i64, positive: u64) -> i64 {
        narrow + positive as i64
    }
    let function = Function::of("long f(signed char narrow, unsigned char positive)").unwrap();
    // SAFETY: it takes the same registers, all of each.
    let sum = unsafe {
        let code = std::mem::transmute::<*const c_void, unsafe extern "C" fn()>(wide as *const _);
        function
            .convention
            .call(code, [0xaaaa_aaaa_aaaa_aafe, 0xbbbb_bbbb_bbbb_bb07])
    };
    assert_eq!(sum[0] as i64, 5);
}

/// Says whether the way back leads through the function that called the pointer.
struct Looking;

impl Entered for Looking {
    unsafe fn enter(_: *const c_void, _: (u64, u64)) -> (u64, u64) {
        let way = std::backtrace::Backtrace::force_capture().to_string();
        let found = u64::from(way.contains("whoever_calls_a_pointer_is_found"));
        (found, 0)
    }
}

#[test]
fn whoever_calls_a_pointer_is_found_on_the_stack() {
    let function = Function::of("long f(long x)").unwrap();
    let thunk = Thunk::new::<Looking>(&function.convention, std::ptr::null()).unwrap();
    // SAFETY: the convention is of such a function.
    let code: extern "C" fn(i64) -> i64 = unsafe { std::mem::transmute(thunk.code()) };
    assert_eq!(code(0), 1);
}
