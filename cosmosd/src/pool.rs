//! VMs that are started before they are asked for, so that an open need not wait for one to start.
//!
//! Once a private VM of a kind was asked for, as many of that kind as `pool` says are kept ready,
//! confined as that one was. The next that is asked for, and may be confined like that, is one of
//! them: it becomes its client's for good, as if it had just been started, and another one takes its
//! place. They are nobody's until then: no client is passed on to them, and they do not keep cosmosd
//! from ending when it is idle. One that gives up what its target does not need has its target before it
//! starts, and is none of these.
//!
//! ```text
//! Starting ──▶ Ready, pooled ── asked for ──▶ Ready, a client's
//!                    │
//!                    └── another confinement is asked for, cosmosd ends ──▶ ended
//! ```

use crate::{
    confinement::Confinement,
    coordinator::{Coordinator, Wish},
    profile::Profile,
    supervise::Command,
    vm::{Owner, State, Vm},
};
use std::{rc::Rc, time::Duration};

/// How long after an open its successor is started: the open itself is not to wait for that.
const PAUSE: Duration = Duration::from_millis(100);

/// One that is ready for a wish, or about to be: the one that was started first.
pub(crate) fn find(vms: &[Rc<Vm>], wish: &Wish<'_>) -> Option<Rc<Vm>> {
    if wish.confinement.has_walls() {
        return None;
    }
    let fits = |vm: &&Rc<Vm>| {
        is_pooled(vm) && vm.kind == wish.profile.kind && vm.confinement == *wish.confinement
    };
    let fitting = vms.iter().filter(fits);
    fitting
        .min_by_key(|vm| (vm.state() != State::Ready, vm.life.borrow().since))
        .cloned()
}

/// Sees to it that there are as many as there ought to be, for wishes like this one.
pub(crate) fn fill(coordinator: &Rc<Coordinator>, wish: &Wish<'_>) {
    let size = coordinator.config.pool.value;
    if size == 0 || wish.confinement.has_walls() {
        return;
    }
    let coordinator = Rc::downgrade(coordinator);
    let (profile, confinement) = (wish.profile.clone(), wish.confinement.clone());
    tokio::task::spawn_local(async move {
        tokio::time::sleep(PAUSE).await;
        let Some(coordinator) = coordinator.upgrade() else {
            return;
        };
        if !coordinator.is_ending() && !coordinator.is_idle() {
            top_up(&coordinator, &profile, &confinement, size);
        }
    });
}

fn top_up(coordinator: &Rc<Coordinator>, profile: &Profile, confinement: &Confinement, size: u64) {
    let vms = coordinator.vms();
    let of_kind = vms
        .iter()
        .filter(|vm| is_pooled(vm) && vm.kind == profile.kind);
    let (fitting, others): (Vec<_>, Vec<_>) =
        of_kind.partition(|vm| vm.confinement == *confinement);
    for other in others {
        other.ask(Command::End);
    }
    let missing = size.saturating_sub(fitting.len() as u64);
    for _ in 0..missing {
        if let Err(fault) = coordinator.launch_pooled(profile, confinement) {
            tracing::warn!("the pool of {} is not filled: {fault}", profile.kind);
            return;
        }
    }
}

fn is_pooled(vm: &Rc<Vm>) -> bool {
    vm.owner.get() == Owner::Nobody && vm.state() < State::Poisoned
}
