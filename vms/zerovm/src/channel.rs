//! Channels of a session: each line of the manifest becomes open files.

mod device;

pub use device::{HostFile, Kind};

use device::{Opened, open};
use zerovm_session::Error;
use zerovm_session::channel::{Access, Channel, Direction, order};
use zerovm_session::manifest::{ChannelLine, Connection, Manifest, Source};

/// Opens the channels of a manifest, in the order of their handles. Regular files that are written
/// get their room at once if `preallocate` says so.
pub fn mount(manifest: &Manifest, preallocate: bool) -> Result<Vec<Channel<HostFile>>, Error> {
    let lines = order(manifest.channels.clone())?;
    refuse_connections(manifest, &lines)?;
    let mut channels = Vec::with_capacity(lines.len());
    for line in &lines {
        match mount_one(line, preallocate) {
            Ok(channel) => channels.push(channel),
            Err(error) => {
                let _ = close(&channels);
                return Err(error);
            }
        }
    }
    Ok(channels)
}

fn mount_one(line: &ChannelLine, preallocate: bool) -> Result<Channel<HostFile>, Error> {
    let Sources {
        access,
        size,
        files,
    } = open_sources(line, preallocate)?;
    Ok(Channel::new(line, access, size, files))
}

/// What a channel has on the host.
#[derive(Debug)]
pub struct Sources {
    /// How its positions are chosen.
    pub access: Access,
    /// The size that the channel begins with.
    pub size: i64,
    /// The open files.
    pub files: Vec<HostFile>,
}

/// Opens what a line of the manifest names.
pub fn open_sources(line: &ChannelLine, preallocate: bool) -> Result<Sources, Error> {
    let alias = String::from_utf8_lossy(&line.alias);
    let access = Access::from_number(line.access).ok_or_else(|| Error::Channel {
        code: nix::libc::EFAULT,
        reason: format!("{alias} has invalid type {}", line.access),
    })?;
    let direction = Direction::of(line.limits);
    let room = preallocate.then_some(line.limits[3]);
    let mut size = None;
    let mut files = Vec::new();
    for source in &line.sources {
        let Source::File(path) = source else { continue };
        let opened = open(path, access, direction, room);
        let Opened { file, bytes } = opened.map_err(|refusal| refusal.of(&alias, path))?;
        // The original looks at the first one.
        size.get_or_insert(bytes);
        files.push(file);
    }
    Ok(Sources {
        access,
        size: size.unwrap_or_default(),
        files,
    })
}

/// Connections are not here yet; what the original checks before it makes any comes first.
pub fn refuse_connections(manifest: &Manifest, lines: &[ChannelLine]) -> Result<(), Error> {
    let mut connections = lines.iter().filter_map(|line| {
        let mut sources = line.sources.iter();
        let connection = sources.find_map(|source| match source {
            Source::Connection(connection) => Some(connection),
            Source::File(_) => None,
        })?;
        Some((line, connection))
    });
    let Some((line, connection)) = connections.next() else {
        return Ok(());
    };
    if let Some(server) = &manifest.name_server {
        check_name_server(server, manifest.node)?;
    }
    let alias = String::from_utf8_lossy(&line.alias);
    let protocol = &connection.protocol;
    Err(Error::Channel {
        code: nix::libc::EPROTONOSUPPORT,
        reason: format!("{alias}: {protocol} channels are not in this release"),
    })
}

fn check_name_server(server: &Connection, node: i32) -> Result<(), Error> {
    let failed = |reason: &str| Error::Channel {
        code: nix::libc::EFAULT,
        reason: reason.to_owned(),
    };
    if server.protocol != "udp" {
        return Err(failed("only udp is supported for the name server"));
    }
    if node < 1 {
        return Err(failed("name server is specified but node is not"));
    }
    Ok(())
}

/// Closes channels as the original does: written files end where their content does, so that what was
/// allocated beyond it is given back. All are closed, and the first that cannot be is told.
pub fn close(channels: &[Channel<HostFile>]) -> Result<(), Error> {
    let closed: Vec<Result<(), Error>> = channels.iter().map(close_one).collect();
    closed.into_iter().collect()
}

fn close_one(channel: &Channel<HostFile>) -> Result<(), Error> {
    let size = u64::try_from(channel.counters.size()).unwrap_or(0);
    if !channel.counters.direction().writes() {
        return Ok(());
    }
    for file in channel.copies.sources() {
        if file.kind() == Kind::Regular {
            let alias = String::from_utf8_lossy(&channel.alias);
            file.cut(size).map_err(|error| Error::Channel {
                code: nix::libc::EIO,
                reason: format!("{alias}: {}", error.desc()),
            })?;
        }
    }
    Ok(())
}
