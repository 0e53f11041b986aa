//! Guests that make code, and try to get what was judged and what is executed apart.

mod support;

use support::Session;
use support::script::{EINVAL, EPERM, HEAP, Step, expect, id, read};

const EACCES: i64 = -13;
const PAGE: u64 = 0x10000;
/// `pop %r11; and $-32, %r11d; add %r15, %r11; jmp *%r11`
const RETURN: &[u8] = b"\x41\x5B\x41\x83\xE3\xE0\x4D\x01\xFB\x41\xFF\xE3";

fn jail(address: u64, size: u64) -> Step {
    Step::trap(&[id(b"Jail"), 0, address, size])
}

fn unjail(address: u64, size: u64) -> Step {
    Step::trap(&[id(b"Unjl"), 0, address, size])
}

fn protect(address: u64, size: u64, bits: u64) -> Step {
    Step::trap(&[id(b"PROT"), address, size, bits])
}

/// Two pages of code: the first jumps behind the first instruction of the second, which returns.
fn pair() -> Vec<u8> {
    let mut code = vec![0x90; 2 * PAGE as usize];
    let distance = PAGE as u32 + 1 - 5;
    code[0] = 0xE9;
    code[1..5].copy_from_slice(&distance.to_le_bytes());
    code[PAGE as usize + 32..][..RETURN.len()].copy_from_slice(RETURN);
    code
}

/// A page whose second byte is no instruction, but a system call if one goes there.
fn trapdoor() -> Vec<u8> {
    let mut code = vec![0x90; PAGE as usize];
    // mov $0xC3050F, %eax
    code[..5].copy_from_slice(&[0xB8, 0x0F, 0x05, 0xC3, 0x00]);
    code[32..][..RETURN.len()].copy_from_slice(RETURN);
    code
}

/// With the pages of [`pair`] at the begin of the third channel, and [`trapdoor`] behind them.
fn session() -> Session {
    let mut session = Session::of("script");
    session.write("code", &[pair(), trapdoor()].concat());
    session.file_channel("code", "/dev/subject", 3, [999, 1 << 40, 0, 0]);
    session
}

const BOTH: i64 = 2 * PAGE as i64;
const ONE: i64 = PAGE as i64;

#[test]
fn other_code_behind_a_branch_that_was_judged_before() {
    let next = HEAP + PAGE;
    let mut steps = vec![
        (read(3, HEAP, BOTH, 0), BOTH),
        (jail(HEAP, 2 * PAGE), 0),
        // In every way that makes a part of it writable.
        (unjail(next, PAGE), EACCES),
        (unjail(next, 1), EACCES),
        (unjail(next, 2 * PAGE), EACCES),
    ];
    for bits in [0, 1, 2, 3] {
        steps.push((protect(next, PAGE, bits), EACCES));
    }
    steps.extend([
        (read(3, next, ONE, BOTH), EINVAL),
        (Step::call(HEAP), 0),
        // Both at once, and then the second page alone, is other code.
        (unjail(HEAP, 2 * PAGE), 0),
        (read(3, next, ONE, BOTH), ONE),
        (jail(next, PAGE), 0),
        (jail(HEAP, PAGE), EPERM),
        (jail(HEAP, 2 * PAGE), EPERM),
    ]);
    let mut session = session();
    let report = {
        let script: Vec<Step> = steps.iter().map(|(step, _)| step.clone()).collect();
        session.steps(&script);
        session.run()
    };
    report.expect_ok();
    let answers = session.answers();
    for (index, ((step, expected), answer)) in steps.iter().zip(&answers).enumerate() {
        // What a call leaves in rax is whatever it was.
        let is_call = format!("{step:?}") == format!("{:?}", Step::call(HEAP));
        assert!(is_call || answer == expected, "{index}: {answer}");
    }
    assert_eq!(answers.len(), steps.len());
}

#[test]
fn a_text_over_another_to_take_that_away_with_it() {
    let next = HEAP + PAGE;
    expect(
        &mut session(),
        &[
            (read(3, HEAP, BOTH, 0), BOTH),
            (jail(HEAP, 2 * PAGE), 0),
            (read(3, next + PAGE, 32, BOTH + 64), 32),
            // The second page again, with more behind it, or less.
            (jail(next, PAGE + 32), 0),
            (unjail(next, PAGE + 32), EACCES),
            (jail(next, PAGE), 0),
            (unjail(next, PAGE), EACCES),
            // The first alone is not valid, so it stays with the second.
            (jail(HEAP, PAGE), EPERM),
            (unjail(HEAP, 2 * PAGE + 0x1000), 0),
        ],
    );
}

#[test]
fn a_branch_out_of_a_text_into_one_that_comes_later() {
    expect(
        &mut session(),
        &[
            (read(3, HEAP, BOTH, 0), BOTH),
            (jail(HEAP + PAGE, PAGE), 0),
            // Its branch goes to an instruction, but of another text.
            (jail(HEAP, PAGE), EPERM),
            (jail(HEAP, 2 * PAGE), 0),
        ],
    );
}

/// The kernel keeps no more than so many pieces of memory apart. When it cannot do as it is told it
/// may have done a part of that, so nothing may be executed any more.
#[test]
fn memory_in_more_pieces_than_the_kernel_keeps() {
    let limit = std::fs::read_to_string("/proc/sys/vm/max_map_count").expect("a limit");
    let limit: u64 = limit.trim().parse().expect("a number");
    // Two of each page.
    let pages = (0xFE00_0000 - HEAP) / PAGE;
    if limit >= 2 * pages {
        eprintln!("not tested: this kernel keeps {limit} pieces");
        return;
    }
    let mut session = Session::of("script");
    session.set("Memory", "4294967296, 0");
    let mut steps = Vec::new();
    for page in 0..pages {
        let page = HEAP + page * PAGE;
        steps.extend([protect(page, PAGE, 1), unjail(page, 1)]);
    }
    session.steps(&steps);
    let report = session.run();
    assert_eq!(report.status, Some(12), "{}", report.text);
    let state = "the host cannot protect memory: ";
    assert!(report.state().starts_with(state), "{}", report.text);
    let answers = session.answers();
    assert!(answers.len() as u64 > limit / 4, "{}", answers.len());
    assert!(answers.iter().all(|answer| *answer == 0));
}
