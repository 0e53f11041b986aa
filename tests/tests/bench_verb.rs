//! `cosmos bench` times a call on every way that it can go, and names those on which it cannot.

use cosmos_tests::{World, c, in_world, run};
use serde_json::Value as Json;
use std::time::Duration;

fn bench(world: &World, words: &[&str]) -> (i32, Json) {
    let mut command = world.cosmos();
    command
        .args(["bench", "--json", "--time", "100ms"])
        .args(words);
    let ran = run(&mut command, Duration::from_secs(50));
    let found = serde_json::from_str(&ran.stdout);
    let found = found.unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    (ran.status.code().unwrap_or(-1), found)
}

fn ways(found: &Json) -> Vec<(&str, &Json)> {
    let ways = found["ways"].as_array().expect("ways");
    ways.iter()
        .map(|row| (row["way"].as_str().expect("a way"), row))
        .collect()
}

#[test]
fn a_call_of_a_real_library_is_timed_on_every_way() {
    in_world(|world| {
        let (code, found) = bench(world, &["libz.so.1", "crc32", "0", "hello"]);
        assert_eq!(code, 0, "{found}");
        let ways = ways(&found);
        let names: Vec<&str> = ways.iter().map(|(name, _)| *name).collect();
        assert_eq!(names[0], "in this process");
        for offer in cosmos::queries::levels().expect("what this machine offers") {
            for carrier in ["ring", "socket"] {
                let name = format!("{carrier}, {}", offer.name);
                let is_level = ["none", "limits", "landlock+seccomp", "namespaces"];
                if offer.available && is_level.contains(&offer.name.as_str()) {
                    assert!(
                        names.contains(&name.as_str()),
                        "{name} is none of {names:?}"
                    );
                }
            }
        }
        for (name, row) in &ways {
            let number = |key: &str| row[key].as_f64().unwrap_or_else(|| panic!("{name}: {row}"));
            assert!(number("calls") >= 1.0 && number("median_ns") > 0.0, "{row}");
            assert!(
                number("p99_ns") >= number("median_ns") && number("ratio") > 0.0,
                "{row}"
            );
        }
        assert_eq!(ways[0].1["ratio"], 1.0);
    });
}

#[test]
fn a_way_on_which_the_call_fails_is_named_and_the_others_are_timed() {
    in_world(|world| {
        let library = c::library("hostile.c", world.directory());
        let library = library.to_str().expect("a path of text");
        // A struct is not passed without a VM.
        let prototype = "div_t div(int numer, int denom)";
        let (code, found) = bench(world, &["libc.so.6", prototype, "17", "-5"]);
        let ways = ways(&found);
        assert_eq!(code, 0, "{found}");
        let refused = ways[0].1["failed"].as_str().expect("it fails");
        assert!(refused.contains("result"), "{refused}");
        assert!(
            ways[1..].iter().all(|(_, row)| row["ratio"].is_f64()),
            "{found}"
        );
        assert_eq!(ways[1].1["ratio"], 1.0);
        // What ends its process ends nothing else.
        let level = ["--isolation", "limits"];
        let (code, found) = bench(
            world,
            &[&level[..], &["libc.so.6", "void abort(void)"]].concat(),
        );
        assert_eq!(code, 1, "{found}");
        for (name, row) in self::ways(&found) {
            let why = row["failed"]
                .as_str()
                .unwrap_or_else(|| panic!("{name}: {row}"));
            assert!(why.contains("SIGABRT"), "{name}: {why}");
        }
        // And what the library has not got.
        let missing = bench(
            world,
            &[&level[..], &[library, "int nowhere(void)"]].concat(),
        );
        assert_eq!(missing.0, 1, "{}", missing.1);
        for (name, row) in self::ways(&missing.1) {
            let why = row["failed"]
                .as_str()
                .unwrap_or_else(|| panic!("{name}: {row}"));
            assert!(why.contains("nowhere"), "{name}: {why}");
        }
    });
}

#[test]
fn functions_of_scripts_and_programs_are_timed_where_they_can_run() {
    in_world(|world| {
        let script = world.directory().join("add.lua");
        std::fs::write(
            &script,
            "#!/usr/bin/lua\nfunction add(a, b) return a + b end\n",
        )
        .expect("a script");
        let script = script.to_str().expect("text");
        for words in [
            &["/usr/bin/true", "int main(void)"][..],
            &[script, "int add(int a, int b)", "40", "2"],
        ] {
            let (code, found) = bench(world, words);
            assert_eq!(code, 0, "{found}");
            let ways = ways(&found);
            let refused = ways[0].1["failed"].as_str();
            assert!(refused.is_some(), "no library: {found}");
            for level in ["none", "limits"] {
                for carrier in ["ring", "socket"] {
                    let name = format!("{carrier}, {level}");
                    let way = ways.iter().find(|(way, _)| **way == name);
                    let (_, row) = way.unwrap_or_else(|| panic!("no {name}: {found}"));
                    assert!(row["median_ns"].is_f64(), "{name}: {found}");
                }
            }
        }
    });
}

#[test]
fn people_are_shown_a_table() {
    in_world(|world| {
        let words = [
            "bench",
            "--time",
            "50ms",
            "--isolation",
            "limits",
            "libm.so.6",
        ];
        let mut command = world.cosmos();
        command.args(words).args(["double cos(double x)", "0.5"]);
        let ran = run(&mut command, Duration::from_secs(50));
        let lines: Vec<&str> = ran.stdout.lines().collect();
        assert_eq!(ran.status.code(), Some(0), "{ran:?}");
        assert!(
            lines[0].starts_with("WAY") && lines[0].ends_with("RATIO"),
            "{ran:?}"
        );
        assert!(
            lines[1].starts_with("in this process") && lines[1].ends_with("1.00"),
            "{ran:?}"
        );
        assert_eq!(lines.len(), 4, "{ran:?}");
    });
}
