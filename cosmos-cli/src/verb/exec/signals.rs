//! Signals that this command gets, for the program; and stops of the program, for whoever runs this.
//!
//! | signal | goes to |
//! |---|---|
//! | SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGCONT: what terminals and shells give to groups | the program's group |
//! | SIGTERM, SIGUSR1, SIGUSR2, SIGALRM and the like | the program |
//! | SIGWINCH | the program's terminal, which tells it |
//! | SIGKILL, SIGSTOP | nobody can pass them on: the first ends the program with this command |
//!
//! A program that stops, by SIGTSTP or by itself, stops this command, so that a shell sees a stopped
//! job; SIGCONT lets both go on. A signal that cannot be given to the program, because it is one that
//! takes none, does to this command what it does by default.

use cosmos::Steering;
use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::io;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// What is to be done around a stop, and when the window changes.
pub(super) trait Screen: Send + Sync {
    /// Before this command stops.
    fn leave(&self);
    /// After it went on.
    fn enter(&self);
    /// The window has another size.
    fn resize(&self);
}

const TO_GROUP: [Signal; 5] = [
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGHUP,
    Signal::SIGTSTP,
    Signal::SIGCONT,
];
const TO_PROGRAM: [Signal; 6] = [
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGURG,
    Signal::SIGIO,
];

/// How long a signal waits for the program to be started, before it does to this command what it does by
/// default.
const STARTING: Duration = Duration::from_secs(2);

/// Whom signals go to.
struct Receiver {
    steering: Steering,
    screen: Option<Arc<dyn Screen>>,
}

/// The signals of this command, taken before its program starts: one that comes as soon as the program
/// says something must not miss it.
pub(super) struct Signals {
    receiver: mpsc::Sender<Receiver>,
}

impl Signals {
    /// Takes them from now on, until this command ends; before it starts any other thread, so that all
    /// of them leave the signals alone. `with_window` takes changes of the window's size as well.
    pub(super) fn take(with_window: bool) -> io::Result<Signals> {
        let mut taken: SigSet = TO_GROUP.into_iter().chain(TO_PROGRAM).collect();
        if with_window {
            taken.add(Signal::SIGWINCH);
        }
        taken.thread_block()?;
        let signals = SignalFd::with_flags(&taken, SfdFlags::SFD_CLOEXEC)?;
        let (receiver, given) = mpsc::channel();
        thread::spawn(move || deliver(&signals, &given));
        Ok(Signals { receiver })
    }

    /// The program has started: they go to it, and its stops stop this command.
    pub(super) fn forward(self, steering: Steering, screen: Option<Arc<dyn Screen>>) {
        let (stops, seen) = (steering.clone(), screen.clone());
        thread::spawn(move || follow(&stops, seen.as_deref()));
        // Nobody takes it where the other thread has ended, and then no signal comes either.
        let _ = self.receiver.send(Receiver { steering, screen });
    }
}

fn deliver(signals: &SignalFd, given: &mpsc::Receiver<Receiver>) {
    let mut receiver = None;
    while let Ok(Some(signal)) = signals.read_signal() {
        let Ok(signal) = Signal::try_from(signal.ssi_signo as i32) else {
            continue;
        };
        if receiver.is_none() {
            receiver = given.recv_timeout(STARTING).ok();
        }
        match &receiver {
            Some(Receiver { steering, screen }) => pass_on(signal, steering, screen.as_deref()),
            // Nothing is left to do where even this fails.
            None => drop(as_by_default(signal)),
        }
    }
}

fn pass_on(signal: Signal, steering: &Steering, screen: Option<&dyn Screen>) {
    if signal == Signal::SIGWINCH {
        return screen.into_iter().for_each(Screen::resize);
    }
    let passed = match TO_GROUP.contains(&signal) {
        true => steering.signal_group(signal as i32),
        false => steering.signal(signal as i32),
    };
    let is_harmless = matches!(signal, Signal::SIGCONT | Signal::SIGURG | Signal::SIGIO);
    if passed.is_err() && !is_harmless {
        screen.into_iter().for_each(Screen::leave);
        // Nothing is left to do where even this fails.
        let _ = as_by_default(signal);
    }
}

/// Stops this command whenever the program stops.
fn follow(steering: &Steering, screen: Option<&dyn Screen>) {
    while let Some(signal) = steering.next() {
        if signal == 0 {
            continue;
        }
        screen.into_iter().for_each(Screen::leave);
        // Not by SIGTSTP, which is blocked here.
        let _ = raise(Signal::SIGSTOP);
        screen.into_iter().for_each(Screen::enter);
    }
}

/// Lets a signal have its way, which no handler of this command's changed.
fn as_by_default(signal: Signal) -> nix::Result<()> {
    let mut open = SigSet::empty();
    open.add(signal);
    raise(signal)?;
    open.thread_unblock()
}
