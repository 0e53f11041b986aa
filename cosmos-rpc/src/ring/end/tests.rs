//! Both ends in one process, and peers that write what no honest one does.

use super::super::layout::{Line, SLEEP};
use super::*;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

struct Here;

impl Peer for Here {
    fn is_gone(&mut self) -> bool {
        false
    }
}

struct Gone;

impl Peer for Gone {
    fn is_gone(&mut self) -> bool {
        true
    }
}

const SOON: Option<Duration> = Some(Duration::from_millis(3));

fn pair(area: usize) -> (End, End) {
    let segment = Segment::new(area).unwrap();
    let sent = segment.descriptor().try_clone_to_owned().unwrap();
    let there = Segment::received(sent).unwrap();
    (
        End::client(segment, &Settings::ASKING),
        End::vm(there, &Settings::SERVING),
    )
}

/// The VM's end taken apart: what a hostile VM writes.
fn hostile(vm: &End) -> (&Native, Line) {
    (&vm.machine, Side::Vm.line())
}

#[test]
fn messages_of_every_size_go_there_and_back_nested() {
    let (mut client, mut vm) = pair(8192);
    let mut body = Vec::new();
    for length in [0, 1, 39, 40, 41, 64, 4096, 8192] {
        let bytes: Vec<u8> = (0..length).map(|at| at as u8 ^ 0x5a).collect();
        client
            .post(0x310, 7, &[&bytes[..length / 2], &bytes[length / 2..]])
            .unwrap();
        let call = vm.take(None, &mut Here, &mut body).unwrap();
        assert_eq!((call.kind, call.id, &body), (0x310, 7, &bytes));
        // A callback inside of the call.
        vm.post(0x311, 9, &[b"ask"]).unwrap();
        let callback = client.take(None, &mut Here, &mut body).unwrap();
        assert_eq!((callback.kind, callback.id), (0x311, 9));
        client.post(0x8311, 9, &[]).unwrap();
        vm.take(None, &mut Here, &mut body).unwrap();
        vm.post(0x8310, u64::MAX, &[&bytes]).unwrap();
        let reply = client.take(None, &mut Here, &mut body).unwrap();
        assert_eq!((reply.kind, reply.id, &body), (0x8310, u64::MAX, &bytes));
    }
    let fault = client.post(1, 1, &[&[0; 8193]]).unwrap_err();
    assert_eq!(fault.code, FaultCode::TooLarge);
    client.post(1, 1, &[]).unwrap();
}

/// Both ends as they are after so many messages each way.
fn pair_after(messages: u32) -> (End, End) {
    let (mut client, mut vm) = pair(8192);
    for (end, side) in [(&mut client, Side::Client), (&mut vm, Side::Vm)] {
        end.waiter = Waiter::new(side, messages, &Settings::ASKING, OwnThread);
        let word = end.machine.mapping.word(side.line().word());
        word.store(messages << 1, Ordering::Release);
    }
    (client, vm)
}

/// Calls of each way, in each other, across the last sequence number.
#[test]
fn sequence_numbers_wrap_between_any_two_messages() {
    const LAST: u32 = u32::MAX >> 1;
    let mut body = Vec::new();
    let form = |kind| Form::new(kind, 16).unwrap();
    let words = [1, 2, 3, 4, 5];
    for before in 0..12 {
        let (mut client, mut vm) = pair_after(LAST - before);
        for id in 1..6 {
            // As calls of numbers go.
            assert!(client.posts(form(1), id, &words));
            assert!(vm.arrives());
            let (asked, short) = vm.read_request(1).unwrap();
            assert_eq!((asked, short.words()), (id, &words));
            // A call back, and a call in it.
            vm.post_short(2, id, &Short::of(words, 40)).unwrap();
            let (message, short) = client.take_short(None, &mut Here, &mut body).unwrap();
            assert_eq!((message.kind, short.unwrap().length()), (2, 40));
            client.post(3, id, &[&[7; 5000]]).unwrap();
            assert_eq!(vm.take(None, &mut Here, &mut body).unwrap().kind, 3);
            vm.post(4, id, &[&body]).unwrap();
            client.arrival(None, &mut Here).unwrap();
            assert_eq!(client.read_arrived(&mut body).unwrap().unwrap().kind, 4);
            assert_eq!(body, [7; 5000]);
            client.post(5, id, &[]).unwrap();
            vm.take(None, &mut Here, &mut body).unwrap();
            assert!(vm.posts(form(6), id, &words));
            assert!(client.arrives());
            assert_eq!(client.reads(form(6), id), Some(words));
        }
        // What is not the next number is no message on either side of it.
        client.post(1, 9, &[]).unwrap();
        let word = client.machine.mapping.word(Side::Vm.line().word());
        let forged = word.load(Ordering::Acquire) >> 1;
        word.store(((forged + 2) & LAST) << 1, Ordering::Release);
        let fault = client.take(SOON, &mut Here, &mut body).unwrap_err();
        assert_eq!(fault.code, FaultCode::Protocol, "{fault}");
    }
}

#[test]
fn who_has_the_turn_posts_and_the_other_takes() {
    let (mut client, mut vm) = pair(4096);
    let mut body = Vec::new();
    assert!(client.take(SOON, &mut Here, &mut body).is_err());
    assert!(vm.post(1, 1, &[]).is_err());
    client.post(1, 1, &[]).unwrap();
    assert!(client.post(1, 1, &[]).is_err());
}

#[test]
fn silence_ends_with_the_deadline_or_the_peer() {
    let (mut client, mut vm) = pair(4096);
    let mut body = Vec::new();
    client.post(1, 1, &[]).unwrap();
    let late = client.take(SOON, &mut Here, &mut body).unwrap_err();
    assert_eq!(late.code, FaultCode::TimedOut);
    // What broke it stays, even when the answer comes after all.
    vm.take(None, &mut Here, &mut body).unwrap();
    vm.post(2, 1, &[]).unwrap();
    assert_eq!(
        client.take(None, &mut Here, &mut body).unwrap_err().code,
        FaultCode::TimedOut
    );

    let (mut client, _vm) = pair(4096);
    client.post(1, 1, &[]).unwrap();
    let gone = client.take(None, &mut Gone, &mut body).unwrap_err();
    assert_eq!(gone.code, FaultCode::Disconnected);
}

#[test]
fn an_answer_given_before_the_end_is_taken() {
    struct Leaving<'a>(&'a mut End);
    impl Peer for Leaving<'_> {
        fn is_gone(&mut self) -> bool {
            self.0.post(2, 5, &[b"last words"]).unwrap();
            true
        }
    }
    let (mut client, mut vm) = pair(4096);
    let mut body = Vec::new();
    client.post(1, 1, &[]).unwrap();
    vm.take(None, &mut Here, &mut body).unwrap();
    let answer = client.take(None, &mut Leaving(&mut vm), &mut body).unwrap();
    assert_eq!((answer.id, &body[..]), (5, &b"last words"[..]));
}

#[test]
fn forged_words_kinds_and_lengths_are_refused() {
    let mut body = Vec::new();
    let forge: [fn(&Native, Line); 6] = [
        |machine, line| {
            machine
                .mapping
                .word(line.word())
                .store(4, Ordering::Release)
        },
        |machine, line| {
            machine
                .mapping
                .word(line.word())
                .store(u32::MAX, Ordering::Release)
        },
        |machine, line| {
            machine
                .mapping
                .word(line.word())
                .store(1 << 31, Ordering::Release)
        },
        |machine, line| {
            machine
                .mapping
                .word(line.kind())
                .store(1 << 16, Ordering::Relaxed);
            machine
                .mapping
                .word(line.word())
                .store(2, Ordering::Release);
        },
        |machine, line| {
            machine
                .mapping
                .word(line.length())
                .store(8193, Ordering::Relaxed);
            machine
                .mapping
                .word(line.word())
                .store(2, Ordering::Release);
        },
        |machine, line| {
            machine
                .mapping
                .word(line.length())
                .store(u32::MAX, Ordering::Relaxed);
            machine
                .mapping
                .word(line.word())
                .store(2, Ordering::Release);
        },
    ];
    for forge in forge {
        let (mut client, vm) = pair(8192);
        client.post(1, 1, &[]).unwrap();
        let (machine, line) = hostile(&vm);
        forge(machine, line);
        let fault = client.take(SOON, &mut Here, &mut body).unwrap_err();
        assert_eq!(fault.code, FaultCode::Protocol, "{fault}");
    }
}

/// A peer that goes on writing while its message is read: each field was read once, so a length is
/// the one that was checked, and what was read is nobody's but the reader's.
#[test]
fn what_changes_while_it_is_read_was_checked_as_it_was_read() {
    const LENGTHS: [u32; 5] = [64, 8193, 8192, u32::MAX, 0];
    let mut taken = 0;
    for round in 0..200u32 {
        let (mut client, vm) = pair(8192);
        client.post(1, 1, &[]).unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (machine, line) = hostile(&vm);
                let bodies = Side::Vm.bodies(8192);
                let mut fill = round as u8;
                while !stop.load(Ordering::Relaxed) {
                    for length in LENGTHS {
                        machine
                            .mapping
                            .word(line.length())
                            .store(length, Ordering::Relaxed);
                        machine
                            .mapping
                            .word(line.word())
                            .store(2, Ordering::Release);
                        fill = fill.wrapping_add(1);
                        machine.mapping.copy_in(bodies, &[&[fill; 128]]);
                    }
                }
            });
            let mut body = Vec::new();
            let came = client.take(None, &mut Here, &mut body);
            let read = body.clone();
            std::thread::yield_now();
            assert_eq!(body, read);
            stop.store(true, Ordering::Relaxed);
            match came {
                Ok(_) => {
                    assert!(LENGTHS.contains(&(body.len() as u32)) && body.len() <= 8192);
                    taken += 1;
                }
                Err(fault) => assert_eq!(fault.code, FaultCode::Protocol, "{fault}"),
            }
        });
    }
    println!("{taken} of 200 were messages");
}

#[test]
fn a_sleeping_flag_that_stays_set_harms_nobody() {
    let (mut client, mut vm) = pair(4096);
    let mut body = Vec::new();
    for _ in 0..100 {
        for side in [Side::Client, Side::Vm] {
            let word = vm.machine.mapping.word(side.line().word());
            word.fetch_or(SLEEP, Ordering::AcqRel);
        }
        client.post(1, 1, &[]).unwrap();
        vm.take(None, &mut Here, &mut body).unwrap();
        vm.post(2, 1, &[]).unwrap();
        client.take(SOON, &mut Here, &mut body).unwrap();
    }
}

#[test]
fn a_child_is_told_before_it_touches_memory_it_does_not_have() {
    let (mut client, _vm) = pair(4096);
    // SAFETY: the child only uses the ring and ends by _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let refused = client.post(1, 1, &[]).map_err(|fault| fault.code);
        drop(client);
        let fine = refused == Err(FaultCode::Forked);
        // SAFETY: ends the child without running anything of the test harness.
        unsafe { libc::_exit(i32::from(!fine)) }
    }
    let mut status = 0;
    // SAFETY: waits for the child made above; `status` is ours.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    client.post(1, 1, &[]).unwrap();
}

/// Who waits for an end that never waited must not spin where that one would have to run.
#[test]
fn an_end_says_where_it_is_before_it_says_anything_else() {
    let this = Pid::from_raw(0);
    let all = sched_getaffinity(this).unwrap();
    for cpu in (0..CpuSet::count()).filter(|cpu| all.is_set(*cpu).unwrap()) {
        let mut one = CpuSet::new();
        one.set(cpu).unwrap();
        sched_setaffinity(this, &one).unwrap();
        let (client, _vm) = pair(4096);
        let stated = [Side::Client, Side::Vm].map(|side| client.machine.cpu_of(side));
        assert_eq!(stated, [cpu as u32; 2]);
    }
}
