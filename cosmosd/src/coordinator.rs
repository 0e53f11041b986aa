//! The table of VMs, and what all rooms share.

mod clients;
mod placement;
mod targets;

pub use placement::Wish;
pub(crate) use targets::libc_versions;

use crate::{
    configured::Configured,
    identity::Client,
    launch,
    logs::Logs,
    metrics::Metrics,
    numbers::Numbers,
    pool::Habits,
    registry::Registry,
    restart::{self, Crashes},
    spare::Spare,
    supervise::{About, Command},
    vm::{Life, Owner, State, Vm},
};
use cosmos_confine::offers::Offers;
use cosmos_rpc::{Fault, FaultCode, rendezvous::COORDINATOR};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    rc::Rc,
    time::Duration,
};
use tokio::{sync::Notify, sync::watch};

/// How long an ended VM is remembered, for autopsies.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Most ended VMs remembered.
const ENDED: usize = 256;

/// The session of a client that has not come yet: of none other than the first is 1.
pub(crate) const NO_SESSION: u64 = 0;

/// All that cosmosd knows. One thread, shared by reference counting.
#[derive(Debug)]
pub struct Coordinator {
    /// The way to cosmosdb.
    pub registry: Registry,
    /// The launcher that waits for the next VM.
    pub spare: Rc<Spare>,
    /// What VMs wrote that have ended.
    pub logs: Logs,
    /// What is counted.
    pub metrics: Metrics,
    /// Shared VMs that crashed lately.
    pub crashes: Crashes,
    /// What VMs are kept ready for.
    pub(crate) habits: Habits,
    /// Told whenever a client or VM comes or goes.
    pub changed: Notify,
    configured: RefCell<Rc<Configured>>,
    vms: RefCell<BTreeMap<String, Rc<Vm>>>,
    last_vm: Cell<u64>,
    numbers: Numbers,
    last_session: Cell<u64>,
    sessions: RefCell<BTreeMap<u64, Client>>,
    ending: Cell<bool>,
    offers: tokio::sync::OnceCell<Offers>,
}

impl Coordinator {
    /// A coordinator without VMs.
    pub fn new(configured: Configured, registry: Registry) -> Rc<Coordinator> {
        let config = &configured.config;
        let numbers = Numbers::of(&config.socket_directory);
        Rc::new(Coordinator {
            spare: Spare::new(
                config.libexec_directory.join(launch::LAUNCHER),
                config.spare_launcher.value,
            ),
            crashes: Crashes::default(),
            logs: Logs::new(config.log_bytes.value),
            metrics: Metrics::new(config, &configured.profiles),
            registry,
            habits: Habits::default(),
            changed: Notify::new(),
            configured: RefCell::new(Rc::new(configured)),
            vms: RefCell::default(),
            last_vm: Cell::new(numbers.last()),
            numbers,
            last_session: Cell::new(0),
            sessions: RefCell::default(),
            ending: Cell::new(false),
            offers: tokio::sync::OnceCell::new(),
        })
    }

    /// What is configured now.
    pub fn configured(&self) -> Rc<Configured> {
        self.configured.borrow().clone()
    }

    /// Goes by this from now on.
    pub fn configure(&self, configured: Configured) {
        self.spare.want(configured.config.spare_launcher.value);
        self.logs.keep_bytes(configured.config.log_bytes.value);
        self.metrics.know(&configured.profiles);
        self.configured.replace(Rc::new(configured));
        self.changed.notify_waiters();
    }

    /// Takes all names back; once this is done no client comes any more.
    pub async fn withdraw(&self) {
        self.registry.remove(COORDINATOR);
        for vm in self.vms() {
            self.registry.remove(&vm.registry_name());
        }
        self.registry.remove_and_wait(COORDINATOR).await;
    }

    /// Notes that cosmosd is ending its VMs, and then itself.
    pub fn begin_end(&self) {
        self.ending.set(true);
        self.changed.notify_waiters();
    }

    /// Whether cosmosd is ending its VMs.
    pub fn is_ending(&self) -> bool {
        self.ending.get()
    }

    /// Whether there is neither a client nor a VM, but for those that wait for one.
    pub fn is_idle(&self) -> bool {
        let waits = |vm: &Rc<Vm>| vm.owner.get() == Owner::Nobody && vm.state() < State::Poisoned;
        let used = |vm: &Rc<Vm>| vm.state() < State::Gone && !waits(vm);
        self.sessions.borrow().is_empty() && !self.vms.borrow().values().any(used)
    }

    /// Clients that are connected.
    pub fn sessions(&self) -> usize {
        self.sessions.borrow().len()
    }

    /// VMs that have not ended.
    pub fn running(&self) -> usize {
        self.vms
            .borrow()
            .values()
            .filter(|vm| vm.state() < State::Gone)
            .count()
    }

    /// Every VM, ended ones included while they are remembered.
    pub fn vms(&self) -> Vec<Rc<Vm>> {
        self.vms.borrow().values().cloned().collect()
    }

    /// The VM of a name, with or without `vm/`.
    pub fn find(&self, name: &str) -> Option<Rc<Vm>> {
        self.vms
            .borrow()
            .get(name.strip_prefix("vm/").unwrap_or(name))
            .cloned()
    }

    /// Has a VM from now on, which this work supervises while its name is registered; nobody is let to
    /// it before both are done.
    pub(crate) fn have<F: Future<Output = ()>>(
        self: &Rc<Self>,
        vm: Rc<Vm>,
        life: watch::Sender<Life>,
        work: impl FnOnce(About, watch::Sender<Life>) -> F + 'static,
    ) {
        self.vms.borrow_mut().insert(vm.name.clone(), vm.clone());
        self.metrics.began(&vm);
        self.changed.notify_waiters();
        let coordinator = self.clone();
        tokio::task::spawn_local(async move {
            let about = About {
                vm: vm.clone(),
                keeper: coordinator.configured().keeper.clone(),
                spare: coordinator.spare.clone(),
            };
            let naming = async {
                let step = vm.followed.borrow().step("register its name", &vm.name);
                let outcome = coordinator.registry.register(&vm.registry_name()).await;
                let outcome = step.end_with(outcome);
                // One that has ended already needs no name.
                let _ = vm.commands.send(Command::Named(outcome)).await;
            };
            tokio::join!(naming, work(about, life));
            coordinator.forget_later(&vm).await;
        });
    }

    /// After a VM's end: its name goes at once, what is known of it later.
    async fn forget_later(self: &Rc<Self>, vm: &Rc<Vm>) {
        // A shared VM's name may be a successor's already.
        let is_current = |vms: &BTreeMap<String, Rc<Vm>>| {
            vms.get(&vm.name)
                .is_some_and(|current| Rc::ptr_eq(current, vm))
        };
        if is_current(&self.vms.borrow()) {
            self.registry.remove(&vm.registry_name());
            restart::mourn(self, vm);
        }
        self.logs.keep(vm);
        self.metrics.ended(vm);
        self.changed.notify_waiters();
        self.forget_surplus();
        tokio::time::sleep(REMEMBERED).await;
        let mut vms = self.vms.borrow_mut();
        if is_current(&vms) {
            vms.remove(&vm.name);
        }
    }

    fn forget_surplus(&self) {
        let mut vms = self.vms.borrow_mut();
        let mut ended: Vec<_> = vms
            .values()
            .filter(|vm| vm.state() == State::Gone)
            .map(|vm| (vm.life.borrow().since, vm.name.clone()))
            .collect();
        ended.sort();
        let surplus = ended.len().saturating_sub(ENDED);
        for (_, name) in ended.into_iter().take(surplus) {
            vms.remove(&name);
        }
    }
}

/// No such VM, as far as the asking client may know.
pub(crate) fn unknown(name: &str) -> Fault {
    let name = name.escape_debug();
    Fault::caller(
        FaultCode::NoSuchName,
        format!("there is no VM {name}; `cosmos ls` shows yours"),
    )
}
