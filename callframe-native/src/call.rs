//! Calling a function by its [`Convention`], or by its [`Scalars`].

use crate::convention::{Class, Outcome};
use crate::registers::{FloatFirst, Floats, IntegerFirst, Integers, Pair};
use crate::scalars::Passed;
use crate::{Convention, Scalars};

/// A function that looks into some of these registers: rdi, rsi, xmm0 and xmm1.
type Code<R> = unsafe extern "C" fn(u64, u64, f64, f64) -> R;

impl Convention {
    /// Calls `code` with these words of arguments; gives the words of its result, whose bytes behind
    /// the result are whatever the function left there.
    ///
    /// # Safety
    /// `code` is a function whose prototype this is the convention of, and may be called with these
    /// arguments.
    #[inline(always)]
    pub unsafe fn call(&self, code: unsafe extern "C" fn(), words: [u64; 2]) -> [u64; 2] {
        let [first, second] = self.arguments;
        let words = match self.whole {
            true => words,
            false => [first.extended(words[0]), second.extended(words[1])],
        };
        // The first word of a kind goes into the first register of it. What is in a register that is
        // then left nobody looks at.
        let (integer, float) = match first.class {
            Class::Float => (words[1], words[0]),
            _ => (words[0], words[1]),
        };
        let registers = (
            integer,
            words[1],
            f64::from_bits(float),
            f64::from_bits(words[1]),
        );
        // SAFETY: the caller's promise; the types are those of the registers that the result is in.
        unsafe {
            match self.outcome {
                Outcome::IntegerFirst => enter::<IntegerFirst>(code, registers),
                Outcome::FloatFirst => enter::<FloatFirst>(code, registers),
                Outcome::Integers => enter::<Integers>(code, registers),
                Outcome::Floats => enter::<Floats>(code, registers),
            }
        }
    }
}

/// # Safety
/// As [`Convention::call`], with its arguments in these registers, and its result is in those of an `R`.
#[inline(always)]
unsafe fn enter<R: Pair>(
    code: unsafe extern "C" fn(),
    (first, second, float, next_float): (u64, u64, f64, f64),
) -> [u64; 2] {
    // SAFETY: the caller's promise. The function looks into the registers of its own arguments, which
    // are set; others it may overwrite, as any function may. It leaves its result where the convention
    // has it, which is where one of type `R` is.
    unsafe {
        let code = std::mem::transmute::<unsafe extern "C" fn(), Code<R>>(code);
        code(first, second, float, next_float).words()
    }
}

/// A function that looks into some of the registers for integers, or into some of all.
type IntegerCode<R> = unsafe extern "C" fn(u64, u64, u64, u64, u64, u64) -> R;
type AnyCode<R> = unsafe extern "C" fn(
    u64,
    u64,
    u64,
    u64,
    u64,
    u64, //
    f64,
    f64,
    f64,
    f64,
    f64,
    f64,
    f64,
    f64,
) -> R;

impl Scalars {
    /// Calls `code` with these words of arguments, one for each parameter; gives the words of its result,
    /// whose bytes behind the result are whatever the function left there.
    ///
    /// # Safety
    /// `code` is a function of whose prototype these are, and may be called with these arguments.
    #[inline]
    pub unsafe fn call(&self, code: unsafe extern "C" fn(), words: &[u64]) -> [u64; 2] {
        // SAFETY: the caller's promise; the types are those of the registers that the result is in.
        unsafe {
            match self.outcome {
                Outcome::IntegerFirst => self.enter::<IntegerFirst>(code, words),
                Outcome::FloatFirst => self.enter::<FloatFirst>(code, words),
                Outcome::Integers => self.enter::<Integers>(code, words),
                Outcome::Floats => self.enter::<Floats>(code, words),
            }
        }
    }

    /// # Safety
    /// As [`Scalars::call`], and its result is in the registers of an `R`.
    #[inline]
    unsafe fn enter<R: Pair>(&self, code: unsafe extern "C" fn(), words: &[u64]) -> [u64; 2] {
        let Passed { registers } = self.passed(words);
        let [a, b, c, d, e, f, floats @ ..] = registers;
        // SAFETY: the caller's promise. The function looks into the registers of its own arguments, which
        // are set; others it may overwrite, as any function may.
        unsafe {
            if !self.floats {
                let code = std::mem::transmute::<unsafe extern "C" fn(), IntegerCode<R>>(code);
                return code(a, b, c, d, e, f).words();
            }
            let [g, h, i, j, k, l, m, n] = floats.map(f64::from_bits);
            let code = std::mem::transmute::<unsafe extern "C" fn(), AnyCode<R>>(code);
            code(a, b, c, d, e, f, g, h, i, j, k, l, m, n).words()
        }
    }
}
