//! What a daemon's session is given before its guest goes on: a header with its length before it,
//! then the open files, some with each message.

use crate::channel::{HostFile, Kind, Sources};
use crate::descriptors::{self, AT_ONCE};
use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::BorrowedFd;

/// No header is longer.
const MAX_HEADER: usize = 4 << 20;

/// What a session is given.
#[derive(Debug)]
pub struct Setup {
    /// Seconds.
    pub timeout: u32,
    /// By handle.
    pub channels: Vec<ChannelSetup>,
}

/// A channel of it.
#[derive(Debug)]
pub struct ChannelSetup {
    /// Whether its manifest wants a digest.
    pub tagged: bool,
    /// The size that its source has.
    pub size: i64,
    /// Its open files.
    pub files: Vec<HostFile>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    timeout: u32,
    channels: Vec<ChannelHeader>,
}

#[derive(Serialize, Deserialize)]
struct ChannelHeader {
    tagged: bool,
    size: i64,
    are_streams: Vec<bool>,
}

/// Sends it.
pub fn send(mut socket: &File, timeout: u32, channels: &[(bool, Sources)]) -> std::io::Result<()> {
    let header = Header {
        timeout,
        channels: channels
            .iter()
            .map(|(tagged, sources)| ChannelHeader {
                tagged: *tagged,
                size: sources.size,
                are_streams: sources
                    .files
                    .iter()
                    .map(|file| file.kind() == Kind::Stream)
                    .collect(),
            })
            .collect(),
    };
    let header = serde_json::to_vec(&header)?;
    socket.write_all(&(header.len() as u32).to_le_bytes())?;
    socket.write_all(&header)?;
    let files = channels.iter().flat_map(|(_, sources)| &sources.files);
    let files: Vec<BorrowedFd<'_>> = files.map(HostFile::descriptor).collect();
    for files in files.chunks(AT_ONCE) {
        descriptors::send(socket, files)?;
    }
    Ok(())
}

/// Receives it.
pub fn receive(mut socket: &File) -> std::io::Result<Setup> {
    let mut length = [0; 4];
    socket.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_HEADER {
        return Err(Errno::EMSGSIZE.into());
    }
    let mut header = vec![0; length];
    socket.read_exact(&mut header)?;
    let header: Header = serde_json::from_slice(&header)?;
    let mut files = Vec::new();
    let count: usize = header
        .channels
        .iter()
        .map(|channel| channel.are_streams.len())
        .sum();
    while files.len() < count {
        let more = descriptors::receive(socket)?;
        if more.is_empty() {
            return Err(Errno::EPIPE.into());
        }
        files.extend(more);
    }
    let mut files = files.into_iter();
    let channels = header.channels.into_iter().map(|channel| ChannelSetup {
        tagged: channel.tagged,
        size: channel.size,
        files: channel
            .are_streams
            .into_iter()
            .zip(files.by_ref())
            .map(|(is_stream, file)| {
                let kind = if is_stream {
                    Kind::Stream
                } else {
                    Kind::Regular
                };
                HostFile::adopt(file, kind)
            })
            .collect(),
    });
    Ok(Setup {
        timeout: header.timeout,
        channels: channels.collect(),
    })
}
