//! What a hostile program would try, one test for each way out of the sandbox.
//!
//! The bytes are written out: no assembler stands between an attack and its encoding.

mod common;

use common::{BUNDLE, hex, padded, refusal, validate};
use zerovm_validator::Reason::{self, *};
use zerovm_validator::{Dialect, Validator};

/// Fails unless each of the pieces is refused for the reason.
#[track_caller]
fn refused(reason: Reason, pieces: &[&str]) {
    for piece in pieces {
        assert_eq!(refusal(&hex(piece)), Some(reason), "{piece}");
    }
}

#[track_caller]
fn accepted(pieces: &[&str]) {
    for piece in pieces {
        assert_eq!(refusal(&hex(piece)), None, "{piece}");
    }
}

/// A bundle that is `code` and a second one that starts with a jump to `target`.
fn jump_to(code: &str, target: usize) -> Option<Reason> {
    let mut text = padded(&hex(code));
    let distance = target as i32 - (text.len() as i32 + 5);
    text.push(0xe9);
    text.extend(distance.to_le_bytes());
    refusal(&text)
}

#[test]
fn jump_into_an_instruction() {
    // mov $0x050f0000, %eax holds a system call.
    assert_eq!(jump_to("b800000f05", 3), Some(TargetInside));
    assert_eq!(jump_to("b800000f05", 0), None);
    assert_eq!(jump_to("b800000f05", 5), None);
}

#[test]
fn jump_between_an_index_and_its_use() {
    assert_eq!(jump_to("90 89c0 418b1c07", 3), Some(TargetInside));
    assert_eq!(jump_to("90 89c0 418b1c07", 1), None);
}

#[test]
fn jump_past_the_mask_of_an_indirect_jump() {
    assert_eq!(jump_to("90 83e0e0 4c01f8 ffe0", 4), Some(TargetInside));
    assert_eq!(jump_to("90 83e0e0 4c01f8 ffe0", 7), Some(TargetInside));
    assert_eq!(jump_to("90 83e0e0 4c01f8 ffe0", 1), None);
    // The same without the jump is three ordinary instructions.
    assert_eq!(jump_to("90 83e0e0 4c01f8", 4), None);
}

#[test]
fn jump_past_the_write_of_esp_or_ebp() {
    assert_eq!(jump_to("90 83ec08 4c01fc", 4), Some(TargetInside));
    assert_eq!(jump_to("90 83c508 4c01fd", 4), Some(TargetInside));
}

#[test]
fn jump_into_the_sequence_of_a_string() {
    let both = "90 89f6 498d3437 89ff 498d3c3f f3a4";
    for target in [3, 7, 9, 13] {
        assert_eq!(jump_to(both, target), Some(TargetInside), "{target}");
    }
    assert_eq!(jump_to(both, 1), None);
    // A store needs the half of it that is about rdi; the other half is ordinary then.
    let store = "90 89f6 498d3437 89ff 498d3c3f aa";
    assert_eq!(jump_to(store, 3), None);
    assert_eq!(jump_to(store, 7), None);
    assert_eq!(jump_to(store, 9), Some(TargetInside));
}

#[test]
fn jump_out_of_the_text_to_an_odd_place() {
    // Into a trampoline, past the start of its bundle; text is at 0x20000.
    for (distance, reason) in [
        (-0x10000, None),
        (-0x10000 + 8, Some(TargetOutside)),
        (0x1_0020, None),
    ] {
        let mut text = vec![0xe9];
        text.extend((distance - 5_i32).to_le_bytes());
        let verdict = Validator::new(Dialect::Nacl).validate(0x20000, &padded(&text));
        assert_eq!(
            verdict.err().map(|violation| violation.reason),
            reason,
            "{distance:#x}"
        );
    }
}

#[test]
fn every_kind_of_direct_branch_is_followed() {
    refused(
        TargetInside,
        &["b8909090 90 ebfc", "b890909090 74fb", "b890909090 e3fb"],
    );
    refused(
        TargetInside,
        &["b890909090 e0fb", "b890909090 e1fb", "b890909090 e2fb"],
    );
    refused(
        TargetInside,
        &[
            "b890909090 0f85f7ffffff",
            "b890909090 e8f9ffffff",
            "b890909090 40ebfa",
        ],
    );
    refused(TargetInside, &["b890909090 2e74fa", "b890909090 3e74fa"]);
}

#[test]
fn branches_across_ranges_of_threads_are_followed() {
    let mut text = vec![0x90; 4 << 20];
    let end = text.len();
    // A jump from the end into an instruction at the start.
    text[..5].copy_from_slice(&hex("b890909090"));
    let distance = 3 - end as i32;
    text[end - 4..].copy_from_slice(&distance.to_le_bytes());
    text[end - 5] = 0xe9;
    for threads in 1..9 {
        let validator = Validator::new(Dialect::Nacl).with_threads(threads.try_into().unwrap());
        let violation = validator.validate(0, &text).unwrap_err();
        assert_eq!(
            (violation.offset, violation.reason),
            (end - 5, TargetInside),
            "{threads}"
        );
        assert_eq!(violation.target, Some(3));
    }
    text[end - 4..].copy_from_slice(&(5 - end as i32).to_le_bytes());
    for threads in 1..9 {
        let validator = Validator::new(Dialect::Nacl).with_threads(threads.try_into().unwrap());
        assert_eq!(validator.validate(0, &text), Ok(()), "{threads}");
    }
}

#[test]
fn branches_of_16_bits() {
    // On AMD these truncate rip; on Intel the prefix is ignored.
    refused(
        Prefixes,
        &[
            "66e900000000",
            "66e9 0000",
            "66e800000000",
            "66eb00",
            "667400",
        ],
    );
    refused(
        Prefixes,
        &["660f8400000000", "66e300", "66e200", "83e0e04c01f866ffe0"],
    );
    refused(Prefixes, &["83e0e04c01f866ffd0"]);
}

#[test]
fn branches_with_prefixes_that_some_processors_ignore() {
    refused(
        Prefixes,
        &[
            "f2e900000000",
            "f3eb00",
            "f27400",
            "3eeb00",
            "2ee800000000",
            "677400",
        ],
    );
    refused(
        Prefixes,
        &[
            "67e300",
            "67e200",
            "64eb00",
            "83e0e04c01f8f2ffe0",
            "83e0e04c01f83effe0",
        ],
    );
}

#[test]
fn returns() {
    refused(
        Return,
        &[
            "c3", "c20800", "f3c3", "f2c3", "66c3", "48c3", "cb", "ca0800", "48cb", "cf",
        ],
    );
    refused(Return, &["48cf"]);
}

#[test]
fn system_calls_and_interrupts() {
    refused(
        SystemCall,
        &["0f05", "480f05", "0f34", "cc", "cd80", "cd2e", "f1"],
    );
    refused(Undecodable, &["ce"]);
}

#[test]
fn instructions_that_read_the_time_or_the_machine() {
    refused(Clock, &["0f31", "0f01f9", "480f31"]);
    refused(
        Forbidden,
        &[
            "0f33", "0fc7f0", "0fc7f8", "f30fc7f8", "0f01d0", "0f01fd", "0f01ca",
        ],
    );
    refused(
        Forbidden,
        &["0f0001", "0f0100", "0f0101", "0f01e0", "0f02c0", "0f03c0"],
    );
}

#[test]
fn privileged_instructions_and_ports() {
    refused(
        Forbidden,
        &[
            "fa", "fb", "0f06", "0f08", "0f09", "0f30", "0f32", "0f20c0", "0f22c0",
        ],
    );
    refused(
        Forbidden,
        &[
            "0f21c0", "0f23c0", "e460", "e660", "ec", "ee", "6c", "6e", "0f07", "0f35",
        ],
    );
    refused(Forbidden, &["0f01f8", "0f01d8", "0f01c8", "0f01c9", "0faa"]);
}

#[test]
fn segments_in_every_way() {
    refused(
        Prefixes,
        &[
            "64488b0424",
            "65488b0424",
            "2e8b0424",
            "368b0424",
            "3e8b0424",
            "268b0424",
        ],
    );
    refused(Prefixes, &["6490", "6589c0", "64f4", "6450"]);
    refused(
        Forbidden,
        &[
            "8ec0", "8cc0", "0fa0", "0fa1", "0fa8", "0fa9", "0fb200", "0fb400", "0fb500",
        ],
    );
    refused(Forbidden, &["f30faec0", "f30faed0", "f3480faed8"]);
}

#[test]
fn addresses_of_32_bits() {
    refused(
        Prefixes,
        &[
            "678b0424", "67418b07", "67aa", "67f3aa", "678d0424", "67a4", "6750", "67ff30",
        ],
    );
    refused(Prefixes, &["89c067418b0407", "67e300"]);
    let many = format!("{}8b0424", "67".repeat(10));
    refused(Prefixes, &[&many]);
}

#[test]
fn absolute_addresses() {
    refused(
        Forbidden,
        &[
            "a00000000000000000",
            "48a10000000000000000",
            "a30000000000000000",
        ],
    );
    refused(
        MemoryBase,
        &["8b042500000000", "48890425ffffff7f", "89c08b040500000000"],
    );
}

#[test]
fn memory_with_an_untrusted_base() {
    for base in [
        "00",
        "01",
        "02",
        "03",
        "06",
        "07",
        "4000",
        "8000000000",
        "0400",
        "042f",
    ] {
        refused(MemoryBase, &[&format!("8b{base}"), &format!("89{base}")]);
    }
    refused(
        MemoryBase,
        &[
            "418b00", "418b01", "418b0424", "418b4500", "418b06", "ff00", "d900", "0f1000",
        ],
    );
    refused(
        MemoryBase,
        &[
            "8f00", "ff30", "0fc708", "f00108", "0fae10", "0fae38", "dd20", "dd30",
        ],
    );
}

#[test]
fn memory_with_an_untrusted_index() {
    refused(
        MemoryIndex,
        &["418b0407", "8b0404", "8b440500", "428b043c", "438b043f"],
    );
    // Another register, too narrow, too wide, or not as the last instruction.
    refused(
        MemoryIndex,
        &[
            "89db418b0407",
            "6689c0418b0407",
            "4889c0418b0407",
            "89c090418b0407",
        ],
    );
    // Instructions that the rule does not take, though the processor does clear the upper half.
    refused(
        MemoryIndex,
        &[
            "11c0418b0407",
            "d1e0418b0407",
            "0f44c0418b0407",
            "0fc8418b0407",
        ],
    );
    refused(
        MemoryIndex,
        &["f30fb8c0418b0407", "0fbcc0418b0407", "0fb1d8418b0407"],
    );
    // A destination in memory clears nothing.
    refused(
        MemoryIndex,
        &["890424418b0407", "870424418b0407", "0fc10424418b0407"],
    );
}

#[test]
fn index_and_use_in_two_bundles() {
    let text = padded(&hex(&format!("{} 89c0 418b0407", "90".repeat(30))));
    let violation = validate(&text).unwrap_err();
    assert_eq!((violation.offset, violation.reason), (32, MemoryIndex));
}

#[test]
fn xchg_of_eax_with_itself_is_a_no_operation_only_as_one_byte() {
    refused(
        MemoryIndex,
        &[
            "90 418b0407",
            "4090 418b0407",
            "4890 418b0407",
            "6690 418b0407",
        ],
    );
    accepted(&["87c0 418b0407"]);
}

#[test]
fn base_register_written() {
    refused(
        BaseWritten,
        &[
            "4989c7",
            "4489f8 4189c7",
            "41b700",
            "66450fb6f8",
            "4d01ff",
            "41ffc7",
        ],
    );
    refused(
        BaseWritten,
        &[
            "415f", "418fc7", "4d8d3f", "4187c7", "4197", "490fcf", "410f94c7",
        ],
    );
    refused(
        BaseWritten,
        &["450f44f8", "450fc1f8", "440fc1f8", "450fb1c7", "49f7df"],
    );
    refused(
        BaseWritten,
        &[
            "66410f7ec7",
            "66490f7ec7",
            "f2440f2df8",
            "66440fd7f8",
            "66440fc5f800",
        ],
    );
    refused(
        BaseWritten,
        &[
            "66410f3a16c700",
            "66410f3a14c700",
            "f2440f38f0f8",
            "f3440fb8f8",
            "41d1e7",
        ],
    );
}

#[test]
fn stack_pointer_written_whole_or_in_part() {
    refused(
        StackPointerWritten,
        &[
            "4889c4",
            "4883ec08",
            "4881ec00010000",
            "4801c4",
            "5c",
            "8fc4",
        ],
    );
    refused(
        StackPointerWritten,
        &[
            "40b400", "66bc0000", "6689c4", "4088c4", "6683ec08", "66ffc4",
        ],
    );
    refused(
        StackPointerWritten,
        &[
            "488b2424", "488d2424", "4894", "4887c4", "480fcc", "0fcc", "d1e4",
        ],
    );
    refused(
        StackPointerWritten,
        &[
            "0f44e0", "480f44e0", "11c4", "480fb6e0", "0fb1c4", "0fc1c4", "94",
        ],
    );
    refused(
        StackPointerWritten,
        &["400f94c4", "f30fb8e0", "0fbce0", "660f7ee0 66480f7ec4"],
    );
    refused(
        StackPointerWritten,
        &[
            "87c4 4c01fc",
            "0fc1c4 4c01fc",
            "87e0 4c01fc",
            "4c01fc",
            "4c09fc",
        ],
    );
}

#[test]
fn stack_pointer_rounded_up_or_by_more_than_a_byte() {
    accepted(&["4883e4f0", "4883e480"]);
    refused(
        StackPointerWritten,
        &[
            "4883e410",
            "4883e47f",
            "4881e4f0ffffff",
            "4821c4",
            "4883ccf0",
        ],
    );
    refused(StackPointerNotRestored, &["83e4f0 90"]);
}

#[test]
fn frame_pointer_written_whole_or_in_part() {
    refused(
        FramePointerWritten,
        &[
            "4889c5", "5d", "8fc5", "4883c508", "40b500", "66bd0000", "4895",
        ],
    );
    refused(
        FramePointerWritten,
        &[
            "488b2c24", "488d2c24", "0fcd", "0f44e8", "400f94c5", "95", "87c5",
        ],
    );
    refused(FramePointerWritten, &["4c01fd", "4883e5f0", "4c09fd"]);
}

#[test]
fn enter_and_leave() {
    refused(Forbidden, &["c8000000", "c9", "66c9", "66c8000000"]);
}

#[test]
fn stack_and_frame_pointer_exchange_values_only_whole() {
    accepted(&["4889e5", "4889ec", "488be5", "488bec"]);
    refused(FramePointerNotRestored, &["89e5 90"]);
    refused(StackPointerNotRestored, &["89ec 90"]);
    refused(StackPointerWritten, &["6689ec"]);
    refused(StackPointerWritten, &["4887ec"]);
}

#[test]
fn stack_pointer_left_as_a_number() {
    refused(
        StackPointerNotRestored,
        &["83ec08", "83ec08 90 4c01fc", "83ec08 4c01fd", "89c4 50"],
    );
    refused(
        StackPointerNotRestored,
        &[
            "83ec08 4801fc",
            "83ec08 4901e7",
            "83ec08 4c29fc",
            "83ec08 4c11fc",
        ],
    );
    refused(
        StackPointerNotRestored,
        &["83ec08 4a8d643c01", "83ec08 4a8d247c", "83ec08 498d2427"],
    );
    refused(StackPointerNotRestored, &["83ec08 428d243c"]);
    refused(
        FramePointerNotRestored,
        &["83c508", "83c508 4c09fd", "83c508 4c01fc", "89c5 498d2c2f"],
    );
    // The end of the bundle, and of the text.
    let crossing = format!("{} 83ec08 4c01fc", "90".repeat(29));
    refused(StackPointerNotRestored, &[&crossing]);
    assert_eq!(
        validate(&hex("83ec08")).unwrap_err().reason,
        StackPointerNotRestored
    );
}

#[test]
fn restoring_a_pointer_that_is_whole() {
    // Twice the base would be far outside.
    refused(StackPointerWritten, &["83ec08 4c01fc 4c01fc"]);
    refused(FramePointerWritten, &["83c508 4c01fd 4c01fd"]);
}

#[test]
fn indirect_branch_without_its_sequence() {
    refused(
        UnmaskedBranch,
        &[
            "ffe0",
            "ffd0",
            "41ffe3",
            "4c01f8ffe0",
            "83e0e0ffe0",
            "83e0e0 4c01f8 90 ffe0",
        ],
    );
    refused(
        UnmaskedBranch,
        &[
            "83e0e0 90 4c01f8 ffe0",
            "83e0e0 4c01f8 ffe1",
            "83e1e0 4c01f8 ffe0",
        ],
    );
    refused(
        UnmaskedBranch,
        &[
            "83e0f0 4c01f8 ffe0",
            "4883e0e0 4c01f8 ffe0",
            "6683e0e0 4c01f8 ffe0",
        ],
    );
    refused(
        UnmaskedBranch,
        &[
            "25e0ffffff 4c01f8 ffe0",
            "81e0e0ffffff 4c01f8 ffe0",
            "83e0e04801f8ffe0",
        ],
    );
    refused(
        UnmaskedBranch,
        &[
            "83e0e0 4c29f8 ffe0",
            "83e0e0 4c09f8 ffe0",
            "83e0e0 498d0407 ffe0",
        ],
    );
    refused(
        UnmaskedBranch,
        &[
            "4183e0e0 4c01f8 ffe0",
            "83e0e0 4d01f8 ffe0",
            "83e0e0 4c01f8 41ffe0",
        ],
    );
}

#[test]
fn indirect_branch_through_memory() {
    accepted(&["ff3424"]);
    refused(UnmaskedBranch, &["ff2424", "ff1424", "ff2500000000"]);
    refused(
        MemoryBase,
        &["ff20", "83e0e0 4c01f8 ff20", "83e0e0 4c01f8 ff10"],
    );
    refused(Forbidden, &["ff2c24", "ff1c24", "48ff2c24"]);
}

#[test]
fn indirect_branch_by_a_confined_register() {
    refused(
        UnmaskedBranch,
        &[
            "ffe4",
            "ffe5",
            "41ffe7",
            "83e4e0 4c01fc ffe4",
            "83e5e0 4c01fd ffe5",
        ],
    );
}

#[test]
fn mask_that_is_part_of_another_instruction() {
    // The bytes before the jump are a mask and an add, but inside of two moves.
    refused(UnmaskedBranch, &["48b8909083e0e04c01f8 ffe0"]);
    // The add starts where a REX that belongs to it hides the instruction before.
    refused(UnmaskedBranch, &["b883e0e090 4c01f8 ffe0"]);
}

#[test]
fn mask_and_branch_in_two_bundles() {
    for before in 25..32 {
        let text = padded(&hex(&format!("{} 83e0e0 4c01f8 ffe0", "90".repeat(before))));
        assert!(validate(&text).is_err(), "{before}");
    }
    accepted(&[&format!("{} 83e0e0 4c01f8 ffe0", "90".repeat(24))]);
}

#[test]
fn strings_without_their_sequence() {
    refused(
        UnmaskedString,
        &[
            "a4", "a5", "a6", "aa", "ab", "ac", "ad", "ae", "af", "f3a4", "f3aa",
        ],
    );
    refused(
        UnmaskedString,
        &[
            "0ff7c1",
            "660ff7c1",
            "498d3c3f aa",
            "89ff aa",
            "89ff 90 498d3c3f aa",
        ],
    );
    refused(
        UnmaskedString,
        &[
            "89ff 498d3c3f 90 aa",
            "89f6 498d3437 aa",
            "89ff 498d3c3f ac",
        ],
    );
    refused(
        UnmaskedString,
        &[
            "89ff 498d3c3f a4",
            "89ff 498d3c3f 89f6 498d3437 a4",
            "6689ff498d3c3faa",
        ],
    );
    refused(
        UnmaskedString,
        &["4889ff 498d3c3f aa", "89ff 4a8d3c3f aa", "89ff 498d3c7f aa"],
    );
    refused(UnmaskedString, &["89ff 498d7c3f01 aa", "89ff 418d3c3f aa"]);
    refused(
        UnmaskedString,
        &["89ff 498d3c3f aa aa", "89ff 498d3c3f f3aa f3aa"],
    );
}

#[test]
fn strings_with_other_prefixes() {
    refused(
        Prefixes,
        &[
            "89ff498d3c3f f2aa",
            "89ff498d3c3f 66f3aa",
            "89ff498d3c3f f366ab",
        ],
    );
    refused(
        Prefixes,
        &[
            "89ff498d3c3f 64aa",
            "89ff498d3c3f 67aa",
            "89ff498d3c3f 26ab",
        ],
    );
    accepted(&[
        "89ff498d3c3f f3aa",
        "89ff498d3c3f f2ae",
        "89ff498d3c3f f3ae",
        "89ff498d3c3f f348ab",
    ]);
}

#[test]
fn pause_with_rex_exchanges_registers() {
    accepted(&["f390"]);
    refused(Prefixes, &["f34190", "f34990", "f34090", "f34890"]);
    refused(Prefixes, &["66f390", "f290"]);
}

#[test]
fn prefixes_in_odd_orders_and_numbers() {
    refused(
        Prefixes,
        &[
            "4840 01c0",
            "4866 01c0",
            "40f3aa",
            "6666 01c0",
            "f3f3aa",
            "66480fafc0",
        ],
    );
    refused(Prefixes, &["66f20f58c0", "f266 0f58c0", "66f30fb8c0"]);
    let fifteen = format!("{}90", "66".repeat(14));
    refused(Prefixes, &[&fifteen]);
}

#[test]
fn locks() {
    accepted(&[
        "f0010424",
        "f048010424",
        "66f0010424",
        "f066010424",
        "f00fb10c24",
        "f0870424",
        "f0fe0424",
    ]);
    assert!(refusal(&hex("f001c0")).is_some());
    assert!(refusal(&hex("f08b0424")).is_some());
    assert!(refusal(&hex("f0030424")).is_some());
    assert!(refusal(&hex("f0391424")).is_some());
    assert!(refusal(&hex("f0890424")).is_some());
    assert!(refusal(&hex("f00f20c0")).is_some());
}

#[test]
fn extensions_of_the_processor_that_came_later() {
    refused(
        VectorExtension,
        &[
            "c5f958c0",
            "c4e27199d0",
            "62f17c4858c0",
            "c5f877",
            "8fe97812c1",
        ],
    );
    refused(
        Forbidden,
        &[
            "660f38dcc0",
            "660f3a44c000",
            "660f3adfc000",
            "0f38c8c0",
            "0f3accc000",
        ],
    );
    refused(
        Forbidden,
        &[
            "660f38cfc0",
            "f30f1efa",
            "f30f1efb",
            "f30f1ec8",
            "f3480f1ec8",
            "0f1ec0",
        ],
    );
    refused(
        Forbidden,
        &["0f38f90424", "660f38f80424", "f20f38f80424", "660f38f6c0"],
    );
    refused(
        Forbidden,
        &[
            "c6f800",
            "c7f800000000",
            "0f01d5",
            "0f01d6",
            "0f01fc",
            "0f01fa",
            "0f01fb",
        ],
    );
    refused(
        Forbidden,
        &[
            "0fae0424",
            "0fae0c24",
            "0fae2424",
            "0fae2c24",
            "0fae3424",
            "660fae3c24",
        ],
    );
    refused(
        Forbidden,
        &["0fc71c24", "0fc72424", "0f1a0424", "0f1b0424", "f30fae2424"],
    );
    refused(Forbidden, &["f30faee8", "660faef0", "f20faef0", "f30faef0"]);
    // A prefix of later processors; no instruction here.
    refused(
        Undecodable,
        &[
            "d50001c0", "d500", "06", "0e", "16", "1e", "27", "37", "60", "61", "9a", "ea",
        ],
    );
}

#[test]
fn bit_tests_that_reach_beyond_their_operand() {
    refused(
        Forbidden,
        &[
            "0fa30424", "0fab0424", "0fb30424", "0fbb0424", "480fa3c0", "0fa3c0",
        ],
    );
    accepted(&["0fba242401", "0fba2c24ff", "f00fba2c2401"]);
}

#[test]
fn flags_and_state_of_the_processor() {
    refused(
        Forbidden,
        &[
            "9c",
            "9d",
            "9e",
            "9f",
            "669c",
            "d7",
            "480fae0424",
            "0fae0424",
        ],
    );
    accepted(&[
        "fc", "fd", "f8", "0fae1424", "0fae1c24", "d93424", "d92424", "dd3424", "dd2424",
    ]);
}

#[test]
fn undefined_encodings_and_aliases() {
    refused(
        Undecodable,
        &["82c001", "d6", "0f04", "0f0a", "0f24c0", "0f26c0"],
    );
    refused(
        Forbidden,
        &[
            "f6c800",
            "f7c800000000",
            "d0f0",
            "c0f000",
            "c1f000",
            "d3f0",
            "660fc8",
        ],
    );
    refused(
        Forbidden,
        &["0fb9c0", "0fffc0", "0f1920", "0f1fc8", "660f78c00101"],
    );
    refused(
        Nop,
        &[
            "0f1fc0",
            "0f1f01",
            "0f1f4001",
            "660f1f00",
            "0f1f440001",
            "0f1f04240f1f00",
        ],
    );
    accepted(&["0f0b", "0f1f00", "660f1f440000", "6666662e0f1f840000000000"]);
}

#[test]
fn instruction_across_a_bundle() {
    for before in 28..32 {
        let text = padded(&hex(&format!("{}b800000f05", "90".repeat(before))));
        let violation = validate(&text).unwrap_err();
        assert_eq!(
            (violation.offset, violation.reason),
            (before, CrossesBundle)
        );
    }
}

#[test]
fn truncated_last_instruction() {
    for (text, offset) in [
        ("b8000000", 0),
        ("90 0f", 1),
        ("90 48", 1),
        ("9090 e900", 2),
        ("66", 0),
    ] {
        let violation = validate(&hex(text)).unwrap_err();
        assert_eq!(
            (violation.offset, violation.reason),
            (offset, Truncated),
            "{text}"
        );
    }
    assert_eq!(validate(&hex("90 f4")), Ok(()));
    assert_eq!(validate(&[]), Ok(()));
}

#[test]
fn halts_at_the_end() {
    let mut text = hex("ebfe");
    text.resize(1 << 16, 0xf4);
    assert_eq!(validate(&text), Ok(()));
    // Into those that are judged, and into those that are only skipped.
    text[1] = 10;
    assert_eq!(validate(&text), Ok(()));
    text[1] = 40;
    assert_eq!(validate(&text).unwrap_err().reason, TargetOutside);
    text[1] = 62;
    assert_eq!(validate(&text), Ok(()));
    // A byte other than HLT among them is judged.
    text[(1 << 16) - 2..].copy_from_slice(&[0x0f, 0x05]);
    assert_eq!(validate(&text).unwrap_err().reason, SystemCall);
    assert_eq!(validate(&vec![0xf4; 12345]), Ok(()));
}

#[test]
fn text_where_the_argument_does_not_hold() {
    let validator = Validator::new(Dialect::Nacl);
    let text = [0x90; BUNDLE];
    let reason = |address| {
        validator
            .validate(address, &text)
            .err()
            .map(|found| found.reason)
    };
    assert_eq!(reason(0), None);
    assert_eq!(reason((1 << 32) - 32), None);
    assert_eq!(reason(1), Some(Placement));
    assert_eq!(reason(16), Some(Placement));
    assert_eq!(reason(1 << 32), Some(Placement));
    assert_eq!(reason(u64::MAX - 31), Some(Placement));
    assert_eq!(validator.violations(1, &text).count(), 1);
}

#[test]
fn all_violations_are_listed() {
    let text = padded(&hex("0f05 90 c3 eb01 b800000000"));
    let found: Vec<_> = Validator::new(Dialect::Nacl)
        .violations(0, &text)
        .map(|violation| (violation.offset, violation.reason))
        .collect();
    assert_eq!(found, [(0, SystemCall), (3, Return), (4, TargetInside)]);
}

#[test]
fn hints_touch_no_memory_and_need_no_base() {
    accepted(&["0f1800", "0f0d00", "0f180f", "488d0400", "8d0485000000ff"]);
    refused(MemoryBase, &["0fae38"]);
}

#[test]
fn messages() {
    let said = |text: &str| validate(&padded(&hex(text))).unwrap_err().to_string();
    assert_eq!(said("90 0f05"), "0x1: 0f 05: a system call or interrupt");
    assert_eq!(
        said("b890909090 ebfc"),
        "0x5: eb fc: a branch to where the text may not be entered: 0x3"
    );
    assert_eq!(
        said("e9f0ffffff"),
        "0x0: e9 f0 ff ff ff: a branch out of the text to what is no bundle's start: -0xb"
    );
}
