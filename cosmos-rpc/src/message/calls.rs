//! Many calls in one message, of functions of a few numbers, which are made in order.
//!
//! A program calls one function many times rather than many once each, so calls go in *runs*: what all
//! calls of a run share is said once. Everything is words of eight bytes, little-endian.
//!
//! | request, for each run | |
//! |---|---|
//! | 1 word | the function's number |
//! | 1 word | errno of the caller in bits 0 to 31; calls in 32 to 47; words of the arguments of each in 48 to 55; words of each result in 56 to 63 |
//! | for each call | its slots, so many words as was said |
//!
//! | reply, for each call | |
//! |---|---|
//! | 1 word | the errno that the function left; where the call failed, the length of its fault, and [`REFUSED`] |
//! | so many words as was said | the result; of a call that failed, zeros |
//! | after all of them | the faults, one after the other |
//!
//! No descriptors go with either. A VM that does not know the kind answers `Unsupported`, and has made no
//! call.

use crate::{Fault, FaultCode};

/// Kind of the request.
pub const CALLS: u16 = 0x0312;
/// Most calls of a message.
pub const MOST_CALLS: usize = 4096;
/// Set in the first word of the answer to a call that failed; bits 0 to 31 are the fault's length.
pub const REFUSED: u64 = 1 << 32;
/// Most words of the arguments of a call, and of its result.
pub const MOST_WORDS: usize = 2;

const WORD: usize = 8;
const HEADER: usize = 2;

/// Calls of one function that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The function's number.
    pub function: u64,
    /// errno of the caller.
    pub errno: i32,
    /// How many calls.
    pub calls: u16,
    /// Words of the arguments of each.
    pub takes: u8,
    /// Words of each result.
    pub gives: u8,
}

impl Run {
    /// What the run begins with.
    #[inline]
    pub fn header(&self) -> [u64; HEADER] {
        let errno = u64::from(self.errno as u32);
        let calls = u64::from(self.calls) << 32;
        let words = u64::from(self.takes) << 48 | u64::from(self.gives) << 56;
        [self.function, errno | calls | words]
    }

    fn of(function: u64, rest: u64) -> Run {
        Run {
            function,
            errno: rest as i32,
            calls: (rest >> 32) as u16,
            takes: (rest >> 48) as u8,
            gives: (rest >> 56) as u8,
        }
    }

    /// Words of the answers to its calls.
    #[inline]
    pub fn answer_words(&self) -> usize {
        usize::from(self.calls) * (1 + usize::from(self.gives))
    }
}

/// The slots of the calls of a run, in words.
pub type Slots<'a> = &'a [[u8; WORD]];

/// The runs of a request.
#[derive(Clone, Debug)]
pub struct Runs<'a> {
    left: Slots<'a>,
}

impl<'a> Runs<'a> {
    /// Of a request with this body.
    ///
    /// # Errors
    /// `Protocol` where it is none: what it says of itself goes beyond its end, or beyond what a message
    /// may have.
    pub fn of(body: &'a [u8]) -> Result<Runs<'a>, Fault> {
        let (words, rest) = body.as_chunks();
        let mut runs = Runs { left: words };
        let mut calls = 0;
        while let Some(next) = runs.next_run() {
            calls += next.map_or(MOST_CALLS + 1, |(run, _)| usize::from(run.calls));
            if calls > MOST_CALLS {
                return Err(none());
            }
        }
        match rest {
            [] => Ok(Runs { left: words }),
            _ => Err(none()),
        }
    }

    /// The next run; the error where there is none but something else.
    fn next_run(&mut self) -> Option<Result<(Run, Slots<'a>), Fault>> {
        let (function, rest) = self.left.split_first()?;
        let parts = rest.split_first().and_then(|(rest, slots)| {
            let run = Run::of(u64::from_le_bytes(*function), u64::from_le_bytes(*rest));
            let possible = usize::from(run.takes.max(run.gives)) <= MOST_WORDS && run.calls > 0;
            let length = usize::from(run.calls) * usize::from(run.takes);
            let (slots, rest) = slots.split_at_checked(length).filter(|_| possible)?;
            Some((run, slots, rest))
        });
        let Some((run, slots, rest)) = parts else {
            return Some(Err(none()));
        };
        self.left = rest;
        Some(Ok((run, slots)))
    }
}

impl<'a> Iterator for Runs<'a> {
    type Item = (Run, Slots<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.next_run()?.ok()
    }
}

#[cold]
fn none() -> Fault {
    let message = "the peer sent many calls in a message that is none of such";
    Fault::peer(FaultCode::Protocol, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run() -> impl Strategy<Value = (Run, Vec<u64>)> {
        let numbers = (any::<u64>(), any::<i32>(), 1..40u16, 0..3u8, 0..3u8);
        numbers.prop_flat_map(|(function, errno, calls, takes, gives)| {
            let run = Run {
                function,
                errno,
                calls,
                takes,
                gives,
            };
            let length = usize::from(calls) * usize::from(takes);
            (Just(run), prop::collection::vec(any::<u64>(), length))
        })
    }

    fn bytes(runs: &[(Run, Vec<u64>)]) -> Vec<u8> {
        let words = runs
            .iter()
            .flat_map(|(run, slots)| run.header().into_iter().chain(slots.iter().copied()));
        words.flat_map(u64::to_le_bytes).collect()
    }

    proptest! {
        #[test]
        fn runs_come_out_as_they_went_in(runs in prop::collection::vec(run(), 0..6)) {
            let body = bytes(&runs);
            let back = Runs::of(&body).unwrap();
            let back: Vec<_> = back
                .map(|(run, slots)| {
                    (run, slots.iter().map(|word| u64::from_le_bytes(*word)).collect::<Vec<_>>())
                })
                .collect();
            prop_assert_eq!(back, runs);
        }

        #[test]
        fn a_request_that_is_cut_off_or_longer_is_none(
            runs in prop::collection::vec(run(), 1..4),
            cut in any::<prop::sample::Index>(),
        ) {
            let body = bytes(&runs);
            let (last, _) = runs.last().unwrap();
            let last = 8 * (2 + usize::from(last.calls) * usize::from(last.takes));
            // Anywhere but between two runs.
            let cut = body.len() - 1 - cut.index(last - 1);
            prop_assert!(Runs::of(&body[..cut]).is_err());
            let mut longer = body.clone();
            longer.push(0);
            prop_assert!(Runs::of(&longer).is_err());
        }

        #[test]
        fn any_bytes_are_runs_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(runs) = Runs::of(&body) {
                let mut calls = 0;
                for (run, slots) in runs {
                    prop_assert_eq!(slots.len(), usize::from(run.calls) * usize::from(run.takes));
                    calls += usize::from(run.calls);
                }
                prop_assert!(calls <= MOST_CALLS);
            }
        }
    }

    #[test]
    fn more_calls_than_a_message_may_have_are_refused() {
        let run = |calls, takes, gives| Run {
            function: 7,
            errno: 0,
            calls,
            takes,
            gives,
        };
        let body = |runs: &[Run]| -> Vec<u8> {
            let words = runs.iter().flat_map(Run::header);
            words.flat_map(u64::to_le_bytes).collect()
        };
        assert!(Runs::of(&body(&[run(4096, 0, 2)])).is_ok());
        for runs in [
            &[run(4097, 0, 2)][..],
            &[run(4096, 0, 0), run(1, 0, 0)],
            &[run(0, 0, 0)],
            &[run(1, 0, 3)],
        ] {
            let fault = Runs::of(&body(runs)).unwrap_err();
            assert_eq!(fault.code, FaultCode::Protocol, "{runs:?}");
        }
    }
}
