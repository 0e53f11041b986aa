//! Spawning the launcher, and through it a VM.

use crate::{confinement::Confinement, log::Log, profile::Profile, stderr::Tail};
use cosmos_config::{Level, Pins};
use cosmos_confine::files::{ALWAYS_READ, ALWAYS_WRITE, NETWORK_READ};
use cosmos_confine::offers::Offers;
use cosmos_rpc::{
    Fault, FaultCode, Role,
    asynchronous::Connection,
    message::follow::{Span, Steps},
    message::launch::{CONFINING, Confine, Remember, Start, Started, View, Walls},
};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::{
    ffi::OsString,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{net::UnixStream, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    rc::Rc,
};
use tokio::io::{Interest, unix::AsyncFd};

/// Program of the launcher.
pub const LAUNCHER: &str = "cosmos-launch";
/// Has it say in which steps it starts a VM.
const FOLLOW: &str = "--follow";
/// Has it make ready what it can while it waits for its order.
const AHEAD: &str = "--ahead";
/// Variables of cosmosd's own environment that a VM gets; `LC_*` besides. Never the client's:
/// a VM may be shared, and never those that make the loader load something.
const ENVIRONMENT: [&str; 6] = ["PATH", "HOME", "LANG", "TZ", "USER", "LOGNAME"];

/// What to launch.
#[derive(Clone, Debug)]
pub struct Order {
    /// The VM's name, for messages.
    pub name: String,
    /// The launcher.
    pub launcher: PathBuf,
    /// What the launcher is to start.
    pub start: Start,
    /// What the VM is told before it serves anybody, and before it waits for whoever that will be.
    pub confine: Option<Confine>,
    /// Bytes it may write to its standard output and error.
    pub output_bytes: Option<u64>,
    /// Whether it is to wait until it is given to somebody, and is told then how to confine itself where it was
    /// not before.
    pub is_held: bool,
    /// Whether the launcher is to say in which steps it starts it.
    pub is_followed: bool,
}

/// Files that matter for a VM's start.
#[derive(Clone, Debug, Default)]
pub struct Readable {
    /// What its target needs.
    pub target: Vec<PathBuf>,
    /// Which files those are, in that order, as far as that was looked up just now.
    pub identities: Vec<Option<(u64, u64)>>,
    /// What its own program needs; looked up only for a VM that sees nothing else.
    pub program: Vec<PathBuf>,
}

/// A launched VM: its launcher and both sockets.
#[derive(Debug)]
pub struct Launched {
    /// The launcher's process.
    pub process: Process,
    /// The connection to the launcher.
    pub launcher: Connection,
    /// cosmosd's end of the VM's control socket, before its handshake.
    pub control: UnixStream,
    /// What the launcher said of it.
    pub started: Started,
    /// In which steps it started it, where that was asked.
    pub steps: Vec<Span>,
    /// What the launcher keeps of it, with a copy of that end.
    pub kept: Option<Remember>,
}

/// The launcher's process. Dropping it before it is reaped kills it, and the VM with it, and leaves
/// it to be collected: see [`Process::reap`] for the orderly way.
#[derive(Debug)]
pub struct Process {
    /// `None`: another cosmosd's child.
    child: Option<Child>,
    pidfd: AsyncFd<OwnedFd>,
    is_reaped: bool,
}

impl Order {
    /// To start a VM of this kind. A private one ends with its client's main connection.
    pub fn new(
        name: &str,
        (libexec, registry): (&Path, &Path),
        profile: &Profile,
        confinement: &Confinement,
        readable: &Readable,
        is_private: bool,
        traced: bool,
    ) -> Order {
        let mut arguments = profile.arguments.clone();
        arguments.extend(["--control".to_owned(), "3".to_owned()]);
        arguments.extend(is_private.then(|| "--private".to_owned()));
        arguments.extend((profile.programs && !traced).then(|| "--untraced".to_owned()));
        if let Some(most) = confinement.call_depth {
            arguments.extend(["--call-depth".to_owned(), most.to_string()]);
        }
        let confine = confine(confinement, readable);
        if confine.is_some() {
            arguments.extend(["--confine".to_owned(), CONFINING.to_string()]);
        }
        let view = (confinement.level >= Level::Namespaces).then(|| view(confinement, readable));
        Order {
            name: name.to_owned(),
            launcher: libexec.join(LAUNCHER),
            start: Start {
                program: profile.executable.to_string_lossy().into_owned(),
                arguments,
                environment: environment(std::env::vars_os()),
                limits: confinement.limits.clone(),
                bounds: confinement.bounds.clone(),
                walls: confinement.walls,
                view,
                traced,
                registry: registry.to_string_lossy().into_owned(),
                output_bytes: confinement.output_bytes,
            },
            confine,
            output_bytes: confinement.output_bytes,
            is_held: false,
            is_followed: false,
        }
    }
}

impl Order {
    /// The same, with what programs must be to be run in it.
    pub fn pinned(mut self, pins: &Pins) -> Order {
        let pins = pins.iter();
        let words =
            pins.flat_map(|(path, digest)| ["--pin".to_owned(), format!("{digest}={path}")]);
        self.start.arguments.extend(words);
        self
    }
}

/// What a VM is told before it serves anybody; `None` where it gives nothing up.
pub fn confine(confinement: &Confinement, readable: &Readable) -> Option<Confine> {
    confinement.has_walls().then(|| Confine {
        target: texts(&readable.target),
        grants: confinement.grants.clone(),
        // As far as something counts them: see what was started.
        memory_files: true,
        processes: confinement.makes_processes(),
    })
}

fn view(confinement: &Confinement, readable: &Readable) -> View {
    let grants = &confinement.grants;
    let network: &[&str] = if grants.network { NETWORK_READ } else { &[] };
    let owned = |paths: &[&str]| paths.iter().map(ToString::to_string).collect::<Vec<_>>();
    View {
        read: [
            texts(&readable.program),
            texts(&readable.target),
            owned(ALWAYS_READ),
            owned(network),
            grants.read.clone(),
        ]
        .concat(),
        write: [owned(ALWAYS_WRITE), grants.write.clone()].concat(),
        network: grants.network,
        processes: confinement.walls == Walls::Programs,
    }
}

/// Paths as messages have them; one that is no text cannot be granted.
fn texts(paths: &[PathBuf]) -> Vec<String> {
    let texts = paths.iter().filter_map(|path| path.to_str());
    texts.map(str::to_owned).collect()
}

/// What this machine offers, as a launcher finds it; nothing where none can look. Waits for it.
pub fn offers(launcher: &Path) -> Offers {
    let told = Command::new(launcher)
        .arg("--offers")
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    Offers::from_text(&told.map_or_else(
        |_| String::new(),
        |told| String::from_utf8_lossy(&told.stdout).into_owned(),
    ))
}

/// A launcher that was not told anything yet.
#[derive(Debug)]
pub struct Spawned {
    process: Process,
    stream: UnixStream,
    /// Where it can be read what it writes, and the VM.
    output: OwnedFd,
    /// Whether it was there before its VM was asked for.
    pub has_waited: bool,
}

impl Spawned {
    /// Spawns it. `is_followed`: it says in which steps it starts the VM.
    ///
    /// # Errors
    ///
    /// `LaunchFailed`, naming the launcher.
    pub fn new(launcher: &Path, is_followed: bool) -> Result<Spawned, Fault> {
        Spawned::with(launcher, is_followed.then_some(FOLLOW))
    }

    /// Spawns one that waits for its order. Whoever it will be for may ask for its steps.
    ///
    /// # Errors
    ///
    /// As [`Spawned::new`].
    pub fn ahead(launcher: &Path) -> Result<Spawned, Fault> {
        let spawned = Spawned::with(launcher, [FOLLOW, AHEAD])?;
        Ok(Spawned {
            has_waited: true,
            ..spawned
        })
    }

    fn with(
        launcher: &Path,
        words: impl IntoIterator<Item = &'static str>,
    ) -> Result<Spawned, Fault> {
        let failed = |what: &str, error: io::Error| {
            Fault::host(
                FaultCode::LaunchFailed,
                format!("cannot start a VM: {what}: {error}"),
            )
        };
        let (stream, theirs) = UnixStream::pair().map_err(|error| failed("socketpair", error))?;
        let (reader, writer) = io::pipe().map_err(|error| failed("pipe", error))?;
        let copy = writer.try_clone().map_err(|error| failed("dup", error))?;
        // No pre_exec: the standard library then uses posix_spawn, whose cost does not grow with this
        // process. A process group of its own keeps a terminal's signals away.
        let child = Command::new(launcher)
            .args(words)
            .env_clear()
            .process_group(0)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(writer))
            .stderr(Stdio::from(copy))
            .spawn()
            .map_err(|error| failed(&launcher.display().to_string(), error))?;
        let process = Process::adopt(child).map_err(|error| failed("pidfd", error))?;
        Ok(Spawned {
            process,
            stream,
            output: OwnedFd::from(reader),
            has_waited: false,
        })
    }

    /// Whether it has not ended.
    pub fn lives(&self) -> bool {
        !self.process.has_ended()
    }

    /// What becomes readable when it ends.
    ///
    /// # Errors
    ///
    /// No descriptor.
    pub fn end(&self) -> io::Result<AsyncFd<OwnedFd>> {
        watch(self.process.pidfd.get_ref().try_clone()?)
    }

    /// What it and the VM write goes to the tail of this log.
    ///
    /// # Errors
    ///
    /// `LaunchFailed`: no descriptor.
    pub fn output_to(&self, log: &Rc<Log>) -> Result<Tail, Fault> {
        let tail = self.output.try_clone();
        let tail = tail.and_then(|output| Tail::of(output, log));
        tail.map_err(|error| {
            Fault::host(
                FaultCode::LaunchFailed,
                format!("cannot start a VM: the pipe: {error}"),
            )
        })
    }
}

/// Has the launcher start the VM, and keep this of it from then on.
///
/// # Errors
///
/// What the launcher says; that it ended instead.
pub async fn start(
    order: &Order,
    kept: Option<Remember>,
    spawned: Spawned,
) -> Result<Launched, (Process, Fault)> {
    let Spawned {
        process,
        stream,
        output,
        ..
    } = spawned;
    match converse(order, kept.as_ref(), stream, output).await {
        Ok((mut launcher, control, started)) => Ok(Launched {
            steps: steps(&mut launcher),
            process,
            launcher,
            control,
            started,
            kept,
        }),
        Err(fault) => Err((process, fault)),
    }
}

fn steps(launcher: &mut Connection) -> Vec<Span> {
    let kept = std::iter::from_fn(|| launcher.kept());
    let steps = kept.filter_map(|frame| frame.message::<Steps>().ok());
    steps.flat_map(|steps| steps.spans).collect()
}

async fn converse(
    order: &Order,
    kept: Option<&Remember>,
    stream: UnixStream,
    output: OwnedFd,
) -> Result<(Connection, UnixStream, Started), Fault> {
    let system = |error: io::Error| Fault::host(FaultCode::System, format!("socket: {error}"));
    // The launcher, which is only just being executed, finds all of it when it comes to read.
    let mut opening = Connection::open(tokio_stream(stream).map_err(system)?, Role::Coordinator)?;
    let (ours, theirs) = UnixStream::pair().map_err(system)?;
    let asked = opening.request(&order.start, vec![OwnedFd::from(theirs), output])?;
    if let Some(kept) = kept {
        let ours = ours.try_clone().map_err(system)?;
        opening.notify(kept, vec![OwnedFd::from(ours)])?;
    }
    let mut launcher = opening.heard().await?;
    let (started, _) = launcher.answer::<Start>(asked).await?;
    Ok((launcher, ours, started))
}

/// A stream of the standard library on the runtime.
pub(crate) fn tokio_stream(stream: UnixStream) -> io::Result<tokio::net::UnixStream> {
    stream.set_nonblocking(true)?;
    tokio::net::UnixStream::from_std(stream)
}

impl Process {
    /// Holds a child by its pidfd. It was not waited for yet, so its pid still names it.
    fn adopt(mut child: Child) -> io::Result<Process> {
        let pidfd = i32::try_from(child.id())
            .ok()
            .and_then(Pid::from_raw)
            .ok_or_else(|| io::Error::other("no pid"))
            .and_then(|pid| Ok(pidfd_open(pid, PidfdFlags::NONBLOCK)?))
            .and_then(watch);
        match pidfd {
            Ok(pidfd) => Ok(Process {
                child: Some(child),
                pidfd,
                is_reaped: false,
            }),
            Err(error) => {
                // Out of descriptors: without a pidfd it cannot be supervised.
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// Holds a launcher that another cosmosd started, by its pidfd where the kernel gave one.
    pub fn found(pidfd: Option<OwnedFd>, pid: i32) -> io::Result<Process> {
        let opened = || -> io::Result<OwnedFd> {
            let pid = Pid::from_raw(pid).ok_or_else(|| io::Error::other("no pid"))?;
            Ok(pidfd_open(pid, PidfdFlags::empty())?)
        };
        let pidfd = match pidfd {
            Some(pidfd) => pidfd,
            None => opened()?,
        };
        Ok(Process {
            child: None,
            pidfd: watch(pidfd)?,
            is_reaped: false,
        })
    }

    /// Waits for its end and collects it. Cancel-safe.
    pub async fn reap(&mut self) {
        while !self.is_reaped {
            match self.pidfd.readable().await {
                Ok(mut ready) => {
                    // Readable means ended; anything else was a spurious wake.
                    self.is_reaped = match &mut self.child {
                        Some(child) => !matches!(child.try_wait(), Ok(None)),
                        None => true,
                    };
                    ready.clear_ready();
                }
                Err(_) => return,
            }
        }
    }

    /// Whether it has ended, collected or not.
    fn has_ended(&self) -> bool {
        let mut polled = [PollFd::new(self.pidfd.get_ref().as_fd(), PollFlags::POLLIN)];
        // What cannot be asked about is not relied on.
        poll(&mut polled, PollTimeout::ZERO) != Ok(0)
    }

    /// Kills the launcher, and thereby its VM, whose parent-death signal is SIGKILL.
    pub fn kill(&self) {
        // One that has ended already is what was wanted.
        let _ = pidfd_send_signal(self.pidfd.get_ref(), Signal::KILL);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.is_reaped {
            self.kill();
            // It ends at once: SIGKILL is not handled.
            if let Some(child) = &mut self.child {
                let _ = child.wait();
            }
        }
    }
}

fn watch(pidfd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the AsyncFd owns the descriptor, hands out only shared references to it, and an
    // OwnedFd keeps its number open until it is dropped.
    unsafe { Ok(AsyncFd::register_with_interest(pidfd, Interest::READABLE)?) }
}

fn environment(variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<(String, String)> {
    variables
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| ENVIRONMENT.contains(&name.as_str()) || name.starts_with("LC_"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_an_allow_list() {
        let given = [
            "PATH",
            "LD_PRELOAD",
            "LC_ALL",
            "COSMOS_X",
            "OPENSSL_CONF",
            "HOME",
        ];
        let given = given.map(|name| (OsString::from(name), OsString::from("x")));
        let kept = environment(given.into_iter());
        let names: Vec<&str> = kept.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["PATH", "LC_ALL", "HOME"]);
    }
}
