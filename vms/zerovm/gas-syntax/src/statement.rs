//! Statements: labels, assignments, directives and instructions.

use crate::expression::is_word;
use crate::lines::{Piece, PieceKind, pieces};
use crate::{Expression, Fault, Operand, ParseError};
use std::fmt;

/// A statement and the line that it stands on, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement<'a> {
    /// The line.
    pub line: u32,
    /// What it is.
    pub kind: Kind<'a>,
}

/// What a statement is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind<'a> {
    /// `name:`
    Label(&'a str),
    /// `symbol = value`
    Assignment {
        /// The symbol.
        symbol: &'a str,
        /// Its value.
        value: Expression<'a>,
    },
    /// `.name arguments`
    Directive {
        /// With its dot.
        name: &'a str,
        /// As they were written.
        arguments: &'a str,
    },
    /// An instruction.
    Instruction(Instruction<'a>),
    /// What follows was written as inline assembly on this line of this file.
    Origin {
        /// The line, from 1.
        line: u32,
        /// The file.
        file: &'a str,
    },
    /// What follows is the compiler's own again.
    EndOfOrigin,
}

/// An instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction<'a> {
    /// The prefixes, in the order in which they were written.
    pub prefixes: Vec<&'a str>,
    /// With its suffix, where it was written with one.
    pub mnemonic: &'a str,
    /// The last is the destination.
    pub operands: Vec<Operand<'a>>,
}

/// Parses a text.
pub fn parse(text: &str) -> Result<Vec<Statement<'_>>, ParseError> {
    let pieces = pieces(text).map_err(|(line, fault)| ParseError { line, fault })?;
    let mut parser = Parser {
        found: Vec::with_capacity(pieces.len()),
        prefixes: Vec::new(),
    };
    for piece in pieces {
        let at_line = |fault| ParseError {
            line: piece.line,
            fault,
        };
        parser.piece(piece).map_err(at_line)?;
    }
    let line = parser.found.last().map_or(1, |statement| statement.line);
    parser
        .no_prefix()
        .map_err(|fault| ParseError { line, fault })?;
    Ok(parser.found)
}

/// No instruction has more.
const MOST_OPERANDS: usize = 5;
const MOST_PREFIXES: usize = 4;

const PREFIXES: [&str; 16] = [
    "lock", "rep", "repe", "repz", "repne", "repnz", "notrack", "bnd", "data16", "addr32",
    "xacquire", "xrelease", "rex", "rex64", "rex.w", "rex.W",
];

struct Parser<'a> {
    found: Vec<Statement<'a>>,
    /// Those of an instruction that is still to come: a prefix may be a statement of its own.
    prefixes: Vec<&'a str>,
}

impl<'a> Parser<'a> {
    fn piece(&mut self, piece: Piece<'a>) -> Result<(), Fault> {
        let line = piece.line;
        match piece.kind {
            PieceKind::Text(text) => self.text(line, text),
            PieceKind::Origin { line: at, file } => {
                self.push(line, Kind::Origin { line: at, file });
                Ok(())
            }
            PieceKind::EndOfOrigin => {
                self.push(line, Kind::EndOfOrigin);
                Ok(())
            }
        }
    }

    fn push(&mut self, line: u32, kind: Kind<'a>) {
        self.found.push(Statement { line, kind });
    }

    fn no_prefix(&self) -> Result<(), Fault> {
        match self.prefixes.first() {
            None => Ok(()),
            Some(prefix) => Err(Fault::LonePrefix((*prefix).to_owned())),
        }
    }

    fn text(&mut self, line: u32, text: &'a str) -> Result<(), Fault> {
        let mut text = text;
        loop {
            let (word, rest) = split_word(text);
            if word.is_empty() {
                return match text {
                    "" => Ok(()),
                    text => Err(Fault::NoStatement(text.to_owned())),
                };
            }
            if let Some(rest) = rest.strip_prefix(':') {
                self.no_prefix()?;
                self.push(line, Kind::Label(word));
                text = rest.trim_start();
                continue;
            }
            return self.statement(line, text, word, rest);
        }
    }

    fn statement(
        &mut self,
        line: u32,
        text: &'a str,
        word: &'a str,
        rest: &'a str,
    ) -> Result<(), Fault> {
        if let Some(value) = rest.strip_prefix('=') {
            self.no_prefix()?;
            let value = Expression::new(value.strip_prefix('=').unwrap_or(value));
            self.push(
                line,
                Kind::Assignment {
                    symbol: word,
                    value,
                },
            );
            return Ok(());
        }
        if word.starts_with('.') {
            self.no_prefix()?;
            let kind = Kind::Directive {
                name: word,
                arguments: rest,
            };
            self.push(line, kind);
            return Ok(());
        }
        if PREFIXES.contains(&word) {
            self.prefixes.push(word);
            if self.prefixes.len() > MOST_PREFIXES {
                return self.no_prefix();
            }
            return match rest {
                "" => Ok(()),
                rest => self.after_prefix(line, rest),
            };
        }
        let is_mnemonic = word.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_mnemonic || !word.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Err(Fault::NoStatement(text.to_owned()));
        }
        let instruction = Instruction {
            prefixes: std::mem::take(&mut self.prefixes),
            mnemonic: word,
            operands: operands(rest)?,
        };
        self.push(line, Kind::Instruction(instruction));
        Ok(())
    }

    fn after_prefix(&mut self, line: u32, text: &'a str) -> Result<(), Fault> {
        let (word, rest) = split_word(text);
        if word.is_empty() || rest.starts_with([':', '=']) || word.starts_with('.') {
            return self.no_prefix();
        }
        self.statement(line, text, word, rest)
    }
}

/// A name and what follows it after blanks.
fn split_word(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !is_word(byte));
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    (word, rest.trim_start())
}

fn operands(text: &str) -> Result<Vec<Operand<'_>>, Fault> {
    let mut found = Vec::new();
    if text.is_empty() {
        return Ok(found);
    }
    let (mut start, mut depth) = (0, 0_u32);
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            // A character constant; what follows the quotation mark stands for itself.
            b'\'' => at += 1 + usize::from(bytes.get(at + 1) == Some(&b'\\')),
            b',' if depth == 0 => {
                found.push(Operand::parse(text[start..at].trim())?);
                start = at + 1;
            }
            _ => (),
        }
        at += 1;
        if found.len() >= MOST_OPERANDS {
            return Err(Fault::TooManyOperands);
        }
    }
    found.push(Operand::parse(text[start..].trim())?);
    Ok(found)
}

impl fmt::Display for Instruction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for prefix in &self.prefixes {
            write!(f, "{prefix} ")?;
        }
        write!(f, "{}", self.mnemonic)?;
        for (index, operand) in self.operands.iter().enumerate() {
            let before = if index == 0 { " " } else { ", " };
            write!(f, "{before}{operand}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind<'_>> {
        let statements = parse(text).expect(text);
        statements
            .into_iter()
            .map(|statement| statement.kind)
            .collect()
    }

    fn printed(text: &str) -> Vec<String> {
        let instructions = kinds(text).into_iter().filter_map(|kind| match kind {
            Kind::Instruction(instruction) => Some(instruction.to_string()),
            _ => None,
        });
        instructions.collect()
    }

    #[test]
    fn each_kind_of_statement() {
        let found = kinds("a: .L1: 1: b = 4\n.globl main\n\tret");
        assert_eq!(
            found[..3],
            [Kind::Label("a"), Kind::Label(".L1"), Kind::Label("1")]
        );
        let value = Expression::new("4");
        assert_eq!(found[3], Kind::Assignment { symbol: "b", value });
        assert_eq!(
            found[4],
            Kind::Directive {
                name: ".globl",
                arguments: "main"
            }
        );
        assert!(matches!(&found[5], Kind::Instruction(ret) if ret.mnemonic == "ret"));
    }

    #[test]
    fn prefixes_may_be_statements() {
        assert_eq!(
            printed("lock; xaddl %eax, (%edi)"),
            ["lock xaddl %eax, (%edi)"]
        );
        assert_eq!(printed("rep stosq"), ["rep stosq"]);
        for text in [
            "lock\nfoo:",
            "rep",
            "lock .byte 1",
            "rep; .text",
            "lock lock lock lock lock",
        ] {
            let fault = parse(text).expect_err(text).fault;
            assert!(matches!(fault, Fault::LonePrefix(_)), "{text}: {fault}");
        }
    }

    #[test]
    fn commas_in_operands() {
        assert_eq!(
            printed("movb $',, 4(%eax,%edx,4)"),
            ["movb $',, 4(%eax,%edx,4)"]
        );
    }

    #[test]
    fn lines_are_told() {
        let error = parse("nop\n\nmov [eax], 4").unwrap_err();
        assert_eq!(error.to_string(), "line 3: not an operand: [eax]");
        let error = parse("nop\n\"a\":").unwrap_err();
        assert_eq!(
            (error.line, error.to_string().contains("not a label")),
            (2, true)
        );
    }
}
