//! This process's own stack, walked from the registers of a thread that stands still, and what hostile
//! bytes do to a walk.

use cosmos_backtrace::maps::{self, Mapping};
use cosmos_backtrace::{MAXIMUM_FRAMES, Modules, Registers};
use proptest::prelude::*;
use std::io::Cursor;

fn mapping(start: u64, offset: u64, path: &str) -> Mapping {
    Mapping {
        start,
        end: start + 0x10_0000,
        executable: true,
        offset,
        inode: 1,
        path: path.to_owned(),
    }
}

/// An executable that is here and whose frames are described: this test.
fn own() -> (Vec<u8>, Vec<Mapping>) {
    let path = std::env::current_exe().unwrap();
    let text = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut mappings = maps::parse(&text);
    mappings.retain(|mapping| std::path::Path::new(&mapping.path) == path);
    (std::fs::read(path).unwrap(), mappings)
}

#[inline(never)]
extern "C" fn a_function_of_this_test(count: u64) -> u64 {
    std::hint::black_box(count) + 1
}

#[test]
fn addresses_of_this_process_have_names_and_lines() {
    let (file, mappings) = own();
    let open = |_: &Mapping| Some(Cursor::new(file.clone()));
    let modules = Modules::of(&mappings, "", open);
    let address = a_function_of_this_test as *const () as u64;
    let registers = Registers {
        instruction: address + 1,
        ..Registers::default()
    };
    let steps = modules.walk(registers, &mut |_| None);
    assert_eq!(steps.len(), 1, "{steps:?}");
    let frames = modules.name(&steps);
    let frame = &frames[0];
    assert!(
        frame.function.contains("a_function_of_this_test"),
        "{frame:?}"
    );
    assert!(
        frame.file.ends_with("own_stack.rs") && frame.line > 0,
        "{frame:?}"
    );
    assert_eq!(frame.within, 1);
    // The table of symbols alone gives the name, too.
    let open = |_: &Mapping| Some(Cursor::new(file.clone()));
    let modules = Modules::of(&mappings, &mappings[0].path, open);
    let frame = &modules.name(&steps)[0];
    assert!(frame.function.contains("a_function_of_this_test"));
    assert_eq!(frame.line, 0);
}

#[test]
fn a_stack_in_a_circle_has_an_end() {
    let (file, mappings) = own();
    let open = |_: &Mapping| Some(Cursor::new(file.clone()));
    let modules = Modules::of(&mappings, "", open);
    let address = a_function_of_this_test as *const () as u64;
    for frame in [0x1000, 0x1008, u64::MAX, u64::MAX - 7, 0] {
        let registers = Registers {
            instruction: address,
            stack: 0x1000,
            frame,
        };
        // Every word leads back.
        for word in [0x1000, address, address + 4, u64::MAX, 0] {
            let steps = modules.walk(registers, &mut |_| Some(word));
            assert!(steps.len() <= MAXIMUM_FRAMES);
        }
    }
}

#[test]
fn a_call_to_nowhere_still_has_a_caller() {
    let (file, mappings) = own();
    let open = |_: &Mapping| Some(Cursor::new(file.clone()));
    let modules = Modules::of(&mappings, "", open);
    let caller = a_function_of_this_test as *const () as u64 + 2;
    let registers = Registers {
        instruction: 0,
        stack: 0x1000,
        frame: 0,
    };
    let mut read = |address| (address == 0x1000).then_some(caller);
    let frames = modules.name(&modules.walk(registers, &mut read));
    assert_eq!(frames[0].address, 0);
    assert!(
        frames[1].function.contains("a_function_of_this_test"),
        "{frames:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// A file with wrong bytes gives fewer frames, or wrong ones, and nothing worse.
    #[test]
    fn a_file_that_lies_harms_nobody(
        at in 0usize..4096, bytes in proptest::collection::vec(any::<u8>(), 1..64),
        stack in any::<u64>(), frame in any::<u64>(), word in any::<u64>(), moved in any::<bool>()
    ) {
        let (mut file, mut mappings) = own();
        // The header, or what describes the sections.
        let table = u64::from_le_bytes(file[40..48].try_into().unwrap()) as usize;
        let at = if moved { table + at % (file.len() - table) } else { at % 4096 };
        let end = (at + bytes.len()).min(file.len());
        file[at..end].copy_from_slice(&bytes[..end - at]);
        mappings.push(mapping(0x1000, 0, "/x"));
        mappings.push(mapping(u64::MAX - 0x20_0000, 0x1000, "/y"));
        let open = |_: &Mapping| Some(Cursor::new(file.clone()));
        let modules = Modules::of(&mappings, "", open);
        let registers = Registers {
            instruction: a_function_of_this_test as *const () as u64,
            stack,
            frame,
        };
        let steps = modules.walk(registers, &mut |address| Some(word ^ address));
        prop_assert!(steps.len() <= MAXIMUM_FRAMES);
        prop_assert_eq!(modules.place(&steps).len(), steps.len());
        for frame in modules.name(&steps) {
            prop_assert!(frame.function.len() <= cosmos_backtrace::MAXIMUM_NAME);
        }
    }

    #[test]
    fn bytes_that_are_no_file_are_none(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let modules = Modules::of(&[mapping(0x1000, 0, "/x")], "", |_| Some(Cursor::new(bytes.clone())));
        let registers = Registers { instruction: 0x1100, stack: 0x2000, frame: 0x2000 };
        let steps = modules.walk(registers, &mut |address| Some(address));
        prop_assert!(modules.name(&steps).len() <= MAXIMUM_FRAMES);
    }
}
