//! What goes wrong around a program: daemons that vanish, floods, bombs, and words without end.

use super::{CANNOT_RUN, LATE, PATIENCE, exec, shell};
use cosmos::{Command, FaultCode, Options, Program, Stream};
use cosmos_tests::{World, eventually, in_world, run};
use std::io::{Read, Write};
use std::process::Stdio;
use std::time::Duration;

fn kill(pid: i32) {
    let pid = nix::unistd::Pid::from_raw(pid);
    // A daemon that found the field taken may have ended by itself.
    let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
}

/// A launcher, a VM and its keepers outlive the daemons: who runs a program does not notice.
#[test]
fn a_program_goes_on_when_the_daemons_are_killed() {
    in_world(|world| {
        for level in ["limits", "landlock+seccomp"] {
            let mut command = world.cosmos();
            let line = "echo ready; read word; echo \"heard $word\"; exit 7";
            command.args(["exec", "--isolation", level, "--", "sh", "-c", line]);
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.spawn().expect("cosmos");
            let mut output = child.stdout.take().expect("a pipe");
            output.read_exact(&mut [0; 6]).expect("it runs");
            for name in ["cosmosd", "cosmosdb"] {
                for process in world.processes_named(name) {
                    kill(process.pid);
                }
            }
            let mut input = child.stdin.take().expect("a pipe");
            input.write_all(b"this\n").expect("written");
            let mut heard = String::new();
            output.read_to_string(&mut heard).expect("its end");
            assert_eq!(heard, "heard this\n");
            assert_eq!(child.wait().expect("its end").code(), Some(7), "{level}");
        }
        // And the next one is started by new ones.
        assert_eq!(exec(world, &["--", "echo", "again"]).succeeded(), "again\n");
    });
}

#[test]
fn floods_on_both_outputs_end_and_keep_what_was_asked_for() {
    in_world(|_| {
        let line = "head -c 30000000 /dev/zero >&2 & head -c 30000000 /dev/zero; wait; exit 3";
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        let captured = command.output(&[], 1000).expect("its end");
        assert_eq!(captured.ended.code, 3);
        assert_eq!((captured.stdout.len(), captured.stderr.len()), (1000, 1000));
        assert!(captured.is_truncated);
    });
}

#[test]
fn a_fork_bomb_ends_with_its_time_and_takes_nobody_with_it() {
    in_world(|world| {
        if !world.offers("totals") {
            return;
        }
        // Two for each, as fast as it goes, and none ends by itself.
        let bomb = "bomb() { bomb & bomb & wait; }; bomb 2>/dev/null & while :; do :; done";
        for level in ["limits", "landlock+seccomp"] {
            let options = [
                "--isolation",
                level,
                "--limit",
                "processes=60",
                "--timeout",
                "1s",
            ];
            let ran = shell(world, &options, bomb);
            assert_eq!(ran.code(), LATE, "{level}: {ran:?}");
            assert!(
                world.processes_named("sh").is_empty(),
                "{:?}",
                world.processes()
            );
        }
        assert_eq!(exec(world, &["--", "echo", "well"]).succeeded(), "well\n");
    });
}

#[test]
fn long_words_and_large_environments_arrive_or_are_refused_by_name() {
    in_world(|world| {
        // The longest that the kernel takes for one word, with its NUL: 32 pages.
        let long = "x".repeat((128 << 10) - 1);
        let measured = shell_with(world, &long, "printf %s \"$1\" | wc -c");
        assert_eq!(measured.trim(), long.len().to_string());
        let mut command = Command::new("sh");
        command.args(["-c", "env | wc -c"]);
        for number in 0..200 {
            command.env(format!("V{number}"), "y".repeat(5000));
        }
        let captured = command.output(&[], 100).expect("its end");
        let size: usize = String::from_utf8_lossy(&captured.stdout)
            .trim()
            .parse()
            .expect("a number");
        assert!(size > 1_000_000, "{size}");

        let mut command = Command::new("true");
        command.arg("x".repeat(128 << 10));
        let error = command.status().expect_err("it is too long");
        assert_eq!(error.code(), FaultCode::TooLarge, "{error}");
        assert!(error.to_string().contains("too long"), "{error}");
        let mut many = Command::new("true");
        many.args(std::iter::repeat_n("x".repeat(100_000), 100));
        let error = many.status().expect_err("they are too long");
        assert_eq!(error.code(), FaultCode::TooLarge, "{error}");
    });
}

fn shell_with(world: &World, word: &str, line: &str) -> String {
    let mut command = world.cosmos();
    command.args(["exec", "--", "sh", "-c", line, "sh", word]);
    run(&mut command, PATIENCE).succeeded().to_owned()
}

#[test]
fn descriptors_of_the_caller_stay_with_it() {
    in_world(|world| {
        let secret = world.directory().join("secret");
        std::fs::write(&secret, "nobody's").expect("written");
        let held = std::fs::File::open(&secret).expect("opened");
        nix::fcntl::fcntl(
            &held,
            nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty()),
        )
        .expect("not close-on-exec");
        for level in ["limits", "landlock+seccomp"] {
            let options = Options::new().isolation(level);
            let mut command = Command::new("sh");
            // What is open, by trying: /proc is not granted.
            let line =
                "n=3; while [ $n -lt 64 ]; do (: <&$n) 2>/dev/null && echo $n; n=$((n+1)); done";
            command.args(["-c", line]).options(&options);
            let captured = command.output(&[], 1000).expect("its end");
            assert_eq!(String::from_utf8_lossy(&captured.stdout), "", "{level}");
            assert_eq!(captured.ended.code, 0, "{captured:?}");
        }
        drop(held);
    });
}

/// A program that is confined runs as one that is not, as far as it keeps to its grants.
#[test]
fn a_script_runs_confined_with_its_interpreter_alone() {
    in_world(|world| {
        let path = world.directory().join("tool");
        let text =
            "#!/usr/bin/env sh\nread word\necho \"$word and $1\"\necho to the other >&2\nexit 9\n";
        let tool = super::write_program(&path, text);
        for level in ["landlock+seccomp", "namespaces"] {
            if !world.offers(level) {
                continue;
            }
            let options = Options::new().isolation(level);
            let program = Program::open(&tool, &options).expect("a program");
            assert_eq!(program.isolation(), level);
            let mut command = program.command();
            command.arg("that").current_dir("/");
            let captured = command.output(b"this\n", 1000).expect("its end");
            assert_eq!(String::from_utf8_lossy(&captured.stdout), "this and that\n");
            assert_eq!(String::from_utf8_lossy(&captured.stderr), "to the other\n");
            assert_eq!(captured.ended.code, 9, "{captured:?}");
            assert_eq!(captured.ended.denials, [], "{level}");
        }
        let elsewhere = ["--isolation=namespaces", "--cwd=/nonexistent", "--", &tool];
        exec(world, &elsewhere).failed(CANNOT_RUN, &["working directory"]);
    });
}

#[test]
fn a_program_that_may_not_be_executed_is_refused_by_name() {
    in_world(|world| {
        let options = Options::new().isolation("landlock+seccomp");
        let vm = cosmos::Vm::open("exec", &options).expect("a VM of programs");
        let error = Program::open("/bin/true", &Options::new().vm(&vm)).expect_err("not granted");
        assert_eq!(error.code(), FaultCode::NotPermitted, "{error}");
        assert!(error.to_string().contains("/bin/true"), "{error}");
        let ran = shell(world, &["--isolation=landlock+seccomp"], "ls /");
        ran.failed(126, &["Permission denied"]);
    });
}

/// Files in memory have no path to judge: one for reading goes nowhere without its seal.
#[test]
fn memory_that_could_be_written_is_no_standard_input() {
    in_world(|_| {
        use nix::sys::memfd::{MFdFlags, memfd_create};
        let memory = memfd_create(c"m", MFdFlags::MFD_CLOEXEC).expect("memory");
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&memory));
        let reader = || std::fs::File::open(&path).expect("opened for reading");
        let run = |options: &Options| {
            let mut command = Command::new("true");
            command
                .options(options)
                .stdin(Stream::File(reader().into()));
            command.status()
        };
        let error = run(&Options::new().isolation("landlock+seccomp")).expect_err("no seal");
        assert_eq!(error.code(), FaultCode::BadArgument, "{error}");
        assert!(error.to_string().contains("F_SEAL_FUTURE_WRITE"), "{error}");
        assert!(run(&Options::new()).expect("its end").success());
    });
}

/// The keepers of a confined VM end what they left, as the others do.
#[test]
fn what_is_confined_ends_with_its_program_too() {
    in_world(|world| {
        for level in ["landlock+seccomp", "namespaces"] {
            if !world.offers(level) {
                continue;
            }
            let granted = [
                "--isolation",
                level,
                "--cwd=/",
                "--programs",
                "--ro=/usr/bin",
                "--ro=/bin",
            ];
            let line = "setsid sleep 1000 </dev/null >/dev/null 2>&1 & (sleep 1001 &); exit 4";
            shell(world, &granted, line).failed(4, &[]);
            let left = || world.processes_named("sleep").is_empty().then_some(());
            assert!(
                eventually(Duration::from_secs(20), left).is_some(),
                "{level}"
            );
            let timed = [&granted[..], &["--timeout", "200ms"]].concat();
            let ran = shell(world, &timed, "sleep 1000 & sleep 1001");
            assert_eq!(ran.code(), LATE, "{level}: {ran:?}");
            assert!(
                eventually(Duration::from_secs(20), left).is_some(),
                "{level}"
            );
        }
    });
}
