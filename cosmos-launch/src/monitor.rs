//! After the start: wait for the VM to end, kill it when asked or when its time is over, answer for
//! the kernel what it is refused, look at it when it crashes, say how it ended.

use crate::child::Child;
use crate::keepsake::Keepsake;
use crate::plan::Plan;
use cosmos_autopsy::{Examiner, Subject, trace};
use cosmos_confine::listener::Listener;
use cosmos_confine::totals::Totals;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::descriptor::{self, Wait};
use cosmos_rpc::message::Message;
use cosmos_rpc::message::confine::{Denial, Denials};
use cosmos_rpc::message::coordinator::Ending;
use cosmos_rpc::message::crash::Remains;
use cosmos_rpc::message::launch::{self, Kill, Remember, Walls};
use cosmos_rpc::{Fault, FaultCode, Frame};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// A VM that runs, and what is watched of it.
pub struct Monitor<'p> {
    plan: &'p Plan,
    child: Child,
    totals: Totals,
    /// `None` once cosmosd is gone: the VM is not.
    coordinator: Option<Connection>,
    /// For the next cosmosd.
    keepsake: Keepsake,
    /// Where listeners come from: the VM's, until it came, or those of its programs.
    confining: Option<UnixStream>,
    listeners: Vec<Listener>,
    denials: BTreeMap<String, u64>,
    deadline: Option<Instant>,
    requested: bool,
    overdue: bool,
    /// Whether it was killed for what it wrote.
    is_overflowing: bool,
    /// Told when something happened to the VM or one of its threads.
    children: SignalFd,
    /// Looks at it when a signal is about to kill it.
    examiner: Examiner,
    ended: Option<Ended>,
}

/// How the VM ended, by the kernel's word.
#[derive(Clone, Copy)]
struct Ended {
    code: i32,
    status: i32,
    /// Processor time in microseconds.
    used: u64,
}

/// What a poll found.
#[derive(Default)]
struct Happened {
    written: bool,
    told: bool,
    listening: bool,
    /// The listeners that have something to tell, by their places.
    refused: Vec<usize>,
}

impl<'p> Monitor<'p> {
    /// Watches a VM that was just started.
    ///
    /// # Errors
    /// A failed system call; the VM dies with the launcher then.
    pub fn new(
        plan: &'p Plan,
        child: Child,
        totals: Totals,
        coordinator: Connection,
        confining: Option<UnixStream>,
        keepsake: Keepsake,
    ) -> Result<Monitor<'p>, Fault> {
        let children = children()?;
        let examiner = match plan.traced {
            false => Examiner::idle("crashes are not looked into here (crash_reports = 0)"),
            true if is_traced_late(plan) => {
                Examiner::idle("it crashed before it was to be looked at")
            }
            true => Examiner::of(child.inner_pid(), false),
        };
        let wall = Some(plan.bounds.wall_seconds).filter(|seconds| *seconds > 0);
        let wall = wall.map(Duration::from_secs);
        Ok(Monitor {
            plan,
            child,
            totals,
            coordinator: Some(coordinator),
            keepsake,
            confining,
            listeners: Vec::new(),
            denials: BTreeMap::new(),
            deadline: wall.and_then(|wall| Instant::now().checked_add(wall)),
            requested: false,
            overdue: false,
            is_overflowing: false,
            children,
            examiner,
            ended: None,
        })
    }

    /// Stays until the VM has ended.
    ///
    /// # Errors
    /// A failed system call; the VM dies with the launcher then.
    pub fn watch(mut self) -> Result<(), Fault> {
        let ended = loop {
            self.attend();
            if let Some(ended) = self.ended {
                break ended;
            }
            let happened = self.wait()?;
            // From behind: one that hung up is taken out.
            for place in happened.refused.into_iter().rev() {
                self.refuse(place)?;
            }
            if happened.listening {
                self.listen();
            }
            if happened.told {
                self.obey()?;
            }
            self.care(happened.written)?;
            if self.deadline.is_some_and(|at| at <= Instant::now()) {
                self.deadline = None;
                self.overdue = true;
                self.child.kill()?;
            }
        };
        let ending = self.ending(ended);
        self.totals.remove();
        let ended = launch::Ended {
            remains: self.remains_of(&ending),
            denials: self.denials(),
            ending,
        };
        if let Some(connection) = &mut self.coordinator {
            // A cosmosd that vanished in this moment needs no notice.
            let _ = connection.notify(&ended, &[]);
        }
        Ok(())
    }

    /// Takes what the kernel has to tell of the VM and its threads.
    fn attend(&mut self) {
        // What it says is no news: it was asked for to end a wait.
        while let Ok(Some(_)) = self.children.read_signal() {}
        let vm = Pid::from_raw(self.child.inner_pid());
        while let Ok(Some(told)) = trace::next() {
            match told {
                trace::Told::Ended {
                    pid,
                    code,
                    status,
                    usage,
                } if pid == vm => {
                    let used = usage.user + usage.system;
                    self.ended = Some(Ended { code, status, used });
                }
                // A thread of it, or in a pid space of its own what nobody else collects.
                trace::Told::Ended { .. } | trace::Told::Continued(_) => {}
                trace::Told::Signal { thread, signal } => {
                    let child = &self.child;
                    let subject = || Subject {
                        pid: child.pid(),
                        inner: child.inner_pid(),
                        is_vm: true,
                    };
                    self.examiner.examine(subject, thread, signal);
                    trace::go_on(thread, signal);
                }
                trace::Told::Halted { thread, .. } => trace::leave_halted(thread),
                // A process that it made in a way that threads are made is no affair of this one.
                trace::Told::Became(thread) => trace::go_on(thread, 0),
                trace::Told::Passing(thread) if !trace::is_thread_of(thread, vm) => {
                    trace::let_go(thread);
                }
                trace::Told::Passing(thread) => trace::go_on(thread, 0),
            }
        }
    }

    /// What is left of a VM that crashed.
    fn remains_of(&mut self, ending: &Ending) -> Option<Remains> {
        let Ending::Killed { signal, .. } = *ending else {
            return None;
        };
        self.examiner.remains(signal)
    }

    fn wait(&self) -> Result<Happened, Fault> {
        let places: [Option<BorrowedFd<'_>>; 4] = [
            Some(self.children.as_fd()),
            self.coordinator.as_ref().map(AsFd::as_fd),
            self.confining.as_ref().map(AsFd::as_fd),
            self.keepsake.output(),
        ];
        let listeners = self.listeners.iter().map(AsFd::as_fd);
        let mut watched: Vec<PollFd<'_>> = places
            .into_iter()
            .flatten()
            .chain(listeners)
            .map(|place| PollFd::new(place, PollFlags::POLLIN))
            .collect();
        match poll(&mut watched, self.patience()) {
            Err(Errno::EINTR) => return Ok(Happened::default()),
            Err(error) => return Err(system("poll", error)),
            Ok(_) => {}
        }
        let mut entries = watched.iter().map(|entry| entry.any() != Some(false));
        let mut found = places.iter().map(|place| match place {
            Some(_) => entries.next().unwrap_or(false),
            None => false,
        });
        let mut next = || found.next().unwrap_or(false);
        // Whether anything happened to the VM is asked for in any case.
        next();
        Ok(Happened {
            told: next(),
            listening: next(),
            written: next(),
            refused: {
                let of_listeners = entries.enumerate().filter(|(_, happened)| *happened);
                of_listeners.map(|(place, _)| place).collect()
            },
        })
    }

    fn patience(&self) -> PollTimeout {
        let until = [self.deadline, self.keepsake.next()];
        match until.into_iter().flatten().min() {
            None => PollTimeout::NONE,
            // Rounded up, so that it is over when this is.
            Some(at) => PollTimeout::try_from(
                at.saturating_duration_since(Instant::now()) + Duration::from_millis(1),
            )
            .unwrap_or(PollTimeout::MAX),
        }
    }

    /// Answers what the kernel refused for the VM. It is counted before the VM goes on, so that
    /// whoever saw the call fail and asks is told.
    fn refuse(&mut self, place: usize) -> Result<(), Fault> {
        let Some(listener) = self.listeners.get(place) else {
            return Ok(());
        };
        match listener.receive() {
            Ok(Some(refused)) => {
                *self.denials.entry(refused.name()).or_default() += 1;
                refused
                    .answer()
                    .map_err(|error| system("answering a refused call", error))
            }
            Ok(None) => {
                // Where nobody is left under the filter it hangs up, and would be found for ever.
                let mut entry = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
                let polled = poll(&mut entry, PollTimeout::ZERO);
                let hung_up = entry[0]
                    .revents()
                    .is_some_and(|found| found.contains(PollFlags::POLLHUP));
                if polled.is_ok() && hung_up {
                    self.listeners.swap_remove(place);
                }
                Ok(())
            }
            Err(error) => Err(system("asking what was refused", error)),
        }
    }

    /// Takes the listener of the VM, or of a program that is about to be one: a byte, and the descriptor.
    /// A VM sends it with no code but its own loaded, and one is all that is taken from it.
    fn listen(&mut self) {
        let Some(stream) = &self.confining else {
            return;
        };
        let descriptors = match descriptor::receive(stream.as_fd(), &mut [0], Wait::No) {
            Ok(received) if received.bytes > 0 => received.descriptors,
            Err(Errno::EAGAIN | Errno::EINTR) => return,
            // The VM is gone, or its socket.
            Ok(_) | Err(_) => Vec::new(),
        };
        match <[_; 1]>::try_from(descriptors) {
            Ok([listener]) => {
                self.listeners.push(Listener::new(listener));
                if self.plan.walls == Walls::Vm {
                    self.end_listening();
                }
            }
            // What came instead is closed, and nothing is taken any more.
            Err(_) => self.end_listening(),
        }
    }

    /// Takes nothing any more from who sent the listeners. A VM that waits for this, before it loads anybody
    /// else's code, is looked at from here on.
    fn end_listening(&mut self) {
        if self.plan.traced && is_traced_late(self.plan) {
            self.examiner = Examiner::of_all(self.child.inner_pid());
        }
        self.confining = None;
    }

    /// Does all that cosmosd asks by now: what came with a message has left the socket with it.
    fn obey(&mut self) -> Result<(), Fault> {
        while let Some(frame) = self.heard() {
            match frame.kind {
                Kill::KIND => {
                    self.requested = true;
                    self.child.kill()?;
                }
                Remember::KIND => self.keepsake.remember(frame),
                Denials::KIND => self.tell(&frame),
                _ => self.be_orphaned(),
            }
        }
        Ok(())
    }

    /// The next message that cosmosd has sent, without waiting for one.
    fn heard(&mut self) -> Option<Frame> {
        let connection = self.coordinator.as_mut()?;
        connection.set_timeout(Some(Duration::ZERO));
        let received = connection.receive();
        connection.set_timeout(None);
        match received {
            Ok(Some(frame)) => return Some(frame),
            Err(fault) if fault.code == FaultCode::TimedOut => {}
            Ok(None) | Err(_) => self.be_orphaned(),
        }
        None
    }

    /// cosmosd's end, or nonsense: it is gone for this launcher, the VM is not.
    fn be_orphaned(&mut self) {
        self.coordinator = None;
        self.keepsake.is_orphaned();
    }

    /// Does what cosmosd would, while there is none, and looks for one.
    fn care(&mut self, written: bool) -> Result<(), Fault> {
        let most = self.plan.output_bytes;
        if written && self.keepsake.read(most) && !self.is_overflowing {
            self.is_overflowing = true;
            self.child.kill()?;
        }
        if self.keepsake.next().is_some_and(|at| at <= Instant::now()) {
            self.coordinator = self.keepsake.look();
        }
        Ok(())
    }

    fn tell(&mut self, asked: &Frame) {
        let denials = self.denials();
        if let Some(connection) = &mut self.coordinator {
            // A cosmosd that vanished is found out by the next poll.
            let _ = connection.reply::<Denials>(asked.id, &denials, &[]);
        }
    }

    fn denials(&self) -> Vec<Denial> {
        self.denials
            .iter()
            .map(|(call, times)| Denial {
                call: call.clone(),
                times: *times,
            })
            .collect()
    }

    fn ending(&self, ended: Ended) -> Ending {
        match ended.code {
            libc::CLD_EXITED => Ending::Exited(ended.status),
            _ => self.killed(ended.status, ended.used / 1_000_000),
        }
    }

    /// What a signal that ended it means, after so many seconds of processor time.
    fn killed(&self, signal: i32, used: u64) -> Ending {
        let over = |limit: &str, most: u64| Ending::OverLimit {
            limit: limit.to_owned(),
            most,
        };
        let bounds = &self.plan.bounds;
        let is_kill = signal == libc::SIGKILL;
        match self.limit(libc::RLIMIT_CPU) {
            Some(most) if signal == libc::SIGXCPU || is_kill && used >= most && !self.requested => {
                return over("limits.cpu_seconds", most);
            }
            _ => {}
        }
        if let (libc::SIGXFSZ, Some(most)) = (signal, self.limit(libc::RLIMIT_FSIZE)) {
            return over("limits.file_bytes", most);
        }
        if let (true, true, Some(most)) = (is_kill, self.is_overflowing, self.plan.output_bytes) {
            return over("limits.output_bytes", most);
        }
        if is_kill && self.overdue {
            return over("limits.wall_seconds", bounds.wall_seconds);
        }
        if is_kill && self.totals.ran_out_of_memory() {
            return over("limits.memory_bytes", bounds.memory_bytes);
        }
        Ending::Killed {
            signal,
            requested: self.requested && is_kill,
        }
    }

    fn limit(&self, resource: u32) -> Option<u64> {
        let limits = &self.plan.limits;
        let (_, most) = limits.iter().find(|(known, _)| *known == resource)?;
        Some(*most)
    }
}

/// Whether a VM is traced when it has given everything up, and not before: each thread that one who is traced
/// makes stops, and waits for this process, and a VM makes its first ones while its client waits. In a pid
/// space of its own /proc has other numbers for them.
fn is_traced_late(plan: &Plan) -> bool {
    plan.walls == Walls::Vm && plan.view.is_none()
}

/// A descriptor that is readable when something happened to a child.
fn children() -> Result<SignalFd, Fault> {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    mask.thread_block()
        .and_then(|()| SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC))
        .map_err(|error| system("signalfd", error))
}

fn system(call: &str, error: Errno) -> Fault {
    Fault::host(
        FaultCode::System,
        format!("{call} failed: {}", error.desc()),
    )
}
