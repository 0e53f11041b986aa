//! The configuration of this process, read again only where it may say something else by now.
//!
//! A program may ask with every library that it opens, and reading takes a dozen system calls. What
//! the configuration is made of are two files and some variables. Of the files it is seen here whether
//! they are the same and were not changed since; the variables are compared whole.

use crate::{
    config::Config, config::SYSTEM_FILE, directory::Surroundings, error::ConfigError, stamp::Stamp,
};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, TryLockError},
};

/// Variables besides `COSMOS_*` that the configuration depends on.
const VARIABLES: [&str; 3] = ["HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"];

/// A configuration, and what it was read from.
#[derive(Debug)]
struct Known {
    config: Arc<Config>,
    variables: Vec<(OsString, OsString)>,
    user_file: Option<PathBuf>,
    files: [Option<Stamp>; 2],
}

/// The configuration as [`Config::load`] gives it.
///
/// # Errors
/// As [`Config::load`].
pub fn current() -> Result<Arc<Config>, ConfigError> {
    static KNOWN: Mutex<Option<Known>> = Mutex::new(None);
    let variables = variables();
    let mut known = match KNOWN.try_lock() {
        Ok(known) => known,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        // Another thread reads it, or did when this process was forked.
        Err(TryLockError::WouldBlock) => return Config::load().map(Arc::new),
    };
    if let Some(known) = &*known
        && known.variables == variables
        && known.files == stamps(known.user_file.as_deref())
    {
        return Ok(Arc::clone(&known.config));
    }
    *known = None;
    let user_file = Surroundings::of_this_process().user_file();
    let files = stamps(user_file.as_deref());
    let config = Arc::new(Config::load()?);
    if files.iter().flatten().all(Stamp::is_settled) {
        *known = Some(Known {
            config: Arc::clone(&config),
            variables,
            user_file,
            files,
        });
    }
    Ok(config)
}

fn variables() -> Vec<(OsString, OsString)> {
    let matters = |name: &OsString| {
        name.to_str()
            .is_some_and(|name| name.starts_with("COSMOS_") || VARIABLES.contains(&name))
    };
    std::env::vars_os()
        .filter(|(name, _)| matters(name))
        .collect()
}

fn stamps(user_file: Option<&Path>) -> [Option<Stamp>; 2] {
    [
        Stamp::of(Path::new(SYSTEM_FILE)),
        user_file.and_then(Stamp::of),
    ]
}
