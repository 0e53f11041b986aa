//! cosmos: functions of the C library in a VM, by function pointer.

use super::{Outcome, Peer, System, compare, no_far};
use crate::far::Far;
use ::cosmos::{Buffer, Library};
use std::ffi::c_void;

const fn cosmos(name: &'static str, connect: fn(Option<&Far>) -> Outcome<Box<dyn Peer>>) -> System {
    System {
        name,
        spins: false,
        has_far: false,
        inside: false,
        connect,
        serve: no_far,
    }
}

pub const POINTER: System = cosmos("cosmos", |_| Ok(Box::new(Pointer::new(false)?)));
pub const ARENA: System = cosmos("cosmos, arena", |_| Ok(Box::new(Pointer::new(true)?)));

type Compare = unsafe extern "C" fn(*const i32, *const i32) -> i32;

struct Pointer {
    cos: extern "C" fn(f64) -> f64,
    memcpy: unsafe extern "C" fn(*mut u8, *const u8, usize) -> *mut u8,
    qsort: unsafe extern "C" fn(*mut c_void, usize, usize, Compare),
    arena: Option<Arena>,
    pid: i32,
    _functions: Vec<::cosmos::Function>,
    _libraries: [Library; 2],
}

/// Memory that both ends see, filled once.
struct Arena {
    from: Buffer,
    to: Buffer,
    filled: usize,
}

const LARGEST: usize = 1 << 20;

impl Pointer {
    fn new(in_arena: bool) -> Outcome<Pointer> {
        let maths = ::cosmos::dlopen("libm.so.6")?;
        let system = ::cosmos::dlopen("libc.so.6")?;
        let cos = maths.function("double cos(double x)")?;
        let memcpy = system.function(
            "void *__alias(to) memcpy(void *__out __sized_by(n) to, const void *__in __sized_by(n) from, size_t n)",
        )?;
        let qsort = system.function(
            "void qsort(int *__counted_by(n) __inout base, size_t n, size_t size, \
             int (*compare)(const int *a, const int *b))",
        )?;
        let pid = system.function("int getpid(void)")?.call(&[])?.result;
        let arena = match in_arena {
            true => Some(Arena {
                from: system.alloc(LARGEST)?,
                to: system.alloc(LARGEST)?,
                filled: 0,
            }),
            false => None,
        };
        // SAFETY: the prototypes say that these are the types.
        let pointers = unsafe {
            (
                std::mem::transmute::<*const c_void, extern "C" fn(f64) -> f64>(cos.pointer()),
                std::mem::transmute::<
                    *const c_void,
                    unsafe extern "C" fn(*mut u8, *const u8, usize) -> *mut u8,
                >(memcpy.pointer()),
                std::mem::transmute::<
                    *const c_void,
                    unsafe extern "C" fn(*mut c_void, usize, usize, Compare),
                >(qsort.pointer()),
            )
        };
        Ok(Pointer {
            cos: pointers.0,
            memcpy: pointers.1,
            qsort: pointers.2,
            arena,
            pid: match pid {
                ::cosmos::Value::Int(pid) => i32::try_from(pid)?,
                _ => 0,
            },
            _functions: vec![cos, memcpy, qsort],
            _libraries: [maths, system],
        })
    }
}

impl Peer for Pointer {
    fn cos(&mut self, x: f64) -> Outcome<f64> {
        match self.arena {
            None => Ok((self.cos)(x)),
            Some(_) => Err("the row is about bytes".into()),
        }
    }

    fn echo(&mut self, given: &[u8], back: &mut [u8]) -> Outcome<bool> {
        let (to, from) = match &mut self.arena {
            None => (back.as_mut_ptr(), given.as_ptr()),
            Some(arena) => {
                let from = arena.from.as_mut_ptr();
                if arena.filled != given.len() {
                    // SAFETY: the buffer has as many bytes, and nobody else uses it.
                    unsafe { from.copy_from_nonoverlapping(given.as_ptr(), given.len()) };
                    arena.filled = given.len();
                }
                let to = arena.to.as_mut_ptr();
                (to, from.cast_const())
            }
        };
        // SAFETY: both have as many bytes as are said.
        unsafe { (self.memcpy)(to, from, given.len()) };
        if self.arena.is_some() {
            // The answer is used where it is; a byte of it is looked at.
            // SAFETY: the buffer has more than that.
            back[0] = unsafe { *to };
            let last = back.len() - 1;
            back[last] = unsafe { *to.add(last) };
        }
        Ok(true)
    }

    fn sort(&mut self, numbers: &mut [i32]) -> Outcome<bool> {
        if self.arena.is_some() {
            return Ok(false);
        }
        // SAFETY: as many elements as are said, of the size that is said.
        unsafe { (self.qsort)(numbers.as_mut_ptr().cast(), numbers.len(), 4, compare) };
        Ok(true)
    }

    fn others(&mut self) -> Outcome<Vec<i32>> {
        Ok(vec![self.pid])
    }
}
