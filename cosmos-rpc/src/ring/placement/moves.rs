//! When the VM's thread moves off its caller's CPU.
//!
//! A move takes as long as it takes to wake a CPU, 50 to 110 microseconds where that one is idle, and
//! each call from then on saves [`SAVED`]. So it is worth it where requests are dense and go on being
//! so; whether they did is counted, and a move that was not worth it is repeated ever more rarely.

/// Requests from the same CPU after which the thread moves off; and where they come in bursts.
pub(super) const DENSE: u32 = 20;
pub(super) const DENSE_IN_BURSTS: u32 = 5;
/// How close requests are that count as dense; and where the CPU is wanted by others.
pub(super) const CLOSE: u64 = 60_000;
pub(super) const CLOSE_AMONG_OTHERS: u64 = 1_000_000;
/// What being apart saves a call.
const SAVED: u64 = 2_500;
/// Requests that have to come from another CPU after a move, at least, for it to be worth it.
pub(super) const WORTH: u32 = 40;
/// For how long it does not move off again; and at most, where moves are not worth it.
pub(in crate::ring) const HOLD: u64 = 1_000_000;
pub(super) const LONGEST_HOLD: u64 = 1_600_000_000;

/// What is remembered of requests and moves.
#[derive(Debug)]
pub(super) struct Moves {
    /// Dense requests in a row, and when the last one came.
    dense: u32,
    last_request: u64,
    /// When it last moved, for how long it then does not where that was not worth it, and at which request.
    moved: u64,
    hold: u64,
    moved_at: u32,
    /// How many requests have to come from another CPU for the last move to be worth it, and how many
    /// came from this one since, or after a sleep.
    worth: u32,
    others: u32,
}

impl Moves {
    pub fn new() -> Moves {
        Moves {
            dense: 0,
            last_request: 0,
            moved: 0,
            hold: 0,
            moved_at: 0,
            worth: WORTH,
            others: 0,
        }
    }

    /// The request `number` came from this CPU, `enough` of which in a row, each within `close` of the
    /// one before, are dense. Whether it is time to move.
    pub fn request(&mut self, now: u64, number: u32, close: u64, enough: u32) -> bool {
        let is_close = now.saturating_sub(self.last_request) < close;
        self.last_request = now;
        self.others = self.others.saturating_add(1);
        self.dense = if is_close { self.dense + 1 } else { 0 };
        if self.dense < enough {
            return false;
        }
        let hold = match self.was_worth_it(number) {
            true => self.hold.min(HOLD),
            false => self.hold,
        };
        now >= self.moved.saturating_add(hold)
    }

    /// The next request is one that the thread is woken for.
    pub fn sleeps(&mut self) {
        self.others = self.others.saturating_add(1);
    }

    /// It moves, after request `number`.
    pub fn begin(&mut self, now: u64, number: u32) {
        let longer = (2 * self.hold).clamp(HOLD, LONGEST_HOLD);
        let free = now.saturating_sub(self.moved.saturating_add(self.hold));
        // After a long time without one it is a first again.
        let first = free > 4 * longer || self.was_worth_it(number);
        self.hold = if first { HOLD } else { longer };
        self.dense = 0;
        self.moved = now;
        self.moved_at = number;
        self.others = 0;
    }

    /// It has moved, which took so long.
    pub fn done(&mut self, took: u64) {
        let worth = u32::try_from(took / SAVED).unwrap_or(u32::MAX);
        self.worth = worth.max(WORTH);
    }

    fn was_worth_it(&self, number: u32) -> bool {
        let since = number.wrapping_sub(self.moved_at);
        since.saturating_sub(self.others) >= self.worth
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moves and requests of a thread that is beside its caller all the time, or for a while after each move
    /// is not.
    struct Calls {
        moves: Moves,
        now: u64,
        number: u32,
    }

    impl Calls {
        fn new() -> Calls {
            Calls {
                moves: Moves::new(),
                now: HOLD,
                number: 0,
            }
        }

        /// Requests from this CPU until it moves; how many they were.
        fn until_it_moves(&mut self) -> u32 {
            let before = self.number;
            loop {
                self.now += 3_000;
                self.number += 1;
                if self.moves.request(self.now, self.number, CLOSE, DENSE) {
                    self.moves.begin(self.now, self.number);
                    return self.number - before;
                }
            }
        }

        fn elsewhere(&mut self, requests: u32) {
            self.number += requests;
            self.now += HOLD;
        }
    }

    #[test]
    fn a_move_that_many_requests_followed_is_repeated_as_soon() {
        let mut calls = Calls::new();
        for _ in 0..20 {
            assert!(calls.until_it_moves() <= DENSE + 1);
            calls.elsewhere(WORTH);
        }
    }

    #[test]
    fn one_that_brought_nothing_is_repeated_ever_more_rarely() {
        let mut calls = Calls::new();
        let mut requests = Vec::new();
        for _ in 0..13 {
            requests.push(calls.until_it_moves());
        }
        assert!(
            requests.windows(2).skip(1).all(|two| two[1] > two[0]),
            "{requests:?}"
        );
        assert!(calls.now > LONGEST_HOLD, "{}", calls.now);
    }

    #[test]
    fn one_that_took_long_must_bring_more() {
        let mut calls = Calls::new();
        let mut repeated_after = |requests| {
            for _ in 0..6 {
                calls.until_it_moves();
                calls.moves.done(u64::from(10 * WORTH) * SAVED);
                calls.elsewhere(requests);
            }
            calls.until_it_moves()
        };
        assert!(repeated_after(10 * WORTH) <= DENSE + 1);
        assert!(repeated_after(WORTH) > 10 * DENSE);
    }

    #[test]
    fn requests_that_it_was_woken_for_do_not_count() {
        let mut calls = Calls::new();
        for _ in 0..6 {
            calls.until_it_moves();
            calls.elsewhere(WORTH);
            (0..WORTH).for_each(|_| calls.moves.sleeps());
        }
        assert!(calls.until_it_moves() > 10 * DENSE);
    }
}
