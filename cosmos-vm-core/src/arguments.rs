//! What cosmosd tells a VM on its command line.

use std::ffi::OsString;
use std::os::fd::RawFd;
use std::path::PathBuf;

/// The command line of a VM.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub control: RawFd,
    pub private: bool,
    /// The socket to the launcher.
    pub confine: Option<RawFd>,
    pub call_depth: Option<usize>,
    /// Programs are not looked at when they crash.
    pub untraced: bool,
    /// Digests of programs, `DIGEST=PATH` each.
    pub pins: Vec<(String, PathBuf)>,
}

impl Arguments {
    pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Arguments, String> {
        let (mut control, mut private, mut untraced) = (None, false, false);
        let (mut confine, mut call_depth, mut pins) = (None, None, Vec::new());
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.to_str() {
                Some("--private") => private = true,
                Some("--untraced") => untraced = true,
                Some("--control") => control = Some(descriptor("--control", words.next())?),
                Some("--pin") => {
                    let word = words.next().unwrap_or_default();
                    let pin = word.to_str().and_then(|word| word.split_once('='));
                    let (digest, path) = pin.ok_or("--pin takes DIGEST=PATH")?;
                    pins.push((digest.to_owned(), PathBuf::from(path)));
                }
                Some("--confine") => confine = Some(descriptor("--confine", words.next())?),
                Some("--call-depth") => {
                    let number = words.next().and_then(|word| word.to_str()?.parse().ok());
                    call_depth = Some(number.ok_or("--call-depth takes a number")?);
                }
                _ => return Err(format!("unknown argument '{}'", word.display())),
            }
        }
        let control = control.ok_or("--control FD is missing")?;
        Ok(Arguments {
            control,
            private,
            confine,
            call_depth,
            untraced,
            pins,
        })
    }
}

fn descriptor(option: &str, word: Option<OsString>) -> Result<RawFd, String> {
    let number = word.and_then(|word| word.to_str()?.parse().ok());
    // The standard descriptors are spoken for.
    number
        .filter(|&number: &RawFd| number > 2)
        .ok_or_else(|| format!("{option} takes the number of a descriptor above 2"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Arguments, String> {
        Arguments::parse(words.iter().map(OsString::from))
    }

    #[test]
    fn control_and_private_are_understood_in_any_order() {
        let both = Arguments {
            control: 3,
            private: true,
            confine: None,
            call_depth: None,
            untraced: false,
            pins: Vec::new(),
        };
        assert_eq!(parse(&["--control", "3", "--private"]).as_ref(), Ok(&both));
        assert_eq!(parse(&["--private", "--control", "3"]).as_ref(), Ok(&both));
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for words in [
            &["--private"][..],
            &["--control"],
            &["--control", "x"],
            &["--control", "-1"],
            &["--control", "1"],
            &["--control", "3", "--pin"],
            &["--control", "3", "--pin", "ab"],
            &["--control", "3", "--help"],
        ] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }
}
