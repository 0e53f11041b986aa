//! Another machine: this one, by ssh. A real sshd on a port of its own, with its own keys, settings
//! and, for cosmos, a socket directory of its own, so that what runs "there" is no part of the near
//! cosmos.

use crate::binaries::directory as built;
use crate::{World, eventually, run};
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The host that a world reaches its far machine by.
pub const THERE: &str = "ssh://there";

const PATIENCE: Duration = Duration::from_secs(30);
/// How often a port is tried that somebody else may take at the same time.
const ATTEMPTS: usize = 20;

/// A machine that `ssh://there` means, until it is dropped.
#[derive(Debug)]
pub struct Machine {
    directory: PathBuf,
    port: u16,
    sshd: Child,
}

/// Where sshd is: it wants to be called by its whole path.
fn sshd() -> Option<&'static Path> {
    ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd"]
        .map(Path::new)
        .into_iter()
        .find(|path| path.exists())
}

impl Machine {
    /// A machine where commands find `cosmosd`; `None`, with a word on standard output, where there is
    /// no sshd to be one.
    pub fn start(world: &World) -> Option<Machine> {
        Machine::with_path(world, &format!("{}:/usr/bin:/bin", built().display()))
    }

    /// The same with this PATH for its commands.
    pub fn with_path(world: &World, path: &str) -> Option<Machine> {
        Machine::at(&world.directory().join("there"), path)
    }

    /// A machine as [`Machine::start`] makes it, for who measures and has no world: in this directory,
    /// which is not there yet.
    pub fn measured(directory: &Path) -> Option<Machine> {
        Machine::at(directory, &format!("{}:/usr/bin:/bin", built().display()))
    }

    fn at(directory: &Path, path: &str) -> Option<Machine> {
        let Some(program) = sshd() else {
            println!("skipped: there is no sshd here (package openssh-server)");
            return None;
        };
        let directory = directory.to_owned();
        for made in [directory.clone(), directory.join("s")] {
            fs::create_dir(&made).expect("a directory of the machine");
            fs::set_permissions(&made, fs::Permissions::from_mode(0o700)).expect("its mode");
        }
        for key in ["host", "user", "stranger"] {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]);
            run(keygen.arg(directory.join(key)), PATIENCE).succeeded();
        }
        fs::copy(directory.join("user.pub"), directory.join("authorized")).expect("a key");
        if crate::is_root() {
            // sshd of root insists on it; the system's own makes it when it starts.
            let _ = fs::create_dir_all("/run/sshd");
        }
        let (sshd, port) = (0..ATTEMPTS)
            .find_map(|_| listen(program, &directory, path))
            .expect("an sshd that listens");
        let machine = Machine {
            directory,
            port,
            sshd,
        };
        machine.know_host("host.pub");
        machine.use_key("user");
        machine.configure("");
        Some(machine)
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The program that the near cosmos connects by, which is ssh with the settings for this machine.
    pub fn ssh(&self) -> PathBuf {
        self.directory.join("ssh")
    }

    /// What is believed to be the machine's key: `host.pub`, or another one.
    pub fn know_host(&self, key: &str) {
        let key = fs::read_to_string(self.directory.join(key)).expect("a key");
        let line = format!("[127.0.0.1]:{} {key}", self.port);
        fs::write(self.directory.join("known"), line).expect("a known host");
    }

    /// By which key ssh logs in: `user`, or another one.
    pub fn use_key(&self, key: &str) {
        self.settings(key, "");
    }

    /// The same, and further settings of ssh.
    pub fn settings(&self, key: &str, more: &str) {
        let Machine {
            directory, port, ..
        } = self;
        let directory = directory.display();
        let text = format!(
            "Host there\n HostName 127.0.0.1\n Port {port}\n IdentityFile {directory}/{key}\n \
             IdentitiesOnly yes\n IdentityAgent none\n UserKnownHostsFile {directory}/known\n \
             GlobalKnownHostsFile /dev/null\n StrictHostKeyChecking yes\n{more}\n"
        );
        fs::write(self.directory.join("ssh_config"), text).expect("the settings of ssh");
    }

    /// Has the near cosmos give it up after so many seconds without a word.
    pub fn gives_up_after(&self, seconds: u64) {
        self.configure(&format!("host_silence_seconds = {seconds}\n"));
    }

    /// Has the near cosmos use it.
    fn configure(&self, more: &str) {
        let text = format!(
            "#!/bin/sh\nexec ssh -F '{}/ssh_config' \"$@\"\n",
            self.directory.display()
        );
        if !self.ssh().exists() {
            write_program(&self.ssh(), &text);
        }
        let home = PathBuf::from(std::env::var_os("XDG_CONFIG_HOME").expect("set by the harness"));
        fs::create_dir_all(home.join("cosmos")).expect("a directory");
        let text = format!("ssh = '{}'\n{more}", self.ssh().display());
        fs::write(home.join("cosmos/cosmos.toml"), text).expect("the configuration");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
    }
}

/// Writes a file that can be executed, in one step: nobody executes the half of it.
pub fn write_program(path: &Path, text: &str) {
    let unfinished = path.with_extension("unfinished");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o755)
        .open(&unfinished)
        .expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    drop(file);
    fs::rename(&unfinished, path).expect("its name");
}

/// An sshd on a port that was free a moment ago; `None` where it is not any more.
fn listen(program: &Path, directory: &Path, path: &str) -> Option<(Child, u16)> {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = free.local_addr().expect("its address").port();
    drop(free);
    let place = directory.display();
    let libexec = built();
    let settings = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {place}/host\n\
         AuthorizedKeysFile {place}/authorized\nStrictModes no\nUsePAM no\nPidFile none\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n\
         MaxStartups 100\nUseDNS no\nPrintMotd no\n\
         SetEnv PATH={path} BASH_ENV= ENV= HOME={place} XDG_CONFIG_HOME={place} \
         COSMOS_SOCKET_DIRECTORY={place}/s COSMOS_CRASH_DIRECTORY={place}/crashes COSMOS_LIBEXEC_DIRECTORY={}\n",
        libexec.display()
    );
    let (config, log) = (directory.join("sshd_config"), directory.join("sshd.log"));
    fs::write(&config, settings).expect("the settings of sshd");
    let file = fs::File::create(&log).expect("a log");
    let mut sshd = Command::new(program)
        .args(["-D", "-e", "-f"])
        .arg(&config)
        .stdin(Stdio::null())
        .stderr(file)
        .spawn()
        .expect("sshd");
    let listens = eventually(PATIENCE, || {
        let said = fs::read_to_string(&log).unwrap_or_default();
        if said.contains("Server listening") {
            return Some(true);
        }
        sshd.try_wait().expect("the state of sshd").map(|_| false)
    });
    match listens {
        Some(true) => Some((sshd, port)),
        _ => {
            let said = fs::read_to_string(&log).unwrap_or_default();
            assert!(said.contains("in use"), "sshd does not start: {said}");
            None
        }
    }
}
