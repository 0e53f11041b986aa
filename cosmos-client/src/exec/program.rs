//! A program that was opened in a VM.

use super::command::Command;
use crate::budget::Budget;
use crate::coordinator::chosen;
use crate::error::Error;
use crate::library::target_name;
use crate::link::Hold;
use crate::options::Options;
use crate::session::{ANSWER, Session, configuration, configured_timeout};
use crate::trace;
use cosmos_config::Host;
use cosmos_program::{find, search_path};
use cosmos_rpc::message::coordinator::Purpose;
use cosmos_rpc::message::vm::{Close, ObjectToken, Open};
use cosmos_rpc::{Fault, FaultCode};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A program that is open in a VM, to be run any number of times, at once too.
///
/// Its VM ends what runs of it when this, and everything made from it, is dropped.
#[derive(Clone, Debug)]
pub struct Program {
    opened: Arc<Opened>,
}

/// What is let go of at last.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) hold: Hold,
    pub(super) object: ObjectToken,
    /// As it was named, which is what it finds as its own name.
    pub(super) name: OsString,
    /// Where it is.
    pub(super) path: String,
    /// How long each request and run may take.
    pub(super) timeout: Option<Duration>,
    /// Whether it is on this machine.
    pub(super) is_here: bool,
}

impl Program {
    /// Opens a program: a path, or a name that is searched for in PATH. `options` say how its VM is
    /// isolated, what limits it has, and how long each run may take.
    ///
    /// # Errors
    /// `NoSuchTarget` when it is not there, `NotLoadable` when it is nothing that can be run.
    pub fn open(name: impl AsRef<OsStr>, options: &Options) -> Result<Program, Error> {
        let name = name.as_ref();
        trace::step("open", &name.to_string_lossy(), || {
            Program::find(name, options)
        })
    }

    fn find(name: &OsStr, options: &Options) -> Result<Program, Error> {
        let configured = configuration()?;
        let host = match &options.vm {
            Some(vm) => vm.machine().clone(),
            None => chosen(options.host.as_ref(), &configured),
        };
        let is_here = host == Host::Local;
        // Another machine has a PATH of its own.
        let path = match is_here {
            true => find(name, &search_path(), Path::new("."))?,
            false => name.into(),
        };
        let target = target_name(text(&path)?, &host)?;
        let timeout = match options.timeout {
            Some(timeout) => Some(timeout),
            None => configured_timeout(&configured),
        };
        let open = |hold: Hold, path: String| {
            let target = path.clone();
            let place = format!("opening {path}");
            let object = hold.request(&Open { target }, Some(ANSWER), &place)?;
            Ok::<_, Error>((hold, object, path))
        };
        let (hold, object, path) = match &options.vm {
            Some(vm) if is_here => open(vm.take()?, absolute(&path)?)?,
            Some(vm) if path.is_absolute() => open(vm.take()?, text(&path)?.to_owned())?,
            Some(_) => {
                let message = "a program in a VM on another machine is named by its absolute path";
                return Err(Fault::caller(FaultCode::BadArgument, message).into());
            }
            None => {
                let purpose = Purpose::Program(target);
                let session = Session::current();
                let (hold, object, path, _) =
                    session.open_target(purpose, options, &configured, Some(ANSWER))?;
                (hold, object, path)
            }
        };
        Ok(Program {
            opened: Arc::new(Opened {
                hold,
                object,
                name: name.to_owned(),
                path,
                timeout,
                is_here,
            }),
        })
    }

    /// A command that runs it.
    pub fn command(&self) -> Command {
        Command::of(self)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        Path::new(&self.opened.path)
    }

    /// The name of its VM, `exec-3`.
    pub fn vm(&self) -> &str {
        self.opened.hold.label()
    }

    /// The isolation level that its VM has.
    pub fn isolation(&self) -> &str {
        self.opened.hold.isolation()
    }

    /// The system calls that programs of its VM were refused until now, by the kernel's word, and how
    /// often each.
    pub fn denials(&self) -> Vec<(String, u64)> {
        self.opened.hold.denied_calls()
    }

    /// The limits that its VM has, and what is used of each; see [`Budget`]. They are those of
    /// the process that runs programs: each program has limits of its own.
    ///
    /// # Errors
    /// When the VM is gone, or cosmosd does not answer.
    pub fn budget(&self) -> Result<Vec<Budget>, Error> {
        self.opened.hold.budget()
    }

    pub(super) fn opened(&self) -> &Arc<Opened> {
        &self.opened
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if self.hold.is_gone() || self.hold.is_foreign() {
            return;
        }
        let (object, place) = (self.object, format!("closing {}", self.path));
        // It goes with its VM at the latest.
        if self.hold.coordinator().is_remote() && !trace::is_on() {
            // Nobody waits for that answer: it would take a round trip, which may be a long one.
            let _ = self
                .hold
                .begin(&Close { object }, &[], Some(ANSWER), &place);
            return;
        }
        let _ = self.hold.request(&Close { object }, Some(ANSWER), &place);
    }
}

fn text(path: &Path) -> Result<&str, Fault> {
    path.to_str().ok_or_else(|| {
        let message = format!(
            "the path {} is not UTF-8, which messages carry",
            path.display()
        );
        Fault::caller(FaultCode::BadArgument, message)
    })
}

fn absolute(path: &Path) -> Result<String, Fault> {
    let path = std::path::absolute(path)
        .map_err(|error| Fault::caller(FaultCode::BadArgument, error.to_string()))?;
    text(&path).map(str::to_owned)
}
