//! VMs that are started before they are asked for, so that an open need not wait for one to start.
//!
//! Once a private VM of a kind was asked for, as many of that kind as `pool` says are kept ready,
//! confined as that one was. The next that is asked for, and may be confined like that, is one of
//! them: it becomes its client's for good, as if it had just been started, and another one takes its
//! place. They are nobody's until then: no client is passed on to them, and they do not keep cosmosd
//! from ending when it is idle; they outlive one that is killed, like any VM.
//!
//! A VM gives things up in two steps, and waits between them. What needs no knowledge of the target the
//! launcher has taken before the VM's first instruction; the rest, its target's files and the grants, the
//! VM learns when it is given away, and gives up all else while it still has one thread and no library
//! of anybody's. So whether it waited or not it is as confined before it serves. One that sees nothing
//! of the machine but its view has that made by the launcher: in the pool that is a view of the installed
//! libraries, and a target elsewhere gets a new VM.
//!
//! Where `limits.wall_seconds` bounds a VM's time none waits: its time would pass while it does.
//!
//! ```text
//! Starting ──▶ Waiting ── asked for: Confine ──▶ Ready, a client's
//!                 │
//!                 └── another confinement is asked for, cosmosd ends ──▶ ended
//! ```

use crate::{
    confinement::Confinement,
    coordinator::{Coordinator, Wish},
    launch::Readable,
    profile::Profile,
    supervise::Command,
    vm::{Owner, State, Vm},
};
use cosmos_config::Level;
use std::{rc::Rc, time::Duration};

/// How long after an open its successor is started: the open itself is not to wait for that.
const PAUSE: Duration = Duration::from_millis(100);

/// One that is ready for a wish, or about to be: the one that was started first.
pub(crate) fn find(vms: &[Rc<Vm>], wish: &Wish<'_>) -> Option<Rc<Vm>> {
    let shows_target =
        |vm: &Vm| wish.confinement.level < Level::Namespaces || vm.can_read(&wish.readable.target);
    let fits = |vm: &&Rc<Vm>| {
        is_pooled(vm)
            && vm.kind == wish.profile.kind
            && vm.started.confinement.starts_like(wish.confinement)
            && shows_target(vm)
    };
    let fitting = vms.iter().filter(fits);
    fitting
        .min_by_key(|vm| (vm.state() != State::Waiting, vm.life.borrow().since))
        .cloned()
}

/// Sees to it that there are as many as there ought to be, for wishes like this one.
pub(crate) fn fill(coordinator: &Rc<Coordinator>, wish: &Wish<'_>) {
    let size = coordinator.config.pool.value;
    if size == 0 || wish.confinement.bounds.wall_seconds > 0 {
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
            top_up(&coordinator, &profile, &confinement, size).await;
        }
    });
}

async fn top_up(
    coordinator: &Rc<Coordinator>,
    profile: &Profile,
    confinement: &Confinement,
    size: u64,
) {
    let readable = match confinement.level >= Level::Namespaces {
        true => coordinator.readable(None, profile, confinement).await,
        // It learns that with its target.
        false => Ok(Readable::default()),
    };
    let vms = coordinator.vms();
    let of_kind = vms
        .iter()
        .filter(|vm| is_pooled(vm) && vm.kind == profile.kind);
    let (fitting, others): (Vec<_>, Vec<_>) =
        of_kind.partition(|vm| vm.started.confinement.starts_like(confinement));
    for other in others {
        other.ask(Command::End);
    }
    let missing = size.saturating_sub(fitting.len() as u64);
    for _ in 0..missing {
        let launched = readable
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|readable| coordinator.launch_pooled(profile, confinement, readable));
        if let Err(fault) = launched {
            tracing::warn!("the pool of {} is not filled: {fault}", profile.kind);
            return;
        }
    }
}

/// Whether there is room for one of this kind that comes back.
pub(crate) fn has_room(coordinator: &Coordinator, kind: &str) -> bool {
    let vms = coordinator.vms();
    let pooled = vms.iter().filter(|vm| is_pooled(vm) && vm.kind == kind);
    (pooled.count() as u64) < coordinator.config.pool.value
}

fn is_pooled(vm: &Rc<Vm>) -> bool {
    vm.owner.get() == Owner::Nobody && vm.state() < State::Poisoned
}
