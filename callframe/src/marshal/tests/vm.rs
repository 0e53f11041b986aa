//! A machine that runs functions that are Rust closures, with memory of its own.

use super::arena::Passed;
use crate::Template;
use crate::expression::Query;
use crate::marshal::image::{Image, unsigned};
use crate::marshal::{CalleeMemory, Given, MemoryError, Object};
use std::ops::Range;

/// Where functions see the image.
pub(super) const IMAGE: u64 = 0x4000_0000;

/// Where functions see memory that the caller sees, too.
pub(super) const COMMON: u64 = 0x9000_0000;

/// What a VM has besides the image.
#[derive(Debug, Default)]
pub(super) struct Machine {
    /// Memory of the function's: address and bytes.
    pub memory: Vec<(u64, Vec<u8>)>,
    /// Objects by handle index, with their generation; `None`: closed.
    pub objects: Vec<(u64, Option<Made>)>,
    pub released: Vec<(String, u64)>,
    /// What is kept, and for which handle.
    pub retained: Vec<(u64, Option<u64>)>,
    pub received: Vec<i32>,
    pub left: Vec<i32>,
    /// Functions that were passed.
    pub passed: Vec<Passed>,
    /// Bytes of memory that the caller sees, too, at [`COMMON`].
    pub common: u64,
    /// What was to be zeroed: place and length.
    pub cleared: Vec<(u64, u64)>,
}

/// Where the function of a number is, as functions see it.
pub(super) fn function_of(number: u64) -> u64 {
    0x5000_0000 + 16 * number
}

/// An object: where it is, its record, and what closes it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Made {
    pub address: u64,
    pub record: Option<String>,
    pub closed_by: Option<String>,
}

/// A call in the VM, as a function sees it.
pub(super) struct Function<'a> {
    pub template: &'a Template,
    pub image: &'a mut Image,
    pub machine: &'a mut Machine,
    pub result: &'a mut Vec<u8>,
    pub errno: &'a mut i32,
}

impl Made {
    /// An object of which nothing else is known.
    pub fn at(address: u64) -> Made {
        Made {
            address,
            record: None,
            closed_by: None,
        }
    }
}

impl Machine {
    /// Memory that the function allocated.
    pub fn allocate(&mut self, bytes: &[u8]) -> u64 {
        let address = 0x7000_0000 + 0x1000 * self.memory.len() as u64;
        self.memory.push((address, bytes.to_vec()));
        address
    }

    /// The object of a wire handle, while it lives.
    fn made(&self, wire: u64) -> Option<&Made> {
        let index = (wire & 0xff_ffff).checked_sub(1)?;
        match self.objects.get(index as usize) {
            Some((generation, Some(made))) if *generation == wire >> 24 => Some(made),
            _ => None,
        }
    }
}

impl Function<'_> {
    /// The bytes of argument `index`.
    pub fn argument(&self, index: usize) -> &[u8] {
        let slot = self.template.arguments()[index];
        &self.image.bytes()[slot.offset as usize..(slot.offset + slot.size) as usize]
    }

    pub fn number(&self, index: usize) -> u64 {
        unsigned(self.argument(index), 0, self.argument(index).len().min(8))
    }

    /// Follows pointer argument `index`.
    pub fn target(&self, index: usize) -> usize {
        self.inside(self.number(index))
    }

    /// The offset in the image of an address.
    pub fn inside(&self, address: u64) -> usize {
        (address - IMAGE) as usize
    }

    pub fn read(&self, at: Range<usize>) -> Vec<u8> {
        self.image.bytes()[at].to_vec()
    }

    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        self.image.bytes_mut()[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub fn give(&mut self, bytes: &[u8]) {
        self.result[..bytes.len()].copy_from_slice(bytes);
    }
}

impl CalleeMemory for Machine {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        for (start, bytes) in &self.memory {
            if address >= *start && address + into.len() as u64 <= start + bytes.len() as u64 {
                let offset = (address - start) as usize;
                into.copy_from_slice(&bytes[offset..offset + into.len()]);
                return Ok(());
            }
        }
        Err(MemoryError::Address(address))
    }

    fn terminated_length(
        &self,
        address: u64,
        unit: usize,
        terminator: u64,
        limit: u64,
    ) -> Result<u64, MemoryError> {
        for index in 0..limit {
            let mut element = [0; 8];
            self.read(address + index * unit as u64, &mut element[..unit])?;
            if element[..unit] == terminator.to_le_bytes()[..unit] {
                return Ok(index + 1);
            }
        }
        Err(MemoryError::Unterminated(limit))
    }

    fn shared(&mut self, place: u64, length: u64, cleared: bool) -> Result<u64, MemoryError> {
        let end = place.checked_add(length);
        if end.is_none_or(|end| end > self.common) {
            return Err(MemoryError::Address(place));
        }
        self.cleared.extend(cleared.then_some((place, length)));
        Ok(COMMON + place)
    }

    fn handle_enter(&mut self, address: u64, object: Object<'_>) -> Result<u64, MemoryError> {
        let alive = |made: &Option<Made>| made.as_ref().map(|made| made.address);
        let found = self
            .objects
            .iter()
            .position(|(_, object)| alive(object) == Some(address));
        let index = found.unwrap_or_else(|| {
            let made = Made {
                address,
                record: object.record.map(str::to_owned),
                closed_by: object.closed_by.map(str::to_owned),
            };
            self.objects.push((1, Some(made)));
            self.objects.len() - 1
        });
        Ok(self.objects[index].0 << 24 | (index as u64 + 1))
    }

    fn handle_resolve(&self, wire: u64, record: Option<&str>) -> Result<u64, MemoryError> {
        let made = self.made(wire).ok_or(MemoryError::StaleHandle)?;
        match (made.record.as_deref(), record) {
            (Some(is), Some(needed)) if is != needed => Err(MemoryError::WrongHandle {
                is: is.to_owned(),
                needed: needed.to_owned(),
            }),
            _ => Ok(made.address),
        }
    }

    fn handle_closes(&self, wire: u64, function: &str) -> bool {
        let closer = self.made(wire).and_then(|made| made.closed_by.as_deref());
        closer == Some(function)
    }

    fn handle_consume(&mut self, wire: u64) {
        let object = &mut self.objects[(wire & 0xff_ffff) as usize - 1];
        *object = (object.0 + 1, None);
    }

    /// The functions that can be asked say the sum of their arguments' first bytes.
    fn query(&self, query: &Query, arguments: &[&[u8]]) -> Result<i128, MemoryError> {
        if query.function != "sum" {
            return Err(MemoryError::Other(format!("no '{}'", query.function)));
        }
        let first = arguments.iter().filter_map(|bytes| bytes.first());
        Ok(first.map(|&byte| i128::from(byte as i8)).sum())
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), MemoryError> {
        for (start, memory) in &mut self.memory {
            let end = *start + memory.len() as u64;
            if address >= *start && address + bytes.len() as u64 <= end {
                let offset = (address - *start) as usize;
                memory[offset..offset + bytes.len()].copy_from_slice(bytes);
                return Ok(());
            }
        }
        Err(MemoryError::Address(address))
    }

    fn resident_make(&mut self, size: u64) -> Result<u64, MemoryError> {
        Ok(self.allocate(&vec![0; size as usize]))
    }

    fn resident_enter(&mut self, address: u64, object: Object<'_>) -> Result<u64, MemoryError> {
        self.handle_enter(address, object)
    }

    fn resident_has(&mut self, wire: u64, size: u64) -> bool {
        let made = self.made(wire).map(|made| made.address);
        let mut memory = self.memory.iter();
        memory.any(|(start, bytes)| Some(*start) == made && bytes.len() as u64 == size)
    }

    fn give(&mut self, bytes: &[u8]) -> Result<u64, MemoryError> {
        Ok(self.allocate(bytes))
    }

    fn retain(&mut self, bytes: &[u8]) -> Result<u64, MemoryError> {
        Ok(self.allocate(bytes))
    }

    fn retained_by(&mut self, address: u64, keeper: Option<u64>) {
        self.retained.push((address, keeper));
    }

    fn release(&mut self, function: &str, address: u64) -> Result<(), MemoryError> {
        self.released.push((function.to_owned(), address));
        Ok(())
    }

    /// The VM's number for what came as `n` is `n + 100`.
    fn descriptor(&mut self, index: usize) -> Result<i32, MemoryError> {
        let missing = || MemoryError::Other("no such descriptor".into());
        self.received
            .get(index)
            .map(|fd| fd + 100)
            .ok_or_else(missing)
    }

    fn callback(&mut self, given: &Given<'_>) -> Result<u64, MemoryError> {
        self.passed.push(Passed::of(given));
        Ok(function_of(given.address))
    }

    fn descriptor_leave(&mut self, fd: i32) -> Result<u64, MemoryError> {
        self.left.push(fd);
        Ok(self.left.len() as u64 - 1)
    }
}
