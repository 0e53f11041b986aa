//! Processes of this program's at the other end of a connection, and where they may run.

use crate::peers::Outcome;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A process of a role, which has said that it is ready. It is killed when this is dropped.
pub struct Far {
    process: Mutex<Child>,
    directory: tempfile::TempDir,
    output: Mutex<BufReader<std::process::ChildStdout>>,
}

impl Far {
    /// Starts this program again in a role.
    pub fn start(role: &[&str]) -> Outcome<Far> {
        let directory = tempfile::Builder::new().prefix("pe-").tempdir()?;
        let mut process = Command::new(std::env::current_exe()?)
            .args(role)
            .arg(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().ok_or("no output")?;
        let far = Far {
            process: Mutex::new(process),
            directory,
            output: Mutex::new(BufReader::new(output)),
        };
        match far.hear()?.as_str() {
            "ready" => Ok(far),
            other => Err(format!("{role:?} cannot be had: {other}").into()),
        }
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn pid(&self) -> i32 {
        lock(&self.process).id() as i32
    }

    /// Says a line to it.
    pub fn tell(&self, line: &str) -> Outcome {
        let mut process = lock(&self.process);
        let input = process.stdin.as_mut().ok_or("no input")?;
        Ok(writeln!(input, "{line}")?)
    }

    /// A line that it says.
    pub fn hear(&self) -> Outcome<String> {
        let mut line = String::new();
        lock(&self.output).read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    pub fn stop(&self) -> Outcome {
        Ok(kill(Pid::from_raw(self.pid()), Signal::SIGSTOP)?)
    }

    pub fn resume(&self) -> Outcome {
        Ok(kill(Pid::from_raw(self.pid()), Signal::SIGCONT)?)
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        let mut process = lock(&self.process);
        let _ = process.kill();
        let _ = process.wait();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a far end says once it can be reached.
pub fn ready() {
    println!("ready");
}

/// A path that the far end reads from its input.
pub fn paths() -> impl Iterator<Item = PathBuf> {
    std::io::stdin()
        .lines()
        .map_while(Result::ok)
        .map(PathBuf::from)
}

/// This process ends with the one that started it.
pub fn die_with_parent() {
    // SAFETY: takes one number and concerns this process alone.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// Where two ends run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    TwoCores,
    OneCore,
    BusyNeighbour,
}

impl Placement {
    pub const ALL: [Placement; 3] = [
        Placement::TwoCores,
        Placement::OneCore,
        Placement::BusyNeighbour,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Placement::TwoCores => "two cores",
            Placement::OneCore => "one core",
            Placement::BusyNeighbour => "busy neighbour",
        }
    }

    /// Where this end runs.
    pub fn near(self) -> Outcome<CpuSet> {
        match self {
            Placement::BusyNeighbour => all(),
            _ => only(0),
        }
    }

    /// Where the other one does.
    pub fn far(self) -> Outcome<CpuSet> {
        match self {
            Placement::TwoCores => only(usize::from(cpus() > 1)),
            Placement::OneCore => only(0),
            Placement::BusyNeighbour => all(),
        }
    }
}

fn cpus() -> usize {
    // SAFETY: asks for a number.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_NPROCESSORS_CONF) }).unwrap_or(1)
}

fn only(cpu: usize) -> Outcome<CpuSet> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    Ok(set)
}

pub fn all() -> Outcome<CpuSet> {
    let mut set = CpuSet::new();
    for cpu in 0..cpus() {
        set.set(cpu)?;
    }
    Ok(set)
}

/// Places this thread, and those that it starts from now on.
pub fn place_here(set: &CpuSet) -> Outcome {
    Ok(sched_setaffinity(Pid::from_raw(0), set)?)
}

/// Places every thread of a process.
pub fn place(process: i32, set: &CpuSet) -> Outcome {
    for task in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let thread = task?.file_name().to_string_lossy().parse()?;
        sched_setaffinity(Pid::from_raw(thread), set)?;
    }
    Ok(())
}
