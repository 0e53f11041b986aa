//! Being found and being started on demand, by cosmos-rpc's rendezvous.

mod common;

use common::*;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::registry::List;
use cosmos_rpc::rendezvous::{
    REGISTRY_SOCKET, Rendezvous, SocketDirectory, connect_coordinator, connect_registry,
};
use cosmos_rpc::{FaultCode, Role, peer};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{Pid, Uid, chown};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn libexec() -> &'static Path {
    Path::new(PROGRAM).parent().unwrap()
}

fn rendezvous(directory: &Path) -> Rendezvous {
    Rendezvous {
        directory: directory.to_owned(),
        libexec: libexec().to_owned(),
        start: true,
        patience: Duration::from_secs(20),
    }
}

/// Ends the daemon of a directory when dropped.
struct Ends<'a>(&'a Path);

impl Ends<'_> {
    fn pid(&self) -> Option<Pid> {
        let text = std::fs::read_to_string(self.0.join("cosmosdb.lock")).ok()?;
        text.trim().parse().ok().map(Pid::from_raw)
    }
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            let _ = kill(pid, Signal::SIGTERM);
        }
    }
}

/// A program in a libexec directory of its own that answers a start as `script` says.
fn pretender(name: &str, script: &str) -> tempfile::TempDir {
    let libexec = directory();
    let path = libexec.path().join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    libexec
}

#[test]
fn ten_starters_at_once_start_one() {
    let directory = directory();
    let place = directory.path().join("new");
    let _ends = Ends(&place);
    let starters: Vec<_> = (0..10).map(|_| helper("starter_process", &place)).collect();
    let served: BTreeSet<String> = starters
        .into_iter()
        .map(|mut starter| {
            let lines = BufReader::new(starter.stdout.take().unwrap()).lines();
            let said: Vec<String> = lines.map_while(Result::ok).collect();
            starter.wait().unwrap();
            let found = said.into_iter().find(|line| line.starts_with("served by "));
            found.expect("every starter is served")
        })
        .collect();
    assert_eq!(served.len(), 1, "{served:?}");
}

#[test]
fn a_registry_that_nobody_needs_ends_and_is_started_again() {
    let directory = directory();
    let place = directory.path().join("idle");
    let detached = || {
        let said = Command::new(PROGRAM)
            .args(["--detach", "--socket-directory"])
            .arg(&place)
            .env("COSMOS_IDLE_SECONDS", "1")
            .stderr(Stdio::null())
            .output();
        assert_eq!(said.unwrap().stdout, b"ready\n");
    };
    let client = Rendezvous {
        start: false,
        ..rendezvous(&place)
    };
    for _ in 0..2 {
        // It may have ended by then on a machine that is busy.
        let mut connected = None;
        eventually("it is found while it runs", || {
            detached();
            connected = connect_registry(&client).ok();
            connected.is_some()
        });
        let mut registry = connected.unwrap();
        // Longer than the idle time: a connection keeps it.
        std::thread::sleep(Duration::from_millis(1500));
        let all = List {
            pattern: String::new(),
        };
        assert!(registry.call(&all, &[]).unwrap().0.is_empty());
        drop(registry);
        eventually("it ends where nobody needs it", || {
            !place.join(REGISTRY_SOCKET).exists()
        });
    }
}

/// A starter with everything a daemon must not inherit.
#[test]
#[ignore = "a starter's process, run by others"]
fn starter_process() {
    let Some(directory) = helper_directory() else {
        return;
    };
    SigSet::all().thread_block().unwrap();
    // SAFETY: sets dispositions that need no handler.
    unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
    nix::sys::stat::umask(nix::sys::stat::Mode::empty());
    let leaked = std::fs::File::open("/etc/passwd").unwrap();
    fcntl(&leaked, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    let connection = connect_registry(&rendezvous(&directory)).unwrap();
    println!("\nserved by {}", peer::identity(&connection).unwrap().pid);
}

#[test]
fn a_daemon_started_on_demand_inherits_nothing() {
    let directory = directory();
    let ends = Ends(directory.path());
    let mut starter = helper("starter_process", directory.path());
    assert!(starter.wait().unwrap().success());
    let pid = ends.pid().unwrap();
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}"));
    let status = read("status").unwrap();
    let field = |name: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap();
        line.trim().to_owned()
    };
    assert_eq!(field("Umask:"), "0077");
    assert_eq!(u64::from_str_radix(&field("SigBlk:"), 16).unwrap(), 0);
    let ignored = u64::from_str_radix(&field("SigIgn:"), 16).unwrap();
    // The C library keeps signals 32 and 33 for itself.
    let ignorable = [libc::SIGPIPE, libc::SIGXFSZ, 32, 33].map(|signal| 1u64 << (signal - 1));
    assert_eq!(ignored & !ignorable.iter().sum::<u64>(), 0, "{ignored:#x}");
    let stat = read("stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let (session, terminal) = (fields[3], fields[4]);
    assert_ne!(
        session,
        pid.to_string(),
        "a session leader could get a terminal"
    );
    assert_ne!(session, nix::unistd::getsid(None).unwrap().to_string());
    assert_eq!(terminal, "0");
    if !is_root() {
        return; // What follows is not for other processes of the uid: it is non-dumpable.
    }
    assert_eq!(
        std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap(),
        Path::new("/")
    );
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
        let Ok(target) = std::fs::read_link(entry.unwrap().path()) else {
            continue;
        };
        assert_ne!(
            target,
            Path::new("/etc/passwd"),
            "a descriptor of the starter lives on"
        );
    }
    for variable in read("environ").unwrap().split_terminator('\0') {
        let name = variable.split('=').next().unwrap();
        let known = ["PATH", "HOME", "LANG", "TZ", "USER", "LOGNAME"].contains(&name);
        let allowed = known
            || ["LC_", "COSMOS_", "XDG_"]
                .iter()
                .any(|p| name.starts_with(p));
        assert!(allowed, "{variable} was passed on");
    }
    let socket = std::fs::metadata(directory.path().join(REGISTRY_SOCKET)).unwrap();
    assert_eq!(socket.mode() & 0o7777, 0o600);
}

#[test]
fn a_stale_socket_is_replaced() {
    let registry = Running::start();
    let mut client = registry.client();
    kill(registry.pid(), Signal::SIGKILL).unwrap();
    assert!(client.receive().unwrap().is_none());
    assert!(registry.path().join(REGISTRY_SOCKET).exists());
    let _ends = Ends(registry.path());
    connect_registry(&rendezvous(registry.path())).unwrap();
}

#[test]
fn a_second_registry_leaves_the_first_the_field() {
    let registry = Running::start();
    let mut client = registry.client();
    register(&mut client, "svc").unwrap();
    let output = command(registry.path()).output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "ready\n");
    assert_eq!(names(&mut registry.client(), ""), ["svc"]);
}

#[test]
fn a_coordinator_is_reached_by_name() {
    let registry = Running::start();
    let mut coordinator = registry.client_as(Role::Coordinator);
    register(&mut coordinator, "cosmosd").unwrap();
    let serving = std::thread::spawn(move || {
        let (stream, _, _) = incoming(&mut coordinator);
        Connection::accept(stream, Role::Coordinator).unwrap()
    });
    let reached = connect_coordinator(&rendezvous(registry.path())).unwrap();
    assert_eq!(reached.peer().role, Role::Coordinator);
    serving.join().unwrap();
}

#[test]
fn what_a_daemon_says_instead_of_ready_is_told() {
    let place = directory();
    let tell = |script: &str, patience| {
        let libexec = pretender("cosmosdb", script);
        let fault = connect_registry(&Rendezvous {
            libexec: libexec.path().to_owned(),
            patience,
            ..rendezvous(place.path())
        })
        .unwrap_err();
        (fault.code, fault.message)
    };
    let patient = Duration::from_secs(20);
    let (code, said) = tell("echo the disk is full; exit 1", patient);
    assert_eq!(code, FaultCode::LaunchFailed);
    assert!(
        said.contains("cosmosdb did not start: the disk is full"),
        "{said}"
    );
    let (_, said) = tell("echo boom >&2; exit 1", patient);
    assert!(said.contains("ended before it was ready: boom"), "{said}");
    let before = Instant::now();
    let (code, said) = tell("exec sleep 30", Duration::from_millis(200));
    assert_eq!(code, FaultCode::TimedOut);
    assert!(said.contains("not ready within 200 ms"), "{said}");
    assert!(before.elapsed() < Duration::from_secs(25));
    let (code, said) = tell("echo ready", patient);
    assert_eq!(code, FaultCode::LaunchFailed, "{said}");

    let missing = Rendezvous {
        libexec: place.path().to_owned(),
        ..rendezvous(place.path())
    };
    let fault = connect_registry(&missing).unwrap_err();
    assert_eq!(fault.code, FaultCode::LaunchFailed);
    assert!(fault.message.contains("it is not there"), "{fault}");
    let forbidden = Rendezvous {
        start: false,
        ..rendezvous(place.path())
    };
    let fault = connect_registry(&forbidden).unwrap_err();
    assert!(fault.message.contains("does not run"), "{fault}");
}

#[test]
fn a_coordinator_that_does_not_start_is_told() {
    let registry = Running::start();
    let tell = |script: &str| {
        let libexec = pretender("cosmosd", script);
        let fault = connect_coordinator(&Rendezvous {
            libexec: libexec.path().to_owned(),
            ..rendezvous(registry.path())
        })
        .unwrap_err();
        (fault.code, fault.message)
    };
    let (code, said) = tell("echo no profile; exit 1");
    assert_eq!(code, FaultCode::LaunchFailed);
    assert!(said.contains("no profile"), "{said}");
    let (_, said) = tell("exit 0");
    assert!(said.contains("cosmosd ended before it was ready"), "{said}");
}

#[test]
fn directories_that_are_not_ours_are_refused() {
    let parent = directory();
    let refused = |path: &Path, why: &str| {
        for start in [false, true] {
            let rendezvous = Rendezvous {
                start,
                ..rendezvous(path)
            };
            let fault = connect_registry(&rendezvous).unwrap_err();
            assert_eq!(fault.code, FaultCode::Configuration);
            assert!(fault.message.contains(why), "{fault}");
            let shown = path.to_str().unwrap().trim_end_matches('/');
            assert!(fault.message.contains(shown), "{fault}");
        }
        // The daemon refuses it as well.
        let output = command(path)
            .env("HOME", "/")
            .stderr(std::process::Stdio::null())
            .output();
        let said = String::from_utf8(output.unwrap().stdout).unwrap();
        assert!(said.contains(why) || path.is_relative(), "{said}");
    };
    let good = parent.path().join("good");
    SocketDirectory::open_or_create(&good).unwrap();
    let link = parent.path().join("link");
    symlink(&good, &link).unwrap();
    refused(&link, "symbolic link");
    refused(&link.join(""), "symbolic link");
    let file = parent.path().join("file");
    std::fs::write(&file, "").unwrap();
    refused(&file, "not a directory");
    let open = parent.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
    refused(&open, "0755");
    refused(Path::new("relative/path"), "absolute");
    refused(&parent.path().join("no/where"), "cannot be used: it ");
    if is_root() {
        let foreign = parent.path().join("foreign");
        SocketDirectory::open_or_create(&foreign).unwrap();
        chown(&foreign, Some(Uid::from_raw(4711)), None).unwrap();
        refused(&foreign, "belongs to uid 4711");
    }
}

/// The 108 bytes of a socket address are no limit for the directory.
#[test]
fn a_long_directory_works() {
    let parent = directory();
    let long = parent.path().join("x".repeat(150));
    let _ends = Ends(&long);
    connect_registry(&rendezvous(&long)).unwrap();
}
