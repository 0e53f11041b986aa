//! The keeper's life: orders from the VM, one after the other.

use super::child;
use super::walls::Walls;
use super::watch::{Change, Watch};
use super::{Order, Outcome, tree};
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::vm::ProgramEnd;
use cosmos_rpc::steering::{Records, Steer};
use cosmos_rpc::{Fault, FaultCode, Frame, Role};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{MsgFlags, recv, send};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The whole `main` of a keeper: its standard input is a socket of the VM's.
pub fn keep() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("a keeper ended: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), Fault> {
    let children = settle().map_err(|error| system("becoming a keeper", error))?;
    let socket = io::stdin().as_fd().try_clone_to_owned();
    let socket = socket.map_err(|error| Fault::host(FaultCode::System, error.to_string()))?;
    let mut vm = Connection::accept(UnixStream::from(socket), Role::Launcher)?.expect(Role::Vm)?;
    let mut walls = None;
    while let Some(frame) = vm.receive()? {
        let id = frame.id;
        let (outcome, is_whole) = match Running::start(frame, &children, &mut walls)? {
            Ok(running) => running.finish(&vm, &children)?,
            Err(outcome) => (outcome, true),
        };
        vm.reply::<Order>(id, &outcome, &[])?;
        if !is_whole {
            let message = "the kernel does not end a process that was killed";
            return Err(Fault::host(FaultCode::System, message));
        }
    }
    Ok(())
}

/// Orphans below come here, and the ends of children are read from a descriptor. Nobody of this uid
/// looks into a keeper, but in the moment when a program is started that has its memory.
fn settle() -> nix::Result<SignalFd> {
    nix::sys::prctl::set_name(c"cosmos-keeper")?;
    nix::sys::prctl::set_child_subreaper(true)?;
    nix::sys::prctl::set_dumpable(false)?;
    let mut ends = SigSet::empty();
    ends.add(Signal::SIGCHLD);
    ends.thread_block()?;
    SignalFd::with_flags(&ends, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

/// A program that runs.
struct Running {
    program: i32,
    watch: Watch,
    steering: Option<OwnedFd>,
    records: Records,
    deadline: Option<Instant>,
    end: Option<ProgramEnd>,
    timed_out: bool,
}

impl Running {
    /// Starts the program of an order, or says why not. `walls` are those of the program before, most
    /// often the same.
    fn start(
        mut frame: Frame,
        children: &SignalFd,
        walls: &mut Option<Walls>,
    ) -> Result<Result<Running, Outcome>, Fault> {
        let order: Order = frame.message()?;
        let mut streams = std::mem::take(&mut frame.descriptors);
        let script = match order.script {
            true => streams.pop(),
            false => None,
        };
        let launcher = match &order.walls {
            Some(_) => streams.pop(),
            None => None,
        };
        let steering = match order.steered {
            true => streams.pop(),
            false => None,
        };
        // What ended before belongs to nobody who waits.
        while let Ok(Some(_)) = children.read_signal() {}
        let known = walls.take();
        let program = match &order.walls {
            None => Ok(None),
            Some(wanted) => Walls::of(wanted, known).map(Some),
        };
        let program = program
            .map_err(|error| Outcome::NotConfined(error.to_string()))
            .and_then(|made| {
                *walls = made;
                let walls = walls.as_ref().zip(launcher.as_ref());
                let spawned = child::spawn(&order, &streams, script.as_ref(), walls);
                spawned.map_err(|(step, errno)| {
                    let errno = errno as i32;
                    Outcome::NotStarted { step, errno }
                })
            });
        Ok(program.map(|(program, examiner)| {
            let running = Running {
                program,
                watch: Watch::of(program, examiner),
                steering,
                records: Records::default(),
                deadline: order.timeout.map(|timeout| Instant::now() + timeout),
                end: None,
                timed_out: false,
            };
            running.tell(Steer::Started);
            running
        }))
    }

    /// Waits for the end, or brings it about; whether nothing is left.
    fn finish(mut self, vm: &Connection, children: &SignalFd) -> Result<(Outcome, bool), Fault> {
        while self.end.is_none() {
            if self.wait(vm, children)? {
                break;
            }
        }
        let program = self.program;
        let mut end = self.end.take();
        if end.is_none() {
            // All of its group in one stroke; the rest is looked for.
            child::signal(-program, libc::SIGKILL);
        }
        let is_whole = tree::end(children, &mut self.watch, |pid, change| {
            if let (true, Change::Ended(its)) = (pid == program, change) {
                end = Some(its);
            }
        });
        let mut end = end.unwrap_or_default();
        end.timed_out = self.timed_out;
        Ok((Outcome::Ended(end), is_whole))
    }

    /// Waits for something to happen; whether the program is to be ended.
    fn wait(&mut self, vm: &Connection, children: &SignalFd) -> Result<bool, Fault> {
        let mut watched = vec![
            PollFd::new(children.as_fd(), PollFlags::POLLIN),
            // The VM says nothing while a program runs: whatever comes is its end.
            PollFd::new(vm.as_fd(), PollFlags::POLLIN),
        ];
        let steering = self.steering.as_ref();
        watched.extend(steering.map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN)));
        match poll(&mut watched, self.patience()) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(system("poll", error)),
        }
        let mut happened = watched.iter().map(|entry| entry.any() == Some(true));
        let child = happened.next().unwrap_or(false);
        let vm_is_gone = happened.next().unwrap_or(false);
        let steered = happened.next().unwrap_or(false);
        drop(happened);
        if child {
            while let Ok(Some(_)) = children.read_signal() {}
            self.collect();
        }
        if self.end.is_some() || vm_is_gone {
            return Ok(true);
        }
        if self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
        {
            self.timed_out = true;
            return Ok(true);
        }
        Ok(steered && self.steer().is_err())
    }

    fn patience(&self) -> PollTimeout {
        let Some(deadline) = self.deadline else {
            return PollTimeout::NONE;
        };
        // Rounded up: waking before it is over would only mean to wait again.
        let left = deadline.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
    }

    /// Collects all that ended.
    fn collect(&mut self) {
        while let Ok(Some((pid, change))) = self.watch.next() {
            if pid != self.program {
                continue;
            }
            match change {
                Change::Ended(end) => self.end = Some(end),
                Change::Stopped(signal) => self.tell(Steer::Stopped(signal)),
                Change::Continued => self.tell(Steer::Continued),
            }
        }
    }

    /// Does what the client says. An error: it has let go, or says what nobody does.
    fn steer(&mut self) -> Result<(), Errno> {
        let socket = self.steering.as_ref().ok_or(Errno::EBADF)?;
        let mut bytes = [0; 256];
        let count = match recv(socket.as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT) {
            Ok(0) => return Err(Errno::EPIPE),
            Ok(count) => count,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(()),
            Err(error) => return Err(error),
        };
        let read = bytes.get(..count).unwrap_or_default();
        for record in self.records.take(read).map_err(|_| Errno::EPROTO)? {
            // It was not collected yet: its number is its own, and its group's.
            match record {
                Steer::Signal(signal) => child::signal(self.program, signal),
                Steer::SignalGroup(signal) => child::signal(-self.program, signal),
                _ => return Err(Errno::EPROTO),
            }
        }
        Ok(())
    }

    /// Tells the client, who may not listen.
    fn tell(&self, record: Steer) {
        if let Some(socket) = &self.steering {
            let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
            let _ = send(socket.as_raw_fd(), &record.encode(), flags);
        }
    }
}

fn system(what: &str, error: Errno) -> Fault {
    Fault::host(FaultCode::System, format!("{what}: {}", error.desc()))
}
