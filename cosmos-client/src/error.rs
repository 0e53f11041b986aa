//! What can fail on the client's side, and what a program can learn of a failure.

use cosmos_rpc::message::crash::Crash;
use cosmos_rpc::{Blame, Fault, FaultCode};
use std::fmt;

/// Why something of this crate failed.
///
/// Whatever the variant, [`Error::code`], [`Error::blame`] and [`Error::errno`] classify it, and
/// its `Display` is a message a person can act on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The prototype string was refused before anything was asked of a VM.
    #[error("{0}")]
    Prototype(Refusal),
    /// The Rust signature is not the prototype's.
    #[error("{0}")]
    Signature(SignatureMismatch),
    /// A request or a call failed.
    #[error("{}", .0.fault.message)]
    Failed(Box<Failure>),
}

/// A refused prototype.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The numbered error, `E0103`; empty where the layout, not the text, was refused.
    pub code: String,
    /// One line, without the code.
    pub message: String,
    /// The message with the line and a caret at the token, several lines.
    pub rendered: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.rendered.trim_end())
    }
}

/// Where a Rust signature and a prototype part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureMismatch {
    /// The function.
    pub function: String,
    /// The parameter by name, `result`, or `parameters` where their number differs.
    pub place: String,
    /// What the prototype says, with the Rust type that stands for it.
    pub expected: String,
    /// What the Rust signature says.
    pub found: String,
}

impl fmt::Display for SignatureMismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SignatureMismatch {
            function,
            place,
            expected,
            found,
        } = self;
        write!(
            formatter,
            "{function}: {place}: the prototype says {expected}, the Rust signature {found}"
        )
    }
}

/// A failed request or call and where it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it was, whose fault, in words.
    pub fault: Fault,
    /// The function that was called or looked up; empty where none was.
    pub function: String,
    /// The VM, as `hostfn-3`; empty where none was involved.
    pub vm: String,
    /// The VM's host, `local` for this one; empty where no VM was involved.
    pub host: String,
    /// The signal that ended the VM; 0 where none did.
    pub signal: i32,
    /// The number of the report that is kept of it; empty where none is.
    pub crash: String,
    /// The innermost calls of the VM when it crashed, a line each.
    pub backtrace: Vec<String>,
}

impl Error {
    /// What it was.
    pub fn code(&self) -> FaultCode {
        match self {
            Error::Prototype(_) => FaultCode::BadPrototype,
            Error::Signature(_) => FaultCode::BadArgument,
            Error::Failed(failure) => failure.fault.code,
        }
    }

    /// Whose fault it was.
    pub fn blame(&self) -> Blame {
        match self {
            Error::Prototype(_) | Error::Signature(_) => Blame::Caller,
            Error::Failed(failure) => failure.fault.blame,
        }
    }

    /// The errno a C caller sees for it.
    pub fn errno(&self) -> i32 {
        match self {
            Error::Prototype(_) | Error::Signature(_) => libc::EINVAL,
            Error::Failed(failure) => failure.fault.errno(),
        }
    }

    /// The function that was called or looked up, where one was.
    pub fn function(&self) -> Option<&str> {
        match self {
            Error::Prototype(_) => None,
            Error::Signature(mismatch) => some(&mismatch.function),
            Error::Failed(failure) => some(&failure.function),
        }
    }

    /// The VM, where one was involved.
    pub fn vm(&self) -> Option<&str> {
        self.failure().and_then(|failure| some(&failure.vm))
    }

    /// The VM's host, where one was involved.
    pub fn host(&self) -> Option<&str> {
        self.failure().and_then(|failure| some(&failure.host))
    }

    /// The signal that ended the VM, where one did.
    pub fn signal(&self) -> Option<i32> {
        self.failure()
            .map(|failure| failure.signal)
            .filter(|signal| *signal != 0)
    }

    /// The number of the report that is kept of the VM's crash, `c-3f9a0c12`, where one is: what
    /// `cosmos crash show` takes.
    pub fn crash(&self) -> Option<&str> {
        self.failure().and_then(|failure| some(&failure.crash))
    }

    /// The innermost calls of the VM when it crashed, a line each; none where it did not, or nobody
    /// could look.
    pub fn backtrace(&self) -> &[String] {
        self.failure()
            .map_or(&[], |failure| failure.backtrace.as_slice())
    }

    /// Names the function it happened in.
    pub(crate) fn in_function(mut self, name: &str) -> Error {
        if let Error::Failed(failure) = &mut self {
            failure.function = name.to_owned();
        }
        self
    }

    /// Names the VM it happened in.
    pub(crate) fn in_vm(mut self, vm: &str, host: &str) -> Error {
        if let Error::Failed(failure) = &mut self {
            failure.vm = vm.to_owned();
            failure.host = host.to_owned();
        }
        self
    }

    /// Names the signal that ended the VM.
    pub(crate) fn with_signal(mut self, signal: i32) -> Error {
        if let Error::Failed(failure) = &mut self {
            failure.signal = signal;
        }
        self
    }

    /// Adds what is known of the VM's crash.
    pub(crate) fn with_crash(mut self, crash: &Crash) -> Error {
        if let Error::Failed(failure) = &mut self {
            failure.crash.clone_from(&crash.id);
            failure.backtrace.clone_from(&crash.backtrace);
        }
        self
    }

    fn failure(&self) -> Option<&Failure> {
        match self {
            Error::Failed(failure) => Some(failure),
            _ => None,
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        Error::Failed(Box::new(Failure {
            fault,
            function: String::new(),
            vm: String::new(),
            host: String::new(),
            signal: 0,
            crash: String::new(),
            backtrace: Vec::new(),
        }))
    }
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
