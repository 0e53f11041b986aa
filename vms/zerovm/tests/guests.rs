//! Guests from their entry to their exit.

mod support;

use sha1::{Digest, Sha1};
use support::Session;

fn sha1(bytes: &[u8]) -> String {
    let digest = Sha1::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_guest_writes_to_its_channels_and_exits() {
    let session = Session::of("hello");
    let report = session.run();
    assert_eq!(session.read("stdout"), b"hello from an untrusted program\n");
    assert_eq!(
        session.read("stderr"),
        b"and the same on the other stream\n"
    );
    // The two CPU times are the only thing that may be different.
    let accounting = "0 0 2 65 0 0 0 0";
    assert!(report.lines[4].ends_with(accounting), "{}", report.text);
    let text = report.text.replace(&report.lines[4], accounting);
    assert_eq!(text, format!("0\n0\n0\ndisable\n{accounting}\nok\n\n"));
    assert_eq!(report.status, Some(0));
}

#[test]
fn a_file_is_copied_and_its_digests_told() {
    let mut session = Session::of("copy");
    let content: Vec<u8> = (0..200_001u32)
        .map(|number| (number.wrapping_mul(number) >> 3) as u8)
        .collect();
    session.input(&content);
    session.tag("/dev/stdin");
    session.tag("/dev/stdout");
    let report = session.run();
    report.expect_ok();
    assert_eq!(report.code(), 0);
    assert!(session.read("stdout") == content);
    let tag = sha1(&content);
    assert_eq!(
        report.etags(),
        format!("/dev/stdin {tag} /dev/stdout {tag}")
    );
    // 3 full reads, the rest and the end it shows, the end again; 4 writes.
    let bytes = content.len() as u64;
    assert_eq!(report.counters(), [6, bytes, 4, bytes, 0, 0, 0, 0]);
}

#[test]
fn a_quota_as_large_as_the_input_hides_its_end() {
    let mut session = Session::of("copy");
    session.input(&[7; 100]);
    session.file_channel("stdin", "/dev/stdin", 0, [100, 100, 0, 0]);
    let report = session.run();
    report.expect_ok();
    assert_eq!(report.code(), -122);
}

#[test]
fn noise_fills_its_channel() {
    let mut session = Session::of("noise");
    session.file_channel("stdout", "/dev/stdout", 0, [0, 0, 99, 100_000]);
    let report = session.run();
    report.expect_ok();
    // No place is left to write at.
    assert_eq!(report.code(), -22);
    let mut expected = Vec::new();
    let mut number = 1u64;
    while expected.len() < 100_000 {
        let mut block: Vec<u8> = (0..0x10000)
            .map(|_| {
                number = number * 16807 % 0x7FFF_FFFF;
                number as u8
            })
            .collect();
        block.reverse();
        expected.extend(block);
    }
    assert!(session.read("stdout") == expected[..100_000]);
}

fn words(bytes: &[u8]) -> Vec<u64> {
    let words = bytes.chunks_exact(8);
    words
        .map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")))
        .collect()
}

const BASE: u64 = 0x440A_0000_0000;
/// SSE control word, x87 control and status word, x87 tag word, as a start leaves them.
const CLEAN: [u32; 4] = [0x1F80, 0xFFFF_037F, 0xFFFF_0000, 0xFFFF_FFFF];

fn units(dump: &[u8]) -> Vec<u32> {
    let words = dump[384..400].chunks_exact(4);
    words
        .map(|word| u32::from_le_bytes(word.try_into().expect("four bytes")))
        .collect()
}

/// Whatever a guest leaves there: its host finds it clean, and so does it.
#[test]
fn a_trap_resets_the_units_from_every_state() {
    let session = Session::of("units");
    session.run().expect_ok();
    let dumps = session.read("stdout");
    let dumps: Vec<&[u8]> = dumps.chunks(92).collect();
    assert_eq!(dumps.len(), 10);
    for (index, dump) in dumps.into_iter().enumerate() {
        let word = |at: usize| u16::from_le_bytes([dump[at], dump[at + 1]]);
        assert_eq!([word(0), word(4), word(8)], [0x37F, 0, 0xFFFF], "{index}");
        assert!(dump[28..].iter().all(|byte| *byte == 0), "{index}");
    }
}

/// Registers and vectors of a guest at its start, and behind a trap.
fn expect_registers(before: &[u8], after: &[u8]) {
    let start = words(&before[..128]);
    let mut expected = [0; 16];
    expected[1] = BASE + 0x20000;
    expected[4] = BASE + 0xFFFF_FFC8;
    expected[5] = expected[4];
    expected[7] = 0xFFFF_FFD0;
    expected[15] = BASE;
    assert_eq!(start, expected);
    assert!(before[128..384].iter().all(|byte| *byte == 0));

    // A trap keeps what a function has to keep, and clears the rest.
    let trapped = words(&after[..128]);
    let filled = 0x0101_0101_0101_0102;
    expected[0] = (-1i64) as u64;
    expected[3] = filled;
    expected[7] = 0xFFFF_FFD0;
    expected[12] = filled;
    expected[13] = filled;
    expected[14] = filled;
    expected[1] = trapped[1];
    assert_eq!(trapped, expected);
    // Where it came back to: a bundle of the text.
    assert!(
        (BASE + 0x20020..BASE + 0x30000).contains(&trapped[1]) && trapped[1].is_multiple_of(32)
    );
    assert!(after[128..384].iter().all(|byte| *byte == 0));
}

#[test]
fn registers_are_what_a_guest_is_promised() {
    let session = Session::of("registers");
    session.run().expect_ok();
    let dumps = session.read("stdout");
    let (before, after) = dumps.split_at(416);
    expect_registers(before, after);
    assert_eq!(units(before), CLEAN);
    assert_eq!(units(after), CLEAN);
}

/// Traps of programs that use neither unit go another way, and so do those that are traced.
#[test]
fn registers_are_the_same_on_every_way_of_a_trap() {
    for traced in [false, true] {
        let mut session = Session::of("plain_registers");
        if traced {
            session.write("trace", b"");
            let trace = session.path("trace").display().to_string();
            session.options.extend(["-T".into(), trace]);
        }
        session.run().expect_ok();
        let dumps = session.read("stdout");
        let (before, after) = dumps.split_at(416);
        expect_registers(before, after);
        assert!(
            before[384..]
                .iter()
                .chain(&after[384..])
                .all(|byte| *byte == 0)
        );
        if traced {
            let text = String::from_utf8(session.read("trace")).expect("text");
            assert!(text.contains("function 0x0 = -1\n"), "{text}");
        }
    }
}

/// The memory of `hello`, computed from its file and the specification alone.
#[test]
fn the_digest_of_the_memory_is_that_of_what_can_be_read() {
    let mut session = Session::of("hello");
    let memory = 32u64 << 20;
    session.set("Memory", &format!("{memory}, 1"));
    let report = session.run();
    report.expect_ok();

    let nexe = std::fs::read(support::guest("hello")).expect("the guest");
    let segment = |index: usize| {
        let header = words(&nexe[64 + 56 * index..64 + 56 * (index + 1)]);
        let (offset, size) = (header[1] as usize, header[4] as usize);
        nexe[offset..offset + size].to_vec()
    };
    let mut bytes = Vec::new();
    for _ in 0..2047 {
        bytes.extend([0x48, 0xB8, 0, 0, 0x11, 0xCA, 0xFE, 0x5A, 0, 0, 0xFF, 0xD0]);
        bytes.extend([0xF4; 20]);
    }
    bytes.extend([0xF4; 32]);
    bytes.extend(segment(0));
    bytes.resize(0x20000, 0xF4);
    bytes.extend(segment(1));
    // Constants to 0x40000, then the heap up to what the stack leaves of the memory.
    bytes.resize((memory - (16 << 20) - 0x10000) as usize, 0);
    bytes.extend(user_manifest(memory));
    bytes.extend(stack());
    assert_eq!(report.etags(), format!("/dev/memory {}", sha1(&bytes)));
}

fn user_manifest(memory: u64) -> Vec<u8> {
    let many = 1u64 << 40;
    let pointer = 0xFF00_0000 - 24 - 48 * 3u32;
    let mut tail = Vec::new();
    for alias in ["/dev/stderr", "/dev/stdout", "/dev/stdin"] {
        tail.extend(alias.as_bytes());
        tail.push(0);
    }
    let heap = (memory - (16 << 20)) as u32 - 0x40000;
    for word in [0x40000, heap, 16 << 20, 3, pointer + 20] {
        tail.extend(word.to_le_bytes());
    }
    let mut name = pointer;
    for (limits, length) in [
        ([many, many, 0, 0], 11),
        ([0, 0, many, many], 12),
        ([0, 0, many, many], 12),
    ] {
        name -= length;
        tail.extend(limits.iter().flat_map(|limit| limit.to_le_bytes()));
        // Size, access type.
        tail.extend([0; 12]);
        tail.extend(name.to_le_bytes());
    }
    tail.extend(pointer.to_le_bytes());
    let mut page = vec![0; 0x10000 - tail.len()];
    page.extend(tail);
    page
}

fn stack() -> Vec<u8> {
    let mut stack = vec![0; 16 << 20];
    let top = stack.len();
    stack[top - 40] = 1;
    stack[top - 36..top - 32].copy_from_slice(&0xFFFF_FFF0u32.to_le_bytes());
    // The last trap left its two return addresses below the first stack pointer, and below those the
    // registers it was called with: the pointer in edi, and what the trap before left of the others.
    let nexe = std::fs::read(support::guest("hello")).expect("the guest");
    let text = &nexe[words(&nexe[64..120])[1] as usize..];
    let calls: Vec<u64> = (0..text.len() - 1)
        .filter(|at| text[*at..*at + 2] == [0xFF, 0xD0] && (at + 2) % 32 == 0)
        .map(|at| BASE + 0x20002 + at as u64)
        .collect();
    let pointers: Vec<u32> = (0..text.len() - 5)
        .filter(|at| text[*at] == 0xBF && text[at + 3..at + 5] == [3, 0])
        .map(|at| u32::from_le_bytes(text[at + 1..at + 5].try_into().expect("four bytes")))
        .collect();
    assert_eq!((calls.len(), pointers.len()), (3, 3));
    let first = top - 56;
    stack[first - 8..first].copy_from_slice(&calls[2].to_le_bytes());
    let into_trampoline = BASE + 0x1000C;
    stack[first - 16..first - 8].copy_from_slice(&into_trampoline.to_le_bytes());
    let below = first - 16 - 24;
    stack[below..below + 4].copy_from_slice(&pointers[2].to_le_bytes());
    // ecx is where the trap before came back to.
    let came_back = calls[1] as u32;
    stack[below + 12..below + 16].copy_from_slice(&came_back.to_le_bytes());
    stack
}

#[test]
fn a_session_can_stop_before_its_guest() {
    let mut session = Session::of("hello");
    session.options.push("-F".into());
    let report = session.run();
    report.expect_ok();
    assert_eq!(report.counters(), [0; 8]);
    assert_eq!(session.read("stdout"), b"");
}

#[test]
fn traps_are_traced() {
    let mut session = Session::of("hello");
    session.write("trace", b"");
    let trace = session.path("trace").display().to_string();
    session.options.extend(["-T".into(), trace]);
    session.run().expect_ok();
    let text = String::from_utf8(session.read("trace")).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    let (pid, zeros) = lines[0].split_once(' ').expect("two words");
    assert!(pid.starts_with('[') && zeros == "0".repeat(48), "{text}");
    let names: Vec<&str> = lines[1..]
        .iter()
        .map(|line| line.split_once("]: ").map_or("", |(_, name)| name))
        .collect();
    let expected = [
        "untrusted code",
        "TrapWrite(1, 0x30000, 32, 0) = 32",
        "untrusted code",
        "TrapWrite(2, 0x30020, 33, 0) = 33",
        "untrusted code",
        "TrapExit(0)",
        "",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_trace_needs_an_absolute_path() {
    let mut session = Session::of("hello");
    session.options.extend(["-T".into(), "trace".into()]);
    assert_eq!(session.run().status, Some(14));
}
