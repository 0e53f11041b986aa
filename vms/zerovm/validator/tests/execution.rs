//! Accepted code made at random, really executed, one instruction at a time.
//!
//! A program that is nothing but a stub is started and traced. Everything it has is unmapped but
//! that stub; then a sandbox is mapped as the loader does, 4 GiB between two guards of 40 GiB that
//! nothing may touch. So there is no memory to hit but the sandbox's: an access anywhere else faults,
//! and the address of the fault says where it went. After every instruction the registers that the
//! sandbox rests on are looked at, and where control is.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod common;
#[path = "common/generate.rs"]
mod generate;
#[path = "common/traced.rs"]
mod traced;

use common::{BUNDLE, FAST, NACL, Random, Rules, hex, padded};
use iced_x86::{Code, Decoder, DecoderOptions, Instruction, OpKind, Register};
use libc::user_regs_struct as Registers;
use traced::{BASE, GUARD, Sandbox, Stop, TEXT};
use zerovm_validator::Dialect;

const SPACE: u64 = 1 << 32;
/// Instructions that a program gets.
const STEPS: usize = 150;

#[test]
fn accepted_code_stays_in_its_sandbox() {
    stays_in_its_sandbox(NACL);
}

#[test]
fn accepted_code_of_dialect_fast_stays_in_its_sandbox() {
    stays_in_its_sandbox(FAST);
}

/// So many programs are executed; a soak asks for more.
const PROGRAMS: u64 = 1500;

fn stays_in_its_sandbox(rules: Rules) {
    let wanted = std::env::var("ZEROVM_EXECUTIONS").ok();
    let programs = wanted.and_then(|count| count.parse().ok());
    let mut sandbox = Sandbox::start();
    let mut all = Run::default();
    for seed in 0..programs.unwrap_or(PROGRAMS) {
        let mut random = Random::new(seed);
        let text = generate::text(rules, &mut random, 16);
        assert_eq!(rules.validate(&text), Ok(()));
        // And what is left of it when it is changed.
        let changed = changed(rules, &mut random, &text);
        for text in [Some(text), changed].into_iter().flatten() {
            let registers = registers(rules, &mut random);
            let ran = run(&mut sandbox, rules, &text, registers);
            all.add(ran.unwrap_or_else(|what| panic!("seed {seed}: {what}")));
        }
    }
    // The programs do something.
    assert!(all.steps > 6_000, "{} instructions", all.steps);
    assert!(all.indirect > 50, "{} indirect branches", all.indirect);
    if rules.0 == Dialect::Fast {
        assert!(all.returns > 50, "{} returns", all.returns);
        assert!(all.from_gs > 500, "{} accesses from gs", all.from_gs);
    }
    println!(
        "{} instructions, {} indirect branches, {} returns, {} accesses from gs",
        all.steps, all.indirect, all.returns, all.from_gs
    );
}

/// That the oracle sees what it is there for: code that is refused, and does escape.
#[test]
fn code_that_escapes_is_caught() {
    let mut sandbox = Sandbox::start();
    let mut catch = |rules: Rules, code: &str, what: &str| {
        let text = padded(&hex(code));
        assert!(rules.validate(&text).is_err(), "{code}");
        let registers = registers(rules, &mut Random::new(1));
        let ran = run(&mut sandbox, rules, &text, registers);
        let caught = ran.err().unwrap_or_else(|| panic!("{code} was not caught"));
        assert!(caught.contains(what), "{code}: {caught}");
    };
    for (code, what) in [
        // Memory, by an address below the guards.
        ("48c7c000100000 8b00", "fault at 0x1000"),
        ("48b80000000000100000 8900", "outside"),
        // Registers.
        ("4989c7", "r15"),
        ("48c7c400100000", "rsp"),
        ("83ec08 90", "rsp"),
        // Control.
        ("48b80000000000100000 ffe0", "control"),
        ("eb01 b890909090", "control"),
    ] {
        catch(NACL, code, what);
        catch(FAST, code, what);
    }
    catch(NACL, "48c7c500100000", "rbp");
    for (code, what) in [
        // A return to what is on the stack, masked too little, or whole but not masked.
        ("48b80000000000100000 50 c3", "control"),
        ("6a03 488b1c24 4c01fb 48891c24 c3", "control"),
        ("48b803000200 0a440000 50 c3", "control"),
        // gs by whole registers, whose base is then far away; and another base.
        ("48b80000000000100000 658b00", "outside"),
        ("48c7c000100000 678b00", "fault at 0x1000"),
    ] {
        catch(FAST, code, what);
    }
    if traced::may_move_bases() {
        catch(FAST, "31c0 f3480faed8", "gs");
    }
}

/// A text with some bytes changed that is accepted all the same, if one is found soon.
fn changed(rules: Rules, random: &mut Random, text: &[u8]) -> Option<Vec<u8>> {
    let mut change = || {
        let mut changed = text.to_vec();
        for _ in 0..1 + random.below(3) {
            // Most of what runs is at the start.
            let among = *random.pick(&[text.len(), BUNDLE]);
            let at = random.below(among);
            changed[at] = random.byte();
        }
        changed
    };
    let mut tries = (0..20).map(|_| change());
    tries.find(|changed| changed != text && rules.validate(changed).is_ok())
}

#[derive(Default)]
struct Run {
    steps: usize,
    indirect: usize,
    returns: usize,
    from_gs: usize,
}

impl Run {
    fn add(&mut self, other: Self) {
        self.steps += other.steps;
        self.indirect += other.indirect;
        self.returns += other.returns;
        self.from_gs += other.from_gs;
    }
}

/// A number, an address of the sandbox, or one of its text, as guests have it.
fn value(random: &mut Random) -> u64 {
    match random.below(4) {
        0 => random.next(),
        1 => random.next() & 0xffff_ffff,
        2 => BASE + (random.next() & 0xffff_ffff),
        _ => TEXT + random.below(16 * BUNDLE) as u64,
    }
}

/// Registers as hostile code would have them; the confined ones are at edges too.
fn registers(rules: Rules, random: &mut Random) -> Registers {
    // SAFETY: the registers are numbers, for which zero is a value.
    let mut registers: Registers = unsafe { std::mem::zeroed() };
    registers.rax = value(random);
    registers.rbx = value(random);
    registers.rcx = value(random);
    registers.rdx = value(random);
    registers.rsi = value(random);
    registers.rdi = value(random);
    registers.r8 = value(random);
    registers.r9 = value(random);
    registers.r10 = value(random);
    registers.r11 = value(random);
    registers.r12 = value(random);
    registers.r13 = value(random);
    registers.r14 = value(random);
    registers.r15 = BASE;
    let edges = [0, 8, 0x100_0000, 0x8000_0000, SPACE - 64, SPACE];
    registers.rsp = BASE + random.pick(&edges);
    registers.rbp = BASE + random.pick(&edges);
    if rules.0 == Dialect::Fast {
        registers.gs_base = BASE;
        registers.rbp = value(random);
    }
    registers.rip = BASE + TEXT;
    registers.eflags = 0x202;
    registers
}

/// Executes a text and says what it did that it must not.
fn run(
    sandbox: &mut Sandbox,
    rules: Rules,
    text: &[u8],
    registers: Registers,
) -> Result<Run, String> {
    let starts = instruction_starts(text);
    sandbox.place(text);
    sandbox.reset(&registers);
    let mut before = registers;
    let mut done = Run::default();
    while done.steps < STEPS {
        let Some(instruction) = instruction_at(text, before.rip) else {
            return Ok(done);
        };
        let is_from_gs = instruction.segment_prefix() == Register::GS;
        let stop = sandbox.step();
        let after = sandbox.registers();
        let say = |what: &str| {
            let bytes = instruction_bytes(text, before.rip, &instruction);
            format!(
                "{what} after {bytes:02x?} at {:#x}\n{before:x?}\n{after:x?}",
                before.rip - BASE
            )
        };
        match stop {
            Stop::Stepped => {}
            // 32 bits of address and what the operand is long: not even the guards.
            Stop::Fault(address) if is_from_gs && !within_reach_of_gs(address) => {
                return Err(say(&format!(
                    "fault at {address:#x}, outside of the space,"
                )));
            }
            Stop::Fault(address) if reserved(address) => return Ok(done),
            Stop::Fault(address) => return Err(say(&format!("fault at {address:#x}, outside,"))),
            Stop::Protection if protection_is_harmless(&instruction, &before) => return Ok(done),
            Stop::Protection => return Err(say("an access to no address, outside,")),
            Stop::Other => return Ok(done),
            Stop::Ended => return Err(say("the process ended")),
        }
        check(rules, &instruction, &before, &after, &starts).map_err(|what| say(&what))?;
        done.steps += 1;
        match instruction.code() {
            Code::Jmp_rm64 | Code::Call_rm64 => done.indirect += 1,
            Code::Retnq => done.returns += 1,
            _ => {}
        }
        done.from_gs += usize::from(is_from_gs);
        before = after;
    }
    Ok(done)
}

/// What must hold between two instructions.
fn check(
    rules: Rules,
    instruction: &Instruction,
    before: &Registers,
    after: &Registers,
    starts: &[bool],
) -> Result<(), String> {
    if after.r15 != BASE {
        return Err("r15 is not the base".to_owned());
    }
    let confined = |value: u64| (BASE..=BASE + SPACE).contains(&value);
    // Just written with 32 bits: the next instruction repairs it, which is seen after that.
    let written = instruction.op0_register();
    let pending = |register, value: u64| written == register && value < SPACE;
    if !confined(after.rsp) && !pending(Register::ESP, after.rsp) {
        return Err("rsp is outside".to_owned());
    }
    if rules.0 == Dialect::Fast && after.gs_base != BASE {
        return Err("the base of gs is another".to_owned());
    }
    let is_kept = rules.0 == Dialect::Nacl;
    if is_kept && !confined(after.rbp) && !pending(Register::EBP, after.rbp) {
        return Err("rbp is outside".to_owned());
    }
    let Some(offset) = after.rip.checked_sub(BASE + TEXT) else {
        return if after.rip.is_multiple_of(BUNDLE as u64) && reserved(after.rip) {
            Ok(())
        } else {
            Err("control is outside".to_owned())
        };
    };
    let repeats = after.rip == before.rip;
    match starts.get(offset as usize) {
        Some(true) => Ok(()),
        None if offset.is_multiple_of(BUNDLE as u64) && reserved(after.rip) => Ok(()),
        _ if repeats => Ok(()),
        _ => Err("control is within an instruction or outside".to_owned()),
    }
}

/// The processor reports what is no address, but also HLT and operands that are not aligned, without
/// saying where: so where the access went is computed.
fn protection_is_harmless(instruction: &Instruction, registers: &Registers) -> bool {
    if instruction.code() == Code::Hlt {
        return true;
    }
    // ldmxcsr and the like refuse values.
    let address = instruction.virtual_address(memory_operand(instruction), 0, |register, _, _| {
        Some(value_of(register, registers))
    });
    address.is_some_and(reserved)
}

fn memory_operand(instruction: &Instruction) -> u32 {
    (0..instruction.op_count())
        .find(|&operand| instruction.op_kind(operand) == OpKind::Memory)
        .unwrap_or(0)
}

fn value_of(register: Register, registers: &Registers) -> u64 {
    let whole = match register.full_register() {
        Register::RAX => registers.rax,
        Register::RBX => registers.rbx,
        Register::RCX => registers.rcx,
        Register::RDX => registers.rdx,
        Register::RSI => registers.rsi,
        Register::RDI => registers.rdi,
        Register::RBP => registers.rbp,
        Register::RSP => registers.rsp,
        Register::R8 => registers.r8,
        Register::R9 => registers.r9,
        Register::R10 => registers.r10,
        Register::R11 => registers.r11,
        Register::R12 => registers.r12,
        Register::R13 => registers.r13,
        Register::R14 => registers.r14,
        Register::R15 => registers.r15,
        Register::GS => registers.gs_base,
        _ => 0,
    };
    if register.is_gpr32() {
        whole & 0xffff_ffff
    } else {
        whole
    }
}

/// Whether an address is one that an operand from gs may touch.
fn within_reach_of_gs(address: u64) -> bool {
    const LONGEST: u64 = 108;
    (BASE..BASE + SPACE + LONGEST).contains(&address)
}

/// Whether an address is one of the sandbox or of its guards.
fn reserved(address: u64) -> bool {
    (BASE - GUARD..BASE + SPACE + GUARD).contains(&address)
}

fn instruction_at(text: &[u8], rip: u64) -> Option<Instruction> {
    let offset = usize::try_from(rip.checked_sub(BASE + TEXT)?).ok()?;
    let rest = text.get(offset..).filter(|rest| !rest.is_empty())?;
    Some(Decoder::with_ip(64, rest, rip, DecoderOptions::NONE).decode())
}

fn instruction_bytes<'t>(text: &'t [u8], rip: u64, instruction: &Instruction) -> &'t [u8] {
    let offset = (rip - BASE - TEXT) as usize;
    &text[offset..offset + instruction.len()]
}

fn instruction_starts(text: &[u8]) -> Vec<bool> {
    let mut starts = vec![false; text.len()];
    let mut instruction = Instruction::default();
    let mut decoder = Decoder::new(64, text, DecoderOptions::NONE);
    while decoder.can_decode() {
        starts[decoder.position()] = true;
        decoder.decode_out(&mut instruction);
    }
    starts
}
