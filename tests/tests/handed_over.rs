//! VMs that wait and are handed over: whoever asks has a VM of its own or is told by name why not, whatever
//! happens to the VM, its target and its terms meanwhile; and who waits does nothing.

use cosmos::{Error, FaultCode, Library, Options, Value};
use cosmos_tests::{World, c, eventually, in_world, in_world_for, open_descriptors};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(40);
const ONE_WAITS: &str = "pool = 1\n";

/// A build of the library of this version.
fn build(world: &World, version: &str) -> PathBuf {
    let library = world.directory().join(format!("libversion{version}.so"));
    let version = format!("-DVERSION={version}");
    c::compile(
        "gcc",
        &["-shared", "-fPIC", &version],
        "version.c",
        &library,
    );
    library
}

fn open(library: &Path) -> Result<Library, Error> {
    let options = Options::new().fresh(true);
    cosmos::dlopen_with(library.to_str().expect("a path"), &options)
}

fn call(library: &Library, prototype: &str) -> Result<i128, Error> {
    match library.function(prototype)?.call(&[])?.result {
        Value::Int(number) => Ok(number),
        other => panic!("{other:?}"),
    }
}

fn version(library: &Library) -> Result<i128, Error> {
    call(library, "int version(void)")
}

/// Name and process of the VM that waits, once there is none but one, which is none of those.
fn waiting(others: &[&str]) -> (String, Pid) {
    let look = || {
        let rows = cosmos::queries::list_vms().expect("the VMs");
        let mut waiting = rows.into_iter().filter(|row| row.state == "waiting");
        let (one, no_other) = (waiting.next()?, waiting.next().is_none());
        let is_new = !others.contains(&one.name.as_str());
        (no_other && is_new).then(|| (one.name, Pid::from_raw(one.pid)))
    };
    eventually(PATIENCE, look).expect("one waits")
}

/// The library opened so often that what waits for the next time is confined for it.
fn opened_as_always(library: &Path) -> Library {
    for _ in 0..2 {
        open(library).expect("the library").close().expect("closed");
        waiting(&[]);
    }
    let last = open(library).expect("the library");
    waiting(&[last.vm()]);
    last
}

#[test]
fn one_that_is_killed_while_it_is_handed_over_is_replaced_or_named() {
    in_world_for(Duration::from_secs(150), |world| {
        world.configure(ONE_WAITS);
        let library = build(world, "7");
        let kept = opened_as_always(&library);
        // Where a VM waits and the launcher for the next one, with the process behind it, as they do in the end.
        let settled = || {
            waiting(&[]);
            let look = || {
                let launchers = world.processes_named("cosmos-launch").len();
                (
                    open_descriptors(),
                    world.only("cosmosd").descriptors().len(),
                    launchers,
                )
            };
            let mut last = look();
            let is_still = || {
                std::thread::sleep(Duration::from_millis(50));
                let before = std::mem::replace(&mut last, look());
                (last == before && last.2 == 4).then_some(())
            };
            let is_still = eventually(PATIENCE, is_still);
            assert!(is_still.is_some(), "{last:?}, {:?}", world.processes());
            (last.0, last.1)
        };
        let before = settled();
        let mut ends = [0, 0];
        for round in 0..60u64 {
            let (name, pid) = waiting(&[]);
            let killer = std::thread::spawn(move || {
                // From before it is asked for until after its library was called.
                std::thread::sleep(Duration::from_micros(round * 77 % 60 * 60));
                kill(pid, Signal::SIGKILL)
            });
            let opened = open(&library).and_then(|opened| Ok((version(&opened)?, opened)));
            killer.join().expect("it kills").expect("it was there");
            match opened {
                Ok((version, opened)) => {
                    assert_eq!(version, 7);
                    ends[0] += 1;
                    // Its VM is gone, or another one is its.
                    let _ = opened.close();
                }
                Err(error) => {
                    // Before it served, or after.
                    let known = [FaultCode::LaunchFailed, FaultCode::VmDied];
                    assert!(known.contains(&error.code()), "{error}");
                    assert!(error.to_string().contains(&name), "{name}: {error}");
                    ends[1] += 1;
                }
            }
        }
        println!("{} were served, {} were told", ends[0], ends[1]);
        settled();
        assert_eq!(version(&kept).expect("nobody else is harmed"), 7);
        let alone = || (world.processes_named("cosmos-hostfn").len() == 2).then_some(());
        eventually(PATIENCE, alone).expect("no VM is left but the one kept, and one that waits");
        let as_before = || {
            let now = settled();
            (now.0 <= before.0 && now.1 <= before.1).then_some(())
        };
        let is_so = eventually(PATIENCE, as_before);
        is_so.unwrap_or_else(|| panic!("{before:?}, now {:?}", settled()));
    });
}

#[test]
fn two_that_ask_at_once_for_the_one_that_waits_have_one_each() {
    in_world(|world| {
        world.configure(ONE_WAITS);
        let library = build(world, "1");
        opened_as_always(&library);
        let path = library.to_str().expect("a path");
        let prototype = "int number_of_this_process(void)";
        for _ in 0..5 {
            waiting(&[]);
            // Threads of this program, and other programs.
            let (threads, programs) = std::thread::scope(|scope| {
                let thread = || {
                    scope.spawn(|| {
                        let opened = open(&library).expect("the library");
                        let own = call(&opened, prototype).expect("its process");
                        (own.to_string(), opened)
                    })
                };
                let program =
                    || scope.spawn(|| world.call(&[path, prototype]).succeeded().to_owned());
                let (threads, programs) = ([thread(), thread()], [program(), program()]);
                let threads = threads.map(|it| it.join().expect("a thread"));
                (threads, programs.map(|it| it.join().expect("a program")))
            });
            let mut all: Vec<&str> = threads.iter().map(|(own, _)| own.as_str()).collect();
            all.extend(programs.iter().map(|told| told.trim()));
            let mut distinct = all.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), 4, "{all:?}");
        }
    });
}

#[test]
fn a_library_that_was_replaced_while_a_vm_waited_for_it_is_the_new_one() {
    in_world(|world| {
        world.configure(ONE_WAITS);
        let (library, next) = (build(world, "1"), build(world, "2"));
        let last = opened_as_always(&library);
        std::fs::rename(&next, &library).expect("replaced");
        let opened = open(&library).expect("the new one");
        assert_eq!(version(&opened).expect("it says so"), 2);
        assert_eq!(version(&last).expect("it is as it was"), 1);
    });
}

/// Each one that is opened is one of the two, whole, or it is said which file could not be opened.
#[test]
fn a_library_that_is_replaced_all_the_time_is_one_or_the_other() {
    in_world_for(Duration::from_secs(120), |world| {
        world.configure(ONE_WAITS);
        let builds = [build(world, "1"), build(world, "2")];
        let library = world.directory().join("libversion.so");
        std::fs::copy(&builds[0], &library).expect("a copy");
        let has_ended = AtomicBool::new(false);
        let seen = std::thread::scope(|scope| {
            scope.spawn(|| {
                let next = world.directory().join("next");
                for build in builds.iter().cycle() {
                    if has_ended.load(Ordering::Relaxed) {
                        break;
                    }
                    std::fs::copy(build, &next).expect("a copy");
                    std::fs::rename(&next, &library).expect("replaced");
                    std::thread::sleep(Duration::from_micros(700));
                }
            });
            let seen: Vec<_> = (0..40)
                .map(|_| {
                    let opened = open(&library)?;
                    let first = version(&opened)?;
                    assert_eq!(version(&opened)?, first, "what is loaded stays");
                    Ok::<_, Error>(first)
                })
                .collect();
            has_ended.store(true, Ordering::Relaxed);
            seen
        });
        for outcome in seen {
            match outcome {
                Ok(version) => assert!([1, 2].contains(&version)),
                Err(error) => {
                    let known = [FaultCode::NotPermitted, FaultCode::NotLoadable];
                    assert!(known.contains(&error.code()), "{error}");
                    assert!(error.to_string().contains("libversion.so"), "{error}");
                }
            }
        }
        assert!(open(&library).is_ok(), "it is left alone now");
    });
}

/// Neither the VM that waits nor its launcher runs at all.
#[test]
fn one_that_waits_does_nothing() {
    in_world(|world| {
        world.configure(ONE_WAITS);
        let library = build(world, "1");
        let _kept = opened_as_always(&library);
        let (_, vm) = waiting(&[]);
        let status = std::fs::read_to_string(format!("/proc/{vm}/status")).expect("it runs");
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        let launcher = parent.expect("it has one").trim().to_owned();
        let switches = |process: &str| {
            let tasks = std::fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
            let of_task = |task: std::fs::DirEntry| {
                let status = std::fs::read_to_string(task.path().join("status")).expect("a thread");
                let counts = status.lines().filter_map(|line| {
                    let (name, count) = line.split_once(':')?;
                    let is_count = name.ends_with("voluntary_ctxt_switches");
                    is_count.then(|| count.trim().parse::<u64>().expect("a number"))
                });
                counts.sum::<u64>()
            };
            tasks
                .map(|task| of_task(task.expect("a thread")))
                .sum::<u64>()
        };
        let both = || switches(&vm.to_string()) + switches(&launcher);
        // It may have been given the last things to do just now.
        let is_still = || {
            let before = both();
            std::thread::sleep(Duration::from_millis(700));
            (both() == before).then_some(())
        };
        eventually(PATIENCE, is_still).expect("it comes to rest");
    });
}
