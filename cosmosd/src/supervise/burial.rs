//! What is done when a VM has ended: what it and its launcher left is read, the report of a crash is
//! kept, and then everybody is told, in this order, so that who learns of a crash can read the report.

use super::{REMAINS_PATIENCE, Supervisor};
use crate::{
    crash::Findings,
    vm::{Life, State, describe},
};
use cosmos_rpc::{
    Fault, FaultCode,
    message::{
        Message,
        coordinator::Ending,
        crash::Crash,
        launch::{Confined, Ended},
    },
};
use nix::libc;
use tokio::time::timeout;

impl Supervisor {
    /// The launcher is reaped: reads what it and the VM left, and tells everybody.
    pub(super) async fn bury(mut self) {
        self.hear_last_words().await;
        if let Some(launcher) = &mut self.launcher {
            let remains = async {
                while let Ok(Some(frame)) = launcher.receive().await {
                    if let Ok(ended) = frame.message::<Ended>() {
                        return Some(ended);
                    }
                }
                None
            };
            if let Ok(Some(ended)) = timeout(REMAINS_PATIENCE, remains).await {
                let known = self.ending.take();
                self.ending = known.or(Some(ended.ending));
                self.denials = ended.denials;
                self.remains = ended.remains;
            }
        }
        // Lets the drain take what is in the pipe.
        tokio::task::yield_now().await;
        let ending = match self.ending.take() {
            Some(Ending::Killed { signal, .. }) if signal == libc::SIGKILL => Ending::Killed {
                signal,
                requested: self.killed,
            },
            Some(ending) => ending,
            None => Ending::Unknown,
        };
        let last_words = self.tail.last_line();
        self.about.vm.log.note(&describe(&ending));
        let crash = self.report(&ending).await;
        let served = self.born.elapsed();
        let (name, denials) = (self.name, self.denials);
        for asked in self.waiting {
            let _ = asked.send(denials.clone());
        }
        self.life.send_modify(|life| {
            let never_ready = life.state < State::Ready || life.problem.is_some();
            life.ending = Some(ending);
            life.last_words = last_words;
            life.denials = denials;
            life.crash = crash;
            life.served = served;
            life.advance(State::Gone);
            if never_ready {
                life.problem = Some(never_ready_fault(&name, life));
            }
            tracing::info!("{name}: {}", life.obituary());
        });
    }

    /// Why it could not be confined, where it said that in its last moment: its end may be seen first.
    async fn hear_last_words(&mut self) {
        let Some(control) = self.control.as_mut().filter(|_| self.confining) else {
            return;
        };
        let said = async {
            while let Ok(Some(frame)) = control.reader.receive().await {
                if frame.kind == Confined::KIND {
                    return frame.message::<Confined>().ok()?.problem;
                }
            }
            None
        };
        if let Ok(Some(problem)) = timeout(REMAINS_PATIENCE, said).await {
            let known = |life: &mut Life| life.problem.take().or(Some(problem));
            self.life.send_modify(|life| life.problem = known(life));
        }
    }

    /// Has the report of a VM kept that crashed, before anybody learns that it is gone.
    async fn report(&mut self, ending: &Ending) -> Option<Crash> {
        let remains = self.remains.take();
        let remains = remains.filter(|_| matches!(ending, Ending::Killed { .. }))?;
        let findings = Findings {
            remains,
            age: self.born.elapsed(),
            stderr: self.tail.text(),
            denials: self.denials.clone(),
            pid: self.life.borrow().pid,
        };
        self.about.keeper.keep(&self.about.vm, findings).await
    }
}

fn never_ready_fault(name: &str, life: &Life) -> Fault {
    let why = match &life.problem {
        Some(problem) => format!("{} ({})", problem.message, life.obituary()),
        None => format!(
            "the VM {name} ended before it was ready: {}",
            life.obituary()
        ),
    };
    Fault::vm(FaultCode::LaunchFailed, why)
}
