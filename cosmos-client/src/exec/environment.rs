//! What a program finds in its environment: PATH, and what it was given.
//!
//! A file of variables has one a line: `NAME=value`, or `NAME` alone for this process's. Lines that
//! begin with `#`, and empty ones, say nothing. A value is all that follows the first `=`, quotes and
//! spaces included.

use crate::trace;
use cosmos_program::search_path;
use cosmos_rpc::{Fault, FaultCode};
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// Most bytes of a file of variables.
const LONGEST_FILE: u64 = 1 << 20;

/// By which a program is told what it is a part of.
const TRACEPARENT: &str = "TRACEPARENT";

/// Variables, each name once.
#[derive(Clone, Debug)]
pub(super) struct Environment {
    /// Whether PATH is this process's because nobody said otherwise.
    path_is_own: bool,
    /// Whether TRACEPARENT is this process's: the step that this one is in, where it writes a trace.
    is_traced: bool,
    variables: Vec<(OsString, OsString)>,
}

impl Default for Environment {
    fn default() -> Environment {
        Environment {
            path_is_own: true,
            is_traced: false,
            variables: vec![("PATH".into(), search_path())],
        }
    }
}

impl Environment {
    /// Sets a variable.
    pub(super) fn set(&mut self, name: &OsStr, value: &OsStr) {
        self.remove(name);
        self.variables.push((name.into(), value.into()));
    }

    /// Takes a variable out.
    pub(super) fn remove(&mut self, name: &OsStr) {
        self.path_is_own &= name != "PATH";
        self.is_traced &= name != TRACEPARENT;
        self.variables.retain(|(known, _)| known != name);
    }

    /// Sets a variable as this process has it; one that it does not have is taken out.
    pub(super) fn inherit(&mut self, name: &OsStr) {
        match env::var_os(name) {
            Some(value) => self.set(name, &value),
            None => self.remove(name),
        }
        self.is_traced |= name == TRACEPARENT;
    }

    /// Whether there is one of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.variables.iter().any(|(known, _)| known == name)
    }

    /// Sets what a file says.
    pub(super) fn read_file(&mut self, path: &Path) -> Result<(), Fault> {
        let bad = |what: String| {
            let message = format!("the file of variables {}: {what}", path.display());
            Fault::caller(FaultCode::BadArgument, message)
        };
        let text = read(path).map_err(|error| bad(error.to_string()))?;
        for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let (name, value) = split(line);
            if name.is_empty() || line.contains(&0) {
                return Err(bad(format!("line {} is no NAME=value", number + 1)));
            }
            match value {
                Some(value) => self.set(name, value),
                None => self.inherit(name),
            }
        }
        Ok(())
    }

    /// As a program gets them, `NAME=value` each. On another machine it gets the PATH of that one,
    /// unless somebody said otherwise.
    pub(super) fn texts(&self, is_here: bool) -> Result<Vec<Vec<u8>>, Fault> {
        let own = trace::traceparent().filter(|_| self.is_traced);
        let own = own.map(|own| (OsString::from(TRACEPARENT), OsString::from(own)));
        let is_replaced = |name: &OsString| own.is_some() && name == TRACEPARENT;
        let means_here = |name: &OsString| name == "PATH" && self.path_is_own;
        let variables = self.variables.iter();
        variables
            .filter(|(name, _)| (is_here || !means_here(name)) && !is_replaced(name))
            .chain(&own)
            .map(text)
            .collect()
    }
}

/// A name and, after `=`, its value.
fn split(line: &[u8]) -> (&OsStr, Option<&OsStr>) {
    let mut parts = line.splitn(2, |byte| *byte == b'=');
    let mut next = || parts.next().map(OsStr::from_bytes);
    (next().unwrap_or_default(), next())
}

fn text((name, value): &(OsString, OsString)) -> Result<Vec<u8>, Fault> {
    let mut text = name.clone().into_vec();
    if text.is_empty() || text.contains(&b'=') {
        let message = format!("'{}' is no name of a variable", name.display());
        return Err(Fault::caller(FaultCode::BadArgument, message));
    }
    text.push(b'=');
    text.extend_from_slice(value.as_bytes());
    if text.contains(&0) {
        let message = format!("a NUL byte in the variable {}", name.display());
        return Err(Fault::caller(FaultCode::BadArgument, message));
    }
    Ok(text)
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut text = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(LONGEST_FILE + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LONGEST_FILE {
        return Err(std::io::Error::other("it is longer than 1 MiB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_file(text: &str) -> Result<Environment, Fault> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        let mut environment = Environment {
            path_is_own: false,
            is_traced: false,
            variables: Vec::new(),
        };
        environment.read_file(file.path())?;
        Ok(environment)
    }

    #[test]
    fn a_file_sets_variables() {
        let text = "# of a test\n\nA=1\nB= spaced \"quoted\" \r\nA=2=3\nPATH\nNOBODY_HAS_THIS\n";
        let mut texts = of_file(text)
            .expect("variables")
            .texts(true)
            .expect("texts");
        texts.retain(|text| !text.starts_with(b"PATH="));
        assert_eq!(texts, [&b"B= spaced \"quoted\" "[..], b"A=2=3"]);
        for bad in ["=1\n", "A=\0\n"] {
            assert!(of_file(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn it_is_clean_but_for_the_path() {
        let mut environment = Environment::default();
        let texts = environment.texts(true).expect("texts");
        assert_eq!(texts.len(), 1);
        assert!(texts[0].starts_with(b"PATH="));
        environment.set("A".as_ref(), "1".as_ref());
        environment.inherit("NOBODY_HAS_THIS".as_ref());
        environment.remove("PATH".as_ref());
        assert_eq!(environment.texts(true).expect("texts"), [b"A=1"]);
        for name in ["", "A=B", "A\0"] {
            let mut environment = environment.clone();
            environment.set(name.as_ref(), "1".as_ref());
            assert!(environment.texts(true).is_err(), "{name:?}");
        }
    }
}
