//! Guests, programs and manifests that try to get out: the host answers each with the code that is
//! specified.

mod support;

use nix::libc;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::process::Child;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use support::script::{EDQUOT, EFAULT, EINVAL, EPERM, HEAP, Step, expect, id, read, write};
use support::{Report, Session, guest};

const SPACE: u64 = 1 << 32;
const TEXT: u64 = 0x20000;

#[test]
fn arguments_that_straddle_the_end_of_the_space() {
    let exit = [id(b"Exit"), 0, 5];
    let mut session = Session::script(&[]);
    expect(
        &mut session,
        &[
            (Step::trap_at(SPACE - 16, &exit[..2]), EFAULT),
            (Step::trap_at(SPACE - 8, &exit[..1]), EFAULT),
            (Step::trap_at(SPACE - 8, &[0x1234]), EPERM),
            (Step::trap_at(SPACE - 7, &[]), EFAULT),
            (Step::trap_at(SPACE - 1, &[]), EFAULT),
            (
                Step::trap_at(SPACE - 40, &[id(b"Read"), 0, 0, HEAP, 1]),
                EFAULT,
            ),
        ],
    );
    session.steps(&[Step::trap_at(SPACE - 24, &exit)]);
    let report = session.run();
    report.expect_ok();
    assert_eq!(report.code(), 5);
}

#[test]
fn arguments_that_cannot_be_read_end_the_session() {
    for pointer in [8, 0xFFF8, 0xFFFC, 0x8000_0000, 0xFEFE_FFFC] {
        let mut session = Session::script(&[Step::trap_at(pointer, &[])]);
        session.runner = support::RUNNER;
        let report = session.run();
        assert_eq!(report.status, Some(4), "{pointer:#x}: {}", report.text);
        assert!(
            report.state().starts_with("Signal 11 from trusted code"),
            "{}",
            report.text
        );
    }
}

#[test]
fn buffers_where_no_buffer_may_be() {
    let buffers: [(u64, i64, i64, i64); 15] = [
        // Buffer, size, what a read into it answers, what a write from it does.
        (0, 1, EINVAL, EINVAL),
        (0xFFFF, 2, EINVAL, EINVAL),
        (0x10000, 8, EINVAL, 8),
        (TEXT, 8, EINVAL, 8),
        (TEXT + 0xFFF8, 16, EINVAL, 16),
        (0x30000, 8, EINVAL, 8),
        (0x4000_0000, 8, EINVAL, EINVAL),
        (0xFEFF_FFF8, 8, EINVAL, 8),
        (0xFEFF_FFF8, 16, EINVAL, 16),
        (SPACE - 8, 9, EINVAL, EINVAL),
        (SPACE, 1, EINVAL, EINVAL),
        (SPACE + HEAP, 8, EINVAL, EINVAL),
        (u64::MAX - 3, 8, EINVAL, EINVAL),
        (0x440A_0010_0000, 8, EINVAL, EINVAL),
        (0x440A_0000_0000, 1, EINVAL, EINVAL),
    ];
    let mut session = Session::of("script");
    session.write("subject", &[7; 100]);
    session.file_channel("subject", "/dev/subject", 0, [99, 999, 0, 0]);
    session.file_channel("sink", "/dev/trash", 0, [0, 0, 99, 999]);
    let mut steps = Vec::new();
    for (buffer, size, got, put) in buffers {
        steps.push((read(3, buffer, size, 0), got));
        steps.push((write(4, buffer, size, 0), put));
    }
    expect(&mut session, &steps);
}

#[test]
fn sizes_and_offsets_that_overflow() {
    let mut session = Session::of("script");
    session.write("subject", &[7; 100]);
    session.file_channel("subject", "/dev/subject", 3, [99, 1 << 62, 99, 1 << 62]);
    let huge = [i64::MAX, i64::MAX - 1, i64::MIN, -1, 1 << 62];
    let mut steps = Vec::new();
    for offset in huge {
        // Beyond the size of the file the answer is that of a size below 0.
        let got = if offset < 0 { EINVAL } else { EFAULT };
        steps.push((read(3, HEAP, 8, offset), got));
    }
    for offset in [i64::MAX, i64::MIN, -1] {
        steps.push((write(3, HEAP, 8, offset), EINVAL));
    }
    for size in [i64::from(i32::MIN), -1, i64::from(i32::MAX)] {
        let answer = if size < 0 { EFAULT } else { EINVAL };
        steps.push((read(3, HEAP, size, 0), answer));
        steps.push((write(3, HEAP, size, 0), answer));
    }
    // 64 bits of size: the low half counts.
    steps.push((read(3, HEAP, 1 << 32, 0), 0));
    steps.push((read(3, HEAP, (1 << 32) + 8, 0), 8));
    for channel in [u64::MAX, 1 << 31, 10_915, 4] {
        steps.push((read(channel, HEAP, 8, 0), EINVAL));
        steps.push((write(channel, HEAP, 8, 0), EINVAL));
    }
    expect(&mut session, &steps);
}

#[test]
fn jails_outside_of_the_heap() {
    let jail = |address: u64, size: u64| Step::trap(&[id(b"Jail"), 0, address, size]);
    let unjail = |address: u64, size: u64| Step::trap(&[id(b"Unjl"), 0, address, size]);
    let mut steps = Vec::new();
    for (address, size) in [
        (0, 0x10000),
        (0x10000, 32),
        (TEXT, 32),
        (0x30000, 0x20000),
        (0xFEFF_0000, 0x10000),
        (0xFF00_0000, 0x10000),
        (HEAP, 0x7FFF_0000),
        (HEAP, 0),
        (HEAP, u64::MAX),
        (HEAP + 32, 32),
        (!0xFFFF, 0x10000),
    ] {
        steps.push((jail(address, size), EINVAL));
        steps.push((unjail(address, size), EINVAL));
    }
    steps.push((Step::trap(&[0x1234]), EPERM));
    expect(&mut Session::of("script"), &steps);
}

/// Code that comes through a channel: it runs when it was jailed, and only then.
#[test]
fn code_from_a_channel() {
    // pop %r11; and $-32, %r11d; add %r15, %r11; jmp *%r11
    let code = b"\x41\x5B\x41\x83\xE3\xE0\x4D\x01\xFB\x41\xFF\xE3";
    let mut page = [0x90; 64];
    page[32..32 + code.len()].copy_from_slice(code);
    let load = |session: &mut Session| {
        session.write("code", &page);
        session.file_channel("code", "/dev/subject", 3, [99, 999, 0, 0]);
    };
    let jail = Step::trap(&[id(b"Jail"), 0, HEAP, 64]);
    let unjail = Step::trap(&[id(b"Unjl"), 0, HEAP, 64]);

    let mut session = Session::script(&[read(3, HEAP, 64, 0), Step::call(HEAP)]);
    load(&mut session);
    let report = session.run();
    let state = "Signal 11 from untrusted code: Halting at 0x440A00100000";
    assert_eq!((report.status, report.state()), (Some(4), state));

    let steps = [
        read(3, HEAP, 64, 0),
        jail.clone(),
        // What is code now cannot be written.
        read(3, HEAP, 64, 0),
        read(3, HEAP + 0x1000, 64, 0),
        Step::call(HEAP),
        unjail,
        read(3, HEAP, 64, 0),
        Step::call(HEAP),
    ];
    let mut session = Session::script(&steps);
    load(&mut session);
    let report = session.run();
    assert_eq!(
        (report.status, report.state()),
        (Some(4), state),
        "{}",
        report.text
    );
    let answers = session.answers();
    assert_eq!(answers.len(), 7);
    assert_eq!(answers[..4], [64, 0, EINVAL, 64]);
    assert_eq!(answers[5..], [0, 64]);
}

#[test]
fn files_of_the_kernel_are_no_channels() {
    let mut session = Session::of("hello");
    std::os::unix::fs::symlink("/proc/self/mem", session.path("link")).expect("a link");
    let link = session.path("link").display().to_string();
    for uri in [
        "/proc/self/mem",
        "/proc/self/status",
        "/proc/version",
        &link,
    ] {
        for (access, limits) in [(3, [9, 9, 9, 9]), (0, [9, 9, 0, 0]), (0, [0, 0, 9, 9])] {
            session.channel(uri, "/dev/subject", access, limits);
            let report = session.run();
            assert_eq!(report.status, Some(93), "{uri}: {}", report.text);
        }
    }
}

/// A program of `hello` with bytes changed.
fn changed(at: usize, bytes: &[u8]) -> Report {
    let session = program(|nexe| nexe[at..at + bytes.len()].copy_from_slice(bytes));
    session.run()
}

fn program(change: impl FnOnce(&mut Vec<u8>)) -> Session {
    let mut nexe = std::fs::read(guest("hello")).expect("the guest");
    change(&mut nexe);
    let mut session = Session::of("hello");
    session.write("program", &nexe);
    let path = session.path("program").display().to_string();
    session.set("Program", &path);
    session
}

#[test]
fn programs_that_end_too_early() {
    let whole = std::fs::metadata(guest("hello")).expect("the guest").len() as usize;
    // Sections are not loaded, so the end of the file does not matter.
    let needed = 64 + 3 * 56;
    for length in [0, 1, 63, 64, 100, needed - 1] {
        let session = program(|nexe| nexe.truncate(length));
        assert_eq!(session.run().status, Some(5), "{length}");
    }
    for length in [needed, 0x100, 0x110, 0x1C8, 0x1D0] {
        let session = program(|nexe| nexe.truncate(length.min(whole)));
        assert_eq!(session.run().status, Some(8), "{length}");
    }
}

#[test]
fn programs_whose_headers_lie() {
    const ENTRY: usize = 24;
    const TEXT_HEADER: usize = 64;
    const CONSTANTS: usize = 64 + 56;
    let cases: [(&str, usize, &[u8]); 12] = [
        ("magic", 0, b"\x7fELG"),
        ("class", 4, &[1]),
        ("machine", 18, &[3]),
        ("entry below the text", ENTRY, &0x10000u64.to_le_bytes()),
        ("entry in a bundle", ENTRY, &0x20001u64.to_le_bytes()),
        ("entry behind the text", ENTRY, &0x20100u64.to_le_bytes()),
        ("writable text", TEXT_HEADER + 4, &7u32.to_le_bytes()),
        (
            "text elsewhere",
            TEXT_HEADER + 16,
            &0x10000u64.to_le_bytes(),
        ),
        (
            "constants over the text",
            CONSTANTS + 16,
            &0x20000u64.to_le_bytes(),
        ),
        (
            "constants in the guard",
            CONSTANTS + 16,
            &(SPACE - 8).to_le_bytes(),
        ),
        (
            "an end that overflows",
            CONSTANTS + 40,
            &u64::MAX.to_le_bytes(),
        ),
        (
            "more file than memory",
            CONSTANTS + 32,
            &0x1000u64.to_le_bytes(),
        ),
    ];
    for (name, at, bytes) in cases {
        let report = changed(at, bytes);
        assert_eq!(report.status, Some(8), "{name}: {}", report.text);
    }
    // A gigabyte of constants leaves no room for a heap.
    let report = changed(CONSTANTS + 40, &0x4000_0000u64.to_le_bytes());
    assert_eq!(report.status, Some(12), "{}", report.text);
}

#[test]
fn programs_that_are_no_files() {
    for (program, code) in [
        ("/dev/zero", 5),
        ("/dev/null", 5),
        ("/", 5),
        ("/nowhere", 2),
        ("", 2),
    ] {
        let mut session = Session::of("hello");
        session.set("Program", program);
        assert_eq!(session.run().status, Some(code), "{program}");
    }
    let mut session = Session::of("hello");
    let fifo = session.path("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a fifo");
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(&fifo, everybody).expect("permissions");
    session.set("Program", fifo.to_str().expect("text"));
    assert_eq!(session.run().status, Some(5));
}

/// What runs is a copy: the file may change as soon as it was read.
#[test]
fn a_program_that_is_rewritten_after_it_was_loaded() {
    let mut session = Session::of("copy");
    let nexe = std::fs::read(guest("copy")).expect("the guest");
    session.write("program", &nexe);
    let path = session.path("program").display().to_string();
    session.set("Program", &path);
    let fifo = session.path("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a fifo");
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(&fifo, everybody).expect("permissions");
    session.channel(
        fifo.to_str().expect("text"),
        "/dev/stdin",
        0,
        [1 << 40, 1 << 40, 0, 0],
    );
    let mut command = session.command();
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("zerovm starts");
    // Channels are opened after the program was loaded.
    let input = open_once_it_is_read(&fifo, &mut child);
    session.write("program", &vec![0xCC; nexe.len()]);
    // What does not read any more has a report that says why.
    let written = input.map(|mut input| input.write_all(&[b'x'; 200_000]));
    Report::of(child.wait_with_output().expect("it ends")).expect_ok();
    assert!(matches!(written, Some(Ok(()))), "{written:?}");
    assert_eq!(session.read("stdout"), [b'x'; 200_000]);
}

/// The writing end of a FIFO once a process has the other one, or nothing if that ends without it.
fn open_once_it_is_read(fifo: &Path, reader: &mut Child) -> Option<File> {
    while reader.try_wait().expect("it is ours").is_none() {
        let mut options = File::options();
        options.write(true).custom_flags(libc::O_NONBLOCK);
        if let Ok(input) = options.open(fifo) {
            let waits = nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::empty());
            nix::fcntl::fcntl(&input, waits).expect("it may wait");
            return Some(input);
        }
        std::thread::yield_now();
    }
    None
}

/// Two bytes of the text, wherever they are, become `syscall`.
#[test]
fn a_program_with_a_system_call_in_it_does_not_run() {
    const TEXT_OFFSET: usize = 64 + 8;
    let nexe = std::fs::read(guest("hello")).expect("the guest");
    let word = |at: usize| usize::from(nexe[at]) | usize::from(nexe[at + 1]) << 8;
    let (start, size) = (word(TEXT_OFFSET), word(TEXT_OFFSET + 24));
    // Between the instructions that fill a bundle up: nobody ever executes them.
    let fill = nexe[start..start + size]
        .windows(4)
        .position(|bytes| bytes == [0x90; 4])
        .expect("a place");
    for at in [start, start + fill] {
        let report = changed(at, &[0x0F, 0x05]);
        assert_eq!(
            (report.status, report.state()),
            (Some(8), "validation failed")
        );
        assert_eq!(report.validator(), "1");
    }
}

/// Whoever rewrites the file all the time gets what was read validated, and nothing else executed.
#[test]
fn a_program_that_is_rewritten_while_it_is_loaded() {
    let session = program(|_| {});
    let path = session.path("program");
    let good = std::fs::read(&path).expect("the program");
    let start = usize::from(good[72]) | usize::from(good[73]) << 8;
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("the program");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Also if what is expected does not come.
        let _over = SetAtEnd(&is_over);
        scope.spawn(|| {
            while !is_over.load(Relaxed) {
                for bytes in [&[0x0F, 0x05], &good[start..start + 2]] {
                    file.write_all_at(bytes, start as u64).expect("written");
                }
            }
        });
        for _ in 0..100 {
            let report = session.run();
            let is_refused = report.status == Some(8) && report.state() == "validation failed";
            let has_run = report.status == Some(0) && report.state() == "ok";
            assert!(is_refused || has_run, "{}", report.text);
        }
    });
}

struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[test]
fn manifests_of_hostile_shape() {
    let session = Session::of("hello");
    let good = session.manifest();
    let mut lines = good.clone().into_bytes();
    lines.extend(vec![b'='; 600_000]);
    let deep = format!("{good}{}", "Channel = ,,,,,,,\n".repeat(5));
    let cases: [(Vec<u8>, i32); 9] = [
        (Vec::new(), 5),
        (vec![0], 14),
        (vec![0xFF; 3000], 14),
        (vec![b'\n'; 600_000], 14),
        (vec![b'='; 600_000], 14),
        (vec![b','; 600_000], 14),
        (deep.into_bytes(), 14),
        (lines, 0),
        (b"Channel".to_vec(), 14),
    ];
    for (index, (text, code)) in cases.into_iter().enumerate() {
        session.write("hostile", &text);
        let mut command = std::process::Command::new(session.runner.path());
        command.arg("-P").arg(session.path("hostile"));
        let report = Report::of(command.output().expect("zerovm starts"));
        assert_eq!(report.status, Some(code), "{index}: {}", report.text);
    }
}

/// Reads of a channel that nobody gave, and writes to one that may only be read.
#[test]
fn channels_keep_their_directions() {
    let mut session = Session::of("script");
    session.write("subject", &[7; 100]);
    session.file_channel("subject", "/dev/subject", 3, [99, 999, 0, 0]);
    expect(
        &mut session,
        &[
            (write(3, HEAP, 8, 0), EDQUOT),
            (write(0, HEAP, 8, 0), EDQUOT),
            (read(1, HEAP, 8, 0), EDQUOT),
            (read(2, HEAP, 8, 0), EDQUOT),
        ],
    );
    assert_eq!(session.read("subject"), [7; 100]);
}
