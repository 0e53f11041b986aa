//! Text to tokens. Never fails: what is no token becomes one that the parser reports when it gets
//! there, so that one bad declaration of a file does not hide the others.

use super::token::{Kind, Span, Token};
use crate::error::Code;

/// Longest first, so that `...` is not three dots.
const PUNCTUATION: &[&str] = &[
    "...", "<<=", ">>=", "->", "::", "==", "!=", "<=", ">=", "&&", "||", "<<", ">>", "++", "--",
    "+=", "-=", "*=", "/=", "(", ")", "[", "]", "{", "}", ";", ",", ":", "*", "+", "-", "/", "=",
    "<", ">", "&", "|", "^", "~", "!", "?", ".", "%",
];

/// All tokens of `text`, the last of kind [`Kind::End`]. `text` is shorter than 4 GiB.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.token();
        tokens.push(token);
        if token.kind == Kind::End {
            return tokens;
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn token(&mut self) -> Token<'a> {
        if let Some(invalid) = self.skip_blank() {
            return invalid;
        }
        let start = self.at;
        let kind = self.kind();
        self.finish(start, kind)
    }

    fn finish(&self, start: usize, kind: Kind<'a>) -> Token<'a> {
        let span = Span {
            start: start as u32,
            end: self.at as u32,
        };
        Token { kind, span }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest
            .find(|character| !accept(character))
            .unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Blanks, comments and continued lines; a comment without an end is a token.
    fn skip_blank(&mut self) -> Option<Token<'a>> {
        loop {
            self.take_while(|character| character.is_ascii_whitespace() || character == '\u{b}');
            let rest = self.rest();
            if rest.starts_with("//") {
                self.take_while(|character| character != '\n');
            } else if rest.starts_with("\\\n") {
                self.at += 2;
            } else if rest.starts_with("\\\r\n") {
                self.at += 3;
            } else if let Some(comment) = rest.strip_prefix("/*") {
                let start = self.at;
                match comment.find("*/") {
                    Some(length) => self.at += length + 4,
                    None => {
                        self.at = self.text.len();
                        let kind = Kind::Invalid(Code::E0102, "this comment has no end");
                        let mut token = self.finish(start, kind);
                        token.span.end = token.span.start + 2;
                        return Some(token);
                    }
                }
            } else {
                return None;
            }
        }
    }

    fn kind(&mut self) -> Kind<'a> {
        let Some(first) = self.peek() else {
            return Kind::End;
        };
        match first {
            'a'..='z' | 'A'..='Z' | '_' => {
                Kind::Word(self.take_while(|c| c.is_ascii_alphanumeric() || c == '_'))
            }
            '0'..='9' => self.number(),
            '.' if self.rest()[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number(),
            '\'' => self.character(),
            '"' => self.string(),
            '#' => self.directive(),
            _ => self.punctuation(first),
        }
    }

    fn punctuation(&mut self, first: char) -> Kind<'a> {
        let rest = self.rest();
        let same = |text: &&&str| text.starts_with(first) && rest.starts_with(**text);
        match PUNCTUATION.iter().find(same) {
            Some(text) => {
                self.at += text.len();
                Kind::Punctuation(text)
            }
            None => {
                self.at += first.len_utf8();
                Kind::Invalid(
                    Code::E0102,
                    "this character has no place in a C declaration",
                )
            }
        }
    }

    /// A preprocessor line with its continuation lines.
    fn directive(&mut self) -> Kind<'a> {
        loop {
            let line = self.take_while(|character| character != '\n');
            if !line.trim_end_matches('\r').ends_with('\\') || self.rest().is_empty() {
                return Kind::Directive;
            }
            self.at += 1;
        }
    }

    fn string(&mut self) -> Kind<'a> {
        self.at += 1;
        loop {
            match self.peek() {
                None | Some('\n') => {
                    return Kind::Invalid(Code::E0102, "this string has no end");
                }
                Some('"') => {
                    self.at += 1;
                    return Kind::Text;
                }
                Some('\\') => {
                    self.at += 1;
                    self.at += self.peek().map_or(0, char::len_utf8);
                }
                Some(other) => self.at += other.len_utf8(),
            }
        }
    }

    fn character(&mut self) -> Kind<'a> {
        const BAD: Kind<'static> = Kind::Invalid(
            Code::E0102,
            "this is no character constant of one ASCII character",
        );
        self.at += 1;
        let value = match self.peek() {
            Some('\\') => {
                self.at += 1;
                self.escape()
            }
            Some(plain) if plain.is_ascii() && !matches!(plain, '\'' | '\n') => {
                self.at += 1;
                Some(plain as u8)
            }
            Some(other) if !matches!(other, '\'' | '\n') => {
                self.at += other.len_utf8();
                None
            }
            _ => None,
        };
        let rest = self.take_while(|character| !matches!(character, '\'' | '\n'));
        let closed = self.rest().starts_with('\'');
        self.at += usize::from(closed);
        match value {
            // Plain char is signed on every supported target.
            Some(byte) if closed && rest.is_empty() => Kind::Integer(i128::from(byte as i8)),
            _ => BAD,
        }
    }

    /// The byte an escape sequence stands for; the backslash has been read.
    fn escape(&mut self) -> Option<u8> {
        let letter = self.peek()?;
        if ('0'..='7').contains(&letter) {
            let digits = self.take_while(|character| ('0'..='7').contains(&character));
            return u8::from_str_radix(digits, 8)
                .ok()
                .filter(|_| digits.len() <= 3);
        }
        self.at += letter.len_utf8();
        Some(match letter {
            'x' => {
                let digits = self.take_while(|character| character.is_ascii_hexdigit());
                return u8::from_str_radix(digits, 16).ok();
            }
            'a' => 7,
            'b' => 8,
            't' => 9,
            'n' => 10,
            'v' => 11,
            'f' => 12,
            'r' => 13,
            'e' => 27,
            '\\' | '\'' | '"' | '?' => letter as u8,
            _ => return None,
        })
    }

    /// C's preprocessing number: digits, letters, dots, and signs after an exponent letter.
    fn number(&mut self) -> Kind<'a> {
        let start = self.at;
        let hexadecimal = self.rest().starts_with("0x") || self.rest().starts_with("0X");
        loop {
            let run = self.take_while(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
            let exponent = !hexadecimal && run.ends_with(['e', 'E']);
            if exponent && self.rest().starts_with(['+', '-']) {
                self.at += 1;
            } else {
                break;
            }
        }
        let text = &self.text[start..self.at];
        if !hexadecimal && text.contains(['.', 'e', 'E']) {
            float(text)
        } else {
            integer(text)
        }
    }
}

fn float(text: &str) -> Kind<'static> {
    let digits = text.strip_suffix(['f', 'F', 'l', 'L']).unwrap_or(text);
    match digits.parse::<f64>() {
        Ok(value) if value.is_finite() => Kind::Float(value),
        Ok(_) => Kind::Invalid(Code::E0121, "this constant is larger than any double"),
        Err(_) => Kind::Invalid(Code::E0102, "this is no floating constant"),
    }
}

fn integer(text: &str) -> Kind<'static> {
    const BAD: Kind<'static> = Kind::Invalid(Code::E0102, "this is no integer constant");
    let lower = text.to_ascii_lowercase();
    let (radix, digits) = if let Some(digits) = lower.strip_prefix("0x") {
        (16, digits)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (2, digits)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[..])
    } else {
        (10, &lower[..])
    };
    let length = digits
        .find(|character: char| !character.is_digit(radix))
        .unwrap_or(digits.len());
    let (digits, suffix) = digits.split_at(length);
    if digits.is_empty() || !matches!(suffix, "" | "u" | "l" | "ul" | "lu" | "ll" | "ull" | "llu") {
        return BAD;
    }
    match u64::from_str_radix(digits, radix) {
        Ok(value) => Kind::Integer(i128::from(value)),
        Err(_) => Kind::Invalid(Code::E0121, "this constant does not fit 64 bits"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kinds(text: &str) -> Vec<Kind<'_>> {
        tokens(text).into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn constants_have_their_c_values() {
        for (text, value) in [
            ("0", 0),
            ("42", 42),
            ("0x1fUL", 31),
            ("017", 15),
            ("0b101", 5),
            ("18446744073709551615u", i128::from(u64::MAX)),
            ("'a'", 97),
            (r"'\n'", 10),
            (r"'\0'", 0),
            (r"'\x41'", 65),
            (r"'\xff'", -1),
            (r"'\''", 39),
        ] {
            assert_eq!(kinds(text), [Kind::Integer(value), Kind::End], "{text}");
        }
        assert_eq!(kinds("1.5e-3f"), [Kind::Float(0.0015), Kind::End]);
    }

    #[test]
    fn what_is_no_constant_is_told() {
        for text in [
            "09",
            "1x",
            "0x",
            "''",
            "'ab'",
            "'é'",
            r"'\q'",
            "1e",
            "\"a",
            "/* ",
            "@",
            "1e999",
            "18446744073709551616",
        ] {
            assert!(
                matches!(kinds(text)[..], [Kind::Invalid(..), Kind::End]),
                "{text}: {:?}",
                kinds(text)
            );
        }
    }

    #[test]
    fn comments_and_continued_lines_are_blank() {
        assert_eq!(
            kinds("a /* b */ // c\n\\\nd"),
            [Kind::Word("a"), Kind::Word("d"), Kind::End]
        );
        assert_eq!(
            kinds("#define a \\\n b\nc"),
            [Kind::Directive, Kind::Word("c"), Kind::End]
        );
    }

    proptest! {
        #[test]
        fn spans_cover_their_tokens_in_order(text in "[ a-z0-9_()*;,'\"/\\\\#é.\n-]{0,80}") {
            let mut at = 0;
            for token in tokens(&text) {
                prop_assert!(token.span.start >= at && token.span.end >= token.span.start);
                prop_assert!(text.get(token.span.range()).is_some());
                at = token.span.end.min(token.span.start + 2).max(token.span.start);
            }
        }
    }
}
