//! `cosmos proto check FILE`.

use crate::arguments::ProtoCheck;
use crate::report::{FAILED, Problem, Report, Verdict};
use callframe::Declaration;
use serde_json::json;
use std::io::Read;
use std::path::Path;

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
    let bytes = if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    bytes
        .and_then(|bytes| {
            String::from_utf8(bytes).map_err(|error| std::io::Error::other(error.utf8_error()))
        })
        .map_err(|error| {
            Problem::failed(Report::new(format!(
                "cannot read {}: {error}",
                path.display()
            )))
        })
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
