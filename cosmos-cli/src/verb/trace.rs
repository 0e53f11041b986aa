//! `cosmos trace`.
//!
//! A file of steps may hold anything: what is no step is passed over, and counted. No line of it is
//! longer than [`LONGEST`], no tree deeper than it is long, and a terminal obeys nothing of it.

mod otlp;
mod tree;

use crate::arguments::Trace;
use crate::report::{Problem, Report, Verdict};
use cosmos::trace::Line;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// The longest line that is looked at, in bytes.
const LONGEST: u64 = 64 << 10;

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
        let others = read(path, &mut lines).map_err(problem)?;
        if others > 0 {
            eprintln!("warning: {}: {others} lines are no steps", path.display());
        }
    }
    lines.retain(|line| line.trace.starts_with(&arguments.id));
    if arguments.json {
        super::print_json(&otlp::of(&lines))?;
    } else {
        super::print(&shown(lines))?;
    }
    Ok(0)
}

/// Reads the steps of a file; gives how many lines are none.
fn read(path: &Path, lines: &mut Vec<Line>) -> io::Result<u64> {
    let mut file = BufReader::new(File::open(path)?);
    let mut others = 0;
    let mut text = Vec::new();
    loop {
        text.clear();
        if file.by_ref().take(LONGEST).read_until(b'\n', &mut text)? == 0 {
            return Ok(others);
        }
        if text.last() != Some(&b'\n') && text.len() as u64 == LONGEST {
            file.skip_until(b'\n')?;
        }
        match serde_json::from_slice::<Line>(&text) {
            Ok(line) if is_step(&line) => lines.push(line),
            _ => others += 1,
        }
    }
}

fn is_step(line: &Line) -> bool {
    let is_id = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let parent = &line.parent;
    is_id(&line.trace, 32) && is_id(&line.span, 16) && (parent.is_empty() || is_id(parent, 16))
}

/// All traces, the oldest first.
fn shown(lines: Vec<Line>) -> String {
    let mut traces: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for line in lines {
        traces.entry(line.trace.clone()).or_default().push(line);
    }
    let begin = |lines: &[Line]| lines.iter().map(|line| line.begin).min();
    let mut traces: Vec<_> = traces.into_iter().collect();
    traces.sort_by_cached_key(|(id, lines)| (begin(lines), id.clone()));
    let texts = traces.iter().map(|(id, lines)| tree::of(id, lines));
    texts.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn step(span: u64, parent: u64, begin: u64, took: u64, name: &str) -> Line {
        Line {
            trace: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
            span: format!("{span:016x}"),
            parent: match parent {
                0 => String::new(),
                parent => format!("{parent:016x}"),
            },
            process: "client".to_owned(),
            pid: 7,
            name: name.to_owned(),
            begin: 1_700_000_000_042_000_000 + begin,
            took,
            ..Line::default()
        }
    }

    fn cold_open() -> Vec<Line> {
        let of = |process: &str, pid, line| Line {
            process: process.to_owned(),
            pid,
            ..line
        };
        let vm = Line {
            vm: "hostfn-3".to_owned(),
            fault: "NotLoadable".to_owned(),
            ..of("vm", 0, step(6, 5, 9_100_000, 300_000, "open"))
        };
        // As they are written: what ends first comes first.
        vec![
            of("cosmosd", 9, step(3, 2, 200_000, 8_000_000, "VmOpen")),
            of("cosmos-launch", 11, step(4, 3, 900_000, 2_000_000, "fork")),
            step(2, 1, 100_000, 8_500_000, "get a VM"),
            vm,
            Line {
                fault: "no \u{1b}[2J good".to_owned(),
                ..step(5, 1, 9_000_000, 500_000, "open")
            },
            Line {
                what: "libz.so.1".to_owned(),
                ..step(1, 0, 0, 10_000_000, "open")
            },
        ]
    }

    #[test]
    fn a_trace_is_a_tree_with_times() {
        insta::assert_snapshot!("trace_tree", shown(cold_open()));
    }

    #[test]
    fn a_trace_goes_to_other_tools() {
        let value = otlp::of(&cold_open()[3..4]);
        insta::assert_snapshot!("trace_otlp", format!("{value:#}"));
    }

    #[test]
    fn what_no_program_wrote_does_no_harm() {
        // Circles, and one that is its own parent.
        let circle = vec![
            step(1, 2, 0, u64::MAX, "a"),
            step(2, 1, u64::MAX / 2, 1, "b"),
            step(3, 3, 0, 0, "c"),
            step(3, 9, 0, 0, "d"),
        ];
        let text = shown(circle);
        for name in ["a", "b", "c", "d"] {
            assert_eq!(text.matches(&format!(" {name}\n")).count(), 1, "{text}");
        }
        // Deeper than any stack.
        let deep = (1..200_000).map(|span| step(span, span - 1, span, 1, "deep"));
        assert!(shown(deep.collect()).contains("deep"));
    }

    #[test]
    fn other_lines_are_passed_over_and_counted() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let good = serde_json::to_string(&step(1, 0, 0, 1, "good")).expect("a line");
        let long = "x".repeat(LONGEST as usize * 3);
        let bad_id = good.replace("4bf92f35", "../../..");
        let text = format!("{good}\nnonsense\n{long}\n\u{0}\n{{}}\n{bad_id}\n{good}");
        file.write_all(text.as_bytes()).expect("written");
        let mut lines = Vec::new();
        assert_eq!(read(file.path(), &mut lines).expect("read"), 5);
        assert_eq!(lines.len(), 2);
    }
}
