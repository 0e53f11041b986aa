//! What must hold for any bytes a peer sends. Shared by the fuzz target and the test that replays
//! its corpus.

use cosmos_rpc::frame::Decoder;
use cosmos_rpc::message::catalogue::recode;
use cosmos_rpc::{Frame, Hello, Limits};

/// The first byte says how large the pieces are in which the rest arrives.
pub fn check(data: &[u8]) {
    let Some((&piece, stream)) = data.split_first() else {
        return;
    };
    let limits = Limits {
        body: 1 << 16,
        descriptors: 4,
    };
    let mut decoder = Decoder::new(limits);
    let mut cut = 0;
    for chunk in stream.chunks(usize::from(piece).max(1)) {
        let mut chunk = chunk;
        while !chunk.is_empty() {
            let space = decoder.space();
            assert!(!space.is_empty(), "room for what comes");
            let taken = chunk.len().min(space.len());
            space[..taken].copy_from_slice(&chunk[..taken]);
            chunk = &chunk[taken..];
            if decoder.filled(taken, Vec::new()).is_err() {
                return;
            }
            loop {
                match decoder.frame() {
                    Ok(Some(frame)) => cut += examine(&frame, &limits),
                    Ok(None) => break,
                    Err(fault) => {
                        assert_eq!(decoder.frame().unwrap_err(), fault, "once broken, for good");
                        assert!(decoder.end().is_err());
                        return;
                    }
                }
            }
        }
    }
    assert!(cut <= stream.len());
    assert_eq!(decoder.end().is_ok(), cut == stream.len());
}

/// Returns the bytes the frame took.
fn examine(frame: &Frame, limits: &Limits) -> usize {
    assert!(frame.body.len() <= limits.body as usize);
    assert!(frame.descriptors.is_empty());
    if let Ok(again) = recode(frame.kind, &frame.body) {
        assert_eq!(again, frame.body, "one encoding for one value");
    }
    if let Ok(hello) = Hello::decode(frame) {
        assert_eq!(
            hello.encode(),
            frame.body[..16],
            "the handshake says what it said"
        );
    }
    16 + frame.body.len()
}
