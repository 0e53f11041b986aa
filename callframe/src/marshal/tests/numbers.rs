//! Calls of numbers alone go a shorter way, which must not be told from the general one.

use super::Link;
use super::arena::Arena;
use super::build::Build;
use super::model::{Choices, any_type, any_value, write};
use super::vm::Machine;
use crate::marshal::{MarshalError, Outcome, Pending};
use crate::types::{Direction, Extent, Scalar};
use crate::{CallFrame, DataModel};
use proptest::prelude::*;
use std::sync::Arc;

/// A function of a few values, records among them, without pointers.
fn any_numbers(choices: &mut Choices) -> Arc<CallFrame> {
    let mut build = Build::new();
    for name in ["p", "q", "r"].iter().take(choices.below(4) as usize) {
        let ty = any_type(&mut build, choices, 2);
        build.parameter(name, ty);
    }
    let result = match choices.below(4) {
        0 => build.void(),
        _ => any_type(&mut build, choices, 2),
    };
    build.finish("f", result)
}

/// A link that goes the general way.
fn general(frame: &Arc<CallFrame>) -> Link {
    let Link { caller, callee } = Link::native(frame);
    Link {
        caller: caller.without_shortcut(),
        callee: callee.without_shortcut(),
    }
}

/// What a program sees of a call.
type Seen = (Result<Outcome, MarshalError>, Vec<u8>);

/// Decodes a reply; what the result's place holds then.
fn decode(link: &Link, pending: &Pending, arena: &Arena, reply: &[u8]) -> Seen {
    let mut arena = arena.clone();
    let size = link.caller.caller_template().result().size as usize;
    let result = arena.writable(&vec![0xee; size]);
    let outcome = link.caller.decode(&mut arena, pending, reply, &[], result);
    (outcome, arena.bytes(result, size))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn both_ways_send_and_answer_the_same_bytes(
        seed in any::<u64>(),
        damage in prop::collection::vec((any::<u16>(), any::<u8>()), 0..3),
        cut in 0usize..40,
    ) {
        let choices = &mut Choices(seed);
        let frame = any_numbers(choices);
        let (short, long) = (Link::native(&frame), general(&frame));
        prop_assume!(short.caller.carries_numbers_alone());
        let template = short.caller.caller_template();
        let mut arena = Arena::new();
        let arguments: Vec<u64> = frame
            .parameters()
            .iter()
            .map(|parameter| {
                let value = any_value([template, template], parameter.ty, choices);
                let mut bytes = vec![0xcc; template.size_align(parameter.ty).size as usize];
                write(template, parameter.ty, &value, &mut bytes);
                arena.constant(&bytes)
            })
            .collect();
        let mut requests = [vec![1, 2, 3], Vec::new()];
        let mut pendings = Vec::new();
        for (link, request) in [&short, &long].into_iter().zip(&mut requests) {
            let encoded = link.caller.encode(&mut arena, &arguments, 7, request, &mut Vec::new());
            pendings.push(encoded.unwrap());
        }
        prop_assert_eq!(&requests[0], &requests[1]);

        let answer = |link: &Link, request: &[u8]| {
            link.serve(&mut Machine::default(), request, |function| {
                let given: Vec<u8> = (0..function.result.len()).map(|at| (at as u8).wrapping_mul(37) | 1).collect();
                function.result.copy_from_slice(&given);
                *function.errno = 34;
            })
        };
        let reply = answer(&short, &requests[0]);
        prop_assert_eq!(&reply, &answer(&long, &requests[0]));

        let lines = short.caller.line().zip(short.callee.line());
        if let Some((here, there)) = &lines {
            let slots = here.slots(|piece| {
                let address = arguments[usize::from(piece.index)] + u64::from(piece.offset);
                number(&arena.bytes(address, usize::from(piece.size)))
            });
            let words = here.request_of_slots(7, slots);
            prop_assert_eq!(&bytes(words, here.request_length()), &requests[0]);
            // The arguments as registers hold them, with anything beside them.
            let mut slots = [0xab; 16];
            for (slot, address) in template.arguments().iter().zip(&arguments) {
                let size = slot.size as usize;
                slots[slot.offset as usize..][..size].copy_from_slice(&arena.bytes(*address, size));
            }
            let slots = [number(&slots[..8]), number(&slots[8..])];
            prop_assert_eq!(here.request_of_slots(7, here.slots_of_words(slots)), words);
            prop_assert_eq!(there.enter(words, here.request_length()).map(|it| it.0), Some(7));
            let given: Vec<u8> = (0..16u8).map(|at| at.wrapping_mul(37) | 1).collect();
            let given = [number(&given[..8]), number(&given[8..])];
            prop_assert_eq!(&bytes(there.leave(34, given), there.reply_length()), reply.as_ref().unwrap());
        }

        // Bytes that are wrong are wrong either way.
        let mut wrong = requests[0].clone();
        wrong.truncate(wrong.len().saturating_sub(cut));
        for &(at, value) in &damage {
            let at = usize::from(at) % wrong.len().max(1);
            if let Some(byte) = wrong.get_mut(at) {
                *byte = value;
            }
        }
        prop_assert_eq!(answer(&short, &wrong), answer(&long, &wrong));
        if let Some((_, there)) = &lines {
            let entered = there.enter(words(&wrong), wrong.len());
            prop_assert_eq!(entered.is_some(), answer(&long, &wrong).is_ok());
        }
        let mut reply = reply.unwrap();
        prop_assert_eq!(
            decode(&short, &pendings[0], &arena, &reply),
            decode(&long, &pendings[1], &arena, &reply)
        );
        reply.truncate(reply.len().saturating_sub(cut));
        for &(at, value) in &damage {
            let at = usize::from(at) % reply.len().max(1);
            if let Some(byte) = reply.get_mut(at) {
                *byte = value;
            }
        }
        let seen = decode(&long, &pendings[1], &arena, &reply);
        prop_assert_eq!(&decode(&short, &pendings[0], &arena, &reply), &seen);
        if let Some((here, _)) = &lines {
            let (outcome, result) = &seen;
            let came = here.reply(words(&reply), reply.len(), 7);
            prop_assert_eq!(came.map(|it| it.0), outcome.as_ref().ok().map(|it| it.errno));
            if let Some((_, came)) = came {
                let mut written = vec![0xee; result.len()];
                here.result(came, |piece, value| {
                    let (at, size) = (usize::from(piece.offset), usize::from(piece.size));
                    written[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
                });
                prop_assert_eq!(&written, result);
                let mut alone = [0; 16];
                here.result(came, |piece, value| {
                    let (at, size) = (usize::from(piece.offset), usize::from(piece.size));
                    alone[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
                });
                let alone = [number(&alone[..8]), number(&alone[8..])];
                prop_assert_eq!(here.result_in_words(came), alone);
            }
        }
    }
}

/// The number that these bytes are.
fn number(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}

/// The first words of a body.
fn words(body: &[u8]) -> [u64; 4] {
    let at = |word: usize| {
        let bytes = body.get(8 * word..).unwrap_or_default();
        number(&bytes[..bytes.len().min(8)])
    };
    [0, 1, 2, 3].map(at)
}

/// So many bytes of words.
fn bytes(words: [u64; 4], length: usize) -> Vec<u8> {
    words.map(u64::to_le_bytes).concat()[..length].to_vec()
}

/// What was known of the call before must not make a lie about this one come true.
#[test]
fn what_an_earlier_call_sent_is_forgotten() {
    let mut build = Build::new();
    let int = build.scalar(Scalar::Int);
    let out = build.pointer(int, Direction::Out, Extent::Single, |_| {});
    build.parameter("out", out);
    let writes = Link::native(&build.finish("writes", int));
    let mut build = Build::new();
    let int = build.scalar(Scalar::Int);
    build.parameter("n", int);
    let numbers = Link::native(&build.finish("numbers", int));
    assert!(!writes.caller.carries_numbers_alone() && numbers.caller.carries_numbers_alone());

    let mut arena = Arena::new();
    let place = arena.writable(&[0xdd; 4]);
    let pointer = arena.constant(&place.to_le_bytes());
    let number = arena.constant(&5i32.to_le_bytes());
    let (mut request, mut pending) = (Vec::new(), Pending::default());
    let mut encode = |link: &Link, argument: u64, pending: &mut Pending| {
        let descriptors = &mut Vec::new();
        let arguments = [argument];
        let caller = &link.caller;
        caller
            .encode_into(
                &mut arena,
                &arguments,
                0,
                &mut request,
                descriptors,
                pending,
            )
            .unwrap();
        request.clone()
    };
    let asked = encode(&writes, pointer, &mut pending);
    let lie = writes
        .serve(&mut Machine::default(), &asked, |_| {})
        .unwrap();
    encode(&numbers, number, &mut pending);
    let result = arena.writable(&[0; 4]);
    let refused = numbers
        .caller
        .decode(&mut arena, &pending, &lie, &[], result);
    assert!(
        matches!(refused, Err(MarshalError::Malformed(_))),
        "{refused:?}"
    );
    assert_eq!(arena.bytes(place, 4), [0xdd; 4]);
}

#[test]
fn what_carries_more_goes_the_general_way() {
    for prototype in [
        "size_t strlen(const char *s)",
        "int __success(return > 0) check(int value)",
        "struct thing *make(int value)",
        "int close(int __fd fd)",
        "void each(int n, int (*visit)(int))",
    ] {
        let frame = Arc::new(crate::parse(prototype).unwrap());
        let link = Link::native(&frame);
        assert!(!link.caller.carries_numbers_alone(), "{prototype}");
        assert!(link.callee.line().is_none(), "{prototype}");
    }
    let frame = Arc::new(crate::parse("long f(long value)").unwrap());
    assert!(
        !Link::new(&frame, DataModel::LP64, DataModel::ILP32)
            .caller
            .carries_numbers_alone()
    );
}
