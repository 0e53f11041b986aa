//! A connection on which this end speaks first: what follows its handshake need not wait for the peer's.

use super::itself::Owned;
use super::shared::Asked;
use super::{Connection, HANDSHAKE_PATIENCE};
use crate::exchange::{self, Exchange};
use crate::frame::{Decoder, Outgoing};
use crate::handshake::{Hello, Role};
use crate::{Fault, FaultCode, Limits, descriptor, ring};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// A connection on which this end has spoken, and the peer was not heard yet.
#[derive(Debug)]
pub struct Opening {
    connection: Connection,
    limits: Limits,
    /// Bytes of the largest body to send, whatever the peer would take.
    most: u32,
    deadline: Option<Instant>,
    /// This end's handshake, where that has not gone out.
    unsaid: Option<Hello>,
    /// Whether what this end said went out.
    spoken: Result<(), Fault>,
}

impl Opening {
    pub(super) fn new(
        stream: UnixStream,
        role: Role,
        limits: Limits,
        patience: Option<Duration>,
    ) -> Result<Opening, Fault> {
        let stream = descriptor::beyond_standard(stream.into()).map_err(|error| {
            let message = format!("a number for the descriptor of a connection: {error}");
            Fault::system(error as i32, message)
        })?;
        let stream = UnixStream::from(stream);
        let patience = patience.map_or(HANDSHAKE_PATIENCE, |own| own.min(HANDSHAKE_PATIENCE));
        let deadline = Some(Instant::now() + patience);
        let ours = Hello::new(role, &limits);
        let connection = Connection {
            shared: None,
            stream: Owned::new(stream, role == Role::Client),
            decoder: Decoder::new(Limits::HANDSHAKE),
            exchange: Exchange::default(),
            peer: ours,
            timeout: None,
            broken: None,
            role,
            refuses_sharing: false,
        };
        Ok(Opening {
            connection,
            limits,
            most: u32::MAX,
            deadline,
            unsaid: Some(ours),
            spoken: Ok(()),
        })
    }

    /// Has this end's handshake go out, which otherwise goes with the first request, or when the peer is waited for.
    pub fn say(&mut self) {
        let said = self.unsaid.take().map_or(Ok(()), |ours| {
            let (outgoing, body) = ours.outgoing()?;
            self.connection
                .write(outgoing, &[&body], &[], self.deadline)
        });
        self.note(said);
    }

    /// Has it go out with a request behind it; that one's number.
    fn say_asking(&mut self, ours: &Hello, kind: u16, body: &[&[u8]]) -> Result<u64, Fault> {
        let (outgoing, hello) = ours.outgoing()?;
        let connection = &mut self.connection;
        let id = connection.exchange.next_id();
        let length = body.iter().map(|part| part.len()).sum();
        let largest = connection.peer.accepts(kind);
        let request = Outgoing::new(kind, id, length, 0, largest)?.header();
        let header = request.encode();
        let mut parts = vec![&hello[..], &header[..]];
        parts.extend_from_slice(body);
        let outgoing = outgoing.followed_by(header.len() + length);
        self.unsaid = None;
        connection.write(outgoing, &parts, &[], self.deadline)?;
        Ok(id)
    }

    fn note(&mut self, said: Result<(), Fault>) {
        self.spoken = std::mem::replace(&mut self.spoken, Ok(())).and(said);
    }

    /// Takes the peer for what another connection has heard it say of itself, and sends it bodies of at most
    /// `most` bytes.
    pub(super) fn believe(&mut self, known: Hello, most: u32) {
        self.most = most;
        self.hear(known);
    }

    fn hear(&mut self, mut peer: Hello) {
        peer.body = peer.body.min(self.most);
        self.connection.peer = peer;
    }

    /// Asks the VM at the other end, right behind the handshake, to carry the frames of this connection
    /// through shared memory: see [`Connection::share`], and [`Connection::shared`] for its answer.
    ///
    /// # Errors
    ///
    /// Memory that cannot be had.
    pub fn ask_to_share(&mut self, settings: &ring::Settings) -> Result<Option<Asked>, Fault> {
        self.say();
        match self.connection.ask_to_share(settings) {
            // Why it is gone it may have said.
            Err(fault) if self.connection.broken.is_some() => {
                self.note(Err(fault));
                Ok(None)
            }
            asked => asked,
        }
    }

    /// Makes a request right behind the handshake; its number, by which [`Connection::await_reply`] awaits what
    /// comes of it once the peer was heard. `None` where the connection is gone: why, the peer may have said.
    ///
    /// # Errors
    ///
    /// What cannot be sent to the peer that is believed to be there.
    pub fn ask(
        &mut self,
        kind: u16,
        body: &[&[u8]],
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<Option<u64>, Fault> {
        let asked = match self.unsaid {
            Some(ours) if descriptors.is_empty() => self.say_asking(&ours, kind, body),
            _ => {
                self.say();
                self.connection.request_raw(kind, body, descriptors)
            }
        };
        match asked {
            Err(fault) if self.connection.broken.is_some() => {
                self.note(Err(fault));
                Ok(None)
            }
            asked => asked.map(Some),
        }
    }

    /// Waits for the peer's handshake until this time, whatever it was given before: it may be a process that
    /// is only being started.
    ///
    /// # Errors
    ///
    /// As [`Opening::heard`].
    pub fn heard_until(mut self, deadline: Instant) -> Result<Connection, Fault> {
        self.deadline = Some(deadline);
        self.heard()
    }

    /// Waits for the peer's handshake.
    ///
    /// # Errors
    ///
    /// What [`Hello::decode`] refuses; `TimedOut`.
    pub fn heard(mut self) -> Result<Connection, Fault> {
        self.say();
        // A peer that refuses this end may have said why and closed already: read that first.
        let frame = match self.connection.next(self.deadline) {
            Ok(Some(frame)) => frame,
            Ok(None) => return Err(exchange::mute()),
            Err(fault) => return Err(fault),
        };
        self.hear(Hello::decode(&frame)?);
        let Opening {
            mut connection,
            limits,
            spoken,
            ..
        } = self;
        match spoken {
            // What a peer sent before it went is good all the same.
            Err(fault) if fault.code == FaultCode::Disconnected => connection.broken = None,
            spoken => spoken?,
        }
        connection.decoder.set_limits(limits);
        Ok(connection)
    }
}
