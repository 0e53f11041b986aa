//! Ways that a call can go.

use cosmos_config::Level;
use std::fmt::{self, Display};
use std::str::FromStr;

/// One of them; by its name on the command line of its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// dlopen and libffi, in one process.
    Native,
    /// A VM of this level, through shared memory.
    Ring(Level),
    /// The same through a socket.
    Socket(Level),
    /// A VM of this level on another machine.
    There(Level),
}

impl Display for Way {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Way::Native => out.write_str("in this process"),
            Way::Ring(level) => write!(out, "ring, {}", level.name()),
            Way::Socket(level) => write!(out, "socket, {}", level.name()),
            Way::There(level) => write!(out, "there, {}", level.name()),
        }
    }
}

impl Way {
    /// As a word, which [`FromStr`] reads.
    pub fn word(self) -> String {
        match self {
            Way::Native => "native".to_owned(),
            Way::Ring(level) => format!("ring:{}", level.name()),
            Way::Socket(level) => format!("socket:{}", level.name()),
            Way::There(level) => format!("there:{}", level.name()),
        }
    }
}

impl FromStr for Way {
    type Err = String;

    fn from_str(word: &str) -> Result<Way, String> {
        let unknown = || format!("'{word}' is no way of a call");
        if word == "native" {
            return Ok(Way::Native);
        }
        let (carrier, level) = word.split_once(':').ok_or_else(unknown)?;
        let level = level.parse().map_err(|()| unknown())?;
        match carrier {
            "ring" => Ok(Way::Ring(level)),
            "socket" => Ok(Way::Socket(level)),
            "there" => Ok(Way::There(level)),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        let levels = Level::ALL.into_iter();
        let ways =
            levels.flat_map(|level| [Way::Ring, Way::Socket, Way::There].map(|way| way(level)));
        for way in ways.chain([Way::Native]) {
            assert_eq!(way.word().parse(), Ok(way));
        }
        assert!("ring:".parse::<Way>().is_err() && "".parse::<Way>().is_err());
    }
}
