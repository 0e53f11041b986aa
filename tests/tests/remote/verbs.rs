//! What `cosmos ls`, `top`, `which`, `doctor` and `crash` tell of another machine.

use super::{PATIENCE, there};
use cosmos_tests::machine::{Machine, THERE};
use cosmos_tests::{Ran, World, eventually, in_world, run};
use serde_json::Value as Json;

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
