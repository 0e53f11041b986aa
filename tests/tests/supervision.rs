//! Daemons that are killed and come back: no VM is lost, no call is disturbed, and what was promised of
//! VMs holds on.

use cosmos::{FaultCode, Library, Options, Value};
use cosmos_tests::machine::write_program;
use cosmos_tests::{World, c, eventually, in_world, run};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(40);

fn library(world: &World) -> PathBuf {
    c::library("misbehave.c", world.directory())
}

fn open(library: &std::path::Path, options: &Options) -> Library {
    cosmos::dlopen_with(library.to_str().expect("a path"), options).expect("the library")
}

fn call(opened: &Library, prototype: &str, arguments: &[i32]) -> i128 {
    let values: Vec<Value> = arguments.iter().map(|number| (*number).into()).collect();
    let function = opened.function(prototype).expect(prototype);
    match function.call(&values).expect(prototype).result {
        Value::Int(number) => number,
        other => panic!("{other:?}"),
    }
}

/// Waits until a call of `nap` or `hang` is.
fn is_under_way(opened: &Library) {
    let is_begun = || (call(opened, "int begun(void)", &[]) > 0).then_some(());
    eventually(PATIENCE, is_begun).expect("a call under way");
}

fn add(opened: &Library) {
    assert_eq!(call(opened, "int add(int left, int right)", &[40, 2]), 42);
}

/// Kills the daemon of this world of this name, as nothing can be caught.
fn kill_daemon(world: &World, name: &str) -> i32 {
    // One that found the field taken may be there for a moment, too.
    let alone = || match &world.processes_named(name)[..] {
        [daemon] => Some(daemon.pid),
        _ => None,
    };
    let pid = eventually(PATIENCE, alone).expect("one daemon of this name");
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it can be killed");
    // Somebody may have started the next one by now.
    let is_gone = || {
        let mut daemons = world.processes_named(name).into_iter();
        (!daemons.any(|daemon| daemon.pid == pid)).then_some(())
    };
    eventually(PATIENCE, is_gone).expect("it is gone");
    pid
}

/// Has the others stop, should this thread panic, too.
struct Stopped<'s>(&'s AtomicBool);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Waits until `cosmos ls`, which starts what does not run, has a line with all of these words.
fn listed(world: &World, words: &[&str]) -> String {
    let line = || line(world, words);
    eventually(PATIENCE, line).unwrap_or_else(|| panic!("{words:?} is not listed"))
}

/// The line with all of these words, if there is one now.
fn line(world: &World, words: &[&str]) -> Option<String> {
    let ran = world.run_cosmos(&["ls"]);
    let mut lines = ran.stdout.lines();
    let found = lines.find(|line| words.iter().all(|word| line.contains(word)));
    found.map(str::to_owned)
}

#[test]
fn cosmosd_that_is_killed_loses_no_vm() {
    in_world(|world| {
        // Each launcher is to be a VM's.
        world.configure("spare_launcher = false\n");
        let library = library(world);
        for level in ["limits", "landlock+seccomp", "namespaces"] {
            if !world.offers(level) {
                continue;
            }
            let opened = open(&library, &Options::new().isolation(level).fresh(true));
            let pid = call(&opened, "int pid_of_vm(void)", &[]);
            // Calls go on all the while, each with the right answer.
            let stop = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let calling = scope.spawn(|| {
                    let mut calls = 0u32;
                    while !stop.load(Ordering::Acquire) {
                        add(&opened);
                        calls += 1;
                    }
                    calls
                });
                let _stopped = Stopped(&stop);
                for _ in 0..2 {
                    kill_daemon(world, "cosmosd");
                    let line = listed(world, &[opened.vm(), "ready", level]);
                    assert!(line.contains("libmisbehave.so"), "{line}");
                }
                stop.store(true, Ordering::Release);
                assert!(calling.join().expect("every call is right") > 0);
            });
            assert_eq!(
                call(&opened, "int pid_of_vm(void)", &[]),
                pid,
                "the same VM"
            );
            // What this cosmosd starts has another name.
            let second = open(&library, &Options::new().fresh(true));
            assert_ne!(second.vm(), opened.vm());
            // It ends with its client as ever.
            let name = opened.vm().to_owned();
            drop((opened, second));
            let is_gone = || {
                let ran = world.run_cosmos(&["ls", "--all"]);
                let mut lines = ran.stdout.lines();
                let line = lines.find(|line| line.starts_with(&format!("{name} ")));
                line.is_none_or(|line| line.contains("gone")).then_some(())
            };
            eventually(PATIENCE, is_gone).expect("it ends");
        }
        let is_empty = || {
            world
                .processes_named("cosmos-launch")
                .is_empty()
                .then_some(())
        };
        eventually(PATIENCE, is_empty).expect("no launcher is left");
    });
}

/// A place for programs of this world's own, where VMs for libraries wait for a word in a pipe before they are
/// what they are.
fn vms_that_begin_late(world: &World) -> PathBuf {
    let (programs, pipe) = (world.directory().join("late"), world.directory().join("p"));
    std::fs::create_dir(&programs).expect("a directory");
    let built = cosmos_tests::built();
    for program in std::fs::read_dir(&built).expect("what is built").flatten() {
        let late = programs.join(program.file_name());
        std::os::unix::fs::symlink(program.path(), late).expect("a link");
    }
    let hostfn = programs.join("cosmos-hostfn");
    std::fs::remove_file(&hostfn).expect("the link");
    let (pipe_shown, built) = (pipe.display(), built.display());
    write_program(
        &hostfn,
        &format!("#!/bin/sh\nread word <{pipe_shown}\nexec {built}/cosmos-hostfn \"$@\"\n"),
    );
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    // SAFETY: no other thread of this process reads or writes the environment yet.
    unsafe { std::env::set_var("COSMOS_LIBEXEC_DIRECTORY", programs) };
    pipe
}

/// Its client was passed on to it when its process was there.
#[test]
fn a_vm_that_is_only_being_started_outlives_cosmosd_as_any() {
    in_world(|world| {
        let pipe = vms_that_begin_late(world);
        let library = library(world);
        for is_found_before in [false, true] {
            let starting = || {
                let rows = cosmos::queries::list_vms().expect("the VMs");
                let mut rows = rows.into_iter();
                rows.find(|row| row.state == "starting" && row.pid > 0)
            };
            let opened = std::thread::scope(|scope| {
                let opening = scope.spawn(|| open(&library, &Options::new().fresh(true)));
                let vm = eventually(PATIENCE, starting).expect("it is being started");
                kill_daemon(world, "cosmosd");
                if is_found_before {
                    listed(world, &[&vm.name, "starting"]);
                }
                std::fs::write(&pipe, "go\n").expect("a word");
                let opened = opening.join().expect("it is opened");
                assert_eq!(opened.vm(), vm.name);
                opened
            });
            let line = listed(world, &[opened.vm(), "ready"]);
            assert!(line.contains("libmisbehave.so"), "{line}");
            add(&opened);
        }
    });
}

#[test]
fn how_long_a_vm_is_up_does_not_begin_anew_with_cosmosd() {
    in_world(|world| {
        let opened = open(&library(world), &Options::new());
        let age = || {
            let rows = cosmos::queries::list_vms().expect("the VMs");
            let mut its = rows.into_iter().filter(|row| row.name == opened.vm());
            its.next().map(|row| row.age)
        };
        let is_old = || age().filter(|age| *age > 3000);
        eventually(PATIENCE, is_old).expect("it gets older");
        kill_daemon(world, "cosmosd");
        let after = eventually(PATIENCE, age).expect("it is back");
        // It is known to the second.
        assert!(after >= 2000, "{after}");
        add(&opened);
    });
}

/// The names of those that wait for somebody.
fn waiting() -> Option<Vec<String>> {
    let rows = cosmos::queries::list_vms().expect("the VMs");
    let waiting = rows.into_iter().filter(|row| row.state == "waiting");
    let names: Vec<String> = waiting.map(|row| row.name).collect();
    (!names.is_empty()).then_some(names)
}

#[test]
fn a_vm_that_waits_for_somebody_outlives_cosmosd_and_is_given_away_by_the_next_one() {
    in_world(|world| {
        world.configure("pool = 1\n");
        let library = library(world);
        for level in ["limits", "landlock+seccomp"] {
            if !world.offers(level) {
                continue;
            }
            let options = Options::new().isolation(level).fresh(true);
            let first = open(&library, &options);
            let before = eventually(PATIENCE, || {
                // One of the level before may wait still.
                waiting().filter(|names| line(world, &[&names[0], level, "waiting"]).is_some())
            });
            let before = before.expect("one waits");
            kill_daemon(world, "cosmosd");
            listed(world, &[&before[0], "waiting", level]);
            let given = open(&library, &options);
            assert_eq!(given.vm(), before[0]);
            assert_eq!(given.isolation(), level);
            add(&given);
            // The next one is confined for the same while it waits, and has not forgotten that.
            let next = || waiting().filter(|names| names[0] != before[0]);
            let next = eventually(PATIENCE, next).expect("one waits");
            kill_daemon(world, "cosmosd");
            listed(world, &[&next[0], "waiting", level]);
            let other = open(&library, &options);
            assert_eq!(other.vm(), next[0]);
            assert_eq!(other.isolation(), level);
            add(&other);
            // Somebody's now, it is somebody's after the next restart too.
            kill_daemon(world, "cosmosd");
            listed(world, &[given.vm(), "ready", level]);
            add(&given);
            add(&first);
        }
    });
}

#[test]
fn a_vm_that_waits_for_somebody_ends_where_no_cosmosd_comes() {
    in_world(|world| {
        // Each launcher is to be a VM's.
        world.configure("pool = 1\nspare_launcher = false\n");
        let first = open(&library(world), &Options::new().fresh(true));
        eventually(PATIENCE, waiting).expect("one waits");
        let two = || (world.processes_named("cosmos-launch").len() == 2).then_some(());
        eventually(PATIENCE, two).expect("one launcher each");
        kill_daemon(world, "cosmosd");
        // Its client makes no request, so that nobody starts another one.
        let one_ended = || (world.processes_named("cosmos-launch").len() == 1).then_some(());
        eventually(PATIENCE, one_ended).expect("it ends");
        add(&first);
    });
}

#[test]
fn a_vm_that_came_back_is_watched_as_before() {
    in_world(|world| {
        let library = library(world);
        // A crash is told, with its signal and its report.
        let opened = open(&library, &Options::new().fresh(true));
        add(&opened);
        kill_daemon(world, "cosmosd");
        listed(world, &[opened.vm(), "ready"]);
        let fatal = opened
            .function("int die_by_segv(void)")
            .expect("the function");
        let error = fatal.call(&[]).expect_err("it dies");
        assert_eq!(error.code(), FaultCode::VmDied, "{error}");
        assert_eq!(error.signal(), Some(libc::SIGSEGV), "{error}");
        assert!(error.crash().is_some(), "{error}");

        // A call in another VM that takes too long is ended.
        let opened = open(&library, &Options::new().fresh(true));
        add(&opened);
        kill_daemon(world, "cosmosd");
        listed(world, &[opened.vm(), "ready"]);
        let hang = opened
            .function("int hang(void) __timeout(200)")
            .expect("the function");
        let error = hang.call(&[]).expect_err("its time is over");
        assert_eq!(error.code(), FaultCode::TimedOut, "{error}");
        let is_gone = || {
            let ran = world.run_cosmos(&["ls", "--all"]);
            let mut lines = ran.stdout.lines();
            lines
                .any(|line| line.contains(opened.vm()) && line.contains("gone"))
                .then_some(())
        };
        eventually(PATIENCE, is_gone).expect("it has ended");

        // One that dies while there is no cosmosd is gone for good, and the call says so.
        let opened = open(&library, &Options::new().fresh(true));
        add(&opened);
        kill_daemon(world, "cosmosd");
        let fatal = opened
            .function("int die_by_abort(void)")
            .expect("the function");
        let error = fatal.call(&[]).expect_err("it dies");
        assert_eq!(error.code(), FaultCode::VmDied, "{error}");
        assert_eq!(error.errno(), libc::EOWNERDEAD);
    });
}

#[test]
fn limits_hold_whoever_watches() {
    in_world(|world| {
        let library = library(world);
        // On a machine that is busy it takes longer to come so far.
        let in_time = ["4", "8", "16", "32"].into_iter().find_map(|seconds| {
            let options = Options::new()
                .setting("limits.wall_seconds", seconds)
                .fresh(true);
            let opened = open(&library, &options);
            kill_daemon(world, "cosmosd");
            let has_come_back = || {
                let rows = cosmos::queries::list_vms().ok()?;
                let row = rows.into_iter().find(|row| row.name == opened.vm())?;
                ["ready", "gone"].contains(&&*row.state).then_some(row)
            };
            let row = eventually(PATIENCE, has_come_back).expect("it is back");
            let hang = opened.function("int hang(void)").ok()?;
            (row.state == "ready").then_some((opened, hang))
        });
        let (_opened, hang) = in_time.expect("a VM that came back in its time");
        let error = hang.call(&[]).expect_err("its time is over");
        assert_eq!(error.code(), FaultCode::VmDied, "{error}");
        assert!(error.to_string().contains("limits.wall_seconds"), "{error}");
    });
}

#[test]
fn what_a_vm_wrote_counts_whoever_read_it() {
    in_world(|world| {
        let library = library(world);
        let options = Options::new()
            .setting("limits.output_bytes", "65536")
            .fresh(true);
        let opened = open(&library, &options);
        let write = "int write_error(int count)";
        assert_eq!(call(&opened, write, &[40_000]), 40_000);
        // What a cosmosd has read it has told the launcher when it answers again.
        let is_read = || {
            let budget = opened.budget().expect("a budget").into_iter();
            let mut used = budget.filter(|it| it.limit == "output_bytes");
            (used.next()?.used? >= 40_000).then_some(())
        };
        eventually(PATIENCE, is_read).expect("it is read");
        listed(world, &[opened.vm(), "ready"]);
        kill_daemon(world, "cosmosd");
        listed(world, &[opened.vm(), "ready"]);
        // More than it may with what it wrote before, and less than it may without.
        let function = opened.function(write).expect(write);
        let function = |count: i32| function.call(&[count.into()]).err();
        let error = function(45_000).or_else(|| eventually(PATIENCE, || function(0)));
        let error = error.expect("it has an end");
        assert_eq!(error.code(), FaultCode::VmDied, "{error}");
        let key = "limits.output_bytes = 65536";
        assert!(error.to_string().contains(key), "{error}");
    });
}

#[test]
fn a_shared_vm_is_found_by_name_after_both_daemons_were_killed() {
    in_world(|world| {
        let library = library(world);
        let options = Options::new().shared("common");
        let opened = open(&library, &options);
        let pid = call(&opened, "int pid_of_vm(void)", &[]);
        // A cosmosd that lives starts a cosmosdb that was killed; so it goes first where both do.
        for daemons in [&["cosmosd"][..], &["cosmosdb"], &["cosmosd", "cosmosdb"]] {
            for daemon in daemons {
                kill_daemon(world, daemon);
            }
            // Another process, which has to be connected anew.
            let mut command = world.cosmos();
            command.args([
                "call",
                library.to_str().expect("a path"),
                "int pid_of_vm(void)",
            ]);
            run(&mut command, PATIENCE).succeeded();
            listed(world, &["common", "ready"]);
            let again = open(&library, &options);
            assert_eq!(call(&again, "int pid_of_vm(void)", &[]), pid, "{daemons:?}");
            add(&opened);
        }
    });
}

#[test]
fn a_stranger_brings_no_vm() {
    use cosmos_rpc::blocking::Connection;
    use cosmos_rpc::handshake::Role;
    use cosmos_rpc::message::launch::{Return, Started};
    use cosmos_rpc::rendezvous::{COORDINATOR, Rendezvous, connect_registry, reach};
    use std::os::fd::AsFd;
    in_world(|world| {
        let opened = open(&library(world), &Options::new());
        add(&opened);
        let rendezvous = Rendezvous {
            directory: world.sockets(),
            libexec: cosmos_tests::built(),
            start: false,
            patience: PATIENCE,
        };
        let (end, _other) = std::os::unix::net::UnixStream::pair().expect("a pair");
        for record in [vec![], vec![0xff; 100], b"hostfn-1".to_vec()] {
            let mut registry = connect_registry(&rendezvous).expect("the registry");
            let stream = reach(&mut registry, COORDINATOR).expect("cosmosd");
            let mut cosmosd = Connection::connect(stream, Role::Launcher)
                .and_then(|connection| connection.expect(Role::Coordinator))
                .expect("a handshake");
            let request = Return {
                record,
                started: Started {
                    pid: 1,
                    memory_bounded: false,
                    processes_bounded: false,
                },
                output: Vec::new(),
                written: 0,
            };
            let answer = cosmosd.call(&request, &[end.as_fd(), end.as_fd()]);
            assert!(answer.is_err());
        }
        add(&opened);
        listed(world, &[opened.vm(), "ready"]);
    });
}

fn daemon(world: &World) -> Pid {
    Pid::from_raw(world.only("cosmosd").pid)
}

fn has_ended(world: &World, daemon: Pid) -> Option<()> {
    let mut daemons = world.processes_named("cosmosd").into_iter();
    (!daemons.any(|process| process.pid == daemon.as_raw())).then_some(())
}

#[test]
fn a_cosmosd_that_is_asked_to_end_lets_calls_end_first() {
    in_world(|world| {
        let library = library(world);
        let opened = open(&library, &Options::new().fresh(true));
        let idle = open(&library, &Options::new().fresh(true));
        add(&idle);
        let first = daemon(world);
        std::thread::scope(|scope| {
            let napping = scope.spawn(|| call(&opened, "int nap(int milliseconds)", &[3000]));
            is_under_way(&opened);
            kill(first, Signal::SIGTERM).expect("it runs");
            // Who comes now is served by another one.
            let library = library.to_str().expect("a path");
            let mut command = world.cosmos();
            command.args(["call", library, "int add(int left, int right)", "1", "2"]);
            assert_eq!(run(&mut command, PATIENCE).succeeded(), "3\n");
            assert_eq!(napping.join().expect("it ends well"), 3000);
        });
        eventually(PATIENCE, || has_ended(world, first)).expect("it ends");
        // Its VMs are gone, and say so.
        for opened in [opened, idle] {
            let add = opened.function("int add(int left, int right)");
            let error = match add {
                Ok(add) => add.call(&[1.into(), 2.into()]).expect_err("it is gone"),
                Err(error) => error,
            };
            assert_eq!(error.errno(), libc::EOWNERDEAD, "{error}");
        }
    });
}

#[test]
fn a_cosmosd_that_is_asked_twice_ends_at_once() {
    in_world(|world| {
        let opened = open(&library(world), &Options::new());
        add(&opened);
        let first = daemon(world);
        std::thread::scope(|scope| {
            let hanging = scope.spawn(|| {
                let hang = opened.function("int hang(void)").expect("the function");
                hang.call(&[]).expect_err("it is ended")
            });
            is_under_way(&opened);
            kill(first, Signal::SIGTERM).expect("it runs");
            std::thread::sleep(Duration::from_millis(700));
            assert!(!hanging.is_finished(), "the first lets it be");
            assert!(has_ended(world, first).is_none());
            kill(first, Signal::SIGTERM).expect("it runs");
            let error = hanging.join().expect("no panic");
            assert_eq!(error.errno(), libc::EOWNERDEAD, "{error}");
        });
        eventually(PATIENCE, || has_ended(world, first)).expect("it ends");
    });
}

#[test]
fn a_shared_vm_that_crashes_is_started_again() {
    in_world(|world| {
        let library = library(world);
        let mut first = world.cosmos();
        first.args(["which", library.to_str().expect("a path")]);
        first.env("COSMOS_RESTART_SHARED", "true");
        run(&mut first, PATIENCE).succeeded();
        let options = Options::new().shared("common");
        let mut known = Vec::new();
        for _ in 0..3 {
            let opened = open(&library, &options);
            let pid = call(&opened, "int pid_of_vm(void)", &[]);
            assert!(!known.contains(&pid), "another process");
            known.push(pid);
            let fatal = opened
                .function("int die_by_abort(void)")
                .expect("the function");
            assert!(fatal.call(&[]).is_err());
            let successor = || {
                let ran = world.run_cosmos(&["ls"]);
                let mut lines = ran.stdout.lines();
                let dead = format!(" {pid} ");
                lines
                    .any(|line| {
                        line.contains("common") && line.contains("ready") && !line.contains(&dead)
                    })
                    .then_some(())
            };
            eventually(PATIENCE, successor).expect("another one, before anybody asks");
            // What was opened in the old one is dead.
            let error = fatal.call(&[]).expect_err("dead");
            assert_eq!(error.errno(), libc::EOWNERDEAD, "{error}");
        }
    });
}
