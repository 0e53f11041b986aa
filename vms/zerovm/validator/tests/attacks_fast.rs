//! Each rule of dialect `fast` broken that is not about where control goes, and what it allows beside
//! that.
//!
//! The bytes are written out: no assembler stands between an attack and its encoding.

mod common;

use common::{FAST, NACL, RETURN, Random, hex, padded};
use zerovm_validator::Reason::{self, *};
use zerovm_validator::{Dialect, Validator};

fn accepted(pieces: &str) {
    FAST.accepted(pieces);
}

#[track_caller]
fn refused(reason: Reason, pieces: &str) {
    FAST.refused(reason, pieces);
}

/// Fails unless each of the pieces is no instruction of the list, whatever the decoder calls it.
#[track_caller]
fn never(pieces: &str) {
    for piece in pieces.split(',') {
        let reason = FAST.refusal(&hex(piece));
        assert!(
            matches!(reason, Some(Forbidden | Undecodable)),
            "{piece} {reason:?}"
        );
    }
}

#[test]
fn memory_from_gs() {
    // (%eax), 4(%eax), (%eax,%ecx,4), -8(%r14d,%r9d,8), (,%eax,4), an address alone.
    accepted("65678b00, 65678b4004, 65678b0488, 6567438b44cef8, 65678b048500000000");
    accepted("65678b042500000000, 65678b0425ffffffff, 656789042500000080");
    // rbp and r13 without a displacement cannot be encoded; r12 and esp are with SIB; r15d too.
    accepted("65678b4500, 6567418b4500, 6567418b0424, 65678b0424, 6567418b07, 6567438b043f");
    // 66, F2, F3, F0 and REX behind them.
    accepted("65676689 08, 6567660f6f00, 6567f20f1000, 6567f30f1000, 6567f00108, 6567f048 0108");
    accepted("6567ff00, 6567c70001000000, 65670fae38, 6567dd30, 6567d900, 65670fc708");
    accepted("65678b00 418b0c07, 65670fb600 418b0c07");
    // The same registers with 64 bits, or rip.
    refused(MemoryUnconfined, "6567 8b0500000000, 65678b0d00010000");
}

#[test]
fn one_of_the_two_prefixes_alone() {
    refused(
        Prefixes,
        "658b00, 658b0424, 658b0500000000, 65418b07, 658b042500000000",
    );
    refused(
        Prefixes,
        "678b00, 678b0424, 678b0500000000, 67418b07, 89c067418b0c07",
    );
    refused(Prefixes, "65488d00, 658d00, 65678d00, 6567488d00");
    // An address that is only computed may be of 32 bits.
    accepted("678d00, 67488d00, 67668d00, 678d0488, 67438d44cef8, 678d0500000000");
    accepted("678d0488 418b0c07");
    // One of 64 bits is no promise.
    refused(MemoryIndex, "67488d00 418b0c07");
}

#[test]
fn prefixes_in_other_orders_and_numbers() {
    refused(
        Prefixes,
        "67658b00, 656665678b00, 66656789 08, 65666789 08, f265670f1000",
    );
    refused(
        Prefixes,
        "65f2670f1000, f0656701 08, 6566670f6f00, 6567676700, 656765678b00",
    );
    refused(
        Prefixes,
        "65658b00, 67678d00, 656566678b00, 64678b00, 2665678b00, 6526678b00",
    );
    refused(
        Prefixes,
        "65672e8b00, 65673e8b00, 6567268b00, 6567368b00, 6567648b00",
    );
    refused(
        Prefixes,
        "656748678b00, 4865678b00, 6548678b00, 6567484 08b00",
    );
    refused(
        Prefixes,
        "656766f20f38f100, 6567f266 0f38f100, 6567f066 0108, 656766f00108",
    );
    refused(
        Prefixes,
        "66f0010424, f066010424, 65676666 8908, 6567f3f30f1000",
    );
    // Not meant for that form.
    refused(Prefixes, "6567f38b00, 6567f28908");
    never("f001c0, f04c01fc, 83ec08 f04c01fc");
}

#[test]
fn other_segments_and_hints() {
    refused(
        Prefixes,
        "648b0424, 64678b00, 2e8b0424, 368b0424, 3e8b0424, 268b0424",
    );
    refused(
        Prefixes,
        "2e7400, 3e7400, 2e0f8400000000, 6490, 2e90, 3e90, 6590, 6790, 656790",
    );
    accepted("662e0f1f840000000000, 6666666666662e0f1f840000000000, 0f1f4000, 660f1f440000");
    refused(
        Prefixes,
        "67662e0f1f840000000000, 6567662e0f1f840000000000, 67 0f1f4000, 6567 0f1f4000",
    );
    refused(Nop, "0f1fc0, 0f1f01, 0f1f4001");
}

#[test]
fn both_prefixes_on_what_does_not_take_them() {
    for piece in [
        // Strings, translation, masked stores.
        "a4",
        "a5",
        "aa",
        "ab",
        "ac",
        "ad",
        "ae",
        "af",
        "a6",
        "f3a4",
        "f3aa",
        // push, pop, branches, the return.
        "50",
        "58",
        "6a00",
        "6800000000",
        "ff30",
        "ff3424",
        "8f00",
        "8f0424",
        "ffe0",
        "ffd0",
        "ff20",
        "ff10",
        "eb00",
        "e900000000",
        "e800000000",
        "7400",
        "0f8400000000",
        "e200",
        "e300",
        "c3",
        // Registers alone.
        "89c0",
        "01c8",
        "0f28c1",
        "0fa2",
        "98",
        "99",
        "f4",
        "0f0b",
        "90",
        "f390",
        "d9e8",
        "fc",
        "b801000000",
        "b001",
        "0fc8",
        "0fbae001",
        "0f94c0",
        "0faee8",
        "0faef0",
        "0f50c0",
        "ffc0",
    ] {
        for prefixes in ["65", "67", "6567", "6765"] {
            let code = hex(&format!("{prefixes}{piece}"));
            // Forbidden where the decoder has another form for the short address.
            let reason = FAST.refusal(&code);
            assert!(
                matches!(reason, Some(Prefixes | Forbidden | Undecodable)),
                "{code:02x?} {reason:?}"
            );
        }
    }
    for piece in ["d7", "a00000000000000000", "48a10000000000000000", "e8"] {
        for prefixes in ["65", "67", "6567"] {
            assert!(
                FAST.refusal(&hex(&format!("{prefixes}{piece}"))).is_some(),
                "{piece}"
            );
        }
    }
    refused(
        Prefixes,
        "89ff498d3c3f 65aa, 89ff498d3c3f 67aa, 89ff498d3c3f 6567aa, 89ff498d3c3f 6567660ff7c1",
    );
    refused(
        Prefixes,
        "89ff498d3c3f 6567f3aa, 89ff498d3c3f 67f3aa, 89ff498d3c3f f367aa",
    );
}

#[test]
fn vector_indexes_and_extensions() {
    for piece in [
        "c4e2799204 01",
        "c5f8100 0",
        "62f27d499204 01",
        "8fe97812c1",
        "d50001c0",
        "c5f877",
    ] {
        for prefixes in ["", "6567", "67", "65"] {
            let code = hex(&format!("{prefixes}{piece}"));
            assert!(FAST.refusal(&code).is_some(), "{prefixes}{piece}");
        }
    }
}

#[test]
fn memory_by_whole_registers() {
    accepted(
        "8b0424, 8b442408, 890424, 8b842400000080, 8b0500000000, 418b07, 418b4708, 418b8700000080",
    );
    // r15 as a base of SIB without an index.
    accepted("418b0427, 418b442708");
    for base in [
        "00",
        "01",
        "02",
        "03",
        "06",
        "07",
        "4500",
        "8500000000",
        "0400",
        "0428",
    ] {
        refused(
            MemoryUnconfined,
            &format!("8b{base}, 89{base}, ff{base}")
                .replace("ff45", "d945")
                .replace("ff85", "d985"),
        );
    }
    refused(
        MemoryUnconfined,
        "418b00, 418b0424, 418b4500, 418b06, 8b042500000000, 8b048500000000",
    );
    // rbp is a register like others; rsp takes no index.
    refused(
        MemoryUnconfined,
        "8b4500, 894508, 89c08b0404, 89c08b440500, 8b0404, 89c0428b043c",
    );
    refused(
        MemoryUnconfined,
        "0f1800, 0f0d00, 0f180f, 0fae38, ff30, 8f00, dd30, 0fc708",
    );
    accepted("0f180424, 65670f1800, 65670f0d08, 0f1805 00000000");
}

#[test]
fn indexes() {
    accepted("89c0 418b0407, 01c8 418b44c708, 89ed 418b042f, 4589f6 438b0437, 8d0c08 418b0c0f");
    accepted("89c0 41890c87, 89c0 41ff0407, 89c0 418f0407, 89c0 41ff3407");
    refused(
        MemoryIndex,
        "418b0407, 438b043f, 89db418b0407, 6689c0418b0407, 4889c0418b0407",
    );
    refused(
        MemoryIndex,
        "89c090418b0407, 89c0 f390 418b0407, 890424418b0407, 6567890 0418b0407",
    );
    refused(
        MemoryIndex,
        "11c0418b0407, d1e0418b0407, 0f44c0418b0407, 0fc8418b0407, 58418b0407",
    );
    refused(
        MemoryIndex,
        "f30fb8c0418b0407, 0fbcc0418b0407, 0fb1d8418b0407, 93418b0407, 90418b0407",
    );
    let crossing = padded(&hex(&format!("{} 89c0 418b0407", "90".repeat(30))));
    assert_eq!(FAST.validate(&crossing).unwrap_err().reason, MemoryIndex);
    assert_eq!(FAST.jump_to("90 89c0 418b1c07", 3), Some(TargetInside));
    assert_eq!(FAST.jump_to("90 89c0 418b1c07", 1), None);
}

#[test]
fn base_register_written() {
    refused(
        BaseWritten,
        "4989c7, 4189c7, 41b700, 4d01ff, 415f, 418fc7, 4d8d3f, 67458d3f, 4187c7, 4197",
    );
    refused(
        BaseWritten,
        "450fc1f8, 440fc1f8, 66410f7ec7, f2440f2df8, 66410f3a16c700, f3440fb8f8",
    );
    refused(
        BaseWritten,
        "656744 8b38, 65674c8b38, 65674487 38, 6567440fc138, 6567450fb638",
    );
}

#[test]
fn what_must_not_run_in_any_form() {
    // Segments and their bases.
    never("f30faed0, f3480faed0, f30faed8, f3480faed8, f30faec0, f30faec8, 0f01f8");
    never("8ec0, 8ee8, 8ce8, 0fa0, 0fa1, 0fa8, 0fa9, 0fb200, 0fb400, 0fb500, 65678e28");
    // State.
    never("0fae0424, 480fae0424, 0fae0c24, 0fae2424, 0fae2c24, 0fae3424, 660fae3424");
    never("0fc71c24, 0fc72424, 0fc72c24, 0f01d0, 0f01d1, 0f01ee, 0f01ef");
    never("0f01fc, 0f01fa, 0f01fb, 0f01c8, 0f01c9, f30faef0, f20faef0, 660faef0");
    never("0f38f90424, 660f38f80424, f20f38f80424, f30f38f80424, 0f01d5, 0f01d6, 0f01e8, 0f01ea");
    never("c6f800, c7f800000000, f30f01e8, f30f01ea, f30f012c24, f30f1ec8, f3480f1ec8");
    never("0f38f60424, 480f38f60424, 660f38f50424, f30faee8, f3480faee8, f30fae2c24");
    // Bit tests with an offset in a register.
    never("0fa30424, 0fab0424, 0fb30424, 0fbb0424, 480fa3c0, 0fa3c0, 65670fa308");
    accepted("0fba242401, 65670fba2801");
    never("9c, 9d, 9e, 9f, c8000000, c9, 66c9, 669c, 6567c9");
    refused(SystemCall, "0f05, 0f34, cc, cd80, f1");
    never("e460, e660, ec, ee, 6c, 6e, 0f35, 0f07, 0f30, 0f32, 0f33, 0f22c0, 0f20c0");
    refused(Clock, "0f31, 0f01f9");
    never("0f01fd, f30fc7f8, 0fc7f0, 0fc7f8, f3480fc7f8");
    // Undefined or reserved, and no-operations that became something else.
    for opcode in 0x19..=0x1e_u8 {
        for modrm in ["00", "04", "24", "c0", "ca", "fa", "fb"] {
            for prefix in ["", "66", "f2", "f3", "6567", "6567f3"] {
                let code = hex(&format!("{prefix}0f{opcode:02x}{modrm}24"));
                assert!(FAST.refusal(&code).is_some(), "{code:02x?}");
            }
        }
    }
    for group in 4..8_u8 {
        let code = [0x65, 0x67, 0x0f, 0x18, group << 3];
        assert!(FAST.refusal(&code).is_some(), "{code:02x?}");
    }
    refused(
        Undecodable,
        "82c001, d6, 0f04, 06, 0e, 16, 1e, 27, 37, 60, 61, 9a, ea, ce, d50001c0",
    );
    refused(
        VectorExtension,
        "c5f958c0, c4e27199d0, 62f17c4858c0, c5f877, 8fe97812c1",
    );
}

#[test]
fn stack_pointer() {
    accepted("50, 58, 4883e4f0, 4883e480, 83ec084c01fc, 83ec084c09fc, 89ec4a8d243c, 8b24244c01fc");
    accepted("65678b20 4c01fc, 678d24244c01fc, 83ec08 4a8d643c00, 83ec08 4903e7");
    refused(
        StackPointerWritten,
        "4889ec, 488be5, 4889c4, 4883ec08, 4801c4, 5c, 8fc4",
    );
    refused(
        StackPointerWritten,
        "40b400, 66bc0000, 6689c4, 6689ec, 4088c4, 6683ec08, 66ffc4, 400f94c4",
    );
    refused(
        StackPointerWritten,
        "488b2424, 488d2424, 67488d2424, 4894, 4887c4, 480fcc, 0fcc, d1e4",
    );
    refused(
        StackPointerWritten,
        "87c4 4c01fc, 0fc1c4 4c01fc, 87e0 4c01fc, 94, 4c01fc, 4c09fc, 0f44e0, 4887ec",
    );
    refused(
        StackPointerWritten,
        "4883e410, 4881e4f0ffffff, 4821c4, 4883ccf0",
    );
    refused(
        StackPointerWritten,
        "656787 20, 65674887 20, 65670fc120, 656766 0fb720, 65674 80fb720",
    );
    refused(Forbidden, "c9, c8000000");
    refused(Return, "c20800, ca0800, cb, 48cb, cf");
}

#[test]
fn stack_pointer_left_as_a_number() {
    refused(
        StackPointerNotRestored,
        "83ec08, 83ec08 90 4c01fc, 89c4 50, 89ec, 89ec 90, 83ec08 4c01fd",
    );
    refused(
        StackPointerNotRestored,
        "83ec08 4801fc, 83ec08 4901e7, 83ec08 4c29fc, 83ec08 4c11fc, 83ec084c31fc",
    );
    refused(
        StackPointerNotRestored,
        "83ec08 4a8d643c01, 83ec08 4a8d247c, 83ec08 428d243c, 83ec08 674a8d243c",
    );
    refused(
        Prefixes,
        "83ec08 65674c01fc, 83ec08 674c01fc, 83ec08 654c01fc, 83ec08 664c01fc, 83ec08f34c01fc",
    );
    let crossing = format!("{} 83ec08 4c01fc", "90".repeat(29));
    refused(StackPointerNotRestored, &crossing);
    refused(StackPointerNotRestored, &format!("83ec08 {RETURN}"));
    assert_eq!(FAST.jump_to("90 83ec08 4c01fc", 4), Some(TargetInside));
}

#[test]
fn frame_pointer_is_a_register_like_others() {
    accepted("5d, 4889e5, 4889c5, 89c5 90, 83c508, 4c01fd, 6689c5, 40b500, 4895, 87c5, 488d2c24");
    refused(MemoryUnconfined, "4889e5 8b4500, 89c5 4c01fd 8b4500");
    accepted("65678b4500, 89ed 418b042f");
}

#[test]
fn pause_with_rex_exchanges_registers() {
    accepted("f390");
    refused(
        Prefixes,
        "f34190, f34990, f34090, f34890, 66f390, f290, 6567f390, 67f390",
    );
    // Without F3 it is an exchange, as it says.
    accepted("4990, 4190");
    refused(StackPointerWritten, "4894, 94");
}

#[test]
fn instruction_across_a_bundle_and_the_end() {
    for before in 28..32 {
        let code = format!("{}65678b8000000000", "90".repeat(before));
        refused(CrossesBundle, &code);
    }
    for cut in 1..8 {
        let code = &hex("65678b8000000000")[..cut];
        assert_eq!(FAST.validate(code).unwrap_err().reason, Truncated, "{cut}");
    }
    assert_eq!(FAST.validate(&[0xf4; 12345]), Ok(()));
    let validator = Validator::new(Dialect::Fast);
    assert_eq!(
        validator.validate(16, &[0x90; 32]).unwrap_err().reason,
        Placement
    );
}

/// What `nacl` accepts and `fast` does not, or the other way, is about what the two are different in.
#[test]
fn the_dialects_agree_where_their_rules_do() {
    let mut random = Random::new(11);
    let mut both = 0;
    for _ in 0..300_000 {
        let mut bytes = [0x90; 16];
        bytes[..8].fill_with(|| random.byte());
        if random.chance(2) {
            bytes[0] = *random.pick(&[0x0f, 0x66, 0x48, 0x41, 0x89, 0x8b, 0xf3, 0xd9]);
        }
        let (nacl, fast) = (NACL.refusal(&bytes), FAST.refusal(&bytes));
        both += u32::from(nacl.is_none() && fast.is_none());
        if nacl.is_none() && fast.is_some() {
            assert!(
                matches!(
                    fast,
                    Some(MemoryUnconfined | Prefixes | StackPointerWritten)
                ),
                "{bytes:02x?} {fast:?}"
            );
        }
        if fast.is_none() && nacl.is_some() {
            assert!(
                matches!(
                    nacl,
                    Some(FramePointerWritten | FramePointerNotRestored | Prefixes)
                ),
                "{bytes:02x?} {nacl:?}"
            );
        }
    }
    assert!(both > 5_000, "{both}");
}

#[test]
fn a_nexe_says_which_dialect_it_is() {
    let mut identity = *b"\x7fELF\x02\x01\x01\x7b\x07\0\0\0\0\0\0\0";
    assert_eq!(Dialect::of_nexe(&identity), Dialect::Nacl);
    for dialect in Dialect::ALL {
        identity[7..9].copy_from_slice(&dialect.mark());
        assert_eq!(Dialect::of_nexe(&identity), dialect);
    }
    for other in [[0, 0], [0, 8], [0x7b, 9], [0x7b, 0], [8, 0x7b]] {
        identity[7..9].copy_from_slice(&other);
        assert_eq!(Dialect::of_nexe(&identity), Dialect::Nacl);
    }
    assert_eq!(Dialect::of_nexe(&identity[..8]), Dialect::Nacl);
}
