//! An error as people see it: the line of the source, a caret below it, and what to do.

use super::Parts;

/// Where the code stands at the end of the first line.
const CODE_COLUMN: usize = 72;
/// How much of a source line is shown.
const LINE_WIDTH: usize = 76;
/// What stands where a source line was cut.
const CUT: &str = "...";

pub(super) fn render(parts: &Parts, source: &str) -> String {
    let headline = format!("error: prototype: {}", clean(&parts.message));
    let padding = CODE_COLUMN.saturating_sub(width(&headline)).max(2);
    let mut text = format!("{headline}{:padding$}[{}]\n", "", parts.code);
    text.push_str(&excerpt(parts, source));
    if !parts.note.is_empty() {
        text.push_str(&format!("note: {}\n", clean(&parts.note)));
    }
    if !parts.help.is_empty() {
        text.push_str(&format!("help: {}\n", clean(&parts.help)));
    }
    if !parts.example.is_empty() {
        text.push_str(&format!("      {}\n", clean(&parts.example)));
    }
    text.push_str(&format!("see:  cosmos explain {}\n", parts.code));
    text
}

/// The line that holds the start of the span, and the caret below it.
fn excerpt(parts: &Parts, source: &str) -> String {
    let start = floor(source, parts.span.start.min(source.len()));
    let end = floor(source, parts.span.end.min(source.len())).max(start);
    let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = source[start..]
        .find('\n')
        .map_or(source.len(), |at| start + at);
    let before = clean(&source[line_start..start]);
    let marked = clean(&source[start..end.min(line_end)]);
    let after = clean(source[end.min(line_end)..line_end].trim_end());
    let (line, column) = window(&before, &marked, &after);
    let length = width(&marked).clamp(1, LINE_WIDTH.saturating_sub(column).max(1));
    let mut text = String::new();
    if source.trim().contains('\n') {
        let number = source[..line_start].matches('\n').count() + 1;
        text.push_str(&format!("line {number}:\n"));
    }
    text.push_str(format!("  {line}").trim_end());
    text.push_str(&format!("\n  {:column$}^", ""));
    text.push_str(&"~".repeat(length - 1));
    if !parts.label.is_empty() {
        text.push_str(&format!(" {}", clean(&parts.label)));
    }
    text.push('\n');
    text
}

/// The part of a line to show, and the column of the caret in it.
fn window(before: &str, marked: &str, after: &str) -> (String, usize) {
    let indented = before.len() - before.trim_start().len();
    let mut before = before[indented..].to_owned();
    let kept = width(marked).min(LINE_WIDTH / 2);
    if width(&before) + kept > LINE_WIDTH - 16 {
        let room = (LINE_WIDTH - 16 - kept).max(24);
        let cut = cut_front(&before, room);
        before = format!("{CUT}{cut}");
    }
    let column = width(&before);
    let line = format!("{before}{marked}{after}");
    if width(&line) <= LINE_WIDTH {
        return (line, column);
    }
    let must = (column + kept).min(LINE_WIDTH);
    (cut_back(&line, must), column)
}

/// The last `room` columns of `text`.
fn cut_front(text: &str, room: usize) -> String {
    let mut taken = 0;
    let mut start = text.len();
    for (at, character) in text.char_indices().rev() {
        taken += character_width(character);
        if taken > room {
            break;
        }
        start = at;
    }
    text[start..].to_owned()
}

/// As much of `text` as fits, cut at a space where one follows column `must`.
fn cut_back(text: &str, must: usize) -> String {
    let mut taken = 0;
    let mut end = 0;
    let mut space = None;
    for (at, character) in text.char_indices() {
        taken += character_width(character);
        if taken > LINE_WIDTH - CUT.len() {
            break;
        }
        end = at + character.len_utf8();
        if character == ' ' && taken > must {
            space = Some(end);
        }
    }
    format!("{}{CUT}", &text[..space.unwrap_or(end)])
}

/// The nearest character boundary at or before `at`.
fn floor(source: &str, mut at: usize) -> usize {
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Text safe to show on a terminal: tabs as spaces, other control characters visible.
fn clean(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\t' => ' ',
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{b7}',
            control if control.is_control() => '\u{b7}',
            other => other,
        })
        .collect()
}

fn width(text: &str) -> usize {
    text.chars().map(character_width).sum()
}

/// Columns a terminal gives a character.
fn character_width(character: char) -> usize {
    match u32::from(character) {
        0x0300..=0x036f | 0x200b..=0x200d | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe4f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use crate::error::{Code, PrototypeError};

    fn at(source: &str, token: &str) -> PrototypeError {
        let start = source.find(token).unwrap();
        PrototypeError::new(Code::E0103, start..start + token.len(), "cannot tell").label("here")
    }

    fn caret_column(rendered: &str) -> usize {
        let line = rendered.lines().find(|line| line.contains('^')).unwrap();
        line.chars()
            .take_while(|&character| character == ' ')
            .count()
    }

    #[test]
    fn the_caret_stands_below_its_token() {
        for source in [
            "int f(char *dest)",
            "\tint f(char *\tdest)",
            "int a;\nint f(char *dest,\n  int x)",
            "int f(/* é ü */ char *dest)",
        ] {
            let rendered = at(source, "dest").render(source);
            let lines: Vec<_> = rendered.lines().collect();
            let below = lines.iter().position(|line| line.contains('^')).unwrap();
            let shown: String = lines[below - 1]
                .chars()
                .skip(caret_column(&rendered))
                .take(4)
                .collect();
            assert_eq!(shown, "dest", "{rendered}");
        }
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let source = "int f(/* 漢字 */ char *dest)";
        assert_eq!(caret_column(&at(source, "dest").render(source)), 2 + 23);
    }

    #[test]
    fn long_lines_are_cut_around_the_caret() {
        let filler = "unsigned int some_name, ".repeat(40);
        let source = format!("int f({filler}char *dest, {filler}int last)");
        let rendered = at(&source, "dest").render(&source);
        assert!(
            rendered.lines().all(|line| line.chars().count() <= 84),
            "{rendered}"
        );
        assert!(rendered.contains("char *dest, "), "{rendered}");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let source = "int \u{1b}[2Jf(char *dest)\u{7}";
        assert!(!at(source, "dest").render(source).contains('\u{1b}'));
    }

    #[test]
    fn a_span_beyond_the_text_is_shown_at_its_end() {
        let error = PrototypeError::new(Code::E0104, 100..120, "unfinished");
        assert!(error.render("int f(").contains("  int f(\n        ^\n"));
        assert!(error.render("").contains('^'));
    }
}
