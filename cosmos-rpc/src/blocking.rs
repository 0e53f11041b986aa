//! The blocking transport, for multi-threaded clients, VMs and the launcher.
//!
//! It raises no signal, survives EINTR, leaves the socket's file status flags alone (the open file
//! description may be shared with another process) and, where a timeout is set, keeps it over all
//! partial reads and writes of an operation.
//!
//! A client and a VM may carry the frames of a channel through shared memory ([`Connection::share`]);
//! nothing else about it changes, except that a reply which was not awaited long enough then ends the
//! connection.
//!
//! A connection whose peer broke the protocol, or on which a write was given up half-way, is
//! broken: every later operation gives the fault that broke it. A reply that was not awaited long
//! enough does not break it; the late reply is dropped.

use crate::descriptor::{self, Wait};
use crate::exchange::{self, Exchange};
use crate::frame::{Decoder, Outgoing};
use crate::handshake::{Hello, Role};
use crate::message::vm::Share;
use crate::message::{FAULT, Message, REPLY};
use crate::{Fault, FaultCode, Frame, Limits, codec};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

mod itself;
mod lane;
mod notices;
mod opening;
mod shared;

pub use lane::Lane;
pub use opening::Opening;
pub use shared::{Asked, CLOSING, ON_SOCKET, Received};

use itself::{Owned, replaced};
use shared::Shared;

/// How long a peer may take for its handshake.
pub const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);

/// A connection after its handshake.
#[derive(Debug)]
pub struct Connection {
    // Dropped before the stream: it says good-bye.
    shared: Option<Box<Shared>>,
    stream: Owned,
    decoder: Decoder,
    exchange: Exchange,
    peer: Hello,
    timeout: Option<Duration>,
    broken: Option<Fault>,
    /// What this end is.
    role: Role,
    refuses_sharing: bool,
}

impl Connection {
    /// Shakes hands on a fresh stream, as `role`, with the limits of that role.
    ///
    /// # Errors
    ///
    /// What [`Hello::decode`] refuses; `TimedOut` after [`HANDSHAKE_PATIENCE`].
    pub fn connect(stream: UnixStream, role: Role) -> Result<Connection, Fault> {
        Connection::with_limits(stream, role, role.limits())
    }

    /// As [`Connection::connect`], where the peer may have less time for its handshake.
    ///
    /// # Errors
    ///
    /// As [`Connection::connect`]; `TimedOut` after `patience`, where that is shorter.
    pub fn connect_within(
        stream: UnixStream,
        role: Role,
        patience: Option<Duration>,
    ) -> Result<Connection, Fault> {
        Opening::new(stream, role, role.limits(), patience)?.heard()
    }

    /// Speaks first on a fresh stream, as `role`, to a process that another connection has heard say
    /// `known` of itself: this end's handshake goes out with the first request, or by [`Opening::say`]. Takes and sends bodies
    /// of at most `body` bytes; the peer may have `patience` for its handshake, where that is shorter than
    /// [`HANDSHAKE_PATIENCE`].
    ///
    /// # Errors
    ///
    /// `Disconnected`, `TimedOut`: what the handshake finds when it is sent.
    pub fn open(
        stream: UnixStream,
        role: Role,
        body: u32,
        patience: Option<Duration>,
        known: &Hello,
    ) -> Result<Opening, Fault> {
        let own = role.limits();
        let limits = Limits {
            body: own.body.min(body),
            ..own
        };
        let mut opening = Opening::new(stream, role, limits, patience)?;
        opening.believe(*known, body);
        Ok(opening)
    }

    /// The same as [`Connection::connect`]: the handshake is symmetric.
    pub fn accept(stream: UnixStream, role: Role) -> Result<Connection, Fault> {
        Connection::connect(stream, role)
    }

    /// Speaks first on a fresh stream, as `role`: what the peer says may be heard later, by another thread.
    ///
    /// # Errors
    ///
    /// What cannot be said by anybody.
    pub fn speak(stream: UnixStream, role: Role) -> Result<Opening, Fault> {
        let mut opening = Opening::new(stream, role, role.limits(), None)?;
        opening.say();
        Ok(opening)
    }

    /// Shakes hands, accepting no more than `limits`.
    pub fn with_limits(
        stream: UnixStream,
        role: Role,
        limits: Limits,
    ) -> Result<Connection, Fault> {
        Opening::new(stream, role, limits, None)?.heard()
    }

    /// What the peer said of itself.
    pub fn peer(&self) -> &Hello {
        &self.peer
    }

    /// Refuses a peer of another role.
    ///
    /// # Errors
    ///
    /// `Protocol`, naming both.
    pub fn expect(self, role: Role) -> Result<Connection, Fault> {
        if self.peer.role == role {
            return Ok(self);
        }
        Err(Fault::peer(
            FaultCode::Protocol,
            format!(
                "{} answered where {} is due",
                self.peer.role.name(),
                role.name()
            ),
        ))
    }

    /// How long each later operation may take; `None`, as at first: for ever.
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    /// Sends a request and waits for its reply, which comes with its descriptors. Notices that
    /// come meanwhile are kept for [`Connection::receive`].
    ///
    /// # Errors
    ///
    /// The fault the peer answers; `Disconnected` when it ends instead; `TimedOut`; what breaks
    /// the protocol.
    pub fn call<M: Message>(
        &mut self,
        message: &M,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(M::Reply, Vec<OwnedFd>), Fault> {
        let body = exchange::request(message, descriptors.len())?;
        let mut frame = self.call_raw(M::KIND, &[&body], descriptors)?;
        match frame.reply::<M>() {
            Ok(reply) => Ok((reply, std::mem::take(&mut frame.descriptors))),
            Err(fault) if frame.kind == FAULT => Err(fault),
            Err(fault) => self.breaks(fault),
        }
    }

    /// Sends a request of parts and waits for the frame that answers it, a fault's frame included.
    pub fn call_raw(
        &mut self,
        kind: u16,
        body: &[&[u8]],
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<Frame, Fault> {
        self.usable()?;
        let deadline = self.deadline();
        let id = self.exchange.next_id();
        self.send_until(kind, id, body, descriptors, deadline)?;
        self.reply_until(id, deadline)
    }

    /// Waits for the frame that answers a request made by [`Connection::request_raw`], a fault's frame
    /// included, as [`Connection::call_raw`] does.
    ///
    /// # Errors
    ///
    /// As [`Connection::call`].
    pub fn await_reply(&mut self, id: u64) -> Result<Frame, Fault> {
        self.usable()?;
        self.reply_until(id, self.deadline())
    }

    fn reply_until(&mut self, id: u64, deadline: Option<Instant>) -> Result<Frame, Fault> {
        loop {
            let Some(frame) = self.next(deadline)? else {
                return Err(exchange::vanished());
            };
            match self.exchange.sort(frame, id) {
                Ok(Some(frame)) => return Ok(frame),
                Ok(None) => in_time(deadline)?,
                Err(fault) => return self.breaks(fault),
            }
        }
    }

    /// Sends a request of parts and gives its id, by which [`Connection::answer`] awaits what comes
    /// of it.
    pub fn request_raw(
        &mut self,
        kind: u16,
        body: &[&[u8]],
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<u64, Fault> {
        self.usable()?;
        let id = self.exchange.next_id();
        self.send_until(kind, id, body, descriptors, self.deadline())?;
        Ok(id)
    }

    /// The next frame of an exchange that nests: the one that answers request `id`, a fault's frame
    /// included, or a request of the peer's, which is to be answered first.
    ///
    /// # Errors
    ///
    /// `Disconnected`, `TimedOut`; `Protocol` for an answer to another request than the innermost
    /// one.
    pub fn answer(&mut self, id: u64) -> Result<Frame, Fault> {
        self.usable()?;
        let deadline = self.deadline();
        loop {
            let waiting = self.exchange.waiting();
            let Some(frame) = waiting.map_or_else(|| self.next(deadline), |it| Ok(Some(it)))?
            else {
                return Err(exchange::vanished());
            };
            match (frame.kind & REPLY != 0, frame.id) {
                (true, answered) if answered == id => return Ok(frame),
                (false, asked) if asked != 0 => return Ok(frame),
                // What ends the connection: a fault that answers nothing.
                (true, 0) => {
                    let fault = frame.fault().unwrap_or_else(|| exchange::unasked(&frame));
                    return self.breaks(fault);
                }
                (true, _) => return self.breaks(exchange::unasked(&frame)),
                (false, _) => in_time(deadline)?,
            }
        }
    }

    /// Sends a message that has no reply.
    pub fn notify<M: Message>(
        &mut self,
        message: &M,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), Fault> {
        let body = exchange::request(message, descriptors.len())?;
        self.send_raw(M::KIND, 0, &[&body], descriptors)
    }

    /// Answers request `id`.
    pub fn reply<M: Message>(
        &mut self,
        id: u64,
        reply: &M::Reply,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), Fault> {
        let body = exchange::reply::<M>(reply, descriptors.len())?;
        self.send_raw(M::KIND | REPLY, id, &[&body], descriptors)
    }

    /// Answers request `id` with a fault.
    pub fn fault(&mut self, id: u64, fault: &Fault) -> Result<(), Fault> {
        self.send_raw(FAULT, id, &[&codec::encode(fault)?], &[])
    }

    /// Sends one frame whose body is the parts one after the other.
    ///
    /// # Errors
    ///
    /// `TooLarge` and `BadArgument` before anything was sent; `TimedOut` and `Disconnected`, after
    /// which the connection is broken.
    pub fn send_raw(
        &mut self,
        kind: u16,
        id: u64,
        body: &[&[u8]],
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), Fault> {
        self.usable()?;
        self.send_until(kind, id, body, descriptors, self.deadline())
    }

    /// The next frame; `None` when the peer ended the connection between frames.
    pub fn receive(&mut self) -> Result<Option<Frame>, Fault> {
        if let Some(frame) = self.exchange.waiting() {
            return Ok(Some(frame));
        }
        self.usable()?;
        self.next(self.deadline())
    }

    /// What the peer said before it ended the connection, in place of the fault of finding it ended:
    /// a peer that says why does so without being asked.
    pub fn last_words(&mut self, found: Fault) -> Fault {
        if self.shared.is_some() || found.code != FaultCode::Disconnected {
            return found;
        }
        let deadline = Some(Instant::now());
        while let Ok(Some(frame)) = self.next_on_socket(deadline) {
            if let (0, Some(fault)) = (frame.id, frame.fault()) {
                return fault;
            }
        }
        found
    }

    /// Gives back the body of a frame that is done with, for a later one to be received into.
    pub fn recycle(&mut self, body: Vec<u8>) {
        match &mut self.shared {
            Some(shared) if shared.keeps(&body) => shared.recycle(body),
            _ => self.decoder.recycle(body),
        }
    }

    fn send_until(
        &mut self,
        kind: u16,
        id: u64,
        body: &[&[u8]],
        descriptors: &[BorrowedFd<'_>],
        deadline: Option<Instant>,
    ) -> Result<(), Fault> {
        let length = body
            .iter()
            .map(|part| part.len())
            .fold(0usize, usize::saturating_add);
        let largest = self.peer.accepts(kind);
        if let Some(shared) = &mut self.shared
            && descriptors.is_empty()
            && length as u64 <= u64::from(largest)
            && shared.fits(length)
        {
            let posted = shared.post(kind, id, body);
            return posted.or_else(|fault| self.breaks(fault));
        }
        let outgoing = Outgoing::new(kind, id, length, descriptors.len(), largest)?;
        let Some(shared) = &mut self.shared else {
            return self.write(outgoing, body, descriptors, deadline);
        };
        match shared.announce() {
            Ok(()) => self.write(outgoing, body, descriptors, self.deadline_from_now()),
            Err(fault) => self.breaks(fault),
        }
    }

    fn write(
        &mut self,
        mut outgoing: Outgoing,
        body: &[&[u8]],
        descriptors: &[BorrowedFd<'_>],
        deadline: Option<Instant>,
    ) -> Result<(), Fault> {
        self.still_itself()?;
        let wait = if deadline.is_some() {
            Wait::No
        } else {
            Wait::Yes
        };
        while !outgoing.done() {
            let mut slices = Vec::with_capacity(body.len() + 1);
            outgoing.slices(body, &mut slices);
            let attached = if outgoing.begun() { &[] } else { descriptors };
            let result = descriptor::send(self.stream.as_fd(), &slices, attached, wait);
            drop(slices);
            match result {
                Ok(count) => outgoing.advance(count),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    if let Err(fault) = self.await_socket(PollFlags::POLLOUT, deadline) {
                        // Nothing went out yet: the peer cannot be out of step.
                        return if outgoing.begun() {
                            self.breaks(fault)
                        } else {
                            Err(fault)
                        };
                    }
                }
                Err(error) => return self.breaks(send_failed(error)),
            }
        }
        Ok(())
    }

    fn next(&mut self, deadline: Option<Instant>) -> Result<Option<Frame>, Fault> {
        loop {
            let frame = if self.shared.is_some() {
                self.next_shared()?
            } else {
                self.next_on_socket(deadline)?
            };
            match frame {
                Some(frame) if is_lost_request(&frame) => self.refuse_lost(&frame)?,
                Some(frame) if frame.kind == Share::KIND && self.lets_share() => {
                    self.let_share(frame)?;
                }
                frame => return Ok(frame),
            }
        }
    }

    /// Answers a request whose descriptors this process had no room for; the stream goes on.
    fn refuse_lost(&mut self, request: &Frame) -> Result<(), Fault> {
        let lost = request.whole();
        lost.or_else(|fault| self.fault(request.id, &fault))
    }

    fn next_on_socket(&mut self, deadline: Option<Instant>) -> Result<Option<Frame>, Fault> {
        self.still_itself()?;
        let wait = if deadline.is_some() {
            Wait::No
        } else {
            Wait::Yes
        };
        let mut busy = false;
        loop {
            if let Some(frame) = self.decoder.frame()? {
                return Ok(Some(frame));
            }
            if busy {
                in_time(deadline)?;
            }
            match descriptor::receive(self.stream.as_fd(), self.decoder.space(), wait) {
                Ok(received) if received.truncated => {
                    self.decoder.filled_without(received.bytes)?;
                    busy = true;
                }
                Ok(received) if received.bytes == 0 => return self.decoder.end().map(|()| None),
                Ok(received) => {
                    self.decoder.filled(received.bytes, received.descriptors)?;
                    busy = true;
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => self.await_socket(PollFlags::POLLIN, deadline)?,
                // The peer closed with bytes of ours unread.
                Err(Errno::ECONNRESET) => return self.decoder.end().map(|()| None),
                Err(error) => return self.breaks(receive_failed(error)),
            }
        }
    }

    fn await_socket(&self, events: PollFlags, deadline: Option<Instant>) -> Result<(), Fault> {
        loop {
            let timeout = match deadline {
                None => PollTimeout::NONE,
                Some(deadline) => remaining(deadline)?,
            };
            let mut sockets = [PollFd::new(self.stream.as_fd(), events)];
            match poll(&mut sockets, timeout) {
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => {
                    return Err(Fault::host(
                        FaultCode::System,
                        format!("poll failed: {error}"),
                    ));
                }
            }
        }
    }

    /// The deadline of an operation that begins now. With shared memory waiting has a timeout of its
    /// own, and the clock is read when there is something to wait for.
    fn deadline(&self) -> Option<Instant> {
        if self.shared.is_some() {
            return None;
        }
        self.deadline_from_now()
    }

    fn deadline_from_now(&self) -> Option<Instant> {
        self.timeout
            .and_then(|timeout| Instant::now().checked_add(timeout))
    }

    /// Refuses to read or write what is not this connection's any more.
    fn still_itself(&mut self) -> Result<(), Fault> {
        match self.stream.was_replaced() {
            true => self.breaks(replaced()),
            false => Ok(()),
        }
    }

    fn usable(&self) -> Result<(), Fault> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    fn breaks<T>(&mut self, fault: Fault) -> Result<T, Fault> {
        Err(self.broken.get_or_insert(fault).clone())
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl AsRawFd for Connection {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}

fn is_lost_request(frame: &Frame) -> bool {
    frame.lost && frame.id != 0
}

/// Refuses to go on past the deadline: a peer that never stops sending never lets this end wait.
fn in_time(deadline: Option<Instant>) -> Result<(), Fault> {
    deadline.map_or(Ok(()), |deadline| remaining(deadline).map(drop))
}

/// Time left, at least a millisecond so that poll does not spin.
fn remaining(deadline: Instant) -> Result<PollTimeout, Fault> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(Fault::peer(
            FaultCode::TimedOut,
            "the peer did not answer in time",
        ));
    }
    let millis = i32::try_from(left.as_millis()).unwrap_or(i32::MAX).max(1);
    Ok(PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX))
}

pub(crate) fn send_failed(error: Errno) -> Fault {
    match error {
        Errno::EPIPE | Errno::ECONNRESET | Errno::ENOTCONN => {
            Fault::peer(FaultCode::Disconnected, "the peer closed the connection")
        }
        Errno::EBADF => Fault::caller(
            FaultCode::BadArgument,
            "a descriptor to send is not open, or the connection's own was closed by somebody else",
        ),
        Errno::ETOOMANYREFS => Fault::host(
            FaultCode::LimitReached,
            "too many descriptors are on their way between processes (ulimit -n counts them)",
        ),
        error => Fault::host(FaultCode::System, format!("sending failed: {error}")),
    }
}

pub(crate) fn receive_failed(error: Errno) -> Fault {
    Fault::host(FaultCode::System, format!("receiving failed: {error}"))
}
