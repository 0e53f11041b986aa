//! `cosmos call TARGET PROTOTYPE [ARG...]`.

use super::attempt::{Attempt, Declared};
use super::unlike;
use super::written::Written;
use crate::arguments::Call;
use crate::literal::{self, Names, sizes};
use crate::progress::Waiting;
use crate::report::{Verdict, say};
use cosmos::{Error, Library, Options, Outcome, Value};
use std::time::Duration;

/// Calls and prints. The words are read before anything is started: wrong usage starts nothing.
pub fn run(call: &Call) -> Verdict {
    let attempt = Attempt {
        json: call.json,
        errno: call.errno,
        late_option: call.arguments.iter().any(|word| is_option(word)),
    };
    let Declared {
        prototype,
        constants,
    } = attempt.given(&call.target, &call.prototype)?;
    let frame = attempt.parsed(&prototype)?;
    let words = sizes::completed(&frame, &call.arguments);
    let names = Names {
        constants: &constants,
        kept: None,
    };
    let given = literal::arguments(&frame, &words, names)
        .map_err(|error| attempt.wrong_words(frame.name(), &error))?;
    if callframe::bare_name(&call.prototype).is_none() {
        unlike::note(&call.target, &frame);
    }
    let outcome =
        carry_out(call, &prototype, &given.values).map_err(|error| attempt.failed(error))?;
    attempt.print(&given.frame, &outcome)?;
    Ok(0)
}

fn is_option(word: &str) -> bool {
    matches!(word, "--json" | "--errno" | "--timeout")
}

fn carry_out(call: &Call, prototype: &str, values: &[cosmos::Value]) -> Result<Outcome, Error> {
    let mut options = Options::new();
    if let Some(milliseconds) = call.timeout {
        options = options.timeout(Duration::from_millis(milliseconds));
    }
    let options = call.confinement.apply(options);
    let waiting = Waiting::for_what(format!("opening {}", call.target));
    let library = cosmos::dlopen_with(&call.target, &options)?;
    drop(waiting);
    let outcome = library.function(prototype)?.call(values)?;
    Written::default().note(&library);
    note_denials(&library.denials());
    note_refusal(&library, &outcome);
    Ok(outcome)
}

/// What Landlock refuses the kernel tells nobody of but the function, by errno.
fn note_refusal(library: &Library, outcome: &Outcome) {
    let failed = match outcome.result {
        Value::Null => true,
        Value::Int(result) => result < 0,
        _ => false,
    };
    let is_walled = !matches!(library.isolation(), "none" | "limits");
    if failed && is_walled && outcome.errno == libc::EACCES {
        say(
            "note: it left errno EACCES: its VM reaches the files of its library, and what --ro and --rw grant",
        );
    }
}

/// What the function tried and was refused may be why it returned what it did.
pub(super) fn note_denials(denials: &[(String, u64)]) {
    if denials.is_empty() {
        return;
    }
    let calls: Vec<&str> = denials.iter().map(|(call, _)| call.as_str()).collect();
    let calls = calls.join(", ");
    say(&format!(
        "note: denied: {calls} (--ro, --rw, --net and --programs grant more)"
    ));
}
