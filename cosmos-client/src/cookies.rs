//! The program's own values that a VM was given to hand back: cookies.
//!
//! A callback takes its cookie for what it passed, and follows it. So a VM may hand a callback only
//! what it was given: an address that the program never passed as `__opaque` is refused, for with it
//! the VM would choose what the callback reads and writes. Values that can be no address need no
//! such care, whoever made them up.
//!
//! What is known is bounded: a program that passes more than [`MOST`] different addresses is
//! asked for none of them any more. Only the program can bring that about, not a VM.

use crate::memory::program::may_lead_somewhere;
use crate::session::lock;
use std::collections::HashSet;
use std::sync::Mutex;

/// Most addresses that are known of one VM.
const MOST: usize = 1 << 18;

/// What one VM was given.
#[derive(Debug, Default)]
pub(crate) struct Cookies {
    given: Mutex<HashSet<u64>>,
}

impl Cookies {
    /// The program gives the VM this value.
    pub(crate) fn give(&self, value: u64) {
        if !may_lead_somewhere(value) {
            return;
        }
        let mut given = lock(&self.given);
        if given.len() < MOST {
            given.insert(value);
        }
    }

    /// Whether the VM may hand this value to a function of the program's.
    pub(crate) fn may_come_back(&self, value: u64) -> bool {
        if !may_lead_somewhere(value) {
            return true;
        }
        let given = lock(&self.given);
        given.len() >= MOST || given.contains(&value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_given_comes_back_unless_it_is_no_address() {
        let cookies = Cookies::default();
        cookies.give(0x7f00_0000_1000);
        assert!(cookies.may_come_back(0x7f00_0000_1000));
        assert!(!cookies.may_come_back(0x7f00_0000_1001));
        for no_address in [0, 1, 4095, u64::MAX, 1 << 63 | 0x1000] {
            assert!(cookies.may_come_back(no_address));
        }
    }

    #[test]
    fn what_is_known_is_bounded() {
        let cookies = Cookies::default();
        let first = 0x10_0000;
        for value in first..first + MOST as u64 + 10 {
            cookies.give(value);
        }
        assert_eq!(lock(&cookies.given).len(), MOST);
        assert!(cookies.may_come_back(first + MOST as u64 + 9));
    }
}
