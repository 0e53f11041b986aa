//! A call of the guest: an array of 64-bit words that begins with the function's id.
//!
//! Both generations' ids are known; they differ in the letters' case, in a reserved word that the
//! first generation has after the id, and in the order of checks. A guest's pointer is checked
//! against the table of regions before it is used, and each word of the array is read once.

mod call;

use crate::channel::{Channel, Device, DeviceError, Generation};
use crate::layout::{HALT, HARDWARE_PAGE, PAGE};
use crate::memory::{Memory, Protection, Validator, guest_range};
use crate::report::Totals;
use crate::{Error, layout};
pub use call::Call;
use call::WORDS;
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
    /// By something that is wrong.
    Failed(Error),
    /// By the pointer to the arguments, which cannot be read. The original dies of it in its own
    /// code.
    Fault,
    /// By becoming a daemon, whose sessions go on.
    Fork,
    /// By a signal, which somebody else knows more about.
    Interrupted,
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
    /// Whether the guest may become a daemon.
    pub has_job: bool,
}

impl<M: Memory, D: Device, V: Validator> Engine<M, D, V> {
    /// Reads the array at a guest's pointer; an answer if there is none.
    pub fn call(&self, pointer: u32) -> Result<Call, Answer> {
        if pointer == 0 {
            return Err(Answer::End(Ending::Failed(Error::TrapArgument)));
        }
        let pointer = u64::from(pointer);
        // Nearly always as many words can be read as any function has.
        if let Ok(words) = self.words(pointer, WORDS) {
            return Ok(Call::from_words(words));
        }
        let id = self.words(pointer, 1)?[0];
        Ok(Call::from_words(self.words(pointer, Call::word_count(id))?))
    }

    /// Does what the guest asks for.
    pub fn perform(&mut self, call: &Call) -> Answer {
        match *call {
            Call::Read(generation, channel, buffer, size, offset) => {
                self.read(generation, channel, buffer, size, offset)
            }
            Call::Write(generation, channel, buffer, size, offset) => {
                self.write(generation, channel, buffer, size, offset)
            }
            Call::Jail(address, size) => self.jail(address, size, Protection::ReadExecute),
            Call::Unjail(address, size) => self.jail(address, size, Protection::ReadWrite),
            Call::Protect(address, size, bits) => self.protect(address, size, bits),
            Call::Exit(code) => Answer::End(Ending::Exit(code)),
            Call::Fork(_) if self.has_job => Answer::End(Ending::Fork),
            Call::Fork(Generation::First) => Answer::Return(0),
            Call::Fork(Generation::Second) | Call::Unknown(_) => error(libc::EPERM),
        }
    }

    fn words(&self, pointer: u64, count: usize) -> Result<[u64; WORDS], Answer> {
        let range = pointer..pointer + 8 * count as u64;
        if range.end > layout::SPACE {
            return Err(error(libc::EFAULT));
        }
        let bytes = self
            .memory
            .readable(range)
            .ok_or(Answer::End(Ending::Fault))?;
        let mut words = [0; WORDS];
        let (chunks, _) = bytes.as_chunks();
        for (word, bytes) in words.iter_mut().zip(chunks) {
            *word = u64::from_le_bytes(*bytes);
        }
        Ok(words)
    }

    fn read(
        &mut self,
        generation: Generation,
        handle: i32,
        buffer: u64,
        size: i32,
        offset: i64,
    ) -> Answer {
        let channel = usize::try_from(handle).ok();
        let Some(channel) = channel.and_then(|handle| self.channels.get_mut(handle)) else {
            return error(libc::EINVAL);
        };
        let memory = guest_range(buffer, size).and_then(|range| self.memory.writable(range));
        let Some(memory) = memory else {
            return without_buffer(generation, size, offset);
        };
        channel_answer(channel.read(generation, memory, size, offset, &mut self.totals))
    }

    fn write(
        &mut self,
        generation: Generation,
        handle: i32,
        buffer: u64,
        size: i32,
        offset: i64,
    ) -> Answer {
        let channel = usize::try_from(handle).ok();
        let Some(channel) = channel.and_then(|handle| self.channels.get_mut(handle)) else {
            return error(libc::EINVAL);
        };
        let memory = guest_range(buffer, size).and_then(|range| self.memory.readable(range));
        let Some(memory) = memory else {
            return without_buffer(generation, size, offset);
        };
        channel_answer(channel.write(generation, memory, size, offset, &mut self.totals))
    }

    /// Makes code of data, or data of code.
    fn jail(&mut self, address: u64, size: i32, to: Protection) -> Answer {
        let Some(size) = u64::try_from(size).ok().filter(|size| *size > 0) else {
            return error(libc::EINVAL);
        };
        match self.within_heap(address, size) {
            None => error(libc::EINVAL),
            Some(pages) if to == Protection::ReadWrite => self.reprotect(pages, to, libc::EACCES),
            Some(pages) => self.make_code(address, size, pages),
        }
    }

    /// What the second generation has instead.
    fn protect(&mut self, address: u64, size: u32, bits: i32) -> Answer {
        let to = match bits {
            libc::PROT_NONE => Protection::None,
            libc::PROT_READ => Protection::Read,
            bits if bits & !(libc::PROT_READ | libc::PROT_WRITE) == 0 => Protection::ReadWrite,
            bits if bits & !libc::PROT_READ == libc::PROT_EXEC => Protection::ReadExecute,
            _ => return error(libc::EPERM),
        };
        if !address.is_multiple_of(PAGE) {
            return error(libc::EINVAL);
        }
        if size == 0 {
            return Answer::Return(0);
        }
        let size = u64::from(size).next_multiple_of(PAGE);
        let Some(pages) = self.within_heap(address, size) else {
            return error(libc::EACCES);
        };
        if to != Protection::ReadExecute {
            return self.reprotect(pages, to, libc::EACCES);
        }
        if !self.memory.regions().is_readable(&pages) {
            return error(libc::EACCES);
        }
        self.make_code(address, size, pages)
    }

    /// The hardware pages of a range of the heap.
    fn within_heap(&self, address: u64, size: u64) -> Option<Range<u64>> {
        let heap = self.memory.regions().heap();
        // The original's heap begins with the page of its first byte.
        let start = layout::round_down(heap.start);
        let end = address.checked_add(size)?;
        let end = end.checked_next_multiple_of(HARDWARE_PAGE)?;
        let is_within = address.is_multiple_of(PAGE) && start <= address && end <= heap.end;
        is_within.then_some(address..end)
    }

    /// What is not code to the end of the last page becomes HLT. Nothing can write the pages while
    /// they are judged.
    fn make_code(&mut self, address: u64, size: u64, pages: Range<u64>) -> Answer {
        let tail = address + size..pages.end;
        let before = self.memory.regions().within(&pages);
        let Some(kept) = self.halt(tail.clone()) else {
            return error(libc::EACCES);
        };
        if let Err(number) = self.memory.protect(pages.clone(), Protection::Read) {
            return error(number);
        }
        let code = self.memory.readable(address..address + size);
        let is_valid = code.is_some_and(|code| self.validator.validate(address, code).is_ok());
        if is_valid {
            return self.reprotect(pages, Protection::ReadExecute, libc::EACCES);
        }
        let is_writable = self.memory.protect(pages, Protection::ReadWrite).is_ok();
        if is_writable && let Some(bytes) = self.memory.writable(tail) {
            bytes.copy_from_slice(&kept);
        }
        for (range, protection) in before {
            let _ = self.memory.protect(range, protection);
        }
        error(libc::EPERM)
    }

    /// Fills a range with HLT; what was there. Code that is made again has it there already.
    fn halt(&mut self, tail: Range<u64>) -> Option<Vec<u8>> {
        if tail.is_empty() {
            return Some(Vec::new());
        }
        if let Some(bytes) = self.memory.writable(tail.clone()) {
            let kept = bytes.to_vec();
            bytes.fill(HALT);
            return Some(kept);
        }
        let bytes = self.memory.readable(tail)?;
        let is_filled = bytes.iter().all(|byte| *byte == HALT);
        is_filled.then(|| bytes.to_vec())
    }

    fn reprotect(&mut self, pages: Range<u64>, to: Protection, otherwise: i32) -> Answer {
        match self.memory.protect(pages, to) {
            Ok(()) => Answer::Return(0),
            Err(_) => error(otherwise),
        }
    }
}

/// The second generation looks at size and offset before the buffer.
fn without_buffer(generation: Generation, size: i32, offset: i64) -> Answer {
    match generation {
        Generation::Second if size < 0 => error(libc::EFAULT),
        Generation::Second if offset < 0 => error(libc::EINVAL),
        Generation::Second if size == 0 => Answer::Return(0),
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
            Answer::End(Ending::Failed(Error::channel(libc::EIO, reason)))
        }
    }
}

fn error(number: i32) -> Answer {
    Answer::Return(-i64::from(number))
}

#[cfg(test)]
mod tests;
