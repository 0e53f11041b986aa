//! What a daemon's session is given before its guest goes on.
//!
//! | part | what |
//! |---|---|
//! | a byte | a session comes soon: who waits for it wakes up while its files are opened |
//! | a number of 32 bits, and so many bytes | the header, and with its first byte the first of the open files |
//! | more of them | those that one message does not take |

use crate::channel::{HostFile, Kind, Sources};
use crate::descriptors::{self, AT_ONCE, receive_soon};
use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// No header is longer.
const MAX_HEADER: usize = 4 << 20;
/// Most are shorter than this, and read at once.
const USUAL_HEADER: usize = 0x1000;
/// A session that was announced comes sooner than this, or its files take long to be opened.
const SOON: Duration = Duration::from_micros(200);
const LENGTH: usize = size_of::<u32>();

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
    let message = message(&header)?;
    let files = channels.iter().flat_map(|(_, sources)| &sources.files);
    let files: Vec<BorrowedFd<'_>> = files.map(HostFile::descriptor).collect();
    let (first, rest) = files.split_at(files.len().min(AT_ONCE));
    let sent = descriptors::send_with(socket, &message, first)?;
    socket.write_all(message.get(sent..).unwrap_or_default())?;
    for files in rest.chunks(AT_ONCE) {
        descriptors::send(socket, files)?;
    }
    Ok(())
}

/// A header with its length before it.
fn message(header: &Header) -> std::io::Result<Vec<u8>> {
    let header = serde_json::to_vec(header)?;
    let mut message = (header.len() as u32).to_le_bytes().to_vec();
    message.extend(header);
    Ok(message)
}

/// Reads the header of a setup of so many channels.
pub fn rehearse(channels: usize) {
    let channel = || ChannelHeader {
        tagged: false,
        size: 0,
        are_streams: vec![false],
    };
    let header = Header {
        timeout: 0,
        channels: std::iter::repeat_with(channel).take(channels).collect(),
    };
    let message = message(&header).unwrap_or_default();
    let _ = read_header(message.get(LENGTH..).unwrap_or_default());
}

fn read_header(text: &[u8]) -> std::io::Result<Header> {
    Ok(serde_json::from_slice(text)?)
}

/// Says that a session comes soon.
pub fn announce(mut socket: &File) -> std::io::Result<()> {
    socket.write_all(&[0])
}

/// Waits until a session is announced.
pub fn wait(mut socket: &File) -> std::io::Result<()> {
    socket.read_exact(&mut [0])
}

/// Receives what was announced.
pub fn receive(mut socket: &File) -> std::io::Result<Setup> {
    let mut message = vec![0; USUAL_HEADER];
    // The first of the files come with the first byte, and nothing of what follows them with these.
    let (count, mut files) = match receive_soon(socket, &mut message, SOON) {
        Some(received) => received?,
        None => descriptors::receive_with(socket, &mut message)?,
    };
    message.truncate(count);
    let length = match message.first_chunk::<LENGTH>() {
        Some(length) => u32::from_le_bytes(*length) as usize,
        None => return Err(Errno::EPIPE.into()),
    };
    if length > MAX_HEADER {
        return Err(Errno::EMSGSIZE.into());
    }
    message.resize(LENGTH + length, 0);
    if let Some(rest) = message.get_mut(count..) {
        socket.read_exact(rest)?;
    }
    let header = read_header(message.get(LENGTH..).unwrap_or_default())?;
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
