//! The programs of the system that zcc runs: gcc, as and ld.

use crate::Error;
use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// A program of the system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    program: &'static str,
    package: &'static str,
}

pub(crate) const GCC: Tool = Tool::new("gcc", "gcc");
pub(crate) const AS: Tool = Tool::new("as", "binutils");
pub(crate) const LD: Tool = Tool::new("ld", "binutils");

impl Tool {
    pub(crate) const fn new(program: &'static str, package: &'static str) -> Self {
        Self { program, package }
    }

    /// Runs it; what it prints goes where zcc's own messages go.
    pub(crate) fn run<S: AsRef<OsStr>>(
        self,
        arguments: impl IntoIterator<Item = S>,
        verbose: bool,
    ) -> Result<(), Error> {
        let mut command = self.command(arguments, verbose);
        let status = command.stdin(Stdio::null()).status();
        self.ended(status.map_err(|error| self.missing(error))?)
    }

    /// Runs it and returns what it prints.
    pub(crate) fn output<S: AsRef<OsStr>>(
        self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<String, Error> {
        let mut command = self.command(arguments, false);
        let output = command
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output();
        let output = output.map_err(|error| self.missing(error))?;
        self.ended(output.status)?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Runs it with a text to read.
    pub(crate) fn feed<S: AsRef<OsStr>>(
        self,
        arguments: impl IntoIterator<Item = S>,
        text: &str,
        verbose: bool,
    ) -> Result<(), Error> {
        let mut command = self.command(arguments, verbose);
        let child = command.stdin(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| self.missing(error))?;
        if let Some(mut input) = child.stdin.take() {
            // One that ends early says why itself.
            _ = input.write_all(text.as_bytes());
        }
        let status = child.wait().map_err(|error| self.missing(error))?;
        self.ended(status)
    }

    fn command<S: AsRef<OsStr>>(
        self,
        arguments: impl IntoIterator<Item = S>,
        verbose: bool,
    ) -> Command {
        let mut command = Command::new(self.program);
        // Messages are read by people and by tests: the same words everywhere.
        command.args(arguments).env("LC_ALL", "C");
        if verbose {
            eprintln!("{command:?}");
        }
        command
    }

    fn missing(self, error: std::io::Error) -> Error {
        Error::MissingTool {
            program: self.program,
            package: self.package,
            error,
        }
    }

    fn ended(self, status: std::process::ExitStatus) -> Result<(), Error> {
        match status.success() {
            true => Ok(()),
            false => Err(Error::Tool {
                program: self.program,
                status,
            }),
        }
    }
}

/// Assembles a text to a file.
pub(crate) fn assemble(text: &str, object: &Path, verbose: bool) -> Result<(), Error> {
    let arguments = [
        OsStr::new("--64"),
        OsStr::new("-o"),
        object.as_os_str(),
        OsStr::new("-"),
    ];
    AS.feed(arguments, text, verbose)
}
