//! Bytes that go somewhere and come back, each looked at.

use std::fs::File;
use std::io::{Error, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

const PIECE: usize = 64 << 10;

/// Sends so many bytes and reads them back; how long that took.
///
/// # Errors
///
/// What an end says; that what came back is something else.
pub fn there_and_back(
    mut input: File,
    mut output: File,
    bytes: usize,
) -> std::io::Result<Duration> {
    let piece: Vec<u8> = (0..PIECE).map(|at| (at * 31 % 251) as u8).collect();
    let expected = piece.clone();
    let begin = Instant::now();
    let writer = thread::spawn(move || {
        let mut left = bytes;
        while left > 0 {
            let count = left.min(PIECE);
            input.write_all(&piece[..count])?;
            left -= count;
        }
        std::io::Result::Ok(())
    });
    let (mut seen, mut buffer) = (0, vec![0; PIECE]);
    loop {
        // The next piece ends where one that was sent does.
        let room = PIECE - seen % PIECE;
        let count = output.read(&mut buffer[..room])?;
        if count == 0 {
            break;
        }
        let at = seen % PIECE;
        if buffer[..count] != expected[at..at + count] {
            return Err(Error::other("what came back is something else"));
        }
        seen += count;
    }
    let took = begin.elapsed();
    writer.join().map_err(|_| Error::other("the writer"))??;
    match seen == bytes {
        true => Ok(took),
        false => Err(Error::other(format!("{seen} of {bytes} bytes came back"))),
    }
}
