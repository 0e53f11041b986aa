//! What only the command line does: looking at running VMs, and ending the daemons.

use cosmos_tests::{eventually, in_world, run};
use std::time::Duration;

/// How long what comes may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);
const COS: [&str; 3] = ["libm.so.6", "double cos(double x)", "0"];

#[test]
fn stop_ends_the_daemons_and_the_next_call_starts_them() {
    in_world(|world| {
        world.run_cosmos(&["stop"]).succeeded();
        assert!(world.processes().is_empty(), "stopping starts nothing");
        for _ in 0..3 {
            assert_eq!(world.call(&COS).succeeded(), "1\n");
            world.only("cosmosdb");
            // VMs of clients go with the daemons; nobody is asked.
            let mut pause = world.cosmos();
            pause
                .args(["call", "libc.so.6", "int pause(void)"])
                // When its VM dies it would ask how, and start the daemons for that.
                .env("COSMOS_START_DAEMONS", "false");
            let mut pause = pause.spawn().expect("cosmos");
            eventually(PATIENCE, || {
                let vms = world.processes_named("cosmos-hostfn");
                (!vms.is_empty()).then_some(())
            });
            world.run_cosmos(&["stop"]).succeeded();
            pause.kill().expect("it runs or is a zombie");
            pause.wait().expect("the child");
            let gone = eventually(PATIENCE, || world.processes().is_empty().then_some(()));
            assert!(gone.is_some(), "{:?}", world.processes());
        }
    });
}

#[test]
fn a_program_in_the_place_of_a_library_is_told_its_path() {
    in_world(|world| {
        let ran = world.run_cosmos(&["which", "sh"]);
        assert!(ran.stderr.contains("there is no library sh"), "{ran:?}");
        let command = ran.stderr.lines().last().unwrap_or_default();
        let (_, typed) = command.split_once("cosmos which ").expect("what to type");
        let said = world.run_cosmos(&["which", typed]);
        assert!(said.succeeded().contains("-> exec on local"), "{said:?}");
        let ran = world.run_cosmos(&["which", "no-such-program"]);
        assert!(!ran.stderr.contains("help:"), "{ran:?}");
    });
}

#[test]
fn ls_shows_what_runs_and_what_died() {
    in_world(|world| {
        let json = |all: &[&str]| -> serde_json::Value {
            let ran = world.run_cosmos(&[&["ls", "--json"], all].concat());
            serde_json::from_str(ran.succeeded()).expect("JSON")
        };
        assert_eq!(json(&[]), serde_json::json!([]));
        assert!(world.processes().is_empty(), "looking starts nothing");

        assert_eq!(world.call(&COS).succeeded(), "1\n");
        let library = cosmos::dlopen("libz.so.1").expect("zlib");
        // The VM of the call ends behind its client.
        let is_alone = || {
            let rows = json(&[]);
            (rows.as_array().map(Vec::len) == Some(1)).then_some(rows)
        };
        let rows = eventually(PATIENCE, is_alone).expect("one VM alone runs");
        let row = &rows[0];
        assert_eq!(row["vm"], library.vm(), "{rows}");
        assert_eq!(
            (&row["state"], &row["kind"]),
            (&"ready".into(), &"hostfn".into())
        );
        assert!(row["targets"].to_string().contains("libz.so.1"), "{rows}");
        assert!(
            row["resident_bytes"]
                .as_u64()
                .is_some_and(|bytes| bytes > 0),
            "{rows}"
        );
        let all = json(&["--all"]);
        assert_eq!(all.as_array().map(Vec::len), Some(2), "{all}");

        world
            .call(&["libc.so.6", "void abort(void)"])
            .failed(1, &["SIGABRT"]);
        let table = world.run_cosmos(&["ls"]);
        let lines: Vec<_> = table.succeeded().lines().collect();
        assert!(lines[0].starts_with("VM ") && lines.len() == 3, "{table:?}");
        assert!(lines[2].contains("SIGABRT"), "{table:?}");
    });
}

#[test]
fn the_doctor_makes_a_call() {
    in_world(|world| {
        let ran = world.run_cosmos(&["doctor"]);
        assert!(ran.succeeded().ends_with("calls work\n"), "{ran:?}");
        assert!(ran.stdout.contains("abs(-7) = 7"), "{ran:?}");
        // Where the daemons that it started log, which is there now.
        let logs = world.sockets().join("{cosmosd,cosmosdb}.log");
        let logs = logs.to_str().expect("UTF-8");
        assert!(ran.stdout.contains(&format!("log to {logs}\n")), "{ran:?}");
        for log in ["cosmosd.log", "cosmosdb.log"] {
            let text = std::fs::read_to_string(world.sockets().join(log));
            assert!(text.is_ok_and(|text| text.contains("serving")), "{log}");
        }
        // The same with daemons that run already.
        let ran = world.run_cosmos(&["doctor", "--json"]);
        let json: serde_json::Value = serde_json::from_str(ran.succeeded()).expect("JSON");
        assert_eq!(json["works"], true);
        assert!(ran.stdout.contains("runs, protocol 1."), "{ran:?}");
    });
}

/// The daemons run with the configuration of whoever came first; that of a later program holds for
/// its own VMs all the same.
#[test]
fn isolation_and_limits_of_the_caller_hold_with_daemons_of_another() {
    in_world(|world| {
        assert_eq!(world.call(&COS).succeeded(), "1\n");
        let mut strict = world.cosmos();
        strict.args(["call", "libm.so.6", "double cos(double x)", "0"]);
        strict.env("COSMOS_ISOLATION_LEVEL", "namespaces");
        let ran = run(&mut strict, Duration::from_secs(20));
        let offers = cosmos::queries::levels().expect("the levels");
        let offered = offers.iter().find(|offer| offer.name == "namespaces");
        if offered.is_some_and(|offer| offer.available) {
            assert_eq!(ran.succeeded(), "1\n");
            let listed = world.run_cosmos(&["ls", "--all"]);
            assert!(listed.stdout.contains(" namespaces "), "{listed:?}");
        } else {
            ran.failed(1, &["namespaces"]);
        }

        let mut limited = world.cosmos();
        let prototype = "struct rlimit { unsigned long soft; unsigned long hard; };
            int getrlimit(int resource, struct rlimit *__out limit)";
        let resource = libc::RLIMIT_NOFILE.to_string();
        limited.args(["call", "libc.so.6", prototype, &resource, "_"]);
        limited.env("COSMOS_LIMITS_OPEN_FILES", "77");
        let ran = run(&mut limited, Duration::from_secs(20));
        assert_eq!(
            ran.succeeded(),
            "return = 0\nlimit = {.soft = 77, .hard = 77}\n"
        );
    });
}
