//! The launcher's promises, with real processes.

mod support;

use cosmos_rpc::FaultCode;
use cosmos_rpc::Role;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::Message;
use cosmos_rpc::message::coordinator::Ending;
use cosmos_rpc::message::launch::{Ended, Kill, Remember, Return, Start};
use cosmos_rpc::message::registry::Connect;
use cosmos_rpc::rendezvous::REGISTRY_SOCKET;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::{Launcher, PATIENCE, runs, shell, wait_until};

#[test]
fn an_exit_status_is_told_apart_from_a_signal() {
    let (mut launcher, started) = Launcher::spawn(&shell("exit 3"));
    assert!(started.unwrap().pid > 0);
    assert_eq!(launcher.ending(), Ending::Exited(3));
    assert!(launcher.process.wait().unwrap().success());

    // The last one is a real-time signal, which has no name.
    for signal in [libc::SIGSEGV, libc::SIGSYS, 40] {
        let (mut launcher, started) = Launcher::spawn(&shell(&format!("kill -{signal} $$")));
        started.unwrap();
        let requested = false;
        assert_eq!(launcher.ending(), Ending::Killed { signal, requested });
    }
}

#[test]
fn a_kill_that_was_asked_for_is_told_apart_from_one_that_was_not() {
    let (mut launcher, started) = Launcher::spawn(&shell("sleep 100"));
    started.unwrap();
    launcher
        .coordinator
        .as_mut()
        .unwrap()
        .notify(&Kill, &[])
        .unwrap();
    assert_eq!(
        launcher.ending(),
        Ending::Killed {
            signal: libc::SIGKILL,
            requested: true
        }
    );

    let (mut launcher, started) = Launcher::spawn(&shell("kill -KILL $$"));
    started.unwrap();
    assert_eq!(
        launcher.ending(),
        Ending::Killed {
            signal: libc::SIGKILL,
            requested: false
        }
    );
}

#[test]
fn a_program_that_cannot_run_is_named_with_the_reason() {
    let missing = Start {
        program: "/nonexistent/vm".into(),
        ..shell("")
    };
    let (mut launcher, answer) = Launcher::spawn(&missing);
    let fault = answer.unwrap_err();
    assert_eq!(fault.code, FaultCode::LaunchFailed);
    assert_eq!(
        fault.message,
        "the VM /nonexistent/vm cannot be started: exec failed: No such file or directory"
    );
    assert!(launcher.process.wait().unwrap().success());

    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().to_str().unwrap().to_owned();
    let (_launcher, answer) = Launcher::spawn(&Start {
        program,
        ..shell("")
    });
    assert!(
        answer
            .unwrap_err()
            .message
            .ends_with("exec failed: Permission denied")
    );
}

#[test]
fn a_vm_inherits_what_it_was_given_and_nothing_else() {
    // The shell blocks all signals while it starts a program, and has pipes while it runs a
    // pipeline, so neither is read of the shell in such a moment.
    let script = "umask; pwd; env | sort; \
        for f in /proc/$$/fd/*; do if [ -e $f ]; then echo \"${f##*/} -> $(readlink $f)\"; fi; done; \
        grep -E '^(SigBlk|SigIgn|NoNewPrivs)' /proc/self/status; ulimit -c; ulimit -n; \
        ps -o sid= -p $$ | tr -d ' '; echo $$";
    let (mut launcher, started) = Launcher::spawn(&shell(script));
    let pid = started.unwrap().pid;
    assert_eq!(launcher.ending(), Ending::Exited(0));
    let output = launcher.output();
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], "0077");
    assert_eq!(lines[1], "/");
    assert_eq!(
        lines[2..5],
        ["LANG=C", "PATH=/usr/bin:/bin", "PWD=/"],
        "{output}"
    );
    let descriptors: Vec<&str> = lines
        .iter()
        .filter(|line| line.contains(" -> "))
        .copied()
        .collect();
    assert_eq!(descriptors.len(), 4, "{output}");
    assert_eq!(descriptors[0], "0 -> /dev/null");
    assert!(descriptors[3].starts_with("3 -> socket:"), "{output}");
    let status: Vec<&str> = lines
        .iter()
        .filter(|line| line.contains(':'))
        .copied()
        .collect();
    assert!(status.contains(&"SigBlk:\t0000000000000000"), "{output}");
    assert!(status.contains(&"SigIgn:\t0000000000000000"), "{output}");
    assert!(status.contains(&"NoNewPrivs:\t1"), "{output}");
    let pid = pid.to_string();
    assert_eq!(
        lines[lines.len() - 4..],
        ["0", "512", pid.as_str(), pid.as_str()],
        "{output}"
    );
}

#[test]
fn the_control_socket_is_descriptor_three() {
    let (mut launcher, started) = Launcher::spawn(&shell("echo hello >&3"));
    started.unwrap();
    let mut word = [0; 6];
    launcher.control.read_exact(&mut word).unwrap();
    assert_eq!(&word, b"hello\n");
    assert_eq!(launcher.ending(), Ending::Exited(0));
}

#[test]
fn a_resource_limit_that_was_asked_for_holds() {
    let limits = vec![(libc::RLIMIT_NOFILE, 17)];
    let (mut launcher, started) = Launcher::spawn(&Start {
        limits,
        ..shell("ulimit -n")
    });
    started.unwrap();
    assert_eq!(launcher.ending(), Ending::Exited(0));
    assert_eq!(launcher.output(), "17\n");
}

#[test]
fn the_vm_dies_with_its_launcher() {
    let (mut launcher, started) = Launcher::spawn(&shell("exec sleep 100"));
    let pid = started.unwrap().pid;
    assert!(runs(pid));
    launcher.process.kill().unwrap();
    launcher.process.wait().unwrap();
    wait_until("the VM ended", || !runs(pid));
}

#[test]
fn the_vm_outlives_its_coordinator() {
    let (mut launcher, started) = Launcher::spawn(&shell("read line <&3; exit 5"));
    let pid = started.unwrap().pid;
    drop(launcher.coordinator.take());
    std::thread::sleep(Duration::from_millis(50));
    assert!(runs(pid));
    assert!(launcher.process.try_wait().unwrap().is_none());
    use std::io::Write;
    launcher.control.write_all(b"\n").unwrap();
    assert!(launcher.process.wait().unwrap().success());
    assert!(!runs(pid));
}

/// Whoever read what it writes is gone, and nobody is to have it: it does not wait for a reader.
#[test]
fn a_vm_that_nobody_has_any_more_is_read_until_it_ends() {
    let (output, written) = std::io::pipe().unwrap();
    let script = "read line <&3; head -c 1000000 /dev/zero >&2; exit 5";
    let written = Stdio::from(OwnedFd::from(written));
    let (mut launcher, started) = Launcher::spawn_into(&shell(script), written, &output);
    started.unwrap();
    drop(output);
    drop(launcher.coordinator.take());
    use std::io::Write;
    launcher.control.write_all(b"\n").unwrap();
    let mut ended = || launcher.process.try_wait().unwrap().is_some();
    let until = Instant::now() + PATIENCE;
    while !ended() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    let has_ended = ended();
    launcher.process.kill().unwrap();
    assert!(has_ended, "it waits for a reader");
}

/// A cosmosd on a busy machine may have taken the VM before the launcher hears of it.
#[test]
fn a_cosmosd_that_takes_its_time_with_a_vm_gets_it() {
    let directory = tempfile::tempdir().unwrap();
    let mode = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(directory.path(), mode).unwrap();
    let registry = UnixListener::bind(directory.path().join(REGISTRY_SOCKET)).unwrap();
    let (mut launcher, started) = Launcher::spawn(&Start {
        registry: directory.path().to_str().unwrap().into(),
        ..shell("read line <&3; exit 5")
    });
    started.unwrap();
    let remember = Remember {
        record: b"kept for the next one".into(),
        is_waiting: false,
        written: 0,
    };
    let mut first = launcher.coordinator.take().unwrap();
    first
        .notify(&remember, &[launcher.control.as_fd()])
        .unwrap();
    drop(first);

    let mut asked = Connection::accept(registry.accept().unwrap().0, Role::Registry).unwrap();
    let request = asked.receive().unwrap().unwrap();
    assert_eq!(request.kind, Connect::KIND);
    let (ours, theirs) = UnixStream::pair().unwrap();
    asked
        .reply::<Connect>(request.id, &(), &[theirs.as_fd()])
        .unwrap();
    drop(theirs);
    let mut next = Connection::accept(ours, Role::Coordinator).unwrap();
    next.set_timeout(Some(PATIENCE));
    let given = next.receive().unwrap().unwrap();
    let returned: Return = given.message().unwrap();
    assert_eq!(returned.record, remember.record);
    // Longer than anything else on the way may take.
    std::thread::sleep(Duration::from_millis(1500));
    next.reply::<Return>(given.id, &(), &[]).unwrap();
    // It has not been looked for again, and hears the end.
    use std::io::Write;
    launcher.control.write_all(b"\n").unwrap();
    let end = next.receive().unwrap().expect("the launcher stays");
    assert_eq!(end.message::<Ended>().unwrap().ending, Ending::Exited(5));
}

#[test]
fn nonsense_on_its_socket_ends_the_launcher() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_cosmos-launch"))
        .stdin(OwnedFd::from(theirs))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    use std::io::Write;
    (&ours).write_all(&[0xff; 4096]).unwrap();
    assert_eq!(process.wait().unwrap().code(), Some(125));
}

#[test]
fn a_first_message_that_is_not_start_is_answered_with_a_fault() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_cosmos-launch"))
        .stdin(OwnedFd::from(theirs))
        .spawn()
        .unwrap();
    let mut coordinator = Connection::connect(ours, Role::Coordinator).unwrap();
    let fault = coordinator.call(&Kill, &[]).unwrap_err();
    assert_eq!(fault.code, FaultCode::Protocol);
    assert!(process.wait().unwrap().success());
}
