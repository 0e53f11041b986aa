//! Properties of accepted code, for code made at random and for accepted code that was changed.

mod common;
#[path = "common/generate.rs"]
mod generate;

use common::{BUNDLE, Random, validate};
use iced_x86::{
    Code, Decoder, DecoderOptions, Instruction, InstructionInfoFactory, OpAccess, OpKind, Register,
};
use proptest::prelude::*;
use zerovm_validator::{Dialect, Validator};

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    /// Wherever a branch may enter an accepted bundle, what runs from there to its end touches only
    /// what it may.
    #[test]
    fn code_is_confined_from_wherever_it_may_be_entered(seed: u64) {
        let bundle = generate::bundle(&mut Random::new(seed));
        for entry in 0..BUNDLE {
            if may_enter(&bundle, entry) {
                if let Err(what) = confined(&bundle, entry) {
                    panic!("entered at {entry}: {what}\n{bundle:02x?}");
                }
            }
        }
    }

    /// A change of accepted code is either refused or confined as well.
    #[test]
    fn changed_code_is_refused_or_confined(seed: u64, at in 0..BUNDLE, byte: u8) {
        let mut bundle = generate::bundle(&mut Random::new(seed));
        bundle[at] = byte;
        if validate(&bundle).is_ok() {
            for entry in (0..BUNDLE).filter(|&entry| may_enter(&bundle, entry)) {
                if let Err(what) = confined(&bundle, entry) {
                    panic!("entered at {entry}: {what}\n{bundle:02x?}");
                }
            }
        }
    }

    /// Random bytes are never more than refused.
    #[test]
    fn any_bytes_have_a_verdict(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let validator = Validator::new(Dialect::Nacl);
        let first = validator.validate(0, &bytes);
        let all: Vec<_> = validator.violations(0, &bytes).collect();
        prop_assert_eq!(first.is_ok(), all.is_empty());
        if let Err(violation) = first {
            prop_assert_eq!(&violation.reason, &all[0].reason);
            let end = violation.offset + violation.bytes.as_slice().len();
            prop_assert_eq!(violation.bytes.as_slice(), &bytes[violation.offset..end]);
        }
    }

    /// Texts are accepted exactly when their bundles are and no branch leaves its own for an odd
    /// place.
    #[test]
    fn accepted_bundles_make_accepted_texts(seed: u64) {
        let text = generate::text(&mut Random::new(seed), 8);
        prop_assert_eq!(validate(&text), Ok(()));
    }
}

#[test]
fn the_verdict_does_not_depend_on_threads() {
    let mut random = Random::new(7);
    let mut text = generate::text(&mut random, 1 << 13);
    text = text.repeat(8);
    let verdict = |text: &[u8], threads: usize| {
        Validator::new(Dialect::Nacl)
            .with_threads(threads.try_into().unwrap())
            .validate(0, text)
    };
    for threads in 1..6 {
        assert_eq!(verdict(&text, threads), Ok(()));
    }
    for _ in 0..20 {
        let mut changed = text.clone();
        for _ in 0..1 + random.below(3) {
            let at = random.below(changed.len());
            changed[at] = random.byte();
        }
        let cut = changed.len() - random.below(40);
        let expected = verdict(&changed[..cut], 1);
        for threads in 2..6 {
            assert_eq!(verdict(&changed[..cut], threads), expected);
        }
    }
}

/// Whether a jump from another bundle may go to this place of an accepted one.
fn may_enter(bundle: &[u8; BUNDLE], entry: usize) -> bool {
    let mut text = [0x90; 2 * BUNDLE];
    text[..BUNDLE].copy_from_slice(bundle);
    text[BUNDLE] = 0xe9;
    let distance = entry as i32 - (BUNDLE as i32 + 5);
    text[BUNDLE + 1..BUNDLE + 5].copy_from_slice(&distance.to_le_bytes());
    validate(&text).is_ok()
}

/// What is known of the registers, by what the decoder's own instruction information says that each
/// instruction does. Nothing but the bytes comes from the validator.
struct Knowledge {
    /// The register that the last instruction wrote with 32 bits.
    below_4_gib: Option<Register>,
    /// rsp or rbp, when it is not an address of the sandbox.
    broken: Option<Register>,
    /// `and $-32` of a register, then the base added: an address of a bundle.
    masked: Option<Register>,
    bundle_address: Option<Register>,
    /// rsi and rdi, when they are addresses of the sandbox.
    based: [Option<Register>; 2],
}

/// Follows a bundle from `entry` to its end or to a branch.
fn confined(bundle: &[u8; BUNDLE], entry: usize) -> Result<(), String> {
    let mut info = InstructionInfoFactory::new();
    let mut decoder = Decoder::new(64, &bundle[entry..], DecoderOptions::NONE);
    let mut known = Knowledge {
        below_4_gib: None,
        broken: None,
        masked: None,
        bundle_address: None,
        based: [None; 2],
    };
    while decoder.can_decode() {
        let at = entry + decoder.position();
        let instruction = decoder.decode();
        let fail = |what: &str| Err(format!("{what} at {at}: {:?}", instruction.code()));
        if instruction.is_invalid() {
            return fail("no instruction");
        }
        let info = info.info(&instruction).clone();
        for memory in info.used_memory() {
            if is_hint(instruction.code()) || memory.access() == OpAccess::NoMemAccess {
                continue;
            }
            if known.broken == Some(memory.base()) {
                return fail("memory by a broken pointer");
            }
            let based = known.based.contains(&Some(memory.base()));
            let trusted = matches!(memory.base(), Register::R15 | Register::RSP | Register::RBP);
            let by_rip = instruction.is_ip_rel_memory_operand();
            if !trusted && !based && !by_rip {
                return fail("memory by an untrusted base");
            }
            let indexed = memory.index() != Register::None;
            if indexed && known.below_4_gib != Some(memory.index()) {
                return fail("memory by an untrusted index");
            }
        }
        if let Err(what) = branches(&instruction, &known) {
            return fail(what);
        }
        known = match after(&instruction, &info, &known) {
            Ok(known) => known,
            Err(what) => return fail(what),
        };
    }
    if known.broken.is_some() {
        Err("a pointer stays broken".to_owned())
    } else {
        Ok(())
    }
}

fn branches(instruction: &Instruction, known: &Knowledge) -> Result<(), &'static str> {
    if matches!(instruction.code(), Code::Jmp_rm64 | Code::Call_rm64) {
        let register = instruction.op0_register();
        if instruction.op0_kind() != OpKind::Register || known.bundle_address != Some(register) {
            return Err("an indirect branch to anywhere");
        }
    }
    if known.broken.is_some() && instruction.op0_kind() == OpKind::NearBranch64 {
        return Err("a branch with a broken pointer");
    }
    Ok(())
}

fn after(
    instruction: &Instruction,
    info: &iced_x86::InstructionInfo,
    known: &Knowledge,
) -> Result<Knowledge, &'static str> {
    let mut next = Knowledge {
        below_4_gib: None,
        broken: known.broken,
        masked: None,
        bundle_address: None,
        based: known.based,
    };
    let registers = instruction.op0_kind() == OpKind::Register
        && (instruction.op_count() < 2 || instruction.op1_kind() == OpKind::Register);
    let (first, second) = (instruction.op0_register(), instruction.op1_register());
    let adds_base = registers
        && second == Register::R15
        && matches!(
            instruction.code(),
            Code::Add_rm64_r64 | Code::Add_r64_rm64 | Code::Or_rm64_r64 | Code::Or_r64_rm64
        );
    let indexes_base = instruction.code() == Code::Lea_r64_m
        && instruction.memory_displacement64() == 0
        && instruction.memory_index_scale() == 1
        && [instruction.memory_base(), instruction.memory_index()].contains(&Register::R15)
        && [instruction.memory_base(), instruction.memory_index()].contains(&first);

    for used in info.used_registers() {
        let writes = matches!(
            used.access(),
            OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
        );
        if !writes {
            continue;
        }
        let full = used.register().full_register();
        next.based = next
            .based
            .map(|based| based.filter(|&register| register != full));
        match full {
            Register::R15 => return Err("a write to the base"),
            Register::RSP | Register::RBP => {
                let restores = known.broken == Some(full) && (adds_base || indexes_base);
                let copies = registers
                    && matches!(instruction.code(), Code::Mov_rm64_r64 | Code::Mov_r64_rm64)
                    && matches!(second, Register::RSP | Register::RBP);
                let rounds = full == Register::RSP
                    && instruction.code() == Code::And_rm64_imm8
                    && instruction.immediate8() >= 0x80;
                let moves = full == Register::RSP
                    && matches!(instruction.stack_pointer_increment(), -8 | 8)
                    && first.full_register() != Register::RSP;
                let pushes = instruction.stack_pointer_increment() == -8;
                if restores {
                    next.broken = None;
                } else if known.broken.is_some() {
                    return Err("something between a write and its repair");
                } else if first.is_gpr32() && first.full_register() == full {
                    // A write of 32 bits is reported as one of the whole register.
                    next.broken = Some(full);
                } else if !copies && !rounds && !moves && !pushes {
                    return Err("an unknown write to a pointer");
                }
            }
            _ => {}
        }
        let whole = matches!(used.access(), OpAccess::Write | OpAccess::ReadWrite);
        if whole && first.is_gpr32() && first.full_register() == full {
            next.below_4_gib = Some(full);
        }
    }
    if instruction.code() == Code::And_rm32_imm8 && instruction.immediate8() == 0xe0 {
        next.masked = next.below_4_gib;
    }
    if adds_base && known.masked == Some(first) {
        next.bundle_address = Some(first);
    }
    if indexes_base && known.below_4_gib == Some(first) {
        next.based[usize::from(first == Register::RDI)] = Some(first);
    }
    if known.broken.is_some() && next.broken.is_some() {
        return Err("a pointer is not repaired at once");
    }
    Ok(next)
}

fn is_hint(code: Code) -> bool {
    matches!(
        code,
        Code::Prefetch_m8
            | Code::Prefetchw_m8
            | Code::Prefetchreserved3_m8
            | Code::Prefetchnta_m8
            | Code::Prefetcht0_m8
            | Code::Prefetcht1_m8
            | Code::Prefetcht2_m8
    )
}
