//! Programs of the world that check themselves: Dhrystone, and Lua with tests of its own makers.
//!
//! Debian's Lua 5.4 comes without tests. Those that its archive has are the scripts in Lua 5.1 and the
//! test suite of Lua 5.1 in a package that needs it; what of them needs no operating system is run here,
//! the suite by Lua 5.1.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::sources::{files, sources, words};
use support::{DIALECTS, Session, compile_in, done, native, open_directory, source};
use tempfile::TempDir;

#[test]
fn dhrystone_has_the_values_that_its_authors_give() {
    let Some(directory) = sources("dhrystone") else {
        return;
    };
    let place = open_directory();
    // What it needs of U-Boot.
    let common = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n";
    std::fs::write(place.path().join("common.h"), common).expect("it is written");
    let mut options = words(
        &["-O2", "-w", "-DRUNS=20000"],
        place.path(),
        vec![source("dhrystone.c")],
    );
    options.extend(words(&[], &directory, files(&directory, &["cmd_dhry.c"])));
    let expected = native(&options, place.path(), &[]);
    assert!(
        expected
            .text()
            .contains("Arr_2_Glob[8][7] 20009, is to be 20009\n"),
        "{}",
        expected.text()
    );
    for dialect in DIALECTS {
        let nexe = place.path().join("dhrystone.nexe");
        compile_in(dialect, &options, &nexe);
        assert_eq!(Session::of(&nexe).ended(), expected, "{dialect}");
    }
}

/// An interpreter, as a program of this machine and as guests.
struct Lua {
    place: TempDir,
    native: PathBuf,
}

impl Lua {
    fn of(directory: &Path, level: &str) -> Self {
        let place = open_directory();
        let sources = files(&directory.join("src"), &["luac.c", "print.c"]);
        let options = words(&[level, "-w"], directory, sources);
        for dialect in DIALECTS {
            compile_in(dialect, &options, &place.path().join(dialect));
        }
        let native = place.path().join("native");
        let mut gcc = Command::new("gcc");
        done(gcc.args(&options).arg("-o").arg(&native).arg("-lm"));
        Self { place, native }
    }

    /// What a script prints natively; it has to end well.
    fn native(&self, script: &Path) -> String {
        let input = std::fs::File::open(script).expect("the script");
        let output = done(Command::new(&self.native).arg("-").stdin(input));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What it prints in each dialect.
    fn guests(&self, script: &Path) -> impl Iterator<Item = (&str, String)> {
        let text = std::fs::read(script).expect("the script");
        DIALECTS.into_iter().map(move |dialect| {
            let session = Session::of(&self.place.path().join(dialect));
            let report = session.arguments(&["-"]).input(&text).run();
            let name = script.display();
            assert_eq!(report.state, "ok", "{name} {dialect}: {}", report.explained);
            let said = report.errors;
            assert_eq!(report.ended.code, 0, "{name} {dialect}: {said}");
            (dialect, report.ended.text())
        })
    }
}

#[test]
fn lua_5_4_runs_scripts_as_natively() {
    let (Some(directory), Some(scripts)) = (sources("lua5.4"), sources("lua5.1")) else {
        return;
    };
    let lua = Lua::of(&directory, "-O1");
    let came_with_lua = [
        "bisect",
        "cf",
        "factorial",
        "fibfor",
        "hello",
        "life",
        "sort",
        "table",
    ];
    let came_with_lua = came_with_lua.map(|name| scripts.join(format!("test/{name}.lua")));
    for script in [source("library.lua")].iter().chain(&came_with_lua) {
        let expected = lua.native(script);
        for (dialect, printed) in lua.guests(script) {
            assert_eq!(printed, expected, "{} {dialect}", script.display());
        }
    }
}

/// Each of them asserts what it is about, and prints what it does, with times and sizes that differ.
#[test]
fn lua_5_1_passes_its_test_suite() {
    let (Some(directory), Some(suite)) = (sources("lua5.1"), sources("lua-suite")) else {
        return;
    };
    let lua = Lua::of(&directory, "-O2");
    for name in [
        "calls",
        "closure",
        "constructs",
        "errors",
        "events",
        "gc",
        "literals",
        "locals",
        "nextvar",
        "sort",
        "strings",
        "vararg",
    ] {
        let script = suite.join(name).with_extension("lua");
        let last = |text: &str| text.lines().last().map(str::to_owned);
        let expected = last(&lua.native(&script));
        for (dialect, printed) in lua.guests(&script) {
            assert_eq!(last(&printed), expected, "{name} {dialect}");
        }
    }
}
