//! `cosmos trace`.
//!
//! A file of steps may hold anything: what is no step is passed over, and counted, and a terminal obeys
//! nothing of it.

use super::logs::plain;
use crate::arguments::Trace;
use crate::report::{Problem, Report, Verdict, say};
use cosmos_trace::{otlp, read, tree};
use std::fs::File;
use std::io::{self, BufReader};

/// Prints what the files hold.
pub fn run(arguments: &Trace) -> Verdict {
    let mut files = arguments.files.clone();
    if files.is_empty() {
        let configured = super::config::load()?.trace.value;
        if configured.as_os_str().is_empty() {
            let report = Report::new("no file is given, and the setting `trace` names none");
            let help = "name the file that COSMOS_TRACE named when the program ran";
            return Err(Problem::usage(report.help(help)));
        }
        files.push(configured);
    }
    let mut lines = Vec::new();
    for path in &files {
        let problem =
            |error: io::Error| Problem::failed(Report::new(format!("{}: {error}", path.display())));
        let others = File::open(path)
            .and_then(|file| read(BufReader::new(file), &mut lines))
            .map_err(problem)?;
        if others > 0 {
            say(&format!(
                "warning: {}: {others} lines are no steps",
                path.display()
            ));
        }
    }
    lines.retain(|line| line.trace.starts_with(&arguments.id));
    if arguments.json {
        super::print_json(&otlp(&lines))?;
    } else {
        super::print(&tree(lines, |text| plain(text.as_bytes())))?;
    }
    Ok(0)
}
