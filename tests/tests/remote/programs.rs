//! `cosmos exec` there: streams, codes, signals, as if it ran here.

use super::{PATIENCE, exec, running};
use cosmos_tests::machine::{Machine, THERE};
use cosmos_tests::stream::there_and_back;
use cosmos_tests::{World, eventually, in_world, in_world_for, run};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::Read;
use std::process::Stdio;

/// What no compression and no luck makes of itself.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend(next());
    }
    bytes.truncate(length);
    bytes
}

/// Runs there with a file as its input; standard output and error as bytes, and the code.
fn through(world: &World, input: &[u8], line: &str) -> (Vec<u8>, Vec<u8>, i32) {
    let path = |name: &str| world.directory().join(name);
    fs::write(path("in"), input).expect("the input");
    let mut command = world.cosmos();
    command.args(["exec", "--host", THERE, "--", "sh", "-c", line]);
    let mut child = command
        .stdin(File::open(path("in")).expect("the input"))
        .stdout(File::create(path("out")).expect("the output"))
        .stderr(File::create(path("err")).expect("the other output"))
        .spawn()
        .expect("cosmos");
    let status = eventually(PATIENCE, || child.try_wait().expect("its state"));
    let _ = child.kill();
    let code = status.expect("its end").code().unwrap_or(-1);
    let read = |name: &str| fs::read(path(name)).expect("what it wrote");
    (read("out"), read("err"), code)
}

#[test]
fn megabytes_go_both_ways_unharmed_and_are_there_when_the_command_ends() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let input = noise(5 << 20);
        let (stdout, stderr, code) = through(world, &input, "tee /dev/stderr; exit 7");
        assert_eq!(code, 7);
        assert!(stdout == input, "{} bytes of {}", stdout.len(), input.len());
        assert!(stderr == input, "{} bytes of {}", stderr.len(), input.len());
    });
}

#[test]
fn it_ends_as_the_program_ended() {
    in_world(|world| {
        let Some(machine) = Machine::start(world) else {
            return;
        };
        let shell = |line: &str| exec(world, &["--", "sh", "-c", line]);
        let home = shell("pwd; echo $LANG; exit 3");
        assert_eq!((home.code(), home.stdout.lines().count()), (3, 2));
        let path = shell("echo $PATH").stdout;
        assert!(path.contains("/usr/bin:/bin"), "{path}");
        assert_eq!(shell("kill -SEGV $$").code(), 128 + 11);
        exec(world, &["--timeout", "500ms", "--", "sleep", "1000"]).failed(124, &[]);
        exec(world, &["--", "no-such-program"]).failed(127, &["no-such-program in PATH"]);
        exec(world, &["--", "/no/such/program"]).failed(127, &["/no/such/program"]);
        let note = machine.directory().join("note");
        fs::write(&note, "text").expect("written");
        exec(world, &["--", note.to_str().expect("UTF-8")]).failed(126, &["text"]);
        let directory = exec(
            world,
            &[
                "--cwd",
                "/usr",
                "--env",
                "A=1",
                "--",
                "sh",
                "-c",
                "pwd; echo $A",
            ],
        );
        assert_eq!(directory.succeeded(), "/usr\n1\n");
        exec(world, &["--cwd", "/no/such/place", "--", "pwd"])
            .failed(126, &["its working directory /no/such/place"]);
    });
}

#[test]
fn a_reader_that_goes_away_ends_the_program_and_a_closed_input_is_an_end() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let mut command = world.cosmos();
        command.args(["exec", "--host", THERE, "--", "yes"]);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cosmos");
        let mut stdout = child.stdout.take().expect("its output");
        let mut beginning = [0; 4];
        stdout.read_exact(&mut beginning).expect("the beginning");
        assert_eq!(&beginning, b"y\ny\n");
        drop(stdout);
        let status = eventually(PATIENCE, || child.try_wait().expect("its state"));
        let _ = child.kill();
        assert_eq!(status.and_then(|status| status.code()), Some(128 + 13));
        let (counted, _, code) = through(world, b"", "wc -c");
        assert_eq!((counted.trim_ascii(), code), (&b"0"[..], 0));
    });
}

#[test]
fn signals_reach_the_program_and_ending_the_command_ends_it() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        for (signal, code) in [(Signal::SIGTERM, 9), (Signal::SIGKILL, -1)] {
            let line = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done";
            let mut command = world.cosmos();
            command.args(["exec", "--host", THERE, "--", "sh", "-c", line]);
            let mut child = command
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()
                .expect("cosmos");
            let mut said = [0; 6];
            let stdout = child.stdout.as_mut().expect("its output");
            stdout.read_exact(&mut said).expect("what it says");
            let pid = i32::try_from(child.id()).expect("a process id");
            kill(Pid::from_raw(pid), signal).expect("a signal");
            let status = eventually(PATIENCE, || child.try_wait().expect("its state"));
            assert_eq!(status.expect("its end").code().unwrap_or(-1), code);
            let gone = eventually(PATIENCE, || {
                running(world, &["sh", "sleep", "cosmos-relay", "ssh"])
                    .is_empty()
                    .then_some(())
            });
            let left = || running(world, &["sh", "sleep", "cosmos-relay", "ssh"]);
            assert!(gone.is_some(), "{signal}: {:?}", left());
        }
    });
}

#[test]
fn a_stream_that_nobody_reads_stops_its_program_and_no_other() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let program = cosmos::Program::open("sh", &super::there()).expect("a program");
        let piped = |line: &str| {
            let mut command = program.command();
            command.args(["-c", line]);
            command
                .stdin(cosmos::Stream::Null)
                .stdout(cosmos::Stream::Pipe);
            command.spawn().expect("started")
        };
        let mut stuck = piped("head -c 20000000 /dev/zero; echo end >&2");
        // By the same link, past whatever waits for the other one.
        for _ in 0..3 {
            let other = piped("head -c 3000000 /dev/zero");
            let captured = other.output(4 << 20).expect("its end");
            assert_eq!((captured.stdout.len(), captured.ended.code), (3_000_000, 0));
        }
        let mut stdout = stuck.stdout.take().expect("its output");
        let mut count = 0;
        let mut piece = vec![0; 1 << 16];
        while let Ok(read @ 1..) = stdout.read(&mut piece) {
            count += read;
        }
        assert_eq!(count, 20_000_000);
        assert_eq!(stuck.wait().expect("its end").code, 0);
    });
}

#[test]
fn it_works_by_a_master_connection_too() {
    in_world(|world| {
        let Some(machine) = Machine::start(world) else {
            return;
        };
        let socket = machine.directory().join("m");
        let more = format!(
            " ControlMaster auto\n ControlPath {}\n ControlPersist 60\n",
            socket.display()
        );
        machine.settings("user", &more);
        for _ in 0..2 {
            assert_eq!(exec(world, &["--", "echo", "text"]).succeeded(), "text\n");
        }
        assert!(socket.exists(), "there is no master");
        let mut end = std::process::Command::new(machine.ssh());
        run(end.args(["-O", "exit", "there"]), PATIENCE).succeeded();
    });
}

#[test]
fn what_a_program_is_given_arrives_there() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let file = world.directory().join("variables");
        fs::write(&file, "# of a test\nFROM_FILE=a b\nSECRET\n").expect("written");
        let file = file.to_str().expect("UTF-8");
        let line = "printf '%s|' \"$@\"; umask; echo $FROM_FILE$SECRET$GIVEN$HIDDEN; exit 5";
        let mut command = world.cosmos();
        command.args(["exec", "--host", THERE, "--umask", "027"]);
        command.args(["--env-file", file, "-e", "GIVEN=1=2", "-e", "NOBODY"]);
        command.args([
            "--",
            "sh",
            "-c",
            line,
            "sh",
            "",
            "two words",
            "new\nline",
            "-t",
            "$0",
        ]);
        command.env("SECRET", "s").env("HIDDEN", "h");
        let ran = run(&mut command, PATIENCE);
        assert_eq!(ran.stdout, "|two words|new\nline|-t|$0|0027\na bs1=2\n");
        assert_eq!((ran.code(), ran.stderr.as_str()), (5, ""));

        let json = |options: &[&str], line: &str| -> (i32, serde_json::Value) {
            let mut arguments = vec!["--json"];
            arguments.extend(options);
            arguments.extend(["--", "sh", "-c", line]);
            let ran = exec(world, &arguments);
            (ran.code(), serde_json::from_str(&ran.stdout).expect("JSON"))
        };
        let (code, told) = json(&[], "echo out; echo err >&2; exit 137");
        assert_eq!((code, &told["exit"]), (137, &137.into()));
        assert_eq!(
            (&told["stdout"], &told["stderr"]),
            (&"out\n".into(), &"err\n".into())
        );
        let (code, told) = json(&[], "printf '\\377'; kill -KILL $$");
        assert_eq!((code, &told["signal"]), (137, &9.into()));
        assert_eq!(told["stdout"]["bytes"], "ff");
        let flood = "head -c 5000000 /dev/zero | tr '\\0' x; exit 3";
        let (code, told) = json(&["--capture", "10"], flood);
        assert_eq!((code, &told["truncated"]), (3, &true.into()));
        assert_eq!(told["stdout"], "xxxxxxxxxx");
        let (code, told) = json(&["--timeout", "0.5s"], "sleep 100");
        assert_eq!((code, &told["timed_out"]), (124, &true.into()));
    });
}

#[test]
fn two_hundred_megabytes_pass_one_stream_while_others_are_stuck() {
    in_world_for(2 * PATIENCE, |world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let program = cosmos::Program::open("sh", &super::there()).expect("a program");
        let piped = |line: &str| {
            let mut command = program.command();
            command.args(["-c", line]);
            let piped = || cosmos::Stream::Pipe;
            command.stdin(piped()).stdout(piped());
            command.spawn().expect("started")
        };
        // Nobody reads what they write, and they read nothing.
        let mut stuck: Vec<_> = (0..20)
            .map(|_| piped("head -c 3000000 /dev/zero; sleep 1000"))
            .collect();
        for running in &mut stuck {
            let mut input = running.stdin.take().expect("its input");
            std::thread::spawn(move || std::io::Write::write_all(&mut input, &[0; 4 << 20]));
        }
        let mut passing = piped("cat");
        let ends = passing.stdin.take().zip(passing.stdout.take());
        let (input, output) = ends.expect("its streams");
        there_and_back(input, output, 200_000_000).expect("every byte");
        assert_eq!(passing.wait().expect("its end").code, 0);
        drop(stuck);
        let left = || world.processes_named("sleep");
        drop(program);
        let gone = eventually(PATIENCE, || left().is_empty().then_some(()));
        assert!(gone.is_some(), "{:?}", left());
    });
}
