//! What accepted code does wherever it is entered, told by the decoder's own instruction information:
//! an oracle that has nothing but the verdict from the validator.

use iced_x86::{
    Code, CodeSize, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfo,
    InstructionInfoFactory, OpAccess, OpKind, Register,
};
use zerovm_validator::{Dialect, Validator};

const BUNDLE: usize = 32;

/// Says how code that is accepted could leave its sandbox, if it could. It starts with a bundle.
pub fn check(dialect: Dialect, text: &[u8]) -> Result<(), String> {
    for entry in 0..text.len() {
        if may_enter(dialect, text, entry) {
            let end = text.len().min(entry / BUNDLE * BUNDLE + BUNDLE);
            confined(dialect, &text[entry..end])
                .map_err(|what| format!("entered at {entry:#x}: {what}\n{text:02x?}"))?;
        }
    }
    Ok(())
}

/// Whether a jump from another bundle may go to this place.
fn may_enter(dialect: Dialect, text: &[u8], entry: usize) -> bool {
    let mut with_jump = text.to_vec();
    with_jump.resize(text.len().next_multiple_of(BUNDLE), 0x90);
    let distance = entry as i32 - (with_jump.len() as i32 + 5);
    with_jump.push(0xe9);
    with_jump.extend(distance.to_le_bytes());
    Validator::new(dialect).validate(0, &with_jump).is_ok()
}

/// What is known of the registers.
struct Knowledge {
    /// The register that the last instruction wrote with 32 bits.
    below_4_gib: Option<Register>,
    /// rsp or rbp, when it is not an address of the sandbox.
    broken: Option<Register>,
    /// `and $-32` of a register, then the base added: an address of a bundle.
    masked: Option<Register>,
    bundle_address: Option<Register>,
    /// Whether such an address was just stored where rsp is.
    returns_to_bundle: bool,
    /// rsi and rdi, when they are addresses of the sandbox.
    based: [Option<Register>; 2],
}

/// Follows code to its end.
fn confined(dialect: Dialect, code: &[u8]) -> Result<(), String> {
    let mut info = InstructionInfoFactory::new();
    let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
    let mut known = Knowledge {
        below_4_gib: None,
        broken: None,
        masked: None,
        bundle_address: None,
        returns_to_bundle: false,
        based: [None; 2],
    };
    while decoder.can_decode() {
        let at = decoder.position();
        let instruction = decoder.decode();
        let fail = |what: &str| Err(format!("{what} at {at}: {:?}", instruction.code()));
        if instruction.is_invalid() {
            return fail("no instruction");
        }
        let info = info.info(&instruction).clone();
        for memory in info.used_memory() {
            let is_fast = dialect == Dialect::Fast;
            let is_hint = is_hint(instruction.code()) && !is_fast;
            if is_hint || memory.access() == OpAccess::NoMemAccess {
                continue;
            }
            if is_fast && memory.segment() == Register::GS {
                let is_short =
                    |register: Register| register == Register::None || register.is_gpr32();
                let truncated = memory.address_size() == CodeSize::Code32
                    && instruction.memory_displacement64() >> 32 == 0;
                if !truncated || !is_short(memory.base()) || !is_short(memory.index()) {
                    return fail("memory from gs by a whole register");
                }
                continue;
            }
            if matches!(memory.segment(), Register::FS | Register::GS)
                || memory.address_size() != CodeSize::Code64
            {
                return fail("memory from another segment, or by short addresses");
            }
            if known.broken == Some(memory.base()) {
                return fail("memory by a broken pointer");
            }
            let based = known.based.contains(&Some(memory.base()));
            let trusted = match memory.base() {
                Register::R15 | Register::RSP => true,
                base => base == Register::RBP && !is_fast,
            };
            let by_rip = instruction.is_ip_rel_memory_operand();
            if !trusted && !based && !by_rip {
                return fail("memory by an untrusted base");
            }
            let indexed = memory.index() != Register::None;
            let may_index = !is_fast || memory.base() == Register::R15;
            if indexed && (!may_index || known.below_4_gib != Some(memory.index())) {
                return fail("memory by an untrusted index");
            }
        }
        if let Err(what) = branches(dialect, &instruction, &known) {
            return fail(what);
        }
        known = match after(dialect, &instruction, &info, &known) {
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

fn branches(
    dialect: Dialect,
    instruction: &Instruction,
    known: &Knowledge,
) -> Result<(), &'static str> {
    if matches!(instruction.code(), Code::Jmp_rm64 | Code::Call_rm64) {
        let register = instruction.op0_register();
        if instruction.op0_kind() != OpKind::Register || known.bundle_address != Some(register) {
            return Err("an indirect branch to anywhere");
        }
    }
    if is_return(instruction) && !(dialect == Dialect::Fast && known.returns_to_bundle) {
        return Err("a return to anywhere");
    }
    if known.broken.is_some() && instruction.op0_kind() == OpKind::NearBranch64 {
        return Err("a branch with a broken pointer");
    }
    Ok(())
}

fn after(
    dialect: Dialect,
    instruction: &Instruction,
    info: &InstructionInfo,
    known: &Knowledge,
) -> Result<Knowledge, &'static str> {
    let mut next = Knowledge {
        below_4_gib: None,
        broken: known.broken,
        masked: None,
        bundle_address: None,
        returns_to_bundle: stores_return_address(instruction, known),
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
            Register::RBP if dialect == Dialect::Fast => {}
            _ if is_segment(used.register()) => return Err("a write to a segment"),
            Register::RSP | Register::RBP => {
                let restores = known.broken == Some(full) && (adds_base || indexes_base);
                let copies = dialect == Dialect::Nacl
                    && registers
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

/// `mov %r11, (%rsp)` of what is an address of a bundle.
fn stores_return_address(instruction: &Instruction, known: &Knowledge) -> bool {
    instruction.code() == Code::Mov_rm64_r64
        && instruction.op0_kind() == OpKind::Memory
        && instruction.memory_base() == Register::RSP
        && instruction.memory_index() == Register::None
        && instruction.memory_displacement64() == 0
        && known.bundle_address == Some(instruction.op1_register())
}

fn is_return(instruction: &Instruction) -> bool {
    instruction.flow_control() == FlowControl::Return
}

fn is_segment(register: Register) -> bool {
    register.is_segment_register()
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
