//! Handing over and waiting as an end does both, with the place of its thread, on any machine: what
//! [`super::End`] adds is what a message is.

use super::handover::{COMING, HandOver, Look};
use super::layout::Side;
use super::machine::Machine;
use super::placement::{Affinity, Bed, Placement};
use super::waiting::{Broken, FIRST_NAP, Limits, Settings, Waiting, nanoseconds};

/// One end's hand-over, its way of waiting, and where its thread is.
#[derive(Debug)]
pub(super) struct Waiter<A> {
    /// The sequence numbers.
    pub ring: HandOver,
    waiting: Waiting,
    placement: Option<Placement<A>>,
    naps: (u64, u64),
    /// Whether the peer slept when this end last handed over.
    woke: bool,
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
    pub fn asleep(
        &mut self,
        machine: &impl Machine,
        timeout: Option<u64>,
        gone: &mut impl FnMut() -> bool,
    ) -> Result<(), Broken> {
        let limits = Limits {
            timeout,
            naps: self.naps,
        };
        let begun = machine.now();
        let bed = self.lie_down(machine, begun);
        let waited = self
            .waiting
            .asleep(machine, &self.ring, limits, begun, gone);
        let now = match &waited {
            Ok(now) => *now,
            Err(_) => machine.now(),
        };
        self.rise(machine, bed, begun, now);
        self.ring.stands_on(machine.cpu());
        self.ring.state_cpu(machine);
        waited.map(drop)
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

    fn rise(&mut self, machine: &impl Machine, bed: Option<Bed>, begun: u64, now: u64) {
        let Some(placement) = &mut self.placement else {
            return;
        };
        let other = self.ring.other();
        let beside = machine.cpu_of(other) == machine.cpu();
        let stamp = machine.stamp_of(other);
        let woken = (stamp > begun).then_some(stamp);
        placement.rise(now.saturating_sub(begun));
        placement.learn(machine.now(), woken, beside);
        if bed == Some(Bed::Apart) && !beside {
            self.waiting.expects_more();
        }
    }
}
