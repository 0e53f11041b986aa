//! Starters whose own circumstances must not become the daemons', and daemons that are just ending.

use cosmos_tests::{Ran, World, eventually, in_world, run};
use std::process::{Command, Stdio};
use std::time::Duration;

const COS: &str = "double cos(double x)";
/// How long what comes may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// `cosmos call` of cos below a shell that first does `preparation`.
fn call_after(world: &World, preparation: &str) -> Ran {
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            &format!("{preparation}; exec \"$0\" call libm.so.6 '{COS}' 0"),
        ])
        .arg(cosmos_tests::built().join("cosmos"))
        .env("COSMOS_SOCKET_DIRECTORY", world.directory().join("new"));
    run(&mut command, Duration::from_secs(20))
}

#[test]
fn an_umask_that_takes_the_owners_rights() {
    in_world(|world| {
        for _ in 0..2 {
            assert_eq!(call_after(world, "umask 0777").succeeded(), "1\n");
        }
    });
}

#[test]
fn limits_meant_for_the_starter() {
    in_world(|world| {
        let called = call_after(world, "ulimit -S -f 0; ulimit -S -t 5; ulimit -S -n 64");
        assert_eq!(called.succeeded(), "1\n");
        for name in ["cosmosdb", "cosmosd"] {
            let daemons = world.processes_named(name);
            let [daemon] = daemons.as_slice() else {
                panic!("{name}: {daemons:?}")
            };
            let path = format!("/proc/{}/limits", daemon.pid);
            let limits = std::fs::read_to_string(path).expect("its limits");
            for limit in ["Max cpu time", "Max file size", "Max open files"] {
                let line = limits.lines().find_map(|line| line.strip_prefix(limit));
                let numbers: Vec<&str> = line.expect(limit).split_whitespace().take(2).collect();
                assert_eq!(numbers[0], numbers[1], "{name}: {limit}");
            }
        }
    });
}

#[test]
fn a_log_that_may_not_grow() {
    in_world(|world| {
        assert_eq!(call_after(world, "ulimit -f 0").succeeded(), "1\n");
    });
}

/// cosmosd waits for a VM that is in a call; another one serves meanwhile.
#[test]
fn a_client_that_comes_while_cosmosd_ends_is_served_by_the_next() {
    in_world(|world| {
        let mut sleeper = world.cosmos();
        sleeper
            .args([
                "call",
                "libc.so.6",
                "unsigned sleep(unsigned seconds)",
                "600",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut sleeper = sleeper.spawn().expect("a client");
        let vm = eventually(PATIENCE, || world.processes_named("cosmos-hostfn").pop());
        assert!(vm.is_some(), "a VM");
        let called = eventually(PATIENCE, || {
            let ran = world.run_cosmos(&["ls"]);
            ran.succeeded().contains("ready").then_some(())
        });
        assert!(called.is_some(), "a VM that is ready");
        // Its autopsy is not to start a cosmosd.
        stop(i32::try_from(sleeper.id()).expect("a pid"));
        let first = coordinator(world);
        signal(first, nix::sys::signal::Signal::SIGTERM);

        // Who waited for the sleeper's call would not be served in the minute that this may take.
        assert_eq!(world.call(&["libm.so.6", COS, "0"]).succeeded(), "1\n");
        // It serves who comes before it has seen the signal.
        let next = eventually(PATIENCE, || {
            let coordinators = world.processes_named("cosmosd");
            if coordinators.iter().any(|one| one.pid != first) {
                return Some(());
            }
            assert_eq!(world.call(&["libm.so.6", COS, "0"]).succeeded(), "1\n");
            None
        });
        assert!(next.is_some(), "the next one serves");
        sleeper.kill().expect("the client runs");
        sleeper.wait().expect("the client ended");
    });
}

fn coordinator(world: &World) -> i32 {
    world.only("cosmosd").pid
}

fn stop(pid: i32) {
    signal(pid, nix::sys::signal::Signal::SIGSTOP);
}

fn signal(pid: i32, signal: nix::sys::signal::Signal) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).expect("a process of the test");
}
