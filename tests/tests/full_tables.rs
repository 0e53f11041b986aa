//! A table of open files that is full, in whichever process, fails what needs room in it, by name; the VM, its
//! objects and all other calls go on, and what failed works as soon as there is room.

use cosmos::{Blame, Error, FaultCode, Function, Library, Value};
use cosmos_tests::{eventually, in_world, run};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::time::Duration;

const C: &str = "libc.so.6";
/// How long what comes may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(40);

/// What is called in the VM.
struct Calls {
    /// Takes a descriptor and gives one.
    pass: Function,
    /// Takes and gives numbers of the VM's own.
    copy: Function,
    close: Function,
    pid: Function,
}

impl Calls {
    fn of(library: &Library) -> Calls {
        let function = |prototype| library.function(prototype).expect(prototype);
        Calls {
            pass: function("int __fd dup(int __fd fd)"),
            copy: function("int fcntl(int fd, int command, int least)"),
            close: function("int close(int fd)"),
            pid: function("int getpid(void)"),
        }
    }

    fn pass(&self, file: &File) -> Result<(), Error> {
        let passed = self.pass.call(&[file.as_raw_fd().into()])?;
        let Value::Descriptor(number) = passed.result else {
            panic!("a descriptor is a number: {passed:?}");
        };
        nix::unistd::close(number).expect("it is this process's own");
        Ok(())
    }

    fn pid(&self) -> Value {
        self.pid.call(&[]).expect("a call without files").result
    }
}

fn null() -> File {
    File::open("/dev/null").expect("a file")
}

/// Opens files until there is room for none.
fn fill() -> Vec<File> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, 200, hard).expect("a lower limit");
    let files: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    assert!(!files.is_empty());
    files
}

fn is_full(error: &Error) {
    assert_eq!(error.code(), FaultCode::TooManyFiles, "{error}");
    assert_eq!(error.blame(), Blame::Host, "{error}");
    assert_eq!(error.errno(), libc::EMFILE, "{error}");
}

fn a_client_without_room(ring: &str) {
    // SAFETY: no other thread looks at the environment yet.
    unsafe { std::env::set_var("COSMOS_RING", ring) };
    let library = cosmos::dlopen(C).expect(C);
    let calls = Calls::of(&library);
    let file = null();
    calls.pass(&file).expect("there is room");
    let pid = calls.pid();
    let mut files = fill();
    for _ in 0..3 {
        is_full(&calls.pass(&file).expect_err("no room for the answer"));
        assert_eq!(calls.pid(), pid);
    }
    // Another thread needs a channel of its own, and a library in a VM of its own a connection.
    std::thread::scope(|scope| {
        let there = || calls.pid.call(&[]).map(|called| called.result);
        let error = scope.spawn(there).join().expect("no panic");
        is_full(&error.expect_err("no room for a channel"));
    });
    let fresh = cosmos::Options::new().fresh(true);
    is_full(&cosmos::dlopen_with(C, &fresh).expect_err("no room for a connection"));
    // One place is enough for one descriptor.
    files.pop();
    calls.pass(&file).expect("there is room again");
    drop(files);
    let there = || calls.pid();
    let elsewhere = std::thread::scope(|scope| scope.spawn(there).join());
    assert_eq!(elsewhere.expect("no panic"), pid, "the same VM");
    cosmos::dlopen_with(C, &fresh).expect("there is room again");
}

#[test]
fn a_full_client_fails_the_call_that_brings_a_descriptor_and_nothing_else() {
    in_world(|_| a_client_without_room("1"));
}

#[test]
fn a_full_client_fails_the_call_that_brings_a_descriptor_through_a_socket_and_nothing_else() {
    in_world(|_| a_client_without_room("0"));
}

fn a_vm_without_room(ring: &str) {
    // SAFETY: no other thread looks at the environment yet.
    unsafe { std::env::set_var("COSMOS_RING", ring) };
    let library = cosmos::dlopen(C).expect(C);
    let calls = Calls::of(&library);
    let file = null();
    calls.pass(&file).expect("there is room");
    let pid = calls.pid();
    let mut copies = Vec::new();
    while let Ok(Value::Int(number @ 0..)) = calls
        .copy
        .call(&[0.into(), libc::F_DUPFD.into(), 0.into()])
        .map(|called| called.result)
    {
        copies.push(number as i32);
    }
    assert!(!copies.is_empty(), "nothing was opened there");
    for _ in 0..3 {
        let error = calls.pass(&file).expect_err("no room for the argument");
        is_full(&error);
        assert!(error.to_string().contains("cosmos-hostfn"), "{error}");
        assert_eq!(calls.pid(), pid);
    }
    let there = || calls.pid.call(&[]).map(|called| called.result);
    let elsewhere = || std::thread::scope(|scope| scope.spawn(there).join());
    is_full(
        &elsewhere()
            .expect("no panic")
            .expect_err("no room for a channel"),
    );
    for (index, number) in copies.into_iter().enumerate() {
        calls.close.call(&[number.into()]).expect("close");
        if index == 1 {
            // What comes takes one place, and the copy another.
            calls.pass(&file).expect("there is room again");
        }
    }
    let elsewhere = elsewhere().expect("no panic").expect("a channel");
    assert_eq!(elsewhere, pid, "the same VM");
}

#[test]
fn a_full_vm_fails_the_call_that_takes_a_descriptor_and_nothing_else() {
    in_world(|_| a_vm_without_room("1"));
}

#[test]
fn a_full_vm_fails_the_call_that_takes_a_descriptor_through_a_socket_and_nothing_else() {
    in_world(|_| a_vm_without_room("0"));
}

/// What a daemon cannot take fails for whoever sent it; it serves those that it has, and the next ones as soon
/// as there is room.
#[test]
fn a_full_daemon_turns_away_who_comes_and_serves_the_others() {
    in_world(|world| {
        let library = cosmos::dlopen(C).expect(C);
        let calls = Calls::of(&library);
        let pid = calls.pid();
        for name in ["cosmosd", "cosmosdb"] {
            let daemons = || world.processes_named(name);
            let daemon = &world.only(name);
            if daemon.descriptors().is_empty() {
                // Only root may look at a daemon.
                return;
            }
            let limited = limit(daemon.pid, None);
            // No more than what is open. Where it closed something since, for it does one thing or another after a VM
            // was opened, there is room once more.
            let is_full = || {
                limit(daemon.pid, Some((lowest_free(daemon), limited.1)));
                let ran = run(world.cosmos().arg("ls"), PATIENCE);
                let is_alive = calls.pid() == pid;
                limit(daemon.pid, Some(limited));
                assert!(is_alive, "the VM");
                (!ran.status.success()).then_some(())
            };
            eventually(PATIENCE, is_full).unwrap_or_else(|| panic!("{name} had room"));
            let served = eventually(PATIENCE, || {
                world.run_cosmos(&["ls"]).status.success().then_some(())
            });
            assert!(served.is_some(), "{name} serves nobody any more");
            if name == "cosmosd" {
                let log = world.sockets().join("cosmosd.log");
                let log = std::fs::read_to_string(log).expect("the log");
                let told = log.contains("turned away: cosmosd") && log.contains("open files");
                assert!(told && !log.contains("cosmosdb is lost"), "{log}");
            }
            let after: Vec<i32> = daemons().iter().map(|it| it.pid).collect();
            assert_eq!(after, [daemon.pid], "another {name}");
        }
        assert_eq!(calls.pid(), pid, "the same VM");
    });
}

/// The lowest number that no descriptor of the process has.
fn lowest_free(process: &cosmos_tests::Process) -> u64 {
    let used: Vec<i32> = process.descriptors().into_iter().map(|it| it.0).collect();
    (0..)
        .find(|number| !used.contains(number))
        .expect("a number") as u64
}

/// The limit of open files of a process before it is given another one.
fn limit(pid: i32, fresh: Option<(u64, u64)>) -> (u64, u64) {
    let mut before = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    let fresh = fresh.map(|(rlim_cur, rlim_max)| libc::rlimit { rlim_cur, rlim_max });
    let fresh = fresh.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: both are limits, or nothing, as long as the call takes; a limit of a process of this world.
    let done = unsafe { libc::prlimit(pid, libc::RLIMIT_NOFILE, fresh, &raw mut before) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    (before.rlim_cur, before.rlim_max)
}
