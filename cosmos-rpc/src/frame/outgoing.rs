//! The sending half: a frame on its way out.

use super::{HEADER, Header, MAXIMUM_DESCRIPTORS};
use crate::{Fault, FaultCode};
use std::io::IoSlice;

/// A frame that may go out in several writes. `B` is the body: borrowed parts or owned bytes.
///
/// The transport writes [`Outgoing::slices`], attaches the frame's descriptors to the first write
/// alone ([`Outgoing::begun`] tells), and reports what went by [`Outgoing::advance`].
#[derive(Debug)]
pub struct Outgoing {
    header: [u8; HEADER],
    total: usize,
    sent: usize,
}

impl Outgoing {
    /// A frame with a body of `length` bytes; `largest` is what the peer accepts for this kind.
    ///
    /// # Errors
    ///
    /// `TooLarge` for a larger body, `BadArgument` for too many descriptors; nothing was sent then
    /// and the connection stays usable.
    pub fn new(
        kind: u16,
        id: u64,
        length: usize,
        descriptors: usize,
        largest: u32,
    ) -> Result<Outgoing, Fault> {
        let too_large = || {
            Fault::caller(
                FaultCode::TooLarge,
                format!("the message has {length} bytes; the peer accepts at most {largest}"),
            )
        };
        let body = u32::try_from(length).ok().filter(|&body| body <= largest);
        let body = body.ok_or_else(too_large)?;
        let descriptors = u16::try_from(descriptors)
            .ok()
            .filter(|&count| count <= MAXIMUM_DESCRIPTORS)
            .ok_or_else(|| {
                Fault::caller(
                    FaultCode::BadArgument,
                    format!(
                        "{descriptors} descriptors in one message; it carries at most {MAXIMUM_DESCRIPTORS}"
                    ),
                )
            })?;
        let header = Header {
            length: body,
            kind,
            descriptors,
            id,
        };
        Ok(Outgoing {
            header: header.encode(),
            total: HEADER + length,
            sent: 0,
        })
    }

    /// The same with so many bytes right behind it, which are whole frames without descriptors: they are given as
    /// further parts of the body.
    pub fn followed_by(self, bytes: usize) -> Outgoing {
        Outgoing {
            total: self.total + bytes,
            ..self
        }
    }

    /// Its header.
    pub fn header(&self) -> Header {
        Header::decode(&self.header)
    }

    /// Whether a byte, and so the descriptors, went out.
    pub fn begun(&self) -> bool {
        self.sent > 0
    }

    /// Whether all of it went out.
    pub fn done(&self) -> bool {
        self.sent >= self.total
    }

    /// `count` further bytes went out.
    pub fn advance(&mut self, count: usize) {
        self.sent = self.sent.saturating_add(count).min(self.total);
    }

    /// What has still to go out, given the same body parts each time.
    pub fn slices<'a>(&'a self, body: &[&'a [u8]], into: &mut Vec<IoSlice<'a>>) {
        into.clear();
        let mut skip = self.sent;
        for part in std::iter::once(&self.header[..]).chain(body.iter().copied()) {
            match part.get(skip..) {
                Some(rest) if !rest.is_empty() => {
                    into.push(IoSlice::new(rest));
                    skip = 0;
                }
                _ => skip = skip.saturating_sub(part.len()),
            }
        }
    }
}
