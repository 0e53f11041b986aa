//! The frame decoder, sans-I/O: whatever comes, however it is cut.

use cosmos_rpc::frame::{CALL_BODY, CONTROL_BODY, Decoder, HEADER, Header, Outgoing};
use cosmos_rpc::message::vm::CALL;
use cosmos_rpc::{Fault, FaultCode, Frame, Limits};
use proptest::prelude::*;

#[path = "../fuzz/check.rs"]
mod check;

/// Feeds bytes in pieces and collects what comes out.
fn feed(decoder: &mut Decoder, bytes: &[u8], pieces: &[usize]) -> Result<Vec<Frame>, Fault> {
    let mut frames = Vec::new();
    let mut sizes = pieces.iter().copied().cycle();
    let mut rest = bytes;
    while !rest.is_empty() {
        let space = decoder.space();
        let taken = sizes
            .next()
            .unwrap_or(rest.len())
            .clamp(1, rest.len())
            .min(space.len());
        space[..taken].copy_from_slice(&rest[..taken]);
        decoder.filled(taken, Vec::new())?;
        rest = &rest[taken..];
        while let Some(frame) = decoder.frame()? {
            frames.push(frame);
        }
    }
    Ok(frames)
}

fn frame_bytes(kind: u16, id: u64, body: &[u8]) -> Vec<u8> {
    let header = Header {
        length: body.len() as u32,
        kind,
        descriptors: 0,
        id,
    };
    [&header.encode()[..], body].concat()
}

proptest! {
    #[test]
    fn frames_come_out_as_they_went_in_however_they_are_cut(
        sent in prop::collection::vec((0u16..0x400, any::<u64>(), 0usize..40_000, any::<u8>()), 0..6),
        pieces in prop::collection::vec(prop_oneof![1usize..40, 1usize..70_000], 1..8),
    ) {
        let bodies: Vec<Vec<u8>> = sent
            .iter()
            .map(|&(_, _, length, seed)| (0..length).map(|n| (n as u8).wrapping_mul(seed)).collect())
            .collect();
        let mut stream = Vec::new();
        for (&(kind, id, ..), body) in sent.iter().zip(&bodies) {
            stream.extend(frame_bytes(kind, id, body));
        }
        let mut decoder = Decoder::new(Limits::CONTROL);
        let frames = feed(&mut decoder, &stream, &pieces).unwrap();
        prop_assert!(decoder.is_idle());
        prop_assert!(decoder.end().is_ok());
        prop_assert_eq!(frames.len(), sent.len());
        for ((frame, &(kind, id, ..)), body) in frames.iter().zip(&sent).zip(&bodies) {
            prop_assert_eq!((frame.kind, frame.id), (kind, id));
            prop_assert!(&frame.body == body);
        }
    }

    #[test]
    fn any_bytes_are_frames_or_an_error(data in prop::collection::vec(any::<u8>(), 0..400)) {
        check::check(&data);
    }

    /// Headers that are nearly right, which random bytes never are.
    #[test]
    fn any_near_frames_are_frames_or_an_error(
        piece: u8,
        frames in prop::collection::vec(
            (0u32..80, prop_oneof![0x0101u16..0x0108, 0x0201u16..0x0206, 0x8101u16..0x8108,
                Just(1u16), Just(0xffff), any::<u16>()],
             prop_oneof![9 => Just(0u16), 1 => any::<u16>()],
             prop::collection::vec(prop_oneof![Just(0u8), Just(1), any::<u8>()], 0..80)), 0..8),
    ) {
        let mut data = vec![piece];
        for (length, kind, descriptors, body) in frames {
            data.extend(Header { length, kind, descriptors, id: 3 }.encode());
            data.extend(body);
        }
        check::check(&data);
    }

    #[test]
    fn a_stream_that_ends_within_a_frame_is_an_error(length in 0usize..300, cut: prop::sample::Index) {
        let stream = frame_bytes(7, 7, &vec![1; length]);
        let kept = 1 + cut.index(stream.len() - 1);
        let mut decoder = Decoder::new(Limits::CONTROL);
        prop_assert!(feed(&mut decoder, &stream[..kept], &[]).unwrap().is_empty());
        prop_assert!(!decoder.is_idle());
        prop_assert_eq!(decoder.end().unwrap_err().code, FaultCode::Disconnected);
        prop_assert_eq!(decoder.frame().unwrap_err().code, FaultCode::Disconnected);
    }

    #[test]
    fn a_frame_over_the_limit_is_refused_by_its_header(over in 1u32.., kind: u16) {
        let limits = Limits { body: 1 << 12, descriptors: 0 };
        let length = (1u32 << 12).saturating_add(over);
        let header = Header { length, kind, descriptors: 0, id: 1 };
        let mut decoder = Decoder::new(limits);
        let fault = feed(&mut decoder, &header.encode(), &[]).unwrap_err();
        prop_assert_eq!(fault.code, FaultCode::TooLarge);
        prop_assert_eq!(decoder.frame().unwrap_err(), fault);
    }

    /// An interrupted write goes on where it stopped.
    #[test]
    fn outgoing_frames_survive_partial_writes(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..5),
        steps in prop::collection::vec(1usize..60, 1..10),
    ) {
        let body: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let whole = body.concat();
        let mut outgoing = Outgoing::new(9, 4, whole.len(), 0, 1 << 16).unwrap();
        let mut written = Vec::new();
        let mut steps = steps.into_iter().cycle();
        while !outgoing.done() {
            let mut slices = Vec::new();
            outgoing.slices(&body, &mut slices);
            let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            let step = steps.next().unwrap().min(bytes.len());
            written.extend_from_slice(&bytes[..step]);
            outgoing.advance(step);
        }
        prop_assert!(written == frame_bytes(9, 4, &whole));
    }
}

#[test]
fn only_calls_are_large() {
    let accepts = |kind, length| {
        let header = Header {
            length,
            kind,
            descriptors: 0,
            id: 1,
        };
        header.check(&Limits::CALL).is_ok()
    };
    assert!(accepts(CALL, CALL_BODY) && accepts(CALL | 0x8000, CALL_BODY));
    assert!(!accepts(CALL, CALL_BODY + 1));
    assert!(accepts(0x0104, CONTROL_BODY) && !accepts(0x0104, CONTROL_BODY + 1));
    assert!(!accepts(0xffff, CONTROL_BODY + 1));
}

/// An announced length is no reason to take memory.
#[test]
fn memory_follows_what_really_came() {
    let header = Header {
        length: CALL_BODY,
        kind: CALL,
        descriptors: 0,
        id: 1,
    };
    let mut decoder = Decoder::new(Limits::CALL);
    assert!(
        feed(&mut decoder, &header.encode(), &[])
            .unwrap()
            .is_empty()
    );
    assert!(decoder.space().len() <= 1 << 17);
    let received = vec![0; 300_000];
    assert!(feed(&mut decoder, &received, &[]).unwrap().is_empty());
    assert!(decoder.space().len() <= 2 * (300_000 + (1 << 16)));
}

#[test]
fn too_much_to_send_is_refused_before_anything_went_out() {
    assert_eq!(
        Outgoing::new(1, 1, 11, 0, 10).unwrap_err().code,
        FaultCode::TooLarge
    );
    assert_eq!(
        Outgoing::new(1, 1, 0, 254, 10).unwrap_err().code,
        FaultCode::BadArgument
    );
    assert_eq!(
        Outgoing::new(1, 1, usize::MAX, 0, u32::MAX)
            .unwrap_err()
            .code,
        FaultCode::TooLarge
    );
    assert_eq!(HEADER, 16);
}
