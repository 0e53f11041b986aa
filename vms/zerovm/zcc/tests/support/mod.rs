//! Programs that are compiled with zcc and run by the real `zerovm`, and with gcc and run as they are.
#![allow(dead_code, reason = "each test uses what it needs")]

pub mod sources;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Where the runtime is kept for tests: compiled once for all of them.
pub fn cache() -> &'static Path {
    Path::new(concat!(env!("CARGO_TARGET_TMPDIR"), "/zcc"))
}

/// `zcc`, ready for arguments.
pub fn zcc() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zcc"));
    command.env("ZCC_CACHE", cache());
    command
}

/// `zerovm`, which is built with the rest of the workspace.
fn zerovm() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_zcc")).with_file_name("zerovm");
    assert!(
        path.exists(),
        "{} is built first: cargo build -p zerovm",
        path.display()
    );
    path
}

/// The sources of the test programs.
pub fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/programs")
        .join(name)
}

/// A directory where sessions may read and write whoever runs the tests: root becomes nobody.
pub fn open_directory() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let everybody = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(directory.path(), everybody).expect("permissions");
    directory
}

/// What a program did.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    pub output: Vec<u8>,
    pub code: i32,
}

impl Ended {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }
}

/// A command that has to succeed.
pub fn done(command: &mut Command) -> Output {
    let output = command.output().expect("it starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    output
}

/// What a command that has to fail says.
pub fn complaint(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    assert!(!output.status.success(), "{command:?} succeeds");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The dialects that programs are compiled in.
pub const DIALECTS: [&str; 2] = ["nacl", "fast"];

/// Compiles a guest.
pub fn compile<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>, nexe: &Path) {
    compile_in(DIALECTS[0], arguments, nexe);
}

/// Compiles a guest in a dialect.
pub fn compile_in<S: AsRef<OsStr>>(
    dialect: &str,
    arguments: impl IntoIterator<Item = S>,
    nexe: &Path,
) {
    let mut command = zcc();
    command.args(["--dialect", dialect]).args(arguments);
    done(command.arg("-o").arg(nexe));
    let readable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(nexe, readable).expect("permissions");
}

/// A session to be run.
#[derive(Debug)]
pub struct Session {
    pub directory: TempDir,
    nexe: PathBuf,
    channels: String,
    memory: u64,
    timeout: u32,
    arguments: Vec<String>,
    input: PathBuf,
}

/// How a session ended.
#[derive(Debug)]
pub struct Report {
    pub ended: Ended,
    pub errors: String,
    /// Whether it became a daemon, as the report says it.
    pub daemon: String,
    pub state: String,
    /// The line of what was used.
    pub accounting: String,
    pub explained: String,
}

impl Report {
    /// What the lines of a report say, beside what the session wrote.
    pub fn of(text: &str, output: Vec<u8>, errors: Vec<u8>) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let line = |index: usize| lines.get(index).copied().unwrap_or_default().to_owned();
        Self {
            ended: Ended {
                output,
                code: line(2).parse().unwrap_or(-1),
            },
            errors: String::from_utf8_lossy(&errors).into_owned(),
            daemon: line(1),
            accounting: line(4),
            state: line(5),
            explained: String::new(),
        }
    }
}

impl Session {
    pub fn of(nexe: &Path) -> Self {
        Self {
            directory: open_directory(),
            nexe: nexe.to_owned(),
            channels: String::new(),
            memory: 1 << 30,
            timeout: 300,
            arguments: Vec::new(),
            input: PathBuf::from("/dev/null"),
        }
    }

    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    pub fn timeout(mut self, seconds: u32) -> Self {
        self.timeout = seconds;
        self
    }

    /// A file of the session's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file of the session's directory that the session may read and write.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("it is written");
        let everybody = std::fs::Permissions::from_mode(0o666);
        std::fs::set_permissions(&path, everybody).expect("permissions");
        path
    }

    pub fn input(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.input = self.file("input", bytes);
        self
    }

    /// A channel without limits.
    pub fn channel(mut self, path: &Path, alias: &str, kind: u8) -> Self {
        let many = 1u64 << 40;
        let path = path.display();
        let line = format!("Channel = {path}, {alias}, {kind}, 0, {many}, {many}, {many}, {many}");
        writeln!(self.channels, "{line}").expect("a string grows");
        self
    }

    /// A channel with limits: reads, bytes read, writes, bytes written.
    pub fn limited(mut self, path: &Path, alias: &str, kind: u8, limits: [u64; 4]) -> Self {
        let [gets, get_bytes, puts, put_bytes] = limits;
        let path = path.display();
        let line = format!(
            "Channel = {path}, {alias}, {kind}, 0, {gets}, {get_bytes}, {puts}, {put_bytes}"
        );
        writeln!(self.channels, "{line}").expect("a string grows");
        self
    }

    /// Another line of the manifest.
    pub fn line(mut self, line: &str) -> Self {
        self.channels.push_str(line);
        self.channels.push('\n');
        self
    }

    /// The program's arguments, without its name.
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments = arguments
            .iter()
            .map(|&argument| argument.to_owned())
            .collect();
        self
    }

    pub fn run(self) -> Report {
        self.run_keeping().0
    }

    /// Runs it, and keeps its directory.
    pub fn run_keeping(mut self) -> (Report, TempDir) {
        if !self.arguments.is_empty() {
            let escaped = |argument: &String| {
                let bytes = argument.bytes();
                bytes
                    .map(|byte| format!("\\x{byte:02x}"))
                    .collect::<String>()
            };
            let words: Vec<_> = self.arguments.iter().map(escaped).collect();
            let text = format!("[args]\nargs = program {}\n", words.join(" "));
            let path = self.file("nvram", text);
            self = self.channel(&path, "/dev/nvram", 3);
        }
        let (many, here) = (1u64 << 40, self.directory.path().display());
        let manifest = format!(
            "Version = 20130611\nProgram = {}\nMemory = {}, 0\nTimeout = {}\n\
             Channel = {}, /dev/stdin, 0, 0, {many}, {many}, 0, 0\n\
             Channel = {here}/output, /dev/stdout, 0, 0, 0, 0, {many}, {many}\n\
             Channel = {here}/errors, /dev/stderr, 0, 0, 0, 0, {many}, {many}\n{}",
            self.nexe.display(),
            self.memory,
            self.timeout,
            self.input.display(),
            self.channels,
        );
        let path = self.file("manifest", manifest);
        let output = Command::new(zerovm())
            .args(["-P", "--explain"])
            .arg(path)
            .output();
        let output = output.expect("it starts");
        let text = String::from_utf8_lossy(&output.stdout);
        let explained = String::from_utf8_lossy(&output.stderr).into_owned();
        let read = |name| std::fs::read(self.path(name)).unwrap_or_default();
        let mut report = Report::of(&text, read("output"), read("errors"));
        if report.state.is_empty() {
            report.state.clone_from(&explained);
        }
        report.explained = explained;
        (report, self.directory)
    }

    /// Runs it, and looks at its directory before that goes.
    pub fn run_and<T>(self, look: impl FnOnce() -> T) -> (Report, T) {
        let (report, _directory) = self.run_keeping();
        (report, look())
    }

    /// What it did; it has to have come to its exit.
    pub fn ended(self) -> Ended {
        let report = self.run();
        assert_eq!(report.state, "ok", "{}{}", report.errors, report.explained);
        report.ended
    }
}

/// Compiles a source with gcc and runs it.
pub fn native<S: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = S>,
    directory: &Path,
    told: &[&str],
) -> Ended {
    let program = directory.join("native");
    done(
        Command::new("gcc")
            .arg("-w")
            .args(arguments)
            .arg("-o")
            .arg(&program)
            .arg("-lm"),
    );
    let output = Command::new(&program)
        .args(told)
        .output()
        .expect("it starts");
    Ended {
        output: output.stdout,
        code: output.status.code().unwrap_or(-1),
    }
}
