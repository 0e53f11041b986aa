//! What can go wrong with one call.

/// Why a call was not carried. Each variant says whose fault it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MarshalError {
    /// The caller's fault: an argument of this call cannot be carried.
    #[error("{place}: {reason}")]
    Argument {
        /// The parameter, for a person.
        place: String,
        /// What is wrong with its value.
        reason: String,
    },
    /// The caller's fault: more than one call may carry.
    #[error("{place}: the call would carry {bytes} bytes; the limit is {limit}")]
    TooLarge {
        /// The parameter, for a person.
        place: String,
        /// How many bytes it would be.
        bytes: u128,
        /// How many it may be.
        limit: u64,
    },
    /// The caller's fault: a handle that names nothing, or something of another VM.
    #[error("{place}: the handle is not one of this VM, or was closed")]
    StaleHandle {
        /// The parameter, for a person.
        place: String,
    },
    /// The caller's fault: the handle of an object of another type.
    #[error("{place}: the handle is of {is}, and {needed} is needed")]
    WrongHandle {
        /// The parameter, for a person.
        place: String,
        /// What the object is called.
        is: String,
        /// What one is needed.
        needed: String,
    },
    /// The fault of the code in the VM: what the function left cannot be carried back.
    #[error("{place}: {reason}")]
    Callee {
        /// The parameter or result, for a person.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The peer's fault: bytes that break the layout of requests and replies.
    #[error("malformed call: {0}")]
    Malformed(&'static str),
    /// The peer's fault: well-formed bytes that the template does not allow.
    #[error("{place}: the VM answered what it may not: {reason}")]
    Protocol {
        /// The parameter or result, for a person.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// The fault of an earlier call: what the program would go by is not its own.
    #[error(
        "{place}: '{member}' is as a call has left it that does not walk by it, and reaches further \
         than the program had it reach; set it before this call"
    )]
    NotTheCallers {
        /// The parameter, for a person.
        place: String,
        /// The member of its record.
        member: String,
    },
    /// Memory could not be read, written or allocated.
    #[error("{place}: {error}")]
    Memory {
        /// The parameter or result, for a person.
        place: String,
        /// What happened.
        error: MemoryError,
    },
}

/// Why an access to caller or callee memory failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// An address that is not (known to be) there.
    #[error("no memory at {0:#x}")]
    Address(u64),
    /// A terminated array without its terminator.
    #[error("no terminator within {0} elements")]
    Unterminated(u64),
    /// A handle of an object of another type.
    #[error("the handle is of {is}, and {needed} is needed")]
    WrongHandle {
        /// What the object is called.
        is: String,
        /// What one is needed.
        needed: String,
    },
    /// No memory for a copy.
    #[error("out of memory")]
    Exhausted,
    /// A handle that names nothing, or something of another VM.
    #[error("stale handle")]
    StaleHandle,
    /// A table is full, a descriptor is missing, or a deallocator cannot be found.
    #[error("{0}")]
    Other(String),
}

impl MarshalError {
    /// A memory error with its place; a stale handle becomes an error of its own.
    pub(crate) fn memory(place: &str, error: MemoryError) -> MarshalError {
        match error {
            MemoryError::StaleHandle => MarshalError::StaleHandle {
                place: place.to_owned(),
            },
            MemoryError::WrongHandle { is, needed } => MarshalError::WrongHandle {
                place: place.to_owned(),
                is,
                needed,
            },
            error => MarshalError::Memory {
                place: place.to_owned(),
                error,
            },
        }
    }

    pub(crate) fn argument(place: &str, reason: impl Into<String>) -> MarshalError {
        MarshalError::Argument {
            place: place.to_owned(),
            reason: reason.into(),
        }
    }

    pub(crate) fn callee(place: &str, reason: impl Into<String>) -> MarshalError {
        MarshalError::Callee {
            place: place.to_owned(),
            reason: reason.into(),
        }
    }

    pub(crate) fn protocol(place: &str, reason: impl Into<String>) -> MarshalError {
        MarshalError::Protocol {
            place: place.to_owned(),
            reason: reason.into(),
        }
    }
}
