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
