//! A private world for each test, and the supervisor that ends it.

use crate::process::Process;
use crate::run::{Ran, run};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const STAGE: &str = "COSMOSTEST_STAGE";
const DIRECTORY: &str = "COSMOSTEST_DIRECTORY";
const SUPERVISOR: &str = "COSMOSTEST_SUPERVISOR";
/// Exit status of a supervisor whose body failed, as libtest has it.
const FAILED: i32 = 101;
const SECONDS: &str = "COSMOSTEST_SECONDS";
const RAN: &str = "ran";

/// What the body of a test runs in.
#[derive(Debug)]
pub struct World {
    directory: PathBuf,
    supervisor: i32,
}

/// Runs the body of the calling test in a world of its own, for at most three minutes: longer than it takes on any
/// machine that gets on at all.
pub fn in_world<F: FnOnce(&World)>(body: F) {
    in_world_for(Duration::from_secs(180), body);
}

/// Runs the body of the calling test in a world of its own, for at most `patience`.
///
/// # Panics
///
/// When the body panics, dies, or takes longer, and where it is no test that calls this, but a function of one: that
/// nobody could run by its name.
pub fn in_world_for<F: FnOnce(&World)>(patience: Duration, body: F) {
    let test = name_of_test::<F>();
    match std::env::var(STAGE).as_deref() {
        Ok("supervisor") => supervise(&test),
        Ok("body") => {
            let world = World::of_this_process();
            std::fs::write(world.mark(), "").expect("a mark that it ran");
            body(&world);
        }
        _ => begin(&test, patience),
    }
}

impl World {
    fn of_this_process() -> World {
        let variable = |name| std::env::var(name).expect("set by the supervisor");
        World {
            directory: variable(DIRECTORY).into(),
            supervisor: variable(SUPERVISOR).parse().expect("a process id"),
        }
    }

    /// A file that says that the body ran.
    fn mark(&self) -> PathBuf {
        self.directory.with_file_name(RAN)
    }

    /// An empty directory for whatever the test writes.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the daemons of this world listen.
    pub fn sockets(&self) -> PathBuf {
        std::env::var_os("COSMOS_SOCKET_DIRECTORY")
            .expect("set by the harness")
            .into()
    }

    /// Gives this world a configuration of the user's; the daemons read it when they start.
    ///
    /// # Panics
    ///
    /// Where something of this world runs already.
    pub fn configure(&self, text: &str) {
        assert!(self.processes().is_empty(), "daemons run already");
        let home = std::env::var_os("XDG_CONFIG_HOME").expect("set by the harness");
        let directory = Path::new(&home).join("cosmos");
        std::fs::create_dir_all(&directory).expect("a directory for the configuration");
        std::fs::write(directory.join("cosmos.toml"), text).expect("the configuration");
    }

    /// The `cosmos` command in this world.
    pub fn cosmos(&self) -> Command {
        Command::new(crate::built().join("cosmos"))
    }

    /// Runs `cosmos` with these arguments, for at most a minute.
    pub fn run_cosmos(&self, arguments: &[&str]) -> Ran {
        run(self.cosmos().args(arguments), Duration::from_secs(60))
    }

    /// Runs `cosmos call` with these arguments.
    pub fn call(&self, arguments: &[&str]) -> Ran {
        run(
            self.cosmos().arg("call").args(arguments),
            Duration::from_secs(60),
        )
    }

    /// Every process of this world that lives, but for the test's own.
    pub fn processes(&self) -> Vec<Process> {
        let body = std::process::id();
        Process::below(self.supervisor)
            .into_iter()
            .filter(|process| u32::try_from(process.pid) != Ok(body) && !process.is_zombie())
            .collect()
    }

    /// The living processes of this world with this command name (its first 15 bytes). A child of cosmosd is
    /// left out that still has its name: it is becoming a launcher.
    pub fn processes_named(&self, name: &str) -> Vec<Process> {
        let named = |process: &&Process| process.name == name;
        let processes = self.processes();
        let pids: Vec<i32> = processes.iter().filter(named).map(|it| it.pid).collect();
        let becomes = |process: &Process| name == "cosmosd" && pids.contains(&process.parent);
        processes
            .iter()
            .filter(named)
            .filter(|process| !becomes(process))
            .cloned()
            .collect()
    }
}

impl World {
    /// The one living process of this world with this command name, as [`World::processes_named`] has them. Where
    /// there are two, or none yet, it waits: a daemon that finds the field taken is there for a moment, too.
    ///
    /// # Panics
    ///
    /// Where it does not come to one.
    pub fn only(&self, name: &str) -> Process {
        let only = || match &self.processes_named(name)[..] {
            [process] => Some(process.clone()),
            _ => None,
        };
        let only = crate::eventually(Duration::from_secs(30), only);
        only.unwrap_or_else(|| panic!("not one {name}: {:?}", self.processes()))
    }
}

/// The path of the test function within its file: a closure's type name is
/// `file::module::function::{{closure}}`.
fn name_of_test<F>() -> String {
    let path = std::any::type_name::<F>();
    let path = path.strip_suffix("::{{closure}}").unwrap_or(path);
    match path.split_once("::") {
        Some((_, test)) => test.to_owned(),
        None => panic!("{path} is no closure of a test function"),
    }
}

fn this_test(test: &str, stage: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the test executable"));
    command
        .args([
            "--exact",
            test,
            "--nocapture",
            "--test-threads=1",
            "--quiet",
        ])
        .env(STAGE, stage)
        // Run by nextest, the inner processes must not report to it.
        .env_remove("NEXTEST");
    command
}

fn begin(test: &str, patience: Duration) {
    crate::built();
    let directory = tempfile::Builder::new()
        .prefix("cw-")
        .tempdir_in(short_directory())
        .expect("a temporary directory");
    let path = directory.path();
    for name in ["s", "home", "work"] {
        let made = path.join(name);
        std::fs::create_dir(&made).expect("a directory of the world");
        std::fs::set_permissions(&made, std::fs::Permissions::from_mode(0o700)).expect("its mode");
    }
    let output = path.join("output");
    let log = std::fs::File::create(&output).expect("a file for the output");
    let status = this_test(test, "supervisor")
        .env(DIRECTORY, path.join("work"))
        .env(SECONDS, patience.as_secs().to_string())
        .env("COSMOS_SOCKET_DIRECTORY", path.join("s"))
        .env("COSMOS_LIBEXEC_DIRECTORY", crate::built())
        .env("HOME", path.join("home"))
        .env("XDG_CONFIG_HOME", path.join("home/.config"))
        .env("XDG_STATE_HOME", path.join("home"))
        .env_remove("XDG_RUNTIME_DIR")
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("the output file again"))
        .stderr(log)
        .status()
        .expect("the supervisor");
    let said = std::fs::read(&output).unwrap_or_default();
    print!("{}", String::from_utf8_lossy(&said));
    if !status.success() {
        print_logs(&path.join("s"));
        panic!("{test} failed in its world: {status}");
    }
    assert!(
        path.join(RAN).exists(),
        "{test} is no test, so nothing ran: in_world is for the test's own function"
    );
}

/// Socket paths hold 108 bytes at most, so TMPDIR will not do where it is long.
fn short_directory() -> PathBuf {
    let temporary = std::env::temp_dir();
    if temporary.as_os_str().len() <= 40 {
        temporary
    } else {
        PathBuf::from("/tmp")
    }
}

fn print_logs(sockets: &Path) {
    for entry in std::fs::read_dir(sockets).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().ends_with(".log") {
            let text = std::fs::read(entry.path()).unwrap_or_default();
            println!(
                "--- {}\n{}",
                entry.path().display(),
                String::from_utf8_lossy(&text)
            );
        }
    }
}

/// Starts the body, adopts what detaches below it, and ends with the body's verdict once nothing
/// of this world runs any more.
fn supervise(test: &str) {
    // SAFETY: this prctl takes one integer and concerns this process alone.
    let adopted = unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
    assert_eq!(adopted, 0, "PR_SET_CHILD_SUBREAPER");
    let seconds = std::env::var(SECONDS)
        .ok()
        .and_then(|text| text.parse().ok());
    let deadline = Instant::now() + Duration::from_secs(seconds.unwrap_or(60));
    let body = this_test(test, "body")
        .env(SUPERVISOR, std::process::id().to_string())
        .current_dir(std::env::var(DIRECTORY).expect("set by the test process"))
        .spawn()
        .expect("the body of the test");
    let body = Pid::from_raw(i32::try_from(body.id()).expect("a process id"));
    let verdict = await_body(body, deadline);
    end_everything();
    match verdict {
        Some(WaitStatus::Exited(_, 0)) => return,
        Some(WaitStatus::Exited(..)) => {}
        Some(other) => println!("the body ended: {other:?}"),
        None => println!("the body took longer than it may"),
    }
    // The body has said what there is to say; a panic here would only repeat it.
    std::process::exit(FAILED);
}

fn await_body(body: Pid, deadline: Instant) -> Option<WaitStatus> {
    while Instant::now() < deadline {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => std::thread::sleep(Duration::from_millis(2)),
            Ok(status) if status.pid() == Some(body) => return Some(status),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => panic!("waiting for the body: {error}"),
        }
    }
    None
}

/// Kills the children of this process, reaps them, and does the same to the orphans it adopts by
/// that, until there are none.
fn end_everything() {
    let own = i32::try_from(std::process::id()).expect("a process id");
    loop {
        for child in Process::below(own)
            .iter()
            .filter(|process| process.parent == own)
        {
            kill(Pid::from_raw(child.pid), Signal::SIGKILL).ok();
        }
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => break,
                Err(Errno::ECHILD) => return,
                _ => {}
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
