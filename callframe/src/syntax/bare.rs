//! A name without a prototype: whoever keeps prototypes by name looks it up there.

use super::words::{either, is_keyword, near};
use crate::error::{Code, PrototypeError};

/// The name that the text consists of, where it is one C name and nothing else.
///
/// ```
/// assert_eq!(callframe::bare_name(" crc32 "), Some("crc32"));
/// assert_eq!(callframe::bare_name("double cos(double x)"), None);
/// ```
pub fn bare_name(text: &str) -> Option<&str> {
    let text = text.trim();
    // The longest name an ELF symbol is asked for here; longer texts are no names worth a look.
    if text.is_empty() || text.len() > 4096 {
        return None;
    }
    let mut bytes = text.bytes();
    let starts = bytes.next().is_some_and(is_letter);
    let goes_on = bytes.all(|byte| is_letter(byte) || byte.is_ascii_digit());
    (starts && goes_on && !is_keyword(text)).then_some(text)
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

/// The error for a bare name of which no prototype is known. `known` are the names that have one,
/// `note` says where was looked.
pub fn no_prototype<'k>(
    name: &str,
    known: impl Iterator<Item = &'k str>,
    note: impl Into<String>,
) -> PrototypeError {
    let error = PrototypeError::new(
        Code::E0165,
        0..name.len(),
        format!("no prototype of '{name}' is known"),
    )
    .label("a name alone")
    .note(note);
    match near(name, known).as_slice() {
        [] => error.example(
            "give the prototype, for example",
            format!("int {name}(int n)"),
        ),
        names => error.help(format!("did you mean {}?", either(names))),
    }
}
