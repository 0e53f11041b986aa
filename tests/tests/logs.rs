//! What VMs write is kept, shown harmless, bounded, and outlives the VM.

use cosmos::{Library, Options, Value};
use cosmos_tests::{Process, Ran, World, c, eventually, in_world};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(40);

const SAY: &str = "int say(const char *__in __sized_by(length) text, int length)";

fn open(world: &World) -> Library {
    let library = c::library("writes.c", world.directory());
    let path = library.to_str().expect("a path");
    cosmos::dlopen_with(path, &Options::new().fresh(true)).expect("the library")
}

fn say(library: &Library, text: &[u8]) {
    let length = i32::try_from(text.len()).expect("a length");
    let function = library.function(SAY).expect("say");
    let outcome = function.call(&[text.into(), length.into()]).expect("say");
    assert_eq!(outcome.result, 0.into());
}

/// Waits until `cosmos logs` with these arguments has this, which it has when cosmosd has read it.
fn logs(world: &World, arguments: &[&str], expected: &str) -> Ran {
    let mut last = None;
    let found = eventually(PATIENCE, || {
        let ran = world.run_cosmos(&[&["logs"], arguments].concat());
        let is_there = ran.stdout.contains(expected);
        last = Some(format!("{ran:?}"));
        is_there.then_some(ran)
    });
    found.unwrap_or_else(|| panic!("no {expected:?}: {last:?}"))
}

/// What a process has in memory.
fn resident(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid));
    let status = status.expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
    number
        .and_then(|number| number.parse::<u64>().ok())
        .expect("a size")
        << 10
}

/// The texts of lines that begin with a time.
fn texts(shown: &str) -> Vec<&str> {
    let text = |line| {
        let (time, text) = str::split_once(line, ' ').unwrap_or((line, ""));
        let is_time = time.len() == "2023-11-14T22:13:20.042Z".len() && time.ends_with('Z');
        assert!(is_time, "{line:?}");
        text
    };
    shown.lines().map(text).collect()
}

/// A `cosmos logs --follow`, and its lines as they come.
struct Followed {
    child: Child,
    lines: Receiver<String>,
}

impl Followed {
    fn of(world: &World, arguments: &[&str]) -> Followed {
        let mut child = world
            .cosmos()
            .args(["logs", "--follow"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cosmos logs");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Followed { child, lines }
    }

    /// Waits for a line that has this; the lines up to it.
    fn until(&self, expected: &str) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    let is_it = line.contains(expected);
                    seen.push(line);
                    if is_it {
                        return seen;
                    }
                }
                Err(_) => panic!("no {expected:?} among {seen:?}"),
            }
        }
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        // One that ended is reaped all the same.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_a_vm_writes_is_shown_with_times_and_outlives_it() {
    in_world(|world| {
        let library = open(world);
        let vm = library.vm().to_owned();
        say(&library, b"one\ntwo\nthr");
        say(&library, b"ee\nhalf");
        let ran = logs(world, &[&vm], "half");
        assert_eq!(texts(ran.succeeded()), ["one", "two", "three", "half"]);
        let ran = logs(world, &["--lines", "2", &vm], "half");
        assert_eq!(texts(ran.succeeded()), ["three", "half"]);
        let ran = logs(world, &["-n0", &vm], "");
        assert_eq!(ran.succeeded(), "");

        let ran = logs(world, &["--json", &format!("vm/{vm}")], "half");
        let lines: Vec<serde_json::Value> = ran
            .succeeded()
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        assert_eq!(lines[2]["text"], "three");
        assert_eq!(lines[2]["by"], "vm");
        assert_eq!(lines[2]["cut"], false);
        assert_eq!(lines[3]["cut"], true);

        drop(library);
        let ran = logs(world, &[&vm], "[cosmosd: exited with status 0]");
        let ended = texts(ran.succeeded());
        assert_eq!(ended[..4], ["one", "two", "three", "half"]);
        // As nothing is to come, nothing is waited for.
        let ran = logs(world, &["--follow", &vm], "exited");
        assert_eq!(texts(ran.succeeded()), ended);
    });
}

#[test]
fn a_vm_that_nobody_knows_has_no_log() {
    in_world(|world| {
        let ran = world.run_cosmos(&["logs", "hostfn-7"]);
        assert_eq!((ran.code(), &*ran.stdout), (1, ""), "{ran:?}");
        assert!(ran.stderr.contains("no daemon runs"), "{ran:?}");
        let library = open(world);
        let ran = world.run_cosmos(&["logs", "no\x1b[2Jbody"]);
        assert_eq!((ran.code(), &*ran.stdout), (1, ""), "{ran:?}");
        assert!(!ran.stderr.contains('\x1b'), "{ran:?}");
        drop(library);
    });
}

#[test]
fn hostile_output_reaches_no_terminal() {
    in_world(|world| {
        let library = open(world);
        let vm = library.vm().to_owned();
        say(
            &library,
            b"\x1b]0;owned\x07\x1b[2J\xc2\x9b31m\xff\r\x00\n\xe2\x80\xae\xee\nend\n",
        );
        for arguments in [&[&*vm][..], &["--json", &vm]] {
            let shown = logs(world, arguments, "end").stdout;
            let harmful =
                |letter: char| (letter.is_control() && letter != '\n') || letter == '\u{202e}';
            assert!(!shown.contains(harmful), "{shown:?}");
            assert_eq!(shown.lines().count(), 3, "{shown:?}");
        }
    });
}

#[test]
fn a_log_can_be_followed_to_the_end_of_its_vm() {
    in_world(|world| {
        let library = open(world);
        let vm = library.vm().to_owned();
        say(&library, b"before\n");
        logs(world, &[&vm], "before");
        let mut followed = Followed::of(world, &["-n1", &vm]);
        assert_eq!(followed.until("before").len(), 1);
        // Lines are whole, however they are written.
        say(&library, b"fir");
        say(&library, b"st\nsec");
        assert!(followed.until("first")[0].ends_with(" first"));
        say(&library, b"ond\n");
        assert!(followed.until("second")[0].ends_with(" second"));
        say(&library, b"unfinished");
        drop(library);
        let seen = followed.until("[cosmosd: exited");
        assert!(seen[0].ends_with(" unfinished"), "{seen:?}");
        let ended = eventually(PATIENCE, || followed.child.try_wait().expect("its end"));
        assert!(ended.expect("it ended").success());
    });
}

#[test]
fn a_flood_fills_nothing_and_stops_nobody() {
    in_world(|world| {
        let (library, other) = (open(world), open(world));
        let vm = library.vm().to_owned();
        let daemon = || world.only("cosmosd");
        say(&other, b"calm\n");
        let before = resident(&daemon());
        let done = AtomicBool::new(false);
        let rounds = std::thread::scope(|scope| {
            scope.spawn(|| {
                let flood = library
                    .function("long flood(int mebibytes)")
                    .expect("flood");
                let outcome = flood.call(&[96.into()]).expect("flood");
                done.store(true, Ordering::Release);
                assert_eq!(outcome.result, Value::Int(96 << 20));
            });
            // Others are served meanwhile, at least once.
            let mut rounds = 0;
            loop {
                say(&other, b".");
                cosmos::queries::list_vms().expect("cosmosd answers");
                rounds += 1;
                if done.load(Ordering::Acquire) {
                    return rounds;
                }
            }
        });
        let grown = resident(&daemon()).saturating_sub(before);
        assert!(grown < 16 << 20, "{grown} bytes after {rounds} rounds");
        let shown = logs(world, &[&vm], "xxxx").stdout;
        assert!(shown.len() < 256 << 10, "{}", shown.len());
        assert!(logs(world, &[other.vm()], "calm").status.success());
    });
}

#[test]
fn a_cosmosd_that_takes_over_says_what_is_lost_and_goes_on() {
    in_world(|world| {
        let library = open(world);
        let vm = library.vm().to_owned();
        say(&library, b"early\n");
        logs(world, &[&vm], "early");
        let followed = Followed::of(world, &[&vm]);
        followed.until("early");
        let daemon = world.only("cosmosd");
        kill(Pid::from_raw(daemon.pid), Signal::SIGKILL).expect("it can be killed");
        say(&library, b"meanwhile\n");
        // Whoever asks starts another one, which has the VM once its launcher has found it.
        let is_back = || {
            let rows = cosmos::queries::list_vms().ok()?;
            rows.iter().any(|row| row.name == vm).then_some(())
        };
        eventually(PATIENCE, is_back).expect("it is back");
        say(&library, b"late\n");
        let shown = logs(world, &[&vm], "late").stdout;
        let shown = texts(&shown);
        assert!(
            shown[0].starts_with("[cosmosd: cosmosd was started anew"),
            "{shown:?}"
        );
        assert_eq!(shown[1..], ["meanwhile", "late"]);
        let seen = followed.until("late");
        assert!(
            seen.iter().any(|line| line.contains("started anew")),
            "{seen:?}"
        );
        assert!(
            seen.iter().any(|line| line.ends_with(" meanwhile")),
            "{seen:?}"
        );
    });
}

/// Whoever calls a function that prints looks for it at the terminal, and not in the log of a VM.
#[test]
fn what_a_function_prints_is_shown_beside_its_result() {
    in_world(|world| {
        let puts = "int puts(const char *s)";
        for word in ["one", "two"] {
            let ran = world.run_cosmos(&["call", "libc.so.6", puts, word]);
            assert_eq!(ran.succeeded(), "4\n");
            let said = format!(" wrote: {word}\n");
            assert!(ran.stderr.starts_with("note: hostfn-"), "{ran:?}");
            assert!(ran.stderr.ends_with(&said), "{ran:?}");
        }
        // Nothing twice, and nothing that a terminal obeys.
        let lines = world.directory().join("lines");
        let text = "int puts(const char *s);\nint abs(int n);\n\
                    puts first\nabs 1\nputs \"\\033[2J\"\n";
        std::fs::write(&lines, text).expect("a file");
        let lines = lines.to_str().expect("UTF-8");
        let ran = world.run_cosmos(&["session", "libc.so.6", lines]);
        assert_eq!(ran.succeeded(), "6\n1\n5\n");
        let said: Vec<&str> = ran.stderr.lines().collect();
        assert_eq!(said.len(), 2, "{ran:?}");
        assert!(said[0].ends_with(" wrote: first"), "{ran:?}");
        assert!(said[1].ends_with(" wrote: \\u{1b}[2J"), "{ran:?}");
    });
}
