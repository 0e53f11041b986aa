//! What targets must be to be run: digests, in a file as `sha256sum` writes it.
//!
//! # Promises
//!
//! 1. What cannot be understood is not passed over: one wrong line is an error that names it, for it may
//!    have pinned anything.
//! 2. No target is pinned to two contents.

use crate::error::ConfigError;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::{fs::File, io};

/// Most bytes of the file.
const LARGEST: u64 = 1 << 20;
/// Most targets; their names are words of a command line.
const MOST: usize = 256;
/// Digits of a digest.
const DIGITS: usize = 64;
/// What a line has to be.
const EXPECTED: &str =
    "64 hexadecimal digits, two spaces and an absolute path, as sha256sum writes them";

/// The digest that a target is pinned to, in small letters, by its absolute path.
pub type Pins = BTreeMap<String, String>;

/// What the file states; nothing where no file is named.
///
/// # Errors
/// What is wrong with the file, and in which line.
pub fn pins(path: &Path) -> Result<Pins, ConfigError> {
    if path.as_os_str().is_empty() {
        return Ok(Pins::new());
    }
    let unreadable = |source: io::Error| ConfigError::Pins {
        path: path.to_owned(),
        line: None,
        problem: source.to_string(),
    };
    let wrong = |(line, problem): (Option<usize>, String)| ConfigError::Pins {
        path: path.to_owned(),
        line,
        problem,
    };
    let is_file = std::fs::metadata(path).map_err(unreadable)?.is_file();
    if !is_file {
        return Err(wrong((None, "it is no file".to_owned())));
    }
    let mut text = Vec::new();
    let mut file = File::open(path).map_err(unreadable)?.take(LARGEST + 1);
    file.read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > LARGEST {
        return Err(wrong((None, "it is larger than 1 MiB".to_owned())));
    }
    parse(&text).map_err(wrong)
}

fn parse(text: &[u8]) -> Result<Pins, (Option<usize>, String)> {
    let mut pins = Pins::new();
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let wrong = |problem: String| (Some(number + 1), problem);
        let stated = std::str::from_utf8(line).ok().and_then(pin);
        let (digest, path) = stated.ok_or_else(|| wrong(format!("expected {EXPECTED}")))?;
        match pins.insert(path.to_owned(), digest.clone()) {
            Some(other) if other != digest => {
                return Err(wrong(format!("{path} is pinned to other contents above")));
            }
            _ => {}
        }
    }
    match pins.len() <= MOST {
        true => Ok(pins),
        false => {
            let problem = format!("{} targets are pinned; there may be {MOST}", pins.len());
            Err((None, problem))
        }
    }
}

/// Digest and path.
fn pin(line: &str) -> Option<(String, &str)> {
    let (digest, rest) = line.split_at_checked(DIGITS)?;
    // A star for what was read as binary.
    let path = rest
        .strip_prefix("  ")
        .or_else(|| rest.strip_prefix(" *"))?;
    let is_digest = digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_path = path.starts_with('/') && !path.contains('\0');
    (is_digest && is_path).then(|| (digest.to_ascii_lowercase(), path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn refused(text: &[u8]) -> (Option<usize>, String) {
        parse(text).expect_err("it is wrong")
    }

    #[test]
    fn what_sha256sum_writes_is_understood_and_nothing_else() {
        let text = format!("# a comment\n\n{DIGEST}  /usr/bin/a b\r\n{DIGEST} */bin/c");
        let lower = DIGEST.to_lowercase();
        let of = |path: &str| (path.to_owned(), lower.clone());
        let expected = Pins::from([of("/usr/bin/a b"), of("/bin/c")]);
        assert_eq!(parse(text.as_bytes()), Ok(expected));
        for line in [
            "ba78  /bin/a".to_owned(),
            format!("{DIGEST}  relative"),
            format!("{DIGEST} /bin/a"),
            format!("{}  /bin/a", "g".repeat(64)),
            format!("{}ä  /bin/a", "a".repeat(63)),
            // A name that sha256sum had to quote.
            format!("\\{DIGEST}  /bin/a\\nb"),
            DIGEST.to_owned(),
        ] {
            let text = format!("# one before\n{line}\n");
            assert_eq!(refused(text.as_bytes()).0, Some(2), "{line}");
        }
        let no_text = [DIGEST.as_bytes(), b"  /bin/\xff\n"].concat();
        assert_eq!(refused(&no_text).0, Some(1));
    }

    #[test]
    fn a_target_has_one_digest() {
        let other = "0".repeat(64);
        let twice = format!("{DIGEST}  /bin/a\n{}  /bin/a\n", DIGEST.to_lowercase());
        assert_eq!(parse(twice.as_bytes()).map(|pins| pins.len()), Ok(1));
        let two = format!("{DIGEST}  /bin/a\n{other}  /bin/a\n");
        let (line, problem) = refused(two.as_bytes());
        assert!(line == Some(2) && problem.contains("/bin/a"), "{problem}");
        let many = (0..300).map(|number| format!("{DIGEST}  /{number}\n"));
        assert_eq!(refused(many.collect::<String>().as_bytes()).0, None);
    }

    #[test]
    fn what_is_no_file_of_a_bounded_size_is_refused_by_name() {
        let directory = tempfile::tempdir().expect("a directory");
        let long = directory.path().join("long");
        std::fs::write(&long, "#".repeat(LARGEST as usize + 1)).expect("written");
        for (path, what) in [
            (directory.path(), "no file"),
            (Path::new("/dev/zero"), "no file"),
            (&directory.path().join("nowhere"), "No such file"),
            (&long, "larger"),
        ] {
            let told = pins(path).expect_err("it is none").to_string();
            let is_named = told.contains(&path.display().to_string());
            assert!(is_named && told.contains(what), "{told}");
        }
        assert_eq!(pins(Path::new("")).expect("none"), Pins::new());
    }
}
