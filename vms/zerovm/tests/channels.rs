//! Channels over real files: the original's functional tests, and what the host adds.

mod support;

use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use support::Session;
use support::script::{EDQUOT, EFAULT, EINVAL, HEAP, expect, read, write};

const SUBJECT: &str = "/dev/subject";

/// The guest `script` with one more channel, which is handle 3.
fn subject(content: Option<&[u8]>, access: i32, limits: [u64; 4]) -> Session {
    let mut session = Session::of("script");
    if let Some(content) = content {
        session.write("subject", content);
    }
    session.file_channel("subject", SUBJECT, access, limits);
    session
}

#[test]
fn sequential_reads() {
    let mut session = subject(Some(&[7; 100]), 0, [32, 32, 0, 0]);
    let report = expect(
        &mut session,
        &[
            (read(3, HEAP, 1, 0), 1),
            (read(3, HEAP, 1, 55), 1),
            (read(3, HEAP, 1, -1), 1),
            (read(3, HEAP, 1, 0), 1),
            (read(3, HEAP, 30, 0), 28),
            (read(3, HEAP, 1, 0), EDQUOT),
            (read(3, HEAP, 0, 0), 0),
            (read(3, 0, 0, 0), EINVAL),
            (read(3, HEAP, -1, 0), EFAULT),
            (write(3, HEAP, 1, 0), EDQUOT),
            (read(99, HEAP, 1, 0), EINVAL),
        ],
    );
    // The five that came to the file, the script's own twelve with their end, and the eleven answers.
    let [gets, _, puts, put_bytes, ..] = report.counters()[..] else {
        panic!("{}", report.text)
    };
    assert_eq!((gets, puts, put_bytes), (5 + 11 + 1, 11, 88));
}

#[test]
fn random_reads() {
    let mut session = subject(Some(b"0123456789"), 3, [32, 1000, 0, 0]);
    expect(
        &mut session,
        &[
            (read(3, HEAP, 4, 8), 2),
            (write(1, HEAP, 0, 0), 0),
            (read(3, HEAP, 4, 10), 0),
            (read(3, HEAP, 4, 11), EFAULT),
            (read(3, HEAP, 4, -1), EINVAL),
            (read(3, HEAP, i64::from(i32::MAX), 0), EINVAL),
            (read(3, HEAP, 4, 0), 4),
        ],
    );
}

#[test]
fn sequential_writes() {
    let mut session = subject(Some(b"this goes away"), 0, [0, 0, 32, 32]);
    expect(
        &mut session,
        &[
            (write(3, 0x10000, 30, 99), 30),
            // Trampolines and text may be read.
            (write(3, 0x20000, 30, 0), 2),
            (write(3, 0x20000, 1, 0), EINVAL),
        ],
    );
    let written = session.read("subject");
    assert_eq!(written.len(), 32);
    assert!(written.starts_with(&[0x48, 0xB8, 0, 0, 0x11, 0xCA]));
}

#[test]
fn appending() {
    let mut session = subject(Some(b"0123456789"), 1, [16, 100, 16, 20]);
    expect(
        &mut session,
        &[
            (write(3, 0x10000, 4, 0), 4),
            (read(3, HEAP, 100, 0), 14),
            (read(3, HEAP, 100, 12), 2),
            (write(3, HEAP, 100, 0), 16),
            (write(3, HEAP, 1, 0), EINVAL),
        ],
    );
    let written = session.read("subject");
    assert_eq!(written.len(), 30);
    assert!(written.starts_with(b"0123456789\x48\xB8\0\0\0\x0023456789"));
}

#[test]
fn random_access() {
    let mut session = subject(None, 3, [99, 1000, 99, 1000]);
    expect(
        &mut session,
        &[
            (read(3, HEAP, 1, 0), 0),
            (write(3, 0x10000, 6, 10), 6),
            (read(3, HEAP, 99, 0), 16),
            (write(3, HEAP, 16, 500), 16),
            (write(3, HEAP, 1, 1600), EINVAL),
        ],
    );
    let written = session.read("subject");
    assert_eq!(written.len(), 516);
    assert_eq!(written[500..], written[..16]);
    assert_eq!(written[10..16], [0x48, 0xB8, 0, 0, 0x11, 0xCA]);
}

#[test]
fn files_larger_than_the_space_of_the_guest() {
    let far = 5i64 << 30;
    let limit = 1u64 << 40;
    let mut session = subject(Some(b"start"), 3, [99, limit, 99, limit]);
    expect(
        &mut session,
        &[
            (write(3, 0x10000, 6, far), 6),
            (read(3, HEAP, 99, far + 2), 4),
            (read(3, HEAP, 5, 0), 5),
            (read(3, HEAP, 1, i64::MAX), EFAULT),
            (write(3, HEAP, 1, i64::MAX), EINVAL),
        ],
    );
    let status = std::fs::metadata(session.path("subject")).expect("the file");
    assert_eq!(status.len(), far as u64 + 6);
    assert!(status.blocks() < 1000, "it is sparse");
}

#[test]
fn written_files_have_room_until_they_are_closed() {
    let mut session = Session::of("hello");
    session.options.clear();
    session.file_channel("stdout", "/dev/stdout", 0, [0, 0, 9, 1 << 20]);
    session.run().expect_ok();
    assert_eq!(session.read("stdout").len(), 32);

    // Without room for it the session does not start; with -P nobody asks.
    session.file_channel("stdout", "/dev/stdout", 0, [0, 0, 9, 1 << 62]);
    let report = session.run();
    assert_eq!(report.status, Some(27), "{}", report.text);
    session.options.push("-P".into());
    session.run().expect_ok();
}

/// Nor does a session that fails before its guest runs leave anything but its files.
#[test]
fn room_is_given_back_when_the_session_does_not_start() {
    let mut session = Session::of("hello");
    session.options.clear();
    session.file_channel("stdout", "/dev/stdout", 0, [0, 0, 9, 1 << 20]);
    for (key, value, code) in [("Timeout", "0", 14), ("Memory", "5, 0", 12)] {
        let mut session = Session::of("hello");
        session.options.clear();
        session.file_channel("stdout", "/dev/stdout", 0, [0, 0, 9, 1 << 20]);
        session.set(key, value);
        assert_eq!(session.run().status, Some(code));
        assert_eq!(session.read("stdout"), b"", "{key}");
    }
    session.file_channel("nowhere/x", "/dev/subject", 0, [9, 9, 0, 0]);
    assert_eq!(session.run().status, Some(14));
    assert_eq!(session.read("stdout"), b"");
}

#[test]
fn streams_are_read_until_they_end() {
    let mut session = Session::of("copy");
    let fifo = session.path("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o666)).expect("a fifo");
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(&fifo, everybody).expect("permissions");
    let many = 1 << 40;
    session.channel(
        fifo.to_str().expect("text"),
        "/dev/stdin",
        0,
        [many, many, 0, 0],
    );
    let child = session
        .command()
        .stdout(std::process::Stdio::piped())
        .spawn();
    let child = child.expect("zerovm starts");
    let mut writer = std::fs::OpenOptions::new()
        .write(true)
        .open(&fifo)
        .expect("a reader");
    // In pieces that are no chunks.
    for _ in 0..50 {
        writer.write_all(&[b'x'; 3001]).expect("it reads");
    }
    drop(writer);
    let report = support::Report::of(child.wait_with_output().expect("it ends"));
    report.expect_ok();
    assert_eq!(session.read("stdout"), [b'x'; 3001 * 50]);
    // Two chunks that were full, the rest, the end, the end again: a stream that ended is not read.
    assert_eq!(report.counters()[..2], [5, 3001 * 50]);
}

#[test]
fn the_standard_streams_may_be_channels() {
    let mut session = Session::of("copy");
    let many = 1 << 40;
    session.channel("/dev/stdin", "/dev/stdin", 0, [many, many, 0, 0]);
    session.channel("/dev/stderr", "/dev/stdout", 0, [0, 0, many, many]);
    let mut command = session.command();
    let piped = std::process::Stdio::piped;
    command.stdin(piped()).stdout(piped()).stderr(piped());
    let mut child = command.spawn().expect("zerovm starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"through pipes").expect("it reads");
    drop(input);
    let mut copied = String::new();
    let mut output = child.stderr.take().expect("a pipe");
    output.read_to_string(&mut copied).expect("it writes");
    assert_eq!(copied, "through pipes");
    support::Report::of(child.wait_with_output().expect("it ends")).expect_ok();
}

#[test]
fn copies_of_a_channel_have_to_agree() {
    let mut session = Session::of("copy");
    for (name, content) in [("one", "same"), ("two", "other"), ("three", "same")] {
        session.write(name, content.as_bytes());
    }
    let path = |session: &Session, name: &str| session.path(name).display().to_string();
    let uri = ["one", "two", "three"]
        .map(|name| path(&session, name))
        .join("; ");
    session.channel(&uri, "/dev/stdin", 0, [99, 999, 0, 0]);
    let outputs = ["a", "b"].map(|name| path(&session, name)).join(";");
    session.channel(&outputs, "/dev/stdout", 0, [0, 0, 99, 999]);
    session.run().expect_ok();
    assert_eq!(session.read("a"), b"same");
    assert_eq!(session.read("b"), b"same");

    session.write("three", b"third");
    let report = session.run();
    assert_eq!(report.status, Some(5), "{}", report.text);
}

/// A manifest has at most 8192 lines that count, so the limit of 10,914 channels is never reached:
/// the lines after those are no lines of their own, and fall away.
#[test]
fn thousands_of_channels() {
    const MOST: u64 = 8191 - 4;
    for lines in [MOST, 10_915] {
        let mut session = Session::of("script");
        // More than anybody's descriptors in between would be a failure of another kind.
        session.lines.truncate(4);
        let many = 1 << 40;
        session.file_channel("stdout", "/dev/stdout", 0, [0, 0, many, many]);
        session.file_channel("stderr", "/dev/stderr", 0, [0, 0, many, many]);
        session.input(b"");
        for index in 3..lines {
            let value = format!("/dev/null, /dev/x{index}, 0, 1, 1, 1, 0, 0");
            session.lines.push(("Channel".to_owned(), value));
        }
        let steps = [
            (read(MOST - 1, HEAP, 1, 0), 0),
            (read(MOST, HEAP, 1, 0), EINVAL),
        ];
        let bytes: Vec<_> = steps.iter().map(|(step, _)| step.clone()).collect();
        session.write("stdin", &support::script::bytes(&bytes));
        let report = session.run();
        let (_, hard) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE)
            .expect("a limit");
        if hard <= MOST + 20 {
            assert_eq!(report.status, Some(24), "{}", report.text);
            return;
        }
        report.expect_ok();
        assert_eq!(session.answers(), [0, EINVAL]);
        // Digests of all of them, from a process that may not move its memory.
        assert_eq!(report.etags().split(' ').count() as u64, 2 * (MOST - 3));
    }
}

#[test]
fn a_full_disk_is_an_error_of_the_session() {
    let mut session = Session::of("hello");
    session.channel("/dev/full", "/dev/stdout", 0, [0, 0, 9, 999]);
    let report = session.run();
    assert_eq!(report.status, Some(5), "{}", report.text);
    assert_eq!(report.counters()[2], 0);
}
