//! A fence of which one side costs nothing.
//!
//! Two threads that each write one word and then read the other's need a fence between the two, or
//! both may read what was there before. Where one of them does so in every call and the other hardly
//! ever, the rare one pays for both: [`heavy`] has the kernel put a fence into every thread of this
//! process (membarrier), and [`light`] only keeps the compiler from changing the order.
//!
//! | the frequent side | the rare side |
//! |---|---|
//! | writes its word; [`light`]; reads the other's | writes its word; [`heavy`]; reads the other's |
//!
//! Then one of them at least reads what the other wrote. Where the kernel has no membarrier, both are
//! an ordinary fence.

use nix::sys::signal::{SigSet, SigmaskHow};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering, compiler_fence, fence};

const UNKNOWN: u8 = 0;
const ASKS_KERNEL: u8 = 1;
const ORDINARY: u8 = 2;

static WAY: AtomicU8 = AtomicU8::new(UNKNOWN);

/// The frequent side's half.
#[inline]
pub fn light() {
    match WAY.load(Ordering::Acquire) {
        ASKS_KERNEL => compiler_fence(Ordering::SeqCst),
        _ => fence(Ordering::SeqCst),
    }
}

/// Whether the frequent side's half costs nothing: from then on it always does.
pub fn is_free() -> bool {
    WAY.load(Ordering::Acquire) == ASKS_KERNEL
}

/// The rare side's half. `false` where the kernel, which promised it, refused: then nothing is known
/// of what other threads have written.
pub fn heavy() -> bool {
    fence(Ordering::SeqCst);
    match WAY.load(Ordering::SeqCst) {
        ASKS_KERNEL => kernel::fences_all_threads(),
        // Whoever did not see the other way by now took an ordinary fence, and whoever does reads what was
        // written before it.
        _ => true,
    }
}

/// Finds out which way there is. To be called early: a process that is confined later may still ask
/// then, and not before.
pub fn prepare() {
    if WAY.load(Ordering::Relaxed) == UNKNOWN {
        let way = if kernel::register() {
            ASKS_KERNEL
        } else {
            ORDINARY
        };
        // The first to find out decides for all.
        let _ = WAY.compare_exchange(UNKNOWN, way, Ordering::SeqCst, Ordering::SeqCst);
    }
}

/// As [`prepare`], where nobody waits for it. Where the process has several threads the kernel takes some ten
/// milliseconds, which a thread of its own waits for, once in a process; with one, ten microseconds.
pub fn prepare_aside() {
    static BEGUN: AtomicBool = AtomicBool::new(false);
    if BEGUN.load(Ordering::Relaxed) || BEGUN.swap(true, Ordering::Relaxed) {
        return;
    }
    let threads = std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    if threads == 1 {
        return prepare();
    }
    // The program's signals are not for it, which inherits this mask.
    let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK);
    // Without the thread every fence stays an ordinary one.
    let _ = std::thread::Builder::new()
        .name("cosmos fence".to_owned())
        .spawn(prepare);
    if let Ok(mask) = mask {
        let _ = mask.thread_set_mask();
    }
}

/// The system call, which takes no pointer.
mod kernel {
    const EXPEDITED: libc::c_int = libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED;
    const REGISTER: libc::c_int = libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;

    pub(super) fn register() -> bool {
        membarrier(REGISTER) && membarrier(EXPEDITED)
    }

    pub(super) fn fences_all_threads() -> bool {
        membarrier(EXPEDITED)
    }

    fn membarrier(command: libc::c_int) -> bool {
        // SAFETY: it takes numbers, and changes nothing of this process but the order of its accesses.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;
    use std::sync::{Arc, Barrier};

    /// Each thread writes its word and reads the other's: never do both read nothing.
    #[test]
    fn one_of_two_sees_the_other() {
        prepare();
        let words = Arc::new([const { AtomicU32::new(0) }; 2]);
        let seen = Arc::new([const { AtomicU32::new(0) }; 2]);
        const ROUNDS: u32 = 2000;
        let meet = Arc::new(Barrier::new(2));
        let frequent = {
            let (words, seen, meet) = (words.clone(), seen.clone(), meet.clone());
            std::thread::spawn(move || {
                for round in 1..=ROUNDS {
                    meet.wait();
                    words[0].store(round, Ordering::Relaxed);
                    light();
                    seen[0].store(words[1].load(Ordering::Relaxed), Ordering::Relaxed);
                    meet.wait();
                }
            })
        };
        for round in 1..=ROUNDS {
            meet.wait();
            words[1].store(round, Ordering::Relaxed);
            let fenced = heavy();
            seen[1].store(words[0].load(Ordering::Relaxed), Ordering::Relaxed);
            meet.wait();
            let both = [0, 1].map(|side| seen[side].load(Ordering::Relaxed));
            assert!(!fenced || both.contains(&round), "round {round}: {both:?}");
        }
        frequent.join().unwrap();
    }
}
