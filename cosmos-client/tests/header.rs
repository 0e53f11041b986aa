//! The C header: it is what the Rust sources say, and every C and C++ takes it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The modules of the C face, in the order of the header.
const SOURCES: [&str; 16] = [
    "code",
    "error",
    "options",
    "vm",
    "dl",
    "denials",
    "budget",
    "calls",
    "started",
    "together",
    "variadic",
    "values",
    "program_options",
    "exec",
    "arena",
    "trace",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn header() -> PathBuf {
    root().join("../include/cosmos_vm.h")
}

#[test]
fn the_header_is_what_the_sources_say() {
    let config = cbindgen::Config::from_root_or_default(root());
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in SOURCES {
        builder = builder.with_src(root().join(format!("src/c/{source}.rs")));
    }
    let mut text = Vec::new();
    builder.generate().expect("cbindgen").write(&mut text);
    let fresh = tidy(&String::from_utf8(text).expect("UTF-8"));
    if std::env::var_os("COSMOS_UPDATE_HEADER").is_some() {
        std::fs::create_dir_all(header().parent().expect("a parent")).expect("include/");
        std::fs::write(header(), &fresh).expect("written");
    }
    let present = std::fs::read_to_string(header()).unwrap_or_default();
    assert!(
        present == fresh,
        "include/cosmos_vm.h is stale; run\n    \
         COSMOS_UPDATE_HEADER=1 cargo test -p cosmos-client --test header"
    );
}

/// What cbindgen has no option for: comments of one line on one line, constants close together,
/// and the section that Rust calls safety in words of C.
fn tidy(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let count = lines.len();
        if line == " */" && count >= 2 && lines[count - 2] == "/**" {
            let comment = lines.pop().expect("a line").replacen(" * ", "/** ", 1);
            lines.pop();
            // A constant follows a constant without a gap.
            if lines.len() >= 2 && lines[lines.len() - 2].starts_with("#define COSMOS_E") {
                lines.pop();
            }
            lines.push(format!("{comment} */"));
        } else {
            lines.push(line.replace(" * # Safety", " * What the caller promises:"));
        }
    }
    lines.join("\n") + "\n"
}

#[test]
fn every_c_takes_it() {
    for standard in ["c89", "c99", "c11", "c17", "c2x"] {
        compile("gcc", standard, "c");
    }
}

#[test]
fn every_cpp_takes_it() {
    for standard in ["c++98", "c++11", "c++14", "c++17", "c++20"] {
        compile("g++", standard, "c++");
    }
}

#[test]
fn it_leaves_no_macro_but_its_own() {
    let output = Command::new("gcc")
        .args(["-E", "-dM", "-x", "c"])
        .arg(header())
        .output()
        .expect("gcc");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let annotations = [
        "__in ",
        "__out ",
        "__fd ",
        "__handle ",
        "__sized_by",
        "__counted_by",
    ];
    for annotation in annotations {
        assert!(
            !text.contains(&format!("#define {annotation}")),
            "{annotation} is left defined"
        );
    }
    assert!(text.contains("#define COSMOS_ERROR_VM_DIED 14"));
}

fn compile(compiler: &str, standard: &str, language: &str) {
    let output = Command::new(compiler)
        .arg(format!("-std={standard}"))
        .args([
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            "-fsyntax-only",
            "-x",
            language,
        ])
        .arg(header())
        .output()
        .unwrap_or_else(|error| panic!("{compiler}: {error}"));
    assert!(
        output.status.success(),
        "{compiler} -std={standard}:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
