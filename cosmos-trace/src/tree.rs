//! Traces as trees, for people.

use crate::line::Line;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

/// How deep a tree is drawn; what lies deeper stands there.
const DEEPEST: usize = 32;

/// A step that is to be shown, and what is drawn in front of it.
struct Shown {
    place: usize,
    /// For its own line.
    branch: String,
    /// For the lines of its parts.
    stem: String,
    depth: usize,
    /// Whose step it is a part of.
    parent: Option<usize>,
}

/// All traces of these steps, the oldest first. `plain` makes text that others may have written harmless.
pub fn tree(lines: Vec<Line>, plain: impl Fn(&str) -> String) -> String {
    let mut traces: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for line in lines {
        traces.entry(line.trace.clone()).or_default().push(line);
    }
    let begin = |lines: &[Line]| lines.iter().map(|line| line.begin).min();
    let mut traces: Vec<_> = traces.into_iter().collect();
    traces.sort_by_cached_key(|(id, lines)| (begin(lines), id.clone()));
    let texts = traces.iter().map(|(id, lines)| of(id, lines, &plain));
    texts.collect::<Vec<_>>().join("\n")
}

/// One trace, whose steps these are.
fn of(id: &str, lines: &[Line], plain: &impl Fn(&str) -> String) -> String {
    let begin = lines.iter().map(|line| line.begin).min().unwrap_or(0);
    let mut text = format!("trace {}  {}\n", plain(id), time(begin));
    let mut parts = parts(lines);
    let mut is_shown = vec![false; lines.len()];
    // Steps in a circle are parts of no root: one of them is shown as if it were.
    let roots = std::mem::take(&mut parts.roots);
    for root in roots.into_iter().chain(0..lines.len()) {
        let mut open = vec![Shown {
            place: root,
            branch: String::new(),
            stem: String::new(),
            depth: 0,
            parent: None,
        }];
        while let Some(step) = open.pop() {
            let Some(line) = lines.get(step.place) else {
                continue;
            };
            if std::mem::replace(&mut is_shown[step.place], true) {
                continue;
            }
            let around = step.parent.and_then(|parent| lines.get(parent));
            text.push_str(&told(&step.branch, line, around, begin, plain));
            let below = parts.below.remove(&step.place).unwrap_or_default();
            let last = below.len().saturating_sub(1);
            for (number, place) in below.into_iter().enumerate().rev() {
                let is_deep = step.depth >= DEEPEST;
                let (branch, stem) = match number == last {
                    _ if is_deep => ("", ""),
                    true => ("└─ ", "   "),
                    false => ("├─ ", "│  "),
                };
                open.push(Shown {
                    place,
                    branch: format!("{}{branch}", step.stem),
                    stem: format!("{}{stem}", step.stem),
                    depth: step.depth + 1,
                    parent: Some(step.place),
                });
            }
        }
    }
    text
}

/// Which steps are parts of which, by their places; in the order in which they began.
struct Parts {
    roots: Vec<usize>,
    below: HashMap<usize, Vec<usize>>,
}

fn parts(lines: &[Line]) -> Parts {
    let mut places = HashMap::new();
    for (place, line) in lines.iter().enumerate() {
        places.entry(line.span.as_str()).or_insert(place);
    }
    let mut order: Vec<usize> = (0..lines.len()).collect();
    // Of two that began at once the longer one is around the other, or before it.
    order.sort_by_key(|place| lines.get(*place).map(|line| (line.begin, !line.took)));
    let mut parts = Parts {
        roots: Vec::new(),
        below: HashMap::new(),
    };
    for place in order {
        let parent = lines.get(place).map(|line| line.parent.as_str());
        match parent.and_then(|parent| places.get(parent)) {
            Some(parent) if *parent != place => parts.below.entry(*parent).or_default().push(place),
            _ => parts.roots.push(place),
        }
    }
    parts
}

fn told(
    branch: &str,
    line: &Line,
    around: Option<&Line>,
    first: u64,
    plain: &impl Fn(&str) -> String,
) -> String {
    let since = milliseconds(line.begin.saturating_sub(first));
    let took = milliseconds(line.took);
    let mut text = format!("{since:>12} {took:>12}  {branch}");
    if around.is_none_or(|around| whose(around) != whose(line)) {
        let _ = write!(text, "{}: ", plain(&whose(line)));
    }
    text.push_str(&plain(&line.name));
    if !line.what.is_empty() {
        let _ = write!(text, " {}", plain(&line.what));
    }
    if !line.fault.is_empty() {
        let _ = write!(text, "  FAILED: {}", plain(&line.fault));
    }
    text.push('\n');
    text
}

/// The process, with what tells it from others of its kind.
fn whose(line: &Line) -> String {
    let mut text = line.process.clone();
    match (line.vm.as_str(), line.pid) {
        ("", 0) => {}
        ("", pid) => text.push_str(&format!(" {pid}")),
        (vm, _) => text.push_str(&format!(" {vm}")),
    }
    if !line.host.is_empty() {
        text.push_str(&format!(" on {}", line.host));
    }
    text
}

fn milliseconds(nanoseconds: u64) -> String {
    format!(
        "{}.{:03}",
        nanoseconds / 1_000_000,
        nanoseconds / 1000 % 1000
    )
}

fn time(nanoseconds: u64) -> String {
    match Timestamp::from_nanosecond(nanoseconds.into()) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => "-".to_owned(),
    }
}
