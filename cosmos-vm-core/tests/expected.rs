//! A client that is expected: who speaks on the ends that a VM was given is its client, and one alone.

mod harness;

use cosmos_rpc::Role;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::launch::Expect;
use harness::{Raw, Running, Started, open, sym};
use std::fs;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

fn calculator() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let program = own.parent().unwrap().parent().unwrap();
    let program = program.join("examples/calculator");
    assert!(program.exists(), "cargo build --examples");
    program
}

/// One that waits, whose listener is the thread of the first channel.
fn waiting(arguments: &[&str]) -> Started {
    let vm = Started::new(&calculator(), arguments);
    let deadline = Instant::now() + harness::PATIENCE;
    let names = || {
        let tasks = fs::read_dir(format!("/proc/{}/task", vm.pid())).unwrap();
        let names = tasks.flatten().map(|task| task.path().join("comm"));
        names
            .filter_map(|path| fs::read_to_string(path).ok())
            .collect::<Vec<_>>()
    };
    while !names().iter().any(|name| name == "channel\n") {
        assert!(Instant::now() < deadline, "{:?}", names());
        sleep(Duration::from_millis(2));
    }
    vm
}

/// Ends of a connection and a first channel, of which the VM has the others.
struct Ends(UnixStream, UnixStream);

impl Ends {
    fn expected(vm: &mut Started) -> Ends {
        let ((main, its), (first, other)) =
            (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
        vm.control
            .notify(&Expect, &[its.as_fd(), other.as_fd()])
            .unwrap();
        Ends(main, first)
    }

    fn speak(self) -> (Connection, Connection) {
        let speaks = |stream| {
            let mut connection = Connection::connect(stream, Role::Client).unwrap();
            connection.set_timeout(Some(harness::PATIENCE));
            connection
        };
        // The channel first, as clients do.
        let first = std::thread::spawn(move || speaks(self.1));
        (speaks(self.0), first.join().unwrap())
    }

    /// Says something that need not be understood.
    fn utter(&mut self) {
        self.1.write_all(&[0]).unwrap();
    }

    /// That the VM's ends are closed, and nothing was said there.
    fn are_closed(mut self) {
        for end in [&mut self.0, &mut self.1] {
            end.set_read_timeout(Some(harness::PATIENCE)).unwrap();
            let mut said = Vec::new();
            // With what was not read in it, or without.
            let _ = end.read_to_end(&mut said);
            assert_eq!(said, b"");
        }
    }
}

fn is_served((mut main, mut first): (Connection, Connection), mut vm: Started) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"40").unwrap();
    let object = open(&mut first, file.path()).unwrap();
    sym(&mut main, object, "double hypotenuse(double a, double b)").unwrap();
    assert!(vm.runs());
    drop((main, first));
    assert!(vm.ended().success());
}

#[test]
fn who_speaks_is_the_client() {
    let mut vm = waiting(&["--private"]);
    let ends = Ends::expected(&mut vm);
    assert!(vm.runs(), "nobody has come, and nobody has gone");
    let client = ends.speak();
    assert_eq!(vm.clients(), 1);
    is_served(client, vm);
}

#[test]
fn one_that_is_expected_before_the_vm_has_prepared_itself_is_served_likewise() {
    let mut vm = Started::new(&calculator(), &["--private"]);
    let client = Ends::expected(&mut vm).speak();
    is_served(client, vm);
}

#[test]
fn where_nobody_comes_it_waits_for_another_one() {
    let mut vm = waiting(&["--private"]);
    drop(Ends::expected(&mut vm));
    assert!(vm.runs());
    let client = Ends::expected(&mut vm).speak();
    is_served(client, vm);
}

#[test]
fn who_is_expected_later_comes_in_place_of_one_that_says_nothing() {
    let mut vm = waiting(&["--private"]);
    let silent = Ends::expected(&mut vm);
    let ends = Ends::expected(&mut vm);
    silent.are_closed();
    let client = ends.speak();
    is_served(client, vm);
}

#[test]
fn who_was_accepted_comes_in_place_of_one_that_says_nothing() {
    let mut vm = waiting(&["--private"]);
    let silent = Ends::expected(&mut vm);
    let main = vm.client();
    silent.are_closed();
    assert_eq!(vm.clients(), 1);
    drop(main);
    assert!(vm.ended().success());
}

#[test]
fn who_spoke_before_the_next_was_expected_keeps_the_vm() {
    let mut vm = waiting(&["--private"]);
    let mut early = Ends::expected(&mut vm);
    // Both lie there when it looks.
    early.utter();
    Ends::expected(&mut vm).are_closed();
    // It was the client, and no other one comes.
    drop(early);
    assert!(vm.ended().success());
}

#[test]
fn one_that_has_a_client_expects_nobody() {
    let mut vm = waiting(&["--private"]);
    let client = Ends::expected(&mut vm).speak();
    assert_eq!(vm.clients(), 1);
    Ends::expected(&mut vm).are_closed();
    is_served(client, vm);
}

#[test]
fn a_shared_one_is_not_told_whom_to_expect() {
    let mut vm = waiting(&[]);
    Ends::expected(&mut vm).are_closed();
    // What it takes for no cosmosd it does not listen to.
    assert!(vm.ended().success());
}

/// Its client would be served by a VM that has not given up anything.
#[test]
fn nobody_is_expected_before_the_vm_is_confined() {
    let (mut raw, control) = Raw::greeting();
    let (main, theirs) = UnixStream::pair().unwrap();
    let (first, other) = UnixStream::pair().unwrap();
    let (launcher, confining) = UnixStream::pair().unwrap();
    let mut ends = Ends(main, first);
    ends.utter();
    let streams: [BorrowedFd<'_>; 2] = [theirs.as_fd(), other.as_fd()];
    raw.say(&Expect, &streams);
    drop((theirs, other));
    let mut vm = Running::new(&calculator(), &["--private"], control, Some(confining));
    vm.ended();
    drop(launcher);
    ends.are_closed();
}
