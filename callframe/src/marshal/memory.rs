//! Memory as marshalling sees it: by address, through whoever owns it.

use super::{MemoryError, Standing};
use crate::expression::Query;
use crate::types::TypeId;

/// The bytes of the calling program's memory, which is all that calls of plain bytes need of it.
///
/// Addresses given to it are argument addresses, addresses read from the caller's own memory, or
/// ones it returned from [`keep`](CallerMemory::keep); never a number a VM sent.
pub trait CallerBytes {
    /// Copies from the caller's memory.
    ///
    /// # Errors
    /// When `address` is known not to be readable.
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError>;

    /// Copies into the caller's memory.
    ///
    /// # Errors
    /// When `address` is known not to be writable.
    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), MemoryError>;

    /// Number of elements of `unit` bytes (1, 2, 4 or 8) up to and including the first that equals
    /// `terminator`, compared in `unit` bytes.
    ///
    /// # Errors
    /// [`MemoryError::Unterminated`] when there is none among the first `limit`.
    fn terminated_length(
        &self,
        address: u64,
        unit: usize,
        terminator: u64,
        limit: u64,
    ) -> Result<u64, MemoryError>;

    /// Where `address` is in memory that the callee sees as well; `None` where it is in none.
    ///
    /// # Errors
    /// When it is in such memory, and nothing is there (any more).
    fn seen(&self, address: u64) -> Result<Option<Seen>, MemoryError> {
        let _ = address;
        Ok(None)
    }

    /// Whether somebody else may write at this address meanwhile, who is not the callee and not trusted.
    fn others_write(&self, address: u64) -> bool {
        let _ = address;
        false
    }

    /// A place for `length` bytes in memory that the callee sees as well, until the call is over; it
    /// holds a copy of what is at `address` where that `enters`. `None` where they are to travel in
    /// the request.
    ///
    /// # Errors
    /// When `address` is known not to be readable.
    fn stage(
        &mut self,
        address: u64,
        length: u64,
        enters: bool,
    ) -> Result<Option<u64>, MemoryError> {
        let _ = (address, length, enters);
        Ok(None)
    }

    /// Copies `length` bytes of a place that [`stage`](CallerBytes::stage) gave, which has as many,
    /// back to `address`.
    ///
    /// # Errors
    /// When `address` is known not to be writable.
    fn fetch(&mut self, place: u64, address: u64, length: u64) -> Result<(), MemoryError> {
        let _ = (place, length);
        Err(MemoryError::Address(address))
    }
}

/// The calling program's memory, with what else marshalling asks of it.
pub trait CallerMemory: CallerBytes {
    /// Makes a copy of `bytes` for the program and says where it is, aligned for every C type.
    ///
    /// # Errors
    /// [`MemoryError::Exhausted`].
    fn keep(&mut self, bytes: &[u8], keep: Keep) -> Result<u64, MemoryError>;

    /// Puts `bytes` into the program's own allocation at `old`, which has `had` bytes and is made
    /// anew where it has fewer than `capacity`; says where it is then. `old` is 0 where there is
    /// none yet.
    ///
    /// # Errors
    /// [`MemoryError::Exhausted`].
    fn replace(
        &mut self,
        old: u64,
        had: u64,
        bytes: &[u8],
        capacity: u64,
    ) -> Result<u64, MemoryError> {
        let _ = (old, had, bytes, capacity);
        let reason = "a buffer that the function allocates anew cannot be allocated here";
        Err(MemoryError::Other(reason.to_owned()))
    }

    /// Frees the program's own allocation at `old`, which the function has freed.
    fn discard(&mut self, old: u64) {
        let _ = old;
    }

    /// Whether `address` is of a copy that [`keep`](CallerMemory::keep) made and that still stands.
    /// Pointers of the library's that the program hands back inside a record (`tm_zone`) are sent
    /// only if so; others may be uninitialised and enter as NULL.
    fn kept(&self, _address: u64) -> bool {
        false
    }

    /// The value the program gets for a handle of the VM, where a `record` is expected as far as
    /// that is known.
    ///
    /// # Errors
    /// [`MemoryError::StaleHandle`], [`MemoryError::WrongHandle`]: where the program is the VM, in a
    /// call back, what it has not made, or made as another record.
    fn handle_token(&self, wire: u64, record: Option<&str>) -> Result<u64, MemoryError>;

    /// The VM's handle of the object that the program's memory at `address` stands for; `None` where
    /// it stands for none.
    ///
    /// # Errors
    /// [`MemoryError::StaleHandle`] when the memory holds something else by now.
    fn resident(&self, address: u64) -> Result<Option<u64>, MemoryError> {
        let _ = address;
        Ok(None)
    }

    /// What is known of the memory at `address`, which stands for an object or has done so.
    fn standing(&self, address: u64) -> Standing {
        let _ = address;
        Standing::default()
    }

    /// The program's memory at `address` stands for this object from now on; for none where its
    /// handle is 0.
    ///
    /// # Errors
    /// When it cannot be written.
    fn resident_is(&mut self, address: u64, object: Residence) -> Result<(), MemoryError> {
        let _ = object;
        Err(MemoryError::Address(address))
    }

    /// The VM's handle for a value of the program, which its declaration calls a `record` if
    /// anything.
    ///
    /// # Errors
    /// [`MemoryError::StaleHandle`] when it is no handle of this VM.
    fn handle_wire(&self, token: u64, record: Option<&str>) -> Result<u64, MemoryError>;

    /// The descriptor to attach for the program's number `fd`; `None` when it is not open.
    fn descriptor(&mut self, fd: i32) -> Option<i32>;

    /// The program gives the VM this value of its own, as `__opaque`.
    fn opaque_leaves(&mut self, value: u64) {
        let _ = value;
    }

    /// The number by which the VM may call the function at `given.address`, not 0 and below
    /// 2^[`CALLBACK_BITS`](super::CALLBACK_BITS).
    ///
    /// # Errors
    /// When there is no such function, or no more can be passed.
    fn callback(&mut self, given: &Given<'_>) -> Result<u64, MemoryError> {
        Err(no_callbacks(given))
    }
}

/// Where an address is in memory that caller and callee both see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its place there, below 2^[`PLACE_BITS`](super::PLACE_BITS): what the callee finds it by.
    pub place: u64,
    /// Bytes from there to the end of what is allocated.
    pub left: u64,
    /// Whether both ends see that memory at the same addresses.
    pub agreed: bool,
}

/// A pointer to a function, as a call passes it.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// Its type in the frame: [`CallFrame::callback`](crate::CallFrame::callback) tells what is
    /// called through it.
    pub ty: TypeId,
    /// In the caller the function's address, in the callee its number.
    pub address: u64,
    /// The values of the call's integer parameters, by index; 0 for parameters of other types.
    pub outer: &'a [i128],
    /// The wire handle that it is `__scope`d by; `None` where it may be called during the call only.
    pub scope: Option<u64>,
}

fn no_callbacks(given: &Given<'_>) -> MemoryError {
    MemoryError::Other(format!(
        "the function at {:#x} cannot be called from here",
        given.address
    ))
}

/// An object of the VM's, as memory of the caller's stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Residence {
    /// Its wire handle; 0 where it lives no more.
    pub wire: u64,
    /// Where its token is, from the start of the memory.
    pub token: u64,
    /// What is to be known of its numbers from now on.
    pub standing: Standing,
}

/// How long a copy made for the program lasts, and who frees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The program frees it with `free`.
    Owned,
    /// Until this function's next call on this thread.
    Borrowed,
    /// Until the function's library is closed. Equal bytes may share one copy, so that a function
    /// called for ever does not need memory for ever.
    Static,
    /// Until the object with this program-side value is closed, or asked the same again.
    BorrowedFrom(u64),
}

/// The VM's memory outside the call's own image: what the function left behind.
///
/// Addresses are raw addresses in the VM. The function's code runs in the same address space and
/// is trusted no more than by the VM itself: an address it left behind that leads nowhere ends the
/// VM as it would have ended the program.
pub trait CalleeMemory {
    /// Copies from memory the function left.
    ///
    /// # Errors
    /// When `address` is known not to be readable.
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError>;

    /// As [`CallerBytes::terminated_length`].
    ///
    /// # Errors
    /// [`MemoryError::Unterminated`] when there is no terminator among the first `limit` elements.
    fn terminated_length(
        &self,
        address: u64,
        unit: usize,
        terminator: u64,
        limit: u64,
    ) -> Result<u64, MemoryError>;

    /// Where `length` bytes of memory are that the caller sees as well, by the place that the caller
    /// says; zeroed first where they are `cleared`.
    ///
    /// # Errors
    /// When they are not all in such memory.
    fn shared(&mut self, place: u64, length: u64, cleared: bool) -> Result<u64, MemoryError> {
        let _ = (place, length, cleared);
        Err(MemoryError::Other(
            "this VM shares no memory with its client".to_owned(),
        ))
    }

    /// The wire handle of an object at `address`, never 0; the same one while the object lives.
    ///
    /// # Errors
    /// When the table is full.
    fn handle_enter(&mut self, address: u64, object: Object<'_>) -> Result<u64, MemoryError>;

    /// Where the object of a wire handle is, which has to be a `record` where both are known.
    ///
    /// # Errors
    /// [`MemoryError::StaleHandle`], [`MemoryError::WrongHandle`].
    fn handle_resolve(&self, wire: u64, record: Option<&str>) -> Result<u64, MemoryError>;

    /// Whether `function` is what destroys the object of a wire handle, as was said where that was
    /// made.
    fn handle_closes(&self, wire: u64, function: &str) -> bool;

    /// The function will destroy the object: from now on the handle is stale.
    fn handle_consume(&mut self, wire: u64);

    /// What another function of the function's library answers for these arguments, each the bytes
    /// of a slot.
    ///
    /// # Errors
    /// When there is no such function, or this VM asks none.
    fn query(&self, query: &Query, _arguments: &[&[u8]]) -> Result<i128, MemoryError> {
        let name = &query.function;
        Err(MemoryError::Other(format!("this VM does not ask '{name}'")))
    }

    /// Copies to an object that lives in the VM.
    ///
    /// # Errors
    /// When `address` is known not to be writable.
    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), MemoryError> {
        let _ = bytes;
        Err(MemoryError::Address(address))
    }

    /// Zeroed memory for an object that the function is to make; freed after the call unless
    /// [`resident_enter`](CalleeMemory::resident_enter) keeps it.
    ///
    /// # Errors
    /// When there is no memory, or the client has too much kept.
    fn resident_make(&mut self, size: u64) -> Result<u64, MemoryError> {
        let _ = size;
        Err(keeps_nothing())
    }

    /// The wire handle of the object that was made at `address`, which lives until its handle is
    /// consumed.
    ///
    /// # Errors
    /// When the table is full.
    fn resident_enter(&mut self, address: u64, object: Object<'_>) -> Result<u64, MemoryError> {
        let _ = (address, object);
        Err(keeps_nothing())
    }

    /// Whether a wire handle is of an object that was made here with so many bytes. It lasts for this
    /// call at least, whatever others do.
    fn resident_has(&mut self, wire: u64, size: u64) -> bool {
        let _ = (wire, size);
        false
    }

    /// Memory of the VM's `malloc` that holds these bytes: the function's, once it was entered.
    ///
    /// # Errors
    /// When there is no memory, or none that a function could free.
    fn give(&mut self, bytes: &[u8]) -> Result<u64, MemoryError> {
        let _ = bytes;
        Err(keeps_nothing())
    }

    /// A copy of these bytes that outlives the call.
    ///
    /// # Errors
    /// When there is no memory, or the client has too much kept.
    fn retain(&mut self, bytes: &[u8]) -> Result<u64, MemoryError> {
        let _ = bytes;
        Err(keeps_nothing())
    }

    /// The copy at `address` lasts until the object of the handle `keeper` is destroyed; without
    /// one, or where it is gone already, until the function's library is closed.
    fn retained_by(&mut self, address: u64, keeper: Option<u64>) {
        let _ = (address, keeper);
    }

    /// Runs the deallocator `function` of the function's own library on `address`.
    ///
    /// # Errors
    /// When there is no such function.
    fn release(&mut self, function: &str, address: u64) -> Result<(), MemoryError>;

    /// The descriptor received at `index` with the call.
    ///
    /// # Errors
    /// When fewer were received.
    fn descriptor(&mut self, index: usize) -> Result<i32, MemoryError>;

    /// Takes over a descriptor that the function made, to attach it to the reply, and says at which
    /// index. The VM's own number is closed once the reply was sent.
    ///
    /// # Errors
    /// When it is not open, or the reply has too many.
    fn descriptor_leave(&mut self, fd: i32) -> Result<u64, MemoryError>;

    /// An `__opaque` value that is not 0 came for the function.
    ///
    /// # Errors
    /// When whoever sent it cannot have it from here.
    fn opaque_enters(&mut self, value: u64) -> Result<(), MemoryError> {
        let _ = value;
        Ok(())
    }

    /// The function leaves this `__opaque` value.
    fn opaque_leaves(&mut self, value: u64) {
        let _ = value;
    }

    /// The address of a function that calls the client's function number `given.address`.
    ///
    /// # Errors
    /// When this callee cannot call back, or no more functions can be made.
    fn callback(&mut self, given: &Given<'_>) -> Result<u64, MemoryError> {
        Err(no_callbacks(given))
    }
}

/// What a prototype says of an object that its function made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object<'a> {
    /// What C code calls it; `None` for a `void *`.
    pub record: Option<&'a str>,
    /// What destroys it.
    pub closed_by: Option<&'a str>,
}

fn keeps_nothing() -> MemoryError {
    MemoryError::Other("nothing is kept here for a function beyond its call".to_owned())
}
