//! The page about isolation names the tests that show what it says: each of them is there.

use cosmos_tests::repository;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Functions in the sources below a directory, also with the name of their file: `files::name`.
fn functions(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).expect("sources").flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "target" && name != ".git" {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("text");
            let stem = path.file_stem().expect("a name").to_string_lossy();
            for rest in text.split("fn ").skip(1) {
                let is_name = |letter: &char| letter.is_alphanumeric() || *letter == '_';
                let name: String = rest.chars().take_while(is_name).collect();
                found.insert(format!("{stem}::{name}"));
                found.insert(name);
            }
        }
    }
}

#[test]
fn every_test_that_the_page_names_is_there() {
    let mut known = BTreeSet::new();
    functions(repository(), &mut known);
    let page = fs::read_to_string(repository().join("docs/isolation.md")).expect("the page");
    let (_, rest) = page.split_once("## How it is tested").expect("the part");
    let (part, _) = rest.split_once("\n## ").expect("another part");
    let quoted = part.split('`').skip(1).step_by(2);
    let is_name = |word: &&str| word.contains('_') && !word.contains(['/', '.']);
    let is_constant = |word: &str| word.contains(char::is_uppercase);
    let mut count = 0;
    for word in quoted.filter(is_name).filter(|word| !is_constant(word)) {
        assert!(known.contains(word), "{word} is not there");
        count += 1;
    }
    assert!(count > 120, "only {count} names were found");
}
