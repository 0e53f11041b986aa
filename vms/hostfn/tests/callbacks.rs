//! Calls back, with a client at the other end that does as it likes.

mod common;

use common::harness::{Function, at, attach, own};
use common::{World, located};
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::vm::{CALL, CALLBACK, CALLBACK_DEPTH, Close, Open};
use cosmos_rpc::{Fault, FaultCode, Frame};

const QSORT: &str = "void qsort(void *__inout __sized_by(nmemb * size) base, size_t nmemb, size_t size, \
     int (*compar)(const void *__sized_by(size) a, const void *__sized_by(size) b))";
const ABS: &str = "int abs(int j);";

/// Where the two bytes are that a request to compare has, behind the number of the function.
const FIRST: usize = 8 + 48;
const SECOND: usize = 8 + 80;

/// A client in the middle of a call of qsort.
struct Sorting {
    channel: Connection,
    /// Id of the call.
    call: u64,
}

/// What the VM says next.
enum Said {
    CallBack(Frame),
    Done(Vec<u8>),
    Failed(Fault),
}

/// The number that the tests give their function.
const NUMBER: u64 = 0x1234_5678_9abc;

impl Sorting {
    /// Asks for these bytes to be sorted.
    fn begin(mut channel: Connection, qsort: &Function, bytes: &[u8]) -> Sorting {
        let call = begin(&mut channel, qsort, bytes);
        Sorting { channel, call }
    }

    fn next(&mut self) -> Said {
        let frame = self.channel.answer(self.call).unwrap();
        if frame.kind == CALLBACK {
            assert_eq!(frame.body[..8], NUMBER.to_le_bytes());
            return Said::CallBack(frame);
        }
        if let Some(fault) = frame.fault() {
            return Said::Failed(fault);
        }
        assert_eq!(frame.kind, CALL | REPLY);
        Said::Done(frame.body)
    }

    fn call_back(&mut self) -> Frame {
        match self.next() {
            Said::CallBack(frame) => frame,
            Said::Done(_) => panic!("it is done already"),
            Said::Failed(fault) => panic!("{fault}"),
        }
    }

    /// Answers a call back with a number.
    fn answer(&mut self, id: u64, result: i32) {
        let body = reply(result);
        self.channel
            .send_raw(CALLBACK | REPLY, id, &[&body], &[])
            .unwrap();
    }

    /// Compares honestly until the call is over.
    fn finish(&mut self) -> Result<Vec<u8>, Fault> {
        loop {
            match self.next() {
                Said::CallBack(frame) => {
                    let order = frame.body[FIRST].cmp(&frame.body[SECOND]);
                    self.answer(frame.id, order as i32);
                }
                Said::Done(body) => return Ok(body),
                Said::Failed(fault) => return Err(fault),
            }
        }
    }
}

/// Sends a call of qsort; gives its id.
fn begin(channel: &mut Connection, qsort: &Function, bytes: &[u8]) -> u64 {
    let mut bytes = bytes.to_vec();
    let base = bytes.as_mut_ptr();
    let (count, size, number) = (bytes.len(), 1usize, NUMBER);
    let arguments = [at(&base), at(&count), at(&size), at(&number)];
    let (mut request, mut none) = (Vec::new(), Vec::new());
    qsort
        .caller
        .encode(&mut own(), &arguments, 0, &mut request, &mut none)
        .unwrap();
    let id = qsort.runable.to_le_bytes();
    channel.request_raw(CALL, &[&id, &request], &[]).unwrap()
}

/// The reply of a callback that returns this.
fn reply(result: i32) -> Vec<u8> {
    let mut body = vec![0; 32];
    body[16..20].copy_from_slice(&result.to_le_bytes());
    body
}

/// The sorted bytes in the reply to a call of qsort: its one block.
fn sorted(body: &[u8], count: usize) -> &[u8] {
    &body[32..32 + count]
}

fn started() -> (World, Function, Connection) {
    let mut world = World::new();
    let qsort = world.function("libc.so.6", QSORT);
    let channel = attach(&mut world.client);
    (world, qsort, channel)
}

#[test]
fn an_honest_client_sorts() {
    let (_world, qsort, channel) = started();
    let mut sorting = Sorting::begin(channel, &qsort, b"callbacks");
    let body = sorting.finish().unwrap();
    assert_eq!(sorted(&body, 9), b"aabccklls");
}

#[test]
fn requests_of_the_client_are_served_while_the_function_waits() {
    let (mut world, qsort, channel) = started();
    let abs = world.function("libc.so.6", ABS);
    let mut sorting = Sorting::begin(channel, &qsort, b"ba");
    let frame = sorting.call_back();
    let minus: i32 = -5;
    // SAFETY: an int.
    let (five, _) = unsafe { abs.call::<i32>(&mut sorting.channel, &[at(&minus)], 0) }.unwrap();
    assert_eq!(five, 5);
    let target = located("libz.so.1").to_str().unwrap().to_owned();
    sorting.channel.call(&Open { target }, &[]).unwrap();
    let unknown = sorting.channel.call_raw(0x0377, &[b"what"], &[]).unwrap();
    assert_eq!(unknown.fault().unwrap().code, FaultCode::Unsupported);
    sorting.answer(frame.id, 1);
    let body = sorting.finish().unwrap();
    assert_eq!(sorted(&body, 2), b"ab");
}

#[test]
fn an_object_closed_in_a_callback_stays_until_the_call_returns() {
    let mut world = World::new();
    let object = common::harness::open(&mut world.client, &located("libc.so.6")).unwrap();
    let qsort = common::harness::sym(&mut world.client, object, QSORT).unwrap();
    let channel = attach(&mut world.client);
    let mut sorting = Sorting::begin(channel, &qsort, b"dcba");
    let frame = sorting.call_back();
    sorting.channel.call(&Close { object }, &[]).unwrap();
    sorting.answer(frame.id, 1);
    let body = sorting.finish().unwrap();
    assert_eq!(sorted(&body, 4), b"abcd");
}

#[test]
fn a_refusal_fails_the_call_and_no_more_is_asked() {
    let (_world, qsort, channel) = started();
    let mut sorting = Sorting::begin(channel, &qsort, b"refused");
    let frame = sorting.call_back();
    let fault = Fault::caller(FaultCode::CallbackFailed, "not today");
    sorting.channel.fault(frame.id, &fault).unwrap();
    let Said::Failed(answered) = sorting.next() else {
        panic!("it was asked once more")
    };
    assert_eq!((answered.code, answered.blame), (fault.code, fault.blame));
    assert_eq!(answered.message, "qsort: callback 'compar': not today");
    let Sorting { channel, .. } = sorting;
    let body = Sorting::begin(channel, &qsort, b"ba").finish().unwrap();
    assert_eq!(sorted(&body, 2), b"ab");
}

#[test]
fn answers_that_are_none_fail_the_call_and_no_other() {
    let (_world, qsort, mut channel) = started();
    let mut references = reply(1);
    references[4] = 1;
    let mut longer = reply(1);
    longer.extend([0; 16]);
    for body in [Vec::new(), vec![0; 16], references, longer, vec![0xff; 32]] {
        let mut sorting = Sorting::begin(channel, &qsort, b"ba");
        let frame = sorting.call_back();
        sorting
            .channel
            .send_raw(CALLBACK | REPLY, frame.id, &[&body], &[])
            .unwrap();
        let Said::Failed(fault) = sorting.next() else {
            panic!("{body:?} was taken")
        };
        assert_eq!(fault.code, FaultCode::CallbackFailed, "{fault}");
        channel = sorting.channel;
    }
    let body = Sorting::begin(channel, &qsort, b"ba").finish().unwrap();
    assert_eq!(sorted(&body, 2), b"ab");
}

#[test]
fn an_answer_to_something_else_ends_the_channel_and_not_the_vm() {
    let (mut world, qsort, _) = started();
    for (kind, wrong) in [
        (CALLBACK | REPLY, 1),
        (CALL | REPLY, 1),
        (CALLBACK | REPLY, 1000),
    ] {
        let channel = attach(&mut world.client);
        let mut sorting = Sorting::begin(channel, &qsort, b"cba");
        let frame = sorting.call_back();
        let id = frame.id + wrong;
        sorting
            .channel
            .send_raw(kind, id, &[&reply(1)], &[])
            .unwrap();
        let ended = sorting.channel.answer(sorting.call);
        assert!(ended.is_err(), "{ended:?}");
    }
    let channel = attach(&mut world.client);
    let body = Sorting::begin(channel, &qsort, b"ba").finish().unwrap();
    assert_eq!(sorted(&body, 2), b"ab");
}

#[test]
fn a_channel_that_ends_in_a_callback_takes_no_other_with_it() {
    let (mut world, qsort, channel) = started();
    let mut sorting = Sorting::begin(channel, &qsort, b"cba");
    sorting.call_back();
    drop(sorting);
    let channel = attach(&mut world.client);
    let body = Sorting::begin(channel, &qsort, b"ba").finish().unwrap();
    assert_eq!(sorted(&body, 2), b"ab");
}

#[test]
fn a_client_that_goes_in_a_callback_ends_its_private_vm() {
    let (world, qsort, channel) = started();
    let mut sorting = Sorting::begin(channel, &qsort, b"cba");
    sorting.call_back();
    let World { mut vm, client } = world;
    drop(client);
    assert_eq!(vm.ended().code(), Some(0));
}

#[test]
fn more_than_64_calls_back_inside_of_each_other_are_refused_there_too() {
    let (_world, qsort, mut channel) = started();
    let mut calls = Vec::new();
    let fault = loop {
        let call = begin(&mut channel, &qsort, b"ba");
        let frame = channel.answer(call).unwrap();
        if let Some(fault) = frame.fault() {
            break fault;
        }
        assert_eq!(frame.kind, CALLBACK);
        calls.push((call, frame.id));
        assert!(calls.len() <= CALLBACK_DEPTH, "it goes deeper still");
    };
    assert_eq!(calls.len(), CALLBACK_DEPTH);
    assert_eq!(fault.code, FaultCode::LimitReached, "{fault}");
    // Back up again, each answered in its turn.
    for (call, id) in calls.into_iter().rev() {
        channel
            .send_raw(CALLBACK | REPLY, id, &[&reply(1)], &[])
            .unwrap();
        let frame = channel.answer(call).unwrap();
        assert_eq!(frame.kind, CALL | REPLY);
        assert_eq!(sorted(&frame.body, 2), b"ab");
    }
}

#[test]
fn an_impossible_data_model_of_the_client_ends_its_channel() {
    let mut world = World::new();
    let object = common::harness::open(&mut world.client, &located("libc.so.6")).unwrap();
    let mut channel = attach(&mut world.client);
    let mut model = callframe::DataModel::LP64;
    model.pointer.size = 3;
    let request = cosmos_rpc::message::vm::Sym {
        object,
        prototype: QSORT.to_owned(),
        model,
    };
    let fault = channel.call(&request, &[]).unwrap_err();
    assert_eq!(fault.code, FaultCode::Protocol, "{fault}");
    assert!(channel.receive().unwrap().is_none());
}
