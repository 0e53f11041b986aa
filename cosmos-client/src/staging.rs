//! Room for large buffers of a channel's calls in memory that the VM sees: they are copied there once,
//! used there by the function, and copied back once, instead of through the request and the reply.
//!
//! Each channel has its own, for its calls nest and do not overlap otherwise: a stack of buffers. It
//! grows by further segments, larger than those before; when no call is under way, at most one is
//! kept. Pages that no buffer ever reached take no memory.
//!
//! ```text
//! segments   [ call A | call B, made by a callback of A |      ] [ …    ]
//!                     ▲ floor: where B begins           ▲ top
//! ```
//!
//! What the buffers of a call take together is bounded as its message is: a buffer beyond that goes
//! into the request, where it is refused by its size.
//!
//! The VM may write there at any time. What comes back are bytes of the program's own buffers, of which
//! every value is good; how many is said by the reply, and checked.

use crate::arena::Arena;
use crate::memory::program;
use callframe::marshal::MemoryError;
use cosmos_rpc::arena::{Memory, Place};
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::vm::{Map, Unmap};
use cosmos_rpc::{Fault, FaultCode};
use std::os::fd::{AsFd, OwnedFd};

/// Bytes of the first segment.
const FIRST: usize = 4 << 20;
/// Most bytes that are kept when no call is under way.
const KEPT: usize = 32 << 20;
/// What buffers begin at multiples of: a page, for that is where copying is fastest.
const GRAIN: u64 = 4096;

/// The staging area of a channel.
#[derive(Debug, Default)]
pub(crate) struct Staging {
    /// Most bytes of buffers in a call; 0 where the VM takes no part in it.
    most: u64,
    segments: Vec<Segment>,
    floor: Top,
    top: Top,
    /// Numbers of segments that the VM still has.
    gone: Vec<u32>,
}

/// How far a staging area is used: up to `used` bytes of the segment at `index`, by buffers of `bytes`
/// bytes in all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Top {
    index: usize,
    used: u64,
    bytes: u64,
}

#[derive(Debug)]
struct Segment {
    number: u32,
    memory: Memory,
    /// What to send, until the VM has it.
    file: Option<OwnedFd>,
}

impl Staging {
    /// One for a channel whose calls carry at most `most` bytes; 0 where it shares no memory.
    pub(crate) fn new(most: u64) -> Staging {
        Staging {
            most,
            ..Staging::default()
        }
    }

    /// Turns it off: the VM takes no memory.
    pub(crate) fn turn_off(&mut self) {
        *self = Staging::default();
    }

    /// A place for a buffer of the program's; a copy of it where it `enters`.
    pub(crate) fn stage(
        &mut self,
        arena: &Arena,
        address: u64,
        length: u64,
        enters: bool,
    ) -> Result<Option<u64>, MemoryError> {
        let bytes = self.top.bytes.saturating_add(length);
        if bytes - self.floor.bytes > self.most || !self.make_room(arena, length) {
            return Ok(None);
        }
        let (offset, index) = (self.top.used, self.top.index);
        let Some(segment) = self.segments.get(index) else {
            return Ok(None);
        };
        let number = segment.number;
        let place = Place {
            segment: number,
            offset,
        };
        if enters {
            program::stage(&segment.memory, offset, address, length)?;
        }
        self.top.used = (offset + length).next_multiple_of(GRAIN);
        self.top.bytes = bytes;
        Ok(place.encode())
    }

    /// Copies back from a place that was given.
    pub(crate) fn fetch(&self, place: u64, address: u64, length: u64) -> Result<(), MemoryError> {
        let gone = || MemoryError::Address(address);
        let place = Place::decode(place).ok_or_else(gone)?;
        let mut segments = self.segments.iter();
        let segment = segments.find(|segment| segment.number == place.segment);
        let memory = &segment.ok_or_else(gone)?.memory;
        program::fetch(memory, place.offset, address, length)
    }

    /// Has the VM map what it does not have yet: whether it did.
    ///
    /// # Errors
    /// When the connection is lost.
    pub(crate) fn announce(&mut self, connection: &mut Connection) -> Result<bool, Fault> {
        for segment in &mut self.segments {
            let Some(file) = segment.file.take() else {
                continue;
            };
            let request = Map {
                segment: segment.number,
                address: segment.memory.address(),
                passing: true,
            };
            match connection.call(&request, &[file.as_fd()]) {
                Ok(_) => {}
                Err(fault) if is_refusal(&fault) => return Ok(false),
                Err(fault) => return Err(fault),
            }
        }
        Ok(true)
    }

    /// Whether the VM has all of it.
    pub(crate) fn is_announced(&self) -> bool {
        self.segments.iter().all(|segment| segment.file.is_none())
    }

    /// Whether the VM has something that was let go of here.
    pub(crate) fn owes(&self) -> bool {
        !self.gone.is_empty()
    }

    /// The innermost call is over.
    pub(crate) fn rewind(&mut self) {
        self.top = self.floor;
        let outermost = self.floor.index == 0 && self.floor.used == 0;
        if outermost && !self.segments.is_empty() {
            let last = self.segments.pop();
            self.gone
                .extend(self.segments.drain(..).map(|it| it.number));
            match last {
                Some(last) if last.memory.length() <= KEPT => self.segments.push(last),
                last => self.gone.extend(last.map(|it| it.number)),
            }
        }
    }

    /// Has the VM let go of what was let go of here.
    ///
    /// # Errors
    /// When the connection is lost.
    pub(crate) fn give_back(&mut self, connection: &mut Connection) -> Result<(), Fault> {
        while let Some(segment) = self.gone.pop() {
            match connection.call(&Unmap { segment }, &[]) {
                // It never had it.
                Err(fault) if fault.code == FaultCode::StaleHandle => {}
                answer => answer.map(drop)?,
            }
        }
        Ok(())
    }

    /// Calls from now on are inside of the one under way; gives what to [`lower`](Staging::lower) to.
    pub(crate) fn raise(&mut self) -> Top {
        std::mem::replace(&mut self.floor, self.top)
    }

    /// They are over.
    pub(crate) fn lower(&mut self, floor: Top) {
        self.floor = floor;
    }

    /// Whether `length` bytes fit behind the top, of a segment that was made for it if need be.
    fn make_room(&mut self, arena: &Arena, length: u64) -> bool {
        let fits = |segment: &Segment, used: u64| segment.memory.at(used, length).is_some();
        while let Some(segment) = self.segments.get(self.top.index) {
            if fits(segment, self.top.used) {
                return true;
            }
            self.top = Top {
                index: self.top.index + 1,
                used: 0,
                ..self.top
            };
        }
        // All are used up where calls with more than is kept went on for days.
        let Some(number) = arena.number() else {
            return false;
        };
        let last = self.segments.last();
        let twice = last.map_or(FIRST, |last| 2 * last.memory.length());
        let needed = usize::try_from(length).ok().map(usize::next_power_of_two);
        let Some(Ok((memory, file))) = needed.map(|needed| Memory::make(needed.max(twice))) else {
            return false;
        };
        self.segments.push(Segment {
            number,
            memory,
            file: Some(file),
        });
        self.top = Top {
            index: self.segments.len() - 1,
            used: 0,
            ..self.top
        };
        true
    }
}

/// Whether a VM that refuses memory refuses that alone.
fn is_refusal(fault: &Fault) -> bool {
    matches!(
        fault.code,
        FaultCode::Unsupported
            | FaultCode::LimitReached
            | FaultCode::TooManyFiles
            | FaultCode::System
    )
}
