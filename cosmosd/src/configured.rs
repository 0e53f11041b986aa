//! What the configuration says, and what follows from it, at one time.
//!
//! It is read when cosmosd starts, and again by [`reload`](crate::reload). A request goes by what was
//! configured when it was placed; what was looked up by an older configuration is not known to a newer one.

use crate::{
    coordinator::libc_versions, crash::Keeper, known::Known, matching::Host, profile::Profile,
    tightened::Tightened,
};
use cosmos_config::Config;
use cosmos_rpc::{Fault, FaultCode};
use std::sync::Arc;

/// The configuration, as read from files and the environment.
#[derive(Debug)]
pub struct Read {
    /// The settings.
    pub config: Config,
    /// The kinds of VMs.
    pub profiles: Vec<Profile>,
}

/// The configuration in use, and what follows from it.
#[derive(Debug)]
pub struct Configured {
    /// The settings.
    pub config: Config,
    /// The kinds of VMs.
    pub profiles: Arc<Vec<Profile>>,
    /// What this machine offers.
    pub host: Arc<Host>,
    /// What was looked up of targets.
    pub known: Known,
    /// The settings for requests, as tight as they ask.
    pub tightened: Tightened,
    /// Keeps reports of VMs that crashed.
    pub keeper: Keeper,
}

impl Read {
    /// Reads all of it.
    ///
    /// # Errors
    ///
    /// `Configuration`, naming the file and what is wrong in it.
    pub fn now() -> Result<Read, Fault> {
        Read::with(Config::load().map_err(|error| wrong(&error))?)
    }

    /// Reads the kinds of VMs that this configuration names.
    ///
    /// # Errors
    ///
    /// `Configuration`, naming the file and what is wrong in it.
    pub fn with(config: Config) -> Result<Read, Fault> {
        let profiles = Profile::load_all(&config).map_err(|error| wrong(&error))?;
        Ok(Read { config, profiles })
    }
}

impl Configured {
    /// What follows from what was read, on this machine as it is now.
    pub fn new(read: Read, host: Host) -> Configured {
        Configured {
            profiles: Arc::new(read.profiles),
            host: Arc::new(host),
            known: Known::default(),
            tightened: Tightened::default(),
            keeper: Keeper::new(&read.config),
            config: read.config,
        }
    }
}

/// What this machine offers where that configuration looks.
pub fn host(config: &Config) -> Host {
    Host {
        libc_versions: libc_versions(config),
    }
}

/// A mistake in the configuration.
pub fn wrong(error: &dyn std::fmt::Display) -> Fault {
    Fault::host(FaultCode::Configuration, error.to_string())
}
