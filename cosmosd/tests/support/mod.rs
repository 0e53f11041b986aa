//! A private pair of real daemons for one test, and clients of it.

#![allow(dead_code, reason = "each test executable uses its own part")]

use cosmos_rpc::{
    Fault,
    blocking::Connection,
    message::coordinator::{
        Autopsy, Ending, ListVms, Purpose, TargetName, VmClose, VmOpen, VmOpened, VmRow,
    },
    rendezvous::{self, Rendezvous},
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

/// Daemons of one test; they and everything below them end with it.
pub struct World {
    directory: tempfile::TempDir,
    pub registry: Option<Child>,
    pub coordinator: Option<Child>,
    variables: Vec<(String, String)>,
}

impl World {
    /// Both daemons, with these variables besides.
    pub fn new(variables: &[(&str, &str)]) -> World {
        let mut world = World::empty(variables);
        world.start_registry();
        world.start_coordinator();
        world
    }

    /// No daemon yet.
    pub fn empty(variables: &[(&str, &str)]) -> World {
        // Short: a socket's path has at most 107 bytes.
        let directory = tempfile::Builder::new()
            .prefix("cd-")
            .tempdir_in("/tmp")
            .unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in ["s", "l", "p", "h"] {
            fs::create_dir(at(name)).unwrap();
            fs::set_permissions(at(name), fs::Permissions::from_mode(0o700)).unwrap();
        }
        for name in ["cosmosdb", "cosmos-launch", "cosmos-hostfn"] {
            std::os::unix::fs::symlink(built(name), at("l").join(name)).unwrap();
        }
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cosmosd"), at("l").join("cosmosd")).unwrap();
        for part in ["", "silent", "mute", "dies", "stubborn"] {
            let text = puppet_profile(part);
            fs::write(at("p").join(format!("puppet{part}.toml")), text).unwrap();
        }
        fs::write(
            at("p").join("missing.toml"),
            puppet_text("missing", "/nonexistent/vm", ""),
        )
        .unwrap();
        let variables = variables
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        World {
            directory,
            registry: None,
            coordinator: None,
            variables,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A daemon's command in this world.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.path("l").join(program));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.path("h"))
            .env("LD_BIND_NOW", "1")
            .env("COSMOS_SOCKET_DIRECTORY", self.path("s"))
            .env("COSMOS_LIBEXEC_DIRECTORY", self.path("l"))
            .env("COSMOS_PROFILES", self.path("p"))
            // Children are counted: each is to be a VM's launcher, where a test says nothing else.
            .env("COSMOS_SPARE_LAUNCHER", "false")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
    }

    pub fn start_registry(&mut self) {
        self.registry = Some(ready(self.command("cosmosdb")));
    }

    pub fn start_coordinator(&mut self) {
        self.coordinator = Some(ready(self.command("cosmosd")));
    }

    /// Tells cosmosd to end, and waits until it has.
    pub fn terminate_coordinator(&mut self) {
        let mut coordinator = self.coordinator.take().unwrap();
        let pid = Pid::from_raw(i32::try_from(coordinator.id()).unwrap());
        kill(pid, Signal::SIGTERM).unwrap();
        assert!(coordinator.wait().unwrap().success());
    }

    pub fn rendezvous(&self) -> Rendezvous {
        Rendezvous {
            directory: self.path("s"),
            libexec: self.path("l"),
            start: false,
            patience: Duration::from_secs(20),
        }
    }

    pub fn client(&self) -> Client {
        self.try_client().unwrap()
    }

    pub fn try_client(&self) -> Result<Client, Fault> {
        let mut connection = rendezvous::connect_coordinator(&self.rendezvous())?;
        connection.set_timeout(Some(Duration::from_secs(20)));
        Ok(Client {
            connection,
            rendezvous: self.rendezvous(),
        })
    }

    /// Process id of cosmosd.
    pub fn coordinator_pid(&self) -> u32 {
        self.coordinator.as_ref().unwrap().id()
    }

    /// Children of cosmosd: pid and state letter.
    pub fn children(&self) -> Vec<(u32, char)> {
        children(self.coordinator_pid())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for mut child in [self.coordinator.take(), self.registry.take()]
            .into_iter()
            .flatten()
        {
            // Launchers die with nobody: end them, and thereby their VMs, first.
            for (pid, _) in children(child.id()) {
                end(pid);
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A connection to cosmosd.
pub struct Client {
    pub connection: Connection,
    rendezvous: Rendezvous,
}

impl Client {
    pub fn open(&mut self, request: &VmOpen) -> Result<VmOpened, Fault> {
        Ok(self.connection.call(request, &[])?.0)
    }

    /// A puppet of the client's own that plays this part.
    pub fn puppet(&mut self, part: &str) -> Result<VmOpened, Fault> {
        self.open(&of_kind(&format!("puppet{part}")))
    }

    pub fn close(&mut self, name: &str, kill: bool) -> Result<(), Fault> {
        let request = VmClose {
            name: name.to_owned(),
            kill,
        };
        self.connection.call(&request, &[]).map(|((), _)| ())
    }

    pub fn list(&mut self) -> Vec<VmRow> {
        self.connection.call(&ListVms, &[]).unwrap().0
    }

    pub fn row(&mut self, name: &str) -> VmRow {
        let plain = name.trim_start_matches("vm/");
        self.list()
            .into_iter()
            .find(|row| row.name == plain)
            .unwrap()
    }

    pub fn autopsy(&mut self, name: &str, patience: u32) -> Result<Ending, Fault> {
        let request = Autopsy {
            name: name.to_owned(),
            patience,
        };
        Ok(self.connection.call(&request, &[])?.0)
    }

    /// A raw connection to a VM.
    pub fn reach(&self, name: &str) -> Result<UnixStream, Fault> {
        let mut registry = rendezvous::connect_registry(&self.rendezvous)?;
        let stream = rendezvous::reach(&mut registry, name)?;
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        Ok(stream)
    }
}

/// Sends a puppet a byte.
pub fn tell(stream: &mut UnixStream, byte: u8) {
    stream.write_all(&[byte]).unwrap();
}

/// A puppet's answer to a byte; empty where it went away.
pub fn ask(stream: &mut UnixStream, byte: u8) -> String {
    tell(stream, byte);
    let mut line = Vec::new();
    let mut one = [0];
    while let Ok(1) = stream.read(&mut one) {
        if one[0] == b'\n' {
            break;
        }
        line.push(one[0]);
    }
    String::from_utf8(line).unwrap()
}

/// The value of a field of `about me`.
pub fn field<'t>(text: &'t str, name: &str) -> &'t str {
    let mut fields = text.split(' ').filter_map(|field| field.split_once('='));
    fields.find(|(known, _)| *known == name).unwrap().1
}

pub fn of_kind(kind: &str) -> VmOpen {
    VmOpen {
        purpose: Purpose::Kind(kind.to_owned()),
        shared_name: String::new(),
        fresh: false,
        connect: false,
        settings: Vec::new(),
        grants: Default::default(),
    }
}

pub fn for_target(name: &str, directory: &Path) -> VmOpen {
    let target = TargetName {
        name: name.to_owned(),
        directory: directory.to_str().unwrap().to_owned(),
    };
    VmOpen {
        purpose: Purpose::Target(target),
        ..of_kind("")
    }
}

/// Looks until it holds, at most thirty seconds.
pub fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

/// Whether a process is there, zombies not counted.
pub fn lives(pid: u32) -> bool {
    stat(pid).is_some_and(|(_, state)| state != 'Z')
}

pub fn end(pid: u32) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap());
    let _ = kill(pid, Signal::SIGKILL);
}

pub fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

fn children(parent: u32) -> Vec<(u32, char)> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let (found, state) = stat(pid)?;
        (found == parent).then_some((pid, state))
    })
    .collect()
}

/// Parent and state letter.
fn stat(pid: u32) -> Option<(u32, char)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((fields.next()?.parse().ok()?, state))
}

/// Starts a daemon that stays in the foreground and waits for its word.
pub fn ready(mut command: Command) -> Child {
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "ready\n");
    child
}

fn puppet_profile(part: &str) -> String {
    let play = if part.is_empty() {
        ""
    } else {
        &format!("\"--play\", \"{part}\"")
    };
    puppet_text(
        &format!("puppet{part}"),
        built("examples/puppet").to_str().unwrap(),
        play,
    )
}

fn puppet_text(kind: &str, executable: &str, arguments: &str) -> String {
    format!(
        "kind = '{kind}'\nexecutable = '{executable}'\narguments = [{arguments}]\n\
         runs = 'tests'\nformats = ['nexe']\nclass = 'native'\nmachine = 'native'\n\
         data_model = 'native'\nos_abi = ['nacl']\n"
    )
}

/// An executable of the workspace, built where cargo did not for the tests of this package alone.
fn built(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let directory = Path::new(env!("CARGO_BIN_EXE_cosmosd")).parent().unwrap();
    BUILT.get_or_init(|| {
        let needed = [
            "cosmosdb",
            "cosmos-launch",
            "cosmos-hostfn",
            "examples/puppet",
        ];
        if needed.iter().all(|name| directory.join(name).exists()) {
            return;
        }
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "-p", "cosmosdb", "-p", "cosmos-launch"])
            .args(["-p", "cosmos-hostfn", "-p", "cosmosd", "--bins"])
            .args(["--example", "puppet"])
            .status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "building the daemons"
        );
    });
    directory.join(name)
}
