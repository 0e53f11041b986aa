//! What is found of a process that a signal is about to kill: taken while the thread is stopped, from
//! the outside.
//!
//! Its memory, its list of mappings and the files in it may all be made to harm who reads them. So what
//! reads them is a process of its own, forked for this: it has a copy of this single-threaded one, gives
//! up all but reading what it has open, has little time and memory, and says what it found on a pipe,
//! first the bare addresses, then the names. Whatever becomes of it, there is a report.

use crate::{Subject, aside, trace};
use cosmos_backtrace::maps::{self, Mapping};
use cosmos_backtrace::{Frame, MAXIMUM_FRAMES, Modules, Registers, Step};
use cosmos_rpc::codec;
use cosmos_rpc::message::crash::Remains;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::Pid;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::time::{Duration, Instant};

/// The signals that are a crash; what else ends a process was sent to end it.
const CRASHES: [i32; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGABRT,
    libc::SIGTRAP,
    libc::SIGSYS,
];
/// How long it stands still for this: on a busy machine names take seconds, and a client that asks how its
/// VM ended waits for five.
const PATIENCE: Duration = Duration::from_secs(4);
/// Most bytes of the list of mappings.
const MAPS: u64 = 4 << 20;
/// Most bytes of an answer.
const ANSWER: u64 = 512 << 10;
/// Most bytes of a file that is looked into.
const FILE: u64 = 4 << 30;
/// Most open files that are counted.
const OPEN_FILES: usize = 1 << 16;

/// Whether a signal that a thread of the process has stopped for will kill it, and is a crash.
pub fn is_fatal(subject: &Subject, signal: i32) -> bool {
    is_crash(signal) && !is_handled(subject, signal).unwrap_or(false)
}

/// Whether a signal is a crash.
pub fn is_crash(signal: i32) -> bool {
    CRASHES.contains(&signal)
}

/// What is known where nobody could look.
pub fn unseen(signal: i32, why: &str) -> Remains {
    Remains {
        signal,
        missing: why.to_owned(),
        ..Remains::default()
    }
}

/// Looks at a process whose thread has stopped for a signal that will kill it.
pub fn look(subject: &Subject, thread: Pid, signal: i32) -> Remains {
    let cause = trace::cause(thread).unwrap_or_default();
    let mut remains = Remains {
        signal,
        code: cause.code,
        address: cause.address,
        sender: cause.sender.map(|pid| match pid == subject.inner {
            true => 0,
            false => pid,
        }),
        thread: thread.as_raw(),
        is_first_thread: thread.as_raw() == subject.inner,
        usage: usage(subject),
        ..Remains::default()
    };
    let Some(registers) = trace::registers(thread) else {
        remains.missing = "its registers cannot be read".to_owned();
        return remains;
    };
    remains.registers = named(&registers);
    let start = Registers {
        instruction: registers.rip,
        stack: registers.rsp,
        frame: registers.rbp,
    };
    if subject.is_vm {
        let program = std::fs::read_link(format!("/proc/{}/exe", subject.pid)).unwrap_or_default();
        remains.program = program.to_string_lossy().into_owned();
    }
    match dissect(subject, &remains.program, start) {
        Ok((frames, problem)) => {
            remains.frames = frames;
            remains.missing = problem.to_owned();
        }
        Err(problem) => remains.missing = problem,
    }
    remains
}

/// The frames, found in a process that can be done without; and what was not found.
fn dissect(
    subject: &Subject,
    own: &str,
    start: Registers,
) -> Result<(Vec<Frame>, &'static str), String> {
    let pid = subject.pid;
    let failed = |what: &str, error: std::io::Error| format!("{what}: {error}");
    let mut text = Vec::new();
    File::open(format!("/proc/{pid}/maps"))
        .and_then(|file| file.take(MAPS).read_to_end(&mut text))
        .map_err(|error| failed("its mappings cannot be read", error))?;
    let memory = File::open(format!("/proc/{pid}/mem"))
        .map_err(|error| failed("its memory cannot be read", error))?;
    let mappings = maps::parse(&String::from_utf8_lossy(&text));
    let aside = aside::fork(memory, |memory, answer| {
        find(&mappings, own, start, memory, answer);
    })
    .map_err(|error| format!("no process can be made to look: {}", error.desc()))?;
    let mut answer = Vec::new();
    let in_time = read_until(&aside.answer, Instant::now() + PATIENCE, &mut answer);
    aside.end();
    let (bare, rest) = split(&answer);
    let (named, _) = split(rest.unwrap_or_default());
    let frames = |bytes: &[u8]| codec::decode::<Vec<Frame>>(bytes).ok();
    match (named.and_then(frames), bare.and_then(frames)) {
        (Some(named), _) => Ok((named, "")),
        (None, Some(bare)) if in_time => Ok((bare, "names: whoever looked for them failed")),
        (None, Some(bare)) => Ok((bare, "names: they were not found in time")),
        (None, None) if in_time => Err("whoever looked at its stack failed".to_owned()),
        (None, None) => Err("its stack was not walked in time".to_owned()),
    }
}

/// The whole of the other process. It opens what it needs, gives up the rest, and only then looks.
fn find(mappings: &[Mapping], own: &str, start: Registers, memory: &File, mut answer: File) {
    let mut bound = true;
    for (resource, most) in [
        (libc::RLIMIT_AS, 2u64 << 30),
        (libc::RLIMIT_CPU, 3),
        (libc::RLIMIT_CORE, 0),
    ] {
        bound &= aside::set_limit(resource, most).is_ok();
    }
    let modules = Modules::of(mappings, own, open);
    if !bound || cosmos_confine::alone::confine().is_err() {
        return;
    }
    // What a parser that panics has to say is of no interest to whoever reads the VM's log.
    std::panic::set_hook(Box::new(|_| {}));
    let mut read = |address: u64| {
        let mut word = [0; 8];
        memory.read_exact_at(&mut word, address).ok()?;
        Some(u64::from_le_bytes(word))
    };
    let steps: Vec<Step> = modules.walk(start, &mut read);
    let mut tell = |frames: Vec<Frame>| {
        let encoded = codec::encode(&frames).ok()?;
        let length = u32::try_from(encoded.len()).ok()?.to_le_bytes();
        answer.write_all(&[&length[..], &encoded].concat()).ok()
    };
    if tell(modules.place(&steps)).is_some() {
        tell(modules.name(&steps));
    }
}

/// A mapped file, if it is still the one that is mapped.
fn open(mapping: &Mapping) -> Option<File> {
    let is_it = |metadata: &std::fs::Metadata| {
        metadata.is_file() && metadata.ino() == mapping.inode && metadata.len() <= FILE
    };
    if !is_it(&std::fs::symlink_metadata(&mapping.path).ok()?) {
        return None;
    }
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW | libc::O_NOCTTY)
        .open(&mapping.path)
        .ok()?;
    is_it(&file.metadata().ok()?).then_some(file)
}

/// Reads until the end; whether it came in time, and with no more bytes than there may be.
fn read_until(pipe: &File, deadline: Instant, bytes: &mut Vec<u8>) -> bool {
    let mut chunk = [0; 4096];
    while (bytes.len() as u64) < ANSWER {
        let left = deadline.saturating_duration_since(Instant::now());
        let patience = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        let mut entry = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        match poll(&mut entry, patience) {
            Err(nix::errno::Errno::EINTR) => continue,
            Ok(ready) if ready > 0 => {}
            _ => return false,
        }
        let mut pipe = pipe;
        match pipe.read(&mut chunk) {
            Ok(0) => return true,
            Ok(count) => bytes.extend(chunk.iter().take(count)),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
    false
}

/// A length and so many bytes, and what follows.
fn split(bytes: &[u8]) -> (Option<&[u8]>, Option<&[u8]>) {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return (None, None);
    };
    match usize::try_from(u32::from_le_bytes(*length)) {
        Ok(length) if length <= rest.len() => {
            let (part, rest) = rest.split_at(length);
            (Some(part), Some(rest))
        }
        _ => (None, None),
    }
}

/// Whether it handles this signal itself, or ignores it.
fn is_handled(subject: &Subject, signal: i32) -> Option<bool> {
    let status = status(subject);
    let bit = 1u64.checked_shl(u32::try_from(signal).ok()?.checked_sub(1)?)?;
    let has = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let set = u64::from_str_radix(line.trim(), 16).ok()?;
        Some(set & bit != 0)
    };
    Some(has("SigCgt:")? || has("SigIgn:")?)
}

/// What it uses.
fn usage(subject: &Subject) -> Vec<(String, u64)> {
    let status = status(subject);
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let line = line.trim();
        let (digits, factor) = match line.strip_suffix(" kB") {
            Some(digits) => (digits, 1024),
            None => (line, 1),
        };
        Some(digits.parse::<u64>().ok()?.saturating_mul(factor))
    };
    let open_files = std::fs::read_dir(format!("/proc/{}/fd", subject.pid))
        .ok()
        .map(|entries| entries.take(OPEN_FILES).count() as u64);
    [
        ("resident_bytes", number("VmRSS:")),
        ("address_space_bytes", number("VmSize:")),
        ("threads", number("Threads:")),
        ("open_files", open_files),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

fn status(subject: &Subject) -> String {
    let mut status = Vec::new();
    let file = File::open(format!("/proc/{}/status", subject.pid));
    // What cannot be read says nothing.
    let _ = file.and_then(|file| file.take(16 << 10).read_to_end(&mut status));
    String::from_utf8_lossy(&status).into_owned()
}

fn named(registers: &libc::user_regs_struct) -> Vec<(String, u64)> {
    [
        ("rip", registers.rip),
        ("rsp", registers.rsp),
        ("rbp", registers.rbp),
        ("fl", registers.eflags),
        ("rax", registers.rax),
        ("rbx", registers.rbx),
        ("rcx", registers.rcx),
        ("rdx", registers.rdx),
        ("rsi", registers.rsi),
        ("rdi", registers.rdi),
        ("r8", registers.r8),
        ("r9", registers.r9),
        ("r10", registers.r10),
        ("r11", registers.r11),
        ("r12", registers.r12),
        ("r13", registers.r13),
        ("r14", registers.r14),
        ("r15", registers.r15),
        ("fs", registers.fs_base),
        ("gs", registers.gs_base),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

const _: () = assert!(MAXIMUM_FRAMES * 2048 < ANSWER as usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_cut_off_is_none() {
        let whole = [3u8, 0, 0, 0, b'a', b'b', b'c', 9];
        assert_eq!(split(&whole), (Some(&b"abc"[..]), Some(&[9u8][..])));
        for length in 0..7 {
            assert_eq!(split(&whole[..length]), (None, None));
        }
        assert_eq!(split(&[0xff; 8]), (None, None));
    }
}
