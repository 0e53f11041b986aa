//! Signals: sixteen of them end a session, all others wait.
//!
//! A handler runs on a stack of its own, whatever the guest's stack pointer is. What it does depends
//! on where the signal found the process:
//!
//! | where | what |
//! |---|---|
//! | in the thunk, by a pointer of the guest that it cannot read | the trap goes on where the pointer is looked up |
//! | in the guest, or elsewhere between guest and host | the run is left: the handler returns to [`switch::leave_address`] |
//! | in host code, sent by somebody | it is noted, and whatever blocks is interrupted |
//! | in host code, by an instruction of it | the process dies of it: this is a bug, and the parent reports it |
//!
//! A signal that comes right before a system call that blocks would be noticed too late, so those
//! calls go through [`calls`], whose instructions the handler knows.

use crate::{calls, switch};
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction};
use std::ffi::{c_int, c_void};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicI32, AtomicU64};
use zerovm_session::layout::{GUARD, RESERVED, SPACE};

/// Those that end a session.
pub const HANDLED: [Signal; 16] = [
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGILL,
    Signal::SIGTRAP,
    Signal::SIGBUS,
    Signal::SIGFPE,
    Signal::SIGSEGV,
    Signal::SIGSTKFLT,
    Signal::SIGABRT,
    Signal::SIGXFSZ,
    Signal::SIGXCPU,
    Signal::SIGHUP,
    Signal::SIGPIPE,
    Signal::SIGALRM,
    Signal::SIGTERM,
    Signal::SIGPWR,
];

/// Those that an instruction may cause.
const FAULTS: [c_int; 5] = [
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGSEGV,
];

/// The number of the signal that ends the session, 0 while none came. The first one counts.
pub(crate) static PENDING: AtomicI32 = AtomicI32::new(0);
static ADDRESS: AtomicU64 = AtomicU64::new(0);
const STACK: usize = 64 * 1024;

/// Whether a signal came that ends the session.
pub fn is_pending() -> bool {
    PENDING.load(Relaxed) != 0
}

/// What the sixth line of the report says of the signal that came, if one did.
pub fn received() -> Option<String> {
    let number = PENDING.load(Relaxed);
    let address = ADDRESS.load(Relaxed);
    (number != 0).then(|| describe(number, address))
}

/// The words for a signal at an address.
pub fn describe(number: i32, address: u64) -> String {
    match number {
        libc::SIGALRM => "session timeout".into(),
        libc::SIGXFSZ => "disk quota exceeded".into(),
        _ => {
            let un = if is_guest(address) { "un" } else { "" };
            format!("Signal {number} from {un}trusted code: Halting at 0x{address:012X}")
        }
    }
}

/// From now on the sixteen end the session, and others are blocked.
pub fn install() -> nix::Result<()> {
    // Nobody touches it before a signal comes.
    let stack = Box::leak(Box::<[u8]>::new_uninit_slice(STACK));
    let stack = libc::stack_t {
        ss_sp: stack.as_mut_ptr().cast(),
        ss_flags: 0,
        ss_size: STACK,
    };
    // SAFETY: the stack was leaked, so it is there for ever, and nobody else uses it.
    Errno::result(unsafe { libc::sigaltstack(&stack, std::ptr::null_mut()) })?;
    let flags = SaFlags::SA_ONSTACK | SaFlags::SA_SIGINFO;
    let action = SigAction::new(SigHandler::SigAction(on_signal), flags, SigSet::all());
    for signal in HANDLED {
        // SAFETY: the handler changes atomics and the context it is given, nothing else.
        unsafe { sigaction(signal, &action) }?;
    }
    let mut blocked = SigSet::all();
    for signal in HANDLED {
        blocked.remove(signal);
    }
    nix::sys::signal::sigprocmask(SigmaskHow::SIG_SETMASK, Some(&blocked), None)
}

extern "C" fn on_signal(number: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel gives both to a handler that was installed with SA_SIGINFO.
    let (code, context) = unsafe { ((*info).si_code, &mut *context.cast::<libc::ucontext_t>()) };
    let registers = &mut context.uc_mcontext.gregs;
    let address = registers[libc::REG_RIP as usize] as u64;
    // What the kernel sends for an instruction has a positive code.
    let is_fault = FAULTS.contains(&number) && code > 0;
    if is_fault && let Some(behind) = switch::behind_fault(address) {
        registers[libc::REG_RIP as usize] = behind as i64;
        return;
    }
    if is_guest(address) || switch::is_between(address) {
        note(number, address);
        registers[libc::REG_RIP as usize] = switch::leave_address() as i64;
        registers[libc::REG_RAX as usize] = 1;
        return;
    }
    if is_fault {
        // SAFETY: the default action needs no handler; the instruction faults again and the process
        // ends.
        unsafe { libc::signal(number, libc::SIG_DFL) };
        return;
    }
    note(number, address);
    if calls::is_before_call(address) {
        registers[libc::REG_RIP as usize] = calls::refused_address() as i64;
    }
}

fn note(number: i32, address: u64) {
    if PENDING.load(Relaxed) == 0 {
        ADDRESS.store(address, Relaxed);
        PENDING.store(number, Relaxed);
        switch::interrupt();
    }
}

fn is_guest(address: u64) -> bool {
    (RESERVED..RESERVED + SPACE + 2 * GUARD).contains(&address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_the_originals() {
        assert_eq!(describe(libc::SIGALRM, 0), "session timeout");
        assert_eq!(describe(libc::SIGXFSZ, 5), "disk quota exceeded");
        assert_eq!(
            describe(libc::SIGSEGV, 0x440A_0004_0000),
            "Signal 11 from untrusted code: Halting at 0x440A00040000"
        );
        assert_eq!(
            describe(libc::SIGTERM, 0xABC),
            "Signal 15 from trusted code: Halting at 0x000000000ABC"
        );
    }
}
