//! Landlock: which files a process may still open, and whom it may still signal.
//!
//! Two rulesets, one inside of the other. [`scope`] needs to know nothing: no signal and no abstract
//! socket beyond the process's own, and with that no `ptrace`, no `/proc/PID/mem`. [`restrict`] is for
//! when the target is known.

use crate::Error;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, Scope,
};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// The oldest Landlock that knows scopes. An older one leaves signals and abstract sockets open.
pub const ABI_NEEDED: i32 = 6;
const VERSION: ABI = ABI::V6;

/// What every confined process may read besides: what the C library looks up by itself. None of it
/// says anything of a user.
pub const ALWAYS_READ: &[&str] = &[
    // The loader's index of libraries.
    "/etc/ld.so.cache",
    // The time zone, and all of them.
    "/etc/localtime",
    "/usr/share/zoneinfo",
    // Locales, and their translations.
    "/usr/lib/locale",
    "/usr/share/locale",
    // Conversions of iconv.
    "/usr/lib/x86_64-linux-gnu/gconv",
    "/usr/lib64/gconv",
    // How many processors there are.
    "/sys/devices/system/cpu/online",
    "/sys/devices/system/cpu/possible",
    // Randomness and nothing.
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
];

/// What every confined process may read and write besides.
pub const ALWAYS_WRITE: &[&str] = &["/dev/null", "/dev/full"];

/// What comes with the network: who has which address, and which certificates count.
pub const NETWORK_READ: &[&str] = &[
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/usr/lib/ssl",
    "/usr/share/ca-certificates",
    "/etc/ca-certificates",
    "/etc/pki/tls",
    "/etc/pki/ca-trust",
    "/etc/crypto-policies",
];

/// What a process may use of the file system from then on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// The target's own files: what is not there is passed over.
    pub target: Vec<PathBuf>,
    /// Granted to be read.
    pub read: Vec<PathBuf>,
    /// Granted to be read and changed.
    pub write: Vec<PathBuf>,
    /// Whether the network was granted.
    pub network: bool,
    /// Whether what can be read can be executed, too.
    pub programs: bool,
    /// Whether the target's own files can be executed, those that are named one by one.
    pub runs_target: bool,
}

/// Cuts the process off from the signals and abstract sockets of others, for good.
///
/// # Errors
/// Where this kernel's Landlock does not know of it.
pub fn scope() -> Result<(), Error> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .scope(Scope::AbstractUnixSocket | Scope::Signal)
        .and_then(Ruleset::create)
        .and_then(|ruleset| ruleset.restrict_self())
        .map(drop)
        .map_err(|error| Error::Landlock(error.to_string()))
}

/// Leaves the process these files and no other, for good.
///
/// # Errors
/// A granted path that is not there; a kernel without this Landlock.
pub fn restrict(files: &Files) -> Result<(), Error> {
    let ruleset = ruleset(files, false)?;
    ruleset
        .restrict_self()
        .map(drop)
        .map_err(|error| Error::Landlock(error.to_string()))
}

/// What [`restrict`] and [`scope`] do, made ready for a process that cannot do it itself: the
/// descriptor of a ruleset, which grants what is there now.
///
/// # Errors
/// As [`restrict`].
pub fn prepare(files: &Files) -> Result<OwnedFd, Error> {
    let ruleset = ruleset(files, true)?;
    Option::from(ruleset).ok_or_else(|| Error::Landlock("this kernel has none".to_owned()))
}

fn ruleset(files: &Files, scoped: bool) -> Result<RulesetCreated, Error> {
    let readable = AccessFs::ReadFile | AccessFs::ReadDir;
    let readable = match files.programs {
        true => readable | AccessFs::Execute,
        false => readable,
    };
    // Nothing that is no ordinary file is made, and none is controlled.
    let special = AccessFs::MakeChar
        | AccessFs::MakeBlock
        | AccessFs::MakeSock
        | AccessFs::IoctlDev
        | AccessFs::Execute;
    let writable = (AccessFs::from_all(VERSION) & !special) | readable;
    let network: &[&str] = if files.network { NETWORK_READ } else { &[] };
    let mut rules = Vec::new();
    let optional = [
        (ALWAYS_READ, readable),
        (ALWAYS_WRITE, writable),
        (network, readable),
    ];
    for (paths, access) in optional {
        rules.extend(paths.iter().filter_map(|path| rule(path, access).ok()));
    }
    for path in &files.target {
        let runs = files.runs_target && path.is_file();
        let access = match runs {
            true => readable | AccessFs::Execute,
            false => readable,
        };
        rules.extend(rule(path, access).ok());
    }
    for (paths, access) in [(&files.read, readable), (&files.write, writable)] {
        for path in paths {
            rules.push(rule(path, access)?);
        }
    }
    created(rules, files.network, scoped).map_err(|error| Error::Landlock(error.to_string()))
}

fn created(
    rules: Vec<PathBeneath<PathFd>>,
    network: bool,
    scoped: bool,
) -> Result<RulesetCreated, landlock::RulesetError> {
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(VERSION))?;
    let ruleset = match network {
        true => ruleset,
        false => ruleset.handle_access(AccessNet::from_all(VERSION))?,
    };
    let ruleset = match scoped {
        true => ruleset.scope(Scope::AbstractUnixSocket | Scope::Signal)?,
        false => ruleset,
    };
    let mut created = ruleset.create()?;
    for rule in rules {
        created = created.add_rule(rule)?;
    }
    Ok(created)
}

/// Rights of directories cannot be given for a file.
fn rule(path: impl AsRef<Path>, access: BitFlags<AccessFs>) -> Result<PathBeneath<PathFd>, Error> {
    let path = path.as_ref();
    let denied = |error: String| Error::Granted(path.display().to_string(), error);
    let directory = std::fs::metadata(path)
        .map_err(|error| denied(error.to_string()))?
        .is_dir();
    let opened = PathFd::new(path).map_err(|error| denied(error.to_string()))?;
    let access = match directory {
        true => access,
        false => access & AccessFs::from_file(VERSION),
    };
    Ok(PathBeneath::new(opened, access))
}
