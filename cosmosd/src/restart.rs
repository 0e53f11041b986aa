//! Shared VMs that crash: started again, each time after a longer pause.
//!
//! A shared VM has its name from whoever opened it, and others rely on the name. One that crashes is
//! started again when it is next asked for, or at once where `restart_shared` says so; but never before a
//! pause is over, which doubles with each crash in a row and is forgotten once the VM has served for a
//! while. Nothing of the old one is in the new one: handles on the old one stay dead.
//!
//! | crash in a row | pause |
//! |---:|---|
//! | 1 | 0.1 s |
//! | 2 | 0.2 s |
//! | n | twice the one before, 30 s at most |

use crate::{
    coordinator::{Coordinator, Wish},
    follow::Followed,
    launch::Readable,
    vm::{Owner, Vm},
};
use cosmos_rpc::{Fault, FaultCode, message::coordinator::Ending};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};
use tokio::time::Instant;

/// First and longest pause.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));
/// How long a VM has to serve until its crashes are forgotten.
const STEADY: Duration = Duration::from_secs(60);
/// How long who asks for a VM waits for the end of a pause.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most names that are remembered.
const NAMES: usize = 1024;

/// What crashed lately.
#[derive(Debug, Default)]
pub struct Crashes(RefCell<BTreeMap<String, Row>>);

#[derive(Clone, Copy, Debug)]
struct Row {
    crashes: u32,
    until: Instant,
}

impl Crashes {
    /// Notes that a VM crashed after it had served so long; the pause until it may be started again.
    pub fn note(&self, name: &str, served: Duration) -> Duration {
        let mut rows = self.0.borrow_mut();
        let now = Instant::now();
        if rows.len() >= NAMES {
            rows.retain(|_, row| row.until > now);
        }
        let before = rows.get(name).map_or(0, |row| row.crashes);
        let crashes = match served >= STEADY {
            true => 1,
            false => before.saturating_add(1),
        };
        let pause = pause(crashes);
        if rows.len() < NAMES || rows.contains_key(name) {
            let until = now + pause;
            rows.insert(name.to_owned(), Row { crashes, until });
        }
        pause
    }

    /// Waits until a VM of this name may be started.
    ///
    /// # Errors
    ///
    /// `LimitReached` where that takes too long.
    pub async fn wait(&self, name: &str) -> Result<(), Fault> {
        let row = self.0.borrow().get(name).copied();
        let Some(row) = row else {
            return Ok(());
        };
        let left = row.until.saturating_duration_since(Instant::now());
        if left > PATIENCE {
            return Err(Fault::vm(
                FaultCode::LimitReached,
                format!(
                    "the shared VM {name} crashed {} times in a row and is not started again for \
                     {} s; `cosmos crash ls` shows why",
                    row.crashes,
                    left.as_secs()
                ),
            ));
        }
        tokio::time::sleep(left).await;
        Ok(())
    }
}

fn pause(crashes: u32) -> Duration {
    let doublings = crashes.saturating_sub(1).min(16);
    PAUSES.1.min(PAUSES.0 * 2u32.pow(doublings))
}

/// Whether this end was nobody's wish.
fn is_crash(ending: &Ending) -> bool {
    match ending {
        Ending::Killed { requested, .. } => !requested,
        Ending::Exited(status) => *status != 0,
        Ending::OverLimit { .. } => true,
        Ending::Running | Ending::Unknown => false,
    }
}

/// Does what is to be done when a VM has ended.
pub(crate) fn mourn(coordinator: &Rc<Coordinator>, vm: &Rc<Vm>) {
    if !matches!(vm.owner.get(), Owner::Shared(_)) || coordinator.is_ending() {
        return;
    }
    let (crashed, served) = {
        let life = vm.life.borrow();
        let crashed = life.ending.as_ref().is_some_and(is_crash) && life.problem.is_none();
        (crashed, life.served)
    };
    if !crashed {
        return;
    }
    let pause = coordinator.crashes.note(&vm.name, served);
    if !coordinator.configured().config.restart_shared.value {
        return;
    }
    let (coordinator, vm) = (Rc::downgrade(coordinator), vm.clone());
    tokio::task::spawn_local(async move {
        tokio::time::sleep(pause).await;
        let Some(coordinator) = coordinator.upgrade() else {
            return;
        };
        if let Err(fault) = again(&coordinator, &vm).await {
            tracing::warn!("{} is not started again: {fault}", vm.name);
        }
    });
}

/// Starts a VM like this one, unless somebody has.
async fn again(coordinator: &Rc<Coordinator>, vm: &Rc<Vm>) -> Result<(), Fault> {
    let profiles = coordinator.configured().profiles.clone();
    let Some(profile) = profiles.iter().find(|profile| profile.kind == vm.kind) else {
        return Ok(());
    };
    let found = coordinator
        .readable(None, profile, vm.confinement())
        .await?;
    let before = vm.readable().iter().map(|granted| granted.parts().0);
    let readable = Readable {
        target: found.target.into_iter().chain(before).collect(),
        identities: Vec::new(),
        ..found
    };
    let followed = Followed::default();
    let wish = Wish {
        connects: false,
        asker: None,
        followed: &followed,
        profile,
        confinement: vm.confinement(),
        readable: &readable,
        shared_name: &vm.name,
        fresh: false,
    };
    coordinator.share_again(vm.owner.get(), &wish)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pauses_double_and_have_an_end() {
        let crashes = Crashes::default();
        let pauses: Vec<u128> = (0..12)
            .map(|_| crashes.note("it", Duration::ZERO).as_millis())
            .collect();
        assert_eq!(pauses[..4], [100, 200, 400, 800]);
        assert_eq!(pauses[11], 30_000);
        let fault = crashes.wait("it").await.unwrap_err();
        assert_eq!(fault.code, FaultCode::LimitReached);
        assert!(fault.message.contains("12 times"), "{fault}");
        crashes.wait("another").await.unwrap();
        assert_eq!(crashes.note("it", STEADY).as_millis(), 100);
        let until = crashes.0.borrow().get("it").map(|row| row.until);
        crashes.wait("it").await.unwrap();
        assert!(until.is_some_and(|until| Instant::now() >= until));
    }

    #[test]
    fn what_was_asked_for_is_no_crash() {
        let killed = |requested| Ending::Killed {
            signal: 9,
            requested,
        };
        assert!(is_crash(&killed(false)) && !is_crash(&killed(true)));
        assert!(is_crash(&Ending::Exited(1)) && !is_crash(&Ending::Exited(0)));
        assert!(!is_crash(&Ending::Unknown));
    }

    #[test]
    fn names_are_bounded() {
        let crashes = Crashes::default();
        for number in 0..NAMES * 2 {
            crashes.note(&number.to_string(), Duration::ZERO);
        }
        assert!(crashes.0.borrow().len() <= NAMES);
    }
}
