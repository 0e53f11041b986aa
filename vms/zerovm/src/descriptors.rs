//! Descriptors from one process to another, and who sends.
//!
//! Received messages are taken apart here: whatever comes with one is owned by this process already,
//! so what nobody asked for, or what came incomplete, has to be found and closed.

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::setsockopt_impl;
use nix::sys::socket::sockopt::{self, SetBool};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg, setsockopt};
use std::fs::File;
use std::hint::spin_loop;
use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

/// As many go in one message; the kernel takes a few more.
pub const AT_ONCE: usize = 200;

/// Sends descriptors, no more than [`AT_ONCE`], with one byte.
pub fn send(socket: &File, descriptors: &[BorrowedFd<'_>]) -> nix::Result<()> {
    send_with(socket, &[0], descriptors).map(drop)
}

/// Sends bytes, and descriptors with the first of them, no more than [`AT_ONCE`]; how many bytes went.
pub fn send_with(
    socket: &File,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> nix::Result<usize> {
    let numbers: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&numbers)];
    let bytes = [IoSlice::new(bytes)];
    let number = socket.as_raw_fd();
    sendmsg::<()>(number, &bytes, &rights, MsgFlags::MSG_NOSIGNAL, None)
}

/// Receives what one [`send`] sent. Nothing comes from a socket whose other end is closed.
pub fn receive(socket: &File) -> nix::Result<Vec<OwnedFd>> {
    receive_with(socket, &mut [0]).map(|(_, descriptors)| descriptors)
}

/// Receives bytes of what one [`send_with`] sent, from its first on, and its descriptors; how many bytes
/// came.
pub fn receive_with(socket: &File, bytes: &mut [u8]) -> nix::Result<(usize, Vec<OwnedFd>)> {
    receive_message(socket, bytes, MsgFlags::empty())?.whole()
}

/// The same, but if nothing comes within a time, nothing is waited for. The processor has no rest
/// meanwhile: what comes soon is there sooner, as nobody need be woken.
pub fn receive_soon(
    socket: &File,
    bytes: &mut [u8],
    time: Duration,
) -> Option<nix::Result<(usize, Vec<OwnedFd>)>> {
    let end = Instant::now() + time;
    loop {
        match receive_message(socket, bytes, MsgFlags::MSG_DONTWAIT) {
            Err(Errno::EAGAIN) if Instant::now() < end => (0..PAUSES).for_each(|_| spin_loop()),
            Err(Errno::EAGAIN) => return None,
            received => return Some(received.and_then(Message::whole)),
        }
    }
}

/// Who sent something, by the kernel's word.
#[derive(Debug)]
pub enum Sender {
    /// The process.
    Process(OwnedFd),
    /// The number that it had then.
    Number(i32),
}

/// Has the kernel say who sends what comes from a socket from now on, as well as it can.
pub fn tell_senders(socket: &File) -> nix::Result<()> {
    match setsockopt(socket, PassPidfd, &true) {
        Err(Errno::ENOPROTOOPT) => setsockopt(socket, sockopt::PassCred, &true),
        told => told,
    }
}

/// Receives a byte, and who sent it. Nothing comes from a socket whose other end is closed.
pub fn receive_sender(socket: &File) -> nix::Result<Option<Sender>> {
    let message = receive_message(socket, &mut [0], MsgFlags::empty())?;
    Ok(message.sender.filter(|_| message.count > 0))
}

/// Whether something comes from a socket, or its end, within a time.
pub fn is_readable_within(socket: impl AsFd, time: Duration) -> bool {
    let mut source = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    let time = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
    matches!(poll(&mut source, time), Ok(1..))
}

#[derive(Debug, Clone)]
struct PassPidfd;

setsockopt_impl!(PassPidfd, libc::SOL_SOCKET, SO_PASSPIDFD, bool, SetBool);

/// Between two looks at a socket, so that its other end has it most of the time.
const PAUSES: usize = 16;

/// The C library's names for these are younger than they are.
const SO_PASSPIDFD: libc::c_int = 76;
const SCM_PIDFD: libc::c_int = 4;

/// Room for all that comes with a message: no more than 253 descriptors, and who sent it.
const CONTROL: usize = 1160;

/// Where the kernel's headers may be.
#[repr(C, align(8))]
struct Control([u8; CONTROL]);

struct Message {
    count: usize,
    descriptors: Vec<OwnedFd>,
    sender: Option<Sender>,
    // Something was lost, by the sender's doing or for want of numbers here.
    is_truncated: bool,
}

impl Message {
    fn whole(self) -> nix::Result<(usize, Vec<OwnedFd>)> {
        match self.is_truncated {
            true => Err(Errno::EMFILE),
            false => Ok((self.count, self.descriptors)),
        }
    }
}

fn receive_message(socket: &File, bytes: &mut [u8], flags: MsgFlags) -> nix::Result<Message> {
    let mut part = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    let mut control = Control([0; CONTROL]);
    // SAFETY: all of it may be zero.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = (&raw mut control).cast();
    header.msg_controllen = CONTROL as _;
    let flags = (flags | MsgFlags::MSG_CMSG_CLOEXEC).bits();
    // SAFETY: the header has one part, the bytes, and the room for control messages, with their
    // lengths; both are there for the call and nobody else's.
    let count = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) };
    let mut message = Message {
        count: Errno::result(count)? as usize,
        descriptors: Vec::new(),
        sender: None,
        is_truncated: header.msg_flags & libc::MSG_CTRUNC != 0,
    };
    // SAFETY: the kernel has filled the header right now, and its room is there still.
    unsafe { take_apart(&header, &mut message) };
    Ok(message)
}

/// Owns what came with a message.
///
/// # Safety
///
/// The kernel filled the header for this process, it was not taken apart before, and its room for control
/// messages is there.
unsafe fn take_apart(header: &libc::msghdr, message: &mut Message) {
    // SAFETY: the kernel's headers are whole and within the room, so what they begin is; it may stand
    // anywhere. Each descriptor among it was made for this process, and nobody else knows it.
    unsafe {
        let mut control = libc::CMSG_FIRSTHDR(header);
        while let Some(part) = control.as_ref() {
            let data = libc::CMSG_DATA(part);
            let length = part.cmsg_len - (data as usize - control as usize);
            let owned =
                |index| OwnedFd::from_raw_fd(data.cast::<RawFd>().add(index).read_unaligned());
            match (part.cmsg_level, part.cmsg_type) {
                (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                    let count = length / size_of::<RawFd>();
                    message.descriptors.extend((0..count).map(owned));
                }
                // Where the kernel could not make one there is an error's number.
                (libc::SOL_SOCKET, SCM_PIDFD) if data.cast::<RawFd>().read_unaligned() >= 0 => {
                    message.sender = Some(Sender::Process(owned(0)));
                }
                (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) => {
                    let credentials = data.cast::<libc::ucred>().read_unaligned();
                    message.sender = Some(Sender::Number(credentials.pid));
                }
                _ => {}
            }
            control = libc::CMSG_NXTHDR(header, control);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;

    #[test]
    fn what_is_sent_is_received() {
        let (one, other) = crate::process::pair().expect("a socket");
        let (mut near, far) = crate::process::pair().expect("a socket");
        let many = vec![far.as_fd(); AT_ONCE];
        send(&one, &many).expect("sent");
        let received = receive(&other).expect("received");
        assert_eq!(received.len(), AT_ONCE);
        let mut last = File::from(received.into_iter().next_back().expect("one"));
        near.write_all(b"x").expect("written");
        let mut byte = [0];
        last.read_exact(&mut byte).expect("read");
        assert_eq!(byte, *b"x");
        drop(one);
        assert_eq!(receive(&other).expect("the end").len(), 0);
    }

    /// As many as a message can have, with one that was to bring none.
    #[test]
    fn what_nobody_asked_for_is_closed() {
        let (ours, theirs) = crate::process::pair().expect("a socket");
        tell_senders(&ours).expect("the kernel tells");
        let (mut near, far) = crate::process::pair().expect("a socket");
        send(&theirs, &vec![far.as_fd(); AT_ONCE]).expect("sent");
        drop(far);
        assert!(receive_sender(&ours).expect("received").is_some());
        assert_eq!(near.read(&mut [0]).expect("nobody has the other end"), 0);
        drop(theirs);
        assert!(receive_sender(&ours).expect("the end").is_none());
    }
}
