//! What a process cannot do any more, tried in one that has given it up: a child of the test's.

use super::*;
use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use std::fs::File;
use std::io::Read;
use std::os::fd::IntoRawFd;
use std::sync::mpsc::channel;

/// A directory of a test's own, and what becomes of it.
pub(crate) struct Place(std::path::PathBuf);

impl Place {
    pub(crate) fn new(name: &str) -> Place {
        let name = format!("cosmos-confine-{name}-{}", std::process::id());
        let place = Place(std::env::temp_dir().join(name));
        std::fs::create_dir(&place.0).unwrap();
        place
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        &self.0
    }

    /// A file of this name, with this in it.
    pub(crate) fn file(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn directory(&self, name: &str) -> std::path::PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir(&path).unwrap();
        path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How a child ended that did this; what it panicked with it says on its standard error.
pub(crate) fn child(body: impl FnOnce()) -> WaitStatus {
    // SAFETY: the child has the calling thread alone, and ends by _exit. What it calls of the C library is
    // good in such a child.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => waitpid(child, None).unwrap(),
        ForkResult::Child => {
            // SAFETY: a child that hangs fails the test by this signal.
            unsafe { libc::alarm(30) };
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            // SAFETY: ends the child without running anything of the test harness.
            unsafe { libc::_exit(i32::from(done.is_err())) }
        }
    }
}

/// Does this in a child, where it must not panic.
#[track_caller]
pub(crate) fn in_child(body: impl FnOnce()) {
    let ended = child(body);
    assert!(matches!(ended, WaitStatus::Exited(_, 0)), "{ended:?}");
}

/// The error of what must not work.
#[track_caller]
pub(crate) fn refused<T>(result: std::io::Result<T>) -> Errno {
    let error = result.err().expect("it is refused");
    Errno::from_raw(error.raw_os_error().expect("by the kernel"))
}

#[test]
fn a_thread_more_is_noticed() {
    // The other tests have threads of their own, which come and go.
    let there = || match has_threads(0) {
        Err(Error::Threads { there, .. }) => there,
        other => panic!("{other:?}"),
    };
    let others: Vec<_> = (0..200)
        .map(|_| channel::<()>())
        .map(|(stay, stays)| (stay, std::thread::spawn(move || stays.recv())))
        .collect();
    assert!(there() > 200);
    for (stay, thread) in others {
        drop(stay);
        assert!(thread.join().unwrap().is_err());
    }
    assert!(there() < 200);
}

/// Who computes alone reads what it has open, and is killed for opening anything.
#[test]
fn who_is_alone_opens_nothing() {
    let place = Place::new("alone");
    let path = place.file("open", "what it has");
    in_child(|| {
        let mut file = File::open(&path).unwrap();
        alone::confine().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "what it has");
        // Where closing is checked the number is asked about first, which is not allowed.
        std::mem::forget(file);
    });
    let ended = child(|| {
        alone::confine().unwrap();
        drop(File::open(&path));
    });
    let WaitStatus::Signaled(_, signal, _) = ended else {
        panic!("{ended:?}")
    };
    assert_eq!(signal, nix::sys::signal::Signal::SIGSYS);
}

/// The lines of a `/proc/PID/status` that say what capabilities there are.
fn capabilities(status: &str) -> Vec<(String, u64)> {
    let lines = status.lines().filter_map(|line| {
        let (name, set) = line.strip_prefix("Cap")?.split_once(':')?;
        Some((name.to_owned(), u64::from_str_radix(set.trim(), 16).ok()?))
    });
    lines.collect()
}

/// Nothing is left, now or after an exec; where the test is not root's it had none before.
#[test]
fn capabilities_do_not_come_back() {
    in_child(|| {
        // SAFETY: integers only.
        unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
        privileges::give_up().unwrap();
        let itself = std::fs::read_to_string("/proc/self/status").unwrap();
        let after = std::process::Command::new("/bin/cat")
            .arg("/proc/self/status")
            .output()
            .unwrap();
        let after = String::from_utf8(after.stdout).unwrap();
        let is_root = nix::unistd::geteuid().is_root();
        for status in [itself, after] {
            let sets = capabilities(&status);
            assert_eq!(sets.len(), 5, "{sets:?}");
            let left = |(name, set): &&(String, u64)| *set != 0 && (is_root || name != "Bnd");
            assert_eq!(sets.iter().find(left), None);
        }
        // SAFETY: integers only.
        let bits = unsafe { libc::prctl(libc::PR_GET_SECUREBITS, 0, 0, 0, 0) };
        assert!(!is_root || bits == 0b1100_1111, "{bits:#b}");
    });
}

/// What is refused is told by name, and the caller gets EPERM.
#[test]
fn the_listener_hears_of_what_is_refused() {
    let filter = filter::second(&NOTHING).unwrap();
    in_child(|| {
        // SAFETY: integers only.
        unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
        let (told, heard) = channel();
        let confined = std::thread::spawn(move || {
            told.send(filter.install_with_listener().unwrap()).unwrap();
            leaves_its_space()
        });
        let listener = listener::Listener::new(heard.recv().unwrap());
        let refused = listener.receive().unwrap().expect("a call");
        assert_eq!(refused.name(), "unshare");
        refused.answer().unwrap();
        assert_eq!(confined.join().unwrap(), (-1, Errno::EPERM));
    });
}

/// Every thread is under it, those that were there before, too. Nobody hears of it here, so what is refused is
/// not there.
#[test]
fn a_filter_is_that_of_all_threads() {
    let filter = filter::second(&NOTHING).unwrap();
    in_child(|| {
        // SAFETY: integers only.
        unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
        let (go, goes) = channel();
        let before = std::thread::spawn(move || {
            let () = goes.recv().unwrap();
            leaves_its_space()
        });
        let listener = filter.install_everywhere().unwrap();
        // SAFETY: it is this function's, which forgets it.
        unsafe { libc::close(listener.into_raw_fd()) };
        go.send(()).unwrap();
        assert_eq!(before.join().unwrap(), (-1, Errno::ENOSYS));
        assert_eq!(leaves_its_space(), (-1, Errno::ENOSYS));
    });
}

/// A call that nobody is allowed who is confined.
fn leaves_its_space() -> (i32, Errno) {
    // SAFETY: integers only; nothing comes of it.
    let made = unsafe { libc::unshare(libc::CLONE_NEWUTS) };
    (made, Errno::last())
}

const NOTHING: rules::Permissions = rules::Permissions {
    pid: 0,
    network: false,
    memory_files: false,
    programs: false,
    processes: false,
    is_program: false,
};
