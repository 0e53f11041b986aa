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

use super::itself::Itself;
use super::{Connection, is_lost_request};
use crate::ahead::Ahead;
use crate::exchange;
use crate::frame::{Header, Limits};
use crate::handshake::Role;
use crate::message::vm::Share;
use crate::message::{Message as _, REPLY};
use crate::ring::{self, AREA, End, Message, Peer, Segment, Short};
use crate::{Fault, FaultCode, Frame};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, recv};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
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
        match self.ask_to_share(settings)? {
            Some(asked) => self.shared(asked),
            None => Ok(false),
        }
    }

    /// The first half of it: asks. `None` where the VM is not asked at all.
    pub(super) fn ask_to_share(
        &mut self,
        settings: &ring::Settings,
    ) -> Result<Option<Asked>, Fault> {
        let segment = match Segment::new(ring::AREA) {
            Ok(segment) if self.peer.minor >= Share::SINCE => segment,
            Ok(_) => return Ok(None),
            Err(fault) if is_refusal(&fault) => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let request = Share {
            spin: u32::try_from(settings.spin.as_micros()).unwrap_or(u32::MAX),
            colocate: settings.colocate,
        };
        let body = exchange::request(&request, 1)?;
        let id = self.request_raw(Share::KIND, &[&body], &[segment.descriptor()])?;
        let end = End::client(segment, settings);
        Ok(Some(Asked { id, end }))
    }

    /// The second half: whether the VM does it, from now on then.
    ///
    /// # Errors
    ///
    /// As [`Connection::call`].
    pub fn shared(&mut self, asked: Asked) -> Result<bool, Fault> {
        let answer = self.await_reply(asked.id)?.reply::<Share>();
        match answer {
            Ok(()) => {
                self.shared = Some(Shared::new(asked.end));
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

    /// Whether the other end of the socket is closed, by its owner's end or on purpose.
    pub fn has_hung_up(&self) -> bool {
        Socket(self.stream.as_fd(), self.stream.itself()).is_gone()
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
        let peer = Socket(self.stream.as_fd(), self.stream.itself());
        let came = shared.next(self.timeout, peer, &limits);
        self.frame_of(came)
    }

    /// The frame that a message announced or is.
    fn frame_of(&mut self, came: Result<Came, Fault>) -> Result<Option<Frame>, Fault> {
        match came {
            Ok(Came::Short(message, short)) => Ok(Some(self.unpacked(message, &short))),
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

    /// Whether short bodies can be exchanged now: through shared memory, with nothing else to be
    /// taken first.
    #[inline]
    pub fn takes_short(&self) -> bool {
        self.shared.is_some() && self.broken.is_none() && self.exchange.is_quiet()
    }

    /// Sends a request whose body fits into a line, where [`Connection::takes_short`], and gives its
    /// id, for [`Connection::read_reply`].
    ///
    /// # Errors
    ///
    /// As [`Connection::request_raw`].
    #[inline(always)]
    pub fn request_short(&mut self, kind: u16, body: &Short) -> Result<u64, Fault> {
        let id = self.exchange.next_id();
        self.post_short(kind, id, body).map(|()| id)
    }

    #[inline(always)]
    fn post_short(&mut self, kind: u16, id: u64, body: &Short) -> Result<(), Fault> {
        match &mut self.shared {
            Some(shared) => match shared.end.post_short(kind, id, body) {
                Ok(()) => Ok(()),
                Err(fault) => self.breaks(fault),
            },
            None => self.send_bytes(kind, id, *body),
        }
    }

    /// Given as it is: by reference it would be in memory on the way above, too.
    #[cold]
    fn send_bytes(&mut self, kind: u16, id: u64, body: Short) -> Result<(), Fault> {
        self.send_raw(kind, id, &[body.bytes()], &[])
    }

    /// As [`Connection::request_short`], of a body of any length that goes through shared memory; `None`
    /// where this one does not, and nothing was sent.
    ///
    /// # Errors
    ///
    /// As [`Connection::request_raw`].
    #[inline]
    pub fn request_shared(&mut self, kind: u16, body: &[u8]) -> Result<Option<u64>, Fault> {
        let most = self.peer.accepts(kind);
        let Some(shared) = &mut self.shared else {
            return Ok(None);
        };
        if body.len() as u64 > u64::from(most) || !shared.fits(body.len()) {
            return Ok(None);
        }
        let id = self.exchange.next_id();
        match shared.post(kind, id, &[body]) {
            Ok(()) => Ok(Some(id)),
            Err(fault) => self.breaks(fault),
        }
    }

    /// Waits for what comes after a request that was sent just now, as long as that is worth it without
    /// sleeping. Whether something has come, for [`Connection::read_reply`]; where not,
    /// [`Connection::await_short`] goes on from there, or [`Connection::answer`].
    #[inline(always)]
    pub fn short_arrives(&mut self) -> bool {
        match &mut self.shared {
            Some(shared) => shared.end.arrives(),
            None => false,
        }
    }

    /// Asks for this whenever its thread has slept while it waited for what comes through shared memory; of a
    /// VM's. It has to be said again where it shares memory anew.
    pub fn needs(&mut self, mut ahead: Ahead) {
        if let Some(shared) = &mut self.shared {
            let asleep = Connection::await_short as *const ();
            ahead.add_range(asleep.addr(), 512);
            shared.end.needs(ahead);
        }
    }

    /// Goes on waiting, asleep. Whether something has come; where not, [`Connection::answer`] tells what
    /// stands in the way.
    #[cold]
    pub fn await_short(&mut self) -> bool {
        let Some(shared) = &mut self.shared else {
            return false;
        };
        let mut peer = Socket(self.stream.as_fd(), self.stream.itself());
        shared.early.is_none() && shared.end.arrival(self.timeout, &mut peer).is_ok()
    }

    /// A request of this kind of the peer's, where it comes without sleeping and its body fits into a line:
    /// its id and its body. Where not, [`Connection::answer`] goes on from there, or whatever else takes a
    /// message.
    #[inline(always)]
    pub fn hears(&mut self, kind: u16) -> Option<(u64, Short)> {
        if !self.takes_short() {
            return None;
        }
        let end = &mut self.shared.as_mut()?.end;
        if !end.arrives() {
            return None;
        }
        end.read_request(kind)
    }

    /// The reply to a request, where it is what has come. `None` where something else has, which
    /// [`Connection::answer`] then tells.
    #[inline(always)]
    pub fn read_reply(&mut self, kind: u16, id: u64) -> Option<Short> {
        let (message, short) = self.shared.as_mut()?.end.read_short()?;
        if message.kind == kind | REPLY && message.id == id {
            return Some(short);
        }
        self.keep_short(message, &short);
        None
    }

    /// Keeps a message that was read but not expected, to be taken next.
    #[cold]
    fn keep_short(&mut self, message: Message, short: &Short) {
        let frame = self.unpacked(message, short);
        if let Some(shared) = &mut self.shared {
            shared.early = Some(frame);
        }
    }

    /// The next message, where it comes without sleeping and its body fits into a line; where not,
    /// [`Connection::receive`] goes on from there.
    #[inline(always)]
    pub fn next_short(&mut self) -> Option<(Message, Short)> {
        if !self.takes_short() {
            return None;
        }
        let shared = self.shared.as_mut()?;
        if !shared.end.arrives() {
            return None;
        }
        let (message, short) = shared.end.read_short()?;
        if !matches!(message.kind, ON_SOCKET | CLOSING) {
            return Some((message, short));
        }
        self.keep_short(message, &short);
        None
    }

    /// After [`Connection::next_short`] in vain: the message that has come, where it is of this kind and goes
    /// through shared memory; its id and its body, to be [recycled](Connection::recycle). Where not,
    /// [`Connection::receive`] goes on from there.
    #[inline]
    pub fn next_longer(&mut self, kind: u16) -> Option<(u64, Vec<u8>)> {
        if !self.takes_short() {
            return None;
        }
        let limits = *self.decoder.limits();
        let shared = self.shared.as_mut().filter(|it| it.early.is_none())?;
        let mut body = std::mem::take(&mut shared.spare);
        let message = match shared.end.read_arrived(&mut body) {
            Some(Ok(message)) => message,
            // What is forged is found once more.
            Some(Err(_)) | None => {
                shared.spare = body;
                return None;
            }
        };
        let Message { kind: came, id } = message;
        if came == kind && id != 0 && check(message, &body, &limits).is_ok() {
            return Some((id, body));
        }
        shared.early = Some(Frame {
            kind: came,
            id,
            body,
            descriptors: Vec::new(),
            lost: false,
        });
        None
    }

    /// The next frame, as [`Connection::receive`], or a message whose body fits into a line.
    ///
    /// # Errors
    ///
    /// As [`Connection::receive`].
    pub fn receive_short(&mut self) -> Result<Received, Fault> {
        let limits = *self.decoder.limits();
        let frame = match &mut self.shared {
            Some(shared) if self.broken.is_none() && self.exchange.is_quiet() => {
                let peer = Socket(self.stream.as_fd(), self.stream.itself());
                match shared.next_short(self.timeout, peer, &limits) {
                    Ok(Came::Short(message, short)) => return Ok(Received::Short(message, short)),
                    came => match self.frame_of(came)? {
                        Some(frame) if is_lost_request(&frame) => {
                            self.refuse_lost(&frame)?;
                            self.receive()?
                        }
                        frame => frame,
                    },
                }
            }
            _ => self.receive()?,
        };
        Ok(frame.map_or(Received::End, Received::Frame))
    }

    /// The frame that a message with a short body is.
    pub fn unpacked(&mut self, message: Message, body: &Short) -> Frame {
        let spare = self.shared.as_mut().map(|shared| &mut shared.spare);
        let mut bytes = spare.map(std::mem::take).unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(body.bytes());
        Frame {
            kind: message.kind,
            id: message.id,
            body: bytes,
            descriptors: Vec::new(),
            lost: false,
        }
    }

    /// Sends a message whose body fits into a line.
    ///
    /// # Errors
    ///
    /// As [`Connection::send_raw`].
    #[inline(always)]
    pub fn send_short(&mut self, kind: u16, id: u64, body: &Short) -> Result<(), Fault> {
        if self.broken.is_some() {
            self.usable()?;
        }
        self.post_short(kind, id, body)
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
            Ok(Shared::new(End::vm(segment, &settings)))
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

/// A VM that was asked to share memory, and has not answered.
#[derive(Debug)]
pub struct Asked {
    id: u64,
    end: End,
}

/// A connection's end of a ring.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Shared {
    pub(super) end: End,
    /// A buffer for the next body.
    spare: Vec<u8>,
    /// A message that was read where another one was expected; it is next.
    early: Option<Frame>,
}

/// What is received where short bodies are taken as they are.
#[derive(Debug)]
pub enum Received {
    /// A message with a short body.
    Short(Message, Short),
    /// Any other frame.
    Frame(Frame),
    /// The peer ended the connection between frames.
    End,
}

/// What a message announced.
enum Came {
    /// The message itself, whose body is this.
    Short(Message, Short),
    /// A frame, which is this.
    Frame(Frame),
    /// A frame on the socket.
    OnSocket,
    /// The end of the channel.
    Closing,
}

impl Shared {
    fn new(end: End) -> Box<Shared> {
        let mut shared = Box::new(Shared {
            end,
            spare: Vec::new(),
            early: None,
        });
        shared.end.needs(Ahead::default());
        shared
    }

    /// Whether a body of this length goes through shared memory.
    pub fn fits(&self, length: usize) -> bool {
        self.end.fits(length)
    }

    /// Sends a frame without descriptors.
    pub fn post(&mut self, kind: u16, id: u64, body: &[&[u8]]) -> Result<(), Fault> {
        self.end.post(kind, id, body)
    }

    /// Announces a frame that comes over the socket.
    pub fn announce(&mut self) -> Result<(), Fault> {
        self.end.post(ON_SOCKET, 0, &[])
    }

    /// Waits for a message, and takes a short one as it is.
    fn next_short(
        &mut self,
        timeout: Option<Duration>,
        mut peer: Socket<'_>,
        limits: &Limits,
    ) -> Result<Came, Fault> {
        if let Some(Frame { kind, id, body, .. }) = self.early.take() {
            return Shared::came(Message { kind, id }, body, limits);
        }
        let mut body = std::mem::take(&mut self.spare);
        let taken = self.end.take_short(timeout, &mut peer, &mut body);
        match taken? {
            (message, Some(short)) if !matches!(message.kind, ON_SOCKET | CLOSING) => {
                self.spare = body;
                Ok(Came::Short(message, short))
            }
            (message, short) => {
                if let Some(short) = short {
                    body.clear();
                    body.extend_from_slice(short.bytes());
                }
                Shared::came(message, body, limits)
            }
        }
    }

    /// Waits for a message.
    fn next(
        &mut self,
        timeout: Option<Duration>,
        mut peer: Socket<'_>,
        limits: &Limits,
    ) -> Result<Came, Fault> {
        if let Some(Frame { kind, id, body, .. }) = self.early.take() {
            return Shared::came(Message { kind, id }, body, limits);
        }
        let mut body = std::mem::take(&mut self.spare);
        let message = self.end.take(timeout, &mut peer, &mut body)?;
        Shared::came(message, body, limits)
    }

    fn came(message: Message, body: Vec<u8>, limits: &Limits) -> Result<Came, Fault> {
        match message.kind {
            ON_SOCKET => return Ok(Came::OnSocket),
            CLOSING => return Ok(Came::Closing),
            _ => {}
        }
        check(message, &body, limits)?;
        Ok(Came::Frame(Frame {
            kind: message.kind,
            id: message.id,
            body,
            descriptors: Vec::new(),
            lost: false,
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

/// Whether a message may have this body.
#[inline]
fn check(message: Message, body: &[u8], limits: &Limits) -> Result<(), Fault> {
    let header = Header {
        length: u32::try_from(body.len()).unwrap_or(u32::MAX),
        kind: message.kind,
        descriptors: 0,
        id: message.id,
    };
    header.check(limits)
}

struct Socket<'a>(BorrowedFd<'a>, Option<Itself>);

impl Peer for Socket<'_> {
    fn is_gone(&mut self) -> bool {
        // Nothing is asked for: a hang-up is always told.
        let mut watched = [PollFd::new(self.0, PollFlags::empty())];
        let is_quiet = match poll(&mut watched, PollTimeout::ZERO) {
            Ok(count) => count == 0,
            Err(Errno::EINTR) => true,
            // It says nothing of the peer: in a program that may open no files any more it always fails.
            Err(_) => !has_ended(self.0),
        };
        !is_quiet || self.1.is_some_and(|itself| itself.was_replaced(self.0))
    }
}

/// Whether nothing more comes on a socket, as far as can be told without asking what has happened there.
fn has_ended(socket: BorrowedFd<'_>) -> bool {
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    match recv(socket.as_raw_fd(), &mut [0], flags) {
        Ok(count) => count == 0,
        Err(error) => !matches!(error, Errno::EAGAIN | Errno::EINTR),
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
        FaultCode::Unsupported
            | FaultCode::LimitReached
            | FaultCode::TooManyFiles
            | FaultCode::System
    )
}
