//! What both transports share: requests become bodies, and frames that come while a reply is
//! awaited are sorted.

use crate::message::{Message, REPLY};
use crate::{Fault, FaultCode, Frame, codec};
use std::collections::VecDeque;

/// Most notices kept while a reply is awaited; a peer that sends more is flooding.
const WAITING: usize = 256;

/// Most bytes, and most descriptors, that those notices may have together.
const WAITING_BYTES: usize = 2 << 20;
const WAITING_DESCRIPTORS: usize = 256;

/// The request side of a connection: ids, and what came meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    last_id: u64,
    waiting: VecDeque<Frame>,
}

impl Exchange {
    /// The id of the next request; never 0, which marks notices.
    #[inline]
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id = self.last_id.wrapping_add(1).max(1);
        self.last_id
    }

    /// A frame that came while another was awaited.
    pub(crate) fn waiting(&mut self) -> Option<Frame> {
        self.waiting.pop_front()
    }

    /// Keeps a frame for later that came while none was awaited.
    ///
    /// # Errors
    ///
    /// `Protocol`: it answers nothing that was asked, or there are too many.
    pub(crate) fn keep(&mut self, frame: Frame) -> Result<(), Fault> {
        // Nothing is awaited: any answer is to what was given up.
        self.sort(frame, u64::MAX).map(drop)
    }

    /// The last notice of this kind, of which earlier ones are dropped.
    pub(crate) fn last_notice(&mut self, kind: u16) -> Option<Frame> {
        let mut last = None;
        self.waiting = std::mem::take(&mut self.waiting)
            .into_iter()
            .filter_map(|frame| match (frame.kind, frame.id) == (kind, 0) {
                true => {
                    last = Some(frame);
                    None
                }
                false => Some(frame),
            })
            .collect();
        last
    }

    /// Whether nothing waits to be taken.
    #[inline]
    pub(crate) fn is_quiet(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Gives `frame` back when it answers request `id`; keeps notices and requests of the peer for
    /// later; drops replies to requests that were given up (their deadline passed).
    pub(crate) fn sort(&mut self, frame: Frame, id: u64) -> Result<Option<Frame>, Fault> {
        let answers = frame.kind & REPLY != 0;
        if answers && frame.id == id {
            return Ok(Some(frame));
        }
        if answers && frame.id == 0 {
            return Err(frame.fault().unwrap_or_else(|| unasked(&frame)));
        }
        if answers && frame.id > id {
            return Err(unasked(&frame));
        }
        if !answers {
            if self.floods(&frame) {
                return Err(Fault::peer(
                    FaultCode::Protocol,
                    "the peer floods this end with messages instead of answering",
                ));
            }
            self.waiting.push_back(frame);
        }
        Ok(None)
    }

    /// Whether `frame` would be more than is kept for later.
    fn floods(&self, frame: &Frame) -> bool {
        let kept = self.waiting.iter().chain([frame]);
        let (bytes, descriptors) = kept.fold((0, 0), |(bytes, descriptors), frame| {
            (
                bytes + frame.body.len(),
                descriptors + frame.descriptors.len(),
            )
        });
        self.waiting.len() >= WAITING || bytes > WAITING_BYTES || descriptors > WAITING_DESCRIPTORS
    }
}

pub(crate) fn unasked(frame: &Frame) -> Fault {
    Fault::peer(
        FaultCode::Protocol,
        format!(
            "the peer answered a request that was never made (id {})",
            frame.id
        ),
    )
}

/// The peer ended the connection while a reply was due.
pub(crate) fn vanished() -> Fault {
    Fault::peer(
        FaultCode::Disconnected,
        "the peer closed the connection instead of answering",
    )
}

/// The peer ended the connection without a handshake.
pub(crate) fn mute() -> Fault {
    Fault::peer(
        FaultCode::Disconnected,
        "the peer closed the connection before its handshake",
    )
}

/// The body of a request, its descriptor count checked.
pub(crate) fn request<M: Message>(message: &M, descriptors: usize) -> Result<Vec<u8>, Fault> {
    check_count(M::KIND, descriptors, M::DESCRIPTORS)?;
    codec::encode(message)
}

/// The body of a reply, its descriptor count checked.
pub(crate) fn reply<M: Message>(reply: &M::Reply, descriptors: usize) -> Result<Vec<u8>, Fault> {
    check_count(M::KIND | REPLY, descriptors, M::REPLY_DESCRIPTORS)?;
    codec::encode(reply)
}

fn check_count(kind: u16, count: usize, (fewest, most): (u16, u16)) -> Result<(), Fault> {
    if count < usize::from(fewest) || count > usize::from(most) {
        return Err(Fault::caller(
            FaultCode::BadArgument,
            format!(
                "{count} descriptors for a message of kind {kind:#06x}, which carries {fewest} to {most}"
            ),
        ));
    }
    Ok(())
}
