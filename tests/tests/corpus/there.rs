//! The rows on another machine: the same tests, with a host configured and nothing else changed.

use cosmos_tests::machine::{Machine, THERE};
use cosmos_tests::{in_world_for, run};
use std::process::Command;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(400);

/// Rows that cannot run there, and why: what they are told by name, `tests/tests/remote/calls.rs` says.
const NOT_THERE: [(&str, &str); 3] = [
    ("buffers::row_07_read", "an open file of the caller's"),
    ("libraries::row_14_poll", "open files of the caller's"),
    (
        "records::row_36_reads_into_a_vector",
        "an open file of the caller's",
    ),
];

/// This executable with these arguments: its tests run in the world of this one.
fn tests_there(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this executable"));
    command
        .args(arguments)
        .args(["--test-threads=1", "--nocapture"]);
    command.env("COSMOS_HOST", THERE);
    command
}

#[test]
fn every_row_that_can_runs_on_another_machine_unchanged() {
    in_world_for(PATIENCE, |world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let mut all = tests_there(&["row", "--skip", "there::"]);
        for (name, _) in NOT_THERE {
            all.args(["--skip", name]);
        }
        let ran = run(&mut all, PATIENCE);
        assert_eq!(ran.code(), 0, "{}\n{}", ran.stdout, ran.stderr);
        let passed = ran
            .stdout
            .lines()
            .find(|line| line.starts_with("test result: ok"));
        let counted = passed.and_then(|line| line.split_whitespace().nth(3)?.parse::<usize>().ok());
        assert!(counted >= Some(30), "{passed:?}");
        for (name, why) in NOT_THERE {
            let ran = run(&mut tests_there(&["--exact", name]), PATIENCE);
            assert_eq!(ran.code(), 101, "{name} runs there, in spite of {why}");
        }
    });
}
