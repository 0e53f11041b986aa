//! Callbacks that are Rust closures.
//!
//! A closure has no address that C code could call, and needs none: only the VM's requests lead to
//! it. Where memory holds a pointer to it, as in a struct of callbacks, that pointer is a number of
//! this module's, which is no address on x86-64:
//!
//! ```text
//! bit  63   62   61 ............... 0
//!       1    1   serial number
//! ```

use crate::dynamic;
use crate::session::{Session, lock};
use crate::token::VmNumber;
use crate::value::Value;
use callframe::marshal::{Callee, Image};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// A function of this program that code in a VM may call: see [`callback`].
#[derive(Clone)]
pub struct Callback {
    function: Arc<Closure>,
}

type Closure = dyn Fn(&[Value]) -> Answer + Send + Sync;

/// A closure as an argument, for a parameter that is a pointer to a function.
///
/// It is called with the callback's arguments, one value for each parameter, on the thread that
/// makes the call, and gives what the callback returns ([`Value::Void`] for nothing). Pointers to
/// data are given as what they lead to; [`callback_writing`] is for those that the callback writes
/// to. A closure that panics, or returns a value of another type,
/// makes the call fail with a message that says so; the code in the VM gets zero from its callback
/// and is left by returning, as it expects.
///
/// ```no_run
/// # fn main() -> Result<(), cosmos::Error> {
/// use cosmos::{Value, callback};
///
/// let libc = cosmos::dlopen("libc.so.6")?;
/// let qsort = libc.function(
///     "void qsort(void *__inout __sized_by(nmemb * size) base, size_t nmemb, size_t size,
///                 int (*compar)(const void *__sized_by(size) a, const void *__sized_by(size) b))",
/// )?;
/// let descending = callback(|arguments| match arguments {
///     [Value::Bytes(a), Value::Bytes(b)] => Value::from(b.cmp(a) as i32),
///     _ => Value::from(0),
/// });
/// let outcome = qsort.call(&[Value::from(&b"bca"[..]), Value::from(3), Value::from(1), descending])?;
/// assert_eq!(outcome.outputs[0].1, Value::from(&b"cba"[..]));
/// # Ok(())
/// # }
/// ```
pub fn callback(function: impl Fn(&[Value]) -> Value + Send + Sync + 'static) -> Value {
    Value::Callback(Callback::new(function))
}

/// The same for a callback that writes to memory behind its parameters: what it leaves there is in
/// its [`Answer`]. Parameters that only come back are given as [`Value::Out`].
///
/// ```
/// use cosmos::{Answer, Value, callback_writing};
///
/// // ssize_t (*read)(void *__opaque cookie, char *__out __sized_by(size) __filled(return) buf, size_t size)
/// let zeros = callback_writing(|arguments| {
///     let size = arguments[2].to_f64().unwrap_or(0.0) as usize;
///     let bytes = vec![0; size.min(4096)];
///     Answer::new(bytes.len() as u64).output("buf", Value::Bytes(bytes))
/// });
/// # let Value::Callback(_) = zeros else { panic!() };
/// ```
pub fn callback_writing(function: impl Fn(&[Value]) -> Answer + Send + Sync + 'static) -> Value {
    Value::Callback(Callback {
        function: Arc::new(function),
    })
}

/// What a closure leaves: see [`callback_writing`].
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub(crate) result: Value,
    pub(crate) outputs: Vec<(String, Value)>,
}

impl Answer {
    /// What the callback returns; [`Value::Void`] for nothing.
    pub fn new(result: impl Into<Value>) -> Answer {
        Answer {
            result: result.into(),
            outputs: Vec::new(),
        }
    }

    /// With what it writes to where this parameter leads. What is longer than the memory there, and
    /// a parameter that is NULL or whose data does not come back, makes the call fail.
    pub fn output(mut self, parameter: impl Into<String>, value: impl Into<Value>) -> Answer {
        self.outputs.push((parameter.into(), value.into()));
        self
    }
}

impl Callback {
    /// A closure.
    pub fn new(function: impl Fn(&[Value]) -> Value + Send + Sync + 'static) -> Callback {
        Callback {
            function: Arc::new(move |arguments| Answer::new(function(arguments))),
        }
    }

    pub(crate) fn call(&self, arguments: &[Value]) -> Answer {
        (self.function)(arguments)
    }
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Callback")
    }
}

/// Callbacks are equal when they are the same closure.
impl PartialEq for Callback {
    fn eq(&self, other: &Callback) -> bool {
        Arc::ptr_eq(&self.function, &other.function)
    }
}

/// A closure that has a number, until this is dropped.
#[derive(Debug)]
pub(crate) struct Lent {
    number: u64,
}

const MARK: u64 = 0b11 << 62;

/// The closures that have numbers, of one process.
#[derive(Debug, Default)]
pub(crate) struct Closures {
    table: Mutex<HashMap<u64, Callback>>,
}

impl Lent {
    pub(crate) fn new(callback: &Callback) -> Lent {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let number = MARK | (LAST.fetch_add(1, Ordering::Relaxed) + 1) & !MARK;
        lock(&Session::current().closures().table).insert(number, callback.clone());
        Lent { number }
    }

    /// What stands for it in memory.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let gone = lock(&Session::current().closures().table).remove(&self.number);
        // Not while the table is locked: it may be the last of what the closure holds.
        drop(gone);
    }
}

/// The closure of a number.
pub(super) fn of(number: u64) -> Option<Callback> {
    if number & MARK != MARK {
        return None;
    }
    lock(&Session::current().closures().table)
        .get(&number)
        .cloned()
}

/// What a closure left.
pub(super) struct Left {
    /// Its result, as C has it.
    pub result: Vec<u8>,
    /// What the result leads to.
    _laid: dynamic::Returned,
}

/// Calls a closure with the arguments in the image; a sentence where that has no result.
pub(super) fn enter(
    callback: &Callback,
    callee: &Callee,
    number: VmNumber,
    image: &mut Image,
) -> Result<Left, String> {
    let base = image.bytes_mut().as_mut_ptr();
    image.relocate(base.expose_provenance() as u64);
    let arguments = dynamic::arguments(callee.template(), image, number)?;
    let returned = catch_unwind(AssertUnwindSafe(|| callback.call(&arguments)));
    let answer = returned.map_err(|panic| {
        let words = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        format!("it panicked: {}", words.unwrap_or("no message"))
    })?;
    let laid = dynamic::Returned::lay(callee.template(), image, &answer, number)?;
    Ok(Left {
        result: laid.bytes(),
        _laid: laid,
    })
}
