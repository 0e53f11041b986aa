//! Operands of instructions.

use crate::expression::is_word;
use crate::{Class, Expression, Fault, Register};
use std::fmt;

/// An operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operand<'a> {
    /// `%eax`
    Register(Register),
    /// `$4`
    Immediate(Expression<'a>),
    /// `4(%eax)`; the target of a direct branch looks the same.
    Memory(Memory<'a>),
    /// `*%rax`: where an indirect branch goes.
    IndirectRegister(Register),
    /// `*4(%eax)`
    IndirectMemory(Memory<'a>),
}

/// `%segment:displacement(base,index,scale)`, of which each part may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Memory<'a> {
    /// The segment register that is named.
    pub segment: Option<Register>,
    /// What is added to the registers; may be empty.
    pub displacement: Expression<'a>,
    /// The first register.
    pub base: Option<Register>,
    /// The second, which is multiplied with `scale`.
    pub index: Option<Register>,
    /// 1, 2, 4 or 8.
    pub scale: u8,
}

impl<'a> Operand<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, Fault> {
        let fault = || Fault::NoOperand(text.to_owned());
        match text.as_bytes() {
            [] => Err(fault()),
            [b'$', ..] => {
                let value = Expression::new(&text[1..]);
                (!value.is_empty() && is_plain(value.text()))
                    .then_some(Self::Immediate(value))
                    .ok_or_else(fault)
            }
            [b'*', ..] => match Self::parse(text[1..].trim_start())? {
                Self::Register(register) => Ok(Self::IndirectRegister(register)),
                Self::Memory(memory) => Ok(Self::IndirectMemory(memory)),
                _ => Err(fault()),
            },
            [b'%', ..] => match text.split_once(':') {
                None => register(text).map(Self::Register),
                Some((segment, rest)) => {
                    let segment = register(segment.trim_end())?;
                    let memory = Memory::parse(rest.trim()).ok_or_else(fault)?;
                    let known = segment.class == Class::Segment && memory.segment.is_none();
                    known
                        .then_some(Self::Memory(Memory {
                            segment: Some(segment),
                            ..memory
                        }))
                        .ok_or_else(fault)
                }
            },
            _ => Memory::parse(text).map(Self::Memory).ok_or_else(fault),
        }
    }
}

impl<'a> Memory<'a> {
    /// `displacement(base,index,scale)`
    fn parse(text: &'a str) -> Option<Self> {
        let absolute = |displacement: &'a str| {
            let displacement = Expression::new(displacement);
            is_plain(displacement.text()).then_some(Self {
                segment: None,
                displacement,
                base: None,
                index: None,
                scale: 1,
            })
        };
        let Some((displacement, registers)) = address(text) else {
            return absolute(text).filter(|memory| !memory.displacement.is_empty());
        };
        let mut memory = absolute(displacement)?;
        let mut parts = registers.split(',').map(str::trim);
        memory.base = optional_register(parts.next()?)?;
        if let Some(index) = parts.next() {
            memory.index = optional_register(index)?;
        }
        if let Some(scale) = parts.next() {
            memory.scale = match scale {
                "" | "1" => 1,
                "2" => 2,
                "4" => 4,
                "8" => 8,
                _ => return None,
            };
        }
        (parts.next().is_none()).then_some(memory)
    }

    /// Whether the address is that of a symbol or number, relative to the instruction or not.
    pub fn is_fixed(&self) -> bool {
        let fixed = |base: Register| base.class == Class::InstructionPointer;
        self.index.is_none() && self.base.is_none_or(fixed)
    }
}

/// Divides an operand that ends with registers in parentheses before these.
fn address(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_suffix(')')?;
    // The registers have no parentheses, but for st(1), which is no address.
    let (displacement, registers) = inside.rsplit_once('(')?;
    let registers = registers.trim();
    registers
        .starts_with(['%', ','])
        .then_some((displacement, registers))
}

/// Nothing, or a register.
fn optional_register(text: &str) -> Option<Option<Register>> {
    match text {
        "" => Some(None),
        text => register(text).ok().map(Some),
    }
}

fn register(text: &str) -> Result<Register, Fault> {
    let name = text.strip_prefix('%').unwrap_or(text).trim();
    if text.starts_with('%') && name.starts_with("st") {
        // Blanks are allowed within `%st (1)`.
        let compact: String = name.split_ascii_whitespace().collect();
        return Register::named(&compact).ok_or_else(|| Fault::NoRegister(name.to_owned()));
    }
    let named = Register::named(name).filter(|_| text.starts_with('%'));
    named.ok_or_else(|| Fault::NoRegister(name.to_owned()))
}

/// Whether an expression has nothing in it that no expression has, and its parentheses match.
fn is_plain(text: &str) -> bool {
    let mut depth = 0_i32;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            // What follows stands for itself.
            '\'' if characters.next() == Some('\\') => _ = characters.next(),
            '%' | '*' | '/' | '+' | '-' | '~' | '!' | '&' | '|' | '^' | '<' | '>' | '=' | ' '
            | '\t' | '\'' => (),
            other if !other.is_ascii() || is_word(other as u8) => (),
            _ => return false,
        }
        if depth < 0 {
            return false;
        }
    }
    // A per cent sign would be a remainder; what looks like a register is a mistake.
    depth == 0 && !text.starts_with('%')
}

impl fmt::Display for Operand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Register(register) => write!(f, "{register}"),
            Self::Immediate(value) => write!(f, "${value}"),
            Self::Memory(memory) => write!(f, "{memory}"),
            Self::IndirectRegister(register) => write!(f, "*{register}"),
            Self::IndirectMemory(memory) => write!(f, "*{memory}"),
        }
    }
}

impl fmt::Display for Memory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(segment) = self.segment {
            write!(f, "{segment}:")?;
        }
        write!(f, "{}", self.displacement)?;
        match (self.base, self.index) {
            (None, None) => return Ok(()),
            (Some(base), None) => return write!(f, "({base})"),
            (Some(base), Some(index)) => write!(f, "({base},{index}")?,
            (None, Some(index)) => write!(f, "(,{index}")?,
        }
        match self.scale {
            1 if self.base.is_some() => write!(f, ")"),
            scale => write!(f, ",{scale})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_are_printed_as_they_are_written() {
        for text in [
            "%eax",
            "$4",
            "$sym+4",
            "$(1<<4)",
            "$'a'",
            "(%rsp)",
            "-8(%rsp)",
            "sym(%rip)",
            "sym",
            "tab+4(,%rdi,4)",
            "8(%eax,%edx)",
            "8(%eax,%edx,8)",
            "%fs:0",
            "%gs:4(%eax)",
            "*%rax",
            "*.L4(,%rax,8)",
            "%st(3)",
            "(4+8)(%rax)",
            "1f",
            "-4",
        ] {
            let operand = Operand::parse(text).expect(text);
            assert_eq!(operand.to_string(), text);
        }
        assert_eq!(
            Operand::parse("8( %eax , %edx , 2 )").unwrap().to_string(),
            "8(%eax,%edx,2)"
        );
    }

    #[test]
    fn what_is_no_operand() {
        for text in [
            "",
            "$",
            "%",
            "%foo",
            "*",
            "*$4",
            "8(%eax,%edx,3)",
            "8(%eax,%edx,2,4)",
            "8(eax)(%eax",
            "%eax:4",
            "[eax]",
            "\"a\"",
            "%fs:%gs:4",
            "4)(",
            "a{1}",
        ] {
            assert!(Operand::parse(text).is_err(), "{text}");
        }
    }
}
