//! Notices of a peer that are looked for, and not waited for.

use super::Connection;
use crate::Fault;
use crate::descriptor::{self, Wait};
use crate::message::Message;
use std::os::fd::{AsFd, OwnedFd};

/// How often more is read at once, of a peer that does not stop sending.
const MOST_READS: usize = 64;

impl Connection {
    /// The last notice of this kind that the peer has sent until now; those before it are void. What else has come
    /// is kept for later, and what is wrong with the connection is found by who uses it next.
    pub fn last_notice<M: Message>(&mut self) -> Option<(M, Vec<OwnedFd>)> {
        if self.shared.is_none()
            && self.usable().is_ok()
            && let Err(fault) = self.take_in()
        {
            self.broken.get_or_insert(fault);
        }
        let mut frame = self.exchange.last_notice(M::KIND)?;
        let notice = frame.message::<M>().ok()?;
        Some((notice, std::mem::take(&mut frame.descriptors)))
    }

    /// Closes what came with notices of this kind and was read behind an answer. What lies in the socket stays there:
    /// that is no descriptor of this process.
    pub fn drop_notices<M: Message>(&mut self) {
        if self.shared.is_some() || self.decoder.is_idle() && self.exchange.is_quiet() {
            return;
        }
        if self.usable().is_ok()
            && let Err(fault) = self.sort_staged()
        {
            self.broken.get_or_insert(fault);
        }
        drop(self.exchange.last_notice(M::KIND));
    }

    /// Takes in what is on the socket.
    fn take_in(&mut self) -> Result<(), Fault> {
        self.still_itself()?;
        for _ in 0..MOST_READS {
            self.sort_staged()?;
            let space = self.decoder.space();
            match descriptor::receive(self.stream.as_fd(), space, Wait::No) {
                Ok(received) if received.truncated => {
                    self.decoder.filled_without(received.bytes)?;
                }
                Ok(received) if received.bytes > 0 => {
                    self.decoder.filled(received.bytes, received.descriptors)?;
                }
                // An end, or an error, is there for who reads next.
                _ => break,
            }
        }
        Ok(())
    }

    fn sort_staged(&mut self) -> Result<(), Fault> {
        while let Some(frame) = self.decoder.frame()? {
            self.exchange.keep(frame)?;
        }
        Ok(())
    }
}
