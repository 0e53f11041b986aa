//! What can be wrong with a configuration. Each message names the place to mend.

use crate::origin::Origin;
use std::{io, path::PathBuf};

/// What is wrong with the configuration, and where.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file is there and cannot be read.
    #[error("configuration file {} cannot be read: {source}{}", path.display(), whose(source))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is larger than any configuration.
    #[error("configuration file {} is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Most bytes read.
        limit: u64,
    },
    /// A file is no TOML.
    #[error("{}:{line}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// No such key.
    #[error("{origin}: there is no key `{key}`{}", did_you_mean(near))]
    UnknownKey {
        /// Where it stands.
        origin: Origin,
        /// The key, with its section.
        key: String,
        /// The key that was probably meant.
        near: Option<String>,
    },
    /// A value of the wrong type or range.
    #[error("{origin}: `{key}` takes {expected}, not {found}")]
    BadValue {
        /// Where it stands.
        origin: Origin,
        /// The key, with its section.
        key: String,
        /// What it takes.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A request wants to set what only configuration may.
    #[error(
        "`{key}` cannot be set per request; the keys that can are those of isolation and limits, \
         and timeout_ms"
    )]
    NotPerRequest {
        /// The key.
        key: String,
    },
    /// The file of targets that are pinned cannot be understood.
    #[error("{}{}: {problem} (pins)", path.display(), of_line(line))]
    Pins {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1, where it is one.
        line: Option<usize>,
        /// What is wrong there.
        problem: String,
    },
    /// There is nowhere to put sockets.
    #[error(
        "there is no directory for sockets: {reason}; set socket_directory in \
         /etc/cosmos/cosmos.toml or COSMOS_SOCKET_DIRECTORY to a directory of mode 0700"
    )]
    NoSocketDirectory {
        /// What was looked for.
        reason: String,
    },
}

fn of_line(line: &Option<usize>) -> String {
    line.map(|line| format!(", line {line}"))
        .unwrap_or_default()
}

/// A file that is somebody else's is looked at where the environment is somebody else's too.
fn whose(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied => {
            " (`XDG_CONFIG_HOME`, or else `HOME`, says where a user's is: are they this user's?)"
        }
        _ => "",
    }
}

fn did_you_mean(near: &Option<String>) -> String {
    near.as_ref()
        .map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default()
}
