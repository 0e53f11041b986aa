//! VMs, launchers and both daemons are killed at random under load from several clients. Every call
//! gives the right result or an error that names what happened, nothing waits for ever, and when the
//! clients have ended nothing is left: no process, no descriptor, no file that was not there.
//!
//! `COSMOSTEST_CHAOS` is for how many seconds (8; `make soak` says more).

use cosmos::{Error, FaultCode, Options, Stream, Value};
use cosmos_tests::{World, eventually, in_world_for, open_descriptors};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Says that this process is a client: its number.
const CLIENT: &str = "COSMOSTEST_CHAOS_CLIENT";
const CLIENTS: u32 = 4;
/// How long anything may take that comes to an end.
const PATIENCE: Duration = Duration::from_secs(90);
const KILLED: [&str; 5] = [
    "cosmosd",
    "cosmosdb",
    "cosmos-launch",
    "cosmos-hostfn",
    "cosmos-exec",
];
/// What may come of a step while daemons and VMs die: each says that one did.
const NAMED: [FaultCode; 7] = [
    FaultCode::VmDied,
    FaultCode::Disconnected,
    FaultCode::LaunchFailed,
    FaultCode::NoSuchName,
    FaultCode::NameTaken,
    FaultCode::TimedOut,
    // A shared VM that died too often in a row.
    FaultCode::LimitReached,
];
/// What stays in a socket directory; a log that got long is put aside.
const FILES: [&str; 9] = [
    "cosmosdb.sock",
    "cosmosdb.lock",
    "cosmosd.lock",
    "start.lock",
    "cosmosdb.log",
    "cosmosd.log",
    "cosmosdb.log.old",
    "cosmosd.log.old",
    "cosmosd.last",
];

#[test]
fn whatever_is_killed_calls_end_well_or_by_name_and_nothing_is_left() {
    let seconds = seconds();
    in_world_for(Duration::from_secs(seconds) + 4 * PATIENCE, |world| {
        let stop = world.directory().join("stop");
        if std::env::var_os(CLIENT).is_some() {
            return client(&stop);
        }
        // SAFETY: no other thread of this process looks at the environment now.
        unsafe { std::env::set_var("COSMOS_IDLE_SECONDS", "1") };
        let before = open_descriptors();
        let clients: Vec<Child> = (0..CLIENTS).map(start).collect();
        let killed = rage(world, Duration::from_secs(seconds));
        std::fs::write(&stop, "").expect("the word to stop");
        for (number, mut child) in clients.into_iter().enumerate() {
            let ended = eventually(PATIENCE, || child.try_wait().expect("a client"));
            let ended = ended.unwrap_or_else(|| panic!("client {number} waits for ever"));
            assert!(ended.success(), "client {number}: {ended}");
        }
        println!("killed: {killed:?}");
        assert!(killed.values().sum::<u32>() > 0, "nothing was killed");
        idles(world);
        assert_eq!(open_descriptors(), before);
    });
}

fn seconds() -> u64 {
    let said = std::env::var("COSMOSTEST_CHAOS").ok();
    said.and_then(|text| text.parse().ok()).unwrap_or(8)
}

fn start(number: u32) -> Child {
    Command::new(std::env::current_exe().expect("this executable"))
        .args(std::env::args().skip(1))
        .env(CLIENT, number.to_string())
        .stdin(Stdio::null())
        .spawn()
        .expect("a client")
}

/// Kills until the time is up; whom, how often.
fn rage(world: &World, time: Duration) -> BTreeMap<&'static str, u32> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let mut random = now.map_or(1, |now| now.as_nanos() as u64) | 1;
    println!("random numbers begin with {random}");
    let mut below = |end: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % end
    };
    let mut killed = BTreeMap::new();
    let begun = Instant::now();
    while begun.elapsed() < time {
        std::thread::sleep(Duration::from_millis(20 + below(200)));
        let name = KILLED[below(KILLED.len() as u64) as usize];
        let found = world.processes_named(name);
        if found.is_empty() {
            continue;
        }
        let chosen = &found[below(found.len() as u64) as usize];
        // All of this world's are below its supervisor, who alone reaps them.
        if kill(Pid::from_raw(chosen.pid), Signal::SIGKILL).is_ok() {
            *killed.entry(name).or_default() += 1;
        }
    }
    killed
}

/// Uses cosmos until it is told to stop.
fn client(stop: &Path) {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut longest = Duration::ZERO;
    let mut descriptors = Vec::new();
    let mut round = 0;
    while !stop.exists() {
        let begun = Instant::now();
        let result = match round % 4 {
            0 => program(round),
            1 => shared(round),
            _ => library(round),
        };
        longest = longest.max(begun.elapsed());
        let verdict = match result {
            Ok(()) => "right".to_owned(),
            Err(error) => {
                assert!(NAMED.contains(&error.code()), "{:?}: {error}", error.code());
                format!("{:?}", error.code())
            }
        };
        *counts.entry(verdict).or_default() += 1;
        round += 1;
        descriptors.push(open_descriptors());
    }
    // A round more, when nobody dies any more: it has to go well.
    let last = eventually(PATIENCE, || library(round).ok());
    assert!(last.is_some(), "nothing works any more");
    println!("{counts:?}, the longest step took {longest:?}");
    assert!(counts.contains_key("right"), "{counts:?}");
    let most = descriptors.iter().skip(descriptors.len() / 2).max();
    assert!(
        most.is_none_or(|most| *most < 64),
        "descriptors leak: {descriptors:?}"
    );
}

fn library(round: i64) -> Result<(), Error> {
    call(&Options::new().fresh(round % 8 == 2), round)
}

fn shared(round: i64) -> Result<(), Error> {
    call(&Options::new().shared("crowd"), round)
}

fn call(options: &Options, round: i64) -> Result<(), Error> {
    let library = cosmos::dlopen_with("libc.so.6", options)?;
    let labs = library.function("long labs(long number)")?;
    for number in 0..50 {
        let expected = round * 50 + number;
        let outcome = labs.call(&[(-expected).into()])?;
        assert_eq!(outcome.result, Value::Int(expected.into()));
    }
    Ok(())
}

fn program(round: i64) -> Result<(), Error> {
    let mut command = cosmos::Command::new("cat");
    command.stderr(Stream::Null);
    let input = vec![round as u8; 100_000];
    let captured = command.output(&input, 1 << 20)?;
    // A program whose VM is killed under it is an error, not a short answer.
    if captured.ended.success() {
        assert!(captured.stdout == input, "{} bytes", captured.stdout.len());
    } else {
        assert_ne!(captured.ended.signal, 0, "{:?}", captured.ended);
    }
    Ok(())
}

/// Nothing of cosmos runs any more, and nothing is left of it.
fn idles(world: &World) {
    let left = || {
        let ours = world.processes().into_iter();
        let names: Vec<String> = ours.map(|process| process.name).collect();
        names
    };
    let over = eventually(PATIENCE, || left().is_empty().then_some(()));
    assert!(over.is_some(), "left running: {:?}", left());
    let files: Vec<PathBuf> = std::fs::read_dir(world.sockets())
        .expect("the socket directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default();
            !FILES.iter().any(|known| name == *known)
        })
        .collect();
    assert!(files.is_empty(), "left behind: {files:?}");
}
