//! Guests that are assembled, manifests that are written, and `zerovm` as it is run.
#![allow(dead_code, reason = "each test uses what it needs")]

use std::fmt::Write as _;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;
use zerovm_validator::Dialect;

pub mod daemon;
pub mod script;

/// Which `zerovm` runs a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runner {
    /// The real one.
    Zerovm,
    /// The one whose validator accepts everything.
    Trusting,
}

impl Runner {
    /// Its executable.
    pub fn path(self) -> PathBuf {
        let zerovm = Path::new(env!("CARGO_BIN_EXE_zerovm"));
        match self {
            Self::Zerovm => zerovm.to_owned(),
            Self::Trusting => zerovm.with_file_name("examples").join("trusting"),
        }
    }
}

/// A guest from `guests/NAME.s`, assembled and linked; `NAME.fast` is the same one but that it says to
/// be of dialect `fast`.
pub fn guest(name: &str) -> PathBuf {
    static BUILT: OnceLock<TempDir> = OnceLock::new();
    let directory = BUILT.get_or_init(|| {
        let directory = open_directory();
        for source in std::fs::read_dir(sources()).expect("guests") {
            let source = source.expect("a guest").path();
            if source.extension().is_some_and(|extension| extension == "s") {
                let name = source.file_stem().expect("a name").to_string_lossy();
                let nexe = directory.path().join(format!("{name}.nexe"));
                assemble(&source, &nexe);
                let mut fast = std::fs::read(&nexe).expect("a program");
                fast[7..9].copy_from_slice(&Dialect::Fast.mark());
                std::fs::write(nexe.with_extension("fast.nexe"), fast).expect("a program");
            }
        }
        directory
    });
    let path = directory.path().join(format!("{name}.nexe"));
    assert!(path.exists(), "there is no guest {name}");
    path
}

/// A guest of this text.
pub fn assemble(source: &Path, nexe: &Path) {
    let object = nexe.with_extension("o");
    let mut assembler = Command::new("as");
    assembler.arg("--64").arg("-I").arg(sources());
    done(assembler.arg("-o").arg(&object).arg(source));
    let mut linker = Command::new("ld");
    linker.arg("-n").arg("-T").arg(sources().join("nexe.ld"));
    done(linker.arg("-o").arg(nexe).arg(&object));
}

fn done(command: &mut Command) {
    let output = command.output().expect("binutils are installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guests")
}

/// A directory where sessions may read and write whoever runs the tests: root becomes nobody.
pub fn open_directory() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let everybody = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(directory.path(), everybody).expect("permissions");
    directory
}

/// A session to be run: a manifest, and a directory for its files.
#[derive(Debug)]
pub struct Session {
    pub directory: TempDir,
    pub lines: Vec<(String, String)>,
    pub options: Vec<String>,
    pub runner: Runner,
}

impl Session {
    /// One with a guest and the three standard channels, all of them files that are not there yet
    /// but the first, which is /dev/null.
    pub fn of(name: &str) -> Self {
        Self::of_program(&guest(name))
    }

    pub fn of_program(program: &Path) -> Self {
        let mut session = Self {
            directory: open_directory(),
            lines: Vec::new(),
            options: vec!["-P".into()],
            runner: RUNNER,
        };
        let lines = [
            ("Version", "20130611".to_owned()),
            ("Program", program.display().to_string()),
            ("Memory", "67108864, 0".to_owned()),
            ("Timeout", "60".to_owned()),
        ];
        for (key, value) in lines {
            session.lines.push((key.to_owned(), value));
        }
        let many = 1u64 << 40;
        session.channel("/dev/null", "/dev/stdin", 0, [many, many, 0, 0]);
        session.file_channel("stdout", "/dev/stdout", 0, [0, 0, many, many]);
        session.file_channel("stderr", "/dev/stderr", 0, [0, 0, many, many]);
        session
    }

    /// Another value for a key.
    pub fn set(&mut self, key: &str, value: &str) {
        let line = self.lines.iter_mut().find(|(known, _)| known == key);
        match line {
            Some(line) => line.1 = value.to_owned(),
            None => self.lines.push((key.to_owned(), value.to_owned())),
        }
    }

    /// A channel, instead of one with the same alias.
    pub fn channel(&mut self, uri: &str, alias: &str, access: i32, limits: [u64; 4]) {
        let [gets, get_bytes, puts, put_bytes] = limits;
        let value =
            format!("{uri}, {alias}, {access}, 0, {gets}, {get_bytes}, {puts}, {put_bytes}");
        let same = format!(", {alias}, ");
        self.lines
            .retain(|(key, value)| key != "Channel" || !value.contains(&same));
        self.lines.push(("Channel".to_owned(), value));
    }

    /// A channel to a file of the session's directory.
    pub fn file_channel(&mut self, name: &str, alias: &str, access: i32, limits: [u64; 4]) {
        let path = self.path(name).display().to_string();
        self.channel(&path, alias, access, limits);
    }

    /// A channel with a digest.
    pub fn tag(&mut self, alias: &str) {
        for (_, value) in &mut self.lines {
            let mut fields: Vec<String> = value.split(", ").map(str::to_owned).collect();
            if fields.get(1).is_some_and(|field| field == alias) {
                fields[3] = "1".into();
                *value = fields.join(", ");
            }
        }
    }

    /// The first channel reads these bytes.
    pub fn input(&mut self, bytes: &[u8]) {
        self.write("stdin", bytes);
        let many = 1u64 << 40;
        self.file_channel("stdin", "/dev/stdin", 0, [many, many, 0, 0]);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A file that sessions may read and write.
    pub fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("a file");
        let everybody = std::fs::Permissions::from_mode(0o666);
        std::fs::set_permissions(path, everybody).expect("permissions");
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("a file of the session")
    }

    pub fn manifest(&self) -> String {
        let mut text = String::new();
        for (key, value) in &self.lines {
            let _ = writeln!(text, "{key} = {value}");
        }
        text
    }

    /// `zerovm` with the options and the manifest.
    pub fn command(&self) -> Command {
        self.write("manifest", self.manifest().as_bytes());
        let mut command = Command::new(self.runner.path());
        command.args(&self.options).arg(self.path("manifest"));
        command.stdin(Stdio::null());
        command
    }

    /// Runs it.
    pub fn run(&self) -> Report {
        Report::of(self.command().output().expect("zerovm starts"))
    }
}

/// The runner of guests that keep the rules.
pub const RUNNER: Runner = Runner::Zerovm;

/// What `zerovm` printed.
#[derive(Debug)]
pub struct Report {
    pub status: Option<i32>,
    pub lines: Vec<String>,
    pub text: String,
}

impl Report {
    pub fn of(output: Output) -> Self {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Self {
            status: output.status.code(),
            lines: text.split('\n').map(str::to_owned).collect(),
            text,
        }
    }

    pub fn validator(&self) -> &str {
        &self.lines[0]
    }

    pub fn code(&self) -> i32 {
        self.lines[2].parse().expect("a number")
    }

    pub fn etags(&self) -> &str {
        &self.lines[3]
    }

    /// The eight counters of the accounting line.
    pub fn counters(&self) -> Vec<u64> {
        let words = self.lines[4].split(' ').skip(2);
        words.map(|word| word.parse().expect("a number")).collect()
    }

    pub fn state(&self) -> &str {
        &self.lines[5]
    }

    /// The guest came to its exit trap.
    pub fn expect_ok(&self) -> &Self {
        assert_eq!(
            (self.status, self.state()),
            (Some(0), "ok"),
            "{}",
            self.text
        );
        self
    }
}

/// A character device that everybody may read and whose driver is not known.
pub fn unknown_device() -> Option<String> {
    let candidates = ["/dev/autofs", "/dev/fuse", "/dev/net/tun"];
    candidates.into_iter().map(str::to_owned).find(|path| {
        std::fs::metadata(path).is_ok_and(|status| {
            status.file_type().is_char_device() && status.permissions().mode() & 0o004 != 0
        })
    })
}
