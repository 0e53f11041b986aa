//! Directives: which pass, which switch sections, and which are refused.

use super::Rewriter;
use crate::reason::Reason;
use crate::unit::PieceKind;
use gas_syntax::Expression;

/// Directives that put bytes where they stand.
const DATA: [&str; 29] = [
    ".byte",
    ".short",
    ".value",
    ".word",
    ".hword",
    ".2byte",
    ".long",
    ".int",
    ".4byte",
    ".quad",
    ".8byte",
    ".octa",
    ".float",
    ".single",
    ".double",
    ".tfloat",
    ".ascii",
    ".asciz",
    ".string",
    ".zero",
    ".skip",
    ".space",
    ".fill",
    ".uleb128",
    ".sleb128",
    ".string8",
    ".string16",
    ".string32",
    ".dc.a",
];

/// Directives about symbols and the file, which stand anywhere and take no room.
const NAMES: [&str; 15] = [
    ".globl",
    ".global",
    ".local",
    ".type",
    ".size",
    ".weak",
    ".weakref",
    ".hidden",
    ".protected",
    ".internal",
    ".ident",
    ".comm",
    ".lcomm",
    ".version",
    ".addrsig",
];

/// Whether a directive puts bytes where it stands.
pub(super) fn is_data(name: &str) -> bool {
    DATA.contains(&name)
}

impl Rewriter<'_> {
    pub(super) fn directive(&mut self, name: &str, arguments: &str) -> Result<(), Reason> {
        match name {
            ".text" | ".data" | ".bss" if arguments.is_empty() || arguments == "0" => {
                self.switch_section(name, name, name == ".text");
                Ok(())
            }
            ".section" => self.section(arguments),
            ".p2align" => self.align(name, arguments, |power| {
                1_u32.checked_shl(u32::try_from(power).ok()?)
            }),
            ".align" | ".balign" => self.align(name, arguments, |to| u32::try_from(to).ok()),
            ".set" | ".equ" => {
                let (symbol, value) = arguments
                    .split_once(',')
                    .ok_or_else(|| Reason::Operands(name.to_owned()))?;
                let text = format!("{name} {arguments}");
                self.assignment(symbol.trim(), Expression::new(value), text);
                Ok(())
            }
            ".file" => {
                self.file(arguments);
                Ok(())
            }
            ".loc" => {
                self.location(arguments);
                Ok(())
            }
            name if name.starts_with(".cfi_") => Ok(()),
            name if NAMES.contains(&name) => {
                self.text(name, arguments);
                Ok(())
            }
            name if is_data(name) => self.data(name, arguments),
            _ => Err(Reason::Directive(name.to_owned())),
        }
    }

    fn text(&mut self, name: &str, arguments: &str) {
        self.push(PieceKind::Text(format!("{name} {arguments}")));
    }

    fn data(&mut self, name: &str, arguments: &str) -> Result<(), Reason> {
        let section = &self.unit.sections[self.section];
        if section.is_code {
            return Err(Reason::DataInCode(name.to_owned()));
        }
        // Strings have no symbols; what looks like one is checked for what it refers to.
        for symbol in Expression::new(arguments).symbols() {
            if let Some((_, relocation)) = symbol.split_once('@') {
                return Err(super::memory::relocation(symbol, relocation));
            }
        }
        if !self.keeps(self.section) {
            return Ok(());
        }
        self.text(name, arguments);
        Ok(())
    }

    /// Whether what is in a section is kept: debugging information is only when asked for.
    fn keeps(&self, section: usize) -> bool {
        self.debug || !self.unit.sections[section].name.starts_with(".debug_")
    }

    fn align(
        &mut self,
        name: &str,
        arguments: &str,
        bytes: impl Fn(i64) -> Option<u32>,
    ) -> Result<(), Reason> {
        let fault = || Reason::Operands(name.to_owned());
        let mut parts = arguments
            .split(',')
            .map(|part| Expression::new(part).number());
        let to = parts.next().flatten().and_then(bytes).ok_or_else(fault)?;
        let limit = parts
            .nth(1)
            .flatten()
            .and_then(|limit| u32::try_from(limit).ok());
        if !self.unit.sections[self.section].is_code {
            self.text(name, arguments);
            return Ok(());
        }
        if !to.is_power_of_two() || to > MOST_ALIGNED {
            return Err(fault());
        }
        let limit = limit.filter(|&limit| limit != 0).unwrap_or(to);
        self.push(PieceKind::Align { to, limit });
        Ok(())
    }

    fn section(&mut self, arguments: &str) -> Result<(), Reason> {
        let mut parts = arguments.split(',').map(str::trim);
        let name = parts.next().unwrap_or_default().trim_matches('"');
        let flags = parts.next().unwrap_or_default().trim_matches('"');
        if name == ".note.GNU-stack" {
            // There is one, and it is not executable; a guest that needs more cannot run.
            return match flags.contains('x') {
                true => Err(Reason::ExecutableStack),
                false => {
                    self.switch_section(name, ".section .note.GNU-stack,\"\",@progbits", false);
                    Ok(())
                }
            };
        }
        if flags.contains('T') || name.starts_with(".tdata") || name.starts_with(".tbss") {
            return Err(Reason::ThreadLocal(name.to_owned()));
        }
        let is_text = name == ".text" || name.starts_with(".text.");
        let is_plain = !name.is_empty()
            && name.bytes().all(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'$')
            });
        if flags.contains('x') != is_text && !(is_text && flags.is_empty()) || !is_plain {
            return Err(Reason::CodeSection(name.to_owned()));
        }
        let directive = match flags {
            "" => format!(".section {name}"),
            _ => format!(".section {arguments}"),
        };
        self.switch_section(name, &directive, is_text);
        Ok(())
    }

    /// `.file 1 "directory" "name"`, or `.file "name"`.
    fn file(&mut self, arguments: &str) {
        let number = arguments.split_ascii_whitespace().next();
        if let Some(number) = number.and_then(|number| number.parse().ok()) {
            let mut quoted = arguments.split('"').skip(1).step_by(2);
            let first = quoted.next().unwrap_or_default();
            let name = quoted.next().unwrap_or(first);
            self.files.push((number, name.to_owned()));
            if !self.debug {
                return;
            }
        }
        self.text(".file", arguments);
    }

    fn location(&mut self, arguments: &str) {
        let mut numbers = arguments.split_ascii_whitespace().map(str::parse);
        if let (Some(Ok(file)), Some(Ok(line))) = (numbers.next(), numbers.next()) {
            self.location = Some((file, line));
        }
        if self.debug {
            self.text(".loc", arguments);
        }
    }
}

/// The largest alignment of code.
const MOST_ALIGNED: u32 = 4096;
