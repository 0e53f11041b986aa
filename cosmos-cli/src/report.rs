//! How failures are told, and the exit codes.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | what was asked for failed or was refused: the call, the library, the symbol, the prototype |
//! | 2 | wrong usage: options, the number or the form of arguments |
//! | 125 | cosmos itself failed: a daemon that cannot be started, a wrong configuration, a broken peer |

use cosmos_rpc::{Blame, Fault, FaultCode};
use std::io::{self, Write};
use std::process::ExitCode;

/// What was asked for failed.
pub const FAILED: u8 = 1;
/// Wrong usage.
pub const USAGE: u8 = 2;
/// cosmos itself failed.
pub const COSMOS: u8 = 125;

/// What a verb answers: an exit code it decided itself, or why it could not do its work.
pub type Verdict = Result<u8, Problem>;

/// Why a verb could not do its work.
#[derive(Debug)]
pub enum Problem {
    /// Told on standard error, then this exit code.
    Told(Report, u8),
    /// Whoever read standard output went away: nothing to tell.
    Closed,
}

/// A failure in words.
#[derive(Debug)]
pub struct Report {
    /// Follows `error: `; may hold several lines.
    pub message: String,
    /// Follows `help: `.
    pub help: Option<String>,
    /// Follows `see:  `.
    pub see: Option<String>,
}

/// Tells a problem, and turns a verdict into the exit code.
pub fn finish(verdict: Verdict) -> ExitCode {
    match verdict {
        Ok(code) => ExitCode::from(code),
        Err(Problem::Closed) => ExitCode::SUCCESS,
        Err(Problem::Told(report, code)) => {
            // Nobody is left to tell when standard error is closed as well.
            let _ = io::stderr().write_all(report.text().as_bytes());
            ExitCode::from(code)
        }
    }
}

/// Says a line on standard error that is no failure: `note: ...`. Where nobody can be told, what was done
/// stays done.
pub fn say(line: &str) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

impl Report {
    /// A report that is one message.
    pub fn new(message: impl Into<String>) -> Report {
        Report {
            message: message.into(),
            help: None,
            see: None,
        }
    }

    /// Adds what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Report {
        self.help = Some(help.into());
        self
    }

    /// The text for standard error. What a VM or another machine said may be part of it, and a terminal
    /// obeys none of that.
    pub fn text(&self) -> String {
        let message = lines(self.message.trim_end());
        let mut text = if message.starts_with("error:") {
            String::new()
        } else {
            "error: ".to_owned()
        };
        text.push_str(&message);
        text.push('\n');
        for (label, part) in [("help: ", &self.help), ("see:  ", &self.see)] {
            if let Some(part) = part {
                text.push_str(label);
                text.push_str(&lines(part).replace('\n', "\n      "));
                text.push('\n');
            }
        }
        text
    }
}

/// Foreign text in a line: nothing in it that a terminal obeys, and no tabulators either.
pub fn plain(text: &str) -> String {
    text.chars().map(harmless).collect()
}

/// The same of several lines.
pub fn lines(text: &str) -> String {
    let shown = text.chars().map(|letter| match letter {
        '\n' => letter,
        '\t' => ' ',
        letter => harmless(letter),
    });
    shown.collect()
}

fn harmless(letter: char) -> char {
    match letter.is_control() {
        true => '\u{fffd}',
        false => letter,
    }
}

impl Problem {
    /// Wrong usage.
    pub fn usage(report: Report) -> Problem {
        Problem::Told(report, USAGE)
    }

    /// What was asked for failed.
    pub fn failed(report: Report) -> Problem {
        Problem::Told(report, FAILED)
    }

    /// cosmos itself failed.
    pub fn cosmos(report: Report) -> Problem {
        Problem::Told(report, COSMOS)
    }

    /// A refused prototype, with its caret.
    pub fn prototype(error: &callframe::error::PrototypeError, source: &str) -> Problem {
        Problem::failed(Report::new(error.render(source)))
    }
}

impl From<io::Error> for Problem {
    /// For standard output only: files that are read name themselves in their own report.
    fn from(error: io::Error) -> Problem {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Problem::Closed
        } else {
            Problem::cosmos(Report::new(format!(
                "cannot write to standard output: {error}"
            )))
        }
    }
}

impl From<cosmos::Error> for Problem {
    fn from(error: cosmos::Error) -> Problem {
        let code = exit_code(error.blame(), error.code());
        let mut message = error.to_string();
        for line in error.backtrace() {
            message.push_str("\n  ");
            message.push_str(line);
        }
        Problem::Told(
            Report {
                help: advice(error.blame(), error.code(), &message),
                ..Report::new(message)
            },
            code,
        )
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Problem {
        let code = exit_code(fault.blame, fault.code);
        Problem::Told(
            Report {
                help: advice(fault.blame, fault.code, &fault.message),
                ..Report::new(fault.message)
            },
            code,
        )
    }
}

/// What is to be printed has nowhere to go.
pub fn no_output() -> Problem {
    Problem::cosmos(Report::new(
        "cannot write to standard output: it is closed (`> /dev/null` drops what is printed)",
    ))
}

fn exit_code(blame: Blame, code: FaultCode) -> u8 {
    match (blame, code) {
        (_, FaultCode::BadArgument) => USAGE,
        (_, FaultCode::Configuration) | (Blame::Host, FaultCode::TimedOut) => COSMOS,
        (Blame::Caller | Blame::Vm, _) | (_, FaultCode::TimedOut | FaultCode::VmDied) => FAILED,
        (Blame::Host | Blame::Peer, _) => COSMOS,
    }
}

/// What to do, where the message does not say it itself, which it does in backticks.
fn advice(blame: Blame, code: FaultCode, message: &str) -> Option<String> {
    if message.contains('`') {
        return None;
    }
    let advice = match code {
        // What code in a VM did to itself is none of the machine's.
        FaultCode::System if blame == Blame::Vm => return None,
        FaultCode::LaunchFailed if blame == Blame::Vm => {
            "`cosmos ls --all` shows how it ended, `cosmos logs VM` what it wrote"
        }
        FaultCode::LaunchFailed | FaultCode::Configuration | FaultCode::System => {
            "`cosmos doctor` checks the daemons and the configuration"
        }
        FaultCode::Unreachable => {
            "`ssh HOST cosmosd --version` tries the same by hand, and has to print one line and nothing else"
        }
        FaultCode::NotLoadable if blame == Blame::Vm => return None,
        FaultCode::WrongArchitecture | FaultCode::NotLoadable => {
            "`cosmos which TARGET --explain` shows what it needs and what there is"
        }
        _ => return None,
    };
    Some(advice.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_said_is_shown_and_never_obeyed() {
        let report = Report::new("it said:\n\t\u{1b}[2Jgone\u{7}\u{9b}31m").help("none\r");
        let text = report.text();
        assert!(
            text.starts_with("error: it said:\n \u{fffd}[2J"),
            "{text:?}"
        );
        assert!(
            text.chars()
                .all(|letter| letter == '\n' || !letter.is_control()),
            "{text:?}"
        );
    }
}
