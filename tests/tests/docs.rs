//! What the documentation shows is what happens.
//!
//! `docs/README.md` states the marks of code blocks that this file looks for.

use cosmos_tests::{Prefix, World, in_world_for, repository, run};

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A marked block of code.
#[derive(Debug)]
struct Block {
    /// Where it begins, for failures: `README.md:12`.
    place: String,
    language: String,
    mark: Mark,
    text: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Mark {
    /// `run`: commands, and what they print.
    Run,
    /// `file=NAME`: a file that later blocks of the document use.
    File(String),
    /// `path=PATH`: the same as this file of the repository.
    Path(String),
}

/// README.md and everything in docs/.
fn documents() -> Vec<PathBuf> {
    let docs = std::fs::read_dir(repository().join("docs")).expect("docs/");
    let mut found: Vec<PathBuf> = docs
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    found.push(repository().join("README.md"));
    found.sort();
    found
}

fn blocks(document: &Path) -> Vec<Block> {
    let text = std::fs::read_to_string(document).expect("a document");
    let name = document.file_name().expect("a name").to_string_lossy();
    let mut found = Vec::new();
    let mut open: Option<(usize, String, Vec<&str>)> = None;
    for (index, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(head)) => open = Some((index + 1, head.to_owned(), Vec::new())),
            (None, None) => {}
            (Some(_), Some("")) => {
                let (place, head, lines) = open.take().expect("it is open");
                let place = format!("{name}:{place}");
                found.extend(marked(place, &head, &lines));
            }
            (Some((_, _, lines)), _) => lines.push(line),
        }
    }
    assert!(open.is_none(), "{name} leaves a block open");
    found
}

fn marked(place: String, head: &str, lines: &[&str]) -> Option<Block> {
    let (language, mark) = head.split_once(' ')?;
    let mark = match mark.split_once('=') {
        Some(("file", name)) => Mark::File(name.to_owned()),
        Some(("path", path)) => Mark::Path(path.to_owned()),
        None if mark == "run" => Mark::Run,
        _ => panic!("{place}: the mark {mark:?} means nothing"),
    };
    let text = lines.iter().map(|line| format!("{line}\n")).collect();
    Some(Block {
        place,
        language: language.to_owned(),
        mark,
        text,
    })
}

#[test]
fn the_documents_run() {
    in_world_for(Duration::from_secs(240), |world| {
        let prefix = Prefix::installed(world);
        let mut count = 0;
        for (index, document) in documents().into_iter().enumerate() {
            let directory = world.directory().join(format!("document-{index}"));
            std::fs::create_dir(&directory).expect("a directory");
            let_everybody_in(world, &directory);
            for block in blocks(&document) {
                match &block.mark {
                    Mark::File(name) => {
                        std::fs::write(directory.join(name), &block.text).expect("a file");
                    }
                    Mark::Run => {
                        run_block(world, &prefix, &directory, &block);
                        count += 1;
                    }
                    Mark::Path(_) => {}
                }
            }
        }
        println!("{count} blocks ran");
        assert!(count > 0);
    });
}

/// What root starts may run as somebody else.
fn let_everybody_in(world: &World, directory: &Path) {
    for (path, mode) in [(world.directory(), 0o711), (directory, 0o777)] {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path, mode).expect("permissions");
    }
}

fn run_block(world: &World, prefix: &Prefix, directory: &Path, block: &Block) {
    assert_eq!(block.language, "sh", "{}", block.place);
    let steps = steps(&block.text);
    for (command, expected) in &steps {
        if command.starts_with("python3 ") && !has_python() {
            println!("skipped, for there is no python3: {}", block.place);
            continue;
        }
        let mut shell = Command::new("bash");
        let bin = prefix.file("bin");
        let path = std::env::var("PATH").unwrap_or_default();
        shell
            // What a person sees: both streams, in order.
            .args(["-c", &format!("exec 2>&1\n{command}")])
            .current_dir(directory)
            .env("ZCC_CACHE", world.directory().join("zcc"))
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("PKG_CONFIG_PATH", prefix.file("lib/pkgconfig"));
        let ran = run(prefix.environment(&mut shell), Duration::from_secs(60));
        let place = &block.place;
        match expected {
            Some(expected) => assert!(
                matches(expected, &ran.stdout),
                "{place}: {command}\n--- documented\n{expected}--- printed\n{}---",
                ran.stdout
            ),
            None => assert!(ran.status.success(), "{place}: {command}\n{}", ran.stdout),
        }
    }
    assert!(!world.sockets().as_os_str().is_empty());
}

fn has_python() -> bool {
    let version = Command::new("python3").arg("--version").output();
    version.is_ok_and(|told| told.status.success())
}

/// Commands after `$ `, continued where a line ends in a backslash or a quote is open, and what
/// follows each. A block
/// without a prompt is one script, of which only success is asked.
fn steps(text: &str) -> Vec<(String, Option<String>)> {
    let mut steps: Vec<(String, Option<String>)> = Vec::new();
    let mut continues = false;
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push((command.to_owned(), None));
        } else if let Some((command, output)) = steps.last_mut() {
            if continues {
                command.push('\n');
                command.push_str(line);
            } else {
                let output = output.get_or_insert_default();
                output.push_str(line);
                output.push('\n');
                continue;
            }
        } else {
            return vec![(format!("set -e\n{text}"), None)];
        }
        let command = steps.last().map(|(command, _)| command.as_str());
        continues = line.ends_with('\\') || command.is_some_and(is_inside_quotes);
    }
    steps
}

fn is_inside_quotes(command: &str) -> bool {
    command.matches('\'').count() % 2 == 1
}

/// Whether the output is as documented: `…` stands for any text, over lines where it stands alone.
fn matches(expected: &str, printed: &str) -> bool {
    let mut rest = printed;
    for (index, part) in expected.split('…').enumerate() {
        if index == 0 {
            match rest.strip_prefix(part) {
                Some(after) => rest = after,
                None => return false,
            }
        } else if index == expected.matches('…').count() {
            return rest.ends_with(part);
        } else {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
    }
    rest.is_empty()
}

#[test]
fn code_shown_is_code_that_is_compiled() {
    let mut count = 0;
    for document in documents() {
        for block in blocks(&document) {
            let Mark::Path(path) = &block.mark else {
                continue;
            };
            let file = std::fs::read_to_string(repository().join(path))
                .unwrap_or_else(|error| panic!("{}: {path}: {error}", block.place));
            assert!(
                file == block.text || contains_lines(&file, &block.text),
                "{} is not what {path} holds",
                block.place
            );
            count += 1;
        }
    }
    assert!(count > 0);
}

/// Whether the block is a run of whole lines of the file.
fn contains_lines(file: &str, block: &str) -> bool {
    !block.trim().is_empty()
        && file
            .match_indices(block)
            .any(|(at, _)| at == 0 || file[..at].ends_with('\n'))
}

/// What a link to each heading of a document ends in: letters, digits, hyphens for blanks.
fn anchors(document: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(document).expect("a document");
    let mut in_block = false;
    let headings = text.lines().filter(|line| {
        in_block ^= line.starts_with("```");
        !in_block && line.starts_with('#')
    });
    let anchor = |heading: &str| -> String {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = |letter: &char| letter.is_alphanumeric() || " -_".contains(*letter);
        words.replace(' ', "-").chars().filter(kept).collect()
    };
    headings.map(anchor).collect()
}

/// Every relative link leads to a file, and to a heading of it where it names one.
#[test]
fn links_lead_somewhere() {
    for document in documents() {
        let text = std::fs::read_to_string(&document).expect("a document");
        let directory = document.parent().expect("a directory");
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().expect("a target");
            if target.contains("://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => document.clone(),
                file => directory.join(file),
            };
            let place = document.display();
            assert!(file.exists(), "{place}: {target} leads nowhere");
            if !anchor.is_empty() && file.extension().is_some_and(|extension| extension == "md") {
                let found = anchors(&file).iter().any(|known| known == anchor);
                assert!(found, "{place}: {target} leads to no heading");
            }
        }
    }
}

#[test]
fn the_mark_for_any_text_works() {
    assert!(matches("a…c\n", "abc\n"));
    assert!(matches("a\n…\nd\n", "a\nb\nc\nd\n"));
    assert!(matches("same\n", "same\n"));
    assert!(!matches("same\n", "same\nand more\n"));
    assert!(!matches("a…c\n", "abd\n"));
    assert!(!matches("…b…d\n", "a c d\n"));
}
