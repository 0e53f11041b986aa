//! The VM for programs.
//!
//! ```text
//!  client ──Exec, streams──▶ this VM ──Order, streams──▶ a keeper ──▶ the program
//!    │                                                   │   ▲          └─▶ what it starts
//!    └───────────────── steering socket ─────────────────┘   └── orphans of those
//! ```
//!
//! | room | purpose |
//! |---|---|
//! | [`ExecVm`] | the verbs |
//! | `program` | a target that was opened |
//! | `pool` | keepers at rest and at work |
//! | `keeper` | a process that runs one program at a time, and knows all that came of it |
//!
//! # Promises
//!
//! 1. A program's streams are the client's own: no byte of them passes through here.
//! 2. A program ends with all that it started, whatever sessions and parents that gave itself: a keeper
//!    is the reaper of orphans below it, and serves one program at a time.
//! 3. A program ends when its time is over, when its client closes the steering socket or the object,
//!    and when this VM ends, however that happens: the keeper sees the end of its socket.

#![deny(unsafe_code)]

mod keeper;
mod pool;
mod program;

pub use keeper::keep;

use callframe::{DataModel, Template};
use cosmos_rpc::message::vm::ProgramEnd;
use cosmos_rpc::{Fault, FaultCode};
use cosmos_vm_core::{Call, Run, Vm};
use pool::Pool;
use program::Program;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

/// The argument by which this executable is a keeper.
pub const KEEPER: &str = "--keeper";

/// The kind `exec`.
#[derive(Debug)]
pub struct ExecVm {
    pool: Pool,
}

impl ExecVm {
    /// The VM, with one keeper that is getting ready.
    #[allow(clippy::new_without_default)]
    pub fn new() -> ExecVm {
        ExecVm { pool: Pool::new() }
    }
}

impl Vm for ExecVm {
    type Object = Program;
    type Runable = Infallible;

    fn kind(&self) -> &'static str {
        "exec"
    }

    fn model(&self) -> DataModel {
        DataModel::LP64
    }

    fn open(&self, target: &Path) -> Result<Program, Fault> {
        Program::open(target)
    }

    fn sym(&self, program: &Arc<Program>, template: &Template) -> Result<Infallible, Fault> {
        let name = template.frame().name();
        let message = format!("'{name}' in {}: not yet", program.path().display());
        Err(Fault::caller(FaultCode::Unsupported, message))
    }

    fn call(&self, runable: &Infallible, _: &mut Call<'_>) -> Result<(), Fault> {
        match *runable {}
    }

    fn exec(&self, program: &Arc<Program>, run: Run) -> Result<ProgramEnd, Fault> {
        if run.manifest.is_some() {
            let message = "a manifest is for programs of ZeroVM";
            return Err(Fault::caller(FaultCode::Unsupported, message));
        }
        self.pool.run(program, run)
    }

    fn close(&self, program: Arc<Program>) -> Result<(), Fault> {
        program.end_runs();
        Ok(())
    }
}
