//! Where sockets and executables are when nobody says: rules that look at this machine.

use crate::{
    error::ConfigError,
    origin::{Origin, Sourced},
    secure::is_set_id,
};
use nix::unistd::{Uid, User};
use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// What the rules look at: who runs this, from where, with which environment. Read once, so that
/// tests can state it.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Effective uid.
    pub uid: u32,
    /// `XDG_RUNTIME_DIR`; `None` in a set-id program.
    pub runtime_directory: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`; `None` in a set-id program.
    pub configuration_directory: Option<PathBuf>,
    /// `XDG_STATE_HOME`; `None` in a set-id program.
    pub state_directory: Option<PathBuf>,
    /// `HOME`, else the password database's, which alone counts in a set-id program.
    pub home: Option<PathBuf>,
    /// Where per-user runtime directories are: `/run/user`.
    pub users_directory: PathBuf,
    /// The running executable.
    pub executable: Option<PathBuf>,
    /// Whether this is a set-id program, which ignores the environment and the user's file.
    pub set_id: bool,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_this_process() -> Surroundings {
        let set_id = is_set_id();
        let uid = Uid::effective();
        let variable = |name| {
            if set_id {
                return None;
            }
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        Surroundings {
            uid: uid.as_raw(),
            runtime_directory: variable("XDG_RUNTIME_DIR"),
            configuration_directory: variable("XDG_CONFIG_HOME"),
            state_directory: variable("XDG_STATE_HOME"),
            home: variable("HOME").or_else(|| home_of(uid)),
            users_directory: PathBuf::from("/run/user"),
            executable: std::env::current_exe().ok(),
            set_id,
        }
    }

    /// The user's configuration file, where one counts.
    pub(crate) fn user_file(&self) -> Option<PathBuf> {
        if self.set_id {
            return None;
        }
        self.configuration_directory
            .clone()
            .or_else(|| self.home.as_ref().map(|home| home.join(".config")))
            .map(|directory| directory.join("cosmos/cosmos.toml"))
    }

    /// `$XDG_RUNTIME_DIR/cosmos`; else for root `/run/cosmos`, for others `/run/user/UID/cosmos`
    /// where that is; else `~/.cosmos`. Never `/tmp`.
    ///
    /// A runtime directory that belongs to another user (kept by `su` or `sudo -E`) is passed
    /// over: what root left there its owner could not use, and the reverse would be refused.
    pub(crate) fn socket_directory(&self) -> Result<Sourced<PathBuf>, ConfigError> {
        let by = |path: PathBuf, rule: &str| Ok(Sourced::new(path, Origin::Rule(rule.to_owned())));
        let runtime = self
            .runtime_directory
            .as_ref()
            .filter(|path| is_owned_by(path, self.uid));
        if let Some(runtime) = runtime {
            return by(runtime.join("cosmos"), "rule: $XDG_RUNTIME_DIR/cosmos");
        }
        if self.uid == 0 {
            return by(PathBuf::from("/run/cosmos"), "rule: root's directory");
        }
        let of_user = self.users_directory.join(self.uid.to_string());
        if is_owned_by(&of_user, self.uid) {
            return by(of_user.join("cosmos"), "rule: the user's runtime directory");
        }
        match &self.home {
            Some(home) if home.is_absolute() && home != Path::new("/") => {
                by(home.join(".cosmos"), "rule: the home directory")
            }
            _ => Err(ConfigError::NoSocketDirectory {
                reason: format!(
                    "XDG_RUNTIME_DIR names no directory of uid {}, there is no {}, and the uid has \
                     no home",
                    self.uid,
                    of_user.display()
                ),
            }),
        }
    }

    /// `$XDG_STATE_HOME/cosmos/crash` where that is this user's; else for root
    /// `/var/lib/cosmos/crash`, for others `~/.local/state/cosmos/crash`, or below `/var/lib/cosmos` where
    /// there is no home.
    pub(crate) fn crash_directory(&self) -> Sourced<PathBuf> {
        let by = |path: PathBuf, rule: &str| Sourced::new(path, Origin::Rule(rule.to_owned()));
        let state = self.state_directory.as_ref();
        if let Some(state) = state.filter(|path| is_owned_by(path, self.uid)) {
            return by(
                state.join("cosmos/crash"),
                "rule: $XDG_STATE_HOME/cosmos/crash",
            );
        }
        if self.uid == 0 {
            return by(
                PathBuf::from("/var/lib/cosmos/crash"),
                "rule: root's directory",
            );
        }
        match &self.home {
            Some(home) if home.is_absolute() && home != Path::new("/") => by(
                home.join(".local/state/cosmos/crash"),
                "rule: the home directory",
            ),
            _ => by(
                PathBuf::from("/var/lib/cosmos").join(format!("crash-{}", self.uid)),
                "rule: no home",
            ),
        }
    }

    /// Where it was installed (fixed when compiled by `make install`); else beside the running
    /// executable, or above it where cargo put a test into `deps`, whichever holds `cosmosdb`.
    pub(crate) fn libexec_directory(&self) -> Sourced<PathBuf> {
        if let Some(installed) = option_env!("COSMOS_LIBEXECDIR").filter(|path| !path.is_empty()) {
            return Sourced::new(
                PathBuf::from(installed),
                Origin::Rule("rule: where it was installed".to_owned()),
            );
        }
        let beside = self
            .executable
            .as_deref()
            .filter(|_| !self.set_id)
            .and_then(Path::parent);
        let above = beside
            .filter(|directory| directory.ends_with("deps"))
            .and_then(Path::parent);
        let examples = beside
            .filter(|directory| directory.ends_with("examples"))
            .and_then(Path::parent);
        [beside, above, examples]
            .into_iter()
            .flatten()
            .find(|directory| directory.join("cosmosdb").is_file())
            .map(|directory| {
                let rule = Origin::Rule("rule: beside the running executable".to_owned());
                Sourced::new(directory.to_owned(), rule)
            })
            .unwrap_or_else(|| Sourced::new(PathBuf::from(DEFAULT_LIBEXEC), Origin::Default))
    }
}

/// Where `make install` puts the executables unless told otherwise.
const DEFAULT_LIBEXEC: &str = "/usr/local/libexec/cosmos";

fn home_of(uid: Uid) -> Option<PathBuf> {
    User::from_uid(uid)
        .ok()
        .flatten()
        .map(|user| user.dir)
        .filter(|home| home.is_absolute())
}

fn is_owned_by(directory: &Path, uid: u32) -> bool {
    std::fs::metadata(directory).is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == uid)
}
