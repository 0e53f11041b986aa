//! The transport for the daemons, on tokio.
//!
//! Receiving is cancel-safe: dropping [`Reader::receive`] half-way loses nothing. Sending is in two
//! steps: [`Writer::queue`] takes a frame with its descriptors, [`Writer::flush`] writes what is
//! queued and is cancel-safe too; what was not written goes out at the next flush. A daemon bounds
//! [`Writer::queued`] and puts a time limit on its flushes, so a peer that does not read costs
//! nobody else anything.

use crate::blocking::{HANDSHAKE_PATIENCE, receive_failed, send_failed};
use crate::descriptor::{self, Received, Wait};
use crate::exchange::{self, Exchange};
use crate::frame::{Decoder, Outgoing};
use crate::handshake::{Hello, Role};
use crate::message::{FAULT, Message, REPLY};
use crate::{Fault, FaultCode, Frame, Limits, codec};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use tokio::io::Interest;
use tokio::net::UnixStream;

/// A connection after its handshake.
#[derive(Debug)]
pub struct Connection {
    /// The receiving half.
    pub reader: Reader,
    /// The sending half.
    pub writer: Writer,
    exchange: Exchange,
}

/// The receiving half of a connection.
#[derive(Debug)]
pub struct Reader {
    stream: Arc<UnixStream>,
    decoder: Decoder,
}

/// The sending half of a connection.
#[derive(Debug)]
pub struct Writer {
    stream: Arc<UnixStream>,
    peer: Hello,
    queue: VecDeque<Queued>,
    broken: Option<Fault>,
}

/// A frame on its way out, with what it carries.
#[derive(Debug)]
struct Queued {
    outgoing: Outgoing,
    body: Vec<u8>,
    descriptors: Vec<OwnedFd>,
}

impl Connection {
    /// Shakes hands on a fresh stream, as `role`, with the limits of that role.
    ///
    /// # Errors
    ///
    /// What [`Hello::decode`] refuses; `TimedOut` after [`HANDSHAKE_PATIENCE`].
    pub async fn connect(stream: UnixStream, role: Role) -> Result<Connection, Fault> {
        Connection::with_limits(stream, role, role.limits()).await
    }

    /// The same as [`Connection::connect`]: the handshake is symmetric.
    pub async fn accept(stream: UnixStream, role: Role) -> Result<Connection, Fault> {
        Connection::connect(stream, role).await
    }

    /// Shakes hands, accepting no more than `limits`.
    pub async fn with_limits(
        stream: UnixStream,
        role: Role,
        limits: Limits,
    ) -> Result<Connection, Fault> {
        Opening::new(stream, role, limits)?.heard().await
    }

    /// Speaks first: what is queued goes out right behind this end's handshake, and the peer finds both
    /// when it comes to read. For messages that every version of the peer knows.
    ///
    /// # Errors
    ///
    /// None but a handshake that cannot be encoded.
    pub fn open(stream: UnixStream, role: Role) -> Result<Opening, Fault> {
        Opening::new(stream, role, role.limits())
    }

    /// A connection whose handshake was made elsewhere: by the process that hands it over.
    pub fn resume(stream: UnixStream, role: Role, peer: Hello) -> Connection {
        Connection::assemble(Arc::new(stream), Decoder::new(role.limits()), peer)
    }

    /// What the peer said of itself.
    pub fn peer(&self) -> &Hello {
        &self.writer.peer
    }

    /// Its two halves, for two tasks.
    pub fn split(self) -> (Reader, Writer) {
        (self.reader, self.writer)
    }

    /// Sends a request and waits for its reply, which comes with its descriptors. Notices that
    /// come meanwhile are kept for [`Connection::receive`]. Not cancel-safe in that the reply is
    /// lost; the connection stays usable.
    pub async fn call<M: Message>(
        &mut self,
        message: &M,
        descriptors: Vec<OwnedFd>,
    ) -> Result<(M::Reply, Vec<OwnedFd>), Fault> {
        let id = self.request(message, descriptors)?;
        self.writer.flush().await?;
        self.answer::<M>(id).await
    }

    /// Queues a request; its id, by which [`Connection::answer`] awaits what comes of it.
    fn request<M: Message>(
        &mut self,
        message: &M,
        descriptors: Vec<OwnedFd>,
    ) -> Result<u64, Fault> {
        let body = exchange::request(message, descriptors.len())?;
        let id = self.exchange.next_id();
        self.writer.queue(M::KIND, id, body, descriptors)?;
        Ok(id)
    }

    /// Waits for the reply to a request that was made; as [`Connection::call`] does.
    pub async fn answer<M: Message>(&mut self, id: u64) -> Result<(M::Reply, Vec<OwnedFd>), Fault> {
        loop {
            let Some(frame) = self.reader.receive().await? else {
                return Err(exchange::vanished());
            };
            if let Some(mut frame) = self.exchange.sort(frame, id)? {
                return Ok((frame.reply::<M>()?, std::mem::take(&mut frame.descriptors)));
            }
        }
    }

    /// Sends a message that has no reply.
    pub async fn notify<M: Message>(
        &mut self,
        message: &M,
        descriptors: Vec<OwnedFd>,
    ) -> Result<(), Fault> {
        self.writer.queue_notice(message, descriptors)?;
        self.writer.flush().await
    }

    /// Answers request `id`.
    pub async fn reply<M: Message>(
        &mut self,
        id: u64,
        reply: &M::Reply,
        descriptors: Vec<OwnedFd>,
    ) -> Result<(), Fault> {
        self.writer.queue_reply::<M>(id, reply, descriptors)?;
        self.writer.flush().await
    }

    /// Answers request `id` with a fault.
    pub async fn fault(&mut self, id: u64, fault: &Fault) -> Result<(), Fault> {
        self.writer.queue_fault(id, fault)?;
        self.writer.flush().await
    }

    /// The next frame; `None` when the peer ended the connection between frames. Cancel-safe.
    pub async fn receive(&mut self) -> Result<Option<Frame>, Fault> {
        match self.exchange.waiting() {
            Some(frame) => Ok(Some(frame)),
            None => self.reader.receive().await,
        }
    }

    /// A notice that came while an answer was awaited.
    pub fn kept(&mut self) -> Option<Frame> {
        self.exchange.waiting()
    }

    fn assemble(stream: Arc<UnixStream>, decoder: Decoder, peer: Hello) -> Connection {
        Connection {
            reader: Reader {
                stream: stream.clone(),
                decoder,
            },
            writer: Writer {
                stream,
                peer,
                queue: VecDeque::new(),
                broken: None,
            },
            exchange: Exchange::default(),
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.stream.as_fd()
    }
}

/// A connection on which this end has spoken, or is about to, and the peer was not heard yet.
#[derive(Debug)]
pub struct Opening {
    connection: Connection,
    limits: Limits,
}

impl Opening {
    fn new(stream: UnixStream, role: Role, limits: Limits) -> Result<Opening, Fault> {
        let ours = Hello::new(role, &limits);
        let decoder = Decoder::new(Limits::HANDSHAKE);
        let mut connection = Connection::assemble(Arc::new(stream), decoder, ours);
        let body = ours.encode().to_vec();
        connection
            .writer
            .queue(crate::handshake::KIND, 0, body, Vec::new())?;
        Ok(Opening { connection, limits })
    }

    /// Queues a request; its id, by which [`Connection::answer`] awaits what comes of it.
    ///
    /// # Errors
    ///
    /// A message that is larger than this end would take itself.
    pub fn request<M: Message>(
        &mut self,
        message: &M,
        descriptors: Vec<OwnedFd>,
    ) -> Result<u64, Fault> {
        self.connection.request(message, descriptors)
    }

    /// Queues a message that has no reply.
    ///
    /// # Errors
    ///
    /// As [`Opening::request`].
    pub fn notify<M: Message>(
        &mut self,
        message: &M,
        descriptors: Vec<OwnedFd>,
    ) -> Result<(), Fault> {
        self.connection.writer.queue_notice(message, descriptors)
    }

    /// Sends all that is queued, and waits for the peer's handshake.
    ///
    /// # Errors
    ///
    /// As [`Connection::connect`].
    pub async fn heard(self) -> Result<Connection, Fault> {
        tokio::time::timeout(HANDSHAKE_PATIENCE, self.shake_hands())
            .await
            .unwrap_or_else(|_| {
                Err(Fault::peer(
                    FaultCode::TimedOut,
                    "the peer did not shake hands in time",
                ))
            })
    }

    async fn shake_hands(self) -> Result<Connection, Fault> {
        let Opening {
            mut connection,
            limits,
        } = self;
        // A peer that refuses this end may have said why and closed already: read that first.
        let sent = connection.writer.flush().await;
        let Some(frame) = connection.reader.receive().await? else {
            return Err(exchange::mute());
        };
        connection.writer.peer = Hello::decode(&frame)?;
        match sent {
            // What a peer sent before it went is good all the same.
            Err(fault) if fault.code == FaultCode::Disconnected => {}
            sent => sent?,
        }
        connection.reader.decoder.set_limits(limits);
        Ok(connection)
    }
}

impl Reader {
    /// The next frame; `None` when the peer ended the connection between frames. Cancel-safe.
    pub async fn receive(&mut self) -> Result<Option<Frame>, Fault> {
        loop {
            if let Some(frame) = self.decoder.frame()? {
                return Ok(Some(frame));
            }
            let space = self.decoder.space();
            let read = self.stream.async_io(Interest::READABLE, || {
                descriptor::receive(self.stream.as_fd(), space, Wait::No).map_err(io::Error::from)
            });
            match read.await {
                Ok(Received {
                    truncated: true,
                    bytes,
                    ..
                }) => self.decoder.filled_without(bytes)?,
                Ok(Received { bytes: 0, .. }) => return self.decoder.end().map(|()| None),
                Ok(received) => self.decoder.filled(received.bytes, received.descriptors)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The peer closed with bytes of ours unread.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return self.decoder.end().map(|()| None);
                }
                Err(error) => return Err(receive_failed(errno(&error))),
            }
        }
    }

    /// Whether nothing of a further frame was received: the stream could be handed to another
    /// process now.
    pub fn is_idle(&self) -> bool {
        self.decoder.is_idle()
    }
}

impl Writer {
    /// What the peer said of itself.
    pub fn peer(&self) -> &Hello {
        &self.peer
    }

    /// Queues one frame. Nothing is written before [`Writer::flush`].
    pub fn queue(
        &mut self,
        kind: u16,
        id: u64,
        body: Vec<u8>,
        descriptors: Vec<OwnedFd>,
    ) -> Result<(), Fault> {
        let largest = self.peer.accepts(kind);
        let outgoing = Outgoing::new(kind, id, body.len(), descriptors.len(), largest)?;
        self.queue.push_back(Queued {
            outgoing,
            body,
            descriptors,
        });
        Ok(())
    }

    /// Queues a message that has no reply.
    pub fn queue_notice<M: Message>(
        &mut self,
        message: &M,
        descriptors: Vec<OwnedFd>,
    ) -> Result<(), Fault> {
        let body = exchange::request(message, descriptors.len())?;
        self.queue(M::KIND, 0, body, descriptors)
    }

    /// Queues the answer to request `id`.
    pub fn queue_reply<M: Message>(
        &mut self,
        id: u64,
        reply: &M::Reply,
        descriptors: Vec<OwnedFd>,
    ) -> Result<(), Fault> {
        let body = exchange::reply::<M>(reply, descriptors.len())?;
        self.queue(M::KIND | REPLY, id, body, descriptors)
    }

    /// Queues a fault as the answer to request `id`.
    pub fn queue_fault(&mut self, id: u64, fault: &Fault) -> Result<(), Fault> {
        self.queue(FAULT, id, codec::encode(fault)?, Vec::new())
    }

    /// Frames queued and not completely written.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Writes all that is queued. Cancel-safe: what remains goes out at the next flush.
    pub async fn flush(&mut self) -> Result<(), Fault> {
        if let Some(fault) = &self.broken {
            return Err(fault.clone());
        }
        while let Some(first) = self.queue.front_mut() {
            let write = || first.write(self.stream.as_fd()).map_err(io::Error::from);
            // At once, where it can be: of a socket that is new the runtime learns only in its next turn that it
            // takes something, and whoever is at the other end waits for this.
            let written = match write() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.stream.async_io(Interest::WRITABLE, write).await
                }
                written => written,
            };
            match written {
                Ok(count) => first.outgoing.advance(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.queue.clear();
                    return Err(self
                        .broken
                        .get_or_insert(send_failed(errno(&error)))
                        .clone());
                }
            }
            if first.outgoing.begun() {
                first.descriptors.clear();
            }
            if first.outgoing.done() {
                self.queue.pop_front();
            }
        }
        Ok(())
    }
}

impl Queued {
    fn write(&self, socket: BorrowedFd<'_>) -> nix::Result<usize> {
        let mut slices = Vec::with_capacity(2);
        let body = [&self.body[..]];
        self.outgoing.slices(&body, &mut slices);
        let descriptors: Vec<_> = self.descriptors.iter().map(AsFd::as_fd).collect();
        descriptor::send(socket, &slices, &descriptors, Wait::No)
    }
}

fn errno(error: &io::Error) -> nix::errno::Errno {
    nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(0))
}
