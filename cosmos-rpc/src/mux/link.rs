//! Streams for threads, over a carrier.
//!
//! One thread reads the carrier and does nothing else: it never waits for who takes the bytes, for
//! credit bounds what it holds. Whoever sends writes to the carrier under a lock. A third thread says
//! every [`Pulse::heartbeat`] that this end lives, and gives the other end up when it was not heard for
//! [`Pulse::silence`]: a machine that vanished says no good-bye. The near end counts from the other one's
//! first word on, for before that a person may be typing a password.

mod stream;

pub use stream::Stream;
use stream::{Own, Waiters};

use super::streams::FIRST;
use super::{HEADER, Header, Kind, MOST_DATA, PREAMBLE, Side, Streams, breach, check_preamble};
use crate::{Fault, FaultCode};
use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How ends know of each other that they live.
#[derive(Clone, Copy, Debug)]
struct Pulse {
    /// How often an end says it.
    heartbeat: Duration,
    /// How long an end is believed to live that says nothing.
    silence: Duration,
}

impl Pulse {
    /// The pulse of an end that is believed to live for so long: it says it often enough that words may
    /// come late.
    fn of(silence: Duration) -> Pulse {
        Pulse {
            heartbeat: silence / 4,
            silence,
        }
    }
}

/// Read from the carrier at once.
const BUFFER: usize = 256 << 10;

/// What carries the bytes of a link between two machines: ssh today. Another one gives its two
/// directions, and words for why it ended.
pub trait Carrier {
    /// What comes from the other machine.
    type Reader: Read + Send + 'static;
    /// What goes to it.
    type Writer: Write + Send + 'static;
    /// Finds out why the carrier ended.
    type Explain: FnOnce(Fault, bool) -> Fault + Send + 'static;

    /// Its parts. `Explain` is called once both directions are of no more use, with what the link
    /// knows of the end, and whether the other end had answered before; it may say it better, and
    /// takes no longer than a person waits.
    fn split(self) -> (Self::Reader, Self::Writer, Self::Explain);
}

/// One end of the streams between two machines. Copies are the same end.
#[derive(Clone)]
pub struct Link {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    /// Told when the other end opened a stream, and when the link has ended.
    changed: Condvar,
    writer: Mutex<Option<Box<dyn Write + Send>>>,
}

struct State {
    streams: Streams,
    /// Of each stream that this end has in use.
    waiters: BTreeMap<u32, Arc<Waiters>>,
    heard: Instant,
    /// The other end has said who it is.
    greeted: bool,
    ended: Option<Fault>,
}

impl Link {
    /// Begins to talk over a carrier: sends the preamble, and reads in a thread of its own. An end that
    /// says nothing for `silence` is given up; both ends are to be told the same.
    ///
    /// # Errors
    ///
    /// `Disconnected` when the carrier takes nothing; `System` without a thread.
    pub fn start<C: Carrier>(side: Side, carrier: C, silence: Duration) -> Result<Link, Fault> {
        Link::start_with(Streams::new(side), carrier, Pulse::of(silence))
    }

    /// The same with the first stream that the near end opens, which either end may use at once: neither
    /// waits for a word of the other.
    ///
    /// # Errors
    ///
    /// As [`Link::start`].
    pub fn start_first<C: Carrier>(
        side: Side,
        carrier: C,
        silence: Duration,
    ) -> Result<(Link, Stream), Fault> {
        let mut streams = Streams::new(side);
        let opening = streams.first();
        let link = Link::start_with(streams, carrier, Pulse::of(silence))?;
        let stream = {
            let mut state = link.usable()?;
            link.adopt(&mut state, FIRST)
        };
        if let Some(opening) = opening {
            link.write(opening, &[])?;
        }
        Ok((link, stream))
    }

    fn start_with<C: Carrier>(streams: Streams, carrier: C, pulse: Pulse) -> Result<Link, Fault> {
        let greeted = streams.side() == Side::Far;
        let (reader, mut writer, explain) = carrier.split();
        // What is wrong with a carrier that takes nothing, its other direction says.
        let _ = writer.write_all(&PREAMBLE).and_then(|()| writer.flush());
        let link = Link {
            inner: Arc::new(Inner {
                state: Mutex::new(State {
                    streams,
                    waiters: BTreeMap::new(),
                    heard: Instant::now(),
                    greeted,
                    ended: None,
                }),
                changed: Condvar::new(),
                writer: Mutex::new(Some(Box::new(writer))),
            }),
        };
        let reading = link.clone();
        spawn("link-reader", move || {
            let mut reader = BufReader::with_capacity(BUFFER, reader);
            let greeted = greet(&mut reader);
            let answered = greeted.is_ok();
            if answered {
                reading.hear();
            }
            let fault = greeted.map_or_else(|fault| fault, |()| reading.read(&mut reader));
            // The other machine may wait for the end of what it is told before it says why.
            reading.hang_up();
            reading.end(explain(fault, answered));
        })?;
        let beating = link.clone();
        spawn("link-heartbeat", move || beating.beat(pulse))?;
        Ok(link)
    }

    /// A new stream.
    ///
    /// # Errors
    ///
    /// What ended the link.
    pub fn open(&self) -> Result<Stream, Fault> {
        let (header, stream) = {
            let mut state = self.usable()?;
            let opened = state.streams.open();
            let header = opened.ok_or_else(|| {
                Fault::host(FaultCode::LimitReached, "the link has no more streams")
            })?;
            (header, self.adopt(&mut state, header.stream))
        };
        self.write(header, &[])?;
        Ok(stream)
    }

    /// The stream of this number, which the other end opened and this end has not asked for before.
    ///
    /// # Errors
    ///
    /// `Protocol` where there is none; what ended the link.
    pub fn accept(&self, id: u32) -> Result<Stream, Fault> {
        let mut state = self.usable()?;
        if state.waiters.contains_key(&id) || !state.streams.is_theirs(id) {
            return Err(breach("the number of a stream that it has not opened"));
        }
        Ok(self.adopt(&mut state, id))
    }

    /// Why the link has ended, where it has.
    pub fn ended(&self) -> Option<Fault> {
        self.state().ended.clone()
    }

    /// Waits until the other end has opened the stream of this number, and takes it.
    ///
    /// # Errors
    ///
    /// What ended the link before.
    pub fn await_opened(&self, id: u32) -> Result<Stream, Fault> {
        let mut state = self.usable()?;
        while !state.streams.is_theirs(id) {
            state = wait(&self.inner.changed, state);
            if let Some(fault) = &state.ended {
                return Err(fault.clone());
            }
        }
        drop(state);
        self.accept(id)
    }

    /// Waits until the link has ended; why.
    pub fn wait_until_ended(&self) -> Fault {
        let mut state = self.state();
        loop {
            if let Some(fault) = &state.ended {
                return fault.clone();
            }
            state = wait(&self.inner.changed, state);
        }
    }

    /// Ends the link for this reason; the first one stays.
    pub fn end(&self, fault: Fault) {
        let mut state = self.state();
        state.ended.get_or_insert(fault);
        for waiters in state.waiters.values() {
            waiters.wake();
        }
        self.inner.changed.notify_all();
        drop(state);
        self.hang_up();
    }

    /// Ends what goes to the other machine. A thread that is stuck in writing has the lock, and
    /// fails by itself when the carrier ends.
    fn hang_up(&self) {
        if let Ok(mut writer) = self.inner.writer.try_lock() {
            *writer = None;
        }
    }

    fn adopt(&self, state: &mut State, id: u32) -> Stream {
        let waiters = Arc::new(Waiters::default());
        state.waiters.insert(id, Arc::clone(&waiters));
        Stream {
            inner: Arc::new(Own {
                id,
                link: self.clone(),
                waiters,
            }),
        }
    }

    /// Reads until the carrier ends or brings what it must not; why.
    fn read(&self, reader: &mut impl Read) -> Fault {
        let mut data = vec![0; MOST_DATA];
        loop {
            let mut header = [0; HEADER];
            match reader.read_exact(&mut header) {
                Ok(()) => {}
                Err(error) => return lost(&error),
            }
            let header = match Header::decode(&header) {
                Ok(header) => header,
                Err(fault) => return fault,
            };
            let data = data.get_mut(..header.data()).unwrap_or_default();
            if let Err(error) = reader.read_exact(data) {
                return lost(&error);
            }
            let mut state = self.state();
            state.heard = Instant::now();
            if let Err(fault) = state.streams.receive(header, data) {
                return fault;
            }
            if header.kind == Kind::Open {
                self.inner.changed.notify_all();
            }
            if let Some(waiters) = state.waiters.get(&header.stream) {
                match header.kind {
                    Kind::Data | Kind::End => waiters.readable.notify_all(),
                    Kind::Stop => waiters.wake(),
                    _ => waiters.writable.notify_all(),
                }
            }
        }
    }

    /// The other end has said who it is.
    fn hear(&self) {
        let mut state = self.state();
        state.greeted = true;
        state.heard = Instant::now();
    }

    fn beat(&self, pulse: Pulse) {
        let mut due = Instant::now() + pulse.heartbeat;
        while let Some(silent) = self.rest(due, pulse.silence) {
            if silent {
                let seconds = pulse.silence.as_secs();
                return self.end(Fault::peer(
                    FaultCode::Disconnected,
                    format!("nothing was heard of the other machine for {seconds} seconds"),
                ));
            }
            due = Instant::now() + pulse.heartbeat;
            let alive = Header {
                stream: 0,
                amount: 0,
                kind: Kind::Alive,
            };
            // One that writes at the moment shows as much.
            if let Ok(mut writer) = self.inner.writer.try_lock()
                && let Some(writer) = writer.as_mut()
            {
                let _ = writer
                    .write_all(&alive.encode())
                    .and_then(|()| writer.flush());
            }
        }
    }

    /// Waits until then; whether the other end has been silent for too long, which is not waited for
    /// any further. `None` when the link has ended.
    fn rest(&self, due: Instant, silence: Duration) -> Option<bool> {
        let mut state = self.state();
        while state.ended.is_none() {
            let now = Instant::now();
            let lost = state.greeted.then(|| state.heard + silence);
            if lost.is_some_and(|lost| now >= lost) {
                return Some(true);
            }
            let until = lost.map_or(due, |lost| lost.min(due));
            let left = until.saturating_duration_since(now);
            if left.is_zero() {
                return Some(false);
            }
            state = self
                .inner
                .changed
                .wait_timeout(state, left)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
        None
    }

    fn write(&self, header: Header, data: &[u8]) -> Result<(), Fault> {
        let mut writer = lock(&self.inner.writer);
        let result = match writer.as_mut() {
            Some(writer) => write_both(writer, &header.encode(), data),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        drop(writer);
        // Why, the reading thread will know: it is told.
        result.map_err(|error| self.ended().unwrap_or_else(|| lost(&error)))
    }

    fn send(&self, header: Option<Header>) {
        if let Some(header) = header {
            // A link that has ended needs to be told nothing.
            let _ = self.write(header, &[]);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.inner.state)
    }

    fn usable(&self) -> Result<MutexGuard<'_, State>, Fault> {
        let state = self.state();
        match &state.ended {
            Some(fault) => Err(fault.clone()),
            None => Ok(state),
        }
    }
}

/// Reads what the other end says first.
fn greet(reader: &mut impl Read) -> Result<(), Fault> {
    let mut said = Vec::new();
    let mut byte = [0];
    while said.len() < PREAMBLE.len() {
        match reader.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => said.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(lost(&error)),
        }
        let due = PREAMBLE.get(..said.len().min(6)).unwrap_or_default();
        if !said.starts_with(due) {
            // A person wants to read the whole line.
            while said.len() < 200 && !said.ends_with(b"\n") {
                match reader.read(&mut byte) {
                    Ok(1) => said.push(byte[0]),
                    _ => break,
                }
            }
            break;
        }
    }
    check_preamble(&said)
}

/// One write for a small message: on a connection that sends each write at once, two would be two
/// packets.
fn write_both(writer: &mut impl Write, header: &[u8; HEADER], data: &[u8]) -> io::Result<()> {
    const SMALL: usize = 4096;
    if data.len() <= SMALL {
        let mut both = [0; HEADER + SMALL];
        let (front, back) = both.split_at_mut(HEADER);
        front.copy_from_slice(header);
        if let Some(place) = back.get_mut(..data.len()) {
            place.copy_from_slice(data);
        }
        writer.write_all(both.get(..HEADER + data.len()).unwrap_or_default())?;
    } else {
        writer.write_all(header)?;
        writer.write_all(data)?;
    }
    writer.flush()
}

fn lost(error: &io::Error) -> Fault {
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
            "the connection to the other machine ended".to_owned()
        }
        _ => format!("the connection to the other machine failed: {error}"),
    };
    Fault::peer(FaultCode::Disconnected, message)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Fault> {
    let spawned = thread::Builder::new().name(name.into()).spawn(work);
    spawned
        .map(drop)
        .map_err(|error| Fault::host(FaultCode::System, format!("a thread for a link: {error}")))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait<'g, T>(condition: &Condvar, guard: MutexGuard<'g, T>) -> MutexGuard<'g, T> {
    condition
        .wait(guard)
        .unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Link {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Link").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
