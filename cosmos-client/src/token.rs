//! What stands for an object of a VM in the client's pointers.
//!
//! A handle that crosses to the program looks like a pointer and must never be one: the layout
//! below is no canonical address on x86-64, with four or five levels of page tables, so a program
//! that follows it stops with SIGSEGV instead of reading something.
//!
//! ```text
//! bit  63   62   61 ........ 48   47 ........ 24   23 ......... 0
//!       1    0   VM, 1 to 16383   generation       index + 1
//! ```
//!
//! The lower 48 bits are the wire form, which the VM checks against its table; the VM number is
//! this process's own and never leaves it. NULL is 0 on both sides.

/// Number of a VM in this process, 1 to [`LARGEST_VM`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct VmNumber(u16);

/// The largest number of a VM.
pub(crate) const LARGEST_VM: u16 = 0x3fff;

const MARK: u64 = 0b10 << 62;
const WIRE: u64 = (1 << 48) - 1;

impl VmNumber {
    /// The number, where it is one.
    pub(crate) fn new(number: u16) -> Option<VmNumber> {
        (1..=LARGEST_VM)
            .contains(&number)
            .then_some(VmNumber(number))
    }

    /// The token for an object of this VM; `None` for a wire form that no VM may send.
    pub(crate) fn token(self, wire: u64) -> Option<u64> {
        let index = wire & 0xff_ffff;
        (wire <= WIRE && index != 0).then_some(MARK | u64::from(self.0) << 48 | wire)
    }
}

/// The VM and the wire form in a token; `None` for what is no token.
pub(crate) fn take_apart(token: u64) -> Option<(VmNumber, u64)> {
    if token >> 62 != MARK >> 62 || token & 0xff_ffff == 0 {
        return None;
    }
    let number = u16::try_from(token >> 48 & u64::from(LARGEST_VM)).ok()?;
    Some((VmNumber::new(number)?, token & WIRE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn tokens_come_apart_as_they_were_made(number in 1u16..=LARGEST_VM, generation in 0u64..1 << 24, index in 1u64..1 << 24) {
            let number = VmNumber::new(number).unwrap();
            let wire = generation << 24 | index;
            let token = number.token(wire).unwrap();
            prop_assert_eq!(take_apart(token), Some((number, wire)));
            // Not canonical: the upper bits are neither all ones nor all zeros, down to bit 56.
            prop_assert_eq!(token >> 62, 0b10);
        }

        #[test]
        fn whatever_comes_apart_was_a_token(word: u64) {
            if let Some((number, wire)) = take_apart(word) {
                prop_assert_eq!(number.token(wire), Some(word));
            }
        }
    }

    #[test]
    fn what_no_vm_may_send_makes_no_token() {
        let number = VmNumber::new(1).unwrap();
        assert_eq!(number.token(0), None);
        assert_eq!(number.token(1 << 48 | 1), None);
        assert_eq!(number.token(7 << 24), None);
        assert_eq!(VmNumber::new(0), None);
        assert_eq!(VmNumber::new(LARGEST_VM + 1), None);
    }
}
