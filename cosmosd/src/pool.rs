//! VMs that are started before they are asked for, so that an open need not wait for one to start.
//!
//! Once a private VM of a kind was asked for, as many of that kind as `pool` says are kept ready,
//! confined as that one was. The next that is asked for, and may be confined like that, is one of
//! them: it becomes its client's for good, as if it had just been started, and another one takes its
//! place. They are nobody's until then: no client is passed on to them, and they do not keep cosmosd
//! from ending when it is idle; they outlive one that is killed, like any VM.
//!
//! A VM gives things up in two steps. What needs no knowledge of the target the launcher has taken before the
//! VM's first instruction; the rest, its target's files and the grants, the VM learns when it is given away,
//! and gives up all else while it still runs no library of anybody's. Where the last two requests for VMs of
//! its kind asked for the same, the next one probably will: the VM is told that while it waits, and gives it
//! up then. It is given to who asks for exactly that, and while the files are those that were there when it
//! was told; whoever asks for anything else gets one that was not told, or a new one. So whether it waited or
//! not it is as confined before it serves. One that sees nothing of the machine but its view has that made by
//! the launcher: in the pool that is a view of the installed libraries, and a target elsewhere gets a new VM.
//!
//! Who asked for a fresh one is lent the next, if nobody else asks for it before: see `lend`.
//!
//! Where `limits.wall_seconds` bounds a VM's time none waits: its time would pass while it does.
//!
//! ```text
//! Starting ──────────▶ Waiting ── asked for: Confine ──▶ Ready, a client's
//!    └── Confine ──▶ Waiting ── the same asked for ──▶ Ready, a client's
//!                       │
//!                       └── another confinement is asked for, cosmosd ends ──▶ ended
//! ```

use crate::{
    configured::Configured,
    confinement::Confinement,
    coordinator::{Coordinator, Wish},
    launch::Readable,
    lend::Asker,
    profile::Profile,
    supervise::Command,
    vm::{Owner, State, Terms, Vm},
};
use cosmos_config::Level;
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    rc::Rc,
    time::Duration,
};

/// How long after an open its successor is started: the open itself is not to wait for that.
const PAUSE: Duration = Duration::from_millis(100);

/// What was asked for last, by kind.
#[derive(Debug, Default)]
pub(crate) struct Habits(RefCell<HashMap<String, (Confinement, Vec<PathBuf>)>>);

impl Habits {
    /// Notes a wish; whether the one before it, for this kind, was the same.
    fn note(&self, wish: &Wish<'_>) -> bool {
        let mut last = self.0.borrow_mut();
        let is_same = last
            .get(&wish.profile.kind)
            .is_some_and(|(confinement, target)| {
                confinement == wish.confinement && *target == wish.readable.target
            });
        if !is_same {
            let asked = (wish.confinement.clone(), wish.readable.target.clone());
            last.insert(wish.profile.kind.clone(), asked);
        }
        is_same
    }
}

/// One that is ready for a wish on these terms, or about to be: one that has nothing to give up any more
/// before one that has, then the one that was lent to this session, and one that was lent to nobody before one that
/// another session has the way to; and then the one that was started first.
pub(crate) fn find(
    vms: &BTreeMap<String, Rc<Vm>>,
    session: u64,
    wish: &Wish<'_>,
    terms: &Terms,
) -> Option<Rc<Vm>> {
    let shows_target =
        |vm: &Vm| wish.confinement.level < Level::Namespaces || vm.can_read(&wish.readable.target);
    let takes = |vm: &Vm| match &vm.ahead {
        Some(ahead) => ahead == terms,
        None => vm.started.confinement.starts_like(wish.confinement) && shows_target(vm),
    };
    let is_there = |vm: &Rc<Vm>| is_pooled(vm) || vm.lent.get() == Some(session) && is_held(vm);
    // Who comes by its name would be let in beside whoever was there before.
    let is_safe = |vm: &Vm| wish.connects || !vm.is_contended(session);
    let fitting = vms
        .values()
        .filter(|vm| vm.kind == wish.profile.kind && is_there(vm) && takes(vm) && is_safe(vm));
    fitting
        .min_by_key(|vm| {
            let is_waiting = vm.state() == State::Waiting;
            let others = match vm.lent.get() {
                Some(lent) if lent == session => 0,
                None => 1,
                Some(_) => 2,
            };
            (
                !is_waiting,
                vm.ahead.is_none(),
                others,
                vm.life.borrow().since,
            )
        })
        .cloned()
}

/// Sees to it that there are as many as there ought to be, for wishes like this one.
pub(crate) fn fill(coordinator: &Rc<Coordinator>, wish: &Wish<'_>) {
    let configured = coordinator.configured();
    let size = configured.config.pool.value;
    if size == 0 || wish.confinement.bounds.wall_seconds > 0 {
        return;
    }
    let is_habit = coordinator.habits.note(wish);
    let coordinator = Rc::downgrade(coordinator);
    let wanted = Wanted {
        profile: wish.profile.clone(),
        confinement: wish.confinement.clone(),
        readable: wish.readable.clone(),
        is_habit,
        configured,
        asker: wish.asker.cloned(),
    };
    tokio::task::spawn_local(async move {
        tokio::time::sleep(PAUSE).await;
        let Some(coordinator) = coordinator.upgrade() else {
            return;
        };
        if !coordinator.is_ending() && !coordinator.is_idle() {
            top_up(&coordinator, &wanted, size).await;
        }
    });
}

/// What VMs are kept ready for.
struct Wanted {
    profile: Profile,
    confinement: Confinement,
    readable: Readable,
    /// Whether the same was asked for twice.
    is_habit: bool,
    /// What was configured when it was asked for.
    configured: Rc<Configured>,
    asker: Option<Rc<Asker>>,
}

impl Wanted {
    /// Whether a VM that waits may be given to who asks for this again, on these terms then.
    fn is_for(&self, vm: &Vm, terms: &Terms) -> bool {
        match &vm.ahead {
            None => vm.started.confinement.starts_like(&self.confinement),
            Some(ahead) => ahead == terms,
        }
    }
}

async fn top_up(coordinator: &Rc<Coordinator>, wanted: &Wanted, size: u64) {
    let Wanted {
        profile,
        confinement,
        ..
    } = wanted;
    let shown = match confinement.level >= Level::Namespaces {
        true => coordinator.readable(None, profile, confinement).await,
        // It learns that with its target.
        false => Ok(Readable::default()),
    };
    if !Rc::ptr_eq(&wanted.configured, &coordinator.configured()) {
        return;
    }
    // A while after they were found.
    let found = Readable {
        identities: Vec::new(),
        ..wanted.readable.clone()
    };
    let is_shown = |shown: &Readable| {
        confinement.level < Level::Namespaces || shown.target == wanted.readable.target
    };
    let ahead = shown.as_ref().is_ok_and(is_shown) && wanted.is_habit;
    let ahead = ahead.then_some(&found);
    let terms = Terms::now(confinement, &found);
    let vms = coordinator.vms();
    let of_kind = vms
        .iter()
        .filter(|vm| is_pooled(vm) && vm.kind == profile.kind);
    let (fitting, others): (Vec<_>, Vec<_>) = of_kind.partition(|vm| wanted.is_for(vm, &terms));
    others.into_iter().for_each(end);
    let missing = size.saturating_sub(fitting.len() as u64);
    for _ in 0..missing {
        let launched = shown
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|shown| coordinator.launch_pooled(profile, confinement, shown, ahead));
        if let Err(fault) = launched {
            tracing::warn!("the pool of {} is not filled: {fault}", profile.kind);
            return;
        }
    }
    if let Some(asker) = &wanted.asker {
        let of_kind = |vm: &Rc<Vm>| vm.kind == profile.kind && is_pooled(vm);
        let is_like = |vm: &Rc<Vm>| of_kind(vm) && vm.ahead.as_ref() == Some(&terms);
        asker.lend_one(coordinator, is_like).await;
    }
}

/// Has none wait any more, nor be lent.
pub(crate) fn empty(coordinator: &Coordinator) {
    coordinator
        .vms()
        .iter()
        .filter(|vm| is_held(vm))
        .for_each(end);
}

fn end(vm: &Rc<Vm>) {
    // It may hear that later than somebody asks for what it is for.
    vm.alone.set(true);
    vm.ask(Command::End);
}

/// Whether there is room for one of this kind that comes back.
pub(crate) fn has_room(coordinator: &Coordinator, kind: &str) -> bool {
    let vms = coordinator.vms();
    let pooled = vms.iter().filter(|vm| is_pooled(vm) && vm.kind == kind);
    (pooled.count() as u64) < coordinator.configured().config.pool.value
}

fn is_pooled(vm: &Rc<Vm>) -> bool {
    is_held(vm) && !vm.is_met.get()
}

/// Whether it is nobody's, and is not to end.
fn is_held(vm: &Rc<Vm>) -> bool {
    vm.owner.get() == Owner::Nobody && !vm.alone.get() && vm.state() < State::Poisoned
}
