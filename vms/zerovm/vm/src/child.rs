//! A session, from within: the process that `--session` makes of this executable.
//!
//! Its standard input is a socket when it starts. Over that comes the guest's standard input, then an
//! [`Order`], and the session's report goes back.

use cosmos_confine::files::{self, Files};
use cosmos_rpc::message::confine::Confine;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::dup2_stdin;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;
use zerovm::validation::Strict;
use zerovm::{descriptors, supervise, user};
use zerovm_session::command_line::CommandLine;
use zerovm_session::manifest::Manifest;
use zerovm_session::report::Report;

/// What is to be run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The program, whatever the manifest names.
    pub(crate) program: PathBuf,
    /// The text of the manifest.
    pub(crate) manifest: Vec<u8>,
    /// The files that it may reach, where not all that its user may.
    pub(crate) confined: Option<Confine>,
}

impl Order {
    /// Sends it, with its length before it.
    pub(crate) fn send(&self, mut socket: &File) -> io::Result<()> {
        let order = serde_json::to_vec(self)?;
        let length = u32::try_from(order.len()).map_err(io::Error::other)?;
        socket.write_all(&length.to_le_bytes())?;
        socket.write_all(&order)
    }

    fn receive(mut socket: &File) -> io::Result<Order> {
        let mut length = [0; 4];
        socket.read_exact(&mut length)?;
        let mut order = Vec::new();
        let length = u32::from_le_bytes(length);
        socket.take(length.into()).read_to_end(&mut order)?;
        Ok(serde_json::from_slice(&order)?)
    }
}

/// Runs the session that the VM, at the other end of standard input, wants.
pub fn run_session() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The VM hears of it by the socket's end; this is for its log.
            let _ = writeln!(io::stderr(), "a session of ZeroVM failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<()> {
    let socket = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let report = run(&socket)?;
    (&socket).write_all(&serde_json::to_vec(&report)?)
}

fn run(socket: &File) -> io::Result<Report> {
    let line = CommandLine::read(["zerovm", "manifest"].map(Into::into))
        .ok_or_else(|| io::Error::other("the options are refused"))?;
    let failed = |error: zerovm_session::Error| Report::failed(&error, error.code());
    if let Err(error) = user::leave_root(&line.user) {
        return Ok(failed(error));
    }
    // After that: who becomes somebody else outlives its parent again.
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    let input = descriptors::receive(socket)?;
    let input = input.first().ok_or(io::ErrorKind::UnexpectedEof)?;
    dup2_stdin(input)?;
    let order = Order::receive(socket)?;
    if let Some(confined) = &order.confined {
        confine(confined).map_err(io::Error::other)?;
    }
    let report = Manifest::parse(&order.manifest).and_then(|mut manifest| {
        manifest.program = order.program;
        supervise::run(&line, &manifest, &Strict)
    });
    Ok(report.unwrap_or_else(failed))
}

/// Before anything that a manifest names is opened. The guest's own walls come on top.
fn confine(order: &Confine) -> Result<(), cosmos_confine::Error> {
    let paths = |list: &[String]| list.iter().map(PathBuf::from).collect();
    files::restrict(&Files {
        target: paths(&order.target),
        read: paths(&order.grants.read),
        write: paths(&order.grants.write),
        network: order.grants.network,
        programs: false,
        runs_target: false,
    })
}
