//! The command as people and scripts use it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_zerovm-validate"))
}

fn files(folder: &Path, names: &[&str]) -> Output {
    command().current_dir(folder).args(names).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn hex(input: &[u8]) -> (Option<i32>, String) {
    hex_with(&[], input)
}

fn hex_with(options: &[&str], input: &[u8]) -> (Option<i32>, String) {
    let mut child = command()
        .arg("--hex")
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

/// A program for ZeroVM in ELF format, of the code that is given.
fn nexe(code: &[u8]) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01\x7b\x07\0\0\0\0\0\0\0".to_vec();
    for half in [2_u16, 62, 1, 0] {
        file.extend(half.to_le_bytes());
    }
    for word in [0x20000_u64, 64, 0] {
        file.extend(word.to_le_bytes());
    }
    for half in [0_u16, 0x20, 64, 56, 1, 0, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    file.extend([1, 0, 0, 0, 5, 0, 0, 0]);
    let size = code.len() as u64;
    for word in [120, 0x20000, 0x20000, size, size, 0x10000] {
        file.extend(word.to_le_bytes());
    }
    file.extend(code);
    file
}

#[test]
fn a_program_is_safe_until_a_byte_of_it_becomes_a_system_call() {
    let folder = tempfile::tempdir().unwrap();
    let mut code = [0x90; 64];
    std::fs::write(folder.path().join("good.nexe"), nexe(&code)).unwrap();
    code[33..35].copy_from_slice(&[0x0f, 0x05]);
    std::fs::write(folder.path().join("bad.nexe"), nexe(&code)).unwrap();

    let good = files(folder.path(), &["good.nexe"]);
    assert_eq!(text(&good.stdout), "good.nexe: safe\n");
    assert_eq!(good.status.code(), Some(0));

    let both = files(folder.path(), &["bad.nexe", "good.nexe"]);
    assert_eq!(
        text(&both.stdout),
        "bad.nexe: unsafe 0x21: 0f 05: a system call or interrupt\ngood.nexe: safe\n"
    );
    assert_eq!(both.status.code(), Some(1));
}

#[test]
fn foreign_programs_are_unsafe_and_missing_ones_are_trouble() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(
        env!("CARGO_BIN_EXE_zerovm-validate"),
        folder.path().join("host"),
    )
    .unwrap();
    std::fs::write(folder.path().join("cut"), &nexe(&[0x90; 32])[..100]).unwrap();
    let output = files(folder.path(), &["host", "cut", "missing"]);
    assert_eq!(
        text(&output.stdout),
        "host: unsafe 0x0: not of type EXEC: a nexe is linked statically to fixed addresses\n\
         cut: unsafe 0x0: the program headers are cut off or damaged\n"
    );
    assert!(text(&output.stderr).starts_with("zerovm-validate: missing: No such file"));
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        command().output().unwrap().status.code(),
        Some(2),
        "no arguments"
    );
}

/// Each is said to be trouble, and the next one is judged all the same.
#[test]
fn what_is_no_file_to_be_read_is_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let large = std::fs::File::create(folder.path().join("large")).unwrap();
    large.set_len(5 << 30).unwrap();
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
    std::fs::write(folder.path().join("good"), nexe(&[0x90; 32])).unwrap();
    let names = [".", "large", "/dev/zero", "socket", "missing/", "good"];
    let output = files(folder.path(), &names);
    let told = text(&output.stderr);
    let told: Vec<&str> = told
        .lines()
        .map(|line| line.split(" (os error").next().unwrap())
        .collect();
    assert_eq!(
        told,
        [
            "zerovm-validate: .: Is a directory",
            "zerovm-validate: large: more than the 256 MiB that are read of a file",
            "zerovm-validate: /dev/zero: more than the 256 MiB that are read of a file",
            "zerovm-validate: socket: No such device or address",
            "zerovm-validate: missing/: No such file or directory",
        ]
    );
    assert_eq!(text(&output.stdout), "good: safe\n");
    assert_eq!(output.status.code(), Some(2));
}

/// Nothing is wrong with no code, but nobody can run it.
#[test]
fn an_empty_file_is_no_program() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty"), b"").unwrap();
    let output = files(folder.path(), &["empty", "/dev/null"]);
    assert_eq!(
        text(&output.stdout),
        "empty: unsafe 0x0: the file is empty\n/dev/null: unsafe 0x0: the file is empty\n"
    );
    assert_eq!(output.status.code(), Some(1));
}

/// A pipe has no size, and is read to its end.
#[test]
fn a_fifo_is_read_until_its_writer_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let writer = std::thread::spawn(move || std::fs::write(fifo, nexe(&[0x90; 32])).unwrap());
    let output = files(folder.path(), &["fifo"]);
    writer.join().unwrap();
    assert_eq!(text(&output.stdout), "fifo: safe\n");
}

#[test]
fn bare_code_is_judged_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("boot"), [0x90, 0xb8, 0, 0]).unwrap();
    let output = files(folder.path(), &["boot"]);
    assert_eq!(
        text(&output.stdout),
        "boot: unsafe 0x1: b8 00 00: an instruction that the text ends in\n"
    );
}

#[test]
fn hexadecimal_lines_have_a_verdict_each() {
    assert_eq!(
        hex(b"90\n0f31\n4889ec\n"),
        (
            Some(1),
            "ok\nbad 0x0 an instruction that reads the time\nok\n".to_owned()
        )
    );
    assert_eq!(hex(b"90\n90"), (Some(0), "ok\nok\n".to_owned()));
    assert_eq!(hex(b"nop\n").0, Some(2));
}

#[test]
fn a_program_is_held_to_the_dialect_that_it_says_or_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    // mov %gs:(%eax), %eax
    let code = b"\x65\x67\x8b\x00".repeat(8);
    let mut file = nexe(&code);
    std::fs::write(folder.path().join("nacl.nexe"), &file).unwrap();
    file[8] = 8;
    std::fs::write(folder.path().join("fast.nexe"), &file).unwrap();
    let refused = "unsafe 0x0: 65 67 8b 00: prefixes that this instruction does not take\n";
    for (options, nacl_is_safe, fast_is_safe) in [
        (&[][..], false, true),
        (&["--dialect", "fast"], true, true),
        (&["--dialect=nacl"], false, false),
    ] {
        let words = [options, &["nacl.nexe", "fast.nexe"]].concat();
        let output = files(folder.path(), &words);
        let said = |is_safe: bool| if is_safe { "safe\n" } else { refused };
        let expected = format!(
            "nacl.nexe: {}fast.nexe: {}",
            said(nacl_is_safe),
            said(fast_is_safe)
        );
        assert_eq!(text(&output.stdout), expected);
        assert_eq!(output.status.code(), Some(i32::from(!nacl_is_safe)));
    }
    let unknown = files(folder.path(), &["--dialect", "slow", "nacl.nexe"]);
    assert!(text(&unknown.stderr).contains("possible values: nacl, fast"));
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn hexadecimal_lines_are_judged_by_the_dialect() {
    let lines = b"65678b00\n4889ec\n448b1c244183e3e04d01fb4c891c24c3\nc3\n5d\n";
    assert_eq!(
        hex_with(&["--dialect", "fast"], lines),
        (
            Some(1),
            "ok\nbad 0x0 rsp is written other than in the allowed ways\nok\n\
             bad 0x0 a return without its masking sequence\nok\n"
                .to_owned()
        )
    );
    assert_eq!(
        hex_with(&["--dialect", "nacl"], b"65678b00\n4889ec\n").1,
        "bad 0x0 prefixes that this instruction does not take\nok\n"
    );
}

#[test]
fn the_help_says_what_there_is() {
    let help = command().arg("--help").output().unwrap();
    insta::assert_snapshot!(text(&help.stdout));
}

/// As many lines as a list of test cases may have; this is about being right for each of them.
#[test]
fn many_lines_have_as_many_verdicts() {
    let lines = 20_000;
    let (code, output) = hex(&b"89c0418b1c07\n418b1c07\n".repeat(lines / 2));
    assert_eq!(code, Some(1));
    assert_eq!(output.lines().count(), lines);
    assert_eq!(
        output.lines().filter(|line| *line == "ok").count(),
        lines / 2
    );
}
