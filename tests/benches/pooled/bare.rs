//! The least that an open from a pool can be: the same processes, which do nothing else.
//!
//! ```text
//! this process ── may I have one ──▶ broker        it has the other end of a socket of a process that waits
//!              ◀── that end ────────
//!              ── "libz.so.1" ─────▶ waiting       dlopen
//!              ◀── it is open ──────
//!              ── a symbol ────────▶               dlsym, the call
//!              ◀── the result ──────
//! ```
//!
//! The process that waits is in a session of its own and under a filter of system calls. Nothing is checked, nothing
//! is configured, and nobody is told of anything; another process takes its place when it is asked for that.

use cosmos_rpc::descriptor::{self, Wait};
use cosmos_tests::turns::{Outcome, check};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};
use std::io::{IoSlice, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Set in its processes: what each is.
const PART: &str = "COSMOSTEST_PART";
/// Asks the broker to have one wait.
const FILL: u8 = b'f';
/// Asks the broker for it.
const GIVE: u8 = b'g';
/// Between a process that waits and what it is asked, as where cosmos has one wait.
const SETTLE: Duration = Duration::from_millis(105);

/// Runs this process as a part of the chain, where it is one.
///
/// # Errors
/// What ends it.
pub fn part() -> Outcome<bool> {
    match std::env::var(PART).as_deref() {
        Ok("broker") => broker()?,
        Ok("waiting") => waiting()?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// The chain.
pub struct Chain {
    broker: Child,
    asked: UnixStream,
}

impl Chain {
    /// Starts the broker.
    ///
    /// # Errors
    /// Where it cannot be.
    pub fn start() -> Outcome<Chain> {
        let (asked, theirs) = UnixStream::pair()?;
        let broker = child("broker", theirs)?;
        Ok(Chain { broker, asked })
    }

    /// Until the first result of a process that waits.
    ///
    /// # Errors
    /// What goes wrong on the way.
    pub fn round(&mut self, library: &str, symbol: &str) -> Outcome<Duration> {
        self.asked.write_all(&[FILL])?;
        self.asked.read_exact(&mut [0])?;
        sleep(SETTLE);
        let begin = Instant::now();
        self.asked.write_all(&[GIVE])?;
        let mut byte = [0];
        let given = descriptor::receive(self.asked.as_fd(), &mut byte, Wait::Yes)?;
        let given = given.descriptors.into_iter().next().ok_or("none waits")?;
        let mut one = UnixStream::from(given);
        one.write_all(library.as_bytes())?;
        one.read_exact(&mut [0])?;
        one.write_all(symbol.as_bytes())?;
        let mut result = [0; 8];
        one.read_exact(&mut result)?;
        let took = begin.elapsed();
        check(u64::from_ne_bytes(result) != 0, symbol)?;
        Ok(took)
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        let _ = self.broker.kill();
        let _ = self.broker.wait();
    }
}

fn broker() -> Outcome {
    let mut asker = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let mut waiting: Option<(Child, UnixStream)> = None;
    let mut given: Option<Child> = None;
    let mut what = [0];
    while asker.read_exact(&mut what).is_ok() {
        match (what[0], waiting.take()) {
            (GIVE, Some((process, end))) => {
                descriptor::send(
                    asker.as_fd(),
                    &[IoSlice::new(&[1])],
                    &[end.as_fd()],
                    Wait::Yes,
                )?;
                given = Some(process);
            }
            (FILL, _) => {
                if let Some(mut ended) = given.take() {
                    ended.wait()?;
                }
                let (ours, theirs) = UnixStream::pair()?;
                let process = child("waiting", theirs)?;
                waiting = Some((process, ours));
                asker.write_all(&[1])?;
            }
            _ => return Err("nobody waits".into()),
        }
    }
    Ok(())
}

fn waiting() -> Outcome {
    nix::unistd::setsid()?;
    let mut asker = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    seccompiler::apply_filter(&filter()?)?;
    let mut text = [0; 256];
    let length = asker.read(&mut text)?;
    if length == 0 {
        return Ok(());
    }
    // SAFETY: zlib's constructors do nothing.
    let library = unsafe { libloading::Library::new(std::str::from_utf8(&text[..length])?)? };
    asker.write_all(&[1])?;
    let length = asker.read(&mut text)?;
    // SAFETY: the function that is asked for has this type.
    let result = unsafe { library.get::<extern "C" fn() -> u64>(&text[..length])?() };
    asker.write_all(&result.to_ne_bytes())?;
    // As a VM lives until its client goes.
    let _ = asker.read(&mut [0]);
    Ok(())
}

/// It may do whatever a library needs, and start nothing.
fn filter() -> Outcome<BpfProgram> {
    let refused = [
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_ptrace,
        libc::SYS_socket,
    ];
    let rules = refused.map(|number| (number, Vec::new())).into();
    let (otherwise, refuse) = (SeccompAction::Allow, SeccompAction::Errno(1));
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    Ok(SeccompFilter::new(rules, otherwise, refuse, arch)?.try_into()?)
}

fn child(part: &str, socket: UnixStream) -> Outcome<Child> {
    let child = Command::new(std::env::current_exe()?)
        .env(PART, part)
        .stdin(OwnedFd::from(socket))
        .spawn()?;
    Ok(child)
}
