//! The memory that a client and this VM both see: which segments there are.
//!
//! A client's calls name places in its own segments and in nobody else's. A segment that a call uses
//! stays until the call is over, whatever the client lets go of meanwhile.

use callframe::marshal::MemoryError;
use cosmos_rpc::arena::{MOST_SEGMENTS, Memory, Place};
use cosmos_rpc::message::vm::Map;
use cosmos_rpc::{Fault, FaultCode};
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The segments of one client.
#[derive(Debug, Default)]
pub(crate) struct Segments(RwLock<HashMap<u32, Segment>>);

#[derive(Debug)]
struct Segment {
    memory: Arc<Memory>,
    /// The channel that it goes with, if with one.
    channel: Option<u64>,
}

impl Segments {
    /// Takes a segment of the client's, which came on a channel; gives where it is here.
    pub fn add(&self, request: &Map, file: &OwnedFd, channel: u64) -> Result<u64, Fault> {
        let (segment, offset) = (request.segment, 0);
        let numbered = Place { segment, offset }.encode().is_some();
        if !numbered || self.read().contains_key(&segment) {
            let message = format!("shared memory numbered {segment}, which cannot be");
            return Err(Fault::peer(FaultCode::Protocol, message));
        }
        let memory = Arc::new(Memory::received(file, request.address)?);
        let address = memory.address();
        let mut segments = self.write();
        if segments.len() >= MOST_SEGMENTS {
            return Err(Fault::caller(
                FaultCode::LimitReached,
                format!(
                    "the VM has {MOST_SEGMENTS} pieces of this client's memory, the most it may have"
                ),
            ));
        }
        let channel = request.passing.then_some(channel);
        segments.insert(segment, Segment { memory, channel });
        Ok(address)
    }

    /// A channel has ended.
    pub fn channel_ended(&self, channel: u64) {
        let its = |segment: &Segment| segment.channel == Some(channel);
        let gone: Vec<Segment> = self
            .write()
            .extract_if(|_, segment| its(segment))
            .map(|(_, segment)| segment)
            .collect();
        // Unmapping takes its time, and needs no lock.
        drop(gone);
    }

    /// Lets go of one.
    pub fn remove(&self, segment: u32) -> Result<(), Fault> {
        let removed = self.write().remove(&segment);
        removed.map(drop).ok_or_else(|| {
            let message = format!("there is no shared memory numbered {segment} (any more)");
            Fault::caller(FaultCode::StaleHandle, message)
        })
    }

    /// The segment of `length` bytes at a place that a call names, and their address here.
    pub fn find(&self, place: u64, length: u64) -> Result<(Arc<Memory>, Place, u64), MemoryError> {
        let stale = || MemoryError::Other("it is in no memory that the VM was given".to_owned());
        let place = Place::decode(place).ok_or_else(stale)?;
        let memory = {
            let segments = self.read();
            let segment = segments.get(&place.segment).ok_or_else(stale)?;
            Arc::clone(&segment.memory)
        };
        let Some(address) = memory.at(place.offset, length) else {
            let message = format!(
                "{length} bytes at {} of memory that has {}",
                place.offset,
                memory.length()
            );
            return Err(MemoryError::Other(message));
        };
        Ok((memory, place, address))
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<u32, Segment>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<u32, Segment>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(segment: u32, offset: u64) -> u64 {
        Place { segment, offset }.encode().unwrap()
    }

    fn request(segment: u32, passing: bool) -> Map {
        Map {
            segment,
            address: 0,
            passing,
        }
    }

    #[test]
    fn what_is_for_one_channel_goes_with_it() {
        let segments = Segments::default();
        let (_ours, file) = Memory::make(4096).unwrap();
        for (segment, passing, channel) in [(0, true, 1), (1, true, 2), (2, false, 1)] {
            segments
                .add(&request(segment, passing), &file, channel)
                .unwrap();
        }
        segments.channel_ended(1);
        let left = [0, 1, 2].map(|segment| segments.find(place(segment, 0), 1).is_ok());
        assert_eq!(left, [false, true, true]);
    }

    #[test]
    fn a_place_has_to_lie_in_a_segment_that_is_there() {
        let segments = Segments::default();
        let (_ours, file) = Memory::make(8192).unwrap();
        let request = request(3, false);
        let address = segments.add(&request, &file, 1).unwrap();
        let (_, _, found) = segments.find(place(3, 4096), 4096).unwrap();
        assert_eq!(found, address + 4096);
        for (at, length) in [
            (place(3, 4096), 4097),
            (place(3, 8193), 0),
            (place(3, 0), u64::MAX),
            (place(2, 0), 1),
            (u64::MAX, 1),
        ] {
            assert!(segments.find(at, length).is_err(), "{at:#x} {length}");
        }
        let fault = segments.add(&request, &file, 1).unwrap_err();
        assert_eq!(fault.code, FaultCode::Protocol);
        segments.remove(3).unwrap();
        assert!(segments.find(place(3, 0), 1).is_err());
        assert_eq!(segments.remove(3).unwrap_err().code, FaultCode::StaleHandle);
    }

    #[test]
    fn a_segment_that_a_call_uses_stays() {
        let segments = Segments::default();
        let (ours, file) = Memory::make(4096).unwrap();
        segments.add(&request(0, false), &file, 1).unwrap();
        let (used, _, _) = segments.find(place(0, 0), 4).unwrap();
        segments.remove(0).unwrap();
        // SAFETY: four bytes are there.
        assert!(unsafe { used.copy_in(0, b"here".as_ptr(), 4) });
        let mut seen = [0; 4];
        // SAFETY: likewise.
        assert!(unsafe { ours.copy_out(0, seen.as_mut_ptr(), 4) });
        assert_eq!(&seen, b"here");
    }
}
