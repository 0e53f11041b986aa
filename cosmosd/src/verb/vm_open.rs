//! `VmOpen`: a VM for a target, of a kind, or the one that runs under a name.

use crate::{
    confinement::Confinement,
    coordinator::{Wish, unknown},
    matching::{self, Use},
    profile::Profile,
    session::Session,
    vm::{State, Vm},
};
use cosmos_config::ConfigError;
use cosmos_rpc::{
    Fault, FaultCode,
    message::coordinator::{Purpose, VmOpen, VmOpened},
};
use std::{path::Path, rc::Rc};

pub(super) async fn answer(session: Rc<Session>, request: VmOpen) -> Result<VmOpened, Fault> {
    let coordinator = session.coordinator.clone();
    match open(session, request).await {
        // Not the VM's failure. The client asks the next cosmosd.
        Err(_) if coordinator.is_ending() => {
            Err(Fault::peer(FaultCode::Disconnected, "cosmosd is ending"))
        }
        opened => opened,
    }
}

async fn open(session: Rc<Session>, request: VmOpen) -> Result<VmOpened, Fault> {
    let coordinator = &session.coordinator;
    let settings = request
        .settings
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()));
    let config = coordinator
        .config
        .tightened(settings)
        .map_err(bad_setting)?;
    let confinement = Confinement::of(&config)?;
    let profiles = coordinator.profiles.clone();
    let (profile, target) = match &request.purpose {
        Purpose::Running(name) => return opened(running(&session, name)?, String::new()).await,
        Purpose::Kind(kind) => (of_kind(&profiles, kind)?, String::new()),
        Purpose::Target(target) | Purpose::Program(target) => {
            let wanted = match &request.purpose {
                Purpose::Program(_) => Use::Run,
                _ => Use::Open,
            };
            let requirements = coordinator.requirements(target.clone(), wanted).await?;
            let weighed = matching::weigh(&requirements, &profiles, &coordinator.host, wanted);
            let path = requirements
                .path
                .to_str()
                .ok_or_else(|| not_text(&requirements.path))?;
            (matching::choose(&requirements, &weighed)?, path.to_owned())
        }
    };
    if session.has_ended() {
        return Err(Fault::peer(FaultCode::Disconnected, "the client is gone"));
    }
    let wish = Wish {
        profile,
        confinement: &confinement,
        shared_name: &request.shared_name,
        fresh: request.fresh,
    };
    let vm = coordinator.vm_for(session.number, session.client, &wish)?;
    opened(vm, target).await
}

/// Waits until the VM is ready; its name leads to it then.
async fn opened(vm: Rc<Vm>, target: String) -> Result<VmOpened, Fault> {
    vm.ready().await?;
    if !target.is_empty() {
        vm.remember(&target);
    }
    Ok(VmOpened {
        name: vm.registry_name(),
        kind: vm.kind.clone(),
        host: vm.host.clone(),
        target,
        isolation: vm.confinement.level.name().to_owned(),
    })
}

fn running(session: &Session, name: &str) -> Result<Rc<Vm>, Fault> {
    session
        .coordinator
        .find(name)
        .filter(|vm| vm.owner.admits(&session.client) && vm.state() < State::Poisoned)
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
