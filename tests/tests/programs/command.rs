//! `cosmos exec` of programs of this machine: as if they ran here.

use super::{CANNOT_RUN, LATE, NOT_FOUND, PATIENCE, exec, shell, write_program};
use cosmos_tests::{eventually, in_world, run};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::Stdio;
use std::time::Duration;

/// Of wrong options: 2 may be a program's own.
const COSMOS: i32 = 125;

#[test]
fn the_exit_code_is_the_programs() {
    in_world(|world| {
        for code in [0, 1, 42, 124, 127, 255] {
            let ran = shell(world, &[], &format!("exit {code}"));
            assert_eq!((ran.code(), ran.stderr.as_str()), (code, ""), "{ran:?}");
        }
        for (signal, number) in [("KILL", 9), ("TERM", 15), ("SEGV", 11), ("RTMIN", 34)] {
            let ran = shell(world, &[], &format!("kill -{signal} $$"));
            assert_eq!(ran.code(), 128 + number, "{ran:?}");
        }
    });
}

#[test]
fn what_cannot_run_and_what_is_not_there_are_told_apart() {
    in_world(|world| {
        let directory = world.directory();
        let failed = |arguments: &[&str], code, words: &[&str]| {
            exec(world, arguments).failed(code, words);
        };
        failed(
            &["--", "no-such-program"],
            NOT_FOUND,
            &["no-such-program", "PATH"],
        );
        failed(
            &["--", "/no/such/program"],
            NOT_FOUND,
            &["/no/such/program"],
        );
        failed(&["--", ""], NOT_FOUND, &["empty"]);
        failed(&["--", "/etc"], CANNOT_RUN, &["/etc", "directory"]);
        let text = write_program(&directory.join("text"), "no program\n");
        failed(&["--", &text], CANNOT_RUN, &["text"]);
        let lost = write_program(&directory.join("lost"), "#!/no/such/interpreter\n");
        failed(&["--", &lost], CANNOT_RUN, &["/no/such/interpreter"]);
        let damaged = write_program(&directory.join("damaged"), "\x7fELF\x02\x01\x01");
        failed(&["--", &damaged], CANNOT_RUN, &["damaged"]);
        failed(
            &["-C", "/no/such/place", "--", "true"],
            CANNOT_RUN,
            &["directory"],
        );
        let wrong = exec(world, &["--umask", "9", "--", "true"]);
        wrong.failed(COSMOS, &["octal"]);
        exec(world, &["--timeout", "1x", "--", "true"]).failed(COSMOS, &["ms, s, m"]);
        exec(world, &["--env", "=1", "--", "true"]).failed(COSMOS, &["name"]);
        // A VM that was started for one of them ends with the command.
        let left = || world.processes_named("cosmos-exec");
        let gone = eventually(PATIENCE, || left().is_empty().then_some(()));
        assert!(gone.is_some(), "{:?}", left());
    });
}

#[test]
fn a_script_runs_by_its_interpreter() {
    in_world(|world| {
        let script = write_program(
            &world.directory().join("a script"),
            "#!/bin/sh -u\necho \"$0|$1|$#\"\n",
        );
        let ran = exec(world, &["--", &script, "one two", "3"]);
        assert_eq!(ran.succeeded(), format!("{script}|one two|2\n"));
        let shown = world.run_cosmos(&["which", &script, "--explain"]);
        assert!(
            shown.succeeded().contains("exec on local: chosen"),
            "{shown:?}"
        );
        assert!(shown.stdout.contains("script for /bin/sh"), "{shown:?}");
    });
}

#[test]
fn the_environment_is_clean_but_for_what_was_given() {
    in_world(|world| {
        let file = world.directory().join("variables");
        fs::write(&file, "# of a test\nFROM_FILE=a b\nSECRET\nTWICE=file\n").expect("written");
        let mut command = world.cosmos();
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("SECRET", "s")
            .env("HIDDEN", "h");
        for name in [
            "COSMOS_SOCKET_DIRECTORY",
            "COSMOS_LIBEXEC_DIRECTORY",
            "HOME",
        ] {
            command.env(name, std::env::var_os(name).expect("of this world"));
        }
        command.args(["exec", "--", "env"]);
        assert_eq!(
            run(&mut command, PATIENCE).succeeded(),
            "PATH=/usr/bin:/bin\n"
        );
        let program = command.get_program().to_owned();
        let mut given = std::process::Command::new(program);
        given.args(["exec", "--env-file"]).arg(&file);
        given.args(["--env", "TWICE=option", "-e", "GIVEN=1=2", "-e", "EMPTY="]);
        given.args(["-e", "HIDDEN", "-e", "NOBODY_HAS_THIS", "--", "env"]);
        given.env_clear();
        given.envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        let ran = run(&mut given, PATIENCE);
        let mut seen: Vec<&str> = ran.succeeded().lines().collect();
        seen.sort_unstable();
        let mut expected = [
            "EMPTY=",
            "FROM_FILE=a b",
            "GIVEN=1=2",
            "HIDDEN=h",
            "PATH=/usr/bin:/bin",
            "SECRET=s",
            "TWICE=option",
        ];
        expected.sort_unstable();
        assert_eq!(seen, expected);
    });
}

#[test]
fn directory_mask_and_arguments_are_what_was_asked_for() {
    in_world(|world| {
        let own = fs::canonicalize(world.directory()).expect("the directory");
        let ran = shell(world, &[], "pwd -P; umask");
        let expected = format!("{}\n", own.display());
        assert!(ran.succeeded().starts_with(&expected), "{ran:?}");
        let ran = shell(world, &["-C", "/usr", "--umask", "027"], "pwd; umask");
        assert_eq!(ran.succeeded(), "/usr\n0027\n");
        fs::create_dir(world.directory().join("below")).expect("a directory");
        let ran = shell(world, &["--cwd", "below"], "pwd -P");
        assert_eq!(
            ran.succeeded(),
            format!("{}\n", own.join("below").display())
        );
        let ran = exec(
            world,
            &["--", "printf", "[%s]", "", "a b", "--json", "\u{e4}", "-t"],
        );
        assert_eq!(ran.succeeded(), "[][a b][--json][\u{e4}][-t]");
    });
}

#[test]
fn streams_pass_whole_and_end_where_they_end() {
    in_world(|world| {
        let mut command = world.cosmos();
        command.args(["exec", "--", "sh", "-c", "cat; echo done >&2"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("cosmos");
        let mut input = child.stdin.take().expect("a pipe");
        let sent: Vec<u8> = (0..3_000_001u32)
            .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        let copy = sent.clone();
        let writer = std::thread::spawn(move || input.write_all(&copy));
        let output = child.wait_with_output().expect("its end");
        writer
            .join()
            .expect("the writer")
            .expect("all of it was taken");
        assert!(output.status.success(), "{:?}", output.status);
        assert!(
            output.stdout == sent,
            "{} of {} bytes",
            output.stdout.len(),
            sent.len()
        );
        assert_eq!(output.stderr, b"done\n");

        // A file is the program's own, with its position.
        let path = world.directory().join("file");
        fs::write(&path, "first\nsecond\n").expect("written");
        let mut file = File::open(&path).expect("a file");
        let mut command = world.cosmos();
        command.args(["exec", "--", "head", "-c", "6"]);
        command
            .stdin(file.try_clone().expect("again"))
            .stdout(Stdio::piped());
        let output = command
            .spawn()
            .and_then(std::process::Child::wait_with_output);
        assert_eq!(output.expect("its end").stdout, b"first\n");
        let mut rest = String::new();
        file.read_to_string(&mut rest).expect("the rest");
        assert_eq!(rest, "second\n");
    });
}

#[test]
fn a_closed_stream_is_closed_for_the_program_too() {
    in_world(|world| {
        let cosmos = world.cosmos();
        let cosmos = cosmos.get_program().to_str().expect("UTF-8");
        let closed = |redirection: &str, program: &str| {
            let line = format!("{cosmos} exec -- {program} {redirection}");
            run(
                std::process::Command::new("sh").args(["-c", &line]),
                PATIENCE,
            )
        };
        let ran = closed("</dev/null", "wc -c");
        assert_eq!(ran.succeeded().trim(), "0");
        // As it says here of an input that is none.
        let ran = closed("<&-", "wc -c");
        ran.failed(1, &["Bad file descriptor"]);
        // The reader goes: the program ends by SIGPIPE, as it would here.
        let ran = closed("| head -c 5; echo", "yes");
        assert_eq!(ran.succeeded(), "y\ny\ny\n");
        // It closes its own output and lives on.
        let ran = closed("", "sh -c 'exec 1>&- 2>&-; sleep 0.1; exit 9'");
        ran.failed(9, &[]);
        // It never reads what it is given.
        let line = format!("head -c 1000000 /dev/zero | {cosmos} exec -- true; echo $?");
        let ran = run(
            std::process::Command::new("sh").args(["-c", &line]),
            PATIENCE,
        );
        assert_eq!(ran.succeeded(), "0\n");
    });
}

#[test]
fn a_program_whose_time_is_over_ends_with_all_that_it_started() {
    in_world(|world| {
        let daemons = "sleep 1000 & setsid sleep 1001 & (setsid sh -c 'trap \"\" TERM HUP; sleep 1002; sleep 1003' &) ; \
                       trap '' TERM; sleep 1004; sleep 1005";
        let ran = shell(world, &["--timeout", "500"], daemons);
        assert_eq!((ran.code(), ran.stderr.as_str()), (LATE, ""), "{ran:?}");
        assert!(
            world.processes_named("sleep").is_empty(),
            "{:?}",
            world.processes()
        );
    });
}

#[test]
fn what_a_program_leaves_behind_ends_with_it() {
    in_world(|world| {
        let ran = shell(
            world,
            &[],
            "setsid sleep 1000 </dev/null >/dev/null 2>&1 & (sleep 1001 &); exit 4",
        );
        ran.failed(4, &[]);
        assert!(
            world.processes_named("sleep").is_empty(),
            "{:?}",
            world.processes()
        );
    });
}

#[test]
fn nothing_outlives_the_client_the_vm_or_the_keeper() {
    in_world(|world| {
        // The launcher that is killed is to be the VM's.
        world.configure("spare_launcher = false\n");
        let begin = || {
            let mut command = world.cosmos();
            let line = "setsid sleep 1000 & (sleep 1001 &) ; trap '' TERM HUP INT; echo ready; sleep 1002; sleep 1003";
            command
                .args(["exec", "--", "sh", "-c", line])
                .stdout(Stdio::piped());
            let mut child = command.spawn().expect("cosmos");
            let mut output = child.stdout.take().expect("a pipe");
            output.read_exact(&mut [0; 6]).expect("it runs");
            (child, output)
        };
        let assert_gone = |what: &str| {
            let gone = eventually(Duration::from_secs(20), || {
                let left = ["sleep", "cosmos-exec", "cosmos-keeper"]
                    .map(|name| world.processes_named(name));
                left.iter().all(Vec::is_empty).then_some(())
            });
            assert!(gone.is_some(), "{what} was killed: {:?}", world.processes());
        };
        let kill = |pid: i32| {
            nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(pid),
                nix::sys::signal::Signal::SIGKILL,
            )
        };

        let (mut child, _output) = begin();
        child.kill().expect("it runs");
        child.wait().expect("its end");
        assert_gone("the client");

        for (name, what) in [
            ("cosmos-exec", "the VM"),
            ("cosmos-keeper", "the keeper"),
            ("cosmos-launch", "the launcher"),
        ] {
            let (mut child, _output) = begin();
            let process = world.processes_named(name).pop();
            kill(process.expect("it runs").pid).expect("it runs");
            assert_eq!(child.wait().expect("its end").code(), Some(125), "{what}");
            assert_gone(what);
        }
    });
}

#[test]
fn json_tells_exit_and_signal_apart() {
    in_world(|world| {
        let json = |options: &[&str], line: &str| {
            let mut arguments = vec!["--json"];
            arguments.extend(options);
            let ran = shell(world, &arguments, line);
            let value: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
            (ran.code(), value)
        };
        let (code, value) = json(&[], "echo out; echo err >&2; exit 137");
        assert_eq!(
            (code, &value["exit"], &value["signal"]),
            (137, &137.into(), &serde_json::Value::Null)
        );
        assert_eq!(
            (&value["stdout"], &value["stderr"]),
            (&"out\n".into(), &"err\n".into())
        );
        assert_eq!(
            (&value["truncated"], &value["timed_out"]),
            (&false.into(), &false.into())
        );
        let (code, value) = json(&[], "printf '\\377'; kill -KILL $$");
        assert_eq!(
            (code, &value["exit"], &value["signal"]),
            (137, &serde_json::Value::Null, &9.into())
        );
        assert_eq!(value["stdout"]["bytes"], "ff");
        let (code, value) = json(&["--timeout", "0.2s"], "sleep 100");
        assert_eq!((code, &value["timed_out"]), (LATE, &true.into()));
        // More than is kept is dropped, not waited for.
        let (code, value) = json(
            &["--capture", "10"],
            "head -c 5000000 /dev/zero | tr '\\0' x; exit 3",
        );
        assert_eq!((code, &value["truncated"]), (3, &true.into()));
        assert_eq!(value["stdout"], "xxxxxxxxxx");
        let ran = exec(world, &["--json", "--", "/no/such/program"]);
        assert_eq!(ran.code(), NOT_FOUND);
        assert!(ran.stdout.contains("NoSuchTarget"), "{ran:?}");
    });
}
