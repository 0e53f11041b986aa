//! Expressions: numbers and symbols with operators between them, kept as they were written.

use std::fmt;

/// An expression as it was written, without blanks around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Expression<'a>(&'a str);

impl<'a> Expression<'a> {
    /// That of a text.
    pub fn new(text: &'a str) -> Self {
        Self(text.trim())
    }

    /// As it was written.
    pub fn text(self) -> &'a str {
        self.0
    }

    /// Whether nothing was written.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The value, where it is a number and nothing else.
    pub fn number(self) -> Option<i64> {
        let (negative, digits) = match self.0.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, self.0.strip_prefix('+').unwrap_or(self.0)),
        };
        let value = unsigned(digits)?;
        if negative {
            0_i64.checked_sub_unsigned(value)
        } else {
            // What is written without a sign may use all 64 bits.
            Some(value as i64)
        }
    }

    /// Each symbol in it, with what `@` adds to it, and each reference to a numbered label.
    pub fn symbols(self) -> impl Iterator<Item = &'a str> {
        words(self.0).filter(|word| is_symbol(word))
    }

    /// Whether it is a symbol and nothing else.
    pub fn symbol(self) -> Option<&'a str> {
        let whole = self.0.bytes().all(is_word) && is_symbol(self.0);
        whole.then_some(self.0)
    }
}

impl fmt::Display for Expression<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

fn unsigned(digits: &str) -> Option<u64> {
    let is_digits = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let in_base = |digits: &str, base| match digits {
        digits if is_digits(digits) => u64::from_str_radix(digits, base).ok(),
        _ => None,
    };
    match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => in_base(&digits[2..], 16),
        [b'0', b'b' | b'B', ..] => in_base(&digits[2..], 2),
        [b'0', _, ..] => in_base(&digits[1..], 8),
        _ => in_base(digits, 10),
    }
}

/// The parts of an expression that are names or numbers. Strings and characters are none.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let first = *rest.as_bytes().first()?;
            let length = match first {
                b'"' => string_length(rest),
                b'\'' => character_length(rest),
                first if is_word(first) => {
                    let end = rest.bytes().position(|byte| !is_word(byte));
                    let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
                    rest = after;
                    return Some(word);
                }
                _ => 1,
            };
            rest = rest.get(length..).unwrap_or_default();
        }
    })
}

fn string_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut length = 1;
    while let Some(&byte) = bytes.get(length) {
        match byte {
            b'"' => return length + 1,
            b'\\' => length += 2,
            _ => length += 1,
        }
    }
    bytes.len()
}

fn character_length(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    let escaped = matches!(characters.next(), Some((_, '\\')));
    if escaped {
        characters.next();
    }
    characters.next().map_or(text.len(), |(at, _)| at)
}

/// A name, or a reference to a numbered label (`1f`, `2b`).
fn is_symbol(word: &str) -> bool {
    match word.as_bytes() {
        [] => false,
        [digits @ .., b'f' | b'b'] if is_number(digits) => true,
        [first, ..] => !first.is_ascii_digit() && word != ".",
    }
}

fn is_number(digits: &[u8]) -> bool {
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// Whether a byte may be part of a name or number.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$' | b'@') || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let value = |text| Expression::new(text).number();
        assert_eq!(value(" -12 "), Some(-12));
        assert_eq!(value("0x10"), Some(16));
        assert_eq!(value("010"), Some(8));
        assert_eq!(value("0b101"), Some(5));
        assert_eq!(value("18446744073709551615"), Some(-1));
        assert_eq!(value("-9223372036854775808"), Some(i64::MIN));
        for none in [
            "",
            "-",
            "a",
            "1+1",
            "0x",
            "--1",
            "+-1",
            "-9223372036854775809",
            "1f",
        ] {
            assert_eq!(value(none), None, "{none}");
        }
    }

    #[test]
    fn symbols() {
        let symbols = |text| Expression::new(text).symbols().collect::<Vec<_>>();
        assert_eq!(symbols(".L4+8-(a.b*2)"), [".L4", "a.b"]);
        assert_eq!(symbols("1f-0x1f+0b1"), ["1f"]);
        assert_eq!(symbols("f@GOTPCREL, .-g"), ["f@GOTPCREL", "g"]);
        assert_eq!(symbols("\"x\\\"y\", 'a', z"), ["z"]);
        assert_eq!(Expression::new("main").symbol(), Some("main"));
        assert_eq!(Expression::new("main+1").symbol(), None);
        assert_eq!(Expression::new("12").symbol(), None);
    }
}
