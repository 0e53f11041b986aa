//! Why a session does not start or ends early: the exit code and the sixth line of the report.

use crate::elf::Refusal;

/// A failure of the session. Its text is the report's exit state, its [`code`](Error::code) the
/// exit status of the process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The manifest cannot be opened.
    #[error("cannot open the manifest: {0}")]
    ManifestUnreadable(String),
    /// The manifest is empty.
    #[error("the manifest is empty")]
    ManifestEmpty,
    /// A line of the manifest is wrong.
    #[error("MANIFEST {line}: {reason}")]
    ManifestLine {
        /// Which one; the first is 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The manifest as a whole is wrong.
    #[error("{0}")]
    Manifest(String),
    /// The program cannot be opened.
    #[error("program open error")]
    ProgramUnreadable,
    /// The machine would let data be executed.
    #[error("dep not supported")]
    DataIsExecutable,
    /// The program is no program of this format.
    #[error("{0}")]
    Program(Refusal),
    /// The program's code may do what it must not.
    #[error("validation failed")]
    Validation,
    /// A channel cannot be had.
    #[error("{reason}")]
    Channel {
        /// The error number that is the exit status.
        code: i32,
        /// Which channel, and what is wrong with it.
        reason: String,
    },
    /// The memory that the manifest asks for cannot be had.
    #[error("{0}")]
    Memory(String),
    /// The manifest gives no time.
    #[error("invalid timeout {0}")]
    Timeout(i32),
    /// It is started as root, and root is not given up.
    #[error("zerovm is not permitted to run as root")]
    Root,
    /// The trap was called without an argument.
    #[error("trap called without arguments")]
    TrapArgument,
    /// Another slot of the trampoline than the trap's was called.
    #[error("nacl syscall #{0} received")]
    ForeignCall(u64),
    /// A signal ended the session; the text says which and where.
    #[error("{0}")]
    Signal(String),
    /// The host cannot do what a session needs.
    #[error("{what}: {why}")]
    Host {
        /// The error number that is the exit status.
        code: i32,
        /// What was tried.
        what: &'static str,
        /// What the host said.
        why: String,
    },
}

impl Error {
    /// The exit status of the process.
    pub fn code(&self) -> i32 {
        match self {
            Self::ManifestUnreadable(_) | Self::ProgramUnreadable => libc::ENOENT,
            Self::ManifestEmpty => libc::EIO,
            Self::ManifestLine { .. }
            | Self::Manifest(_)
            | Self::DataIsExecutable
            | Self::Timeout(_)
            | Self::TrapArgument => libc::EFAULT,
            Self::Program(refusal) => refusal.code(),
            Self::Validation => libc::ENOEXEC,
            Self::Memory(_) => libc::ENOMEM,
            Self::Root => libc::EPERM,
            Self::ForeignCall(_) => libc::EINVAL,
            Self::Signal(_) => libc::EINTR,
            Self::Channel { code, .. } | Self::Host { code, .. } => *code,
        }
    }

    pub(crate) fn channel(code: i32, reason: impl Into<String>) -> Self {
        Self::Channel {
            code,
            reason: reason.into(),
        }
    }
}
