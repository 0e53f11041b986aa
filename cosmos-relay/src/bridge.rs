//! A socket with frames on one side, a stream on the other.
//!
//! On a stream a frame is its header, then for each descriptor the number of the stream that stands
//! for it, `u32` little-endian, then its body. Frames are taken whole before they go on, so that each
//! is checked, and none reaches a peer by halves when the link ends.

use crate::fill::Surroundings;
use crate::natures::{MOST, Nature, Service, Way, natures};
use crate::pump::{self, Over, spawn, system};
use cosmos_program::terminal::open_pair;
use cosmos_rpc::descriptor::{self, Wait};
use cosmos_rpc::frame::{Decoder, HEADER, Header, Outgoing};
use cosmos_rpc::message::coordinator::{VmOpen, VmOpened};
use cosmos_rpc::message::vm::Exec;
use cosmos_rpc::message::{FAULT, Message, REPLY};
use cosmos_rpc::mux::{Link, Side, Stream};
use cosmos_rpc::rendezvous::{self, Rendezvous};
use cosmos_rpc::{Fault, FaultCode, Frame, Limits, codec};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{PipeWriter, pipe};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// How much a body's buffer grows at once.
const GROWTH: usize = 64 << 10;

/// What the bridges of a relay share.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) link: Link,
    pub(crate) place: Place,
    bridges: Mutex<usize>,
    changed: Condvar,
}

/// Which relay it is.
#[derive(Debug)]
pub(crate) enum Place {
    /// On the program's machine.
    Near,
    /// On the other one.
    Far(Surroundings, Rendezvous),
}

/// One socket with frames.
struct Bridge {
    relay: Arc<Relay>,
    service: Service,
    stream: Stream,
    socket: UnixStream,
    /// Held while a frame is written to the socket.
    writing: Mutex<()>,
    /// Held while a frame is sent on the stream.
    sending: Mutex<()>,
    /// Programs that run, by the request.
    runs: Mutex<HashMap<u64, Run>>,
    /// Requests for a VM whose answer is to bring a connection.
    connecting: Mutex<HashSet<u64>>,
}

/// What is to be done when a program has ended.
#[derive(Default)]
struct Run {
    /// Its closing tells who reads for the program, or from it, that it has ended.
    over: Vec<PipeWriter>,
    /// Who write what it wrote, here.
    outputs: Vec<JoinHandle<()>>,
    /// Both ends of its terminal, there: ours, and the program's until the request has it.
    terminal: Option<(Arc<File>, OwnedFd)>,
}

impl Relay {
    /// A relay without bridges.
    pub(crate) fn new(link: Link, place: Place) -> Arc<Relay> {
        Arc::new(Relay {
            link,
            place,
            bridges: Mutex::new(0),
            changed: Condvar::new(),
        })
    }

    /// Joins a socket and a stream.
    pub(crate) fn bridge(
        self: &Arc<Relay>,
        service: Service,
        stream: Stream,
        socket: UnixStream,
    ) -> Result<(), Fault> {
        let bridge = Arc::new(Bridge {
            relay: Arc::clone(self),
            service,
            stream,
            socket,
            writing: Mutex::default(),
            sending: Mutex::default(),
            runs: Mutex::default(),
            connecting: Mutex::default(),
        });
        *lock(&self.bridges) += 1;
        let same = Arc::clone(&bridge);
        let started = spawn("frames-out", move || same.outward());
        let started = started.and_then(|_| {
            let same = Arc::clone(&bridge);
            spawn("frames-in", move || {
                same.inward();
                *lock(&same.relay.bridges) -= 1;
                same.relay.changed.notify_all();
            })
        });
        if started.is_err() {
            bridge.shut();
        }
        started.map(drop)
    }

    /// Waits until the last bridge has ended.
    pub(crate) fn wait(&self) {
        let mut bridges = lock(&self.bridges);
        while *bridges > 0 {
            bridges = self
                .changed
                .wait(bridges)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn side(&self) -> Side {
        match self.place {
            Place::Near => Side::Near,
            Place::Far(..) => Side::Far,
        }
    }
}

impl Bridge {
    /// From the socket to the stream.
    fn outward(self: &Arc<Bridge>) {
        let mut decoder = Decoder::new(Limits::CALL);
        loop {
            match decoder.frame() {
                Ok(Some(frame)) => match self.send(frame) {
                    Ok(()) => continue,
                    Err(_) => break,
                },
                Ok(None) => {}
                Err(_) => break,
            }
            let received = descriptor::receive(self.socket.as_fd(), decoder.space(), Wait::Yes);
            match received {
                Ok(received) if received.bytes == 0 => break,
                Ok(received) if received.truncated => {
                    if decoder.filled_without(received.bytes).is_err() {
                        break;
                    }
                }
                Ok(received) => {
                    if decoder
                        .filled(received.bytes, received.descriptors)
                        .is_err()
                    {
                        break;
                    }
                }
                Err(Errno::EINTR) => {}
                Err(_) => break,
            }
        }
        // Whoever reads from a program that was run by this socket reads no more.
        lock(&self.runs).clear();
        self.stream.end();
        if let Place::Near = self.relay.place {
            // The program has let go: whether the other machine ends its direction is of no matter.
            self.stream.stop();
        }
    }

    /// From the stream to the socket.
    fn inward(self: &Arc<Bridge>) {
        let result = loop {
            match self.receive() {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(fault) => break Err(fault),
            }
        };
        // The other direction may have met the end of the link first, and wanted no more.
        let why = result.err().or_else(|| self.relay.link.ended());
        if let (Some(fault), Place::Near) = (why, &self.relay.place) {
            let _ = self.tell(0, &fault);
        }
        self.stream.stop();
        self.shut();
    }

    fn shut(&self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    fn way(&self, side: Side) -> Way {
        match side {
            Side::Near => Way::Out,
            Side::Far => Way::Back,
        }
    }

    /// Sends a frame that came from the socket.
    fn send(self: &Arc<Bridge>, mut frame: Frame) -> Result<(), Fault> {
        let answers = frame.kind & REPLY != 0;
        if let Place::Far(_, rendezvous) = &self.relay.place
            && answers
        {
            // Closes what tells the readers of its outputs that the program has ended.
            drop(lock(&self.runs).remove(&frame.id));
            if lock(&self.connecting).remove(&frame.id) {
                connect(&mut frame, rendezvous);
            }
        }
        let way = self.way(self.relay.side());
        let count = frame.descriptors.len();
        let id = frame.id;
        let natures = frame
            .whole()
            .and_then(|()| natures(self.service, way, frame.kind, &frame.body, count));
        match natures {
            Ok(natures) => match self.send_with(frame, &natures) {
                // Nothing of it was sent.
                Err(fault) if fault.code == FaultCode::LimitReached && !answers && id != 0 => {
                    self.tell(id, &fault)
                }
                sent => sent,
            },
            Err(fault) if answers => {
                let mut frame = fault_frame(frame.id, &fault)?;
                frame.descriptors.clear();
                self.send_with(frame, &[])
            }
            Err(fault) if frame.id != 0 => self.tell(frame.id, &fault),
            // A notice that cannot travel: nobody waits for it.
            Err(_) => Ok(()),
        }
    }

    fn send_with(self: &Arc<Bridge>, frame: Frame, natures: &[Nature]) -> Result<(), Fault> {
        let header = Header {
            length: u32::try_from(frame.body.len()).unwrap_or(u32::MAX),
            kind: frame.kind,
            descriptors: u16::try_from(natures.len()).unwrap_or(u16::MAX),
            id: frame.id,
        };
        let mut front = header.encode().to_vec();
        let mut run = Run::default();
        for (nature, descriptor) in natures.iter().zip(frame.descriptors) {
            let stream = self.relay.link.open()?;
            front.extend_from_slice(&stream.id().to_le_bytes());
            self.leave(*nature, stream, descriptor, &mut run)?;
        }
        if frame.kind == Exec::KIND {
            lock(&self.runs).insert(frame.id, run);
        }
        front.extend_from_slice(&frame.body);
        let _sending = lock(&self.sending);
        self.stream.send(&front)
    }

    /// Has a stream stand for a descriptor of this machine.
    fn leave(
        self: &Arc<Bridge>,
        nature: Nature,
        stream: Stream,
        descriptor: OwnedFd,
        run: &mut Run,
    ) -> Result<(), Fault> {
        match nature {
            Nature::Channel => self
                .relay
                .bridge(Service::Vm, stream, UnixStream::from(descriptor)),
            Nature::Input => {
                let over = self.over(run, Over::Quit)?;
                pump::give(descriptor, stream, over).map(drop)
            }
            Nature::Output => {
                run.outputs.push(pump::take(stream, descriptor)?);
                Ok(())
            }
            Nature::Terminal => {
                let over = self.over(run, Over::Quit)?;
                let shown = descriptor
                    .try_clone()
                    .map_err(|error| system("a descriptor", &error))?;
                pump::give(descriptor, stream.clone(), over)?;
                run.outputs.push(pump::take(stream, shown)?);
                Ok(())
            }
            Nature::Same => Ok(()),
            Nature::Steering => pump::join(UnixStream::from(descriptor), stream, None),
        }
    }

    /// Makes a descriptor of this machine for a stream.
    fn arrive(
        self: &Arc<Bridge>,
        nature: Nature,
        stream: Stream,
        run: &mut Run,
    ) -> Result<OwnedFd, Fault> {
        let failed = |error: std::io::Error| system("a descriptor", &error);
        match nature {
            Nature::Channel => {
                let (ours, theirs) = UnixStream::pair().map_err(failed)?;
                self.relay.bridge(Service::Vm, stream, ours)?;
                Ok(theirs.into())
            }
            Nature::Input => {
                let (reader, writer) = pipe().map_err(failed)?;
                pump::take(stream, writer.into())?;
                Ok(reader.into())
            }
            Nature::Output => {
                let (reader, writer) = pipe().map_err(failed)?;
                fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))
                    .map_err(|error| system("a pipe", &error.into()))?;
                let over = self.over(run, Over::Drain)?;
                pump::give(reader.into(), stream, over)?;
                Ok(writer.into())
            }
            Nature::Terminal => {
                let Some((ours, theirs)) = &run.terminal else {
                    return Err(no_terminal());
                };
                let copy = || ours.try_clone().map(OwnedFd::from).map_err(failed);
                let (typed, shown) = (copy()?, copy()?);
                let theirs = theirs.try_clone().map_err(failed)?;
                let over = self.over(run, Over::Drain)?;
                pump::take(stream.clone(), typed)?;
                pump::give(shown, stream, over)?;
                Ok(theirs)
            }
            Nature::Same => match &run.terminal {
                Some((_, theirs)) => theirs.try_clone().map_err(failed),
                None => Err(no_terminal()),
            },
            Nature::Steering => {
                let (ours, theirs) = UnixStream::pair().map_err(failed)?;
                let terminal = run.terminal.take().map(|(terminal, _)| terminal);
                pump::join(ours, stream, terminal)?;
                Ok(theirs.into())
            }
        }
    }

    fn over(
        &self,
        run: &mut Run,
        what: impl FnOnce(std::io::PipeReader) -> Over,
    ) -> Result<Over, Fault> {
        let (told, tells) = pipe().map_err(|error| system("a pipe", &error))?;
        run.over.push(tells);
        Ok(what(told))
    }

    /// Takes a frame from the stream and writes it to the socket; false at the end.
    fn receive(self: &Arc<Bridge>) -> Result<bool, Fault> {
        let mut header = [0; HEADER];
        if !self.stream.receive_exact(&mut header)? {
            return Ok(false);
        }
        let header = Header::decode(&header);
        let most = u16::try_from(MOST).unwrap_or(0);
        header.check(&Limits {
            descriptors: most,
            ..Limits::CALL
        })?;
        let mut numbers = vec![0; usize::from(header.descriptors) * 4];
        self.fill(&mut numbers)?;
        let mut body = Vec::new();
        let length = header.length as usize;
        while body.len() < length {
            let filled = body.len();
            body.resize(length.min(filled + GROWTH.max(filled)), 0);
            self.fill(body.get_mut(filled..).unwrap_or_default())?;
        }
        let numbers = numbers.chunks_exact(4).map(|bytes| match bytes {
            [a, b, c, d] => u32::from_le_bytes([*a, *b, *c, *d]),
            _ => 0,
        });
        self.deliver(header, numbers.collect(), body)?;
        Ok(true)
    }

    fn fill(&self, into: &mut [u8]) -> Result<(), Fault> {
        if into.is_empty() || self.stream.receive_exact(into)? {
            return Ok(());
        }
        Err(Fault::peer(
            FaultCode::Protocol,
            "the other machine sent the half of a message",
        ))
    }

    fn deliver(
        self: &Arc<Bridge>,
        header: Header,
        numbers: Vec<u32>,
        mut body: Vec<u8>,
    ) -> Result<(), Fault> {
        let way = match self.way(self.relay.side()) {
            Way::Out => Way::Back,
            Way::Back => Way::Out,
        };
        let natures = natures(self.service, way, header.kind, &body, numbers.len())?;
        if let Place::Far(surroundings, _) = &self.relay.place {
            body = match surroundings.fill(header.kind, body) {
                Ok(body) => body,
                Err(fault) => return self.send_with(fault_frame(header.id, &fault)?, &[]),
            };
            let connects = header.kind == VmOpen::KIND
                && codec::decode::<VmOpen>(&body).is_ok_and(|request| request.connect);
            if connects {
                lock(&self.connecting).insert(header.id);
            }
        }
        let mut run = Run::default();
        if natures.contains(&Nature::Terminal) {
            let request: Exec = codec::decode(&body)?;
            let (ours, theirs) = match request.terminal.ok_or_else(no_terminal).and_then(open_pair)
            {
                Ok(pair) => pair,
                Err(fault) => return self.send_with(fault_frame(header.id, &fault)?, &[]),
            };
            run.terminal = Some((Arc::new(ours), theirs));
        }
        let mut descriptors = Vec::with_capacity(natures.len());
        for (nature, number) in natures.iter().zip(numbers) {
            let stream = self.relay.link.accept(number)?;
            descriptors.push(self.arrive(*nature, stream, &mut run)?);
        }
        // The request has the program's end: when that ends, so does the terminal.
        run.terminal = None;
        if header.kind == Exec::KIND {
            lock(&self.runs).insert(header.id, run);
        } else if header.kind & REPLY != 0 {
            self.finish(header.id);
        }
        let frame = Frame {
            kind: header.kind,
            id: header.id,
            body,
            descriptors,
            lost: false,
        };
        self.write(&frame)
    }

    /// A program has ended: what it wrote is written before its end is told, and nothing is read for
    /// it any more.
    fn finish(&self, id: u64) {
        let run = lock(&self.runs).remove(&id);
        if let Some(Run { over, outputs, .. }) = run {
            drop(over);
            for output in outputs {
                let _ = output.join();
            }
        }
    }

    /// Answers a request of the socket's with a fault; 0 ends the connection.
    fn tell(&self, id: u64, fault: &Fault) -> Result<(), Fault> {
        self.write(&fault_frame(id, fault)?)
    }

    fn write(&self, frame: &Frame) -> Result<(), Fault> {
        let writing = lock(&self.writing);
        let (length, count) = (frame.body.len(), frame.descriptors.len());
        let largest = Limits::CALL.body_of(frame.kind);
        let mut outgoing = Outgoing::new(frame.kind, frame.id, length, count, largest)?;
        let attached: Vec<BorrowedFd<'_>> = frame.descriptors.iter().map(AsFd::as_fd).collect();
        while !outgoing.done() {
            let mut slices = Vec::with_capacity(2);
            let body = [&frame.body[..]];
            outgoing.slices(&body, &mut slices);
            let attached = if outgoing.begun() { &[] } else { &attached[..] };
            match descriptor::send(self.socket.as_fd(), &slices, attached, Wait::Yes) {
                Ok(count) => outgoing.advance(count),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(system("a message", &error.into())),
            }
        }
        drop(writing);
        Ok(())
    }
}

/// Gives an answer to a request for a VM the connection to it, which on one machine the program would
/// ask the registry for. Without one the program says what is wrong.
fn connect(frame: &mut Frame, rendezvous: &Rendezvous) {
    frame.descriptors.truncate(1);
    if frame.kind != VmOpen::KIND | REPLY || !frame.descriptors.is_empty() {
        return;
    }
    let Ok(opened) = codec::decode::<VmOpened>(&frame.body) else {
        return;
    };
    let reached = rendezvous::connect_registry(rendezvous)
        .and_then(|mut registry| rendezvous::reach(&mut registry, &opened.name));
    match reached {
        Ok(socket) => frame.descriptors.push(socket.into()),
        Err(fault) => {
            if let Ok(body) = codec::encode(&fault) {
                frame.kind = FAULT;
                frame.body = body;
            }
        }
    }
}

fn no_terminal() -> Fault {
    Fault::peer(FaultCode::Protocol, "a terminal is due that nobody has")
}

fn fault_frame(id: u64, fault: &Fault) -> Result<Frame, Fault> {
    Frame::of_fault(id, fault)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
