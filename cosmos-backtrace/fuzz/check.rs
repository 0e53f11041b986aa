//! What must hold for whatever a process leaves. Shared by the fuzz target and the test that replays
//! its corpus.
//!
//! | bytes | stand for |
//! |---|---|
//! | 2 | the instruction, within the file as it is mapped |
//! | 6 | stack, frame pointer and what words of the stack are made of, two bytes each |
//! | 1 | bytes of text that follow, for the list of mappings |
//! | rest | the file |

use cosmos_backtrace::maps::{self, Mapping};
use cosmos_backtrace::{MAXIMUM_FRAMES, MAXIMUM_NAME, Modules, Registers};
use std::io::Cursor;

const START: u64 = 0x7f00_0000_0000;

pub fn check(data: &[u8]) {
    let Some((head, rest)) = data.split_first_chunk::<9>() else {
        return;
    };
    let number = |at: usize| u64::from(u16::from_le_bytes([head[at], head[at + 1]]));
    let (text, file) = rest.split_at(usize::from(head[8]).min(rest.len()));
    for mapping in maps::parse(&String::from_utf8_lossy(text)) {
        assert!(mapping.start < mapping.end && mapping.path.starts_with('/'));
    }
    let mapping = Mapping {
        start: START,
        end: START + 0x1_0000,
        executable: true,
        offset: 0,
        inode: 1,
        path: "/it".to_owned(),
    };
    let modules = Modules::of(&[mapping], "", |_| Some(Cursor::new(file.to_vec())));
    let registers = Registers {
        instruction: START + number(0),
        stack: number(2) << 8,
        frame: number(4) << 8,
    };
    let word = number(6);
    let mut read =
        |address: u64| (!address.is_multiple_of(7)).then_some(START.wrapping_add(address ^ word));
    let steps = modules.walk(registers, &mut read);
    assert!(!steps.is_empty() && steps.len() <= MAXIMUM_FRAMES);
    assert_eq!(modules.place(&steps).len(), steps.len());
    let frames = modules.name(&steps);
    assert!(!frames.is_empty() && frames.len() <= MAXIMUM_FRAMES);
    for frame in frames {
        for text in [frame.module, frame.function, frame.file] {
            assert!(text.len() <= MAXIMUM_NAME && !text.contains(char::is_control));
        }
    }
}
