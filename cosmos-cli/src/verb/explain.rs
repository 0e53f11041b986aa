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
    let known = codes()
        .iter()
        .find(|code| code.number().eq_ignore_ascii_case(given.trim()));
    let Some(code) = known else {
        let report = Report::new(format!("no error has the number '{given}'"))
            .help("`cosmos explain` alone lists them all");
        return Err(Problem::failed(report));
    };
    if as_json {
        super::print_json(&json_code(*code))?;
    } else {
        let text = wrapped(code.explanation());
        super::print(&format!("{code}: {}\n\n{text}", code.title()))?;
    }
    Ok(0)
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
