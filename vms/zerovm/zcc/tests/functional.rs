//! The functional tests of ZeroVM's first generation, written again from their description: guests
//! that expect each answer of the traps to the number.

mod support;

use std::path::{Path, PathBuf};
use support::{DIALECTS, Report, Session, compile_in, source};
use tempfile::TempDir;

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// A guest of `programs/functional`, compiled in a dialect.
fn guest(name: &str, dialect: &str) -> (TempDir, PathBuf) {
    let directory = support::open_directory();
    let nexe = directory.path().join(format!("{name}.nexe"));
    let text = source("functional").join(format!("{name}.c"));
    compile_in(dialect, [Path::new("-O2"), Path::new("-g"), &text], &nexe);
    (directory, nexe)
}

/// A guest in each dialect.
fn guests(name: &str) -> impl Iterator<Item = (TempDir, PathBuf)> {
    DIALECTS
        .into_iter()
        .map(move |dialect| guest(name, dialect))
}

/// A session that comes to its exit with nothing failed.
fn passes(report: &Report) {
    assert_eq!(report.state, "ok", "{}{}", report.errors, report.explained);
    assert_eq!((report.errors.as_str(), report.ended.code), ("", 0));
}

/// Runs a guest that has one channel more, of a file with this text; what the file has then, which
/// does not depend on the dialect.
fn with_channel(name: &str, text: &str, kind: u8, limits: [u64; 4]) -> Vec<u8> {
    let left = guests(name).map(|(_directory, nexe)| {
        let session = Session::of(&nexe);
        let file = session.file("channel", text);
        let session = session.limited(&file, &format!("/dev/{name}"), kind, limits);
        let kept = session.directory.path().to_owned();
        let (report, bytes) = session.run_and(|| std::fs::read(kept.join("channel")));
        passes(&report);
        bytes.expect("the file of the channel")
    });
    let mut left: Vec<_> = left.collect();
    left.dedup();
    assert_eq!(left.len(), 1, "{name}: {left:?}");
    left.remove(0)
}

#[test]
fn seqro() {
    with_channel("seqro", LETTERS, 0, [32, 32, 0, 0]);
}

#[test]
fn seqwo() {
    let written = with_channel("seqwo", "", 0, [0, 0, 5, 16]);
    assert_eq!(
        (written.len(), &written[..4], &written[8..]),
        (16, &b"abcd"[..], &b"01234567"[..])
    );
}

#[test]
fn ranro() {
    with_channel("ranro", &LETTERS[..26], 1, [8, 64, 0, 0]);
}

#[test]
fn ranwo() {
    let written = with_channel("ranwo", "", 2, [0, 0, 4, 16]);
    assert_eq!(written, b"cd0123456789a");
}

#[test]
fn ranrw() {
    let written = with_channel("ranrw", "", 3, [99, 999, 99, 999]);
    assert_eq!(written, b"heLLo!?");
}

#[test]
fn cdr() {
    let written = with_channel("cdr", "first", 1, [99, 999, 99, 999]);
    assert_eq!(written, b"firstabcdef");
}

#[test]
fn charo() {
    for (_directory, nexe) in guests("charo") {
        let session = Session::of(&nexe);
        passes(
            &session
                .limited(Path::new("/dev/zero"), "/dev/charo", 0, [9, 999, 0, 0])
                .run(),
        );
    }
}

#[test]
fn accounting() {
    for (_directory, nexe) in guests("accounting") {
        let report = Session::of(&nexe).input(&LETTERS[..30]).run();
        passes(&report);
        let counted: Vec<&str> = report.accounting.split(' ').skip(2).collect();
        assert_eq!(counted.join(" "), "5 30 2 20 0 0 0 0");
    }
}

#[test]
fn exit() {
    for (_directory, nexe) in guests("exit") {
        assert_eq!(Session::of(&nexe).ended().code, 1234);
    }
}

#[test]
fn memory() {
    for (_directory, nexe) in guests("memory") {
        passes(&Session::of(&nexe).memory(128 << 20).run());
    }
}

#[test]
fn signals() {
    for (_directory, nexe) in guests("signals") {
        let session = |number: &str| Session::of(&nexe).arguments(&[number]);
        let state = |number: &str| session(number).run().state;
        for number in ["4", "8", "11"] {
            let wanted = format!("Signal {number} from untrusted code");
            assert!(state(number).starts_with(&wanted), "{}", state(number));
        }
        assert_eq!(session("14").timeout(1).run().state, "session timeout");
    }
}

#[test]
fn jail() {
    for (_directory, nexe) in guests("jail") {
        passes(&Session::of(&nexe).run());
    }
}

#[test]
fn fork() {
    for (_directory, nexe) in guests("fork") {
        passes(&Session::of(&nexe).run());
    }
}

#[test]
fn execute_data() {
    for (_directory, nexe) in guests("execute_data") {
        let state = Session::of(&nexe).run().state;
        assert!(
            state.starts_with("Signal 11 from untrusted code"),
            "{state}"
        );
    }
}

#[test]
fn computed_goto() {
    for (_directory, nexe) in guests("computed_goto") {
        passes(&Session::of(&nexe).run());
    }
}

/// rdtsc, and a jump into an instruction: zcc refuses both, and where somebody writes them into a nexe
/// the validator does.
#[test]
fn rdtsc_and_overlapjmp() {
    for (_directory, nexe) in guests("exit") {
        let whole = std::fs::read(&nexe).expect("the nexe");
        // The program's first bundle; its text starts where the headers end.
        let text = whole
            .windows(4)
            .position(|bytes| bytes == [0x48, 0x83, 0xe4, 0xf0]);
        let text = text.expect("the start");
        for change in [&[0x0f, 0x31][..], &[0xeb, 0xff, 0xc0]] {
            let mut changed = whole.clone();
            changed[text..text + change.len()].copy_from_slice(change);
            std::fs::remove_file(&nexe).expect("it was there");
            std::fs::write(&nexe, changed).expect("it is written");
            let state = Session::of(&nexe).run().state;
            assert!(state.contains("validation failed"), "{state}");
        }
    }
}
