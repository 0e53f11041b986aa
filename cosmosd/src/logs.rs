//! The logs of VMs that have ended, for a while; those of the others their VMs have.

use crate::{
    log::Log,
    vm::{Owner, Vm},
};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::{Duration, Instant},
};

/// How long the log of a VM that has ended is kept.
const KEPT_FOR: Duration = Duration::from_secs(15 * 60);
/// Most logs of VMs that have ended.
const KEPT: usize = 64;

/// Logs.
#[derive(Debug)]
pub struct Logs {
    /// Bytes of each.
    most: Cell<u64>,
    /// The oldest first.
    ended: RefCell<VecDeque<(Instant, Rc<Vm>)>>,
}

impl Logs {
    /// None yet; each is to have so many bytes.
    pub fn new(most: u64) -> Logs {
        Logs {
            most: Cell::new(most),
            ended: RefCell::default(),
        }
    }

    /// Those that begin from now on have so many bytes.
    pub fn keep_bytes(&self, most: u64) {
        self.most.set(most);
    }

    /// One for a VM of this name; that of a shared one goes on where the one before it ended.
    pub fn begin(&self, name: &str, owner: Owner) -> Rc<Log> {
        let before = self.find(name);
        let before = before.filter(|vm| {
            matches!(owner, Owner::Shared(_)) && vm.owner.get() == owner && vm.name == name
        });
        before.map_or_else(|| self.empty(), |vm| vm.log.clone())
    }

    /// An empty one.
    pub fn empty(&self) -> Rc<Log> {
        Rc::new(Log::new(self.most.get()))
    }

    /// Keeps that of a VM that has ended.
    pub fn keep(&self, vm: &Rc<Vm>) {
        self.forget();
        let mut ended = self.ended.borrow_mut();
        // A shared VM's log is one, however often it is started.
        ended.retain(|(_, known)| !Rc::ptr_eq(&known.log, &vm.log));
        ended.push_back((Instant::now(), vm.clone()));
        let surplus = ended.len().saturating_sub(KEPT);
        ended.drain(..surplus);
    }

    /// The VM of a name that ended last.
    pub fn find(&self, name: &str) -> Option<Rc<Vm>> {
        self.forget();
        let ended = self.ended.borrow();
        let found = ended.iter().rev().find(|(_, vm)| vm.name == name);
        found.map(|(_, vm)| vm.clone())
    }

    fn forget(&self) {
        let is_old = |(since, _): &(Instant, Rc<Vm>)| since.elapsed() > KEPT_FOR;
        self.ended.borrow_mut().retain(|one| !is_old(one));
    }
}
