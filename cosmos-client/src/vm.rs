//! A running VM, as a program sees it.

use crate::arena::Buffer;
use crate::budget::Budget;
use crate::error::Error;
use crate::link::{Hold, Link};
use crate::options::Options;
use crate::session::{ANSWER, Session, configuration};
use crate::trace;
use cosmos_config::Host;
use cosmos_rpc::message::coordinator::Purpose;
use cosmos_rpc::message::{FAULT, REPLY};
use cosmos_rpc::{Fault, FaultCode};
use std::sync::Arc;

/// A running VM, to open libraries in; see [`Options::vm`].
///
/// A private VM ends when nothing of this process uses it any more: no `Vm`, no library.
#[derive(Clone, Debug)]
pub struct Vm {
    hold: Arc<Hold>,
}

impl Vm {
    /// A new VM of this kind (`hostfn`), or the running one of this name: `hostfn-3`, or the name it
    /// is shared by.
    ///
    /// # Errors
    /// When there is no such kind or name, this process may not use it, or it cannot be started.
    pub fn open(kind_or_name: &str, options: &Options) -> Result<Vm, Error> {
        trace::step("open a VM", kind_or_name, || {
            Vm::find(kind_or_name, options)
        })
    }

    fn find(kind_or_name: &str, options: &Options) -> Result<Vm, Error> {
        let name = kind_or_name.strip_prefix("vm/").unwrap_or(kind_or_name);
        let session = Session::current();
        let configured = configuration()?;
        let open = |purpose, options: &Options| session.open_vm(purpose, options, &configured);
        let running = || open(Purpose::Running(name.to_owned()), options);
        let opened = if is_running_name(name) {
            running()
        } else {
            let mut options = options.clone();
            // Who asks for a VM rather than a library wants one of their own.
            options.fresh |= options.shared_name.is_empty();
            match open(Purpose::Kind(name.to_owned()), &options) {
                Err(fault) if is_unknown(&fault) => running().map_err(|second| {
                    // No kind and no name: the kinds there are say more.
                    if is_unknown(&second) { fault } else { second }
                }),
                opened => opened,
            }
        };
        let (hold, _) = opened?;
        Ok(Vm {
            hold: Arc::new(hold),
        })
    }

    /// Its name, `hostfn-3`.
    pub fn name(&self) -> &str {
        self.hold.label()
    }

    /// Its kind, `hostfn`.
    pub fn kind(&self) -> &str {
        self.hold.kind()
    }

    /// Its host, `local` for this one.
    pub fn host(&self) -> &str {
        self.hold.host()
    }

    /// The isolation level it has.
    pub fn isolation(&self) -> &str {
        self.hold.isolation()
    }

    /// The system calls that it was refused until now, each by its name and how often, as the kernel
    /// told it.
    pub fn denials(&self) -> Vec<(String, u64)> {
        self.hold.denied_calls()
    }

    /// The limits that the VM has, and what is used of each; see [`Budget`].
    ///
    /// # Errors
    /// When the VM is gone, or cosmosd does not answer.
    pub fn budget(&self) -> Result<Vec<Budget>, Error> {
        self.hold.budget()
    }

    /// Memory that this program and the VM both see; see [`Library::alloc`](crate::Library::alloc).
    ///
    /// # Errors
    /// When the VM is gone or of a kind that shares no memory, or there is none.
    pub fn alloc(&self, size: usize) -> Result<Buffer, Error> {
        Buffer::adopt(self.allocate(size)?, size)
    }

    /// The address of such memory.
    pub(crate) fn allocate(&self, size: usize) -> Result<u64, Error> {
        self.hold.arena().allocate(&self.hold, size)
    }

    /// Ends a private VM, with whatever is open in it: its functions fail from now on, calls in
    /// flight too. A shared VM is only let go of.
    ///
    /// # Errors
    /// When cosmosd cannot be reached; the VM ends all the same, with its connection.
    pub fn close(self) -> Result<(), Error> {
        let link: &Arc<Link> = &self.hold;
        link.usable()?;
        if link.is_shared() {
            return Ok(());
        }
        let fault = Fault::caller(
            FaultCode::VmDied,
            format!("{} was closed by this program", link.label()),
        );
        link.end(fault, 0);
        if !link.is_supervised() {
            return Ok(());
        }
        match Session::current().end_vm(link, false, ANSWER) {
            // Without cosmosd it ends all the same, with its main connection.
            Err(fault) if fault.code != FaultCode::Disconnected => Err(fault.into()),
            _ => Ok(()),
        }
    }

    /// The machine it runs on.
    pub(crate) fn machine(&self) -> &Host {
        self.hold.coordinator().host()
    }

    /// Another use of it.
    pub(crate) fn take(&self) -> Result<Hold, Error> {
        self.hold.usable()?;
        match self.hold.take() {
            Some(link) => Ok(Hold::new(link)),
            None => Err(self.hold.named(Fault::caller(
                FaultCode::Disconnected,
                format!("{} was closed", self.hold.label()),
            ))),
        }
    }
}

/// Carries a request of the protocol, as bytes, to a VM, or to cosmosd where `vm` is `None`; gives
/// the bytes of the answer. Requests that carry descriptors cannot be made this way.
///
/// # Errors
/// What the other side answers, or why it does not.
pub fn rp_call(vm: Option<&Vm>, kind: u16, body: &[u8]) -> Result<Vec<u8>, Error> {
    if kind & REPLY != 0 || kind == FAULT {
        return Err(Fault::caller(
            FaultCode::BadArgument,
            format!("{kind:#06x} is the kind of an answer, not of a request"),
        )
        .into());
    }
    match vm {
        None => Ok(Session::current().ask_raw(kind, body)?),
        Some(vm) => {
            let place = format!("in a request of kind {kind:#06x}");
            let mut frame = vm.hold.exchange(kind, body, None, &place)?;
            Ok(std::mem::take(&mut frame.body))
        }
    }
}

fn is_unknown(fault: &Fault) -> bool {
    matches!(fault.code, FaultCode::NoSuchTarget | FaultCode::NoSuchName)
}

/// Whether a name is that of a running VM, `KIND-NUMBER`, rather than that of a kind.
fn is_running_name(name: &str) -> bool {
    name.rsplit_once('-').is_some_and(|(kind, number)| {
        !kind.is_empty() && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}
