//! Reads bytes as a program. What is planned lies in the guest's space, in order and apart, and is
//! entered at a bundle of its text, whatever the headers say.

use zerovm_session::elf::{Plan, plan};
use zerovm_session::layout::{BUNDLE, PAGE, SPACE, TEXT, heap_end};

pub fn run(input: &[u8]) {
    let read = |offset: u64, buffer: &mut [u8]| {
        let bytes = usize::try_from(offset)
            .ok()
            .and_then(|offset| input.get(offset..)?.get(..buffer.len()));
        if let Some(bytes) = bytes {
            buffer.copy_from_slice(bytes);
        }
        bytes.is_some()
    };
    match plan(read) {
        Ok(plan) => check(&plan),
        Err(refusal) => {
            assert!([5, 8, 14].contains(&refusal.code()), "{refusal}");
            assert!(!refusal.to_string().is_empty());
        }
    }
}

fn check(plan: &Plan) {
    assert_eq!(plan.text.address, TEXT);
    assert!((TEXT..plan.text_end()).contains(&plan.entry) && plan.entry.is_multiple_of(BUNDLE));
    // At least a bundle of what halts, to the end of a page.
    assert!(plan.text_end() + BUNDLE <= plan.sled_end() && plan.sled_end().is_multiple_of(PAGE));
    let mut end = plan.sled_end();
    for segment in [plan.constants, plan.data].into_iter().flatten() {
        assert!(segment.address >= end && segment.address.is_multiple_of(PAGE));
        assert!(segment.file_size <= segment.memory_size);
        end = segment.address + segment.memory_size;
    }
    assert!(plan.text.file_size <= plan.text.memory_size);
    assert!(end <= SPACE && plan.heap_start() <= plan.program_break());
    assert!(plan.program_break() >= end);
    for memory in [1, 64 << 20, 4 << 30, i64::MAX] {
        if let Ok(heap_end) = heap_end(memory, plan.program_break()) {
            assert!(plan.program_break() < heap_end && heap_end <= SPACE);
        }
    }
}
