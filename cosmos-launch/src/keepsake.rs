//! When cosmosd is gone: what the next one needs to have its VM again, and looking for that.
//!
//! cosmosd gives its launcher what it knows of the VM, its end of the VM's control socket and the pipe
//! that the VM writes to. While cosmosd lives nothing of it is touched. When it is gone without having
//! ended its VMs, the launcher reads the pipe, so that the VM never waits for a reader, and looks for
//! another cosmosd at the registry, to which it gives all of it:
//!
//! ```text
//!            cosmosd gone                Return answered
//!  kept ────────────────────▶ looking ────────────────────▶ kept
//!   ▲ Remember                   │
//!   │                            │ refused
//!   └ nothing yet                ▼
//!                            forgotten: the control socket ends, and with its clients the VM
//! ```
//!
//! A VM that is nobody's yet has no clients to end with: nobody is looked for any more once that took
//! [`UNUSED`]. A VM of which nothing was kept, or that nobody is to have, is alone until it ends; what it writes is
//! read here then, too.

use cosmos_rpc::blocking::Connection;
use cosmos_rpc::handshake::Role;
use cosmos_rpc::message::launch::{Remember, Return, Started};
use cosmos_rpc::rendezvous::{COORDINATOR, REGISTRY_SOCKET, SocketDirectory, reach};
use cosmos_rpc::{Blame, Fault, FaultCode, Frame};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::geteuid;
use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// First and longest pause between attempts to find another cosmosd.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How long an answer on the way may take; the VM's own affairs wait for it.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a cosmosd that was given the VM may take to say so. Who gave up on it would lose the VM: it may
/// have been taken all the same, and is refused as somebody else's when it comes again.
const TAKING: Duration = Duration::from_secs(20);
/// How long another cosmosd is looked for that could give the VM to somebody.
const UNUSED: Duration = Duration::from_secs(10);
/// Bytes of what the VM wrote that the next cosmosd is told.
const REMEMBERED: usize = 8 << 10;
/// Most bytes that are read at once, before something else has its turn.
const AT_ONCE: usize = 64 << 10;

/// What is kept for the next cosmosd.
#[derive(Debug)]
pub struct Keepsake {
    /// Where the registry listens.
    directory: PathBuf,
    started: Started,
    /// What cosmosd knew; empty: nobody is to have the VM.
    record: Vec<u8>,
    control: Option<OwnedFd>,
    /// Whether the VM is nobody's yet.
    is_waiting: bool,
    /// When it is given up then.
    until: Option<Instant>,
    output: File,
    /// Whether nobody else reads it.
    is_read_here: bool,
    /// The last of what came while nobody else read it.
    unread: VecDeque<u8>,
    /// How much came in all, as far as it was told or seen here.
    count: u64,
    /// When to look next; `None`: cosmosd is there, or nobody is looked for.
    next: Option<Instant>,
    pause: Duration,
}

impl Keepsake {
    /// Nothing but the pipe.
    ///
    /// # Errors
    /// The pipe cannot be read without waiting.
    pub fn new(directory: PathBuf, started: Started, output: OwnedFd) -> nix::Result<Keepsake> {
        fcntl(&output, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Keepsake {
            directory,
            started,
            record: Vec::new(),
            control: None,
            is_waiting: false,
            until: None,
            output: File::from(output),
            is_read_here: false,
            unread: VecDeque::new(),
            count: 0,
            next: None,
            pause: PAUSES.0,
        })
    }

    /// Takes what cosmosd knows of the VM now.
    pub fn remember(&mut self, mut frame: Frame) {
        let remember = frame.message();
        if let Ok(Remember {
            record,
            is_waiting,
            written,
        }) = remember
        {
            self.record = record;
            self.is_waiting = is_waiting;
            self.count = self.count.max(written);
            let known = self.control.take().filter(|_| !self.record.is_empty());
            self.control = frame.descriptors.pop().or(known);
        }
    }

    /// cosmosd is gone.
    pub fn is_orphaned(&mut self) {
        self.is_read_here = true;
        if !self.record.is_empty() && self.control.is_some() {
            self.pause = PAUSES.0;
            self.next = Instant::now().checked_add(self.pause);
            let until = Instant::now().checked_add(UNUSED);
            self.until = until.filter(|_| self.is_waiting);
        }
    }

    /// Nobody is to have the VM.
    fn give_up(&mut self) {
        self.record.clear();
        self.control = None;
        self.next = None;
    }

    /// The pipe, where this process is to read it.
    pub fn output(&self) -> Option<BorrowedFd<'_>> {
        self.is_read_here.then(|| self.output.as_fd())
    }

    /// When to look for another cosmosd.
    pub fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Reads the pipe; whether more came than the VM may write.
    pub fn read(&mut self, most: Option<u64>) -> bool {
        let mut chunk = [0; 4096];
        let mut left = AT_ONCE / chunk.len();
        while left > 0 {
            left -= 1;
            match self.output.read(&mut chunk) {
                Ok(count) if count > 0 => {
                    self.count += count as u64;
                    self.unread.extend(chunk.iter().take(count));
                    let surplus = self.unread.len().saturating_sub(REMEMBERED);
                    self.unread.drain(..surplus);
                }
                _ => break,
            }
        }
        most.is_some_and(|most| self.count > most)
    }

    /// Looks for another cosmosd, and gives it the VM.
    pub fn look(&mut self) -> Option<Connection> {
        match self.give() {
            Ok(coordinator) => {
                self.next = None;
                self.is_read_here = false;
                self.unread.clear();
                Some(coordinator)
            }
            // It knows the VM's client, and does not want it.
            Err(fault) if fault.blame == Blame::Caller => {
                self.give_up();
                None
            }
            Err(_) if self.until.is_some_and(|until| until <= Instant::now()) => {
                self.give_up();
                None
            }
            Err(_) => {
                self.pause = (self.pause * 2).min(PAUSES.1);
                self.next = Instant::now().checked_add(self.pause);
                None
            }
        }
    }

    fn give(&self) -> Result<Connection, Fault> {
        let failed = |error: Errno| Fault::host(FaultCode::System, error.desc());
        let control = self.control.as_ref().ok_or_else(nobody)?;
        let directory = SocketDirectory::open(&self.directory).map_err(of_the_host)?;
        let stream = directory.connect(REGISTRY_SOCKET).map_err(failed)?;
        // In a pid space of its own this process cannot see whose pid it is, but whose uid.
        let peer = getsockopt(&stream, PeerCredentials).map_err(failed)?;
        if peer.uid() != geteuid().as_raw() && peer.uid() != 0 {
            return Err(nobody());
        }
        let mut registry = Connection::connect_within(stream, Role::Client, Some(PATIENCE))?
            .expect(Role::Registry)?;
        registry.set_timeout(Some(PATIENCE));
        let stream = reach(&mut registry, COORDINATOR).map_err(of_the_host)?;
        let mut coordinator = Connection::connect_within(stream, Role::Launcher, Some(PATIENCE))
            .and_then(|connection| connection.expect(Role::Coordinator))
            .map_err(of_the_host)?;
        coordinator.set_timeout(Some(TAKING));
        let request = Return {
            record: self.record.clone(),
            started: self.started,
            output: self.unread.iter().copied().collect(),
            written: self.count,
        };
        coordinator.call(&request, &[control.as_fd(), self.output.as_fd()])?;
        coordinator.set_timeout(None);
        Ok(coordinator)
    }
}

/// Nobody is there, or not yet.
fn nobody() -> Fault {
    Fault::host(FaultCode::Disconnected, "no cosmosd is there")
}

/// What the registry or a cosmosd that ends says is no word about the VM.
fn of_the_host(fault: Fault) -> Fault {
    Fault::host(fault.code, fault.message)
}
