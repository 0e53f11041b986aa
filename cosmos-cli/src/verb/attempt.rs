//! What `cosmos call` and `cosmos session` share: how an attempt to call goes wrong, and how one that
//! worked is told.

use crate::literal::ArgumentError;
use crate::report::{Problem, Report};
use crate::{format, json, packs};
use callframe::{CallFrame, Constants, PrototypeError};
use cosmos::{Error, Outcome};
use cosmos_packs::Packs;
use nix::errno::Errno;
use serde_json::{Value as Json, json};

/// A prototype, and what goes with it.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Its text.
    pub prototype: String,
    /// What its enums call their values.
    pub constants: Constants,
}

impl Declared {
    /// Of this text.
    pub fn of(prototype: &str) -> Declared {
        Declared {
            prototype: prototype.to_owned(),
            constants: callframe::constants(prototype),
        }
    }
}

/// How an attempt is told.
#[derive(Clone, Copy)]
pub struct Attempt {
    /// As JSON on standard output.
    pub json: bool,
    /// With errno.
    pub errno: bool,
    /// Whether an option stands among the words.
    pub late_option: bool,
}

impl Attempt {
    /// What a pack of the target says of a name.
    pub fn packed(&self, packs: &Packs, target: &str, name: &str) -> Result<Declared, Problem> {
        match packs.entry(target, name) {
            Ok(entry) => Ok(Declared {
                prototype: entry.prototype,
                constants: entry.constants,
            }),
            Err(error) => Err(match error.prototype_error() {
                Some(known) => self.refused(known, error.rendered()),
                None => packs::problem(&error),
            }),
        }
    }

    /// What was given in the place of a prototype: one, or a name that a pack of the target knows.
    pub fn given(&self, target: &str, given: &str) -> Result<Declared, Problem> {
        match callframe::bare_name(given) {
            None => Ok(Declared::of(given)),
            Some(name) => self.packed(&packs::configured()?, target, name),
        }
    }

    /// A prototype, read.
    pub fn parsed(&self, prototype: &str) -> Result<CallFrame, Problem> {
        callframe::parse(prototype).map_err(|error| self.refused(&error, error.render(prototype)))
    }

    fn refused(&self, error: &PrototypeError, rendered: String) -> Problem {
        let told = self.tell_json(|| {
            json!({
                "code": error.code().number(),
                "message": error.message(),
                "function": null,
                "vm": null,
                "signal": null,
            })
        });
        told.err()
            .unwrap_or_else(|| Problem::failed(Report::new(rendered)))
    }

    /// A call, or what goes before it, failed.
    pub fn failed(&self, error: Error) -> Problem {
        let told = self.tell_json(|| {
            json!({
                "code": format!("{:?}", error.code()),
                "message": error.to_string(),
                "function": error.function(),
                "vm": error.vm(),
                "signal": error.signal(),
            })
        });
        told.err().unwrap_or_else(|| Problem::from(error))
    }

    /// The words do not fit the function.
    pub fn wrong_words(&self, function: &str, error: &ArgumentError) -> Problem {
        let told = self.tell_json(|| {
            json!({
                "code": "BadArgument",
                "message": error.to_string(),
                "function": function,
                "vm": null,
                "signal": null,
            })
        });
        let help = match error {
            ArgumentError::Count { .. } if self.late_option => {
                "options stand before the first ARG: cosmos call --json TARGET PROTOTYPE ARG..."
            }
            ArgumentError::Count { .. } => "give one ARG per parameter; _ stands for an output",
            ArgumentError::Further(_) => {
                "what takes the place of `...` is one ARG for each conversion, or text of a list"
            }
            ArgumentError::Form { .. } => "`cosmos call --help` lists the forms of an ARG",
        };
        told.err()
            .unwrap_or_else(|| Problem::usage(Report::new(error.to_string()).help(help)))
    }

    /// What a call left.
    pub fn print(&self, frame: &CallFrame, outcome: &Outcome) -> Result<(), Problem> {
        if self.json {
            super::print(&format!("{}\n", json::outcome(frame, outcome)))?;
            return Ok(());
        }
        let mut text = format::outcome(frame, outcome);
        if self.errno {
            text.push_str(&errno_line(outcome.errno));
        }
        super::print(&text)?;
        Ok(())
    }

    /// `{"error": {…}}` on standard output for programs; people read standard error.
    fn tell_json(&self, error: impl FnOnce() -> Json) -> Result<(), Problem> {
        if self.json {
            super::print(&format!("{}\n", json!({ "error": error() })))?;
        }
        Ok(())
    }
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
