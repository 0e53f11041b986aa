//! Jumps, calls, returns and string instructions.
//!
//! | written | nacl | fast |
//! |---|---|---|
//! | `jne .L4`, `jmp f` | itself, short or long | the same |
//! | `call f` | itself, at the end of a bundle | the same |
//! | `call *%rax` | `movl %eax,%r11d`, `andl $-32,%r11d`, `addq %r15,%r11`, `call *%r11` | the same |
//! | `jmp *%rax` | the same with `jmp` | the same |
//! | `ret` | `popq %r11` and the same | the masked `ret` |
//! | `rep movsq` | `%rsi` and `%rdi` based, itself, and both made numbers again | the same |

use super::Rewriter;
use super::memory::RSP;
use crate::reason::Reason;
use crate::unit::{BUNDLE, Group, Jump};
use gas_syntax::{Class, Instruction, Operand, Register};

impl Rewriter<'_> {
    pub(super) fn jump(&mut self, instruction: &Instruction<'_>) -> Result<(), Reason> {
        match &instruction.operands[..] {
            [Operand::IndirectRegister(register)] if instruction.mnemonic.starts_with("jmp") => {
                let to = branch_register(instruction, *register)?;
                self.single(format!("movl {to}, %r11d"));
                self.masked("jmp", false);
                Ok(())
            }
            _ => {
                let to = self.target(instruction)?;
                let mnemonic = match instruction.mnemonic {
                    "jmpq" => "jmp",
                    mnemonic => mnemonic,
                };
                self.group(Group {
                    instructions: vec![mnemonic.to_owned()],
                    jump: Some(Jump {
                        is_global: self.symbols.is_global(&to),
                        target: to,
                    }),
                    ..Group::default()
                });
                Ok(())
            }
        }
    }

    pub(super) fn call(&mut self, instruction: &Instruction<'_>) -> Result<(), Reason> {
        match &instruction.operands[..] {
            [Operand::IndirectRegister(register)] => {
                let to = branch_register(instruction, *register)?;
                self.single(format!("movl {to}, %r11d"));
                self.masked("call", true);
                Ok(())
            }
            _ => {
                let to = self.target(instruction)?;
                self.group(Group {
                    instructions: vec![format!("call {to}")],
                    at_end: true,
                    ..Group::default()
                });
                Ok(())
            }
        }
    }

    pub(super) fn return_(&mut self, instruction: &Instruction<'_>) -> Result<(), Reason> {
        if !instruction.operands.is_empty() {
            return Err(Reason::Operands(instruction.mnemonic.to_owned()));
        }
        if self.rules.has_return {
            self.sequence([
                "movl (%rsp), %r11d".to_owned(),
                "andl $-32, %r11d".to_owned(),
                "addq %r15, %r11".to_owned(),
                "movq %r11, (%rsp)".to_owned(),
                "ret".to_owned(),
            ]);
        } else {
            self.single("popq %r11");
            self.masked("jmp", false);
        }
        Ok(())
    }

    /// A branch to what `%r11` holds, masked.
    fn masked(&mut self, mnemonic: &str, at_end: bool) {
        self.group(Group {
            instructions: vec![
                "andl $-32, %r11d".to_owned(),
                "addq %r15, %r11".to_owned(),
                format!("{mnemonic} *%r11"),
            ],
            at_end,
            bound: BUNDLE,
            ..Group::default()
        });
        self.may_join = false;
    }

    /// The label that a direct branch goes to.
    fn target(&self, instruction: &Instruction<'_>) -> Result<String, Reason> {
        match &instruction.operands[..] {
            [Operand::Memory(memory)] if memory.base.is_none() && memory.index.is_none() => {
                if memory.segment.is_some() || memory.displacement.symbol().is_none() {
                    return Err(Reason::BranchTarget(instruction.to_string()));
                }
                self.expression(memory.displacement)
            }
            [Operand::IndirectMemory(_)] => {
                Err(Reason::BranchThroughMemory(instruction.to_string()))
            }
            _ => Err(Reason::BranchTarget(instruction.to_string())),
        }
    }

    /// A string instruction with its prefix.
    pub(super) fn string(&mut self, text: &str, source: bool, destination: bool) {
        let mut instructions = Vec::new();
        let used = [(source, "si"), (destination, "di")];
        for (_, name) in used.into_iter().filter(|(used, _)| *used) {
            instructions.push(format!("movl %e{name}, %e{name}"));
            instructions.push(format!("leaq (%r15,%r{name}), %r{name}"));
        }
        instructions.push(text.to_owned());
        self.group(Group {
            instructions,
            bound: BUNDLE,
            ..Group::default()
        });
        for (_, name) in used.into_iter().filter(|(used, _)| *used) {
            self.single(format!("movl %e{name}, %e{name}"));
        }
    }
}

fn branch_register(instruction: &Instruction<'_>, register: Register) -> Result<Register, Reason> {
    match register.class {
        Class::Quad | Class::Long if !register.is_part_of(RSP) => Ok(register.long()),
        _ => Err(Reason::BranchTarget(instruction.to_string())),
    }
}
