//! Frames: how messages are cut out of a byte stream, and which descriptors belong to which.
//!
//! Sans-I/O: a transport reads into [`Decoder::space`], tells [`Decoder::filled`] what came, and
//! takes frames from [`Decoder::frame`] until there is none; it writes what [`Outgoing`] says.
//!
//! ```text
//! offset  size  field
//!      0     4  body length in bytes, little-endian, without this header
//!      4     2  kind (see `message`), little-endian
//!      6     2  number of descriptors attached, little-endian, at most 253
//!      8     8  request id, little-endian; 0: a notice, which has no reply
//!     16     n  body
//! ```
//!
//! # Descriptors
//!
//! Descriptors are attached to the first byte of their frame and to no other. The kernel ends a
//! `recvmsg` after the buffer that carried descriptors, so one read brings at most one batch, and
//! the frame it belongs to begins in that read. The decoder holds the peer to it:
//!
//! 1. A frame that announces n > 0 descriptors needs a batch of exactly n, received by the read
//!    that brought the frame's first byte.
//! 2. A batch that no frame beginning in its read claims is surplus.
//! 3. At most one batch is unclaimed at any time, so a peer cannot fill the descriptor table with
//!    one-byte writes.
//!
//! Descriptors that this process has no room for are no breach: the answer that they came with becomes a fault,
//! another frame is marked [`lost`](Frame::lost), and the stream goes on.
//!
//! Any breach is an error, and after an error the decoder holds no descriptor and yields no frame:
//! the connection cannot be used any further.
//!
//! # Memory
//!
//! A body is never allocated because a header announced it: the buffer grows with the bytes that
//! really came, at most doubling.

mod decoder;
mod outgoing;

pub use decoder::Decoder;
pub use outgoing::Outgoing;

use crate::message::vm::{CALL, CALLBACK};
use crate::message::{FAULT, Message, REPLY};
use crate::{Fault, FaultCode, codec};
use std::os::fd::OwnedFd;

/// Bytes in a header.
pub const HEADER: usize = 16;
/// Largest body of a frame that is no call.
pub const CONTROL_BODY: u32 = 1 << 20;
/// Largest body of a call frame: 64 MiB of data and room for what describes it.
pub const CALL_BODY: u32 = (64 << 20) + (1 << 20);
/// Most descriptors on one frame: what one SCM_RIGHTS message of Linux carries.
pub const MAXIMUM_DESCRIPTORS: u16 = 253;

/// What a connection accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest body in bytes of a call frame; other frames have at most [`CONTROL_BODY`] as well.
    pub body: u32,
    /// Most descriptors on one frame.
    pub descriptors: u16,
}

impl Limits {
    /// For the daemons, which take no calls.
    pub const CONTROL: Limits = Limits {
        body: CONTROL_BODY,
        descriptors: MAXIMUM_DESCRIPTORS,
    };
    /// For clients and VMs.
    pub const CALL: Limits = Limits {
        body: CALL_BODY,
        descriptors: MAXIMUM_DESCRIPTORS,
    };
    /// For the first frame each way: the handshake, or a fault instead of it.
    pub const HANDSHAKE: Limits = Limits {
        body: 4096,
        descriptors: 0,
    };

    /// The largest body a frame of this kind may have.
    pub fn body_of(&self, kind: u16) -> u32 {
        if matches!(kind & !REPLY, CALL | CALLBACK) && kind != FAULT {
            self.body
        } else {
            self.body.min(CONTROL_BODY)
        }
    }
}

/// The fixed part of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the body.
    pub length: u32,
    /// The message's number.
    pub kind: u16,
    /// Number of descriptors attached.
    pub descriptors: u16,
    /// The request's id; 0 for a notice.
    pub id: u64,
}

impl Header {
    /// Its bytes.
    pub fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[0..4].copy_from_slice(&self.length.to_le_bytes());
        bytes[4..6].copy_from_slice(&self.kind.to_le_bytes());
        bytes[6..8].copy_from_slice(&self.descriptors.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.id.to_le_bytes());
        bytes
    }

    /// The header that these bytes are; every sixteen bytes are one.
    pub fn decode(bytes: &[u8; HEADER]) -> Header {
        let [l0, l1, l2, l3, k0, k1, d0, d1, id @ ..] = *bytes;
        Header {
            length: u32::from_le_bytes([l0, l1, l2, l3]),
            kind: u16::from_le_bytes([k0, k1]),
            descriptors: u16::from_le_bytes([d0, d1]),
            id: u64::from_le_bytes(id),
        }
    }

    /// Refuses what is beyond `limits`.
    pub fn check(&self, limits: &Limits) -> Result<(), Fault> {
        let largest = limits.body_of(self.kind);
        if self.length > largest {
            return Err(Fault::peer(
                FaultCode::TooLarge,
                format!(
                    "the peer announced a frame of {} bytes (kind {:#06x}); the limit here is {largest}",
                    self.length, self.kind
                ),
            ));
        }
        if self.descriptors > limits.descriptors {
            return Err(Fault::peer(
                FaultCode::Protocol,
                format!(
                    "the peer announced a frame with {} descriptors (kind {:#06x}); the limit here is {}",
                    self.descriptors, self.kind, limits.descriptors
                ),
            ));
        }
        Ok(())
    }
}

/// A frame as received. Dropping it closes its descriptors.
#[derive(Debug)]
pub struct Frame {
    /// The message's number.
    pub kind: u16,
    /// The request's id; 0 for a notice.
    pub id: u64,
    /// The body.
    pub body: Vec<u8>,
    /// What was attached, in the sender's order, close-on-exec.
    pub descriptors: Vec<OwnedFd>,
    /// There were some, and this process had no room for them.
    pub lost: bool,
}

impl Frame {
    /// The frame of a fault that answers request `id`.
    ///
    /// # Errors
    ///
    /// `TooLarge` for one that no frame holds.
    pub fn of_fault(id: u64, fault: &Fault) -> Result<Frame, Fault> {
        Ok(Frame {
            kind: FAULT,
            id,
            body: codec::encode(fault)?,
            descriptors: Vec::new(),
            lost: false,
        })
    }

    /// Refuses a frame whose descriptors this process had no room for.
    ///
    /// # Errors
    ///
    /// `TooManyFiles`, for whoever waits for an answer.
    pub fn whole(&self) -> Result<(), Fault> {
        match self.lost {
            true => Err(no_room()),
            false => Ok(()),
        }
    }

    /// The request or notice `M` this frame is.
    ///
    /// # Errors
    ///
    /// `TooManyFiles` where its descriptors are lost. `Protocol` for another kind, a descriptor count `M`
    /// does not allow, or bytes that are no `M`. The connection is to be dropped then: its peer does not
    /// speak the protocol.
    pub fn message<M: Message>(&self) -> Result<M, Fault> {
        if self.kind != M::KIND {
            return Err(unexpected(self.kind, M::KIND));
        }
        self.whole()?;
        self.check_descriptors(M::DESCRIPTORS)?;
        codec::decode(&self.body)
    }

    /// The reply to `M` this frame is.
    ///
    /// # Errors
    ///
    /// The fault it carries, where it is one; otherwise as [`Frame::message`].
    pub fn reply<M: Message>(&self) -> Result<M::Reply, Fault> {
        if let Some(fault) = self.fault() {
            return Err(fault);
        }
        if self.kind != M::KIND | REPLY {
            return Err(unexpected(self.kind, M::KIND | REPLY));
        }
        self.check_descriptors(M::REPLY_DESCRIPTORS)?;
        codec::decode(&self.body)
    }

    /// The fault this frame carries, where it is one. A frame that should be one but holds other
    /// bytes gives the fault of that.
    pub fn fault(&self) -> Option<Fault> {
        if self.kind != FAULT {
            return None;
        }
        Some(
            self.check_descriptors((0, 0))
                .and_then(|()| codec::decode::<Fault>(&self.body))
                .unwrap_or_else(|broken| broken),
        )
    }

    fn check_descriptors(&self, (fewest, most): (u16, u16)) -> Result<(), Fault> {
        let count = self.descriptors.len();
        if count < usize::from(fewest) || count > usize::from(most) {
            return Err(Fault::peer(
                FaultCode::Protocol,
                format!(
                    "the peer attached {count} descriptors to a message of kind {:#06x}, which carries {fewest} to {most}",
                    self.kind
                ),
            ));
        }
        Ok(())
    }
}

/// Descriptors that came could not be taken.
fn no_room() -> Fault {
    let process = std::env::current_exe().unwrap_or_default();
    let process = match process.file_name() {
        Some(name) => name.to_string_lossy(),
        None => "a process".into(),
    };
    Fault::host(
        FaultCode::TooManyFiles,
        format!(
            "{process} (pid {}) has no room for more open files (ulimit -n); what was sent to it was closed",
            std::process::id()
        ),
    )
}

fn unexpected(got: u16, wanted: u16) -> Fault {
    Fault::peer(
        FaultCode::Protocol,
        format!("the peer sent a message of kind {got:#06x} where {wanted:#06x} is due"),
    )
}
