//! The program's own memory, by raw pointers: the unsafe part of marshalling.
//!
//! Everything here follows addresses that the program passed to a function or that this library
//! gave to the program; a number a VM sent is never followed. That those addresses lead to what the
//! prototype says is the program's promise, as it is with any C function.

pub(crate) mod plain;
pub(crate) mod program;

use crate::callback::{self, Allowed, Passed};
use crate::library::Target;
use crate::residents::{Found, Resident};
use crate::resolved::Resolved;
use crate::session::Session;
use crate::shelf::{self, Copied, Question, Shelf};
use crate::staging::Staging;
use crate::token::{self, VmNumber};
use callframe::marshal::{
    CallerBytes, CallerMemory, Given, Keep, MemoryError, Residence, Seen, Standing,
};
use program::pointer;
use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::OnceLock;

/// The program's memory during one call.
#[derive(Debug)]
pub(crate) struct CallMemory<'call> {
    shelf: &'call Shelf,
    number: VmNumber,
    borrowed: Vec<Block>,
    /// Copies that belong to objects, by the object's value in the program.
    from_handles: Vec<(u64, Copied)>,
    /// What the call asks.
    question: Question,
    /// Address and size of every copy the call made for the program.
    copies: Vec<(u64, usize)>,
    passing: Option<Passing<'call>>,
    /// The channel's, while it is marshalled.
    staging: Staging,
}

/// The functions that a call passes.
#[derive(Debug)]
struct Passing<'call> {
    function: &'call Resolved,
    library: &'call Target,
    /// Numbers that are good for the call.
    numbers: Vec<u64>,
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        if !self.numbers.is_empty() {
            Session::current().callbacks().remove(&self.numbers);
        }
    }
}

impl<'call> CallMemory<'call> {
    /// The memory for a call of a function of the library that `shelf` belongs to, in the VM of
    /// this number.
    ///
    /// # Safety
    /// Until the value is dropped, every address that is an argument of the call, or that is found
    /// by following the arguments as the prototype says, leads to memory as large as the prototype
    /// says, readable, and writable where the prototype lets the function write; and what the call
    /// writes is read or written by no other thread meanwhile.
    pub(crate) unsafe fn new(shelf: &'call Shelf, number: VmNumber) -> CallMemory<'call> {
        CallMemory {
            shelf,
            number,
            borrowed: Vec::new(),
            from_handles: Vec::new(),
            question: 0,
            copies: Vec::new(),
            passing: None,
            staging: Staging::default(),
        }
    }

    /// The same, for a call that may pass functions to be called back.
    pub(crate) fn passing(mut self, function: &'call Resolved, library: &'call Target) -> Self {
        self.passing = Some(Passing {
            function,
            library,
            numbers: Vec::new(),
        });
        self
    }

    /// Exchanges the staging area: the channel's is here while values are marshalled.
    pub(crate) fn swap_staging(&mut self, staging: &mut Staging) {
        std::mem::swap(&mut self.staging, staging);
    }

    /// Learns what copies a call has made, by address and size.
    pub(crate) fn note(&mut self, copies: Vec<(u64, usize)>) {
        self.copies.extend(copies);
    }

    /// What the call asks, where copies of what it returns belong to an object.
    pub(crate) fn ask(&mut self, question: Question) {
        self.question = question;
    }

    /// How large the copy at this address is, if the call made it.
    pub(crate) fn copy_size(&self, address: u64) -> Option<u64> {
        let copy = self.copies.iter().find(|(known, _)| *known == address);
        copy.map(|(_, size)| *size as u64)
    }

    /// How much of a copy that the call made is there from this address on.
    pub(crate) fn copy_from(&self, address: u64) -> Option<u64> {
        self.copies.iter().find_map(|(start, size)| {
            let inside = address.wrapping_sub(*start);
            (*size as u64).checked_sub(inside)
        })
    }

    /// Shelves the copies made during the call. After a success they replace those of the
    /// function's last call on this thread, and those of the same question to the same object;
    /// `lenders` are the objects that the function lends from. After a failure nothing is replaced,
    /// for the program may still look at what it had. Gives address and size of every copy.
    pub(crate) fn finish(self, function: u64, lenders: &[u64], success: bool) -> Vec<(u64, usize)> {
        let mut lent: BTreeMap<u64, Vec<Copied>> = BTreeMap::new();
        if success {
            lent.extend(lenders.iter().map(|object| (*object, Vec::new())));
        }
        for (object, copy) in self.from_handles {
            lent.entry(object).or_default().push(copy);
        }
        // Asked by nobody: what was kept for the question stays.
        let question = if success {
            self.question
        } else {
            !self.question
        };
        for (object, copies) in lent {
            self.shelf.keep_for_object(object, question, copies);
        }
        shelf::keep_borrowed(function, self.shelf, self.borrowed, success);
        self.copies
    }
}

/// As [`CallerBytes::terminated_length`], in any memory of the program's.
fn terminated_length(
    address: u64,
    unit: usize,
    terminator: u64,
    limit: u64,
) -> Result<u64, MemoryError> {
    // A VM that writes there may have taken the terminator away.
    let shared = Session::current().arenas().left(address);
    let limit = shared.map_or(limit, |left| limit.min(left / unit.max(1) as u64));
    program::terminated_length(address, unit, terminator, limit)
}

/// Whether a VM may write at this address.
fn others_write(address: u64) -> bool {
    Session::current().arenas().left(address).is_some()
}

impl CallerBytes for CallMemory<'_> {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        program::read(address, into)
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), MemoryError> {
        program::write(address, bytes)
    }

    fn terminated_length(
        &self,
        address: u64,
        unit: usize,
        terminator: u64,
        limit: u64,
    ) -> Result<u64, MemoryError> {
        terminated_length(address, unit, terminator, limit)
    }

    fn seen(&self, address: u64) -> Result<Option<Seen>, MemoryError> {
        match &self.passing {
            Some(passing) => passing.library.link().arena().seen(address),
            None => Ok(None),
        }
    }

    fn others_write(&self, address: u64) -> bool {
        others_write(address)
    }

    fn stage(
        &mut self,
        address: u64,
        length: u64,
        enters: bool,
    ) -> Result<Option<u64>, MemoryError> {
        let Some(passing) = &self.passing else {
            return Ok(None);
        };
        let arena = passing.library.link().arena();
        self.staging.stage(arena, address, length, enters)
    }

    fn fetch(&mut self, place: u64, address: u64, length: u64) -> Result<(), MemoryError> {
        self.staging.fetch(place, address, length)
    }
}

impl CallerMemory for CallMemory<'_> {
    fn keep(&mut self, bytes: &[u8], keep: Keep) -> Result<u64, MemoryError> {
        if keep == Keep::Static {
            let address = self.shelf.keep_static(bytes)?;
            self.copies.push((address, bytes.len()));
            return Ok(address);
        }
        let block = Block::copy(bytes).ok_or(MemoryError::Exhausted)?;
        let address = block.address();
        self.copies.push((address, bytes.len()));
        match keep {
            Keep::Owned => block.give_away(),
            Keep::BorrowedFrom(object) => {
                self.from_handles.push((object, (block, bytes.len())));
            }
            Keep::Borrowed | Keep::Static => self.borrowed.push(block),
        }
        Ok(address)
    }

    fn replace(
        &mut self,
        old: u64,
        had: u64,
        bytes: &[u8],
        capacity: u64,
    ) -> Result<u64, MemoryError> {
        let capacity = capacity.max(bytes.len() as u64);
        let address = if old != 0 && had >= capacity {
            old
        } else {
            reallocate(old, capacity)?
        };
        self.write(address, bytes)?;
        Ok(address)
    }

    fn discard(&mut self, old: u64) {
        // SAFETY: the program passed memory of its allocator where the prototype says `__owned`,
        // and the function freed it: nobody else does.
        drop(unsafe { Block::adopt(old) });
    }

    fn kept(&self, address: u64) -> bool {
        self.shelf.holds(address)
            || shelf::lends(address)
            || self.borrowed.iter().any(|block| block.address() == address)
            || self
                .from_handles
                .iter()
                .any(|(_, (block, _))| block.address() == address)
    }

    fn handle_token(&self, wire: u64, _: Option<&str>) -> Result<u64, MemoryError> {
        // Marshalling has refused every wire form that has no token.
        self.number.token(wire).ok_or(MemoryError::StaleHandle)
    }

    fn handle_wire(&self, token: u64, _: Option<&str>) -> Result<u64, MemoryError> {
        match token::take_apart(token) {
            Some((number, wire)) if number == self.number => {
                Ok(wire)
            }
            Some(_) => Err(MemoryError::Other(
                "the handle is an object of another VM; objects cannot be passed between VMs, open \
                 both libraries in one"
                    .to_owned(),
            )),
            None => Err(MemoryError::Other(format!(
                "{token:#x} is no handle; pass what a function of the same library returned, or NULL"
            ))),
        }
    }

    fn resident(&self, address: u64) -> Result<Option<u64>, MemoryError> {
        let resident = match Session::current().residents().at(address) {
            Found::Nothing => return Ok(None),
            Found::Gone => return Err(MemoryError::StaleHandle),
            Found::Object(resident) => resident,
        };
        let mut token = [0; 8];
        self.read(address.wrapping_add(resident.place), &mut token)?;
        if u64::from_le_bytes(token) != resident.token {
            return Err(MemoryError::StaleHandle);
        }
        let wire = self.handle_wire(resident.token, None)?;
        Ok(Some(wire))
    }

    fn standing(&self, address: u64) -> Standing {
        Session::current().residents().standing(address)
    }

    fn resident_is(&mut self, address: u64, object: Residence) -> Result<(), MemoryError> {
        let residents = Session::current().residents();
        let Residence {
            wire,
            token: place,
            standing,
        } = object;
        let library = self.passing.as_ref().map(|passing| passing.library);
        let (Some(library), true) = (library, wire != 0) else {
            residents.end(address, standing);
            return self.write(address.wrapping_add(place), &[0; 8]);
        };
        let token = self.handle_token(wire, None)?;
        self.write(address.wrapping_add(place), &token.to_le_bytes())?;
        let resident = Resident {
            token,
            place,
            link: library.link().key(),
            library: library.object().0,
        };
        residents.insert(address, resident, standing);
        if library.usable().is_err() {
            // It was closed, or its VM ended, while the call was under way.
            residents.library_closed(resident.link, resident.library);
        }
        Ok(())
    }

    fn descriptor(&mut self, fd: i32) -> Option<i32> {
        // SAFETY: F_GETFD only looks a number up.
        (unsafe { libc::fcntl(fd, libc::F_GETFD) } >= 0).then_some(fd)
    }

    fn opaque_leaves(&mut self, value: u64) {
        if let Some(passing) = &self.passing {
            passing.library.link().cookies().give(value);
        }
    }

    fn callback(&mut self, given: &Given<'_>) -> Result<u64, MemoryError> {
        let no_function = || {
            MemoryError::Other(format!(
                "{:#x} is no function; values that are none and mean something are listed by \
                 '__or_const(..)'",
                given.address
            ))
        };
        let passing = self.passing.as_mut().ok_or_else(no_function)?;
        let signature = passing
            .function
            .callback(given.ty)
            .ok_or_else(no_function)?;
        let function = callback::function_at(given.address).ok_or_else(no_function)?;
        let number = Session::current().callbacks().add(Passed {
            function,
            signature,
            outer: given.outer.into(),
            link: passing.library.link().key(),
            library: passing.library.object().0,
            allowed: match given.scope {
                Some(handle) => Allowed::Until(handle),
                None => Allowed::During(callback::thread()),
            },
            brief: OnceLock::new(),
        });
        let number = number.ok_or_else(|| {
            MemoryError::Other("VMs know too many functions of this process".to_owned())
        })?;
        if given.scope.is_none() {
            passing.numbers.push(number);
        }
        Ok(number)
    }
}

/// The descriptors of a request, for as long as it takes to send them.
pub(crate) fn borrow_descriptors(numbers: &[i32]) -> Vec<BorrowedFd<'_>> {
    numbers
        .iter()
        .filter(|number| **number >= 0)
        // SAFETY: the number is no negative one, and it is only given to sendmsg. It was open when
        // the program passed it; should the program have closed it meanwhile, the kernel refuses
        // it, or sends what it names now, as it would in a direct call.
        .map(|number| unsafe { BorrowedFd::borrow_raw(*number) })
        .collect()
}

/// A piece of C memory, freed when dropped.
#[derive(Debug)]
pub(crate) struct Block {
    start: NonNull<u8>,
}

// SAFETY: a block is the only owner of its memory, and malloc's memory may be freed by any thread.
unsafe impl Send for Block {}

impl Block {
    /// A copy of `bytes`, aligned for every C type; `None` when there is no memory.
    pub(crate) fn copy(bytes: &[u8]) -> Option<Block> {
        let block = Block::zeroed(bytes.len())?;
        // SAFETY: the block has at least as many bytes, and is fresh.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), block.start.as_ptr(), bytes.len());
        }
        Some(block)
    }

    /// A block of zeros, aligned for every C type; `None` when there is no memory.
    pub(crate) fn zeroed(length: usize) -> Option<Block> {
        // SAFETY: asks for memory.
        let start = unsafe { libc::calloc(length.max(1), 1) };
        NonNull::new(start.cast()).map(|start| Block { start })
    }

    /// Where it is.
    pub(crate) fn address(&self) -> u64 {
        self.start.as_ptr().expose_provenance() as u64
    }

    /// Leaves it to the program, which frees it with `free`.
    fn give_away(self) {
        std::mem::forget(self);
    }

    /// Takes over memory that a call gave the program with [`Keep::Owned`].
    ///
    /// # Safety
    /// `address` is such memory, and nobody else frees it.
    pub(crate) unsafe fn adopt(address: u64) -> Option<Block> {
        pointer(address).ok().map(|start| Block { start })
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: `start` came from calloc and is freed here only.
        unsafe { libc::free(self.start.as_ptr().cast()) };
    }
}

/// The program's allocation at `old`, or none, made as large as `capacity`.
fn reallocate(old: u64, capacity: u64) -> Result<u64, MemoryError> {
    let old = match old {
        0 => std::ptr::null_mut(),
        old => pointer(old)?.as_ptr(),
    };
    let size = usize::try_from(capacity).map_err(|_| MemoryError::Exhausted)?;
    // SAFETY: by its prototype the function frees or reallocates this memory itself, so the program
    // passed memory of its allocator, and expects it to be elsewhere afterwards.
    let start = unsafe { libc::realloc(old.cast(), size.max(1)) };
    match NonNull::new(start) {
        Some(start) => Ok(start.as_ptr().expose_provenance() as u64),
        None => Err(MemoryError::Exhausted),
    }
}

/// Where the errno of a thread is, which a value of this does not leave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Errno(NonNull<libc::c_int>);

impl Errno {
    /// This thread's.
    #[inline]
    pub(crate) fn here() -> Errno {
        // SAFETY: it is always there.
        Errno(unsafe { NonNull::new_unchecked(libc::__errno_location()) })
    }

    #[inline]
    pub(crate) fn get(self) -> i32 {
        // SAFETY: this is the thread whose errno it is, which stays where it is as long as the thread lives.
        unsafe { *self.0.as_ptr() }
    }

    #[inline]
    pub(crate) fn set(self, value: i32) {
        // SAFETY: as above.
        unsafe { *self.0.as_ptr() = value }
    }
}

/// This thread's errno.
pub(crate) fn errno() -> i32 {
    Errno::here().get()
}

/// Sets this thread's errno.
pub(crate) fn set_errno(value: i32) {
    Errno::here().set(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_go_both_ways_and_impossible_addresses_are_refused() {
        let shelf = Shelf::default();
        // SAFETY: only addresses of `cell` and impossible ones are used.
        let mut memory = unsafe { CallMemory::new(&shelf, VmNumber::new(3).unwrap()) };
        let mut cell = [0u8; 4];
        let address = cell.as_mut_ptr().expose_provenance() as u64;
        memory.write(address, &[1, 2, 3, 0]).unwrap();
        let mut back = [9u8; 4];
        memory.read(address, &mut back).unwrap();
        assert_eq!(back, [1, 2, 3, 0]);
        assert_eq!(memory.terminated_length(address, 1, 0, 99), Ok(4));
        assert_eq!(memory.terminated_length(address, 1, 3, 99), Ok(3));
        assert_eq!(memory.terminated_length(address, 2, 0x0003, 99), Ok(2));
        assert_eq!(
            memory.terminated_length(address, 1, 0, 3),
            Err(MemoryError::Unterminated(3))
        );
        let negative = [5i32, -1, 7, -1];
        let numbers = negative.as_ptr().expose_provenance() as u64;
        for (unit, elements) in [(4, 2), (2, 3), (1, 5)] {
            let found = memory.terminated_length(numbers, unit, -1i64 as u64, 16);
            assert_eq!(found, Ok(elements), "elements of {unit} bytes");
        }
        assert!(memory.terminated_length(numbers, 16, 0, 1).is_err());
        for nowhere in [0, 8, 4095, 1 << 56, 0x8001_0000_0100_0001] {
            assert_eq!(
                memory.read(nowhere, &mut back),
                Err(MemoryError::Address(nowhere))
            );
        }
    }

    #[test]
    fn handles_are_those_of_one_vm() {
        let shelf = Shelf::default();
        // SAFETY: no address is used.
        let memory = unsafe { CallMemory::new(&shelf, VmNumber::new(3).unwrap()) };
        let wire = 5 << 24 | 1;
        let token = memory.handle_token(wire, None).unwrap();
        assert_eq!(memory.handle_wire(token, None), Ok(wire));
        let foreign = VmNumber::new(4).unwrap().token(wire).unwrap();
        let refusal = memory.handle_wire(foreign, None).unwrap_err().to_string();
        assert!(refusal.contains("another VM"), "{refusal}");
        assert!(memory.handle_wire(0x7fff_0000_1000, None).is_err());
        assert!(memory.handle_token(1 << 48, None).is_err());
    }
}
