//! The two ordered kinds of value that combine to the strictest.

use std::{fmt, str::FromStr};

/// How strongly a VM is confined; each level contains the ones before it. A greater level is the
/// stricter one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Another process: crashes become errors.
    None,
    /// Resource limits as well.
    Limits,
    /// No file, socket, process or IPC object beyond the grants as well.
    LandlockSeccomp,
    /// Nothing else visible as well.
    Namespaces,
}

impl Level {
    /// Every level, weakest first.
    pub const ALL: [Level; 4] = [
        Level::None,
        Level::Limits,
        Level::LandlockSeccomp,
        Level::Namespaces,
    ];

    /// Its name in configuration and messages.
    pub fn name(self) -> &'static str {
        match self {
            Level::None => "none",
            Level::Limits => "limits",
            Level::LandlockSeccomp => "landlock+seccomp",
            Level::Namespaces => "namespaces",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Level {
    type Err = ();

    fn from_str(text: &str) -> Result<Level, ()> {
        Level::ALL
            .into_iter()
            .find(|level| level.name() == text)
            .ok_or(())
    }
}

/// An upper bound; the smaller one is the stricter one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Limit(u64);

impl Limit {
    /// No bound. Greater than every other limit.
    pub const UNLIMITED: Limit = Limit(u64::MAX);

    /// A bound of `number`; `u64::MAX` is [`Limit::UNLIMITED`].
    pub const fn at(number: u64) -> Limit {
        Limit(number)
    }

    /// The bound, where there is one.
    pub fn bound(self) -> Option<u64> {
        (self != Limit::UNLIMITED).then_some(self.0)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bound() {
            Some(number) => number.fmt(formatter),
            None => formatter.write_str("unlimited"),
        }
    }
}
