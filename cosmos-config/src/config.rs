//! The combined configuration.

use crate::{
    directory::Surroundings,
    error::ConfigError,
    host::Host,
    key::{self, KEYS, Key, Merge, Value},
    layer::Layer,
    level::{Level, Limit},
    origin::{Origin, Sourced},
};
use std::{
    fmt::Display,
    path::{Path, PathBuf},
};

/// The system's configuration file.
pub(crate) const SYSTEM_FILE: &str = "/etc/cosmos/cosmos.toml";

/// Every value, with its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the daemons listen. Absolute; not yet checked nor made.
    pub socket_directory: Sourced<PathBuf>,
    /// Where cosmosdb, cosmosd, cosmos-launch and the VM executables are. Absolute.
    pub libexec_directory: Sourced<PathBuf>,
    /// Searched for bare library names, in order, before the system's directories.
    pub search_path: Sourced<Vec<PathBuf>>,
    /// Directories of VM profiles beside the built-in ones.
    pub profiles: Sourced<Vec<PathBuf>>,
    /// Directories of prototype packs, searched before the built-in ones.
    pub packs: Sourced<Vec<PathBuf>>,
    /// Whether clients start the daemons where none listens.
    pub start_daemons: Sourced<bool>,
    /// Seconds without a client after which a shared VM, or a daemon started on demand, ends.
    pub idle_seconds: Sourced<u64>,
    /// How many VMs of each kind in use are kept ready for the next open.
    pub pool: Sourced<u64>,
    /// Whether a launcher waits for the next VM.
    pub spare_launcher: Sourced<bool>,
    /// Whether a shared VM that crashed is started again before it is asked for.
    pub restart_shared: Sourced<bool>,
    /// Seconds that calls under way have to end once cosmosd was asked to.
    pub drain_seconds: Sourced<u64>,
    /// Where crash reports are kept. Absolute; not yet checked nor made.
    pub crash_directory: Sourced<PathBuf>,
    /// How many crash reports are kept; 0: none are made.
    pub crash_reports: Sourced<u64>,
    /// How many bytes all crash reports may have.
    pub crash_bytes: Sourced<u64>,
    /// How many bytes of what a VM writes are kept.
    pub log_bytes: Sourced<u64>,
    /// Where cosmosd gives metrics; empty: nowhere.
    pub metrics_socket: Sourced<PathBuf>,
    /// The port of this machine alone that does so too; 0: none.
    pub metrics_port: Sourced<u64>,
    /// Where programs note the steps of their requests; empty: nowhere.
    pub trace: Sourced<PathBuf>,
    /// What programs must be to be run, as `sha256sum` writes it; empty: any may be.
    pub pins: Sourced<PathBuf>,
    /// Default deadline of a call in milliseconds; 0: none.
    pub timeout_ms: Sourced<u64>,
    /// Whether calls go through shared memory, where the VM takes it.
    pub ring: Sourced<bool>,
    /// How long an answer is waited for without sleeping, in microseconds.
    pub ring_spin_us: Sourced<u64>,
    /// Whether a VM's thread may sleep on its caller's CPU between calls.
    pub ring_colocate: Sourced<bool>,
    /// Where VMs run unless a program says where.
    pub host: Sourced<Host>,
    /// The program that connects to other machines; empty: `ssh`, in PATH.
    pub ssh: Sourced<PathBuf>,
    /// How long another machine may say nothing.
    pub host_silence_seconds: Sourced<u64>,
    /// `[isolation]`.
    pub isolation: Isolation,
    /// `[grants]`.
    pub grants: Granted,
    /// `[limits]`.
    pub limits: Limits,
    /// What the values were made of, weakest first, for [`Config::of_target`].
    pub(crate) layers: Vec<Layer>,
}

/// How VMs are confined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isolation {
    /// The level asked for.
    pub level: Sourced<Level>,
    /// Whether a VM may run at a weaker level where that one is missing here. Stating `false`
    /// anywhere forbids it.
    pub degrade: Sourced<bool>,
}

/// What VMs may use of the machine, from `landlock+seccomp` upward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Files and directories to read.
    pub read: Sourced<Vec<PathBuf>>,
    /// Files and directories to read and change.
    pub write: Sourced<Vec<PathBuf>>,
    /// The network.
    pub network: Sourced<bool>,
    /// Starting the programs that they can read.
    pub programs: Sourced<bool>,
    /// Whether a program may grant its VMs more. Stating `false` anywhere forbids it.
    pub by_callers: Sourced<bool>,
}

/// Upper bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open files of a VM.
    pub open_files: Sourced<Limit>,
    /// Bytes of address space of a VM, and of memory that it uses in all.
    pub memory_bytes: Sourced<Limit>,
    /// Processes and threads; without a control group the kernel counts all of the uid's.
    pub processes: Sourced<Limit>,
    /// Seconds of processor time.
    pub cpu_seconds: Sourced<Limit>,
    /// Seconds from its start to its end.
    pub wall_seconds: Sourced<Limit>,
    /// Bytes of the largest file it may write.
    pub file_bytes: Sourced<Limit>,
    /// Bytes it may write to its standard output and error.
    pub output_bytes: Sourced<Limit>,
    /// Calls back of a thread, one inside of another.
    pub call_depth: Sourced<Limit>,
    /// Names in the registry.
    pub names: Sourced<Limit>,
    /// Connections to each daemon at once.
    pub connections: Sourced<Limit>,
    /// Bytes of the largest request or reply of a call.
    pub message_bytes: Sourced<Limit>,
}

impl Config {
    /// The configuration of this process: files, and the environment unless it is a set-id
    /// program.
    pub fn load() -> Result<Config, ConfigError> {
        let surroundings = Surroundings::of_this_process();
        let mut layers = Vec::new();
        layers.extend(Layer::from_file(Path::new(SYSTEM_FILE))?);
        if let Some(path) = surroundings.user_file() {
            layers.extend(Layer::from_file(&path)?);
        }
        if !surroundings.set_id {
            let variables = std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
                .filter(|(name, _)| name.starts_with("COSMOS_"))
                .map(|(name, value)| (name, value.to_string_lossy().into_owned()));
            layers.push(Layer::from_environment(variables)?);
        }
        Config::load_in(&surroundings, layers)
    }

    /// The configuration these layers make, weakest first, with the rules applied to this process.
    pub fn load_from(layers: Vec<Layer>) -> Result<Config, ConfigError> {
        Config::load_in(&Surroundings::of_this_process(), layers)
    }

    /// The configuration these layers make, weakest first, in these surroundings.
    pub fn load_in(surroundings: &Surroundings, layers: Vec<Layer>) -> Result<Config, ConfigError> {
        let combined = Combined::of(&layers);
        let socket_directory = match combined.path(key::SOCKET_DIRECTORY) {
            Some(stated) => stated,
            None => surroundings.socket_directory()?,
        };
        Ok(Config {
            socket_directory,
            libexec_directory: combined
                .path(key::LIBEXEC_DIRECTORY)
                .unwrap_or_else(|| surroundings.libexec_directory()),
            search_path: combined.paths(key::SEARCH_PATH),
            profiles: combined.paths(key::PROFILES),
            packs: combined.paths(key::PACKS),
            start_daemons: combined.boolean(key::START_DAEMONS, true),
            idle_seconds: combined.number(key::IDLE_SECONDS, 60),
            pool: combined.number(key::POOL, 0),
            spare_launcher: combined.boolean(key::SPARE_LAUNCHER, true),
            restart_shared: combined.boolean(key::RESTART_SHARED, false),
            drain_seconds: combined.number(key::DRAIN_SECONDS, 10),
            crash_directory: combined
                .path(key::CRASH_DIRECTORY)
                .unwrap_or_else(|| surroundings.crash_directory()),
            crash_reports: combined.number(key::CRASH_REPORTS, 64),
            crash_bytes: combined.number(key::CRASH_BYTES, 8 << 20),
            log_bytes: combined.number(key::LOG_BYTES, 64 << 10),
            metrics_socket: combined
                .path(key::METRICS_SOCKET)
                .unwrap_or_else(|| Sourced::new(PathBuf::new(), Origin::Default)),
            metrics_port: combined.number(key::METRICS_PORT, 0),
            trace: combined
                .path(key::TRACE)
                .unwrap_or_else(|| Sourced::new(PathBuf::new(), Origin::Default)),
            pins: combined
                .path(key::PINS)
                .unwrap_or_else(|| Sourced::new(PathBuf::new(), Origin::Default)),
            timeout_ms: combined.number(key::TIMEOUT_MS, 0),
            ring: combined.boolean(key::RING, true),
            ring_spin_us: combined.number(key::RING_SPIN_US, 50),
            ring_colocate: combined.boolean(key::RING_COLOCATE, true),
            host: combined.host(),
            ssh: combined
                .path(key::SSH)
                .unwrap_or_else(|| Sourced::new(PathBuf::new(), Origin::Default)),
            host_silence_seconds: combined.number(key::HOST_SILENCE_SECONDS, 60),
            isolation: combined.isolation(),
            grants: combined.grants(),
            limits: combined.limits(),
            layers,
        })
    }

    /// This configuration for a VM of this kind, or for these names of a library in one: in each
    /// layer the section of the library counts before that of the kind, and that before what the
    /// layer says of all. Layers combine as ever.
    pub fn of_target(&self, kind: &str, libraries: &[&str]) -> Config {
        let layers: Vec<Layer> = self
            .layers
            .iter()
            .map(|layer| layer.of_target(kind, libraries))
            .collect();
        let combined = Combined::of(&layers);
        Config {
            isolation: combined.isolation(),
            grants: combined.grants(),
            limits: combined.limits(),
            layers,
            ..self.clone()
        }
    }

    /// What it says of single kinds and libraries, as [`Config::entries`] says the rest, the strongest layer's last:
    /// `kind.hostfn.limits.open_files`.
    pub fn sections(&self) -> Vec<(String, String, String)> {
        self.layers
            .iter()
            .flat_map(Layer::entries_of_sections)
            .collect()
    }

    /// This configuration with the settings of one request, as `(key, value)`: only keys of
    /// isolation and limits, which a request can tighten and never loosen, and `timeout_ms`.
    pub fn tightened<'s>(
        &self,
        settings: impl IntoIterator<Item = (&'s str, &'s str)>,
    ) -> Result<Config, ConfigError> {
        let layer = Layer::from_settings(settings)?;
        let mut config = self.clone();
        for (key, stated) in &layer.values {
            config.tighten(key, stated);
        }
        Ok(config)
    }

    /// What somebody stated about the confinement of VMs, as settings of a request: so that a
    /// program's own configuration holds for its VMs, whatever cosmosd was started with.
    pub fn settings(&self) -> Vec<(String, String)> {
        fn stated<T: Display>(key: &str, sourced: &Sourced<T>) -> Option<(String, String)> {
            (!may_replace(&sourced.origin)).then(|| (key.to_owned(), sourced.value.to_string()))
        }
        [
            stated(key::LEVEL, &self.isolation.level),
            stated(key::DEGRADE, &self.isolation.degrade),
            stated(key::OPEN_FILES, &self.limits.open_files),
            stated(key::MEMORY_BYTES, &self.limits.memory_bytes),
            stated(key::PROCESSES, &self.limits.processes),
            stated(key::CPU_SECONDS, &self.limits.cpu_seconds),
            stated(key::WALL_SECONDS, &self.limits.wall_seconds),
            stated(key::FILE_BYTES, &self.limits.file_bytes),
            stated(key::OUTPUT_BYTES, &self.limits.output_bytes),
            stated(key::CALL_DEPTH, &self.limits.call_depth),
            stated(key::MESSAGE_BYTES, &self.limits.message_bytes),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Every key with its value and its origin, for people, in the order of [`crate::keys`].
    pub fn entries(&self) -> Vec<(String, String, String)> {
        fn entry(key: &str, value: impl Display, origin: &Origin) -> (String, String, String) {
            (key.to_owned(), value.to_string(), origin.to_string())
        }
        fn shown<T: Display>(key: &str, stated: &Sourced<T>) -> (String, String, String) {
            entry(key, &stated.value, &stated.origin)
        }
        fn path(key: &str, stated: &Sourced<PathBuf>) -> (String, String, String) {
            entry(key, stated.display(), &stated.origin)
        }
        fn paths(key: &str, stated: &Sourced<Vec<PathBuf>>) -> (String, String, String) {
            entry(key, key::joined(stated), &stated.origin)
        }
        let (limits, grants) = (&self.limits, &self.grants);
        let mut entries = vec![
            path(key::SOCKET_DIRECTORY, &self.socket_directory),
            path(key::LIBEXEC_DIRECTORY, &self.libexec_directory),
            paths(key::SEARCH_PATH, &self.search_path),
            paths(key::PROFILES, &self.profiles),
            paths(key::PACKS, &self.packs),
            shown(key::START_DAEMONS, &self.start_daemons),
            shown(key::IDLE_SECONDS, &self.idle_seconds),
            shown(key::POOL, &self.pool),
            shown(key::SPARE_LAUNCHER, &self.spare_launcher),
            shown(key::RESTART_SHARED, &self.restart_shared),
            shown(key::DRAIN_SECONDS, &self.drain_seconds),
            path(key::CRASH_DIRECTORY, &self.crash_directory),
            shown(key::CRASH_REPORTS, &self.crash_reports),
            shown(key::CRASH_BYTES, &self.crash_bytes),
            shown(key::LOG_BYTES, &self.log_bytes),
            path(key::METRICS_SOCKET, &self.metrics_socket),
            shown(key::METRICS_PORT, &self.metrics_port),
            path(key::TRACE, &self.trace),
            path(key::PINS, &self.pins),
            shown(key::TIMEOUT_MS, &self.timeout_ms),
            shown(key::RING, &self.ring),
            shown(key::RING_SPIN_US, &self.ring_spin_us),
            shown(key::RING_COLOCATE, &self.ring_colocate),
            shown(key::HOST, &self.host),
            path(key::SSH, &self.ssh),
            shown(key::HOST_SILENCE_SECONDS, &self.host_silence_seconds),
            shown(key::LEVEL, &self.isolation.level),
            shown(key::DEGRADE, &self.isolation.degrade),
            paths(key::READ, &grants.read),
            paths(key::WRITE, &grants.write),
            shown(key::NETWORK, &grants.network),
            shown(key::PROGRAMS, &grants.programs),
            shown(key::BY_CALLERS, &grants.by_callers),
        ];
        entries.extend(
            [
                (key::OPEN_FILES, &limits.open_files),
                (key::MEMORY_BYTES, &limits.memory_bytes),
                (key::PROCESSES, &limits.processes),
                (key::CPU_SECONDS, &limits.cpu_seconds),
                (key::WALL_SECONDS, &limits.wall_seconds),
                (key::FILE_BYTES, &limits.file_bytes),
                (key::OUTPUT_BYTES, &limits.output_bytes),
                (key::CALL_DEPTH, &limits.call_depth),
                (key::NAMES, &limits.names),
                (key::CONNECTIONS, &limits.connections),
                (key::MESSAGE_BYTES, &limits.message_bytes),
            ]
            .map(|(key, limit)| shown(key, limit)),
        );
        entries
    }

    fn tighten(&mut self, key: &Key, stated: &Sourced<Value>) {
        fn stricter<T: PartialEq>(current: &mut Sourced<T>, new: T, is: bool, origin: &Origin) {
            if is {
                *current = Sourced::new(new, origin.clone());
            }
        }
        let origin = &stated.origin;
        let limits = &mut self.limits;
        match (key.name, &stated.value) {
            (key::TIMEOUT_MS, Value::Number(number)) => {
                self.timeout_ms = Sourced::new(*number, origin.clone());
            }
            (key::LEVEL, Value::Level(level)) => {
                let current = &mut self.isolation.level;
                let is_stricter = may_replace(&current.origin) || *level > current.value;
                stricter(current, *level, is_stricter, origin);
            }
            (key::DEGRADE, Value::Bool(degrade)) => {
                let current = &mut self.isolation.degrade;
                let is_stricter = may_replace(&current.origin) || !degrade;
                stricter(current, *degrade, is_stricter, origin);
            }
            (key::BY_CALLERS, Value::Bool(allowed)) => {
                let current = &mut self.grants.by_callers;
                let is_stricter = may_replace(&current.origin) || !allowed;
                stricter(current, *allowed, is_stricter, origin);
            }
            (name, Value::Limit(limit)) => {
                let current = match name {
                    key::OPEN_FILES => &mut limits.open_files,
                    key::MEMORY_BYTES => &mut limits.memory_bytes,
                    key::PROCESSES => &mut limits.processes,
                    key::CPU_SECONDS => &mut limits.cpu_seconds,
                    key::WALL_SECONDS => &mut limits.wall_seconds,
                    key::FILE_BYTES => &mut limits.file_bytes,
                    key::OUTPUT_BYTES => &mut limits.output_bytes,
                    key::CALL_DEPTH => &mut limits.call_depth,
                    key::NAMES => &mut limits.names,
                    key::CONNECTIONS => &mut limits.connections,
                    _ => &mut limits.message_bytes,
                };
                let is_stricter = may_replace(&current.origin) || *limit < current.value;
                stricter(current, *limit, is_stricter, origin);
            }
            _ => {}
        }
    }
}

/// A built-in value of a strictest key counts only where nobody states one.
fn may_replace(origin: &Origin) -> bool {
    *origin == Origin::Default
}

/// What all layers together state.
struct Combined(Vec<(&'static Key, Sourced<Value>)>);

impl Combined {
    fn of(layers: &[Layer]) -> Combined {
        let combined = KEYS.iter().filter_map(|key| {
            layers
                .iter()
                .flat_map(|layer| &layer.values)
                .filter(|(stated, _)| stated.name == key.name)
                .map(|(_, value)| value)
                .reduce(|kept, next| match key.merge {
                    Merge::Strongest => next,
                    Merge::Strictest if next.value.is_stricter_than(&kept.value) => next,
                    Merge::Strictest => kept,
                })
                .map(|value| (key, value.clone()))
        });
        Combined(combined.collect())
    }

    fn isolation(&self) -> Isolation {
        Isolation {
            level: self.level(key::LEVEL, Level::LandlockSeccomp),
            degrade: self.boolean(key::DEGRADE, false),
        }
    }

    fn grants(&self) -> Granted {
        Granted {
            read: self.paths(key::READ),
            write: self.paths(key::WRITE),
            network: self.boolean(key::NETWORK, false),
            programs: self.boolean(key::PROGRAMS, false),
            by_callers: self.boolean(key::BY_CALLERS, true),
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            open_files: self.limit(key::OPEN_FILES, Limit::at(512)),
            memory_bytes: self.limit(key::MEMORY_BYTES, Limit::UNLIMITED),
            processes: self.limit(key::PROCESSES, Limit::UNLIMITED),
            cpu_seconds: self.limit(key::CPU_SECONDS, Limit::UNLIMITED),
            wall_seconds: self.limit(key::WALL_SECONDS, Limit::UNLIMITED),
            file_bytes: self.limit(key::FILE_BYTES, Limit::UNLIMITED),
            output_bytes: self.limit(key::OUTPUT_BYTES, Limit::UNLIMITED),
            call_depth: self.limit(key::CALL_DEPTH, Limit::at(64)),
            names: self.limit(key::NAMES, Limit::at(4096)),
            connections: self.limit(key::CONNECTIONS, Limit::at(1024)),
            message_bytes: self.limit(key::MESSAGE_BYTES, Limit::at(64 << 20)),
        }
    }

    fn stated<T>(&self, name: &str, pick: impl Fn(&Value) -> Option<T>) -> Option<Sourced<T>> {
        let (_, stated) = self.0.iter().find(|(key, _)| key.name == name)?;
        Some(Sourced::new(pick(&stated.value)?, stated.origin.clone()))
    }

    fn path(&self, name: &str) -> Option<Sourced<PathBuf>> {
        self.stated(name, |value| match value {
            Value::Path(path) => Some(path.clone()),
            _ => None,
        })
    }

    fn paths(&self, name: &str) -> Sourced<Vec<PathBuf>> {
        let stated = self.stated(name, |value| match value {
            Value::Paths(paths) => Some(paths.clone()),
            _ => None,
        });
        stated.unwrap_or_else(|| Sourced::new(Vec::new(), Origin::Default))
    }

    fn boolean(&self, name: &str, default: bool) -> Sourced<bool> {
        let stated = self.stated(name, |value| match value {
            Value::Bool(value) => Some(*value),
            _ => None,
        });
        stated.unwrap_or_else(|| Sourced::new(default, Origin::Default))
    }

    fn host(&self) -> Sourced<Host> {
        let stated = self.stated(key::HOST, |value| match value {
            Value::Host(host) => Some(host.clone()),
            _ => None,
        });
        stated.unwrap_or_else(|| Sourced::new(Host::Local, Origin::Default))
    }

    fn number(&self, name: &str, default: u64) -> Sourced<u64> {
        let stated = self.stated(name, |value| match value {
            Value::Number(number) => Some(*number),
            _ => None,
        });
        stated.unwrap_or_else(|| Sourced::new(default, Origin::Default))
    }

    fn limit(&self, name: &str, default: Limit) -> Sourced<Limit> {
        let stated = self.stated(name, |value| match value {
            Value::Limit(limit) => Some(*limit),
            _ => None,
        });
        stated.unwrap_or_else(|| Sourced::new(default, Origin::Default))
    }

    fn level(&self, name: &str, default: Level) -> Sourced<Level> {
        let stated = self.stated(name, |value| match value {
            Value::Level(level) => Some(*level),
            _ => None,
        });
        stated.unwrap_or_else(|| Sourced::new(default, Origin::Default))
    }
}
