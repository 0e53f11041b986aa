//! What is kept of a crash.

use crate::{CrashError, Id, archive::LARGEST};
use cosmos_rpc::message::crash::{Frame, MAXIMUM_CALL, MAXIMUM_FRAMES, MAXIMUM_NAME, Remains};
use serde::{Deserialize, Serialize};

/// Most calls that are noted.
const CALLS: usize = 8;
/// Most bytes of standard error.
const STDERR: usize = 4 << 10;
/// Most rows of a table.
const ROWS: usize = 64;

/// A crash.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Its number; empty until it is kept.
    pub id: String,
    /// When it happened: seconds since 1970.
    pub when: u64,
    /// The VM.
    pub vm: String,
    /// Its kind.
    pub kind: String,
    /// Its host.
    pub host: String,
    /// What was open in it.
    pub targets: Vec<String>,
    /// Its pid, on its host.
    pub pid: i32,
    /// Its level of isolation.
    pub isolation: String,
    /// Milliseconds that it served.
    pub age: u64,
    /// What the kernel and its memory said.
    pub remains: Remains,
    /// What clients had called when it died, as they say.
    pub calls: Vec<Call>,
    /// The last of its standard output and error.
    pub stderr: String,
    /// Its limits.
    pub limits: Vec<(String, String)>,
    /// System calls that it was refused, and how often.
    pub denied: Vec<(String, u64)>,
}

/// A call that was under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The client's pid.
    pub client: i32,
    /// The call, in words.
    pub call: String,
}

impl Report {
    /// Its number, where it has one.
    pub fn id(&self) -> Option<Id> {
        self.id.parse().ok()
    }

    /// Its text, as it is kept and as it travels.
    ///
    /// # Errors
    /// `TooLarge`.
    pub fn to_json(&self) -> Result<Vec<u8>, CrashError> {
        let json = serde_json::to_vec_pretty(self).unwrap_or_default();
        match json.len() {
            length if length > LARGEST || length == 0 => Err(CrashError::TooLarge(length)),
            _ => Ok(json),
        }
    }

    /// The report of this number from its text, bounded whoever wrote it.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub fn from_json(json: &[u8], id: &Id) -> Result<Report, String> {
        if json.len() > LARGEST {
            return Err("it is too large".to_owned());
        }
        let report: Report = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        match report.id == id.as_str() {
            true => Ok(report.bounded()),
            false => Err(format!("it says that it is {}", report.id.escape_debug())),
        }
    }

    /// The same with an end: what came from a VM is cut to what a report may hold.
    pub fn bounded(mut self) -> Report {
        let remains = &mut self.remains;
        remains.frames.truncate(MAXIMUM_FRAMES);
        for Frame {
            module,
            function,
            file,
            ..
        } in &mut remains.frames
        {
            for text in [module, function, file] {
                cut(text, MAXIMUM_NAME);
            }
        }
        remains.registers.truncate(ROWS);
        remains.usage.truncate(ROWS);
        cut(&mut remains.missing, MAXIMUM_NAME);
        cut(&mut remains.program, MAXIMUM_NAME);
        for (name, _) in remains.registers.iter_mut().chain(&mut remains.usage) {
            cut(name, 32);
        }
        self.targets.truncate(ROWS);
        self.targets
            .iter_mut()
            .for_each(|target| cut(target, 4 << 10));
        self.denied.truncate(ROWS);
        self.limits.truncate(ROWS);
        self.calls.truncate(CALLS);
        self.calls
            .iter_mut()
            .for_each(|call| cut(&mut call.call, MAXIMUM_CALL));
        if self.stderr.len() > STDERR {
            let from = self.stderr.len() - STDERR;
            let from = (from..).find(|at| self.stderr.is_char_boundary(*at));
            self.stderr.drain(..from.unwrap_or(0));
        }
        self
    }

    /// Notes what a client had called. Whether there was room.
    pub fn note(&mut self, client: i32, call: &str) -> bool {
        let mut call = call.to_owned();
        cut(&mut call, MAXIMUM_CALL);
        let is_new = !self.calls.iter().any(|known| known.call == call);
        if !call.is_empty() && is_new && self.calls.len() < CALLS {
            self.calls.push(Call { client, call });
            return true;
        }
        false
    }
}

fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        let end = (0..=most).rfind(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// However much comes, what is kept has an end.
        #[test]
        fn a_report_has_an_end(
            text in "[a-zäß€🦀\\n]{0,3000}", frames in 0usize..200, rows in 0usize..200
        ) {
            let long = text.repeat(4);
            let frame = Frame {
                module: long.clone(),
                function: long.clone(),
                file: long.clone(),
                ..Frame::default()
            };
            let report = Report {
                remains: Remains {
                    frames: vec![frame; frames],
                    registers: vec![(long.clone(), 1); rows],
                    missing: long.clone(),
                    ..Remains::default()
                },
                stderr: long.clone(),
                calls: vec![Call { client: 1, call: long.clone() }; rows],
                targets: vec![long; rows.min(3)],
                ..Report::default()
            };
            let bounded = report.bounded();
            let json = serde_json::to_string(&bounded).unwrap();
            prop_assert!(json.len() < crate::archive::LARGEST, "{}", json.len());
            prop_assert_eq!(bounded.clone().bounded(), bounded);
        }
    }

    #[test]
    fn calls_are_noted_once_and_not_without_end() {
        let mut report = Report::default();
        assert!(report.note(1, "f(1)"));
        assert!(!report.note(2, "f(1)"));
        assert!(!report.note(2, ""));
        for number in 0..100 {
            report.note(3, &format!("g({number})"));
        }
        assert_eq!(report.calls.len(), CALLS);
    }
}
