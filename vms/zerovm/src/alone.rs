//! What guests of dialect `fast` rest on, beside what all rest on.
//!
//! Their returns write an address to the stack and then go to it, so nobody else may write the
//! sandbox's memory between the two; and they address memory from gs.
//!
//! | what | how it is so |
//! |---|---|
//! | gs has the sandbox's start as its base | set here and read again; the process cannot set it afterwards, and code of dialect `fast` has no instruction that does |
//! | one thread, and no process with the same memory | the kernel is asked, here; threads cannot be made afterwards, and what forks has memory of its own |
//! | no page that somebody else writes | the space is private memory of no file, and stays it: nothing can be mapped over it |
//! | no transfer that goes on behind a call | channels are files, FIFOs, terminals, and those devices that copy what they are read: [`check_files`] |
//! | no shadow stacks of the user | the kernel is asked, here |
//! | the base and the guards | constants of the layout, looked at by the compiler below |
//!
//! Not meant are those who may write every memory of this process anyway: debuggers of the same user,
//! who are trusted. Signals do not matter: handlers have a stack of their own, and a guest does not go
//! on behind one.

use crate::channel::HostFile;
use nix::errno::Errno;
use nix::libc;
use nix::sched::{CloneFlags, unshare};
use std::ffi::c_int;
use zerovm_session::Error;
use zerovm_session::layout::{BASE, GUARD, SPACE};
use zerovm_validator::Dialect;

const _: () = assert!(BASE.is_multiple_of(SPACE) && GUARD >= 40 << 30);

/// Gives gs its base and checks the rest, for the process as it is from now on.
pub fn establish() -> Result<(), Error> {
    check_single_thread()?;
    check_shadow_stacks()?;
    set_base_of_gs(BASE)
}

/// Refuses files that somebody might still read into the guest's memory when the call that read them
/// is over: devices whose drivers are not known to copy.
pub fn check_files<'f>(
    dialect: Dialect,
    alias: &[u8],
    mut files: impl Iterator<Item = &'f HostFile>,
) -> Result<(), Error> {
    if dialect != Dialect::Fast {
        return Ok(());
    }
    let copies = |file: &HostFile| file.is_copied_by_calls().unwrap_or(false);
    if files.all(copies) {
        return Ok(());
    }
    let alias = String::from_utf8_lossy(alias);
    Err(Error::Channel {
        code: libc::EPROTONOSUPPORT,
        reason: format!(
            "{alias}: of devices, a program of dialect fast has terminals, null, zero, full and random"
        ),
    })
}

/// The kernel lets only a process of one thread, whose memory is nobody else's, stop sharing it; for
/// such a one that changes nothing.
fn check_single_thread() -> Result<(), Error> {
    match unshare(CloneFlags::CLONE_VM) {
        Ok(()) => Ok(()),
        // Whoever confines this process allows no such question.
        Err(Errno::EPERM | Errno::ENOSYS) if threads() == Some(1) => Ok(()),
        Err(error) => Err(refused("being the only thread", error.desc())),
    }
}

fn threads() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/task").ok()?.count())
}

const ARCH_SET_GS: c_int = 0x1001;
const ARCH_GET_GS: c_int = 0x1004;
const ARCH_SHSTK_STATUS: c_int = 0x5005;
const SHADOW_STACK: u64 = 1;

fn check_shadow_stacks() -> Result<(), Error> {
    let mut features = 0_u64;
    // SAFETY: the kernel writes one word there.
    let asked = unsafe { arch_prctl(ARCH_SHSTK_STATUS, (&raw mut features) as u64) };
    // A kernel that does not know the question has none.
    match asked {
        Ok(()) if features & SHADOW_STACK != 0 => Err(refused(
            "running without shadow stacks",
            "they are on for this process",
        )),
        _ => Ok(()),
    }
}

fn set_base_of_gs(base: u64) -> Result<(), Error> {
    let failed = |error: Errno| refused("setting the base of gs", error.desc());
    // SAFETY: no compiled code of this process uses gs.
    unsafe { arch_prctl(ARCH_SET_GS, base) }.map_err(failed)?;
    let mut found = 0_u64;
    // SAFETY: the kernel writes one word there.
    unsafe { arch_prctl(ARCH_GET_GS, (&raw mut found) as u64) }.map_err(failed)?;
    match found == base {
        true => Ok(()),
        false => Err(refused("setting the base of gs", "it has another one")),
    }
}

/// # Safety
///
/// The argument is right for the question.
unsafe fn arch_prctl(question: c_int, argument: u64) -> nix::Result<()> {
    // SAFETY: as the caller promises.
    let answer = unsafe { libc::syscall(libc::SYS_arch_prctl, question, argument) };
    Errno::result(answer).map(drop)
}

fn refused(what: &'static str, why: &str) -> Error {
    Error::Host {
        code: libc::EFAULT,
        what,
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Child;
    use std::io::{Read, Write};

    /// In a process of its own: the test's has threads, and what this does stays.
    #[test]
    fn a_process_of_one_thread_may_run_guests() {
        let child = Child::start(|mut told| {
            let is_alone = u8::from(establish().is_ok());
            u8::from(told.write_all(&[is_alone]).is_err())
        });
        let child = child.expect("a process");
        let mut is_alone = [0];
        (&child.told).read_exact(&mut is_alone).expect("it says so");
        let _ = child.end();
        assert_eq!(is_alone, [1]);
    }

    #[test]
    fn a_process_with_two_threads_may_not() {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let other = std::thread::spawn(move || stopped.recv());
        let error = establish().expect_err("two threads");
        assert!(
            error.to_string().starts_with("being the only thread"),
            "{error}"
        );
        drop(stop);
        let _ = other.join();
    }
}
