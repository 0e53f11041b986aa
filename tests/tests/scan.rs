//! Real headers: how many of their functions can be called, and why the others cannot.

use cosmos_tests::in_world;
use serde_json::Value;

/// With what the packs say, at least four of five functions can be called; the rest is listed with
/// a number each.
#[test]
fn most_functions_of_zlib_and_sqlite_can_be_called() {
    in_world(|world| {
        for (header, library) in [("zlib.h", "libz.so.1"), ("sqlite3.h", "libsqlite3.so.0")] {
            let scan = ["proto", "scan", "--json", "--pack", library, header];
            let ran = world.run_cosmos(&scan);
            let json: Value = serde_json::from_str(ran.succeeded()).expect("JSON");
            let summary = &json["summary"];
            println!("{header}: {summary}");
            let percent = summary["percent"].as_u64().expect("a number");
            assert!(percent >= REACHED, "{header}: {summary}");
            let functions = json["functions"].as_array().expect("an array");
            for function in functions {
                let refused = function["verdict"] == "refused";
                let number = function["code"].as_str().unwrap_or_default();
                assert_eq!(refused, number.starts_with('E'), "{function}");
                assert_eq!(!refused, function["prototype"].is_string(), "{function}");
            }
            let ran = world.run_cosmos(&["proto", "scan", "--summary", "--pack", library, header]);
            assert!(ran.succeeded().contains(" by the pack."), "{ran:?}");
        }
    });
}

/// Percent of the functions.
const REACHED: u64 = 80;

#[test]
fn what_cannot_be_scanned_says_why() {
    in_world(|world| {
        world
            .run_cosmos(&["proto", "scan", "no/such.h"])
            .failed(1, &["no/such.h"]);
        world
            .run_cosmos(&["proto", "scan", "--pack", "libnone.so.1", "zlib.h"])
            .failed(1, &["no pack of libnone.so.1", "libz.so.1"]);
        let mut command = world.cosmos();
        command
            .args(["proto", "scan", "zlib.h"])
            .env("CC", "/no/such/compiler");
        cosmos_tests::run(&mut command, std::time::Duration::from_secs(20))
            .failed(125, &["/no/such/compiler", "CC"]);
    });
}
