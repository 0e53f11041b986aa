//! `cosmosd --stdio`, the relay on the machine where VMs run. Its standard input and output are the
//! link; it reaches the cosmosd of its user there, which is started where none runs, as any client
//! does. When the link ends, so does it, and with it all that was opened over it; its watcher sees to that
//! where it cannot.

use crate::bridge::{Place, Relay};
use crate::fill::Surroundings;
use crate::natures::Service;
use crate::silence::silence;
use crate::watcher::{self, Watched};
use cosmos_config::Config;
use cosmos_rpc::frame::Header;
use cosmos_rpc::message::FAULT;
use cosmos_rpc::mux::{Carrier, Link, Side, Stream};
use cosmos_rpc::rendezvous::{self, Rendezvous};
use cosmos_rpc::{Fault, FaultCode, codec, daemon};
use nix::fcntl::{FcntlArg, fcntl};
use nix::unistd::dup2_stdout;
use std::fs::File;
use std::os::fd::{OwnedFd, RawFd};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Lowest number of a descriptor that is no standard stream.
const FIRST: RawFd = 3;
/// How long starting the daemons may take.
const START: Duration = Duration::from_secs(10);

/// The whole program, after its arguments were read: it gives the other machine up after so many
/// seconds of silence.
pub fn main(silence: u64) -> ExitCode {
    let silence = self::silence(silence);
    match begin(silence).and_then(|(standard, watched)| serve(standard, watched, silence)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("cosmosd: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// The two directions of the link.
struct Standard {
    input: File,
    output: File,
}

impl Carrier for Standard {
    type Reader = File;
    type Writer = File;
    type Explain = fn(Fault, bool) -> Fault;

    fn split(self) -> (File, File, Self::Explain) {
        (self.input, self.output, |fault, _| fault)
    }
}

fn begin(silence: Duration) -> Result<(Standard, Watched), Fault> {
    let copied = |error: nix::errno::Errno| {
        let message = format!("standard input or output cannot be used: {error}");
        Fault::caller(FaultCode::BadArgument, message)
    };
    let input = fcntl(std::io::stdin(), FcntlArg::F_DUPFD_CLOEXEC(FIRST)).map_err(copied)?;
    let output = fcntl(std::io::stdout(), FcntlArg::F_DUPFD_CLOEXEC(FIRST)).map_err(copied)?;
    // SAFETY: the first thing main does; nothing owns a descriptor yet.
    let (_, descriptors) = unsafe { daemon::settle(false, &[input, output]) }?;
    // What anything writes to standard output must not be taken for messages.
    let _ = dup2_stdout(std::io::stderr());
    let pair: [OwnedFd; 2] = descriptors
        .try_into()
        .map_err(|_| Fault::host(FaultCode::System, "standard input and output were lost"))?;
    let [input, output] = pair.map(File::from);
    // SAFETY: no thread has been started yet.
    let watched = unsafe { watcher::start(silence) }?;
    Ok((Standard { input, output }, watched))
}

/// Serves until the link has ended.
fn serve(standard: Standard, watched: Watched, silence: Duration) -> Result<(), Fault> {
    let surroundings = Surroundings::of_this_process();
    // Over ssh what the near end says first arrives a round trip after this end was started.
    let (link, stream) = Link::start_first(Side::Far, standard, silence)?;
    watched.live(silence)?;
    match prepare(&link, surroundings) {
        Ok((relay, socket)) => relay.bridge(Service::Coordinator, stream, socket)?,
        Err(fault) => refuse(&stream, &fault),
    }
    link.wait_until_ended();
    Ok(())
}

fn prepare(
    link: &Link,
    surroundings: Surroundings,
) -> Result<(Arc<Relay>, std::os::unix::net::UnixStream), Fault> {
    let config =
        Config::load().map_err(|error| Fault::host(FaultCode::Configuration, error.to_string()))?;
    let rendezvous = Rendezvous {
        directory: config.socket_directory.value,
        libexec: config.libexec_directory.value,
        start: config.start_daemons.value,
        patience: START,
    };
    let socket = rendezvous::coordinator_socket(&rendezvous)?;
    let place = Place::Far(surroundings, rendezvous);
    Ok((Relay::new(link.clone(), place), socket))
}

/// Says why there is no cosmosd, in place of its handshake.
fn refuse(stream: &Stream, fault: &Fault) {
    let Ok(body) = codec::encode(fault) else {
        return;
    };
    let header = Header {
        length: u32::try_from(body.len()).unwrap_or(0),
        kind: FAULT,
        descriptors: 0,
        id: 0,
    };
    let _ = stream.send(&[&header.encode()[..], &body].concat());
    stream.end();
}
