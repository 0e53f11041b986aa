//! The list of forms against what another description of the instructions knows of them: the
//! decoder's own instruction information, which no verdict rests on.

mod common;

use common::{BUNDLE, FAST, NACL, Random, Rules, hex, refusal};
use iced_x86::{
    Code, CodeSize, Decoder, DecoderOptions, Encoder, Instruction, InstructionInfoFactory,
    OpAccess, OpKind, Register,
};
use std::collections::BTreeSet;
use zerovm_validator::{Dialect, Units};

const BOTH: [Rules; 2] = [NACL, FAST];

/// Each encoding that is tried: random bytes that the validator accepts as the first instruction of
/// a bundle.
fn accepted_instructions(rules: Rules, seed: u64, count: usize) -> Vec<(Vec<u8>, Instruction)> {
    let mut random = Random::new(seed);
    let mut found = Vec::new();
    while found.len() < count {
        let mut bundle = [0x90; BUNDLE];
        for byte in bundle.iter_mut().take(12) {
            *byte = random.byte();
        }
        shape(rules, &mut random, &mut bundle);
        let instruction = Decoder::new(64, &bundle, DecoderOptions::NONE).decode();
        let length = instruction.len();
        if instruction.is_invalid() || length > 12 {
            continue;
        }
        bundle[length..].fill(0x90);
        if rules.validate(&bundle).is_ok() {
            found.push((bundle[..length].to_vec(), instruction));
        }
    }
    found
}

/// Makes prefixes and escapes more likely than they are among random bytes.
fn shape(rules: Rules, random: &mut Random, bundle: &mut [u8; BUNDLE]) {
    let mut at = 0;
    let mut put = |byte: u8| {
        bundle[at] = byte;
        at += 1;
    };
    if rules.0 == Dialect::Fast && random.chance(2) {
        put(0x65);
        put(0x67);
    }
    if random.chance(2) {
        put(*random.pick(&[0x66, 0xf2, 0xf3, 0xf0]));
    }
    if random.chance(2) {
        put(0x40 | random.byte() & 0xf);
    }
    match random.below(4) {
        0 => {}
        1 | 2 => put(0x0f),
        _ => {
            put(0x0f);
            put(*random.pick(&[0x38, 0x3a]));
        }
    }
}

#[test]
fn no_accepted_instruction_writes_what_it_must_not() {
    BOTH.into_iter().for_each(writes_nothing_that_it_must_not);
}

fn writes_nothing_that_it_must_not(rules: Rules) {
    let mut info = InstructionInfoFactory::new();
    let mut codes = BTreeSet::new();
    for (bytes, instruction) in accepted_instructions(rules, 1, 60_000) {
        codes.insert(instruction.code());
        let info = info.info(&instruction);
        for used in info.used_registers() {
            let writes = matches!(
                used.access(),
                OpAccess::Write
                    | OpAccess::CondWrite
                    | OpAccess::ReadWrite
                    | OpAccess::ReadCondWrite
            );
            if !writes {
                continue;
            }
            let full = used.register().full_register();
            assert_ne!(full, Register::R15, "{bytes:02x?}");
            assert!(!used.register().is_segment_register(), "{bytes:02x?}");
            if full == Register::RSP {
                assert!(moves_stack_pointer(rules, &instruction), "{bytes:02x?}");
            }
            if full == Register::RBP && rules.0 == Dialect::Nacl {
                let copies = instruction.op1_register() == Register::RSP;
                assert!(copies && is_move_of_64(&instruction), "{bytes:02x?}");
            }
        }
    }
    assert!(codes.len() > 450, "{} forms were seen", codes.len());
}

fn moves_stack_pointer(rules: Rules, instruction: &Instruction) -> bool {
    let aligns = instruction.code() == Code::And_rm64_imm8 && instruction.immediate8() >= 0x80;
    let copies = rules.0 == Dialect::Nacl
        && is_move_of_64(instruction)
        && instruction.op1_register() == Register::RBP;
    // Pushes, pops and calls.
    matches!(instruction.stack_pointer_increment(), -8 | 8) || aligns || copies
}

fn is_move_of_64(instruction: &Instruction) -> bool {
    matches!(instruction.code(), Code::Mov_rm64_r64 | Code::Mov_r64_rm64)
}

#[test]
fn every_memory_access_of_an_accepted_instruction_is_within_reach() {
    BOTH.into_iter().for_each(accesses_are_within_reach);
}

fn accesses_are_within_reach(rules: Rules) {
    let is_fast = rules.0 == Dialect::Fast;
    let mut from_gs = 0;
    let mut info = InstructionInfoFactory::new();
    for (bytes, instruction) in accepted_instructions(rules, 2, 60_000) {
        for used in info.info(&instruction).used_memory() {
            let reads_or_writes = !matches!(used.access(), OpAccess::None | OpAccess::NoMemAccess);
            let hint = matches!(
                bytes.as_slice(),
                [.., 0x0f, 0x0d | 0x18, _] | [0x0f, 0x0d | 0x18, ..]
            ) || bytes
                .get(1..3)
                .is_some_and(|at| matches!(at, [0x0f, 0x0d | 0x18]));
            if !reads_or_writes || hint && !is_fast {
                continue;
            }
            assert!(used.memory_size().size() <= 512, "{bytes:02x?}");
            if is_fast && used.segment() == Register::GS {
                let is_short =
                    |register: Register| register == Register::None || register.is_gpr32();
                assert!(
                    is_short(used.base()) && is_short(used.index()),
                    "{bytes:02x?}"
                );
                assert_eq!(used.address_size(), CodeSize::Code32, "{bytes:02x?}");
                assert!(bytes.starts_with(&[0x65, 0x67]), "{bytes:02x?}");
                from_gs += 1;
                continue;
            }
            assert!(
                !matches!(used.segment(), Register::FS | Register::GS),
                "{bytes:02x?}"
            );
            let trusted = match used.base() {
                Register::R15 | Register::RSP | Register::RIP => true,
                base => base == Register::RBP && !is_fast,
            };
            // rip-relative addresses are computed, and then have no base.
            let computed = used.base() == Register::None && instruction.is_ip_rel_memory_operand();
            assert!(trusted || computed, "{bytes:02x?} {used:?}");
            assert_eq!(used.index(), Register::None, "{bytes:02x?}");
            assert_eq!(used.address_size(), CodeSize::Code64, "{bytes:02x?}");
        }
    }
    assert_eq!(from_gs > 1000, is_fast, "{from_gs}");
}

#[test]
fn what_clears_the_upper_half_is_a_write_of_32_bits() {
    BOTH.into_iter().for_each(what_limits_is_a_write_of_32_bits);
}

fn what_limits_is_a_write_of_32_bits(rules: Rules) {
    let mut random = Random::new(3);
    let mut info = InstructionInfoFactory::new();
    let mut codes = BTreeSet::new();
    let mut count = 0;
    while count < 20_000 {
        let mut first = [0x90; BUNDLE];
        for byte in first.iter_mut().take(10) {
            *byte = random.byte();
        }
        shape(rules, &mut random, &mut first);
        let instruction = Decoder::new(64, &first, DecoderOptions::NONE).decode();
        let register = instruction.op0_register();
        if instruction.is_invalid()
            || instruction.op0_kind() != OpKind::Register
            || !register.is_gpr()
        {
            continue;
        }
        count += 1;
        let length = instruction.len();
        // mov (%r15,%rN), %eax
        let number = register.full_register() as u8 - Register::RAX as u8;
        // rsp cannot be an index.
        if number == 4 {
            continue;
        }
        let access = [0x41 | (number >> 3) << 1, 0x8b, 0x04, (number & 7) << 3 | 7];
        first[length..].fill(0x90);
        first[length..length + 4].copy_from_slice(&access);
        if rules.validate(&first).is_err() {
            continue;
        }
        codes.insert(instruction.code());
        let clears = info.info(&instruction).used_registers().iter().any(|used| {
            used.register().full_register() == register.full_register()
                && matches!(used.access(), OpAccess::Write | OpAccess::ReadWrite)
        });
        assert!(clears && register.is_gpr32(), "{:02x?}", &first[..length]);
    }
    assert!(codes.len() > 30, "{} forms were seen", codes.len());
}

#[test]
fn only_the_forms_of_the_specification_clear_the_upper_half() {
    let access = |first: &str| {
        let code = hex(&format!("{first} 418b0407"));
        let nacl = refusal(&code);
        assert_eq!(nacl, FAST.refusal(&code), "{first}");
        nacl
    };
    for first in [
        "89d8",
        "8bc3",
        "b801000000",
        "c7c001000000",
        "0fb6c3",
        "0fb7c3",
        "0fbec3",
        "0fbfc3",
        "63c3",
        "01d8",
        "03c3",
        "83c001",
        "81c000000100",
        "0500000100",
        "29d8",
        "2bc3",
        "21d8",
        "83e0f0",
        "09d8",
        "31d8",
        "ffc0",
        "ffc8",
        "f7d8",
        "f7d0",
        "0fafc3",
        "6bc307",
        "69c300010000",
        "8d0413",
        "87d8",
        "0fc1d8",
        "660f7ec0",
        "0f7ec0",
    ] {
        assert_eq!(access(first), None, "{first}");
    }
    for first in [
        "11d8",
        "19d8",
        "83d001",
        "83d801",
        "d1e0",
        "c1e004",
        "d3e8",
        "0fa4d804",
        "0fbcc3",
        "0fbdc3",
        "0fc8",
        "0f44c3",
        "0f94c0",
        "58",
        "f30fb8c3",
        "f30fbdc3",
        "f30fbcc3",
        "0f38f00424",
        "f20f38f0c3",
        "0fb1d8",
        "0f50c0",
        "0fd7c0",
        "660f3a16c000",
        "f30f2dc0",
        "0fa2",
        "98",
        "f7e3",
        "39d8",
        "85d8",
        "d0e0",
        "6689d8",
        "4889d8",
        "93",
    ] {
        assert!(access(first).is_some(), "{first}");
    }
}

#[test]
fn accepted_instructions_are_what_encoding_them_again_gives() {
    let both = BOTH.into_iter();
    for (bytes, instruction) in both.flat_map(|rules| accepted_instructions(rules, 4, 30_000)) {
        // The encoder leaves out the REX that 3DNow! instructions need.
        if instruction.code() >= Code::D3NOW_Pi2fw_mm_mmm64
            && instruction.code() <= Code::D3NOW_Pavgusb_mm_mmm64
        {
            continue;
        }
        let mut encoder = Encoder::new(64);
        encoder
            .encode(&instruction, 0)
            .unwrap_or_else(|error| panic!("{bytes:02x?}: {error}"));
        let again = encoder.take_buffer();
        let decoded = Decoder::new(64, &again, DecoderOptions::NONE).decode();
        // Encodings may differ in REX bits that mean nothing and in how a displacement is written;
        // the instruction is the same.
        assert_eq!(
            decoded.code(),
            instruction.code(),
            "{bytes:02x?} {again:02x?}"
        );
        for operand in 0..instruction.op_count() {
            assert_eq!(
                decoded.op_kind(operand),
                instruction.op_kind(operand),
                "{bytes:02x?}"
            );
            if instruction.op_kind(operand) == OpKind::Register {
                let same = decoded.op_register(operand) == instruction.op_register(operand);
                assert!(same, "{bytes:02x?} {again:02x?}");
            }
        }
        let operand = |instruction: &Instruction| {
            let (base, index) = (instruction.memory_base(), instruction.memory_index());
            let displacement = instruction.memory_displacement64();
            let scale = instruction.memory_index_scale();
            (
                base,
                index,
                scale,
                displacement,
                instruction.segment_prefix(),
            )
        };
        assert_eq!(operand(&decoded), operand(&instruction), "{bytes:02x?}");
        assert!(again.len() <= bytes.len(), "{bytes:02x?} {again:02x?}");
    }
}

/// What a text is said to use is what its instructions use, wherever they stand.
#[test]
fn units_that_a_text_uses_are_told() {
    let nop = [0x90; BUNDLE];
    let cases: [(&[u8], Units); 9] = [
        (&[0x48, 0x01, 0xd8], Units::NONE), // add %rbx, %rax: D8 is no opcode
        (&[0x0f, 0x28, 0xc1], Units::NONE), // movaps %xmm1, %xmm0
        (&[0xd9, 0xe8], Units::X87),        // fld1
        (&[0x9b, 0xdb, 0xe3], Units::X87),  // finit
        (&[0x0f, 0x6f, 0xc1], Units::X87),  // movq %mm1, %mm0
        (&[0x0f, 0x77], Units::X87),        // emms
        (&[0x0f, 0x2a, 0xc1], Units::X87),  // cvtpi2ps %mm1, %xmm0
        (&[0x41, 0x0f, 0xae, 0x17], Units::MXCSR), // ldmxcsr (%r15)
        (&[0x41, 0x0f, 0xae, 0x1f, 0xd9, 0xe8], Units::ALL), // stmxcsr (%r15); fld1
    ];
    for (bytes, expected) in cases {
        for before in 0..3 {
            let mut text = nop.repeat(4);
            text[before * BUNDLE..][..bytes.len()].copy_from_slice(bytes);
            let validator = zerovm_validator::Validator::new(Dialect::Nacl);
            let told = validator.validate_and_tell(0x20000, &text);
            assert_eq!(told, Ok(expected), "{bytes:02x?}");
        }
    }
}
