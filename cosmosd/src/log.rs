//! What a VM wrote, bounded: the last of it, with the times at which it was read.
//!
//! # Layout
//!
//! A log is a run of bytes, each at a position that never changes; the oldest go first.
//!
//! ```text
//! positions   0        start                              end
//!             ┊ gone ┊ │ piece │ piece │ note │ piece     │
//! ```
//!
//! A piece is what was read at one time, at most `PIECE` bytes; a note is cosmosd's own words, whole.
//!
//! # Invariants
//!
//! 1. There are at most `PIECES` pieces, of at most `most` bytes together.
//! 2. A piece is never empty, so what is kept is bounded whatever a VM writes, and however it does.
//! 3. A page has at most `LINES` lines and as many bytes as a log: it fits a message.

use cosmos_rpc::message::log::{LogLine, LogPage, Writer};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::sync::{Notify, futures::Notified};

/// Fewest bytes of a log: crash reports have as many.
pub const FEWEST: usize = 8 << 10;
/// Most bytes of a log: a page has to fit a message.
pub const MOST: usize = 512 << 10;
/// Most pieces.
const PIECES: usize = 2048;
/// Most bytes of a piece.
const PIECE: usize = 4096;
/// Most bytes of a line that is not cut.
const LINE: usize = 4096;
/// Most lines of a page.
const LINES: usize = 4096;
/// Most bytes of a note.
const NOTE: usize = 1024;

/// A VM's log.
#[derive(Debug)]
pub struct Log {
    kept: RefCell<Kept>,
    /// How many bytes the VM wrote in all.
    written: Cell<u64>,
    /// Told whenever something is added.
    changed: Notify,
}

#[derive(Debug)]
struct Kept {
    /// Which log it is.
    number: u64,
    pieces: VecDeque<Piece>,
    /// Position of the first piece.
    start: u64,
    /// Bytes of all pieces.
    bytes: usize,
    most: usize,
}

#[derive(Debug)]
struct Piece {
    time: u64,
    by: Writer,
    bytes: Vec<u8>,
}

impl Log {
    /// An empty one that keeps so many bytes, within [`FEWEST`] and [`MOST`].
    pub fn new(most: u64) -> Log {
        Log {
            kept: RefCell::new(Kept {
                number: number(),
                pieces: VecDeque::new(),
                start: 0,
                bytes: 0,
                most: usize::try_from(most)
                    .unwrap_or(usize::MAX)
                    .clamp(FEWEST, MOST),
            }),
            written: Cell::new(0),
            changed: Notify::new(),
        }
    }

    /// Adds what the VM wrote.
    pub fn write(&self, bytes: &[u8]) {
        self.kept.borrow_mut().add(now(), Writer::Vm, bytes);
        self.changed.notify_waiters();
    }

    /// Counts what the VM wrote, whether or not it is kept.
    pub fn count(&self, bytes: u64) {
        self.written.set(self.written.get().saturating_add(bytes));
    }

    /// How many bytes the VM wrote in all.
    pub fn written(&self) -> u64 {
        self.written.get()
    }

    /// Adds what cosmosd says of the VM.
    pub fn note(&self, words: &str) {
        let words = words.as_bytes();
        let words = words.get(..NOTE).unwrap_or(words);
        self.kept
            .borrow_mut()
            .add(now(), Writer::Coordinator, words);
        self.changed.notify_waiters();
    }

    /// Where it ends now.
    pub fn end(&self) -> u64 {
        self.kept.borrow().end()
    }

    /// The last `most` bytes that the VM wrote, of those after a position.
    pub fn tail(&self, since: u64, most: usize) -> Vec<u8> {
        self.kept.borrow().tail(since, most)
    }

    /// What follows a position of a log of this number; all that there is of another one. `whole`: not
    /// a line that may still go on.
    pub fn page(&self, log: u64, position: u64, whole: bool) -> LogPage {
        let kept = self.kept.borrow();
        let position = match log == kept.number {
            true => position.min(kept.end()),
            false => 0,
        };
        kept.page(position, whole)
    }

    /// Its last lines.
    pub fn last(&self, lines: usize, whole: bool) -> LogPage {
        let kept = self.kept.borrow();
        let mut found = Vec::new();
        let mut page = kept.page(kept.start, whole);
        while !page.lines.is_empty() {
            found.append(&mut page.lines);
            let surplus = found.len().saturating_sub(LINES.min(lines));
            found.drain(..surplus);
            page = kept.page(page.next, whole);
        }
        LogPage {
            lines: found,
            lost: 0,
            ..page
        }
    }

    /// Waits until something is added.
    pub fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }
}

impl Kept {
    fn end(&self) -> u64 {
        self.start + self.bytes as u64
    }

    fn add(&mut self, time: u64, by: Writer, bytes: &[u8]) {
        // Of more than all that is kept the beginning would go at once.
        let unseen = bytes.len().saturating_sub(self.most);
        if unseen > 0 {
            self.start = self.end() + unseen as u64;
            self.bytes = 0;
            self.pieces.clear();
        }
        for chunk in bytes.get(unseen..).unwrap_or_default().chunks(PIECE) {
            self.bytes += chunk.len();
            match self.pieces.back_mut() {
                Some(last) if last.takes(time, by, chunk) => last.bytes.extend_from_slice(chunk),
                _ => self.pieces.push_back(Piece {
                    time,
                    by,
                    bytes: chunk.to_vec(),
                }),
            }
            while self.bytes > self.most || self.pieces.len() > PIECES {
                let Some(oldest) = self.pieces.pop_front() else {
                    break;
                };
                self.start += oldest.bytes.len() as u64;
                self.bytes -= oldest.bytes.len();
            }
        }
    }

    fn tail(&self, since: u64, most: usize) -> Vec<u8> {
        let mut tail = Vec::new();
        let mut position = self.start;
        for piece in &self.pieces {
            let skipped = usize::try_from(since.saturating_sub(position)).unwrap_or(usize::MAX);
            if piece.by == Writer::Vm {
                tail.extend_from_slice(piece.bytes.get(skipped..).unwrap_or_default());
            }
            position += piece.bytes.len() as u64;
        }
        let surplus = tail.len().saturating_sub(most);
        tail.drain(..surplus);
        tail
    }

    fn page(&self, from: u64, whole: bool) -> LogPage {
        let mut lines = Lines::new(from.max(self.start));
        let mut position = self.start;
        for piece in &self.pieces {
            let skipped = usize::try_from(lines.next.saturating_sub(position));
            let bytes = piece.bytes.get(skipped.unwrap_or(usize::MAX)..);
            position += piece.bytes.len() as u64;
            match bytes {
                Some(bytes) if !bytes.is_empty() => lines.read(piece, bytes),
                _ => {}
            }
            if lines.is_full() {
                break;
            }
        }
        if !whole {
            lines.flush(true);
        }
        LogPage {
            log: self.number,
            lines: lines.found,
            next: lines.emitted,
            lost: self.start.saturating_sub(from),
            ended: false,
        }
    }
}

impl Piece {
    /// Whether a chunk may be put to it: a reader then finds both at one time.
    fn takes(&self, time: u64, by: Writer, chunk: &[u8]) -> bool {
        let is_vm = by == Writer::Vm && self.by == Writer::Vm;
        is_vm && self.time == time && self.bytes.len() + chunk.len() <= PIECE
    }
}

/// Lines out of pieces.
struct Lines {
    found: Vec<LogLine>,
    /// The line that has begun.
    line: Vec<u8>,
    time: u64,
    /// Up to where it was read.
    next: u64,
    /// Up to where lines were found.
    emitted: u64,
}

impl Lines {
    fn new(from: u64) -> Lines {
        Lines {
            found: Vec::new(),
            line: Vec::new(),
            time: 0,
            next: from,
            emitted: from,
        }
    }

    fn is_full(&self) -> bool {
        self.found.len() >= LINES
    }

    fn read(&mut self, piece: &Piece, bytes: &[u8]) {
        if piece.by == Writer::Coordinator {
            self.flush(true);
            self.next += bytes.len() as u64;
            self.push(piece.time, piece.by, bytes.to_vec(), false);
            return;
        }
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.is_full() {
                return;
            }
            if self.line.is_empty() {
                self.time = piece.time;
            }
            self.next += part.len() as u64;
            match part.strip_suffix(b"\n") {
                Some(rest) => {
                    self.line.extend_from_slice(rest);
                    let line = std::mem::take(&mut self.line);
                    self.push(self.time, Writer::Vm, line, false);
                }
                None => {
                    self.line.extend_from_slice(part);
                    if self.line.len() >= LINE {
                        self.flush(true);
                    }
                }
            }
        }
    }

    /// Takes what has begun for a line.
    fn flush(&mut self, cut: bool) {
        if !self.line.is_empty() {
            let line = std::mem::take(&mut self.line);
            self.push(self.time, Writer::Vm, line, cut);
        }
    }

    fn push(&mut self, time: u64, by: Writer, text: Vec<u8>, cut: bool) {
        self.emitted = self.next;
        self.found.push(LogLine {
            time,
            by,
            text,
            cut,
        });
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// A number that no other log has, of this cosmosd or of one before.
fn number() -> u64 {
    thread_local! {
        static COUNT: Cell<u64> = const { Cell::new(0) };
    }
    COUNT.set(COUNT.get() + 1);
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanoseconds = since.map_or(0, |since| since.as_nanos() as u64);
    nanoseconds.wrapping_add(COUNT.get())
}

#[cfg(test)]
mod tests;
