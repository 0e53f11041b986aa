//! Numbered errors of the prototype language, each pointing at the text that caused it.
//!
//! | numbers | whose matter it is |
//! |---|---|
//! | E01xx | the text: not a declaration of the language, or one that contradicts itself |
//! | E02xx | this release: understood, and not carried yet |
//! | E03xx | nature: nothing that runs in another process can do it |
//!
//! Every code has a title and a paragraph ([`explain`]), and every error a caret ([`render`]).
//!
//! [`render`]: PrototypeError::render

mod carried;
mod extents;
mod language;
mod nature;
mod render;

use std::fmt;
use std::ops::Range;

macro_rules! codes {
    ($($code:ident)*) => {
        /// The number of an error. Numbers are never reused for another meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)] // `title` and `explanation` say what each means
        pub enum Code { $($code),* }

        /// All codes in ascending order.
        pub const CODES: &[Code] = &[$(Code::$code),*];

        impl Code {
            /// The number as people write it: `E0103`.
            pub fn number(self) -> &'static str {
                match self { $(Code::$code => stringify!($code)),* }
            }
        }
    };
}

codes! {
    E0101 E0102 E0103 E0104 E0105 E0106 E0107 E0108 E0109 E0110 E0111 E0112 E0113 E0114 E0115 E0116
    E0117 E0118 E0119 E0120 E0121 E0122 E0123 E0124 E0125 E0126 E0127 E0128 E0129 E0130 E0131 E0132
    E0133
    E0140 E0141
    E0145 E0146 E0147 E0148
    E0150 E0151 E0152 E0153 E0154
    E0160 E0161 E0162 E0163 E0164
    E0165
    E0201 E0202 E0216
    E0221 E0223
    E0301 E0302 E0303 E0304 E0305 E0306
}

/// All codes in ascending order.
pub fn codes() -> &'static [Code] {
    CODES
}

/// What `cosmos explain CODE` prints; upper or lower case, `None` for a number that does not exist.
pub fn explain(code: &str) -> Option<&'static str> {
    CODES
        .iter()
        .find(|known| known.number().eq_ignore_ascii_case(code.trim()))
        .map(|known| known.explanation())
}

impl Code {
    /// What it is about, in a few words.
    pub fn title(self) -> &'static str {
        self.texts().0
    }

    /// A paragraph for someone who has just met the error.
    pub fn explanation(self) -> &'static str {
        self.texts().1
    }

    fn texts(self) -> (&'static str, &'static str) {
        language::texts(self)
            .or_else(|| carried::texts(self))
            .or_else(|| extents::texts(self))
            .or_else(|| nature::texts(self))
            .unwrap_or((self.number(), self.number()))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.number())
    }
}

/// A prototype that was refused: why, and which bytes of the text are to blame.
///
/// `Display` is [`one_line`](PrototypeError::one_line).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrototypeError(Box<Parts>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    code: Code,
    span: Range<usize>,
    message: String,
    label: String,
    note: String,
    help: String,
    example: String,
}

impl PrototypeError {
    /// An error at the bytes `span` of the prototype text.
    pub(crate) fn new(code: Code, span: Range<usize>, message: impl Into<String>) -> Self {
        PrototypeError(Box::new(Parts {
            code,
            span,
            message: message.into(),
            label: String::new(),
            note: String::new(),
            help: String::new(),
            example: String::new(),
        }))
    }

    /// Words beside the caret.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.0.label = label.into();
        self
    }

    /// Something to know.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.0.note = note.into();
        self
    }

    /// Something to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = help.into();
        self
    }

    /// Something to do, with C text that shows it.
    pub(crate) fn example(mut self, help: impl Into<String>, example: impl Into<String>) -> Self {
        self.0.help = help.into();
        self.0.example = example.into();
        self
    }

    /// Which error it is.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The bytes of the text to blame.
    pub fn span(&self) -> Range<usize> {
        self.0.span.clone()
    }

    /// What is wrong, in one sentence without a full stop.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it, if something can be done.
    pub fn advice(&self) -> Option<&str> {
        Some(self.0.help.as_str()).filter(|help| !help.is_empty())
    }

    /// `E0103 cannot tell how large 'dest' is`: for lists with one line per declaration.
    pub fn one_line(&self) -> String {
        format!("{} {}", self.0.code, self.0.message)
    }

    /// The whole error for a person, several lines that end in a newline: message, source line,
    /// caret, help. `source` is the text that was parsed.
    pub fn render(&self, source: &str) -> String {
        render::render(&self.0, source)
    }
}

impl fmt::Display for PrototypeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.one_line())
    }
}

impl std::error::Error for PrototypeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_once() {
        for &code in codes() {
            let sources = [
                language::texts(code),
                carried::texts(code),
                extents::texts(code),
                nature::texts(code),
            ];
            assert_eq!(sources.iter().flatten().count(), 1, "{code}");
            assert!(code.explanation().len() > 80, "{code}");
            assert_eq!(explain(code.number()), Some(code.explanation()));
        }
        assert_eq!(explain("e0103"), explain("E0103"));
        assert_eq!(explain("E9999"), None);
    }
}
