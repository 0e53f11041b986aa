//! Calls back that are a line there and a line back: what a `qsort` asks ten thousand times.
//!
//! Everything that could be said against one is looked at before anything is done, and where there is
//! anything, the general way says it. What is left is to hand over a line, to wait, and to read one.

use super::calls_back::{most_deep, no_reply};
use super::{Channel, Level};
use crate::Vm;
use crate::callback::Callback;
use cosmos_rpc::Fault;
use cosmos_rpc::message::vm::BRIEF_CALLBACK;
use cosmos_rpc::ring::Short;

impl<V: Vm> Channel<V> {
    /// Has the client run a function of its own, with these words of arguments; gives the errno and the word of
    /// the result. `None` where it is no such one, or may not be called now, and nothing was done.
    #[inline]
    pub(super) fn make_call_back_in_line(
        &self,
        callback: &Callback,
        arguments: &[u64],
        errno: i32,
    ) -> Option<Result<(i32, u64), Fault>> {
        let in_line = callback.in_line()?;
        let depth = self.depth.get();
        if depth >= most_deep() || !self.delivers(callback) {
            return None;
        }
        let vm = &*self.session.vm;
        let read = |address, into: &mut [u8]| vm.read(address, into);
        let words = in_line.request(callback.number, errno, arguments, read)?;
        let request = Short::of(words, in_line.request_length());
        self.depth.set(depth + 1);
        let asked = self.ask_in_line(&request);
        self.depth.set(depth);
        Some(asked.and_then(|(words, length)| in_line.result(words, length).ok_or_else(no_reply)))
    }

    /// Whether nothing is to be said against calling it now in a line.
    #[inline]
    fn delivers(&self, callback: &Callback) -> bool {
        let is_in_time = match &callback.during {
            Some(call) => call.channel == self.number && !call.is_over(),
            None => true,
        };
        let goes_well = match self.calls.borrow().last() {
            Some(Level::Any(call)) => !call.has_failed(),
            Some(Level::Numbers(failure)) => failure.is_none(),
            None => false,
        };
        is_in_time
            && goes_well
            && callback.session == self.session.number
            && self.briefly
            && !self.has_ended()
            && self.connection.borrow().takes_short()
    }

    /// Sends such a call back and answers what the client asks until it has run; gives the first words of the
    /// reply and its length.
    #[inline]
    fn ask_in_line(&self, request: &Short) -> Result<([u64; 2], usize), Fault> {
        let mut connection = self.connection.borrow_mut();
        let id = connection.request_short(BRIEF_CALLBACK, request)?;
        if connection.short_arrives()
            && let Some(short) = connection.read_reply(BRIEF_CALLBACK, id)
        {
            let [header, result, ..] = *short.words();
            return Ok(([header, result], short.length()));
        }
        drop(connection);
        self.replied_briefly(id)
    }
}
