//! A line for every trap, in a file.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Instant;
use zerovm_session::Error;

/// The open file, and when the last line was written.
#[derive(Debug)]
pub struct Trace {
    file: File,
    start: Instant,
    last: Instant,
}

impl Trace {
    /// Opens the file for lines after those that it has.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |why: String| Error::Host {
            code: nix::libc::EFAULT,
            what: "trace file",
            why,
        };
        if !path.is_absolute() {
            return Err(failed("only an absolute path is allowed".into()));
        }
        let opened = OpenOptions::new().append(true).create(true).open(path);
        let mut file = opened.map_err(|error| failed(error.to_string()))?;
        let zeros = "0".repeat(48);
        let _ = writeln!(file, "[{}] {zeros}", std::process::id());
        let now = Instant::now();
        Ok(Self {
            file,
            start: now,
            last: now,
        })
    }

    /// Writes what took the time since the last line. A full disk is no reason to end a session.
    pub fn line(&mut self, text: &str) {
        let now = Instant::now();
        let elapsed = (now - self.start).as_secs_f64();
        let delta = (now - self.last).as_secs_f64();
        self.last = now;
        let line = format!("{elapsed:.6} [{delta:.6}]: {text}\n");
        let _ = self.file.write_all(line.as_bytes());
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let _ = self.file.write_all(b"\n");
    }
}
