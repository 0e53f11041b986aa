//! Text: C escapes and hexadecimal bytes.

use super::Reason;

/// The bytes of a C string or character constant's inside.
pub fn unescape(body: &str) -> Result<Vec<u8>, Reason> {
    let bytes = body.as_bytes();
    let mut result = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        if byte == b'\\' {
            let (value, length) = escape(&bytes[at..])?;
            result.push(value);
            at += length;
        } else {
            result.push(byte);
        }
    }
    Ok(result)
}

/// The byte after a backslash, and how many bytes of source it takes.
fn escape(rest: &[u8]) -> Result<(u8, usize), Reason> {
    let simple = match rest.first() {
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'r') => b'\r',
        Some(b'a') => 7,
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(b'v') => 11,
        Some(b'e') => 27,
        Some(&same @ (b'\\' | b'"' | b'\'' | b'?')) => same,
        Some(b'x') => return numeric(&rest[1..], 16, 2).map(|(value, length)| (value, length + 1)),
        Some(b'0'..=b'7') => return numeric(rest, 8, 3),
        _ => return Err("a backslash begins no known escape".to_owned()),
    };
    Ok((simple, 1))
}

fn numeric(digits: &[u8], radix: u32, most: usize) -> Result<(u8, usize), Reason> {
    let length = digits
        .iter()
        .take(most)
        .take_while(|&&digit| char::from(digit).is_digit(radix))
        .count();
    let text = std::str::from_utf8(&digits[..length]).unwrap_or_default();
    u8::from_str_radix(text, radix)
        .map(|value| (value, length))
        .map_err(|_| "a numeric escape is no byte".to_owned())
}

/// The bytes of `00ff…`.
pub fn hexadecimal(digits: &str) -> Result<Vec<u8>, Reason> {
    let digits: Vec<u8> = digits
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    if !digits.len().is_multiple_of(2) {
        return Err("hex: takes two digits for each byte".to_owned());
    }
    digits
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).unwrap_or_default();
            let valid = pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            u8::from_str_radix(pair, 16).ok().filter(|_| valid)
        })
        .collect::<Option<Vec<u8>>>()
        .ok_or_else(|| "hex: takes hexadecimal digits only".to_owned())
}
