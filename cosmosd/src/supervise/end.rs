//! How a VM is brought to its end: asked first, killed where that does not help, and when.

use super::{Command, END_PATIENCE, Escalation, KILL_PATIENCE, Supervisor};
use crate::vm::State;
use cosmos_rpc::message::{
    coordinator::Ending,
    launch::{Drain, Kill},
};
use nix::sys::socket::{Shutdown, shutdown};
use std::{
    os::fd::{AsFd, AsRawFd},
    time::Duration,
};
use tokio::time::Instant;

impl Supervisor {
    /// The VM does not serve any more; it should be ending by itself.
    pub(super) fn give_up(&mut self, why: &str) {
        if self.is_awaited() {
            return self.give_up_starting(why);
        }
        tracing::info!("{}: {why}", self.name);
        self.poison();
        self.hang_up();
        self.escalate(END_PATIENCE, Escalation::Kill);
    }

    pub(super) fn end_for_output(&mut self) {
        let most = self.output_bytes.take().unwrap_or(0);
        self.ending = Some(Ending::OverLimit {
            limit: "limits.output_bytes".to_owned(),
            most,
        });
        self.kill();
    }

    pub(super) fn drain(&mut self, patience: Duration) {
        let is_ready = self.life.borrow().state == State::Ready;
        let told = self.control.as_mut().is_some_and(|control| {
            is_ready && control.writer.queue_notice(&Drain, Vec::new()).is_ok()
        });
        match told {
            true => {
                self.poison();
                self.next = None;
                self.escalate(patience, Escalation::Kill);
            }
            false => self.obey(Command::End),
        }
    }

    pub(super) fn kill(&mut self) {
        self.killed = true;
        // The control socket stays: its end would be an invitation to end by itself.
        self.poison();
        let is_asked = match &mut self.launcher {
            Some(launcher) => launcher.writer.queue_notice(&Kill, Vec::new()).is_ok(),
            None => false,
        };
        if !is_asked {
            self.process.kill();
        }
        self.escalate(KILL_PATIENCE, Escalation::KillLauncher);
    }

    /// Ends the control socket, of which the launcher may have a copy. Who was to be passed on is turned
    /// away.
    pub(super) fn hang_up(&mut self) {
        self.early.clear();
        if let Some(control) = self.control.take() {
            // One that has ended already is what was wanted.
            let _ = shutdown(control.as_fd().as_raw_fd(), Shutdown::Both);
        }
    }

    pub(super) fn poison(&mut self) {
        if !self.is_awaited() {
            self.life.send_modify(|life| {
                life.advance(State::Poisoned);
            });
        }
    }

    /// Starts the idle time of a shared VM without clients anew, or stops it.
    pub(super) fn idle(&mut self) {
        if self.life.borrow().state != State::Ready {
            return;
        }
        let after = self.retire_after.filter(|_| self.clients == 0);
        self.next = after
            .and_then(|after| Instant::now().checked_add(after))
            .map(|at| (at, Escalation::Retire));
    }

    pub(super) fn act(&mut self) {
        match self.next.take() {
            Some((_, Escalation::Retire)) => {
                tracing::info!("{}: nobody uses it, it is retired", self.name);
                self.obey(Command::End);
            }
            Some((_, Escalation::Kill)) => {
                if self.is_awaited() {
                    self.give_up_starting("was not ready in time");
                }
                self.kill();
            }
            Some((_, Escalation::KillLauncher)) => self.process.kill(),
            None => {}
        }
    }

    /// Sets a deadline for a step, unless a stronger one is due; of two for one step the earlier.
    pub(super) fn escalate(&mut self, patience: Duration, step: Escalation) {
        let at = Instant::now() + patience;
        self.next = match self.next {
            Some((due_at, due)) if due > step => Some((due_at, due)),
            Some((due_at, due)) if due == step => Some((due_at.min(at), step)),
            _ => Some((at, step)),
        };
    }
}
