//! Landlock: which files a process may still open, and whom it may still signal.
//!
//! Two rulesets, one inside of the other. [`scope`] needs to know nothing: no signal and no abstract
//! socket beyond the process's own, and with that no `ptrace`, no `/proc/PID/mem`. [`restrict`] is for
//! when the target is known.

use crate::{Error, ruleset};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr,
    Scope,
};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
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

/// Those of them that are written anew, under their names, while the machine runs. Who was confined before
/// that has the files that were there then.
pub const REPLACED: &[&str] = &["/etc/ld.so.cache", "/etc/localtime"];

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

/// Leaves the calling thread these files and no other, for good, and all that it makes.
///
/// # Errors
/// A granted path that is not there; a kernel without this Landlock.
pub fn restrict(files: &Files) -> Result<(), Error> {
    Restriction::to(files, None)?.hold()
}

/// The same, ready to be held by one thread after the other: each is bound by what it holds itself.
#[derive(Debug)]
pub struct Restriction(ruleset::Files);

impl Restriction {
    /// To these files. `ahead` is what was made for that before they were known.
    ///
    /// # Errors
    /// A granted path that is not there; a kernel without this Landlock.
    pub fn to(files: &Files, ahead: Option<Ahead>) -> Result<Restriction, Error> {
        Ok(Restriction(ruleset(files, false, ahead)?))
    }

    /// Once more, for another thread.
    ///
    /// # Errors
    /// No descriptor.
    pub fn again(&self) -> Result<Restriction, Error> {
        self.0.again().map(Restriction)
    }

    /// Leaves the calling thread these files and no other, for good, and all that it makes.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn hold(self) -> Result<(), Error> {
        self.0.hold()
    }
}

/// What [`restrict`] and [`scope`] do, made ready for a process that cannot do it itself: the
/// descriptor of a ruleset, which grants what is there now.
///
/// # Errors
/// As [`restrict`].
pub fn prepare(files: &Files) -> Result<OwnedFd, Error> {
    Ok(ruleset(files, true, None)?.into_descriptor())
}

/// The rules of a process that gets neither network nor programs, as far as they do not depend on what it is
/// granted: made while nobody waits for them.
#[derive(Debug)]
pub struct Ahead {
    ruleset: ruleset::Files,
    /// Which file was at each path.
    found: Vec<(&'static str, Option<Which>)>,
}

/// Which file it is. A rule keeps it, so no other one gets its number while there is the rule.
type Which = (u64, u64);

impl Ahead {
    /// Makes them.
    ///
    /// # Errors
    /// A kernel without this Landlock.
    pub fn make() -> Result<Ahead, Error> {
        let paths = ALWAYS_READ.iter().chain(ALWAYS_WRITE);
        let found = paths.map(|path| (*path, which(path))).collect();
        let ruleset = begun(false, false)?;
        always(&ruleset, readable(false))?;
        Ok(Ahead { ruleset, found })
    }

    /// Those that another process has made just now, and this one is to hold.
    pub fn given(descriptor: OwnedFd) -> Ahead {
        Ahead {
            ruleset: ruleset::Files::given(descriptor),
            found: Vec::new(),
        }
    }

    /// For another process, which takes it from here at once.
    pub fn give(self) -> OwnedFd {
        self.ruleset.into_descriptor()
    }

    /// Whether they are what they would be now: the loader's index is another file after each change.
    pub fn are_current(&self) -> bool {
        self.found.iter().all(|(path, file)| which(path) == *file)
    }
}

fn which(path: &str) -> Option<Which> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

fn ruleset(files: &Files, scoped: bool, ahead: Option<Ahead>) -> Result<ruleset::Files, Error> {
    let readable = readable(files.programs);
    let is_plain = !scoped && !files.network && !files.programs;
    let ruleset = match ahead.filter(|ahead| is_plain && ahead.are_current()) {
        Some(ahead) => ahead.ruleset,
        None => {
            let ruleset = begun(files.network, scoped)?;
            always(&ruleset, readable)?;
            ruleset
        }
    };
    let network: &[&str] = if files.network { NETWORK_READ } else { &[] };
    for path in network {
        add_what_is_there(&ruleset, path, readable)?;
    }
    for path in &files.target {
        let runs = files.runs_target && path.is_file();
        let access = match runs {
            true => readable | AccessFs::Execute,
            false => readable,
        };
        add_what_is_there(&ruleset, path, access)?;
    }
    let granted = [(&files.read, readable), (&files.write, writable(readable))];
    for (paths, access) in granted {
        for path in paths {
            let (file, access) = rule(path, access)?;
            ruleset.add(&file, access)?;
        }
    }
    Ok(ruleset)
}

fn readable(programs: bool) -> BitFlags<AccessFs> {
    let readable = AccessFs::ReadFile | AccessFs::ReadDir;
    match programs {
        true => readable | AccessFs::Execute,
        false => readable,
    }
}

/// Nothing that is no ordinary file is made, and none is controlled.
fn writable(readable: BitFlags<AccessFs>) -> BitFlags<AccessFs> {
    let special = AccessFs::MakeChar
        | AccessFs::MakeBlock
        | AccessFs::MakeSock
        | AccessFs::IoctlDev
        | AccessFs::Execute;
    (AccessFs::from_all(VERSION) & !special) | readable
}

/// A ruleset that leaves nothing yet.
fn begun(network: bool, scoped: bool) -> Result<ruleset::Files, Error> {
    let begin = || {
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
        ruleset.create()
    };
    let made = begin();
    ruleset::Files::made(
        made.map_err(|error: landlock::RulesetError| Error::Landlock(error.to_string()))?,
    )
}

/// With what every process may use.
fn always(ruleset: &ruleset::Files, readable: BitFlags<AccessFs>) -> Result<(), Error> {
    for path in ALWAYS_READ {
        add_what_is_there(ruleset, path, readable)?;
    }
    for path in ALWAYS_WRITE {
        add_what_is_there(ruleset, path, writable(readable))?;
    }
    Ok(())
}

/// What is not there is passed over.
fn add_what_is_there(
    ruleset: &ruleset::Files,
    path: impl AsRef<Path>,
    access: BitFlags<AccessFs>,
) -> Result<(), Error> {
    match rule(path, access) {
        Ok((file, access)) => ruleset.add(&file, access),
        Err(_) => Ok(()),
    }
}

/// Rights of directories cannot be given for a file.
fn rule(
    path: impl AsRef<Path>,
    access: BitFlags<AccessFs>,
) -> Result<(File, BitFlags<AccessFs>), Error> {
    let path = path.as_ref();
    let denied =
        |error: std::io::Error| Error::Granted(path.display().to_string(), error.to_string());
    let opened = File::options()
        .read(true)
        .custom_flags(libc::O_PATH)
        .open(path)
        .map_err(denied)?;
    let directory = opened.metadata().map_err(denied)?.is_dir();
    let access = match directory {
        true => access,
        false => access & AccessFs::from_file(VERSION),
    };
    Ok((opened, access))
}

#[cfg(test)]
mod tests;
