//! A real VM process (the calculator of `docs/adding-a-vm.md`) through real sockets.

mod harness;

use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::vm::{CALL, Close, Exec, ObjectToken, Sym};
use cosmos_rpc::{Blame, FaultCode, Role};
use harness::{Failure, Function, Started, at, attach, open, sym};
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

fn calculator() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let directory = own.parent().unwrap().parent().unwrap();
    let program = directory.join("examples/calculator");
    assert!(
        program.exists(),
        "{} is missing: cargo build --examples",
        program.display()
    );
    program
}

fn start(arguments: &[&str]) -> Started {
    Started::new(&calculator(), arguments)
}

struct Opened {
    vm: Started,
    client: Connection,
    object: ObjectToken,
    _file: tempfile::NamedTempFile,
}

fn opened(arguments: &[&str]) -> Opened {
    let mut vm = start(arguments);
    let mut client = vm.client();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"40").unwrap();
    let object = open(&mut client, file.path()).unwrap();
    Opened {
        vm,
        client,
        object,
        _file: file,
    }
}

impl Opened {
    fn sym(&mut self, prototype: &str) -> Function {
        sym(&mut self.client, self.object, prototype).unwrap()
    }

    fn refused(&mut self, prototype: &str) -> cosmos_rpc::Fault {
        let request = Sym {
            model: callframe::DataModel::LP64,
            object: self.object,
            prototype: prototype.to_owned(),
        };
        self.client.call(&request, &[]).unwrap_err()
    }
}

fn compute(
    function: &Function,
    channel: &mut Connection,
    arguments: &[f64],
) -> Result<f64, Failure> {
    let addresses: Vec<u64> = arguments.iter().map(at).collect();
    // SAFETY: the arguments are doubles, and so is the result.
    unsafe { function.call(channel, &addresses, 0) }.map(|(value, _)| value)
}

/// They are one client: what is open on the channel is so on the connection, and ends with that.
#[test]
fn a_client_comes_with_its_first_channel() {
    let mut vm = start(&["--private"]);
    let ((main, its), (first, other)) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
    vm.control
        .notify(&harness::client(), &[its.as_fd(), other.as_fd()])
        .unwrap();
    drop((its, other));
    let speaks = |stream| Connection::connect(stream, Role::Client).unwrap();
    let (mut first, mut main) = (speaks(first), speaks(main));
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"40").unwrap();
    let object = open(&mut first, file.path()).unwrap();
    sym(&mut main, object, "double hypotenuse(double a, double b)").unwrap();
    main.call(&Close { object }, &[]).unwrap();
    assert_eq!(vm.clients(), 1);
    drop(first);
    assert!(vm.runs(), "the connection is there");
    drop(main);
    assert!(vm.ended().success());
}

/// Neither is served of a client that is not one.
#[test]
fn more_than_a_connection_and_a_channel_is_no_client() {
    let mut vm = start(&["--private"]);
    let pairs: Vec<_> = (0..3).map(|_| UnixStream::pair().unwrap()).collect();
    let theirs: Vec<_> = pairs.iter().map(|(_, theirs)| theirs.as_fd()).collect();
    let _ = vm.control.notify(&harness::client(), &theirs[..1]);
    assert_eq!(vm.clients(), 1);
    let body = cosmos_rpc::codec::encode(&harness::client()).unwrap();
    let kind = <cosmos_rpc::message::launch::Accept as cosmos_rpc::message::Message>::KIND;
    vm.control.send_raw(kind, 0, &[&body], &theirs).unwrap();
    // It serves whom it has, and hears nothing of who sent that any more.
    assert!(vm.control.receive().map_or(true, |frame| frame.is_none()));
    assert!(vm.runs());
}

#[test]
fn the_example_computes() {
    let mut vm = opened(&["--private"]);
    let hypotenuse = vm.sym("double hypotenuse(double a, double b)");
    let from_start = vm.sym("double from_start(double x)");
    assert_eq!(
        compute(&hypotenuse, &mut vm.client, &[3.0, 4.0]).unwrap(),
        5.0
    );
    assert_eq!(compute(&from_start, &mut vm.client, &[2.0]).unwrap(), 42.0);
}

#[test]
fn refusals_are_values_and_the_channel_goes_on() {
    let mut vm = opened(&["--private"]);
    assert_eq!(
        vm.refused("double cube(double)").code,
        FaultCode::NoSuchSymbol
    );
    assert_eq!(
        vm.refused("int hypotenuse(int, int)").code,
        FaultCode::BadPrototype
    );
    assert_eq!(
        vm.refused("double hypotenuse(double").code,
        FaultCode::BadPrototype
    );
    let missing = open(&mut vm.client, "/does/not/exist".as_ref()).unwrap_err();
    assert_eq!(missing.code, FaultCode::NoSuchTarget);
    let relative = open(&mut vm.client, "some/file".as_ref()).unwrap_err();
    assert_eq!(relative.code, FaultCode::BadArgument);
    let exec = Exec {
        object: vm.object,
        arguments: vec![],
        environment: vec![],
        directory: vec![],
        umask: 0,
        timeout: 0,
        terminal: None,
        steered: false,
        has_manifest: false,
        wants_report: false,
        untraced: false,
        closed: [false; 3],
    };
    let null = std::fs::File::open("/dev/null").unwrap();
    let streams = [null.as_fd(); 3];
    assert_eq!(
        vm.client.call(&exec, &streams).unwrap_err().code,
        FaultCode::Unsupported
    );
    let lying = Exec {
        steered: true,
        ..exec.clone()
    };
    assert_eq!(
        vm.client.call(&lying, &streams).unwrap_err().code,
        FaultCode::BadArgument
    );
    assert_eq!(
        vm.client.call(&exec, &[null.as_fd(); 4]).unwrap_err().code,
        FaultCode::BadArgument
    );
    for directory in ["relative", "/a\0b"] {
        let exec = Exec {
            directory: directory.into(),
            ..exec.clone()
        };
        assert_eq!(
            vm.client.call(&exec, &streams).unwrap_err().code,
            FaultCode::BadArgument
        );
    }
    let from_start = vm.sym("double from_start(double x)");
    assert_eq!(compute(&from_start, &mut vm.client, &[0.0]).unwrap(), 40.0);
}

#[test]
fn a_panic_is_an_answer() {
    let mut vm = opened(&["--private"]);
    let fails = vm.sym("double fails(void)");
    let Err(Failure::Fault(fault)) = compute(&fails, &mut vm.client, &[]) else {
        panic!("it did not fail");
    };
    assert_eq!(fault.blame, Blame::Vm);
    assert!(fault.message.contains("as it was asked to"), "{fault}");
    let from_start = vm.sym("double from_start(double x)");
    assert_eq!(compute(&from_start, &mut vm.client, &[1.0]).unwrap(), 41.0);
}

#[test]
fn what_was_closed_is_stale() {
    let mut vm = opened(&["--private"]);
    let from_start = vm.sym("double from_start(double x)");
    vm.client.call(&Close { object: vm.object }, &[]).unwrap();
    let Err(Failure::Fault(fault)) = compute(&from_start, &mut vm.client, &[1.0]) else {
        panic!("a function of a closed object was called");
    };
    assert_eq!(fault.code, FaultCode::StaleHandle);
    assert_eq!(
        vm.refused("double from_start(double x)").code,
        FaultCode::StaleHandle
    );
    let again = vm
        .client
        .call(&Close { object: vm.object }, &[])
        .unwrap_err();
    assert_eq!(again.code, FaultCode::StaleHandle);
}

#[test]
fn a_private_vm_ends_with_its_client_even_in_a_call() {
    let mut vm = opened(&["--private"]);
    let wait = vm.sym("double wait(double seconds)");
    // The main connection's own thread and a channel's are both inside a call.
    let mut channel = attach(&mut vm.client);
    for connection in [&mut vm.client, &mut channel] {
        let (mut body, mut none) = (Vec::new(), Vec::new());
        let mut memory = harness::own();
        let hour = 3600.0f64;
        wait.caller
            .encode(&mut memory, &[at(&hour)], 0, &mut body, &mut none)
            .unwrap();
        let id = wait.runable.to_le_bytes();
        connection.send_raw(CALL, 1000, &[&id, &body], &[]).unwrap();
    }
    assert!(vm.vm.runs());
    let begin = Instant::now();
    drop(vm.client);
    assert!(vm.vm.ended().success());
    // The calls would go on for an hour.
    assert!(begin.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_private_vm_outlives_cosmosd_but_not_its_client() {
    let mut vm = opened(&["--private"]);
    let from_start = vm.sym("double from_start(double x)");
    drop(std::mem::replace(&mut vm.vm.control, pair_connection()));
    assert!(vm.vm.runs());
    assert_eq!(compute(&from_start, &mut vm.client, &[1.0]).unwrap(), 41.0);
    drop(vm.client);
    assert!(vm.vm.ended().success());
}

/// A connection to nobody, to put where another is taken out.
fn pair_connection() -> Connection {
    let (one, other) = UnixStream::pair().unwrap();
    let other = std::thread::spawn(|| Connection::connect(other, Role::Client));
    let one = Connection::connect(one, Role::Client).unwrap();
    other.join().unwrap().unwrap();
    one
}

#[test]
fn a_vm_without_clients_ends_with_cosmosd() {
    for arguments in [&[][..], &["--private"]] {
        let mut vm = start(arguments);
        vm.control = pair_connection();
        assert!(vm.ended().success());
    }
}

#[test]
fn a_shared_vm_serves_clients_apart_and_counts_them() {
    let mut vm = opened(&[]);
    assert_eq!(vm.vm.clients(), 1);
    let mut second = vm.vm.client();
    assert_eq!(vm.vm.clients(), 2);
    let foreign = sym(&mut second, vm.object, "double from_start(double x)");
    assert_eq!(foreign.err().unwrap().code, FaultCode::StaleHandle);
    drop(second);
    assert_eq!(vm.vm.clients(), 1);
    drop(vm.client);
    assert_eq!(vm.vm.clients(), 0);
    assert!(vm.vm.runs());
    vm.vm.control = pair_connection();
    assert!(vm.vm.ended().success());
}

#[test]
fn channels_run_in_parallel() {
    let mut vm = opened(&["--private"]);
    let wait = vm.sym("double wait(double seconds)");
    let begin = Instant::now();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (mut channel, wait) = (attach(&mut vm.client), wait.clone());
            std::thread::spawn(move || compute(&wait, &mut channel, &[2.0]).unwrap())
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), 2.0);
    }
    // One after the other they take sixteen seconds.
    assert!(
        begin.elapsed() < Duration::from_secs(12),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn a_request_of_unknown_kind_is_refused_and_costs_nothing() {
    let mut vm = start(&[]);
    let mut client = vm.client();
    client
        .send_raw(0x7777, 1, &[b"of a later version"], &[])
        .unwrap();
    let answer = client.receive().unwrap().unwrap();
    let fault = answer.fault().expect("a fault");
    assert_eq!(
        (fault.code, fault.blame),
        (FaultCode::Unsupported, Blame::Caller)
    );
    attach(&mut client);
}

#[test]
fn who_breaks_the_protocol_is_told_and_dropped() {
    let frames: [(u16, u64, &[u8]); 5] = [
        (CALL, 2, b"short"),
        (0x0302, 3, b"no Open"),
        (0x0301, 4, b""),
        (0x0302, 0, b"a notice"),
        (CALL | 0x8000, 5, b"a reply nobody asked for"),
    ];
    let mut vm = start(&[]);
    for (kind, id, body) in frames {
        let mut client = vm.client();
        client.send_raw(kind, id, &[body], &[]).unwrap();
        let answer = client.receive().unwrap().unwrap();
        let fault = answer.fault().expect("a fault");
        assert_eq!(
            (fault.code, fault.blame),
            (FaultCode::Protocol, Blame::Peer),
            "{kind:#x}"
        );
        assert!(
            client.receive().unwrap().is_none(),
            "{kind:#x}: not dropped"
        );
    }
    assert!(vm.runs());
}

#[test]
fn garbage_ends_the_connection_and_not_the_vm() {
    let mut vm = start(&[]);
    let mut state = 0x2545_f491_4f6c_dd1du64;
    for round in 0..64 {
        let bytes: Vec<u8> = (0..round * 9)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as u8
            })
            .collect();
        let mut stream = vm.stream();
        let _ = stream.write_all(&bytes);
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut sink = Vec::new();
        stream.set_read_timeout(Some(harness::PATIENCE)).unwrap();
        // Its own handshake, perhaps a fault, then the end; or a reset, where bytes were left.
        let read = std::io::Read::read_to_end(&mut stream, &mut sink);
        assert!(!matches!(&read, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock));
    }
    assert!(vm.runs());
    let _ = vm.client();
}

#[test]
fn surplus_descriptors_are_refused() {
    let mut vm = opened(&["--private"]);
    let null = OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
    let request = cosmos_rpc::codec::encode(&Close { object: vm.object }).unwrap();
    vm.client
        .send_raw(0x0305, 9, &[&request], &[null.as_fd()])
        .unwrap();
    let fault = vm.client.receive().unwrap().unwrap().fault().unwrap();
    assert_eq!(fault.code, FaultCode::Protocol);
    assert!(
        vm.vm.ended().success(),
        "its only client broke the protocol"
    );
}

#[test]
fn wrong_arguments_end_it_with_a_sentence() {
    for arguments in [
        &[][..],
        &["--control"],
        &["--control", "77"],
        &["--nonsense"],
    ] {
        let output = std::process::Command::new(calculator())
            .args(arguments)
            .output()
            .unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with("calculator: "), "{said}");
    }
}
