//! `cosmos explain [CODE]`: the numbers of the prototype language, and the names that all other errors have.

use crate::arguments::Explain;
use crate::report::{Problem, Report, Verdict};
use callframe::error::{Code, codes};
use cosmos_rpc::{Fault, FaultCode};
use nix::errno::Errno;
use serde_json::json;
use std::fmt::Write as _;

/// Prints what an error's number or name means, or all of them.
pub fn run(arguments: &Explain) -> Verdict {
    match &arguments.code {
        Some(given) => one(given.trim(), arguments.json),
        None => all(arguments.json),
    }
}

fn one(given: &str, as_json: bool) -> Verdict {
    let (json, head, text) = match (numbered(given), FaultCode::named(given)) {
        (Some(code), _) => (
            json_number(code),
            format!("{code}: {}", code.title()),
            code.explanation(),
        ),
        (None, Some(code)) => (
            json_name(code),
            format!("{}: {}\n{}", code.name(), code.title(), in_c(code)),
            code.explanation(),
        ),
        (None, None) => {
            let report = Report::new(format!("no error has the number or the name '{given}'"))
                .help("`cosmos explain` alone lists them all");
            return Err(Problem::failed(report));
        }
    };
    match as_json {
        true => super::print_json(&json)?,
        false => super::print(&format!("{head}\n\n{}", wrapped(text)))?,
    }
    Ok(0)
}

/// What a C program has for it.
fn in_c(code: FaultCode) -> String {
    format!("{}, errno {}", code.constant(), errno(code))
}

fn errno(code: FaultCode) -> String {
    match Errno::from_raw(Fault::caller(code, "").errno()) {
        // Linux has one number for both; this is the one that is meant.
        Errno::EOPNOTSUPP => "ENOTSUP".to_owned(),
        errno => format!("{errno:?}"),
    }
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
        let numbers = codes().iter().map(|code| json_number(*code));
        super::print_json(&numbers.chain(FaultCode::all().map(json_name)).collect())?;
    } else {
        let mut lines = String::new();
        for code in codes() {
            let _ = writeln!(lines, "{code}  {}", code.title());
        }
        for code in FaultCode::all() {
            let _ = writeln!(lines, "{:16}  {}", code.name(), code.title());
        }
        super::print(&lines)?;
    }
    Ok(0)
}

fn json_number(code: Code) -> serde_json::Value {
    json!({ "code": code.number(), "title": code.title(), "text": code.explanation() })
}

fn json_name(code: FaultCode) -> serde_json::Value {
    json!({
        "code": code.name(),
        "title": code.title(),
        "text": code.explanation(),
        "constant": code.constant(),
        "errno": errno(code),
    })
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
