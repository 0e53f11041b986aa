//! Which VM a target gets: one that serves already, a pooled one, or a new one.

use super::Coordinator;
use crate::{
    confinement::Confinement,
    follow::Followed,
    identity::Client,
    launch::{self, Order, Readable},
    lend::Asker,
    pool,
    profile::Profile,
    supervise::{self, Command},
    vm::{Life, Owner, State, Terms, Vm},
};
use cosmos_config::{Config, Pins};
use cosmos_rpc::{Fault, FaultCode};
use std::{
    cell::{Cell, OnceCell, RefCell},
    rc::Rc,
    time::Duration,
};
use tokio::sync::watch;

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
    /// Whether its client is given ends of a connection to a new one.
    pub connects: bool,
    /// The request that it is.
    pub followed: &'w Followed,
    /// Who may be lent what waits for the next wish like it.
    pub asker: Option<&'w Rc<Asker>>,
}

impl Wish<'_> {
    /// How a VM is confined that is given to it now.
    fn terms(&self) -> Terms {
        Terms::now(self.confinement, self.readable)
    }
}

impl Coordinator {
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
                && vm.confinement() == wish.confinement
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
        let terms = wish.terms();
        let vm = match pool::find(&self.vms.borrow(), session, wish, &terms) {
            Some(pooled) => dedicate(&pooled, owner, wish, terms).then_some(pooled),
            None => None,
        };
        let vm = match vm {
            Some(pooled) => pooled,
            None => self.launch(self.next_name(wish.profile), owner, wish, None)?,
        };
        pool::fill(self, wish);
        Ok((vm, true))
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
            None => self.launch(name.to_owned(), owner, wish, None),
            Some(vm) if vm.owner.get() != owner => taken("belongs to another user"),
            Some(vm) if vm.state() == State::Poisoned => taken("is ending; try again"),
            Some(vm) if vm.kind != wish.profile.kind => taken(&format!(
                "is of the kind {}, not {}",
                vm.kind, wish.profile.kind
            )),
            Some(vm) if vm.confinement() != wish.confinement => taken("runs with other limits"),
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

    /// Starts a VM that nobody has asked for yet. `ahead`: it is confined before anybody does, for who may read
    /// just these.
    pub(crate) fn launch_pooled(
        self: &Rc<Self>,
        profile: &Profile,
        confinement: &Confinement,
        readable: &Readable,
        ahead: Option<&Readable>,
    ) -> Result<(), Fault> {
        let followed = Followed::default();
        let wish = Wish {
            followed: &followed,
            profile,
            confinement,
            readable,
            shared_name: "",
            fresh: false,
            connects: false,
            asker: None,
        };
        self.launch(self.next_name(profile), Owner::Nobody, &wish, ahead)?;
        Ok(())
    }

    /// Starts a shared VM again, unless there is one of its name.
    pub(crate) fn share_again(self: &Rc<Self>, owner: Owner, wish: &Wish<'_>) -> Result<(), Fault> {
        let current = self.find(wish.shared_name);
        match current.filter(|vm| vm.state() < State::Gone) {
            Some(_) => Ok(()),
            None if self.is_ending() => Ok(()),
            None => self
                .launch(wish.shared_name.to_owned(), owner, wish, None)
                .map(drop),
        }
    }

    fn launch(
        self: &Rc<Self>,
        name: String,
        owner: Owner,
        wish: &Wish<'_>,
        ahead: Option<&Readable>,
    ) -> Result<Rc<Vm>, Fault> {
        let configured = self.configured();
        let config = &configured.config;
        let most = config.limits.names.bound().unwrap_or(u64::MAX);
        if self.running() as u64 >= most {
            return Err(Fault::host(
                FaultCode::LimitReached,
                format!("cosmosd has {most} VMs, the most it has names for (limits.names)"),
            ));
        }
        let pins = pins(config)?;
        let (commands, orders) = supervise::commands();
        let (life, known) = watch::channel(Life::starting());
        let vm = Rc::new(Vm {
            name: name.clone(),
            kind: wish.profile.kind.clone(),
            host: wish.profile.host.clone(),
            owner: Cell::new(owner),
            alone: Cell::new(wish.fresh),
            started: wish.terms(),
            ahead: ahead.map(|ahead| Terms::now(wish.confinement, ahead)),
            given: OnceCell::new(),
            lent: Cell::default(),
            is_met: Cell::default(),
            has_strays: Cell::default(),
            targets: RefCell::default(),
            ledger: self.metrics.ledger(),
            followed: RefCell::new(wish.followed.clone()),
            log: self.logs.begin(&name, owner),
            life: known,
            commands,
        });
        let is_private = !matches!(owner, Owner::Shared(_));
        let libexec = &config.libexec_directory;
        let mut order = Order::new(
            &name,
            (libexec, &config.socket_directory),
            wish.profile,
            wish.confinement,
            wish.readable,
            is_private,
            configured.keeper.is_wanted(),
        )
        .pinned(&pins);
        if owner == Owner::Nobody {
            order.is_held = true;
            // What it is told while it waits. The rest it learns with whose it is.
            order.confine = ahead.and_then(|ahead| launch::confine(wish.confinement, ahead));
        }
        order.is_followed = wish.followed.is_on();
        let idle = Duration::from_secs(config.idle_seconds.value);
        let retire_after = (!is_private).then_some(idle);
        self.have(vm.clone(), life, move |about, life| {
            supervise::supervise(order, about, retire_after, life, orders)
        });
        Ok(vm)
    }

    fn next_name(&self, profile: &Profile) -> String {
        self.last_vm.set(self.last_vm.get() + 1);
        self.numbers.note(self.last_vm.get());
        format!("{}-{}", profile.kind, self.last_vm.get())
    }
}

/// What targets must be to be run. Where that cannot be understood nothing is: it may be about any
/// target, and a VM of whatever kind is told of all of them when it starts.
fn pins(config: &Config) -> Result<Pins, Fault> {
    cosmos_config::pins(&config.pins.value).map_err(|error| {
        let message = format!(
            "{error}; no VM of any kind is started until that is mended, because what is not understood \
             may pin any target"
        );
        Fault::caller(FaultCode::Configuration, message)
    })
}

/// Gives one that waits to somebody; whether it takes that.
fn dedicate(pooled: &Vm, owner: Owner, wish: &Wish<'_>, terms: Terms) -> bool {
    let confine = match pooled.ahead {
        Some(_) => None,
        None => launch::confine(wish.confinement, wish.readable),
    };
    pooled.followed.replace(wish.followed.clone());
    let is_asked = pooled.ask(Command::Dedicate(confine));
    if is_asked {
        pooled.owner.set(owner);
        pooled.alone.set(wish.fresh);
        // It was nobody's, so it was never given before.
        let _ = pooled.given.set(terms);
    }
    is_asked
}

/// A shared name is part of a registry name and must not look like a private VM's.
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
