//! A process like that of a daemon's guest, which forks when it is told to.
//!
//! It has the guest's space where the guest has it, piece by piece with the same protections and the same
//! pages touched: what a fork costs depends on mappings, pages and the tables that the pages are in. What
//! its own program has stands for what the guest's has; where that is less, it touches as much more.

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, mprotect};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid};
use std::ffi::c_void;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::ptr::NonNull;
use std::time::Duration;
use zerovm_session::layout::{GUARD, RESERVED, SPACE, THUNK};

const PAGE: u64 = 4096;

/// The process, by a socket to it.
pub struct Double {
    socket: UnixStream,
    process: Pid,
}

impl Double {
    /// One like the guest's process of a number.
    pub fn start(guest: i32) -> Self {
        let (near, mut far) = UnixStream::pair().expect("a socket");
        // SAFETY: this process has one thread.
        if let ForkResult::Parent { child } = unsafe { nix::unistd::fork() }.expect("a fork") {
            let mut double = Self {
                socket: near,
                process: child,
            };
            // Once, so that it is as large as it becomes.
            double.fork();
            return double;
        }
        drop(near);
        zerovm::process::be_nice();
        mirror(guest);
        while far.read_exact(&mut [0]).is_ok() {
            let nanos = super::time(fork).as_nanos() as u64;
            far.write_all(&nanos.to_le_bytes()).expect("told");
        }
        std::process::exit(0)
    }

    /// How long a fork took, and the end of its process.
    pub fn fork(&mut self) -> Duration {
        self.socket.write_all(&[0]).expect("told");
        let mut nanos = [0; 8];
        self.socket.read_exact(&mut nanos).expect("it tells");
        Duration::from_nanos(u64::from_le_bytes(nanos))
    }

    /// The number of the process.
    pub fn number(&self) -> i32 {
        self.process.as_raw()
    }
}

/// The first child of a process.
pub fn child_of(process: i32) -> i32 {
    let children = read(format!("/proc/{process}/task/{process}/children"));
    let first = children.split_whitespace().next().expect("a child");
    first.parse().expect("a number")
}

/// What a process has, for people.
pub fn size(process: i32) -> String {
    format!(
        "{} mappings, {} kB of memory of its own, {} kB of tables",
        maps(process).len(),
        kilobytes(process, "RssAnon:"),
        kilobytes(process, "VmPTE:"),
    )
}

fn kilobytes(process: i32, name: &str) -> u64 {
    let status = read(format!("/proc/{process}/status"));
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.expect("a size").trim().trim_end_matches(" kB");
    number.parse().expect("a number")
}

fn read(path: String) -> String {
    fs::read_to_string(path).expect("it runs")
}

/// Ranges and protections of what a process has mapped.
fn maps(process: i32) -> Vec<(Range<u64>, ProtFlags)> {
    let text = read(format!("/proc/{process}/maps"));
    let number = |text: &str| u64::from_str_radix(text, 16).expect("an address");
    let parse = |line: &str| {
        let mut words = line.split_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        let flags = words.next()?.chars().map(|letter| match letter {
            'r' => ProtFlags::PROT_READ,
            'w' => ProtFlags::PROT_WRITE,
            'x' => ProtFlags::PROT_EXEC,
            _ => ProtFlags::PROT_NONE,
        });
        Some((number(start)..number(end), flags.collect()))
    };
    text.lines().filter_map(parse).collect()
}

/// Maps and touches what the guest has of its space.
fn mirror(guest: i32) {
    let pages = File::open(format!("/proc/{guest}/pagemap")).expect("its pages");
    let space = RESERVED..RESERVED + SPACE + 2 * GUARD;
    let is_guests = |range: &Range<u64>| {
        space.contains(&range.start) || range.start == THUNK || range.end <= SPACE
    };
    for (range, flags) in maps(guest) {
        if is_guests(&range) {
            let fixed = MapFlags::MAP_FIXED_NOREPLACE;
            let start = map(Some(range.start), range.end - range.start, fixed);
            if !flags.is_empty() {
                touched(&pages, &range).for_each(touch);
            }
            let length = (range.end - range.start) as usize;
            // SAFETY: this was mapped right above, for nobody else.
            unsafe { mprotect(start, length, flags) }.expect("it was mapped");
        }
    }
    let own = kilobytes(std::process::id() as i32, "RssAnon:");
    let missing = kilobytes(guest, "RssAnon:").saturating_sub(own) * 1024;
    if missing > 0 {
        let start = map(None, missing, MapFlags::empty()).as_ptr() as u64;
        (start..start + missing)
            .step_by(PAGE as usize)
            .for_each(touch);
    }
}

/// The pages of a range that are in memory. They are looked up one at a time, so that this process does
/// not touch more than the guest has.
fn touched(pages: &File, range: &Range<u64>) -> impl Iterator<Item = u64> {
    const PRESENT: u64 = 1 << 63;
    range.clone().step_by(PAGE as usize).filter(|address| {
        let mut entry = [0; 8];
        let place = address / PAGE * entry.len() as u64;
        pages.read_exact_at(&mut entry, place).expect("its pages");
        u64::from_le_bytes(entry) & PRESENT != 0
    })
}

fn touch(address: u64) {
    // SAFETY: it was mapped writable for this.
    unsafe { (address as *mut u8).write_volatile(1) };
}

fn map(place: Option<u64>, bytes: u64, flags: MapFlags) -> NonNull<c_void> {
    let place = place.and_then(|place| NonZeroUsize::new(place as usize));
    let length = NonZeroUsize::new(bytes as usize).expect("some");
    let flags = flags | MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE;
    let writable = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: the kernel maps this only where nothing is mapped.
    unsafe { mmap_anonymous(place, length, writable, flags) }.expect("memory")
}

fn fork() {
    // SAFETY: this process has one thread, and the child ends at once.
    match unsafe { nix::unistd::fork() }.expect("a fork") {
        // SAFETY: nothing is to be finished in the child.
        ForkResult::Child => unsafe { nix::libc::_exit(0) },
        ForkResult::Parent { child } => {
            waitpid(child, None).expect("it ends");
        }
    }
}
