//! The conversions of a `printf` format, as C17 and glibc have them.
//!
//! | conversion | argument |
//! |---|---|
//! | `d i` | `int`; with a length the signed type of it |
//! | `o u x X b B` | `unsigned int`; with a length the unsigned type of it |
//! | `a A e E f F g G` | `double`; with `L` `long double` |
//! | `c` | `int`; with `l`, or as `C`, `wint_t` |
//! | `s` | text; with `l`, or as `S`, wide text |
//! | `p` | a pointer, printed as the program has it |
//! | `n` | a pointer to the number that is written |
//! | `m`, `%` | none |
//! | a `*` | an `int` before that of its conversion |
//!
//! Lengths are `hh h l ll q j z t L`. What C leaves undefined (an unknown conversion, a length that
//! does not belong to one, an argument that no conversion types) is refused, for nothing then says
//! what the function would take.

use super::{Argument, MAXIMUM_ARGUMENTS};
use crate::types::Scalar;

/// An argument of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// What it is.
    pub kind: Argument,
    /// For text: how much of it is read at most.
    pub limit: Limit,
}

/// How many elements of a text are read, where it has no terminator before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// It is terminated.
    Terminated,
    /// This many.
    Elements(u64),
    /// As many as the `int` argument of this index, counted from 0, says; below zero:
    /// [`Limit::Terminated`].
    Argument(usize),
}

/// Why a format tells no arguments. Always the fault of who wrote the format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// A letter that no conversion is, or one with another's length.
    #[error("the format's '{0}' is no conversion of C; %% prints a percent sign")]
    Unknown(String),
    /// The format ends within a conversion.
    #[error("the format ends within its last conversion, '{0}'; %% prints a percent sign")]
    Unfinished(String),
    /// Some conversions name their arguments by position, some do not.
    #[error(
        "the format's '{0}' does not go with those before: either all name a position, or none"
    )]
    Mixed(String),
    /// A position is named by no conversion, so the type of its argument is unknown.
    #[error("the format names argument {last} and no conversion takes argument {unused}")]
    Unused {
        /// Counted from 1.
        unused: usize,
        /// Counted from 1.
        last: usize,
    },
    /// Two conversions take one argument as different types.
    #[error("the format's conversions take argument {0} as two different types")]
    Contradiction(usize),
    /// More arguments than a call may have.
    #[error("the format takes more than {MAXIMUM_ARGUMENTS} arguments")]
    TooMany,
}

/// The arguments that a format takes, in order.
///
/// # Errors
/// When the format does not tell the type of each.
pub fn arguments(format: &[u8]) -> Result<Vec<Conversion>, FormatError> {
    let mut parser = Parser {
        format,
        at: 0,
        start: 0,
        positional: None,
        found: Vec::new(),
    };
    while let Some(offset) = parser.rest().iter().position(|&byte| byte == b'%') {
        parser.start = parser.at + offset;
        parser.at = parser.start + 1;
        parser.conversion()?;
    }
    parser.finish()
}

struct Parser<'a> {
    format: &'a [u8],
    at: usize,
    /// Where the conversion under way began.
    start: usize,
    /// Whether conversions name positions; unknown before the first that takes an argument.
    positional: Option<bool>,
    /// By position.
    found: Vec<Option<Conversion>>,
}

/// What stands between `%` and the letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    None,
    CharLong,
    Short,
    Long,
    LongLong,
    Max,
    Size,
    Difference,
    LongDouble,
}

const INTEGER: Conversion = Conversion {
    kind: Argument::Scalar(Scalar::Int),
    limit: Limit::Terminated,
};

impl Parser<'_> {
    fn rest(&self) -> &[u8] {
        self.format.get(self.at..).unwrap_or_default()
    }

    fn conversion(&mut self) -> Result<(), FormatError> {
        if self.eat(b"%") {
            return Ok(());
        }
        let position = self.position()?;
        while self
            .rest()
            .first()
            .is_some_and(|flag| b"-+ #0'I".contains(flag))
        {
            self.at += 1;
        }
        if self.eat(b"*") {
            self.star()?;
        } else {
            self.number();
        }
        let limit = if self.eat(b".") {
            self.precision()?
        } else {
            Limit::Terminated
        };
        let length = self.length();
        let Some(&letter) = self.rest().first() else {
            return Err(FormatError::Unfinished(self.shown()));
        };
        self.at += 1;
        match (letter, length) {
            (b'm' | b'%', Length::None) if position.is_none() => Ok(()),
            _ => {
                let kind =
                    kind(letter, length).ok_or_else(|| FormatError::Unknown(self.shown()))?;
                self.take(position, Conversion { kind, limit }).map(drop)
            }
        }
    }

    /// `1$`, where it stands here.
    fn position(&mut self) -> Result<Option<usize>, FormatError> {
        let before = self.at;
        let number = self.number();
        if !self.eat(b"$") {
            self.at = before;
            return Ok(None);
        }
        match number.and_then(|number| usize::try_from(number).ok()) {
            Some(0) | None => Err(FormatError::Unknown(self.shown())),
            Some(position) => Ok(Some(position)),
        }
    }

    /// The argument of a `*`; its index.
    fn star(&mut self) -> Result<usize, FormatError> {
        let position = self.position()?;
        self.take(position, INTEGER)
    }

    fn precision(&mut self) -> Result<Limit, FormatError> {
        if self.eat(b"*") {
            return self.star().map(Limit::Argument);
        }
        // glibc takes a negative number for none.
        if self.eat(b"-") {
            self.number();
            return Ok(Limit::Terminated);
        }
        Ok(Limit::Elements(self.number().unwrap_or(0)))
    }

    fn length(&mut self) -> Length {
        let lengths: [(&[u8], Length); 10] = [
            (b"hh", Length::CharLong),
            (b"h", Length::Short),
            (b"ll", Length::LongLong),
            (b"l", Length::Long),
            (b"q", Length::LongLong),
            (b"j", Length::Max),
            (b"z", Length::Size),
            (b"Z", Length::Size),
            (b"t", Length::Difference),
            (b"L", Length::LongDouble),
        ];
        let found = lengths.into_iter().find(|(text, _)| self.eat(text));
        found.map_or(Length::None, |(_, length)| length)
    }

    /// Decimal digits, where they stand here; saturating.
    fn number(&mut self) -> Option<u64> {
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit());
        let (mut count, mut value) = (0, 0_u64);
        for digit in digits {
            count += 1;
            value = value
                .saturating_mul(10)
                .saturating_add(u64::from(digit - b'0'));
        }
        self.at += count;
        (count > 0).then_some(value)
    }

    fn eat(&mut self, text: &[u8]) -> bool {
        let there = self.rest().starts_with(text);
        if there {
            self.at += text.len();
        }
        there
    }

    /// Notes an argument; its index.
    fn take(
        &mut self,
        position: Option<usize>,
        conversion: Conversion,
    ) -> Result<usize, FormatError> {
        if *self.positional.get_or_insert(position.is_some()) != position.is_some() {
            return Err(FormatError::Mixed(self.shown()));
        }
        let index = position.map_or(self.found.len(), |position| position - 1);
        if index >= MAXIMUM_ARGUMENTS {
            return Err(FormatError::TooMany);
        }
        if index >= self.found.len() {
            self.found.resize(index + 1, None);
        }
        match self.found.get_mut(index) {
            Some(Some(known)) if known.kind == conversion.kind => {
                known.limit = larger(known.limit, conversion.limit);
            }
            Some(Some(_)) | None => return Err(FormatError::Contradiction(index + 1)),
            Some(empty) => *empty = Some(conversion),
        }
        Ok(index)
    }

    fn finish(self) -> Result<Vec<Conversion>, FormatError> {
        let last = self.found.len();
        let all = self.found.into_iter().enumerate();
        all.map(|(index, found)| {
            let unused = index + 1;
            found.ok_or(FormatError::Unused { unused, last })
        })
        .collect()
    }

    /// The conversion as far as it was read, for messages.
    fn shown(&self) -> String {
        const LONGEST: usize = 40;
        let end = self.at.min(self.start + LONGEST);
        let text = self.format.get(self.start..end).unwrap_or_default();
        text.escape_ascii().to_string()
    }
}

/// What a conversion takes; `None` for what is none.
fn kind(letter: u8, length: Length) -> Option<Argument> {
    use Length as L;
    use Scalar::*;
    Some(match (letter, length) {
        (b'd' | b'i', length) => Argument::Scalar(signed(length)),
        (b'o' | b'u' | b'x' | b'X' | b'b' | b'B', length) => Argument::Scalar(unsigned(length)),
        (b'a' | b'A' | b'e' | b'E' | b'f' | b'F' | b'g' | b'G', L::None | L::Long) => {
            Argument::Scalar(Double)
        }
        (b'a' | b'A' | b'e' | b'E' | b'f' | b'F' | b'g' | b'G', L::LongDouble) => {
            Argument::Scalar(LongDouble)
        }
        (b'c', L::None) => Argument::Scalar(Int),
        (b'c', L::Long) | (b'C', L::None) => Argument::Scalar(UnsignedInt),
        (b's', L::None) => Argument::Text,
        (b's', L::Long) | (b'S', L::None) => Argument::WideText,
        (b'p', L::None) => Argument::Opaque,
        (b'n', length) => Argument::Written(match length {
            L::CharLong => SignedChar,
            L::Short => Short,
            length => signed(length),
        }),
        _ => return None,
    })
}

/// The signed integer that is passed with this length: what is narrower than int is passed as int.
fn signed(length: Length) -> Scalar {
    match length {
        Length::None | Length::CharLong | Length::Short => Scalar::Int,
        Length::Long => Scalar::Long,
        Length::LongLong | Length::LongDouble => Scalar::LongLong,
        Length::Max => Scalar::Int64,
        Length::Size => Scalar::SignedSize,
        Length::Difference => Scalar::PointerDifference,
    }
}

/// Likewise, unsigned.
fn unsigned(length: Length) -> Scalar {
    match length {
        Length::None | Length::CharLong | Length::Short => Scalar::UnsignedInt,
        Length::Long => Scalar::UnsignedLong,
        Length::LongLong | Length::LongDouble => Scalar::UnsignedLongLong,
        Length::Max => Scalar::UInt64,
        Length::Size => Scalar::Size,
        Length::Difference => Scalar::UIntPointer,
    }
}

/// What is enough for both conversions of one text.
fn larger(one: Limit, other: Limit) -> Limit {
    match (one, other) {
        (Limit::Elements(one), Limit::Elements(other)) => Limit::Elements(one.max(other)),
        (one, other) if one == other => one,
        // Which of them is larger only the call knows: C needs the terminator where one of them
        // reads that far, and a text that has none then was no text for the other either.
        _ => Limit::Terminated,
    }
}

#[cfg(test)]
mod tests;
