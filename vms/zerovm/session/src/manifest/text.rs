//! The lexical rules: lines, keys and values, fields, integers.

/// More than this of a manifest is not looked at.
pub const MAX_BYTES: usize = 0x80000;
const MAX_LINES: usize = 0x2000;
const MAX_PARTS: usize = 16;

/// The lines that say something, with their numbers: those with exactly one `=`. Whatever else is
/// in a manifest is a comment, also a line whose value contains a `=`.
pub fn pairs(text: &[u8]) -> impl Iterator<Item = (usize, &[u8], &[u8])> {
    let text = &text[..text.len().min(MAX_BYTES)];
    // It was a C string once: nothing follows a NUL.
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    text.splitn(MAX_LINES, |&byte| byte == b'\n')
        .enumerate()
        .filter_map(|(index, line)| {
            let mut parts = line.splitn(MAX_PARTS, |&byte| byte == b'=');
            match (parts.next(), parts.next(), parts.next()) {
                (Some(key), Some(value), None) => Some((index + 1, trim(key), trim(value))),
                _ => None,
            }
        })
}

/// The fields between commas, trimmed. What is too much stays in the last of `count`.
pub fn fields(value: &[u8], count: usize) -> Vec<&[u8]> {
    value
        .splitn(count, |&byte| byte == b',')
        .map(trim)
        .collect()
}

/// Without the blanks around it, carriage returns included.
pub fn trim(bytes: &[u8]) -> &[u8] {
    let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let start = bytes.iter().position(|byte| !blank(byte));
    let end = bytes.iter().rposition(|byte| !blank(byte));
    match (start, end) {
        (Some(start), Some(end)) => &bytes[start..=end],
        _ => &[],
    }
}

/// An integer as C's `strtoll` reads it with base 0: a sign, then decimal, octal after `0` or
/// hexadecimal after `0x`. All of the token has to be one; no token at all is 0.
pub fn integer(token: &[u8]) -> Option<i64> {
    let token = trim(token);
    if token.is_empty() {
        return Some(0);
    }
    let (negative, digits) = match token {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, token),
    };
    let (radix, digits) = match digits {
        [b'0', b'x' | b'X', rest @ ..] => (16, rest),
        [b'0', rest @ ..] if !rest.is_empty() => (8, rest),
        _ => (10, digits),
    };
    // The standard library's parser would take a second sign.
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let magnitude = i128::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn integers_are_those_of_strtoll() {
        let cases: [(&[u8], Option<i64>); 20] = [
            (b"", Some(0)),
            (b"  ", Some(0)),
            (b"0", Some(0)),
            (b"-0", Some(0)),
            (b"10", Some(10)),
            (b"+7", Some(7)),
            (b"-7", Some(-7)),
            (b"0x10", Some(16)),
            (b"-0X1f", Some(-31)),
            (b"010", Some(8)),
            (b"08", None),
            (b"0x", None),
            (b"--1", None),
            (b"+-1", None),
            (b"1 2", None),
            (b"12a", None),
            (b"9223372036854775807", Some(i64::MAX)),
            (b"-9223372036854775808", Some(i64::MIN)),
            (b"9223372036854775808", None),
            (b"99999999999999999999999999999999999999999999", None),
        ];
        for (token, expected) in cases {
            let shown = String::from_utf8_lossy(token);
            assert_eq!(integer(token), expected, "{shown:?}");
        }
    }

    #[test]
    fn only_lines_with_one_equals_sign_count() {
        let text = b"====\nprose\n a = 1 \r\nb==2\n= \nc=\n";
        let found: Vec<_> = pairs(text).collect();
        let expected: Vec<(usize, &[u8], &[u8])> =
            vec![(3, b"a", b"1"), (5, b"", b""), (6, b"c", b"")];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_last_line_that_counts_holds_the_rest() {
        let text = b"\n".repeat(MAX_LINES - 1);
        let last = [text.as_slice(), b"a=1"].concat();
        assert_eq!(pairs(&last).last(), Some((MAX_LINES, &b"a"[..], &b"1"[..])));
        let beyond = [last.as_slice(), b"\nb=2"].concat();
        assert_eq!(pairs(&beyond).last(), None);
    }

    #[test]
    fn what_is_beyond_the_limit_or_a_nul_is_dropped() {
        let mut text = vec![b' '; MAX_BYTES];
        text.extend(b"\na=1");
        assert_eq!(pairs(&text).count(), 0);
        assert_eq!(pairs(b"a=1\0\nb=2\n").count(), 1);
    }

    proptest! {
        #[test]
        fn every_integer_is_read_back(value: i64) {
            prop_assert_eq!(integer(value.to_string().as_bytes()), Some(value));
            if value >= 0 {
                prop_assert_eq!(integer(format!("{value:#x}").as_bytes()), Some(value));
                prop_assert_eq!(integer(format!("0{value:o}").as_bytes()), Some(value));
            }
        }

        #[test]
        fn any_bytes_are_split(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            for (line, key, value) in pairs(&text) {
                prop_assert!(line >= 1);
                prop_assert!(!key.contains(&b'=') && !value.contains(&b'='));
                let _ = integer(value);
            }
        }
    }
}
