//! Operands in memory, confined.
//!
//! | written | nacl | fast |
//! |---|---|---|
//! | `sym(%rip)`, `sym` | `sym(%rip)` | the same |
//! | `8(%esp)` | `8(%rsp)` | the same |
//! | `8(%ebp)` | `8(%rbp)` | `%gs:8(%ebp)` |
//! | `8(%eax)` | `movl %eax,%r11d`, `8(%r15,%r11)` | `%gs:8(%eax)` |
//! | `8(%eax)` behind a 32-bit write of `%eax` | `8(%r15,%rax)` in one group with it | the same |
//! | `sym(,%eax,4)`, `8(%eax,%ecx,4)` | `leal …,%r11d`, `(%r15,%r11)` | `%gs:…` |
//!
//! Sums of registers are made with 32 bits, because that is how they wrap for the compiler: the guard
//! around the sandbox would otherwise be hit by an index below zero.

use super::Rewriter;
use crate::reason::Reason;
use gas_syntax::{Class, Expression, Memory, Register};

pub(super) const RSP: u8 = 4;
pub(super) const RBP: u8 = 5;
const R11: u8 = 11;
const R15: u8 = 15;

/// A confined operand.
#[derive(Debug)]
pub(super) struct Confined {
    /// What has to come directly before, in the same bundle.
    pub(super) before: Option<String>,
    pub(super) operand: String,
    /// The register that the instruction before has to have limited, if `before` does not.
    pub(super) joins: Option<u8>,
    /// Whether it needs a REX prefix, beside which `%ah` cannot be named.
    pub(super) needs_rex: bool,
}

/// How an operand may be addressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From gs, if the dialect has that.
    Any,
    /// Not from gs: the instruction takes no such prefixes.
    NoSegment,
}

impl Rewriter<'_> {
    /// Confines an operand. `limited` is the register that the instruction directly before limited.
    pub(super) fn confine(
        &self,
        memory: &Memory<'_>,
        way: Way,
        limited: Option<u8>,
    ) -> Result<Confined, Reason> {
        let displacement = self.address(memory)?;
        let plain = |operand: String| Confined {
            before: None,
            operand,
            joins: None,
            needs_rex: false,
        };
        if memory.is_fixed() {
            return Ok(match memory.displacement.number() {
                Some(number) => absolute(number),
                None => plain(format!("{displacement}(%rip)")),
            });
        }
        if let (Some(base), None) = (memory.base, memory.index)
            && (base.is_part_of(RSP) || self.rules.trusts_frame_pointer && base.is_part_of(RBP))
        {
            return Ok(plain(format!("{displacement}({})", base.quad())));
        }
        if let (Some(base), None) = (memory.base, memory.index)
            && limited == Some(base.number)
            && is_small(memory.displacement)
        {
            return Ok(Confined {
                joins: limited,
                needs_rex: true,
                ..plain(format!("{displacement}(%r15,{})", base.quad()))
            });
        }
        if self.rules.has_gs && way == Way::Any {
            let registers = registers(memory, Register::long);
            return Ok(plain(format!("%gs:{displacement}{registers}")));
        }
        let through_r11 = |before: String, displacement: &str| Confined {
            before: Some(before),
            needs_rex: true,
            ..plain(format!("{displacement}(%r15,%r11)"))
        };
        if let (Some(base), None) = (memory.base, memory.index)
            && is_small(memory.displacement)
        {
            let before = format!("movl {}, %r11d", base.long());
            return Ok(through_r11(before, &displacement));
        }
        let registers = registers(memory, Register::quad);
        let before = format!("leal {displacement}{registers}, %r11d");
        Ok(through_r11(before, ""))
    }

    /// The address of an operand as whole registers, for `lea`.
    pub(super) fn plain_address(&self, memory: &Memory<'_>) -> Result<String, Reason> {
        let displacement = self.address(memory)?;
        if memory.is_fixed() && memory.displacement.number().is_none() {
            return Ok(format!("{displacement}(%rip)"));
        }
        let registers = registers(memory, Register::quad);
        Ok(format!("{displacement}{registers}"))
    }

    /// Checks the parts of an address; its displacement, with numbered labels named.
    fn address(&self, memory: &Memory<'_>) -> Result<String, Reason> {
        if let Some(segment) = memory.segment {
            return Err(match segment.name() {
                "fs" => Reason::ThreadLocal(memory.to_string()),
                _ => Reason::Segment(memory.to_string()),
            });
        }
        for register in [memory.base, memory.index].into_iter().flatten() {
            check_register(register)?;
            let is_fixed = register.class == Class::InstructionPointer;
            if !matches!(register.class, Class::Long | Class::Quad) && !is_fixed {
                return Err(Reason::Operands(memory.to_string()));
            }
        }
        let fixed_base = memory
            .base
            .is_some_and(|base| base.class == Class::InstructionPointer);
        let impossible = memory.index.is_some_and(|index| {
            index.number == RSP || index.class == Class::InstructionPointer || fixed_base
        });
        if impossible {
            return Err(Reason::Operands(memory.to_string()));
        }
        self.expression(memory.displacement)
    }

    /// An expression with numbered labels named.
    pub(super) fn expression(&self, expression: Expression<'_>) -> Result<String, Reason> {
        let mut text = expression.text().to_owned();
        for symbol in expression.symbols() {
            if let Some((_, kind)) = symbol.split_once('@') {
                return Err(relocation(symbol, kind));
            }
            if symbol.starts_with(|first: char| first.is_ascii_digit()) {
                let no_label = || Reason::NoLocalLabel(symbol.to_owned());
                if expression.symbol().is_none() {
                    return Err(no_label());
                }
                text = self.locals.find_reference(symbol).ok_or_else(no_label)?;
            }
        }
        Ok(text)
    }
}

/// Why a symbol with a relocation of its own is refused.
pub(super) fn relocation(symbol: &str, kind: &str) -> Reason {
    let kind = kind.to_ascii_lowercase();
    match kind.contains("tpoff") || kind.starts_with("tls") || kind.starts_with("dtp") {
        true => Reason::ThreadLocal(symbol.to_owned()),
        false => Reason::PositionIndependent(symbol.to_owned()),
    }
}

/// Refuses registers that a guest has not.
pub(super) fn check_register(register: Register) -> Result<(), Reason> {
    match register.class {
        Class::WideVector => Err(Reason::Avx(register.to_string())),
        Class::Segment | Class::System => Err(Reason::Segment(register.to_string())),
        _ if register.is_part_of(R11) || register.is_part_of(R15) => {
            Err(Reason::ReservedRegister(register.to_string()))
        }
        _ => Ok(()),
    }
}

/// A number as an address.
fn absolute(number: i64) -> Confined {
    let low = number as u32;
    let near = i32::try_from(low).is_ok();
    Confined {
        before: (!near).then(|| format!("movl ${low}, %r11d")),
        operand: match near {
            true => format!("{low}(%r15)"),
            false => "(%r15,%r11)".to_owned(),
        },
        joins: None,
        needs_rex: true,
    }
}

/// Whether a register and a displacement cannot wrap around but at what is never mapped: within the
/// pages at the ends of the space, where a guest has nothing at its low and no more than the last
/// words of its stack at its high end.
fn is_small(displacement: Expression<'_>) -> bool {
    match displacement.number() {
        Some(number) => (-0x8000..0x8000).contains(&number),
        None => displacement.is_empty(),
    }
}

fn registers(memory: &Memory<'_>, sized: impl Fn(Register) -> Register) -> String {
    let name = |register: Option<Register>| register.map(|register| sized(register).to_string());
    let base = name(memory.base).unwrap_or_default();
    match name(memory.index) {
        None if base.is_empty() => String::new(),
        None => format!("({base})"),
        Some(index) => format!("({base},{index},{})", memory.scale),
    }
}
