//! Programs that break one rule each.

use super::*;
use proptest::prelude::*;

const HEADERS: u64 = 64;

#[derive(Clone, Copy)]
struct Header {
    kind: ProgramType,
    flags: u32,
    segment: Segment,
}

fn text() -> Header {
    Header {
        kind: elf::PT_LOAD,
        flags: RX,
        segment: Segment {
            offset: 0x1000,
            file_size: 0x40,
            address: TEXT,
            memory_size: 0x40,
        },
    }
}

fn constants() -> Header {
    Header {
        kind: elf::PT_LOAD,
        flags: R,
        segment: Segment {
            offset: 0x2000,
            file_size: 0x10,
            address: 0x30000,
            memory_size: 0x10,
        },
    }
}

fn data() -> Header {
    Header {
        kind: elf::PT_LOAD,
        flags: RW,
        segment: Segment {
            offset: 0x3000,
            file_size: 0x10,
            address: 0x40000,
            memory_size: 0x1234,
        },
    }
}

fn image(headers: &[Header]) -> Vec<u8> {
    let mut bytes = vec![0; HEADERS as usize];
    bytes[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\x7b");
    bytes[16..18].copy_from_slice(&2u16.to_le_bytes());
    bytes[18..20].copy_from_slice(&62u16.to_le_bytes());
    bytes[20..24].copy_from_slice(&1u32.to_le_bytes());
    bytes[24..32].copy_from_slice(&TEXT.to_le_bytes());
    bytes[32..40].copy_from_slice(&HEADERS.to_le_bytes());
    bytes[54..56].copy_from_slice(&56u16.to_le_bytes());
    bytes[56..58].copy_from_slice(&(headers.len() as u16).to_le_bytes());
    for header in headers {
        bytes.extend(header.kind.0.to_le_bytes());
        bytes.extend(header.flags.to_le_bytes());
        let segment = header.segment;
        let words = [
            segment.offset,
            segment.address,
            0,
            segment.file_size,
            segment.memory_size,
            0x10000,
        ];
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    }
    bytes
}

fn plan_of(image: &[u8]) -> Result<Plan, Refusal> {
    plan(|offset, buffer| {
        let bytes = usize::try_from(offset)
            .ok()
            .and_then(|offset| image.get(offset..)?.get(..buffer.len()));
        bytes.is_some_and(|bytes| {
            buffer.copy_from_slice(bytes);
            true
        })
    })
}

fn refused(headers: &[Header]) -> Refusal {
    plan_of(&image(headers)).expect_err("refused")
}

fn with(mut header: Header, change: impl FnOnce(&mut Segment)) -> Header {
    change(&mut header.segment);
    header
}

#[test]
fn a_program_of_three_segments_is_loaded() {
    let plan = plan_of(&image(&[text(), constants(), data()])).expect("good");
    assert_eq!(plan.entry, TEXT);
    assert_eq!((plan.text_end(), plan.sled_end()), (0x20040, 0x30000));
    assert_eq!(
        (plan.heap_start(), plan.program_break()),
        (0x40000, 0x41234)
    );
}

#[test]
fn the_break_of_a_program_without_data_is_at_a_page() {
    let plan = plan_of(&image(&[text(), constants()])).expect("good");
    assert_eq!(
        (plan.heap_start(), plan.program_break()),
        (0x40000, 0x40000)
    );
    let plan = plan_of(&image(&[text()])).expect("good");
    assert_eq!(plan.program_break(), 0x30000);
    // With fewer than 32 bytes to the page's end, one more page.
    let full = with(text(), |segment| {
        segment.file_size = 0xFFF0;
        segment.memory_size = 0xFFF0;
    });
    let plan = plan_of(&image(&[full])).expect("good");
    assert_eq!(plan.program_break(), 0x40000);
}

#[test]
fn headers_that_are_wrong_are_named() {
    let cases: [(usize, &[u8], Refusal); 9] = [
        (0, b"\x7fELG", Refusal::Magic),
        (4, &[1], Refusal::Class),
        (16, &[3], Refusal::Type),
        (18, &[3], Refusal::Machine),
        (20, &[0], Refusal::Version),
        (54, &[55], Refusal::HeaderSize),
        (56, &[129], Refusal::TooManyHeaders),
        (24, &[1], Refusal::Entry),
        (24, &[0x40], Refusal::Entry),
    ];
    for (at, with, expected) in cases {
        let mut image = image(&[text()]);
        image[at..at + with.len()].copy_from_slice(with);
        assert_eq!(plan_of(&image), Err(expected), "{at}");
    }
    // An entry below the text.
    let mut below = image(&[text()]);
    below[24..32].copy_from_slice(&0x10000u64.to_le_bytes());
    assert_eq!(plan_of(&below), Err(Refusal::Entry));
}

#[test]
fn a_file_that_ends_within_its_headers_is_an_input_error() {
    let image = image(&[text(), data()]);
    for length in 0..image.len() {
        assert_eq!(plan_of(&image[..length]), Err(Refusal::Short), "{length}");
    }
    assert_eq!(Refusal::Short.code(), libc::EIO);
    let mut far = image;
    far[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(plan_of(&far), Err(Refusal::Short));
}

#[test]
fn segments_keep_their_places() {
    let cases = [
        (vec![constants(), data()], Refusal::NoText),
        (vec![text(), text()], Refusal::DuplicateSegment),
        (
            vec![with(text(), |text| text.address = 0x30000)],
            Refusal::TextAddress,
        ),
        (
            vec![text(), with(data(), |data| data.address = 0x10000)],
            Refusal::SegmentBelowText,
        ),
        (
            vec![text(), with(data(), |data| data.address = u64::MAX - 5)],
            Refusal::SegmentTooLarge,
        ),
        (
            vec![
                text(),
                with(data(), |data| data.memory_size = SPACE - 0x40000),
            ],
            Refusal::SegmentTooLarge,
        ),
        (
            vec![text(), with(data(), |data| data.file_size = 0x1235)],
            Refusal::FileLargerThanMemory,
        ),
        (
            vec![
                text(),
                with(constants(), |segment| segment.address = 0x50000),
                data(),
            ],
            Refusal::DataNotLast,
        ),
        (
            vec![
                text(),
                with(constants(), |segment| segment.memory_size = 0x10001),
                data(),
            ],
            Refusal::Overlap,
        ),
        (
            vec![text(), with(data(), |data| data.address = 0x20000)],
            Refusal::Overlap,
        ),
        (
            vec![text(), with(data(), |data| data.address = 0x41000)],
            Refusal::Alignment,
        ),
        (
            vec![
                with(text(), |text| {
                    text.file_size = 0xFFF0;
                    text.memory_size = 0xFFF0;
                }),
                constants(),
            ],
            Refusal::NoSled,
        ),
        (
            vec![with(text(), |text| text.memory_size = 0x20000), constants()],
            Refusal::Overlap,
        ),
    ];
    for (headers, expected) in cases {
        assert_eq!(refused(&headers), expected);
    }
    assert_eq!(Refusal::NoSled.code(), libc::EFAULT);
}

#[test]
fn other_segments_are_passed_over_or_refused() {
    let other = |kind, flags, memory_size| Header {
        kind,
        flags,
        segment: Segment {
            offset: 0,
            file_size: 0,
            address: 0,
            memory_size,
        },
    };
    let good = [
        text(),
        other(elf::PT_PHDR, R, 1),
        other(elf::PT_NOTE, R, 1),
        other(elf::PT_GNU_STACK, RW, 0),
        // Whatever has no size.
        other(ProgramType(0x1234), 7, 0),
    ];
    assert!(plan_of(&image(&good)).is_ok());
    let writable_code = other(elf::PT_LOAD, RW | elf::PF_X.0, 1);
    assert_eq!(refused(&[text(), writable_code]), Refusal::UnknownSegment);
    let stack = other(elf::PT_GNU_STACK, RW, 1);
    assert_eq!(refused(&[text(), stack]), Refusal::UnknownSegment);
}

fn segment() -> impl Strategy<Value = Segment> {
    let number = || prop_oneof![any::<u64>(), 0u64..0x60000, Just(0x20000), Just(0x30000)];
    (number(), number(), number(), number()).prop_map(
        |(offset, file_size, address, memory_size)| Segment {
            offset,
            file_size,
            address,
            memory_size,
        },
    )
}

proptest! {
    #[test]
    fn what_is_accepted_does_not_overlap(
        text_segment in segment(),
        constant in segment(),
        datum in segment(),
    ) {
        let mut headers = [text(), constants(), data()];
        headers[0].segment.file_size = text_segment.file_size;
        headers[0].segment.memory_size = text_segment.memory_size;
        headers[1].segment = constant;
        headers[2].segment = datum;
        if let Ok(plan) = plan_of(&image(&headers)) {
            let mut end = plan.sled_end();
            for segment in [plan.constants, plan.data].into_iter().flatten() {
                prop_assert!(segment.address >= end && segment.address % PAGE == 0);
                prop_assert!(segment.file_size <= segment.memory_size);
                end = segment.end();
            }
            prop_assert!(end < SPACE && plan.program_break() < SPACE + PAGE);
        }
    }

    #[test]
    fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0usize..64) {
        let mut image = image(&[text(), constants(), data()]);
        for (place, byte) in image[at..].iter_mut().zip(&bytes) {
            *place = *byte;
        }
        let _ = plan_of(&image);
        let _ = plan_of(&bytes);
    }
}
