//! A call of the guest: an array of 64-bit words that begins with the function's id.
//!
//! Both generations' ids are known; they differ in the letters' case, in a reserved word that the
//! first generation has after the id, and in the order of checks. A guest's pointer is checked
//! against the table of regions before it is used, and each word of the array is read once.

mod call;
mod code;

use crate::channel::{Channel, Device, DeviceError, Generation, Request};
use crate::memory::{Memory, Protection, Validator, guest_range};
use crate::report::Totals;
use crate::{Error, layout};
use call::WORDS;
pub use call::{Call, Transfer};
pub use code::Texts;
use std::ops::Range;

/// What a trap comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The guest goes on with this number.
    Return(i64),
    /// The guest is done.
    End(Ending),
}

/// How a guest's run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// By the exit trap, with its code.
    Exit(i32),
    /// By something that is wrong. This is small, as every trap hands an answer on.
    Failed(Box<Error>),
    /// By the pointer to the arguments, which cannot be read. The original dies of it in its own
    /// code.
    Fault,
    /// By becoming a daemon, whose sessions go on.
    Fork,
    /// By a signal, which somebody else knows more about.
    Interrupted,
}

impl Ending {
    /// By something that is wrong.
    pub fn failed(error: Error) -> Self {
        Self::Failed(Box::new(error))
    }
}

/// What a guest can reach through traps.
#[derive(Debug)]
pub struct Engine<M, D, V> {
    /// Its memory.
    pub memory: M,
    /// Its channels, by handle.
    pub channels: Vec<Channel<D>>,
    /// What its channels did.
    pub totals: Totals,
    /// Who judges code that the guest made.
    pub validator: V,
    /// The code among its data.
    pub texts: Texts,
    /// Whether the guest may become a daemon.
    pub has_job: bool,
}

impl<M: Memory, D: Device, V: Validator> Engine<M, D, V> {
    /// Does what the array at a guest's pointer asks for.
    #[inline]
    pub fn trap(&mut self, pointer: u32) -> Answer {
        match self.most_words(pointer) {
            Some(words) => self.perform(&Call::from_words(words)),
            None => self.trap_at_an_edge(pointer),
        }
    }

    /// A trap whose array ends before the most words, or cannot be read.
    #[cold]
    #[inline(never)]
    fn trap_at_an_edge(&mut self, pointer: u32) -> Answer {
        match self.call(pointer) {
            Ok(call) => self.perform(&call),
            Err(answer) => answer,
        }
    }

    /// Reads the array at a guest's pointer; an answer if there is none.
    #[cold]
    pub fn call(&self, pointer: u32) -> Result<Call, Answer> {
        if pointer == 0 {
            return Err(Answer::End(Ending::failed(Error::TrapArgument)));
        }
        if let Some(words) = self.most_words(pointer) {
            return Ok(Call::from_words(words));
        }
        let id = self.words(pointer, 1)?[0];
        Ok(Call::from_words(self.words(pointer, Call::word_count(id))?))
    }

    /// Does what the guest asks for. Each function is a call of its own, so that those that take no time
    /// are not kept waiting by what the others need.
    #[inline(always)]
    pub fn perform(&mut self, call: &Call) -> Answer {
        match *call {
            Call::Read(transfer) => self.read(&transfer),
            Call::Write(transfer) => self.write(&transfer),
            Call::Jail(address, size) => self.jail(address, size, Protection::ReadExecute),
            Call::Unjail(address, size) => self.jail(address, size, Protection::ReadWrite),
            Call::Protect(address, size, bits) => self.protect(address, size, bits),
            Call::Exit(code) => Answer::End(Ending::Exit(code)),
            Call::Fork(_) if self.has_job => Answer::End(Ending::Fork),
            Call::Fork(Generation::First) => Answer::Return(0),
            Call::Fork(Generation::Second) | Call::Unknown(_) => Answer::Return(Call::REFUSED),
        }
    }

    /// As many words as any function has: nearly always they can be read.
    #[inline]
    fn most_words(&self, pointer: u32) -> Option<[u64; WORDS]> {
        let start = u64::from(pointer);
        let bytes = self.memory.readable(start..start + 8 * WORDS as u64)?;
        let (words, _) = bytes.as_chunks().0.as_chunks();
        words.first().map(|words| words.map(u64::from_le_bytes))
    }

    fn words(&self, pointer: u32, count: usize) -> Result<[u64; WORDS], Answer> {
        let start = u64::from(pointer);
        let range = start..start + 8 * count as u64;
        if range.end > layout::SPACE {
            return Err(error(libc::EFAULT));
        }
        let bytes = self.memory.readable(range);
        let bytes = bytes.ok_or(Answer::End(Ending::Fault))?;
        let mut words = [0; WORDS];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        Ok(words)
    }

    #[inline(never)]
    fn read(&mut self, transfer: &Transfer) -> Answer {
        self.transfer(transfer, |channel, memory, range, totals| {
            let buffer = memory.writable(range)?;
            Some(channel.read(&transfer.request, buffer, totals))
        })
    }

    #[inline(never)]
    fn write(&mut self, transfer: &Transfer) -> Answer {
        self.transfer(transfer, |channel, memory, range, totals| {
            let buffer = memory.readable(range)?;
            Some(channel.write(&transfer.request, buffer, totals))
        })
    }

    /// The channel, then the buffer: `run` answers nothing where the guest may not use that.
    fn transfer(
        &mut self,
        transfer: &Transfer,
        run: impl FnOnce(
            &mut Channel<D>,
            &mut M,
            Range<u64>,
            &mut Totals,
        ) -> Option<Result<i64, DeviceError>>,
    ) -> Answer {
        let channel = usize::try_from(transfer.channel).ok();
        let Some(channel) = channel.and_then(|handle| self.channels.get_mut(handle)) else {
            return error(libc::EINVAL);
        };
        let done = guest_range(transfer.buffer, transfer.request.size)
            .and_then(|range| run(channel, &mut self.memory, range, &mut self.totals));
        done.map_or_else(|| without_buffer(&transfer.request), channel_answer)
    }
}

/// The second generation looks at size and offset before the buffer.
fn without_buffer(request: &Request) -> Answer {
    match request.generation {
        Generation::Second if request.size < 0 => error(libc::EFAULT),
        Generation::Second if request.offset < 0 => error(libc::EINVAL),
        Generation::Second if request.size == 0 => Answer::Return(0),
        _ => error(libc::EINVAL),
    }
}

fn channel_answer(answer: Result<i64, DeviceError>) -> Answer {
    match answer {
        Ok(number) => Answer::Return(number),
        Err(DeviceError::Interrupted) => Answer::End(Ending::Interrupted),
        Err(DeviceError::Failed(number)) => {
            let why = std::io::Error::from_raw_os_error(number);
            let reason = format!("channel i/o failed: {why}");
            Answer::End(Ending::failed(Error::channel(libc::EIO, reason)))
        }
    }
}

fn error(number: i32) -> Answer {
    Answer::Return(-i64::from(number))
}

#[cfg(test)]
mod tests;
