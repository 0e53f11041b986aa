//! What the protocol asks of the machine. The real one is [`Native`]; the checker has another.

use super::layout::Side;
use super::mapping::Mapping;
use crate::ahead::Ahead;
use std::sync::atomic::Ordering;

/// Words, futex, clock and processor.
pub(super) trait Machine {
    /// A side's word (Acquire).
    fn load(&self, side: Side) -> u32;
    /// Puts `new` in place of a side's word (AcqRel), and gives the old one.
    fn swap(&self, side: Side, new: u32) -> u32;
    /// Puts `new` in place of `current`; whether that was there.
    fn exchange(&self, side: Side, current: u32, new: u32) -> bool;
    /// futex_wait: sleeps while a side's word is `value`, `nanoseconds` at most; may end at any time.
    fn sleep(&self, side: Side, value: u32, nanoseconds: u64);
    /// futex_wake: wakes who sleeps on a side's word.
    fn wake(&self, side: Side);
    /// The CPU a side says that it is on.
    fn cpu_of(&self, side: Side) -> u32;
    /// Says on which CPU a side is; by that side alone.
    fn set_cpu(&self, side: Side, cpu: u32);
    /// When a side says that it last woke the other.
    fn stamp_of(&self, side: Side) -> u64;
    /// Says so; by that side alone.
    fn set_stamp(&self, side: Side, now: u64);
    /// The monotonic clock in nanoseconds.
    fn now(&self) -> u64;
    /// The CPU this thread is on.
    fn cpu(&self) -> u32;
    /// Tells the processor that this is a loop that waits.
    fn pause(&self);
    /// Lets another thread have this CPU.
    fn give_way(&self);
}

/// The machine itself, on a mapped segment.
#[derive(Debug)]
pub(super) struct Native {
    pub mapping: Mapping,
    /// What the VM's thread needs when it has slept, and the program's while it waits for one that slept: the
    /// kernel wakes that meanwhile.
    pub ahead: Ahead,
}

impl Machine for Native {
    #[inline]
    fn load(&self, side: Side) -> u32 {
        self.mapping
            .word(side.line().word())
            .load(Ordering::Acquire)
    }

    #[inline]
    fn swap(&self, side: Side, new: u32) -> u32 {
        self.mapping
            .word(side.line().word())
            .swap(new, Ordering::AcqRel)
    }

    #[inline]
    fn exchange(&self, side: Side, current: u32, new: u32) -> bool {
        let word = self.mapping.word(side.line().word());
        word.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    #[inline]
    fn sleep(&self, side: Side, value: u32, nanoseconds: u64) {
        let limit = libc::timespec {
            tv_sec: (nanoseconds / 1_000_000_000) as libc::time_t,
            tv_nsec: (nanoseconds % 1_000_000_000) as libc::c_long,
        };
        let word = self.mapping.word(side.line().word()).as_ptr();
        // SAFETY: the kernel reads one number of the mapping, which lives meanwhile, and a timespec
        // of this frame. Every outcome, EINTR, EAGAIN and ETIMEDOUT among them, is answered by
        // looking at the word again.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                word,
                libc::FUTEX_WAIT,
                value,
                &raw const limit,
            )
        };
        if side == Side::Client {
            self.ahead.fetch();
        }
    }

    #[inline]
    fn wake(&self, side: Side) {
        if side == Side::Client {
            self.ahead.fetch();
        }
        let word = self.mapping.word(side.line().word()).as_ptr();
        // SAFETY: the kernel takes the address as a name; what sleeps on it is woken.
        unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE, libc::c_int::MAX) };
    }

    #[inline]
    fn cpu_of(&self, side: Side) -> u32 {
        self.mapping.word(side.line().cpu()).load(Ordering::Relaxed)
    }

    #[inline]
    fn set_cpu(&self, side: Side, cpu: u32) {
        self.mapping
            .word(side.line().cpu())
            .store(cpu, Ordering::Relaxed);
    }

    #[inline]
    fn stamp_of(&self, side: Side) -> u64 {
        self.mapping
            .long(side.line().stamp())
            .load(Ordering::Relaxed)
    }

    #[inline]
    fn set_stamp(&self, side: Side, now: u64) {
        self.mapping
            .long(side.line().stamp())
            .store(now, Ordering::Relaxed);
    }

    #[inline]
    fn now(&self) -> u64 {
        let mut now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the clock is written to a timespec of this frame.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
        (now.tv_sec as u64)
            .wrapping_mul(1_000_000_000)
            .wrapping_add(now.tv_nsec as u64)
    }

    #[inline]
    fn cpu(&self) -> u32 {
        // SAFETY: reads a number that the kernel keeps for this thread; no system call where it has
        // restartable sequences. A failure (-1) becomes a CPU that nobody is on.
        unsafe { libc::sched_getcpu() as u32 }
    }

    #[inline]
    fn pause(&self) {
        std::hint::spin_loop();
    }

    #[inline]
    fn give_way(&self) {
        std::thread::yield_now();
    }
}
