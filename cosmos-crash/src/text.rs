//! A report for people.

use crate::Report;
use cosmos_rpc::message::crash::{Frame, Remains};
use nix::sys::signal::Signal;
use std::fmt::Write;

/// The name of a signal, `SIGSEGV`.
pub fn signal(number: i32) -> String {
    Signal::try_from(number).map_or_else(
        |_| format!("signal {number}"),
        |signal| signal.as_str().to_owned(),
    )
}

/// One line: what died, of what, where.
pub fn headline(report: &Report) -> String {
    let mut line = format!("{} (", shown(&report.vm));
    for target in report.targets.iter().take(3) {
        let _ = write!(line, "{}, ", shown(base(target)));
    }
    let _ = write!(
        line,
        "pid {}, {}) {}",
        report.pid,
        shown(&report.host),
        cause(&report.remains)
    );
    match report.calls.as_slice() {
        [] => {}
        [call] => {
            let _ = write!(line, " during {}", shown(&call.call));
        }
        [call, others @ ..] => {
            let _ = write!(
                line,
                " during {} and {} more",
                shown(&call.call),
                others.len()
            );
        }
    }
    line
}

/// What killed it.
pub fn cause(remains: &Remains) -> String {
    let mut text = format!("killed by {}", signal(remains.signal));
    if let Some(address) = remains.address {
        let _ = write!(text, " at {address:#x}");
    }
    let why = match is_at_stack(remains) {
        true => Some("its stack has no room left"),
        false => why(remains.signal, remains.code),
    };
    if let Some(why) = why {
        let _ = write!(text, " ({why})");
    }
    match remains.sender {
        Some(0) if remains.signal != 6 => text.push_str(", which it sent itself"),
        Some(0) | None => {}
        Some(pid) => {
            let _ = write!(text, ", which process {pid} sent");
        }
    }
    text
}

/// Whether it failed where its stack is: what is there can be used for as long as there is a stack.
fn is_at_stack(remains: &Remains) -> bool {
    const NEAR: u64 = 64 << 10;
    let pointer = remains.registers.iter().find(|(name, _)| name == "rsp");
    let (Some(address), Some((_, pointer))) = (remains.address, pointer) else {
        return false;
    };
    let is_near = address > NEAR && address.abs_diff(*pointer) < NEAR;
    remains.signal == Signal::SIGSEGV as i32 && is_near
}

/// What the kernel's `si_code` means for this signal.
fn why(signal: i32, code: i32) -> Option<&'static str> {
    Some(match (Signal::try_from(signal).ok()?, code) {
        (Signal::SIGSEGV, 1) => "nothing is mapped there",
        (Signal::SIGSEGV, 2) => "what is mapped there forbids it",
        (Signal::SIGSEGV, 128) => "an address that no process has",
        (Signal::SIGBUS, 1) => "a misaligned address",
        (Signal::SIGBUS, 2) => "nothing of the file is left there",
        (Signal::SIGFPE, 1) => "an integer divided by zero, or too large a quotient",
        (Signal::SIGFPE, 2) => "an integer overflow",
        (Signal::SIGFPE, 3..=7) => "a floating-point exception",
        (Signal::SIGILL, 1..=8) => "no instruction of this machine",
        (Signal::SIGSYS, 1) => "a system call that kills",
        _ => return None,
    })
}

/// A frame as a line.
pub fn frame(number: usize, frame: &Frame) -> String {
    let mut line = format!("#{number:<2} ");
    match (frame.function.as_str(), frame.within) {
        ("", _) if frame.module.is_empty() => {
            let _ = write!(line, "{:#x}", frame.address);
        }
        ("", _) => {
            let _ = write!(line, "{}+{:#x}", shown(base(&frame.module)), frame.offset);
        }
        (function, 0) => line.push_str(&shown(function)),
        (function, within) => {
            let _ = write!(line, "{}+{within:#x}", shown(function));
        }
    }
    match (frame.file.as_str(), frame.line) {
        ("", _) if frame.function.is_empty() => {}
        ("", _) => {
            let _ = write!(line, "   {}", shown(base(&frame.module)));
        }
        (file, 0) => {
            let _ = write!(line, "   {}", shown(base(file)));
        }
        (file, number) => {
            let _ = write!(line, "   {}:{number}", shown(base(file)));
        }
    }
    if frame.inlined {
        line.push_str(" (inlined)");
    }
    line
}

/// The backtrace, a line a frame, at most so many; frames that repeat are counted.
pub fn backtrace(frames: &[Frame], most: usize) -> Vec<String> {
    lines_of(frames, most, |_| false)
}

/// The same where calls that follow each other are one line, if they are those of the VM that leads to what
/// failed.
fn lines_of(frames: &[Frame], most: usize, is_own: impl Fn(&Frame) -> bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut index = 0;
    while index < frames.len() && lines.len() < most {
        let rest = &frames[index + 1..];
        let own = match is_own(&frames[index]) {
            true => rest.iter().take_while(|other| is_own(other)).count(),
            false => 0,
        };
        if own > 2 {
            lines.push(format!("    {} calls of the VM (--json has them)", own + 1));
            index += own + 1;
            continue;
        }
        lines.push(frame(index, &frames[index]));
        let same = |other: &&Frame| other.address == frames[index].address;
        let repeated = rest.iter().take_while(same).count();
        if repeated > 2 {
            lines.push(format!("    and {repeated} times more"));
            index += repeated;
        }
        index += 1;
    }
    lines
}

/// The backtrace until the VM's own code called what failed there, at most so many lines.
pub fn foreign(remains: &Remains, most: usize) -> Vec<String> {
    let is_foreign = |frame: &&Frame| remains.program.is_empty() || frame.module != remains.program;
    match remains.frames.iter().take_while(is_foreign).count() {
        // It is the VM itself that failed.
        0 => backtrace(&remains.frames, most),
        count => {
            let frames = remains.frames.get(..count).unwrap_or_default();
            let mut lines = backtrace(frames, most);
            if count < remains.frames.len() && lines.len() < most {
                lines.push("    called by the VM".to_owned());
            }
            lines
        }
    }
}

/// The whole report.
pub fn whole(report: &Report) -> String {
    let mut text = headline(report);
    text.push('\n');
    let remains = &report.remains;
    let is_own = |frame: &Frame| !remains.program.is_empty() && frame.module == remains.program;
    let is_folded = !remains.frames.first().is_some_and(is_own);
    for line in lines_of(&remains.frames, usize::MAX, |frame| {
        is_folded && is_own(frame)
    }) {
        let _ = writeln!(text, "  {line}");
    }
    let mut row = |label: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "{label:<11}{value}");
        }
    };
    row("missing:", &shown(&remains.missing));
    for call in &report.calls {
        row(
            "call:",
            &format!("{} (client {})", shown(&call.call), call.client),
        );
    }
    for line in report.stderr.lines() {
        row("stderr:", &shown(line));
    }
    let denied = report.denied.iter();
    let denied: Vec<String> = denied
        .map(|(call, times)| format!("{} ({times})", shown(call)))
        .collect();
    row("denied:", &denied.join(", "));
    let limits = report.limits.iter();
    let limits: Vec<String> = limits
        .map(|(key, value)| format!("{} {}", shown(key), shown(value)))
        .collect();
    row("limits:", &limits.join(", "));
    let usage = remains.usage.iter();
    let usage: Vec<String> = usage
        .map(|(name, value)| format!("{} {value}", shown(name)))
        .collect();
    row("used:", &usage.join(", "));
    let thread = match (remains.thread, remains.is_first_thread) {
        (0, _) => String::new(),
        (thread, true) => format!("{thread}, the first"),
        (thread, false) => thread.to_string(),
    };
    row("thread:", &thread);
    row("isolation:", &shown(&report.isolation));
    let seconds = report.age / 1000;
    let age = format!("after {seconds}.{:03} s", report.age % 1000);
    row("time:", &format!("{}, {age}", time(report.when)));
    for registers in remains.registers.chunks(4) {
        let registers: Vec<String> = registers
            .iter()
            .map(|(name, value)| format!("{:>3} {value:016x}", shown(name)))
            .collect();
        row("registers:", &registers.join("  "));
    }
    text
}

/// Seconds since 1970 as a date in UTC.
pub fn time(seconds: u64) -> String {
    let (days, second) = (seconds / 86400, seconds % 86400);
    // Years of 365.2425 days, counted from the 1st of March of the year 0, so that a leap day is the last.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = match month {
        0..=9 => (month + 3, 0),
        _ => (month - 9, 1),
    };
    let year = year + era * 400 + later;
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!(
        "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{:02} UTC",
        second % 60
    )
}

/// Foreign text on a line: nothing that a terminal obeys.
fn shown(text: &str) -> String {
    let shown = text.chars().map(|letter| match letter.is_control() {
        true => '\u{fffd}',
        false => letter,
    });
    shown.collect()
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Call;
    use proptest::prelude::*;

    fn example() -> Report {
        let frame = |function: &str, within, file: &str, line| Frame {
            address: 0x7f00_0000_1000 + within,
            module: "/usr/lib/libpng16.so.16".to_owned(),
            offset: 0x1000 + within,
            function: function.to_owned(),
            within,
            file: file.to_owned(),
            line,
            inlined: false,
        };
        Report {
            id: "c-91f20000".to_owned(),
            when: 1_700_000_000,
            vm: "hostfn-5".to_owned(),
            kind: "hostfn".to_owned(),
            host: "local".to_owned(),
            targets: vec!["/usr/lib/libpng16.so.16".to_owned()],
            pid: 4123,
            isolation: "landlock+seccomp".to_owned(),
            age: 2000,
            remains: Remains {
                signal: libc_segv(),
                code: 1,
                address: Some(0),
                thread: 4125,
                registers: vec![("rip".to_owned(), 0x7f00_0000_1000), ("rsp".to_owned(), 16)],
                frames: vec![
                    frame("png_combine_row", 0x1d2, "src/pngrutil.c", 3212),
                    frame("png_read_row", 0x3b1, "", 0),
                    frame("", 0x20, "", 0),
                    Frame {
                        address: 0x1234,
                        ..Frame::default()
                    },
                ],
                usage: vec![("resident_bytes".to_owned(), 3_145_728)],
                ..Remains::default()
            },
            calls: vec![Call {
                client: 99,
                call: "png_read_row(handle 4, row, NULL)".to_owned(),
            }],
            stderr: "libpng warning: iCCP: known incorrect sRGB profile\n".to_owned(),
            limits: vec![("limits.open_files".to_owned(), "512".to_owned())],
            denied: vec![("connect".to_owned(), 3)],
        }
    }

    fn libc_segv() -> i32 {
        Signal::SIGSEGV as i32
    }

    #[test]
    fn a_report_reads_like_this() {
        insta::assert_snapshot!(whole(&example()));
    }

    #[test]
    fn a_report_without_a_look_reads_like_this() {
        let report = Report {
            remains: Remains {
                signal: Signal::SIGABRT as i32,
                sender: Some(0),
                missing: "the kernel does not let the launcher trace it: Operation not permitted"
                    .to_owned(),
                ..Remains::default()
            },
            calls: vec![],
            targets: vec![],
            ..example()
        };
        insta::assert_snapshot!(whole(&report));
    }

    #[test]
    fn times_are_dates() {
        for (seconds, date) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (951_868_799, "2000-02-29 23:59:59 UTC"),
            (951_868_800, "2000-03-01 00:00:00 UTC"),
            (1_709_164_800, "2024-02-29 00:00:00 UTC"),
            (1_767_225_599, "2025-12-31 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(time(seconds), date);
        }
        // However large, it is a text.
        time(u64::MAX);
    }

    #[test]
    fn the_vms_own_calls_are_its_own() {
        let mut remains = example().remains;
        remains.program = "/usr/libexec/cosmos/cosmos-hostfn".to_owned();
        remains.frames[2].module.clone_from(&remains.program);
        let lines = foreign(&remains, 12);
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!(lines[2].trim(), "called by the VM");
        remains.frames[0].module.clone_from(&remains.program);
        assert_eq!(foreign(&remains, 12).len(), 4);
    }

    #[test]
    fn calls_of_the_vm_behind_what_failed_are_one_line() {
        let mut report = example();
        let own = Frame {
            module: "/usr/libexec/cosmos/cosmos-hostfn".to_owned(),
            function: "of_the_vm".to_owned(),
            ..Frame::default()
        };
        report.remains.program.clone_from(&own.module);
        let first = report.remains.frames[0].clone();
        report.remains.frames = vec![first.clone()];
        report.remains.frames.extend(vec![own.clone(); 9]);
        report.remains.frames.push(first);
        let text = whole(&report);
        assert!(text.contains("9 calls of the VM"), "{text}");
        assert!(
            text.contains("#10 ") && !text.contains("of_the_vm"),
            "{text}"
        );
        // Where it is the VM that failed, they are what matters.
        report.remains.frames[0] = own;
        let text = whole(&report);
        assert!(text.contains("of_the_vm"), "{text}");
    }

    #[test]
    fn a_stack_that_is_used_up_is_named() {
        let mut remains = example().remains;
        remains.signal = Signal::SIGSEGV as i32;
        remains.registers = vec![("rsp".to_owned(), 0x7f00_0000_1000)];
        for (address, is_stack) in [
            (0x7f00_0000_0ff8, true),
            (0x7f00_0000_1a00, true),
            (0x7f00_0100_0000, false),
            (0, false),
        ] {
            remains.address = Some(address);
            assert_eq!(cause(&remains).contains("stack"), is_stack, "{address:#x}");
        }
        remains.signal = Signal::SIGBUS as i32;
        remains.address = Some(0x7f00_0000_1000);
        assert!(!cause(&remains).contains("stack"));
    }

    #[test]
    fn a_call_that_calls_itself_is_told_once() {
        let same = example().remains.frames[0].clone();
        let mut frames = vec![same; 40];
        frames.push(example().remains.frames[1].clone());
        let lines = backtrace(&frames, 10);
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[1].contains("39 times more"));
        assert!(lines[2].starts_with("#40"));
    }

    proptest! {
        #[test]
        fn nothing_that_a_terminal_obeys(text in "\\PC*|[\\x00-\\x1f\\x7f-\\x9f]*") {
            let report = Report {
                vm: text.clone(),
                targets: vec![text.clone()],
                stderr: text.clone(),
                calls: vec![Call { client: 1, call: text.clone() }],
                remains: Remains {
                    missing: text.clone(),
                    frames: vec![Frame {
                        function: text.clone(),
                        module: text.clone(),
                        file: text,
                        line: 1,
                        ..Frame::default()
                    }],
                    ..Remains::default()
                },
                ..Report::default()
            };
            let shown = whole(&report);
            prop_assert!(!shown.contains(|letter: char| letter.is_control() && letter != '\n'));
        }
    }
}
