//! Accepted encodings, one after the other, on the processor: each is as long as the decoder says,
//! changes no register but those that the decoder's instruction information names, and touches nothing
//! outside of the sandbox.
//!
//! Neither the decoder nor the manuals are the processor, and processors of different makers are not
//! the same: this looks at the one that there is.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod common;
#[path = "common/traced.rs"]
mod traced;

use common::{BUNDLE, FAST, NACL, Random, Rules, hex, padded};
use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, OpAccess, Register,
};
use libc::user_regs_struct as Registers;
use std::collections::BTreeSet;
use traced::{BASE, GUARD, Sandbox, Stop, TEXT};
use zerovm_validator::Dialect;

const SPACE: u64 = 1 << 32;

#[test]
fn instructions_of_dialect_nacl_do_what_is_said_of_them() {
    execute_all(NACL);
}

#[test]
fn instructions_of_dialect_fast_do_what_is_said_of_them() {
    execute_all(FAST);
}

/// That this would notice: code is executed that is not what it is compared with.
#[test]
fn an_instruction_that_does_something_else_is_noticed() {
    let mut sandbox = Sandbox::start();
    let mut random = Random::new(5);
    let moves_base = ("b801000000", "f3480faed8", "a base is changed");
    let moves_base = traced::may_move_bases().then_some(moves_base);
    let others = [
        ("90", "48ffc3", "RBX is changed"),
        ("4889c3", "89c390", "it is 2 bytes long"),
        ("f390", "4990", "is changed"),
        ("65678b00", "8b00", "a fault at"),
        ("ebfe", "ffe0", "it goes to 0x700000001000"),
    ];
    for (said, done, what) in others.into_iter().chain(moves_base) {
        let said = padded(&hex(said));
        let said = Decoder::with_ip(64, &said, BASE + TEXT, DecoderOptions::NONE).decode();
        let mut before = registers(FAST, &mut random);
        before.rax = 0x7000_0000_1000;
        let verdict = execute(&mut sandbox, FAST, &padded(&hex(done)), &said, &before);
        let said = verdict.expect_err(what);
        assert!(said.contains(what), "{said}");
    }
}

fn execute_all(rules: Rules) {
    let mut sandbox = Sandbox::start();
    let mut random = Random::new(5);
    let (mut codes, mut stepped) = (BTreeSet::new(), 0);
    for start in starts(rules) {
        for modrm in operands() {
            let Some(bundle) = accepted(rules, &start, modrm) else {
                continue;
            };
            let decoded = Decoder::with_ip(64, &bundle, BASE + TEXT, DecoderOptions::NONE).decode();
            let before = registers(rules, &mut random);
            match execute(&mut sandbox, rules, &bundle, &decoded, &before) {
                Ok(true) => {
                    stepped += 1;
                    codes.insert(decoded.code());
                }
                Ok(false) => {}
                Err(what) => panic!("{:02x?}: {what}", &bundle[..decoded.len()]),
            }
        }
    }
    println!("{stepped} instructions of {} forms", codes.len());
    assert!(stepped > 30_000, "{stepped} instructions");
    assert!(codes.len() > 600, "{} forms", codes.len());
}

/// Executes the first instruction of a bundle; whether it came to its end, or what it did that is not
/// said of it.
fn execute(
    sandbox: &mut Sandbox,
    rules: Rules,
    bundle: &[u8],
    said: &Instruction,
    before: &Registers,
) -> Result<bool, String> {
    sandbox.place(bundle);
    sandbox.reset(before);
    let stop = sandbox.step();
    let after = sandbox.registers();
    let verdict = match stop {
        Stop::Stepped => stays(rules, said, before, &after).map(|()| true),
        Stop::Fault(address) if is_within_reach(said, address) => Ok(false),
        Stop::Fault(address) => Err(format!("a fault at {address:#x}")),
        Stop::Ended => Err("the process ended".to_owned()),
        Stop::Protection | Stop::Other => Ok(false),
    };
    verdict.map_err(|what| format!("{what}\n{before:x?}\n{after:x?}"))
}

/// Prefixes and opcodes.
fn starts(rules: Rules) -> Vec<Vec<u8>> {
    let addressing: &[&[u8]] = match rules.0 {
        Dialect::Fast => &[&[], &[0x65, 0x67], &[0x67]],
        _ => &[&[]],
    };
    let legacy: &[&[u8]] = &[&[], &[0x66], &[0xf2], &[0xf3], &[0xf0]];
    let rex: &[&[u8]] = &[&[], &[0x41], &[0x48], &[0x4d]];
    let maps: &[&[u8]] = &[&[], &[0x0f], &[0x0f, 0x38], &[0x0f, 0x3a]];
    let mut all = Vec::new();
    for addressing in addressing {
        for legacy in legacy {
            for rex in rex {
                for map in maps {
                    let start = [*addressing, legacy, rex, map].concat();
                    all.extend((0..=0xff).map(|opcode| [&start[..], &[opcode]].concat()));
                }
            }
        }
    }
    all
}

/// Registers of all numbers, and memory at rsp, at r15 or at what is no base but for gs.
fn operands() -> impl Iterator<Item = u8> + Clone {
    let memory = (0..8_u8).flat_map(|reg| [4, 7, 0].map(|rm| reg << 3 | rm));
    let registers = (0..8_u8).flat_map(|reg| [0, 4, 5, 7].map(|rm| 0xc0 | reg << 3 | rm));
    memory.chain(registers)
}

/// The encoding in a bundle that is accepted, if there is one: as it is, or with rsp or rbp repaired
/// behind it.
fn accepted(rules: Rules, start: &[u8], modrm: u8) -> Option<[u8; BUNDLE]> {
    let mut bundle = [0x90; BUNDLE];
    let at = start.len();
    bundle[..at].copy_from_slice(start);
    bundle[at] = modrm;
    bundle[at + 1] = if modrm < 0xc0 && modrm & 7 == 4 {
        0x24
    } else {
        0x90
    };
    if rules.validate(&bundle).is_ok() {
        return Some(bundle);
    }
    let length = Decoder::new(64, &bundle, DecoderOptions::NONE)
        .decode()
        .len();
    [0xfc, 0xfd].into_iter().find_map(|low| {
        let mut repaired = bundle;
        repaired[length..length + 3].copy_from_slice(&[0x4c, 0x01, low]);
        rules.validate(&repaired).is_ok().then_some(repaired)
    })
}

/// Different values in all of them, that are addresses in a small part of the sandbox if the upper half
/// is left out.
fn registers(rules: Rules, random: &mut Random) -> Registers {
    // SAFETY: the registers are numbers, for which zero is a value.
    let mut registers: Registers = unsafe { std::mem::zeroed() };
    let mut value = || random.next() << 32 | 0x100_0000 | random.next() & 0xff_fff0;
    registers.rax = value();
    registers.rbx = value();
    registers.rcx = value();
    registers.rdx = value();
    registers.rsi = value();
    registers.rdi = value();
    registers.rbp = value();
    registers.r8 = value();
    registers.r9 = value();
    registers.r10 = value();
    registers.r11 = value();
    registers.r12 = value();
    registers.r13 = value();
    registers.r14 = value();
    registers.r15 = BASE;
    registers.rsp = BASE + 0x80_0000;
    registers.rip = BASE + TEXT;
    registers.eflags = 0x202;
    if rules.0 == Dialect::Fast {
        registers.gs_base = BASE;
    } else {
        registers.rbp = BASE + 0x70_0000;
    }
    registers
}

/// The whole registers that an instruction may write, by the decoder's own information.
fn written(instruction: &Instruction) -> BTreeSet<Register> {
    let mut info = InstructionInfoFactory::new();
    let used = info.info(instruction).used_registers().iter();
    let written = used.filter(|used| {
        matches!(
            used.access(),
            OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
        )
    });
    written
        .map(|used| used.register().full_register())
        .collect()
}

/// What must hold after an instruction.
fn stays(
    rules: Rules,
    instruction: &Instruction,
    before: &Registers,
    after: &Registers,
) -> Result<(), String> {
    let written = written(instruction);
    for (register, before, after) in all(before, after) {
        if before != after && !written.contains(&register) {
            return Err(format!("{register:?} is changed, which is not said of it"));
        }
    }
    if (after.r15, after.fs_base) != (BASE, before.fs_base) || after.gs_base != before.gs_base {
        return Err("a base is changed".to_owned());
    }
    let is_kept = |register: Register, value: u64| {
        let is_pending = instruction.op0_register() == register && value < SPACE;
        (BASE..=BASE + SPACE).contains(&value) || is_pending
    };
    if !is_kept(Register::ESP, after.rsp) {
        return Err("rsp is outside".to_owned());
    }
    if rules.0 == Dialect::Nacl && !is_kept(Register::EBP, after.rbp) {
        return Err("rbp is outside".to_owned());
    }
    let is_next = after.rip == instruction.next_ip();
    if instruction.flow_control() == FlowControl::Next && !is_next {
        return Err(format!(
            "it is {} bytes long",
            after.rip.wrapping_sub(before.rip)
        ));
    }
    let target = instruction.near_branch_target();
    if instruction.flow_control() != FlowControl::Next && !is_next && after.rip != target {
        return Err(format!("it goes to {:#x}", after.rip));
    }
    Ok(())
}

fn all(before: &Registers, after: &Registers) -> [(Register, u64, u64); 16] {
    [
        (Register::RAX, before.rax, after.rax),
        (Register::RCX, before.rcx, after.rcx),
        (Register::RDX, before.rdx, after.rdx),
        (Register::RBX, before.rbx, after.rbx),
        (Register::RSP, before.rsp, after.rsp),
        (Register::RBP, before.rbp, after.rbp),
        (Register::RSI, before.rsi, after.rsi),
        (Register::RDI, before.rdi, after.rdi),
        (Register::R8, before.r8, after.r8),
        (Register::R9, before.r9, after.r9),
        (Register::R10, before.r10, after.r10),
        (Register::R11, before.r11, after.r11),
        (Register::R12, before.r12, after.r12),
        (Register::R13, before.r13, after.r13),
        (Register::R14, before.r14, after.r14),
        (Register::R15, before.r15, after.r15),
    ]
}

/// Whether a fault is one that the guards are for; or, from gs, one of the space alone.
fn is_within_reach(instruction: &Instruction, address: u64) -> bool {
    const LONGEST: u64 = 108;
    if instruction.segment_prefix() == Register::GS {
        return (BASE..BASE + SPACE + LONGEST).contains(&address);
    }
    (BASE - GUARD..BASE + SPACE + GUARD).contains(&address)
}
