//! Target-architecture profiles: what each kind of VM runs, and on which machine.
//!
//! A profile is a TOML file. Those of the shipped kinds are compiled in; more are read from the
//! configured `profiles` directories (`*.toml`), where a profile of a shipped kind's name is an
//! error: a name means one thing.
//!
//! | key | meaning |
//! |---|---|
//! | `kind` | its name: lower-case letters and digits, a letter first |
//! | `executable` | absolute, or below the libexec directory |
//! | `arguments` | arguments before cosmosd's own; may be absent |
//! | `runs` | what it is for, in words |
//! | `formats` | of `shared object`, `program`, `script`, `nexe` |
//! | `programs` | whether its targets can be run by `exec`; absent: no |
//! | `interpreters` | whom scripts must name, by the last part of the path; absent: anybody |
//! | `class` | `32`, `64` (text) or `native` |
//! | `machine` | as `uname -m` has it, or `native` |
//! | `data_model` | `LP64`, `x32`, `ILP32` or `native` |
//! | `os_abi` | of `sysv`, `gnu`, `nacl`… |
//! | `isolation` | the strongest level it works at; absent: `limits` |
//! | `unasked` | the level where nobody asks for one; absent: the strongest up to `landlock+seccomp` |
//! | `walls` | around what they stand above `limits`: `vm`, its process; `programs`, each that it starts; `sessions`, each of ZeroVM's; absent: `vm` |

use crate::requirements::{Format, IsaLevel, Requirements};
use cosmos_config::{Config, Level, text};
use cosmos_rpc::message::launch::Walls;
use serde::Deserialize;
use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
};

/// The profiles of the shipped kinds.
const SHIPPED: &[(&str, &str)] = &[
    ("hostfn.toml", include_str!("../profiles/hostfn.toml")),
    ("script.toml", include_str!("../profiles/script.toml")),
    ("exec.toml", include_str!("../profiles/exec.toml")),
    ("zerovm.toml", include_str!("../profiles/zerovm.toml")),
];
/// Most bytes of a profile.
const FILE_LIMIT: u64 = 64 << 10;
/// Most profiles of one directory.
const DIRECTORY_LIMIT: usize = 256;

/// What a kind of VM runs, `native` replaced and the executable absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The kind's name.
    pub kind: String,
    /// Its executable.
    pub executable: PathBuf,
    /// Arguments before cosmosd's own.
    pub arguments: Vec<String>,
    /// What it is for, in words.
    pub runs: String,
    /// The formats it loads.
    pub formats: Vec<FormatName>,
    /// Whether its targets can be run by `exec`.
    pub programs: bool,
    /// The interpreters that its scripts name; empty: any.
    pub interpreters: Vec<String>,
    /// 32 or 64.
    pub class: u8,
    /// The machine, as `uname -m` has it.
    pub machine: String,
    /// The data model.
    pub data_model: String,
    /// The OS ABIs.
    pub os_abi: Vec<String>,
    /// The level of x86-64 it has: this CPU's.
    pub isa_level: IsaLevel,
    /// The host it runs on.
    pub host: String,
    /// The strongest level of isolation it works at.
    pub strongest: Level,
    /// The level where nobody asks for one.
    pub unasked: Level,
    /// Around what there are walls, from `landlock+seccomp` on.
    pub walls: Walls,
}

/// A format as a profile names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum FormatName {
    /// An ELF shared object.
    #[serde(rename = "shared object")]
    SharedObject,
    /// An ELF program.
    #[serde(rename = "program")]
    Program,
    /// A `#!` script.
    #[serde(rename = "script")]
    Script,
    /// A NaCl executable.
    #[serde(rename = "nexe")]
    Nexe,
}

/// What is wrong with a profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// A directory or file cannot be read.
    #[error("profiles of kinds of VMs: {} cannot be read: {}", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    /// It is no profile.
    #[error("{} is no profile of a kind of VM: {}", .0.display(), .1)]
    Malformed(PathBuf, String),
    /// Two profiles have one name.
    #[error("{}: there is a profile of the kind `{}` already; give one of them another `kind`", .0.display(), .1)]
    Twice(PathBuf, String),
}

impl Profile {
    /// The shipped profiles and those of the configured directories.
    pub fn load_all(config: &Config) -> Result<Vec<Profile>, ProfileError> {
        let libexec = &config.libexec_directory;
        let mut profiles: Vec<Profile> = Vec::new();
        let mut add = |path: &Path, text: &str| {
            let profile = Profile::parse(path, text, libexec)?;
            if profiles.iter().any(|other| other.kind == profile.kind) {
                return Err(ProfileError::Twice(path.to_owned(), profile.kind));
            }
            profiles.push(profile);
            Ok(())
        };
        for (name, text) in SHIPPED {
            add(Path::new(name), text)?;
        }
        for directory in config.profiles.iter() {
            for path in files(directory)? {
                let unreadable = |error| ProfileError::Unreadable(path.clone(), error);
                let text = text::read(&path, FILE_LIMIT).map_err(unreadable)?;
                add(&path, &text)?;
            }
        }
        Ok(profiles)
    }

    /// A profile from its text; `path` is for messages.
    pub fn parse(path: &Path, text: &str, libexec: &Path) -> Result<Profile, ProfileError> {
        let malformed = |what: String| ProfileError::Malformed(path.to_owned(), what);
        let written: Written =
            toml::from_str(text).map_err(|error| malformed(error.to_string()))?;
        if !is_kind(&written.kind) {
            return Err(malformed(format!(
                "`{}` is no name for a kind: 1 to 16 lower-case letters and digits, a letter first",
                written.kind.escape_debug()
            )));
        }
        let class = match written.class.as_str() {
            "native" => usize::BITS as u8,
            "32" => 32,
            "64" => 64,
            other => {
                return Err(malformed(format!(
                    "class `{other}` is none of 32, 64, native"
                )));
            }
        };
        let level = |key: &str, text: Option<&str>, absent| match text.map(str::parse) {
            None => Ok(absent),
            Some(Ok(level)) => Ok(level),
            Some(Err(())) => Err(malformed(format!("{key} is none of the levels"))),
        };
        let strongest = level("isolation", written.isolation.as_deref(), Level::Limits)?;
        let unasked = level(
            "unasked",
            written.unasked.as_deref(),
            Level::LandlockSeccomp,
        )?;
        let walls = match written.walls.as_deref() {
            None | Some("vm") => Walls::Vm,
            Some("programs") => Walls::Programs,
            Some("sessions") => Walls::Sessions,
            Some(_) => {
                let message = "walls is none of vm, programs, sessions";
                return Err(malformed(message.to_owned()));
            }
        };
        let native = |value: String, native: &str| match value.as_str() {
            "native" => native.to_owned(),
            _ => value,
        };
        Ok(Profile {
            executable: libexec.join(&written.executable),
            kind: written.kind,
            arguments: written.arguments,
            runs: written.runs,
            formats: written.formats,
            programs: written.programs,
            interpreters: written.interpreters,
            class,
            machine: native(written.machine, NATIVE_MACHINE),
            data_model: native(written.data_model, NATIVE_MODEL),
            os_abi: written.os_abi,
            isa_level: IsaLevel::of_this_cpu(),
            host: "local".to_owned(),
            strongest,
            unasked,
            walls,
        })
    }
}

impl FormatName {
    /// Several of it.
    pub fn plural(self) -> &'static str {
        match self {
            FormatName::SharedObject => "shared objects",
            FormatName::Program => "programs",
            FormatName::Script => "scripts",
            FormatName::Nexe => "nexes",
        }
    }

    /// The format of a file, where it is one that a profile can name.
    pub fn of(requirements: &Requirements) -> Option<FormatName> {
        use crate::requirements::ElfKind::{Executable, SharedObject};
        match &requirements.format {
            Format::Script { .. } => Some(FormatName::Script),
            Format::Elf(elf) if elf.is_nexe() => Some(FormatName::Nexe),
            Format::Elf(elf) if elf.is_debug_only => None,
            Format::Elf(elf) if elf.kind == SharedObject => Some(FormatName::SharedObject),
            Format::Elf(elf) if elf.kind == Executable => Some(FormatName::Program),
            _ => None,
        }
    }
}

/// A profile as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    kind: String,
    executable: PathBuf,
    #[serde(default)]
    arguments: Vec<String>,
    runs: String,
    formats: Vec<FormatName>,
    #[serde(default)]
    programs: bool,
    #[serde(default)]
    interpreters: Vec<String>,
    class: String,
    machine: String,
    data_model: String,
    os_abi: Vec<String>,
    isolation: Option<String>,
    unasked: Option<String>,
    walls: Option<String>,
}

/// This machine, as `uname -m` has it.
const NATIVE_MACHINE: &str = if cfg!(target_arch = "x86") {
    "i386"
} else {
    std::env::consts::ARCH
};

/// The data model of programs of this machine.
const NATIVE_MODEL: &str = if cfg!(target_pointer_width = "64") {
    "LP64"
} else if cfg!(target_arch = "x86_64") {
    "x32"
} else {
    "ILP32"
};

fn is_kind(name: &str) -> bool {
    name.len() <= 16
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// The profile files of a directory, in the order of their names.
fn files(directory: &Path) -> Result<Vec<PathBuf>, ProfileError> {
    let unreadable = |error| ProfileError::Unreadable(directory.to_owned(), error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)
        .map_err(unreadable)?
        .take(DIRECTORY_LIMIT)
    {
        let path = entry.map_err(unreadable)?.path();
        if path.extension() == Some(OsStr::new("toml")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
