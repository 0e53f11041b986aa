//! The stack and frame pointers.
//!
//! | written | nacl | fast |
//! |---|---|---|
//! | `subl $24,%esp` | `subl $24,%esp`, `leaq (%rsp,%r15),%rsp` | the same |
//! | `andl $-16,%esp` | `andq $-16,%rsp` | the same |
//! | `movl %esp,%ebp` | `movq %rsp,%rbp` | `movl %esp,%ebp` |
//! | `movl %ebp,%esp` | `movq %rbp,%rsp` | `movl %ebp,%esp`, `leaq (%rsp,%r15),%rsp` |
//! | `popq %rbp` | `popq %r11`, `movl %r11d,%ebp`, `leaq (%rbp,%r15),%rbp` | `popq %rbp` |
//! | `leave` | both of these | both of these |
//! | `movq %rsp,%rax` | `movl %esp,%eax` | the same |
//!
//! The instruction that restores a pointer is `lea`, which keeps the flags that were set before.

use super::Rewriter;
use super::instruction::only_memory;
use super::memory::{RBP, RSP, Way};
use crate::forms::{Form, Writes};
use crate::reason::Reason;
use gas_syntax::{Class, Instruction, Memory, Operand, Register};

const RESTORE_STACK: &str = "leaq (%rsp,%r15), %rsp";
const RESTORE_FRAME: &str = "leaq 0(%rbp,%r15,1), %rbp";

impl Rewriter<'_> {
    /// Whether a register holds an address of the host.
    pub(super) fn is_kept(&self, register: Register) -> bool {
        register.is_part_of(RSP) || self.rules.trusts_frame_pointer && register.is_part_of(RBP)
    }

    /// Whether an instruction writes a kept pointer, or reads more of one than a guest may see.
    pub(super) fn is_for_stack(&self, instruction: &Instruction<'_>, writes: Writes) -> bool {
        let last = instruction.operands.len().wrapping_sub(1);
        instruction
            .operands
            .iter()
            .enumerate()
            .any(|(index, operand)| {
                let Operand::Register(register) = operand else {
                    return false;
                };
                let is_written = match writes {
                    Writes::Nothing => false,
                    Writes::Last => index == last,
                    Writes::Both => true,
                };
                self.is_kept(*register) && (is_written || register.class != Class::Long)
            })
    }

    pub(super) fn stack_instruction(
        &mut self,
        instruction: &Instruction<'_>,
        form: Form,
        writes: Writes,
    ) -> Result<(), Reason> {
        let refused = |register: Register| match register.is_part_of(RSP) {
            true => Reason::StackPointer(instruction.to_string()),
            false => Reason::FramePointer(instruction.to_string()),
        };
        match (instruction.operands.as_slice(), writes) {
            ([source, Operand::Register(to)], Writes::Last) if self.is_kept(*to) => {
                let whole = matches!(to.class, Class::Long | Class::Quad);
                match whole && form.limits && instruction.prefixes.is_empty() {
                    true => self.write_pointer(instruction, source, *to),
                    false => Err(refused(*to)),
                }
            }
            ([Operand::Register(from), Operand::Register(to)], Writes::Last)
                if from.class == Class::Quad
                    && to.class == Class::Quad
                    && matches!(instruction.mnemonic, "mov" | "movq") =>
            {
                self.single(format!("movl {}, {}", from.long(), to.long()));
                Ok(())
            }
            // A frame pointer that is saved, as a push does; it is made an address again when it is
            // loaded.
            ([Operand::Register(from), Operand::Memory(memory)], Writes::Last)
                if from.class == Class::Quad
                    && from.is_part_of(RBP)
                    && matches!(instruction.mnemonic, "mov" | "movq") =>
            {
                let confined = self.confine(memory, Way::Any, None)?;
                let text = format!("movq {from}, {}", confined.operand);
                let bound = super::instruction::bound(instruction);
                self.access(confined.before, None, text, None, bound);
                Ok(())
            }
            (operands, _) => {
                let kept = operands.iter().find_map(|operand| match operand {
                    Operand::Register(register) if self.is_kept(*register) => Some(*register),
                    _ => None,
                });
                Err(kept.map_or_else(
                    || Reason::Operands(instruction.mnemonic.to_owned()),
                    refused,
                ))
            }
        }
    }

    /// `mov`, `add`, `sub`, `and` and others to the stack or frame pointer.
    fn write_pointer(
        &mut self,
        instruction: &Instruction<'_>,
        source: &Operand<'_>,
        to: Register,
    ) -> Result<(), Reason> {
        let operation = instruction.mnemonic.trim_end_matches(['l', 'q']);
        let is_stack = to.is_part_of(RSP);
        let operation = match operation {
            "mov" => operation,
            "add" | "sub" | "and" | "or" | "xor" if is_stack => operation,
            _ if is_stack => return Err(Reason::StackPointer(instruction.to_string())),
            // Whoever computes with it takes it for a register like others, of 64 bits.
            _ => return Err(Reason::FramePointer(instruction.to_string())),
        };
        match source {
            Operand::Register(from) if operation == "mov" && self.is_kept(*from) => {
                self.single(format!("movq {}, {}", from.quad(), to.quad()));
            }
            Operand::Register(from) if from.is_general() => {
                let text = format!("{operation}l {}, {}", from.long(), to.long());
                self.sequence([text, restore(to).to_owned()]);
            }
            Operand::Immediate(value) => {
                let rounds = value
                    .number()
                    .is_some_and(|number| (-128..0).contains(&number));
                let value = self.expression(*value)?;
                if operation == "and" && rounds && to.is_part_of(RSP) {
                    self.single(format!("andq ${value}, %rsp"));
                    return Ok(());
                }
                let text = format!("{operation}l ${value}, {}", to.long());
                self.sequence([text, restore(to).to_owned()]);
            }
            Operand::Memory(memory) => {
                let confined = self.confine(memory, Way::Any, None)?;
                let text = format!("{operation}l {}, {}", confined.operand, to.long());
                let mut instructions = Vec::from_iter(confined.before);
                instructions.extend([text, restore(to).to_owned()]);
                self.group(crate::unit::Group {
                    instructions,
                    bound: crate::unit::BUNDLE,
                    ..Default::default()
                });
            }
            _ => return Err(Reason::StackPointer(instruction.to_string())),
        }
        Ok(())
    }

    pub(super) fn stack_lea(&mut self, memory: &Memory<'_>, to: Register) -> Result<(), Reason> {
        if !matches!(to.class, Class::Long | Class::Quad) {
            return Err(Reason::StackPointer(format!("lea to {to}")));
        }
        let address = self.plain_address(memory)?;
        let text = format!("leal {address}, {}", to.long());
        self.sequence([text, restore(to).to_owned()]);
        Ok(())
    }

    pub(super) fn push_value(&mut self, instruction: &Instruction<'_>) -> Result<(), Reason> {
        match &instruction.operands[..] {
            // A saved frame pointer tells where the host has put the sandbox, as the stack pointer
            // does that a call saves; code that uses it as a number is not what a compiler writes.
            [Operand::Register(from)] if from.class == Class::Quad && !from.is_part_of(RSP) => {
                self.single(format!("pushq {from}"));
                Ok(())
            }
            [Operand::Immediate(value)] => {
                let value = self.expression(*value)?;
                self.single(format!("pushq ${value}"));
                Ok(())
            }
            [Operand::Memory(memory)] => self.stack_memory(instruction, "pushq", memory),
            _ => Err(Reason::StackPointer(instruction.to_string())),
        }
    }

    pub(super) fn pop_value(&mut self, instruction: &Instruction<'_>) -> Result<(), Reason> {
        match &instruction.operands[..] {
            [Operand::Register(to)] if to.class == Class::Quad && !self.is_kept(*to) => {
                self.single(format!("popq {to}"));
                Ok(())
            }
            [Operand::Register(to)] if to.class == Class::Quad && to.is_part_of(RBP) => {
                self.pop_frame();
                Ok(())
            }
            [Operand::Memory(memory)] => self.stack_memory(instruction, "popq", memory),
            _ => Err(Reason::StackPointer(instruction.to_string())),
        }
    }

    fn stack_memory(
        &mut self,
        instruction: &Instruction<'_>,
        mnemonic: &str,
        memory: &Memory<'_>,
    ) -> Result<(), Reason> {
        only_memory(instruction)?;
        let confined = self.confine(memory, Way::NoSegment, None)?;
        let text = format!("{mnemonic} {}", confined.operand);
        let bound = super::instruction::bound(instruction);
        self.access(confined.before, None, text, None, bound);
        Ok(())
    }

    fn pop_frame(&mut self) {
        self.single("popq %r11");
        self.sequence(["movl %r11d, %ebp".to_owned(), RESTORE_FRAME.to_owned()]);
    }

    pub(super) fn leave(&mut self, instruction: &Instruction<'_>) -> Result<(), Reason> {
        if !instruction.operands.is_empty() {
            return Err(Reason::Operands(instruction.mnemonic.to_owned()));
        }
        if self.rules.trusts_frame_pointer {
            self.single("movq %rbp, %rsp");
            self.pop_frame();
        } else {
            self.sequence(["movl %ebp, %esp".to_owned(), RESTORE_STACK.to_owned()]);
            self.single("popq %rbp");
        }
        Ok(())
    }
}

fn restore(pointer: Register) -> &'static str {
    match pointer.is_part_of(RSP) {
        true => RESTORE_STACK,
        false => RESTORE_FRAME,
    }
}
