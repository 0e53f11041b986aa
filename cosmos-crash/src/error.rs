//! What can go wrong with reports.

use std::path::PathBuf;

/// Why a report could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum CrashError {
    /// It is no number of a report.
    #[error("`{0}` is no number of a crash report; one looks like c-3f9a0c12")]
    BadId(String),
    /// There is none of this number.
    #[error("there is no crash report {0}; `cosmos crash ls` shows those there are")]
    NoSuchReport(String),
    /// The directory is somebody else's, or open to others.
    #[error("{} is not safe for crash reports: {why}; set crash_directory in cosmos.toml to another", directory.display())]
    Unsafe {
        /// The directory.
        directory: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The system refused something.
    #[error("crash reports: {}: {error}", path.display())]
    System {
        /// What it was about.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is none of a report.
    #[error("{} is no crash report: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The report is larger than one may be.
    #[error("a crash report of {0} bytes is not kept")]
    TooLarge(usize),
}
