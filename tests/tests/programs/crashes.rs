//! Programs that crash: a report as of a library's VM, and the same codes as without one.

use super::{PATIENCE, exec, shell};
use cosmos::{FaultCode, Options, Program};
use cosmos_tests::{World, c, in_world, run};
use serde_json::Value as Json;
use std::path::PathBuf;

/// Each way to crash: the words of the command line, the signal, the innermost function of the program,
/// and the mark of its line in crash.c.
const WAYS: [(&[&str], i32, &str, &str); 5] = [
    (
        &["crash_null", "2"],
        libc::SIGSEGV,
        "read_through",
        "here: null",
    ),
    (&["crash_stack"], libc::SIGSEGV, "crash_stack", ""),
    (&["crash_abort"], libc::SIGABRT, "crash_abort", ""),
    (
        &["crash_divide", "7"],
        libc::SIGFPE,
        "crash_divide",
        "here: divide",
    ),
    (
        &["crash_thread"],
        libc::SIGSEGV,
        "fatal_thread",
        "here: thread",
    ),
];

fn program(world: &World) -> PathBuf {
    let program = world.directory().join("crashing");
    let flags = ["-O0", "-g", "-rdynamic", "-fno-stack-protector", "-pthread"];
    c::compile("gcc", &flags, "crash_program.c", &program);
    program
}

/// Whether a program can be looked into here.
fn can_look(world: &World) -> bool {
    world.offers("crash reports")
}

fn kept(world: &World, id: &str) -> Json {
    let shown = world.run_cosmos(&["crash", "show", "--json", id]);
    serde_json::from_str(shown.succeeded()).expect("JSON")
}

fn reports(world: &World) -> usize {
    let listed = world.run_cosmos(&["crash", "ls"]);
    listed.succeeded().lines().count() - 1
}

#[test]
fn every_crash_of_a_program_leaves_a_report_with_its_place() {
    in_world(|world| {
        let program = program(world);
        let source = include_str!("../../c/crash.c");
        let looks = can_look(world);
        for (words, signal, innermost, mark) in WAYS {
            let path = program.to_str().expect("a path");
            let ran = exec(world, &[&["--json", "--", path], words].concat());
            assert_eq!(ran.status.code(), Some(128 + signal), "{ran:?}");
            let told: Json = serde_json::from_str(&ran.stdout).expect("JSON");
            assert_eq!(told["signal"], signal, "{told:#}");
            let id = told["crash"]["report"].as_str().expect("a number");
            let report = kept(world, id);
            assert_eq!(report["remains"]["signal"], signal, "{report:#}");
            assert_eq!(report["targets"][0], path, "{report:#}");
            let call = report["calls"][0]["call"].as_str().expect("a call");
            assert_eq!(call, format!("{path} {}", words.join(" ")));
            if !looks {
                assert_ne!(report["remains"]["missing"], "", "{report:#}");
                continue;
            }
            assert_eq!(report["remains"]["missing"], "", "{report:#}");
            let frames = report["remains"]["frames"].as_array().expect("frames");
            let is_own = |frame: &&Json| {
                let module = frame["module"].as_str().expect("a module");
                module.ends_with("/crashing")
            };
            let frame = frames.iter().find(is_own).expect("a frame of the program");
            assert_eq!(frame["function"], innermost, "{report:#}");
            if !mark.is_empty() {
                let line = source.lines().position(|line| line.contains(mark));
                assert_eq!(frame["line"], line.expect(mark) + 1, "{report:#}");
            }
            let shown = told["crash"]["backtrace"].to_string();
            assert!(shown.contains(innermost), "{shown}");
            // What it wrote came here, so its last is known.
            if words[0] == "crash_abort" {
                let stderr = report["stderr"].as_str().expect("text");
                assert!(stderr.contains("the state is"), "{stderr:?}");
            }
        }
        assert_eq!(reports(world), WAYS.len());
    });
}

#[test]
fn the_command_keeps_its_code_and_names_the_report() {
    in_world(|world| {
        let program = program(world);
        let path = program.to_str().expect("a path");
        let ran = exec(world, &["--", path, "crash_null", "0"]);
        assert_eq!(ran.status.code(), Some(139), "{ran:?}");
        let note = "note: it was killed by SIGSEGV";
        assert!(ran.stderr.contains(note), "{ran:?}");
        if can_look(world) {
            let place = " at 0x0 in read_through+";
            assert!(ran.stderr.contains(place), "{ran:?}");
            assert!(ran.stderr.contains("crash.c:"), "{ran:?}");
        }
        let id = ran.stderr.split("cosmos crash show ").nth(1);
        let shown = world.run_cosmos(&["crash", "show", id.expect("a number").trim()]);
        let headline = shown.succeeded().lines().next().expect("a line").to_owned();
        assert!(headline.contains("(crashing, pid "), "{headline}");
        assert!(headline.contains("crash_null 0"), "{headline}");
        // It came and went as it would here, and is no crash.
        for line in ["kill -TERM $$", "kill -KILL $$", "exit 3"] {
            let ran = shell(world, &[], line);
            assert!(!ran.stderr.contains("note:"), "{ran:?}");
        }
        assert_eq!(reports(world), 1);
    });
}

#[test]
fn a_program_is_looked_into_at_every_level() {
    in_world(|world| {
        let program = program(world);
        let looks = can_look(world);
        for level in ["none", "limits", "landlock+seccomp", "namespaces"] {
            if !world.offers(level) {
                continue;
            }
            let opened = Program::open(&program, &Options::new().isolation(level));
            let opened = opened.expect("a program");
            let mut command = opened.command();
            command.args(["crash_null", "1"]).current_dir("/");
            let ended = command.output(&[], 0).expect("its end").ended;
            assert_eq!(ended.signal, libc::SIGSEGV, "{level}: {ended:?}");
            let crash = ended.crash.expect("a report");
            let report = kept(world, &crash.report);
            assert_eq!(report["isolation"], level);
            if looks {
                assert_eq!(crash.address, Some(0), "{level}: {report:#}");
                assert!(
                    crash.backtrace[0].contains("read_through"),
                    "{level}: {report:#}"
                );
            }
            // Its VM and its keeper go on.
            let ended = opened.command().arg("nothing").current_dir("/").status();
            assert_eq!(ended.expect("its end").code, 3);
        }
    });
}

#[test]
fn nobody_looks_where_nobody_is_to_look() {
    in_world(|world| {
        let program = program(world);
        let path = program.to_str().expect("a path");
        let tracer = |options: &[&str]| {
            let words = [options, &["--", "cat", "/proc/self/status"]].concat();
            let ran = exec(world, &words);
            let status = ran.succeeded();
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("TracerPid:"));
            line.expect("a line").trim() != "0"
        };
        assert_eq!(tracer(&[]), can_look(world));
        assert!(!tracer(&["--no-crash-report"]));
        let ran = exec(world, &["--no-crash-report", "--", path, "crash_null"]);
        assert_eq!(ran.status.code(), Some(139), "{ran:?}");
        assert!(!ran.stderr.contains("note:"), "{ran:?}");
        world.run_cosmos(&["stop"]).succeeded();
        let mut command = world.cosmos();
        command.args(["exec", "--", path, "crash_null"]);
        command.env("COSMOS_CRASH_REPORTS", "0");
        let ran = run(&mut command, PATIENCE);
        assert_eq!(ran.status.code(), Some(139), "{ran:?}");
        assert!(!ran.stderr.contains("note:"), "{ran:?}");
        assert!(!tracer(&[]));
        assert_eq!(reports(world), 0);
    });
}

#[test]
fn signals_threads_and_children_of_a_program_stay_its_own() {
    in_world(|world| {
        let program = program(world);
        let path = program.to_str().expect("a path");
        for (words, code) in [
            (["crash_handled", "20"], 20),
            (["many_signals", "100"], 100),
            (["many_threads", "50"], 50),
        ] {
            let ran = exec(world, &["--", path, words[0], words[1]]);
            assert_eq!(ran.status.code(), Some(code), "{ran:?}");
        }
        // A child that crashes is its parent's affair.
        let ran = shell(world, &[], &format!("{path} crash_null; echo $?"));
        assert_eq!(ran.succeeded(), "139\n");
        assert_eq!(reports(world), 0);
        // A program that became another one is that one.
        let ran = shell(world, &[], &format!("exec {path} crash_null"));
        assert_eq!(ran.status.code(), Some(139), "{ran:?}");
        assert_eq!(reports(world), 1);
    });
}

#[test]
fn a_program_that_was_called_as_a_function_and_crashed_leaves_a_report_and_its_error_says_which() {
    in_world(|world| {
        let program = program(world);
        let path = program.to_str().expect("text");
        let tool = cosmos::dlopen(path).expect("a program");
        let read = tool.function("int crash_null(int n)").expect("an entry");
        let error = read.call(&[2.into()]).expect_err("it crashes");
        assert_eq!(error.code(), FaultCode::ProgramDied, "{error}");
        assert_eq!(error.errno(), libc::EOWNERDEAD, "{error}");
        assert!(error.to_string().contains("SIGSEGV"), "{error}");
        assert_eq!(error.signal(), Some(libc::SIGSEGV), "{error}");
        let id = error.crash().expect("a report").to_owned();
        assert!(error.to_string().contains(&id), "{error}");
        let report = kept(world, &id);
        let call = format!("{path} crash-null 2");
        assert_eq!(report["calls"][0]["call"], call.as_str(), "{report:#}");
        assert_eq!(report["targets"][0], path, "{report:#}");
        assert_eq!(report["remains"]["signal"], libc::SIGSEGV);
        if can_look(world) {
            let innermost = error.backtrace().first().expect("its calls");
            assert!(innermost.contains("read_through"), "{innermost}");
        }
        // Its VM goes on, and so does what was resolved in it; each crash has a report of its own.
        let again = read.call(&[2.into()]).expect_err("it crashes again");
        assert_ne!(again.crash(), Some(id.as_str()), "{again}");
        assert_eq!(reports(world), 2);
        let well = tool.function("int main(void)").expect("an entry");
        assert_eq!(well.call(&[]).expect("a call").result, 2.into());
        // From C the value of a failed call comes back, and the number of the report is told.
        let symbol = tool
            .symbol::<extern "C" fn(i32) -> i32>("int crash_null(int n)")
            .expect("an entry");
        assert_eq!(symbol.call(2), -1);
        let last = cosmos::last_error().expect("an error");
        assert!(last.crash().is_some(), "{last}");
        assert_eq!(reports(world), 3);
    });
}
