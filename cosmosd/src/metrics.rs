//! What cosmosd counts of itself and its VMs, and gives who scrapes it; nothing where nobody may.
//!
//! | source | numbers | trust |
//! |---|---|---|
//! | this daemon | opens, clients, VMs by state, starts, ends, denials, resident memory | its own |
//! | a page that each VM counts in, see [`ledger`] | calls, their duration, failures: all that begins with `cosmos_vm_reported_` | the VM's word, bounded |
//!
//! Labels are kinds of VMs, which the administrator names, and words of this program: how many rows there are
//! does not depend on what clients and VMs do.

pub mod ledger;
mod render;
mod serve;

pub use serve::serve;

use crate::{
    profile::Profile,
    vm::{Life, Vm},
};
use cosmos_config::Config;
use cosmos_rpc::{Fault, FaultCode, message::coordinator::Ending, tally::Counts};
use ledger::Ledger;
use std::{cell::RefCell, collections::BTreeMap, path::PathBuf};

/// What is counted.
#[derive(Debug)]
pub struct Metrics {
    socket: Option<PathBuf>,
    port: Option<u16>,
    totals: RefCell<Totals>,
}

/// Numbers that only grow.
#[derive(Debug, Default)]
struct Totals {
    kinds: BTreeMap<String, OfKind>,
    /// By what became of them.
    opens: BTreeMap<&'static str, u64>,
    /// Clients that were turned away, by why.
    refused: BTreeMap<&'static str, u64>,
    clients: u64,
}

/// Of the VMs of a kind.
#[derive(Debug, Default)]
struct OfKind {
    starts: u64,
    ends: BTreeMap<&'static str, u64>,
    denials: u64,
    /// What those counted that have ended.
    counts: Counts,
}

impl Metrics {
    /// As configured. Every kind has its rows from the beginning.
    pub fn new(config: &Config, profiles: &[Profile]) -> Metrics {
        let socket = Some(config.metrics_socket.value.clone());
        let port = u16::try_from(config.metrics_port.value);
        let metrics = Metrics {
            socket: socket.filter(|path| !path.as_os_str().is_empty()),
            port: port.ok().filter(|port| *port != 0),
            totals: RefCell::default(),
        };
        metrics.know(profiles);
        metrics
    }

    /// Has rows for these kinds too.
    pub fn know(&self, profiles: &[Profile]) {
        let kinds = &mut self.totals.borrow_mut().kinds;
        for profile in profiles {
            kinds.entry(profile.kind.clone()).or_default();
        }
    }

    /// Whether anybody may scrape them.
    pub fn is_on(&self) -> bool {
        self.socket.is_some() || self.port.is_some()
    }

    /// What another VM counts in.
    pub fn ledger(&self) -> Ledger {
        Ledger::new(self.is_on())
    }

    /// A VM is there.
    pub fn began(&self, vm: &Vm) {
        self.of_kind(&vm.kind, |of_kind| of_kind.starts += 1);
    }

    /// A VM has ended.
    pub fn ended(&self, vm: &Vm) {
        let counts = vm.ledger.close();
        let life = vm.life.borrow();
        let denials = life.denials.iter().map(|denial| denial.times);
        let denials = denials.fold(0, u64::saturating_add);
        self.of_kind(&vm.kind, |of_kind| {
            *of_kind.ends.entry(cause(&life)).or_default() += 1;
            of_kind.denials = of_kind.denials.saturating_add(denials);
            of_kind.counts = of_kind.counts.plus(&counts);
        });
    }

    /// A VM was asked for.
    pub fn opened<T>(&self, outcome: &Result<T, Fault>) {
        let outcome = match outcome {
            Ok(_) => "ok",
            Err(fault) => code_name(fault.code),
        };
        *self.totals.borrow_mut().opens.entry(outcome).or_default() += 1;
    }

    /// A client came.
    pub fn came<T>(&self, outcome: &Result<T, Fault>) {
        let mut totals = self.totals.borrow_mut();
        totals.clients += 1;
        if let Err(fault) = outcome {
            *totals.refused.entry(code_name(fault.code)).or_default() += 1;
        }
    }

    fn of_kind(&self, kind: &str, note: impl FnOnce(&mut OfKind)) {
        // A kind that is not configured any more has VMs of a cosmosd before.
        if let Some(of_kind) = self.totals.borrow_mut().kinds.get_mut(kind) {
            note(of_kind);
        }
    }
}

/// Why a VM ended, in one of few words.
fn cause(life: &Life) -> &'static str {
    match &life.ending {
        _ if life.problem.is_some() => "never_ready",
        Some(Ending::Exited(0)) => "exited",
        Some(Ending::Exited(_)) => "exited_with_error",
        Some(Ending::Killed {
            requested: true, ..
        }) => "killed_by_cosmosd",
        Some(Ending::Killed { .. }) => "killed_by_signal",
        Some(Ending::OverLimit { .. }) => "over_limit",
        Some(Ending::Running | Ending::Unknown) | None => "unknown",
    }
}

/// A code in the words of a label.
pub(crate) fn code_name(code: FaultCode) -> &'static str {
    match code {
        FaultCode::NoSuchName => "no_such_name",
        FaultCode::NameTaken => "name_taken",
        FaultCode::NotPermitted => "not_permitted",
        FaultCode::LimitReached => "limit_reached",
        FaultCode::NoSuchTarget => "no_such_target",
        FaultCode::NotLoadable => "not_loadable",
        FaultCode::WrongArchitecture => "wrong_architecture",
        FaultCode::LaunchFailed => "launch_failed",
        FaultCode::NoSuchSymbol => "no_such_symbol",
        FaultCode::BadPrototype => "bad_prototype",
        FaultCode::TemplateMismatch => "template_mismatch",
        FaultCode::BadArgument => "bad_argument",
        FaultCode::StaleHandle => "stale_handle",
        FaultCode::VmDied => "vm_died",
        FaultCode::TimedOut => "timed_out",
        FaultCode::Protocol => "protocol",
        FaultCode::Version => "version",
        FaultCode::TooLarge => "too_large",
        FaultCode::Disconnected => "disconnected",
        FaultCode::Unsupported => "unsupported",
        FaultCode::System => "system",
        FaultCode::Configuration => "configuration",
        FaultCode::Forked => "forked",
        FaultCode::CallbackFailed => "callback_failed",
        FaultCode::Cancelled => "cancelled",
        FaultCode::ProgramDied => "program_died",
        FaultCode::Unreachable => "unreachable",
        FaultCode::TooManyFiles => "too_many_files",
        _ => "other",
    }
}

/// Every code.
const CODES: [FaultCode; 28] = [
    FaultCode::NoSuchName,
    FaultCode::NameTaken,
    FaultCode::NotPermitted,
    FaultCode::LimitReached,
    FaultCode::NoSuchTarget,
    FaultCode::NotLoadable,
    FaultCode::WrongArchitecture,
    FaultCode::LaunchFailed,
    FaultCode::NoSuchSymbol,
    FaultCode::BadPrototype,
    FaultCode::TemplateMismatch,
    FaultCode::BadArgument,
    FaultCode::StaleHandle,
    FaultCode::VmDied,
    FaultCode::TimedOut,
    FaultCode::Protocol,
    FaultCode::Version,
    FaultCode::TooLarge,
    FaultCode::Disconnected,
    FaultCode::Unsupported,
    FaultCode::System,
    FaultCode::Configuration,
    FaultCode::Forked,
    FaultCode::CallbackFailed,
    FaultCode::Cancelled,
    FaultCode::ProgramDied,
    FaultCode::Unreachable,
    FaultCode::TooManyFiles,
];
