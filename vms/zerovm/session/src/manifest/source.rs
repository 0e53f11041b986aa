//! What a channel is on the host: a path or a connection.

use super::text::{integer, trim};
use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

const MAX_SOURCES: usize = 16;
const PROTOCOLS: [&str; 6] = ["tcp", "udp", "ipc", "inproc", "pgm", "epgm"];
// The original looks for protocols in the list that has its kinds of files too.
const KINDS: [&str; 7] = [
    "regular",
    "directory",
    "character",
    "block",
    "fifo",
    "link",
    "socket",
];

/// What a channel is on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An absolute path.
    File(PathBuf),
    /// `protocol:host:port`.
    Connection(Connection),
}

/// `protocol:host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// In lower case.
    pub protocol: String,
    /// Whom to talk to.
    pub host: Host,
    /// 0 stands for any.
    pub port: u16,
}

/// Whom a connection is to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// By address.
    Address(Ipv4Addr),
    /// By the number that a name server knows.
    Node(i64),
}

/// The sources of a channel: one, or several copies separated by `;`.
pub fn sources(uri: &[u8]) -> Result<Vec<Source>, &'static str> {
    let sources = uri.splitn(MAX_SOURCES, |&byte| byte == b';');
    sources.map(|text| source(trim(text))).collect()
}

fn source(text: &[u8]) -> Result<Source, &'static str> {
    if let Some(connection) = connection(text)? {
        return Ok(Source::Connection(connection));
    }
    if text.contains(&b':') {
        return Err("invalid channel name");
    }
    if !text.starts_with(b"/") {
        return Err("only absolute path channels are allowed");
    }
    Ok(Source::File(PathBuf::from(OsString::from_vec(
        text.to_vec(),
    ))))
}

/// A connection, if the text begins with the name of a protocol.
pub fn connection(text: &[u8]) -> Result<Option<Connection>, &'static str> {
    let parts: Vec<&[u8]> = text.splitn(3, |&byte| byte == b':').map(trim).collect();
    let Some(protocol) = parts.first().and_then(|first| protocol(first)) else {
        return Ok(None);
    };
    let host = match parts.get(1) {
        None | Some([]) => return Err("host is not specified"),
        Some(text) if text.contains(&b'.') => {
            let text = std::str::from_utf8(text).map_err(|_| "malformed ip token")?;
            Host::Address(text.parse().map_err(|_| "malformed ip token")?)
        }
        Some(text) => Host::Node(integer(text).ok_or("invalid numeric value")?),
    };
    let port = integer(parts.get(2).copied().unwrap_or_default());
    let port = u16::try_from(port.ok_or("invalid numeric value")?).map_err(|_| "invalid port")?;
    Ok(Some(Connection {
        protocol,
        host,
        port,
    }))
}

fn protocol(text: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(text).ok()?.to_ascii_lowercase();
    let mut known = PROTOCOLS.iter().chain(&KINDS);
    known.any(|known| *known == name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Source {
        Source::File(path.into())
    }

    #[test]
    fn copies_are_separated_by_semicolons() {
        assert_eq!(sources(b"/a"), Ok(vec![file("/a")]));
        assert_eq!(sources(b"/a; /b"), Ok(vec![file("/a"), file("/b")]));
        assert!(sources(b"/a;b").is_err());
        // The sixteenth keeps the rest.
        let many = vec!["/a"; 17].join(";");
        let many = sources(many.as_bytes()).expect("good");
        assert_eq!((many.len(), &many[15]), (16, &file("/a;/a")));
    }

    #[test]
    fn connections_have_a_host_and_perhaps_a_port() {
        let by_node = Connection {
            protocol: "tcp".into(),
            host: Host::Node(12),
            port: 0,
        };
        assert_eq!(connection(b"tcp:12:"), Ok(Some(by_node)));
        let by_address = Connection {
            protocol: "tcp".into(),
            host: Host::Address(Ipv4Addr::LOCALHOST),
            port: 50001,
        };
        assert_eq!(connection(b"TCP:127.0.0.1:50001"), Ok(Some(by_address)));
        assert_eq!(connection(b"udp:127.0.1:1"), Err("malformed ip token"));
        assert_eq!(connection(b"tcp"), Err("host is not specified"));
        assert_eq!(connection(b"tcp:a:1"), Err("invalid numeric value"));
        assert_eq!(connection(b"tcp:1:65536"), Err("invalid port"));
        assert_eq!(connection(b"/dev/null"), Ok(None));
        // Kinds of files count as protocols, in any case of letters.
        for name in [
            "Regular",
            "DIRECTORY",
            "link",
            "Socket",
            "PGM",
            "epgm",
            "InProc",
        ] {
            let found = connection(format!("{name}:1:2").as_bytes());
            let found = found.expect("good").expect("a connection");
            assert_eq!((found.port, found.host), (2, Host::Node(1)), "{name}");
        }
        assert_eq!(connection(b"tcp::5"), Err("host is not specified"));
        assert_eq!(connection(b"tcp:1:2:3"), Err("invalid numeric value"));
    }

    #[test]
    fn paths_are_absolute_and_without_colons() {
        assert_eq!(sources(b"/a:b"), Err("invalid channel name"));
        let relative = Err("only absolute path channels are allowed");
        assert_eq!(sources(b"a"), relative);
        assert_eq!(sources(b""), relative);
    }
}
