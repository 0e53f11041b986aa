//! Functions that a program resolved when it had opened a library are asked for along with its next open: each open
//! has answers of its own, for the file that it loaded.

use cosmos::{FaultCode, Library, Options, Value};
use cosmos_tests::{World, c, eventually, in_world};
use std::path::{Path, PathBuf};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(40);

/// Put in place as linkers and package managers do: under another name first.
fn compiled(world: &World, source: &str, number: i128) -> PathBuf {
    let (path, next) = (
        world.directory().join("libeither.so"),
        world.directory().join("next"),
    );
    let defines = ["VERSION", "EDITION"].map(|name| format!("-D{name}={number}"));
    let [version, edition] = &defines;
    c::compile(
        "gcc",
        &["-shared", "-fPIC", version, edition],
        source,
        &next,
    );
    std::fs::rename(&next, &path).expect("renamed");
    path
}

fn open(library: &Path) -> Library {
    let options = Options::new().fresh(true);
    cosmos::dlopen_with(library.to_str().expect("a path"), &options).expect("the library")
}

fn call(library: &Library, prototype: &str) -> i128 {
    let called = library.function(prototype).and_then(|it| it.call(&[]));
    match called.expect(prototype).result {
        Value::Int(number) => number,
        other => panic!("{other:?}"),
    }
}

fn is_missing(library: &Library, prototype: &str) {
    let error = library.function(prototype).map(drop).expect_err(prototype);
    assert_eq!(error.code(), FaultCode::NoSuchSymbol, "{error}");
}

/// What waits is there before each open, so that it is lent where there may be one.
fn settle(is_pooled: bool) {
    let waits = || {
        let rows = cosmos::queries::list_vms().expect("the VMs");
        let waits = rows.iter().any(|row| row.state == "waiting");
        (waits || !is_pooled).then_some(())
    };
    eventually(PATIENCE, waits).expect("one waits");
}

#[test]
fn each_open_answers_for_the_file_that_it_loaded() {
    in_world(|world| answers_for_what_was_loaded(world, false));
}

#[test]
fn each_open_of_what_waited_answers_for_the_file_that_it_loaded() {
    in_world(|world| answers_for_what_was_loaded(world, true));
}

fn answers_for_what_was_loaded(world: &World, is_pooled: bool) {
    world.configure(&format!("pool = {}\n", u8::from(is_pooled)));
    let (version, edition) = ("int version(void)", "int edition(void)");
    let process = "int number_of_this_process(void)";
    let mut before = None;
    for number in 1..4 {
        let path = compiled(world, "version.c", number);
        // Asked for along, and used.
        for _ in 0..3 {
            let opened = open(&path);
            assert_eq!(call(&opened, version), number);
            let own = call(&opened, process);
            assert_ne!(before.replace(own), Some(own), "a VM of its own");
            assert_eq!(call(&opened, version), number);
            is_missing(&opened, edition);
            opened.close().expect("closed");
            settle(is_pooled);
        }
        // And not used.
        let opened = open(&path);
        assert_eq!(call(&opened, process), call(&opened, process));
        opened.close().expect("closed");
        settle(is_pooled);
        let opened = open(&path);
        assert_eq!(call(&opened, version), number);
        opened.close().expect("closed");
        // What is asked for along is not there any more.
        compiled(world, "edition.c", number);
        let opened = open(&path);
        is_missing(&opened, version);
        assert_eq!(call(&opened, edition), number);
        opened.close().expect("closed");
        settle(is_pooled);
    }
}

const PICKED: &str = "int picked(void)";

/// What was asked for along ends the VM, or keeps it: nobody had asked for that as yet.
fn opens_without_what_kills(world: &World, is_pooled: bool) {
    world.configure(&format!("pool = {}\n", u8::from(is_pooled)));
    let marks = world.directory().join("marks");
    std::fs::create_dir(&marks).expect("a directory");
    let files = ["aborts", "waits"].map(|name| marks.join(name));
    let path = world.directory().join("libpicked.so");
    let [aborts, waits] = files.each_ref().map(|file| file.display());
    let defines = [
        format!("-DABORTS=\"{aborts}\""),
        format!("-DWAITS=\"{waits}\""),
    ];
    let flags = ["-shared", "-fPIC", &defines[0], &defines[1]];
    c::compile("gcc", &flags, "picked.c", &path);
    let options = Options::new()
        .fresh(true)
        .read(&marks)
        .timeout(Duration::from_secs(5));
    let open = || cosmos::dlopen_with(path.to_str().expect("a path"), &options);
    for file in files {
        for _ in 0..3 {
            let opened = open().expect("nothing is wrong yet");
            assert_eq!(call(&opened, PICKED), 7);
            opened.close().expect("closed");
            settle(is_pooled);
        }
        std::fs::write(&file, "").expect("a file");
        // It is used, and not.
        let opened = open().expect("nothing was asked of it");
        let error = opened.function(PICKED).map(drop).expect_err("its end");
        let codes = [FaultCode::VmDied, FaultCode::TimedOut];
        assert!(codes.contains(&error.code()), "{error}");
        drop(opened);
        let opened = open().expect("nor of this one");
        assert_eq!(call(&opened, "int plain(void)"), 5);
        opened.close().expect("closed");
        std::fs::remove_file(&file).expect("no file");
    }
}

#[test]
fn what_dies_of_what_was_asked_for_along_is_opened_without() {
    in_world(|world| opens_without_what_kills(world, false));
}

#[test]
fn what_waited_and_dies_of_what_was_asked_for_along_is_opened_without() {
    in_world(|world| opens_without_what_kills(world, true));
}
