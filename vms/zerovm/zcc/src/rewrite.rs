//! Rewrites the statements of a source file to pieces that keep the rules.
//!
//! Statements are taken one by one: directives and data pass, instructions go through
//! `instruction`. Three things need the whole file: which labels are ever used as an address
//! (`symbols`), whether flags are to survive a branch to one (`flags`), and, on the way, where each
//! section goes on.

mod control;
mod directive;
mod flags;
mod instruction;
mod local_labels;
mod memory;
mod stack;
mod symbols;

use crate::Dialect;
use crate::dialect::Rules;
use crate::reason::Reason;
use crate::unit::{BUNDLE, Group, Piece, PieceKind, Section, Unit};
use gas_syntax::{Kind, Statement};
use local_labels::LocalLabels;
use symbols::Symbols;

/// A statement that is refused, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The line of the assembly.
    pub(crate) line: u32,
    /// Where it comes from, as far as the assembly says.
    pub(crate) origin: Option<(String, u32)>,
    pub(crate) reason: Reason,
}

/// How a file is rewritten.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) dialect: Dialect,
    /// Whether line numbers and debugging sections are kept.
    pub(crate) debug: bool,
}

/// Rewrites a source file.
pub(crate) fn rewrite(text: &str, options: Options) -> Result<Unit, Box<Refused>> {
    let statements = gas_syntax::parse(text).map_err(|error| Refused {
        line: error.line,
        origin: None,
        reason: error.fault.into(),
    })?;
    let mut rewriter = Rewriter::new(&statements, options);
    let carried = flags::carried(&statements, &rewriter.symbols);
    for statement in &statements {
        let refused = |reason| Refused {
            line: statement.line,
            origin: None,
            reason,
        };
        let result = match carried == Some(statement.line) {
            true => Err(refused(Reason::FlagsAcrossBranch)),
            false => rewriter.statement(statement).map_err(refused),
        };
        result.map_err(|refused| rewriter.with_origin(refused))?;
    }
    Ok(rewriter.unit)
}

struct Rewriter<'a> {
    rules: Rules,
    debug: bool,
    unit: Unit,
    symbols: Symbols<'a>,
    locals: LocalLabels,
    /// The index of the section that is written to.
    section: usize,
    /// The line of the statement that is being rewritten.
    line: u32,
    /// Inline assembly comes from here.
    inline: Option<(String, u32)>,
    /// The numbers and names of source files, by `.file`, and the last `.loc`.
    files: Vec<(u32, String)>,
    location: Option<(u32, u32)>,
    /// Whether the last piece of the section is a group that a jump cannot go behind.
    may_join: bool,
}

impl<'a> Rewriter<'a> {
    fn new(statements: &[Statement<'a>], options: Options) -> Self {
        let mut rewriter = Self {
            rules: options.dialect.rules(),
            debug: options.debug,
            unit: Unit::default(),
            symbols: Symbols::find(statements),
            locals: LocalLabels::find(statements),
            section: 0,
            line: 0,
            inline: None,
            files: Vec::new(),
            location: None,
            may_join: false,
        };
        rewriter.switch_section(".text", ".text", true);
        rewriter
    }

    /// Where a refused statement comes from: inline assembly, or the line the compiler named last.
    fn with_origin(&self, refused: Refused) -> Box<Refused> {
        let located = || {
            let (file, line) = self.location?;
            let (_, name) = self.files.iter().find(|(number, _)| *number == file)?;
            Some((name.clone(), line))
        };
        let origin = self.inline.clone().or_else(located);
        Box::new(Refused { origin, ..refused })
    }

    fn statement(&mut self, statement: &Statement<'a>) -> Result<(), Reason> {
        self.line = statement.line;
        match &statement.kind {
            Kind::Label(name) => self.label(name),
            Kind::Assignment { symbol, value } => {
                let text = format!(".set {symbol}, {value}");
                self.assignment(symbol, *value, text);
                Ok(())
            }
            Kind::Directive { name, arguments } => self.directive(name, arguments),
            Kind::Instruction(instruction) => {
                let section = &self.unit.sections[self.section];
                if !section.is_code {
                    return Err(Reason::CodeInData(section.name.clone()));
                }
                self.instruction(instruction)
            }
            Kind::Origin { line, file } => {
                self.inline = Some(((*file).to_owned(), *line));
                Ok(())
            }
            Kind::EndOfOrigin => {
                self.inline = None;
                Ok(())
            }
        }
    }

    fn label(&mut self, name: &str) -> Result<(), Reason> {
        let is_numbered = name.bytes().all(|byte| byte.is_ascii_digit());
        let name = match is_numbered {
            true => self.locals.define(name, self.line),
            false => name.to_owned(),
        };
        if self.unit.sections[self.section].is_code {
            if self.symbols.is_address(&name) {
                self.push(PieceKind::Align {
                    to: BUNDLE,
                    limit: BUNDLE,
                });
            }
            // What only debugging information names is entered by nobody.
            if is_numbered || self.symbols.is_used(&name) {
                self.may_join = false;
            }
        }
        self.push(PieceKind::Label(name));
        Ok(())
    }

    fn assignment(&mut self, symbol: &str, value: gas_syntax::Expression<'_>, text: String) {
        let is_constant = value.symbols().next().is_none() && symbol != ".";
        self.push(match is_constant {
            true => PieceKind::Constant(text),
            false => PieceKind::Text(text),
        });
    }

    fn push(&mut self, kind: PieceKind) {
        self.unit.pieces.push(Piece {
            section: self.section,
            line: self.line,
            kind,
        });
    }

    /// Adds instructions that stay together.
    fn group(&mut self, group: Group) {
        self.may_join = !group.at_end && group.jump.is_none();
        self.push(PieceKind::Group(group));
    }

    /// Adds one instruction.
    fn single(&mut self, instruction: impl Into<String>) {
        self.group(Group {
            instructions: vec![instruction.into()],
            ..Group::default()
        });
    }

    /// Adds a sequence.
    fn sequence<const N: usize>(&mut self, instructions: [String; N]) {
        self.group(Group {
            instructions: instructions.into(),
            bound: BUNDLE,
            ..Group::default()
        });
    }

    /// The group directly before, if nothing may enter behind it.
    fn group_before(&mut self) -> Option<&mut Group> {
        if !self.may_join {
            return None;
        }
        let section = self.section;
        let mut before = self.unit.pieces.iter_mut().rev();
        before.find_map(|piece| match &mut piece.kind {
            PieceKind::Group(group) if piece.section == section => Some(group),
            _ => None,
        })
    }

    fn switch_section(&mut self, name: &str, directive: &str, is_code: bool) {
        let sections = &mut self.unit.sections;
        let known = sections.iter().position(|section| section.name == name);
        self.section = known.unwrap_or_else(|| {
            sections.push(Section {
                name: name.to_owned(),
                directive: directive.to_owned(),
                is_code,
            });
            sections.len() - 1
        });
        self.may_join = false;
    }
}
