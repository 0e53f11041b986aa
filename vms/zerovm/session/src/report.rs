//! The report: what is printed when a session has ended.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a session came to. Everything in it is known to the process that ran the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What the validator said.
    pub validator: ValidatorState,
    /// Whether a daemon was made.
    pub daemon: bool,
    /// What the guest gave to the exit trap, 0 if it never came to that.
    pub user_code: i32,
    /// Names and digests, of the channels in their order and then the memory; only those wanted.
    pub etags: Vec<(Vec<u8>, String)>,
    /// What was used.
    pub accounting: Accounting,
    /// `ok`, or what went wrong.
    pub state: String,
    /// The exit status of the process. It is no line of the report.
    pub code: i32,
    /// More about what went wrong, for people. It is no line either.
    pub detail: Option<String>,
}

/// What the validator said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ValidatorState {
    /// It accepts the program.
    Passed,
    /// It refuses the program.
    Failed,
    /// It did not come to that, or its answer is not to be told.
    NotRun,
}

/// What a session used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounting {
    /// Time of the processor in the system, in hundredths of a second.
    pub system_time: u64,
    /// Time of the processor outside of it.
    pub user_time: u64,
    /// Of channels that are files.
    pub local: Totals,
    /// Of channels that are connections.
    pub network: Totals,
}

/// Operations on sources of channels, and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Totals {
    pub gets: u64,
    pub get_bytes: u64,
    pub puts: u64,
    pub put_bytes: u64,
}

impl Report {
    /// Of a session that did not run.
    pub fn failed(state: impl ToString, code: i32) -> Self {
        Self {
            validator: ValidatorState::NotRun,
            daemon: false,
            user_code: 0,
            etags: Vec::new(),
            accounting: Accounting::default(),
            state: state.to_string(),
            code,
            detail: None,
        }
    }

    /// The lines, each with its end after it.
    pub fn text(&self, end_of_line: &str) -> Vec<u8> {
        let mut text = Vec::new();
        let mut line = |bytes: &[u8]| {
            text.extend(bytes);
            text.extend(end_of_line.as_bytes());
        };
        line(self.validator.number().to_string().as_bytes());
        line(if self.daemon { b"1" } else { b"0" });
        line(self.user_code.to_string().as_bytes());
        line(&self.etag_line());
        line(self.accounting.line().as_bytes());
        line(printable(&self.state).as_bytes());
        line(b"");
        text
    }

    /// The same for programs: numbers as in the lines, digests by name.
    pub fn as_json(&self) -> impl Serialize {
        let name = |alias: &[u8]| String::from_utf8_lossy(alias).into_owned();
        let etags = self.etags.iter();
        Json {
            validator: self.validator.number(),
            daemon: self.daemon.into(),
            user_code: self.user_code,
            etags: etags
                .map(|(alias, tag)| (name(alias), tag.clone()))
                .collect(),
            accounting: self.accounting,
            state: self.state.clone(),
            code: self.code,
            detail: self.detail.clone(),
        }
    }

    fn etag_line(&self) -> Vec<u8> {
        if self.etags.is_empty() {
            // The original loses the last letter.
            return b"disable".to_vec();
        }
        let words = self.etags.iter().map(|(alias, digest)| {
            let digest = printable(digest);
            let alias = alias
                .iter()
                .map(|byte| if *byte == b'\n' { b' ' } else { *byte });
            alias
                .chain(*b" ")
                .chain(digest.bytes())
                .collect::<Vec<u8>>()
        });
        words.collect::<Vec<_>>().join(&b' ')
    }
}

impl ValidatorState {
    fn number(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::NotRun => 2,
        }
    }
}

#[derive(Serialize)]
struct Json {
    validator: u8,
    daemon: u8,
    user_code: i32,
    etags: BTreeMap<String, String>,
    accounting: Accounting,
    state: String,
    code: i32,
    detail: Option<String>,
}

/// Whoever reads a report counts its lines.
fn printable(text: &str) -> String {
    text.replace(char::is_control, " ")
}

impl Accounting {
    fn line(&self) -> String {
        let seconds = |hundredths: u64| format!("{}.{:02}", hundredths / 100, hundredths % 100);
        let mut line = format!("{} {}", seconds(self.system_time), seconds(self.user_time));
        for totals in [self.local, self.network] {
            for number in [totals.gets, totals.get_bytes, totals.puts, totals.put_bytes] {
                line.push_str(&format!(" {number}"));
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_originals_example_is_reproduced() {
        let mut report = Report::failed("ok", 0);
        report.validator = ValidatorState::Passed;
        report.accounting.local.puts = 2;
        report.accounting.local.put_bytes = 65;
        let text = String::from_utf8(report.text("\n")).expect("text");
        assert_eq!(text, "0\n0\n0\ndisable\n0.00 0.00 0 0 2 65 0 0 0 0\nok\n\n");
    }

    #[test]
    fn digests_are_separated_by_single_spaces() {
        let mut report = Report::failed("session timeout", 4);
        report.user_code = -122;
        report.accounting.user_time = 1234;
        report.etags = vec![
            (b"/dev/stdin".to_vec(), "da39".into()),
            (b"/dev/memory".to_vec(), "a3ee".into()),
        ];
        let text = String::from_utf8(report.text("; ")).expect("text");
        let expected = "2; 0; -122; /dev/stdin da39 /dev/memory a3ee; \
                        0.00 12.34 0 0 0 0 0 0 0 0; session timeout; ; ";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_state_is_one_line() {
        let mut report = Report::failed("a\nb", 1);
        report.etags = vec![(b"c\nd".to_vec(), "e\nf".into())];
        let text = String::from_utf8(report.text("\n")).expect("text");
        assert_eq!(text.lines().count(), 7);
    }
}
