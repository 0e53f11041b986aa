//! A peer that never answers, on a machine whose clock runs by looks.

use super::super::layout::SLEEP;
use super::*;
use std::cell::Cell;

/// What a look takes, in nanoseconds.
const LOOK: u64 = 50;

struct Modelled {
    now: Cell<u64>,
    looks: Cell<u64>,
    yields: Cell<u32>,
    peer: u32,
}

impl Modelled {
    /// A machine whose peer says that it is on this CPU; this end is on CPU 0.
    fn with_peer_on(peer: u32) -> Modelled {
        Modelled {
            now: Cell::new(1),
            looks: Cell::new(0),
            yields: Cell::new(0),
            peer,
        }
    }
}

impl Machine for Modelled {
    fn load(&self, _: Side) -> u32 {
        0
    }
    fn swap(&self, _: Side, _: u32) -> u32 {
        SLEEP
    }
    fn exchange(&self, _: Side, _: u32, _: u32) -> bool {
        true
    }
    fn sleep(&self, _: Side, _: u32, _: u64) {
        unreachable!("it waits awake");
    }
    fn wake(&self, _: Side) {}
    fn cpu_of(&self, _: Side) -> u32 {
        self.peer
    }
    fn set_cpu(&self, _: Side, _: u32) {}
    fn stamp_of(&self, _: Side) -> u64 {
        0
    }
    fn set_stamp(&self, _: Side, _: u64) {}
    fn now(&self) -> u64 {
        self.now.get()
    }
    fn cpu(&self) -> u32 {
        0
    }
    fn pause(&self) {
        self.now.set(self.now.get() + LOOK);
        self.looks.set(self.looks.get() + 1);
    }
    fn give_way(&self) {
        self.yields.set(self.yields.get() + 1);
    }
}

/// How long a client stays awake for a peer on this CPU, in nanoseconds.
fn stays_awake(microseconds: u64, peer: u32) -> u64 {
    let machine = Modelled::with_peer_on(peer);
    let settings = Settings {
        spin: Duration::from_micros(microseconds),
        ..Settings::ASKING
    };
    let mut ring = HandOver::new(Side::Client, 0);
    let look = Waiting::new(&settings).awake(&machine, &mut ring, false);
    assert!(matches!(look, Look::NotYet(_)));
    machine.looks.get() * LOOK
}

#[test]
fn the_setting_bounds_all_spinning() {
    let glances = u64::from(GLANCES) * LOOK;
    let strides = 2 * u64::from(STRIDE) * LOOK;
    for microseconds in [0, 1, 5, 20, 50, 100, 1000] {
        let spin = 1000 * microseconds;
        let beside_another = stays_awake(microseconds, 1);
        assert!(
            beside_another >= spin.max(glances),
            "{microseconds}: {beside_another}"
        );
        assert!(
            beside_another <= spin + glances + strides,
            "{microseconds}: {beside_another}"
        );
        // One that is on its way is worth more, and no more than in proportion.
        let coming = stays_awake(microseconds, COMING);
        let way = (WAY * spin).min(LONGEST_WAY);
        assert!(coming >= way, "{microseconds}: {coming}");
        assert!(
            coming <= way.max(glances) + strides,
            "{microseconds}: {coming}"
        );
    }
    // The default leaves it all the time that such a way takes.
    assert_eq!(WAY * nanoseconds(Settings::ASKING.spin), LONGEST_WAY);
    assert_eq!(stays_awake(50, 0), 0, "it is in the peer's way");
}
