//! A VM that lies about objects that memory of the program's stands for.

use super::vm::*;
use crate::library::Target;
use crate::{Error, FaultCode};
use callframe::marshal::{MOVED_TO_NULL, RESIDENT};
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::vm::CALL;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const STREAM: &str =
    "struct inner; struct stream { char *next; unsigned left; struct inner *state; };";
const MAKE: &str = "int make(struct stream *__closed_by(end) s)";
const RESET: &str = "int reset(struct stream *__handle s)";
const WORK: &str = "int work(struct stream *__handle __cursor(next, left) s)";
const END: &str = "int end(struct stream *__handle __consume s)";

#[repr(C)]
#[derive(Debug)]
struct Stream {
    next: *mut u8,
    left: u32,
    state: u64,
}

/// The program's: a buffer of eight bytes, and guards around it that nothing may touch.
struct Program {
    target: Arc<Target>,
    memory: Box<[u8; 24]>,
    stream: Box<Stream>,
}

impl Program {
    fn new(act: Act) -> Program {
        let mut memory = Box::new([0xaa; 24]);
        let next = memory[8..].as_mut_ptr();
        Program {
            target: opens(Answer::Act(act)),
            memory,
            stream: Box::new(Stream {
                next,
                left: 8,
                state: 0,
            }),
        }
    }

    fn call(&mut self, prototype: &str) -> Result<i32, Error> {
        crate::clear_last_error();
        let function = self
            .target
            .resolve(&format!("{STREAM} {prototype}"))
            .unwrap();
        // SAFETY: the prototype is of this type.
        let call: unsafe extern "C" fn(*mut Stream) -> i32 =
            unsafe { std::mem::transmute(function.pointer()) };
        // SAFETY: the stream leads to as many bytes as it says.
        let result = unsafe { call(&mut *self.stream) };
        let guards = [&self.memory[..8], &self.memory[16..]];
        assert_eq!(guards, [&[0xaa; 8][..]; 2]);
        crate::last_error().map_or(Ok(result), Err)
    }
}

const WIRE: u64 = 1 << 24 | 1;

/// The state of the object in a call, its handle, and how many buffers walk.
fn state(call: &[u8]) -> (&[u8], u64, usize) {
    let references = u32::from_le_bytes(call[12..16].try_into().unwrap()) as usize;
    let blocks = u32::from_le_bytes(call[16..20].try_into().unwrap()) as usize;
    let state = &call[8 + 16 + 16 + 16..][..24];
    let all = (8 * references).next_multiple_of(16);
    let at = call.len() - all;
    let wire = u64::from_le_bytes(call[at..at + 8].try_into().unwrap());
    assert_ne!(wire & RESIDENT, 0);
    (state, wire & !RESIDENT, blocks - 1)
}

/// Answers with so many left, and references behind the handle.
fn says(connection: &mut Connection, id: u64, call: &[u8], left: u32, wire: u64) -> Option<()> {
    let (sent, _, walks) = state(call);
    let mut state = sent.to_vec();
    state[8..12].copy_from_slice(&left.to_le_bytes());
    let result = 0i32.to_le_bytes();
    let reply = match walks {
        0 => body(0, &result, &[(24, &state)], &[wire]),
        _ => body(0, &result, &[(24, &state), (8, &[])], &[wire, 0]),
    };
    connection.send_raw(CALL | REPLY, id, &[&reply], &[]).ok()
}

fn left(call: &[u8]) -> u32 {
    u32::from_le_bytes(state(call).0[8..12].try_into().unwrap())
}

#[test]
fn a_count_that_another_call_raised_is_not_gone_by() {
    let mut program = Program::new(|connection, id, call| {
        let more = if state(call).2 == 0 { 1000 } else { 0 };
        says(connection, id, call, left(call) + more, WIRE)
    });
    assert_eq!(program.call(MAKE), Ok(0));
    assert_eq!(program.stream.left, 1008);
    for _ in 0..2 {
        let error = program.call(WORK).unwrap_err();
        assert_eq!(error.code(), FaultCode::Protocol);
        assert!(
            error
                .to_string()
                .contains("'left' is as a call has left it"),
            "{error}"
        );
        assert_eq!(program.call(RESET), Ok(0));
    }
    program.stream.left = 8;
    assert_eq!(program.call(WORK), Ok(0));
    // By now it is known for a count.
    let error = program.call(RESET).unwrap_err();
    assert_eq!(error.code(), FaultCode::Protocol);
    assert!(error.to_string().contains("more is left"), "{error}");
    assert_eq!(program.stream.left, 8);
    assert_eq!(program.call(WORK), Ok(0));
}

/// It may end whenever the VM likes to say so, and is made again.
#[test]
fn an_object_that_the_vm_ends_and_makes_again_has_the_same_past() {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let mut program = Program::new(|connection, id, call| {
        let number = CALLS.fetch_add(1, Ordering::Relaxed);
        match number {
            // A reset that ends it and raises the count; one that is made again and leaves it.
            1 => says(connection, id, call, 4096, 0),
            _ => says(connection, id, call, left(call), WIRE + number),
        }
    });
    assert_eq!(program.call(MAKE), Ok(0));
    assert_eq!(program.call(RESET), Ok(0));
    assert_eq!((program.stream.left, program.stream.state), (4096, 0));
    let stale = program.call(WORK).unwrap_err();
    assert_eq!(stale.code(), FaultCode::StaleHandle);
    assert_eq!(program.call(MAKE), Ok(0));
    let error = program.call(WORK).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("'left' is as a call has left it"),
        "{error}"
    );
    assert_eq!(
        program.call(END).unwrap_err().code(),
        FaultCode::Protocol,
        "another's handle"
    );
}

/// A pointer that moves on while its count stays, or that moves behind its end.
#[test]
fn a_pointer_and_its_count_move_together() {
    static LIE: AtomicU64 = AtomicU64::new(0);
    /// Where it moved, how many it says are left, and whether they are.
    const LIES: [(u64, u32, bool); 6] = [
        (0, 9, false),
        (1 + 1, 8, false),
        (1 + 8, 1, false),
        (1 + 9, 0, false),
        (1 + 8, 0, true),
        (MOVED_TO_NULL, 5000, true),
    ];
    for (index, (_, _, good)) in LIES.into_iter().enumerate() {
        let mut program = Program::new(|connection, id, call| {
            let (sent, _, walks) = state(call);
            if walks == 0 {
                return says(connection, id, call, left(call), WIRE);
            }
            let (moved, left, _) = LIES[LIE.load(Ordering::Relaxed) as usize];
            let mut state = sent.to_vec();
            state[8..12].copy_from_slice(&u32::to_le_bytes(left));
            let filled = match moved {
                MOVED_TO_NULL => 8,
                moved => moved.saturating_sub(1).min(8),
            };
            let bytes = vec![b'x'; filled as usize];
            let blocks = [(24, &state[..]), (8, &bytes[..])];
            let reply = body(0, &0i32.to_le_bytes(), &blocks, &[WIRE, moved]);
            connection.send_raw(CALL | REPLY, id, &[&reply], &[]).ok()
        });
        LIE.store(index as u64, Ordering::Relaxed);
        assert_eq!(program.call(MAKE), Ok(0));
        let worked = program.call(WORK);
        assert_eq!(worked.is_ok(), good, "{index}: {worked:?}");
        if let Err(error) = worked {
            assert_eq!(error.code(), FaultCode::Protocol, "{error}");
            assert_eq!(program.stream.left, 8);
            assert_eq!(program.memory[..], [0xaa; 24]);
        }
    }
}

/// Memory in which something else is than the token stands for no object, whatever it did before.
#[test]
fn a_token_that_was_written_over_names_nothing() {
    let mut program =
        Program::new(|connection, id, call| says(connection, id, call, left(call), WIRE));
    assert_eq!(program.call(MAKE), Ok(0));
    let token = program.stream.state;
    for other in [0, token + 1, token ^ 1 << 40] {
        program.stream.state = other;
        let error = program.call(WORK).unwrap_err();
        assert_eq!(error.code(), FaultCode::StaleHandle, "{other:#x}: {error}");
    }
    program.stream.state = token;
    assert_eq!(program.call(WORK), Ok(0));
}

/// Tokens of a VM that is gone name nothing, in whichever VM comes next.
#[test]
fn memory_outlives_its_vm_as_memory() {
    let mut program = Program::new(|connection, id, call| match state(call).1 {
        0 => says(connection, id, call, left(call), WIRE),
        _ => None,
    });
    assert_eq!(program.call(MAKE), Ok(0));
    let token = program.stream.state;
    assert_ne!(token, 0);
    let error = program.call(RESET).unwrap_err();
    assert!(
        [FaultCode::VmDied, FaultCode::Disconnected].contains(&error.code()),
        "{error}"
    );
    // The tests' VMs have one number all: only the table tells that this is another's object.
    program.target = opens(Answer::Act(|connection, id, call| {
        says(connection, id, call, left(call), WIRE)
    }));
    program.stream.state = token;
    let error = program.call(WORK).unwrap_err();
    match error.code() {
        FaultCode::StaleHandle => {}
        other => panic!("{other:?}: {error}"),
    }
}
