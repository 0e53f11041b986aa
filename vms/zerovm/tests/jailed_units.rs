//! Guests whose text uses neither the x87 unit nor the SSE control word, and that make code which does:
//! from then on traps attend to both, in the sessions of a daemon as well.

mod support;

use support::daemon::Daemon;
use support::script::{self, EPERM, HEAP, Step, expect, id, read, write};
use support::{Session, guest};

/// `pop %r11; and $-32, %r11d; add %r15, %r11; jmp *%r11`
const RETURN: &[u8] = b"\x41\x5B\x41\x83\xE3\xE0\x4D\x01\xFB\x41\xFF\xE3";
const BUNDLE: usize = 32;
/// Where the code says what it sees: 28 bytes of x87 environment and the SSE control word.
const SEEN: u64 = HEAP + 0x10000;
const SEEN_BYTES: i64 = 32;
/// Where it finds the control words that it sets.
const WORDS: u64 = SEEN + 64;
/// The SSE control word: towards zero, and every exception unmasked.
const GUESTS: u32 = 0x6000;
const FRESH: u32 = 0x1F80;

/// What is on the fourth channel: a bundle that leaves the units in use, one that tells how they are, one
/// with an instruction of AVX, and the control words.
fn code() -> Vec<u8> {
    let operand = |at: usize, end: usize, target: u64| {
        let next = HEAP + (at * BUNDLE + end) as u64;
        ((target - next) as u32).to_le_bytes()
    };
    let mut use_both = b"\xD9\xE8\xD9\xEB\x0F\xAE\x15".to_vec(); // fld1; fldpi; ldmxcsr
    use_both.extend(operand(0, 11, WORDS));
    use_both.extend(b"\xD9\x2D"); // fldcw
    use_both.extend(operand(0, 17, WORDS + 4));
    let mut look = b"\xD9\x35".to_vec(); // fnstenv
    look.extend(operand(1, 6, SEEN));
    look.extend(b"\x0F\xAE\x1D"); // stmxcsr
    look.extend(operand(1, 13, SEEN + 28));
    let avx = b"\xC5\xF4\x57\xC9".to_vec(); // vxorps %ymm1, %ymm1, %ymm1
    let mut code = Vec::new();
    for mut bundle in [use_both, look, avx] {
        bundle.extend(RETURN);
        assert!(bundle.len() <= BUNDLE);
        bundle.resize(BUNDLE, 0x90);
        code.extend(bundle);
    }
    code.extend(GUESTS.to_le_bytes());
    code.extend(0x0340_u32.to_le_bytes());
    code
}

/// How many bytes of it keep the rules.
const VALID: i64 = 2 * BUNDLE as i64;

/// Has the code and its words in the guest's memory.
fn load() -> [(Step, i64); 2] {
    let words = 3 * BUNDLE as i64;
    [
        (read(3, HEAP, words, 0), words),
        (read(3, WORDS, 8, words), 8),
    ]
}

fn jail(size: i64) -> Step {
    Step::trap(&[id(b"Jail"), 0, HEAP, size as u64])
}

fn use_both() -> Step {
    Step::call(HEAP)
}

/// Looks, and writes what was seen to the third channel.
fn look() -> [Step; 2] {
    [
        Step::call(HEAP + BUNDLE as u64),
        write(2, SEEN, SEEN_BYTES, 0),
    ]
}

fn with_code(session: &mut Session) {
    session.write("code", &code());
    session.file_channel("code", "/dev/subject", 3, [999, 1 << 40, 0, 0]);
}

/// The x87 unit is as it is at a start, and the SSE control word is this.
fn expect_seen(seen: &[u8], control: u32) {
    let word = |at: usize| u16::from_le_bytes([seen[at], seen[at + 1]]);
    assert_eq!([word(0), word(4), word(8)], [0x37F, 0, 0xFFFF], "{seen:?}");
    let found = seen[28..32].try_into().expect("four bytes");
    assert_eq!(u32::from_le_bytes(found), control);
}

#[test]
fn units_that_only_jailed_code_uses_are_reset_by_traps() {
    let mut session = Session::of("script");
    with_code(&mut session);
    let steps = load().map(|(step, _)| step).into_iter();
    let steps = steps.chain([jail(VALID)]).chain(look());
    let steps = steps.chain([use_both()]).chain(look());
    session.steps(&steps.collect::<Vec<_>>());
    session.run().expect_ok();
    let answers = session.answers();
    assert_eq!(
        [&answers[..3], &answers[4..5], &answers[7..]].concat(),
        [96, 8, 0, 32, 32]
    );
    let seen = session.read("stderr");
    assert_eq!(seen.len(), 64);
    expect_seen(&seen[..32], FRESH);
    // What is left of both is the guest's control word, which the host had not.
    expect_seen(&seen[32..], GUESTS);
}

/// There is no unit beyond those: what would use the rest of the vectors is no code.
#[test]
fn code_of_avx_is_not_jailed() {
    let mut session = Session::of("script");
    with_code(&mut session);
    let [code, words] = load();
    expect(
        &mut session,
        &[
            code,
            words,
            (jail(VALID + BUNDLE as i64), EPERM),
            (jail(VALID), 0),
        ],
    );
}

/// A daemon whose guest does some of the steps before it forks, and the rest in every session.
fn daemon(before: &[Step], after: &[Step]) -> [Vec<u8>; 2] {
    let fork = [Step::trap(&[id(b"Fork")])];
    let input = script::bytes(&[before, &fork, after].concat());
    let daemon = Daemon::start(|session| {
        session.set("Program", guest("script").to_str().expect("text"));
        with_code(session);
        session.input(&input);
    });
    daemon.report.expect_ok();
    ["one", "two"].map(|name| {
        let report = daemon.ask(&daemon.manifest(name, &input));
        assert_eq!(
            (report.state(), report.code()),
            ("ok", 0),
            "{}",
            report.text
        );
        daemon.session.read(&format!("stderr-{name}"))
    })
}

#[test]
fn what_was_jailed_before_a_fork_is_attended_to_in_sessions() {
    let load = load().map(|(step, _)| step);
    let before = [&load[..], &[jail(VALID), use_both()]].concat();
    for seen in daemon(&before, &[&look()[..], &[use_both()], &look()].concat()) {
        assert_eq!(seen.len(), 64);
        expect_seen(&seen[..32], GUESTS);
        expect_seen(&seen[32..], GUESTS);
    }
}

#[test]
fn what_a_session_jails_is_attended_to() {
    let load = load().map(|(step, _)| step);
    let after = [&[jail(VALID)], &look()[..], &[use_both()], &look()].concat();
    for seen in daemon(&load, &after) {
        assert_eq!(seen.len(), 64);
        expect_seen(&seen[..32], FRESH);
        expect_seen(&seen[32..], GUESTS);
    }
}
