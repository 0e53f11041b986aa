//! Pieces of code in hexadecimal, one a line.

use crate::{TROUBLE, UNSAFE};
use std::io::{self, BufRead, Write};
use zerovm_validator::Validator;

const BUNDLE: usize = 32;
const NOP: u8 = 0x90;

/// Prints a verdict for each line; the exit code.
pub(crate) fn judge(
    validator: &Validator,
    mut input: impl BufRead,
    output: &mut impl Write,
) -> io::Result<u8> {
    let mut code = 0;
    let mut line = Vec::new();
    let mut text = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(code);
        }
        text.clear();
        if let Err(column) = decode(&line, &mut text) {
            writeln!(output, "bad 0x0 not hexadecimal at column {column}")?;
            code = code.max(TROUBLE);
            continue;
        }
        text.resize(text.len().next_multiple_of(BUNDLE), NOP);
        match validator.validate(0, &text) {
            Ok(()) => output.write_all(b"ok\n")?,
            Err(violation) => {
                code = code.max(UNSAFE);
                writeln!(output, "bad {:#x} {}", violation.offset, violation.reason)?;
            }
        }
    }
}

/// Appends the bytes of a line; blanks between them do not matter. Fails with the column, counted
/// from 1, of what is no digit, or of the digit that lacks its second.
fn decode(line: &[u8], bytes: &mut Vec<u8>) -> Result<(), usize> {
    let mut high = None;
    for (index, &character) in line.iter().enumerate() {
        if character.is_ascii_whitespace() {
            continue;
        }
        let digit = char::from(character).to_digit(16).ok_or(index + 1)? as u8;
        high = match high {
            None => Some((digit, index + 1)),
            Some((high, _)) => {
                bytes.push(high << 4 | digit);
                None
            }
        };
    }
    high.map_or(Ok(()), |(_, column)| Err(column))
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerovm_validator::Dialect;

    fn judged(input: &str) -> (u8, String) {
        let mut output = Vec::new();
        let validator = Validator::new(Dialect::Nacl);
        let code = judge(&validator, input.as_bytes(), &mut output).unwrap();
        (code, String::from_utf8(output).unwrap())
    }

    #[test]
    fn every_line_has_its_verdict() {
        let (code, output) = judged("90\n0f05\n\n89c0 418b1c07\r\n90 c3");
        assert_eq!(
            output,
            "ok\nbad 0x0 a system call or interrupt\nok\nok\n\
             bad 0x1 a return; jump to a masked register instead\n"
        );
        assert_eq!(code, UNSAFE);
        assert_eq!(judged("90\n").0, 0);
        assert_eq!(judged("").0, 0);
    }

    #[test]
    fn what_is_no_hexadecimal_is_said() {
        let (code, output) = judged("9g\n909\n90\n");
        assert_eq!(
            output,
            "bad 0x0 not hexadecimal at column 2\nbad 0x0 not hexadecimal at column 3\nok\n"
        );
        assert_eq!(code, TROUBLE);
    }
}
