//! A C program written for zlib, SQLite and libcurl, linked with them and compiled once more, without
//! a change, with the headers that `cosmos gen c` makes: both say the same.

use cosmos_tests::{Prefix, World, in_world_for, run};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const LIBRARIES: &[(&str, &str)] = &[
    ("libz.so.1", "-lz"),
    ("libsqlite3.so.0", "-lsqlite3"),
    ("libcurl.so.4", "-lcurl"),
];
const STRICT: &[&str] = &["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-g"];

#[test]
fn a_program_says_the_same_linked_directly_and_through_vms() {
    in_world_for(Duration::from_secs(180), |world| {
        let direct = world.directory().join("direct");
        let mut flags = STRICT.to_vec();
        flags.extend(LIBRARIES.iter().map(|(_, link)| *link));
        cosmos_tests::c::compile("gcc", &flags, "archive.c", &direct);

        let prefix = Prefix::installed(world);
        let through = world.directory().join("through");
        let headers: Vec<PathBuf> = LIBRARIES
            .iter()
            .map(|(soname, _)| header(world, soname))
            .collect();
        let mut flags = STRICT.to_vec();
        flags.push("-DCOSMOS_REDIRECT");
        for header in &headers {
            flags.extend(["-include", header.to_str().expect("UTF-8")]);
        }
        prefix.compile("gcc", "archive.c", &flags, &through);
        assert_uses_no_library(&through);

        let text = world.directory().join("text");
        let words: String = (0..4000)
            .map(|line| format!("line {} of {line}\n", line * 7919 % 1000))
            .collect();
        std::fs::write(&text, &words).expect("a text");
        let expected = said(world, &mut Command::new(&direct), &text, "direct");
        assert!(expected.ends_with("the same again\n"), "{expected}");
        let mut command = Command::new(&through);
        // curl reads a file of the test's own directory.
        command.env("COSMOS_GRANTS_WRITE", world.directory());
        let printed = said(world, prefix.environment(&mut command), &text, "through");
        assert_eq!(printed, expected);

        // Each reads what the other has written.
        let files = |name: &str| std::fs::read(world.directory().join(name)).expect(name);
        assert_eq!(files("through.gz"), files("direct.gz"));
    });
}

/// What the program prints.
fn said(world: &World, command: &mut Command, text: &Path, name: &str) -> String {
    let file = |suffix: &str| world.directory().join(format!("{name}.{suffix}"));
    command
        .arg(format!("file://{}", text.display()))
        .args([file("db"), file("gz")]);
    run(command, Duration::from_secs(60)).succeeded().to_owned()
}

/// The header of a library as `cosmos gen` prints it.
fn header(world: &World, soname: &str) -> PathBuf {
    let made = world.run_cosmos(&["gen", "c", soname]);
    let path = world.directory().join(format!("{soname}.h"));
    std::fs::write(&path, made.succeeded()).expect("a header");
    path
}

/// The program calls none of the libraries, and is linked with none.
fn assert_uses_no_library(program: &Path) {
    let mut dynamic = Command::new("readelf");
    let ran = run(dynamic.arg("-dW").arg(program), Duration::from_secs(20));
    for name in ["libz.so", "libsqlite3.so", "libcurl.so"] {
        assert!(!ran.succeeded().contains(name), "{ran:?}");
    }
    let mut symbols = Command::new("nm");
    let ran = run(symbols.arg("-u").arg(program), Duration::from_secs(20));
    for prefix in [
        " sqlite3_",
        " curl_",
        " deflate",
        " inflate",
        " gz",
        " crc32",
    ] {
        assert!(!ran.succeeded().contains(prefix), "{prefix}: {ran:?}");
    }
}
