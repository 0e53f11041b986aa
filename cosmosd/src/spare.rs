//! A launcher that is there before the VM that it will start.
//!
//! A launcher starts one VM and stays with it, so each VM costs two starts of a program, one after the
//! other. The first of them needs to know nothing: it is made when the VM before has come up, and waits for
//! its first word. It is a process like any other launcher from then on, and has until then only what every
//! launcher has: an empty environment, a process group of its own, its socket, and a pipe for what it says;
//! and behind it the process that most VMs can become, confined already. Both do nothing while they wait, and
//! end with the socket, so with cosmosd.
//!
//! ```text
//! none ── a VM is up, a moment later ──▶ waits ── a VM is to be started ──▶ that VM's launcher
//!   ▲                                      │
//!   └─── it has ended, and is collected ───┘
//! ```

use crate::launch::{Order, Spawned};
use cosmos_rpc::Fault;
use std::{
    cell::{Cell, RefCell},
    os::fd::OwnedFd,
    path::PathBuf,
    rc::Rc,
    time::Duration,
};
use tokio::{io::unix::AsyncFd, sync::Notify};

/// How long after a VM has come up the next launcher is started: its client is busy with it until then.
const PAUSE: Duration = Duration::from_millis(2);

/// The launcher that waits, where one does.
#[derive(Debug)]
pub struct Spare {
    launcher: PathBuf,
    is_wanted: Cell<bool>,
    waiting: RefCell<Option<Spawned>>,
    is_coming: Cell<bool>,
    /// Told when it is taken.
    taken: Rc<Notify>,
}

impl Spare {
    /// Of this program; none is there yet.
    pub fn new(launcher: PathBuf, is_wanted: bool) -> Rc<Spare> {
        Rc::new(Spare {
            launcher,
            is_wanted: Cell::new(is_wanted),
            waiting: RefCell::default(),
            is_coming: Cell::default(),
            taken: Rc::default(),
        })
    }

    /// Whether one is to wait from now on.
    pub fn want(&self, is_wanted: bool) {
        self.is_wanted.set(is_wanted);
        if !is_wanted {
            self.waiting.take();
            self.taken.notify_waiters();
        }
    }

    /// What is to be done for the next one, in words.
    pub fn next(&self) -> &'static str {
        match &*self.waiting.borrow() {
            Some(_) => "take the cosmos-launch that waits",
            None => "spawn cosmos-launch",
        }
    }

    /// A launcher for this order: the one that waits, if it lives, else a new one.
    ///
    /// # Errors
    ///
    /// `LaunchFailed`, naming the launcher.
    pub fn spawn(&self, order: &Order) -> Result<Spawned, Fault> {
        let waiting = self.waiting.take();
        self.taken.notify_waiters();
        match waiting.filter(|waiting| order.launcher == self.launcher && waiting.lives()) {
            Some(waiting) => Ok(waiting),
            None => Spawned::new(&order.launcher, order.is_followed),
        }
    }

    /// Sees to it that one waits, in a moment.
    pub fn refill(self: &Rc<Spare>) {
        if !self.is_wanted.get() || self.is_coming.replace(true) {
            return;
        }
        let (spare, taken) = (Rc::downgrade(self), self.taken.clone());
        tokio::task::spawn_local(async move {
            tokio::time::sleep(PAUSE).await;
            let ended = spare.upgrade().and_then(|spare| spare.fill());
            let Some(ended) = ended else {
                return;
            };
            tokio::select! {
                _ = ended.readable() => {}
                () = taken.notified() => return,
            }
            if let Some(spare) = spare.upgrade() {
                spare.bury();
            }
        });
    }

    /// Has one wait, and gives what tells of its end; `None`: it waits already, or cannot be had, and why the
    /// next open says.
    fn fill(&self) -> Option<AsyncFd<OwnedFd>> {
        self.is_coming.set(false);
        let mut waiting = self.waiting.borrow_mut();
        if !self.is_wanted.get() || waiting.as_ref().is_some_and(Spawned::lives) {
            return None;
        }
        let spawned = Spawned::ahead(&self.launcher).ok()?;
        let ended = spawned.end().ok()?;
        *waiting = Some(spawned);
        Some(ended)
    }

    /// Collects one that has ended.
    fn bury(&self) {
        let mut waiting = self.waiting.borrow_mut();
        *waiting = waiting.take().filter(Spawned::lives);
    }
}
