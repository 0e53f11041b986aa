//! Programs of the world, from Debian's sources: what they print as guests of either dialect is what
//! they print as programs of this machine.
//!
//! Where the sources cannot be had, the tests say so by name and end.

mod support;

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use support::sources::{files, sources, words};
use support::{DIALECTS, Session, compile_in, done, native, open_directory, source};

/// A text that compresses as texts do.
fn some_text() -> Vec<u8> {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let mut text = Vec::new();
    for name in ["README.md", "docs/zerovm.md", "Cargo.lock", "Makefile"] {
        text.extend(std::fs::read(manual.join(name)).unwrap_or_default());
    }
    text.extend((0..200_000_u32).map(|each| (each.wrapping_mul(2_654_435_761) >> 28) as u8));
    text
}

#[test]
fn zlib_passes_its_example_and_minigzip_compresses_as_natively() {
    let Some(directory) = sources("zlib") else {
        return;
    };
    let place = open_directory();
    let library = files(&directory, &[]);
    let with = |main: &str| {
        let mut files = library.clone();
        files.push(directory.join("test").join(main));
        words(&["-O2", "-w", "-DHAVE_UNISTD_H"], &directory, files)
    };
    let expected = native(with("example.c"), place.path(), &["/dev/null/nowhere"]);
    // What the native one prints before it opens its file; the guest's file is in memory.
    let first = String::from_utf8_lossy(&expected.output)
        .lines()
        .nth(1)
        .map(str::to_owned);
    for dialect in DIALECTS {
        let example = place.path().join("example.nexe");
        compile_in(dialect, with("example.c"), &example);
        let ended = Session::of(&example).ended();
        let text = ended.text();
        assert_eq!(text.lines().nth(1).map(str::to_owned), first);
        let inflated = text.contains("inflate with dictionary: hello, hello!");
        assert!(inflated, "{text}");
        assert!(text.contains("gzgets() after gzseek:  hello!"), "{text}");
        assert_eq!(ended.code, 0);
    }

    let text = some_text();
    let native_program = place.path().join("native-minigzip");
    done(
        Command::new("gcc")
            .args(with("minigzip.c"))
            .arg("-o")
            .arg(&native_program),
    );
    let input = place.path().join("text");
    std::fs::write(&input, &text).expect("it is written");
    let from_text = std::fs::File::open(&input).expect("it is there");
    let expected = done(Command::new(&native_program).stdin(from_text));
    for dialect in DIALECTS {
        let minigzip = place.path().join("minigzip.nexe");
        compile_in(dialect, with("minigzip.c"), &minigzip);
        let packed = Session::of(&minigzip).input(&text).ended();
        assert_eq!(packed.output, expected.stdout, "the same bytes as natively");
        let unpacked = Session::of(&minigzip)
            .arguments(&["-d"])
            .input(&packed.output)
            .ended();
        assert_eq!(unpacked.output, text);
    }
}

#[test]
fn bzip2_packs_as_natively_and_unpacks() {
    let Some(directory) = sources("bzip2") else {
        return;
    };
    let place = open_directory();
    let but = [
        "bzip2recover.c",
        "dlltest.c",
        "mk251.c",
        "spewG.c",
        "unzcrash.c",
    ];
    let all = words(&["-O2", "-w"], &directory, files(&directory, &but));
    let nexes = DIALECTS.map(|dialect| {
        let nexe = place.path().join(format!("bzip2-{dialect}.nexe"));
        compile_in(dialect, &all, &nexe);
        nexe
    });
    let native_program = place.path().join("native-bzip2");
    done(
        Command::new("gcc")
            .args(&all)
            .arg("-o")
            .arg(&native_program),
    );
    for level in 1..=3 {
        let (packed, original) = (format!("sample{level}.bz2"), format!("sample{level}.ref"));
        let packed = std::fs::read(directory.join(packed)).expect("a sample");
        let original_path = directory.join(original);
        let original = std::fs::read(&original_path).expect("a sample");
        let option = format!("-{level}");
        let input = std::fs::File::open(&original_path).expect("a sample");
        let expected = done(
            Command::new(&native_program)
                .args([&option, "-c"])
                .stdin(input),
        );
        for nexe in &nexes {
            let ended = Session::of(nexe)
                .arguments(&["-d", "-c"])
                .input(&packed)
                .ended();
            assert_eq!(ended.output, original);
            let ended = Session::of(nexe)
                .arguments(&[&option, "-c"])
                .input(&original)
                .ended();
            assert_eq!(ended.output, expected.stdout);
        }
    }
}

#[test]
fn lua_runs_scripts_as_natively() {
    let Some(directory) = sources("lua5.4") else {
        return;
    };
    let place = open_directory();
    let directory = directory.join("src");
    let all = words(&["-O2", "-w"], &directory, files(&directory, &["luac.c"]));
    let script = source("library.lua");
    let native_program = place.path().join("native-lua");
    let mut gcc = Command::new("gcc");
    done(gcc.args(&all).arg("-o").arg(&native_program).arg("-lm"));
    let input = std::fs::File::open(&script).expect("the script");
    let expected = done(Command::new(&native_program).arg("-").stdin(input));
    let text = std::fs::read(&script).expect("the script");
    for dialect in DIALECTS {
        let nexe = place.path().join("lua.nexe");
        compile_in(dialect, &all, &nexe);
        let ended = Session::of(&nexe).arguments(&["-"]).input(&text).ended();
        assert_eq!(ended.text(), String::from_utf8_lossy(&expected.stdout));
        assert_eq!(ended.code, 0);
    }
}

#[test]
fn sqlite_keeps_a_database_in_memory_and_on_a_channel() {
    let Some(directory) = sources("sqlite") else {
        return;
    };
    let place = open_directory();
    let options = [
        "-O1",
        "-w",
        "-DSQLITE_THREADSAFE=0",
        "-DSQLITE_OMIT_LOAD_EXTENSION",
        "-DSQLITE_OMIT_WAL",
        "-DSQLITE_OMIT_LOCALTIME",
        "-DSQLITE_ENABLE_MATH_FUNCTIONS",
    ];
    let all = words(
        &options,
        &directory,
        vec![directory.join("sqlite3.c"), source("database.c")],
    );
    let file = place.path().join("native.db");
    let file = file.to_str().expect("a path");
    let expected = native(&all, place.path(), &[":memory:", file]);
    for dialect in DIALECTS {
        let nexe = place.path().join("database.nexe");
        let guest = ["-DSQLITE_OS_OTHER=1", "-D__ZVM__"].map(OsString::from);
        compile_in(dialect, guest.into_iter().chain(all.clone()), &nexe);
        let session = Session::of(&nexe).arguments(&[":memory:", "/dev/database"]);
        let channel = session.file("database", "");
        let session = session.channel(&channel, "/dev/database", 3);
        let report = session.run();
        assert_eq!(report.state, "ok", "{}", report.explained);
        let text = report.ended.text();
        assert_eq!(text, String::from_utf8_lossy(&expected.output));
        assert!(text.contains("\nok\n"), "the database is sound");
    }
}
