//! Functions that take and return a few numbers, called and stood for without libffi.
//!
//! libffi works out at every call where the arguments go. For functions whose arguments are at most
//! two words, and whose result is, that is so little that it can be known beforehand: on x86-64 each
//! word travels in one register, of two kinds. Such a function has a [`Convention`], which
//!
//! - calls it ([`Convention::call`]): a call through a function pointer that sets each register that
//!   could be meant;
//! - stands for it ([`Thunk`]): a C function pointer of its own, which leads to an [`Entered`].
//!
//! Both are for the calling convention of System V on x86-64, where every register that carries the
//! first two words of a kind may be set without harm, whether the function looks there or not.
//!
//! Functions of up to [`MOST_SCALARS`] parameters of a word each, of which six integers and eight floats
//! travel in registers, have [`Scalars`], which do the same by a list of the words: all registers of
//! arguments are set before a call, and put beside each other when a pointer is called, so one piece of
//! code is enough for any such function. All other functions, and all functions on other machines, have
//! neither, and stay with libffi.
//!
//! | words of the arguments | first | second |
//! |---|---|---|
//! | integer, integer | rdi | rsi |
//! | integer, float | rdi | xmm0 |
//! | float, integer | xmm0 | rdi |
//! | float, float | xmm0 | xmm1 |
//!
//! | words of the result | first | second |
//! |---|---|---|
//! | integer | rax | |
//! | float | xmm0 | |
//! | integer, integer | rax | rdx |
//! | integer, float | rax | xmm0 |
//! | float, integer | xmm0 | rax |
//! | float, float | xmm0 | xmm1 |
//!
//! A word is *float* where nothing but `float` and `double` lies in it, else *integer*; a struct or
//! union of up to 16 bytes is one or two words, whatever is in it. A `long double` is none.
//!
//! | room | purpose |
//! |---|---|
//! | `convention` | which functions have one, and what it is |
//! | `scalars` | the same of functions of more words |
//! | `registers` | two words as what a function returns |
//! | `call` | calling |
//! | `thunk` | being called |

mod convention;
mod scalars;

#[cfg(all(target_arch = "x86_64", target_pointer_width = "64", unix))]
mod call;
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64", unix))]
mod registers;
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64", unix))]
mod thunk;

#[cfg(not(all(target_arch = "x86_64", target_pointer_width = "64", unix)))]
mod elsewhere;
#[cfg(not(all(target_arch = "x86_64", target_pointer_width = "64", unix)))]
use elsewhere as thunk;

pub use convention::Convention;
pub use scalars::{MOST_SCALARS, Passed, Scalars};
pub use thunk::{Entered, EnteredScalars, Thunk};
