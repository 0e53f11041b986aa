//! A connection whose frames go through shared memory.
//!
//! A client asks for it by [`Share`](crate::message::vm::Share), on a channel that is at rest. From
//! the answer on every frame of the channel, either way, is announced by a message of the
//! [`ring`](crate::ring), for that is what the other end waits on:
//!
//! | frame | goes |
//! |---|---|
//! | without descriptors, and of a size that fits | through the ring, with its kind, id and body |
//! | with descriptors, or larger | through the socket, after a message of kind [`ON_SOCKET`] |
//! | end of the channel | a message of kind [`CLOSING`], if the client has the turn; the end of the socket in any case |
//!
//! The announcement goes first: who waits has to begin reading before a large frame can be written.

use super::Connection;
use crate::exchange;
use crate::frame::{Header, Limits};
use crate::handshake::Role;
use crate::message::vm::Share;
use crate::ring::{self, AREA, End, Peer, Segment};
use crate::{Fault, FaultCode, Frame};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// Kind of a message that says: the next frame is on the socket.
pub const ON_SOCKET: u16 = 0x0000;
/// Kind of a message that says: nothing more comes.
pub const CLOSING: u16 = 0xfffe;

impl Connection {
    /// Asks the VM at the other end to carry the frames of this connection, which is at rest, through
    /// shared memory from now on. Whether it does; where it does not, everything stays as it is.
    ///
    /// # Errors
    ///
    /// As [`Connection::call`].
    pub fn share(&mut self, settings: &ring::Settings) -> Result<bool, Fault> {
        let segment = match Segment::new(ring::AREA) {
            Ok(segment) if self.peer.minor >= Share::SINCE => segment,
            Ok(_) => return Ok(false),
            Err(fault) if is_refusal(&fault) => return Ok(false),
            Err(fault) => return Err(fault),
        };
        let request = Share {
            spin: u32::try_from(settings.spin.as_micros()).unwrap_or(u32::MAX),
            colocate: settings.colocate,
        };
        match self.call(&request, &[segment.descriptor()]) {
            Ok(_) => {
                self.shared = Some(Box::new(Shared::new(End::client(segment, settings))));
                Ok(true)
            }
            Err(fault) if is_refusal(&fault) && self.broken.is_none() => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Whether frames go through shared memory.
    pub fn shares(&self) -> bool {
        self.shared.is_some()
    }

    /// Answers a client that asks for shared memory that this end takes none.
    pub fn refuse_sharing(&mut self) {
        self.refuses_sharing = true;
    }

    /// Whether the peer may ask for shared memory now.
    pub(super) fn lets_share(&self) -> bool {
        (self.role, self.peer.role) == (Role::Vm, Role::Client) && self.shared.is_none()
    }

    pub(super) fn next_shared(&mut self) -> Result<Option<Frame>, Fault> {
        let limits = *self.decoder.limits();
        let Some(shared) = &mut self.shared else {
            return Ok(None);
        };
        match shared.next(self.timeout, self.stream.as_fd(), &limits) {
            Ok(Came::Frame(frame)) => Ok(Some(frame)),
            Ok(Came::OnSocket) => match self.next_on_socket(self.deadline_from_now())? {
                None => self.breaks(exchange::vanished()),
                frame => Ok(frame),
            },
            Ok(Came::Closing) => Ok(None),
            // It may have said why it went.
            Err(fault) if fault.code == FaultCode::Disconnected => {
                self.next_on_socket(self.deadline_from_now())
            }
            Err(fault) => self.breaks(fault),
        }
    }

    /// The client asks for shared memory; the answer still goes over the socket.
    pub(super) fn let_share(&mut self, mut frame: Frame) -> Result<(), Fault> {
        let refuses = self.refuses_sharing;
        let taken = frame.message::<Share>().and_then(|request| {
            if refuses {
                return Err(Fault::caller(
                    FaultCode::Unsupported,
                    "this VM takes calls through its socket only",
                ));
            }
            let memory = frame.descriptors.pop().ok_or_else(exchange::vanished)?;
            let settings = ring::Settings {
                spin: spin(request.spin),
                colocate: request.colocate,
                ..ring::Settings::SERVING
            };
            let segment = Segment::received(memory)?;
            Ok(Box::new(Shared::new(End::vm(segment, &settings))))
        });
        match taken {
            Ok(shared) => {
                self.reply::<Share>(frame.id, &(), &[])?;
                self.shared = Some(shared);
                Ok(())
            }
            Err(fault) => {
                self.fault(frame.id, &fault)?;
                if is_refusal(&fault) {
                    Ok(())
                } else {
                    self.breaks(fault)
                }
            }
        }
    }
}

/// A connection's end of a ring.
#[derive(Debug)]
pub(super) struct Shared {
    end: End,
    /// A buffer for the next body.
    spare: Vec<u8>,
}

/// What a message announced.
enum Came {
    /// A frame, which is this.
    Frame(Frame),
    /// A frame on the socket.
    OnSocket,
    /// The end of the channel.
    Closing,
}

impl Shared {
    fn new(end: End) -> Shared {
        Shared {
            end,
            spare: Vec::new(),
        }
    }

    /// Sends a frame, or announces that it comes over the socket: whether that is still to be done.
    pub fn send(&mut self, header: &Header, body: &[&[u8]]) -> Result<bool, Fault> {
        let small = usize::try_from(header.length).is_ok_and(|length| self.end.fits(length));
        if small && header.descriptors == 0 {
            self.end.post(header.kind, header.id, body)?;
            return Ok(false);
        }
        self.end.post(ON_SOCKET, 0, &[])?;
        Ok(true)
    }

    /// Waits for a message.
    fn next(
        &mut self,
        timeout: Option<Duration>,
        socket: BorrowedFd<'_>,
        limits: &Limits,
    ) -> Result<Came, Fault> {
        let mut body = std::mem::take(&mut self.spare);
        let message = self.end.take(timeout, &mut Socket(socket), &mut body)?;
        match message.kind {
            ON_SOCKET => return Ok(Came::OnSocket),
            CLOSING => return Ok(Came::Closing),
            _ => {}
        }
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let header = Header {
            length,
            kind: message.kind,
            descriptors: 0,
            id: message.id,
        };
        header.check(limits)?;
        Ok(Came::Frame(Frame {
            kind: message.kind,
            id: message.id,
            body,
            descriptors: Vec::new(),
        }))
    }

    /// Whether the memory of a body is worth keeping for a later one of the ring's.
    pub fn keeps(&self, body: &Vec<u8>) -> bool {
        (self.spare.capacity()..=2 * AREA).contains(&body.capacity())
    }

    /// Takes a body back, for a later one.
    pub fn recycle(&mut self, body: Vec<u8>) {
        self.spare = body;
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Without the turn, or in a forked child, this fails, and the end of the socket says it.
        let _ = self.end.post(CLOSING, 0, &[]);
    }
}

struct Socket<'a>(BorrowedFd<'a>);

impl Peer for Socket<'_> {
    fn is_gone(&mut self) -> bool {
        // Nothing is asked for: a hang-up is always told.
        let mut watched = [PollFd::new(self.0, PollFlags::empty())];
        !matches!(
            poll(&mut watched, PollTimeout::ZERO),
            Ok(0) | Err(Errno::EINTR)
        )
    }
}

/// The settings of a ring as a client asks for them: whole microseconds, at most a millisecond.
fn spin(microseconds: u32) -> Duration {
    Duration::from_micros(u64::from(microseconds.min(1000)))
}

/// Whether an end that refuses shared memory refuses that alone.
fn is_refusal(fault: &Fault) -> bool {
    matches!(
        fault.code,
        FaultCode::Unsupported | FaultCode::LimitReached | FaultCode::System
    )
}
