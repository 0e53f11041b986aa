//! The receiving half: bytes and descriptor batches in, frames out.

use super::{Frame, HEADER, Header, Limits, no_room};
use crate::message::REPLY;
use crate::{Fault, FaultCode};
use std::os::fd::OwnedFd;

/// What one read takes when no body is being filled, once a peer has sent that much at once.
const STAGING: usize = 16 * 1024;
/// The same before: what is said on most connections while they are made. Fresh memory that nobody needs would be the
/// most that a connection costs.
const FIRST_STAGING: usize = 1024;
/// How much a body's buffer grows at first.
const GROWTH: usize = 64 * 1024;
/// Largest body whose memory is kept for the next.
const KEPT_BODY: usize = 4 << 20;

/// Cuts frames out of a stream.
///
/// Small frames are read many at once through a staging buffer; what a large body still lacks is
/// read straight into it.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    /// Bytes received and not yet cut: `staging[start..end]`.
    staging: Vec<u8>,
    start: usize,
    end: usize,
    /// Stream position of `staging[start]`.
    position: u64,
    /// The frame whose header was read and whose body is not complete.
    partial: Option<Partial>,
    /// Descriptors received and not yet claimed by a header.
    batch: Option<Batch>,
    /// Memory of an earlier body.
    spare: Vec<u8>,
    /// What is refused once is refused for good.
    broken: Option<Fault>,
}

#[derive(Debug)]
struct Partial {
    header: Header,
    /// What was received, then bytes to be overwritten: zeroes, or those of an earlier body.
    body: Vec<u8>,
    /// How much of it was received.
    filled: usize,
    descriptors: Vec<OwnedFd>,
    lost: bool,
}

impl Partial {
    fn length(&self) -> usize {
        self.header.length as usize
    }
}

/// Descriptors and the stream positions `start..end` of the read that brought them.
#[derive(Debug)]
struct Batch {
    start: u64,
    end: u64,
    descriptors: Vec<OwnedFd>,
    /// Those that were there could not be taken.
    lost: bool,
}

impl Decoder {
    /// A decoder at the beginning of a stream.
    pub fn new(limits: Limits) -> Decoder {
        Decoder {
            limits,
            staging: vec![0; FIRST_STAGING],
            start: 0,
            end: 0,
            position: 0,
            partial: None,
            batch: None,
            spare: Vec::new(),
            broken: None,
        }
    }

    /// Takes the body of a frame that is done with, so that a later body needs no fresh memory.
    pub fn recycle(&mut self, body: Vec<u8>) {
        if body.capacity() <= KEPT_BODY && body.capacity() > self.spare.capacity() {
            self.spare = body;
        }
    }

    /// The limits that are applied.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Applies other limits from the next header on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Where the next read goes; never empty after [`Decoder::frame`] said there is no frame.
    pub fn space(&mut self) -> &mut [u8] {
        if let Some(partial) = &mut self.partial
            && self.start == self.end
            && partial.filled < partial.length()
        {
            if partial.body.len() <= partial.filled {
                let wanted = partial.filled.max(GROWTH).saturating_add(partial.filled);
                partial.body.resize(wanted.min(partial.length()), 0);
            }
            return partial.body.get_mut(partial.filled..).unwrap_or_default();
        }
        if self.start > 0 {
            self.staging.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        // What follows a header may bring other descriptors, and it is the header that says whose these are.
        let end = match self.batch {
            Some(_) if self.end < HEADER => HEADER,
            _ => self.staging.len(),
        };
        self.staging.get_mut(self.end..end).unwrap_or_default()
    }

    /// `count` bytes came into [`Decoder::space`], and `descriptors` with them.
    ///
    /// # Errors
    ///
    /// `Protocol` for descriptors that no frame can claim. They are closed.
    pub fn filled(&mut self, count: usize, descriptors: Vec<OwnedFd>) -> Result<(), Fault> {
        self.take_in(count, descriptors, false)
    }

    /// The same, of descriptors that came and that this process had no room for: the frame they belong to is
    /// [`lost`](Frame::lost), or a fault in place of the answer that it was, and the stream goes on.
    ///
    /// # Errors
    ///
    /// As [`Decoder::filled`].
    pub fn filled_without(&mut self, count: usize) -> Result<(), Fault> {
        self.take_in(count, Vec::new(), true)
    }

    fn take_in(
        &mut self,
        count: usize,
        descriptors: Vec<OwnedFd>,
        lost: bool,
    ) -> Result<(), Fault> {
        self.usable()?;
        let came = lost || !descriptors.is_empty();
        let begin = self.received();
        match &mut self.partial {
            Some(partial) if self.start == self.end && partial.filled < partial.length() => {
                partial.filled = partial.filled.saturating_add(count).min(partial.body.len());
                self.position = self.position.saturating_add(count as u64);
                if came {
                    return self.refuse(surplus(descriptors.len()));
                }
            }
            _ => {
                self.end = self.end.saturating_add(count).min(self.staging.len());
                if self.end == self.staging.len() {
                    self.staging.resize(STAGING, 0);
                }
                if came {
                    if self.batch.is_some() {
                        return self.refuse(surplus(descriptors.len()));
                    }
                    let end = begin.saturating_add(count as u64);
                    self.batch = Some(Batch {
                        start: begin,
                        end,
                        descriptors,
                        lost,
                    });
                }
            }
        }
        Ok(())
    }

    /// The next complete frame, `None` when more bytes are needed.
    ///
    /// # Errors
    ///
    /// What the module promises to refuse; every later call gives the same error.
    pub fn frame(&mut self) -> Result<Option<Frame>, Fault> {
        self.usable()?;
        if self.partial.is_none() && !self.header()? {
            return Ok(None);
        }
        self.take_staged();
        match self.partial.take() {
            Some(mut partial) if partial.filled == partial.length() => {
                partial.body.truncate(partial.filled);
                if partial.lost && partial.header.kind & REPLY != 0 {
                    return Frame::of_fault(partial.header.id, &no_room()).map(Some);
                }
                Ok(Some(Frame {
                    kind: partial.header.kind,
                    id: partial.header.id,
                    body: partial.body,
                    descriptors: partial.descriptors,
                    lost: partial.lost,
                }))
            }
            unfinished => {
                self.partial = unfinished;
                Ok(None)
            }
        }
    }

    /// Whether the stream may end, or be handed to another process, here: no byte and no
    /// descriptor of a further frame was received.
    pub fn is_idle(&self) -> bool {
        self.partial.is_none() && self.start == self.end && self.batch.is_none()
    }

    /// The stream ended.
    ///
    /// # Errors
    ///
    /// `Disconnected` when it ended within a frame.
    pub fn end(&mut self) -> Result<(), Fault> {
        self.usable()?;
        if self.is_idle() {
            return Ok(());
        }
        self.refuse(Fault::peer(
            FaultCode::Disconnected,
            "the peer closed the connection in the middle of a message",
        ))
    }

    /// Reads a header from staging into `partial`; false when there is none yet.
    fn header(&mut self) -> Result<bool, Fault> {
        let staged = self.staging.get(self.start..self.end).unwrap_or_default();
        let Some(bytes) = staged.first_chunk::<HEADER>() else {
            return Ok(false);
        };
        let header = Header::decode(bytes);
        if let Err(fault) = header.check(&self.limits) {
            return self.refuse(fault);
        }
        let (descriptors, lost) = self.claim(&header)?;
        let mut body = std::mem::take(&mut self.spare);
        body.truncate(header.length as usize);
        self.start += HEADER;
        self.position = self.position.saturating_add(HEADER as u64);
        self.partial = Some(Partial {
            header,
            body,
            filled: 0,
            descriptors,
            lost,
        });
        Ok(true)
    }

    /// The descriptors that belong to the frame that begins at `position`, or that they are lost.
    fn claim(&mut self, header: &Header) -> Result<(Vec<OwnedFd>, bool), Fault> {
        let first = self.position;
        let next = first
            .saturating_add(HEADER as u64)
            .saturating_add(u64::from(header.length));
        let announced = usize::from(header.descriptors);
        match self.batch.take() {
            Some(batch) if announced > 0 && (batch.start..batch.end).contains(&first) => {
                if batch.lost || batch.descriptors.len() == announced {
                    return Ok((batch.descriptors, batch.lost));
                }
                self.refuse(count_mismatch(header, batch.descriptors.len()))
            }
            _ if announced > 0 => self.refuse(count_mismatch(header, 0)),
            Some(batch) if batch.end <= next => self.refuse(surplus(batch.descriptors.len())),
            later => {
                self.batch = later;
                Ok((Vec::new(), false))
            }
        }
    }

    /// Moves what staging holds of the body into it.
    fn take_staged(&mut self) {
        let Some(partial) = &mut self.partial else {
            return;
        };
        let lacking = partial.length() - partial.filled;
        let staged = self.staging.get(self.start..self.end).unwrap_or_default();
        let taken = staged.get(..lacking.min(staged.len())).unwrap_or_default();
        if taken.is_empty() {
            return;
        }
        let end = partial.filled + taken.len();
        match partial.body.get_mut(partial.filled..end) {
            Some(place) => place.copy_from_slice(taken),
            None => {
                partial.body.truncate(partial.filled);
                partial.body.extend_from_slice(taken);
            }
        }
        partial.filled = end;
        self.start += taken.len();
        self.position = self.position.saturating_add(taken.len() as u64);
    }

    /// Stream position after the last byte received.
    fn received(&self) -> u64 {
        self.position.saturating_add((self.end - self.start) as u64)
    }

    fn usable(&self) -> Result<(), Fault> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    fn refuse<T>(&mut self, fault: Fault) -> Result<T, Fault> {
        Err(self.fail(fault))
    }

    fn fail(&mut self, fault: Fault) -> Fault {
        self.partial = None;
        self.batch = None;
        self.broken.get_or_insert(fault).clone()
    }
}

fn surplus(count: usize) -> Fault {
    Fault::peer(
        FaultCode::Protocol,
        format!("the peer sent {count} descriptors that no message announced"),
    )
}

fn count_mismatch(header: &Header, came: usize) -> Fault {
    Fault::peer(
        FaultCode::Protocol,
        format!(
            "the peer announced {} descriptors on a message of kind {:#06x} and attached {came}",
            header.descriptors, header.kind
        ),
    )
}
