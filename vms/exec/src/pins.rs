//! What programs must be to be run.
//!
//! | a pinned program | its digest is taken of |
//! |---|---|
//! | what the kernel executes itself | the very file that was executed, when the kernel has made it a process and before its first instruction: from then on the kernel lets nobody write to it |
//! | a script | a copy in memory that nobody can change, which is what the interpreter reads |
//!
//! What was there before, or under its name, does not matter.

use crate::program::Program;
use cosmos_rpc::{Fault, FaultCode};
use cosmos_vm_core::pins::{self, Pins};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

/// Most bytes of a script that is pinned.
const LONGEST: u64 = 16 << 20;

/// The program, to be run with what it is pinned to alone.
pub(crate) fn apply(pins: &Pins, program: Program) -> Program {
    match pins.digest(program.path()) {
        Some(digest) => program.pinned_to(digest.to_owned()),
        None => program,
    }
}

/// The SHA-256 of what a process executes, in hexadecimal digits.
pub(crate) fn of_process(pid: i32) -> io::Result<String> {
    pins::digest(File::open(format!("/proc/{pid}/exe"))?)
}

/// The copy of a script that may be run, where this is one and what it is pinned to. `None`: it is none,
/// as far as this file goes, and what becomes of it is compared when it runs.
///
/// # Errors
/// `NotPermitted` for other contents.
pub(crate) fn script(program: &Program) -> Result<Option<OwnedFd>, Fault> {
    let Some(pin) = program.pin() else {
        return Ok(None);
    };
    let path = program.path().display();
    let failed = |error: io::Error| {
        let message = format!("{path} cannot be compared with what it is pinned to: {error}");
        Fault::host(FaultCode::System, message)
    };
    let file = File::open(program.path()).map_err(failed)?;
    let mut text = Vec::new();
    (&file).take(2).read_to_end(&mut text).map_err(failed)?;
    if text != b"#!" {
        return Ok(None);
    }
    (&file)
        .take(LONGEST)
        .read_to_end(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > LONGEST {
        let message = format!("{path} is a script of more than 16 MiB, and cannot be pinned");
        return Err(Fault::caller(FaultCode::TooLarge, message));
    }
    if pins::digest(&text[..]).map_err(failed)? != pin {
        return Err(pins::refusal(program.path()));
    }
    sealed(&text).map(Some).map_err(failed)
}

/// These bytes as a file that nobody can change.
fn sealed(bytes: &[u8]) -> io::Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let mut file = File::from(memfd_create(c"script", flags)?);
    file.write_all(bytes)?;
    let seals = SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SHRINK;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals | SealFlag::F_SEAL_SEAL))?;
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    #[test]
    fn the_digest_of_a_process_is_that_of_its_file() {
        let own = std::process::id() as i32;
        let file = std::env::current_exe()
            .and_then(File::open)
            .expect("its file");
        assert_eq!(
            of_process(own).expect("a digest"),
            pins::digest(file).expect("one")
        );
    }

    #[test]
    fn a_script_that_is_pinned_becomes_a_copy_that_nobody_can_change() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("script");
        let write = |text: &str| {
            std::fs::write(&path, text).expect("written");
            let executable = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(&path, executable).expect("its mode");
        };
        let text = "#!/bin/sh\necho here\n";
        let digest = pins::digest(text.as_bytes()).expect("a digest");
        write(text);
        let pins = Pins::of(vec![(digest, path.clone())]);
        let pinned = |path: &PathBuf| apply(&pins, Program::open(path).expect("a program"));
        let copy = script(&pinned(&path)).expect("its contents");
        let mut copy = File::from(copy.expect("a script"));
        assert!(copy.write_all(b"x").is_err(), "it can be written to");
        assert!(copy.set_len(0).is_err(), "it can be cut");
        write("#!/bin/sh\necho there\n");
        let error = script(&pinned(&path)).expect_err("other contents");
        assert_eq!(error.code, FaultCode::NotPermitted, "{error}");
        // What is none is compared when it runs, and what is not pinned is nobody's business.
        write("\x7fELF");
        assert!(script(&pinned(&path)).expect("no script").is_none());
        let other = Program::open("/bin/sh".as_ref()).expect("a shell");
        assert!(script(&apply(&pins, other)).expect("a shell").is_none());
    }
}
