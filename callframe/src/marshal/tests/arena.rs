//! A caller's memory made of buffers: what is not in one cannot be read, and what was not declared
//! writable cannot be written.

use crate::marshal::{
    CallerBytes, CallerMemory, Given, Keep, MemoryError, Residence, Seen, Standing,
};
use crate::types::TypeId;

#[derive(Clone, Debug)]
struct Buffer {
    start: u64,
    bytes: Vec<u8>,
    writable: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Arena {
    buffers: Vec<Buffer>,
    next: u64,
    /// Copies made for the program.
    pub kept: Vec<(u64, Keep)>,
    /// Allocations of the program that were freed.
    pub freed: Vec<u64>,
    /// What memory stands for: its address, and the object.
    pub residents: Vec<(u64, Residence)>,
    /// Handles that name nothing the program could have.
    pub unknown: Vec<u64>,
    /// Numbers that are open in the program.
    pub open: Vec<i32>,
    /// Functions that were passed; the number of each is its index + 1.
    pub passed: Vec<Passed>,
    /// Memory that the VM sees: buffers are staged there, where there is some.
    pub staged: Option<Vec<u8>>,
    /// What of the buffers the VM sees: by address.
    pub seen: Vec<(u64, Seen)>,
}

/// A function that was passed: its address or number, the integers of the call, its scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Passed {
    pub ty: TypeId,
    pub address: u64,
    pub outer: Vec<i128>,
    pub scope: Option<u64>,
}

impl Passed {
    pub fn of(given: &Given<'_>) -> Passed {
        Passed {
            ty: given.ty,
            address: given.address,
            outer: given.outer.to_vec(),
            scope: given.scope,
        }
    }
}

/// Added to a wire handle to make a token.
pub(super) const TOKEN: u64 = 0x1000_0000;

impl Arena {
    pub fn new() -> Arena {
        Arena {
            buffers: vec![],
            next: 0x1_0000,
            kept: vec![],
            freed: vec![],
            residents: vec![],
            unknown: vec![],
            open: vec![],
            passed: vec![],
            staged: None,
            seen: vec![],
        }
    }

    pub fn constant(&mut self, bytes: &[u8]) -> u64 {
        self.add(bytes, false)
    }

    pub fn writable(&mut self, bytes: &[u8]) -> u64 {
        self.add(bytes, true)
    }

    pub fn bytes(&self, address: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.read(address, &mut bytes).unwrap();
        bytes
    }

    pub fn string(&self, address: u64) -> String {
        let length = self.terminated_length(address, 1, 0, u64::MAX).unwrap();
        String::from_utf8(self.bytes(address, length as usize - 1)).unwrap()
    }

    /// Everything writable, to see whether it changed.
    pub fn snapshot(&self) -> Vec<Vec<u8>> {
        self.buffers
            .iter()
            .map(|buffer| buffer.bytes.clone())
            .collect()
    }

    /// Buffers lie apart, each after a gap, at an odd distance from the last.
    fn add(&mut self, bytes: &[u8], writable: bool) -> u64 {
        let start = self.next;
        self.next = (start + bytes.len() as u64 + 64).next_multiple_of(16);
        self.buffers.push(Buffer {
            start,
            bytes: bytes.to_vec(),
            writable,
        });
        start
    }

    fn find(&self, address: u64, length: usize) -> Result<(usize, usize), MemoryError> {
        let found = self.buffers.iter().position(|buffer| {
            let end = buffer.start + buffer.bytes.len() as u64;
            address >= buffer.start && address + length as u64 <= end
        });
        let index = found.ok_or(MemoryError::Address(address))?;
        Ok((index, (address - self.buffers[index].start) as usize))
    }
}

impl CallerBytes for Arena {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        if into.is_empty() {
            return Ok(());
        }
        let (index, offset) = self.find(address, into.len())?;
        into.copy_from_slice(&self.buffers[index].bytes[offset..offset + into.len()]);
        Ok(())
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), MemoryError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let (index, offset) = self
            .find(address, bytes.len())
            .expect("a write outside of every buffer");
        assert!(
            self.buffers[index].writable,
            "a write into a buffer that is const"
        );
        self.buffers[index].bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn terminated_length(
        &self,
        address: u64,
        unit: usize,
        terminator: u64,
        limit: u64,
    ) -> Result<u64, MemoryError> {
        for index in 0..limit {
            let element = self.bytes_checked(address + index * unit as u64, unit)?;
            if element == terminator.to_le_bytes()[..unit] {
                return Ok(index + 1);
            }
        }
        Err(MemoryError::Unterminated(limit))
    }

    fn seen(&self, address: u64) -> Result<Option<Seen>, MemoryError> {
        let found = self
            .seen
            .iter()
            .find(|(start, seen)| (*start..=start + seen.left).contains(&address));
        Ok(found.map(|(start, seen)| Seen {
            place: seen.place + address - start,
            left: seen.left - (address - start),
            agreed: seen.agreed,
        }))
    }

    fn stage(
        &mut self,
        address: u64,
        length: u64,
        enters: bool,
    ) -> Result<Option<u64>, MemoryError> {
        let mut bytes = vec![0xdd; length as usize];
        if enters {
            self.read(address, &mut bytes)?;
        }
        Ok(self.staged.as_mut().map(|staged| {
            let place = staged.len() as u64;
            staged.extend(bytes);
            place
        }))
    }

    fn fetch(&mut self, place: u64, address: u64, length: u64) -> Result<(), MemoryError> {
        let place = place as usize..(place + length) as usize;
        let bytes = self.staged.as_ref().expect("it was staged")[place].to_vec();
        self.write(address, &bytes)
    }
}

impl CallerMemory for Arena {
    fn keep(&mut self, bytes: &[u8], keep: Keep) -> Result<u64, MemoryError> {
        let address = self.add(bytes, true);
        self.kept.push((address, keep));
        Ok(address)
    }

    fn replace(
        &mut self,
        old: u64,
        had: u64,
        bytes: &[u8],
        capacity: u64,
    ) -> Result<u64, MemoryError> {
        let address = if old != 0 && had >= capacity {
            old
        } else {
            let mut contents = vec![0xcc; capacity as usize];
            let kept = had.min(capacity) as usize;
            self.read(old, &mut contents[..kept])?;
            self.discard(old);
            self.writable(&contents)
        };
        self.write(address, bytes)?;
        Ok(address)
    }

    fn discard(&mut self, old: u64) {
        self.freed.extend((old != 0).then_some(old));
    }

    fn resident(&self, address: u64) -> Result<Option<u64>, MemoryError> {
        let Some(object) = self.residence(address).filter(|object| object.wire != 0) else {
            return Ok(None);
        };
        match self.bytes(address + object.token, 8) == (TOKEN + object.wire).to_le_bytes() {
            true => Ok(Some(object.wire)),
            false => Err(MemoryError::StaleHandle),
        }
    }

    fn standing(&self, address: u64) -> Standing {
        let object = self.residence(address);
        object
            .map(|object| object.standing.clone())
            .unwrap_or_default()
    }

    fn resident_is(&mut self, address: u64, object: Residence) -> Result<(), MemoryError> {
        self.residents.retain(|(at, _)| *at != address);
        let wire = object.wire;
        let token = if wire == 0 { 0 } else { TOKEN + wire };
        self.write(address + object.token, &token.to_le_bytes())?;
        self.residents.push((address, object));
        Ok(())
    }

    fn kept(&self, address: u64) -> bool {
        self.kept.iter().any(|(kept, _)| *kept == address)
    }

    fn handle_token(&self, wire: u64, _: Option<&str>) -> Result<u64, MemoryError> {
        match self.unknown.contains(&wire) {
            true => Err(MemoryError::StaleHandle),
            false => Ok(TOKEN + wire),
        }
    }

    fn handle_wire(&self, token: u64, _: Option<&str>) -> Result<u64, MemoryError> {
        token
            .checked_sub(TOKEN)
            .filter(|wire| *wire < TOKEN)
            .ok_or(MemoryError::StaleHandle)
    }

    fn callback(&mut self, given: &Given<'_>) -> Result<u64, MemoryError> {
        self.passed.push(Passed::of(given));
        Ok(self.passed.len() as u64)
    }

    fn descriptor(&mut self, fd: i32) -> Option<i32> {
        self.open.contains(&fd).then_some(fd)
    }
}

impl Arena {
    fn residence(&self, address: u64) -> Option<&Residence> {
        let mut residents = self.residents.iter();
        Some(&residents.find(|(at, _)| *at == address)?.1)
    }

    fn bytes_checked(&self, address: u64, length: usize) -> Result<Vec<u8>, MemoryError> {
        let mut bytes = vec![0; length];
        self.read(address, &mut bytes)?;
        Ok(bytes)
    }
}
