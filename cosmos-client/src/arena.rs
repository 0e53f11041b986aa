//! The arena: memory that the program and one VM both see, so that buffers in it need not travel.
//!
//! A call that is passed a pointer into it says where that is, and nothing is copied; the function uses
//! the memory where it is, and may keep the pointer. A struct in it whose pointers lead into it is used
//! as it is, too, where both ends have it at the same address, which is nearly always so.
//!
//! ```text
//! alloc ──▶ live ── free ──▶ room ──▶ live … ; a segment without anything live is given back
//! ```
//!
//! # Invariants
//!
//! 1. What is allocated is known by tables of this process ([`room`]), never by what is in the memory.
//! 2. An address is passed on only as a place in something that is live; what was freed, or never
//!    allocated, is refused before the VM hears of it.
//! 3. Memory that is live stays readable, whatever becomes of the VM, until it is freed.
//! 4. Everything in it may have been written by the VM, at any time: the program copies what it wants
//!    to check, and checks the copy.
//! 5. A forked child does not have it: touching it there is a SIGSEGV, calls and `free` are refused.

mod buffer;
mod room;

pub use buffer::Buffer;

use crate::error::Error;
use crate::link::Link;
use crate::session::{ANSWER, Session, lock};
use callframe::marshal::{MemoryError, Seen};
use cosmos_rpc::arena::{Memory, NUMBERS, Place};
use cosmos_rpc::message::vm::{Map, Unmap};
use cosmos_rpc::{Fault, FaultCode};
use room::Room;
use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};

/// Bytes of the first segment; later ones are larger, up to [`LARGEST`].
const FIRST: usize = 4 << 20;
/// Bytes of a segment at most, where nothing needs more.
const LARGEST: usize = 256 << 20;

/// The memory that this process and one VM both see.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    /// Number of the next segment.
    next: AtomicU32,
    /// Whether there ever was one: what nearly every call asks, and nothing else.
    used: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By address.
    segments: BTreeMap<u64, Segment>,
    /// The VM is gone, or let go of: nothing more is allocated.
    closed: bool,
}

#[derive(Debug)]
struct Segment {
    number: u32,
    memory: Arc<Memory>,
    /// Whether the VM has it at the same address.
    agreed: bool,
    room: Room,
}

impl Arena {
    /// A number for a segment, as no other segment of this VM has or ever had; `None` where all are used up.
    pub(crate) fn number(&self) -> Option<u32> {
        let next = |number| (number < NUMBERS).then_some(number + 1);
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        self.next.fetch_update(set, fetch, next).ok()
    }

    /// Allocates `size` bytes; gives the address.
    ///
    /// # Errors
    /// When the VM is gone or shares no memory, or there is none.
    pub(crate) fn allocate(self: &Arc<Arena>, link: &Arc<Link>, size: usize) -> Result<u64, Error> {
        link.usable()?;
        if let Some(address) = lock(&self.state).allocate(size) {
            return Ok(address);
        }
        let segment = self.segment(link, size)?;
        let (start, length) = (segment.memory.address(), segment.memory.length());
        let address = {
            let mut state = lock(&self.state);
            if state.closed {
                return Err(link.named(Fault::caller(
                    FaultCode::Disconnected,
                    format!("{} was closed", link.label()),
                )));
            }
            // Known before another thread can be given a part of it.
            self.used.store(true, Ordering::Release);
            let whose = (Arc::clone(self), Arc::downgrade(link));
            Session::current().arenas().add(start, length, whose);
            let segment = state.segments.entry(start).or_insert(segment);
            segment.room.take(size as u64).map(|offset| start + offset)
        };
        address.ok_or_else(|| too_much(size).into())
    }

    /// Makes a segment that `size` bytes fit into, and has the VM map it.
    fn segment(&self, link: &Arc<Link>, size: usize) -> Result<Segment, Error> {
        if link.minor() < Map::SINCE {
            return Err(link.named(Fault::caller(
                FaultCode::Unsupported,
                format!("{} is of a release that shares no memory", link.label()),
            )));
        }
        let count = lock(&self.state).segments.len().min(16) as u32;
        let usual = FIRST.checked_shl(count).unwrap_or(LARGEST).min(LARGEST);
        let needed = Room::needed(size).ok_or_else(|| too_much(size))?;
        let made = Memory::make(needed.max(usual)).map_err(|fault| match fault.code {
            FaultCode::BadArgument => too_much(size),
            _ => fault,
        });
        let (memory, file) = made?;
        let number = self.number().ok_or_else(|| too_much(size))?;
        let request = Map {
            segment: number,
            address: memory.address(),
            passing: false,
        };
        let place = "mapping shared memory";
        let mapped = link.request_with(&request, &[file.as_fd()], Some(ANSWER), place)?;
        let room = Room::new(memory.length() as u64);
        Ok(Segment {
            number,
            agreed: mapped.address == memory.address(),
            memory: Arc::new(memory),
            room,
        })
    }

    /// Where an address is, as the VM finds it; `None` where it is not in this memory.
    pub(crate) fn seen(&self, address: u64) -> Result<Option<Seen>, MemoryError> {
        if !self.used.load(Ordering::Acquire) {
            return Ok(None);
        }
        let state = lock(&self.state);
        let Some((segment, offset)) = state.segment_at(address) else {
            return Ok(None);
        };
        let freed = || {
            MemoryError::Other(format!(
                "{address:#x} is in memory of cosmos_alloc that was freed, or never allocated"
            ))
        };
        let (start, length) = segment.room.find(offset).ok_or_else(freed)?;
        let number = segment.number;
        let place = Place {
            segment: number,
            offset,
        };
        Ok(Some(Seen {
            place: place.encode().ok_or_else(freed)?,
            left: start + length - offset,
            agreed: segment.agreed,
        }))
    }

    /// The memory of something that is live, and where in it that begins.
    fn memory(&self, address: u64) -> Option<(Arc<Memory>, u64)> {
        let state = lock(&self.state);
        let (segment, offset) = state.segment_at(address)?;
        segment.room.find(offset)?;
        Some((Arc::clone(&segment.memory), offset))
    }

    /// Frees what begins at this address; gives the segment that nobody needs any more.
    fn free(&self, address: u64) -> Option<Freed> {
        let mut state = lock(&self.state);
        let (start, segment) = state.segments.range_mut(..=address).next_back()?;
        let start = *start;
        segment.room.give(address - start)?;
        let (empty, large) = (segment.room.is_empty(), segment.memory.length() > FIRST);
        let unneeded = empty && (large || state.closed || state.segments.len() > 1);
        let segment = unneeded.then(|| state.segments.remove(&start)).flatten();
        Some(Freed { start, segment })
    }

    /// Nothing more is allocated; what is live stays. Gives the starts of segments that are gone.
    pub(crate) fn close(&self) -> Vec<u64> {
        let mut state = lock(&self.state);
        state.closed = true;
        let mut gone = Vec::new();
        state.segments.retain(|start, segment| {
            let empty = segment.room.is_empty();
            gone.extend(empty.then_some(*start));
            !empty
        });
        gone
    }
}

/// What freeing came to.
struct Freed {
    start: u64,
    segment: Option<Segment>,
}

impl State {
    fn allocate(&mut self, size: usize) -> Option<u64> {
        if self.closed {
            return None;
        }
        self.segments.iter_mut().find_map(|(start, segment)| {
            let offset = segment.room.take(size as u64)?;
            Some(start + offset)
        })
    }

    fn segment_at(&self, address: u64) -> Option<(&Segment, u64)> {
        let (start, segment) = self.segments.range(..=address).next_back()?;
        let offset = address - start;
        (offset < segment.memory.length() as u64).then_some((segment, offset))
    }
}

/// All arenas of this process, by the addresses of their segments.
#[derive(Debug, Default)]
pub(crate) struct Arenas {
    entries: Mutex<BTreeMap<u64, Entry>>,
    /// Whether there ever was one: most programs have none, and ask at each text.
    used: AtomicBool,
}

#[derive(Debug)]
struct Entry {
    length: usize,
    arena: Arc<Arena>,
    link: Weak<Link>,
}

impl Arenas {
    fn add(&self, start: u64, length: usize, (arena, link): (Arc<Arena>, Weak<Link>)) {
        let entry = Entry {
            length,
            arena,
            link,
        };
        lock(&self.entries).insert(start, entry);
        self.used.store(true, Ordering::Release);
    }

    fn at(&self, address: u64) -> Option<(Arc<Arena>, Weak<Link>)> {
        let entries = lock(&self.entries);
        let (start, entry) = entries.range(..=address).next_back()?;
        let inside = address - start < entry.length as u64;
        inside.then(|| (Arc::clone(&entry.arena), Weak::clone(&entry.link)))
    }

    /// These segments are gone.
    pub(crate) fn forget(&self, starts: &[u64]) {
        let mut entries = lock(&self.entries);
        for start in starts {
            entries.remove(start);
        }
    }

    /// Frees what begins at this address.
    ///
    /// # Errors
    /// `BadArgument` where nothing that is live does.
    pub(crate) fn free(&self, address: u64) -> Result<(), Fault> {
        let nothing = || {
            Fault::caller(
                FaultCode::BadArgument,
                format!(
                    "{address:#x} is nothing that cosmos_alloc gave and that was not freed yet"
                ),
            )
        };
        let (arena, link) = self.at(address).ok_or_else(nothing)?;
        let freed = arena.free(address).ok_or_else(nothing)?;
        let Some(segment) = freed.segment else {
            return Ok(());
        };
        self.forget(&[freed.start]);
        let number = segment.number;
        drop(segment);
        if let Some(link) = link.upgrade().filter(|link| link.usable().is_ok()) {
            // Where the VM does not answer, it has ended, and the memory went with it.
            let request = Unmap { segment: number };
            let _ = link.request(&request, Some(ANSWER), "giving shared memory back");
        }
        Ok(())
    }

    /// Bytes from this address on to the end of the segment that it is in; `None` where it is in none. A VM
    /// may write all of them at any time.
    pub(crate) fn left(&self, address: u64) -> Option<u64> {
        if !self.used.load(Ordering::Acquire) {
            return None;
        }
        let entries = lock(&self.entries);
        let (start, entry) = entries.range(..=address).next_back()?;
        (entry.length as u64)
            .checked_sub(address - start)
            .filter(|left| *left > 0)
    }

    /// Whether `size` bytes at this address are in something that is live.
    pub(crate) fn holds(&self, address: u64, size: u64) -> bool {
        let seen = self.at(address).map(|(arena, _)| arena.seen(address));
        matches!(seen, Some(Ok(Some(seen))) if seen.left >= size)
    }

    /// The memory of something that is live, and where in it the address is.
    fn memory(&self, address: u64) -> Option<(Arc<Memory>, u64)> {
        self.at(address)?.0.memory(address)
    }
}

fn too_much(size: usize) -> Fault {
    Fault::caller(
        FaultCode::LimitReached,
        format!("{size} bytes of shared memory are more than can be had"),
    )
}
