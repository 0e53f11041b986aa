//! Which functions have [`Scalars`], and where each of their arguments travels.

use crate::convention::{Class, Outcome, Word, classes, narrow, outcome_of};
use callframe::Template;

/// Most parameters of such a function.
pub const MOST_SCALARS: usize = 8;
/// Registers for integers, and for floats.
const INTEGERS: usize = 6;
const FLOATS: usize = 8;

/// The convention of a function of up to [`MOST_SCALARS`] parameters of a word each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scalars {
    parameters: [Parameter; MOST_SCALARS],
    count: usize,
    /// Whether any of them is a float.
    pub(crate) floats: bool,
    pub(crate) outcome: Outcome,
}

/// A parameter: what its word is, and the register it travels in, counted as [`Passed`] has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parameter {
    word: Word,
    register: usize,
}

/// The registers of the arguments of a function: rdi, rsi, rdx, rcx, r8, r9, and xmm0 to xmm7.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Passed {
    pub(crate) registers: [u64; INTEGERS + FLOATS],
}

impl Scalars {
    /// Those of the function that `template` lays out for this process; `None` where one of its parameters
    /// is more than a word, or travels on the stack, and where it has no [`Convention`](crate::Convention)
    /// for other reasons.
    pub fn of(template: &Template) -> Option<Scalars> {
        let outcome = outcome_of(template)?;
        let mut parameters = [Parameter {
            word: Word::NONE,
            register: 0,
        }; MOST_SCALARS];
        let (mut integers, mut floats) = (0..INTEGERS, INTEGERS..INTEGERS + FLOATS);
        let all = template.frame().parameters();
        for (index, parameter) in all.iter().enumerate() {
            let [class, Class::None] = classes(template, parameter.ty)? else {
                return None;
            };
            *parameters.get_mut(index)? = Parameter {
                word: narrow(template, parameter.ty).unwrap_or(Word::whole(class)),
                register: match class {
                    Class::Float => floats.next()?,
                    _ => integers.next()?,
                },
            };
        }
        Some(Scalars {
            parameters,
            count: all.len(),
            floats: floats.start > INTEGERS,
            outcome,
        })
    }

    /// How many parameters there are.
    #[inline]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The words of the arguments, in order, as the registers hold them: above one that is narrower than
    /// its word there may be anything.
    #[inline]
    pub fn words(&self, passed: &Passed) -> [u64; MOST_SCALARS] {
        let mut words = [0; MOST_SCALARS];
        for (word, parameter) in words.iter_mut().zip(self.used()) {
            *word = passed
                .registers
                .get(parameter.register)
                .copied()
                .unwrap_or(0);
        }
        words
    }

    /// The registers for the words of the arguments.
    #[inline]
    pub(crate) fn passed(&self, words: &[u64]) -> Passed {
        let mut passed = Passed::default();
        for (word, parameter) in words.iter().zip(self.used()) {
            if let Some(register) = passed.registers.get_mut(parameter.register) {
                *register = parameter.word.extended(*word);
            }
        }
        passed
    }

    #[inline]
    fn used(&self) -> &[Parameter] {
        self.parameters.get(..self.count).unwrap_or_default()
    }
}
