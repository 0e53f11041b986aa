//! Traps over memory that is a table in this process.

use super::*;
use crate::channel::Access;
use crate::layout::{HALT, PAGE, SPACE, STACK, TEXT};
use crate::manifest::ChannelLine;
use crate::memory::{Regions, Rejection};
use proptest::prelude::*;
use std::collections::BTreeMap;

const HEAP: u64 = 0x40000;
const HEAP_END: u64 = 0x80000;

/// A few real pages at guest addresses.
struct Pages {
    regions: Regions,
    low: Vec<u8>,
    stack: Vec<u8>,
    fails: BTreeMap<u64, i32>,
}

impl Pages {
    fn new() -> Self {
        let mut regions = Regions::default();
        regions.set(0x10000..0x30000, Protection::ReadExecute);
        regions.set(0x30000..HEAP, Protection::Read);
        regions.set(HEAP..HEAP_END, Protection::ReadWrite);
        regions.set_heap(HEAP..HEAP_END);
        regions.set(STACK..SPACE, Protection::ReadWrite);
        Self {
            regions,
            low: vec![0; HEAP_END as usize],
            stack: vec![0; (SPACE - STACK) as usize],
            fails: BTreeMap::new(),
        }
    }

    fn bytes(&mut self, range: Range<u64>) -> &mut [u8] {
        let (bytes, base) = match range.start < STACK {
            true => (&mut self.low, 0),
            false => (&mut self.stack, STACK),
        };
        &mut bytes[(range.start - base) as usize..(range.end - base) as usize]
    }
}

impl Memory for Pages {
    fn regions(&self) -> &Regions {
        &self.regions
    }

    fn readable(&self, range: Range<u64>) -> Option<&[u8]> {
        self.regions.is_readable(&range).then(|| {
            let (bytes, base) = match range.start < STACK {
                true => (&self.low, 0),
                false => (&self.stack, STACK),
            };
            &bytes[(range.start - base) as usize..(range.end - base) as usize]
        })
    }

    fn writable(&mut self, range: Range<u64>) -> Option<&mut [u8]> {
        let may = self.regions.is_writable(&range);
        may.then(|| self.bytes(range))
    }

    fn protect(&mut self, range: Range<u64>, to: Protection) -> Result<(), i32> {
        if let Some(number) = self.fails.get(&range.start) {
            return Err(*number);
        }
        self.regions.set(range, to);
        Ok(())
    }
}

/// A branch to the same place of the next 64 KiB, where there has to be a target in the same text.
const BRANCH: u8 = 0xEB;
const TARGET: u8 = 0x91;

/// Accepts what has no zero byte, and branches to targets only.
struct Toy;

impl Validator for Toy {
    fn validate(&self, _: u64, code: &[u8]) -> Result<(), Rejection> {
        let is_wrong = |(offset, byte): (usize, &u8)| match *byte {
            0 => true,
            BRANCH => code.get(offset + PAGE as usize) != Some(&TARGET),
            _ => false,
        };
        match code.iter().enumerate().position(is_wrong) {
            None => Ok(()),
            Some(offset) => Err(Rejection(format!("wrong at {offset:#x}"))),
        }
    }
}

/// Endless `r`, and takes everything.
struct Endless;

impl Device for Endless {
    fn read(&mut self, buffer: &mut [u8], _: u64) -> Result<usize, DeviceError> {
        buffer.fill(b'r');
        Ok(buffer.len())
    }

    fn write(&mut self, buffer: &[u8], _: u64) -> Result<usize, DeviceError> {
        Ok(buffer.len())
    }
}

type Subject = Engine<Pages, Endless, Toy>;

fn subject() -> Subject {
    let line = ChannelLine {
        sources: Vec::new(),
        alias: b"/dev/stdin".to_vec(),
        access: 0,
        etag: false,
        limits: [1 << 40; 4],
    };
    Engine {
        memory: Pages::new(),
        channels: vec![Channel::new(
            &line,
            Access::Sequential,
            1 << 40,
            vec![Endless],
        )],
        totals: Totals::default(),
        validator: Toy,
        texts: Texts::default(),
        has_job: false,
    }
}

fn id(name: &[u8; 4]) -> u64 {
    u32::from_le_bytes(*name).into()
}

/// Writes the words at an address and traps.
fn trap_at(subject: &mut Subject, pointer: u64, words: &[u64]) -> Answer {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let end = (pointer + bytes.len() as u64).min(SPACE);
    let length = (end - pointer) as usize;
    subject
        .memory
        .bytes(pointer..end)
        .copy_from_slice(&bytes[..length]);
    subject.trap(pointer as u32)
}

fn trap(subject: &mut Subject, words: &[u64]) -> Answer {
    trap_at(subject, SPACE - 0x100, words)
}

const EINVAL: Answer = Answer::Return(-(libc::EINVAL as i64));
const EPERM: Answer = Answer::Return(-(libc::EPERM as i64));
const EFAULT: Answer = Answer::Return(-(libc::EFAULT as i64));

#[test]
fn both_generations_ids_are_known() {
    let mut subject = subject();
    let read = [id(b"Read"), 99, 0, HEAP, 5, 0];
    assert_eq!(trap(&mut subject, &read), Answer::Return(5));
    assert_eq!(subject.memory.bytes(HEAP..HEAP + 6), b"rrrrr\0");
    let read = [id(b"READ"), 0, HEAP, 7, 0];
    assert_eq!(trap(&mut subject, &read), Answer::Return(7));
    let write = [id(b"Writ"), 0, 0, TEXT, 5, 0];
    assert_eq!(trap(&mut subject, &write), Answer::Return(5));
    assert_eq!(
        trap(&mut subject, &[id(b"Exit"), 0, 1234]),
        Answer::End(Ending::Exit(1234))
    );
    assert_eq!(
        trap(&mut subject, &[id(b"EXIT"), 77]),
        Answer::End(Ending::Exit(77))
    );
    assert_eq!(trap(&mut subject, &[id(b"Fork")]), Answer::Return(0));
    assert_eq!(trap(&mut subject, &[id(b"FORK")]), EPERM);
    for unknown in [0, 17_770_431, id(b"Read") | 1 << 32, id(b"Test")] {
        assert_eq!(trap(&mut subject, &[unknown]), EPERM);
    }
}

#[test]
fn a_call_without_arguments_ends_the_session() {
    let failed = Err(Answer::End(Ending::failed(Error::TrapArgument)));
    assert_eq!(subject().call(0), failed);
    // What cannot be read: the guard at 0, the hole, across the end of a region.
    for pointer in [8, 0x9000_0000, HEAP_END as u32, HEAP_END as u32 - 4] {
        assert_eq!(
            subject().call(pointer),
            Err(Answer::End(Ending::Fault)),
            "{pointer:#x}"
        );
    }
}

#[test]
fn arguments_end_with_the_space() {
    let mut subject = subject();
    let exit = [id(b"Exit"), 0, 5];
    let end = Answer::End(Ending::Exit(5));
    assert_eq!(trap_at(&mut subject, SPACE - 24, &exit), end);
    assert_eq!(trap_at(&mut subject, SPACE - 16, &exit), EFAULT);
    assert_eq!(subject.call(u32::MAX), Err(EFAULT));
    assert_eq!(subject.call((SPACE - 7) as u32), Err(EFAULT));
    let read = [id(b"Read"), 0, 0, HEAP, 1, 0];
    assert_eq!(trap_at(&mut subject, SPACE - 48, &read), Answer::Return(1));
    assert_eq!(trap_at(&mut subject, SPACE - 40, &read), EFAULT);
}

#[test]
fn buffers_are_where_the_guest_may_write_or_read() {
    let mut subject = subject();
    let cases = [
        // Buffer, size, whether it may be written, whether it may be read.
        (HEAP, 5, true, true),
        (HEAP_END - 5, 5, true, true),
        (HEAP_END - 5, 6, false, false),
        (HEAP - 1, 2, false, true),
        (TEXT, 5, false, true),
        (0x10000, 5, false, true),
        (0xFFFF, 5, false, false),
        (0, 0, false, false),
        (SPACE - 5, 5, true, true),
        (SPACE - 5, 6, false, false),
        (SPACE, 0, false, false),
        (SPACE + HEAP, 5, false, false),
        (u64::MAX, 5, false, false),
        (HEAP, i32::MAX as u64, false, false),
    ];
    for (buffer, size, write, read) in cases {
        let expected = |may| {
            if may {
                Answer::Return(size as i64)
            } else {
                EINVAL
            }
        };
        let words = [id(b"Read"), 0, 0, buffer, size, 0];
        assert_eq!(
            trap(&mut subject, &words),
            expected(write),
            "{buffer:#x} {size}"
        );
        let words = [id(b"Writ"), 0, 0, buffer, size, 0];
        assert_eq!(
            trap(&mut subject, &words),
            expected(read),
            "{buffer:#x} {size}"
        );
    }
    let negative = [id(b"Read"), 0, 0, HEAP, -1i64 as u64, 0];
    assert_eq!(trap(&mut subject, &negative), EFAULT);
    // The second generation minds a size of 0 first.
    assert_eq!(
        trap(&mut subject, &[id(b"READ"), 0, 0, 0, 0]),
        Answer::Return(0)
    );
}

#[test]
fn handles_are_numbers_of_channels() {
    for handle in [1, u64::MAX, i32::MIN as u64, 10_915, 1 << 31] {
        let words = [id(b"Read"), 0, handle, HEAP, 1, 0];
        assert_eq!(trap(&mut subject(), &words), EINVAL, "{handle:#x}");
    }
    // Only the low half counts.
    let words = [id(b"Read"), 0, 1 << 32, HEAP, 1, 0];
    assert_eq!(trap(&mut subject(), &words), Answer::Return(1));
}

#[test]
fn code_is_made_of_data_only_when_it_is_valid() {
    let mut subject = subject();
    let jail = [id(b"Jail"), 0, HEAP, 64];
    assert_eq!(trap(&mut subject, &jail), EPERM);
    assert!(subject.memory.regions.is_writable(&(HEAP..HEAP_END)));
    // What is beyond the code is as it was.
    assert_eq!(subject.memory.bytes(HEAP + 64..HEAP + 65), [0]);

    subject.memory.bytes(HEAP..HEAP + 64).fill(0x90);
    assert_eq!(trap(&mut subject, &jail), Answer::Return(0));
    assert!(!subject.memory.regions.is_writable(&(HEAP..HEAP + 0x1000)));
    assert!(
        subject
            .memory
            .regions
            .is_writable(&(HEAP + 0x1000..HEAP_END))
    );
    let filled = subject.memory.bytes(HEAP + 64..HEAP + 0x1000);
    assert!(filled.iter().all(|byte| *byte == HALT));
    let read = [id(b"Read"), 0, 0, HEAP, 1, 0];
    assert_eq!(trap(&mut subject, &read), EINVAL);

    // Made again it is the same; a larger piece of it is not.
    assert_eq!(trap(&mut subject, &jail), Answer::Return(0));
    let more = [id(b"Jail"), 0, HEAP, 0x1040];
    assert_eq!(trap(&mut subject, &more), EPERM);
    assert!(!subject.memory.regions.is_writable(&(HEAP..HEAP + 1)));
    assert!(
        subject
            .memory
            .regions
            .is_writable(&(HEAP + 0x1000..HEAP_END))
    );

    let unjail = [id(b"Unjl"), 0, HEAP, 64];
    assert_eq!(trap(&mut subject, &unjail), Answer::Return(0));
    assert_eq!(trap(&mut subject, &read), Answer::Return(1));
}

#[test]
fn only_the_heap_is_jailed() {
    let mut subject = subject();
    let sizes = [0, -1i64 as u64, i32::MIN as u64];
    for size in sizes {
        assert_eq!(trap(&mut subject, &[id(b"Jail"), 0, HEAP, size]), EINVAL);
    }
    let outside = [
        (TEXT, 32),
        (HEAP - 0x10000, 0x20000),
        (HEAP + 0x1000, 32),
        (HEAP_END, 32),
        (HEAP, HEAP_END - HEAP + 1),
        (HEAP, i32::MAX as u64),
        (STACK, 32),
        (u64::MAX - 0xFFFF, 32),
    ];
    let before = subject.memory.regions.within(&(0..SPACE));
    for (address, size) in outside {
        for name in [b"Jail", b"Unjl"] {
            let words = [id(name), 0, address, size];
            assert_eq!(trap(&mut subject, &words), EINVAL, "{address:#x}");
        }
        let words = [id(b"PROT"), address, size, 3];
        assert!(
            matches!(trap(&mut subject, &words), Answer::Return(..0)),
            "{address:#x}"
        );
    }
    assert_eq!(subject.memory.regions.within(&(0..SPACE)), before);
}

#[test]
fn the_second_generation_protects_pages() {
    let mut subject = subject();
    let mut protect = |size, bits| trap(&mut subject, &[id(b"PROT"), HEAP, size, bits]);
    assert_eq!(protect(32, 7), EPERM);
    assert_eq!(protect(32, 6), EPERM);
    assert_eq!(protect(32, 8), EPERM);
    assert_eq!(protect(32, 5), EPERM);
    assert_eq!(protect(0, 0), Answer::Return(0));
    assert_eq!(protect(32, 1), Answer::Return(0));
    assert_eq!(protect(32, 0), Answer::Return(0));
    // Nothing that cannot be read becomes code.
    assert_eq!(protect(32, 4), Answer::Return(-(libc::EACCES as i64)));
    assert_eq!(protect(32, 3), Answer::Return(0));
    subject.memory.bytes(HEAP..HEAP + 0x10000).fill(0x90);
    let words = [id(b"PROT"), HEAP, 0x10000, 5];
    assert_eq!(trap(&mut subject, &words), Answer::Return(0));
}

/// Fills a page, and puts a byte at its start.
fn fill(subject: &mut Subject, page: u64, first: u8) {
    let bytes = subject.memory.bytes(page..page + PAGE);
    bytes.fill(0x90);
    bytes[0] = first;
}

#[test]
fn code_goes_as_a_whole_or_leaves_what_is_valid_by_itself() {
    let eacces = Answer::Return(-(libc::EACCES as i64));
    let done = Answer::Return(0);
    let next = HEAP + PAGE;
    let mut subject = subject();
    fill(&mut subject, HEAP, BRANCH);
    fill(&mut subject, next, TARGET);
    fill(&mut subject, next + PAGE, 0x90);
    let jail = |address, size| [id(b"Jail"), 0, address, size];
    let unjail = |address, size| [id(b"Unjl"), 0, address, size];
    assert_eq!(trap(&mut subject, &jail(HEAP, 3 * PAGE)), done);
    // The first page's branch would go to whatever comes into the second.
    assert_eq!(trap(&mut subject, &unjail(next, PAGE)), eacces);
    assert_eq!(trap(&mut subject, &unjail(next, 1)), eacces);
    for bits in [0, 1, 3] {
        let words = [id(b"PROT"), next, PAGE, bits];
        assert_eq!(trap(&mut subject, &words), eacces);
    }
    assert!(!subject.memory.regions.is_writable(&(next..next + 1)));
    // Nothing depends on the third, which the second and the first go on without.
    assert_eq!(trap(&mut subject, &unjail(next + PAGE, PAGE)), done);
    assert_eq!(trap(&mut subject, &unjail(next, PAGE)), eacces);
    // Nor does the second depend on the first.
    assert_eq!(trap(&mut subject, &unjail(HEAP, PAGE)), done);
    assert_eq!(trap(&mut subject, &unjail(next, PAGE)), done);
    assert_eq!(subject.texts, Texts::default());
}

#[test]
fn a_text_over_another_does_not_let_that_go_in_parts() {
    let eacces = Answer::Return(-(libc::EACCES as i64));
    let done = Answer::Return(0);
    let next = HEAP + PAGE;
    let mut subject = subject();
    fill(&mut subject, HEAP, BRANCH);
    fill(&mut subject, next, TARGET);
    fill(&mut subject, next + PAGE, 0x90);
    assert_eq!(trap(&mut subject, &[id(b"Jail"), 0, HEAP, 2 * PAGE]), done);
    assert_eq!(trap(&mut subject, &[id(b"Jail"), 0, next, 2 * PAGE]), done);
    let unjail = [id(b"Unjl"), 0, next, 2 * PAGE];
    assert_eq!(trap(&mut subject, &unjail), eacces);
    let unjail = [id(b"Unjl"), 0, HEAP, 3 * PAGE];
    assert_eq!(trap(&mut subject, &unjail), done);
}

#[test]
fn a_host_that_cannot_protect_ends_the_session() {
    let mut subject = subject();
    subject.memory.fails.insert(HEAP, libc::EACCES);
    subject.memory.bytes(HEAP..HEAP + 32).fill(0x90);
    for name in [b"Jail", b"Unjl"] {
        let answer = trap(&mut subject, &[id(name), 0, HEAP, 32]);
        let Answer::End(Ending::Failed(error)) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(error.code(), libc::ENOMEM, "{error}");
    }
}

fn word() -> impl Strategy<Value = u64> {
    let near = |place: u64| (-70i64..70).prop_map(move |by| place.wrapping_add_signed(by));
    prop_oneof![
        any::<u64>(),
        near(0),
        near(HEAP),
        near(HEAP_END),
        near(SPACE),
        near(STACK),
        near(1 << 31),
        near(u64::MAX),
    ]
}

#[test]
fn the_ids_that_functions_have_are_listed() {
    let call = |id: u64| Call::from_words([id, 0, 0, 0, 0, 0]);
    for id in Call::IDS {
        assert!(!matches!(call(id), Call::Unknown(_)), "{id:#x}");
        assert!((0..64).all(|bit| call(id ^ 1 << bit) == Call::Unknown(id ^ 1 << bit)));
    }
}

proptest! {
    #[test]
    fn other_ids_are_no_functions(id: u64, low: u32) {
        for id in [id, low.into()] {
            let is_unknown = Call::from_words([id, 0, 0, 0, 0, 0]) == Call::Unknown(id);
            prop_assert_eq!(is_unknown, !Call::IDS.contains(&id));
        }
    }

    /// Whatever the words are, a trap answers, and nothing but the heap changes its protection.
    #[test]
    fn any_words_are_answered(
        name in prop_oneof![
            Just(b"Read"), Just(b"Writ"), Just(b"Jail"), Just(b"Unjl"), Just(b"Exit"),
            Just(b"Fork"), Just(b"None"), Just(b"READ"), Just(b"WRIT"), Just(b"PROT"), Just(b"EXIT"), Just(b"FORK"),
        ],
        words in proptest::array::uniform5(word()),
        pointer in prop_oneof![Just(SPACE - 0x100), (SPACE - 60)..SPACE, HEAP..HEAP_END - 48],
        has_job in any::<bool>(),
    ) {
        let mut subject = subject();
        let all: Vec<u64> = [id(name)].into_iter().chain(words).collect();
        subject.has_job = has_job;
        let _ = trap_at(&mut subject, pointer, &all);
        let outside = [0..0x10000, 0x10000..0x30000, 0x30000..HEAP, HEAP_END..STACK, STACK..SPACE];
        let fresh = Pages::new();
        for range in outside {
            let same = |is: fn(&Regions, &Range<u64>) -> bool| {
                is(&subject.memory.regions, &range) == is(&fresh.regions, &range)
            };
            prop_assert!(same(Regions::is_readable) && same(Regions::is_writable));
        }
    }

    /// Whatever is jailed and unjailed in whatever order, no branch goes to code that is no target.
    #[test]
    fn branches_never_go_into_other_code(steps in proptest::collection::vec(step(), 1..100)) {
        let mut subject = subject();
        for page in (HEAP..HEAP_END).step_by(PAGE as usize) {
            fill(&mut subject, page, TARGET);
        }
        for (step, page, size) in steps {
            let address = HEAP + page * PAGE;
            match step {
                Step::Fill(first) => {
                    if subject.memory.regions.is_writable(&(address..address + PAGE)) {
                        fill(&mut subject, address, first);
                    }
                }
                Step::Jail => drop(trap(&mut subject, &[id(b"Jail"), 0, address, size])),
                Step::Unjail => drop(trap(&mut subject, &[id(b"Unjl"), 0, address, size])),
                Step::Protect(bits) => {
                    drop(trap(&mut subject, &[id(b"PROT"), address, size, bits]));
                }
            }
            for page in (HEAP..HEAP_END).step_by(PAGE as usize) {
                let target = page + PAGE;
                if is_code(&subject, page) && subject.memory.bytes(page..page + 1) == [BRANCH] {
                    prop_assert!(target < HEAP_END);
                    prop_assert!(
                        !is_code(&subject, target)
                            || subject.memory.bytes(target..target + 1) == [TARGET]
                    );
                }
            }
        }
    }
}

fn is_code(subject: &Subject, address: u64) -> bool {
    let region = subject.memory.regions.within(&(address..address + 1));
    region
        .iter()
        .all(|(_, protection)| *protection == Protection::ReadExecute)
}

#[derive(Debug, Clone)]
enum Step {
    Fill(u8),
    Jail,
    Unjail,
    Protect(u64),
}

/// With a page and a size.
fn step() -> impl Strategy<Value = (Step, u64, u64)> {
    let first = prop_oneof![4 => Just(BRANCH), 4 => Just(0x90), 2 => Just(TARGET), 1 => Just(0)];
    let bits = prop_oneof![4 => Just(3), 4 => Just(5), 1 => Just(1), 1 => Just(0)];
    let step = prop_oneof![
        first.prop_map(Step::Fill),
        Just(Step::Jail),
        Just(Step::Unjail),
        bits.prop_map(Step::Protect),
    ];
    let size = prop_oneof![
        6 => (1..3u64).prop_map(|pages| pages * PAGE),
        1 => 1..3 * PAGE,
    ];
    (step, 0..2u64, size)
}
