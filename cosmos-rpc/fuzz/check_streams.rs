//! What must hold for any messages of streams. Shared by the fuzz target and the test that replays its
//! corpus.

use cosmos_rpc::mux::{HEADER, Header, MOST_DATA, Side, Streams, WINDOW, check_preamble};

/// The first byte says which end this is, and how much is taken after each message.
pub fn check(data: &[u8]) {
    let Some((&kind, mut rest)) = data.split_first() else {
        return;
    };
    let _ = check_preamble(&rest[..rest.len().min(8)]);
    let side = if kind & 1 == 0 { Side::Near } else { Side::Far };
    let mut streams = Streams::new(side);
    let _ = streams.open();
    let mut into = vec![0; usize::from(kind >> 1) * 64];
    while let Some((header, after)) = rest.split_first_chunk::<HEADER>() {
        let Ok(header) = Header::decode(header) else {
            return;
        };
        assert!(header.data() <= MOST_DATA);
        assert!(header.amount <= WINDOW);
        let Some((body, after)) = after.split_at_checked(header.data()) else {
            return;
        };
        if streams.receive(header, body).is_err() {
            return;
        }
        let most = streams.sendable(header.stream).unwrap_or(0);
        assert!(most <= WINDOW as usize);
        if let Some((count, credit)) = streams.take(header.stream, &mut into) {
            assert!(count <= into.len());
            assert!(credit.is_none_or(|credit| credit.amount <= WINDOW));
        }
        rest = after;
    }
}
