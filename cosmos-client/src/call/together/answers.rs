//! The answer to many calls.

use super::stretch::{Chunk, Part, count};
use super::{Ended, Steps};
use crate::error::Error;
use crate::quick::store;
use callframe::marshal::Outcome;
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::calls::{CALLS, REFUSED};
use cosmos_rpc::{Blame, Fault, FaultCode, Frame, codec};

type Word = [u8; 8];

/// An answer that is one: its lengths are right, and so is how many calls failed. It is a copy, which
/// the VM has no hand in.
pub(super) struct Answers<'a> {
    words: &'a [Word],
    faults: &'a [u8],
}

impl<'a> Answers<'a> {
    /// Whether a frame may be the answer to a message, as far as is seen at once.
    pub(super) fn may_be(frame: &Frame, chunk: &Chunk<'_>) -> bool {
        let is_of_them = frame.kind == CALLS | REPLY && frame.descriptors.is_empty();
        is_of_them && frame.body.len() >= size_of::<Word>() * words(chunk)
    }

    /// `None` where a frame is no answer to these calls, of which callbacks failed so often.
    pub(super) fn of(frame: &'a Frame, chunk: &Chunk<'_>, failed: usize) -> Option<Answers<'a>> {
        if !Answers::may_be(frame, chunk) {
            return None;
        }
        let front = size_of::<Word>() * words(chunk);
        let (words, faults) = frame.body.split_at_checked(front)?;
        let (words, _) = words.as_chunks();
        let answers = Answers { words, faults };
        let (refused, bytes) = answers.refused(chunk)?;
        // What this end knows of a failure, the VM cannot talk away.
        let is_one = bytes == faults.len() && (failed == 0 || refused > 0);
        is_one.then_some(answers)
    }

    /// How many calls failed, and the bytes of their faults; `None` where a call has neither ended so nor
    /// otherwise.
    fn refused(&self, chunk: &Chunk<'_>) -> Option<(usize, usize)> {
        let (mut refused, mut bytes) = (0, 0usize);
        let mut left = self.words;
        for part in chunk {
            let stride = stride(part);
            let (own, rest) = left.split_at_checked(part.count * stride)?;
            left = rest;
            for answer in own.chunks_exact(stride) {
                let header = u64::from_le_bytes(*answer.first()?);
                match header >> 32 {
                    0 => {}
                    1 => {
                        refused += 1;
                        bytes = bytes.checked_add(header as u32 as usize)?;
                    }
                    _ => return None,
                }
            }
        }
        Some((refused, bytes))
    }

    /// Puts the results of some calls, which are next, where they belong.
    ///
    /// # Safety
    /// There is room for the result of each call, or an address of 0.
    pub(super) unsafe fn deliver(
        &mut self,
        part: &Part<'_>,
        steps: &impl Steps,
        errno: i32,
        named: impl Fn(Fault) -> Error,
    ) {
        let line = part.quick.line();
        let stride = stride(part);
        let all = self.words.split_at_checked(part.count * stride);
        let (own, rest) = all.unwrap_or_default();
        self.words = rest;
        for (call, answer) in part.calls().zip(own.chunks_exact(stride)) {
            let word = |at: usize| answer.get(at).map_or(0, |word| u64::from_le_bytes(*word));
            let header = word(0);
            if header & REFUSED != 0 {
                let error = named(self.next_fault(header as u32 as usize));
                steps.ended(call, Err(error.in_function(part.function.name())));
                continue;
            }
            let result = steps.result(call);
            if result != 0 {
                let to = std::ptr::with_exposed_provenance_mut::<u8>(result as usize);
                // SAFETY: the caller's promise; the pieces are parts of the result.
                line.result([word(1), word(2)], |piece, value| unsafe {
                    store(to, piece, value);
                });
            }
            steps.ended(call, succeeded(line.left(header as i32, errno)));
        }
    }

    /// Why the next call that failed did.
    #[cold]
    fn next_fault(&mut self, length: usize) -> Fault {
        let all = self.faults.split_at_checked(length);
        let (bytes, rest) = all.unwrap_or_default();
        self.faults = rest;
        let mut fault = codec::decode::<Fault>(bytes).unwrap_or_else(|broken| broken);
        // What the function left breaks its prototype; no argument of the program's is wrong.
        if (fault.blame, fault.code) == (Blame::Vm, FaultCode::BadArgument) {
            fault.code = FaultCode::Protocol;
        }
        fault
    }
}

#[inline]
fn succeeded(errno: i32) -> Ended {
    let success = true;
    Ok(Outcome { errno, success })
}

/// Words of the answer to one of these calls.
fn stride(part: &Part<'_>) -> usize {
    1 + part.quick.line().result_words()
}

/// Words of the answers to all calls of a message.
fn words(chunk: &Chunk<'_>) -> usize {
    debug_assert!(count(chunk) > 0);
    chunk.iter().map(|part| part.count * stride(part)).sum()
}
