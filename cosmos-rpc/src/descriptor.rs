//! Bytes and descriptors through a Unix stream socket.
//!
//! Received descriptors are close-on-exec from the start, and none is ever lost track of: what a
//! truncated message brought is closed, then the truncation is reported. Receiving is written
//! against libc because the safe wrapper at hand gives no access to the descriptors of a truncated
//! message, which would leak them.
//!
//! Sending raises no SIGPIPE.
//!
//! Numbers 0, 1 and 2 are the program's streams, whether it has them open or not: what it writes there with
//! `perror` or reads would be written into, or taken from, whatever else has that number. So nothing that lasts gets
//! one of them ([`beyond_standard`]).

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use std::io::IoSlice;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Whether to wait for the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Until something can be sent or received (unless the socket itself is non-blocking).
    Yes,
    /// `EAGAIN` instead.
    No,
}

impl Wait {
    fn flags(self) -> MsgFlags {
        match self {
            Wait::Yes => MsgFlags::empty(),
            Wait::No => MsgFlags::MSG_DONTWAIT,
        }
    }
}

/// The same file under a number that no standard stream has.
///
/// # Errors
///
/// `EMFILE`: there is no such number left.
pub fn beyond_standard(descriptor: OwnedFd) -> nix::Result<OwnedFd> {
    let first = libc::STDERR_FILENO + 1;
    if descriptor.as_raw_fd() >= first {
        return Ok(descriptor);
    }
    let raw = fcntl(&descriptor, FcntlArg::F_DUPFD_CLOEXEC(first));
    let raw = raw.map_err(|error| match error {
        // No number is as large.
        Errno::EINVAL => Errno::EMFILE,
        other => other,
    })?;
    // SAFETY: the kernel just made it for this caller, and nobody else has its number.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Sends bytes, and `descriptors` with the first of them. Returns how many bytes went.
///
/// The descriptors go whole or not at all: when at least one byte went, they went.
pub fn send(
    socket: BorrowedFd<'_>,
    parts: &[IoSlice<'_>],
    descriptors: &[BorrowedFd<'_>],
    wait: Wait,
) -> nix::Result<usize> {
    let raw: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control = if raw.is_empty() {
        &rights[..0]
    } else {
        &rights[..]
    };
    let flags = MsgFlags::MSG_NOSIGNAL | wait.flags();
    sendmsg::<()>(socket.as_raw_fd(), parts, control, flags, None)
}

/// What one read brought.
#[derive(Debug)]
pub struct Received {
    /// Bytes; 0 with a non-empty buffer is the end of the stream.
    pub bytes: usize,
    /// Descriptors, close-on-exec; empty when `truncated`.
    pub descriptors: Vec<OwnedFd>,
    /// Descriptors were lost for want of room in this process's table: the buffer has room for the most that
    /// the kernel carries, so no sender can bring it about.
    pub truncated: bool,
}

/// Room for the control messages of one read: SCM_RIGHTS with 253 descriptors takes 1032 bytes;
/// credentials and a pidfd, which a socket may be set to deliver as well, the rest.
const CONTROL: usize = 1160;

/// Type of the control message that carries a pidfd; the libc crate does not name it yet.
const SCM_PIDFD: libc::c_int = 4;

/// Aligned as the kernel's control message headers want it.
#[repr(C, align(8))]
struct Control([u8; CONTROL]);

/// Receives at most `into.len()` bytes and the descriptors with them.
pub fn receive(socket: BorrowedFd<'_>, into: &mut [u8], wait: Wait) -> nix::Result<Received> {
    let mut part = libc::iovec {
        iov_base: into.as_mut_ptr().cast(),
        iov_len: into.len(),
    };
    let mut control = Control([0; CONTROL]);
    // SAFETY: msghdr is plain old data, for which all zeroes is a valid (empty) value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut control).cast();
    message.msg_controllen = CONTROL as _;
    let flags = libc::MSG_CMSG_CLOEXEC | wait.flags().bits();
    // SAFETY: message points at one iovec over `into` and at `control`, all alive and exclusively
    // borrowed for the call; the lengths are theirs.
    let count = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) };
    let bytes = usize::try_from(count).map_err(|_| Errno::last())?;
    // SAFETY: the kernel just filled `message` for this process.
    let adopted = unsafe { adopt(&message) };
    let is_whole = message.msg_flags & libc::MSG_CTRUNC == 0;
    let placed = adopted.into_iter().map(beyond_standard);
    let placed = placed.collect::<nix::Result<Vec<_>>>().ok();
    let descriptors = placed.filter(|_| is_whole);
    let truncated = descriptors.is_none();
    Ok(Received {
        bytes,
        descriptors: descriptors.unwrap_or_default(),
        truncated,
    })
}

/// Takes ownership of every descriptor in the control messages.
///
/// # Safety
///
/// `message` was filled by a successful `recvmsg` of this process and is given here once; its
/// control buffer is alive.
unsafe fn adopt(message: &libc::msghdr) -> Vec<OwnedFd> {
    let mut owned = Vec::new();
    // SAFETY: the kernel wrote msg_control and msg_controllen consistently, so the CMSG functions
    // stay inside the buffer and return headers that lie wholly in it. What CMSG_DATA points at may
    // be unaligned for an int, hence read_unaligned. A descriptor in SCM_RIGHTS or SCM_PIDFD was
    // installed for this process by this very call and belongs to nobody else.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while !header.is_null() {
            let kind = ((*header).cmsg_level, (*header).cmsg_type);
            if kind == (libc::SOL_SOCKET, libc::SCM_RIGHTS) || kind == (libc::SOL_SOCKET, SCM_PIDFD)
            {
                let data = libc::CMSG_DATA(header);
                let length = (*header).cmsg_len as usize - (data as usize - header as usize);
                for index in 0..length / size_of::<RawFd>() {
                    let raw = data.cast::<RawFd>().add(index).read_unaligned();
                    // A pidfd that could not be made is reported as a negative number.
                    if raw >= 0 {
                        owned.push((kind.1, OwnedFd::from_raw_fd(raw)));
                    }
                }
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
    // A pidfd is no descriptor of the peer's choice: close it.
    owned.retain(|(kind, _)| *kind == libc::SCM_RIGHTS);
    owned
        .into_iter()
        .map(|(_, descriptor)| descriptor)
        .collect()
}
