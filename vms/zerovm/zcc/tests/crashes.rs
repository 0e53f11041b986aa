//! A crash in a guest is told with its function and line, as far as the program has them.

mod support;

use support::{DIALECTS, Session, compile_in, open_directory};

const TEXT: &str = "static int depth;\n\
                    static __attribute__((noinline)) int victim(volatile int *where)\n\
                    {\n  depth++;\n  return *where / (depth - 1);\n}\n\
                    int main(int argc, char **argv)\n\
                    {\n  return victim(argc > 1 ? 0 : &argc) + depth;\n}\n";

/// What is explained of a crash of a program compiled so, in each dialect.
fn explained(options: &[&str], arguments: &[&str]) -> [String; 2] {
    DIALECTS.map(|dialect| explained_in(dialect, options, arguments))
}

fn explained_in(dialect: &str, options: &[&str], arguments: &[&str]) -> String {
    let directory = open_directory();
    let source = directory.path().join("crash.c");
    std::fs::write(&source, TEXT).expect("it is written");
    let nexe = directory.path().join("crash.nexe");
    let mut words = options.to_vec();
    words.push(source.to_str().expect("a path"));
    compile_in(dialect, words, &nexe);
    let report = Session::of(&nexe).arguments(arguments).run();
    assert!(
        report.state.contains("from untrusted code: Halting at 0x"),
        "{}",
        report.state
    );
    report.explained
}

#[test]
fn with_line_tables_function_and_line() {
    for null in explained(&["-O2", "-g"], &["null"]) {
        assert!(null.contains("Signal 11"), "{null}");
        assert!(
            null.contains(": in victim at ") && null.contains("crash.c:5\n"),
            "{null}"
        );
    }
    for division in explained(&["-O0", "-g"], &[]) {
        assert!(division.contains("Signal 8"), "{division}");
        assert!(
            division.contains(": in victim at ") && division.contains("crash.c:5\n"),
            "{division}"
        );
    }
}

#[test]
fn with_symbols_the_function() {
    for said in explained(&["-O2"], &["null"]) {
        assert!(said.ends_with(": in victim\n"), "{said}");
    }
}

#[test]
fn stripped_only_the_address() {
    for said in explained(&["-O2", "-s"], &["null"]) {
        assert!(!said.contains(" in "), "{said}");
    }
}
