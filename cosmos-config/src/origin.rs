//! Where a value came from.

use std::{fmt, ops::Deref, path::PathBuf};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Nobody stated one.
    Default,
    /// Found by looking at this machine; the text says by which rule.
    Rule(String),
    /// A configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// The environment variable of this name.
    Environment(String),
    /// A setting of one request.
    Setting,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => formatter.write_str("built in"),
            Origin::Rule(rule) => formatter.write_str(rule),
            Origin::File { path, line } => write!(formatter, "{}:{line}", path.display()),
            Origin::Environment(name) => write!(formatter, "environment variable {name}"),
            Origin::Setting => formatter.write_str("setting of this request"),
        }
    }
}

/// A value and where it came from. Dereferences to the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

impl<T> Sourced<T> {
    /// A value from there.
    pub fn new(value: T, origin: Origin) -> Sourced<T> {
        Sourced { value, origin }
    }
}

impl<T> Deref for Sourced<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
