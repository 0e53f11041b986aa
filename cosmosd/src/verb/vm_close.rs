//! `VmClose`: end a VM of the client's. Answered once it has ended.

use crate::{
    coordinator::unknown,
    session::Session,
    supervise::{Command, END_PATIENCE, KILL_PATIENCE},
    vm::State,
};
use cosmos_rpc::{Fault, FaultCode, message::coordinator::VmClose};
use std::rc::Rc;

pub(super) async fn answer(session: Rc<Session>, request: VmClose) -> Result<(), Fault> {
    let vm = session.coordinator.find(&request.name);
    let vm = vm.filter(|vm| vm.owner.get().is_visible_to(&session.client));
    let vm = vm.ok_or_else(|| unknown(&request.name))?;
    if !vm.owner.get().admits(&session.client) {
        return Err(Fault::caller(
            FaultCode::NotPermitted,
            format!("the VM {} belongs to another process", vm.name),
        ));
    }
    vm.ask(if request.kill {
        Command::Kill
    } else {
        Command::End
    });
    vm.ended(END_PATIENCE + KILL_PATIENCE * 2).await;
    if vm.state() == State::Gone {
        return Ok(());
    }
    Err(Fault::host(
        FaultCode::TimedOut,
        format!(
            "the VM {} does not end, not even by SIGKILL: the kernel holds it",
            vm.name
        ),
    ))
}
