//! A VM that waits is lent to the session that will probably ask for it next.
//!
//! Who asks for a fresh VM asks again, as a rule, and for the same. So when the next one waits, having given up what
//! such a request does not leave it, that session is sent the way to it: ends of a connection and of a first
//! channel, of which the VM has the others. When its program asks again it speaks to the VM in the same moment, and
//! what the VM does for it goes on beside what cosmosd does, not behind it.
//!
//! The word is cosmosd's all the same: the request is looked at like any other, with the files, the configuration and
//! the VMs as they are then, and the VM is the client's when the answer names it. Until then it is nobody's. Somebody
//! else who asks for the same may be given it, by other ends, and the VM decides which of the two came first
//! ([`Expect`](cosmos_rpc::message::launch::Expect)); who came second has lost his VM before he reached it, and asks
//! again. It can decide that of ends alone that it is told to expect, not of who comes by its name: so a VM that
//! somebody else has, or may have kept, the way to ([`Vm::is_contended`]) is given with such ends, and not reached
//! by its name. What a session does with a VM that it was lent, and does not ask for, it could have done with the one that
//! it asked for before: it is confined for that request and ends with the connection, or the session.

use crate::{
    coordinator::Coordinator,
    session::Session,
    supervise::{Command, Ends},
    vm::{State, Vm},
};
use cosmos_rpc::message::coordinator::{VmAhead, VmOpen};
use std::{
    os::{fd::OwnedFd, unix::net::UnixStream},
    rc::{Rc, Weak},
};

/// Who asked for a fresh VM, and how.
#[derive(Debug)]
pub struct Asker {
    session: Weak<Session>,
    request: VmOpen,
    target: String,
}

impl Asker {
    /// Of a request for this target, where the session can be told.
    pub(crate) fn of(session: &Rc<Session>, request: &VmOpen, target: &str) -> Option<Rc<Asker>> {
        let is_again = request.fresh && request.shared_name.is_empty();
        (is_again && session.is_told_ahead()).then(|| {
            Rc::new(Asker {
                session: Rc::downgrade(session),
                request: request.clone(),
                target: target.to_owned(),
            })
        })
    }

    /// Lends it one of these, once that waits, unless it has one.
    pub(crate) async fn lend_one(
        &self,
        coordinator: &Coordinator,
        is_like: impl Fn(&Rc<Vm>) -> bool,
    ) {
        let is_free = |vm: &Rc<Vm>| is_like(vm) && vm.lent.get().is_none();
        let Some(vm) = coordinator.vms().into_iter().find(&is_free) else {
            return;
        };
        let mut life = vm.life.clone();
        let waits = life.wait_for(|life| life.state >= State::Waiting).await;
        let waits = waits.is_ok_and(|life| life.state == State::Waiting);
        let session = self.session.upgrade().filter(|it| !it.has_ended());
        let Some(session) = session.filter(|_| waits && is_free(&vm)) else {
            return;
        };
        let has_one = |vm: &Rc<Vm>| is_like(vm) && vm.lent.get() == Some(session.number);
        if !coordinator.vms().iter().any(has_one) {
            self.lend(&session, &vm);
        }
    }

    fn lend(&self, session: &Session, vm: &Rc<Vm>) {
        let (Ok((main, its)), Ok((first, other))) = (UnixStream::pair(), UnixStream::pair()) else {
            // It is had like any other one then.
            return;
        };
        let its = Ends {
            main: OwnedFd::from(its),
            channel: Some(OwnedFd::from(other)),
        };
        let notice = VmAhead {
            request: self.request.clone(),
            opened: vm.opened(&self.target),
        };
        let ours = vec![OwnedFd::from(main), OwnedFd::from(first)];
        if vm.ask(Command::Expect(its)) && session.tell_ahead(&notice, ours) {
            vm.lent.set(Some(session.number));
        }
    }
}
