//! The VM for nexes: each runs in a session of ZeroVM, with the streams of whoever asked for it.
//!
//! ```text
//!  client ──exec──▶ this VM ──starts──▶ itself, with `--session` ──forks──▶ the guest's process
//!    streams          pumps              zerovm's supervisor                 confined
//! ```
//!
//! | room | purpose |
//! |---|---|
//! | [`ZeroVm`] | the verbs |
//! | `nexe` | a program that was opened: its format and its code were judged |
//! | `manifest` | what a session may use, where nobody says it |
//! | `session` | a session from here: started, given what it needs, heard |
//! | `child` | the same from within |
//! | `pump` | bytes between the guest's pipes and the client's streams |
//!
//! A session is a process of its own because it forks, which only a process of one thread may do; the
//! guest never runs in this one. It is validated when it is opened, to be refused early, and again
//! in its session, where what is judged is what runs: the file may have changed meanwhile.

#![forbid(unsafe_code)]

mod child;
mod manifest;
mod nexe;
mod pump;
mod session;

pub use child::run_session;

use callframe::{DataModel, Template};
use child::Order;
use cosmos_rpc::message::confine::Confine;
use cosmos_rpc::message::vm::ProgramEnd;
use cosmos_rpc::{Fault, FaultCode};
use cosmos_vm_core::{Call, Run, Vm};
use nexe::Nexe;
use nix::libc::SIGKILL;
use std::convert::Infallible;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// The argument by which this executable is a session.
pub const SESSION: &str = "--session";

/// The kind `zerovm`.
#[derive(Debug, Default)]
pub struct ZeroVm {
    /// What sessions are confined to, where they are.
    confined: OnceLock<Confine>,
}

impl Vm for ZeroVm {
    type Object = Nexe;
    type Runable = Infallible;

    fn kind(&self) -> &'static str {
        "zerovm"
    }

    fn model(&self) -> DataModel {
        DataModel::LP64
    }

    /// Sessions are confined, each before it opens anything; this process runs no guest.
    fn confine(&self, order: &Confine, _: OwnedFd) -> Result<Option<OwnedFd>, Fault> {
        let taken = self.confined.set(order.clone());
        taken.map_err(|_| Fault::peer(FaultCode::Protocol, "the VM is confined already"))?;
        Ok(None)
    }

    fn open(&self, target: &Path) -> Result<Nexe, Fault> {
        Nexe::open(target)
    }

    fn sym(&self, nexe: &Arc<Nexe>, template: &Template) -> Result<Infallible, Fault> {
        let message = format!(
            "'{}' in {}: functions of nexes cannot be called yet; `exec` runs the program",
            template.frame().name(),
            nexe.path().display()
        );
        Err(Fault::caller(FaultCode::Unsupported, message))
    }

    fn call(&self, runable: &Infallible, _: &mut Call<'_>) -> Result<(), Fault> {
        match *runable {}
    }

    /// With the manifest where the client has one. What else a run may have, sessions of this
    /// generation do not: an environment, a directory, a mask.
    fn exec(&self, nexe: &Arc<Nexe>, run: Run) -> Result<ProgramEnd, Fault> {
        if run.arguments.len() > 1 {
            let message = "programs of the first generation of ZeroVM take no arguments";
            return Err(Fault::caller(FaultCode::Unsupported, message));
        }
        if run.terminal {
            let message = "programs of ZeroVM have no terminal";
            return Err(Fault::caller(FaultCode::Unsupported, message));
        }
        let order = Order {
            program: nexe.path().to_owned(),
            manifest: manifest::text(run.manifest)?,
            confined: self.confined.get().cloned(),
        };
        let Some(report) = session::run(&order, run.streams, run.timeout)? else {
            return Ok(ProgramEnd {
                timed_out: true,
                signal: SIGKILL,
                ..ProgramEnd::default()
            });
        };
        if let Some(file) = run.report {
            // Whoever wants it may have gone; that is nothing the program did.
            let _ = File::from(file).write_all(&report.text("\n"));
        }
        let code = session::judge(nexe, &report)?;
        Ok(ProgramEnd {
            code,
            ..ProgramEnd::default()
        })
    }
}
