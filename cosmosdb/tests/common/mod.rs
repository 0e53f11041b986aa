//! A real cosmosdb in a directory of its own.
#![allow(dead_code)]

use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::registry::{Connect, Entry, Identity, Incoming, List, Register, Route};
use cosmos_rpc::rendezvous::{REGISTRY_SOCKET, SocketDirectory};
use cosmos_rpc::{Fault, Role};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_cosmosdb");

/// A directory as cosmosdb wants it.
pub fn directory() -> TempDir {
    tempfile::Builder::new()
        .prefix("cosmosdb")
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir()
        .unwrap()
}

/// The program in a clean environment, with `directory` as its socket directory.
pub fn command(directory: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", directory)
        .env("COSMOS_SOCKET_DIRECTORY", directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command
}

/// A running registry; ended when dropped, its successors too.
pub struct Running {
    pub directory: TempDir,
    pub child: Child,
}

impl Running {
    pub fn start() -> Running {
        Running::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Command)) -> Running {
        let directory = directory();
        let mut command = command(directory.path());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        assert_eq!(first_line(&mut child), "ready");
        Running { directory, child }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The process that serves now.
    pub fn pid(&self) -> Pid {
        let text = std::fs::read_to_string(self.path().join("cosmosdb.lock"));
        let signed = text.ok().and_then(|text| text.trim().parse().ok());
        Pid::from_raw(signed.unwrap_or(self.child.id() as i32))
    }

    pub fn stream(&self) -> UnixStream {
        let directory = SocketDirectory::open(self.path()).unwrap();
        directory.connect(REGISTRY_SOCKET).unwrap()
    }

    pub fn client(&self) -> Connection {
        self.client_as(Role::Client)
    }

    pub fn client_as(&self, role: Role) -> Connection {
        let mut client = Connection::connect(self.stream(), role).unwrap();
        client.set_timeout(Some(Duration::from_secs(20)));
        client
    }

    /// Number of descriptors the serving process has, where this process may see it.
    pub fn descriptors(&self) -> Option<usize> {
        let entries = std::fs::read_dir(format!("/proc/{}/fd", self.pid())).ok()?;
        Some(entries.count())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let pid = self.pid();
        if pid.as_raw() != self.child.id() as i32 {
            let _ = kill(pid, Signal::SIGTERM);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    line.trim_end().to_owned()
}

pub fn register(client: &mut Connection, name: &str) -> Result<(), Fault> {
    register_as(client, name, Route::Handed, 0, &[])
}

pub fn register_as(
    client: &mut Connection,
    name: &str,
    route: Route,
    expires_in: u32,
    descriptors: &[&OwnedFd],
) -> Result<(), Fault> {
    let message = Register {
        name: name.to_owned(),
        route,
        expires_in,
        shared: false,
    };
    let borrowed: Vec<_> = descriptors
        .iter()
        .map(|descriptor| descriptor.as_fd())
        .collect();
    client.call(&message, &borrowed).map(drop)
}

pub fn connect(client: &mut Connection, name: &str) -> Result<UnixStream, Fault> {
    let (_, descriptors) = client.call(
        &Connect {
            name: name.to_owned(),
        },
        &[],
    )?;
    Ok(UnixStream::from(descriptors.into_iter().next().unwrap()))
}

pub fn list(client: &mut Connection, pattern: &str) -> Vec<Entry> {
    client
        .call(
            &List {
                pattern: pattern.to_owned(),
            },
            &[],
        )
        .unwrap()
        .0
}

pub fn names(client: &mut Connection, pattern: &str) -> Vec<String> {
    list(client, pattern)
        .into_iter()
        .map(|entry| entry.name)
        .collect()
}

/// The next client of an owner: its stream, who it is, its pidfd.
pub fn incoming(owner: &mut Connection) -> (UnixStream, Identity, Option<OwnedFd>) {
    let mut frame = owner.receive().unwrap().unwrap();
    let notice: Incoming = frame.message().unwrap();
    let mut descriptors = std::mem::take(&mut frame.descriptors).into_iter();
    (
        descriptors.next().unwrap().into(),
        notice.client,
        descriptors.next(),
    )
}

/// Waits until `done`, for at most thirty seconds.
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Runs the ignored test `name` of this test program as a process of its own.
pub fn helper(name: &str, directory: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            name,
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env("COSMOSTEST_DIRECTORY", directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Where [`helper`] finds the registry.
pub fn helper_directory() -> Option<PathBuf> {
    std::env::var_os("COSMOSTEST_DIRECTORY").map(PathBuf::from)
}
