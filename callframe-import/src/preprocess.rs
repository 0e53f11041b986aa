//! The text of a header as the system's C preprocessor leaves it, markers of lines included.

use crate::error::ImportError;
use std::io::Write;
use std::process::{Command, Stdio};

/// Most bytes of preprocessed text: as much as is read of a file of declarations.
const LARGEST: usize = 4 << 20;

/// A header and how to preprocess it.
#[derive(Clone, Debug, Default)]
pub struct Header {
    /// A path, or a name that the preprocessor searches for: `zlib.h`, `curl/curl.h`.
    pub name: String,
    /// Directories to search first, as `-I` gives them.
    pub include: Vec<String>,
    /// Macros, `NAME` or `NAME=VALUE`, as `-D` gives them.
    pub define: Vec<String>,
}

impl Header {
    /// Runs the preprocessor: what `CC` names, else `cc`.
    ///
    /// # Errors
    /// When it cannot be run, refuses the header, or leaves what is no text.
    pub fn preprocess(&self) -> Result<String, ImportError> {
        let compiler = std::env::var("CC").unwrap_or_default();
        let mut words = compiler.split_whitespace();
        let program = words.next().unwrap_or("cc").to_owned();
        let mut command = Command::new(&program);
        command.args(words).args(["-E", "-x", "c"]);
        for directory in &self.include {
            command.arg("-I").arg(directory);
        }
        for name in &self.define {
            command.arg("-D").arg(name);
        }
        let source = format!("#include {}\n", self.included()?);
        let output = run(command.arg("-"), &source).map_err(|source| ImportError::NoCompiler {
            program: program.clone(),
            source,
        })?;
        if !output.status.success() {
            return Err(ImportError::Refused {
                program,
                header: self.name.clone(),
                said: String::from_utf8_lossy(&output.stderr)
                    .trim_end()
                    .to_owned(),
            });
        }
        let unreadable = |reason: String| ImportError::Unreadable {
            program: program.clone(),
            header: self.name.clone(),
            reason,
        };
        if output.stdout.len() > LARGEST {
            return Err(unreadable(format!(
                "it has {} bytes, more than {LARGEST}",
                output.stdout.len()
            )));
        }
        String::from_utf8(output.stdout).map_err(|error| unreadable(error.to_string()))
    }

    /// Whether the preprocessor searches for it, as no file has the name.
    pub fn is_searched(&self) -> bool {
        !std::path::Path::new(&self.name).is_file()
    }

    /// How an `#include` names it: a file that is there by its path, anything else to be searched.
    fn included(&self) -> Result<String, ImportError> {
        let bad = || ImportError::BadName(self.name.clone());
        if self.name.is_empty() || self.name.contains(['\n', '\r', '"', '<', '>', '\0']) {
            return Err(bad());
        }
        if self.is_searched() {
            return Ok(format!("<{}>", self.name));
        }
        let path = std::path::absolute(&self.name).map_err(|_| bad())?;
        match path.to_str() {
            Some(path) if !path.contains(['\n', '"']) => Ok(format!("\"{path}\"")),
            _ => Err(bad()),
        }
    }
}

fn run(command: &mut Command, input: &str) -> std::io::Result<std::process::Output> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A preprocessor that ended before it read a line says why on standard error.
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output()
}
