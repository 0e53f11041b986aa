//! Reading a file of steps.

use crate::line::Line;
use std::io::{self, BufRead, Read};

/// The longest line that is looked at, in bytes.
pub const LONGEST: u64 = 64 << 10;

/// Adds the steps that a file holds to `lines`; gives how many of its own lines are none.
///
/// # Errors
/// Those of reading.
pub fn read(mut file: impl BufRead, lines: &mut Vec<Line>) -> io::Result<u64> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{otlp, tree};

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

    fn shown(lines: Vec<Line>) -> String {
        tree(lines, |text| text.escape_debug().to_string())
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
        let value = otlp(&cold_open()[3..4]);
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
        let good = serde_json::to_string(&step(1, 0, 0, 1, "good")).expect("a line");
        let long = "x".repeat(LONGEST as usize * 3);
        let bad_id = good.replace("4bf92f35", "../../..");
        let text = format!("{good}\nnonsense\n{long}\n\u{0}\n{{}}\n{bad_id}\n{good}");
        let mut lines = Vec::new();
        assert_eq!(read(text.as_bytes(), &mut lines).expect("read"), 5);
        assert_eq!(lines.len(), 2);
    }
}
