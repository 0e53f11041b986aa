//! Objects that have names for everybody, the kernel's surface, and other ways into it.

use crate::stage::{at_each_level, of_libraries, of_programs, text};
use cosmos::FaultCode;
use cosmos::Options;
use cosmos_tests::in_world;

#[test]
fn constructors_run_confined() {
    in_world(|world| {
        at_each_level(world, |stage| {
            stage.refused("int constructor(void)", &[], libc::EPERM, Some("ptrace"));
        });
    });
}

#[test]
fn ipc_objects_of_system_v_and_posix_are_closed() {
    in_world(|world| {
        at_each_level(world, |stage| {
            for (prototype, call) in [
                ("int shared_memory(void)", "shmget"),
                ("int message_queue(void)", "msgget"),
                ("int semaphores(void)", "semget"),
                ("int posix_queue(void)", "mq_open"),
            ] {
                stage.refused(prototype, &[], libc::EPERM, Some(call));
            }
        });
    });
}

#[test]
fn keyrings_are_closed() {
    in_world(|world| {
        at_each_level(world, |stage| {
            stage.refused(
                "int session_keyring(void)",
                &[],
                libc::EPERM,
                Some("keyctl"),
            );
            stage.refused("int add_key(void)", &[], libc::EPERM, Some("add_key"));
        });
    });
}

#[test]
fn the_surface_of_the_kernel_is_closed() {
    in_world(|world| {
        at_each_level(world, |stage| {
            for (prototype, call) in [
                ("int io_uring(void)", "io_uring_setup"),
                ("int bpf(void)", "bpf"),
                ("int userfaultfd(void)", "userfaultfd"),
                ("int mount_something(void)", "mount"),
                ("int terminal_input(void)", "ioctl"),
                ("int become_dumpable(void)", "prctl"),
                ("int outlive_launcher(void)", "prctl"),
            ] {
                stage.refused(prototype, &[], libc::EPERM, Some(call));
            }
            let owner = [stage.sibling().into()];
            let prototype = "int signals_of_descriptor(int pid)";
            stage.refused(prototype, &owner, libc::EPERM, Some("fcntl"));
        });
    });
}

#[test]
fn the_calls_of_i386_kill() {
    in_world(|world| {
        // A kernel without them faults instead.
        let signals = [libc::SIGSYS, libc::SIGSEGV];
        of_libraries(world, nothing, |stage| {
            let error = stage.attempt("int call_as_i386(void)", &[]).unwrap_err();
            assert_eq!(error.code(), FaultCode::VmDied, "{error}");
            let signal = error.signal().expect("a signal");
            assert!(signals.contains(&signal), "{error}");
        });
        of_programs(world, nothing, |stage| {
            let captured = stage.run("int call_as_i386(void)", &[]).expect("its end");
            assert!(signals.contains(&captured.ended.signal), "{captured:?}");
        });
    });
}

#[test]
fn the_calls_of_x32_kill() {
    in_world(|world| {
        of_libraries(world, nothing, |stage| {
            let error = stage.attempt("int call_as_x32(void)", &[]).unwrap_err();
            assert_eq!(error.code(), FaultCode::VmDied, "{error}");
            assert_eq!(error.signal(), Some(libc::SIGSYS), "{error}");
        });
        of_programs(world, nothing, |stage| {
            let captured = stage.run("int call_as_x32(void)", &[]).expect("its end");
            assert_eq!(captured.ended.signal, libc::SIGSYS, "{captured:?}");
        });
    });
}

#[test]
fn what_was_denied_is_in_the_error_of_a_vm_that_died_of_it() {
    in_world(|world| {
        of_libraries(world, nothing, |stage| {
            let connect = "int connect_tcp(int port)";
            assert_eq!(
                stage.attempt(connect, &[9.into()]).unwrap(),
                libc::EPERM.into()
            );
            let error = stage.attempt("int call_as_x32(void)", &[]).unwrap_err();
            assert!(
                error.to_string().contains("; denied: ptrace, socket"),
                "{error}"
            );
        });
    });
}

#[test]
fn the_command_says_what_was_denied() {
    in_world(|world| {
        of_programs(world, nothing, |stage| {
            let path = stage.hostile.path();
            let level = format!("--isolation={}", stage.level);
            let words = ["exec", "--cwd=/", &level, "--", &path, "connect_tcp", "9"];
            let ran = world.run_cosmos(&words);
            assert_eq!(ran.stdout, format!("{}\n", libc::EPERM), "{ran:?}");
            assert!(ran.stderr.contains("denied: ptrace, socket"), "{ran:?}");
            let words = [
                "exec",
                "--json",
                "--cwd=/",
                &level,
                "--",
                &path,
                "shared_memory",
            ];
            let ran = world.run_cosmos(&words);
            let told: serde_json::Value = serde_json::from_str(ran.succeeded()).expect("an object");
            assert_eq!(told["denied"]["shmget"], 1, "{told}");
        });
        of_libraries(world, nothing, |stage| {
            let path = stage.hostile.path().to_owned();
            let connect = "int connect_tcp(int port)";
            let level = format!("--isolation={}", stage.level);
            let ran = world.call(&[&level, &path, connect, "9"]);
            assert_eq!(ran.stdout, format!("{}\n", libc::EPERM));
            assert!(ran.stderr.contains("denied: ptrace, socket"), "{ran:?}");
            let ran = world.run_cosmos(&["ls", "--all"]);
            assert!(ran.stdout.contains(stage.level), "{ran:?}");
            let granted = text(world.directory());
            assert_ne!(granted, "".into());
        });
    });
}

fn nothing(options: Options) -> Options {
    options
}
