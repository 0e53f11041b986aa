//! The walk over bundles, the same for every dialect.
//!
//! From the start of each bundle one instruction is decoded after the other, and each has to end
//! before the bundle does, so the start of the next bundle is the start of an instruction again.
//! A bundle therefore depends on no other, except for where its direct branches go: that is noted in
//! [`crate::targets`], and looked at once it is known of every bundle which instructions in it may be
//! entered.

use crate::forms;
use crate::policy::{Located, Place, Places, Policy, Short};
use crate::sequence;
use crate::targets::Targets;
use crate::units::Units;
use crate::violation::Reason;
use iced_x86::{Decoder, DecoderOptions, Instruction};
use std::marker::PhantomData;
use std::ops::ControlFlow;

/// Bytes in a bundle.
pub(crate) const BUNDLE: usize = 32;

/// What a walk found.
pub(crate) struct Findings {
    /// The places that may be entered, one item for each bundle.
    pub(crate) entries: Vec<Places>,
    pub(crate) broken: Vec<Broken>,
    /// What the instructions use that took the decoder; the others use none.
    pub(crate) units: Units,
}

/// An instruction that breaks a rule.
#[derive(Clone, Copy)]
pub(crate) struct Broken {
    /// Where in the text it starts.
    pub(crate) offset: usize,
    pub(crate) reason: Reason,
}

/// How much is to be found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The first instruction that breaks a rule ends the walk.
    First,
    All,
}

/// Walks over a part of a text, which starts on a bundle at `offset` of it, and ends on one or with
/// the text; `targets` learns of its direct branches.
pub(crate) fn walk<P: Policy>(
    part: &[u8],
    offset: usize,
    extent: Extent,
    targets: &mut impl Targets,
) -> Findings {
    let mut findings = Findings {
        entries: Vec::new(),
        broken: Vec::new(),
        units: Units::NONE,
    };
    findings.entries.reserve_exact(part.len().div_ceil(BUNDLE));
    let mut decoder = Full {
        part,
        decoder: None,
    };
    for (index, bytes) in part.chunks(BUNDLE).enumerate() {
        let start = index * BUNDLE;
        let mut bundle = Bundle::<P> {
            bytes,
            offset: offset + start,
            findings: &mut findings,
            extent,
            policy: PhantomData,
        };
        match bundle.walk(&mut decoder, start, targets) {
            ControlFlow::Continue(enterable) => findings.entries.push(enterable),
            // What breaks a rule is among the findings.
            ControlFlow::Break(()) => break,
        }
    }
    findings
}

/// The decoder of a part. Its tables take longer to make than many a program to judge, so it is not
/// made before there is an instruction for it.
struct Full<'a> {
    part: &'a [u8],
    decoder: Option<Decoder<'a>>,
}

impl Full<'_> {
    /// Decodes what starts there in the part; `false` where that is not in it.
    #[inline(always)]
    fn decode(&mut self, at: usize, instruction: &mut Instruction) -> bool {
        let make = || Decoder::new(64, self.part, DecoderOptions::NONE);
        let decoder = self.decoder.get_or_insert_with(make);
        let is_within = decoder.set_position(at).is_ok();
        if is_within {
            decoder.decode_out(instruction);
        }
        is_within
    }
}

struct Bundle<'a, P> {
    bytes: &'a [u8],
    /// Where in the text it starts.
    offset: usize,
    findings: &'a mut Findings,
    extent: Extent,
    policy: PhantomData<P>,
}

impl<P: Policy> Bundle<'_, P> {
    /// Says which instructions may be entered. `decoder_start` is where the bundle starts for the
    /// decoder.
    #[inline(always)]
    fn walk(
        &mut self,
        decoder: &mut Full<'_>,
        decoder_start: usize,
        targets: &mut impl Targets,
    ) -> ControlFlow<(), Places> {
        let bundle = self.bytes;
        let mut instruction = Instruction::default();
        let mut starts: Places = 0;
        let mut enterable: Places = 0;
        let mut promise = P::NOTHING;
        let mut at = 0;
        while at < bundle.len() {
            let rest = bundle.get(at..).unwrap_or_default();
            if rest.first() == Some(&NOP) && P::may_end(promise).is_ok() {
                let nops = nops(rest) << at;
                starts |= nops;
                enterable |= nops;
                promise = P::NOTHING;
                at += nops.count_ones() as usize;
                continue;
            }
            let place = Place {
                bundle,
                start: at,
                starts,
            };
            let verdict = match shortcut::<P>(&place, promise) {
                Some(short) => Ok(short),
                None if decoder.decode(decoder_start + at, &mut instruction) => {
                    let decoded = &instruction;
                    self.findings.units = self.findings.units | forms::units(decoded.code());
                    judge::<P>(&Located { decoded, place }, promise)
                }
                None => Err(Reason::Undecodable),
            };
            starts |= 1 << at;
            match verdict {
                Ok(Short {
                    length,
                    distance,
                    step,
                }) => {
                    promise = step.promise;
                    enterable &= step.entry.before;
                    enterable |= Places::from(step.entry.itself) << at;
                    if step.branches {
                        let from = self.offset + at;
                        targets.note(from, (from + length) as i64 + distance);
                    }
                    at += length;
                }
                Err(reason) => {
                    promise = P::NOTHING;
                    self.broken(at, reason)?;
                    at += instruction.len().max(1);
                }
            }
        }
        if let Err(reason) = P::may_end(promise) {
            self.broken(starts.checked_ilog2().unwrap_or(0) as usize, reason)?;
        }
        ControlFlow::Continue(enterable)
    }

    #[cold]
    fn broken(&mut self, at: usize, reason: Reason) -> ControlFlow<()> {
        self.findings.broken.push(Broken {
            offset: self.offset + at,
            reason,
        });
        match self.extent {
            Extent::First => ControlFlow::Break(()),
            Extent::All => ControlFlow::Continue(()),
        }
    }
}

/// The no-operation of one byte. Assemblers fill bundles with it, and it needs no decoder: without a
/// prefix it is the same on every processor, and it is on the list of every dialect.
const NOP: u8 = 0x90;

/// The places of the no-operations, at least one, that the rest of a bundle starts with.
#[inline(always)]
fn nops(rest: &[u8]) -> Places {
    let count = rest.iter().take_while(|&&byte| byte == NOP).count();
    Places::MAX >> (Places::BITS as usize - count.clamp(1, BUNDLE))
}

/// Judges the instruction in this place without decoding it, where that can be done.
#[inline(always)]
fn shortcut<P: Policy>(place: &Place<'_>, promise: P::Promise) -> Option<Short<P::Promise>> {
    P::shortcut(place.rest(), promise).or_else(|| {
        // Where something is to be restored first, a branch is not what comes next.
        P::may_end(promise).ok()?;
        sequence::shortcut(place, P::NOTHING)
    })
}

/// Judges an instruction that was decoded.
#[inline(always)]
fn judge<P: Policy>(
    located: &Located<'_>,
    before: P::Promise,
) -> Result<Short<P::Promise>, Reason> {
    let instruction = located.decoded;
    let length = instruction.len();
    if length == 0 || length > located.rest().len() {
        return Err(Reason::CrossesBundle);
    }
    let step = P::step(located, before)?;
    let distance = if step.branches {
        instruction
            .near_branch64()
            .wrapping_sub(instruction.next_ip()) as i64
    } else {
        0
    };
    Ok(Short {
        length,
        distance,
        step,
    })
}
