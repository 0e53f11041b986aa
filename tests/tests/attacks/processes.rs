//! Other processes: none is looked into, signalled, slowed or limited, and none is made.

use crate::stage::{Stage, at_each_level, of_libraries, of_programs, with_grants};
use cosmos_tests::{eventually, in_world};
use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;
use std::time::Duration;

/// Against everybody else of this user.
fn against_all(stage: &Stage<'_>, prototype: &str, call: &str) {
    for pid in stage.others() {
        stage.refused(prototype, &[pid.into()], libc::EPERM, Some(call));
    }
}

#[test]
fn nobody_is_traced() {
    in_world(|world| {
        at_each_level(world, |stage| {
            against_all(stage, "int attach(int pid)", "ptrace")
        })
    });
}

#[test]
fn a_program_does_not_reach_who_started_it() {
    in_world(|world| {
        let proc = |options: cosmos::Options| options.write("/proc");
        of_programs(world, proc, |stage| {
            for (prototype, errnos) in [
                ("int signal_parent(void)", [libc::EPERM; 2]),
                ("int attach_to_parent(void)", [libc::EPERM; 2]),
                ("int memory_of_parent(void)", [libc::EACCES, libc::EPERM]),
                (
                    "int descriptors_of_parent(void)",
                    [libc::EACCES, libc::EPERM],
                ),
            ] {
                let found = stage.attempt(prototype, &[]).unwrap();
                assert!(
                    errnos.iter().any(|errno| found == i128::from(*errno)),
                    "{prototype} at {}: {found}",
                    stage.level
                );
            }
            // Nothing of its keeper's is open in it: the streams, and what it opens itself.
            let next = stage.attempt("int next_descriptor(void)", &[]).unwrap();
            assert_eq!(next, 3);
        });
    });
}

#[test]
fn nobodys_memory_is_read() {
    in_world(|world| {
        at_each_level(world, |stage| {
            against_all(stage, "int read_memory(int pid)", "process_vm_readv");
        });
    });
}

#[test]
fn the_proc_directory_of_another_vm_is_closed() {
    in_world(|world| {
        at_each_level(world, |stage| {
            for pid in stage.others() {
                stage.out_of_reach("int open_memory(int pid)", &[pid.into()]);
                stage.out_of_reach("int read_environment(int pid)", &[pid.into()]);
            }
        });
    });
}

#[test]
fn the_memory_of_another_vm_stays_closed_even_with_proc_granted() {
    in_world(|world| {
        with_grants(
            world,
            |options| options.write("/proc"),
            |stage| {
                for pid in stage.others() {
                    let found = stage.attempt("int open_memory(int pid)", &[pid.into()]);
                    let found = found.unwrap();
                    let mut expected = vec![libc::EACCES, libc::EPERM];
                    if stage.is_program() && stage.level == "namespaces" {
                        // Its /proc has its own processes alone.
                        expected = vec![libc::ENOENT];
                    }
                    assert!(
                        expected.iter().any(|errno| found == i128::from(*errno)),
                        "{found} for {pid}"
                    );
                }
            },
        );
    });
}

#[test]
fn nobody_is_signalled() {
    in_world(|world| {
        at_each_level(world, |stage| {
            against_all(stage, "int signal_process(int pid)", "kill");
            against_all(stage, "int signal_thread(int pid)", "tgkill");
            against_all(stage, "int queue_signal(int pid)", "rt_sigqueueinfo");
            against_all(stage, "int hold_process(int pid)", "pidfd_open");
            // Of everybody the kernel leaves out whom it may not reach, and calls that done.
            let errno = if stage.is_program() { 0 } else { libc::EPERM };
            let everybody = "int signal_everybody(void)";
            stage.refused(everybody, &[], errno, Some("kill"));
        });
    });
}

/// A child of the launcher's would not end with the VM, and one that is not traced is not seen.
#[test]
fn no_process_is_made_that_is_somebody_elses() {
    in_world(|world| {
        let attack = |stage: &Stage<'_>| {
            let beside = "int clone_beside(void)";
            stage.refused(beside, &[], libc::EPERM, Some("clone"));
        };
        at_each_level(world, attack);
        let grants = |options: cosmos::Options| options.programs(true).limit("processes", 40);
        of_libraries(world, grants, attack);
    });
}

/// No list of calls stands before its signals, so Landlock's scope has to.
#[test]
fn a_vm_that_may_start_programs_signals_nobody_either() {
    in_world(|world| {
        let grants = |options: cosmos::Options| options.programs(true).limit("processes", 40);
        of_libraries(world, grants, |stage| {
            for pid in stage.others() {
                for prototype in ["int signal_process(int pid)", "int signal_thread(int pid)"] {
                    let found = stage.attempt(prototype, &[pid.into()]).unwrap();
                    // In a pid space of its own there is nobody else.
                    let expected = match stage.level {
                        "namespaces" => [libc::EPERM, libc::ESRCH],
                        _ => [libc::EPERM; 2],
                    };
                    let is_refused = expected.iter().any(|errno| found == i128::from(*errno));
                    assert!(is_refused, "{prototype} at {}: {found}", stage.level);
                }
            }
        });
    });
}

/// Root's capabilities would allow that.
#[test]
fn its_own_limits_and_niceness_are_not_bettered() {
    in_world(|world| {
        at_each_level(world, |stage| {
            stage.refused("int raise_own_limit(void)", &[], libc::EPERM, None);
            stage.refused("int hurry(void)", &[], libc::EACCES, None);
        });
    });
}

#[test]
fn limits_of_others_are_not_changed() {
    in_world(|world| {
        at_each_level(world, |stage| {
            against_all(stage, "int limit_process(int pid)", "prlimit64");
        });
    });
}

#[test]
fn priority_and_placement_of_others_are_not_changed() {
    in_world(|world| {
        at_each_level(world, |stage| {
            // Others may come meanwhile: a launcher for the next VM, and what it keeps ready.
            let others = stage.others();
            let mask = |pid: &i32| sched_getaffinity(Pid::from_raw(*pid)).ok();
            let masks = || others.iter().map(mask).collect::<Vec<Option<CpuSet>>>();
            let before = masks();
            against_all(stage, "int lower_process(int pid)", "setpriority");
            against_all(stage, "int idle_process(int pid)", "sched_setscheduler");
            against_all(stage, "int pin_process(int pid)", "sched_setaffinity");
            let user = "int lower_user(void)";
            stage.refused(user, &[], libc::EPERM, Some("setpriority"));
            let after = masks();
            assert!(after.iter().any(Option::is_some));
            for (before, after) in before.iter().zip(&after) {
                assert!(
                    after.is_none() || after == before,
                    "{before:?} became {after:?}"
                );
            }
        });
    });
}

#[test]
fn a_fork_bomb_has_no_first_child() {
    in_world(|world| {
        let nothing = |options| options;
        of_libraries(world, nothing, |stage| {
            let bomb = "int fork_without_end(void)";
            assert_eq!(stage.attempt(bomb, &[]).unwrap(), 0);
            let denials = stage.hostile.denials();
            assert!(
                denials
                    .iter()
                    .any(|(name, _)| name == "clone" || name == "fork"),
                "{denials:?}"
            );
        });
    });
}

#[test]
fn a_fork_bomb_of_a_vm_that_may_start_programs_ends_at_its_total() {
    in_world(|world| {
        let counted = world.offers("totals");
        with_grants(
            world,
            |options| options.programs(true).limit("processes", 40),
            |stage| {
                let made = stage.attempt("int fork_without_end(void)", &[]).unwrap();
                match counted {
                    true => assert!((1..40).contains(&made), "{made}"),
                    // Nothing counts them, so none is made.
                    false => assert_eq!(made, 0),
                }
            },
        );
    });
}

#[test]
fn a_fork_bomb_of_a_program_ends_at_its_total() {
    in_world(|world| {
        let counted = world.offers("totals");
        let few = |options: cosmos::Options| options.limit("processes", 40);
        of_programs(world, few, |stage| {
            let made = stage.attempt("int fork_without_end(void)", &[]).unwrap();
            match counted {
                true => assert!((1..40).contains(&made), "{made}"),
                false => assert_eq!(made, 0),
            }
            // All of it is gone with the program, and the next one has room, once what kept that one is gone, too.
            let has_room = || {
                let again = stage.attempt("int fork_without_end(void)", &[]).unwrap();
                (again >= made).then_some(())
            };
            eventually(Duration::from_secs(30), has_room).expect("as much room again");
        });
    });
}

#[test]
fn a_program_executes_itself_and_its_loader_alone() {
    in_world(|world| {
        let read = |options: cosmos::Options| options.read("/bin").read("/usr/bin");
        of_programs(world, read, |stage| {
            let execute = "int execute(const char *path)";
            let found = stage.attempt(execute, &["/bin/true".into()]).unwrap();
            assert_eq!(found, libc::EACCES.into(), "at {}", stage.level);
        });
    });
}

#[test]
fn no_program_is_executed() {
    in_world(|world| {
        of_libraries(
            world,
            |options| options.read("/bin").read("/usr/bin"),
            |stage| {
                let execute = "int execute(const char *path)";
                stage.refused(execute, &["/bin/true".into()], libc::EPERM, Some("execve"));
            },
        );
    });
}

#[test]
fn no_namespace_is_made() {
    in_world(|world| {
        at_each_level(world, |stage| {
            let clone = "int clone_into_namespaces(void)";
            stage.refused(clone, &[], libc::EPERM, Some("clone"));
            stage.refused("int unshare_user(void)", &[], libc::EPERM, Some("unshare"));
        });
    });
}
