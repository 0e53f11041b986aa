//! The memfd of a ring: made and sealed by the client, checked by the VM.
//!
//! See [`sealed`](crate::sealed) for what it is sealed against, and why.

use super::layout::{AREA_AT, LARGEST_AREA, MAGIC, MAGIC_AT, PAGE, VERSION, VERSION_AT, length};
use super::mapping::Mapping;
use crate::sealed::{self, failed, refused};
use crate::{Fault, FaultCode};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;

/// Bytes of each body area where nobody says otherwise. Pages of it that no body ever reached take
/// no memory.
pub const AREA: usize = 2 << 20;

/// A segment, mapped.
#[derive(Debug)]
pub struct Segment {
    memory: OwnedFd,
    mapping: Mapping,
    area: usize,
}

impl Segment {
    /// Makes one with body areas of `area` bytes, for the client's end.
    ///
    /// # Errors
    /// `BadArgument` for a size that is no multiple of a page, or above [`LARGEST_AREA`];
    /// `LimitReached` or `System` where the machine has none.
    pub fn new(area: usize) -> Result<Segment, Fault> {
        let (Some(length), Ok(number)) = (length(area), u32::try_from(area)) else {
            let message = format!(
                "a body area of {area} bytes: it must be a multiple of {PAGE}, at most {LARGEST_AREA}"
            );
            return Err(Fault::caller(FaultCode::BadArgument, message));
        };
        let memory =
            sealed::memory(c"cosmos ring", length).map_err(|error| failed("making", error))?;
        let mapping =
            Mapping::new(memory.as_fd(), length).map_err(|error| failed("mapping", error))?;
        mapping.word(AREA_AT).store(number, Ordering::Relaxed);
        mapping.word(VERSION_AT).store(VERSION, Ordering::Relaxed);
        mapping.long(MAGIC_AT).store(MAGIC, Ordering::Release);
        Ok(Segment {
            memory,
            mapping,
            area,
        })
    }

    /// Takes one that a client sent.
    ///
    /// # Errors
    /// `Protocol` where it is none: no sealed memfd, another layout, a size that does not agree with
    /// what it says of itself; `LimitReached` or `System` where it cannot be mapped.
    pub fn received(memory: OwnedFd) -> Result<Segment, Fault> {
        let length = sealed::length(memory.as_fd())?;
        let area = length.saturating_sub(PAGE) / 2;
        if super::layout::length(area) != Some(length) {
            return Err(refused("has a size no ring has"));
        }
        let mapping =
            Mapping::new(memory.as_fd(), length).map_err(|error| failed("mapping", error))?;
        let magic = mapping.long(MAGIC_AT).load(Ordering::Acquire);
        let version = mapping.word(VERSION_AT).load(Ordering::Relaxed);
        let stated = mapping.word(AREA_AT).load(Ordering::Relaxed);
        if (magic, version) != (MAGIC, VERSION) || usize::try_from(stated) != Ok(area) {
            return Err(refused("is laid out in another way"));
        }
        Ok(Segment {
            memory,
            mapping,
            area,
        })
    }

    /// What to send to the other end.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.memory.as_fd()
    }

    #[cfg(test)]
    pub(super) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// The mapping, which stays when the descriptor goes, and the size of its areas.
    pub(super) fn into_mapping(self) -> (Mapping, usize) {
        (self.mapping, self.area)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::SEALS;
    use nix::fcntl::{FcntlArg, SealFlag, fcntl};
    use nix::sys::memfd::{MFdFlags, memfd_create};
    use nix::unistd::ftruncate;

    fn memory(flags: MFdFlags, length: i64, seals: SealFlag) -> OwnedFd {
        let memory = memfd_create(c"test", flags).unwrap();
        ftruncate(&memory, length).unwrap();
        let _ = fcntl(&memory, FcntlArg::F_ADD_SEALS(seals));
        memory
    }

    #[test]
    fn a_segment_is_received_as_it_was_made() {
        let made = Segment::new(AREA).unwrap();
        let sent = made.descriptor().try_clone_to_owned().unwrap();
        let seals = fcntl(&sent, FcntlArg::F_GET_SEALS).unwrap();
        assert!(SealFlag::from_bits_truncate(seals).contains(SEALS));
        let received = Segment::received(sent).unwrap();
        assert_eq!(received.area, AREA);
        for size in [0, 4095, LARGEST_AREA + 4096, usize::MAX] {
            assert_eq!(Segment::new(size).unwrap_err().code, FaultCode::BadArgument);
        }
    }

    /// Memory that is a segment in every other way.
    fn sealed_against(seals: SealFlag) -> OwnedFd {
        let sealable = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let size = PAGE + 2 * AREA;
        let memory = memory(sealable, size as i64, SealFlag::empty());
        let mapping = Mapping::new(memory.as_fd(), size).unwrap();
        mapping.word(AREA_AT).store(AREA as u32, Ordering::Relaxed);
        mapping.word(VERSION_AT).store(VERSION, Ordering::Relaxed);
        mapping.long(MAGIC_AT).store(MAGIC, Ordering::Relaxed);
        drop(mapping);
        fcntl(&memory, FcntlArg::F_ADD_SEALS(seals)).unwrap();
        memory
    }

    #[test]
    fn each_seal_is_asked_for() {
        assert!(Segment::received(sealed_against(SEALS)).is_ok());
        let one_more = [SEALS | SealFlag::F_SEAL_WRITE, SealFlag::empty()];
        for seals in SEALS.iter().map(|seal| SEALS - seal).chain(one_more) {
            let fault = Segment::received(sealed_against(seals)).unwrap_err();
            assert_eq!(fault.code, FaultCode::Protocol, "{seals:?}: {fault}");
        }
    }

    #[test]
    fn what_could_shrink_or_is_none_is_refused() {
        let sealable = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let size = (PAGE + 2 * AREA) as i64;
        let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        for descriptor in [
            memory(MFdFlags::MFD_CLOEXEC, size, SEALS),
            memory(sealable, size, SealFlag::empty()),
            memory(
                sealable,
                size,
                SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL,
            ),
            memory(sealable, size, SEALS | SealFlag::F_SEAL_WRITE),
            memory(sealable, size, SEALS),
            memory(sealable, 0, SEALS),
            memory(sealable, size + 1, SEALS),
            memory(sealable, 1 << 40, SEALS),
            std::fs::File::open("/dev/null").unwrap().into(),
            std::fs::File::open("/").unwrap().into(),
            socket.into(),
        ] {
            let fault = Segment::received(descriptor).unwrap_err();
            assert_eq!(fault.code, FaultCode::Protocol, "{fault}");
        }
    }

    #[test]
    fn a_segment_that_lies_about_itself_is_refused() {
        for (place, value) in [(AREA_AT, 4096), (VERSION_AT, 2)] {
            let made = Segment::new(8192).unwrap();
            made.mapping.word(place).store(value, Ordering::Relaxed);
            let sent = made.descriptor().try_clone_to_owned().unwrap();
            assert!(Segment::received(sent).is_err());
        }
    }
}
