//! Why nothing was made.

use crate::Dialect;
use crate::reason::Reason;
use std::io;
use std::path::{Path, PathBuf};

/// Why `zcc` made nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A statement that cannot be made to keep the rules.
    #[error("{}:{line}: {reason}", file.display())]
    Refused {
        /// The source file, as far as it is known.
        file: PathBuf,
        /// The line there.
        line: u32,
        /// What is wrong with it.
        reason: Reason,
    },
    /// An option that does not go with a sandbox.
    #[error("{option}: {why}")]
    Option {
        /// The option as it was given.
        option: String,
        /// Why it is refused.
        why: &'static str,
    },
    /// A file that cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file of a kind that is neither source nor object.
    #[error("{}: not a file that zcc knows what to do with: its name ends with none of .c, .s, .o and .a", .0.display())]
    UnknownFile(PathBuf),
    /// Assembly that is not text.
    #[error("{}: not text in UTF-8", .0.display())]
    NotText(PathBuf),
    /// A program that is not there.
    #[error("{program} is not there or does not start ({error}): install {package}")]
    MissingTool {
        /// Which program.
        program: &'static str,
        /// The package of Debian that has it.
        package: &'static str,
        /// What the system said.
        error: io::Error,
    },
    /// A program that failed; it has said why.
    #[error("{program} failed ({status})")]
    Tool {
        /// Which program.
        program: &'static str,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// gcc has no x32.
    #[error("this gcc does not compile for x32 (-mx32): zcc needs gcc for x86-64")]
    NoX32,
    /// The assembler made something else than was written.
    #[error("{}: the assembler and zcc disagree: {what}", file.display())]
    Disagreement {
        /// The source file.
        file: PathBuf,
        /// About what.
        what: String,
    },
    /// An object of another compiler.
    #[error("{what}: not made by zcc, so nothing is known of its code")]
    ForeignObject {
        /// The object, and the archive it is in.
        what: String,
    },
    /// An object of another dialect.
    #[error("{what}: made for the dialect {found}, and the program is for {wanted}")]
    OtherDialect {
        /// The object, and the archive it is in.
        what: String,
        /// What it was made for.
        found: String,
        /// What is linked.
        wanted: Dialect,
    },
    /// A library that is nowhere.
    #[error("no library lib{0}.a in the directories that -L names")]
    NoLibrary(String),
    /// Several outputs for one name.
    #[error("-o names one file, and there are {0} to be written")]
    OneOutput(usize),
    /// Nothing to do.
    #[error("no input files")]
    NoInput,
    /// The loader would refuse what was linked.
    #[error("the linked program is not one that is loaded: {0}")]
    NotLoaded(String),
    /// The validator refuses what was linked. That is a mistake of zcc.
    #[error("the validator refuses what zcc made, which is a mistake of zcc: {at}{violation}")]
    NotValid {
        /// The function, if it is known.
        at: String,
        /// What the validator said.
        violation: String,
    },
    /// A program that is larger than the memory it is to run in.
    #[error(
        "the program needs {needed} bytes of memory before it allocates any, and has {memory}: raise --memory and the manifest's Memory, or make its data smaller"
    )]
    TooLarge {
        /// What it needs.
        needed: u64,
        /// What it has.
        memory: u64,
    },
    /// Nowhere to keep the compiled runtime.
    #[error(
        "nowhere to keep the compiled runtime: set ZCC_CACHE, XDG_CACHE_HOME or HOME to a directory"
    )]
    NoCache,
}

impl Error {
    /// An error about a file.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::File { path, error }
    }
}
