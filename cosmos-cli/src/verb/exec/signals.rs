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
use std::sync::Arc;
use std::thread;

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

/// Passes signals on from now on, until this command ends.
pub(super) fn forward(steering: Steering, screen: Option<Arc<dyn Screen>>) -> io::Result<()> {
    let mut taken: SigSet = TO_GROUP.into_iter().chain(TO_PROGRAM).collect();
    if screen.is_some() {
        taken.add(Signal::SIGWINCH);
    }
    // Before any thread is started here, so that all of them have it.
    taken.thread_block()?;
    let signals = SignalFd::with_flags(&taken, SfdFlags::SFD_CLOEXEC)?;
    let (stops, seen) = (steering.clone(), screen.clone());
    thread::spawn(move || follow(&stops, seen.as_deref()));
    thread::spawn(move || {
        while let Ok(Some(signal)) = signals.read_signal() {
            let number = signal.ssi_signo as i32;
            if let Ok(signal) = Signal::try_from(number) {
                pass_on(signal, &steering, screen.as_deref());
            }
        }
    });
    Ok(())
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
