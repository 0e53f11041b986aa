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
//! | `pins` | what programs must be to be run |
//! | `template` | what a prototype means as a command line |
//! | `entry` | a call of one |
//! | `pool` | keepers at rest and at work |
//! | `walls` | what programs are confined to, where they are |
//! | `keeper` | a process that runs one program at a time, and knows all that came of it |
//!
//! # Promises
//!
//! 1. A program's streams are the client's own: no byte of them passes through here.
//! 2. A program ends with all that it started, whatever sessions and parents that gave itself: a keeper
//!    is the reaper of orphans below it, and serves one program at a time.
//! 3. Confined is each program, by the kernel and before its first instruction; neither this process nor a
//!    keeper runs code that is not its own, and no program reaches either.
//! 4. A program ends when its time is over, when its client closes the steering socket or the object,
//!    and when this VM ends, however that happens: the keeper sees the end of its socket.

#![deny(unsafe_code)]

mod entry;
mod keeper;
mod pins;
mod pool;
mod program;
mod template;
mod walls;

pub use entry::Entry;
pub use keeper::keep;
pub use program::Program;

use callframe::{DataModel, Template};
use cosmos_rpc::message::confine::Confine;
use cosmos_rpc::message::crash::Casualty;
use cosmos_rpc::message::vm::ProgramEnd;
use cosmos_rpc::{Fault, FaultCode};
use cosmos_vm_core::pins::Pins;
use cosmos_vm_core::{Call, Run, Vm};
use pool::Pool;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use template::CommandLine;
use walls::Walls;

/// The argument by which this executable is a keeper.
pub const KEEPER: &str = "--keeper";

/// The kind `exec`.
#[derive(Debug)]
pub struct ExecVm {
    pool: Pool,
    walls: Walls,
    /// No program is looked at.
    untraced: AtomicBool,
    pins: OnceLock<Pins>,
}

impl ExecVm {
    /// The VM, with one keeper that is getting ready.
    #[allow(clippy::new_without_default)]
    pub fn new() -> ExecVm {
        ExecVm {
            pool: Pool::new(),
            walls: Walls::default(),
            untraced: AtomicBool::new(false),
            pins: OnceLock::new(),
        }
    }
}

impl Vm for ExecVm {
    type Object = Program;
    type Runable = Entry;

    fn kind(&self) -> &'static str {
        "exec"
    }

    fn model(&self) -> DataModel {
        DataModel::LP64
    }

    fn confine(&self, order: &Confine, launcher: OwnedFd) -> Result<Option<OwnedFd>, Fault> {
        self.walls.take(order, launcher)?;
        Ok(None)
    }

    fn leave_untraced(&self) {
        self.untraced.store(true, Ordering::Relaxed);
    }

    fn pin(&self, pins: Pins) -> Option<Pins> {
        self.pins.set(pins).err()
    }

    fn open(&self, target: &Path) -> Result<Program, Fault> {
        self.walls.admit(target)?;
        let program = Program::open(target)?;
        Ok(match self.pins.get() {
            Some(pins) => pins::apply(pins, program),
            None => program,
        })
    }

    fn sym(&self, program: &Arc<Program>, template: &Template) -> Result<Entry, Fault> {
        Ok(Entry {
            line: CommandLine::of(template, program.path())?,
            program: Arc::clone(program),
        })
    }

    fn call(&self, entry: &Entry, call: &mut Call<'_>) -> Result<(), Fault> {
        let untraced = self.untraced.load(Ordering::Relaxed);
        entry.call((&self.pool, &self.walls), untraced, call)
    }

    fn casualty(&self) -> Option<Box<Casualty>> {
        entry::casualty()
    }

    fn exec(&self, program: &Arc<Program>, mut run: Run) -> Result<ProgramEnd, Fault> {
        if run.manifest.is_some() || run.report.is_some() {
            let message = "a manifest and a report are for programs of ZeroVM";
            return Err(Fault::caller(FaultCode::Unsupported, message));
        }
        run.untraced |= self.untraced.load(Ordering::Relaxed);
        self.pool.run(program, run, &self.walls)
    }

    fn close(&self, program: Arc<Program>) -> Result<(), Fault> {
        program.end_runs();
        Ok(())
    }
}
