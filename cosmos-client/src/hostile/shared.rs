//! VMs that do as they like with memory for buffers.

use super::vm::{Answer, Manners, body, opens_with};
use crate::error::Error;
use crate::library::Target;
use callframe::marshal::SHARED;
use cosmos_rpc::arena::NUMBERS;
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::vm::{CALL, Map, Mapped};
use cosmos_rpc::{Fault, FaultCode};
use std::sync::Arc;
use std::time::Duration;

const SIZE: usize = 1 << 20;
const FILL: &str = "int fill(void *__inout __sized_by(size) __filled(return) to, int size)";

/// Has a large buffer filled; gives what came of it, and the buffer, which held ones.
fn fill(target: &Arc<Target>) -> (Result<i32, Error>, Vec<u8>) {
    let function = target.resolve(FILL).unwrap();
    let mut buffer = vec![1u8; SIZE];
    let arguments = [
        (buffer.as_mut_ptr().expose_provenance() as u64).to_le_bytes(),
        (SIZE as u64).to_le_bytes(),
    ];
    let addresses = arguments
        .each_ref()
        .map(|it| it.as_ptr().expose_provenance() as u64);
    let mut result = [0u8; 4];
    let place = result.as_mut_ptr().expose_provenance() as u64;
    // SAFETY: the arguments are as the prototype says, and so is the result.
    let called = unsafe { crate::call::invoke(&function, &addresses, 0, place) };
    (called.map(|_| i32::from_le_bytes(result)), buffer)
}

/// The block of the buffer in a request: what stands for its length, behind runable, header, slots.
fn block(request: &[u8]) -> Option<u64> {
    let at = 8 + 16 + 16;
    Some(u64::from_le_bytes(
        request.get(at..at + 8)?.try_into().ok()?,
    ))
}

fn takes_it(request: &Map) -> Result<Mapped, Fault> {
    Ok(Mapped {
        address: request.address,
    })
}

fn vm(answer: Answer, maps: fn(&Map) -> Result<Mapped, Fault>) -> Arc<Target> {
    let manners = Manners {
        maps,
        ..Manners::of(answer)
    };
    opens_with(manners, Some(Duration::from_secs(20)))
}

/// A reply that says so much was filled, of memory that both see.
fn filled(amount: u64, returned: i32) -> Vec<u8> {
    let mut reply = body(0, &returned.to_le_bytes(), &[(SIZE as u64, &[])], &[0]);
    reply[32..40].copy_from_slice(&(SHARED | amount).to_le_bytes());
    // One block that comes back, and no reference.
    reply[4..8].fill(0);
    reply.truncate(48);
    reply
}

#[test]
fn one_that_takes_none_gets_buffers_in_its_requests() {
    let answer = Answer::Act(|connection, id, request| {
        let inline = block(request) == Some(SIZE as u64) && request.len() > SIZE;
        let mut reply = body(0, &3i32.to_le_bytes(), &[(SIZE as u64, b"abc")], &[]);
        if !inline {
            reply.clear();
        }
        connection.send_raw(CALL | REPLY, id, &[&reply], &[]).ok()
    });
    let refuses = |_: &Map| Err(Fault::caller(FaultCode::LimitReached, "no room"));
    for maps in [refuses, |_: &Map| {
        Err(Fault::caller(FaultCode::Unsupported, "not here"))
    }] {
        let target = vm(answer.clone(), maps);
        for _ in 0..3 {
            let (returned, buffer) = fill(&target);
            assert_eq!(returned.unwrap(), 3);
            assert_eq!(buffer[..4], *b"abc\x01");
        }
        let error = target.allocate(10).unwrap_err();
        assert!(matches!(
            error.code(),
            FaultCode::LimitReached | FaultCode::Unsupported
        ));
    }
}

/// Of the last buffers that are copied into shared memory, and of those after them.
#[test]
fn where_all_numbers_of_segments_are_used_up_buffers_go_in_requests() {
    let answer = Answer::Act(|connection, id, request| {
        let inline = block(request) == Some(SIZE as u64) && request.len() > SIZE;
        let reply = match inline {
            true => body(0, &3i32.to_le_bytes(), &[(SIZE as u64, b"abc")], &[]),
            false => filled(10, 10),
        };
        connection.send_raw(CALL | REPLY, id, &[&reply], &[]).ok()
    });
    let target = vm(answer, |request| match request.segment < NUMBERS {
        true => takes_it(request),
        false => Err(Fault::peer(
            FaultCode::Protocol,
            "no segment has this number",
        )),
    });
    let arena = Arc::clone(target.link().arena());
    let numbers = || std::iter::from_fn(|| arena.number());
    assert_eq!(
        numbers().take(NUMBERS as usize - 1).last(),
        Some(NUMBERS - 2)
    );
    assert_eq!(fill(&target).0.unwrap(), 10);
    assert_eq!(arena.number(), None);
    // The thread keeps the last, whose buffers are as large; another one has none.
    assert_eq!(fill(&target).0.unwrap(), 10);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| fill(&target)).join().unwrap();
        assert_eq!(other.0.unwrap(), 3);
    });
    let error = target.allocate(10).unwrap_err();
    assert_eq!(error.code(), FaultCode::LimitReached);
}

#[test]
fn what_is_filled_is_computed_and_no_more_is_copied() {
    let target = vm(Answer::Body(filled(10, 10)), takes_it);
    let (returned, buffer) = fill(&target);
    assert_eq!(returned.unwrap(), 10);
    // It has written nothing there: what was staged comes back.
    assert!(buffer.iter().all(|byte| *byte == 1));
    for (amount, returned) in [(11, 10), (0, 10), (SIZE as u64 + 1, SIZE as i32 + 1)] {
        let target = vm(Answer::Body(filled(amount, returned)), takes_it);
        let (called, buffer) = fill(&target);
        assert_eq!(called.unwrap_err().code(), FaultCode::Protocol);
        assert!(buffer.iter().all(|byte| *byte == 1));
        assert!(target.usable().is_err(), "it is not talked to any further");
    }
    // Contents in the reply, where they were shared.
    let inline = body(0, &3i32.to_le_bytes(), &[(SIZE as u64, b"abc")], &[]);
    let (called, buffer) = fill(&vm(Answer::Body(inline), takes_it));
    assert_eq!(called.unwrap_err().code(), FaultCode::Protocol);
    assert!(buffer.iter().all(|byte| *byte == 1));
}

#[test]
fn one_that_answers_otherwise_fails_the_call() {
    let breaks = |_: &Map| Err(Fault::peer(FaultCode::Protocol, "I do not like it"));
    let target = vm(Answer::Body(filled(1, 1)), breaks);
    let (called, buffer) = fill(&target);
    assert_eq!(called.unwrap_err().code(), FaultCode::Protocol);
    assert!(buffer.iter().all(|byte| *byte == 1));
}

/// Whether addresses agree is the VM's word; a lie is followed by nobody but the VM.
#[test]
fn a_lie_about_its_address_harms_the_liar() {
    let elsewhere = |request: &Map| {
        Ok(Mapped {
            address: request.address ^ (1 << 40),
        })
    };
    let target = vm(Answer::Body(filled(10, 10)), elsewhere);
    let address = target.allocate(100).unwrap();
    let arena = target.link().arena();
    let seen = arena.seen(address).unwrap().unwrap();
    assert!(!seen.agreed);
    assert_eq!(seen.left, 100);
    let (returned, _) = fill(&target);
    assert_eq!(returned.unwrap(), 10);
    let target = vm(Answer::End, takes_it);
    let address = target.allocate(100).unwrap();
    assert!(target.link().arena().seen(address).unwrap().unwrap().agreed);
}
