//! The command as its users meet it, where no daemon is needed: output, errors, exit codes.

use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};

const USAGE: i32 = 2;

/// The command, with a socket directory in which nothing runs and nothing is to be started.
fn cosmos(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cosmos"));
    command
        .args(arguments)
        .env("COSMOS_SOCKET_DIRECTORY", "/nonexistent/cosmos")
        .env("COSMOS_START_DAEMONS", "false")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    cosmos(arguments).output().unwrap()
}

fn stdout(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Standard error of a command that fails with this code and prints nothing.
fn stderr(arguments: &[&str], code: i32) -> String {
    let output = run(arguments);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{arguments:?}: {output:?}"
    );
    assert_eq!(output.stdout, b"", "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn every_help_shows_an_example() {
    for verb in [
        &[][..],
        &["call"],
        &["session"],
        &["ls"],
        &["which"],
        &["explain"],
        &["proto"],
        &["proto", "check"],
        &["proto", "show"],
        &["doctor"],
        &["config"],
        &["config", "show"],
        &["stop"],
        &["completion"],
    ] {
        let help = stdout(&[verb, &["--help"]].concat());
        assert!(help.contains("$ cosmos "), "{verb:?} shows no example");
    }
}

#[test]
fn wrong_usage_is_told_apart() {
    for arguments in [
        &[][..],
        &["frobnicate"],
        &["call"],
        &["call", "libm.so.6"],
        &["ls", "--nonsense"],
        &["call", "--timeout", "soon", "libm.so.6", "void f(void)"],
        &["completion", "ksh"],
        &["proto", "show", "--model", "LP128", "int f(void)"],
    ] {
        assert!(!stderr(arguments, USAGE).is_empty());
    }
}

/// Words are read before anything is opened: none of these needs a library.
#[test]
fn wrong_words_name_the_parameter() {
    let div = "div_t div(int numer, int denom)";
    insta::assert_snapshot!(stderr(&["call", "libc.so.6", div, "17"], USAGE));
    insta::assert_snapshot!(stderr(&["call", "libc.so.6", div, "17", "x"], USAGE));
    insta::assert_snapshot!(stderr(
        &["call", "libc.so.6", div, "17", "-5000000000"],
        USAGE
    ));
}

#[test]
fn a_refused_prototype_has_a_number_a_caret_and_advice() {
    let text = stderr(
        &["call", "libz.so.1", "int deflate(unsigned char *dest)", "_"],
        1,
    );
    assert!(text.starts_with("error: prototype: "), "{text}");
    assert!(text.contains("[E0103]") && text.contains('^'), "{text}");
    assert!(text.ends_with("see:  cosmos explain E0103\n"), "{text}");
}

#[test]
fn a_failed_call_is_json_too() {
    let output = run(&["call", "--json", "libz.so.1", "int f(char *p)", "_"]);
    assert_eq!(output.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["error"]["code"], "E0103");
    assert!(!output.stderr.is_empty());
}

#[test]
fn wrong_words_are_json_too() {
    let output = run(&["call", "--json", "libc.so.6", "int abs(int x)", "1.5"]);
    assert_eq!(output.status.code(), Some(USAGE));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["error"]["code"], "BadArgument");
    assert_eq!(json["error"]["function"], "abs");
}

#[test]
fn an_option_in_the_wrong_place_is_told_where_it_stands() {
    let text = stderr(
        &["call", "libc.so.6", "int abs(int x)", "1", "--json"],
        USAGE,
    );
    assert!(text.contains("options stand before"), "{text}");
}

#[test]
fn cosmos_itself_failing_has_a_code_of_its_own() {
    let text = stderr(&["call", "libm.so.6", "double cos(double x)", "0"], 125);
    assert!(
        text.starts_with("error: ") && text.contains("/nonexistent"),
        "{text}"
    );
    let wrong = cosmos(&["config", "show"])
        .env("COSMOS_TIMEOUT_MS", "soon")
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(125));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("COSMOS_TIMEOUT_MS"));
}

#[test]
fn errors_are_explained() {
    for given in ["e0103", "E0103", "0103", "103", " E103 "] {
        assert!(
            stdout(&["explain", given]).starts_with("E0103: "),
            "{given}"
        );
    }
    assert!(
        stdout(&["explain"])
            .lines()
            .any(|line| line.starts_with("E0103  "))
    );
    let all: serde_json::Value = serde_json::from_str(&stdout(&["explain", "--json"])).unwrap();
    assert!(
        all.as_array()
            .unwrap()
            .iter()
            .any(|one| one["code"] == "E0103")
    );
    assert!(stderr(&["explain", "E9999"], 1).starts_with("error: no error has the number"));
}

#[test]
fn errors_are_explained_by_name() {
    for given in [
        "CallbackFailed",
        "callback_failed",
        "COSMOS_ERROR_CALLBACK_FAILED",
    ] {
        let text = stdout(&["explain", given]);
        let head = "CallbackFailed: a function of the program's own failed\n\
                    COSMOS_ERROR_CALLBACK_FAILED, errno ECANCELED\n\n";
        assert!(text.starts_with(head), "{text}");
    }
    let one: serde_json::Value =
        serde_json::from_str(&stdout(&["explain", "--json", "VmDied"])).unwrap();
    assert_eq!(one["code"], "VmDied");
    assert_eq!(one["errno"], "EOWNERDEAD");
}

/// The page has all of them, each with its errno.
#[test]
fn the_page_of_errors_has_every_name() {
    let page = std::fs::read_to_string("../docs/errors.md").unwrap();
    let all: serde_json::Value = serde_json::from_str(&stdout(&["explain", "--json"])).unwrap();
    let named = all.as_array().unwrap().iter();
    let named: Vec<_> = named.filter(|one| one["errno"].is_string()).collect();
    assert!(named.len() > 20);
    for one in named {
        let (name, errno) = (
            one["code"].as_str().unwrap(),
            one["errno"].as_str().unwrap(),
        );
        let has = |line: &str| {
            line.contains(&format!("`{name}`")) && line.contains(&format!("| `{errno}` |"))
        };
        assert!(page.lines().any(has), "{name}, {errno}");
    }
}

#[test]
fn declarations_that_are_not_utf_8_are_named_by_their_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"int abs(int j);\nint f(int \xe9);\n").unwrap();
    let path = file.path().to_str().unwrap();
    let told = stderr(&["proto", "check", path], 1);
    assert!(told.contains(&format!("{path}:2: ")), "{told}");
    assert!(told.contains("0xe9") && told.contains("iconv"), "{told}");
    let told = cosmos(&["proto", "check", "-"])
        .stdin(std::fs::File::open(path).unwrap())
        .output()
        .unwrap();
    let told = String::from_utf8(told.stderr).unwrap();
    assert!(told.starts_with("error: standard input:2: "), "{told}");
}

#[test]
fn a_file_of_prototypes_is_checked_line_by_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = "/* two */\ndouble cos(double x);\nint f(char *dest);\n// one\nint abs(int j);\n";
    std::fs::write(file.path(), text).unwrap();
    let path = file.path().to_str().unwrap();
    let output = run(&["proto", "check", path]);
    assert_eq!(output.status.code(), Some(1));
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = lines.lines().collect();
    assert_eq!(
        (lines.len(), lines[0], lines[2]),
        (3, "ok cos", "ok abs"),
        "{lines:?}"
    );
    assert!(lines[1].starts_with("refused f E0103 "), "{lines:?}");

    let output = run(&["proto", "check", "--json", path]);
    assert_eq!(output.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json[0]["verdict"], "ok");
    assert_eq!(
        (&json[1]["name"], &json[1]["code"]),
        (&"f".into(), &"E0103".into())
    );

    std::fs::write(file.path(), "double cos(double x);").unwrap();
    assert_eq!(stdout(&["proto", "check", path]), "ok cos\n");
    assert!(stderr(&["proto", "check", "/nonexistent/file"], 1).contains("/nonexistent/file"));
}

#[test]
fn a_prototype_is_shown_with_its_layout() {
    let point = "struct point { char tag; double y; }; int f(const struct point *p, int n)";
    insta::assert_snapshot!(stdout(&["proto", "show", "--model", "LP64", point]));
    insta::assert_snapshot!(stdout(&["proto", "show", "--model", "ilp32", point]));
    let json = stdout(&["proto", "show", "--json", "--model", "LP64", point]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["records"][0]["members"][1]["offset"], 8);
    assert_eq!(json["parameters"][1]["size"], 4);
}

#[test]
fn completions_and_manual_pages_are_made() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(&["completion", shell]).contains("doctor"), "{shell}");
    }
    let directory = tempfile::tempdir().unwrap();
    stdout(&["man", directory.path().to_str().unwrap()]);
    let page = |name| std::fs::read_to_string(directory.path().join(name)).unwrap();
    assert!(page("cosmos.1").contains("EXIT STATUS"));
    assert!(page("cosmos-call.1").contains("EXAMPLES"));
    assert!(page("cosmos-proto-check.1").contains("refused NAME"));
    assert!(!directory.path().join("cosmos-man.1").exists());
}

#[test]
fn nothing_runs_where_nothing_was_started() {
    let table = stdout(&["ls"]);
    assert_eq!(table.lines().count(), 1, "{table}");
    assert_eq!(stdout(&["ls", "--json"]), "[]\n");
    assert_eq!(stdout(&["stop"]), "");
}

#[test]
fn the_configuration_names_origins() {
    let output = cosmos(&["config", "show"])
        .env("COSMOS_IDLE_SECONDS", "5")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("idle_seconds "))
        .unwrap();
    assert!(
        line.contains(" 5 ") && line.contains("COSMOS_IDLE_SECONDS"),
        "{line}"
    );
}

#[test]
fn the_doctor_says_what_prevents_calls() {
    let output = run(&["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.lines()
            .any(|line| line.starts_with("FAIL  socket directory")),
        "{text}"
    );
    assert!(text.ends_with("calls do not work\n"), "{text}");
    let json = run(&["doctor", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["works"], false);
}

/// `cosmos … | head -0`: whoever reads has gone before anything is written.
#[test]
fn a_closed_standard_output_ends_it_quietly() {
    for arguments in [
        &["explain"][..],
        &["--help"],
        &["completion", "bash"],
        &["config", "show"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = cosmos(arguments)
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        assert_eq!(output.stderr, b"", "{arguments:?}");
    }
}

#[test]
fn prototypes_are_checked_from_standard_input() {
    let mut child = cosmos(&["proto", "check", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"int abs(int j);")
        .unwrap();
    let mut text = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(text, "ok abs\n");
}
