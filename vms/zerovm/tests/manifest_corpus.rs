//! The original's corpus of manifests with the exit code that each has, rebuilt from its table.
//!
//! Each case is the good manifest with one thing changed.

mod support;

use std::os::unix::net::UnixListener;
use support::{Report, Session, guest};

enum Change {
    /// Nothing.
    Good,
    /// Another value for a key.
    Set(&'static str, &'static str),
    /// No line with this key.
    Without(&'static str),
    /// These lines after the others.
    Add(&'static [&'static str]),
    /// Another text within the lines.
    Replace(&'static str, &'static str),
    /// Only these lines.
    Only(&'static [&'static str]),
}

use Change::{Add, Good, Only, Replace, Set, Without};

const CORPUS: [(&str, i32, Change); 30] = [
    (
        "duplicated_channel_alias",
        14,
        Add(&["Channel = /dev/null, /dev/stdin, 0, 0, 1, 1, 0, 0"]),
    ),
    ("empty_manifest", 14, Only(&["", "nothing to see"])),
    ("good", 0, Good),
    (
        "invalid_channel_access_type",
        14,
        Replace("/dev/stdin, 0", "/dev/stdin, 5"),
    ),
    (
        "invalid_channel_path",
        14,
        Replace("= /dev/null, /dev/stdin", "= dev/null, /dev/stdin"),
    ),
    (
        "invalid_channel_source_type",
        93,
        Replace("= /dev/null, /dev/stdin", "= SOCKET, /dev/stdin"),
    ),
    (
        "invalid_limits",
        14,
        Add(&["Channel = /dev/null, /dev/x, 0, 0, -1, 1, 0, 0"]),
    ),
    ("invalid_memory", 12, Set("Memory", "-1, 0")),
    ("invalid_memory_tag", 14, Set("Memory", "67108864, 2")),
    (
        "invalid_name_server_host",
        14,
        Add(&["NameServer = udp:127.0.1:54321", "Node = 1"]),
    ),
    (
        "invalid_name_server_proto",
        14,
        Add(&[
            "NameServer = tcp:127.0.0.1:54321",
            "NodeName = 1",
            "Channel = tcp:2:, /dev/in/2, 0, 0, 1, 1, 0, 0",
        ]),
    ),
    // The original dies of this one.
    (
        "invalid_name_server_type",
        14,
        Add(&["NameServer = udp:127.0.0.1", "Node = 1"]),
    ),
    ("invalid_nexe", 2, Set("Program", "/nowhere/invalid.nexe")),
    ("invalid_node", 14, Set("Node", "node")),
    ("invalid_timeout", 14, Set("Timeout", "0")),
    ("malformed_nexe", 8, Set("Program", "MANIFEST")),
    ("missed_memory_tag", 14, Set("Memory", "67108864")),
    (
        "name_server_missed_node",
        14,
        Add(&[
            "NameServer = udp:127.0.0.1:54321",
            "Channel = tcp:2:, /dev/in/2, 0, 0, 1, 1, 0, 0",
        ]),
    ),
    ("negative_timeout", 14, Set("Timeout", "-1")),
    ("nexe_skipped", 14, Without("Program")),
    (
        "nil_channel",
        22,
        Add(&["Channel = /dev/null, /dev/x, 0, 0, 0, 0, 0, 0"]),
    ),
    ("no_channels", 14, Without("Channel")),
    ("no_nexe", 2, Set("Program", "")),
    ("no_std_channels", 14, Replace("/dev/std", "/dev/other")),
    ("no_version", 14, Without("Version")),
    (
        "not_enough_std_channels",
        14,
        Replace("/dev/stderr", "/dev/another"),
    ),
    (
        "not_existing_channel_name",
        14,
        Replace("= /dev/null, /dev/stdin", "= /nowhere, /dev/stdin"),
    ),
    (
        "too_few_channel_attributes",
        14,
        Add(&["Channel = /dev/null, /dev/x, 0, 0, 1, 1, 0"]),
    ),
    ("too_large_nexe", 5, Set("Program", "/dev/zero")),
    (
        "too_much_channel_attributes",
        14,
        Add(&["Channel = /dev/null, /dev/x, 0, 0, 1, 1, 0, 0, 0"]),
    ),
];

#[test]
fn every_manifest_of_the_corpus_has_its_code() {
    for (name, code, change) in CORPUS {
        let report = run(&change);
        assert_eq!(report.status, Some(code), "{name}: {}", report.text);
        if code != 0 {
            assert_ne!(report.state(), "ok", "{name}");
        }
    }
}

fn run(change: &Change) -> Report {
    let mut session = Session::of("hello");
    let _socket = UnixListener::bind(session.path("socket")).expect("a socket");
    if let Set(key, value) = change {
        session.set(key, value);
    }
    let mut text = match change {
        Only(lines) => lines.join("\n"),
        _ => session.manifest(),
    };
    match change {
        Without(key) => {
            let kept = text.lines().filter(|line| !line.starts_with(key));
            text = kept.map(|line| format!("{line}\n")).collect();
        }
        Add(lines) => text.push_str(&lines.join("\n")),
        Replace(from, to) => {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        Good | Set(..) | Only(_) => {}
    }
    let text = text
        .replace("SOCKET", &session.path("socket").display().to_string())
        .replace("MANIFEST", &session.path("corpus").display().to_string());
    session.write("corpus", text.as_bytes());
    let mut command = std::process::Command::new(session.runner.path());
    command.arg(session.path("corpus")).arg("-P");
    Report::of(command.output().expect("zerovm starts"))
}

#[test]
fn connections_are_refused_by_name() {
    let mut session = Session::of("hello");
    let connection = "tcp:127.0.0.1:50001, /dev/in, 0, 0, 1, 1, 0, 0";
    session
        .lines
        .push(("Channel".to_owned(), connection.to_owned()));
    let report = session.run();
    let state = "/dev/in: tcp channels are not in this release";
    assert_eq!((report.status, report.state()), (Some(93), state));
    // Nothing was opened for a session that cannot be had.
    assert!(!session.path("stdout").exists());
}

/// Two things wrong at once: the earlier step's error is told.
#[test]
fn the_order_of_the_steps_decides() {
    let invalid = guest("raw").display().to_string();
    let steps: [(i32, Change); 7] = [
        (14, Set("Node", "node")),
        (2, Set("Program", "/nowhere")),
        (5, Set("Program", "/dev/zero")),
        (8, Set("Program", "INVALID")),
        (22, Add(&["Channel = /dev/null, /dev/x, 0, 0, 0, 0, 0, 0"])),
        (12, Set("Memory", "1, 0")),
        (14, Set("Timeout", "0")),
    ];
    for (index, (code, earlier)) in steps.iter().enumerate() {
        for (_, later) in &steps[index + 1..] {
            let mut session = Session::of("hello");
            let mut added = String::new();
            for change in [later, earlier] {
                match change {
                    Set(key, value) => session.set(key, &value.replace("INVALID", &invalid)),
                    Add(lines) => added = lines.join("\n"),
                    _ => unreachable!("not among the steps"),
                }
            }
            session.write(
                "both",
                format!("{}{added}\n", session.manifest()).as_bytes(),
            );
            let mut command = std::process::Command::new(session.runner.path());
            command.arg(session.path("both")).arg("-P");
            let report = Report::of(command.output().expect("zerovm starts"));
            assert_eq!(report.status, Some(*code), "{index}: {}", report.text);
        }
    }
}
