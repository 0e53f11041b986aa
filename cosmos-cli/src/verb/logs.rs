//! `cosmos logs`.
//!
//! What is shown may be hostile: no control character, and nothing that reorders text, reaches a
//! terminal, nor a file that somebody will show on one.

use crate::arguments::Logs;
use crate::report::{Problem, Report, Verdict};
use cosmos::{Error, FaultCode, Host};
use cosmos_rpc::message::log::{Beginning, LogLine, LogPage, Writer};
use jiff::Timestamp;
use serde_json::json;
use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

/// How long one question waits, in milliseconds.
const PATIENCE: u32 = 10_000;
/// How long a VM that is followed may be unknown, where cosmosd is gone.
const ABSENCE: Duration = Duration::from_secs(10);
/// Between two looks whether it is known again.
const PAUSE: Duration = Duration::from_millis(100);

/// Prints what a VM wrote.
pub fn run(arguments: &Logs) -> Verdict {
    let config = super::config::load()?;
    let host = super::chosen(&arguments.place, &config);
    if host == Host::Local && !super::daemons::registry_listens(&config) {
        let message = format!(
            "there is no VM {}: no daemon runs",
            plain(arguments.vm.as_bytes())
        );
        return Err(Problem::failed(Report::new(message)));
    }
    let lines = arguments.lines.unwrap_or(u32::MAX);
    let mut page = ask(arguments, &host, Beginning::Last(lines), 0)?;
    loop {
        show(arguments, &page)?;
        if !arguments.follow || page.ended {
            return Ok(0);
        }
        let from = Beginning::After {
            log: page.log,
            position: page.next,
        };
        page = follow(arguments, &host, from)?;
    }
}

fn ask(arguments: &Logs, host: &Host, from: Beginning, patience: u32) -> Result<LogPage, Error> {
    cosmos::queries::logs_of(host, &arguments.vm, from, patience, arguments.follow)
}

/// The next page, of another cosmosd where this one is gone.
fn follow(arguments: &Logs, host: &Host, from: Beginning) -> Result<LogPage, Problem> {
    let mut gone: Option<Instant> = None;
    loop {
        let error = match ask(arguments, host, from, PATIENCE) {
            Ok(page) => return Ok(page),
            Err(error) => error,
        };
        // The next cosmosd knows the VM once its launcher has found it.
        let may_return = matches!(
            error.code(),
            FaultCode::Disconnected | FaultCode::NoSuchName
        );
        let since = *gone.get_or_insert_with(Instant::now);
        if !may_return || since.elapsed() > ABSENCE {
            return Err(error.into());
        }
        thread::sleep(PAUSE);
    }
}

fn show(arguments: &Logs, page: &LogPage) -> Result<(), Problem> {
    let mut text = String::new();
    if page.lost > 0 {
        let lost = LogLine {
            time: page.lines.first().map_or(0, |line| line.time),
            by: Writer::Coordinator,
            text: format!("{} bytes came and went unseen", page.lost).into_bytes(),
            cut: false,
        };
        text.push_str(&line(arguments.json, &lost));
    }
    for one in &page.lines {
        text.push_str(&line(arguments.json, one));
    }
    Ok(super::print(&text)?)
}

fn line(json: bool, line: &LogLine) -> String {
    let mut text = match json {
        true => as_json(line),
        false => as_text(line),
    };
    text.push('\n');
    text
}

fn as_text(line: &LogLine) -> String {
    let time = time(line.time);
    match line.by {
        Writer::Vm => format!("{time} {}", plain(&line.text)),
        Writer::Coordinator => format!("{time} [cosmosd: {}]", plain(&line.text)),
    }
}

fn as_json(line: &LogLine) -> String {
    let by = match line.by {
        Writer::Vm => "vm",
        Writer::Coordinator => "cosmosd",
    };
    let value = json!({
        "time": time(line.time),
        "by": by,
        "text": String::from_utf8_lossy(&line.text),
        "cut": line.cut,
    });
    let text = value.to_string();
    text.chars().fold(String::new(), |mut shown, letter| {
        match is_harmful(letter) {
            // Only strings have any.
            true => shown.extend(escaped_for_json(letter)),
            false => shown.push(letter),
        }
        shown
    })
}

fn escaped_for_json(letter: char) -> Vec<char> {
    let mut units = [0; 2];
    let units = letter.encode_utf16(&mut units);
    let escaped = units.iter().map(|unit| format!("\\u{unit:04x}"));
    escaped.collect::<String>().chars().collect()
}

/// Foreign bytes, as far as they are printable text; the rest in escapes.
pub(super) fn plain(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\t' => text.push(letter),
                letter if is_harmful(letter) => text.extend(letter.escape_default()),
                letter => text.push(letter),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Whether a terminal may do something else than show it where it stands.
fn is_harmful(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

fn time(milliseconds: u64) -> String {
    let since = i64::try_from(milliseconds).unwrap_or(i64::MAX);
    match Timestamp::from_millisecond(since) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(by: Writer, text: &[u8]) -> LogLine {
        LogLine {
            time: 1_700_000_000_042,
            by,
            text: text.to_vec(),
            cut: false,
        }
    }

    #[test]
    fn lines_have_the_time() {
        let line = written(Writer::Vm, b"libpng warning: a\tb");
        assert_eq!(
            as_text(&line),
            "2023-11-14T22:13:20.042Z libpng warning: a\tb"
        );
        let note = written(Writer::Coordinator, b"killed by SIGSEGV");
        assert_eq!(
            as_text(&note),
            "2023-11-14T22:13:20.042Z [cosmosd: killed by SIGSEGV]"
        );
    }

    #[test]
    fn a_terminal_is_told_nothing() {
        let hostile =
            "\x1b]0;title\x07\x1b[2J\u{9b}31m\u{202e}gpj.exe\u{200b}\r\u{85}\u{e0041}\x7f";
        let bytes = [hostile.as_bytes(), b"\xff\xc3"].concat();
        for shown in [
            as_text(&written(Writer::Vm, &bytes)),
            as_json(&written(Writer::Vm, &bytes)),
        ] {
            assert!(!shown.chars().any(is_harmful), "{shown:?}");
        }
        assert_eq!(
            plain(&bytes),
            "\\u{1b}]0;title\\u{7}\\u{1b}[2J\\u{9b}31m\\u{202e}gpj.exe\\u{200b}\\r\\u{85}\\u{e0041}\\u{7f}\\xff\\xc3"
        );
    }

    #[test]
    fn json_reads_back() {
        let text = "a \"b\" \u{1b}[1m \u{9b} \u{e0041} ü";
        let shown = as_json(&written(Writer::Vm, text.as_bytes()));
        let value: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
        assert_eq!(value["text"], text);
        assert_eq!(value["by"], "vm");
        assert_eq!(value["time"], "2023-11-14T22:13:20.042Z");
    }
}
