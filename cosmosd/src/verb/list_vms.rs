//! `ListVms`: the VMs the client may know of, ended ones included while they are remembered.

use super::budget::running_for;
use crate::{
    session::Session,
    vm::{Life, State, Vm},
};
use cosmos_rpc::{
    Fault,
    message::coordinator::{ListVms, VmRow},
};
use std::{fs::File, io::Read, rc::Rc, time::Duration};

pub(super) async fn answer(session: Rc<Session>, _: ListVms) -> Result<Vec<VmRow>, Fault> {
    let vms = session.coordinator.vms();
    let visible = vms
        .iter()
        .filter(|vm| vm.owner.get().is_visible_to(&session.client));
    Ok(visible.map(|vm| row(vm)).collect())
}

fn row(vm: &Vm) -> VmRow {
    let life = vm.life.borrow();
    VmRow {
        name: vm.name.clone(),
        kind: vm.kind.clone(),
        targets: vm.targets.borrow().clone(),
        host: vm.host.clone(),
        state: life.state.name().to_owned(),
        isolation: vm.confinement().level.name().to_owned(),
        pid: life.pid,
        // The launcher reaps its VM and ends right after: until then the pid is the VM's.
        resident: if life.state < State::Gone {
            resident(life.pid)
        } else {
            0
        },
        age: u64::try_from(age(&life).as_millis()).unwrap_or(u64::MAX),
        ending: life.obituary(),
    }
}

/// How long it has been there, whichever cosmosd started it; once it has ended, how long ago that was.
fn age(life: &Life) -> Duration {
    let known = life.since.elapsed();
    match life.state < State::Poisoned && life.pid > 0 {
        // Of whole seconds: what this cosmosd has seen itself is more exact.
        true => running_for(life.pid).unwrap_or_default().max(known),
        false => known,
    }
}

/// Resident memory in bytes; 0 where the process cannot be seen.
pub(crate) fn resident(pid: i32) -> u64 {
    let mut status = String::new();
    let read = File::open(format!("/proc/{pid}/status"))
        .and_then(|file| file.take(16 << 10).read_to_string(&mut status));
    if pid <= 0 || read.is_err() {
        return 0;
    }
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    number.unwrap_or(0).saturating_mul(1024)
}
