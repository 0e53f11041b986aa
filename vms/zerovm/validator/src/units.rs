//! What accepted code may leave in the processor besides its registers.

use std::ops::BitOr;

/// Units of the processor that keep a state of their own, which whoever runs code may have to clear behind
/// it. Code that is not said to use one leaves that one as it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Units(u8);

impl Units {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// The x87 unit, whose registers are those of MMX too.
    pub const X87: Self = Self(1);
    /// The SSE control word is read or written. Its flags may change without.
    pub const MXCSR: Self = Self(2);
    /// All of them.
    pub const ALL: Self = Self(Self::X87.0 | Self::MXCSR.0);

    /// As bits.
    pub const fn bits(self) -> u8 {
        self.0
    }
}

impl BitOr for Units {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
