//! Daemon mode: a guest that forks, and the sessions that go on from there.

mod support;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use support::daemon::{Daemon, answer};
use support::script::{self, EDQUOT, EPERM, Step};
use support::{Session, guest, unknown_device};

fn name_of(pid: Pid) -> String {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).expect("it runs");
    name.trim_end().to_owned()
}

/// Children of a process, and theirs.
fn descendants(pid: Pid) -> Vec<i32> {
    let mut all = Vec::new();
    for task in std::fs::read_dir("/proc").expect("processes").flatten() {
        let Ok(number) = task.file_name().to_string_lossy().parse::<i32>() else {
            continue;
        };
        let status = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        let fields = status.rsplit(')').next().unwrap_or_default();
        if fields.split_whitespace().nth(1) == Some(&pid.to_string()) {
            all.push(number);
            all.extend(descendants(Pid::from_raw(number)));
        }
    }
    all
}

/// The guest's process, the one child of the broker, and its clone that waits for a session: who is
/// there when there is no session.
fn waiting(broker: Pid) -> [i32; 2] {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match descendants(broker)[..] {
            [guest, clone] => return [guest, clone],
            ref others => assert!(Instant::now() < deadline, "{others:?} are there"),
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_guest_becomes_a_daemon_and_sessions_go_on_from_there() {
    let daemon = Daemon::start(|_| {});
    daemon.report.expect_ok();
    assert_eq!(daemon.report.lines[1], "1");
    assert_eq!(daemon.report.counters(), [0, 0, 1, 14, 0, 0, 0, 0]);
    assert_eq!(daemon.session.read("stderr"), b"before it did\n");
    let broker = daemon.pid();
    let [guest, clone] = waiting(broker);
    for pid in [broker.as_raw(), guest, clone] {
        assert_eq!(name_of(Pid::from_raw(pid)), "zvm.job-of-a-lo");
    }

    for name in ["one", "two"] {
        let input = format!("input of {name}");
        let report = daemon.ask(&daemon.manifest(name, input.as_bytes()));
        assert_eq!(report.state(), "ok", "{}", report.text);
        assert_eq!((report.lines[1].as_str(), report.code()), ("0", 0));
        // Two reads and the end that the first saw, two writes; what was before is not in it.
        let bytes = input.len() as u64;
        assert_eq!(report.counters(), [2, bytes, 2, bytes + 13, 0, 0, 0, 0]);
        assert_eq!(
            daemon.session.read(&format!("stdout-{name}")),
            input.as_bytes()
        );
        // Its position was kept, what was before it was not.
        let errors = daemon.session.read(&format!("stderr-{name}"));
        assert_eq!(errors, b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0after it did\n");
    }
}

/// Where its processes are, what they have open, whose session they are in, and what becomes of the
/// socket's file.
#[test]
fn a_daemon_has_left_whoever_started_it() {
    let daemon = Daemon::start(|session| session.write("job-of-a-long-name", b"in the way"));
    let broker = daemon.pid();
    let process = |what: &str| PathBuf::from(format!("/proc/{broker}/{what}"));
    let link = |what: &str| std::fs::read_link(process(what)).expect("it runs");
    assert_eq!(link("cwd"), Path::new("/"));
    for descriptor in ["fd/0", "fd/1", "fd/2"] {
        assert_eq!(link(descriptor), Path::new("/dev/null"));
    }
    let status = std::fs::read_to_string(process("status")).expect("it runs");
    assert!(status.contains("\nUmask:\t0000\n"), "{status}");
    assert_eq!(nix::unistd::getsid(Some(broker)), Ok(broker));
    let _ = waiting(broker);
    kill(broker, Signal::SIGTERM).expect("it runs");
    while !is_gone(broker.as_raw()) {
        std::thread::yield_now();
    }
    assert!(daemon.job.exists());
    assert!(UnixStream::connect(&daemon.job).is_err());
}

/// A fork within a session answers as one without a job does.
#[test]
fn sessions_do_not_become_daemons() {
    let fork = |name| Step::trap(&[script::id(name)]);
    let daemon = Daemon::start(|session| {
        let program = support::guest("script").display().to_string();
        session.set("Program", &program);
        session.steps(&[fork(b"Fork")]);
    });
    assert_eq!(daemon.report.lines[1], "1", "{}", daemon.report.text);
    // The first of the steps was read before the fork.
    let steps = script::bytes(&[fork(b"Fork"), fork(b"Fork"), fork(b"FORK")]);
    let report = daemon.ask(&daemon.manifest("one", &steps));
    assert_eq!((report.state(), report.lines[1].as_str()), ("ok", "0"));
    let answers: Vec<u8> = [0, 0, EPERM]
        .iter()
        .flat_map(|answer| answer.to_le_bytes())
        .collect();
    assert_eq!(daemon.session.read("stdout-one"), answers);
}

#[test]
fn sessions_have_the_digests_that_both_manifests_want() {
    let daemon = Daemon::start(|session| {
        session.tag("/dev/stdout");
        session.tag("/dev/stderr");
    });
    assert!(daemon.report.etags().starts_with("/dev/stdout da39a3ee"));
    let manifest = daemon.manifest("one", b"abc");
    let report = daemon.ask(&manifest);
    let abc = "/dev/stdout a9993e364706816aba3e25717850c26c9cd0d89d /dev/stderr ";
    assert!(report.etags().starts_with(abc), "{}", report.text);
    let untagged = manifest.replace("/dev/stderr, 0, 1,", "/dev/stderr, 0, 0,");
    assert_eq!(
        daemon.ask(&untagged).etags(),
        abc.trim_end_matches(" /dev/stderr ")
    );
}

/// A session says of the validator what its daemon said.
#[test]
fn sessions_have_the_verdict_of_their_daemon() {
    for (options, validator) in [(vec!["-P"], "0"), (vec!["-P", "-s"], "2")] {
        let daemon = Daemon::start(|session| {
            session.options = options.into_iter().map(str::to_owned).collect();
        });
        assert_eq!(daemon.report.validator(), validator);
        let report = daemon.ask(&daemon.manifest("one", b"abc"));
        assert_eq!((report.state(), report.validator()), ("ok", validator));
    }
}

/// What a session had read before the fork counts after it: positions, the end, and what is left of the
/// limits, of each session as if it were the only one.
#[test]
fn sessions_go_on_with_ends_and_limits() {
    const ENDED: u64 = 3;
    const LIMITED: u64 = 4;
    let get = |channel| script::read(channel, script::HEAP, 4, 0);
    let before = [
        get(ENDED),
        get(ENDED),
        get(LIMITED),
        Step::trap(&[script::id(b"Fork")]),
    ];
    let after = [get(ENDED), get(LIMITED), get(LIMITED)];
    let input = script::bytes(&[&before[..], &after].concat());
    let daemon = Daemon::start(|session| {
        let program = guest("script").display().to_string();
        session.set("Program", &program);
        session.input(&input);
        session.write("ended", b"four");
        session.file_channel("ended", "/dev/x-ended", 0, [9, 99, 0, 0]);
        session.write("limited", b"some bytes more");
        session.file_channel("limited", "/dev/x-limited", 0, [2, 99, 0, 0]);
    });
    daemon.report.expect_ok();
    // There is more to read now, but not for who has seen the end.
    daemon.session.write("ended", b"four and more");
    for name in ["one", "two"] {
        let report = daemon.ask(&daemon.manifest(name, &input));
        assert_eq!(report.state(), "ok", "{}", report.text);
        let answers = daemon.session.read(&format!("stdout-{name}"));
        let answers: Vec<i64> = answers
            .chunks_exact(8)
            .map(|word| i64::from_le_bytes(word.try_into().expect("eight bytes")))
            .collect();
        // Four answers were written before, which the new file has no bytes of; then that of the fork.
        assert_eq!(answers, [0, 0, 0, 0, 0, 4, EDQUOT]);
    }
}

#[test]
fn requests_that_are_wrong_are_told_so() {
    let daemon = Daemon::start(|_| {});
    let good = daemon.manifest("one", b"abc");
    let cases = [
        (String::new(), "the manifest is empty"),
        ("nothing".to_owned(), "Timeout not specified"),
        (
            good.replace("20130611", "1"),
            "MANIFEST 1: invalid manifest version",
        ),
        (
            good.replace("Timeout = 60", "Timeout = 0"),
            "invalid timeout 0",
        ),
        (
            good.replace("/dev/stdin,", "/dev/a,"),
            "missing standard channels in manifest",
        ),
        (
            format!("{good}Channel = /dev/null, /dev/x, 0, 0, 1, 1, 0, 0\n"),
            "difference in the number of channels",
        ),
        (
            good.replace("/dev/stdin, 0, 0,", "/dev/stdin, 1, 0,"),
            "difference in the type of /dev/stdin",
        ),
        (
            good.replace("/dev/stderr, 0, 0, 0, 0, ", "/dev/stderr, 0, 0, 0, 0, 1"),
            "difference in the limits of /dev/stderr",
        ),
    ];
    for (manifest, state) in cases {
        assert_eq!(daemon.ask(&manifest).state(), state);
    }
    // Program and memory are not looked at.
    let other = good.replace("Memory = 67108864", "Memory = -1");
    assert_eq!(daemon.ask(&other).state(), "ok");
}

#[test]
fn who_speaks_another_language_gets_no_answer() {
    let daemon = Daemon::start(|_| {});
    for request in [
        &b""[..],
        b"0x",
        b"GET / HTTP/1.1\r\n\r\n",
        b"-0000001x",
        b"99999999999999999",
    ] {
        let mut connection = UnixStream::connect(&daemon.job).expect("a daemon");
        connection.write_all(request).expect("sent");
        connection
            .shutdown(std::net::Shutdown::Write)
            .expect("shut down");
        let mut text = String::new();
        // What it had sent and nobody read may be answered with a reset.
        let _ = connection.read_to_string(&mut text);
        let is_answered = request.starts_with(b"999");
        assert_eq!(text.is_empty(), !is_answered, "{request:?}: {text}");
    }
    assert_eq!(daemon.ask(&daemon.manifest("one", b"abc")).state(), "ok");
}

/// Clients pad the length with line ends, and name a longer one than they send.
#[test]
fn lengths_are_taken_as_they_come() {
    let daemon = Daemon::start(|_| {});
    for prefix in ["0x1000\n\n", "16384   ", "0x010000"] {
        let mut connection = UnixStream::connect(&daemon.job).expect("a daemon");
        let manifest = daemon.manifest("one", b"abc");
        connection
            .write_all(format!("{prefix}{manifest}").as_bytes())
            .expect("sent");
        assert_eq!(answer(connection).state(), "ok", "{prefix:?}");
    }
}

#[test]
fn a_session_ends_when_its_time_is_over() {
    let daemon = Daemon::start(|_| {});
    let fifo = daemon.session.path("stdin-late");
    let manifest = daemon
        .manifest("late", b"")
        .replace("Timeout = 60", "Timeout = 1");
    std::fs::remove_file(&fifo).expect("the file");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a fifo");
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(&fifo, everybody).expect("permissions");
    let _writer = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&fifo)
        .expect("a fifo");
    assert_eq!(daemon.ask(&manifest).state(), "session timeout");
}

/// What a request has beyond 64 KiB is not read: the channels there are missing.
#[test]
fn a_request_ends_with_its_64_kib() {
    let daemon = Daemon::start(|session| {
        for index in 3..1500 {
            let value = format!("/dev/null, /dev/{index:04}, 0, 1, 1, 1, 0, 0");
            session.lines.push(("Channel".to_owned(), value));
        }
    });
    daemon.report.expect_ok();
    let manifest = daemon.manifest("many", b"abc");
    assert!(manifest.len() > 0x10000);
    let state = daemon.ask(&manifest).state().to_owned();
    assert_eq!(state, "difference in the number of channels");
}

/// Nor does a heap chunk have room for all of them.
#[test]
fn sessions_have_more_channels_than_a_message_has_descriptors() {
    let daemon = Daemon::start(|session| {
        for index in 3..1000 {
            let value = format!("/dev/null,/dev/{index},0,1,1,1,0,0");
            session.lines.push(("Channel".to_owned(), value));
        }
    });
    let report = daemon.ask(&daemon.manifest("many", b"abc"));
    assert_eq!(report.state(), "ok", "{}", report.text);
    assert_eq!(report.etags().split(' ').count(), 2 * 997);
}

fn is_gone(pid: i32) -> bool {
    !Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn everybody_ends_with_the_broker() {
    let daemon = Daemon::start(|_| {});
    let broker = daemon.pid();
    let others = waiting(broker);
    kill(broker, Signal::SIGKILL).expect("it runs");
    // Their parent is not this process: somebody else collects them.
    while !others.into_iter().all(is_gone) {
        std::thread::yield_now();
    }
}

#[test]
fn a_hang_up_ends_nobody() {
    let daemon = Daemon::start(|_| {});
    let broker = daemon.pid();
    let [guest, clone] = waiting(broker);
    for pid in [guest, clone, broker.as_raw()] {
        kill(Pid::from_raw(pid), Signal::SIGHUP).expect("it runs");
    }
    assert_eq!(daemon.ask(&daemon.manifest("one", b"abc")).state(), "ok");
}

/// How many sessions this test has; a soak asks for more.
fn sessions() -> usize {
    let asked = std::env::var("ZEROVM_SESSIONS").ok();
    asked.map_or(200, |number| number.parse().expect("a number"))
}

/// Bytes of a line of a process's map that it may write, but for the stacks of threads: how many there were
/// at most depends on how many sessions happened to meet, and the library keeps them.
fn written(line: &str) -> Option<u64> {
    const STACK: u64 = 0x40000;
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let address = |text| u64::from_str_radix(text, 16).expect("an address");
    let size = address(end) - address(start);
    let is_stack = (STACK - 0x1000..=STACK).contains(&size);
    (rest.starts_with("rw-p") && !is_stack).then_some(size)
}

#[test]
fn sessions_leave_nothing_behind() {
    let daemon = Daemon::start(|_| {});
    let manifest = daemon.manifest("one", b"abc");
    let broker = daemon.pid();
    // More at once than will be again: what a broker had at most it keeps.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(daemon.ask(&manifest).state(), "ok");
                }
            });
        }
    });
    let [guest, _] = waiting(broker);
    let files = |pid: i32| {
        std::fs::read_dir(format!("/proc/{pid}/fd"))
            .expect("files")
            .count()
    };
    let memory = |pid: i32| {
        let map = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("memory");
        map.lines().filter_map(written).sum::<u64>()
    };
    let watched = || [broker.as_raw(), guest].map(|pid| (files(pid), memory(pid)));
    // The broker knows who waits, and the guest's process has handed that one's socket on.
    let is_settled = || {
        let links = std::fs::read_dir(format!("/proc/{broker}/fd")).expect("files");
        let links = links
            .flatten()
            .filter_map(|link| std::fs::read_link(link.path()).ok());
        let processes = links.filter(|link| link.to_string_lossy().contains("[pidfd]"));
        processes.count() == 2 && files(guest) == 1
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_settled() {
        assert!(Instant::now() < deadline, "nobody waits");
        std::thread::yield_now();
    }
    let before = watched();
    for _ in 0..sessions() {
        assert_eq!(daemon.ask(&manifest).state(), "ok");
    }
    // Those that ended are collected at once; the last may be about to end, and the next to be made.
    let deadline = Instant::now() + Duration::from_secs(20);
    while watched() != before {
        assert!(
            Instant::now() < deadline,
            "{:?}, then {before:?}",
            watched()
        );
        std::thread::yield_now();
    }
    assert_eq!(waiting(broker)[0], guest);
}

/// Who waits for a session may be killed by anybody; the next one makes others.
#[test]
fn a_clone_that_is_killed_while_it_waits_is_replaced() {
    let daemon = Daemon::start(|_| {});
    let broker = daemon.pid();
    let manifest = daemon.manifest("one", b"abc");
    let [guest, clone] = waiting(broker);
    kill(Pid::from_raw(clone), Signal::SIGKILL).expect("it waits");
    while !is_gone(clone) {
        std::thread::yield_now();
    }
    for _ in 0..3 {
        assert_eq!(daemon.ask(&manifest).state(), "ok");
    }
    assert_eq!(descendants(broker)[0], guest);
}

#[test]
fn many_sessions_at_once() {
    let daemon = Daemon::start(|_| {});
    let broker = daemon.pid();
    std::thread::scope(|scope| {
        for client in 0..20 {
            let daemon = &daemon;
            scope.spawn(move || {
                let name = client.to_string();
                let manifest = daemon.manifest(&name, name.as_bytes());
                for _ in 0..5 {
                    assert_eq!(daemon.ask(&manifest).state(), "ok");
                    let output = daemon.session.read(&format!("stdout-{name}"));
                    assert_eq!(output, name.as_bytes());
                }
            });
        }
    });
    waiting(broker);
}

#[test]
fn a_socket_that_cannot_be_made_is_an_error() {
    let daemon = Daemon::start(|session| session.set("Job", "/nowhere/job"));
    assert_eq!(daemon.report.status, Some(2), "{}", daemon.report.text);
    assert!(daemon.report.state().starts_with("becoming a daemon"));
}

#[test]
fn a_job_without_a_fork_is_an_ordinary_session() {
    let mut session = Session::of("hello");
    let job = session.path("job").display().to_string();
    session.set("Job", &job);
    let report = session.run();
    report.expect_ok();
    assert_eq!(report.lines[1], "0");
    assert!(!Path::new(&job).exists());
}

/// Each session looks at the files that it is sent, as the broker does not know the dialect.
#[test]
fn sessions_of_dialect_fast_have_no_device_that_might_keep_memory() {
    let daemon = Daemon::start(|session| {
        session.set("Program", &guest("daemon.fast").display().to_string());
    });
    daemon.report.expect_ok();
    let report = daemon.ask(&daemon.manifest("files", b"some input"));
    assert_eq!(report.state(), "ok", "{}", report.text);
    assert_eq!(daemon.session.read("stdout-files"), b"some input");
    let Some(device) = unknown_device() else {
        eprintln!("skipped: this machine has no device that is refused and that nobody may open");
        return;
    };
    let manifest = daemon.manifest("device", b"");
    let input = daemon.session.path("stdin-device").display().to_string();
    let report = daemon.ask(&manifest.replace(&input, &device));
    let refused = report.state().starts_with("/dev/stdin: of devices");
    assert!(refused, "{}", report.text);
    // And the next one has files again.
    let report = daemon.ask(&daemon.manifest("again", b"more input"));
    assert_eq!(report.state(), "ok", "{}", report.text);
    assert_eq!(daemon.session.read("stdout-again"), b"more input");
}
