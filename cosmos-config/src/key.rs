//! The table of keys: name, type, how layers combine, a line of help; and values of them.

use crate::{
    bytes::bytes,
    error::ConfigError,
    host::Host,
    level::{Level, Limit},
    origin::Origin,
};
use std::{fmt, path::PathBuf};

/// What a key's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Path,
    Paths,
    Bool,
    Number,
    /// So many bytes.
    Bytes,
    Limit,
    /// A limit of bytes.
    ByteLimit,
    /// A limit of descriptors, of which a VM needs some.
    Files,
    Level,
    Host,
}

/// As many descriptors as a VM needs to start, be confined and run something.
const FEWEST_FILES: u64 = 32;

/// How layers combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Merge {
    /// The strongest layer that states it wins.
    Strongest,
    /// The strictest value any layer states wins.
    Strictest,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub merge: Merge,
    /// Whether one request may state it.
    pub per_request: bool,
    pub help: &'static str,
}

const fn plain(name: &'static str, kind: Kind, help: &'static str) -> Key {
    Key {
        name,
        kind,
        merge: Merge::Strongest,
        per_request: false,
        help,
    }
}

const fn strict(name: &'static str, kind: Kind, help: &'static str) -> Key {
    Key {
        name,
        kind,
        merge: Merge::Strictest,
        per_request: true,
        help,
    }
}

pub(crate) const SOCKET_DIRECTORY: &str = "socket_directory";
pub(crate) const LIBEXEC_DIRECTORY: &str = "libexec_directory";
pub(crate) const SEARCH_PATH: &str = "search_path";
pub(crate) const PROFILES: &str = "profiles";
pub(crate) const PACKS: &str = "packs";
pub(crate) const START_DAEMONS: &str = "start_daemons";
pub(crate) const IDLE_SECONDS: &str = "idle_seconds";
pub(crate) const POOL: &str = "pool";
pub(crate) const SPARE_LAUNCHER: &str = "spare_launcher";
pub(crate) const RESTART_SHARED: &str = "restart_shared";
pub(crate) const DRAIN_SECONDS: &str = "drain_seconds";
pub(crate) const CRASH_DIRECTORY: &str = "crash_directory";
pub(crate) const CRASH_REPORTS: &str = "crash_reports";
pub(crate) const CRASH_BYTES: &str = "crash_bytes";
pub(crate) const LOG_BYTES: &str = "log_bytes";
pub(crate) const METRICS_SOCKET: &str = "metrics_socket";
pub(crate) const METRICS_PORT: &str = "metrics_port";
pub(crate) const TRACE: &str = "trace";
pub(crate) const PINS: &str = "pins";
pub(crate) const TIMEOUT_MS: &str = "timeout_ms";
pub(crate) const RING: &str = "ring";
pub(crate) const RING_SPIN_US: &str = "ring_spin_us";
pub(crate) const RING_COLOCATE: &str = "ring_colocate";
pub(crate) const HOST: &str = "host";
pub(crate) const SSH: &str = "ssh";
pub(crate) const HOST_SILENCE_SECONDS: &str = "host_silence_seconds";
pub(crate) const LEVEL: &str = "isolation.level";
pub(crate) const DEGRADE: &str = "isolation.degrade";
pub(crate) const READ: &str = "grants.read";
pub(crate) const WRITE: &str = "grants.write";
pub(crate) const NETWORK: &str = "grants.network";
pub(crate) const PROGRAMS: &str = "grants.programs";
pub(crate) const BY_CALLERS: &str = "grants.by_callers";
pub(crate) const OPEN_FILES: &str = "limits.open_files";
pub(crate) const MEMORY_BYTES: &str = "limits.memory_bytes";
pub(crate) const PROCESSES: &str = "limits.processes";
pub(crate) const CPU_SECONDS: &str = "limits.cpu_seconds";
pub(crate) const WALL_SECONDS: &str = "limits.wall_seconds";
pub(crate) const FILE_BYTES: &str = "limits.file_bytes";
pub(crate) const OUTPUT_BYTES: &str = "limits.output_bytes";
pub(crate) const CALL_DEPTH: &str = "limits.call_depth";
pub(crate) const NAMES: &str = "limits.names";
pub(crate) const CONNECTIONS: &str = "limits.connections";
pub(crate) const MESSAGE_BYTES: &str = "limits.message_bytes";

pub(crate) const KEYS: &[Key] = &[
    plain(
        SOCKET_DIRECTORY,
        Kind::Path,
        "Where the daemons listen; mode 0700, ours or root's.",
    ),
    plain(
        LIBEXEC_DIRECTORY,
        Kind::Path,
        "Where cosmosdb, cosmosd, cosmos-launch and the VMs are.",
    ),
    plain(
        SEARCH_PATH,
        Kind::Paths,
        "Searched for bare library names before the system's own.",
    ),
    plain(
        PROFILES,
        Kind::Paths,
        "Directories of further VM profiles (*.toml).",
    ),
    plain(
        PACKS,
        Kind::Paths,
        "Directories of prototype packs (SONAME.protos), before the built-in ones.",
    ),
    plain(
        START_DAEMONS,
        Kind::Bool,
        "Whether clients start the daemons where none listens.",
    ),
    plain(
        IDLE_SECONDS,
        Kind::Number,
        "How long a shared VM or an idle daemon waits for clients.",
    ),
    plain(
        POOL,
        Kind::Number,
        "How many VMs of each kind in use are kept ready for the next open.",
    ),
    plain(
        SPARE_LAUNCHER,
        Kind::Bool,
        "Whether a launcher waits for the next VM, so that only the VM has to be started.",
    ),
    plain(
        RESTART_SHARED,
        Kind::Bool,
        "Whether a shared VM that crashed is started again before it is asked for.",
    ),
    plain(
        DRAIN_SECONDS,
        Kind::Number,
        "How long calls that are under way have to end once cosmosd was asked to.",
    ),
    plain(
        CRASH_DIRECTORY,
        Kind::Path,
        "Where reports of VMs that crashed are kept; mode 0700, ours.",
    ),
    plain(
        CRASH_REPORTS,
        Kind::Number,
        "How many of them are kept; 0: none are made.",
    ),
    plain(
        CRASH_BYTES,
        Kind::Bytes,
        "How many bytes all of them may have.",
    ),
    plain(
        LOG_BYTES,
        Kind::Bytes,
        "How many bytes of what a VM writes are kept for cosmos logs; from 8 KiB to 512 KiB.",
    ),
    plain(
        METRICS_SOCKET,
        Kind::Path,
        "The Unix socket on which cosmosd gives metrics to Prometheus; without it there are none.",
    ),
    plain(
        METRICS_PORT,
        Kind::Number,
        "The TCP port of 127.0.0.1 for the same, which every user of this machine reaches; 0: none.",
    ),
    plain(
        TRACE,
        Kind::Path,
        "A file to which programs add the steps of their requests, for cosmos trace; without it, nobody notes any.",
    ),
    plain(
        PINS,
        Kind::Path,
        "A file as sha256sum writes it: programs that must have these contents to be run.",
    ),
    Key {
        per_request: true,
        ..plain(
            TIMEOUT_MS,
            Kind::Number,
            "Deadline of each call in milliseconds; 0: none.",
        )
    },
    plain(
        RING,
        Kind::Bool,
        "Whether calls go through shared memory, where the VM takes it.",
    ),
    plain(
        RING_SPIN_US,
        Kind::Number,
        "How long an answer is waited for without sleeping, in microseconds.",
    ),
    plain(
        RING_COLOCATE,
        Kind::Bool,
        "Whether a VM's thread may sleep on its caller's CPU between calls.",
    ),
    plain(
        HOST,
        Kind::Host,
        "Where VMs run unless a program says: local, or ssh://[USER@]HOST[:PORT].",
    ),
    plain(
        SSH,
        Kind::Path,
        "The program that connects to other machines; without it ssh is searched for in PATH.",
    ),
    plain(
        HOST_SILENCE_SECONDS,
        Kind::Number,
        "How long another machine may say nothing until it is given up, from 4 to 3600.",
    ),
    strict(LEVEL, Kind::Level, "How strongly a VM is confined."),
    strict(
        DEGRADE,
        Kind::Bool,
        "Whether a VM may run at a weaker level where this one is missing.",
    ),
    plain(
        READ,
        Kind::Paths,
        "Files and directories that VMs may read.",
    ),
    plain(
        WRITE,
        Kind::Paths,
        "Files and directories that VMs may read and change.",
    ),
    plain(NETWORK, Kind::Bool, "Whether VMs may use the network."),
    plain(
        PROGRAMS,
        Kind::Bool,
        "Whether VMs may start the programs that they can read.",
    ),
    strict(
        BY_CALLERS,
        Kind::Bool,
        "Whether programs may grant their VMs more than is granted here.",
    ),
    strict(OPEN_FILES, Kind::Files, "Open files of a VM."),
    strict(
        MEMORY_BYTES,
        Kind::ByteLimit,
        "Memory of a VM: its address space, and what it uses in all.",
    ),
    strict(
        PROCESSES,
        Kind::Limit,
        "Processes and threads: of the VM with a control group, else of its uid.",
    ),
    strict(
        CPU_SECONDS,
        Kind::Limit,
        "Seconds of processor time that a VM may use.",
    ),
    strict(
        WALL_SECONDS,
        Kind::Limit,
        "Seconds that a VM may run, used or not.",
    ),
    strict(
        FILE_BYTES,
        Kind::ByteLimit,
        "Bytes of the largest file that a VM may write.",
    ),
    strict(
        OUTPUT_BYTES,
        Kind::ByteLimit,
        "Bytes that a VM may write to its standard output and error.",
    ),
    strict(
        CALL_DEPTH,
        Kind::Limit,
        "Calls back of a thread that may be under way, one inside of another; 64 at most.",
    ),
    strict(NAMES, Kind::Limit, "Names in the registry."),
    strict(
        CONNECTIONS,
        Kind::Limit,
        "Connections to each daemon at once.",
    ),
    strict(
        MESSAGE_BYTES,
        Kind::ByteLimit,
        "Largest request or reply of a call.",
    ),
];

/// A key as documentation shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHelp {
    /// Its name with its section, `limits.open_files`.
    pub name: &'static str,
    /// Its environment variable.
    pub variable: String,
    /// What it takes.
    pub takes: &'static str,
    /// Whether layers combine to the strictest value.
    pub strictest: bool,
    /// One line of help.
    pub help: &'static str,
}

/// Every key, in the order of documentation.
pub fn keys() -> impl Iterator<Item = KeyHelp> {
    KEYS.iter().map(|key| KeyHelp {
        name: key.name,
        variable: key.variable(),
        takes: key.kind.expected(),
        strictest: key.merge == Merge::Strictest,
        help: key.help,
    })
}

impl Key {
    pub(crate) fn find(name: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// `limits.open_files` is `COSMOS_LIMITS_OPEN_FILES`.
    pub(crate) fn variable(&self) -> String {
        format!(
            "COSMOS_{}",
            self.name.replace('.', "_").to_ascii_uppercase()
        )
    }
}

/// The name nearest to `name` among `names`, where it is near enough to be a slip.
pub(crate) fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    names
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .min()
        .filter(|(distance, _)| *distance <= 1 + name.len() / 6)
        .map(|(_, candidate)| candidate)
}

/// A value as a layer writes it, before its key says what it must be.
#[derive(Clone, Debug)]
pub(crate) enum Raw {
    Text(String),
    Number(u64),
    Bool(bool),
    List(Vec<String>),
    /// Anything else, described.
    Other(String),
    /// From where there is only text: the environment, a setting.
    Untyped(String),
}

/// A value of the right type for its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Path(PathBuf),
    Paths(Vec<PathBuf>),
    Bool(bool),
    Number(u64),
    Limit(Limit),
    Level(Level),
    Host(Host),
}

impl Kind {
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Kind::Path => "an absolute path",
            Kind::Paths => "a list of absolute paths",
            Kind::Bool => "true or false",
            Kind::Number => "a whole number",
            Kind::Files => "a whole number from 32 on, or \"unlimited\"",
            Kind::Bytes => "a whole number of bytes, or one like \"512K\", \"16M\" or \"1G\"",
            Kind::Limit => "a whole number or \"unlimited\"",
            Kind::ByteLimit => {
                "a whole number of bytes, one like \"512K\", \"16M\" or \"1G\", or \"unlimited\""
            }
            Kind::Host => "local or ssh://[USER@]HOST[:PORT]",
            Kind::Level => "one of none, limits, landlock+seccomp, namespaces",
        }
    }

    pub(crate) fn value(self, raw: &Raw) -> Option<Value> {
        match (self, raw) {
            (Kind::Path, Raw::Text(text) | Raw::Untyped(text)) => absolute(text).map(Value::Path),
            (Kind::Paths, Raw::List(list)) => list
                .iter()
                .map(|text| absolute(text))
                .collect::<Option<_>>()
                .map(Value::Paths),
            (Kind::Paths, Raw::Untyped(text)) => text
                .split(':')
                .filter(|part| !part.is_empty())
                .map(absolute)
                .collect::<Option<_>>()
                .map(Value::Paths),
            (Kind::Bool, Raw::Bool(value)) => Some(Value::Bool(*value)),
            (Kind::Bool, Raw::Untyped(text)) => match text.as_str() {
                "true" | "1" | "yes" => Some(Value::Bool(true)),
                "false" | "0" | "no" => Some(Value::Bool(false)),
                _ => None,
            },
            (Kind::Number, Raw::Number(number)) => Some(Value::Number(*number)),
            (Kind::Number, Raw::Untyped(text)) => text.parse().ok().map(Value::Number),
            (Kind::Bytes, Raw::Number(number)) => Some(Value::Number(*number)),
            (Kind::Bytes, Raw::Text(text) | Raw::Untyped(text)) => bytes(text).map(Value::Number),
            (Kind::ByteLimit, Raw::Text(text) | Raw::Untyped(text)) => unlimited(text)
                .or_else(|| bytes(text).map(|number| Value::Limit(Limit::at(number)))),
            (Kind::Limit | Kind::ByteLimit, Raw::Number(number)) => {
                Some(Value::Limit(Limit::at(*number)))
            }
            (Kind::Limit, Raw::Text(text)) => unlimited(text),
            (Kind::Limit, Raw::Untyped(text)) => unlimited(text).or_else(|| {
                text.parse()
                    .ok()
                    .map(|number| Value::Limit(Limit::at(number)))
            }),
            (Kind::Files, raw) => Kind::Limit.value(raw).filter(
                |value| matches!(value, Value::Limit(most) if *most >= Limit::at(FEWEST_FILES)),
            ),
            (Kind::Level, Raw::Text(text) | Raw::Untyped(text)) => {
                text.parse().ok().map(Value::Level)
            }
            (Kind::Host, Raw::Text(text) | Raw::Untyped(text)) => {
                text.parse().ok().map(Value::Host)
            }
            _ => None,
        }
    }
}

fn absolute(text: &str) -> Option<PathBuf> {
    (text.starts_with('/') && !text.contains('\0')).then(|| PathBuf::from(text))
}

fn unlimited(text: &str) -> Option<Value> {
    (text == "unlimited").then_some(Value::Limit(Limit::UNLIMITED))
}

impl Raw {
    pub(crate) fn typed(&self, key: &Key, origin: &Origin) -> Result<Value, ConfigError> {
        key.kind.value(self).ok_or_else(|| ConfigError::BadValue {
            origin: origin.clone(),
            key: key.name.to_owned(),
            expected: key.kind.expected(),
            found: self.describe(),
        })
    }

    fn describe(&self) -> String {
        match self {
            Raw::Text(text) | Raw::Untyped(text) => format!("\"{}\"", text.escape_debug()),
            Raw::Number(number) => number.to_string(),
            Raw::Bool(value) => value.to_string(),
            Raw::List(list) => format!("{list:?}"),
            Raw::Other(description) => description.clone(),
        }
    }
}

/// As an environment variable has them.
pub(crate) fn joined(paths: &[PathBuf]) -> String {
    let paths = paths.iter().map(|path| path.display().to_string());
    paths.collect::<Vec<_>>().join(":")
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Path(path) => path.display().fmt(formatter),
            Value::Paths(paths) => formatter.write_str(&joined(paths)),
            Value::Bool(value) => value.fmt(formatter),
            Value::Number(number) => number.fmt(formatter),
            Value::Limit(limit) => limit.fmt(formatter),
            Value::Level(level) => level.fmt(formatter),
            Value::Host(host) => host.fmt(formatter),
        }
    }
}

impl Value {
    /// The stricter of two values of one key whose layers combine to the strictest.
    pub(crate) fn is_stricter_than(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Limit(this), Value::Limit(that)) => this < that,
            (Value::Level(this), Value::Level(that)) => this > that,
            (Value::Bool(this), Value::Bool(that)) => !this && *that,
            _ => false,
        }
    }
}
