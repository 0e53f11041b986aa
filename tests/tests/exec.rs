//! Programs of ZeroVM in VMs: `cosmos exec`, from the assembler to the exit code.

use cosmos::FaultCode;
use cosmos_tests::{Ran, World, eventually, in_world, repository, run};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
const CANNOT_RUN: i32 = 126;

/// Programs, and a directory that a session may look into whoever runs the tests: root becomes
/// nobody.
struct Guests(tempfile::TempDir);

impl Guests {
    fn new() -> Guests {
        let directory = tempfile::tempdir().expect("a directory");
        let everybody = fs::Permissions::from_mode(0o777);
        fs::set_permissions(directory.path(), everybody).expect("its mode");
        Guests(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The guest `name` of ZeroVM's own tests, with its source changed.
    fn changed(&self, name: &str, change: impl FnOnce(String) -> String) -> PathBuf {
        let sources = repository().join("vms/zerovm/guests");
        let text = fs::read_to_string(sources.join(format!("{name}.s"))).expect("a source");
        let (source, object) = (self.path("source.s"), self.path("object.o"));
        fs::write(&source, change(text)).expect("written");
        let nexe = self.path(&format!("{name}.nexe"));
        let mut assembler = Command::new("as");
        assembler.arg("--64").arg("-I").arg(&sources);
        run(assembler.arg("-o").args([&object, &source]), PATIENCE).succeeded();
        let mut linker = Command::new("ld");
        linker.arg("-n").arg("-T").arg(sources.join("nexe.ld"));
        run(linker.arg("-o").args([&nexe, &object]), PATIENCE).succeeded();
        nexe
    }

    fn guest(&self, name: &str) -> PathBuf {
        self.changed(name, |text| text)
    }

    /// `hello`, with this code at its exit.
    fn hello(&self, code: &str) -> PathBuf {
        self.changed("hello", |text| {
            let changed = text.replace("EXIT, 0, 0", &format!("EXIT, 0, {code}"));
            assert!(changed.contains(code), "{changed}");
            changed
        })
    }

    /// A manifest whose first channel is `input`, with this timeout and whatever follows.
    fn manifest(&self, input: &str, timeout: u32, more: &str) -> PathBuf {
        let path = self.path("manifest");
        let text = format!(
            "Version = 20130611\nProgram = of the command line\nMemory = 67108864, 0\n\
             Timeout = {timeout}\n\
             Channel = {input}, /dev/stdin, 0, 0, 99, 9999, 0, 0\n\
             Channel = /dev/stdout, /dev/stdout, 0, 0, 0, 0, 99, 9999\n\
             Channel = /dev/stderr, /dev/stderr, 0, 0, 0, 0, 99, 9999\n{more}"
        );
        fs::write(&path, text).expect("written");
        path
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn exec(world: &World, arguments: &[&str]) -> Ran {
    run(world.cosmos().arg("exec").args(arguments), PATIENCE)
}

#[test]
fn a_program_writes_to_the_streams_and_gives_its_code() {
    in_world(|world| {
        let guests = Guests::new();
        let ran = exec(world, &[text(&guests.hello("0"))]);
        assert_eq!(ran.succeeded(), "hello from an untrusted program\n");
        assert_eq!(ran.stderr, "and the same on the other stream\n");
        // The low eight bits.
        for (code, seen) in [("7", 7), ("0x12a", 0x2a), ("-1", 255)] {
            let ran = exec(world, &[text(&guests.hello(code))]);
            ran.failed(seen, &["the same on the other stream"]);
        }
        // An end of another kind is no code.
        let halted = guests.changed("hello", |text| {
            let changed = text.replace("start:  trap_with write_out", "start:  hlt");
            assert!(changed.contains("start:  hlt"), "{changed}");
            changed
        });
        exec(world, &[text(&halted)]).failed(125, &["error:", "hello.nexe", "Signal 11"]);

        guests.hello("-1");
        let mut command = world.cosmos();
        command
            .args(["exec", "./hello.nexe"])
            .current_dir(&guests.0);
        run(&mut command, PATIENCE).failed(255, &["the same"]);
    });
}

#[test]
fn input_comes_from_pipes_and_from_where_files_are() {
    in_world(|world| {
        let guests = Guests::new();
        let copy = guests.guest("copy");
        let bytes: Vec<u8> = (0..1u32 << 18).flat_map(u32::to_le_bytes).collect();
        let mut command = world.cosmos();
        command.arg("exec").arg(&copy);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("cosmos");
        let mut input = child.stdin.take().expect("a pipe");
        let given = bytes.clone();
        let writer = std::thread::spawn(move || input.write_all(&given));
        let output = child.wait_with_output().expect("its end");
        writer.join().expect("the writer").expect("written");
        assert!(output.status.success(), "{output:?}");
        assert!(output.stdout == bytes, "{} bytes", output.stdout.len());

        // A file is read on from where it is, and one that is appended to keeps what it has.
        let (from, to) = (world.directory().join("from"), world.directory().join("to"));
        fs::write(&from, "skipped, and read").expect("written");
        fs::write(&to, "before, ").expect("written");
        let mut file = File::open(&from).expect("the file");
        file.read_exact(&mut [0; 9]).expect("the first bytes");
        let appended = OpenOptions::new().append(true).open(&to).expect("the file");
        let status = world
            .cosmos()
            .arg("exec")
            .arg(&copy)
            .stdin(file)
            .stdout(appended)
            .status();
        assert!(status.expect("cosmos").success());
        let read = fs::read_to_string(&to).expect("the file");
        assert_eq!(read, "before, and read");
    });
}

#[test]
fn a_manifest_says_what_there_is() {
    in_world(|world| {
        let guests = Guests::new();
        let copy = guests.guest("copy");
        let input = guests.path("input");
        fs::write(&input, "by a manifest").expect("written");
        let manifest = guests.manifest(text(&input), 10, "");
        let ran = exec(world, &["--manifest", text(&manifest), "--", text(&copy)]);
        assert_eq!(ran.succeeded(), "by a manifest");

        let missing = guests.manifest(text(&guests.path("missing")), 10, "");
        let ran = exec(world, &["--manifest", text(&missing), text(&copy)]);
        ran.failed(125, &["error:", "/dev/stdin", "missing"]);
        let daemon = guests.manifest("/dev/null", 10, "Job = /nonexistent/job\n");
        let ran = exec(world, &["--manifest", text(&daemon), text(&copy)]);
        ran.failed(CANNOT_RUN, &["Job", "daemon"]);
        fs::write(&manifest, "Version = 1\n").expect("written");
        let ran = exec(world, &["--manifest", text(&manifest), text(&copy)]);
        ran.failed(CANNOT_RUN, &["manifest", "version"]);
    });
}

/// What a manifest names is reached as far as it was granted; a guest reaches nothing anyway.
#[test]
fn confined_it_has_its_streams_and_the_channels_that_were_granted() {
    in_world(|world| {
        let level = "landlock+seccomp";
        if !world.offers(level) {
            return;
        }
        let guests = Guests::new();
        let confined = ["--isolation", level];
        let run = |more: &[&str]| exec(world, &[&confined[..], more].concat());
        let ran = run(&["--", text(&guests.hello("7"))]);
        assert_eq!(
            (ran.code(), ran.stdout.as_str()),
            (7, "hello from an untrusted program\n")
        );

        let copy = guests.guest("copy");
        let input = guests.path("input");
        fs::write(&input, "granted").expect("written");
        let manifest = guests.manifest(text(&input), 10, "");
        let manifest = ["--manifest", text(&manifest)];
        let ran = run(&[&manifest[..], &["--", text(&copy)]].concat());
        ran.failed(125, &["error:", "/dev/stdin"]);
        let granted = ["--ro", text(&input)];
        let ran = run(&[&granted[..], &manifest, &["--", text(&copy)]].concat());
        assert_eq!(ran.succeeded(), "granted");
        let ran = exec(world, &["--isolation", "namespaces", "--", text(&copy)]);
        ran.failed(CANNOT_RUN, &["a zerovm VM has at most landlock+seccomp"]);
    });
}

/// By its VM: the end is an answer, and nothing of it is left.
#[test]
fn the_time_that_a_caller_gives_ends_the_session() {
    in_world(|world| {
        let guests = Guests::new();
        let options = cosmos::Options::new().timeout(Duration::from_secs(2));
        let program = cosmos::Program::open(guests.guest("copy"), &options).expect("a program");
        let mut command = program.command();
        // Open, and nothing comes.
        let (reader, _writer) = std::io::pipe().expect("a pipe");
        command.stdin(cosmos::Stream::File(reader.into()));
        command
            .stdout(cosmos::Stream::Null)
            .stderr(cosmos::Stream::Null);
        let ended = command.status().expect("an answer");
        assert!(ended.timed_out && ended.shell_code() == 124, "{ended:?}");
        let left = || (world.processes_named("cosmos-zerovm").len() == 1).then_some(());
        let gone = eventually(PATIENCE, left);
        assert!(gone.is_some(), "{:?}", world.processes());
    });
}

#[test]
fn a_report_says_what_was_used_and_how_it_ended() {
    in_world(|world| {
        let guests = Guests::new();
        let report = guests.path("report");
        let ran = exec(
            world,
            &["--report", text(&report), text(&guests.hello("7"))],
        );
        assert_eq!(ran.code(), 7);
        let told = fs::read_to_string(&report).expect("a report");
        let lines: Vec<&str> = told.split('\n').collect();
        assert_eq!(lines[..4], ["0", "0", "7", "disable"], "{told}");
        assert_eq!(lines[4].split(' ').nth(4), Some("2"), "{told}");
        assert_eq!(lines[5..], ["ok", "", ""], "{told}");

        // It is there for a program that came to no exit, too.
        let missing = guests.manifest(text(&guests.path("missing")), 10, "");
        let copy = guests.guest("copy");
        let mut arguments = vec!["--manifest", text(&missing), "--report", text(&report)];
        arguments.push(text(&copy));
        exec(world, &arguments).failed(125, &["missing"]);
        let told = fs::read_to_string(&report).expect("a report");
        assert!(
            told.contains("missing") && told.starts_with("0\n0\n0\n"),
            "{told}"
        );
    });
}

#[test]
fn a_program_whose_time_is_over_ends() {
    in_world(|world| {
        let guests = Guests::new();
        let manifest = guests.manifest("/dev/stdin", 1, "");
        let mut command = world.cosmos();
        command.args(["exec", "--manifest", text(&manifest)]);
        command.arg(guests.guest("copy"));
        command.stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("cosmos");
        // Open, and nothing comes.
        let input = child.stdin.take();
        let output = child.wait_with_output().expect("its end");
        drop(input);
        assert_eq!(output.status.code(), Some(124), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("session timeout"), "{said}");
    });
}

#[test]
fn what_cannot_run_is_refused_by_name() {
    in_world(|world| {
        let guests = Guests::new();
        let missing = guests.path("missing.nexe");
        exec(world, &[text(&missing)]).failed(127, &["error:", "missing.nexe"]);
        let script = guests.path("script");
        fs::write(&script, "#!/bin/sh\necho no\n").expect("written");
        exec(world, &[text(&script)]).failed(CANNOT_RUN, &["error:", "not executable"]);
        let library = cosmos_tests::built().join("libcosmos.so");
        exec(world, &[text(&library)]).failed(CANNOT_RUN, &["error:", "functions, not programs"]);
        assert_eq!(world.processes_named("cosmos-zerovm").len(), 0);

        let hello = guests.hello("0");
        let ran = exec(world, &[text(&hello), "argument"]);
        ran.failed(CANNOT_RUN, &["no arguments"]);

        // One instruction more, and the guest would be in the kernel.
        let mut bytes = fs::read(&hello).expect("the program");
        let filling = bytes.windows(3).position(|part| part == [0x90; 3]);
        let at = filling.expect("NOPs before a call");
        bytes[at..at + 2].copy_from_slice(&[0x0f, 0x05]);
        let changed = guests.path("changed.nexe");
        fs::write(&changed, bytes).expect("written");
        let ran = exec(world, &[text(&changed)]);
        ran.failed(CANNOT_RUN, &["changed.nexe", "validator refuses"]);
        assert_eq!(ran.stdout, "");
    });
}

/// The bytes of the header that say so, as `zcc --dialect fast` writes them.
const FAST: [u8; 2] = [123, 8];

#[test]
fn a_program_of_dialect_fast_runs_and_another_that_says_to_be_one_does_not() {
    in_world(|world| {
        let guests = Guests::new();
        let mark = |nexe: &Path, mark: [u8; 2]| {
            let mut bytes = fs::read(nexe).expect("the program");
            bytes[7..9].copy_from_slice(&mark);
            let marked = guests.path("marked.nexe");
            fs::write(&marked, bytes).expect("written");
            marked
        };
        let segment = mark(&guests.guest("segment"), FAST);
        let ran = world.run_cosmos(&["which", text(&segment)]);
        assert!(ran.succeeded().contains("-> zerovm on local"), "{ran:?}");
        // Memory from gs, returns, code that is made; and an address behind the space.
        for (order, code) in [("a", 77), ("u", 77), ("j", 77), ("e", 125)] {
            let mut command = world.cosmos();
            command.arg("exec").arg(&segment);
            command.stdin(Stdio::piped()).stdout(Stdio::null());
            let mut child = command.stderr(Stdio::null()).spawn().expect("cosmos");
            let mut input = child.stdin.take().expect("a pipe");
            input.write_all(order.as_bytes()).expect("it is read");
            drop(input);
            let ended = child.wait().expect("its end");
            assert_eq!(ended.code(), Some(code), "{order}");
        }
        // The same code without the mark.
        let ran = exec(world, &[text(&guests.guest("segment"))]);
        ran.failed(CANNOT_RUN, &["segment.nexe", "validator refuses"]);
        // And code that only the other dialect has.
        let copies = guests.changed("hello", |text| {
            text.replace("start:  ", "start:  mov %rbp, %rsp\n        ")
        });
        let ran = exec(world, &[text(&mark(&copies, FAST))]);
        ran.failed(CANNOT_RUN, &["marked.nexe", "rsp is written"]);
        exec(world, &[text(&mark(&copies, [123, 7]))]).succeeded();
    });
}

#[test]
fn functions_of_a_nexe_are_not_called_yet() {
    in_world(|world| {
        let guests = Guests::new();
        let hello = guests.hello("0");
        let ran = world.run_cosmos(&["which", text(&hello)]);
        assert!(ran.succeeded().contains("-> zerovm on local"), "{ran:?}");
        let library = cosmos::dlopen(text(&hello)).expect("it is opened");
        assert_eq!(library.kind(), "zerovm");
        let error = library.function("int start(void)").expect_err("not yet");
        assert_eq!(error.code(), FaultCode::Unsupported, "{error}");
        assert!(error.to_string().contains("yet"), "{error}");
        library.close().expect("closed");
    });
}

#[test]
fn a_program_ends_with_its_reader_and_with_its_client() {
    in_world(|world| {
        let guests = Guests::new();
        let copy = guests.guest("copy");
        let begin = || {
            let mut command = world.cosmos();
            command.arg("exec").arg(&copy).stdout(Stdio::piped());
            command.stdin(File::open("/dev/zero").expect("zeroes"));
            let mut child = command.spawn().expect("cosmos");
            let mut output = child.stdout.take().expect("a pipe");
            output.read_exact(&mut [0; 100]).expect("it runs");
            (child, output)
        };
        let all_gone = || {
            let gone = eventually(PATIENCE, || {
                world
                    .processes_named("cosmos-zerovm")
                    .is_empty()
                    .then_some(())
            });
            assert!(gone.is_some(), "{:?}", world.processes());
        };

        let (mut child, output) = begin();
        drop(output);
        assert!(child.wait().expect("its end").success());
        all_gone();

        let (mut child, output) = begin();
        assert!(world.processes_named("cosmos-zerovm").len() >= 3);
        child.kill().expect("it runs");
        child.wait().expect("the child");
        all_gone();
        drop(output);
    });
}
