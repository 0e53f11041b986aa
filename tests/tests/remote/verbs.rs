//! What `cosmos ls`, `top`, `logs`, `which`, `doctor` and `crash` tell of another machine, and what calls
//! there take.

use super::{PATIENCE, there};
use cosmos::Library;
use cosmos_tests::machine::{Machine, THERE};
use cosmos_tests::{Ran, World, c, eventually, in_world, run};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value as Json;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

fn ask(world: &World, arguments: &[&str]) -> Ran {
    let mut command = world.cosmos();
    command.args(arguments);
    run(&mut command, PATIENCE)
}

fn json(world: &World, arguments: &[&str]) -> Json {
    serde_json::from_str(ask(world, arguments).succeeded()).expect("JSON")
}

#[test]
fn vms_there_are_listed_there_and_not_here() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let library = cosmos::dlopen_with("libz.so.1", &there()).expect("a library");
        let rows = json(world, &["ls", "--host", THERE, "--json"]);
        let row = &rows.as_array().expect("rows")[0];
        assert_eq!(row["vm"], library.vm());
        assert_eq!(row["host"], THERE);
        assert_eq!(row["state"], "ready");
        let table = ask(world, &["ls", "--host", THERE]).succeeded().to_owned();
        assert!(table.contains("libz.so"), "{table}");
        let top = ask(world, &["top", "--once", "--host", THERE])
            .succeeded()
            .to_owned();
        assert!(top.starts_with("1 VMs, 1 ready"), "{top}");
        let here = json(world, &["ls", "--json"]);
        assert_eq!(here.as_array().expect("rows").len(), 0);
        // As configured, where no option says otherwise.
        let mut configured = world.cosmos();
        configured.arg("ls").env("COSMOS_HOST", THERE);
        let table = run(&mut configured, PATIENCE).succeeded().to_owned();
        assert!(table.contains(THERE), "{table}");
        let mut configured = world.cosmos();
        configured
            .args(["ls", "--host", "local"])
            .env("COSMOS_HOST", THERE);
        let table = run(&mut configured, PATIENCE).succeeded().to_owned();
        assert!(!table.contains(THERE), "{table}");
    });
}

#[test]
fn placement_there_is_told_by_the_machine_there() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let placed = json(world, &["which", "--host", THERE, "libz.so.1", "--json"]);
        assert_eq!(placed["chosen"], "hostfn");
        assert_eq!(placed["candidates"][0]["host"], THERE);
        // A relative path starts in the home directory there, not where the command is.
        std::fs::write(world.directory().join("note"), "text").expect("a file");
        let refused = ask(world, &["which", "--host", THERE, "./note"]);
        refused.failed(1, &["there is no file", "/note"]);
        let here = world.directory().display().to_string();
        assert!(!refused.stderr.contains(&here), "{}", refused.stderr);
    });
}

#[test]
fn the_doctor_looks_at_another_machine() {
    in_world(|world| {
        let Some(machine) = Machine::start(world) else {
            return;
        };
        let told = json(world, &["doctor", "--host", THERE, "--json"]);
        assert_eq!(told["works"], true, "{told}");
        let checks = told["checks"].as_array().expect("checks");
        let found = |subject: &str| checks.iter().any(|check| check["check"] == subject);
        assert!(
            found("connection") && found("level") && found("a call"),
            "{told}"
        );
        machine.use_key("stranger");
        let refused = ask(world, &["doctor", "--host", THERE]);
        assert_eq!(refused.code(), 1);
        assert!(
            refused.stdout.contains("Permission denied"),
            "{}",
            refused.stdout
        );
        ask(world, &["stop", "--host", THERE]).failed(2, &[THERE, "cosmos stop"]);
    });
}

#[test]
fn crash_reports_there_are_shown_and_removed_from_here() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        assert!(
            !ask(world, &["crash", "ls", "--host", THERE])
                .succeeded()
                .contains("c-")
        );
        let c = cosmos::dlopen_with("libc.so.6", &there()).expect("a library");
        let raise = c.function("int raise(int signal)").expect("raise");
        raise.call(&[11.into()]).expect_err("it crashes");
        let reports = eventually(PATIENCE, || {
            let reports = json(world, &["crash", "ls", "--json", "--host", THERE]);
            let is_there = reports.as_array().is_some_and(|reports| reports.len() == 1);
            is_there.then_some(reports)
        });
        let reports = reports.expect("a report");
        let id = reports[0]["id"].as_str().expect("its number").to_owned();
        assert_eq!(reports[0]["host"], THERE);
        assert_eq!(reports[0]["remains"]["signal"], 11);
        let shown = ask(world, &["crash", "--host", THERE, "show", &id])
            .succeeded()
            .to_owned();
        assert!(
            shown.contains("raise(11)") && shown.contains("SIGSEGV"),
            "{shown}"
        );
        assert_eq!(
            ask(world, &["crash", "--host", THERE, "show"]).succeeded(),
            shown
        );
        assert!(!ask(world, &["crash", "ls"]).succeeded().contains("c-"));
        ask(world, &["crash", "rm", &id, "--host", THERE]).succeeded();
        ask(world, &["crash", "show", &id, "--host", THERE]).failed(1, &[&id, "cosmos crash ls"]);
        ask(world, &["crash", "rm", &id, "--host", THERE]).failed(1, &[&id]);
        ask(world, &["crash", "show", "../x", "--host", THERE]).failed(2, &["no number"]);
    });
}

const SAY: &str = "int say(const char *__in __sized_by(length) text, int length)";

fn say(library: &Library, text: &[u8]) {
    let length = i32::try_from(text.len()).expect("a length");
    let function = library.function(SAY).expect("say");
    let outcome = function.call(&[text.into(), length.into()]).expect("say");
    assert_eq!(outcome.result, 0.into());
}

#[test]
fn logs_of_a_vm_there_are_shown_here() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let path = c::library("writes.c", world.directory());
        let path = path.to_str().expect("text");
        let library = cosmos::dlopen_with(path, &there()).expect("a library");
        let vm = library.vm().to_owned();
        say(&library, b"one\n\x1b[2Jtwo\n");
        // cosmosd there has read it a moment later.
        let lines = eventually(PATIENCE, || {
            let shown = ask(world, &["logs", "--json", "--host", THERE, &vm]);
            let lines: Vec<Json> = shown
                .succeeded()
                .lines()
                .map(|line| serde_json::from_str(line).expect("JSON"))
                .collect();
            (lines.len() == 2).then_some(lines)
        });
        let lines = lines.expect("two lines");
        assert_eq!(
            (&lines[0]["text"], &lines[0]["by"]),
            (&"one".into(), &"vm".into())
        );
        let text = ask(world, &["logs", "-n1", "--host", THERE, &vm]);
        let text = text.succeeded();
        assert!(text.ends_with(" \\u{1b}[2Jtwo\n"), "{text:?}");
        // Here there is no such VM, and nothing is started to find out.
        ask(world, &["logs", &vm]).failed(1, &["no daemon runs"]);
        ask(world, &["logs", "--host", THERE, "hostfn-99"]).failed(1, &["hostfn-99"]);
        // As configured, where no option says otherwise.
        let mut configured = world.cosmos();
        configured
            .args(["logs", "-n1", &vm])
            .env("COSMOS_HOST", THERE);
        let shown = run(&mut configured, PATIENCE);
        assert_eq!(shown.succeeded(), text);
    });
}

#[test]
fn logs_there_are_followed_to_the_end_of_their_vm_and_beyond_a_broken_connection() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let path = c::library("writes.c", world.directory());
        let path = path.to_str().expect("text");
        // It ends with the library, which is not opened over the connection that follows.
        let library = cosmos::dlopen_with(path, &there().fresh(true)).expect("a library");
        let before = world.processes_named("cosmos-relay");
        let before: Vec<i32> = before.into_iter().map(|relay| relay.pid).collect();
        let mut follows = world.cosmos();
        follows.args(["logs", "--follow", "--host", THERE, library.vm()]);
        let mut follows = follows.stdout(Stdio::piped()).spawn().expect("cosmos logs");
        let mut shown = BufReader::new(follows.stdout.take().expect("its output")).lines();
        let mut next = || shown.next().expect("a line").expect("text");
        say(&library, b"first\n");
        assert!(next().ends_with(" first"));
        // Its own connection breaks, and it asks by another one from where it was.
        let mut relays = world.processes_named("cosmos-relay");
        relays.retain(|relay| !before.contains(&relay.pid));
        assert_eq!(relays.len(), 1, "{relays:?}");
        kill(Pid::from_raw(relays[0].pid), Signal::SIGKILL).expect("it runs");
        say(&library, b"second\n");
        assert!(next().ends_with(" second"));
        drop(library);
        assert!(next().contains("[cosmosd: exited"), "its end");
        let ended = eventually(PATIENCE, || follows.try_wait().expect("its end"));
        assert!(ended.expect("it ended").success());
    });
}

#[test]
fn a_call_there_is_timed_at_each_level_that_machine_offers() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let bench = ["bench", "--json", "--time", "60ms"];
        let timed = |more: &[&str]| json(world, &[&bench, more].concat());
        let ways = |timed: &Json| -> Vec<(String, bool)> {
            let ways = timed["ways"].as_array().expect("ways").iter();
            ways.map(|way| {
                let name = way["way"].as_str().expect("a name").to_owned();
                (
                    name,
                    way["median_ns"].as_f64().is_some_and(|took| took > 0.0),
                )
            })
            .collect()
        };
        let timed_there = timed(&["--host", THERE, "libm.so.6", "double cos(double x)", "0.5"]);
        let levels = json(world, &["doctor", "--host", THERE, "--json"]);
        let offers = |level: &str| levels.to_string().contains(level);
        let found = ways(&timed_there);
        assert!(found.iter().all(|(_, is_timed)| *is_timed), "{timed_there}");
        assert_eq!(found[0].0, "there, none");
        assert_eq!(found[1].0, "there, limits");
        let confined = found
            .iter()
            .any(|(name, _)| name == "there, landlock+seccomp");
        assert!(confined || !offers("landlock+seccomp"), "{timed_there}");
        // A host that is configured is meant as well; and so are programs, of which one level can be told.
        let mut configured = world.cosmos();
        configured.args(bench).args(["--isolation", "limits"]);
        configured
            .args(["/bin/true", "int main(void)"])
            .env("COSMOS_HOST", THERE);
        let ran = run(&mut configured, PATIENCE);
        let told: Json = serde_json::from_str(ran.succeeded()).expect("JSON");
        assert_eq!(ways(&told), [("there, limits".to_owned(), true)], "{told}");
    });
}
