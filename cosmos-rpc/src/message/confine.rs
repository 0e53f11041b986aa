//! What VMs are granted, what they are told of it, and what they were refused.
//!
//! ```text
//! client ── VmOpen + Grants ─▶ cosmosd ── Start + Walls ─▶ launcher ── exec ─▶ VM
//!                                 ├────────── Confine ──────────────────────────▶│ one thread
//!                                 │◀───────── Confined ──────────────────────────┤
//!        ── Denied ──▶            ├── Denials ─▶ launcher, whom the kernel told
//! ```

use super::Message;
use crate::Fault;
use serde::{Deserialize, Serialize};

/// What a VM may use of the machine beside its target's own files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// Files and directories to read, by absolute paths.
    pub read: Vec<String>,
    /// Files and directories to read and change, by absolute paths.
    pub write: Vec<String>,
    /// The network: TCP, UDP, names and certificates.
    pub network: bool,
    /// Starting the programs that it can read.
    pub programs: bool,
}

impl Grants {
    /// Whether there is nothing in `other` that is not here. Paths are compared as they are written,
    /// by whole names: `/a` has `/a/b` in it.
    pub fn contain(&self, other: &Grants) -> bool {
        let below = |within: &[String], path: &String| {
            let path = std::path::Path::new(path);
            within.iter().any(|one| path.starts_with(one))
        };
        let writable = other.write.iter().all(|path| below(&self.write, path));
        let readable = |path| below(&self.read, path) || below(&self.write, path);
        writable
            && other.read.iter().all(readable)
            && (self.network || !other.network)
            && (self.programs || !other.programs)
    }

    /// Adds what `other` has.
    pub fn add(&mut self, other: &Grants) {
        let pairs = [
            (&mut self.read, &other.read),
            (&mut self.write, &other.write),
        ];
        for (all, more) in pairs {
            for path in more {
                if !all.contains(path) {
                    all.push(path.clone());
                }
            }
        }
        self.network |= other.network;
        self.programs |= other.programs;
    }
}

/// Notice from cosmosd to a VM on its control socket, once, before its first client: give up all but
/// this, for good. Answered by [`Confined`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confine {
    /// The files of its targets, to be read.
    pub target: Vec<String>,
    /// What was granted besides.
    pub grants: Grants,
    /// Whether files in memory are allowed: something bounds the memory of all.
    pub memory_files: bool,
    /// Whether it may make processes: something bounds how many there are in all.
    pub processes: bool,
}

impl Message for Confine {
    const KIND: u16 = 0x0407;
    type Reply = ();
}

/// Notice of a VM on its control socket: it is confined now, or why it could not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confined {
    /// Why it is not; it ends then.
    pub problem: Option<Fault>,
}

impl Message for Confined {
    const KIND: u16 = 0x0408;
    type Reply = ();
}

/// Ask a launcher what its VM was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denials;

/// A system call that a VM was refused, by the kernel's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// Its name, `connect`.
    pub call: String,
    /// How often.
    pub times: u64,
}

impl Message for Denials {
    const KIND: u16 = 0x0409;
    type Reply = Vec<Denial>;
}

/// Ask cosmosd what a VM of mine was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    /// Its registry name.
    pub name: String,
}

impl Message for Denied {
    const KIND: u16 = 0x0206;
    type Reply = Vec<Denial>;
}

/// Ask cosmosd what this machine offers to confine VMs with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Levels;

/// A level, or a part that levels are made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The level's name, or the part's.
    pub name: String,
    /// Whether it can be had here.
    pub available: bool,
    /// What it would do, or why it cannot.
    pub finding: String,
}

impl Message for Levels {
    const KIND: u16 = 0x0207;
    type Reply = Vec<Offer>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(read: &[&str], write: &[&str], network: bool) -> Grants {
        let owned = |paths: &[&str]| paths.iter().map(ToString::to_string).collect();
        Grants {
            read: owned(read),
            write: owned(write),
            network,
            programs: false,
        }
    }

    #[test]
    fn grants_contain_what_is_below_and_no_neighbour() {
        let has = grants(&["/a"], &["/w"], false);
        assert!(has.contain(&Grants::default()));
        assert!(has.contain(&grants(&["/a/b", "/w/x"], &["/w/y"], false)));
        assert!(!has.contain(&grants(&["/ab"], &[], false)));
        assert!(!has.contain(&grants(&[], &["/a"], false)));
        assert!(!has.contain(&grants(&[], &[], true)));
        let mut both = has.clone();
        both.add(&grants(&["/c"], &["/w"], true));
        assert_eq!(both, grants(&["/a", "/c"], &["/w"], true));
    }
}
