//! Floors: the least that two processes can do to hand a number to each other.

use crate::pages::Pages;
use crate::work::Work;
use crate::{ASKED, BATCH, EXPECTED, Outcome, batch, place_now};
use cosmos_confine::{filter, rules::Permissions};
use nix::sched::CpuSet;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::c_void;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Set in the process at the far end of a floor: which one.
const FLOOR: &str = "COSMOSTEST_FLOOR";
/// What the name of a floor ends with whose far end is in a session of its own.
const APART: &str = ", apart";
/// And of one whose far end is under a VM's filters, too, and where nobody sleeps without a timeout.
const AS_VM: &str = ", as a VM";
/// And of one where each end goes over as many pages, besides, as an end of a call does beyond that.
const AS_MANY_PAGES: &str = ", as a VM, as many pages";
/// Longer than any pause.
static TIMEOUT: libc::timespec = libc::timespec {
    tv_sec: 10,
    tv_nsec: 0,
};

/// How the two hand over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Spin,
    Yield,
    Futex,
    FutexWithTimeout,
}

impl By {
    fn named(name: &str) -> By {
        match name {
            name if name.starts_with("spin") => By::Spin,
            name if name.starts_with("yield") => By::Yield,
            name if is_as_vm(name) => By::FutexWithTimeout,
            _ => By::Futex,
        }
    }

    fn sleeps(self) -> bool {
        matches!(self, By::Futex | By::FutexWithTimeout)
    }
}

fn is_as_vm(name: &str) -> bool {
    name.ends_with(AS_VM) || name.ends_with(AS_MANY_PAGES)
}

fn pages_of(name: &str) -> Option<Pages> {
    name.ends_with(AS_MANY_PAGES).then(Pages::new)
}

/// The floor whose far end this process is.
pub fn asked_for() -> Option<String> {
    let floor = std::env::var_os(FLOOR)?;
    Some(floor.to_string_lossy().into_owned())
}

/// Two lines of a shared page, and a process at the far end.
pub struct Floor {
    by: By,
    process: Child,
    page: Page,
    number: u32,
    pages: Option<Pages>,
    work: Work,
    answer: f64,
}

impl Floor {
    pub fn start(name: &str, far: &CpuSet) -> Outcome<Floor> {
        let memory = nix::sys::memfd::memfd_create(c"floor", nix::sys::memfd::MFdFlags::empty())?;
        let memory = File::from(memory);
        memory.set_len(4096)?;
        let page = Page::map(memory.as_fd().try_clone_to_owned()?);
        let process = Command::new(std::env::current_exe()?)
            .env(FLOOR, name)
            .stdin(Stdio::from(memory))
            .spawn()?;
        place_now(i32::try_from(process.id())?, far)?;
        let mut floor = Floor {
            by: By::named(name),
            process,
            page,
            number: 0,
            pages: pages_of(name),
            work: Work::of(name),
            answer: *EXPECTED,
        };
        floor.call()?;
        floor.signal(Signal::SIGSTOP)?;
        Ok(floor)
    }

    fn signal(&self, signal: Signal) -> Outcome {
        match self.by.sleeps() {
            true => Ok(()),
            false => Ok(kill(
                Pid::from_raw(i32::try_from(self.process.id())?),
                signal,
            )?),
        }
    }

    pub fn turn(&mut self) -> Outcome<f64> {
        self.signal(Signal::SIGCONT)?;
        let took = batch(BATCH, || self.call())?;
        self.signal(Signal::SIGSTOP)?;
        Ok(took)
    }

    pub fn call(&mut self) -> Outcome {
        // Nothing, but known only when the last answer has come and the work on it is done, as in a program that goes
        // on with what it was answered.
        let nothing = self.work.done_on(self.answer) - *EXPECTED;
        let asked = std::hint::black_box(ASKED) + nothing;
        self.number = self.number.wrapping_add(1);
        self.pages.iter().for_each(Pages::go_over);
        self.page.value(0).store(asked.to_bits(), Ordering::Relaxed);
        self.page.publish(0, self.number, self.by);
        self.page.await_number(1, self.number, self.by);
        self.answer = f64::from_bits(self.page.value(1).load(Ordering::Relaxed));
        match self.answer == *EXPECTED {
            true => Ok(()),
            false => Err("the floor gave a wrong answer".into()),
        }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn far_end(name: &str) -> Outcome {
    let by = By::named(name);
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    if name.ends_with(APART) || is_as_vm(name) {
        nix::unistd::setsid()?;
    }
    // SAFETY: the descriptor is the memory this process was started with, and nobody else uses it.
    let page = Page::map(unsafe { OwnedFd::from_raw_fd(0) });
    if is_as_vm(name) {
        let permissions = Permissions::most(std::process::id());
        filter::first(&permissions)?.install()?;
        filter::second(&permissions)?.install()?;
    }
    let (pages, work) = (pages_of(name), Work::of(name));
    let mut number = 0u32;
    loop {
        number = number.wrapping_add(1);
        page.await_number(0, number, by);
        pages.iter().for_each(Pages::go_over);
        let asked = f64::from_bits(page.value(0).load(Ordering::Relaxed));
        let value = work.done_on(asked).cos();
        page.value(1).store(value.to_bits(), Ordering::Relaxed);
        page.publish(1, number, by);
    }
}

struct Page(*mut c_void);

impl Page {
    fn map(memory: OwnedFd) -> Page {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let file = memory.as_raw_fd();
        // SAFETY: a fresh mapping, kept until the process ends.
        let page = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                4096,
                access,
                libc::MAP_SHARED,
                file,
                0,
            )
        };
        assert_ne!(page, libc::MAP_FAILED);
        Page(page)
    }

    fn word(&self, line: usize) -> &AtomicU32 {
        // SAFETY: inside of the page, aligned.
        unsafe { AtomicU32::from_ptr(self.0.byte_add(1024 + 128 * line).cast()) }
    }

    fn value(&self, line: usize) -> &AtomicU64 {
        // SAFETY: inside of the page, aligned.
        unsafe { AtomicU64::from_ptr(self.0.byte_add(1024 + 128 * line + 8).cast()) }
    }

    fn publish(&self, line: usize, number: u32, by: By) {
        self.word(line).store(number, Ordering::Release);
        if by.sleeps() {
            let word = self.word(line).as_ptr();
            // SAFETY: the address is a word of the page.
            unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE, 1) };
        }
    }

    fn await_number(&self, line: usize, number: u32, by: By) {
        loop {
            let present = self.word(line).load(Ordering::Acquire);
            if present == number {
                return;
            }
            match by {
                By::Spin => std::hint::spin_loop(),
                By::Yield => std::thread::yield_now(),
                By::Futex | By::FutexWithTimeout => {
                    let limit = match by {
                        By::FutexWithTimeout => &raw const TIMEOUT,
                        _ => std::ptr::null(),
                    };
                    let word = self.word(line).as_ptr();
                    // SAFETY: the address is a word of the page.
                    unsafe {
                        libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAIT, present, limit)
                    };
                }
            }
        }
    }
}
