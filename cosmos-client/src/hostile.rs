//! A VM of the tests' own, at the other end of a socket pair, that answers what it likes.

mod brief;
mod callbacks;
mod compact;
mod meeting;
mod residents;
mod shared;
mod together;
mod values;
mod variadic;
mod vm;

use crate::error::Error;
use crate::library::Target;
use crate::resolved::Resolved;
use crate::token::VmNumber;
use callframe::DataModel;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::vm::{CALL, Close, ObjectToken, Open};
use cosmos_rpc::message::{Message, REPLY};
use cosmos_rpc::{Fault, Role};
use proptest::prelude::*;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vm::*;

/// Longer than it takes to notice anything, on a machine that is busy; shorter than what is to be noticed.
const SOON: Duration = Duration::from_secs(40);

/// Calls through the C pointer of `double cos(double x)`, as a program does.
fn cosine(target: &Arc<Target>) -> (f64, i32, Option<Error>) {
    cosine_within(Duration::ZERO, target)
}

/// The same with a limit for the call alone: what is done before it takes its time on a machine that is busy.
fn cosine_within(limit: Duration, target: &Arc<Target>) -> (f64, i32, Option<Error>) {
    crate::clear_last_error();
    crate::memory::set_errno(0);
    let function = target.resolve("double cos(double x)").unwrap();
    // SAFETY: the prototype is of this type.
    let call: extern "C" fn(f64) -> f64 = unsafe { std::mem::transmute(function.pointer()) };
    let (result, errno) = crate::within(limit, || (call(0.5), crate::memory::errno()));
    (result, errno, crate::last_error())
}

fn dynamic(function: &Arc<Resolved>, values: &[crate::Value]) -> Result<crate::Outcome, Error> {
    crate::dynamic::call(function, values)
}

#[test]
fn a_well_formed_reply_comes_back() {
    let target = opens(Answer::Body(body(34, &0.25f64.to_le_bytes(), &[], &[])));
    assert_eq!(cosine(&target), (0.25, 34, None));
    // And again, on the same channel.
    assert_eq!(cosine(&target), (0.25, 34, None));
}

#[test]
fn a_template_of_another_layout_refuses_the_symbol() {
    let target = opens_with(
        Manners {
            honest: |_| false,
            ..Manners::of(Answer::End)
        },
        None,
    );
    let error = target.resolve("double cos(double x)").unwrap_err();
    assert_eq!(error.code(), crate::FaultCode::TemplateMismatch);
    assert_eq!(error.errno(), libc::EPROTO);
    assert_eq!(
        (error.function(), error.vm()),
        (Some("cos"), Some("hostfn-666"))
    );
}

#[test]
fn a_channel_that_ends_is_a_vm_that_died() {
    let target = opens(Answer::End);
    let (result, errno, error) = cosine(&target);
    assert!(result.is_nan());
    assert_eq!(errno, libc::EOWNERDEAD);
    let error = error.unwrap();
    assert_eq!(error.code(), crate::FaultCode::VmDied);
    assert!(error.to_string().contains("in cos(0.5)"), "{error}");
    // From now on at once, and with the same story.
    let (result, errno, again) = cosine_at_once(&target);
    assert!(result.is_nan());
    assert_eq!(errno, libc::EOWNERDEAD);
    assert!(again.unwrap().to_string().starts_with(&error.to_string()));
}

fn cosine_at_once(target: &Arc<Target>) -> (f64, i32, Option<Error>) {
    let error = target.resolve("double sin(double x)").unwrap_err();
    crate::memory::set_errno(error.errno());
    (f64::NAN, error.errno(), Some(error))
}

#[test]
fn silence_is_ended_by_the_deadline() {
    let target = opens(Answer::Silence);
    let begun = Instant::now();
    let (result, errno, error) = cosine_within(Duration::from_millis(50), &target);
    assert!(begun.elapsed() < SOON);
    assert!(result.is_nan());
    assert_eq!(errno, libc::ETIMEDOUT);
    assert!(
        error
            .unwrap()
            .to_string()
            .contains("did not answer in time in cos(0.5)")
    );
    let late = target.usable().unwrap_err();
    assert_eq!(late.errno(), libc::EOWNERDEAD);
}

#[test]
fn a_trickle_is_ended_by_the_deadline() {
    let target = opens_with(Manners::on_socket(Answer::Trickle), None);
    let begun = Instant::now();
    let (result, errno, _) = cosine_within(Duration::from_millis(100), &target);
    assert!(begun.elapsed() < SOON);
    assert!(result.is_nan());
    assert_eq!(errno, libc::ETIMEDOUT);
    assert!(target.usable().is_err());
}

#[test]
fn a_vm_that_never_shakes_hands_is_ended_by_the_deadline() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let silent = Manners {
        greets: false,
        ..Manners::of(Answer::End)
    };
    std::thread::spawn(move || serve(theirs, silent));
    let main = Connection::connect(ours, Role::Client).unwrap();
    let link = link(main, &opened());
    let begun = Instant::now();
    let request = Close {
        object: ObjectToken(1),
    };
    let error = link
        .request(&request, Some(Duration::from_millis(100)), "closing")
        .unwrap_err();
    // Without one a handshake is waited for ten seconds.
    assert!(begun.elapsed() < Duration::from_secs(9));
    assert_eq!(error.errno(), libc::ETIMEDOUT);
}

#[test]
fn a_second_reply_to_one_call_answers_no_other_and_ends_the_vm() {
    let target = opens_with(Manners::on_socket(Answer::Twice), None);
    assert_eq!(cosine(&target), (0.25, 0, None));
    let (result, errno, error) = cosine(&target);
    assert!(result.is_nan());
    assert_eq!(errno, libc::EPROTO);
    let error = error.expect("an error").to_string();
    assert!(error.contains("a request that was never made"), "{error}");
}

#[test]
fn a_flood_instead_of_an_answer_ends_the_vm() {
    // Replies to a call that was given up, without end; requests to the client; large ones.
    for (kind, length) in [(CALL | REPLY, 64), (CALL, 8), (CALL, 1 << 20)] {
        let deadline = Duration::from_millis(300);
        let flood = Answer::Flood(kind, length);
        for manners in [
            Manners::of(flood.clone()),
            Manners::on_socket(flood.clone()),
        ] {
            let target = opens_with(manners, None);
            let begun = Instant::now();
            let (result, errno, _) = cosine_within(deadline, &target);
            assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
            assert!(result.is_nan());
            assert!(
                [libc::EPROTO, libc::ETIMEDOUT].contains(&errno),
                "errno {errno}"
            );
            assert!(target.usable().is_err());
        }
    }
}

#[test]
fn descriptors_nobody_asked_for_end_the_vm() {
    let target = opens(Answer::Descriptors);
    let (result, errno, _) = cosine(&target);
    assert!(result.is_nan());
    assert_eq!(errno, libc::EPROTO);
    assert!(target.usable().is_err());
}

#[test]
fn impossible_data_models_end_the_vm() {
    use callframe::model::SizeAlign;
    for (size, align) in [(0, 0), (8, 0), (0, 1), (255, 1), (8, 3), (16, 16)] {
        let wrong = SizeAlign { size, align };
        for model in [
            DataModel {
                long: wrong,
                ..DataModel::LP64
            },
            DataModel {
                pointer: wrong,
                ..DataModel::LP64
            },
        ] {
            let manners = Manners {
                model,
                ..Manners::of(Answer::End)
            };
            let target = opens_with(manners, None);
            let prototype = "long f(long *__inout __counted_by(n) p, long n)";
            let error = target.resolve(prototype).unwrap_err();
            assert_eq!(error.errno(), libc::EPROTO, "{error}");
            assert!(target.usable().is_err(), "{wrong:?}");
        }
    }
}

#[test]
fn a_lie_changes_no_output_and_ends_the_vm() {
    let prototype = "int f(int *__out n, struct box *__handle *__out made)";
    let number = 77i32.to_le_bytes();
    for wire in [1u64 << 48 | 1, 1 << 24, u64::MAX] {
        let reply = body(0, &number, &[(4, &number), (8, &[0; 8])], &[wire]);
        let (library, function) = opens(Answer::Body(reply)).resolve_kept(prototype);
        // SAFETY: the prototype is of this type.
        let call: unsafe extern "C" fn(*mut i32, *mut u64) -> i32 =
            unsafe { std::mem::transmute(function.pointer()) };
        let (mut count, mut made) = (5, 6);
        // SAFETY: both lead to what the prototype says.
        let result = unsafe { call(&mut count, &mut made) };
        assert_eq!((result, crate::memory::errno()), (-1, libc::EPROTO));
        assert_eq!((count, made), (5, 6), "{wire:#x}");
        assert!(library.usable().is_err());
    }
}

/// Each lie about where a pointer leads, or how far what it leads to reaches, is refused by name.
#[test]
fn lies_about_what_pointers_lead_to_are_refused() {
    const NODE: &str = "struct node { int value; struct node *__in next; }; ";
    let list = format!("{NODE}struct node *__owned(free) f(void)");
    let node: &[u8] = &[7; 16];
    let text = crate::Value::Text(b"abc".to_vec());
    let (pointer, number) = ([0u8; 8], [0u8; 4]);
    let lies = [
        // An alias one past the end is one; two past it is none.
        (
            "char *__alias(text) f(const char *text)",
            vec![text.clone()],
            body(0, &pointer, &[], &[1 + 5]),
            "outside of what it is an alias of",
        ),
        (
            "char *__owned(free) f(void)",
            vec![],
            body(0, &pointer, &[(4, b"abcd")], &[1]),
            "do not fit what the prototype says of its extent",
        ),
        (
            "char *__owned(free) f(void)",
            vec![],
            body(0, &pointer, &[(4, b"a\0c\0")], &[1]),
            "do not fit what the prototype says of its extent",
        ),
        (
            "int f(char *__inout __null_terminated text)",
            vec![text],
            body(0, &number, &[(4, b"abcd")], &[]),
            "it has no end any more",
        ),
        // A list that leads back to its first node, and one of a node that is not there.
        (
            &list,
            vec![],
            body(0, &pointer, &[(16, node), (16, node)], &[1, 2, 1]),
            "a reference out of order",
        ),
        (
            &list,
            vec![],
            body(0, &pointer, &[(16, node)], &[1, 2]),
            "a reference to a block that is not there",
        ),
    ];
    for (prototype, arguments, reply, words) in lies {
        let (_library, function) = opens(Answer::Body(reply)).resolve_kept(prototype);
        let error = dynamic(&function, &arguments).unwrap_err();
        assert_eq!(error.code(), crate::FaultCode::Protocol, "{prototype}");
        assert!(error.to_string().contains(words), "{prototype}: {error}");
    }
}

#[test]
fn words_of_a_vm_cannot_drive_a_terminal() {
    let words = format!("\x1b]0;owned\x07\u{9b}31m{}", "é".repeat(20_000));
    let target = opens(Answer::Fault(Fault::vm(crate::FaultCode::System, words)));
    let said = cosine(&target).2.unwrap().to_string();
    assert!(
        said.len() < 20_000 && said.contains("owned"),
        "{}",
        said.len()
    );
    assert!(!said.contains(char::is_control));
}

#[test]
fn a_fault_of_the_vm_leaves_it_usable() {
    let fault = Fault::vm(crate::FaultCode::StaleHandle, "no such runable");
    let target = opens(Answer::Fault(fault));
    for _ in 0..2 {
        let (_, errno, error) = cosine(&target);
        assert_eq!(errno, libc::EBADF);
        assert_eq!(error.unwrap().to_string(), "no such runable");
    }
}

#[test]
fn answers_of_another_kind_or_call_are_refused() {
    for (kind, more) in [(Open::KIND | REPLY, 0), (CALL | REPLY, 1)] {
        let target = opens(Answer::Other(kind, more));
        let (result, errno, _) = cosine(&target);
        assert!(result.is_nan());
        assert_eq!(errno, libc::EPROTO);
        assert!(
            target.usable().is_err(),
            "a VM that breaks the protocol is gone"
        );
    }
}

/// The same of calls after the first of a thread, which go the shortest way.
#[test]
fn short_answers_to_another_call_are_refused() {
    let lies: [Act; 2] = [
        |connection, id, request| answers_cosine(connection, id + u64::from(asks_last(request))),
        |connection, id, request| answers_cosine(connection, id - u64::from(asks_last(request))),
    ];
    for lie in lies {
        let target = opens(Answer::Act(lie));
        let function = target.resolve("double cos(double x)").unwrap();
        // SAFETY: the prototype is of this type.
        let cosine: extern "C" fn(f64) -> f64 = unsafe { std::mem::transmute(function.pointer()) };
        assert_eq!([cosine(0.5), cosine(0.5), cosine(0.5)], [0.25; 3]);
        assert!(cosine(LAST).is_nan());
        assert_eq!(crate::memory::errno(), libc::EPROTO);
        assert!(target.usable().is_err(), "it broke the protocol");
    }
}

/// What the last call asks.
const LAST: f64 = 0.75;

fn asks_last(request: &[u8]) -> bool {
    request.windows(8).any(|bytes| bytes == LAST.to_le_bytes())
}

fn answers_cosine(connection: &mut Connection, id: u64) -> Option<()> {
    let reply = body(0, &0.25f64.to_le_bytes(), &[], &[]);
    connection.send_raw(CALL | REPLY, id, &[&reply], &[]).ok()
}

#[test]
fn noise_and_giant_lengths_end_the_call_at_once() {
    let giant = [
        0xff, 0xff, 0xff, 0xff, 0x10, 0x83, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
    ];
    let promised = [
        8, 0, 0, 0, 0x10, 0x83, 200, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8,
    ];
    for bytes in [giant.as_slice(), promised.as_slice()] {
        let target = opens_with(Manners::on_socket(Answer::Noise(bytes.to_vec())), None);
        let begun = Instant::now();
        let (result, errno, _) = cosine(&target);
        assert!(begun.elapsed() < Duration::from_secs(2));
        assert!(result.is_nan());
        assert!(
            [libc::EPROTO, libc::EMSGSIZE].contains(&errno),
            "errno {errno}"
        );
    }
}

#[test]
fn more_filled_than_there_is_room_for_is_refused() {
    let prototype = "int f(char *__out __sized_by(n) __filled(return) p, int n)";
    for filled in [9i32, i32::MAX, 4096] {
        let reply = body(0, &filled.to_le_bytes(), &[(8, b"12345678")], &[]);
        let (library, function) = opens(Answer::Body(reply)).resolve_kept(prototype);
        let error = dynamic(&function, &[crate::Value::Out, crate::Value::Int(8)]).unwrap_err();
        assert_eq!(error.errno(), libc::EPROTO, "{error}");
        assert!(library.usable().is_err(), "a VM that lies is gone");
    }
}

#[test]
fn handles_that_no_vm_may_send_are_refused() {
    let prototype = "struct box *make(void)";
    for wire in [1u64 << 48 | 1, u64::MAX, 1 << 24] {
        let (_library, function) =
            opens(Answer::Body(body(0, &[0; 8], &[], &[wire]))).resolve_kept(prototype);
        let error = dynamic(&function, &[]).unwrap_err();
        assert_eq!(error.errno(), libc::EPROTO, "{wire:#x}: {error}");
    }
    let (_library, function) =
        opens(Answer::Body(body(0, &[0; 8], &[], &[5 << 24 | 3]))).resolve_kept(prototype);
    let outcome = dynamic(&function, &[]).unwrap();
    assert_eq!(
        outcome.result,
        crate::Value::Handle(2 << 62 | 666 << 48 | 5 << 24 | 3)
    );
}

#[test]
fn a_handle_of_another_vm_is_refused_by_name() {
    let (_library, function) = opens(Answer::End).resolve_kept("int use(struct box *box)");
    let foreign = VmNumber::new(665).unwrap().token(1).unwrap();
    let error = dynamic(&function, &[crate::Value::Handle(foreign)]).unwrap_err();
    assert!(error.to_string().contains("another VM"), "{error}");
    assert!(error.to_string().contains("box"), "{error}");
}

#[test]
fn a_closed_library_refuses_calls_and_symbols() {
    let target = opens(Answer::Body(body(0, &0.25f64.to_le_bytes(), &[], &[])));
    let function = target.resolve("double cos(double x)").unwrap();
    target.close().unwrap();
    target.close().unwrap();
    let error = dynamic(&function, &[crate::Value::Float(1.0)]).unwrap_err();
    assert_eq!(error.errno(), libc::EBADF);
    assert_eq!(
        target.resolve("double sin(double x)").unwrap_err().errno(),
        libc::EBADF
    );
    drop(target);
    let error = dynamic(&function, &[crate::Value::Float(1.0)]).unwrap_err();
    assert_eq!(error.errno(), libc::EBADF);
}

#[test]
fn a_forked_child_fails_at_once_and_the_parent_goes_on() {
    let target = opens(Answer::Body(body(0, &0.25f64.to_le_bytes(), &[], &[])));
    let function = target.resolve("double cos(double x)").unwrap();
    // SAFETY: the prototype is of this type.
    let call: extern "C" fn(f64) -> f64 = unsafe { std::mem::transmute(function.pointer()) };
    assert_eq!(call(0.5), 0.25);
    // SAFETY: the child runs this test's own code only and ends by _exit.
    match unsafe { libc::fork() } {
        0 => {
            let result = call(0.5);
            let errno = crate::memory::errno();
            let code = crate::last_error().map(|error| error.code());
            let fine = result.is_nan()
                && errno == libc::ECOMM
                && code == Some(crate::FaultCode::Forked)
                && target.resolve("double sin(double x)").is_err()
                && target.close().is_err();
            drop((function, target));
            // SAFETY: ends the child without running anything of the test harness.
            unsafe { libc::_exit(i32::from(!fine)) }
        }
        child => {
            let mut status = 0;
            // SAFETY: waits for the child made above.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            assert_eq!(status, 0);
        }
    }
    assert_eq!(call(0.5), 0.25);
}

trait ResolveKept {
    /// The function with the library that must stay open for it.
    fn resolve_kept(self, prototype: &str) -> (Arc<Target>, Arc<Resolved>);
}

impl ResolveKept for Arc<Target> {
    fn resolve_kept(self, prototype: &str) -> (Arc<Target>, Arc<Resolved>) {
        let function = self.resolve(prototype).unwrap();
        (self, function)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn random_replies_fail_cleanly(reply in prop::collection::vec(any::<u8>(), 0..200)) {
        let (_library, function) = opens(Answer::Body(reply))
            .resolve_kept("char *__borrowed f(char *__out __sized_by(*n) p, unsigned long *n)");
        let values = [crate::Value::Out, crate::Value::Int(64)];
        // Almost always an error; what is well-formed by chance stays inside of its 64 bytes.
        if let Ok(outcome) = dynamic(&function, &values) {
            for (_, value) in outcome.outputs {
                prop_assert!(!matches!(value, crate::Value::Bytes(bytes) if bytes.len() > 64));
            }
        }
    }
}
