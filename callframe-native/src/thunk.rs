//! Being called by a [`Convention`] or by [`Scalars`]: C function pointers made of a word of data and an
//! [`Entered`] or an [`EnteredScalars`].
//!
//! Each pointer leads to a *thunk*, a piece of code of its own, beside which a *slot* says what the
//! thunk leads to. The code is part of this program from the start, so no memory is ever made
//! executable, and nothing needs to be asked of a system that forbids that; the slots are ordinary
//! memory. There are [`THUNKS`] of them.
//!
//! ```text
//! thunk n:  endbr64                    the place is called through a pointer
//!           mov r10, slot n's data     a register in which no C function is passed anything
//!           jmp slot n's code          one of the functions below, which returns to the caller
//! ```
//!
//! The arguments stay in the registers that the caller put them in, and the stack as it was, so whoever
//! walks it finds the caller by the one rule that holds at every function's entry. What a slot leads to
//! either makes the data a third argument, behind those of a function of two words, or puts all registers
//! of arguments beside each other on the stack, and hands on where that is.

use crate::convention::{Class, Outcome};
use crate::registers::{FloatFirst, Floats, IntegerFirst, Integers, Pair};
use crate::{Convention, Passed, Scalars};
use std::arch::{global_asm, naked_asm};
use std::ffi::c_void;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// How many pointers there may be at once, in a process; `.rept` below.
const THUNKS: usize = 1024;
/// Bytes from one thunk to the next; `.balign` below.
const STRIDE: usize = 32;

global_asm!(
    ".pushsection .text.cosmos_thunks, \"ax\", @progbits",
    ".globl cosmos_native_thunks",
    ".hidden cosmos_native_thunks",
    ".balign 32",
    "cosmos_native_thunks:",
    // One rule for all of them: the caller's address is at the top of the stack.
    ".cfi_startproc",
    ".set cosmos_native_number, 0",
    ".rept 1024",
    ".balign 32",
    // An indirect branch may land here, where the processor checks that.
    "endbr64",
    // What the thunk stands for, where functions of other languages have what they are closed over.
    "mov r10, qword ptr [rip + {slots} + 16 * cosmos_native_number]",
    // On with the arguments and the stack as they are. The target comes from a slot, never from the
    // program, and has no mark for the check, which is therefore left out.
    "notrack jmp qword ptr [rip + {slots} + 16 * cosmos_native_number + 8]",
    ".set cosmos_native_number, cosmos_native_number + 1",
    ".endr",
    ".balign 32",
    ".cfi_endproc",
    ".popsection",
    slots = sym SLOTS,
);

unsafe extern "C" {
    /// The first thunk.
    static cosmos_native_thunks: u8;
}

/// What a thunk leads to: 16 bytes, in the order in which the thunks read them.
#[repr(C)]
struct Slot {
    data: AtomicPtr<c_void>,
    /// NULL where the slot is free.
    code: AtomicPtr<c_void>,
}

static SLOTS: [Slot; THUNKS] = [const {
    Slot {
        data: AtomicPtr::new(std::ptr::null_mut()),
        code: AtomicPtr::new(std::ptr::null_mut()),
    }
}; THUNKS];

/// What is done when a pointer is called.
pub trait Entered {
    /// Gives the words of the result for the words of the arguments, as the registers hold them: above
    /// an argument narrower than its word there may be anything, and an integer result is as wide as
    /// the word. Pairs and not arrays: those would go through memory. No panic leaves it.
    ///
    /// # Safety
    /// `data` is what the pointer was made of, and is still valid.
    unsafe fn enter(data: *const c_void, words: (u64, u64)) -> (u64, u64);
}

/// What is done when a pointer to a function of [`Scalars`] is called.
pub trait EnteredScalars {
    /// Gives the words of the result for the registers of the arguments, which [`Scalars::words`] finds
    /// there; the rest is as in [`Entered::enter`].
    ///
    /// # Safety
    /// `data` is what the pointer was made of, and is still valid.
    unsafe fn enter(data: *const c_void, passed: &Passed) -> [u64; 2];
}

/// A C function pointer.
#[derive(Debug)]
pub struct Thunk {
    number: usize,
}

impl Thunk {
    /// A pointer to a function of this convention that is [`E::enter`](Entered::enter) with `data`.
    /// `None` where there are too many already.
    pub fn new<E: Entered>(convention: &Convention, data: *const c_void) -> Option<Thunk> {
        Thunk::leading_to(code::<E>(convention), data)
    }

    /// The same for a function of these scalars and an [`EnteredScalars`].
    pub fn of_scalars<E: EnteredScalars>(scalars: &Scalars, data: *const c_void) -> Option<Thunk> {
        let code = match scalars.outcome {
            Outcome::IntegerFirst => spill::<E, IntegerFirst> as *mut c_void,
            Outcome::FloatFirst => spill::<E, FloatFirst> as *mut c_void,
            Outcome::Integers => spill::<E, Integers> as *mut c_void,
            Outcome::Floats => spill::<E, Floats> as *mut c_void,
        };
        Thunk::leading_to(code, data)
    }

    fn leading_to(code: *mut c_void, data: *const c_void) -> Option<Thunk> {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        // Behind the last one, so that an address is not used again soon.
        let first = LAST.fetch_add(1, Ordering::Relaxed);
        let number = (0..THUNKS)
            .map(|step| first.wrapping_add(step) % THUNKS)
            .find(|number| {
                let free = std::ptr::null_mut();
                let slot = &SLOTS[*number].code;
                // Nobody knows the pointer yet, so nobody calls it before the data is there.
                slot.compare_exchange(free, code, Ordering::AcqRel, Ordering::Relaxed)
                    .is_ok()
            })?;
        SLOTS[number].data.store(data.cast_mut(), Ordering::Release);
        LAST.store(number.wrapping_add(1), Ordering::Relaxed);
        Some(Thunk { number })
    }

    /// The pointer, to be called as long as this lives.
    pub fn code(&self) -> *const c_void {
        (&raw const cosmos_native_thunks)
            .wrapping_add(STRIDE * self.number)
            .cast()
    }
}

impl Drop for Thunk {
    fn drop(&mut self) {
        let slot = &SLOTS[self.number];
        slot.data.store(std::ptr::null_mut(), Ordering::Relaxed);
        slot.code.store(std::ptr::null_mut(), Ordering::Release);
    }
}

/// The function for the convention.
fn code<E: Entered>(convention: &Convention) -> *mut c_void {
    match convention.outcome {
        Outcome::IntegerFirst => code_returning::<E, IntegerFirst>(convention),
        Outcome::FloatFirst => code_returning::<E, FloatFirst>(convention),
        Outcome::Integers => code_returning::<E, Integers>(convention),
        Outcome::Floats => code_returning::<E, Floats>(convention),
    }
}

fn code_returning<E: Entered, R: Pair>(convention: &Convention) -> *mut c_void {
    let is_float = convention.arguments.map(|word| word.class == Class::Float);
    match is_float {
        [false, false] => hand_on::<E, R, false, false> as *mut c_void,
        [false, true] => hand_on::<E, R, false, true> as *mut c_void,
        [true, false] => hand_on::<E, R, true, false> as *mut c_void,
        [true, true] => hand_on::<E, R, true, true> as *mut c_void,
    }
}

/// Makes the data the third integer, beside the registers of the arguments.
#[unsafe(naked)]
unsafe extern "C" fn hand_on<E: Entered, R: Pair, const FIRST: bool, const SECOND: bool>() {
    naked_asm!(
        ".cfi_startproc",
        "mov rdx, r10",
        "jmp {enter}",
        ".cfi_endproc",
        enter = sym enter::<E, R, FIRST, SECOND>,
    )
}

/// Puts the registers of arguments on the stack as [`Passed`] has them.
#[unsafe(naked)]
unsafe extern "C" fn spill<E: EnteredScalars, R: Pair>() {
    naked_asm!(
        ".cfi_startproc",
        "push rbp",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbp, -16",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        // A multiple of 16, of which the stack is one here.
        "sub rsp, {size}",
        "mov qword ptr [rsp], rdi",
        "mov qword ptr [rsp + 8], rsi",
        "mov qword ptr [rsp + 16], rdx",
        "mov qword ptr [rsp + 24], rcx",
        "mov qword ptr [rsp + 32], r8",
        "mov qword ptr [rsp + 40], r9",
        "movsd qword ptr [rsp + 48], xmm0",
        "movsd qword ptr [rsp + 56], xmm1",
        "movsd qword ptr [rsp + 64], xmm2",
        "movsd qword ptr [rsp + 72], xmm3",
        "movsd qword ptr [rsp + 80], xmm4",
        "movsd qword ptr [rsp + 88], xmm5",
        "movsd qword ptr [rsp + 96], xmm6",
        "movsd qword ptr [rsp + 104], xmm7",
        "mov rdi, r10",
        "mov rsi, rsp",
        "call {enter}",
        // The result is in its registers already.
        "leave",
        ".cfi_def_cfa rsp, 8",
        "ret",
        ".cfi_endproc",
        size = const size_of::<Passed>(),
        enter = sym enter_spilled::<E, R>,
    )
}

/// # Safety
/// As [`enter`]; `passed` is on the stack of [`spill`].
unsafe extern "C" fn enter_spilled<E: EnteredScalars, R: Pair>(
    data: *const c_void,
    passed: &Passed,
) -> R {
    // SAFETY: the thunk was made of the data, and whoever calls it keeps both.
    R::of(unsafe { E::enter(data, passed) })
}

/// Takes the words of the arguments out of their registers; whether each of the two is a float.
///
/// # Safety
/// A thunk jumps here: its caller calls a function of the convention, and the data is the slot's.
unsafe extern "C" fn enter<E: Entered, R: Pair, const FIRST: bool, const SECOND: bool>(
    integer: u64,
    next_integer: u64,
    data: *const c_void,
    float: f64,
    next_float: f64,
) -> R {
    let (integers, floats) = (
        [integer, next_integer],
        [float.to_bits(), next_float.to_bits()],
    );
    let first = if FIRST { floats[0] } else { integers[0] };
    let second = match (FIRST, SECOND) {
        (false, false) => integers[1],
        (false, true) => floats[0],
        (true, false) => integers[0],
        (true, true) => floats[1],
    };
    // SAFETY: the thunk was made of the data, and whoever calls it keeps both.
    let (first, second) = unsafe { E::enter(data, (first, second)) };
    R::of([first, second])
}

#[cfg(test)]
mod tests {
    use super::*;
    use callframe::{DataModel, Template};
    use std::sync::Arc;

    struct Number;

    impl Entered for Number {
        unsafe fn enter(data: *const c_void, (first, _): (u64, u64)) -> (u64, u64) {
            (data.addr() as u64 + first, 0)
        }
    }

    fn convention() -> Convention {
        let frame = Arc::new(callframe::parse("long f(long x)").unwrap());
        let template = Template::of(&frame, DataModel::native().unwrap()).unwrap();
        Convention::of(&template).unwrap()
    }

    /// One test, for they share the thunks of the process.
    #[test]
    fn every_thunk_leads_to_its_own_data_and_there_are_so_many() {
        let convention = convention();
        let make = |number: usize| {
            let data = std::ptr::without_provenance(1000 * number);
            Thunk::new::<Number>(&convention, data)
        };
        let mut thunks: Vec<_> = (0..THUNKS).map(|number| make(number).unwrap()).collect();
        assert!(make(0).is_none(), "one too many");
        let call = |thunk: &Thunk, number: i64| {
            // SAFETY: the convention is of such a function.
            let code: extern "C" fn(i64) -> i64 = unsafe { std::mem::transmute(thunk.code()) };
            code(number)
        };
        for (number, thunk) in thunks.iter().enumerate() {
            assert_eq!(call(thunk, 7), 1000 * number as i64 + 7);
        }
        let mut codes: Vec<_> = thunks.iter().map(Thunk::code).collect();
        codes.dedup();
        assert_eq!(codes.len(), THUNKS);
        // What is given back can be had again, wherever it is.
        let freed = thunks.swap_remove(500).code();
        let again = make(5).unwrap();
        assert_eq!(again.code(), freed);
        assert_eq!(call(&again, 1), 5001);
    }
}
