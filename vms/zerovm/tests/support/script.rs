//! What the guest `script` is told to do, and what came of it.

use super::Session;

/// Where the guest keeps the words of a call, unless a test says otherwise: on its stack.
pub const ARGUMENTS: u64 = 0xFFF0_0000;
/// A page of the heap.
pub const HEAP: u64 = 0x10_0000;
/// Whatever a guest that is not jailed cannot be made to call.
const CALLS: u64 = 0xFF << 32;

pub const EPERM: i64 = -1;
pub const EINVAL: i64 = -22;
pub const EFAULT: i64 = -14;
pub const EDQUOT: i64 = -122;

/// A step of a script.
#[derive(Debug, Clone)]
pub struct Step([u64; 8]);

impl Step {
    /// A trap whose words are at an address.
    pub fn trap_at(pointer: u64, words: &[u64]) -> Self {
        let mut record = [0; 8];
        record[0] = pointer | (words.len() as u64) << 32;
        record[1..=words.len()].copy_from_slice(words);
        Self(record)
    }

    pub fn trap(words: &[u64]) -> Self {
        Self::trap_at(ARGUMENTS, words)
    }

    /// A call of code.
    pub fn call(address: u64) -> Self {
        let mut record = [0; 8];
        record[0] = address | CALLS;
        Self(record)
    }
}

pub fn id(name: &[u8; 4]) -> u64 {
    u32::from_le_bytes(*name).into()
}

pub fn read(channel: u64, buffer: u64, size: i64, offset: i64) -> Step {
    let (size, offset) = (size as u64, offset as u64);
    Step::trap(&[id(b"Read"), 0, channel, buffer, size, offset])
}

pub fn write(channel: u64, buffer: u64, size: i64, offset: i64) -> Step {
    let (size, offset) = (size as u64, offset as u64);
    Step::trap(&[id(b"Writ"), 0, channel, buffer, size, offset])
}

/// As the guest reads them.
pub fn bytes(steps: &[Step]) -> Vec<u8> {
    let words = steps.iter().flat_map(|step| step.0);
    words.flat_map(u64::to_le_bytes).collect()
}

impl Session {
    /// The guest `script` with these steps.
    pub fn script(steps: &[Step]) -> Self {
        let mut session = Self::of("script");
        session.steps(steps);
        session
    }

    pub fn steps(&mut self, steps: &[Step]) {
        self.input(&bytes(steps));
    }

    /// What the steps answered, up to the last that came back.
    pub fn answers(&self) -> Vec<i64> {
        let bytes = self.read("stdout");
        let words = bytes.chunks_exact(8);
        words
            .map(|word| i64::from_le_bytes(word.try_into().expect("eight bytes")))
            .collect()
    }
}

/// Runs the steps and compares each answer.
pub fn expect(session: &mut Session, steps: &[(Step, i64)]) -> super::Report {
    let script: Vec<Step> = steps.iter().map(|(step, _)| step.clone()).collect();
    session.steps(&script);
    let report = session.run();
    report.expect_ok();
    let expected: Vec<i64> = steps.iter().map(|(_, answer)| *answer).collect();
    assert_eq!(session.answers(), expected);
    report
}
