//! What programs must be to be run.
//!
//! The digest of a program that is pinned is taken of the very file that was executed, when the kernel has
//! made it one and before its first instruction: from then on the kernel lets nobody write to it. What
//! was there before, or under its name, does not matter.

use crate::program::Program;
use cosmos_rpc::{Fault, FaultCode};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

/// Bytes read at once.
const PIECE: usize = 256 << 10;

/// Digests by the paths of programs, without links.
#[derive(Debug)]
pub(crate) struct Pins(HashMap<PathBuf, String>);

impl Pins {
    pub(crate) fn of(pins: Vec<(String, PathBuf)>) -> Pins {
        let pins = pins.into_iter();
        Pins(
            pins.map(|(digest, path)| (path.canonicalize().unwrap_or(path), digest))
                .collect(),
        )
    }

    /// The program, to be run with what it is pinned to alone.
    ///
    /// # Errors
    /// `NotLoadable` for a script: what its interpreter reads later nobody can know.
    pub(crate) fn apply(&self, program: Program) -> Result<Program, Fault> {
        let path = program.path();
        let known = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let Some(digest) = self.0.get(&known) else {
            return Ok(program);
        };
        let mut begin = [0; 2];
        let read = File::open(&known).and_then(|mut file| file.read_exact(&mut begin));
        if read.is_ok() && &begin == b"#!" {
            let message = format!(
                "{} is a script, and cannot be pinned: its interpreter reads it anew",
                path.display()
            );
            return Err(Fault::caller(FaultCode::NotLoadable, message));
        }
        Ok(program.pinned_to(digest.clone()))
    }
}

/// The SHA-256 of what a process executes, in hexadecimal digits.
pub(crate) fn of_process(pid: i32) -> io::Result<String> {
    digest(File::open(format!("/proc/{pid}/exe"))?)
}

fn digest(mut file: File) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => digest.update(piece.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let bytes = digest.finalize();
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_program_is_pinned_by_whatever_path_it_is_opened() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("program");
        std::fs::write(&path, "\x7fELF").expect("written");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, executable).expect("its mode");
        let link = directory.path().join("link");
        symlink(&path, &link).expect("a link");
        let pins = Pins::of(vec![("ab".to_owned(), link.clone())]);
        for path in [&path, &link] {
            let program = Program::open(path).expect("a program");
            let program = pins.apply(program).expect("no script");
            assert_eq!(program.pin(), Some("ab"));
        }
        std::fs::write(&path, "#!/bin/sh\n").expect("written");
        let script = Program::open(&path).expect("a program");
        assert!(pins.apply(script).is_err());
        let other = Program::open("/bin/sh".as_ref()).expect("a shell");
        assert_eq!(pins.apply(other).expect("not pinned").pin(), None);
    }

    #[test]
    fn the_digest_of_a_process_is_that_of_its_file() {
        let own = std::process::id() as i32;
        let file = std::env::current_exe()
            .and_then(File::open)
            .expect("its file");
        assert_eq!(
            of_process(own).expect("a digest"),
            digest(file).expect("one")
        );
        let abc = tempfile::tempdir().expect("a directory");
        let path = abc.path().join("abc");
        std::fs::write(&path, "abc").expect("written");
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(
            digest(File::open(&path).expect("a file")).expect("one"),
            expected
        );
    }
}
