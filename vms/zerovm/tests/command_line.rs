//! The command line, where the report goes, and who runs it.

mod support;

use nix::unistd::Uid;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use support::{Report, Runner, Session};

fn zerovm(words: &[&str]) -> Report {
    let mut command = Command::new(Runner::Zerovm.path());
    Report::of(command.args(words).output().expect("zerovm starts"))
}

#[test]
fn a_bad_command_line_gets_help() {
    let help = zerovm(&[]);
    assert_eq!(help.status, Some(22));
    let text = help.text.replace('\u{1b}', "^[");
    insta::assert_snapshot!(text.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    for words in [["-x", "manifest"], ["one", "two"], ["-l", "5"], ["-t", "x"]] {
        let report = zerovm(&words);
        assert_eq!((report.status, report.text), (Some(22), help.text.clone()));
    }
    assert_eq!(zerovm(&["--help"]).status, Some(0));
}

/// Loading libraries would take a part of what a session may take.
#[test]
fn it_loads_no_libraries_where_the_compiler_has_archives() {
    let mut compiler = Command::new("cc");
    let archive = compiler.arg("-print-file-name=libc.a").output();
    if !archive.expect("a compiler").stdout.starts_with(b"/") {
        return;
    }
    let mut reader = Command::new("readelf");
    let parts = reader.args(["--wide", "--dynamic", "--program-headers"]);
    let parts = parts.arg(Runner::Zerovm.path()).output().expect("binutils");
    let parts = String::from_utf8_lossy(&parts.stdout);
    assert!(parts.contains("LOAD"), "{parts}");
    // Nobody would load what is asked for in vain, which is a crash.
    for part in ["INTERP", "(NEEDED)"] {
        assert!(!parts.contains(part), "{parts}");
    }
}

#[test]
fn a_manifest_that_is_not_there() {
    let report = zerovm(&["/nowhere"]);
    assert_eq!(report.status, Some(2));
    assert_eq!(report.lines.len(), 8, "{}", report.text);
    assert_eq!(zerovm(&["/"]).status, Some(5));
    assert_eq!(zerovm(&["-M", "/dev/null"]).status, Some(5));
}

#[test]
fn reports_go_where_they_are_sent() {
    let mut session = Session::of("hello");
    for mode in ["-t1", "-t2", "-t3", "-t-1"] {
        session.options = vec![mode.into(), "-v0".into()];
        let report = session.run();
        assert_eq!(
            (report.status, report.text.as_str()),
            (Some(0), ""),
            "{mode}"
        );
    }
}

#[test]
fn a_skipped_validation_is_reported_as_such() {
    let mut session = Session::of("hello");
    session.options.push("-s".into());
    let report = session.run();
    report.expect_ok();
    assert_eq!(report.validator(), "2");
}

/// Bytes that no validator accepts, with and without `-s`.
#[test]
fn what_is_invalid_does_not_run_whatever_is_asked() {
    let mut session = Session::of("raw");
    session.runner = Runner::Zerovm;
    let report = session.run();
    assert_eq!(
        (report.status, report.state()),
        (Some(8), "validation failed")
    );
    assert_eq!(report.validator(), "1");
    session.options.push("-s".into());
    let report = session.run();
    assert_eq!(
        (report.status, report.state()),
        (Some(8), "validation failed")
    );
    assert_eq!(report.validator(), "2");
    // Its channels were not opened.
    assert!(!session.path("stdout").exists());
}

#[test]
fn a_report_for_programs() {
    let mut session = Session::of("hello");
    session.tag("/dev/stdout");
    session.options.push("--json".into());
    let report = session.run();
    let mut value: serde_json::Value = serde_json::from_str(&report.text).expect("json");
    // How long it took is another number each time.
    value["accounting"]["user_time"] = 0.into();
    value["accounting"]["system_time"] = 0.into();
    value.sort_all_objects();
    insta::assert_snapshot!(serde_json::to_string_pretty(&value).expect("json"));
}

#[test]
fn people_are_told_why() {
    let mut session = Session::of("hello");
    session.set("Timeout", "0");
    session.options.push("--explain".into());
    let output = session.command().output().expect("zerovm starts");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "zerovm: invalid timeout 0\n"
    );
    session.set("Timeout", "9");
    let refused = Session::of("raw");
    let output = refused.command().arg("--explain").output();
    let errors = output.expect("zerovm starts").stderr;
    let errors = String::from_utf8_lossy(&errors);
    let bytes = "0f 05";
    assert!(
        errors.starts_with("zerovm: validation failed: 0x"),
        "{errors}"
    );
    assert!(errors.contains(bytes), "{errors}");
    let output = session.command().output().expect("zerovm starts");
    assert_eq!(output.stderr, b"");
}

#[test]
fn root_becomes_somebody_else_or_nothing_runs() {
    if !Uid::effective().is_root() {
        return;
    }
    let session = Session::of("hello");
    session.run().expect_ok();
    let owner = std::fs::metadata(session.path("stdout"))
        .expect("a file")
        .uid();
    let nobody = nix::unistd::User::from_name("nobody")
        .expect("users")
        .expect("nobody");
    assert_eq!(owner, nobody.uid.as_raw());

    for user in ["root", "there-is-no-such-user"] {
        let output = session.command().args(["--user", user]).output();
        let report = Report::of(output.expect("zerovm starts"));
        let state = "zerovm is not permitted to run as root";
        assert_eq!((report.status, report.state()), (Some(1), state));
        let output = session.command().env("ZEROVM_USER", user).output();
        assert_eq!(output.expect("zerovm starts").status.code(), Some(1));
    }
}

/// What only root may read is not read for a manifest, and a manifest that only root may read is none.
#[test]
fn files_are_opened_without_roots_rights() {
    if !Uid::effective().is_root() {
        return;
    }
    let mut session = Session::of("copy");
    session.input(b"secret");
    let only_root = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(session.path("stdin"), only_root).expect("permissions");
    assert_eq!(session.run().status, Some(14));
}
