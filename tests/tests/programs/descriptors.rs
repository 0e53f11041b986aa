//! Descriptors that come with the order to run a program: those that it has, at most; what comes with more
//! is dropped whole, with its connection, and nothing of it stays open.

use super::PATIENCE;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::codec;
use cosmos_rpc::handshake::Role;
use cosmos_rpc::message::Message;
use cosmos_rpc::message::confine::Grants;
use cosmos_rpc::message::coordinator::{Purpose, VmOpen};
use cosmos_rpc::message::vm::{Exec, ObjectToken, Open};
use cosmos_rpc::rendezvous::{COORDINATOR, Rendezvous, connect_registry, reach};
use cosmos_tests::{World, eventually, in_world};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// A connection to a VM of its own, as a client has one, and the connection to cosmosd that it lives by.
fn vm(world: &World) -> (Connection, Connection) {
    let rendezvous = Rendezvous {
        directory: world.sockets(),
        libexec: cosmos_tests::built(),
        start: true,
        patience: PATIENCE,
    };
    let mut registry = connect_registry(&rendezvous).expect("the registry");
    let stream = reach(&mut registry, COORDINATOR).expect("cosmosd");
    let mut cosmosd = Connection::connect(stream, Role::Client).expect("a handshake");
    let request = VmOpen {
        purpose: Purpose::Kind("exec".to_owned()),
        shared_name: String::new(),
        fresh: true,
        connect: true,
        settings: Vec::new(),
        grants: Grants::default(),
    };
    let id = cosmosd
        .request_raw(
            VmOpen::KIND,
            &[&codec::encode(&request).expect("a body")],
            &[],
        )
        .expect("asked");
    let mut answer = cosmosd.answer(id).expect("an answer");
    let stream = answer.descriptors.pop().expect("a connection");
    let vm = Connection::connect(UnixStream::from(stream), Role::Client).expect("a handshake");
    (vm, cosmosd)
}

fn order(object: ObjectToken) -> Vec<u8> {
    let order = Exec {
        object,
        arguments: vec![b"true".to_vec()],
        environment: Vec::new(),
        directory: Vec::new(),
        umask: 0,
        timeout: 0,
        terminal: None,
        steered: false,
        has_manifest: false,
        wants_report: false,
        untraced: false,
        closed: [false; 3],
    };
    codec::encode(&order).expect("a body")
}

/// Open descriptors of the exec VMs of this world, all together.
fn open(world: &World) -> usize {
    let vms = world.processes_named("cosmos-exec");
    let count = |pid: i32| std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
    vms.iter().map(|vm| count(vm.pid)).sum()
}

#[test]
fn more_descriptors_than_a_program_has_end_the_connection_and_stay_nowhere() {
    in_world(|world| {
        let null = File::open("/dev/null").expect("a file");
        // Whoever asks first starts the daemons.
        world.run_cosmos(&["exec", "--", "true"]).succeeded();
        let begin = || {
            let (mut vm, cosmosd) = vm(world);
            let target = "/bin/true".to_owned();
            let (object, _) = vm.call(&Open { target }, &[]).expect("a program");
            (vm, cosmosd, object)
        };
        let (mut other, _held, object) = begin();
        let streams: Vec<BorrowedFd<'_>> = (0..3).map(|_| null.as_fd()).collect();
        let run = |vm: &mut Connection, object, descriptors: &[BorrowedFd<'_>]| {
            let id = vm.request_raw(Exec::KIND, &[&order(object)], descriptors)?;
            vm.answer(id).and_then(|frame| frame.reply::<Exec>())
        };
        let end = run(&mut other, object, &streams).expect("it ran");
        assert_eq!((end.code, end.signal), (0, 0));
        let before = open(world);
        for count in [0, 1, 2, 7, 64, 253] {
            let (mut vm, held, object) = begin();
            let descriptors: Vec<_> = (0..count).map(|_| null.as_fd()).collect();
            let refused = run(&mut vm, object, &descriptors);
            assert!(refused.is_err(), "{count}: {refused:?}");
            drop((vm, held));
            let closed = || (open(world) <= before).then_some(());
            eventually(PATIENCE, closed).unwrap_or_else(|| panic!("{count} stay open"));
        }
        // One more than the kernel carries is refused before it is sent, and what is connected stays so.
        let descriptors: Vec<_> = (0..254).map(|_| null.as_fd()).collect();
        assert!(run(&mut other, object, &descriptors).is_err());
        let end = run(&mut other, object, &streams).expect("it still runs programs");
        assert_eq!((end.code, end.signal), (0, 0));
    });
}
