//! Writes a unit as assembly: once to find out how long instructions are, once laid out.

use crate::Dialect;
use crate::layout::{Layout, is_direct_call};
use crate::padding;
use crate::unit::{BUNDLE, Group, PieceKind, Unit};
use std::fmt::Write as _;

/// The first line of what has been laid out, before the dialect.
pub(crate) const MARK: &str = "# zcc: laid out for the dialect ";

/// The section by which objects made here are known.
pub(crate) const NOTE: &str = ".note.zcc";

/// The instructions of a unit and nothing else, one directly behind the other, but for direct jumps
/// and calls, whose lengths are known.
pub(crate) fn for_measuring(unit: &Unit) -> String {
    let mut text = String::new();
    let mut section = None;
    for piece in &unit.pieces {
        let lines: &[String] = match &piece.kind {
            PieceKind::Constant(line) => std::slice::from_ref(line),
            PieceKind::Group(group) if is_measured(group) => &group.instructions,
            _ => continue,
        };
        if section != Some(piece.section) {
            section = Some(piece.section);
            push_line(&mut text, &unit.sections[piece.section].directive);
        }
        for line in lines {
            push_line(&mut text, line);
        }
    }
    text
}

/// What a unit holds, for people.
pub(crate) fn listing(unit: &Unit) -> String {
    let mut text = String::new();
    for piece in &unit.pieces {
        match &piece.kind {
            PieceKind::Text(_) | PieceKind::Constant(_) => (),
            PieceKind::Label(name) => _ = writeln!(text, "{name}:"),
            PieceKind::Align { to, .. } => _ = writeln!(text, "    align {to}"),
            PieceKind::Group(group) => {
                let end = if group.at_end {
                    " (at the end of a bundle)"
                } else {
                    ""
                };
                for (index, line) in group.instructions.iter().enumerate() {
                    let stroke = if index == 0 { ' ' } else { '|' };
                    let last = index + 1 == group.instructions.len();
                    let target = group.jump.as_ref().map(|jump| format!(" {}", jump.target));
                    let (target, end) = (target.unwrap_or_default(), if last { end } else { "" });
                    _ = writeln!(text, "  {stroke} {line}{target}{end}");
                }
            }
        }
    }
    text
}

/// Whether the length of a group is to be found out.
pub(crate) fn is_measured(group: &Group) -> bool {
    group.jump.is_none() && !is_direct_call(group)
}

/// A unit with everything at its place.
pub(crate) fn laid_out(unit: &Unit, layout: &Layout, lengths: &[u32], dialect: Dialect) -> String {
    let mut text = format!("{MARK}{dialect}\n\t.section {NOTE},\"\",@progbits\n");
    _ = writeln!(text, "\t.asciz \"{dialect}\"");
    let mut writer = Writer {
        unit,
        layout,
        lengths,
        text,
        section: None,
        offsets: vec![None; unit.sections.len()],
    };
    for index in 0..unit.pieces.len() {
        writer.piece(index);
    }
    writer.ends();
    writer.text
}

struct Writer<'u> {
    unit: &'u Unit,
    layout: &'u Layout,
    lengths: &'u [u32],
    text: String,
    section: Option<usize>,
    /// Where each section of code goes on; nothing before it has begun.
    offsets: Vec<Option<u32>>,
}

impl Writer<'_> {
    fn piece(&mut self, index: usize) {
        let piece = &self.unit.pieces[index];
        self.switch(piece.section);
        let padding = self.layout.padding[index];
        if let Some(offset) = &mut self.offsets[piece.section] {
            padding::write(&mut self.text, *offset, padding);
            *offset += padding;
        }
        match &piece.kind {
            PieceKind::Text(line) | PieceKind::Constant(line) => push_line(&mut self.text, line),
            PieceKind::Label(name) => {
                self.text.push_str(name);
                self.text.push_str(":\n");
            }
            PieceKind::Align { .. } => (),
            PieceKind::Group(group) => self.group(index, group),
        }
    }

    fn group(&mut self, index: usize, group: &Group) {
        let is_long = self.layout.is_long[index];
        let length = match &group.jump {
            Some(jump) => {
                let mnemonic = group.instructions.first().map_or("jmp", String::as_str);
                let size = if is_long { "{disp32} " } else { "{disp8} " };
                _ = writeln!(self.text, "\t{size}{mnemonic} {}", jump.target);
                crate::layout::jump_length(group, is_long)
            }
            None => {
                for line in &group.instructions {
                    push_line(&mut self.text, line);
                }
                match is_direct_call(group) {
                    true => crate::layout::CALL,
                    false => self.lengths[index],
                }
            }
        };
        let section = self.unit.pieces[index].section;
        if let Some(offset) = &mut self.offsets[section] {
            *offset += length;
        }
    }

    fn switch(&mut self, section: usize) {
        if self.section == Some(section) {
            return;
        }
        self.section = Some(section);
        push_line(&mut self.text, &self.unit.sections[section].directive);
        if self.unit.sections[section].is_code && self.offsets[section].is_none() {
            let alignment = self.layout.extents[section].alignment.max(BUNDLE);
            _ = writeln!(self.text, "\t.p2align {}", alignment.trailing_zeros());
            self.offsets[section] = Some(0);
        }
    }

    /// Fills each section of code up to the end of its last bundle.
    fn ends(&mut self) {
        for section in 0..self.unit.sections.len() {
            let Some(offset) = self.offsets[section] else {
                continue;
            };
            self.switch(section);
            let left = offset.next_multiple_of(BUNDLE) - offset;
            padding::write(&mut self.text, offset, left);
        }
        push_line(&mut self.text, ".section .note.GNU-stack,\"\",@progbits");
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push('\t');
    text.push_str(line);
    text.push('\n');
}
