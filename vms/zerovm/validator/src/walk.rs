//! The walk over bundles, the same for every dialect.
//!
//! From the start of each bundle one instruction is decoded after the other, and each has to end
//! before the bundle does, so the start of the next bundle is the start of an instruction again.
//! A bundle therefore depends on no other, except for where its direct branches go: these are kept
//! and looked at once it is known of every bundle which instructions in it may be entered.

use crate::policy::{Located, Places, Policy, Step};
use crate::violation::{Reason, Violation};
use iced_x86::{Decoder, DecoderError, DecoderOptions, Instruction};
use std::ops::{ControlFlow, Range};

/// Bytes in a bundle.
pub(crate) const BUNDLE: usize = 32;

/// A direct branch to something other than the start of a bundle: it remains to be looked at.
#[derive(Clone, Copy)]
pub(crate) struct Branch {
    pub(crate) from: usize,
    /// Relative to the text, as `from` is.
    pub(crate) to: i64,
}

/// Walks over the bundles of `range` in `text`, writes down which instructions may be entered, one
/// item of `entries` for each bundle, and hands what breaks a rule to `violated` until that breaks.
///
/// `range` starts on a bundle, and ends on one or with the text.
pub(crate) fn walk<P: Policy>(
    text: &[u8],
    range: Range<usize>,
    entries: &mut [Places],
    branches: &mut Vec<Branch>,
    mut violated: impl FnMut(Violation) -> ControlFlow<()>,
) {
    let mut bundle_start = range.start;
    let part = text.get(range).unwrap_or_default();
    let mut decoder = Decoder::with_ip(64, part, bundle_start as u64, DecoderOptions::NONE);
    let mut instruction = Instruction::default();

    for (index, (bundle, entries)) in part.chunks(BUNDLE).zip(entries).enumerate() {
        let mut starts: Places = 0;
        let mut enterable: Places = 0;
        let mut promise = P::NOTHING;
        let mut last = 0;
        let mut at = 0;
        while at < bundle.len() {
            decoder.decode_out(&mut instruction);
            let located = Located {
                decoded: &instruction,
                bundle,
                start: at,
                starts,
            };
            let verdict = if at + instruction.len() <= bundle.len() {
                P::step(&located, promise)
            } else {
                Err(Reason::CrossesBundle)
            };
            match verdict {
                Ok(Step {
                    promise: after,
                    entry,
                    branches: branching,
                }) => {
                    promise = after;
                    enterable = enterable & entry.before | Places::from(entry.itself) << at;
                    if branching {
                        keep(&instruction, bundle_start + at, branches);
                    }
                }
                Err(reason) => {
                    promise = P::NOTHING;
                    let place = bundle_start + at..bundle_start + bundle.len();
                    let violation = if instruction.is_invalid() || reason == Reason::CrossesBundle {
                        incomplete(text, place, reason)
                    } else {
                        Violation::new(text, place.start, instruction.len(), reason)
                    };
                    if violated(violation).is_break() {
                        return;
                    }
                }
            }
            last = at;
            starts |= 1 << at;
            at += instruction.len().max(1);
        }
        if let Err(reason) = P::may_end(promise) {
            let violation = Violation::new(text, bundle_start + last, at - last, reason);
            if violated(violation).is_break() {
                return;
            }
        }
        if at > bundle.len() {
            if decoder.set_position((index + 1) * BUNDLE).is_err() {
                return;
            }
            decoder.set_ip((bundle_start + BUNDLE) as u64);
        }
        *entries = enterable;
        bundle_start += BUNDLE;
    }
}

/// What is wrong with the branches out of a walk, by the entries of the whole text.
pub(crate) fn check<'a>(
    text: &'a [u8],
    entries: &'a [Places],
    branches: &'a [Branch],
) -> impl Iterator<Item = Violation> + 'a {
    branches.iter().filter_map(move |&Branch { from, to }| {
        let reason = match u64::try_from(to) {
            Ok(target) if target < text.len() as u64 => {
                let bundle = entries
                    .get((target / BUNDLE as u64) as usize)
                    .copied()
                    .unwrap_or(0);
                if bundle >> (target % BUNDLE as u64) & 1 != 0 {
                    return None;
                }
                Reason::TargetInside
            }
            _ => Reason::TargetOutside,
        };
        let bytes = text.get(from..).unwrap_or_default();
        let length = Decoder::new(64, bytes, DecoderOptions::NONE).decode().len();
        Some(Violation {
            target: Some(to),
            ..Violation::new(text, from, length, reason)
        })
    })
}

/// Every bundle's start may be entered, be it in the text or out of it: only other targets are
/// worth keeping.
#[inline(always)]
fn keep(instruction: &Instruction, from: usize, branches: &mut Vec<Branch>) {
    let to = instruction.near_branch64() as i64;
    if to % BUNDLE as i64 != 0 {
        branches.push(Branch { from, to });
    }
}

/// What to say of an instruction that starts where `place` does and perhaps does not end before
/// `place` does.
///
/// The walk saw no more than its range of the text, so the instruction is decoded again: what is
/// said of it must not depend on how the text was divided.
#[cold]
fn incomplete(text: &[u8], place: Range<usize>, reason: Reason) -> Violation {
    let bytes = text.get(place.start..).unwrap_or_default();
    let mut decoder = Decoder::new(64, bytes, DecoderOptions::NONE);
    let length = decoder.decode().len();
    let reason = if decoder.last_error() == DecoderError::NoMoreBytes {
        Reason::Truncated
    } else if length > place.len() {
        Reason::CrossesBundle
    } else {
        reason
    };
    Violation::new(text, place.start, length, reason)
}
