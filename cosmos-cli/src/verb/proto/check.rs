//! `cosmos proto check FILE`.

use crate::arguments::ProtoCheck;
use crate::input;
use crate::report::{FAILED, Problem, Report, Verdict};
use callframe::Declaration;
use serde_json::json;
use std::path::Path;
use std::string::FromUtf8Error;

/// Prints a line per declaration; exits with 1 where one was refused.
pub fn run(arguments: &ProtoCheck) -> Verdict {
    let source = read(&arguments.file)?;
    let declarations = callframe::parse_file(&source);
    if arguments.json {
        super::super::print_json(&declarations.iter().map(json_line).collect())?;
    } else {
        super::super::print(&declarations.iter().map(line).collect::<String>())?;
    }
    let refused = declarations
        .iter()
        .any(|declaration| declaration.outcome.is_err());
    Ok(if refused { FAILED } else { 0 })
}

fn read(path: &Path) -> Result<String, Problem> {
    let bytes = input::file(path).map_err(|why| Problem::failed(Report::new(why)))?;
    String::from_utf8(bytes).map_err(|error| not_text(path, &error))
}

fn not_text(path: &Path, error: &FromUtf8Error) -> Problem {
    let (valid, rest) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
    let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
    let byte = rest.first().copied().unwrap_or_default();
    let message = format!(
        "{}:{line}: declarations are read as UTF-8, and the byte 0x{byte:02x} there is none",
        input::name(path)
    );
    let help = "`iconv -f LATIN1 -t UTF-8` converts the text of many older headers";
    Problem::failed(Report::new(message).help(help))
}

fn line(declaration: &Declaration) -> String {
    let name = name(declaration);
    match &declaration.outcome {
        Ok(_) => format!("ok {name}\n"),
        Err(error) => format!("refused {name} {}\n", error.one_line()),
    }
}

fn json_line(declaration: &Declaration) -> serde_json::Value {
    match &declaration.outcome {
        Ok(frame) => json!({
            "name": frame.name(),
            "verdict": "ok",
            "prototype": frame.to_string(),
        }),
        Err(error) => json!({
            "name": declaration.name,
            "verdict": "refused",
            "code": error.code().number(),
            "reason": error.message(),
        }),
    }
}

/// `?` where the text is too broken to tell.
fn name(declaration: &Declaration) -> &str {
    declaration.name.as_deref().unwrap_or("?")
}
