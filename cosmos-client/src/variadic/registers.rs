//! What a caller passed in place of `...`, on x86-64 under the System V ABI.
//!
//! A closure over six integers, eight doubles and a struct too large for registers gets the whole
//! register file of the call, in memory, and with the struct the address at which the arguments on
//! the stack begin: libffi hands out the places themselves, not copies. From these the arguments
//! are taken one after the other as `va_arg` takes them: each from the next register of its class,
//! and from the stack where none is left.
//!
//! The ABI passes no argument of more than two registers in them, so a result in memory (whose
//! address would take the first register) and records by value are refused.

use crate::resolved::NoPointer;
use callframe::CallFrame;
use callframe::types::{Scalar, Type};
use callframe_ffi::FfiError;
use libffi::middle::{Cif, Type as Ffi};
use std::ffi::c_void;

/// Registers for integers and pointers.
const GENERAL: usize = 6;
/// Registers for floating numbers.
const VECTOR: usize = 8;

/// Where an argument is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Integers and pointers.
    General,
    /// float and double.
    Vector,
    /// long double: always on the stack.
    LongDouble,
}

/// The arguments of one call, each taken once.
#[derive(Debug)]
pub(crate) struct Walk {
    registers: [u64; GENERAL + VECTOR],
    general: usize,
    vector: usize,
    stack: u64,
}

/// The interface of a closure that sees the register file.
pub(crate) fn interface(frame: &CallFrame) -> Result<Cif, NoPointer> {
    let refused = |reason| NoPointer::Arguments {
        function: frame.name().to_owned(),
        reason,
    };
    if !cfg!(all(target_arch = "x86_64", target_pointer_width = "64")) {
        return Err(refused("on this machine"));
    }
    let parameters = frame.parameters();
    if parameters
        .iter()
        .any(|parameter| super::from_c::class_of(frame, parameter.ty).is_none())
    {
        return Err(refused("beside a struct or a complex number"));
    }
    use Scalar::{ComplexDouble, ComplexFloat, ComplexLongDouble};
    if matches!(
        frame.ty(frame.result()),
        Type::Record(_) | Type::Scalar(ComplexFloat | ComplexDouble | ComplexLongDouble)
    ) {
        return Err(refused("where it returns a struct or a complex number"));
    }
    let mut arguments = vec![Ffi::u64(); GENERAL];
    arguments.extend(vec![Ffi::f64(); VECTOR]);
    arguments.push(Ffi::structure([Ffi::u64(), Ffi::u64(), Ffi::u64()]));
    let result = callframe_ffi::result_type(frame)?;
    Cif::try_new(arguments, result).map_err(|_| {
        NoPointer::Interface(FfiError::Refused {
            function: frame.name().to_owned(),
        })
    })
}

impl Walk {
    /// The arguments of a call of a closure over [`interface`].
    ///
    /// # Safety
    /// `arguments` is what libffi gave the closure.
    pub(crate) unsafe fn new(arguments: *mut *mut c_void) -> Walk {
        let mut registers = [0; GENERAL + VECTOR];
        for (index, register) in registers.iter_mut().enumerate() {
            // SAFETY: one pointer for each argument of the interface.
            *register = unsafe { *arguments.add(index) }.expose_provenance() as u64;
        }
        // SAFETY: as above; the struct is the last of them.
        let stack = unsafe { *arguments.add(GENERAL + VECTOR) }.expose_provenance() as u64;
        Walk {
            registers,
            general: 0,
            vector: 0,
            stack,
        }
    }

    /// The address of the next argument of this class.
    pub(crate) fn take(&mut self, class: Class) -> u64 {
        match class {
            Class::General if self.general < GENERAL => {
                self.general += 1;
                self.registers.get(self.general - 1).copied().unwrap_or(0)
            }
            Class::Vector if self.vector < VECTOR => {
                self.vector += 1;
                let index = GENERAL + self.vector - 1;
                self.registers.get(index).copied().unwrap_or(0)
            }
            Class::LongDouble => {
                let place = self.stack.next_multiple_of(16);
                self.stack = place + 16;
                place
            }
            _ => {
                let place = self.stack;
                self.stack = place + 8;
                place
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk() -> Walk {
        let mut registers = [0; GENERAL + VECTOR];
        for (index, register) in registers.iter_mut().enumerate() {
            *register = 0x1000 + 8 * index as u64;
        }
        Walk {
            registers,
            general: 0,
            vector: 0,
            stack: 0x2008,
        }
    }

    #[test]
    fn arguments_come_from_the_registers_of_their_class_then_from_the_stack() {
        let mut walk = walk();
        let general: Vec<u64> = (0..8).map(|_| walk.take(Class::General)).collect();
        assert_eq!(
            general[..6],
            [0x1000, 0x1008, 0x1010, 0x1018, 0x1020, 0x1028]
        );
        assert_eq!(general[6..], [0x2008, 0x2010]);
        let vector: Vec<u64> = (0..9).map(|_| walk.take(Class::Vector)).collect();
        assert_eq!((vector[0], vector[7], vector[8]), (0x1030, 0x1068, 0x2018));
    }

    #[test]
    fn a_long_double_is_aligned_on_the_stack() {
        let mut walk = walk();
        assert_eq!(walk.take(Class::LongDouble), 0x2010);
        assert_eq!(walk.take(Class::LongDouble), 0x2020);
        assert_eq!(walk.take(Class::General), 0x1000);
        for _ in 0..5 {
            walk.take(Class::General);
        }
        assert_eq!(walk.take(Class::General), 0x2030);
        assert_eq!(walk.take(Class::LongDouble), 0x2040);
    }
}
