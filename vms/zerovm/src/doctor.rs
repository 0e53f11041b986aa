//! What confines a guest on this machine: `zerovm --doctor`.
//!
//! Nothing here is looked up: each wall is built, in a process of its own where it stays.

use crate::alone;
use crate::confine::confine;
use crate::process::Child;
use crate::space::Space;
use crate::user::leave_root;
use landlock::RulesetStatus;
use nix::sys::wait::WaitStatus;
use nix::unistd::Uid;
use std::io::{Read, Write};

/// Prints a line for each wall; 0 if all of them stand.
pub fn examine(user: &str) -> u8 {
    let checks = [
        ("user", check_user(user)),
        ("address space", check_space()),
        ("system calls and files", check_confinement()),
        ("dialect fast", check_conditions()),
    ];
    let mut output = std::io::stdout().lock();
    let mut failed = false;
    for (name, check) in checks {
        let (mark, text) = match check {
            Ok(text) => ("ok", text),
            Err(text) => ("missing", text),
        };
        failed |= mark != "ok";
        let _ = writeln!(output, "{name:<24}{mark:<9}{text}");
    }
    u8::from(failed)
}

type Check = Result<String, String>;

fn check_user(user: &str) -> Check {
    if !Uid::effective().is_root() {
        return Ok("sessions run as who starts them, who is not root".into());
    }
    leave_root(user)
        .map(|()| format!("sessions that root starts run as {user}"))
        .map_err(|error| format!("{error}: there is no user {user}, or no right to become one"))
}

fn check_space() -> Check {
    Space::reserve()
        .map(|_| "4 GiB for the guest, 40 GiB of nothing on each side".into())
        .map_err(|error| format!("{error}: a limit on virtual memory (ulimit -v) is too low"))
}

/// In a process of its own, where gs keeps its base.
fn check_conditions() -> Check {
    let child = Child::start(|mut told| {
        let text = match alone::establish() {
            Ok(()) => "+one thread, gs with the base of the space, no shadow stacks".to_owned(),
            Err(error) => format!("-{error}"),
        };
        u8::from(told.write_all(text.as_bytes()).is_err())
    });
    let mut child = child.map_err(|error| error.to_string())?;
    let mut text = String::new();
    let _ = child.told.read_to_string(&mut text);
    let _ = child.end();
    match text.strip_prefix('+') {
        Some(text) => Ok(text.to_owned()),
        None => Err(text.trim_start_matches('-').to_owned()),
    }
}

fn check_confinement() -> Check {
    let child = Child::start(|mut told| {
        let text = match confine(false) {
            Ok(walls) => match walls.landlock {
                RulesetStatus::FullyEnforced => "+no system call but a session's, no file, no port",
                RulesetStatus::PartiallyEnforced => {
                    "-no system call but a session's; Landlock of this kernel refuses only a part"
                }
                RulesetStatus::NotEnforced => {
                    "-no system call but a session's; this kernel has no Landlock"
                }
            }
            .to_owned(),
            Err(error) => format!("-{error}"),
        };
        let _ = told.write_all(text.as_bytes());
        // What no session does: this has to end the process.
        let _ = nix::unistd::getppid();
        u8::MAX
    });
    let mut child = child.map_err(|error| error.to_string())?;
    let mut text = String::new();
    let _ = child.told.read_to_string(&mut text);
    let killed = matches!(
        child.end(),
        Ok(WaitStatus::Signaled(_, nix::sys::signal::Signal::SIGSYS, _))
    );
    match (text.strip_prefix('+'), killed) {
        (Some(text), true) => Ok(text.to_owned()),
        (Some(_), false) => Err("a forbidden system call did not end the process".into()),
        (None, _) => Err(text.trim_start_matches('-').to_owned()),
    }
}
