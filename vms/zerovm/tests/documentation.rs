//! The page about ZeroVM names the tests that show what it says: each of them is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Names of functions in the sources below a directory.
fn functions(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).expect("sources").flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("text");
            let names = text.split("fn ").skip(1);
            let is_name = |c: char| c.is_alphanumeric() || c == '_';
            found.extend(names.map(|rest| rest.chars().take_while(|c| is_name(*c)).collect()));
            let stem = path.file_stem().expect("a name").to_string_lossy();
            found.insert(stem.into_owned());
        }
    }
}

/// Words between backquotes that look like tests: `file::name`, or a name of several words.
fn tests(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted
        .filter(|word| {
            word.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:…".contains(c))
        })
        .filter(|word| word.contains("::") || word.matches('_').count() > 1)
}

/// Sections of the specification that say what the first generation does; others tell of the second one,
/// or of what there was.
const SECTIONS: [&str; 36] = [
    "1.1", "1.2", "1.3", "1.4", "1.5", "2.1", "2.2", "2.3", "2.4", "3", "4.1", "4.2", "4.3", "4.4",
    "4.6", "5.1", "5.2", "5.3", "5.4", "5.5", "5.6", "5.7", "6", "7", "8.1", "8.2", "8.3", "8.4",
    "8.5", "9.1", "9.2", "9.3", "9.4", "9.5", "9.6", "11",
];

#[test]
fn every_section_has_its_row() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(here.join("../../docs/zerovm.md")).expect("the page");
    let (_, table) = page.split_once("\n## What shows it\n").expect("the table");
    let (table, _) = table.split_once("\n### ").expect("its end");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| "));
    let firsts = rows.filter_map(|row| row.split(" | ").next());
    let named: BTreeSet<&str> = firsts.flat_map(|first| first.split(", ")).collect();
    for section in SECTIONS {
        assert!(named.contains(section), "nothing shows {section}");
    }
}

#[test]
fn every_test_that_the_page_names_is_there() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = BTreeSet::new();
    functions(here, &mut known);
    let page = fs::read_to_string(here.join("../../docs/zerovm.md")).expect("the page");
    let shows = page
        .split("\n## ")
        .filter(|part| part.starts_with("What shows it") || part.starts_with("The validator"));
    let mut count = 0;
    for part in shows {
        for word in tests(part) {
            let name = word.rsplit("::").next().expect("a name");
            let is_there = match name.strip_suffix('…') {
                Some(begin) => known.iter().any(|name| name.starts_with(begin)),
                None => known.contains(name),
            };
            assert!(is_there, "{word} is not there");
            count += 1;
        }
    }
    assert!(count > 200, "only {count} names were found");
}
