//! Descriptors from one process to another.

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, UnixCredentials, recvmsg, sendmsg,
};
use std::fs::File;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

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
    let mut parts = [IoSliceMut::new(bytes)];
    let mut space = cmsg_space!([RawFd; AT_ONCE]);
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
    let mut descriptors = Vec::new();
    for control in message.cmsgs()? {
        let ControlMessageOwned::ScmRights(numbers) = control else {
            continue;
        };
        // SAFETY: the kernel has just given these to this process, and nobody else knows them.
        descriptors.extend(
            numbers
                .into_iter()
                .map(|number| unsafe { OwnedFd::from_raw_fd(number) }),
        );
    }
    if message.flags.contains(MsgFlags::MSG_CTRUNC) {
        return Err(Errno::EMFILE);
    }
    Ok((message.bytes, descriptors))
}

/// Receives a byte, and says which process sent it; the kernel knows. Nobody is 0.
pub fn receive_sender(socket: &File) -> nix::Result<i32> {
    let mut byte = [0];
    let mut parts = [IoSliceMut::new(&mut byte)];
    let mut space = cmsg_space!(UnixCredentials);
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
    let pid = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::ScmCredentials(credentials) => Some(credentials.pid()),
        _ => None,
    });
    Ok(if message.bytes == 0 {
        0
    } else {
        pid.unwrap_or(0)
    })
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
}
