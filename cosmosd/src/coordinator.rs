//! The table of VMs, and what all rooms share.

use crate::{
    aside,
    confinement::Confinement,
    crash::Keeper,
    files::{self, Granted},
    identity::Client,
    launch::{self, Order, Readable},
    matching::{self, Host, Use},
    numbers::Numbers,
    pool,
    profile::Profile,
    registry::{Arrival, Registry},
    requirements::{Format, Requirements},
    restart::{self, Crashes},
    search::{self, Directories},
    session,
    supervise::{self, About, Command},
    vm::{Life, Owner, State, Vm},
};
use cosmos_config::{Config, Level};
use cosmos_confine::offers::Offers;
use cosmos_rpc::{
    Fault, FaultCode, codec,
    frame::Header,
    message::{FAULT, coordinator::TargetName, launch::Walls},
    rendezvous::COORDINATOR,
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    io::Write,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    rc::Rc,
    sync::Arc,
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
    /// The configuration.
    pub config: Config,
    /// The kinds of VMs.
    pub profiles: Arc<Vec<Profile>>,
    /// What this machine offers.
    pub host: Arc<Host>,
    /// The way to cosmosdb.
    pub registry: Registry,
    /// Keeps reports of VMs that crashed.
    pub keeper: Keeper,
    /// Shared VMs that crashed lately.
    pub crashes: Crashes,
    /// Told whenever a client or VM comes or goes.
    pub changed: Notify,
    vms: RefCell<BTreeMap<String, Rc<Vm>>>,
    last_vm: Cell<u64>,
    numbers: Numbers,
    last_session: Cell<u64>,
    sessions: RefCell<BTreeMap<u64, Client>>,
    ending: Cell<bool>,
    offers: tokio::sync::OnceCell<Offers>,
}

/// What a VM is wanted for.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'w> {
    /// The kind.
    pub profile: &'w Profile,
    /// How it must be confined.
    pub confinement: &'w Confinement,
    /// What it must be able to read.
    pub readable: &'w Readable,
    /// Empty: the client's own. Otherwise the shared VM's name.
    pub shared_name: &'w str,
    /// Not one that runs already.
    pub fresh: bool,
}

impl Coordinator {
    /// A coordinator without VMs.
    pub fn new(config: Config, profiles: Vec<Profile>, registry: Registry) -> Rc<Coordinator> {
        let numbers = Numbers::of(&config.socket_directory);
        let host = Host {
            libc_versions: libc_versions(&config),
        };
        Rc::new(Coordinator {
            keeper: Keeper::new(&config),
            crashes: Crashes::default(),
            config,
            profiles: Arc::new(profiles),
            host: Arc::new(host),
            registry,
            changed: Notify::new(),
            vms: RefCell::default(),
            last_vm: Cell::new(numbers.last()),
            numbers,
            last_session: Cell::new(0),
            sessions: RefCell::default(),
            ending: Cell::new(false),
            offers: tokio::sync::OnceCell::new(),
        })
    }

    /// Takes a client that cosmosdb handed over: serves it, or passes it to its VM.
    pub fn arrive(self: &Rc<Self>, arrival: Arrival) {
        let client = Client::new(arrival.client, arrival.pidfd.as_ref());
        let refused = if !client.is_served() {
            Err(Fault::caller(
                FaultCode::NotPermitted,
                format!("cosmosd does not serve uid {}", client.identity.uid),
            ))
        } else if arrival.name == COORDINATOR {
            self.admit(client, &arrival.stream, arrival.pidfd)
        } else {
            self.pass_on(&arrival.name, client, &arrival.stream)
        };
        if let Err(fault) = refused {
            refuse(arrival.stream, &fault);
        }
    }

    fn admit(
        self: &Rc<Self>,
        client: Client,
        stream: &UnixStream,
        pidfd: Option<OwnedFd>,
    ) -> Result<(), Fault> {
        let most = self.config.limits.connections.bound().unwrap_or(u64::MAX);
        if self.sessions.borrow().len() as u64 >= most {
            return Err(Fault::host(
                FaultCode::LimitReached,
                format!("cosmosd has {most} clients, the most it takes (limits.connections)"),
            ));
        }
        let stream = stream.try_clone().map_err(|error| {
            Fault::host(
                FaultCode::System,
                format!("cosmosd cannot take a client: {error}"),
            )
        })?;
        tokio::task::spawn_local(session::serve(self.clone(), stream, client, pidfd));
        Ok(())
    }

    fn pass_on(&self, name: &str, client: Client, stream: &UnixStream) -> Result<(), Fault> {
        let vm = self.find(name).filter(|vm| vm.state() < State::Poisoned);
        let vm = vm.ok_or_else(|| unknown(name))?;
        if !vm.owner.get().admits(&client) {
            return Err(Fault::caller(
                FaultCode::NotPermitted,
                format!("the VM {name} belongs to another process"),
            ));
        }
        let stream = stream.try_clone().map(OwnedFd::from).map_err(|error| {
            Fault::host(
                FaultCode::System,
                format!("cosmosd cannot pass a client on: {error}"),
            )
        })?;
        match vm.ask(Command::Accept(client.identity, stream)) {
            true => Ok(()),
            false => Err(Fault::vm(
                FaultCode::LimitReached,
                format!("the VM {name} does not take its clients"),
            )),
        }
    }

    /// Counts a session in; its number.
    pub(crate) fn begin_session(&self, client: Client) -> u64 {
        self.last_session.set(self.last_session.get() + 1);
        let number = self.last_session.get();
        self.sessions.borrow_mut().insert(number, client);
        self.changed.notify_waiters();
        number
    }

    /// Gives a client those VMs of its own that outlived another cosmosd.
    pub(crate) fn give_back(&self, session: u64, client: &Client) {
        for vm in self.vms.borrow().values() {
            if let Owner::Session(NO_SESSION, owner) = vm.owner.get()
                && owner.is_same_process(client)
            {
                vm.owner.set(Owner::Session(session, owner));
            }
        }
    }

    /// The session of a process that is connected; [`NO_SESSION`] where it is not.
    pub(crate) fn session_of(&self, client: &Client) -> u64 {
        let sessions = self.sessions.borrow();
        let same = sessions
            .iter()
            .find(|(_, known)| known.is_same_process(client));
        same.map_or(NO_SESSION, |(number, _)| *number)
    }

    /// Counts a session out; its VMs have a second to end by themselves.
    pub(crate) fn end_session(&self, session: u64) {
        self.sessions.borrow_mut().remove(&session);
        self.changed.notify_waiters();
        for vm in self.vms.borrow().values() {
            let is_its = matches!(vm.owner.get(), Owner::Session(owner, _) if owner == session);
            if is_its && vm.state() < State::Gone {
                vm.ask(Command::End);
            }
        }
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
    }

    /// Whether cosmosd is ending its VMs.
    pub fn is_ending(&self) -> bool {
        self.ending.get()
    }

    /// Whether there is neither a client nor a VM, but for those that wait for one.
    pub fn is_idle(&self) -> bool {
        let waits = |vm: &Rc<Vm>| vm.owner.get() == Owner::Nobody;
        let used = |vm: &Rc<Vm>| vm.state() < State::Gone && !waits(vm);
        self.sessions.borrow().is_empty() && !self.vms.borrow().values().any(used)
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

    /// A VM for a wish: one that serves already, else a new one. Not necessarily ready. And whether it
    /// is a new one of the client's own.
    pub fn vm_for(
        self: &Rc<Self>,
        session: u64,
        client: Client,
        wish: &Wish<'_>,
    ) -> Result<(Rc<Vm>, bool), Fault> {
        if !wish.shared_name.is_empty() {
            return Ok((self.shared_vm(client, wish)?, false));
        }
        let fits = |vm: &&Rc<Vm>| {
            matches!(vm.owner.get(), Owner::Session(owner, _) if owner == session)
                && !vm.alone.get()
                && vm.kind == wish.profile.kind
                && vm.confinement == *wish.confinement
                && vm.can_read(&wish.readable.target)
                && vm.state() < State::Poisoned
        };
        let existing = self
            .vms
            .borrow()
            .values()
            .filter(|_| !wish.fresh)
            .find(fits)
            .cloned();
        if let Some(vm) = existing {
            return Ok((vm, false));
        }
        let owner = Owner::Session(session, client);
        let vm = match pool::find(&self.vms(), wish) {
            Some(pooled) => {
                pooled.owner.set(owner);
                pooled.alone.set(wish.fresh);
                pooled
            }
            None => self.launch(self.next_name(wish.profile), owner, wish)?,
        };
        pool::fill(self, wish);
        Ok((vm, true))
    }

    fn next_name(&self, profile: &Profile) -> String {
        self.last_vm.set(self.last_vm.get() + 1);
        self.numbers.note(self.last_vm.get());
        format!("{}-{}", profile.kind, self.last_vm.get())
    }

    /// Starts a VM that nobody has asked for yet.
    pub(crate) fn launch_pooled(
        self: &Rc<Self>,
        profile: &Profile,
        confinement: &Confinement,
    ) -> Result<(), Fault> {
        let wish = Wish {
            profile,
            confinement,
            readable: &Readable::default(),
            shared_name: "",
            fresh: false,
        };
        self.launch(self.next_name(profile), Owner::Nobody, &wish)?;
        Ok(())
    }

    fn shared_vm(self: &Rc<Self>, client: Client, wish: &Wish<'_>) -> Result<Rc<Vm>, Fault> {
        let name = wish.shared_name;
        check_shared_name(name)?;
        let owner = Owner::Shared(client.identity.uid);
        let taken = |why: &str| {
            Err(Fault::caller(
                FaultCode::NameTaken,
                format!("the shared VM {name} {why}"),
            ))
        };
        match self.find(name).filter(|vm| vm.state() < State::Gone) {
            None => self.launch(name.to_owned(), owner, wish),
            Some(vm) if vm.owner.get() != owner => taken("belongs to another user"),
            Some(vm) if vm.state() == State::Poisoned => taken("is ending; try again"),
            Some(vm) if vm.kind != wish.profile.kind => taken(&format!(
                "is of the kind {}, not {}",
                vm.kind, wish.profile.kind
            )),
            Some(vm) if vm.confinement != *wish.confinement => taken("runs with other limits"),
            Some(vm) if !vm.can_read(&wish.readable.target) => {
                taken("is confined to the files of other targets")
            }
            Some(_) if wish.fresh => taken("runs already"),
            Some(vm) => {
                vm.ask(Command::Touch);
                Ok(vm)
            }
        }
    }

    /// Starts a shared VM again, unless there is one of its name.
    pub(crate) fn share_again(self: &Rc<Self>, owner: Owner, wish: &Wish<'_>) -> Result<(), Fault> {
        let current = self.find(wish.shared_name);
        match current.filter(|vm| vm.state() < State::Gone) {
            Some(_) => Ok(()),
            None if self.is_ending() => Ok(()),
            None => self
                .launch(wish.shared_name.to_owned(), owner, wish)
                .map(drop),
        }
    }

    fn launch(
        self: &Rc<Self>,
        name: String,
        owner: Owner,
        wish: &Wish<'_>,
    ) -> Result<Rc<Vm>, Fault> {
        let most = self.config.limits.names.bound().unwrap_or(u64::MAX);
        if self.running() as u64 >= most {
            return Err(Fault::host(
                FaultCode::LimitReached,
                format!("cosmosd has {most} VMs, the most it has names for (limits.names)"),
            ));
        }
        let (commands, orders) = supervise::commands();
        let (life, known) = watch::channel(Life::starting());
        let vm = Rc::new(Vm {
            name: name.clone(),
            kind: wish.profile.kind.clone(),
            host: wish.profile.host.clone(),
            owner: Cell::new(owner),
            alone: Cell::new(wish.fresh),
            confinement: wish.confinement.clone(),
            readable: granted(wish).collect(),
            targets: RefCell::default(),
            life: known,
            commands,
        });
        let is_private = !matches!(owner, Owner::Shared(_));
        let libexec = &self.config.libexec_directory;
        let order = Order::new(
            &name,
            (libexec, &self.config.socket_directory),
            wish.profile,
            wish.confinement,
            wish.readable,
            is_private,
            self.keeper.is_wanted(),
        );
        let idle = Duration::from_secs(self.config.idle_seconds.value);
        let retire_after = (!is_private).then_some(idle);
        self.have(vm.clone(), life, move |about, life| {
            supervise::supervise(order, about, retire_after, life, orders)
        });
        Ok(vm)
    }

    /// Has a VM from now on, which this work supervises once its name is registered.
    pub(crate) fn have<F: Future<Output = ()>>(
        self: &Rc<Self>,
        vm: Rc<Vm>,
        life: watch::Sender<Life>,
        work: impl FnOnce(About, watch::Sender<Life>) -> F + 'static,
    ) {
        self.vms.borrow_mut().insert(vm.name.clone(), vm.clone());
        self.changed.notify_waiters();
        let coordinator = self.clone();
        tokio::task::spawn_local(async move {
            match coordinator.registry.register(&vm.registry_name()).await {
                Ok(()) => {
                    let about = About {
                        vm: vm.clone(),
                        keeper: coordinator.keeper.clone(),
                    };
                    work(about, life).await;
                }
                Err(fault) => supervise::never_was(&life, fault),
            }
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

    /// What this machine offers to confine VMs with, as a launcher finds it; looked up once.
    pub async fn offers(&self) -> &Offers {
        let launcher = self.config.libexec_directory.join(launch::LAUNCHER);
        let looking = || aside::run(move || launch::offers(&launcher));
        let found = async { looking().await.unwrap_or_else(|_| Offers::from_text("")) };
        self.offers.get_or_init(|| found).await
    }

    /// What a VM must be able to read for a target, or for any; with its own program, where it sees
    /// nothing else.
    ///
    /// # Errors
    ///
    /// Where there is no thread to look.
    pub async fn readable(
        &self,
        target: Option<Requirements>,
        profile: &Profile,
        confinement: &Confinement,
    ) -> Result<Readable, Fault> {
        if !confinement.has_walls() {
            return Ok(Readable::default());
        }
        let search_path = self.config.search_path.value.clone();
        let program = (confinement.level >= Level::Namespaces).then(|| profile.executable.clone());
        let is_run = confinement.walls == Walls::Programs;
        aside::run(move || {
            let directories = Directories::of_this_machine(&search_path);
            let mut readable = files::for_target(target.as_ref(), &directories);
            // One that is among libraries: to be run it is named itself.
            let hidden = target.filter(|target| is_run && !readable.contains(&target.path));
            if let Some(target) = hidden {
                readable.extend(files::for_program(&target.path, &directories));
            }
            Readable {
                target: readable,
                program: program
                    .map(|program| files::for_program(&program, &directories))
                    .unwrap_or_default(),
            }
        })
        .await
    }

    /// What a target is, read where it was found first, and preferably where a VM can run it. The
    /// files are read by another thread: they may be on a slow disk.
    ///
    /// # Errors
    ///
    /// That it was not found or cannot be read.
    pub async fn requirements(
        &self,
        target: TargetName,
        wanted: Use,
    ) -> Result<Requirements, Fault> {
        let (profiles, host) = (self.profiles.clone(), self.host.clone());
        let search_path = self.config.search_path.value.clone();
        let reading = aside::run(move || {
            let directories = Directories::of_this_machine(&search_path);
            read(&target, &directories, &profiles, &host, wanted)
        });
        reading.await?
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

fn read(
    target: &TargetName,
    directories: &Directories,
    profiles: &[Profile],
    host: &Host,
    wanted: Use,
) -> Result<Requirements, Fault> {
    let mut first = None;
    for path in search::candidates(target, directories)? {
        let read = Requirements::read(&path).map_err(Fault::from);
        let fits = |requirements: &Requirements| {
            let weighed = matching::weigh(requirements, profiles, host, wanted);
            weighed.iter().any(|candidate| candidate.refused.is_empty())
        };
        match read {
            Ok(requirements) if fits(&requirements) => return Ok(requirements),
            read => first = first.or(Some(read)),
        }
    }
    first.unwrap_or_else(|| {
        Err(Fault::caller(
            FaultCode::NoSuchTarget,
            format!("there is no {}", target.name),
        ))
    })
}

/// The symbol versions that the C library here defines.
fn libc_versions(config: &Config) -> Vec<String> {
    let directories = Directories::of_this_machine(&config.search_path);
    let found = directories.iter().find_map(|directory| {
        let requirements = Requirements::read(&directory.join(Path::new("libc.so.6"))).ok()?;
        match requirements.format {
            Format::Elf(elf) if elf.class == usize::BITS as u8 => Some(elf.defined_versions),
            _ => None,
        }
    });
    found.unwrap_or_default()
}

/// A shared name is part of a registry name and must not look like a private VM's.
/// What a VM that is started now may read.
fn granted(wish: &Wish<'_>) -> impl Iterator<Item = Granted> {
    let target = wish.readable.target.iter().cloned();
    let stated = wish.confinement.readable();
    target.chain(stated).map(Granted::now)
}

fn check_shared_name(name: &str) -> Result<(), Fault> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte);
    let is_numbered = name.rsplit_once('-').is_some_and(|(kind, number)| {
        !kind.is_empty() && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    if name.len() > 64 || !name.bytes().all(is_plain) || is_numbered {
        return Err(Fault::caller(
            FaultCode::BadArgument,
            format!(
                "{} is no name for a shared VM: at most 64 of A-Z a-z 0-9 . _ @ -, and not ending \
                 in - and a number, which names private ones",
                name.escape_debug()
            ),
        ));
    }
    Ok(())
}

/// Says why instead of a handshake.
fn refuse(mut stream: UnixStream, fault: &Fault) {
    let Ok(body) = codec::encode(fault) else {
        return;
    };
    let Ok(length) = u32::try_from(body.len()) else {
        return;
    };
    let header = Header {
        length,
        kind: FAULT,
        descriptors: 0,
        id: 0,
    };
    // A fresh socket has room for it; a peer that is gone needs no answer.
    let _ = stream.set_nonblocking(true);
    let _ = stream.write_all(&[&header.encode()[..], &body].concat());
}
