//! What cosmosd tells a VM on its command line.

use std::ffi::OsString;
use std::os::fd::RawFd;

/// The command line of a VM.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub control: RawFd,
    pub private: bool,
}

impl Arguments {
    pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Arguments, String> {
        let (mut control, mut private) = (None, false);
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.to_str() {
                Some("--private") => private = true,
                Some("--control") => {
                    let number = words.next().and_then(|word| word.to_str()?.parse().ok());
                    // The standard descriptors are spoken for.
                    control = number.filter(|&number: &RawFd| number > 2);
                    if control.is_none() {
                        return Err("--control takes the number of a descriptor above 2".into());
                    }
                }
                _ => return Err(format!("unknown argument '{}'", word.display())),
            }
        }
        let control = control.ok_or("--control FD is missing")?;
        Ok(Arguments { control, private })
    }
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
            &["--control", "3", "--help"],
        ] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }
}
