//! `cosmos explain [CODE]`.

use crate::arguments::Explain;
use crate::report::{Problem, Report, Verdict};
use callframe::error::{Code, codes};
use serde_json::json;
use std::fmt::Write as _;

/// Prints what an error number means, or all of them.
pub fn run(arguments: &Explain) -> Verdict {
    match &arguments.code {
        Some(given) => one(given, arguments.json),
        None => all(arguments.json),
    }
}

fn one(given: &str, as_json: bool) -> Verdict {
    let Some(code) = numbered(given.trim()) else {
        let report = Report::new(format!("no error has the number '{given}'"))
            .help("`cosmos explain` alone lists them all");
        return Err(Problem::failed(report));
    };
    if as_json {
        super::print_json(&json_code(code))?;
    } else {
        let text = wrapped(code.explanation());
        super::print(&format!("{code}: {}\n\n{text}", code.title()))?;
    }
    Ok(0)
}

/// The code of a number, with or without the `E` before it and the zeros in front of it.
fn numbered(given: &str) -> Option<Code> {
    let digits = given.strip_prefix(['E', 'e']).unwrap_or(given);
    let number: u32 = digits.parse().ok()?;
    let code = format!("E{number:04}");
    codes().iter().copied().find(|known| known.number() == code)
}

fn all(as_json: bool) -> Verdict {
    if as_json {
        super::print_json(&codes().iter().map(|code| json_code(*code)).collect())?;
    } else {
        let lines = codes().iter().fold(String::new(), |mut lines, code| {
            let _ = writeln!(lines, "{code}  {}", code.title());
            lines
        });
        super::print(&lines)?;
    }
    Ok(0)
}

fn json_code(code: Code) -> serde_json::Value {
    json!({ "code": code.number(), "title": code.title(), "text": code.explanation() })
}

/// Paragraphs in lines that a terminal shows whole; indented lines, which are code, stay.
fn wrapped(text: &str) -> String {
    const WIDTH: usize = 80;
    let mut wrapped = String::new();
    for line in text.trim_end().lines() {
        let mut column = 0;
        if line.starts_with(' ') {
            wrapped.push_str(line);
        } else {
            for word in line.split_whitespace() {
                let width = word.chars().count();
                if column > 0 && column + 1 + width > WIDTH {
                    wrapped.push('\n');
                    column = 0;
                } else if column > 0 {
                    wrapped.push(' ');
                    column += 1;
                }
                wrapped.push_str(word);
                column += width;
            }
        }
        wrapped.push('\n');
    }
    wrapped
}
