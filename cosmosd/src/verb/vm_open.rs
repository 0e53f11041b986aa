//! `VmOpen` and `VmBegin`: a VM for a target, of a kind, or the one that runs under a name. `VmReady`: whether
//! it serves.
//!
//! A client that has a connection to its new VM need not be told when that serves: the VM tells it itself, by
//! its handshake, and is passed that client behind what it has to give up. So `VmBegin` is answered when the
//! VM's start was ordered, and the client meets its VM without this process in between.

use crate::{
    configured::Configured,
    confinement::Confinement,
    coordinator::{Wish, unknown},
    follow::Followed,
    lend::Asker,
    matching::{self, Use},
    profile::Profile,
    requirements::Requirements,
    session::Session,
    supervise::{Command, Ends},
    vm::{State, Vm},
};
use cosmos_config::{Config, ConfigError};
use cosmos_rpc::{
    Fault, FaultCode,
    message::coordinator::{Purpose, VmBegin, VmOpen, VmOpened, VmReady},
};
use std::{
    future::Future,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    rc::Rc,
};

/// What is opened, and a connection to it where there is one to be given.
type Given = (VmOpened, Vec<OwnedFd>);

/// A VM for a request, which need not serve yet.
struct Placed {
    vm: Rc<Vm>,
    /// The absolute path of its target, where it is for one.
    target: String,
    /// How the client reaches it.
    way: Way,
}

/// A way to a VM.
enum Way {
    /// The client's ends of a connection, and of a first channel.
    Ends(Vec<OwnedFd>),
    /// Those that the client was lent.
    Lent,
    /// By its name.
    Name,
}

pub(super) async fn answer(
    session: Rc<Session>,
    request: VmOpen,
    followed: Followed,
) -> Result<Given, Fault> {
    let coordinator = session.coordinator.clone();
    let opened = async {
        let placed = placed(&session, request, false, &followed).await?;
        let step = followed.step("wait for the VM", &placed.vm.name);
        step.end_with(placed.vm.ready().await)?;
        Ok(placed.given())
    };
    let opened = unless_ending(&session, opened).await;
    coordinator.metrics.opened(&opened);
    opened
}

/// The same without waiting for a VM that the client is connected to.
pub(super) async fn begin(
    session: Rc<Session>,
    request: VmBegin,
    followed: Followed,
) -> Result<Given, Fault> {
    let VmBegin(request) = request;
    let request = VmOpen {
        connect: true,
        ..request
    };
    let coordinator = session.coordinator.clone();
    let is_for_target = matches!(request.purpose, Purpose::Target(_) | Purpose::Program(_));
    let placing = placed(&session, request, is_for_target, &followed);
    let placed = unless_ending(&session, placing).await;
    if placed.is_err() {
        coordinator.metrics.opened(&placed);
    }
    let placed = placed?;
    let vm = placed.vm.clone();
    let counting = async move {
        let ready = vm.ready().await;
        coordinator.metrics.opened(&ready);
        ready
    };
    match placed.way {
        Way::Ends(_) | Way::Lent => drop(tokio::task::spawn_local(counting)),
        Way::Name => unless_ending(&session, counting).await?,
    }
    Ok(placed.given())
}

/// Whether a VM of the client's serves, as soon as that is decided.
pub(super) async fn ready(session: Rc<Session>, request: VmReady) -> Result<(), Fault> {
    let vm = session.coordinator.find(&request.name);
    let vm = vm.filter(|vm| vm.owner.get().admits(&session.client));
    let vm = vm.ok_or_else(|| unknown(&request.name))?;
    unless_ending(&session, vm.ready()).await
}

/// What comes of it; where it fails because cosmosd ends that is not the VM's failure, and the client asks
/// the next cosmosd.
async fn unless_ending<T>(
    session: &Session,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let is_ending = || session.coordinator.is_ending();
    let ending = || Fault::peer(FaultCode::Disconnected, "cosmosd is ending");
    if is_ending() {
        return Err(ending());
    }
    match work.await {
        Err(_) if is_ending() => Err(ending()),
        outcome => outcome,
    }
}

/// `has_channel`: a first channel comes with a connection.
async fn placed(
    session: &Rc<Session>,
    request: VmOpen,
    has_channel: bool,
    followed: &Followed,
) -> Result<Placed, Fault> {
    let coordinator = &session.coordinator;
    let configured = coordinator.configured();
    let profiles = &configured.profiles;
    let (profile, looked) = match &request.purpose {
        Purpose::Running(name) => {
            return Ok(Placed {
                vm: running(session, name)?,
                target: String::new(),
                way: Way::Name,
            });
        }
        Purpose::Kind(kind) => (of_kind(profiles, kind)?, None),
        Purpose::Target(target) | Purpose::Program(target) => {
            let wanted = match &request.purpose {
                Purpose::Program(_) => Use::Run,
                _ => Use::Open,
            };
            let step = followed.step("read what it needs", &target.name);
            let looked = coordinator.look_up(target.clone(), wanted).await;
            let looked = step.end_with(looked)?;
            let requirements = &looked.requirements;
            let profile = matching::chosen(requirements, profiles, &configured.host, wanted)?;
            (profile, Some(looked))
        }
    };
    let target = match &looked {
        Some(looked) => path_of(&looked.requirements)?,
        None => String::new(),
    };
    let config = configuration(&configured, &request, profile, &target)?;
    let step = followed.step("look what this machine offers", "");
    let offers = coordinator.offers().await;
    drop(step);
    let confinement = Confinement::of(&config, profile, offers, &request.grants)?;
    let step = followed.step("find the files that it needs", &target);
    let readable = coordinator.readable(looked, profile, &confinement);
    let readable = step.end_with(readable.await)?;
    if session.has_ended() {
        return Err(Fault::peer(FaultCode::Disconnected, "the client is gone"));
    }
    let asker = match has_channel {
        true => Asker::of(session, &request, &target),
        false => None,
    };
    let wish = Wish {
        asker: asker.as_ref(),
        profile,
        confinement: &confinement,
        readable: &readable,
        shared_name: &request.shared_name,
        fresh: request.fresh,
        connects: request.connect,
        followed,
    };
    if !wish.shared_name.is_empty() {
        coordinator.crashes.wait(wish.shared_name).await?;
    }
    let (vm, is_new) = coordinator.vm_for(session.number, session.client, &wish)?;
    if let Some(trace) = followed.trace() {
        tracing::info!("{}: asked for by trace {trace}", vm.name);
        vm.log.note(&format!("asked for by trace {trace}"));
    }
    // It is passed on at once, and the VM comes to it as soon as it serves.
    let way = match is_new && request.connect {
        true => way(&vm, session, has_channel)?,
        false => Way::Name,
    };
    if !target.is_empty() {
        vm.remember(&target);
        vm.ask(Command::Remember);
    }
    Ok(Placed { vm, target, way })
}

impl Placed {
    fn given(self) -> Given {
        let opened = self.vm.opened(&self.target);
        match self.way {
            Way::Ends(ends) => (opened, ends),
            Way::Lent | Way::Name => (opened, Vec::new()),
        }
    }
}

/// The way of the client to its new VM, with a first channel where it takes one.
///
/// # Errors
/// Where it has to be one that cannot be given: the VM ends then, and another one may be had.
fn way(vm: &Vm, session: &Session, has_channel: bool) -> Result<Way, Fault> {
    if has_channel && vm.lent.get() == Some(session.number) {
        return Ok(Way::Lent);
    }
    // Whoever was to have it may have come there first.
    let is_contended = vm.is_contended(session.number) || vm.lent.get().is_some();
    match connected(vm, session, has_channel, is_contended) {
        Some(ends) => Ok(Way::Ends(ends)),
        None if is_contended => {
            vm.alone.set(true);
            vm.ask(Command::End);
            let message = format!("no sockets could be made that lead to the VM {}", vm.name);
            Err(Fault::host(FaultCode::System, message))
        }
        None => Ok(Way::Name),
    }
}

/// New ends of a connection to it and of a first channel. Where there are none it can still be asked for by its name.
fn connected(
    vm: &Vm,
    session: &Session,
    has_channel: bool,
    is_contended: bool,
) -> Option<Vec<OwnedFd>> {
    let (main, theirs) = UnixStream::pair().ok()?;
    let mut ends = Ends::main(OwnedFd::from(theirs));
    let mut ours = vec![OwnedFd::from(main)];
    if has_channel {
        let (channel, theirs) = UnixStream::pair().ok()?;
        ends.channel = Some(OwnedFd::from(theirs));
        ours.push(OwnedFd::from(channel));
    }
    let command = match is_contended {
        true => Command::Expect(ends),
        false => Command::Accept(session.client.identity, ends),
    };
    vm.ask(command).then_some(ours)
}

fn path_of(requirements: &Requirements) -> Result<String, Fault> {
    let path = &requirements.path;
    let text = path.to_str().ok_or_else(|| not_text(path))?;
    Ok(text.to_owned())
}

/// The configuration for this kind and target, as tight as the request asks.
fn configuration(
    configured: &Configured,
    request: &VmOpen,
    profile: &Profile,
    target: &str,
) -> Result<Rc<Config>, Fault> {
    let base = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let asked = match &request.purpose {
        Purpose::Target(target) | Purpose::Program(target) => base(&target.name),
        _ => String::new(),
    };
    let (found, path) = (base(target), target);
    let names = [asked.as_str(), found.as_str(), path];
    configured
        .tightened
        .of(&configured.config, profile, names, &request.settings)
        .map_err(bad_setting)
}

fn running(session: &Session, name: &str) -> Result<Rc<Vm>, Fault> {
    session
        .coordinator
        .find(name)
        .filter(|vm| vm.owner.get().admits(&session.client) && vm.state() < State::Poisoned)
        .ok_or_else(|| unknown(name))
}

fn of_kind<'p>(profiles: &'p [Profile], kind: &str) -> Result<&'p Profile, Fault> {
    profiles
        .iter()
        .find(|profile| profile.kind == kind)
        .ok_or_else(|| {
            let kinds: Vec<&str> = profiles
                .iter()
                .map(|profile| profile.kind.as_str())
                .collect();
            let (kind, kinds) = (kind.escape_debug(), kinds.join(", "));
            let message = format!("there is no kind of VM `{kind}`; there are: {kinds}");
            Fault::caller(FaultCode::NoSuchTarget, message)
        })
}

fn bad_setting(error: ConfigError) -> Fault {
    Fault::caller(FaultCode::Configuration, error.to_string())
}

fn not_text(path: &Path) -> Fault {
    let message = format!(
        "the path {} is not UTF-8, which messages carry",
        path.display()
    );
    Fault::caller(FaultCode::BadArgument, message)
}
