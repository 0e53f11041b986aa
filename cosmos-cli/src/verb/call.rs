//! `cosmos call TARGET PROTOTYPE [ARG...]`.

use crate::arguments::Call;
use crate::literal::ArgumentError;
use crate::literal::sizes;
use crate::report::{Problem, Report, Verdict};
use crate::{format, json, literal, packs};
use callframe::PrototypeError;
use cosmos::{Error, Options, Outcome};
use nix::errno::Errno;
use serde_json::json;
use std::borrow::Cow;
use std::time::Duration;

/// Calls and prints. The words are read before anything is started: wrong usage starts nothing.
pub fn run(call: &Call) -> Verdict {
    let prototype = meant(call)?;
    let frame = callframe::parse(&prototype)
        .map_err(|error| flatten(refused(call, &error, error.render(&prototype))))?;
    let words = sizes::completed(&frame, &call.arguments);
    let given = literal::arguments(&frame, &words)
        .map_err(|error| flatten(wrong_words(call, frame.name(), &error)))?;
    let frame = &given.frame;
    let outcome =
        carry_out(call, &prototype, &given.values).map_err(|error| flatten(failed(call, error)))?;
    if call.json {
        super::print(&format!("{}\n", json::outcome(frame, &outcome)))?;
        return Ok(0);
    }
    let mut text = format::outcome(frame, &outcome);
    if call.errno {
        text.push_str(&errno_line(outcome.errno));
    }
    super::print(&text)?;
    Ok(0)
}

/// The prototype itself, or what a pack of the target says of the name that stands for it.
fn meant(call: &Call) -> Result<Cow<'_, str>, Problem> {
    let Some(name) = callframe::bare_name(&call.prototype) else {
        return Ok(Cow::Borrowed(&call.prototype));
    };
    match packs::configured()?.entry(&call.target, name) {
        Ok(entry) => Ok(Cow::Owned(entry.prototype)),
        Err(error) => Err(match error.prototype_error() {
            Some(known) => flatten(refused(call, known, error.rendered())),
            None => packs::problem(&error),
        }),
    }
}

fn refused(call: &Call, error: &PrototypeError, rendered: String) -> Result<Problem, Problem> {
    tell_json(call, || {
        json!({
            "code": error.code().number(),
            "message": error.message(),
            "function": null,
            "vm": null,
            "signal": null,
        })
    })?;
    Ok(Problem::failed(Report::new(rendered)))
}

fn carry_out(call: &Call, prototype: &str, values: &[cosmos::Value]) -> Result<Outcome, Error> {
    let mut options = Options::new();
    if let Some(milliseconds) = call.timeout {
        options = options.timeout(Duration::from_millis(milliseconds));
    }
    let library = cosmos::dlopen_with(&call.target, &options)?;
    library.function(prototype)?.call(values)
}

fn failed(call: &Call, error: Error) -> Result<Problem, Problem> {
    tell_json(call, || {
        json!({
            "code": format!("{:?}", error.code()),
            "message": error.to_string(),
            "function": error.function(),
            "vm": error.vm(),
            "signal": error.signal(),
        })
    })?;
    Ok(Problem::from(error))
}

/// `{"error": {…}}` on standard output for programs; people read standard error.
fn tell_json(call: &Call, error: impl FnOnce() -> serde_json::Value) -> Result<(), Problem> {
    if call.json {
        super::print(&format!("{}\n", json!({ "error": error() })))?;
    }
    Ok(())
}

fn flatten(problem: Result<Problem, Problem>) -> Problem {
    problem.unwrap_or_else(|closed| closed)
}

fn wrong_words(call: &Call, function: &str, error: &ArgumentError) -> Result<Problem, Problem> {
    tell_json(call, || {
        json!({
            "code": "BadArgument",
            "message": error.to_string(),
            "function": function,
            "vm": null,
            "signal": null,
        })
    })?;
    let late_option = call
        .arguments
        .iter()
        .any(|word| matches!(word.as_str(), "--json" | "--errno" | "--timeout"));
    let help = match error {
        ArgumentError::Count { .. } if late_option => {
            "options stand before the first ARG: cosmos call --json TARGET PROTOTYPE ARG..."
        }
        ArgumentError::Count { .. } => "give one ARG per parameter; _ stands for an output",
        ArgumentError::Further(_) => {
            "what takes the place of `...` is one ARG for each conversion, or text of a list"
        }
        ArgumentError::Form { .. } => "`cosmos call --help` lists the forms of an ARG",
    };
    Ok(Problem::usage(Report::new(error.to_string()).help(help)))
}

fn errno_line(errno: i32) -> String {
    match errno {
        0 => "errno = 0\n".to_owned(),
        number => {
            let said = std::io::Error::from_raw_os_error(number).to_string();
            let said = said.split(" (os error").next().unwrap_or_default();
            format!("errno = {number} ({:?}: {said})\n", Errno::from_raw(number))
        }
    }
}
