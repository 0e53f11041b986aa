//! Starting on demand: once, whoever comes, and detached from whoever came.

use cosmos_tests::window::Window;
use cosmos_tests::{Process, World, built, eventually, in_world, is_root, run};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::Duration;

const COS: &str = "double cos(double x)";
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn ten_clients_start_one_pair_of_daemons() {
    in_world(|world| {
        // Each launcher is to be a VM's.
        world.configure("spare_launcher = false\n");
        for round in 0..3 {
            let clients: Vec<_> = (0..10)
                .map(|_| {
                    world
                        .cosmos()
                        .args(["call", "libm.so.6", COS, "0"])
                        .stdin(Stdio::null())
                        .stdout(Stdio::piped())
                        .stderr(Stdio::piped())
                        .spawn()
                        .expect("a client")
                })
                .collect();
            for client in clients {
                let output = client.wait_with_output().expect("the client ended");
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(output.status.success(), "round {round}: {said}");
                assert_eq!(output.stdout, b"1\n");
            }
            // One that found the field taken may be there for a moment.
            world.only("cosmosdb");
            world.only("cosmosd");
            let left = eventually(Duration::from_secs(30), || {
                let others = world.processes().len();
                (others == 2).then_some(())
            });
            assert!(left.is_some(), "{:?}", world.processes());
            end(&world.processes_named("cosmosd"));
            end(&world.processes_named("cosmosdb"));
        }
    });
}

/// Ends processes below this test's supervisor, which reaps them.
fn end(processes: &[Process]) {
    for process in processes {
        // One that found the field taken may have ended by itself.
        let _ = nix::sys::signal::kill(
            Pid::from_raw(process.pid),
            nix::sys::signal::Signal::SIGKILL,
        );
        let gone = eventually(Duration::from_secs(30), || {
            Process::of(process.pid)
                .is_none_or(|now| now.is_zombie())
                .then_some(())
        });
        assert!(gone.is_some(), "{process:?}");
    }
}

/// A client with a descriptor that every child inherits, an odd umask, one CPU, a scheduling policy and a telling
/// environment.
fn careless_client() -> Command {
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "umask 022; trap '' HUP INT; \
             exec taskset -c \"$1\" chrt --batch 0 \"$0\" call libm.so.6 'double cos(double x)' 0",
        ])
        .arg(cosmos_tests::built().join("cosmos"))
        .arg(first_cpu())
        .env("SECRET_TOKEN", "do not pass on")
        .env("LD_LIBRARY_PATH", "/no/such/directory")
        .env("GCONV_PATH", "/no/such/directory")
        .env("MALLOC_PERTURB_", "7")
        .env("LANG", "C.UTF-8")
        .env("TZ", "UTC");
    command
}

/// The first CPU that this process may use.
fn first_cpu() -> String {
    let own = Process::of(i32::try_from(std::process::id()).expect("a pid")).expect("itself");
    let list = own.status("Cpus_allowed_list:").expect("a list");
    let first = list.split([',', '-']).next().expect("a CPU");
    first.to_owned()
}

/// As daemons may, whoever runs the tests on some.
fn may_use_every_cpu() {
    let mut all = CpuSet::new();
    for cpu in 0..CpuSet::count() {
        all.set(cpu).expect("a CPU");
    }
    // Of the first thread, by whose status this process is known.
    sched_setaffinity(Pid::this(), &all).expect("all that there are");
}

/// A descriptor that is not closed on exec, on a file whose name can be recognised.
fn marker(world: &World) -> OwnedFd {
    let file = std::fs::File::create(world.directory().join("marker")).expect("a file");
    // SAFETY: dup takes a descriptor and gives a fresh one without close-on-exec.
    let descriptor = unsafe { libc::dup(file.as_raw_fd()) };
    assert!(descriptor >= 0);
    // SAFETY: fresh from dup, owned by nobody else.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}

#[test]
fn daemons_are_detached() {
    in_world(|world| {
        let _marker = marker(world);
        may_use_every_cpu();
        run(&mut careless_client(), Duration::from_secs(60)).succeeded();
        let own = Process::of(i32::try_from(std::process::id()).expect("a pid")).expect("itself");
        for name in ["cosmosdb", "cosmosd"] {
            let daemon = &world.only(name);
            assert_ne!(
                daemon.session, own.session,
                "{name} has a session of its own"
            );
            assert_eq!(daemon.status("Umask:").as_deref(), Some("0077"), "{name}");
            assert_eq!(
                daemon.status("Cpus_allowed:"),
                own.status("Cpus_allowed:"),
                "{name}"
            );
            // SAFETY: asks for a number.
            let policy = unsafe { libc::sched_getscheduler(daemon.pid) };
            assert_eq!(policy, libc::SCHED_OTHER, "{name}");
            assert_eq!(
                daemon
                    .status("SigIgn:")
                    .map(|mask| hangup_and_interrupt(&mask)),
                Some(0)
            );
            if is_root() {
                assert_private(daemon);
            }
        }
    });
}

/// The bits of SIGHUP and SIGINT in a signal mask of /proc.
/// Unless it was started to outlive that, as `nohup` does.
#[test]
fn in_the_foreground_the_daemons_end_with_their_terminal() {
    in_world(|world| {
        world.call(&["libm.so.6", COS, "0"]);
        end(&world.processes_named("cosmosd"));
        let libexec = built();
        let foreground = |words: &str| {
            let program = libexec.join("cosmosd");
            let mut command = Command::new("sh");
            let line = format!("{words} exec {}", program.display());
            command.args(["-c", &line]);
            Window::at(command)
        };
        let serves = || {
            let ran = world.run_cosmos(&["call", "libm.so.6", COS, "0"]);
            ran.status.success().then_some(())
        };
        let pid = || match &world.processes_named("cosmosd")[..] {
            [daemon] => Some(daemon.pid),
            _ => None,
        };

        let mut window = foreground("");
        window.shows("serving");
        // As long as the terminal is there the signal is about the configuration.
        window.signal(Signal::SIGHUP);
        window.shows("was read again");
        serves().expect("it goes on");
        window.close();
        assert_eq!(window.code(), Some(0));

        let mut window = foreground("trap '' HUP;");
        window.shows("serving");
        let stays = eventually(PATIENCE, pid).expect("it is there");
        window.close();
        serves().expect("it goes on");
        assert_eq!(pid(), Some(stays));

        end(&world.processes_named("cosmosd"));
        end(&world.processes_named("cosmosdb"));
        let mut window = Window::at(Command::new(libexec.join("cosmosdb")));
        window.shows("ready");
        window.close();
        assert_eq!(window.code(), Some(0));
    });
}

fn hangup_and_interrupt(mask: &str) -> u64 {
    u64::from_str_radix(mask, 16).expect("a mask") & 0b11
}

/// What only root can see of a process that is not dumpable.
fn assert_private(process: &Process) {
    let name = &process.name;
    let root = std::fs::read_link(format!("/proc/{}/cwd", process.pid)).expect("its directory");
    assert_eq!(root.as_os_str(), "/", "{name}");
    let descriptors = process.descriptors();
    assert!(!descriptors.is_empty());
    for (number, target) in &descriptors {
        let target = target.to_string_lossy();
        assert!(
            !target.contains("marker"),
            "{name} inherited {number}: {target}"
        );
    }
    assert_eq!(
        descriptors[0].1.as_os_str(),
        "/dev/null",
        "{name}: {descriptors:?}"
    );
    let allowed = ["PATH", "HOME", "LANG", "TZ", "USER", "LOGNAME"];
    for entry in process.environment().expect("root may look") {
        let variable = entry.split('=').next().unwrap_or_default();
        let known = allowed.contains(&variable)
            || ["LC_", "XDG_", "COSMOS_"]
                .iter()
                .any(|prefix| variable.starts_with(prefix));
        assert!(known, "{name} has {entry}");
    }
}

#[test]
fn vms_inherit_nothing() {
    in_world(|world| {
        let _marker = marker(world);
        let library = cosmos_tests::c::library("misbehave.c", world.directory());
        let mut command = world.cosmos();
        command
            .args(["call", library.to_str().expect("UTF-8"), "int hang(void)"])
            .env("SECRET_TOKEN", "do not pass on")
            .env("LD_LIBRARY_PATH", "/no/such/directory")
            .stdout(Stdio::null());
        let mut client = command.spawn().expect("a client");
        for name in ["cosmos-hostfn", "cosmos-launch"] {
            let found = eventually(PATIENCE, || world.processes_named(name).into_iter().next());
            let process = found.unwrap_or_else(|| panic!("no {name}"));
            assert_eq!(
                process.status("NoNewPrivs:").as_deref(),
                Some("1"),
                "{name}"
            );
            for (number, target) in process.descriptors() {
                let target = target.to_string_lossy();
                assert!(
                    !target.contains("marker"),
                    "{name} inherited {number}: {target}"
                );
                assert!(number < 64, "{name} has {number}: {target}");
            }
            for entry in process.environment().unwrap_or_default() {
                assert!(!entry.starts_with("SECRET_"), "{name} has {entry}");
                assert!(!entry.starts_with("LD_"), "{name} has {entry}");
            }
        }
        client.kill().expect("the client runs");
        client.wait().expect("the client ended");
    });
}

#[test]
fn daemons_that_were_killed_come_back() {
    in_world(|world| {
        let before = cosmos::dlopen("libm.so.6").expect("libm");
        let cos = before.function(COS).expect("cos");
        assert!(cos.call(&[0.0.into()]).is_ok());

        end(&world.processes_named("cosmosdb"));
        assert!(cos.call(&[0.0.into()]).is_ok(), "calls need no registry");
        assert_eq!(world.call(&["libm.so.6", COS, "0"]).succeeded(), "1\n");
        world.only("cosmosdb");
        world.only("cosmosd");

        end(&world.processes_named("cosmosd"));
        assert!(cos.call(&[0.0.into()]).is_ok(), "calls need no coordinator");
        assert_eq!(world.call(&["libm.so.6", COS, "0"]).succeeded(), "1\n");
        world.only("cosmosd");
        let after = cosmos::dlopen("libz.so.1");
        assert!(after.is_ok(), "{after:?}");
    });
}
