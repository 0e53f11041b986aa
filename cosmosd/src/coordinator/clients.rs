//! Clients come, are counted, and go.

use super::{Coordinator, NO_SESSION, unknown};
use crate::{
    identity::Client,
    registry::Arrival,
    session,
    supervise::{Command, Ends},
    vm::{Owner, State},
};
use cosmos_rpc::{Fault, FaultCode, codec, frame::Header, message::FAULT, rendezvous::COORDINATOR};
use std::{
    io::Write,
    os::{fd::OwnedFd, unix::net::UnixStream},
    rc::Rc,
};

impl Coordinator {
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
        self.metrics.came(&refused);
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
        let most = self
            .configured()
            .config
            .limits
            .connections
            .bound()
            .unwrap_or(u64::MAX);
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
        if let Owner::Session(owner, _) = vm.owner.get()
            && vm.is_contended(owner)
        {
            return Err(Fault::peer(
                FaultCode::Disconnected,
                format!(
                    "somebody else may be in the VM {name}, which was lent before it was given"
                ),
            ));
        }
        let stream = stream.try_clone().map(OwnedFd::from).map_err(|error| {
            Fault::host(
                FaultCode::System,
                format!("cosmosd cannot pass a client on: {error}"),
            )
        })?;
        match vm.ask(Command::Accept(client.identity, Ends::main(stream))) {
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
            if vm.lent.get() == Some(session) {
                vm.lent.set(None);
                vm.has_strays.set(true);
                // Its client may keep what it was lent, and asks for nothing any more.
                if vm.is_met.get() && vm.owner.get() == Owner::Nobody {
                    vm.ask(Command::End);
                }
            }
        }
    }
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
