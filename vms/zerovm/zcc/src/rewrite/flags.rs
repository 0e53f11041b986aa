//! Flags that are to survive an indirect branch.
//!
//! A masked branch changes the flags. Calls and returns have none to keep, but a compiler that sees
//! through a jump table may compare before the branch and use the outcome behind it. So code that may
//! be gone to by address is looked at from there on: whether a flag is read before it is written.
//!
//! | effect | examples |
//! |---|---|
//! | reads | `jne`, `setb`, `cmovl`, `adc` |
//! | writes all, or ends what a label begins | `cmpl`, `addl`, `call`, `ret` |
//! | writes all but carry | `incl`, `decl` |
//! | none that is relied on | `movl`, `leal`, `shll %cl` |

use super::symbols::Symbols;
use gas_syntax::{Instruction, Kind, Operand, Statement};
use std::collections::{HashMap, HashSet};

/// The line of an instruction that reads flags from before the branch that leads to it.
pub(super) fn carried(statements: &[Statement<'_>], symbols: &Symbols<'_>) -> Option<u32> {
    let code = Code::of(statements);
    let labels = code
        .labels
        .iter()
        .filter(|(name, _)| symbols.is_address(name));
    labels.filter_map(|(_, &at)| code.reader_from(at)).min()
}

/// The instructions of a file, section by section.
struct Code<'s> {
    statements: &'s [Statement<'s>],
    labels: HashMap<&'s str, usize>,
    /// For each statement the next of its section.
    next: Vec<Option<usize>>,
}

impl<'s> Code<'s> {
    fn of(statements: &'s [Statement<'s>]) -> Self {
        let mut code = Self {
            statements,
            labels: HashMap::new(),
            next: vec![None; statements.len()],
        };
        let mut last: HashMap<&str, usize> = HashMap::new();
        let mut section = ".text";
        for (at, statement) in statements.iter().enumerate() {
            match &statement.kind {
                Kind::Label(name) => _ = code.labels.insert(name, at),
                Kind::Directive { name, arguments } => {
                    section = section_of(name, arguments).unwrap_or(section);
                    continue;
                }
                Kind::Instruction(_) => (),
                _ => continue,
            }
            if let Some(before) = last.insert(section, at) {
                code.next[before] = Some(at);
            }
        }
        code
    }

    /// The line that reads flags which were there at this statement.
    fn reader_from(&self, start: usize) -> Option<u32> {
        let mut seen = HashSet::new();
        let (mut at, mut only_carry) = (Some(start), false);
        while let Some(here) = at {
            if !seen.insert(here) {
                return None;
            }
            let statement = &self.statements[here];
            at = self.next[here];
            let Kind::Instruction(instruction) = &statement.kind else {
                continue;
            };
            match effect(instruction) {
                Effect::Reads { carry } if carry || !only_carry => return Some(statement.line),
                Effect::Reads { .. } | Effect::Nothing => (),
                Effect::WritesAllButCarry => only_carry = true,
                Effect::Writes => return None,
                Effect::Jumps => at = self.target(instruction),
            }
        }
        None
    }

    fn target(&self, jump: &Instruction<'_>) -> Option<usize> {
        let [Operand::Memory(memory)] = &jump.operands[..] else {
            return None;
        };
        self.labels.get(memory.displacement.text()).copied()
    }
}

fn section_of<'s>(name: &'s str, arguments: &'s str) -> Option<&'s str> {
    match name {
        ".text" | ".data" | ".bss" => Some(name),
        ".section" => arguments.split(',').next().map(str::trim),
        _ => None,
    }
}

enum Effect {
    Reads { carry: bool },
    Writes,
    WritesAllButCarry,
    Jumps,
    Nothing,
}

/// What writes all flags, without the letter of a size.
const WRITE: [&str; 31] = [
    "add", "sub", "cmp", "test", "and", "or", "xor", "neg", "imul", "mul", "div", "idiv", "xadd",
    "cmpxchg", "popcnt", "comiss", "comisd", "ucomiss", "ucomisd", "fcomi", "fcomip", "fucomi",
    "fucomip", "ptest", "call", "ret", "hlt", "ud2", "bsf", "bsr", "leave",
];
const SHIFTS: [&str; 4] = ["shl", "sal", "shr", "sar"];
const READ_CARRY: [&str; 5] = ["adc", "sbb", "rcl", "rcr", "cmc"];
/// Conditions that read the carry flag.
const CARRY: [&str; 10] = ["b", "c", "nae", "nb", "nc", "ae", "be", "na", "a", "nbe"];

fn effect(instruction: &Instruction<'_>) -> Effect {
    let mnemonic = instruction.mnemonic;
    let is = |name: &str| without_size(mnemonic, name);
    if is("jmp") {
        return Effect::Jumps;
    }
    let conditional = ["set", "fcmov", "cmov", "j"];
    if let Some(condition) = conditional.iter().find_map(|it| mnemonic.strip_prefix(it)) {
        let carry = CARRY.iter().any(|name| without_size(condition, name));
        return Effect::Reads { carry };
    }
    if READ_CARRY.into_iter().any(is) {
        return Effect::Reads { carry: true };
    }
    if is("inc") || is("dec") {
        return Effect::WritesAllButCarry;
    }
    // One by a register may be one by nothing.
    let by_register = matches!(instruction.operands[..], [Operand::Register(_), _]);
    let writes = WRITE.into_iter().any(is) || (SHIFTS.into_iter().any(is) && !by_register);
    match writes {
        true => Effect::Writes,
        false => Effect::Nothing,
    }
}

/// Whether a mnemonic is this, with the letter of a size or without.
fn without_size(mnemonic: &str, name: &str) -> bool {
    let rest = mnemonic.strip_prefix(name);
    rest.is_some_and(|rest| matches!(rest, "" | "b" | "w" | "l" | "q"))
}
