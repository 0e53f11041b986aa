//! A VM that crashes leaves a report: what, where, in which call; and one that handles its own signals
//! does not notice that somebody would look.

use cosmos::{Error, Library, Options, Value};
use cosmos_tests::{Process, World, c, eventually, in_world};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Each way to crash: prototype, arguments, signal, the innermost function with a name, and the mark of
/// its line in crash.c.
const WAYS: [(&str, &[i32], i32, &str, &str); 6] = [
    (
        "int crash_null(int depth)",
        &[2],
        libc::SIGSEGV,
        "read_through",
        "here: null",
    ),
    (
        "int crash_stack(int depth)",
        &[0],
        libc::SIGSEGV,
        "crash_stack",
        "",
    ),
    (
        "int crash_abort(void)",
        &[],
        libc::SIGABRT,
        "crash_abort",
        "",
    ),
    (
        "int crash_divide(int a, int b)",
        &[7, 0],
        libc::SIGFPE,
        "crash_divide",
        "here: divide",
    ),
    (
        "int crash_thread(void)",
        &[],
        libc::SIGSEGV,
        "fatal_thread",
        "here: thread",
    ),
    ("int crash_jump(void)", &[], libc::SIGSEGV, "crash_jump", ""),
];

/// How long what comes may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

const LEVELS: [&str; 4] = ["none", "limits", "landlock+seccomp", "namespaces"];

fn library(world: &World) -> PathBuf {
    let library = world.directory().join("libcrash.so");
    let flags = ["-shared", "-fPIC", "-O0", "-g", "-fno-stack-protector"];
    c::compile("gcc", &flags, "crash.c", &library);
    library
}

fn open(library: &Path, level: &str) -> Library {
    let options = Options::new().isolation(level).fresh(true);
    cosmos::dlopen_with(library.to_str().expect("a path"), &options).expect("the library")
}

fn crash(opened: &Library, prototype: &str, arguments: &[i32]) -> Error {
    let function = opened.function(prototype).expect(prototype);
    let values: Vec<Value> = arguments.iter().map(|number| (*number).into()).collect();
    function.call(&values).expect_err(prototype)
}

fn list(world: &World) -> String {
    world.run_cosmos(&["crash", "ls"]).succeeded().to_owned()
}

fn report(world: &World, error: &Error) -> Json {
    let id = error.crash().expect("a report");
    let shown = world.run_cosmos(&["crash", "show", "--json", id]);
    serde_json::from_str(shown.succeeded()).expect("JSON")
}

/// Levels that this machine has.
fn levels(world: &World) -> Vec<&'static str> {
    LEVELS
        .into_iter()
        .filter(|level| world.offers(level))
        .collect()
}

/// Whether a VM can be looked into here.
fn can_look(world: &World) -> bool {
    world.offers("crash reports")
}

#[test]
fn every_crash_leaves_a_report_with_its_place() {
    in_world(|world| {
        let library = library(world);
        let source = include_str!("../c/crash.c");
        let looks = can_look(world);
        for (prototype, arguments, signal, innermost, mark) in WAYS {
            let error = crash(&open(&library, "landlock+seccomp"), prototype, arguments);
            assert_eq!(error.signal(), Some(signal), "{error}");
            let report = report(world, &error);
            let remains = &report["remains"];
            assert_eq!(remains["signal"], signal, "{report:#}");
            let call = report["calls"][0]["call"].as_str().expect("a call");
            let name = prototype.split(['(', ' ']).nth(1).expect("a name");
            assert!(call.starts_with(name), "{call}");
            if !looks {
                assert_ne!(remains["missing"], "", "{report:#}");
                continue;
            }
            let frames = remains["frames"].as_array().expect("frames");
            let of_library = frames.iter().find(|frame| {
                let module = frame["module"].as_str().expect("a module");
                module.ends_with("/libcrash.so")
            });
            let frame = of_library.expect("a frame of the library");
            assert_eq!(frame["function"], innermost, "{report:#}");
            let file = frame["file"].as_str().expect("a file");
            assert!(file.ends_with("crash.c"), "{report:#}");
            if !mark.is_empty() {
                let line = source.lines().position(|line| line.contains(mark));
                assert_eq!(frame["line"], line.expect(mark) + 1, "{report:#}");
            }
            let has = |name: &str| {
                remains["registers"]
                    .as_array()
                    .expect("registers")
                    .iter()
                    .any(|register| register[0] == name)
            };
            assert!(has("rip") && has("rsp") && has("r15"), "{report:#}");
            let shown = error.backtrace().join("\n");
            assert!(shown.contains(innermost), "{shown}");
        }
    });
}

#[test]
fn what_a_report_says_of_the_fault_is_true() {
    in_world(|world| {
        if !can_look(world) {
            return;
        }
        let library = library(world);
        let error = crash(&open(&library, "limits"), "int crash_null(int depth)", &[0]);
        let null = report(world, &error);
        assert_eq!(null["remains"]["address"], 0);
        assert_eq!(null["remains"]["code"], 1);
        assert!(
            error.to_string().contains("SIGSEGV at 0x0 in crash_null"),
            "{error}"
        );

        let error = crash(&open(&library, "limits"), "int crash_thread(void)", &[]);
        let thread = report(world, &error);
        assert_eq!(thread["remains"]["address"], 16);
        assert_eq!(thread["remains"]["is_first_thread"], false);

        let error = crash(&open(&library, "limits"), "int crash_abort(void)", &[]);
        let abort = report(world, &error);
        assert_eq!(abort["remains"]["sender"], 0, "itself: {abort:#}");
        let stderr = abort["stderr"].as_str().expect("text");
        assert!(stderr.contains("the state is"), "{stderr:?}");
        assert_eq!(abort["isolation"], "limits");
        assert!(
            abort["limits"]
                .as_array()
                .expect("limits")
                .iter()
                .any(|limit| limit[0] == "limits.open_files")
        );
        let used = abort["remains"]["usage"].as_array().expect("usage");
        assert!(
            used.iter()
                .any(|row| row[0] == "threads" && row[1].as_u64() >= Some(2))
        );
        // What it wrote does not reach a terminal as it is.
        let shown = world.run_cosmos(&["crash", "show", error.crash().expect("a report")]);
        let shown = shown.succeeded();
        assert!(
            shown.contains("the state is") && !shown.contains('\u{1b}'),
            "{shown}"
        );
        let listed = list(world);
        assert_eq!(listed.lines().count(), 4, "{listed}");
        assert!(
            listed.lines().nth(1).expect("a row").contains("SIGABRT"),
            "{listed}"
        );
    });
}

#[test]
fn a_crash_is_looked_into_at_every_level() {
    in_world(|world| {
        if !can_look(world) {
            return;
        }
        let library = library(world);
        for level in levels(world) {
            let opened = open(&library, level);
            assert_eq!(opened.isolation(), level);
            let error = crash(&opened, "int crash_null(int depth)", &[1]);
            let report = report(world, &error);
            let frame = &report["remains"]["frames"][0];
            assert_eq!(frame["function"], "read_through", "{level}: {report:#}");
            assert_eq!(report["remains"]["missing"], "", "{level}: {report:#}");
            assert_eq!(report["isolation"], level);
        }
    });
}

#[test]
fn a_stack_that_leads_nowhere_is_walked_in_bounded_time() {
    in_world(|world| {
        // Each launcher is to be a VM's.
        world.configure("spare_launcher = false\n");
        let library = library(world);
        let begun = Instant::now();
        let error = crash(&open(&library, "limits"), "int crash_smashed(void)", &[]);
        assert!(begun.elapsed() < PATIENCE);
        assert!(
            [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL]
                .contains(&error.signal().expect("a signal"))
        );
        let frames = report(world, &error)["remains"]["frames"].clone();
        assert!(frames.as_array().expect("frames").len() <= 64);
        let is_gone = || {
            world
                .processes_named("cosmos-launch")
                .is_empty()
                .then_some(())
        };
        eventually(PATIENCE, is_gone).expect("its launcher ends");
    });
}

#[test]
fn a_crash_under_a_callback_names_both_calls() {
    in_world(|world| {
        let library = library(world);
        let opened = std::sync::Arc::new(open(&library, "limits"));
        let answer = cosmos::callback(|_: &[Value]| Value::from(1));
        let function = opened
            .function("int crash_in_callback(int (*ask)(int number), int number)")
            .expect("the function");
        let error = function.call(&[answer, 3.into()]).expect_err("it crashes");
        assert_eq!(error.signal(), Some(libc::SIGSEGV));
        assert!(
            report(world, &error)["calls"][0]["call"]
                .as_str()
                .expect("a call")
                .starts_with("crash_in_callback(")
        );

        // Within the program's own function, another call of the same VM.
        let opened = std::sync::Arc::new(open(&library, "limits"));
        let inner = opened
            .function("int crash_divide(int a, int b)")
            .expect("the inner one");
        let answer = cosmos::callback(move |_: &[Value]| {
            assert!(inner.call(&[1.into(), 0.into()]).is_err());
            Value::from(1)
        });
        let function = opened
            .function("int ask_only(int (*ask)(int number), int number)")
            .expect("the function");
        let error = function.call(&[answer, 3.into()]).expect_err("it crashes");
        assert_eq!(error.errno(), libc::EOWNERDEAD, "{error}");
        let listed = world.run_cosmos(&["crash", "ls", "--json"]);
        assert!(
            listed.succeeded().contains("crash_divide(1, 0)"),
            "{listed:?}"
        );
    });
}

#[test]
fn signals_that_a_vm_handles_stay_its_own() {
    in_world(|world| {
        let library = library(world);
        for level in levels(world) {
            let opened = open(&library, level);
            let call = |prototype: &str, arguments: &[Value]| {
                let function = opened.function(prototype).expect(prototype);
                function.call(arguments).expect(prototype).result
            };
            assert_eq!(
                call("int crash_handled(int times)", &[20.into()]),
                Value::from(20)
            );
            assert_eq!(
                call("int many_signals(int times)", &[100.into()]),
                Value::from(100)
            );
            assert_eq!(
                call("int many_threads(int times)", &[50.into()]),
                Value::from(50)
            );
        }
        assert_eq!(
            world
                .run_cosmos(&["crash", "ls"])
                .succeeded()
                .lines()
                .count(),
            1
        );
    });
}

#[test]
fn a_stopped_vm_stays_stopped_until_it_is_let_go_on() {
    in_world(|world| {
        let opened = open(&library(world), "limits");
        let pid = opened.function("int pid_of_vm(void)").expect("its pid");
        let Value::Int(pid) = pid.call(&[]).expect("its pid").result else {
            panic!("a number");
        };
        let pid = i32::try_from(pid).expect("a pid");
        let stop = opened
            .function("int stop_self(void)")
            .expect("the function");
        let waiting = std::thread::spawn(move || stop.call(&[]).expect("it goes on").result);
        let is_stopped = || Process::is_stopped(pid).then_some(());
        eventually(PATIENCE, is_stopped).expect("it has stopped");
        assert!(!waiting.is_finished());
        kill(Pid::from_raw(pid), Signal::SIGCONT).expect("it can go on");
        assert_eq!(waiting.join().expect("the thread"), Value::from(5));
        drop(opened);
    });
}

#[test]
fn reports_are_bounded_and_can_be_switched_off() {
    in_world(|world| {
        let library = library(world);
        let library = library.to_str().expect("a path");
        let call = |reports: &str| {
            let mut command = world.cosmos();
            command.args(["call", library, "int crash_abort(void)"]);
            command.env("COSMOS_CRASH_REPORTS", reports);
            cosmos_tests::run(&mut command, Duration::from_secs(20)).failed(1, &["SIGABRT"]);
        };
        for _ in 0..5 {
            call("3");
        }
        let listed = list(world);
        assert_eq!(listed.lines().count(), 4, "{listed}");
        world.run_cosmos(&["stop"]).succeeded();
        call("0");
        let again = list(world);
        assert_eq!(again.lines().count(), 4, "{again}");
        let id = again
            .lines()
            .nth(1)
            .and_then(|row| row.split(' ').next())
            .expect("a number");
        world.run_cosmos(&["crash", "rm", id]).succeeded();
        world
            .run_cosmos(&["crash", "show", id])
            .failed(1, &["there is no crash report"]);
        world
            .run_cosmos(&["crash", "show", "../../etc/passwd"])
            .failed(2, &["no number of a crash report"]);
    });
}
