//! What must hold for any bytes that name a step, or are a file of steps. Shared by the fuzz targets and
//! the test that replays their corpora.

#![allow(dead_code, reason = "each target has its half")]

use cosmos_trace::{Context, Line, otlp, read, tree};
use std::collections::HashSet;

/// What is read as a `traceparent` has ids, and goes on as what it was.
///
/// # Panics
/// When it has not.
pub fn traceparent(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Some(step) = Context::parse(&text) else {
        return;
    };
    assert!(step.trace != 0 && step.span != 0);
    // The ids stand there as they were given, whatever version and flags they have.
    let again = step.to_string();
    assert_eq!(text.get(2..53), again.get(2..53), "{text:?}");
    assert_eq!(Context::parse(&again), Some(step));
    let next = step.next();
    assert!(next.trace == step.trace && next.span != 0);
}

/// Of a file each line is a step or is counted; each step is shown once, with nothing that a terminal
/// obeys, and is what it was when it is written again.
///
/// # Panics
/// When it is not.
pub fn file(bytes: &[u8]) {
    let mut lines = Vec::new();
    let others = read(bytes, &mut lines).expect("bytes are read");
    let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
    let open = usize::from(bytes.last().is_some_and(|byte| *byte != b'\n'));
    assert_eq!(lines.len() as u64 + others, (ends + open) as u64);

    let mut written = Vec::new();
    for line in &lines {
        serde_json::to_writer(&mut written, line).expect("a line");
        written.push(b'\n');
        let clipped = line.clone().clipped();
        assert_eq!(
            clipped.clone().clipped(),
            clipped,
            "cut once is cut for good"
        );
    }
    if written
        .split(|byte| *byte == b'\n')
        .all(|line| line.len() < 60_000)
    {
        let mut again = Vec::new();
        assert_eq!(read(&written[..], &mut again).expect("bytes are read"), 0);
        assert_eq!(again, lines);
    }
    shown(lines);
}

fn shown(lines: Vec<Line>) {
    let traces: HashSet<_> = lines.iter().map(|line| line.trace.clone()).collect();
    let json = otlp(&lines);
    let resources = json["resourceSpans"].as_array().expect("resources");
    let told = resources.iter().map(|resource| {
        let spans = resource["scopeSpans"][0]["spans"].as_array();
        spans.expect("spans").len()
    });
    assert_eq!(told.sum::<usize>(), lines.len());
    let count = lines.len();
    let text = tree(lines, |text| text.escape_default().to_string());
    // A line for each step, one for each trace, and one between two of those.
    let between = traces.len().saturating_sub(1);
    assert_eq!(
        text.lines().count(),
        count + traces.len() + between,
        "{text}"
    );
    let is_drawn = |letter: char| letter == '\n' || "├└│─".contains(letter);
    assert!(
        text.chars()
            .all(|letter| is_drawn(letter) || (' '..='~').contains(&letter)),
        "{text}"
    );
}
