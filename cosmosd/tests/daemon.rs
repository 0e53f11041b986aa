//! The daemon among real processes: launching, ending, owning, listing.

mod support;

use cosmos_rpc::{
    Blame, FaultCode,
    message::coordinator::{Ending, Purpose, VmOpen, Which},
};
use std::{
    io::{Read, Write},
    thread,
    time::{Duration, Instant},
};
use support::{World, ask, descriptors, end, eventually, field, for_target, lives, of_kind, tell};

/// Milliseconds that an end may take to be known on a machine that is busy, and less than a client waits for an answer.
const WAITING: u32 = 15_000;

fn killed(signal: i32, requested: bool) -> Ending {
    Ending::Killed { signal, requested }
}

#[test]
fn a_vm_is_launched_confined_and_reached() {
    let world = World::new(&[("COSMOS_LIMITS_OPEN_FILES", "77")]);
    let mut client = world.client();
    let opened = client.puppet("").unwrap();
    assert_eq!(
        (opened.name.as_str(), opened.kind.as_str()),
        ("vm/puppet-1", "puppet")
    );
    assert_eq!(
        (opened.host.as_str(), opened.isolation.as_str()),
        ("local", "limits")
    );
    let mut stream = client.reach(&opened.name).unwrap();
    let said = ask(&mut stream, b'i');
    assert_eq!(field(&said, "open_files"), "77");
    assert_eq!(field(&said, "core"), "0");
    assert_eq!(field(&said, "variables"), "HOME,PATH");
    // 0, 1, 2, the control socket and its copy, this client, and /proc/self/fd.
    assert_eq!(field(&said, "descriptors"), "7");
    let row = client.row("puppet-1");
    assert_eq!(
        (row.state.as_str(), row.pid.to_string()),
        ("ready", field(&said, "pid").to_owned())
    );
    assert!(row.resident > 100_000, "{row:?}");
    let launcher: u32 = field(&said, "parent").parse().unwrap();
    let children = world.children();
    let [(child, state)] = children[..] else {
        panic!("{children:?}");
    };
    // It may still be about to sleep, or have a page read.
    assert!(child == launcher && "RSD".contains(state), "{children:?}");
}

#[test]
fn exits_and_signals_are_told_apart() {
    let world = World::new(&[]);
    let mut client = world.client();
    for (byte, ending, words) in [
        (b'e', Ending::Exited(3), "exited with status 3"),
        (b's', killed(libc::SIGSEGV, false), "killed by SIGSEGV"),
    ] {
        let opened = client.puppet("").unwrap();
        let mut stream = client.reach(&opened.name).unwrap();
        tell(&mut stream, byte);
        assert_eq!(client.autopsy(&opened.name, WAITING).unwrap(), ending);
        let row = client.row(&opened.name);
        assert_eq!((row.state.as_str(), row.ending.as_str()), ("gone", words));
    }
    assert!(eventually(|| world.children().is_empty()));
}

#[test]
fn kill_9_from_outside_and_on_request_are_told_apart() {
    let world = World::new(&[]);
    let mut client = world.client();
    let opened = client.puppet("").unwrap();
    end(u32::try_from(client.row(&opened.name).pid).unwrap());
    assert_eq!(
        client.autopsy(&opened.name, WAITING).unwrap(),
        killed(libc::SIGKILL, false)
    );
    let opened = client.puppet("").unwrap();
    client.close(&opened.name, true).unwrap();
    assert_eq!(
        client.autopsy(&opened.name, 0).unwrap(),
        killed(libc::SIGKILL, true)
    );
    assert_eq!(
        client.reach(&opened.name).unwrap_err().code,
        FaultCode::NoSuchName
    );
}

#[test]
fn the_death_of_the_launcher_is_the_vms() {
    let world = World::new(&[]);
    let mut client = world.client();
    let opened = client.puppet("").unwrap();
    let pid = u32::try_from(client.row(&opened.name).pid).unwrap();
    end(world.children()[0].0);
    assert_eq!(
        client.autopsy(&opened.name, WAITING).unwrap(),
        Ending::Unknown
    );
    assert!(eventually(|| !lives(pid)));
    assert!(eventually(|| world.children().is_empty()));
}

#[test]
fn a_vm_ends_when_it_is_closed_whether_it_likes_it_or_not() {
    let world = World::new(&[]);
    let mut client = world.client();
    let opened = client.puppet("").unwrap();
    client.close(&opened.name, false).unwrap();
    assert_eq!(client.autopsy(&opened.name, 0).unwrap(), Ending::Exited(0));
    let opened = client.puppet("stubborn").unwrap();
    let before = Instant::now();
    client.close(&opened.name, false).unwrap();
    // Nobody waits until it likes it, which it never does.
    assert!(before.elapsed() < Duration::from_secs(15));
    assert_eq!(
        client.autopsy(&opened.name, 0).unwrap(),
        killed(libc::SIGKILL, true)
    );
    // Closing again is no error.
    client.close(&opened.name, false).unwrap();
}

#[test]
fn what_does_not_start_says_why() {
    let world = World::new(&[]);
    let mut client = world.client();
    let mut said = Vec::new();
    for kind in ["puppetdies", "missing", "nothing"] {
        let fault = client.open(&of_kind(kind)).unwrap_err();
        said.push(format!("{:?} {:?}: {fault}", fault.blame, fault.code));
    }
    insta::assert_snapshot!(said.join("\n"));
    assert!(eventually(|| world.children().is_empty()));
}

#[test]
fn a_vm_that_does_not_get_ready_is_given_up() {
    let world = World::new(&[]);
    let waiting: Vec<_> = ["silent", "mute"]
        .map(|part| {
            let mut client = world.client();
            thread::spawn(move || client.puppet(part).unwrap_err())
        })
        .into_iter()
        .collect();
    for waiting in waiting {
        let fault = waiting.join().unwrap();
        assert_eq!(
            (fault.blame, fault.code),
            (Blame::Vm, FaultCode::LaunchFailed),
            "{fault}"
        );
        assert!(fault.message.contains("in time"), "{fault}");
    }
    assert!(eventually(|| world.children().is_empty()));
}

#[test]
fn garbage_on_the_control_socket_ends_the_vm() {
    let world = World::new(&[]);
    let mut client = world.client();
    let opened = client.puppet("stubborn").unwrap();
    let mut stream = client.reach(&opened.name).unwrap();
    tell(&mut stream, b'g');
    let ending = client.autopsy(&opened.name, WAITING).unwrap();
    assert_eq!(ending, killed(libc::SIGKILL, true));
}

#[test]
fn a_flood_on_standard_error_stops_nobody() {
    let world = World::new(&[]);
    let mut client = world.client();
    let opened = client.puppet("").unwrap();
    let mut stream = client.reach(&opened.name).unwrap();
    for _ in 0..4 {
        assert_eq!(ask(&mut stream, b'w'), "w");
    }
    client.puppet("stubborn").unwrap();
}

#[test]
fn two_hundred_launches_leave_nothing() {
    let world = World::new(&[]);
    let pid = world.coordinator_pid();
    let mut client = world.client();
    let mut open_and_end = |count: usize| {
        for index in 0..count {
            let opened = client.puppet("").unwrap();
            match index % 3 {
                0 => client.close(&opened.name, true).unwrap(),
                1 => client.close(&opened.name, false).unwrap(),
                _ => {
                    let mut stream = client.reach(&opened.name).unwrap();
                    tell(&mut stream, b'e');
                    assert_eq!(
                        client.autopsy(&opened.name, WAITING).unwrap(),
                        Ending::Exited(3)
                    );
                }
            }
        }
    };
    open_and_end(10);
    assert!(eventually(|| world.children().is_empty()));
    let before = descriptors(pid);
    open_and_end(200);
    assert!(
        eventually(|| world.children().is_empty()),
        "{:?}",
        world.children()
    );
    assert!(
        eventually(|| descriptors(pid) == before),
        "{before} then {}",
        descriptors(pid)
    );
}

#[test]
fn ten_clients_at_once_get_ten_vms() {
    let world = World::new(&[]);
    let clients: Vec<_> = (0..10)
        .map(|_| {
            let mut client = world.client();
            thread::spawn(move || {
                let opened = client.puppet("").unwrap();
                let mut stream = client.reach(&opened.name).unwrap();
                let said = ask(&mut stream, b'i');
                (client, opened.name, field(&said, "pid").to_owned())
            })
        })
        .collect();
    let clients: Vec<_> = clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .collect();
    let mut names: Vec<_> = clients.iter().map(|(_, name, _)| name).collect();
    let mut pids: Vec<_> = clients.iter().map(|(_, _, pid)| pid).collect();
    names.sort();
    names.dedup();
    pids.sort();
    pids.dedup();
    assert_eq!((names.len(), pids.len()), (10, 10));
}

#[test]
fn a_client_keeps_its_vm_until_it_goes() {
    let world = World::new(&[]);
    let mut client = world.client();
    let first = client.puppet("").unwrap();
    assert_eq!(client.puppet("").unwrap().name, first.name);
    let fresh = client
        .open(&VmOpen {
            fresh: true,
            ..of_kind("puppet")
        })
        .unwrap();
    assert_ne!(fresh.name, first.name);
    // What was started fresh is given to no later request, even when it is the only one.
    client.close(&first.name, false).unwrap();
    let first = client.puppet("").unwrap();
    assert_ne!(fresh.name, first.name);
    let settings = vec![("limits.open_files".to_owned(), "50".to_owned())];
    let tighter = client
        .open(&VmOpen {
            settings,
            ..of_kind("puppet")
        })
        .unwrap();
    assert!(tighter.name != first.name && tighter.name != fresh.name);
    assert_eq!(
        client
            .list()
            .iter()
            .filter(|row| row.state == "ready")
            .count(),
        3
    );
    assert_eq!(client.autopsy(&first.name, 10).unwrap(), Ending::Running);
    drop(client);
    assert!(eventually(|| world.children().is_empty()));
}

#[test]
fn a_stubborn_vm_is_killed_after_its_client() {
    let world = World::new(&[]);
    let mut client = world.client();
    client.puppet("stubborn").unwrap();
    drop(client);
    assert!(eventually(|| world.children().is_empty()));
    let mut later = world.client();
    assert_eq!(later.row("puppetstubborn-1").ending, "ended by cosmosd");
}

#[test]
fn settings_that_are_none_are_refused() {
    let world = World::new(&[]);
    let mut client = world.client();
    let mut said = Vec::new();
    for (key, value) in [
        ("isolation.level", "namespaces"),
        ("isolation.level", "strong"),
        ("socket_directory", "/tmp"),
        ("limits.open_file", "3"),
    ] {
        let settings = vec![(key.to_owned(), value.to_owned())];
        let fault = client
            .open(&VmOpen {
                settings,
                ..of_kind("puppet")
            })
            .unwrap_err();
        said.push(format!("{:?} {:?}: {fault}", fault.blame, fault.code));
    }
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn only_the_owner_reaches_a_private_vm() {
    let world = World::new(&[]);
    let mut client = world.client();
    let opened = client.puppet("").unwrap();
    // Another process: this test executable again, in the part of a stranger.
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stranger", "--ignored", "--nocapture"])
        .env("STRANGER_DIRECTORY", world.path("s"))
        .env("STRANGER_VM", &opened.name)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("belongs to another process"), "{said}");
    assert!(said.contains("there is no VM vm/puppet-1"), "{said}");
    let mut stream = client.reach(&opened.name).unwrap();
    assert!(!ask(&mut stream, b'i').is_empty());
}

/// Played by another process than the owner.
#[test]
#[ignore = "a part of only_the_owner_reaches_a_private_vm"]
fn stranger() {
    use cosmos_rpc::{Role, blocking::Connection, rendezvous};
    let Ok(directory) = std::env::var("STRANGER_DIRECTORY") else {
        return;
    };
    let name = std::env::var("STRANGER_VM").unwrap();
    let rendezvous = rendezvous::Rendezvous {
        directory: directory.into(),
        libexec: "/nonexistent".into(),
        start: false,
        patience: Duration::from_secs(5),
    };
    let mut registry = rendezvous::connect_registry(&rendezvous).unwrap();
    let stream = rendezvous::reach(&mut registry, &name).unwrap();
    println!("{}", Connection::connect(stream, Role::Client).unwrap_err());
    let mut coordinator = rendezvous::connect_coordinator(&rendezvous).unwrap();
    let purpose = Purpose::Running(name);
    let fault = coordinator
        .call(
            &VmOpen {
                purpose,
                ..of_kind("")
            },
            &[],
        )
        .unwrap_err();
    println!("{fault}");
}

#[test]
fn a_shared_vm_serves_everybody_and_retires() {
    let world = World::new(&[("COSMOS_IDLE_SECONDS", "1")]);
    let (mut one, mut two) = (world.client(), world.client());
    let shared = VmOpen {
        shared_name: "lib".to_owned(),
        ..of_kind("puppet")
    };
    let opened = one.open(&shared).unwrap();
    assert_eq!(opened.name, "vm/lib");
    assert_eq!(two.open(&shared).unwrap(), opened);
    let running = VmOpen {
        purpose: Purpose::Running("lib".to_owned()),
        ..of_kind("")
    };
    assert_eq!(two.open(&running).unwrap().name, "vm/lib");
    let mut stream = two.reach("vm/lib").unwrap();
    let pid: u32 = field(&ask(&mut stream, b'i'), "pid").parse().unwrap();
    drop(one);
    thread::sleep(Duration::from_millis(1500));
    assert!(lives(pid), "it has a client");
    drop(stream);
    assert!(eventually(|| !lives(pid)));
    assert_eq!(two.autopsy("vm/lib", WAITING).unwrap(), Ending::Exited(0));
    // The name is free again.
    assert_eq!(two.open(&shared).unwrap().name, "vm/lib");
}

#[test]
fn shared_names_are_checked() {
    let world = World::new(&[]);
    let mut client = world.client();
    let mut said = Vec::new();
    let named = |name: &str| VmOpen {
        shared_name: name.to_owned(),
        ..of_kind("puppet")
    };
    client.open(&named("taken")).unwrap();
    for request in [
        named("puppet-1"),
        named("a/b"),
        VmOpen {
            fresh: true,
            ..named("taken")
        },
        VmOpen {
            purpose: Purpose::Kind("puppetstubborn".to_owned()),
            ..named("taken")
        },
    ] {
        let fault = client.open(&request).unwrap_err();
        said.push(format!("{:?} {:?}: {fault}", fault.blame, fault.code));
    }
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_target_is_placed_over_the_wire() {
    let world = World::new(&[]);
    let mut client = world.client();
    let directory = world.path("h");
    std::fs::write(directory.join("text"), "hello").unwrap();
    let fault = client.open(&for_target("./text", &directory)).unwrap_err();
    assert_eq!(
        (fault.blame, fault.code),
        (Blame::Caller, FaultCode::NotLoadable)
    );
    let Purpose::Target(target) = for_target("libm.so.6", &directory).purpose else {
        return;
    };
    let placement = client.connection.call(&Which { target }, &[]).unwrap().0;
    assert!(placement.path.ends_with("/libm.so.6"), "{placement:?}");
    assert!(!placement.requirements.is_empty());
    let puppet = placement
        .candidates
        .iter()
        .find(|candidate| candidate.kind == "puppet");
    assert!(
        puppet.unwrap().refused[0].starts_with("format: "),
        "{placement:?}"
    );
}

#[test]
fn libraries_get_the_vm_of_c_libraries() {
    use cosmos_rpc::{Role, blocking::Connection};
    let world = World::new(&[]);
    let mut client = world.client();
    let opened = client
        .open(&for_target("libm.so.6", &world.path("h")))
        .unwrap();
    assert_eq!(
        (opened.name.as_str(), opened.kind.as_str()),
        ("vm/hostfn-1", "hostfn")
    );
    assert!(opened.target.ends_with("/libm.so.6"));
    let second = client
        .open(&for_target("libc.so.6", &world.path("h")))
        .unwrap();
    assert_eq!(second.name, opened.name);
    assert_eq!(
        client.row("hostfn-1").targets,
        [opened.target, second.target]
    );
    let stream = client.reach(&opened.name).unwrap();
    let vm = Connection::connect(stream, Role::Client).unwrap();
    assert_eq!(vm.peer().role, Role::Vm);
    drop(vm);
    assert_eq!(
        client.autopsy(&opened.name, WAITING).unwrap(),
        Ending::Exited(0)
    );
}

#[test]
fn bytes_that_are_no_request_drop_the_client_alone() {
    let world = World::new(&[]);
    let mut client = world.client();
    let opened = client.puppet("").unwrap();
    let mut hostile = world.client();
    hostile
        .connection
        .send_raw(0x0203, 1, &[b"?"], &[])
        .unwrap();
    let last = hostile.connection.receive().unwrap().unwrap();
    assert_eq!((last.kind, last.id), (cosmos_rpc::message::FAULT, 1));
    assert!(matches!(hostile.connection.receive(), Ok(None)));
    let mut registry = cosmos_rpc::rendezvous::connect_registry(&world.rendezvous()).unwrap();
    let mut raw = cosmos_rpc::rendezvous::reach(&mut registry, "cosmosd").unwrap();
    raw.write_all(&[0x5a; 4096]).unwrap();
    let mut rest = Vec::new();
    let _ = raw.read_to_end(&mut rest);
    assert_eq!(client.autopsy(&opened.name, 0).unwrap(), Ending::Running);
}

#[test]
fn a_request_of_unknown_kind_is_refused_and_costs_nothing() {
    let world = World::new(&[]);
    let mut client = world.client();
    let opened = client.puppet("").unwrap();
    client.connection.send_raw(0x0299, 1, &[b"?"], &[]).unwrap();
    let answer = client.connection.receive().unwrap().unwrap();
    assert_eq!((answer.kind, answer.id), (cosmos_rpc::message::FAULT, 1));
    let fault = answer.fault().expect("a fault");
    assert_eq!(fault.code, FaultCode::Unsupported, "{fault}");
    assert_eq!(client.autopsy(&opened.name, 0).unwrap(), Ending::Running);
}

#[test]
fn who_opens_a_vm_while_cosmosd_ends_is_sent_to_the_next() {
    let mut world = World::new(&[]);
    let mut opening = world.client();
    let opener = std::thread::spawn(move || opening.puppet("silent").unwrap_err());
    let mut client = world.client();
    assert!(eventually(|| !client.list().is_empty()));
    let pid = nix::unistd::Pid::from_raw(i32::try_from(world.coordinator_pid()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    let fault = opener.join().unwrap();
    assert_eq!(fault.code, cosmos_rpc::FaultCode::Disconnected, "{fault}");
    assert!(world.coordinator.take().unwrap().wait().unwrap().success());
}
