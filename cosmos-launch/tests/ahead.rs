//! A launcher that waits has a child that waits: it becomes the VM as any other child does, is nobody's loss,
//! and leaves nothing.

mod support;

use cosmos_rpc::message::coordinator::Ending;
use cosmos_rpc::message::launch::{Start, Walls};
use std::fs::read_to_string;
use std::time::Duration;
use support::{Launcher, runs, shell, wait_until};

/// A launcher that was told nothing, and the child that waits behind it.
fn waiting() -> (Launcher, i32) {
    let launcher = Launcher::untold(&["--ahead"]);
    let pid = launcher.process.id();
    wait_until("it has a child that waits", || {
        child_of(pid).is_some_and(waits)
    });
    wait_until("so does it", || sleeps(pid.cast_signed()));
    let child = child_of(pid).unwrap();
    (launcher, child)
}

fn child_of(pid: u32) -> Option<i32> {
    let children = read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    let mut children = children.split_whitespace();
    let child = children.next()?.parse().ok();
    assert_eq!(children.next(), None, "more than one child");
    child
}

/// Whether it has given up what it gives up, and sleeps.
fn waits(pid: i32) -> bool {
    sleeps(pid) && status(pid).contains("\nSeccomp:\t2")
}

fn sleeps(pid: i32) -> bool {
    status(pid).contains("\nState:\tS")
}

fn status(pid: i32) -> String {
    read_to_string(format!("/proc/{pid}/status")).unwrap_or_default()
}

fn walled(script: &str) -> Start {
    Start {
        walls: Walls::Vm,
        ..shell(script)
    }
}

fn kill(pid: i32) {
    send(pid, libc::SIGKILL);
}

fn send(pid: i32, signal: i32) {
    // SAFETY: no pointers are passed; the launcher has not collected it.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
}

/// What a VM has, as it sees it itself. The shell has pipes while it runs a pipeline, so it runs none.
const SHOW: &str = "umask; pwd; env; ulimit -c; ulimit -n; ulimit -t; \
    for f in /proc/$$/fd/*; do if [ -e $f ]; then echo \"${f##*/}\"; fi; done; \
    while read line; do case $line in Sig[BI]*|Cap*|NoNewPrivs*|Seccomp*|NSsid*) echo $line;; esac; done </proc/$$/status";

#[test]
fn the_child_that_waited_becomes_the_vm_and_has_what_another_has() {
    let limits = vec![(libc::RLIMIT_NOFILE, 17), (libc::RLIMIT_CPU, 100)];
    let start = Start {
        limits,
        ..walled(SHOW)
    };
    let shown = |launcher: &mut Launcher, pid: i32| {
        assert_eq!(launcher.ending(), Ending::Exited(0));
        launcher.output().replace(&pid.to_string(), "PID")
    };
    let (mut launcher, child) = waiting();
    let pid = launcher.order(&start).unwrap().pid;
    assert_eq!(pid, child);
    let ahead = shown(&mut launcher, pid);
    let (mut launcher, started) = Launcher::spawn(&start);
    let other = shown(&mut launcher, started.unwrap().pid);
    assert_eq!(ahead, other);
    for line in [
        "0077",
        "/",
        "LANG=C",
        "17",
        "100",
        "NoNewPrivs: 1",
        "Seccomp: 2",
        "SigBlk: 0000000000000000",
        "SigIgn: 0000000000000000",
        "CapBnd: 0000000000000000",
        "CapEff: 0000000000000000",
        "NSsid: PID",
    ] {
        assert!(ahead.lines().any(|it| it == line), "{line}: {ahead}");
    }
    let is_descriptor = |line: &&str| line.parse::<u32>().is_ok_and(|number| number < 10);
    let descriptors: Vec<_> = ahead.lines().filter(is_descriptor).collect();
    // The first is the limit of core dumps.
    assert_eq!(descriptors, ["0", "0", "1", "2", "3", "4"], "{ahead}");
}

#[test]
fn one_that_was_killed_is_nobodys_loss() {
    let (mut launcher, child) = waiting();
    kill(child);
    wait_until("it ended", || !runs(child));
    let started = launcher.order(&walled("exit 3")).unwrap();
    assert_ne!(started.pid, child);
    assert_eq!(launcher.ending(), Ending::Exited(3));
    assert!(!runs(child));
}

/// It is stopped while it is told, so that it never comes to execute anything.
#[test]
fn so_is_one_that_was_killed_when_it_was_told_already() {
    let (mut launcher, child) = waiting();
    let pid = launcher.process.id().cast_signed();
    send(child, libc::SIGSTOP);
    wait_until("it is stopped", || status(child).contains("\nState:\tT"));
    launcher.greet();
    wait_until("its launcher waits for its order", || sleeps(pid));
    let before = ticks(pid);
    let started = std::thread::scope(|scope| {
        let told = scope.spawn(|| launcher.order(&walled("exit 3")));
        let waits = || sleeps(pid) && ticks(pid) != before;
        wait_until("it waits for the child, which it has told", waits);
        kill(child);
        told.join().unwrap()
    });
    assert_ne!(started.unwrap().pid, child);
    assert_eq!(launcher.ending(), Ending::Exited(3));
    assert!(!runs(child));
}

#[test]
fn a_vm_with_other_walls_is_another_child() {
    let (mut launcher, child) = waiting();
    let started = launcher.order(&shell("exec sleep 100")).unwrap();
    assert_ne!(started.pid, child);
    assert!(!runs(child));
    assert_eq!(child_of(launcher.process.id()), Some(started.pid));
}

#[test]
fn it_says_which_step_failed() {
    let (mut launcher, child) = waiting();
    let missing = Start {
        program: "/nonexistent/vm".into(),
        ..walled("")
    };
    assert_eq!(
        launcher.order(&missing).unwrap_err().message,
        "the VM /nonexistent/vm cannot be started: exec failed: No such file or directory"
    );
    assert!(launcher.process.wait().unwrap().success());
    assert!(!runs(child));
}

#[test]
fn it_ends_with_cosmosd_and_with_its_launcher() {
    let (mut launcher, child) = waiting();
    launcher.hang_up();
    assert!(launcher.process.wait().unwrap().success());
    wait_until("the child ended", || !runs(child));

    let (mut launcher, child) = waiting();
    launcher.process.kill().unwrap();
    launcher.process.wait().unwrap();
    wait_until("the child ended", || !runs(child));
}

#[test]
fn while_it_waits_it_has_no_way_to_anybody_and_does_nothing() {
    let (launcher, child) = waiting();
    let links = std::fs::read_dir(format!("/proc/{child}/fd")).unwrap();
    let mut found: Vec<_> = links
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .map(|link| link.to_str().unwrap().to_owned())
        .collect();
    found.sort();
    let kinds: Vec<_> = found
        .iter()
        .map(|link| link.split(':').next().unwrap())
        .collect();
    // Its input and the place of its control socket; what it writes, twice, and its report; the way to its
    // launcher, and the one of its order.
    let null = "/dev/null";
    assert_eq!(
        kinds,
        [null, null, "pipe", "pipe", "pipe", "socket", "socket"]
    );
    // The launcher's own input is cosmosd's socket.
    let input = std::fs::read_link(format!("/proc/{}/fd/0", launcher.process.id())).unwrap();
    assert!(!found.contains(&input.to_str().unwrap().to_owned()));
    let used = || [launcher.process.id().cast_signed(), child].map(ticks);
    let before = used();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(used(), before);
}

/// Processor time of a process, and how often it was run.
fn ticks(pid: i32) -> String {
    read_to_string(format!("/proc/{pid}/schedstat")).unwrap()
}
