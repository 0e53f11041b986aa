//! Code that the guest makes of its data, and data that it makes of code.
//!
//! A text is judged as a whole: a branch in it may go to any instruction of it. So it has to come and
//! go as a whole too. Were one page of it to become data and then other code, branches of the pages
//! that stay would go to wherever an instruction was before, which may be the middle of a new one. What holds at all times: every page of the heap that can be executed belongs to a text of
//! [`Texts`], and all pages of every one of these hold, and can execute, the bytes that were judged
//! together. Who takes a part of a text away leaves a rest only where that is valid by itself.
//!
//! A host that fails to protect memory may have protected a part of it: nobody knows what can be
//! executed then, and the session ends. A guest can bring that about by cutting its memory into more
//! pieces than the kernel keeps.

use super::{Answer, Ending, Engine, error};
use crate::Error;
use crate::channel::Device;
use crate::layout::{self, HALT, HARDWARE_PAGE, PAGE};
use crate::memory::{Memory, Protection, Validator};
use std::ops::Range;

/// The texts in the heap, each of whole hardware pages. They may overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts(Vec<Range<u64>>);

impl Texts {
    /// What is left of the texts that lose these pages: each rest has to be valid by itself.
    fn rests(&self, pages: &Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let cut = self.0.iter().filter(|text| overlap(text, pages));
        let rests = cut.flat_map(|text| [text.start..pages.start, pages.end..text.end]);
        rests.filter(|rest| !rest.is_empty())
    }

    fn add(&mut self, text: Range<u64>) {
        self.0
            .retain(|known| known.start < text.start || text.end < known.end);
        self.0.push(text);
    }

    /// These pages are no code any more.
    fn remove(&mut self, pages: &Range<u64>) {
        let rests: Vec<_> = self.rests(pages).collect();
        self.0.retain(|text| !overlap(text, pages));
        self.0.extend(rests);
    }
}

fn overlap(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start < other.end && other.start < one.end
}

impl<M: Memory, D: Device, V: Validator> Engine<M, D, V> {
    /// Makes code of data, or data of code.
    #[inline(never)]
    pub(super) fn jail(&mut self, address: u64, size: i32, to: Protection) -> Answer {
        let Some(size) = u64::try_from(size).ok().filter(|size| *size > 0) else {
            return error(libc::EINVAL);
        };
        match self.within_heap(address, size) {
            None => error(libc::EINVAL),
            Some(pages) if to == Protection::ReadWrite => self.make_data(pages, to),
            Some(pages) => self.make_code(address, size, pages),
        }
    }

    /// What the second generation has instead.
    #[inline(never)]
    pub(super) fn protect(&mut self, address: u64, size: u32, bits: i32) -> Answer {
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
            return self.make_data(pages, to);
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

    fn make_data(&mut self, pages: Range<u64>, to: Protection) -> Answer {
        let stays = |rest: Range<u64>| self.is_valid(&rest);
        if !self.texts.rests(&pages).all(stays) {
            return error(libc::EACCES);
        }
        match self.memory.protect(pages.clone(), to) {
            Ok(()) => {
                self.texts.remove(&pages);
                Answer::Return(0)
            }
            Err(number) => unprotected(number),
        }
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
            return unprotected(number);
        }
        if !self.is_valid(&(address..address + size)) {
            return match self.restore(pages, before, tail, &kept) {
                Ok(()) => error(libc::EPERM),
                Err(number) => unprotected(number),
            };
        }
        match self.memory.protect(pages.clone(), Protection::ReadExecute) {
            Ok(()) => {
                self.texts.add(pages);
                Answer::Return(0)
            }
            Err(number) => unprotected(number),
        }
    }

    /// Makes pages that are no code after all what they were before.
    fn restore(
        &mut self,
        pages: Range<u64>,
        before: Vec<(Range<u64>, Protection)>,
        tail: Range<u64>,
        kept: &[u8],
    ) -> Result<(), i32> {
        self.memory.protect(pages, Protection::ReadWrite)?;
        if let Some(bytes) = self.memory.writable(tail) {
            bytes.copy_from_slice(kept);
        }
        let mut before = before.into_iter();
        before.try_for_each(|(range, protection)| self.memory.protect(range, protection))
    }

    /// Whether what is there is code that keeps the rules by itself.
    fn is_valid(&self, text: &Range<u64>) -> bool {
        let code = self.memory.readable(text.clone());
        code.is_some_and(|code| self.validator.validate(text.start, code).is_ok())
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
}

fn unprotected(number: i32) -> Answer {
    let why = std::io::Error::from_raw_os_error(number);
    let reason = format!("the host cannot protect memory: {why}");
    Answer::End(Ending::failed(Error::Memory(reason)))
}
