//! Libraries that are open, by what was asked for: to open one again where it is, without asking
//! cosmosd, as dlopen does with a library that is loaded already.
//!
//! What was asked for are the host, the name, the directory that it starts from where it is relative, the
//! settings, what is granted, and the name of a shared VM. As long as one library that was opened by the same words is
//! open, and its VM lives and is cosmosd's, the same words mean the same file in the same VM.

use crate::coordinator::chosen;
use crate::library::{Target, target_name};
use crate::link::Hold;
use crate::options::Options;
use crate::session::{granted, lock};
use cosmos_config::{Config, Host};
use cosmos_rpc::Fault;
use cosmos_rpc::message::coordinator::TargetName;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

/// The words by which a library was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    host: Host,
    name: String,
    directory: String,
    settings: Vec<(String, String)>,
    shared_name: String,
    read: Vec<String>,
    write: Vec<String>,
    network: bool,
    programs: bool,
}

impl Asked {
    /// Those of an open; `None` where it is to have a VM of its own, or says in which it is.
    ///
    /// # Errors
    /// When the name is no name.
    pub(crate) fn of(
        target: &str,
        options: &Options,
        configured: &Config,
    ) -> Result<Option<Asked>, Fault> {
        if options.fresh || options.vm.is_some() {
            return Ok(None);
        }
        let host = chosen(options.host.as_ref(), configured);
        let TargetName { name, directory } = target_name(target, &host)?;
        // Only a relative path depends on where it starts.
        let relative = name.contains('/') && !name.starts_with('/');
        let mut settings = configured.settings();
        settings.extend_from_slice(&options.settings);
        let mut grants = granted(configured, &host);
        grants.add(&options.grants);
        Ok(Some(Asked {
            host,
            name,
            directory: if relative { directory } else { String::new() },
            settings,
            shared_name: options.shared_name.clone(),
            read: grants.read,
            write: grants.write,
            network: grants.network,
            programs: grants.programs,
        }))
    }
}

/// The open libraries of a process.
#[derive(Debug, Default)]
pub(crate) struct Opened(Mutex<HashMap<Asked, Weak<Target>>>);

impl Opened {
    /// The VM that one of these words is open in, and its path.
    pub(crate) fn find(&self, asked: &Asked) -> Option<(Hold, String)> {
        let known = lock(&self.0).get(asked)?.upgrade()?;
        let lives = known.usable().is_ok() && known.link().is_supervised();
        let link = lives.then(|| known.link().take()).flatten()?;
        Some((Hold::new(link), known.path().to_owned()))
    }

    /// Notes one that was opened.
    pub(crate) fn note(&self, asked: Asked, target: &Arc<Target>) {
        let mut known = lock(&self.0);
        known.retain(|_, target| target.strong_count() > 0);
        // One that is open already stays known: this one may be closed before it.
        let stays = known.get(&asked).and_then(Weak::upgrade);
        if stays.is_none_or(|stays| stays.usable().is_err()) {
            known.insert(asked, Arc::downgrade(target));
        }
    }
}
