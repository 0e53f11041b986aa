//! A VM that attacks its client through the memory that both map: every wait ends, by an answer, an error
//! or its deadline; nothing is read that is not there; and nobody is ended by a signal.
//!
//! The client's end is the real one. The VM's is this file's own, over a mapping of its own, and keeps to
//! the table in `ring` only where it likes.

use cosmos_rpc::FaultCode;
use cosmos_rpc::ring::{AREA, End, Peer, Segment, Settings};
use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::unistd::ftruncate;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

/// Offsets of the table.
const CLIENT_WORD: usize = 128;
const VM_WORD: usize = 256;
const VM_KIND: usize = VM_WORD + 8;
const VM_LENGTH: usize = VM_WORD + 12;
const BODIES: usize = 4096;
/// The bit of a word that says that somebody sleeps.
const SLEEP: u32 = 1;
/// What no wait of an honest run reaches.
const FOREVER: Option<Duration> = Some(Duration::from_secs(60));

struct Here;

impl Peer for Here {
    fn is_gone(&mut self) -> bool {
        false
    }
}

/// The VM's own mapping; it stays until the process ends.
#[derive(Clone, Copy)]
struct Memory {
    base: usize,
}

impl Memory {
    fn of(memory: &OwnedFd) -> Memory {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let (size, shared) = (BODIES + 2 * AREA, libc::MAP_SHARED);
        // SAFETY: a fresh mapping, which nobody unmaps.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size,
                access,
                shared,
                memory.as_raw_fd(),
                0,
            )
        };
        assert_ne!(base, libc::MAP_FAILED);
        Memory {
            base: base.expose_provenance(),
        }
    }

    fn word(&self, offset: usize) -> &'static AtomicU32 {
        let word = std::ptr::with_exposed_provenance_mut::<u32>(self.base + offset);
        // SAFETY: within the mapping, aligned, and there for ever.
        unsafe { AtomicU32::from_ptr(word) }
    }

    /// Waits for the client's next message; false where `over` was said before.
    fn await_client(&self, sequence: u32, over: &AtomicBool) -> bool {
        while self.word(CLIENT_WORD).load(SeqCst) >> 1 < sequence {
            if over.load(SeqCst) {
                return false;
            }
            thread::yield_now();
        }
        true
    }

    fn publish(&self, sequence: u32) {
        let before = self.word(VM_WORD).swap(sequence << 1, SeqCst);
        if before & SLEEP != 0 {
            self.wake(VM_WORD);
        }
    }

    fn wake(&self, offset: usize) {
        // SAFETY: an address of the mapping; nothing is read or written there.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                self.word(offset).as_ptr(),
                libc::FUTEX_WAKE,
                i32::MAX,
            );
        }
    }
}

/// The client's end, and what the VM has of the segment.
fn pair() -> (End, OwnedFd, Memory) {
    let segment = Segment::new(AREA).expect("a segment");
    let descriptor = segment.descriptor().try_clone_to_owned().expect("a copy");
    let memory = Memory::of(&descriptor);
    (End::client(segment, &Settings::ASKING), descriptor, memory)
}

/// Runs the attack beside the client, until that is done.
fn beside(attack: impl Fn(&AtomicBool) + Sync, client: impl FnOnce()) {
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, SeqCst);
        }
    }
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| attack(&over));
        let _over = Over(&over);
        client();
    });
}

#[test]
fn lengths_that_change_while_they_are_read_give_that_many_bytes_or_an_error() {
    let lengths = [
        0,
        1,
        40,
        41,
        AREA - 1,
        AREA,
        AREA + 1,
        1 << 31,
        u32::MAX as usize,
    ];
    for round in 0..12 {
        let (mut client, _descriptor, memory) = pair();
        let answers = |over: &AtomicBool| {
            let length = memory.word(VM_LENGTH);
            for sequence in 1.. {
                if !memory.await_client(sequence, over) {
                    return;
                }
                memory.word(VM_KIND).store(8, SeqCst);
                memory.publish(sequence);
                for (turn, long) in lengths.iter().cycle().take(400).enumerate() {
                    length.store((long + round * turn % 3) as u32, SeqCst);
                }
            }
        };
        beside(answers, || {
            let mut body = Vec::new();
            for call in 0..50 {
                client.post(7, call, &[b"asked"]).expect("posted");
                match client.take(FOREVER, &mut Here, &mut body) {
                    Ok(_) => assert!(body.len() <= AREA),
                    Err(fault) => {
                        assert_eq!(fault.code, FaultCode::Protocol, "{fault}");
                        let again = client.post(7, call, &[]).expect_err("broken for good");
                        assert_eq!(again.code, FaultCode::Protocol, "{again}");
                        return;
                    }
                }
            }
        });
    }
}

#[test]
fn the_memory_is_neither_cut_nor_grown() {
    let (_client, descriptor, _) = pair();
    let size = (BODIES + 2 * AREA) as i64;
    for length in [0, 1, 4096, size - 1, size + 1, size * 2] {
        assert_eq!(
            ftruncate(&descriptor, length),
            Err(Errno::EPERM),
            "{length}"
        );
    }
    let grown = fallocate(&descriptor, FallocateFlags::empty(), size, 4096);
    assert_eq!(grown, Err(Errno::EPERM));
    let cut = FallocateFlags::FALLOC_FL_COLLAPSE_RANGE;
    assert!(fallocate(&descriptor, cut, 0, 4096).is_err());
}

#[test]
fn holes_in_the_memory_are_zeros_and_end_a_call_by_its_deadline_or_an_error() {
    let hole = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    let everything = (BODIES + 2 * AREA) as i64;
    // Before an answer: it is as if nothing had been asked, and the client's next look is a breach.
    let (mut client, descriptor, memory) = pair();
    let mut body = Vec::new();
    for sequence in 1..=3 {
        client.post(7, 1, &[b"asked"]).expect("posted");
        memory.publish(sequence);
        client.take(FOREVER, &mut Here, &mut body).expect("taken");
    }
    client.post(7, 2, &[&[1; 5000]]).expect("posted");
    fallocate(&descriptor, hole, 0, everything).expect("a hole");
    let soon = Some(Duration::from_millis(50));
    let fault = client.take(soon, &mut Here, &mut body).expect_err("a hole");
    let codes = [FaultCode::Protocol, FaultCode::TimedOut];
    assert!(codes.contains(&fault.code), "{fault}");

    // In the middle of answers: bodies are zeros, or what was there.
    let (mut client, descriptor, memory) = pair();
    let answers = |over: &AtomicBool| {
        for sequence in 1.. {
            if !memory.await_client(sequence, over) {
                return;
            }
            memory.word(VM_LENGTH).store(AREA as u32, SeqCst);
            for place in (0..AREA).step_by(64) {
                memory.word(BODIES + AREA + place).store(1, SeqCst);
            }
            memory.publish(sequence);
            let at = (BODIES + AREA) as i64;
            fallocate(&descriptor, hole, at, AREA as i64).expect("a hole");
        }
    };
    beside(answers, || {
        let mut body = Vec::new();
        for call in 0..25 {
            client.post(7, call, &[&[1; 5000]]).expect("posted");
            client.take(FOREVER, &mut Here, &mut body).expect("taken");
            assert!(body.len() == AREA && body.iter().all(|byte| *byte <= 1));
        }
    });
}

#[test]
fn a_storm_of_wakes_ends_no_wait_and_no_wait_outlasts_its_deadline() {
    let patience = Duration::from_millis(200);
    // With the words as they are, and with one that changes under who wants to sleep on it.
    for changes in [false, true] {
        let (mut client, _descriptor, memory) = pair();
        let storm = |over: &AtomicBool| {
            while !over.load(SeqCst) {
                memory.wake(VM_WORD);
                if changes {
                    memory.word(VM_WORD).fetch_xor(SLEEP, SeqCst);
                }
            }
        };
        beside(storm, || {
            client.post(7, 1, &[]).expect("posted");
            let begin = Instant::now();
            let fault = client.take(Some(patience), &mut Here, &mut Vec::new());
            assert_eq!(fault.expect_err("nothing").code, FaultCode::TimedOut);
            assert!(begin.elapsed() >= patience, "a wake is no answer");
        });
        // Who did not answer in time is given up.
        memory.publish(1);
        let late = client.take(FOREVER, &mut Here, &mut Vec::new());
        assert_eq!(late.expect_err("late").code, FaultCode::TimedOut);
    }
}

#[test]
fn a_vm_that_always_seems_to_sleep_is_answered_all_the_same() {
    let (mut client, _descriptor, memory) = pair();
    let asleep = |over: &AtomicBool| {
        for sequence in 1.. {
            memory.word(CLIENT_WORD).fetch_or(SLEEP, SeqCst);
            if !memory.await_client(sequence, over) {
                return;
            }
            memory.word(CLIENT_WORD).fetch_or(SLEEP, SeqCst);
            memory.word(VM_KIND).store(sequence, SeqCst);
            memory.word(VM_LENGTH).store(0, SeqCst);
            memory.publish(sequence);
        }
    };
    beside(asleep, || {
        let mut body = Vec::new();
        for call in 1..=2000u16 {
            client.post(7, 1, &[b"asked"]).expect("posted");
            let answer = client.take(FOREVER, &mut Here, &mut body).expect("taken");
            assert_eq!((answer.kind, body.len()), (call, 0));
        }
    });
}

#[test]
fn words_that_are_no_next_ones_break_the_ring() {
    for word in [2 << 1, 3 << 1, u32::MAX, 1 << 31, u32::MAX - 1] {
        let (mut client, _descriptor, memory) = pair();
        client.post(7, 1, &[]).expect("posted");
        memory.word(VM_WORD).store(word, SeqCst);
        let fault = client.take(FOREVER, &mut Here, &mut Vec::new());
        assert_eq!(
            fault.expect_err("a breach").code,
            FaultCode::Protocol,
            "{word:x}"
        );
    }
}
