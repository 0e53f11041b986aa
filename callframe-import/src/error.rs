//! Why a header could not be read at all.

/// Whose fault is that of the machine, or of who named the header.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There is no C compiler, or it cannot be run: the machine's matter.
    #[error("the C compiler {program} cannot be run: {source}; install one, or name it in CC")]
    NoCompiler {
        /// What was run.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The preprocessor refused the header: the caller's matter.
    #[error("{program} cannot preprocess {header}:\n{said}")]
    Refused {
        /// What was run.
        program: String,
        /// The header as it was named.
        header: String,
        /// What it said on standard error.
        said: String,
    },
    /// The header cannot be named in an `#include`: the caller's matter.
    #[error("{0:?} cannot be the name of a header")]
    BadName(String),
    /// What came out is no text, or too much of it.
    #[error("{header}: what {program} made of it cannot be read: {reason}")]
    Unreadable {
        /// What was run.
        program: String,
        /// The header as it was named.
        header: String,
        /// What stands in the way.
        reason: String,
    },
}
