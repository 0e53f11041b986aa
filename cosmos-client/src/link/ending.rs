//! How a VM ended: what a failed exchange means, what is asked of cosmosd, and what the caller is told.
//!
//! | what failed | what follows |
//! |---|---|
//! | the connection ended | cosmosd is asked how the VM did, which is gone from now on |
//! | cosmosd, on another machine, cannot be asked | the VM is lost with its machine |
//! | the deadline passed | a private VM is killed and gone; one that others use goes on |
//! | the VM broke the protocol | the same, whoever uses it: to this process it is gone |
//! | anything else | it is about the request, not the VM |
//!
//! cosmosd knows VMs by name, and the name of a VM that several share may be a successor's already when
//! it is asked. What this process holds of the VM that it means is the main connection, and that tells
//! the two apart.

use super::{Ended, Link};
use crate::error::Error;
use crate::exec::command_line;
use crate::session::{Session, lock_within};
use cosmos_rpc::message::confine::Denial;
use cosmos_rpc::message::coordinator::{Autopsy, Crashed, Denied, Ending};
use cosmos_rpc::message::crash::{Casualty, Crash, KeepReport};
use cosmos_rpc::{Blame, Fault, FaultCode};
use std::sync::Arc;
use std::time::Duration;

/// Milliseconds that cosmosd may take to learn how a VM ended.
const AUTOPSY_PATIENCE: u32 = 5000;

/// The same of a VM whose main connection is open: it may have closed a channel and live on, as often as it
/// likes, and each call on one would otherwise take so long beyond its deadline.
const GLANCE: u32 = 300;

/// How long another thread's request to cosmosd is waited for by a call that has failed already.
const BUSY_PATIENCE: Duration = Duration::from_millis(200);

/// Most bytes of a message that are shown.
const LONGEST_MESSAGE: usize = 16 << 10;

impl Link {
    /// Turns the failure of an exchange on a channel into what the caller is told, and draws the
    /// consequences: a VM that ended, broke the protocol or ran out of time is gone.
    ///
    /// `place` says what was going on, as "in strlen(s = NULL)" or "opening libz.so.1".
    pub(crate) fn diagnose(self: &Arc<Link>, fault: Fault, place: &str) -> Error {
        match fault.code {
            FaultCode::Disconnected => self.post_mortem(fault, place),
            FaultCode::TimedOut => self.overdue(place),
            FaultCode::Protocol | FaultCode::Version | FaultCode::TooLarge
                if fault.blame == Blame::Peer =>
            {
                let message = format!(
                    "{} broke the protocol {place}: {}",
                    self.label(),
                    fault.message
                );
                let fault = Fault::vm(fault.code, message);
                self.end(fault.clone(), 0);
                self.kill();
                self.named(fault)
            }
            _ => self.named(fault),
        }
    }

    /// The error, with this VM's name.
    pub(crate) fn named(&self, fault: Fault) -> Error {
        self.failure(fault, 0)
    }

    pub(super) fn failure(&self, mut fault: Fault, signal: i32) -> Error {
        let most = self.nature.message_bytes;
        if fault.code == FaultCode::TooLarge && most < u32::MAX {
            fault.message = format!("{} (limits.message_bytes = {most})", fault.message);
        }
        fault.message = presentable(fault.message);
        Error::from(fault)
            .in_vm(self.label(), &self.host)
            .with_signal(signal)
    }

    fn post_mortem(self: &Arc<Link>, fault: Fault, place: &str) -> Error {
        let label = self.label();
        if let Some(ended) = self.ended.get() {
            // Another thread's call ended it, and knows more.
            let message = format!("{label} ended {place}: {}", ended.fault.message);
            if ended.fault.code == FaultCode::Disconnected {
                return self.failure(Fault::peer(FaultCode::Disconnected, message), 0);
            }
            return self.died(message, ended);
        }
        let ending = match self.ending() {
            Ok(ending) => ending,
            Err(lost) => {
                let message = format!("{label} was lost {place}: {}", lost.message);
                let fault = Fault::peer(FaultCode::Disconnected, message);
                self.end(fault.clone(), 0);
                return self.named(fault);
            }
        };
        let crash = self.crash(&ending, place);
        let signal = match ending {
            Ending::Killed { signal, .. } => signal,
            _ => 0,
        };
        let verb = match ending {
            Ending::Running if self.has_successor() => {
                "ended, and another VM has its name".to_owned()
            }
            Ending::Running => {
                return self.named(Fault::vm(
                    FaultCode::Disconnected,
                    format!("{label} closed the connection {place} and still runs"),
                ));
            }
            ending => how(ending, crash.as_ref(), &fault),
        };
        let denied = self.denied();
        let report = match &crash {
            Some(crash) if !crash.id.is_empty() => format!("; `cosmos crash show {}`", crash.id),
            _ => String::new(),
        };
        let message = format!("{label} {verb} {place}{denied}{report}");
        let ended = Ended {
            fault: Fault::vm(FaultCode::VmDied, message.clone()),
            signal,
            crash,
        };
        self.end_for(ended.clone());
        self.died(message, &ended)
    }

    /// That the VM died, with what is known of its end.
    pub(super) fn died(&self, message: String, ended: &Ended) -> Error {
        let error = self.failure(Fault::vm(FaultCode::VmDied, message), ended.signal);
        match &ended.crash {
            Some(crash) => error.with_crash(crash),
            None => error,
        }
    }

    /// What cosmosd keeps of a crash; it is told what was going on here.
    fn crash(&self, ending: &Ending, place: &str) -> Option<Crash> {
        let crashed = matches!(
            ending,
            Ending::Killed {
                requested: false,
                ..
            }
        );
        if !crashed || !self.is_supervised() {
            return None;
        }
        let request = Crashed {
            name: self.name.clone(),
            call: presentable(place.strip_prefix("in ").unwrap_or(place).to_owned()),
        };
        // Without an answer the end is known all the same.
        let answer = Session::current().ask_connected(self.coordinator(), &request, BUSY_PATIENCE);
        answer.unwrap_or_default()
    }

    /// Has a report of a program kept that crashed in the VM; what is kept of it.
    pub(crate) fn keep_report(&self, report: &KeepReport) -> Option<Crash> {
        if !self.is_supervised() {
            return None;
        }
        // Without an answer its signal is known all the same.
        let answer = Session::current().ask_connected(self.coordinator(), report, BUSY_PATIENCE);
        answer.unwrap_or_default()
    }

    /// What the caller is told of a program that crashed when it was called, of which a report is kept.
    pub(crate) fn fell(&self, error: Error, casualty: Casualty) -> Error {
        let signal = casualty.fallen.remains.signal;
        let report = KeepReport {
            name: self.name.clone(),
            program: presentable(casualty.program),
            command: command_line(&casualty.arguments),
            stderr: String::from_utf8_lossy(&casualty.stderr).into_owned(),
            age: casualty.age,
            fallen: casualty.fallen,
        };
        let Some(crash) = self.keep_report(&report) else {
            return error.with_signal(signal);
        };
        let at = crash
            .address
            .map_or_else(String::new, |address| format!(" at {address:#x}"));
        let report = match crash.id.as_str() {
            "" => String::new(),
            id => format!("; `cosmos crash show {id}`"),
        };
        let message = format!("{error}{at}{report}");
        let fault = Fault::vm(FaultCode::ProgramDied, message);
        self.failure(fault, signal).with_crash(&crash)
    }

    /// What the kernel refused the VM until now, by name; where cosmosd cannot say, nothing.
    pub(crate) fn denials(&self) -> Vec<Denial> {
        if !self.is_supervised() {
            return Vec::new();
        }
        let name = self.name.clone();
        let denials =
            Session::current().ask_connected(self.coordinator(), &Denied { name }, BUSY_PATIENCE);
        denials.unwrap_or_default()
    }

    /// The same, by name and how often; nobody is asked of a VM without walls.
    pub(crate) fn denied_calls(&self) -> Vec<(String, u64)> {
        if !self.is_walled() {
            return Vec::new();
        }
        let denials = self.denials().into_iter();
        denials.map(|denial| (denial.call, denial.times)).collect()
    }

    /// The same as the end of a sentence.
    pub(super) fn denied(&self) -> String {
        let calls: Vec<String> = self
            .denials()
            .into_iter()
            .map(|denial| denial.call)
            .collect();
        match calls.as_slice() {
            [] => String::new(),
            calls => format!("; denied: {}", calls.join(", ")),
        }
    }

    /// How it ended, as far as its cosmosd says.
    ///
    /// # Errors
    /// That the machine it runs on cannot be reached any more, and why.
    fn ending(&self) -> Result<Ending, Fault> {
        let remote = self.coordinator().is_remote();
        if !self.is_supervised() {
            return match remote {
                true => Err(Fault::peer(
                    FaultCode::Disconnected,
                    format!("the connection to {} broke", self.host),
                )),
                false => Ok(Ending::Unknown),
            };
        }
        let ask = |patience| {
            let name = self.name.clone();
            let request = Autopsy { name, patience };
            Session::current().ask_connected(self.coordinator(), &request, BUSY_PATIENCE)
        };
        let answer = match self.has_hung_up() {
            true => ask(AUTOPSY_PATIENCE),
            // Where it has ended all the same, its connections ended one after the other.
            false => match ask(GLANCE) {
                Ok(Ending::Running) if self.has_hung_up() => ask(AUTOPSY_PATIENCE),
                answer => answer,
            },
        };
        match answer {
            Err(fault) if remote && fault.code == FaultCode::Disconnected => Err(fault),
            answer => Ok(answer.unwrap_or(Ending::Unknown)),
        }
    }

    /// Whether the VM that runs under this name cannot be this one, whose connection has ended.
    fn has_successor(&self) -> bool {
        self.nature.shared && self.has_hung_up()
    }

    /// Whether the main connection has ended.
    fn has_hung_up(&self) -> bool {
        let main = lock_within(&self.main, BUSY_PATIENCE);
        main.is_some_and(|main| {
            let main = main.as_ref();
            main.is_none_or(|main| main.connection.has_hung_up())
        })
    }

    fn overdue(self: &Arc<Link>, place: &str) -> Error {
        let label = self.label();
        if self.nature.shared {
            return self.named(Fault::vm(
                FaultCode::TimedOut,
                format!("{label} did not answer in time {place}"),
            ));
        }
        let fault = Fault::vm(
            FaultCode::TimedOut,
            format!("{label} did not answer in time {place} and was killed"),
        );
        self.end(fault.clone(), 0);
        self.kill();
        self.named(fault)
    }

    pub(super) fn kill(&self) {
        if self.is_supervised() && !self.nature.shared {
            // Should cosmosd be asked by another thread, or not answer, the VM still ends with its
            // main connection.
            let _ = Session::current().end_vm(self, true, BUSY_PATIENCE);
        }
    }
}

/// What happened to a VM that ended, in words. `fault` is what its end looked like from here.
fn how(ending: Ending, crash: Option<&Crash>, fault: &Fault) -> String {
    match ending {
        Ending::Running => "still runs".to_owned(),
        Ending::Exited(status) => format!("exited with status {status}"),
        Ending::Killed {
            signal,
            requested: false,
        } => {
            let at = crash.and_then(|crash| crash.address);
            let at = at.map_or_else(String::new, |address| format!(" at {address:#x}"));
            format!("was killed by {}{at}", signal_name(signal))
        }
        Ending::Killed {
            signal,
            requested: true,
        } => format!("was ended by cosmosd ({})", signal_name(signal)),
        Ending::Unknown => format!("ended, nobody saw how ({})", fault.message),
        Ending::OverLimit { limit, most } => {
            format!("was ended for it reached {limit} = {most}")
        }
    }
}

/// Words that may be a VM's, fit to be shown: no controls that a terminal would obey, and an end.
fn presentable(mut message: String) -> String {
    if message.len() > LONGEST_MESSAGE {
        let end = (0..=LONGEST_MESSAGE).rfind(|at| message.is_char_boundary(*at));
        message.truncate(end.unwrap_or(0));
        message.push('…');
    }
    let obeyed = |letter: char| letter.is_control() && letter != '\n' && letter != '\t';
    if message.contains(obeyed) {
        message = message.replace(obeyed, "\u{fffd}");
    }
    message
}

/// The name of a signal, `SIGSEGV`.
fn signal_name(number: i32) -> String {
    nix::sys::signal::Signal::try_from(number).map_or_else(
        |_| format!("signal {number}"),
        |signal| signal.as_str().to_owned(),
    )
}
