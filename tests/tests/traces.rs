//! One request can be followed through all processes that have a part in it, by one id; and what nobody
//! follows leaves no trace.

use cosmos::trace::Line;
use cosmos::{FaultCode, Options, Vm};
use cosmos_tests::machine::{Machine, THERE};
use cosmos_tests::{Prefix, World, built, c, in_world, in_world_for, run};
use std::collections::HashMap;
use std::ffi::c_int;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(40);
const BUILDING: Duration = Duration::from_secs(120);
const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const COS: &str = "double cos(double x)";

/// Where this process, and the commands that it starts, write steps from now on.
fn followed(world: &World) -> PathBuf {
    let path = world.directory().join("trace");
    // SAFETY: this process, which is the test's own, has one thread that reads the environment.
    unsafe { std::env::set_var("COSMOS_TRACE", &path) };
    path
}

/// The steps in a file. Each line is one, no two have the same id, and each lies within the one that it is
/// a part of and belongs to its trace.
fn steps(path: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(path).expect("the file");
    let line = |line: &str| serde_json::from_str::<Line>(line).expect("a step");
    let lines: Vec<Line> = text.lines().map(line).collect();
    let by_id: HashMap<&str, &Line> = lines.iter().map(|line| (&*line.span, line)).collect();
    assert_eq!(by_id.len(), lines.len(), "{text}");
    for line in &lines {
        if let Some(around) = by_id.get(&*line.parent) {
            let end = |line: &Line| line.begin + line.took;
            let is_within = around.begin <= line.begin && end(line) <= end(around);
            assert!(is_within, "{line:?} in {around:?}");
            assert_eq!(line.trace, around.trace);
        } else {
            assert!(
                line.parent.is_empty() || GIVEN.contains(&line.parent),
                "{line:?}"
            );
        }
    }
    lines
}

/// The one step of this process and name.
fn one<'l>(lines: &'l [Line], process: &str, name: &str) -> &'l Line {
    let is_it = |line: &&Line| line.process == process && line.name == name;
    let found: Vec<_> = lines.iter().filter(is_it).collect();
    assert_eq!(found.len(), 1, "{process} {name}: {lines:#?}");
    found[0]
}

/// The processes and names of a step and of all around it, the outermost first.
fn way<'l>(lines: &'l [Line], mut line: &'l Line) -> Vec<(&'l str, &'l str)> {
    let mut way = vec![(&*line.process, &*line.name)];
    while let Some(around) = lines.iter().find(|other| other.span == line.parent) {
        way.insert(0, (&*around.process, &*around.name));
        line = around;
    }
    way
}

#[test]
fn one_id_leads_from_the_program_to_cosmosd_its_launcher_and_the_vm() {
    in_world(|world| {
        let path = followed(world);
        assert_eq!(world.call(&["libm.so.6", COS, "0"]).succeeded(), "1\n");
        let lines = steps(&path);
        let trace = &lines[0].trace;
        assert!(lines.iter().all(|line| line.trace == *trace), "{lines:#?}");
        let command = ("client", "cosmos call");
        let open = [
            command,
            ("client", "open"),
            ("client", "get a VM"),
            ("client", "VmOpen"),
            ("cosmosd", "VmOpen"),
        ];
        let launcher = one(&lines, "cosmos-launch", "fork, confine, execute");
        let start = [
            ("cosmosd", "start the VM"),
            ("cosmos-launch", "fork, confine, execute"),
        ];
        assert_eq!(way(&lines, launcher), [&open[..], &start].concat());
        for verb in ["open", "sym", "call", "close"] {
            let vm = one(&lines, "vm", verb);
            assert!(vm.vm.starts_with("hostfn-"), "{vm:?}");
            let around: &[_] = match verb {
                "open" => &[
                    command,
                    ("client", "open"),
                    ("client", "open"),
                    ("vm", "open"),
                ],
                _ => &[command, ("client", verb), ("vm", verb)],
            };
            assert_eq!(way(&lines, vm), around);
        }
        // Who is who.
        let coordinator = one(&lines, "cosmosd", "VmOpen").pid;
        assert_eq!(world.processes_named("cosmosd")[0].pid, coordinator);
        let client = one(&lines, "client", "cosmos call").pid;
        assert!(![client, coordinator].contains(&launcher.pid) && launcher.pid > 0);
        let failed: Vec<_> = lines.iter().filter(|line| !line.fault.is_empty()).collect();
        assert!(failed.is_empty(), "{failed:#?}");

        // As people and other tools see it.
        let path = path.to_str().expect("UTF-8");
        let shown = world.run_cosmos(&["trace", path]);
        let shown = shown.succeeded();
        assert!(shown.starts_with(&format!("trace {trace}  20")), "{shown}");
        assert!(shown.contains("└─ vm hostfn-1: call\n"), "{shown}");
        let none = world.run_cosmos(&["trace", "--id", "ffffffffffffffffffff", path]);
        assert_eq!(none.succeeded(), "");
        let otlp = world.run_cosmos(&["trace", "--json", path]);
        let otlp: serde_json::Value = serde_json::from_str(otlp.succeeded()).expect("JSON");
        let processes = otlp["resourceSpans"].as_array().expect("processes");
        let spans = |process: &serde_json::Value| {
            let spans = process["scopeSpans"][0]["spans"].as_array();
            spans.expect("spans").len()
        };
        assert_eq!(processes.iter().map(spans).sum::<usize>(), lines.len());
    });
}

#[test]
fn what_nobody_follows_leaves_no_trace() {
    in_world(|world| {
        let math = cosmos::dlopen("libm.so.6").expect("libm");
        let cos = math.function(COS).expect("cos");
        assert_eq!(cos.call(&[0.0.into()]).expect("a call").result, 1.0.into());
        assert_eq!(cosmos::trace::traceparent(), None);
        drop(cosmos::trace::span("a step", ""));
        let within = cosmos::trace::within(GIVEN, cosmos::trace::traceparent);
        assert_eq!(within.expect("a step"), None);
        let log = world.run_cosmos(&["logs", math.vm()]);
        assert!(!log.succeeded().contains("trace"), "{log:?}");
        let left = std::fs::read_dir(world.directory()).expect("the directory");
        let left = left.map(|entry| entry.expect("an entry").file_name());
        let is_of_a_trace =
            |name: &std::ffi::OsString| name.display().to_string().contains("trace");
        assert!(left.filter(is_of_a_trace).count() == 0);
    });
}

#[test]
fn what_is_around_a_request_is_around_its_trace() {
    in_world(|world| {
        let path = followed(world);
        // SAFETY: as in `followed`.
        unsafe { std::env::set_var("TRACEPARENT", GIVEN) };
        let script = "printf %s $TRACEPARENT; exit 3";
        let run = ["exec", "--env", "TRACEPARENT", "--", "sh", "-c", script];
        let ran = world.run_cosmos(&run);
        assert_eq!(ran.code(), 3, "{ran:?}");
        let lines = steps(&path);
        assert!(lines.iter().all(|line| GIVEN.contains(&line.trace)));
        let command = one(&lines, "client", "cosmos exec");
        assert!(GIVEN.contains(&command.parent) && !command.parent.is_empty());
        // The program is told of the run that it is, not of what is around that.
        let exec = one(&lines, "client", "exec");
        assert_eq!(ran.stdout, format!("00-{}-{}-01", exec.trace, exec.span));
        assert_eq!(exec.fault, "exit code 3");
        assert_eq!(one(&lines, "vm", "exec").parent, exec.span);
        let quiet = world.run_cosmos(&["exec", "--", "sh", "-c", "printf %s $TRACEPARENT"]);
        assert_eq!(quiet.succeeded(), "");

        // A program's own steps, and those that another one names.
        let around = cosmos::trace::span("mine", "all");
        let named = cosmos::trace::traceparent().expect("a step");
        let math = cosmos::dlopen("libm.so.6").expect("libm");
        drop(around);
        let other = "00-00000000000000000000000000000abc-0000000000000def-00";
        cosmos::trace::within(other, || math.function(COS).expect("cos")).expect("a step");
        assert!(cosmos::trace::within("00-abc-def-00", || ()).is_err());
        let text = std::fs::read_to_string(&path).expect("the file");
        let lines: Vec<Line> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("a step"))
            .collect();
        let mine = one(&lines, "client", "mine");
        assert_eq!(named, format!("00-{}-{}-01", mine.trace, mine.span));
        let opens = |line: &&Line| line.name == "open" && line.parent == mine.span;
        assert_eq!(lines.iter().filter(opens).count(), 1);
        let sym = one(&lines, "client", "sym");
        assert_eq!(&*sym.trace, &other[3..35]);
        assert_eq!(sym.parent, "0000000000000def");
    });
}

#[test]
fn a_c_program_has_its_own_steps_and_goes_on_with_those_of_others() {
    in_world_for(BUILDING, |world| {
        let prefix = Prefix::installed(world);
        let program = world.directory().join("trace-of-c");
        let strict = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pthread"];
        prefix.compile("gcc", "trace.c", &strict, &program);
        let path = world.directory().join("steps");
        let mut command = Command::new(&program);
        let command = prefix.environment(&mut command);
        assert_eq!(run(command, PATIENCE).succeeded(), "done\n");
        let command = command.env("COSMOS_TRACE", &path);
        assert_eq!(run(command, PATIENCE).succeeded(), "done\n");
        let lines = steps(&path);
        let [outer, inner] = ["outer", "inner"].map(|name| one(&lines, "client", name));
        assert_eq!(
            (&*outer.what, &*outer.fault, &*outer.parent),
            ("libc", "", "")
        );
        assert_eq!((&*inner.fault, &inner.parent), ("no luck", &outer.span));
        assert_eq!(one(&lines, "client", "elsewhere").parent, outer.span);
        for name in ["open", "sym", "close"] {
            let is_it = |line: &&Line| line.process == "client" && line.name == name;
            let mut steps = lines.iter().filter(is_it);
            assert!(steps.any(|line| line.parent == outer.span), "{name}");
        }
        let is_call = |line: &&Line| line.process == "client" && line.name == "call";
        let parents: Vec<_> = lines
            .iter()
            .filter(is_call)
            .map(|line| &*line.parent)
            .collect();
        assert_eq!(parents, [&*inner.span, "00f067aa0ba902b7"]);
    });
}

#[test]
fn faults_show_where_they_are() {
    in_world(|world| {
        let path = followed(world);
        let library = c::library("misbehave.c", world.directory());
        let library = library.to_str().expect("UTF-8");
        world
            .call(&[library, "int no_such_function(void)"])
            .failed(1, &["no_such_function"]);
        let lines = steps(&path);
        let sym = one(&lines, "client", "sym");
        assert!(sym.fault.contains("no_such_function"), "{sym:?}");
        assert_eq!(one(&lines, "vm", "sym").fault, "NoSuchSymbol");

        std::fs::remove_file(&path).expect("removed");
        world
            .call(&[library, "int die_by_segv(void)"])
            .failed(1, &["SIGSEGV"]);
        let lines = steps(&path);
        let call = one(&lines, "client", "call");
        assert_eq!(call.what, "die_by_segv");
        assert!(call.fault.contains("SIGSEGV"), "{call:?}");
        // It cannot tell.
        let told = |line: &&Line| line.process == "vm" && line.name == "call";
        assert_eq!(lines.iter().filter(told).count(), 0);

        std::fs::remove_file(&path).expect("removed");
        world
            .call(&["/nowhere/libnone.so", COS, "1"])
            .failed(1, &[]);
        let lines = steps(&path);
        for (process, name) in [("cosmosd", "read what it needs"), ("client", "open")] {
            let fault = &one(&lines, process, name).fault;
            assert!(fault.contains("libnone"), "{process} {name}: {fault}");
        }
    });
}

extern "C" fn descending(left: *const c_int, right: *const c_int) -> c_int {
    let again = cosmos::dlopen("libc.so.6").expect("libc");
    let abs = again.function("int abs(int j)").expect("abs");
    assert_eq!(abs.call(&[(-3).into()]).expect("abs").result, 3.into());
    // SAFETY: qsort calls with elements of the array.
    unsafe { (*right).cmp(&*left) as c_int }
}

#[test]
fn calls_that_a_callback_makes_are_parts_of_the_call_that_called_it() {
    in_world(|world| {
        let path = followed(world);
        let libc = cosmos::dlopen("libc.so.6").expect("libc");
        let qsort = "void qsort(int *__inout __counted_by(count) base, size_t count, size_t size, \
             int (*compare)(const int *a, const int *b))";
        let qsort = libc.function(qsort).expect("qsort");
        // SAFETY: the prototype is of this type.
        let qsort: unsafe extern "C" fn(
            *mut c_int,
            usize,
            usize,
            extern "C" fn(*const c_int, *const c_int) -> c_int,
        ) = unsafe { std::mem::transmute(qsort.pointer()) };
        let mut numbers = [1, 2];
        // SAFETY: as many elements as are said, of that size.
        unsafe { qsort(numbers.as_mut_ptr(), 2, 4, descending) };
        assert_eq!(numbers, [2, 1]);
        let lines = steps(&path);
        let inner = |line: &&Line| line.process == "vm" && line.name == "call";
        let inner = lines.iter().find(inner).expect("the inner call");
        assert_eq!(
            way(&lines, inner),
            [
                ("client", "call"),
                ("client", "callback"),
                ("client", "call"),
                ("vm", "call")
            ]
        );
        let outer = lines
            .iter()
            .rfind(|line| line.name == "call" && line.process == "vm");
        assert_eq!(
            way(&lines, outer.expect("the outer call")),
            [("client", "call"), ("vm", "call")]
        );
    });
}

#[test]
fn steps_of_many_threads_stay_whole_lines_and_each_in_its_own_trace() {
    in_world(|world| {
        let path = followed(world);
        let math = cosmos::dlopen("libm.so.6").expect("libm");
        let cos = math.function(COS).expect("cos");
        let call = |_| {
            let _around = cosmos::trace::span("around", "");
            cos.start(vec![0.0.into()]).expect("started")
        };
        let calls: Vec<_> = (0..200).map(call).collect();
        for outcome in cosmos::wait_all(calls) {
            assert_eq!(outcome.expect("a call").result, 1.0.into());
        }
        drop(math);
        let text = std::fs::read_to_string(&path).expect("the file");
        let lines: Vec<Line> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("a step"))
            .collect();
        let calls = |process| {
            let is_it = move |line: &&Line| line.process == process && line.name == "call";
            lines.iter().filter(is_it)
        };
        assert_eq!(calls("client").count(), 200);
        // A thread that makes the call goes on with the step of the one that started it.
        for call in calls("client") {
            let around = lines.iter().find(|line| line.span == call.parent);
            assert_eq!(around.expect("a step").name, "around");
        }
        for told in calls("vm") {
            let around = lines.iter().find(|line| line.span == told.parent);
            assert_eq!(around.expect("a step").name, "call");
        }
        assert_eq!(calls("vm").count(), 200);
        let mut traces: Vec<_> = calls("client").map(|line| &line.trace).collect();
        traces.sort_unstable();
        traces.dedup();
        assert_eq!(traces.len(), 200);
    });
}

#[test]
fn logs_name_the_trace_that_asked_for_a_vm() {
    in_world(|world| {
        let path = followed(world);
        let math = cosmos::dlopen_with("libm.so.6", &Options::new().fresh(true)).expect("libm");
        let trace = steps(&path)[0].trace.clone();
        let said = format!("[cosmosd: asked for by trace {trace}]");
        let log = world.run_cosmos(&["logs", math.vm()]);
        assert!(log.succeeded().contains(&said), "{log:?}");
    });
}

#[test]
fn a_file_that_cannot_be_written_is_no_silent_loss() {
    in_world(|world| {
        let call = |path: &Path| {
            let mut command = world.cosmos();
            command.args(["call", "libm.so.6", COS, "0"]);
            run(command.env("COSMOS_TRACE", path), PATIENCE)
        };
        let nowhere = world.directory().join("nowhere/trace");
        call(&nowhere).failed(125, &["trace", "nowhere"]);
        call(Path::new("relative")).failed(125, &["trace", "absolute"]);
        // What is lost later is lost alone.
        assert_eq!(call(Path::new("/dev/full")).succeeded(), "1\n");
    });
}

/// Cargo builds examples with the tests of their own package.
fn liar() -> PathBuf {
    let path = built().join("examples/lying_vm");
    if !path.exists() {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut command = Command::new(cargo);
        command.args([
            "build",
            "--locked",
            "-p",
            "cosmos-tests",
            "--example",
            "lying_vm",
        ]);
        command.current_dir(cosmos_tests::repository());
        run(&mut command, Duration::from_secs(300)).succeeded();
    }
    path
}

#[test]
fn a_vm_that_lies_writes_no_line_but_its_own() {
    let liar = liar();
    in_world(|world| {
        let path = followed(world);
        let profiles = world.directory().join("profiles");
        std::fs::create_dir(&profiles).expect("a directory");
        let profile = format!(
            "kind = \"liar\"\nexecutable = \"{}\"\nruns = \"nothing\"\nformats = [\"script\"]\n\
             interpreters = [\"liar\"]\nclass = \"native\"\nmachine = \"native\"\n\
             data_model = \"LP64\"\nos_abi = [\"sysv\"]\n",
            liar.display()
        );
        std::fs::write(profiles.join("liar.toml"), profile).expect("the profile");
        world.configure(&format!("profiles = [\"{}\"]\n", profiles.display()));
        let vm = Vm::open("liar", &Options::new()).expect("the VM");
        // `Open`, by its number: the length of the name, and the name.
        let open = |lie: &str| {
            let length = (lie.len() as u64).to_le_bytes();
            cosmos::rp_call(Some(&vm), 0x0302, &[&length[..], lie.as_bytes()].concat())
        };
        let lies = [
            "early", "late", "nonsense", "other", "unasked", "unknown", "silence",
        ];
        for lie in lies {
            // What it did before it lied is done.
            assert_eq!(open(lie).expect(lie), 1u64.to_le_bytes(), "{lie}");
        }
        let forged = "\n{\"trace\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"span\":\
            \"00f067aa0ba902b7\",\"process\":\"cosmosd\",\"name\":\"forged\",\"begin\":1,\"took\":1}\n\u{1b}[2J";
        let error = open(&format!("say {forged}{}", "x".repeat(5000))).expect_err("its words");
        assert_eq!(error.code(), FaultCode::NotLoadable);

        // Lines are whole, and lie where they belong: `steps` looks.
        let lines = steps(&path);
        assert!(lines.iter().all(|line| line.name != "forged"));
        let told: Vec<&Line> = lines.iter().filter(|line| line.process == "vm").collect();
        assert_eq!(told.len(), 2, "{told:#?}");
        for line in told {
            assert!(line.vm.starts_with("liar-"), "{line:?}");
            assert_eq!((&*line.name, &*line.fault), ("open", "Cancelled"));
            assert_eq!(way(&lines, line), [("client", "open"), ("vm", "open")]);
        }
        let failed = |line: &&Line| line.process == "client" && !line.fault.is_empty();
        let failed: Vec<_> = lines.iter().filter(failed).collect();
        assert_eq!(failed.len(), 1, "{failed:#?}");
        assert!(failed[0].fault.chars().count() <= 513);
        let shown = world.run_cosmos(&["trace", path.to_str().expect("UTF-8")]);
        let shown = shown.succeeded();
        assert!(!shown.contains('\u{1b}'), "{shown}");
        assert!(shown.contains("FAILED: \\n{\"trace\""), "{shown}");
    });
}

#[test]
fn steps_on_another_machine_come_under_the_same_id() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let path = followed(world);
        let mut command = world.cosmos();
        command.args(["call", "--host", THERE, "libm.so.6", COS, "0"]);
        assert_eq!(run(&mut command, PATIENCE).succeeded(), "1\n");
        let lines = steps(&path);
        assert!(lines.iter().all(|line| line.trace == lines[0].trace));
        for (process, name) in [
            ("cosmosd", "VmOpen"),
            ("cosmos-launch", "fork, confine, execute"),
            ("vm", "open"),
            ("vm", "call"),
        ] {
            assert_eq!(one(&lines, process, name).host, THERE);
        }
        assert_eq!(one(&lines, "client", "cosmos call").host, "");
        let path = path.to_str().expect("UTF-8");
        let shown = world.run_cosmos(&["trace", path]);
        let there = format!(" on {THERE}: VmOpen");
        assert!(shown.succeeded().contains(&there), "{shown:?}");
    });
}
