//! VMs, their launchers and clients are killed at random instants, under calls from several threads of
//! several processes, and no call is lost or run twice.
//!
//! Every call has a number. The library counts in a file how often it ran each, and who calls notes in
//! the same file what came of it ([`ledger`]). Afterwards:
//!
//! | what the caller saw | how often the library may have run it |
//! |---|---|
//! | the right result | once |
//! | an error that names the end of the VM | once, or not at all |
//! | nothing, for it was killed itself | once, or not at all |
//! | nothing, and it ended in good order; another result; another error | the test fails |
//!
//! `COSMOSTEST_DEATHS` is how many seconds it goes on (2; `make soak` says more). It ends earlier where
//! all numbers are used.

mod client;
mod ledger;

use client::Role;
use cosmos_tests::{World, c, eventually, in_world_for};
use ledger::{Ledger, State};
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Says that this process is a client: its number.
const CLIENT: &str = "COSMOSTEST_CLIENT";
const CLIENTS: u32 = 3;
/// Deaths that are seen at least, whatever the time.
const FEWEST: u32 = 12;
/// No more numbers than this for each second.
const PACE: u64 = 400_000;
/// How long a client may take to end once nothing is to be called any more.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn no_call_is_lost_or_run_twice_whoever_is_killed() {
    let seconds = seconds();
    in_world_for(Duration::from_secs(seconds) + 2 * PATIENCE, |world| {
        let paths = Paths::of(world);
        if let Ok(number) = std::env::var(CLIENT) {
            let number = number.parse().expect("a number");
            let shared = number % CLIENTS == 0;
            return client::run(
                &Role { number, shared },
                &paths.library,
                &Ledger::open(&paths.ledger),
            );
        }
        c::library("ledger.c", world.directory());
        let ledger = Ledger::make(&paths.ledger, PACE * (seconds + 1));
        let mut field = Field::new(seconds);
        field.fight(world, &ledger, Duration::from_secs(seconds));
        ledger.close();
        let killed = field.end();
        judge(&ledger, &killed);
    });
}

fn seconds() -> u64 {
    let said = std::env::var("COSMOSTEST_DEATHS").ok();
    said.and_then(|text| text.parse().ok()).unwrap_or(2)
}

struct Paths {
    library: PathBuf,
    ledger: PathBuf,
}

impl Paths {
    fn of(world: &World) -> Paths {
        let directory: &Path = world.directory();
        Paths {
            library: directory.join("libledger.so"),
            ledger: directory.join("ledger"),
        }
    }
}

/// The clients that live, and who was killed.
struct Field {
    clients: Vec<(u32, Child)>,
    started: u32,
    killed: BTreeSet<u32>,
    random: u64,
    vms: u32,
}

impl Field {
    fn new(seed: u64) -> Field {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let random = now.map_or(seed, |now| now.as_nanos() as u64) | 1;
        println!("random numbers begin with {random}");
        let mut field = Field {
            clients: Vec::new(),
            started: 0,
            killed: BTreeSet::new(),
            random,
            vms: 0,
        };
        for _ in 0..CLIENTS {
            field.start();
        }
        field
    }

    fn start(&mut self) {
        self.started += 1;
        let child = Command::new(std::env::current_exe().expect("this executable"))
            .args(std::env::args().skip(1))
            .env(CLIENT, self.started.to_string())
            .stdout(Stdio::null())
            .stdin(Stdio::null())
            .spawn()
            .expect("a client");
        self.clients.push((self.started, child));
    }

    /// Kills until the time is up and enough have died, but not for ever.
    fn fight(&mut self, world: &World, ledger: &Ledger, time: Duration) {
        let begun = Instant::now();
        while ledger.is_open() && begun.elapsed() < time + PATIENCE {
            if begun.elapsed() >= time && self.vms >= FEWEST {
                return;
            }
            // Mostly in dense calls, now and then in a start.
            let most = [10_000, 60_000, 300_000][self.below(3) as usize];
            std::thread::sleep(Duration::from_micros(self.below(most)));
            match self.below(10) {
                0 => self.kill_client(),
                1 => self.kill_one(world, "cosmos-launch"),
                _ => self.kill_one(world, "cosmos-hostfn"),
            }
        }
    }

    fn kill_client(&mut self) {
        let index = self.below(self.clients.len() as u64) as usize;
        let (number, mut child) = self.clients.swap_remove(index);
        // Not waited for yet, so that this is nobody else.
        child.kill().expect("kill");
        let status = child.wait().expect("its end");
        assert!(
            status.code().is_none(),
            "client {number} ended by itself: {status}"
        );
        self.killed.insert(number);
        self.start();
    }

    fn kill_one(&mut self, world: &World, name: &str) {
        let candidates = world.processes_named(name);
        if candidates.is_empty() {
            return;
        }
        let chosen = &candidates[self.below(candidates.len() as u64) as usize];
        if kill_if_still(chosen.pid, name) {
            self.vms += 1;
        }
    }

    /// Waits for the clients' end in good order; gives who was killed.
    fn end(self) -> BTreeSet<u32> {
        for (number, mut child) in self.clients {
            let ended = eventually(PATIENCE, || child.try_wait().expect("a child"));
            let status = ended.unwrap_or_else(|| panic!("client {number} waits for ever"));
            assert!(status.success(), "client {number}: {status}");
        }
        println!(
            "{} VMs and {} clients of {} were killed",
            self.vms,
            self.killed.len(),
            self.started
        );
        self.killed
    }

    /// A random number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % end
    }
}

/// Kills a process that has this name still when it is held by a descriptor; whether it did.
fn kill_if_still(pid: i32, name: &str) -> bool {
    // SAFETY: makes a descriptor, or fails.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let Ok(descriptor) = Errno::result(descriptor) else {
        return false;
    };
    // SAFETY: just made, and nobody else's.
    let process = unsafe { OwnedFd::from_raw_fd(descriptor as i32) };
    if cosmos_tests::Process::of(pid).is_none_or(|now| now.name != name || now.is_zombie()) {
        return false;
    }
    let information = std::ptr::null::<libc::siginfo_t>();
    let process = process.as_raw_fd();
    // SAFETY: a signal to the process held, with nothing besides.
    let sent = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            process,
            libc::SIGKILL,
            information,
            0,
        )
    };
    sent == 0
}

/// Looks at every number that was taken.
fn judge(ledger: &Ledger, killed: &BTreeSet<u32>) {
    let mut counts = [0u64; 5];
    for number in 0..ledger.taken() {
        let entry = ledger.entry(number);
        let ran = entry.ran.load(std::sync::atomic::Ordering::Relaxed);
        let back = entry.back.load(std::sync::atomic::Ordering::Relaxed);
        let (state, owner) = (entry.state(), entry.owner());
        counts[state as usize] += 1;
        let of_killed = killed.contains(&owner);
        let between = number % 8 == 0;
        let fair = match state {
            State::Right => ran == 1 && back == u32::from(between),
            State::Died => ran <= 1 && back <= ran,
            State::Begun => of_killed && ran <= 1,
            // Taken, and killed before it was noted whose it is; or its owner was told to stop.
            State::Unused => ran == 0 && (owner == 0 || of_killed),
            State::Wrong => false,
        };
        assert!(
            fair,
            "{number} of client {owner}: {state:?}, ran {ran}, called back {back}"
        );
    }
    let [unused, begun, right, died, _] = counts;
    println!("{right} right, {died} died, {begun} begun by the killed, {unused} unused");
    assert!(right > 0 && died > 0, "nothing was tried");
}
