//! A cosmosd that this process asks: the one here, or one on another machine by way of a relay.

use crate::fork::Own;
use crate::session::lock;
use cosmos_config::{Config, Host, SshHost};
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::rendezvous::{Rendezvous, connect_coordinator, start_relay};
use cosmos_rpc::{Fault, FaultCode, Role};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::AsFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long another machine may take to answer: somebody may be typing a password.
const ANSWER: Duration = Duration::from_secs(180);

/// A cosmosd, and the connection to it.
#[derive(Debug)]
pub(crate) struct Coordinator {
    host: Host,
    /// Made when first needed, made again when lost.
    pub(crate) connection: Mutex<Option<Own<Connection>>>,
    epoch: AtomicU64,
    /// Why the connection ended that was there last.
    lost: Mutex<Option<Fault>>,
}

impl Coordinator {
    /// The one of this host, not connected yet.
    pub(crate) fn new(host: Host) -> Coordinator {
        Coordinator {
            host,
            connection: Mutex::default(),
            epoch: AtomicU64::new(0),
            lost: Mutex::default(),
        }
    }

    /// Its host.
    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// Whether it is on another machine.
    pub(crate) fn is_remote(&self) -> bool {
        self.host != Host::Local
    }

    /// Which connection to it this is, counted from 1.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// What it is called in messages.
    pub(crate) fn label(&self) -> String {
        match &self.host {
            Host::Local => "cosmosd".to_owned(),
            Host::Ssh(host) => format!("cosmosd on {host}"),
        }
    }

    /// Notes why the connection to it has ended.
    pub(crate) fn lose(&self, why: &Fault) {
        *lock(&self.lost) = Some(why.clone());
    }

    /// Why there is no connection to it any more: who finds none was not the one who found out.
    pub(crate) fn lost(&self) -> Fault {
        let known = lock(&self.lost).clone();
        known.unwrap_or_else(|| {
            Fault::peer(
                FaultCode::Disconnected,
                "the connection to cosmosd was lost",
            )
        })
    }

    /// A new connection to it.
    pub(crate) fn connect(&self, rendezvous: &Rendezvous) -> Result<Connection, Fault> {
        let connection = match &self.host {
            Host::Local => connect_coordinator(rendezvous)?,
            Host::Ssh(host) => connect_by_relay(host, rendezvous)?,
        };
        self.epoch.fetch_add(1, Ordering::AcqRel);
        Ok(connection)
    }
}

/// Where an open is to take place, by its options or else by the configuration.
pub(crate) fn chosen(host: Option<&Host>, configured: &Config) -> Host {
    host.unwrap_or(&configured.host.value).clone()
}

fn connect_by_relay(host: &SshHost, rendezvous: &Rendezvous) -> Result<Connection, Fault> {
    let config =
        Config::load().map_err(|error| Fault::host(FaultCode::Configuration, error.to_string()))?;
    let silence = config.host_silence_seconds.value;
    let stream = start_relay(rendezvous, &host.to_string(), &config.ssh.value, silence)?;
    let deadline = Instant::now() + ANSWER;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut watched = [PollFd::new(stream.as_fd(), PollFlags::POLLIN)];
        match poll(&mut watched, left) {
            Ok(0) => {
                return Err(Fault::host(
                    FaultCode::TimedOut,
                    format!("{host} did not answer within {} s", ANSWER.as_secs()),
                ));
            }
            Ok(_) => break,
            Err(nix::errno::Errno::EINTR) => {}
            Err(error) => {
                let message = format!("waiting for {host} failed: {error}");
                return Err(Fault::host(FaultCode::System, message));
            }
        }
    }
    Connection::connect(stream, Role::Client)?.expect(Role::Coordinator)
}
