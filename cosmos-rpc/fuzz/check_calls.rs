//! What must hold for any bytes that a client sends as many calls. Shared by the fuzz target and the test
//! that replays its corpus.

use cosmos_rpc::message::calls::{MOST_CALLS, MOST_WORDS, Runs};

/// The bytes are the body of a request: they are its runs, all of them and no more, or none.
pub fn check(body: &[u8]) {
    let Ok(runs) = Runs::of(body) else {
        return;
    };
    let (mut calls, mut again) = (0, Vec::new());
    for (run, slots) in runs {
        assert!(run.calls > 0);
        assert!(usize::from(run.takes.max(run.gives)) <= MOST_WORDS);
        assert_eq!(
            slots.len(),
            usize::from(run.calls) * usize::from(run.takes),
            "the slots of each call"
        );
        calls += usize::from(run.calls);
        again.extend(run.header().into_iter().flat_map(u64::to_le_bytes));
        again.extend(slots.iter().flatten());
    }
    assert!(calls <= MOST_CALLS);
    assert_eq!(again, body, "one encoding for one value");
}
