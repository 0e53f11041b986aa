//! Tokens and where they stand.

use std::ops::Range;

use crate::error::Code;

/// Bytes of a text. Spans of the standard declarations are foreign: they lie in a text that the
/// caller never saw, so errors are shown where the caller used the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// A place in the standard declarations.
    pub const FOREIGN: Span = Span {
        start: u32::MAX,
        end: u32::MAX,
    };

    /// From the start of this one to the end of `last`.
    pub fn to(self, last: Span) -> Span {
        Span {
            start: self.start,
            end: last.end.max(self.end),
        }
    }

    /// This place, or `site` if it is one the caller never saw.
    pub fn or(self, site: Span) -> Span {
        if self == Span::FOREIGN { site } else { self }
    }

    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// One token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    pub kind: Kind<'a>,
    pub span: Span,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind<'a> {
    /// Keyword, identifier or annotation.
    Word(&'a str),
    /// Integer or character constant.
    Integer(i128),
    /// Floating constant.
    Float(f64),
    /// String literal; its contents never matter.
    Text,
    /// Operator or bracket.
    Punctuation(&'static str),
    /// A preprocessor line.
    Directive,
    /// No token of the language.
    Invalid(Code, &'static str),
    /// The end of the text.
    End,
}
