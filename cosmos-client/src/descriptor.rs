//! Descriptors that go to a VM which is confined, and that come from one.
//!
//! A file stays what it was opened for: Landlock judges its path when somebody opens it anew through
//! `/proc/self/fd`. The rest is not passed:
//!
//! | what | why |
//! |---|---|
//! | a file in memory for reading, without a seal | it has no path, and could be opened for writing |
//! | a directory, and what was opened by its path alone (`O_PATH`) | it is a way to other files; a VM can open the latter for files that it may not read |
//! | a Unix socket of datagrams | each datagram may name another receiver, and every service listens somewhere |
//!
//! The last matters on the way to a VM only, which can make none itself.

use cosmos_rpc::{Fault, FaultCode};
use nix::fcntl::{FcntlArg, OFlag, SealFlag, fcntl};
use nix::sys::socket::{
    AddressFamily, SockType, SockaddrLike, SockaddrStorage, getsockname, getsockopt, sockopt,
};
use nix::sys::stat::{SFlag, fstat};
use std::os::fd::{AsRawFd, BorrowedFd};

/// Refuses what gives a confined VM more than it says.
///
/// # Errors
/// `BadArgument`, saying why.
pub(crate) fn is_what_it_says(descriptor: BorrowedFd<'_>) -> Result<(), Fault> {
    let Ok(flags) = fcntl(descriptor, FcntlArg::F_GETFL) else {
        // It is not open: sending it says so.
        return Ok(());
    };
    let flags = OFlag::from_bits_truncate(flags);
    let refused = |what: String| {
        let message = format!("descriptor {} is {what}", descriptor.as_raw_fd());
        Err(Fault::caller(FaultCode::BadArgument, message))
    };
    if let Some(what) = way_to_others(descriptor, flags) {
        return refused(format!(
            "{what}, which is not passed to a VM that is confined: grant the path to be read"
        ));
    }
    if sends_anywhere(descriptor) {
        return refused(
            "a Unix socket of datagrams, by which a VM that is confined could reach every service: \
             pass one of streams"
                .to_owned(),
        );
    }
    if is_open_memory(descriptor, flags) {
        return refused(
            "a file in memory that is passed for reading, and the VM could open it for writing: seal \
             it with F_SEAL_FUTURE_WRITE, or pass it for writing"
                .to_owned(),
        );
    }
    Ok(())
}

/// Refuses what a confined VM gives and that would have this process open for it what it may not.
///
/// # Errors
/// `Protocol`, saying what it is.
pub(crate) fn is_taken(descriptor: BorrowedFd<'_>) -> Result<(), Fault> {
    let flags = fcntl(descriptor, FcntlArg::F_GETFL).unwrap_or(0);
    match way_to_others(descriptor, OFlag::from_bits_truncate(flags)) {
        None => Ok(()),
        Some(what) => Err(Fault::vm(
            FaultCode::Protocol,
            format!("it returned {what}, which is not taken from a VM that is confined"),
        )),
    }
}

/// What leads to files that were not passed, in words.
fn way_to_others(descriptor: BorrowedFd<'_>, flags: OFlag) -> Option<&'static str> {
    if flags.contains(OFlag::O_PATH) {
        return Some("a path (O_PATH)");
    }
    let kind =
        fstat(descriptor).map(|found| SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT);
    (kind == Ok(SFlag::S_IFDIR)).then_some("a directory")
}

fn sends_anywhere(descriptor: BorrowedFd<'_>) -> bool {
    let is_datagrams = getsockopt(&descriptor, sockopt::SockType) == Ok(SockType::Datagram);
    is_datagrams
        && getsockname::<SockaddrStorage>(descriptor.as_raw_fd())
            .is_ok_and(|name| name.family() == Some(AddressFamily::Unix))
}

/// Whether it is a file in memory that is open for reading and could be opened for writing.
fn is_open_memory(descriptor: BorrowedFd<'_>, flags: OFlag) -> bool {
    if flags & OFlag::O_ACCMODE != OFlag::O_RDONLY {
        return false;
    }
    // What has seals is a file in memory.
    let Ok(seals) = fcntl(descriptor, FcntlArg::F_GET_SEALS) else {
        return false;
    };
    let write = SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_FUTURE_WRITE;
    !SealFlag::from_bits_truncate(seals).intersects(write)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::memfd::{MFdFlags, memfd_create};
    use std::fs::File;
    use std::os::fd::AsFd;

    #[test]
    fn memory_for_reading_needs_a_seal_and_nothing_else_does() {
        let memory = memfd_create(c"m", MFdFlags::MFD_ALLOW_SEALING).expect("memory");
        assert!(is_what_it_says(memory.as_fd()).is_ok(), "it may be written");
        let path = format!("/proc/self/fd/{}", memory.as_raw_fd());
        let reader = File::open(path).expect("opened anew");
        let fault = is_what_it_says(reader.as_fd()).expect_err("it could be written");
        assert_eq!(fault.code, FaultCode::BadArgument);
        assert!(fault.message.contains("F_SEAL_FUTURE_WRITE"), "{fault}");
        let seal = FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_FUTURE_WRITE);
        fcntl(&memory, seal).expect("sealed");
        assert!(is_what_it_says(reader.as_fd()).is_ok());
        let file = File::open("/dev/null").expect("a file");
        assert!(is_what_it_says(file.as_fd()).is_ok());
        let (pipe, _) = std::io::pipe().expect("a pipe");
        assert!(is_what_it_says(pipe.as_fd()).is_ok());
    }

    #[test]
    fn ways_to_other_files_and_services_are_refused() {
        use std::os::unix::fs::OpenOptionsExt;
        use std::os::unix::net::{UnixDatagram, UnixStream};
        let directory = File::open("/").expect("a directory");
        let mut options = File::options();
        let path = options.read(true).custom_flags(nix::libc::O_PATH);
        let path = path.open("/etc/passwd").expect("a path");
        for (descriptor, word) in [(&directory, "directory"), (&path, "O_PATH")] {
            let fault = is_what_it_says(descriptor.as_fd()).expect_err(word);
            assert!(fault.message.contains(word), "{fault}");
            let fault = is_taken(descriptor.as_fd()).expect_err(word);
            assert_eq!(fault.code, FaultCode::Protocol);
            assert!(fault.message.contains(word), "{fault}");
        }
        let (datagrams, _) = UnixDatagram::pair().expect("a pair");
        let fault = is_what_it_says(datagrams.as_fd()).expect_err("datagrams");
        assert!(fault.message.contains("datagrams"), "{fault}");
        assert!(is_taken(datagrams.as_fd()).is_ok());
        let (streams, _) = UnixStream::pair().expect("a pair");
        assert!(is_what_it_says(streams.as_fd()).is_ok());
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        assert!(is_what_it_says(udp.as_fd()).is_ok());
    }
}
