//! Bytes between descriptors and streams, each direction in a thread of its own.
//!
//! The descriptors may be shared with other processes, so their flags are left alone: what is read or
//! written is waited for first.

use cosmos_program::terminal::resize;
use cosmos_rpc::mux::Stream;
use cosmos_rpc::steering::{Records, Steer};
use cosmos_rpc::{Fault, FaultCode};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{read, write};
use std::fs::File;
use std::io::{PipeReader, pipe};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

/// Read at once.
const PIECE: usize = 64 << 10;

/// What [`give`] does when it is told, by the end of a pipe, that the other side is over.
#[derive(Debug)]
pub(crate) enum Over {
    /// Reads no more.
    Quit(PipeReader),
    /// Reads what is there already: whoever wrote it has ended. The descriptor does not block.
    Drain(PipeReader),
}

/// Sends what the descriptor gives, until it ends or nobody wants more.
pub(crate) fn give(from: OwnedFd, to: Stream, over: Over) -> Result<JoinHandle<()>, Fault> {
    let (wakened, waker) = pipe().map_err(|error| system("a pipe", &error))?;
    to.wake_when_unwanted(waker);
    spawn("give", move || {
        forward(from.as_fd(), &to, wakened.as_fd(), Some(&over));
        to.end();
    })
}

/// Writes what comes, until it ends or the descriptor takes no more.
pub(crate) fn take(from: Stream, to: OwnedFd) -> Result<JoinHandle<()>, Fault> {
    spawn("take", move || {
        backward(&from, to.as_fd());
        from.stop();
    })
}

/// Both, between the socket that steers a program and a stream. When either direction has ended, so has
/// the other. What comes for `terminal`, where that is here, goes no further.
pub(crate) fn join(
    socket: UnixStream,
    stream: Stream,
    terminal: Option<Arc<File>>,
) -> Result<(), Fault> {
    let (wakened, waker) = pipe().map_err(|error| system("a pipe", &error))?;
    stream.wake_when_unwanted(waker);
    let (socket, other) = (Arc::new(socket), stream.clone());
    let same = Arc::clone(&socket);
    spawn("socket-out", move || {
        forward(socket.as_fd(), &stream, wakened.as_fd(), None);
        stream.end();
    })?;
    spawn("socket-back", move || {
        match terminal {
            Some(terminal) => steer(&other, same.as_fd(), &terminal),
            None => backward(&other, same.as_fd()),
        }
        other.stop();
        let _ = same.shutdown(Shutdown::Both);
    })?;
    Ok(())
}

fn forward(from: BorrowedFd<'_>, to: &Stream, wakened: BorrowedFd<'_>, over: Option<&Over>) {
    let mut piece = vec![0; PIECE];
    let mut draining = false;
    loop {
        let told = match over {
            Some(Over::Quit(told) | Over::Drain(told)) if !draining => told.as_fd(),
            _ => wakened,
        };
        let mut watched = [from, wakened, told].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        let patience = match draining {
            true => PollTimeout::ZERO,
            false => PollTimeout::NONE,
        };
        match poll(&mut watched, patience) {
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(_) => return,
        }
        let [readable, unwanted, told] = watched.map(|watched| watched.any().unwrap_or(true));
        if unwanted {
            return;
        }
        if told && !draining {
            match over {
                Some(Over::Drain(_)) => draining = true,
                _ => return,
            }
        }
        if !readable {
            match draining {
                true => return,
                false => continue,
            }
        }
        match read(from, &mut piece) {
            Ok(0) => return,
            Ok(count) => {
                if to.send(piece.get(..count).unwrap_or_default()).is_err() {
                    return;
                }
            }
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) if !draining => {}
            Err(_) => return,
        }
    }
}

fn backward(from: &Stream, to: BorrowedFd<'_>) {
    let mut piece = vec![0; PIECE];
    while let Ok(count @ 1..) = from.receive(&mut piece) {
        if write_all(to, piece.get(..count).unwrap_or_default()).is_err() {
            return;
        }
    }
}

/// What steers a program on a terminal of this machine.
fn steer(from: &Stream, to: BorrowedFd<'_>, terminal: &File) {
    let mut records = Records::default();
    let mut piece = [0; 256];
    while let Ok(count @ 1..) = from.receive(&mut piece) {
        let Ok(taken) = records.take(piece.get(..count).unwrap_or_default()) else {
            return;
        };
        for record in taken {
            let done = match record {
                // A terminal that is gone has no size.
                Steer::Resized(window) => resize(terminal, window).or(Ok(())),
                record => write_all(to, &record.encode()),
            };
            if done.is_err() {
                return;
            }
        }
    }
}

fn write_all(to: BorrowedFd<'_>, mut bytes: &[u8]) -> nix::Result<()> {
    while !bytes.is_empty() {
        match write(to, bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                let mut watched = [PollFd::new(to, PollFlags::POLLOUT)];
                match poll(&mut watched, PollTimeout::NONE) {
                    Ok(_) | Err(Errno::EINTR) => {}
                    Err(error) => return Err(error),
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

pub(crate) fn spawn(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, Fault> {
    let thread = Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|error| system("a thread", &error))
}

pub(crate) fn system(what: &str, error: &std::io::Error) -> Fault {
    Fault::host(FaultCode::System, format!("{what} for a relay: {error}"))
}
