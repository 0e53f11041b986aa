//! What a call that failed returns, and what errno says, for each reason there is: from C, and the same
//! from Rust.

use cosmos::{FaultCode, Options};
use cosmos_tests::{Prefix, c, errno, in_world_for, run, set_errno};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::{c_int, c_void};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

/// Each reason in the words of `contract.c`, a prototype of a function that comes to it, its errno and
/// its code.
const REASONS: [(&str, &str, c_int, FaultCode); 7] = [
    (
        "died",
        "int die_by_abort(void) __fail(-9)",
        libc::EOWNERDEAD,
        FaultCode::VmDied,
    ),
    (
        "exited half way",
        "int forge_half(void) __fail(-9)",
        libc::EOWNERDEAD,
        FaultCode::VmDied,
    ),
    (
        "late",
        "int hang(void) __fail(-9) __timeout(100)",
        libc::ETIMEDOUT,
        FaultCode::TimedOut,
    ),
    (
        "silent",
        "int fall_silent(void) __fail(-9)",
        libc::EOWNERDEAD,
        FaultCode::VmDied,
    ),
    (
        "hung up",
        "int hang_up(void) __fail(-9)",
        libc::ECOMM,
        FaultCode::Disconnected,
    ),
    (
        "announced too much",
        "int forge_length(void) __fail(-9)",
        libc::EMSGSIZE,
        FaultCode::TooLarge,
    ),
    (
        "answered nonsense",
        "int forge_reply(void) __fail(-9)",
        libc::EPROTO,
        FaultCode::Protocol,
    ),
];

#[test]
fn each_reason_has_its_errno_in_c() {
    in_world_for(Duration::from_secs(120), |world| {
        let library = c::library("misbehave.c", world.directory());
        let prefix = Prefix::installed(world);
        let program = world.directory().join("contract");
        let flags = ["-std=gnu99", "-Wall", "-Wextra", "-Werror"];
        prefix.compile("gcc", "contract.c", &flags, &program);
        let mut command = Command::new(&program);
        let ran = run(
            prefix.environment(command.arg(&library)),
            Duration::from_secs(90),
        );
        let expected = "died: -9 EOWNERDEAD 14\n  after it: -8 EOWNERDEAD 14\n\
             exited half way: -9 EOWNERDEAD 14\n  after it: -8 EOWNERDEAD 14\n\
             late: -9 ETIMEDOUT 15\n  after it: -8 EOWNERDEAD 14\n\
             silent: -9 EOWNERDEAD 14\n  after it: -8 EOWNERDEAD 14\n\
             hung up: -9 ECOMM 19\n  after it: the VM goes on\n\
             announced too much: -9 EMSGSIZE 18\n  after it: -8 EOWNERDEAD 14\n\
             answered nonsense: -9 EPROTO 16\n  after it: -8 EOWNERDEAD 14\n\
             forked: -8 ECOMM 23\n  after it: the parent goes on\n";
        assert_eq!(ran.succeeded(), expected, "{ran:?}");

        let nobody = world.directory().join("nobody");
        std::fs::create_dir(&nobody).expect("a directory");
        let own = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(&nobody, own).expect("permissions");
        let mut command = Command::new(&program);
        command.arg(&library).env("NO_DAEMONS", "1");
        prefix
            .environment(&mut command)
            .env("COSMOS_SOCKET_DIRECTORY", nobody)
            .env("COSMOS_START_DAEMONS", "false");
        let ran = run(&mut command, Duration::from_secs(30));
        assert_eq!(ran.succeeded(), "no daemons: NULL: 0 ECOMM 8\n", "{ran:?}");
    });
}

/// A VM that dies while nobody is there who would know how is dead all the same.
#[test]
fn a_vm_outlives_its_coordinator_and_is_dead_when_it_dies() {
    in_world_for(Duration::from_secs(120), |world| {
        let library = c::library("misbehave.c", world.directory());
        let path = library.to_str().expect("UTF-8");
        world.call(&["libc.so.6", "abs", "-1"]).succeeded();
        // SAFETY: no other thread of this process looks at the environment now.
        unsafe { std::env::set_var("COSMOS_START_DAEMONS", "false") };
        let options = Options::new().fresh(true);
        let opened = cosmos::dlopen_with(path, &options).expect(path);
        let symbol = |prototype: &str| {
            let symbol = opened.symbol::<extern "C" fn() -> c_int>(prototype);
            symbol.expect(prototype)
        };
        let alive = symbol("int pid_of_vm(void) __fail(-8)");
        let vm = alive.call();
        let dies = symbol("int die_by_kill(void) __fail(-9)");
        for name in ["cosmosd", "cosmosdb"] {
            for process in world.processes_named(name) {
                kill(Pid::from_raw(process.pid), Signal::SIGKILL).expect("a daemon");
            }
        }
        assert_eq!(alive.call(), vm, "a VM outlives its coordinator");
        cosmos::clear_last_error();
        set_errno(0);
        assert_eq!((dies.call(), errno()), (-9, libc::EOWNERDEAD));
        let error = cosmos::last_error().expect("a failure");
        assert_eq!(error.code(), FaultCode::VmDied, "{error}");
        set_errno(0);
        assert_eq!((alive.call(), errno()), (-8, libc::EOWNERDEAD));
    });
}

#[test]
fn each_reason_has_its_errno_in_rust() {
    in_world_for(Duration::from_secs(120), |world| {
        let library = c::library("misbehave.c", world.directory());
        let path = library.to_str().expect("UTF-8");
        for (reason, prototype, number, code) in REASONS {
            let options = || Options::new().fresh(true);
            // As C calls it, and as Rust does.
            let opened = cosmos::dlopen_with(path, &options()).expect(path);
            let function = opened.function(prototype).expect(prototype);
            // SAFETY: the functions have this type.
            let call = unsafe {
                std::mem::transmute::<*const c_void, unsafe extern "C" fn() -> c_int>(
                    function.pointer(),
                )
            };
            set_errno(0);
            // SAFETY: as above.
            assert_eq!((unsafe { call() }, errno()), (-9, number), "{reason}");
            assert_eq!(cosmos::last_error().map(|error| error.code()), Some(code));

            let opened = cosmos::dlopen_with(path, &options()).expect(path);
            let symbol = opened
                .symbol::<extern "C" fn() -> c_int>(prototype)
                .expect(prototype);
            let after = opened
                .symbol::<extern "C" fn() -> c_int>("int pid_of_vm(void) __fail(-8)")
                .expect("pid_of_vm");
            let error = symbol.try_call().expect_err(reason);
            assert_eq!((error.code(), error.errno()), (code, number), "{error}");
            set_errno(0);
            match code {
                FaultCode::Disconnected => assert!(after.call() > 0, "the VM goes on"),
                _ => assert_eq!((after.call(), errno()), (-8, libc::EOWNERDEAD), "{reason}"),
            }

            let opened = cosmos::dlopen_with(path, &options()).expect(path);
            let function = opened.function(prototype).expect(prototype);
            let error = function.call(&[]).expect_err(reason);
            assert_eq!((error.code(), error.errno()), (code, number), "{error}");
        }
    });
}
