//! The shortest way of a request and its reply: bodies of a few words, whose kinds and lengths are known
//! beforehand, from registers to shared memory and back.
//!
//! What is not as expected is left as it was, to be found by the longer ways of a [`Connection`]; so there are no
//! faults here.

use super::Connection;
use crate::exchange::Exchange;
use crate::ring::{End, Form, WORDS};

/// The way, of a connection whose frames go through shared memory.
#[derive(Debug)]
pub struct Lane<'c> {
    end: &'c mut End,
    exchange: &'c mut Exchange,
}

impl Connection {
    /// Its shortest way, where [`Connection::takes_short`]; `None` where frames do not go through shared memory.
    #[inline(always)]
    pub fn lane(&mut self) -> Option<Lane<'_>> {
        Some(Lane {
            end: &mut self.shared.as_mut()?.end,
            exchange: &mut self.exchange,
        })
    }
}

impl Lane<'_> {
    /// As [`Connection::request_short`]; `None` where it was not sent, and [`Connection::request_short`] says
    /// why.
    #[inline(always)]
    pub fn request(&mut self, form: Form, words: &[u64; WORDS]) -> Option<u64> {
        let id = self.exchange.next_id();
        self.end.posts(form, id, words).then_some(id)
    }

    /// As [`Connection::short_arrives`].
    #[inline(always)]
    pub fn arrives(&mut self) -> bool {
        self.end.arrives()
    }

    /// As [`Connection::read_reply`], of a reply of this form; `None` where it is not what has come, which
    /// [`Connection::read_reply`] finds as it was.
    #[inline(always)]
    pub fn reply(&mut self, form: Form, id: u64) -> Option<[u64; WORDS]> {
        self.end.reads(form, id)
    }
}
