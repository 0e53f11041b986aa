//! What targets must be to be run: digests, in a file as `sha256sum` writes it.
//!
//! It is read for each VM that is launched, and given to that: who runs a program compares the very file that
//! was executed.

use cosmos_rpc::{Fault, FaultCode};
use std::path::Path;

/// Most bytes of the file.
const LARGEST: u64 = 1 << 20;
/// Most programs; their names are words of a command line.
const MOST: usize = 256;
/// Digits of a digest.
const DIGITS: usize = 64;

/// What the file states, `DIGEST=PATH` each; nothing where there is no file.
///
/// # Errors
/// `Configuration`, naming the line: what cannot be understood must not be passed over.
pub fn read(path: &Path) -> Result<Vec<String>, Fault> {
    if path.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    let wrong = |what: String| {
        let message = format!("{}: {what}", path.display());
        Fault::caller(FaultCode::Configuration, message)
    };
    let size = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    if !size.is_file() || size.len() > LARGEST {
        return Err(wrong("is no file of at most 1 MiB (pins)".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    parse(&text).map_err(wrong)
}

fn parse(text: &str) -> Result<Vec<String>, String> {
    let lines = text.lines().enumerate();
    let stated = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let pins = stated
        .map(|(number, line)| {
            pin(line).ok_or_else(|| {
                format!(
                    "line {}: expected 64 hexadecimal digits, two spaces and an absolute path, as \
                     sha256sum writes them",
                    number + 1
                )
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    match pins.len() <= MOST {
        true => Ok(pins),
        false => Err(format!("{} programs; there may be {MOST}", pins.len())),
    }
}

fn pin(line: &str) -> Option<String> {
    let (digest, rest) = line.split_at_checked(DIGITS)?;
    // A star for what was read as binary.
    let path = rest
        .strip_prefix("  ")
        .or_else(|| rest.strip_prefix(" *"))?;
    let is_digest = digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_path = path.starts_with('/') && !path.contains('\0');
    (is_digest && is_path).then(|| format!("{}={path}", digest.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sha256sum_writes_is_understood_and_nothing_else() {
        let digest = "BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let text = format!("# a comment\n\n{digest}  /usr/bin/a b\n{digest} */bin/c\n");
        let lower = digest.to_lowercase();
        let expected = [format!("{lower}=/usr/bin/a b"), format!("{lower}=/bin/c")];
        assert_eq!(parse(&text), Ok(expected.to_vec()));
        for line in [
            "ba78  /bin/a".to_owned(),
            format!("{digest}  relative"),
            format!("{digest} /bin/a"),
            format!("{}  /bin/a", "g".repeat(64)),
            format!("{}ä  /bin/a", "a".repeat(63)),
            digest.to_owned(),
        ] {
            let refused = parse(&line).expect_err(&line);
            assert!(refused.starts_with("line 1"), "{refused}");
        }
        assert!(parse(&format!("{digest}  /a\n").repeat(300)).is_err());
    }
}
