//! In this process: a call by pointer, one through libffi, and `memcpy`.

use super::{Outcome, Peer, System, compare, no_far};
use std::ffi::c_void;
use std::hint::black_box;

unsafe extern "C" {
    fn cos(x: f64) -> f64;
    fn qsort(
        base: *mut c_void,
        count: usize,
        size: usize,
        compare: unsafe extern "C" fn(*const i32, *const i32) -> i32,
    );
}

const fn inside(
    name: &'static str,
    connect: fn(Option<&crate::far::Far>) -> Outcome<Box<dyn Peer>>,
) -> System {
    System {
        name,
        spins: false,
        has_far: false,
        inside: true,
        connect,
        serve: no_far,
    }
}

pub const DIRECT: System = inside("in-process call", |_| Ok(Box::new(Direct)));
pub const LIBFFI: System = inside("in-process libffi", |_| Ok(Box::new(Libffi::new())));
pub const MEMCPY: System = inside("memcpy", |_| Ok(Box::new(Memcpy(Vec::new()))));

struct Direct;

impl Peer for Direct {
    fn cos(&mut self, x: f64) -> Outcome<f64> {
        let function: unsafe extern "C" fn(f64) -> f64 = black_box(cos);
        // SAFETY: the function of the C library.
        Ok(unsafe { function(x) })
    }

    fn sort(&mut self, numbers: &mut [i32]) -> Outcome<bool> {
        // SAFETY: as many elements as are said, of the size that is said.
        unsafe { qsort(numbers.as_mut_ptr().cast(), numbers.len(), 4, compare) };
        Ok(true)
    }
}

struct Libffi(libffi::middle::Cif);

impl Libffi {
    fn new() -> Libffi {
        use libffi::middle::{Cif, Type};
        Libffi(Cif::new([Type::f64()], Type::f64()))
    }
}

impl Peer for Libffi {
    fn cos(&mut self, x: f64) -> Outcome<f64> {
        use libffi::middle::{CodePtr, arg};
        let function = CodePtr::from_ptr(black_box(cos as *const c_void));
        // SAFETY: the interface was prepared for the type of the function.
        Ok(unsafe { self.0.call(function, &[arg(&x)]) })
    }
}

/// Copies in and out, as the least that a far end could do.
struct Memcpy(Vec<u8>);

impl Peer for Memcpy {
    fn cos(&mut self, _: f64) -> Outcome<f64> {
        Err("memcpy computes nothing".into())
    }

    fn echo(&mut self, given: &[u8], back: &mut [u8]) -> Outcome<bool> {
        self.0.resize(given.len(), 0);
        black_box(&mut self.0[..]).copy_from_slice(given);
        back.copy_from_slice(black_box(&self.0));
        Ok(true)
    }
}
