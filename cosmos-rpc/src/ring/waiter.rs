//! Handing over and waiting as an end does both, with the place of its thread, on any machine: what
//! [`super::End`] adds is what a message is.

use super::handover::{COMING, HandOver, Look};
use super::layout::Side;
use super::machine::Machine;
use super::placement::{Affinity, Bed, Placement};
use super::waiting::{Broken, FIRST_NAP, Limits, Settings, Waiting, nanoseconds};

/// One end's hand-over, its way of waiting, and where its thread is; what every message needs is first.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Waiter<A> {
    /// The sequence numbers.
    pub ring: HandOver,
    /// Whether the peer slept when this end last handed over.
    woke: bool,
    waiting: Waiting,
    placement: Option<Placement<A>>,
    naps: (u64, u64),
}

impl<A: Affinity> Waiter<A> {
    /// Of an end whose words hold this sequence number, and of a thread with this affinity.
    pub fn new(side: Side, sequence: u32, settings: &Settings, affinity: A) -> Waiter<A> {
        let colocate = side == Side::Vm && settings.colocate;
        let longest = nanoseconds(settings.nap).max(1);
        let first = (longest / 4).clamp(1, nanoseconds(FIRST_NAP));
        Waiter {
            ring: HandOver::new(side, sequence),
            waiting: Waiting::new(settings),
            placement: colocate.then(|| Placement::new(affinity)),
            naps: (first, longest),
            woke: false,
        }
    }

    /// Hands over what was written into this end's line.
    #[inline(always)]
    pub fn publish(&mut self, machine: &impl Machine) {
        self.woke = self.ring.publish(machine);
        if self.woke {
            self.had_to_wake();
        }
    }

    #[cold]
    fn had_to_wake(&mut self) {
        if let Some(placement) = &mut self.placement {
            placement.woke_caller();
        }
    }

    /// Waits without sleeping, as long as that is worth it.
    #[inline(always)]
    pub fn awake(&mut self, machine: &impl Machine) -> Look {
        // While the caller, who was just answered, is at work.
        if self.placement.is_some() && machine.cpu_of(self.ring.other()) == machine.cpu() {
            self.make_room(machine);
        }
        self.waiting.awake(machine, &mut self.ring, self.woke)
    }

    /// Where requests are dense on one CPU, the VM's thread moves off.
    #[cold]
    fn make_room(&mut self, machine: &impl Machine) {
        let Some(placement) = &mut self.placement else {
            return;
        };
        let caller = machine.cpu_of(self.ring.other());
        // Near enough: from one request to the next is what counts.
        let (now, number) = (self.waiting.clock(), self.ring.received());
        if caller != machine.cpu() || !placement.crowded(now, number) {
            return;
        }
        self.ring.stands_on(COMING);
        self.ring.state_cpu(machine);
        let begun = machine.now();
        let moved = placement.move_off(begun, caller, number);
        self.ring.stands_on(machine.cpu());
        self.ring.state_cpu(machine);
        if moved {
            placement.moved(machine.now().saturating_sub(begun));
            self.waiting.expects_more();
        }
    }

    /// Sleeps until a message comes or the wait ends, after `timeout` nanoseconds or where the peer is
    /// `gone`.
    ///
    /// Where this thread sleeps beside its caller and is woken there, that is all: on one CPU the peer waits for
    /// whatever else is done, and in a cache that went cold reading the clock is not nothing.
    pub fn asleep<M: Machine>(
        &mut self,
        machine: &M,
        timeout: Option<u64>,
        gone: &mut dyn FnMut() -> bool,
    ) -> Result<(), Broken> {
        let other = self.ring.other();
        let limits = Limits {
            timeout,
            naps: self.naps,
        };
        let before = machine.stamp_of(other);
        let begun = match timeout.is_none() && self.stays(machine) {
            true => None,
            false => Some(machine.now()),
        };
        let bed = begun.and_then(|begun| self.lie_down(machine, begun));
        let waited = self
            .waiting
            .asleep(machine, &self.ring, limits, begun, gone);
        let stamp = machine.stamp_of(other);
        let woken = (stamp != before).then_some(stamp);
        let cpu = machine.cpu();
        if begun.is_none() && waited.is_ok() && machine.cpu_of(other) == cpu {
            self.waiting.woke_beside(woken);
            self.ring.stands_on(cpu);
        } else {
            self.rise(machine, bed, begun.unwrap_or(before), woken);
        }
        self.ring.state_cpu(machine);
        waited
    }

    /// Whether the thread sleeps beside its caller, as it is.
    fn stays(&mut self, machine: &impl Machine) -> bool {
        let beside = machine.cpu_of(self.ring.other()) == machine.cpu();
        let number = self.ring.received();
        let placement = self.placement.as_mut();
        beside && placement.is_none_or(|placement| placement.stays(number))
    }

    fn lie_down(&mut self, machine: &impl Machine, now: u64) -> Option<Bed> {
        let caller = machine.cpu_of(self.ring.other());
        let number = self.ring.received();
        let bed = self.placement.as_mut()?.settle(now, caller, number)?;
        self.ring.stands_on(match bed {
            Bed::Beside => caller,
            Bed::Apart => COMING,
        });
        self.ring.state_cpu(machine);
        Some(bed)
    }

    #[cold]
    fn rise(&mut self, machine: &impl Machine, bed: Option<Bed>, begun: u64, woken: Option<u64>) {
        let now = machine.now();
        self.waiting.slept(begun, woken, now);
        if let Some(placement) = &mut self.placement {
            let beside = machine.cpu_of(self.ring.other()) == machine.cpu();
            placement.rise(now.saturating_sub(begun));
            placement.learn(machine.now(), woken, beside);
            if bed == Some(Bed::Apart) && !beside {
                self.waiting.expects_more();
            }
        }
        self.ring.stands_on(machine.cpu());
    }
}
