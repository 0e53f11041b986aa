//! Numbers of reports: `c-` and eight hexadecimal digits, by chance.

use crate::CrashError;
use std::fmt;
use std::io::Read;
use std::str::FromStr;

/// The number of a report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(String);

impl Id {
    /// Another one.
    ///
    /// # Errors
    /// Where the system has no random bytes.
    pub(crate) fn random() -> std::io::Result<Id> {
        let mut bytes = [0; 4];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Id(format!("c-{:08x}", u32::from_ne_bytes(bytes))))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Id {
    type Err = CrashError;

    fn from_str(text: &str) -> Result<Id, CrashError> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text.strip_prefix("c-") {
            Some(digits) if digits.len() == 8 && digits.bytes().all(is_digit) => {
                Ok(Id(text.to_owned()))
            }
            _ => {
                let shown: String = text.chars().take(40).collect();
                Err(CrashError::BadId(shown.escape_debug().to_string()))
            }
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_made_is_one() {
        let id = Id::random().unwrap();
        assert_eq!(id.as_str().parse::<Id>().unwrap(), id);
    }

    proptest! {
        #[test]
        fn nothing_else_is(text in "\\PC{0,24}|c-[0-9a-g/.]{7,9}") {
            if let Ok(id) = text.parse::<Id>() {
                prop_assert_eq!(id.as_str().len(), 10);
                prop_assert!(!id.as_str().contains(['/', '.']));
            }
        }
    }
}
