//! Attacks on what memory is reached: by bases and indexes, and by what is written to r15, rsp and rbp.
//!
//! The bytes are written out: no assembler stands between an attack and its encoding.

mod common;

use common::{accepted, hex, padded, refused, validate};
use zerovm_validator::Reason::*;

#[test]
fn absolute_addresses() {
    refused(
        Forbidden,
        "a00000000000000000, 48a10000000000000000, a30000000000000000",
    );
    refused(
        MemoryBase,
        "8b042500000000, 48890425ffffff7f, 89c08b040500000000",
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
        refused(MemoryBase, &format!("8b{base},89{base}"));
    }
    refused(
        MemoryBase,
        "418b00, 418b01, 418b0424, 418b4500, 418b06, ff00, d900, 0f1000",
    );
    refused(
        MemoryBase,
        "8f00, ff30, 0fc708, f00108, 0fae10, 0fae38, dd20, dd30",
    );
}

#[test]
fn memory_with_an_untrusted_index() {
    refused(
        MemoryIndex,
        "418b0407, 8b0404, 8b440500, 428b043c, 438b043f",
    );
    // Another register, too narrow, too wide, or not as the last instruction.
    refused(
        MemoryIndex,
        "89db418b0407, 6689c0418b0407, 4889c0418b0407, 89c090418b0407",
    );
    // Instructions that the rule does not take, though the processor does clear the upper half.
    refused(
        MemoryIndex,
        "11c0418b0407, d1e0418b0407, 0f44c0418b0407, 0fc8418b0407",
    );
    refused(
        MemoryIndex,
        "f30fb8c0418b0407, 0fbcc0418b0407, 0fb1d8418b0407",
    );
    // A destination in memory clears nothing.
    refused(
        MemoryIndex,
        "890424418b0407, 870424418b0407, 0fc10424418b0407",
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
        "90 418b0407, 4090 418b0407, 4890 418b0407, 6690 418b0407",
    );
    accepted("87c0 418b0407");
}

#[test]
fn base_register_written() {
    refused(
        BaseWritten,
        "4989c7, 4489f8 4189c7, 41b700, 66450fb6f8, 4d01ff, 41ffc7",
    );
    refused(
        BaseWritten,
        "415f, 418fc7, 4d8d3f, 4187c7, 4197, 490fcf, 410f94c7",
    );
    refused(
        BaseWritten,
        "450f44f8, 450fc1f8, 440fc1f8, 450fb1c7, 49f7df",
    );
    refused(
        BaseWritten,
        "66410f7ec7, 66490f7ec7, f2440f2df8, 66440fd7f8, 66440fc5f800",
    );
    refused(
        BaseWritten,
        "66410f3a16c700, 66410f3a14c700, f2440f38f0f8, f3440fb8f8, 41d1e7",
    );
}

#[test]
fn stack_pointer_written_whole_or_in_part() {
    refused(
        StackPointerWritten,
        "4889c4, 4883ec08, 4881ec00010000, 4801c4, 5c, 8fc4",
    );
    refused(
        StackPointerWritten,
        "40b400, 66bc0000, 6689c4, 4088c4, 6683ec08, 66ffc4",
    );
    refused(
        StackPointerWritten,
        "488b2424, 488d2424, 4894, 4887c4, 480fcc, 0fcc, d1e4",
    );
    refused(
        StackPointerWritten,
        "0f44e0, 480f44e0, 11c4, 480fb6e0, 0fb1c4, 0fc1c4, 94",
    );
    refused(
        StackPointerWritten,
        "400f94c4, f30fb8e0, 0fbce0, 660f7ee0 66480f7ec4",
    );
    refused(
        StackPointerWritten,
        "87c4 4c01fc, 0fc1c4 4c01fc, 87e0 4c01fc, 4c01fc, 4c09fc",
    );
}

#[test]
fn stack_pointer_rounded_up_or_by_more_than_a_byte() {
    accepted("4883e4f0, 4883e480");
    refused(
        StackPointerWritten,
        "4883e410, 4883e47f, 4881e4f0ffffff, 4821c4, 4883ccf0",
    );
    refused(StackPointerNotRestored, "83e4f0 90");
}

#[test]
fn frame_pointer_written_whole_or_in_part() {
    refused(
        FramePointerWritten,
        "4889c5, 5d, 8fc5, 4883c508, 40b500, 66bd0000, 4895",
    );
    refused(
        FramePointerWritten,
        "488b2c24, 488d2c24, 0fcd, 0f44e8, 400f94c5, 95, 87c5",
    );
    refused(FramePointerWritten, "4c01fd, 4883e5f0, 4c09fd");
}

#[test]
fn enter_and_leave() {
    refused(Forbidden, "c8000000, c9, 66c9, 66c8000000");
}

#[test]
fn stack_and_frame_pointer_exchange_values_only_whole() {
    accepted("4889e5, 4889ec, 488be5, 488bec");
    refused(FramePointerNotRestored, "89e5 90");
    refused(StackPointerNotRestored, "89ec 90");
    refused(StackPointerWritten, "6689ec");
    refused(StackPointerWritten, "4887ec");
}

#[test]
fn stack_pointer_left_as_a_number() {
    refused(
        StackPointerNotRestored,
        "83ec08, 83ec08 90 4c01fc, 83ec08 4c01fd, 89c4 50",
    );
    refused(
        StackPointerNotRestored,
        "83ec08 4801fc, 83ec08 4901e7, 83ec08 4c29fc, 83ec08 4c11fc",
    );
    refused(
        StackPointerNotRestored,
        "83ec08 4a8d643c01, 83ec08 4a8d247c, 83ec08 498d2427",
    );
    refused(StackPointerNotRestored, "83ec08 428d243c");
    refused(
        FramePointerNotRestored,
        "83c508, 83c508 4c09fd, 83c508 4c01fc, 89c5 498d2c2f",
    );
    // The end of the bundle, and of the text.
    let crossing = format!("{} 83ec08 4c01fc", "90".repeat(29));
    refused(StackPointerNotRestored, &crossing);
    assert_eq!(
        validate(&hex("83ec08")).unwrap_err().reason,
        StackPointerNotRestored
    );
}

#[test]
fn restoring_a_pointer_that_is_whole() {
    // Twice the base would be far outside.
    refused(StackPointerWritten, "83ec08 4c01fc 4c01fc");
    refused(FramePointerWritten, "83c508 4c01fd 4c01fd");
}

#[test]
fn bit_tests_that_reach_beyond_their_operand() {
    refused(
        Forbidden,
        "0fa30424, 0fab0424, 0fb30424, 0fbb0424, 480fa3c0, 0fa3c0",
    );
    accepted("0fba242401, 0fba2c24ff, f00fba2c2401");
}

#[test]
fn hints_touch_no_memory_and_need_no_base() {
    accepted("0f1800, 0f0d00, 0f180f, 488d0400, 8d0485000000ff");
    refused(MemoryBase, "0fae38");
}
