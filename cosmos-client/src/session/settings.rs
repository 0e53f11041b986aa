//! What the configuration says of the calls, the VMs and the daemons of this process.

use crate::options::Options;
use cosmos_config::{Config, ConfigError, Host, Origin};
use cosmos_rpc::message::confine::Grants;
use cosmos_rpc::rendezvous::Rendezvous;
use cosmos_rpc::ring;
use cosmos_rpc::{Fault, FaultCode};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long starting a daemon may take.
const START: Duration = Duration::from_secs(10);
/// Room for the messages that make a call possible.
const SMALLEST_MESSAGE: u32 = 4096;

/// The deadline of calls that the configuration gives, where options give none.
pub(crate) fn configured_timeout(configured: &Config) -> Option<Duration> {
    let milliseconds = configured.timeout_ms.value;
    (milliseconds > 0).then(|| Duration::from_millis(milliseconds))
}

/// How calls into VMs of a host go through shared memory; `None` where they do not.
pub(crate) fn ring_settings(configured: &Config, host: &Host) -> Option<ring::Settings> {
    let shares = configured.ring.value && *host == Host::Local;
    shares.then(|| ring::Settings {
        spin: Duration::from_micros(configured.ring_spin_us.value),
        colocate: configured.ring_colocate.value,
        ..ring::Settings::ASKING
    })
}

pub(crate) fn configuration() -> Result<Arc<Config>, Fault> {
    cosmos_config::current().map_err(misconfigured)
}

fn misconfigured(error: ConfigError) -> Fault {
    Fault::host(FaultCode::Configuration, error.to_string())
}

/// The largest request or answer of a call.
pub(super) fn message_bytes(configured: &Config, options: &Options) -> Result<u32, Fault> {
    let tightened;
    let config = if options.settings.is_empty() {
        configured
    } else {
        let settings = options.settings.iter();
        tightened = configured
            .tightened(settings.map(|(key, value)| (key.as_str(), value.as_str())))
            .map_err(|error| Fault::caller(FaultCode::Configuration, error.to_string()))?;
        &tightened
    };
    let limit = &config.limits.message_bytes;
    // What is built in bounds data; what describes them comes on top.
    let most = limit.bound().filter(|_| limit.origin != Origin::Default);
    let most = most.map_or(u32::MAX, |most| u32::try_from(most).unwrap_or(u32::MAX));
    Ok(most.max(SMALLEST_MESSAGE))
}

/// What this program's configuration grants its VMs, whatever cosmosd was started with. It means the
/// files of this machine: another one has a configuration of its own.
pub(crate) fn granted(configured: &Config, host: &Host) -> Grants {
    if *host != Host::Local {
        return Grants::default();
    }
    let texts = |paths: &[PathBuf]| {
        let texts = paths.iter().filter_map(|path| path.to_str());
        texts.map(str::to_owned).collect()
    };
    Grants {
        read: texts(&configured.grants.read),
        write: texts(&configured.grants.write),
        network: configured.grants.network.value,
        programs: configured.grants.programs.value,
    }
}

pub(super) fn rendezvous() -> Result<Rendezvous, Fault> {
    let config = Config::load().map_err(misconfigured)?;
    Ok(Rendezvous {
        directory: config.socket_directory.value,
        libexec: config.libexec_directory.value,
        start: config.start_daemons.value,
        patience: START,
    })
}
