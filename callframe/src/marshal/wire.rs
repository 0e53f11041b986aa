//! Reading and writing the sections of request and reply bodies; see the tables of [`super`].

use super::{MAXIMUM_BLOCKS, MAXIMUM_BODY, MAXIMUM_CALL, MarshalError, SHARED};
use crate::template::align_up;

pub(super) const HEADER: usize = 16;
pub(super) const BLOCK_HEADER: usize = 16;
const REFERENCE: usize = 8;

/// A body taken apart. Every range lies inside `bytes`.
pub(super) struct Body<'a> {
    pub errno: i32,
    pub bytes: &'a [u8],
    /// The slots, or the result.
    pub front: std::ops::Range<usize>,
    pub blocks: Vec<Block>,
    references: &'a [u8],
}

/// Where the contents of a block are in its body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub start: usize,
    pub length: usize,
    pub capacity: u64,
    /// Of a block whose contents are in shared memory: what stands with [`SHARED`] in place of its
    /// length.
    pub shared: Option<u64>,
}

impl<'a> Body<'a> {
    /// Takes `bytes` apart, whose front section has `front` bytes.
    pub fn parse(bytes: &'a [u8], front: u64) -> Result<Body<'a>, MarshalError> {
        if bytes.len() as u64 > MAXIMUM_BODY {
            return Err(MarshalError::Malformed("longer than a call may be"));
        }
        let (errno, references, count) = header(bytes)?;
        if count > MAXIMUM_BLOCKS {
            return Err(MarshalError::Malformed("more blocks than a call may have"));
        }
        let mut rest = Cursor { bytes, at: HEADER };
        let front = rest.section(front)?;
        let mut blocks = Vec::with_capacity((count as usize).min(bytes.len() / BLOCK_HEADER));
        for _ in 0..count {
            blocks.push(rest.block()?);
        }
        let references = rest.section(u64::from(references) * REFERENCE as u64)?;
        if rest.at != bytes.len() {
            return Err(MarshalError::Malformed("bytes are left over"));
        }
        Ok(Body {
            errno,
            bytes,
            front,
            blocks,
            references: &bytes[references],
        })
    }

    /// The contents of a block, of one in shared memory none.
    pub fn contents(&self, block: Block) -> &'a [u8] {
        if block.shared.is_some() {
            return &[];
        }
        &self.bytes[block.start..block.start + block.length]
    }

    /// Number of references.
    pub fn references(&self) -> usize {
        self.references.len() / REFERENCE
    }

    /// Reference number `index`.
    pub fn reference(&self, index: usize) -> Result<u64, MarshalError> {
        let start = index.checked_mul(REFERENCE);
        let bytes = start.and_then(|start| self.references.get(start..start + REFERENCE));
        match bytes.and_then(|bytes| <[u8; REFERENCE]>::try_from(bytes).ok()) {
            Some(bytes) => Ok(u64::from_le_bytes(bytes)),
            None => Err(MarshalError::Malformed("too few references")),
        }
    }
}

/// Reads errno, number of references, number of blocks.
fn header(bytes: &[u8]) -> Result<(i32, u32, u32), MarshalError> {
    let header: [u8; HEADER] = bytes
        .get(..HEADER)
        .and_then(|header| header.try_into().ok())
        .ok_or(MarshalError::Malformed("shorter than its header"))?;
    let word = |at: usize| [header[at], header[at + 1], header[at + 2], header[at + 3]];
    if word(12) != [0; 4] {
        return Err(MarshalError::Malformed("reserved bytes are set"));
    }
    Ok((
        i32::from_le_bytes(word(0)),
        u32::from_le_bytes(word(4)),
        u32::from_le_bytes(word(8)),
    ))
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    /// The next `size` bytes, with the padding after them skipped.
    fn section(&mut self, size: u64) -> Result<std::ops::Range<usize>, MarshalError> {
        let padded = align_up(size, 16).and_then(|size| usize::try_from(size).ok());
        let end = padded.and_then(|padded| self.at.checked_add(padded));
        match end {
            Some(end) if end <= self.bytes.len() => {
                let start = std::mem::replace(&mut self.at, end);
                Ok(start..start + size as usize)
            }
            _ => Err(MarshalError::Malformed("truncated")),
        }
    }

    fn block(&mut self) -> Result<Block, MarshalError> {
        let header = self.section(BLOCK_HEADER as u64)?;
        let number = |at: usize| -> u64 {
            let mut value = [0; 8];
            value.copy_from_slice(&self.bytes[at..at + 8]);
            u64::from_le_bytes(value)
        };
        let (length, capacity) = (number(header.start), number(header.start + 8));
        if length & SHARED != 0 {
            return Ok(Block {
                start: self.at,
                length: 0,
                capacity,
                shared: Some(length & !SHARED),
            });
        }
        if length > capacity {
            return Err(MarshalError::Malformed(
                "a block is longer than its capacity",
            ));
        }
        if capacity > MAXIMUM_CALL {
            return Err(MarshalError::Malformed(
                "a block is larger than a call may be",
            ));
        }
        let contents = self.section(length)?;
        Ok(Block {
            start: contents.start,
            length: contents.len(),
            capacity,
            shared: None,
        })
    }
}

/// Starts a body in `body`, which is emptied first, with a zeroed front section.
pub(super) fn start(body: &mut Vec<u8>, front: u64) {
    body.clear();
    body.resize(HEADER + front as usize, 0);
    pad(body);
}

/// Starts a block at the end of `body`; its contents are appended next.
pub(super) fn start_block(body: &mut Vec<u8>, length: u64, capacity: u64) {
    body.extend_from_slice(&length.to_le_bytes());
    body.extend_from_slice(&capacity.to_le_bytes());
}

/// Appends zeros to the next multiple of 16.
pub(super) fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(16), 0);
}

/// Ends a body: appends the references and fills the header in.
pub(super) fn finish(body: &mut Vec<u8>, errno: i32, references: &[u64], blocks: u32) {
    for reference in references {
        body.extend_from_slice(&reference.to_le_bytes());
    }
    pad(body);
    body[0..4].copy_from_slice(&errno.to_le_bytes());
    body[4..8].copy_from_slice(&(references.len() as u32).to_le_bytes());
    body[8..12].copy_from_slice(&blocks.to_le_bytes());
}
