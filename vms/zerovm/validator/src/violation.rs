//! What the validator says of code that it does not accept.

use crate::forms::Form;
use crate::policy::Located;
use crate::prefix::{self, Prefixes};
use crate::walk::{BUNDLE, Broken};
use iced_x86::{Decoder, DecoderError, DecoderOptions};
use std::fmt;

/// The first thing that is wrong with a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Where the instruction starts, from the start of the text.
    pub offset: usize,
    /// The bytes of the instruction; those that are left in the text where it is no instruction.
    pub bytes: InstructionBytes,
    /// Which rule it breaks.
    pub reason: Reason,
    /// Where it branches to, from the start of the text, where that is what is wrong.
    pub target: Option<i64>,
}

impl Violation {
    /// The text as a whole may not be where it is to be.
    pub(crate) fn placement() -> Self {
        let bytes = InstructionBytes::new(&[]);
        Self {
            offset: 0,
            bytes,
            reason: Reason::Placement,
            target: None,
        }
    }

    /// What there is to say of an instruction that a walk found to break a rule.
    ///
    /// The walk saw no more than its part of the text, so the instruction is decoded again: what is
    /// said of it must not depend on how the text was divided.
    pub(crate) fn describe(text: &[u8], Broken { offset, reason }: Broken) -> Self {
        let rest = text.get(offset..).unwrap_or_default();
        let mut decoder = Decoder::with_ip(64, rest, offset as u64, DecoderOptions::NONE);
        let instruction = decoder.decode();
        let length = instruction.len();
        let reason = if decoder.last_error() == DecoderError::NoMoreBytes {
            Reason::Truncated
        } else if offset % BUNDLE + length > BUNDLE {
            Reason::CrossesBundle
        } else {
            reason
        };
        let branches = matches!(reason, Reason::TargetInside | Reason::TargetOutside);
        let target = branches.then(|| instruction.near_branch64() as i64);
        let bytes = InstructionBytes::new(rest.get(..length).unwrap_or(rest));
        Self {
            offset,
            bytes,
            reason,
            target,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}: {}: {}", self.offset, self.bytes, self.reason)?;
        match self.target {
            Some(target) if target < 0 => write!(f, ": -{:#x}", target.unsigned_abs()),
            Some(target) => write!(f, ": {target:#x}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Violation {}

/// The bytes of one instruction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InstructionBytes {
    bytes: [u8; Self::LONGEST],
    length: u8,
}

impl InstructionBytes {
    /// No instruction is longer.
    const LONGEST: usize = 15;

    /// As much of `bytes` as one instruction may have.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut kept = [0; Self::LONGEST];
        let length = bytes.len().min(Self::LONGEST);
        for (to, from) in kept.iter_mut().zip(bytes) {
            *to = *from;
        }
        Self {
            bytes: kept,
            length: length as u8,
        }
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.length))
            .unwrap_or(&self.bytes)
    }
}

impl fmt::Display for InstructionBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.as_slice().iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for InstructionBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}

/// The rule that is broken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The text is to be placed where the rules do not hold: not on a bundle, or beyond the space.
    Placement,
    /// The bytes are no instruction.
    Undecodable,
    /// The text ends within the instruction.
    Truncated,
    /// The instruction, or a sequence it belongs to, does not end in the bundle it starts in.
    CrossesBundle,
    /// A return: where it goes is in memory that the program can write.
    Return,
    /// A system call or interrupt.
    SystemCall,
    /// An instruction that reads the time.
    Clock,
    /// An instruction with a VEX, EVEX or XOP prefix.
    VectorExtension,
    /// Some other instruction that is not on the list.
    Forbidden,
    /// Prefixes that the instruction does not take.
    Prefixes,
    /// A no-operation of several bytes other than the ones in use.
    Nop,
    /// A write to r15, the base of the sandbox.
    BaseWritten,
    /// A write to rsp that the rules do not know.
    StackPointerWritten,
    /// A write to rbp that the rules do not know.
    FramePointerWritten,
    /// A write to esp without the instruction that makes rsp an address again.
    StackPointerNotRestored,
    /// A write to ebp without the instruction that makes rbp an address again.
    FramePointerNotRestored,
    /// Memory whose base is none of r15, rsp, rbp and rip.
    MemoryBase,
    /// Memory with an index that the instruction before did not limit to 32 bits.
    MemoryIndex,
    /// Memory that is neither at gs with registers of 32 bits, nor at r15, rsp or rip.
    MemoryUnconfined,
    /// A return that is not the end of the sequence that confines it.
    UnmaskedReturn,
    /// An indirect jump or call that is not the end of the sequence that confines it.
    UnmaskedBranch,
    /// A string instruction that is not the end of the sequence that confines it.
    UnmaskedString,
    /// A jump or call to within the text, but not to an instruction that it may enter.
    TargetInside,
    /// A jump or call out of the text, but not to a bundle.
    TargetOutside,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Placement => "the text must start on a bundle and end within 4 GiB",
            Self::Undecodable => "no instruction",
            Self::Truncated => "an instruction that the text ends in",
            Self::CrossesBundle => "an instruction that crosses a bundle's end",
            Self::Return => "a return; jump to a masked register instead",
            Self::SystemCall => "a system call or interrupt",
            Self::Clock => "an instruction that reads the time",
            Self::VectorExtension => "an instruction with a VEX, EVEX or XOP prefix",
            Self::Forbidden => "an instruction that is not allowed",
            Self::Prefixes => "prefixes that this instruction does not take",
            Self::Nop => "a no-operation in an unusual form",
            Self::BaseWritten => "r15 is written",
            Self::StackPointerWritten => "rsp is written other than in the allowed ways",
            Self::FramePointerWritten => "rbp is written other than in the allowed ways",
            Self::StackPointerNotRestored => {
                "esp was written and the next instruction does not add r15 to rsp"
            }
            Self::FramePointerNotRestored => {
                "ebp was written and the next instruction does not add r15 to rbp"
            }
            Self::MemoryBase => "memory whose base is not r15, rsp, rbp or rip",
            Self::MemoryIndex => {
                "memory whose index the instruction before did not zero-extend from 32 bits"
            }
            Self::MemoryUnconfined => {
                "memory neither at gs with registers of 32 bits, nor at r15, rsp or rip"
            }
            Self::UnmaskedReturn => "a return without its masking sequence",
            Self::UnmaskedBranch => "an indirect branch without its masking sequence",
            Self::UnmaskedString => "a string instruction without its masking sequence",
            Self::TargetInside => "a branch to where the text may not be entered",
            Self::TargetOutside => "a branch out of the text to what is no bundle's start",
        })
    }
}

/// Says why neither the form nor its prefixes are on the list of a dialect.
#[cold]
pub(crate) fn refusal(located: &Located<'_>, form: Form, prefixes: Option<Prefixes>) -> Reason {
    if prefixes.is_none() || !form.is_forbidden() {
        return Reason::Prefixes;
    }
    // What the instruction is called does not decide anything any more: it is refused.
    match prefix::skip(located.rest()) {
        [0x62 | 0x8f | 0xc4 | 0xc5, ..] => Reason::VectorExtension,
        _ if located.decoded.is_invalid() => Reason::Undecodable,
        [0xc2 | 0xc3 | 0xca | 0xcb | 0xcf, ..] => Reason::Return,
        [0x0f, 0x05 | 0x34, ..] | [0xcc | 0xcd | 0xf1, ..] => Reason::SystemCall,
        [0x0f, 0x31, ..] | [0x0f, 0x01, 0xf9, ..] => Reason::Clock,
        _ => Reason::Forbidden,
    }
}
