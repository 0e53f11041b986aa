//! Calls of functions of up to eight scalars are those that libffi makes: the caller is this crate's and
//! the function libffi's, and the other way round.

#![cfg(all(target_arch = "x86_64", unix))]

use callframe::{DataModel, Template};
use callframe_native::{EnteredScalars, Passed, Scalars, Thunk};
use libffi::low::{ffi_cif, ffi_closure, try_closure_alloc};
use libffi::middle::Cif;
use libffi::raw::{ffi_call, ffi_closure_free, ffi_prep_closure_loc, ffi_status_FFI_OK};
use proptest::prelude::*;
use proptest::sample::select;
use std::cell::RefCell;
use std::ffi::c_void;
use std::sync::Arc;

const DEFINITIONS: &str = "struct both { int whole; float part; }; struct near { float x, y; }; ";

/// Types of one word, and whether they travel as integers.
const WORDS: [(&str, bool); 15] = [
    ("_Bool", true),
    ("char", true),
    ("unsigned char", true),
    ("short", true),
    ("unsigned short", true),
    ("int", true),
    ("unsigned", true),
    ("long", true),
    ("size_t", true),
    ("const char *", true),
    ("float", false),
    ("double", false),
    ("float complex", false),
    ("struct both", true),
    ("struct near", false),
];

#[derive(Clone, Debug)]
struct Case {
    parameters: Vec<(&'static str, bool)>,
    result: &'static str,
    arguments: [u64; 8],
    returned: u64,
}

impl Case {
    fn prototype(&self) -> String {
        let parameters: Vec<String> = (self.parameters.iter().enumerate())
            .map(|(index, (ty, _))| format!("{ty} p{index}"))
            .collect();
        let parameters = match parameters.is_empty() {
            true => "void".to_owned(),
            false => parameters.join(", "),
        };
        format!("{DEFINITIONS}{} f({parameters});", self.result)
    }

    /// A truth value is 0 or 1 to everybody.
    fn with_truths(mut self) -> Case {
        for ((ty, _), argument) in self.parameters.iter().zip(&mut self.arguments) {
            if *ty == "_Bool" {
                *argument &= !0xfe;
            }
        }
        if self.result == "_Bool" {
            self.returned &= 1;
        }
        self
    }
}

fn case() -> impl Strategy<Value = Case> {
    let results = prop_oneof![
        1 => Just("void"),
        6 => select(&WORDS[..]).prop_map(|(ty, _)| match ty {
            // What a pointer that is returned leads to would have to be said.
            "const char *" => "long",
            ty => ty,
        }),
    ];
    let parameters = prop::collection::vec(select(&WORDS[..]), 0..=9);
    (parameters, results, any::<[u64; 8]>(), any::<u64>()).prop_map(
        |(parameters, result, arguments, returned)| {
            let case = Case {
                parameters,
                result,
                arguments,
                returned,
            };
            case.with_truths()
        },
    )
}

/// A function that both can call.
struct Function {
    scalars: Scalars,
    interface: Cif,
    sizes: Vec<usize>,
    result: usize,
    widened: Option<callframe_ffi::NarrowResult>,
}

impl Function {
    fn of(prototype: &str) -> Option<Function> {
        let frame = Arc::new(callframe::parse(prototype).expect(prototype));
        let template = Template::of(&frame, DataModel::native().unwrap()).expect(prototype);
        let size = |ty| template.size_align(ty).size as usize;
        let parameters = frame.parameters().iter();
        Some(Function {
            scalars: Scalars::of(&template)?,
            interface: callframe_ffi::cif(&frame).expect(prototype),
            sizes: parameters.map(|parameter| size(parameter.ty)).collect(),
            result: template.result().size as usize,
            widened: callframe_ffi::result_of(&frame),
        })
    }

    /// The result as a register holds it.
    fn register(&self, returned: u64) -> u64 {
        match self.widened {
            Some(narrow) => narrow.widened(returned.to_le_bytes()) as u64,
            None => returned,
        }
    }
}

/// The bytes of a word that a type has.
fn low(word: u64, size: usize) -> u64 {
    match size {
        0 => 0,
        size => word & (u64::MAX >> (64 - 8 * size)),
    }
}

/// What a function saw, and what it returns.
#[derive(Default)]
struct Seen {
    sizes: Vec<usize>,
    arguments: Vec<u64>,
    passed: Passed,
    reply: u64,
}

/// libffi's closure of a test.
unsafe extern "C" fn closed(
    _: *mut ffi_cif,
    result: *mut c_void,
    arguments: *mut *mut c_void,
    seen: *mut c_void,
) {
    // SAFETY: libffi gives a pointer for each argument, and room for a register.
    unsafe {
        let mut seen = (*seen.cast::<RefCell<Seen>>()).borrow_mut();
        for (index, size) in seen.sizes.clone().into_iter().enumerate() {
            let mut bytes = [0; 8];
            let from = (*arguments.add(index)).cast::<u8>();
            std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), size);
            seen.arguments.push(u64::from_le_bytes(bytes));
        }
        result.cast::<u64>().write(seen.reply);
    }
}

struct Noting;

impl EnteredScalars for Noting {
    unsafe fn enter(data: *const c_void, passed: &Passed) -> [u64; 2] {
        // SAFETY: the test made the pointer of this.
        let mut seen = unsafe { &*data.cast::<RefCell<Seen>>() }.borrow_mut();
        seen.passed = *passed;
        [seen.reply, 0]
    }
}

/// This crate calls, libffi is called.
fn calls_a_closure(function: &Function, case: &Case) {
    let seen = RefCell::new(Seen {
        sizes: function.sizes.clone(),
        reply: function.register(case.returned),
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
        let returned = function.scalars.call(code, &case.arguments);
        ffi_closure_free(closure.cast());
        returned
    };
    let seen = seen.into_inner();
    assert_eq!(seen.arguments.len(), function.sizes.len());
    for ((got, size), given) in seen
        .arguments
        .iter()
        .zip(&function.sizes)
        .zip(case.arguments)
    {
        assert_eq!(*got, low(given, *size), "of {given:#x}");
    }
    let size = function.result;
    assert_eq!(low(returned[0], size), low(case.returned, size));
}

/// libffi calls, this crate is called.
fn is_called(function: &Function, case: &Case) {
    let seen = RefCell::new(Seen {
        reply: function.register(case.returned),
        ..Seen::default()
    });
    let thunk = Thunk::of_scalars::<Noting>(&function.scalars, (&raw const seen).cast()).unwrap();
    let mut arguments = case.arguments;
    let mut pointers: Vec<*mut c_void> = arguments
        .iter_mut()
        .map(|argument| std::ptr::from_mut(argument).cast())
        .collect();
    let mut result = [0u64; 2];
    // SAFETY: there is a pointer for each argument, of at most 8 bytes, and room for the result.
    unsafe {
        let code = std::mem::transmute::<*const c_void, unsafe extern "C" fn()>(thunk.code());
        ffi_call(
            function.interface.as_raw_ptr(),
            Some(code),
            result.as_mut_ptr().cast(),
            pointers.as_mut_ptr(),
        );
    }
    let words = function.scalars.words(&seen.into_inner().passed);
    for ((got, size), given) in words.iter().zip(&function.sizes).zip(case.arguments) {
        assert_eq!(low(*got, *size), low(given, *size));
    }
    let size = function.result;
    assert_eq!(low(result[0], size), low(case.returned, size));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn calls_are_libffis(case in case()) {
        let function = Function::of(&case.prototype());
        let integers = case.parameters.iter().filter(|(_, integer)| *integer).count();
        let fits = case.parameters.len() <= 8 && integers <= 6;
        prop_assert_eq!(function.is_some(), fits);
        if let Some(function) = function {
            calls_a_closure(&function, &case);
            is_called(&function, &case);
        }
    }
}

#[test]
fn others_have_none() {
    for prototype in [
        "long double fmal(long double x, long double y, long double z)",
        "void f(double complex z, int x)",
        "struct s { long a; long b; }; void f(struct s s)",
        "struct s { long a; long b; long c; }; struct s f(int x)",
        "int f(int a, int b, int c, int d, int e, int f, int g)",
        "int f(int x, double y, int z) __variadic(1)",
    ] {
        assert!(Function::of(prototype).is_none(), "{prototype}");
    }
}

/// What stands beside a narrow argument in its register is none of the function's business, and it
/// finds its sign there.
#[test]
fn narrow_arguments_are_extended() {
    extern "C" fn wide(first: i64, second: f32, third: u64, fourth: i64, fifth: f64) -> f64 {
        first as f64 + f64::from(second) + third as f64 + fourth as f64 + fifth
    }
    let prototype = "double f(signed char a, float b, unsigned char c, short d, double e)";
    let function = Function::of(prototype).unwrap();
    let words = [
        0xaaaa_aaaa_aaaa_aafe,
        0xbbbb_bbbb_0000_0000 | u64::from(0.5f32.to_bits()),
        0xcccc_cccc_cccc_cc07,
        0xdddd_dddd_dddd_ff00,
        1000.25f64.to_bits(),
    ];
    // SAFETY: it takes the same registers, all of each.
    let sum = unsafe {
        let code = std::mem::transmute::<*const c_void, unsafe extern "C" fn()>(wide as *const _);
        function.scalars.call(code, &words)
    };
    assert_eq!(f64::from_bits(sum[0]), -2.0 + 0.5 + 7.0 - 256.0 + 1000.25);
}

/// Says whether the way back leads through the function that called the pointer.
struct Looking;

impl EnteredScalars for Looking {
    unsafe fn enter(_: *const c_void, _: &Passed) -> [u64; 2] {
        let way = std::backtrace::Backtrace::force_capture().to_string();
        let caller = "whoever_calls_a_pointer_is_found";
        [u64::from(way.contains(caller)), 0]
    }
}

#[test]
fn whoever_calls_a_pointer_is_found_on_the_stack() {
    let function = Function::of("long f(long x, double y, long z)").unwrap();
    let thunk = Thunk::of_scalars::<Looking>(&function.scalars, std::ptr::null()).unwrap();
    // SAFETY: the scalars are of such a function.
    let code: extern "C" fn(i64, f64, i64) -> i64 = unsafe { std::mem::transmute(thunk.code()) };
    assert_eq!(code(0, 0.0, 0), 1);
}
