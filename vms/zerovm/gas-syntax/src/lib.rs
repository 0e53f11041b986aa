//! Parses assembly in the syntax of the GNU assembler (AT&T, x86-64) into statements.
//!
//! [`parse`] understands what gcc writes and what people write by hand in its manner: labels,
//! assignments, directives, instructions with prefixes and operands, comments of both kinds, several
//! statements on a line, and the markers by which gcc says where inline assembly comes from. It says
//! what a statement is made of, not what it means: which instructions there are is nothing it knows.
//!
//! ```
//! use gas_syntax::{Kind, Operand, parse};
//!
//! let statements = parse("next: addl $4, 8(%eax,%edx,2) # more\n").unwrap();
//! assert!(matches!(statements[0].kind, Kind::Label("next")));
//! let Kind::Instruction(add) = &statements[1].kind else { unreachable!() };
//! assert_eq!(add.to_string(), "addl $4, 8(%eax,%edx,2)");
//! assert!(matches!(&add.operands[1], Operand::Memory(memory) if memory.scale == 2));
//! ```
//!
//! Promises:
//!
//! - Any text is parsed or refused with a line and a reason; nothing panics, and the time is linear in
//!   the size of the text.
//! - What is printed of an instruction is parsed to the same instruction again.
//! - Nothing is skipped but comments: what is not understood is refused.
//!
//! Not understood, and so refused: Intel syntax, symbols in quotation marks, and operands in other
//! forms than the manual's `section:disp(base, index, scale)`. Directives keep their arguments as text;
//! macros and conditions are directives like others here.

#![forbid(unsafe_code)]

mod expression;
mod lines;
mod operand;
mod register;
mod statement;

pub use expression::Expression;
pub use operand::{Memory, Operand};
pub use register::{Class, Register};
pub use statement::{Instruction, Kind, Statement, parse};

/// Why a text is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct ParseError {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A comment or string has no end.
    #[error("the text ends within a {0}")]
    Unfinished(&'static str),
    /// A statement that starts like none.
    #[error("not a label, directive or instruction: {0}")]
    NoStatement(String),
    /// An operand that is none.
    #[error("not an operand: {0}")]
    NoOperand(String),
    /// A register that x86-64 does not have.
    #[error("no register: %{0}")]
    NoRegister(String),
    /// A prefix that no instruction follows.
    #[error("the prefix {0} has no instruction")]
    LonePrefix(String),
    /// More operands than any instruction has.
    #[error("too many operands")]
    TooManyOperands,
}
