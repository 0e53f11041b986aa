//! SIGHUP: the configuration is read again, and holds for what comes then.
//!
//! | what | from when on |
//! |---|---|
//! | what is configured for VMs (kinds, levels, grants, limits, logs, crash reports, pins) | VMs that start from then on; those that run keep what they have |
//! | VMs that wait for somebody ([`pool`]) | they were made by the old one: they end, and others are made |
//! | idle times, how many clients and VMs there may be, waiting launchers | at once |
//! | where cosmosd listens and finds its programs, and whether it starts cosmosdb | when cosmosd starts again, which the log says |
//!
//! Where something is wrong with the new one the old one stays whole, and the log says what and where. The
//! environment is the one that cosmosd was started with.
//!
//! The same signal comes when a terminal is gone that cosmosd runs in, in the foreground: then it ends as at SIGTERM.

use crate::{
    aside,
    configured::{self, Configured, Read},
    coordinator::Coordinator,
    matching::Host,
    pool,
    profile::Profile,
};
use cosmos_config::Config;
use cosmos_rpc::{Fault, daemon::Terminal};
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};
use tokio::signal::unix::Signal;

/// Reads the configuration again whenever that signal comes, until it says that the terminal is gone.
pub async fn keep(coordinator: Rc<Coordinator>, mut hangup: Signal, terminal: Option<Terminal>) {
    while hangup.recv().await.is_some() {
        if terminal.is_some_and(Terminal::has_hung_up) {
            return;
        }
        match again(&coordinator).await {
            Ok(()) => tracing::info!("the configuration was read again"),
            Err(fault) => tracing::error!("the configuration stays as it was: {fault}"),
        }
    }
}

async fn again(coordinator: &Coordinator) -> Result<(), Fault> {
    let before = coordinator.configured();
    let old = before.config.clone();
    let (read, host) = aside::run(move || read(&old)).await??;
    report(&before, &read);
    coordinator.configure(Configured::new(read, host));
    pool::empty(coordinator);
    Ok(())
}

/// The configuration as it is now, with the old one's values where those cannot change.
fn read(old: &Config) -> Result<(Read, Host), Fault> {
    let loaded = Config::load().map_err(|error| configured::wrong(&error))?;
    let mut config = loaded.clone();
    config.socket_directory = old.socket_directory.clone();
    config.libexec_directory = old.libexec_directory.clone();
    config.start_daemons = old.start_daemons.clone();
    config.metrics_socket = old.metrics_socket.clone();
    config.metrics_port = old.metrics_port.clone();
    let read = Read::with(config)?;
    for ((key, wanted, origin), kept) in differences(&loaded, &read.config) {
        let (wanted, kept) = (shown(&wanted), shown(&kept));
        tracing::warn!(
            "`{key}` is {wanted} ({origin}) when cosmosd starts again; it stays {kept} until then"
        );
    }
    let host = configured::host(&read.config);
    Ok((read, host))
}

/// Says what is different from now on.
fn report(before: &Configured, read: &Read) {
    for ((key, new, origin), old) in differences(&read.config, &before.config) {
        let (new, old) = (shown(&new), shown(&old));
        tracing::info!("`{key}` is {new} ({origin}), no longer {old}");
    }
    report_sections(&before.config, &read.config);
    let (old, new) = (kinds(&before.profiles), kinds(&read.profiles));
    for kind in new.difference(&old) {
        tracing::info!("`{kind}` is a kind of VM now");
    }
    for kind in old.difference(&new) {
        tracing::info!("`{kind}` is no kind of VM any more");
    }
}

/// The same of what is said of single kinds and libraries.
fn report_sections(before: &Config, now: &Config) {
    // Of what several layers say, the strongest one's.
    let said = |config: &Config| -> BTreeMap<String, (String, String)> {
        let entries = config.sections().into_iter();
        entries
            .map(|(key, value, origin)| (key, (value, origin)))
            .collect()
    };
    let (mut old, new) = (said(before), said(now));
    for (key, (value, origin)) in new {
        match old.remove(&key) {
            Some((before, _)) if before == value => {}
            Some((before, _)) => {
                let (value, before) = (shown(&value), shown(&before));
                tracing::info!("`{key}` is {value} ({origin}), no longer {before}");
            }
            None => {
                let value = shown(&value);
                tracing::info!("`{key}` is {value} ({origin}), and was not said before");
            }
        }
    }
    for (key, (before, _)) in old {
        let before = shown(&before);
        tracing::info!("`{key}` is not said any more; it was {before}");
    }
}

fn kinds(profiles: &[Profile]) -> BTreeSet<&str> {
    profiles
        .iter()
        .map(|profile| profile.kind.as_str())
        .collect()
}

/// The entries of one that have another value in the other, and that value.
fn differences(one: &Config, other: &Config) -> Vec<((String, String, String), String)> {
    let others = other.entries().into_iter().map(|(_, value, _)| value);
    one.entries()
        .into_iter()
        .zip(others)
        .filter(|((_, value, _), other)| value != other)
        .collect()
}

fn shown(value: &str) -> &str {
    match value {
        "" => "empty",
        value => value,
    }
}
