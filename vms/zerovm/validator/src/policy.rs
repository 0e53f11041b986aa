//! What a dialect decides and the walk over bundles does not.
//!
//! The walk ([`crate::walk`]) knows bundles, where instructions start, which of them may be entered
//! and where direct branches go. A [`Policy`] judges one instruction after the other: which forms
//! and prefixes there are, what memory an operand may be, who may write the registers that the
//! sandbox rests on, and which instructions belong together. The two meet in [`Located`] and
//! [`Step`] alone.

use crate::violation::Reason;
use iced_x86::Instruction;

/// A dialect.
pub(crate) trait Policy {
    /// What the instruction before established for the next one. Nothing outlives that.
    type Promise: Copy;

    /// What holds at the start of a bundle and wherever else a branch may go.
    const NOTHING: Self::Promise;

    /// Judges the instruction that `bytes`, the rest of a bundle, start with, as [`Policy::step`]
    /// would, if that can be done without the decoder.
    fn shortcut(bytes: &[u8], before: Self::Promise) -> Option<Short<Self::Promise>>;

    /// Judges one instruction, which lies within its bundle.
    fn step(
        instruction: &Located<'_>,
        before: Self::Promise,
    ) -> Result<Step<Self::Promise>, Reason>;

    /// Whether a bundle may end with this promise.
    fn may_end(promise: Self::Promise) -> Result<(), Reason>;
}

/// Places of a bundle, one bit each.
pub(crate) type Places = u32;

/// Where an instruction stands in its bundle.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) bundle: &'a [u8],
    /// Where it starts.
    pub(crate) start: usize,
    /// Where the instructions before it start.
    pub(crate) starts: Places,
}

impl<'a> Place<'a> {
    /// The bytes from there to the end of the bundle.
    #[inline(always)]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bundle.get(self.start..).unwrap_or_default()
    }

    /// The so many instructions before it in the bundle, first the one furthest away, and where that
    /// starts; `None` where they are fewer.
    pub(crate) fn before<const COUNT: usize>(&self) -> Option<(usize, [&'a [u8]; COUNT])> {
        let mut instructions: [&[u8]; COUNT] = [&[]; COUNT];
        let mut end = self.start;
        for instruction in instructions.iter_mut().rev() {
            let earlier = self.starts & !(Places::MAX.checked_shl(end as u32).unwrap_or(0));
            let start = earlier.checked_ilog2()? as usize;
            *instruction = self.bundle.get(start..end)?;
            end = start;
        }
        Some((end, instructions))
    }
}

/// An instruction where it stands.
pub(crate) struct Located<'a> {
    pub(crate) decoded: &'a Instruction,
    pub(crate) place: Place<'a>,
}

impl<'a> Located<'a> {
    /// Its bytes, and whatever follows them in the bundle.
    #[inline(always)]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.place.rest()
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.rest().get(..self.decoded.len()).unwrap_or_default()
    }
}

/// An instruction is allowed.
pub(crate) struct Step<P> {
    /// What it established.
    pub(crate) promise: P,
    pub(crate) entry: Entry,
    /// Whether it branches to an address that it states.
    pub(crate) branches: bool,
}

/// An instruction that is allowed, and was not decoded for that.
pub(crate) struct Short<P> {
    pub(crate) length: usize,
    /// How far it branches from its end, if it does.
    pub(crate) distance: i64,
    pub(crate) step: Step<P>,
}

/// What an instruction means for where branches may go in its bundle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    /// Whether they may go to the instruction itself.
    pub(crate) itself: bool,
    /// The places before it that they still may go to, of those that they could so far.
    pub(crate) before: Places,
}

impl Entry {
    pub(crate) const ALLOWED: Self = Self {
        itself: true,
        before: Places::MAX,
    };
    /// It rests on the instruction before.
    pub(crate) const REFUSED: Self = Self {
        itself: false,
        before: Places::MAX,
    };

    /// It rests on all instructions since the one at this place in the bundle, and none of these
    /// but that first one may be entered.
    pub(crate) fn ends_sequence_from(start: usize) -> Self {
        Self {
            itself: false,
            before: Places::MAX >> (31 - (start & 31)),
        }
    }
}
