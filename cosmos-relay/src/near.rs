//! `cosmos-relay HOST`, the relay on the program's machine. The program starts it when it first needs
//! a VM there, with one end of a socket pair as its standard input, on which it answers as cosmosd.
//!
//! It stays in the session and process group of the program, so that ssh can ask for a password on
//! the terminal, and ignores what is sent to all of the group: it means the program. What ends the
//! program ends the relay, and nothing else has to.

use crate::bridge::{Place, Relay};
use crate::natures::Service;
use crate::silence::{SILENCE, silence};
use crate::ssh::{Leash, Ssh};
use clap::Parser;
use cosmos_config::SshHost;
use cosmos_rpc::mux::{Link, Side};
use cosmos_rpc::{Fault, FaultCode, codec, daemon, frame, message::FAULT};
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};
use std::io::Write;
use std::os::fd::RawFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// Lowest number of a descriptor that is no standard stream.
const FIRST: RawFd = 3;
/// How long the streams may take to say good-bye.
const GOOD_BYE: Duration = Duration::from_secs(2);

/// Carries connections of programs to another machine. Programs start it by themselves.
#[derive(Debug, Parser)]
#[command(name = "cosmos-relay", version)]
struct Options {
    /// The machine: ssh://[USER@]HOST[:PORT].
    host: SshHost,
    /// The program that connects, in place of the ssh in PATH.
    #[arg(long)]
    ssh: Option<PathBuf>,
    /// How many seconds the other machine may say nothing.
    #[arg(long, default_value_t = SILENCE)]
    silence: u64,
}

/// The whole program.
pub fn main() -> ExitCode {
    let options = Options::parse();
    match begin() {
        Ok(socket) => {
            serve(&options, socket);
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("cosmos-relay: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// Becomes a process that nobody waits for; gives the socket to the program.
fn begin() -> Result<UnixStream, Fault> {
    let stdin = std::io::stdin();
    let copy = fcntl(&stdin, FcntlArg::F_DUPFD_CLOEXEC(FIRST)).map_err(|_| {
        Fault::caller(
            FaultCode::BadArgument,
            "programs start it, with a socket as its standard input",
        )
    })?;
    // SAFETY: the first thing main does; nothing owns a descriptor yet.
    let (_, socket) = unsafe { daemon::settle(false, &[copy]) }?;
    daemon::leave_parent()?;
    daemon::ignore(&[SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU]);
    let socket = socket.into_iter().next().map(UnixStream::from);
    let socket = socket.ok_or_else(|| Fault::host(FaultCode::System, "no socket"))?;
    socket.peer_addr().map_err(|_| {
        let message = "its standard input is no socket; programs start it";
        Fault::caller(FaultCode::BadArgument, message)
    })?;
    Ok(socket)
}

fn serve(options: &Options, socket: UnixStream) {
    let said = socket.try_clone();
    let silence = silence(options.silence);
    let connected = Ssh::connect(&options.host, options.ssh.as_deref(), silence);
    let leash = connected.as_ref().ok().map(Ssh::leash);
    let ending = connected.as_ref().ok().map(Ssh::leash);
    let begun = connected
        .and_then(|ssh| Link::start_first(Side::Near, ssh, silence))
        .and_then(|(link, stream)| {
            if let Some(leash) = ending {
                pull_when_ended(&link, leash)?;
            }
            let relay = Relay::new(link, Place::Near);
            relay.bridge(Service::Coordinator, stream, socket)?;
            Ok(relay)
        });
    match (begun, said) {
        (Ok(relay), _) => {
            relay.wait();
            relay.link.end(Fault::caller(
                FaultCode::Disconnected,
                "the program needs it no more",
            ));
        }
        (Err(fault), Ok(socket)) => refuse(socket, &fault),
        (Err(_), Err(_)) => {}
    }
    drop(leash);
}

/// Ends ssh once the link has ended, whatever the threads of its streams do: one that is stuck in writing
/// to an ssh that is stopped has the others wait, and goes on only when nobody is left to read.
fn pull_when_ended(link: &Link, leash: Leash) -> Result<(), Fault> {
    let link = link.clone();
    let pull = move || {
        link.wait_until_ended();
        drop(leash);
    };
    let pulling = thread::Builder::new().name("leash".to_owned()).spawn(pull);
    let failed = |error| Fault::host(FaultCode::System, format!("a thread for ssh: {error}"));
    pulling.map(drop).map_err(failed)
}

/// Says why there is no cosmosd, in place of its handshake.
fn refuse(mut socket: UnixStream, fault: &Fault) {
    let Ok(body) = codec::encode(fault) else {
        return;
    };
    let header = frame::Header {
        length: u32::try_from(body.len()).unwrap_or(0),
        kind: FAULT,
        descriptors: 0,
        id: 0,
    };
    let _ = socket.set_write_timeout(Some(GOOD_BYE));
    let _ = socket.write_all(&[&header.encode()[..], &body].concat());
}
