//! Buffers in memory that both ends see: what is said of them, and what neither end believes.

use super::arena::Arena;
use super::vm::{COMMON, Machine};
use super::{Link, pointer};
use crate::marshal::{CLEARED, Callee, MarshalError, Pending, SHARED, Seen};
use crate::{CallFrame, DataModel};
use std::sync::Arc;

const COPY: &str = "int copy(void *__out __sized_by(room) __filled(return) to, int room, \
                    const void *__sized_by(size) from, int size)";
const SIZE: usize = 8192;

fn link(prototype: &str) -> Link {
    Link::native(&frame(prototype))
}

fn frame(prototype: &str) -> Arc<CallFrame> {
    Arc::new(crate::parse(prototype).unwrap())
}

/// The arguments of one `copy`, and the request that passes them.
struct Staged {
    link: Link,
    arena: Arena,
    to: u64,
    request: Vec<u8>,
    pending: Pending,
}

fn staged() -> Staged {
    let link = link(COPY);
    let mut arena = Arena::new();
    arena.staged = Some(Vec::new());
    let to = arena.writable(&[0xee; SIZE]);
    let from = arena.constant(&[7; SIZE]);
    let size = (SIZE as i32).to_le_bytes().to_vec();
    let arguments = [pointer(to), size.clone(), pointer(from), size];
    let addresses: Vec<u64> = arguments.iter().map(|it| arena.constant(it)).collect();
    let (mut request, mut descriptors) = (Vec::new(), Vec::new());
    let pending = link
        .caller
        .encode(&mut arena, &addresses, 0, &mut request, &mut descriptors)
        .unwrap();
    Staged {
        link,
        arena,
        to,
        request,
        pending,
    }
}

fn machine() -> Machine {
    Machine {
        common: 2 * SIZE as u64,
        ..Machine::default()
    }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

fn set(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

/// Header, four slots; then the headers of two blocks.
const BLOCKS: usize = 16 + 32;

#[test]
fn large_buffers_travel_as_places_and_come_back_from_there() {
    let mut call = staged();
    assert!(call.request.len() < 256, "{} bytes", call.request.len());
    assert_eq!(word(&call.request, BLOCKS), SHARED | CLEARED);
    assert_eq!(word(&call.request, BLOCKS + 16), SHARED | SIZE as u64);
    let mut machine = machine();
    let reply = call.link.serve(&mut machine, &call.request, |function| {
        assert_eq!(function.number(0), COMMON);
        assert_eq!(function.number(2), COMMON + SIZE as u64);
        function.give(&5000i32.to_le_bytes());
    });
    let reply = reply.unwrap();
    assert_eq!(machine.cleared, [(0, SIZE as u64)]);
    // What the function did, in the memory that both see.
    call.arena.staged.as_mut().unwrap()[..SIZE].fill(9);
    let result = call.arena.writable(&[0; 4]);
    let caller = &call.link.caller;
    caller
        .decode(&mut call.arena, &call.pending, &reply, &[], result)
        .unwrap();
    let bytes = call.arena.bytes(call.to, SIZE);
    assert!(bytes[..5000].iter().all(|byte| *byte == 9));
    assert!(bytes[5000..].iter().all(|byte| *byte == 0xee));
}

#[test]
fn a_vm_believes_no_place_and_no_size() {
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut call = staged();
        change(&mut call.request);
        let mut entered = false;
        let reply = call
            .link
            .serve(&mut machine(), &call.request, |_| entered = true);
        assert!(reply.is_err() && !entered);
    };
    for length in [
        SHARED | (SIZE as u64 + 1),
        SHARED | (CLEARED - 1),
        SHARED | CLEARED | (CLEARED - 1),
        SHARED | (2 * SIZE as u64),
        0,
    ] {
        refused(&|request| set(request, BLOCKS + 16, length));
    }
    for capacity in [0, SIZE as u64 - 1, SIZE as u64 + 1, 1 << 40, u64::MAX] {
        refused(&|request| set(request, BLOCKS + 24, capacity));
    }
    // A machine without such memory takes none of it.
    let call = staged();
    let served = call
        .link
        .serve(&mut Machine::default(), &call.request, |_| ());
    assert!(served.is_err());
}

#[test]
fn a_caller_believes_nothing_of_what_was_filled() {
    let reply = || {
        let call = staged();
        let reply = call.link.serve(&mut machine(), &call.request, |function| {
            function.give(&100i32.to_le_bytes());
        });
        (call, reply.unwrap())
    };
    // Header, result; then the header of the one block that comes back.
    let block = 32;
    let (_, honest) = reply();
    assert_eq!(word(&honest, block), SHARED | 100);
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let (mut call, mut reply) = reply();
        change(&mut reply);
        let before = call.arena.snapshot();
        let result = call.arena.writable(&[0xaa; 4]);
        let caller = &call.link.caller;
        let decoded = caller.decode(&mut call.arena, &call.pending, &reply, &[], result);
        assert!(decoded.is_err());
        assert_eq!(call.arena.snapshot()[..before.len()], before);
    };
    for length in [
        SHARED | 99,
        SHARED | 101,
        SHARED | (SIZE as u64 + 1),
        SHARED | CLEARED | 100,
        u64::MAX,
        0,
        100,
    ] {
        refused(&|reply| set(reply, block, length));
    }
    for capacity in [0, 100, SIZE as u64 + 1, u64::MAX] {
        refused(&|reply| set(reply, block + 8, capacity));
    }
    // It says that it filled more than there is.
    refused(&|reply| {
        reply[16..20].copy_from_slice(&(SIZE as i32 + 1).to_le_bytes());
        set(reply, block, SHARED | (SIZE as u64 + 1));
    });
}

#[test]
fn what_was_sent_in_the_request_comes_back_in_the_reply() {
    let link = link("void fill(char *__out __sized_by(4) to)");
    let mut arena = Arena::new();
    let to = arena.writable(&[1; 4]);
    let slot = arena.constant(&pointer(to));
    let (mut request, mut descriptors) = (Vec::new(), Vec::new());
    let pending = link
        .caller
        .encode(&mut arena, &[slot], 0, &mut request, &mut descriptors)
        .unwrap();
    let mut reply = link.serve(&mut machine(), &request, |_| ()).unwrap();
    assert_eq!(word(&reply, 16), 4);
    set(&mut reply, 16, SHARED | 4);
    reply.drain(32..48);
    let decoded = link.caller.decode(&mut arena, &pending, &reply, &[], 0);
    assert!(matches!(decoded, Err(MarshalError::Malformed(_))));
    // A returned block is in nobody's memory but the VM's.
    let link = self::link("const char *__borrowed __sized_by(4) give(void)");
    let mut arena = Arena::new();
    let (mut request, mut descriptors) = (Vec::new(), Vec::new());
    let pending = link
        .caller
        .encode(&mut arena, &[], 0, &mut request, &mut descriptors)
        .unwrap();
    let mut machine = machine();
    let address = machine.allocate(b"four");
    let reply = link.serve(&mut machine, &request, |function| {
        function.give(&address.to_le_bytes());
    });
    let mut reply = reply.unwrap();
    assert_eq!(word(&reply, 32), 4);
    set(&mut reply, 32, SHARED | 4);
    reply.drain(48..64);
    let result = arena.writable(&[0; 8]);
    let decoded = link
        .caller
        .decode(&mut arena, &pending, &reply, &[], result);
    assert!(matches!(decoded, Err(MarshalError::Malformed(_))));
}

/// Memory of the program's own that the VM sees at another address: pointers to it travel, records in
/// it with pointers cannot.
#[test]
fn where_the_addresses_differ_only_pointers_at_the_top_are_translated() {
    let node = "struct node { struct node *__in next; long value; };";
    let sum = link(&format!("{node} long sum(const struct node *list)"));
    let look = link("long look(const long *__sized_by(16) numbers)");
    let mut arena = Arena::new();
    let record = arena.writable(&[0; 16]);
    let seen = |agreed| Seen {
        place: 64,
        left: 16,
        agreed,
    };
    let argument = [pointer(record)];
    arena.seen = vec![(record, seen(false))];
    look.call(&mut arena, &mut machine(), &argument, |function| {
        assert_eq!(function.number(0), COMMON + 64);
    })
    .unwrap();
    let called = sum.call(&mut arena, &mut machine(), &argument, |_| panic!("entered"));
    let error = called.map(drop).unwrap_err().to_string();
    assert!(error.contains("parameter 'list'"), "{error}");
    assert!(error.contains("at another address"), "{error}");
    arena.seen = vec![(record, seen(true))];
    sum.call(&mut arena, &mut machine(), &argument, |function| {
        assert_eq!(function.number(0), COMMON + 64);
    })
    .unwrap();
    // Too short for a record.
    arena.seen = vec![(
        record,
        Seen {
            left: 15,
            ..seen(true)
        },
    )];
    let called = sum.call(&mut arena, &mut machine(), &argument, |_| panic!("entered"));
    assert!(called.is_err());
    // Another layout cannot be used as it is.
    let frame = frame(&format!("{node} long sum(const struct node *list)"));
    let narrow = Link::new(&frame, DataModel::LP64, DataModel::ILP32);
    arena.seen = vec![(record, seen(true))];
    let called = narrow.call(&mut arena, &mut machine(), &argument, |_| panic!("entered"));
    let error = called.map(drop).unwrap_err().to_string();
    assert!(error.contains("lays it out in another way"), "{error}");
}

/// What a function may free or replace is the VM's own, wherever the caller has it.
#[test]
fn shared_memory_is_not_given_away() {
    let prototype = "long getline(char *__owned(free) __sized_by(*n) __filled(return + 1) *__inout \
                     line, size_t *__inout n)";
    let link = link(prototype);
    let mut arena = Arena::new();
    let buffer = arena.writable(&[0; 16]);
    let line = arena.writable(&buffer.to_le_bytes());
    let size = arena.writable(&16u64.to_le_bytes());
    arena.seen = vec![(
        buffer,
        Seen {
            place: 0,
            left: 16,
            agreed: true,
        },
    )];
    let arguments = [pointer(line), pointer(size)];
    let called = link.call(&mut arena, &mut machine(), &arguments, |_| {
        panic!("entered")
    });
    let error = called.map(drop).unwrap_err().to_string();
    assert!(error.contains("neither free nor replace"), "{error}");
}

#[test]
fn the_memory_of_a_call_has_no_room_for_what_is_elsewhere() {
    let mut call = staged();
    let callee: &Callee = &call.link.callee;
    let mut machine = machine();
    let image = callee.decode(&call.request, &mut machine).unwrap();
    assert!(image.bytes().len() < 256);
    assert_eq!(image.block(0), None);
    assert_eq!(image.blocks().count(), 0);
    // Neither end has a block twice.
    let references = call.request.len() - 16;
    let first = word(&call.request, references);
    set(&mut call.request, references + 8, first);
    assert!(callee.decode(&call.request, &mut machine).is_err());
}
