//! The manifest: what a session may use, as the first generation of ZeroVM reads it.
//!
//! Lines are `key = value`; what is no such line, and a key that is not known, is passed over. An
//! error within a line names it, then the keywords are counted, from the last of this table to the
//! first:
//!
//! | key | how often | value |
//! |---|---|---|
//! | Channel | counted later | eight fields |
//! | Version | once | `20130611` |
//! | Program | once | path |
//! | Memory | once | bytes, 0 or 1 for the digest of the memory |
//! | Timeout | once | seconds |
//! | Node | at most once | integer |
//! | NameServer | at most once | `udp:a.b.c.d:port` |
//! | Job | at most once | path of a Unix socket |
//! | Etag | at most once | not used |

mod source;
mod text;

use crate::Error;
pub use source::{Connection, Host, Source};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
pub use text::MAX_BYTES;
pub use text::integer;
use text::{fields, pairs};

const VERSION: &[u8] = b"20130611";
/// The longest path that fits a Unix socket's address.
const MAX_JOB: usize = 108;
const CHANNEL_FIELDS: usize = 8;

/// What a manifest says. Limits that need the program or the host are checked later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The program.
    pub program: PathBuf,
    /// Bytes of memory, not checked yet.
    pub memory: i64,
    /// Whether the report has a digest of the memory.
    pub memory_etag: bool,
    /// Seconds, not checked yet.
    pub timeout: i32,
    /// The number of this node, 0 without one.
    pub node: i32,
    /// Who knows where the other nodes are.
    pub name_server: Option<Connection>,
    /// The socket of a daemon.
    pub job: Option<PathBuf>,
    /// In the order of the lines.
    pub channels: Vec<ChannelLine>,
}

/// A line that begins with `Channel`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelLine {
    /// What it is on the host: one, or several copies.
    pub sources: Vec<Source>,
    /// Its name in the guest.
    pub alias: Vec<u8>,
    /// The number of its access type, not checked yet.
    pub access: i64,
    /// Whether the report has a digest of what was read and written.
    pub etag: bool,
    /// How many reads, bytes read, writes and bytes written.
    pub limits: [i64; 4],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keyword {
    Channel,
    Version,
    Program,
    Memory,
    Timeout,
    Node,
    NameServer,
    Job,
    Etag,
}

const KEYWORDS: [(Keyword, &str, bool); 9] = [
    (Keyword::Channel, "Channel", true),
    (Keyword::Version, "Version", true),
    (Keyword::Program, "Program", true),
    (Keyword::Memory, "Memory", true),
    (Keyword::Timeout, "Timeout", true),
    (Keyword::Node, "Node", false),
    (Keyword::NameServer, "NameServer", false),
    (Keyword::Job, "Job", false),
    (Keyword::Etag, "Etag", false),
];

type Line<T = ()> = Result<T, String>;

impl Manifest {
    /// Reads a manifest.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::ManifestEmpty);
        }
        let mut manifest = Self {
            program: PathBuf::new(),
            memory: 0,
            memory_etag: false,
            timeout: 0,
            node: 0,
            name_server: None,
            job: None,
            channels: Vec::new(),
        };
        let mut counts = [0usize; KEYWORDS.len()];
        for (line, key, value) in pairs(text) {
            let known = |(_, name, _): &(Keyword, &str, bool)| name.as_bytes() == key;
            let Some(index) = KEYWORDS.iter().position(known) else {
                continue;
            };
            counts[index] += 1;
            manifest
                .take(KEYWORDS[index].0, value)
                .map_err(|reason| Error::ManifestLine { line, reason })?;
        }
        count(&counts)?;
        Ok(manifest)
    }

    fn take(&mut self, keyword: Keyword, value: &[u8]) -> Line {
        match keyword {
            Keyword::Channel => self.channels.push(channel(value)?),
            Keyword::Version if value != VERSION => return Err("invalid manifest version".into()),
            Keyword::Version | Keyword::Etag => {}
            Keyword::Program => self.program = path(value),
            Keyword::Memory => (self.memory, self.memory_etag) = memory(value)?,
            // The original keeps 32 bits of these two.
            Keyword::Timeout => self.timeout = number(value)? as i32,
            Keyword::Node => self.node = number(value)? as i32,
            Keyword::NameServer => self.name_server = Some(name_server(value)?),
            Keyword::Job if value.len() > MAX_JOB => return Err("too long Job path".into()),
            Keyword::Job => self.job = Some(path(value)),
        }
        Ok(())
    }
}

fn count(counts: &[usize; KEYWORDS.len()]) -> Result<(), Error> {
    for (index, (_, name, obligatory)) in KEYWORDS.iter().enumerate().skip(1).rev() {
        match counts[index] {
            0 if *obligatory => return Err(Error::Manifest(format!("{name} not specified"))),
            0 | 1 => {}
            _ => return Err(Error::Manifest(format!("duplicate {name} keyword"))),
        }
    }
    Ok(())
}

fn path(value: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(value.to_vec()))
}

fn number(token: &[u8]) -> Line<i64> {
    integer(token).ok_or_else(|| "invalid numeric value".into())
}

fn memory(value: &[u8]) -> Line<(i64, bool)> {
    match fields(value, 2)[..] {
        [size, etag] => Ok((
            number(size)?,
            flag(etag).ok_or("invalid memory etag token")?,
        )),
        _ => Err("invalid memory token".into()),
    }
}

fn name_server(value: &[u8]) -> Line<Connection> {
    let connection = source::connection(value)?.ok_or("invalid name server")?;
    // The original dies of a missing port.
    if connection.port == 0 {
        return Err("name server port is not specified".into());
    }
    Ok(connection)
}

fn channel(value: &[u8]) -> Line<ChannelLine> {
    let fields = fields(value, CHANNEL_FIELDS);
    let &[uri, alias, access, etag, gets, get_size, puts, put_size] = fields.as_slice() else {
        return Err("invalid channel tokens number".into());
    };
    let mut limits = [0; 4];
    for (limit, token) in limits.iter_mut().zip([gets, get_size, puts, put_size]) {
        *limit = number(token)?;
        if *limit < 0 {
            let alias = String::from_utf8_lossy(alias);
            return Err(format!("negative limits for {alias}"));
        }
    }
    Ok(ChannelLine {
        sources: source::sources(uri)?,
        alias: alias.to_vec(),
        access: number(access)?,
        etag: flag(etag).ok_or("invalid channel etag token")?,
        limits,
    })
}

fn flag(token: &[u8]) -> Option<bool> {
    match integer(token)? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
