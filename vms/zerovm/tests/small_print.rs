//! Sentences of the specification that are easily lost: what each is about stands in a table.

mod support;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use support::script::{EPERM, HEAP, Step, expect, id, write};
use support::{Report, Session};

const MANY: u64 = 1 << 40;

/// How a channel is opened, by what is there, its type and its limits: the exit code, and a state that
/// ends so.
#[test]
fn how_each_kind_of_channel_is_opened() {
    let reads = [9, 9, 0, 0];
    let writes = [0, 0, 9, 9];
    let both = [9, 9, 9, 9];
    let cases: [(&str, i32, [u64; 4], i32, &str); 22] = [
        ("regular", 0, reads, 0, "ok"),
        ("regular", 0, writes, 0, "ok"),
        ("regular", 1, both, 0, "ok"),
        ("regular", 3, both, 0, "ok"),
        ("regular", 0, both, 14, "is read anywhere"),
        ("regular", 2, both, 14, "is read anywhere"),
        ("regular", 0, [9, 0, 0, 9], 22, "the limits allow nothing"),
        ("regular", 0, [0, 9, 9, 0], 22, "the limits allow nothing"),
        ("regular", 4, reads, 14, "/dev/subject has invalid type 4"),
        ("regular", -1, reads, 14, "/dev/subject has invalid type -1"),
        ("new", 0, writes, 0, "ok"),
        ("new", 3, both, 0, "ok"),
        ("new", 0, reads, 14, "No such file or directory"),
        ("no/file", 0, writes, 2, "No such file or directory"),
        ("secret", 0, reads, 14, "Permission denied"),
        ("secret", 0, writes, 13, "Permission denied"),
        ("directory", 0, reads, 93, "can be channels"),
        ("socket", 0, reads, 93, "can be channels"),
        ("/dev/zero", 0, reads, 0, "ok"),
        ("/dev/null", 3, both, 22, "not both"),
        ("/dev/null", 0, [0; 4], 22, "the limits allow nothing"),
        ("/proc/self/status", 0, reads, 93, "cannot be channels"),
    ];
    for (what, access, limits, code, state) in cases {
        if what == "secret" && !nix::unistd::Uid::effective().is_root() {
            continue;
        }
        let mut session = Session::of("hello");
        session.write("regular", b"content");
        session.write("secret", b"content");
        let only_root = PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(session.path("secret"), only_root).expect("permissions");
        std::fs::create_dir(session.path("directory")).expect("a directory");
        let _socket = std::os::unix::net::UnixListener::bind(session.path("socket"));
        let uri = match what.starts_with('/') {
            true => what.to_owned(),
            false => session.path(what).display().to_string(),
        };
        session.channel(&uri, "/dev/subject", access, limits);
        let report = session.run();
        let case = format!("{what}, type {access}, {limits:?}: {}", report.text);
        assert_eq!(report.status, Some(code), "{case}");
        assert!(report.state().ends_with(state), "{case}");
    }
}

#[test]
fn files_that_a_channel_makes_are_their_owners_alone() {
    let session = Session::of("hello");
    session.run().expect_ok();
    let status = std::fs::metadata(session.path("stdout")).expect("a file");
    assert_eq!(status.mode() & 0o7777, 0o600);
}

#[test]
fn sets_of_channels_have_their_messages() {
    let twice = |session: &mut Session| {
        let line = "/dev/null, /dev/stderr, 0, 0, 1, 1, 0, 0";
        session.lines.push(("Channel".to_owned(), line.to_owned()));
    };
    let two = |session: &mut Session| session.lines.truncate(6);
    let other = |session: &mut Session| {
        session.lines.truncate(6);
        session.channel("/dev/null", "/dev/other", 0, [0, 0, 1, 1]);
    };
    type Change = fn(&mut Session);
    let cases: [(Change, &str); 3] = [
        (twice, "/dev/stderr is already allocated"),
        (two, "not enough channels"),
        (other, "missing standard channels in manifest"),
    ];
    for (change, state) in cases {
        let mut session = Session::of("hello");
        change(&mut session);
        let report = session.run();
        assert_eq!((report.status, report.state()), (Some(14), state));
    }
}

/// Sizes are told of what is not read and written in order: that of the file where it is read.
#[test]
fn a_guest_is_told_the_sizes_of_its_channels() {
    let mut session = Session::of("script");
    session.options.clear();
    let channels: [(&str, i32, [u64; 4], u64); 6] = [
        ("a", 0, [9, 99, 0, 0], 0),
        ("b", 1, [9, 99, 0, 0], 7),
        ("c", 3, [9, 99, 9, 99], 7),
        ("d", 2, [0, 0, 9, 99], 0),
        ("e", 2, [9, 99, 0, 0], 7),
        ("new", 3, [9, 99, 9, 99], 0),
    ];
    for (name, access, limits, _) in channels {
        if name != "new" {
            session.write(name, b"content");
        }
        session.file_channel(name, &format!("/dev/x-{name}"), access, limits);
    }
    session.file_channel("told", "/dev/z", 0, [0, 0, 9, 999]);
    let count = 3 + channels.len() as u64 + 1;
    let array = 0xFF00_0000 - 4 - 48 * count;
    let size = 48 * count as i64;
    expect(&mut session, &[(write(count - 1, array, size, 0), size)]);
    let told = session.read("told");
    let word = |channel: usize, at: usize| {
        let bytes = &told[48 * channel + at..][..8];
        u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
    };
    for (index, (name, access, limits, size)) in channels.into_iter().enumerate() {
        let channel = index + 3;
        let found = [0, 8, 16, 24].map(|at| word(channel, at));
        assert_eq!(found, limits, "{name}");
        assert_eq!(word(channel, 32), size, "{name}");
        assert_eq!(word(channel, 40) as u32, access as u32, "{name}");
    }
}

/// The file behind standard output is opened anew, and the report goes where the first output went.
#[test]
fn a_report_overwrites_what_its_file_was_a_channel_for() {
    let mut session = Session::of("noise");
    session.write("output", b"what was there before");
    let output = session.path("output");
    session.channel("/dev/stdout", "/dev/stdout", 0, [0, 0, 9, 500]);
    let file = std::fs::OpenOptions::new().write(true).open(&output);
    let mut command = session.command();
    command.stdout(file.expect("a file"));
    assert!(command.status().expect("zerovm starts").success());
    let content = session.read("output");
    assert_eq!(content.len(), 500);
    let end = content.windows(5).position(|window| window == b"\nok\n\n");
    let report = &content[..end.expect("a report") + 5];
    assert!(report.starts_with(b"0\n0\n-22\ndisable\n"), "{report:?}");
}

/// Of the code that a guest gives, 32 bits are its code; an id that is no function's is an error for
/// the guest; a fork without a job is one only in the second generation.
#[test]
fn words_are_as_wide_as_their_fields() {
    for (word, code) in [
        (5, 5),
        (u64::MAX, -1),
        (0x1_0000_0005, 5),
        (0x8000_0000, i32::MIN),
    ] {
        for exit in [
            Step::trap(&[id(b"Exit"), 7, word]),
            Step::trap(&[id(b"EXIT"), word]),
        ] {
            let report = Session::script(&[exit]).run();
            report.expect_ok();
            assert_eq!(report.code(), code, "{word:#x}");
        }
    }
    let mut session = Session::of("script");
    expect(
        &mut session,
        &[
            (Step::trap(&[id(b"Fork")]), 0),
            (Step::trap(&[id(b"FORK")]), EPERM),
            (Step::trap(&[id(b"Read") | 1 << 32]), EPERM),
            (Step::trap(&[17_770_432]), EPERM),
            (Step::trap(&[id(b"Writ"), 0, 1 << 32 | 1, HEAP, 0, 0]), 0),
        ],
    );
}

#[test]
fn a_trace_goes_on_where_the_last_one_ended() {
    let mut session = Session::of("hello");
    session.write("trace", b"kept\n");
    let trace = session.path("trace").display().to_string();
    session.options.extend(["-T".into(), trace]);
    session.run().expect_ok();
    session.run().expect_ok();
    let text = String::from_utf8(session.read("trace")).expect("text");
    assert!(
        text.starts_with("kept\n[") && text.ends_with("TrapExit(0)\n\n"),
        "{text}"
    );
    assert_eq!(text.matches(&"0".repeat(48)).count(), 2);
}

/// A limit that is used up by count and one by bytes, in reads and in writes, of the real thing.
#[test]
fn a_manifest_is_read_as_it_always_was() {
    // Line ends of another system, comments, numbers of three bases, a key that nobody knows, a value
    // with an equals sign, and the manifest named by -M.
    let session = Session::of("hello");
    let text = session
        .manifest()
        .replace("Memory = 67108864", "Memory =  0x4000000 ")
        .replace("Timeout = 60", "Timeout = 074\nFuture = 1\nTimeout = a=b")
        .replace('\n', "\r\n");
    session.write("text", format!("=====\nprose\n{text}").as_bytes());
    let mut command = std::process::Command::new(session.runner.path());
    command.arg("-P").arg("-M").arg(session.path("text"));
    Report::of(command.output().expect("zerovm starts")).expect_ok();
    // More text than is read does not matter.
    let mut long = session.manifest().into_bytes();
    long.resize(0x80000, b' ');
    long.extend(b"\nVersion = 1\n");
    session.write("text", &long);
    let mut command = std::process::Command::new(session.runner.path());
    command.arg(session.path("text")).arg("-P");
    Report::of(command.output().expect("zerovm starts")).expect_ok();
}

/// What the first line says where it does not come to the validator, and the third without an exit.
#[test]
fn lines_of_a_session_that_failed_early_have_their_defaults() {
    let mut session = Session::of("hello");
    session.set("Program", "/nowhere");
    let report = session.run();
    let text = "2\n0\n0\ndisable\n0.00 0.00 0 0 0 0 0 0 0 0\nprogram open error\n\n";
    assert_eq!((report.status, report.text.as_str()), (Some(2), text));
    // After validation the channels are opened: one that fails leaves the validator's verdict.
    let mut session = Session::of("hello");
    session.channel("/nowhere", "/dev/stdin", 0, [MANY, MANY, 0, 0]);
    let report = session.run();
    assert_eq!((report.status, report.validator()), (Some(14), "0"));
}
