//! Telling a forked child from its parent without a system call.
//!
//! What tells them apart is [`cosmos_rpc::generation`].
//!
//! A child also holds copies of its parent's sockets, which would keep a VM alive after the parent
//! has ended. So the sockets of this library are listed, and a fork replaces them in the child by
//! `/dev/null`: under the same numbers, for what owns those numbers is still there.

pub(crate) use cosmos_rpc::generation::{generation, is_current};
use std::ops::{Deref, DerefMut};
use std::os::fd::AsRawFd;

/// Something with a socket that no forked child keeps.
#[derive(Debug)]
pub(crate) struct Own<T> {
    // Dropped first: a number must leave the list before it can mean another file.
    _listed: sockets::Listed,
    inner: T,
}

impl<T: AsRawFd> Own<T> {
    /// Lists the socket of `inner`.
    pub(crate) fn new(inner: T) -> Own<T> {
        Own {
            _listed: sockets::list(inner.as_raw_fd()),
            inner,
        }
    }
}

impl<T> Deref for Own<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for Own<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

/// Runs `body`, which uses a lock of a C library that knows nothing of forks, so that no fork of
/// another thread finds that lock taken: the child would wait for it for ever.
pub(crate) fn apart_from_forks<T>(body: impl FnOnce() -> T) -> T {
    gate::prepare();
    let _closed = gate::Closed::new();
    body()
}

/// A lock that a fork takes before, and that both processes give back after. It is recursive: a
/// signal handler may fork in the middle of what it guards.
mod gate {
    use std::cell::UnsafeCell;
    use std::sync::Once;

    struct Gate(UnsafeCell<libc::pthread_mutex_t>);

    // SAFETY: only the functions of pthread touch the mutex, which any thread may call.
    unsafe impl Sync for Gate {}

    static GATE: Gate = Gate(UnsafeCell::new(
        libc::PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP,
    ));

    /// Held while it lives, by the thread that made it.
    pub(super) struct Closed(std::marker::PhantomData<*const ()>);

    impl Closed {
        pub(super) fn new() -> Closed {
            close();
            Closed(std::marker::PhantomData)
        }
    }

    impl Drop for Closed {
        fn drop(&mut self) {
            open();
        }
    }

    pub(super) fn prepare() {
        static ONCE: Once = Once::new();
        // SAFETY: the handlers lock and unlock a mutex that lives as long as the process.
        ONCE.call_once(|| unsafe {
            libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child));
        });
    }

    extern "C" fn before() {
        close();
    }

    extern "C" fn in_parent() {
        open();
    }

    extern "C" fn in_child() {
        // It is still locked by the thread that forked, whose number this one does not have.
        // SAFETY: a child has this one thread, so nobody uses the mutex.
        unsafe {
            GATE.0
                .get()
                .write(libc::PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP)
        };
    }

    fn close() {
        // SAFETY: the mutex is initialised and never moved.
        unsafe { libc::pthread_mutex_lock(GATE.0.get()) };
    }

    fn open() {
        // SAFETY: as above; in a child that forked inside of its own lock this does nothing.
        unsafe { libc::pthread_mutex_unlock(GATE.0.get()) };
    }
}

/// The list of sockets. It is an array of atomics rather than something locked, for a fork may
/// come at any time and the child must be able to read it.
mod sockets {
    use cosmos_rpc::descriptor::beyond_standard;
    use std::fs::File;
    use std::os::fd::IntoRawFd;
    use std::sync::Once;
    use std::sync::atomic::{AtomicI32, Ordering};

    /// Sockets beyond this number stay open in children.
    const ROOM: usize = 1024;
    const NONE: i32 = -1;

    static SOCKETS: [AtomicI32; ROOM] = [const { AtomicI32::new(NONE) }; ROOM];
    /// An open `/dev/null`.
    static NOTHING: AtomicI32 = AtomicI32::new(NONE);

    /// A place in the list, given back by dropping it.
    #[derive(Debug)]
    pub(super) struct Listed(Option<&'static AtomicI32>);

    impl Drop for Listed {
        fn drop(&mut self) {
            if let Some(place) = self.0 {
                place.store(NONE, Ordering::Release);
            }
        }
    }

    pub(super) fn list(socket: i32) -> Listed {
        prepare();
        Listed(SOCKETS.iter().find(|place| {
            place
                .compare_exchange(NONE, socket, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        }))
    }

    fn prepare() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let nothing = File::open("/dev/null").map(|file| beyond_standard(file.into()));
            if let Ok(Ok(nothing)) = nothing {
                NOTHING.store(nothing.into_raw_fd(), Ordering::Release);
                // SAFETY: the handler only does what a child of a threaded process may do: it reads
                // atomics and calls dup3.
                unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
            }
        });
    }

    extern "C" fn in_child() {
        let nothing = NOTHING.load(Ordering::Acquire);
        for place in &SOCKETS {
            let socket = place.swap(NONE, Ordering::AcqRel);
            if socket != NONE {
                // SAFETY: the number is a socket of this library, whose owner this child leaves
                // alone but for closing it at most.
                unsafe { libc::dup3(nothing, socket, libc::O_CLOEXEC) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_has_nothing_of_the_sockets() {
        use std::io::Read;
        use std::os::unix::net::UnixStream;
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let ours = Own::new(ours);
        let (mut wait, hold) = UnixStream::pair().unwrap();
        // SAFETY: the child only waits and ends by _exit.
        let child = unsafe { libc::fork() };
        if child == 0 {
            drop(hold);
            let _ = wait.read(&mut [0]);
            // SAFETY: ends the child without running anything of the test harness.
            unsafe { libc::_exit(0) }
        }
        assert!(child > 0);
        // The child still runs, and the other end sees the end all the same.
        drop(ours);
        theirs
            .set_read_timeout(Some(std::time::Duration::from_secs(30)))
            .unwrap();
        assert_eq!(theirs.read(&mut [0]).unwrap(), 0);
        drop(hold);
        // SAFETY: waits for the child made above.
        let waited = unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
        assert_eq!(waited, child);
    }

    #[test]
    fn a_fork_waits_for_what_must_be_apart_from_it() {
        use std::sync::atomic::{AtomicBool, Ordering};
        static TAKEN: AtomicBool = AtomicBool::new(false);
        let (began, begun) = std::sync::mpsc::channel();
        let busy = std::thread::spawn(move || {
            apart_from_forks(|| {
                TAKEN.store(true, Ordering::SeqCst);
                began.send(()).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(100));
                TAKEN.store(false, Ordering::SeqCst);
            });
        });
        begun.recv().unwrap();
        // SAFETY: the child takes the lock, reads an atomic and ends by _exit.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: a child that waits for ever fails the test by this signal.
            unsafe { libc::alarm(60) };
            let taken = apart_from_forks(|| TAKEN.load(Ordering::SeqCst));
            // SAFETY: ends the child without running anything of the test harness.
            unsafe { libc::_exit(i32::from(taken)) }
        }
        assert!(child > 0);
        let mut status = 0;
        // SAFETY: waits for the child made above; `status` is ours.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0, "forked in the middle of it");
        busy.join().unwrap();
    }
}
