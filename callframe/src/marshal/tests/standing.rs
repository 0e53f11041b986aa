//! Numbers that a VM puts into memory that stands for an object: a call that walks by one goes by what
//! the program has said, not by what another call has made of it.
//!
//! Here the function in the VM lies, and the marshalling of the VM is honest: it may say of a number
//! what it likes.

use super::residents::*;
use super::vm::Function;
use crate::marshal::{CallerMemory, MarshalError};

/// A call that carries the object and walks through nothing.
const RESET: &str = "int reset(struct stream *__handle s)";
/// One that walks through one of the buffers.
const FEED: &str = "int feed(struct stream *__handle __cursor(next_in, avail_in) s)";
const BOTH: &str = "int both(struct stream *__handle __cursor(next_in, avail_in) s,
    struct stream *__handle t)";

/// Says that so much is left.
fn says(member: u64, left: u32) -> impl Fn(&mut Function<'_>) {
    move |function| {
        let stream = function.number(0);
        function
            .machine
            .write(stream + member, &left.to_le_bytes())
            .unwrap();
    }
}

use crate::marshal::CalleeMemory;

/// Whether the program's next call is refused by name, before anything is sent.
fn is_refused(world: &mut World, prototype: &str, member: &str) -> bool {
    let call = world.try_call(prototype, |_| panic!("called"));
    match call {
        Err(MarshalError::NotTheCallers {
            place,
            member: named,
        }) => {
            assert_eq!(place, "parameter 's'");
            named == member
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_count_raised_by_a_call_that_does_not_walk_is_not_gone_by() {
    for (member, name, had) in [(AVAIL_IN, "avail_in", 5), (AVAIL_OUT, "avail_out", 8)] {
        let (mut world, _) = World::made();
        world.buffers(b"hello", 8);
        world.call(RESET, says(member, had + 1));
        assert_eq!(world.number(member), had + 1);
        assert!(is_refused(&mut world, WORK, name));
        // Nor after other calls, which may raise it further.
        world.call(RESET, says(member, 1000));
        assert!(is_refused(&mut world, WORK, name));
        // The program sets it: it is its own.
        world.set32(member, had);
        world.call(WORK, shout);
        assert_eq!(world.get(TOTAL), 5);
    }
}

#[test]
fn a_count_that_was_walked_by_is_not_raised_at_all() {
    let (mut world, _) = World::made();
    let (input, output) = world.buffers(b"hello world", 4);
    world.call(WORK, shout);
    for (member, had) in [(AVAIL_IN, 7), (AVAIL_OUT, 0)] {
        let before = world.arena.snapshot();
        let error = world.try_call(RESET, says(member, had + 1)).unwrap_err();
        assert!(matches!(error, MarshalError::Callee { .. }), "{error}");
        assert!(error.to_string().contains("more is left"), "{error}");
        let after = world.arena.snapshot();
        assert_eq!(after[..before.len()], before);
        world.call(RESET, says(member, had));
    }
    assert_eq!(world.get(NEXT_IN), input + 4);
    assert_eq!(world.get(NEXT_OUT), output + 4);
    // Less may be left, and what is no count may grow.
    world.call(RESET, says(AVAIL_IN, 3));
    world.call(RESET, says(TOTAL, 9999));
    assert_eq!(world.number(TOTAL), 9999);
    assert_eq!(world.number(AVAIL_IN), 3);
}

/// One of two counts is walked by; the other is as it was left.
#[test]
fn a_call_answers_for_the_counts_it_walks_by_only() {
    let (mut world, _) = World::made();
    world.buffers(b"hello", 8);
    world.call(FEED, says(AVAIL_OUT, 9));
    assert!(is_refused(&mut world, WORK, "avail_out"));
    world.call(FEED, |_| {});
    let error = world.try_call(FEED, says(AVAIL_IN, 6)).unwrap_err();
    assert!(matches!(error, MarshalError::Callee { .. }), "{error}");
    world.set32(AVAIL_OUT, 8);
    world.call(WORK, |_| {});
}

/// A count of nothing that grew is measured too: the program would only lead it somewhere.
#[test]
fn a_count_of_a_buffer_that_is_not_there_is_not_raised() {
    let (mut world, _) = World::made();
    let error = world.try_call(WORK, says(AVAIL_IN, 64)).unwrap_err();
    assert!(matches!(error, MarshalError::Callee { .. }), "{error}");
    assert_eq!(world.number(AVAIL_IN), 0);
}

#[test]
fn what_made_the_object_says_nothing_of_buffers() {
    // Whatever it puts there: what was there before may never have been set.
    for left in [1, 5, 6, 1000] {
        let mut world = World::new();
        world.buffers(b"hello", 8);
        world.call(MAKE, |function| {
            set(function, function.number(0) + STATE, 0x1234);
            says(AVAIL_IN, left)(function);
        });
        assert_eq!(world.number(AVAIL_IN), left);
        match left == 5 {
            true => world.call(WORK, shout),
            false => assert!(is_refused(&mut world, WORK, "avail_in")),
        }
    }
}

/// The program ends the object and makes another one there, to go on with its buffers.
#[test]
fn the_end_of_an_object_hides_no_lie() {
    let (mut world, _) = World::made();
    world.buffers(b"hello", 8);
    world.call(RESET, says(AVAIL_OUT, 9));
    world.call(END, |_| {});
    world.call(MAKE, |_| {});
    assert!(is_refused(&mut world, WORK, "avail_out"));
    // Told by the last call itself.
    world.set32(AVAIL_OUT, 8);
    world.call(END, says(AVAIL_IN, 6));
    assert_eq!(world.number(AVAIL_IN), 6);
    world.call(MAKE, |_| {});
    assert!(is_refused(&mut world, WORK, "avail_in"));
    world.set32(AVAIL_IN, 5);
    world.call(WORK, |_| {});
}

/// A callback may have given the object another buffer by the time the call returns.
#[test]
fn a_reply_is_measured_by_what_the_program_has_when_it_comes() {
    for (prototype, refused) in [(RESET, true), (WORK, false)] {
        let (mut world, _) = World::made();
        let (input, _) = world.buffers(b"hello", 8);
        let link = link(prototype);
        let slot = world.arena.constant(&super::pointer(world.stream));
        let (mut request, mut descriptors) = (Vec::new(), Vec::new());
        let pending = link
            .caller
            .encode(&mut world.arena, &[slot], 0, &mut request, &mut descriptors)
            .unwrap();
        let reply = link
            .serve(&mut world.machine, &request, |function| {
                let outside: Vec<(u64, Vec<u8>)> = function.image.outside().collect();
                for (at, bytes) in outside {
                    function.machine.write(at, &bytes).unwrap();
                }
            })
            .unwrap();
        let smaller = world.arena.constant(b"hi");
        world.set(NEXT_IN, smaller);
        world.set32(AVAIL_IN, 2);
        let result = world.arena.writable(&[0; 8]);
        link.caller
            .decode(&mut world.arena, &pending, &reply, &[], result)
            .unwrap();
        // Five bytes are left either of the buffer that has them, or of none.
        assert_eq!(world.number(AVAIL_IN), 5);
        match refused {
            true => assert!(is_refused(&mut world, WORK, "avail_in")),
            false => assert_eq!(world.get(NEXT_IN), input),
        }
    }
}

/// Another thread ends the object while a call of it is under way, and may make another one there.
#[test]
fn a_late_reply_does_not_bring_back_what_has_ended() {
    for again in [false, true] {
        let (mut world, _) = World::made();
        let first = world.get(STATE);
        let link = link(RESET);
        let slot = world.arena.constant(&super::pointer(world.stream));
        let (mut request, mut descriptors) = (Vec::new(), Vec::new());
        let pending = link
            .caller
            .encode(&mut world.arena, &[slot], 0, &mut request, &mut descriptors)
            .unwrap();
        let reply = link
            .serve(&mut world.machine, &request, says(TOTAL, 77))
            .unwrap();
        world.call(END, |_| {});
        if again {
            world.call(MAKE, |_| {});
        }
        let after = world.get(STATE);
        assert_ne!(after, first);
        let result = world.arena.writable(&[0; 8]);
        link.caller
            .decode(&mut world.arena, &pending, &reply, &[], result)
            .unwrap();
        assert_eq!((world.get(STATE), world.get(TOTAL)), (after, 0));
        let stands = world.arena.resident(world.stream);
        assert_eq!(stands.unwrap().is_some(), again);
    }
}

#[test]
fn an_object_passed_twice_walks_through_nothing() {
    let (mut world, _) = World::made();
    world.buffers(b"hello", 8);
    let stream = super::pointer(world.stream);
    let World { arena, machine, .. } = &mut world;
    let twice = [stream.clone(), stream];
    let call = link(BOTH).call(arena, machine, &twice, |_| panic!("called"));
    let error = call.err().unwrap();
    assert!(error.to_string().contains("passed twice"), "{error}");
    // Where the second is const, what comes back of it is nothing.
    let constant = BOTH.replace(
        "struct stream *__handle t",
        "const struct stream *__handle t",
    );
    link(&constant)
        .call(arena, machine, &twice, |_| {})
        .unwrap();
    let plain = BOTH.replace("__cursor(next_in, avail_in)", "");
    link(&plain).call(arena, machine, &twice, |_| {}).unwrap();
}

#[test]
fn an_object_stays_the_one_that_it_is() {
    let (mut world, _) = World::made();
    let second = world.arena.writable(&[0; SIZE]);
    let first = std::mem::replace(&mut world.stream, second);
    world.call(MAKE, |_| {});
    assert_eq!(world.arena.resident(second), Ok(Some(1 << 24 | 2)));
    world.stream = first;
    let reset = link(RESET);
    let slot = world.arena.constant(&super::pointer(first));
    let (mut request, mut descriptors) = (Vec::new(), Vec::new());
    let pending = reset
        .caller
        .encode(&mut world.arena, &[slot], 0, &mut request, &mut descriptors)
        .unwrap();
    let mut reply = reset.serve(&mut world.machine, &request, |_| {}).unwrap();
    let result = world.arena.writable(&[0; 8]);
    // The handle is the first reference, the text the last.
    let at = reply.len() - 16;
    assert_eq!(reply[at..at + 8], u64::to_le_bytes(1 << 24 | 1));
    reply[at..at + 8].copy_from_slice(&u64::to_le_bytes(1 << 24 | 2));
    let decoded = reset
        .caller
        .decode(&mut world.arena, &pending, &reply, &[], result);
    assert!(
        matches!(decoded, Err(MarshalError::Protocol { .. })),
        "{decoded:?}"
    );
}

/// Two prototypes may tell one record in different words.
#[test]
fn a_pointer_that_another_prototype_calls_a_number_is_not_followed() {
    let (mut world, _) = World::made();
    world.buffers(b"hello", 8);
    let other = "struct inner; struct stream { unsigned long first; unsigned avail_in;
        unsigned long third; unsigned avail_out; long total; struct inner *state; };
        int reset(struct stream *__handle s)";
    let link = Link::native(&std::sync::Arc::new(crate::parse(other).unwrap()));
    let stream = super::pointer(world.stream);
    let size = 48;
    let World { arena, machine, .. } = &mut world;
    // To this prototype the object is smaller, so it is made anew for it.
    machine
        .memory
        .iter_mut()
        .for_each(|(_, bytes)| bytes.truncate(size));
    link.call(arena, machine, &[stream], |function| {
        let stream = function.number(0);
        set(function, stream, 0x7fff_0000);
    })
    .unwrap();
    machine
        .memory
        .iter_mut()
        .for_each(|(_, bytes)| bytes.resize(SIZE, 0));
    assert_eq!(world.get(NEXT_IN), 0x7fff_0000);
    assert!(is_refused(&mut world, WORK, "avail_in"));
}

use super::Link;
