//! What a dialect decides and the walk over bundles does not.
//!
//! The walk ([`crate::walk`]) knows bundles, where instructions start, which of them may be entered
//! and where direct branches go. A [`Policy`] judges one instruction after the other: which forms
//! and prefixes there are, what memory an operand may be, who may write the registers that the
//! sandbox rests on, and which instructions belong together. The two meet in [`Step`] alone.

use crate::violation::Reason;
use iced_x86::Instruction;

/// A dialect.
pub(crate) trait Policy {
    /// What the instruction before established for the next one.
    type Promise: Copy;

    /// What holds at the start of a bundle and wherever else a branch may go.
    const NOTHING: Self::Promise;

    /// Judges one instruction, which lies within its bundle.
    fn step(
        instruction: &Located<'_>,
        before: Self::Promise,
    ) -> Result<Step<Self::Promise>, Reason>;

    /// Whether a bundle may end with this promise.
    fn may_end(promise: Self::Promise) -> Result<(), Reason>;
}

/// An instruction where it stands.
pub(crate) struct Located<'a> {
    pub(crate) decoded: &'a Instruction,
    /// Its bytes, and whatever follows them in the bundle.
    pub(crate) bytes: &'a [u8],
    /// Where in its bundle it starts.
    pub(crate) start: u8,
}

/// An instruction is allowed.
pub(crate) struct Step<P> {
    /// What it established.
    pub(crate) promise: P,
    pub(crate) entry: Entry,
    /// Whether it branches to an address that it states.
    pub(crate) branches: bool,
}

/// Whether a branch may go to an instruction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Allowed,
    /// It rests on the instruction before.
    Refused,
    /// It rests on all instructions since the one at this place in the bundle, and none of these
    /// but that first one may be entered either.
    EndsSequenceFrom(u8),
}
