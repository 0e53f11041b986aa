//! Names near the one that was asked for.

use std::path::Path;

/// Most entries of a directory looked at.
const ENTRIES: usize = 20_000;
/// Longest name that others are compared with: file names are no longer.
const LONGEST_NAME: usize = 255;
/// Most names offered.
const OFFERED: usize = 3;

/// Up to three names of `directories` nearest to `name`, nearest first.
pub(super) fn names<'d>(
    name: &str,
    directories: impl IntoIterator<Item = &'d Path>,
    is_wanted: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut found: Vec<(usize, String)> = Vec::new();
    if name.len() > LONGEST_NAME {
        return Vec::new();
    }
    for directory in directories {
        let Ok(entries) = std::fs::read_dir(directory) else {
            continue;
        };
        for entry in entries.flatten().take(ENTRIES) {
            let candidate = entry.file_name().to_string_lossy().into_owned();
            if !is_wanted(&candidate) || candidate.chars().any(char::is_control) {
                continue;
            }
            if let Some(distance) = distance(name, &candidate) {
                found.push((distance, candidate));
            }
        }
    }
    found.sort();
    found.dedup();
    found
        .into_iter()
        .map(|(_, name)| name)
        .take(OFFERED)
        .collect()
}

/// Whether a name is a shared library's.
pub(super) fn is_library(name: &str) -> bool {
    name.ends_with(".so") || name.contains(".so.")
}

/// How far a candidate is; `None`: too far. `z` and `libz` are near `libz.so.1`, and one or two
/// slips are near.
fn distance(name: &str, candidate: &str) -> Option<usize> {
    let stem = |text: &str| {
        let text = text.strip_prefix("lib").unwrap_or(text);
        text.split(".so").next().unwrap_or(text).to_owned()
    };
    let (wanted, has) = (stem(name), stem(candidate));
    let slips = strsim::damerau_levenshtein(&wanted, &has);
    let allowed = match wanted.len() {
        0..=2 => 0,
        3..=5 => 1,
        _ => 2,
    };
    (slips <= allowed).then(|| slips * 16 + strsim::damerau_levenshtein(name, candidate).min(15))
}
