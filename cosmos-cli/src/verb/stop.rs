//! `cosmos stop`.
//!
//! The daemons are found by who answers, never by name: cosmosdb is the process that listens at the
//! socket (SO_PEERCRED), cosmosd the one that registered its name there. A process id is turned
//! into a pidfd and confirmed after that, so that no other process can be meant.

use crate::arguments::Stop;
use crate::kernel::Process;
use crate::report::{Problem, Report, Verdict};
use cosmos::Host;
use cosmos_config::Config;
use cosmos_rpc::message::registry::List;
use cosmos_rpc::rendezvous::{COORDINATOR, REGISTRY_SOCKET, SocketDirectory, connect_registry};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use std::time::Duration;

/// How long a daemon may take to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long calls that are under way may take to end, before they are ended.
const CALLS: Duration = Duration::from_secs(2);

/// Ends cosmosd, with its VMs, and cosmosdb. Where they do not run there is nothing to do.
pub fn run(arguments: &Stop) -> Verdict {
    if let Some(host @ Host::Ssh(_)) = &arguments.host {
        let message = format!("the daemons of {host} cannot be ended from here");
        return Err(Problem::usage(
            Report::new(message).help("run `cosmos stop` there, by ssh"),
        ));
    }
    let config = super::config::load()?;
    if let Some(process) = coordinator(&config)? {
        end(&process, "cosmosd")?;
    }
    if let Some(process) = registry(&config) {
        end(&process, "cosmosdb")?;
    }
    Ok(0)
}

fn end(process: &Process, name: &str) -> Result<(), Problem> {
    let asked = |patience| process.terminate().and_then(|()| process.wait(patience));
    let ended = match asked(CALLS) {
        // A daemon that is asked twice waits for nobody.
        Ok(false) => asked(PATIENCE),
        ended => ended,
    };
    match ended {
        Ok(true) => Ok(()),
        Ok(false) => {
            let report = Report::new(format!("{name} has not ended after {PATIENCE:?}"));
            Err(Problem::cosmos(report))
        }
        Err(error) => Err(Problem::cosmos(Report::new(format!(
            "cannot end {name}: {error}"
        )))),
    }
}

fn registry(config: &Config) -> Option<Process> {
    let pid = || {
        let directory = SocketDirectory::open(&config.socket_directory).ok()?;
        let stream = directory.connect(REGISTRY_SOCKET).ok()?;
        getsockopt(&stream, PeerCredentials)
            .ok()
            .map(|peer| peer.pid())
    };
    confirmed(pid)
}

fn coordinator(config: &Config) -> Result<Option<Process>, Problem> {
    if !super::daemons::registry_listens(config) {
        return Ok(None);
    }
    let mut registry = connect_registry(&super::daemons::rendezvous(config))?;
    let list = List {
        pattern: COORDINATOR.to_owned(),
    };
    let mut pid = || {
        let (entries, _) = registry.call(&list, &[]).ok()?;
        entries.first().map(|entry| entry.pid)
    };
    Ok(confirmed(&mut pid))
}

/// The process that `pid` names, if it still does once there is a pidfd: then it has lived on.
fn confirmed(mut pid: impl FnMut() -> Option<i32>) -> Option<Process> {
    let before = pid()?;
    let process = Process::open(before).ok()?;
    (pid()? == before).then_some(process)
}
