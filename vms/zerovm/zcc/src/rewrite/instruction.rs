//! Instructions: each goes to what its form in the table needs.

use super::Rewriter;
use super::memory::{Way, check_register};
use crate::forms::{Form, Kind, Writes, form, string_form};
use crate::reason::Reason;
use crate::unit::{BUNDLE, Group};
use gas_syntax::{Class, Instruction, Memory, Operand, Register};

/// More bytes than opcode, prefixes and addressing of an instruction ever have.
const BARE_BOUND: u32 = 9;

impl Rewriter<'_> {
    pub(super) fn instruction(&mut self, instruction: &Instruction<'_>) -> Result<(), Reason> {
        let mnemonic = instruction.mnemonic;
        let by_operands = match instruction.operands.is_empty() {
            true => string_form(mnemonic),
            false => None,
        };
        let form = by_operands
            .or_else(|| form(mnemonic))
            .ok_or_else(|| unknown(mnemonic))?;
        for operand in &instruction.operands {
            if let Operand::Register(register) | Operand::IndirectRegister(register) = operand {
                check_register(*register)?;
            }
        }
        let prefixes = prefixes(instruction, form.kind)?;
        match form.kind {
            Kind::Plain => self.plain(instruction, form, prefixes),
            Kind::Lea => self.lea(instruction),
            Kind::Jump => self.jump(instruction),
            Kind::Call => self.call(instruction),
            Kind::Return => self.return_(instruction),
            Kind::Leave => self.leave(instruction),
            Kind::Push => self.push_value(instruction),
            Kind::Pop => self.pop_value(instruction),
            Kind::String {
                source,
                destination,
            } => {
                if instruction.prefixes.contains(&"addr32") && !prefixes.is_empty() {
                    self.single("movl %ecx, %ecx");
                }
                self.string(&format!("{prefixes}{mnemonic}"), source, destination);
                Ok(())
            }
            Kind::BitTest => self.bit_test(instruction, form, prefixes),
            Kind::Waits => {
                self.single("fwait");
                let without = format!("fn{}", &mnemonic[1..]);
                let instruction = Instruction {
                    mnemonic: &without,
                    ..instruction.clone()
                };
                self.plain(&instruction, form, prefixes)
            }
            Kind::Nothing => Ok(()),
        }
    }

    /// An instruction that needs nothing but its operand in memory confined.
    pub(super) fn plain(
        &mut self,
        instruction: &Instruction<'_>,
        form: Form,
        prefixes: &str,
    ) -> Result<(), Reason> {
        let writes = written(instruction, form);
        if self.is_for_stack(instruction, writes) {
            return self.stack_instruction(instruction, form, writes);
        }
        if instruction.mnemonic.starts_with("movabs") {
            check_movabs(instruction)?;
        }
        let memory = only_memory(instruction)?;
        let Some(memory) = memory else {
            let text = self.with_operand(instruction, prefixes, None)?;
            self.group(Group {
                limited: limited(instruction, form),
                bound: bound(instruction),
                instructions: vec![text],
                ..Group::default()
            });
            return Ok(());
        };
        let high = high_byte(instruction);
        let before = self.joinable(instruction, high.is_some());
        let confined = self.confine(&memory, Way::Any, before)?;
        if let Some(high) = high
            && confined.needs_rex
        {
            return self.with_high_byte(instruction, &memory, high, prefixes);
        }
        let text = self.with_operand(instruction, prefixes, Some(&confined.operand))?;
        let limited = limited(instruction, form);
        self.access(
            confined.before,
            confined.joins,
            text,
            limited,
            bound(instruction),
        );
        Ok(())
    }

    /// Adds an access to memory behind what confines its address.
    pub(super) fn access(
        &mut self,
        before: Option<String>,
        joins: Option<u8>,
        text: String,
        limited: Option<u8>,
        bound: u32,
    ) {
        if joins.is_some()
            && let Some(group) = self.group_before()
        {
            group.instructions.push(text);
            group.limited = limited;
            group.bound += bound;
            return;
        }
        let bound = bound + if before.is_some() { BARE_BOUND } else { 0 };
        let mut instructions = Vec::from_iter(before);
        instructions.push(text);
        self.group(Group {
            instructions,
            limited,
            bound,
            ..Group::default()
        });
    }

    /// The register that the instruction directly before limited, if another may join its group.
    fn joinable(&mut self, instruction: &Instruction<'_>, has_high_byte: bool) -> Option<u8> {
        let bound = bound(instruction);
        let group = self.group_before()?;
        let fits = group.bound != 0 && group.bound + bound <= BUNDLE;
        group.limited.filter(|_| fits && !has_high_byte)
    }

    /// `%ah` cannot be named beside a register that needs a prefix: its bytes change places around
    /// the access.
    fn with_high_byte(
        &mut self,
        instruction: &Instruction<'_>,
        memory: &Memory<'_>,
        high: Register,
        prefixes: &str,
    ) -> Result<(), Reason> {
        let low = high.byte();
        let address = self.plain_address(memory)?;
        let operands = instruction.operands.iter().map(|operand| match operand {
            Operand::Register(register) if *register == high => Operand::Register(low),
            other => *other,
        });
        let changed = Instruction {
            operands: operands.collect(),
            ..instruction.clone()
        };
        let text = self.with_operand(&changed, prefixes, Some("(%r15,%r11)"))?;
        self.single(format!("leal {address}, %r11d"));
        self.single(format!("xchgb {low}, {high}"));
        self.sequence(["movl %r11d, %r11d".to_owned(), text]);
        self.single(format!("xchgb {low}, {high}"));
        Ok(())
    }

    fn lea(&mut self, instruction: &Instruction<'_>) -> Result<(), Reason> {
        let [Operand::Memory(memory), Operand::Register(to)] = instruction.operands[..] else {
            return Err(Reason::Operands(instruction.mnemonic.to_owned()));
        };
        if to.is_part_of(super::memory::RSP)
            || self.rules.trusts_frame_pointer && to.is_part_of(super::memory::RBP)
        {
            return self.stack_lea(&memory, to);
        }
        let address = self.plain_address(&memory)?;
        let is_address = memory.is_fixed()
            || [memory.base, memory.index]
                .into_iter()
                .flatten()
                .any(|register| {
                    register.class == Class::Long
                        || register.is_part_of(super::memory::RSP)
                        || self.rules.trusts_frame_pointer
                            && register.is_part_of(super::memory::RBP)
                });
        // An address of the guest has 32 bits, whatever it is written to.
        let (mnemonic, to) = match to.class {
            Class::Quad if is_address => ("leal", to.long()),
            Class::Quad => ("leaq", to),
            Class::Long => ("leal", to),
            Class::Word => ("leaw", to),
            _ => return Err(Reason::Operands(instruction.mnemonic.to_owned())),
        };
        self.group(Group {
            instructions: vec![format!("{mnemonic} {address}, {to}")],
            limited: (to.class == Class::Long).then_some(to.number),
            bound: bound(instruction),
            ..Group::default()
        });
        Ok(())
    }

    /// A bit test with a register as its offset reaches beyond its operand, and the validator knows
    /// none: the carry flag, or the changed bit, is made by shifts.
    fn bit_test(
        &mut self,
        instruction: &Instruction<'_>,
        form: Form,
        prefixes: &str,
    ) -> Result<(), Reason> {
        let fault = || Reason::Operands(instruction.mnemonic.to_owned());
        let (offset, tested) = match instruction.operands[..] {
            [Operand::Immediate(_), _] => return self.plain(instruction, form, prefixes),
            [Operand::Register(offset), Operand::Register(tested)] => (offset, tested),
            _ => return Err(fault()),
        };
        let size = match tested.class {
            Class::Long => 'l',
            Class::Quad => 'q',
            _ => return Err(fault()),
        };
        if offset.is_part_of(super::memory::RSP) || self.is_kept(tested) || self.is_kept(offset) {
            return Err(Reason::StackPointer(instruction.to_string()));
        }
        let is_quad = size == 'q';
        let scratch = if is_quad { "%r11" } else { "%r11d" };
        let test = instruction.mnemonic.trim_end_matches(['l', 'q']);
        let start = match test {
            "bts" | "btr" | "btc" => "movl $1, %r11d".to_owned(),
            _ => format!("mov{size} {tested}, {scratch}"),
        };
        let shift = match start.starts_with("movl $1") {
            true => format!("shl{size} %cl, {scratch}"),
            false => format!("shr{size} %cl, {scratch}"),
        };
        self.single(start);
        let exchange = (offset.number != 1).then(|| format!("xchgq {}, %rcx", offset.quad()));
        if let Some(exchange) = &exchange {
            self.single(exchange.clone());
        }
        self.single(shift);
        if let Some(exchange) = exchange {
            self.single(exchange);
        }
        match test {
            "bts" => self.single(format!("or{size} {scratch}, {tested}")),
            "btc" => self.single(format!("xor{size} {scratch}, {tested}")),
            "btr" => {
                self.single(format!("not{size} {scratch}"));
                self.single(format!("and{size} {scratch}, {tested}"));
            }
            // What is shifted out of the lowest place becomes the carry flag.
            _ => self.single(format!("shr{size} $1, {scratch}")),
        }
        Ok(())
    }

    /// The text of an instruction with another operand instead of the one in memory.
    pub(super) fn with_operand(
        &self,
        instruction: &Instruction<'_>,
        prefixes: &str,
        memory: Option<&str>,
    ) -> Result<String, Reason> {
        let mut text = format!("{prefixes}{}", instruction.mnemonic);
        for (index, operand) in instruction.operands.iter().enumerate() {
            text.push_str(if index == 0 { " " } else { ", " });
            match (operand, memory) {
                (Operand::Memory(_), Some(memory)) => text.push_str(memory),
                (Operand::Register(register), _) => text.push_str(&register.to_string()),
                (Operand::Immediate(value), _) => {
                    text.push('$');
                    text.push_str(&self.expression(*value)?);
                }
                _ => return Err(Reason::Operands(instruction.mnemonic.to_owned())),
            }
        }
        Ok(text)
    }
}

/// Why a mnemonic that is not in the table is refused.
fn unknown(mnemonic: &str) -> Reason {
    let name = mnemonic.to_owned();
    match mnemonic {
        "syscall" | "sysenter" | "sysret" | "sysexit" | "int" | "int3" | "into" => {
            Reason::SystemCall(name)
        }
        "rdtsc" | "rdtscp" | "rdpmc" | "rdrand" | "rdseed" | "rdpid" | "rdpru" => {
            Reason::Clock(name)
        }
        _ if mnemonic.starts_with('v') || mnemonic.starts_with('k') => Reason::Avx(name),
        _ => Reason::Unknown(name),
    }
}

/// The prefixes as they are kept.
fn prefixes(instruction: &Instruction<'_>, kind: Kind) -> Result<&'static str, Reason> {
    let is_string = matches!(kind, Kind::String { .. });
    match (instruction.prefixes[..].as_ref(), kind) {
        ([], _) | (["notrack" | "bnd"], Kind::Jump | Kind::Call | Kind::Return) => Ok(""),
        (["rep" | "repz" | "repe"], Kind::Return) => Ok(""),
        (["rep" | "repz" | "repe"], _) if is_string => Ok("rep "),
        // Addresses of 32 bits are what the sequence makes; the count is made one of 32 bits too.
        (["addr32"], _) if is_string => Ok(""),
        (["addr32", "rep" | "repz" | "repe"] | ["rep" | "repz" | "repe", "addr32"], _)
            if is_string =>
        {
            Ok("rep ")
        }
        (["addr32", "repne" | "repnz"] | ["repne" | "repnz", "addr32"], _) if is_string => {
            Ok("repne ")
        }
        // A pause; and a `bsf` of what is never zero, which newer processors do faster as `tzcnt`.
        (["rep"], Kind::Plain) if instruction.mnemonic == "nop" => Ok("rep "),
        (["rep"], Kind::Plain) if instruction.mnemonic.starts_with("bsf") => Ok("rep "),
        (["repne" | "repnz"], _) if is_string => Ok("repne "),
        (["lock"], Kind::Plain | Kind::BitTest) => Ok("lock "),
        ([prefix, ..], _) => Err(Reason::Prefix((*prefix).to_owned())),
    }
}

/// Which operands are written: `imul` of one operand writes none that it names.
pub(super) fn written(instruction: &Instruction<'_>, form: Form) -> Writes {
    let implicit = instruction.mnemonic.starts_with("imul") && instruction.operands.len() == 1;
    if implicit {
        Writes::Nothing
    } else {
        form.writes
    }
}

/// The register whose upper half is zero behind the instruction, as far as the validator knows.
pub(super) fn limited(instruction: &Instruction<'_>, form: Form) -> Option<u8> {
    let is_written = written(instruction, form) == Writes::Last && form.limits;
    match instruction.operands.last() {
        Some(Operand::Register(to)) if to.class == Class::Long && is_written => Some(to.number),
        _ => None,
    }
}

/// The operand in memory, of which there is one at most.
pub(super) fn only_memory<'a>(instruction: &Instruction<'a>) -> Result<Option<Memory<'a>>, Reason> {
    let mut found = None;
    for operand in &instruction.operands {
        let Operand::Memory(memory) = operand else {
            continue;
        };
        if found.replace(*memory).is_some() {
            return Err(Reason::Operands(instruction.mnemonic.to_owned()));
        }
    }
    Ok(found)
}

fn high_byte(instruction: &Instruction<'_>) -> Option<Register> {
    instruction
        .operands
        .iter()
        .find_map(|operand| match operand {
            Operand::Register(register) if register.class == Class::HighByte => Some(*register),
            _ => None,
        })
}

/// `movabs` may move a number; an address of 64 bits is nothing a guest has.
fn check_movabs(instruction: &Instruction<'_>) -> Result<(), Reason> {
    match instruction.operands[..] {
        [Operand::Immediate(value), Operand::Register(_)] if value.symbols().next().is_none() => {
            Ok(())
        }
        _ => Err(Reason::WidePointer(instruction.to_string())),
    }
}

/// No fewer bytes than the instruction has when it is confined.
pub(super) fn bound(instruction: &Instruction<'_>) -> u32 {
    let mut bytes = BARE_BOUND;
    for operand in &instruction.operands {
        bytes += match operand {
            Operand::Immediate(_) if instruction.mnemonic.starts_with("movabs") => 8,
            Operand::Immediate(value) => match value.number() {
                Some(-128..=127) if !instruction.mnemonic.starts_with("mov") => 1,
                _ => 4,
            },
            Operand::Memory(memory) => match memory.displacement.number() {
                Some(-128..=127) => 1,
                None if memory.displacement.is_empty() => 0,
                _ => 4,
            },
            _ => 0,
        };
    }
    bytes
}
