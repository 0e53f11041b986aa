//! What the launcher is told and asked: what the next cosmosd has to know, what the VM was denied, how it
//! ended.

use super::{About, GIVEN_PAUSE, Supervisor};
use crate::{adopt::Record, vm::State};
use cosmos_rpc::{
    Frame,
    asynchronous::Connection,
    codec,
    message::{
        Message,
        confine::Denial,
        launch::{Denials, Ended, Remember},
    },
};
use std::os::fd::AsFd;
use tokio::{sync::oneshot, time::Instant};

/// Of what a VM may write, the part that the next cosmosd may not know of is at most one in so many.
const SHARES: u64 = 16;

impl About {
    /// What the next cosmosd has to know of the VM.
    pub(super) fn remembered(&self, is_waiting: bool, written: u64) -> Option<Remember> {
        let record = codec::encode(&Record::of(&self.vm)).ok()?;
        Some(Remember {
            record,
            is_waiting,
            written,
        })
    }
}

impl Supervisor {
    /// Has the launcher keep what the next cosmosd has to know, once the VM has been told what it waits for.
    pub(super) fn remember(&mut self) {
        self.to_remember.get_or_insert_with(Instant::now);
    }

    /// The same in a while, when the VM's client has what it asked for.
    pub(super) fn remember_later(&mut self) {
        self.to_remember = Some(Instant::now() + GIVEN_PAUSE);
    }

    /// Whether nothing goes before that any more.
    pub(super) fn remembers_now(&self) -> bool {
        let waits = |control: &Connection| control.writer.queued() > 0;
        let is_time = self.to_remember.is_some_and(|time| time <= Instant::now());
        is_time && !self.control.as_ref().is_some_and(waits)
    }

    /// Tells the launcher, where what it keeps is another thing.
    pub(super) fn tell_launcher(&mut self) {
        self.to_remember = None;
        if self.life.borrow().state >= State::Poisoned {
            return;
        }
        let Some(remember) = self.about.remembered(self.is_held, self.tail.count()) else {
            return;
        };
        let kept = match (&self.control, self.is_control_kept) {
            (Some(control), false) => control.as_fd().try_clone_to_owned().ok(),
            _ => None,
        };
        let given = kept.is_some();
        // It would be woken for nothing, beside whoever waits for the VM.
        if !given && self.kept.as_ref() == Some(&remember) {
            return;
        }
        if let Some(launcher) = &mut self.launcher {
            let told = launcher
                .writer
                .queue_notice(&remember, kept.into_iter().collect());
            self.is_control_kept |= told.is_ok() && given;
            self.kept = Some(remember);
        }
    }

    /// The next count of bytes that the VM has written at which something is to be done: it has written
    /// more than it may, or so much more that the launcher has to know.
    pub(super) fn next_mark(&self) -> Option<u64> {
        let most = self.output_bytes?;
        Some(self.told_written.saturating_add(most / SHARES).min(most))
    }

    /// It has written more than the last mark.
    pub(super) fn passed_mark(&mut self) {
        let written = self.tail.count();
        if self.output_bytes.is_some_and(|most| written > most) {
            return self.end_for_output();
        }
        self.told_written = written;
        self.remember();
    }

    pub(super) fn hear_end(&mut self, frame: &Frame) {
        if let Ok(ended) = frame.message::<Ended>() {
            let known = self.ending.take();
            self.ending = known.or(Some(ended.ending));
            self.denials = ended.denials;
            self.remains = ended.remains;
        }
    }

    /// Asks the launcher, which has the kernel's word.
    pub(super) fn ask_denials(&mut self, asked: oneshot::Sender<Vec<Denial>>) {
        let told = self.launcher.as_mut().is_some_and(|launcher| {
            self.last_question += 1;
            let id = self.last_question;
            let body = codec::encode(&Denials).unwrap_or_default();
            launcher
                .writer
                .queue(Denials::KIND, id, body, Vec::new())
                .is_ok()
        });
        match told {
            true => self.waiting.push_back(asked),
            // It is ending, and what it left is told with that.
            false => drop(asked.send(self.denials.clone())),
        }
    }
}
