//! A VM that waits for its first client: another thread than the first listens for that, and is the one of its first
//! channel. Whoever listens, what holds of a VM holds.

mod harness;

use cosmos_rpc::blocking::Connection;
use cosmos_rpc::descriptor::{self, Wait};
use cosmos_rpc::message::Message;
use cosmos_rpc::message::confine::Grants;
use cosmos_rpc::message::launch::{Confine, Confined, Drain, Renew};
use cosmos_rpc::message::vm::{Attach, CALL, ObjectToken};
use cosmos_rpc::{FaultCode, Role};
use harness::{Raw, Running, Started, at, attach, client, open, sym};
use std::fs;
use std::io::Write;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

fn calculator() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let program = own.parent().unwrap().parent().unwrap();
    let program = program.join("examples/calculator");
    assert!(program.exists(), "cargo build --examples");
    program
}

/// Waits until a thread that is to be a channel's listens in place of the first one.
fn is_led(pid: u32) {
    let deadline = Instant::now() + harness::PATIENCE;
    while !names(pid).iter().any(|name| name == "channel\n") {
        assert!(Instant::now() < deadline, "{:?}", names(pid));
        sleep(Duration::from_millis(2));
    }
}

/// Of each thread of a process.
fn names(pid: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    tasks
        .filter_map(|task| fs::read_to_string(task.path().join("comm")).ok())
        .collect()
}

/// One that waits.
fn waiting(arguments: &[&str]) -> Started {
    let vm = Started::new(&calculator(), arguments);
    is_led(vm.pid());
    vm
}

/// A client's main connection and first channel.
fn comes(control: &mut Connection) -> (Connection, Connection) {
    let ((main, its), (first, other)) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
    control
        .notify(&client(), &[its.as_fd(), other.as_fd()])
        .unwrap();
    drop((its, other));
    spoken((main, first))
}

fn spoken((main, first): (UnixStream, UnixStream)) -> (Connection, Connection) {
    let speaks = |stream| {
        let mut connection = Connection::connect(stream, Role::Client).unwrap();
        connection.set_timeout(Some(harness::PATIENCE));
        connection
    };
    (speaks(main), speaks(first))
}

fn number() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"40").unwrap();
    file
}

/// Begins a call that goes on for an hour.
fn calls(channel: &mut Connection, object: ObjectToken) {
    let wait = sym(channel, object, "double wait(double seconds)").unwrap();
    let (mut body, mut none) = (Vec::new(), Vec::new());
    let hour = 3600.0f64;
    wait.caller
        .encode(&mut harness::own(), &[at(&hour)], 0, &mut body, &mut none)
        .unwrap();
    let id = wait.runable.to_le_bytes();
    channel.send_raw(CALL, 1000, &[&id, &body], &[]).unwrap();
}

#[test]
fn the_first_client_and_all_its_channels_are_served() {
    let mut vm = waiting(&["--private"]);
    let (mut main, mut first) = comes(&mut vm.control);
    let file = number();
    let object = open(&mut first, file.path()).unwrap();
    let mut second = attach(&mut main);
    for channel in [&mut main, &mut first, &mut second] {
        sym(channel, object, "double hypotenuse(double a, double b)").unwrap();
    }
    assert_eq!(vm.clients(), 1);
    drop((first, second));
    assert!(vm.runs(), "the connection is there");
    drop(main);
    assert!(vm.ended().success());
}

#[test]
fn it_ends_with_its_client_even_in_a_call() {
    let mut vm = waiting(&["--private"]);
    let (main, mut first) = comes(&mut vm.control);
    let file = number();
    let object = open(&mut first, file.path()).unwrap();
    calls(&mut first, object);
    assert!(vm.runs());
    drop(main);
    assert!(vm.ended().success());
}

#[test]
fn a_client_without_a_channel_is_served_likewise() {
    let mut vm = waiting(&["--private"]);
    let mut main = vm.client();
    let mut channel = attach(&mut main);
    let file = number();
    let object = open(&mut channel, file.path()).unwrap();
    calls(&mut channel, object);
    assert_eq!(vm.clients(), 1);
    drop(main);
    assert!(vm.ended().success());
}

#[test]
fn clients_of_one_that_is_shared_come_and_go() {
    let mut vm = waiting(&[]);
    let file = number();
    for _ in 0..3 {
        let mut both = [comes(&mut vm.control), comes(&mut vm.control)];
        for (main, first) in &mut both {
            let object = open(first, file.path()).unwrap();
            sym(main, object, "double from_start(double x)").unwrap();
        }
        let counts = [vm.clients(), vm.clients()];
        assert_eq!(counts, [1, 2]);
        drop(both);
        // Both may go at once.
        while vm.clients() != 0 {}
    }
    assert!(vm.runs());
}

#[test]
fn without_cosmosd_it_ends_and_another_cosmosd_is_listened_to() {
    let mut vm = waiting(&["--private"]);
    let (ours, theirs) = UnixStream::pair().unwrap();
    vm.control.notify(&Renew, &[theirs.as_fd()]).unwrap();
    drop(theirs);
    let mut next = Connection::accept(ours, Role::Coordinator).unwrap();
    next.set_timeout(Some(harness::PATIENCE));
    drop(std::mem::replace(&mut vm.control, next));
    assert!(vm.runs(), "the other one is there");
    let control = vm.control.as_fd().try_clone_to_owned().unwrap();
    UnixStream::from(control).shutdown(Shutdown::Both).unwrap();
    assert!(vm.ended().success());
}

#[test]
fn it_drains() {
    let mut vm = waiting(&["--private"]);
    vm.control.notify(&Drain, &[]).unwrap();
    assert!(vm.ended().success());
}

#[test]
fn a_client_that_is_gone_before_it_was_heard_ends_it() {
    let mut vm = waiting(&["--private"]);
    let ((main, its), (first, other)) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
    drop((main, first));
    let streams = [its.as_fd(), other.as_fd()];
    vm.control.notify(&client(), &streams).unwrap();
    drop((its, other));
    assert!(vm.ended().success());
}

#[test]
fn a_client_that_says_nothing_keeps_nobody_from_being_served() {
    let mut vm = waiting(&[]);
    let pairs = [UnixStream::pair().unwrap(), UnixStream::pair().unwrap()];
    let streams = [pairs[0].1.as_fd(), pairs[1].1.as_fd()];
    vm.control.notify(&client(), &streams).unwrap();
    let (_main, mut first) = comes(&mut vm.control);
    let file = number();
    open(&mut first, file.path()).unwrap();
    assert_eq!([vm.clients(), vm.clients()], [1, 2]);
}

/// Whichever thread it was made by and is served by.
#[test]
fn every_channel_of_one_that_is_confined_while_it_waits_is() {
    let (granted, other) = (number(), number());
    let (mut raw, control) = Raw::greeting();
    let (launcher, confining) = UnixStream::pair().unwrap();
    let mut vm = Running::new(&calculator(), &[], control, Some(confining));
    is_led(vm.pid());
    raw.say(&order(granted.path()), &[]);
    let (pairs, theirs) = ends();
    let streams: Vec<_> = theirs.iter().map(AsFd::as_fd).collect();
    raw.say(&client(), &streams[..2]);
    raw.say(&client(), &streams[2..]);
    let mut byte = [0];
    let received = descriptor::receive(launcher.as_fd(), &mut byte, Wait::Yes).unwrap();
    let has_walls = !received.descriptors.is_empty();
    // Nobody answers for what is refused.
    drop((launcher, received));
    if !has_walls {
        // A kernel without such walls: it says so, and ends.
        let confined = raw.heard().into_iter().find(|it| it.kind == Confined::KIND);
        let Confined { problem } = confined.unwrap().message().unwrap();
        assert!(problem.is_some() && !vm.ended().success());
        return;
    }
    for pair in pairs {
        let (mut main, first) = spoken(pair);
        let mut channels = vec![first];
        for _ in 0..3 {
            channels.push(attach(&mut main));
        }
        channels.push(main);
        for channel in &mut channels {
            open(channel, granted.path()).unwrap();
            let fault = open(channel, other.path()).unwrap_err();
            assert_eq!(fault.code, FaultCode::NotPermitted, "{fault}");
        }
    }
}

fn order(target: &Path) -> Confine {
    Confine {
        target: vec![target.to_str().unwrap().to_owned()],
        grants: Grants::default(),
        memory_files: false,
        processes: false,
    }
}

type Pairs = [(UnixStream, UnixStream); 2];

/// Of two clients: their ends of both of their sockets, and the VM's, in order.
fn ends() -> (Pairs, Vec<UnixStream>) {
    let mut theirs = Vec::new();
    let mut end = || {
        let (ours, its) = UnixStream::pair().unwrap();
        theirs.push(its);
        ours
    };
    let pairs = [(end(), end()), (end(), end())];
    (pairs, theirs)
}

#[test]
fn a_request_for_more_channels_than_one_is_its_own_affair() {
    let mut vm = waiting(&["--private"]);
    let (mut main, mut first) = comes(&mut vm.control);
    // What is none of a client's.
    main.call(&Attach, &[]).unwrap_err();
    let file = number();
    open(&mut first, file.path()).unwrap();
    assert!(vm.runs());
}
