//! Who hands over to another and waits for it does that sooner on one processor: waking a second one
//! that sleeps takes longer than switching, and what the first has in its caches is of use.
//!
//! It is a matter of speed alone. Where the system refuses, everybody stays where they may be, and
//! nobody is kept anywhere for longer than something quick takes.

use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

const THIS_THREAD: Pid = Pid::from_raw(0);

/// A thread that stays on the processor that it is on, until this is dropped.
#[derive(Debug)]
pub struct Stay {
    everywhere: CpuSet,
}

impl Stay {
    /// Has this thread stay, and those that it makes.
    pub fn here() -> Option<Self> {
        let everywhere = sched_getaffinity(THIS_THREAD).ok()?;
        let mut here = CpuSet::new();
        here.set(sched_getcpu().ok()?).ok()?;
        sched_setaffinity(THIS_THREAD, &here).ok()?;
        Some(Self { everywhere })
    }

    /// Lets this thread go wherever the one that stays could: a child that was made meanwhile.
    pub fn leave(&self) {
        let _ = sched_setaffinity(THIS_THREAD, &self.everywhere);
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> CpuSet {
        sched_getaffinity(THIS_THREAD).expect("processors")
    }

    fn count(set: &CpuSet) -> usize {
        let is_in = |number: &usize| set.is_set(*number).unwrap_or(false);
        (0..CpuSet::count()).filter(is_in).count()
    }

    #[test]
    fn a_thread_stays_and_goes_anywhere_again() {
        let before = allowed();
        let stay = Stay::here().expect("nobody refuses");
        assert_eq!(count(&allowed()), 1);
        let child = std::thread::scope(|scope| {
            let child = scope.spawn(|| {
                let stays = count(&allowed());
                stay.leave();
                (stays, allowed())
            });
            child.join().expect("a thread")
        });
        assert_eq!(child, (1, before));
        assert_eq!(count(&allowed()), 1);
        drop(stay);
        assert_eq!(allowed(), before);
    }
}
