//! Bytes that do nothing, in as few instructions as there may be.

use crate::unit::BUNDLE;

/// The no-operations by their length, as the manuals recommend them and the validator knows them.
const NOPS: [&str; 9] = [
    "0x90",
    "0x66,0x90",
    "0x0f,0x1f,0x00",
    "0x0f,0x1f,0x40,0x00",
    "0x0f,0x1f,0x44,0x00,0x00",
    "0x66,0x0f,0x1f,0x44,0x00,0x00",
    "0x0f,0x1f,0x80,0x00,0x00,0x00,0x00",
    "0x0f,0x1f,0x84,0x00,0x00,0x00,0x00,0x00",
    "0x66,0x0f,0x1f,0x84,0x00,0x00,0x00,0x00,0x00",
];

/// Writes `length` bytes that start at `offset` and cross no bundle.
pub(crate) fn write(text: &mut String, offset: u32, length: u32) {
    let (mut offset, mut left) = (offset, length);
    while left > 0 {
        let here = left.min(BUNDLE - offset % BUNDLE);
        let nop = here.min(NOPS.len() as u32);
        text.push_str("\t.byte ");
        text.push_str(NOPS[nop as usize - 1]);
        text.push('\n');
        offset += nop;
        left -= nop;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_has_its_length_and_crosses_no_bundle() {
        for offset in 0..32 {
            for length in 0..70 {
                let mut text = String::new();
                write(&mut text, offset, length);
                let mut at = offset;
                for line in text.lines() {
                    let bytes = line.split(',').count() as u32;
                    assert!(at % BUNDLE + bytes <= BUNDLE);
                    at += bytes;
                }
                assert_eq!(at, offset + length);
            }
        }
    }
}
