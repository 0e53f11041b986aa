//! What opening costs where a VM waits for it, beside opening in this process; and what waiting costs.
//!
//! | row | yardstick |
//! |---|---|
//! | open, resolve, call in a VM that waited: until the result is there | `dlopen`, `dlsym` and the call here |
//! | the same | a bare chain of such processes, see [`bare`] |
//!
//! Beside the row: the memory of a VM that waits, and of its launcher, and the processor time that both
//! use while they do.
//!
//! `cargo bench -p cosmos-tests --bench pooled [-- --json FILE]`. Timing decides nothing.

#[path = "pooled/bare.rs"]
mod bare;

use bare::Chain;
use cosmos_rpc::message::coordinator::{ListVms, VmRow};
use cosmos_rpc::rendezvous::{Rendezvous, connect_coordinator};
use cosmos_tests::targets::Target;
use cosmos_tests::turns::{Outcome, Report, check, compare_parts_with_each};
use cosmos_tests::{eventually, is_measuring_with};
use std::fs::read_to_string;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

const LIBRARY: &str = "libz.so.1";
const FUNCTION: &str = "uLong zlibCompileFlags(void)";
const SYMBOL: &str = "zlibCompileFlags";
/// For a VM to be started that waits.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it is watched while it waits.
const WATCHED: Duration = Duration::from_secs(5);

fn main() -> Outcome {
    if bare::part()? {
        return Ok(());
    }
    if !is_measuring_with(&[("COSMOS_POOL", "1")]) {
        return Ok(());
    }
    // Of what was asked for once there is one that waits.
    first_result()?;
    let mut report = Report::default();
    let mut pooled = || {
        waiting()?;
        first_result()
    };
    let mut chain = Chain::start()?;
    let mut bare = || chain.round(LIBRARY, SYMBOL);
    let [pair, chained] = compare_parts_with_each(&mut pooled, [&mut here, &mut bare])?;
    let row = "from the pool: open, call";
    report.row(row, pair, "dlopen, dlsym, call here");
    report.row(row, chained, "a bare chain of such processes");
    let beyond = (pair.subject - pair.yardstick) / 1e3;
    Target::at_most("pooled open to first result", 150.0, "us over dlopen here").reached(beyond)?;
    report.print();
    println!("from the pool, {beyond:.0} us more than here");
    idle()?;
    Ok(report.save()?)
}

/// Until the first result of a VM of its own, which is closed then.
fn first_result() -> Outcome<Duration> {
    let begin = Instant::now();
    let options = cosmos::Options::new().fresh(true);
    let library = cosmos::dlopen_with(LIBRARY, &options)?;
    let outcome = library.function(FUNCTION)?.call(&[])?;
    let took = begin.elapsed();
    check(outcome.result != cosmos::Value::Int(0), FUNCTION)?;
    library.close()?;
    Ok(took)
}

fn here() -> Outcome<Duration> {
    let begin = Instant::now();
    // SAFETY: zlib's constructors do nothing; the function has this type.
    let (library, flags) = unsafe {
        let library = libloading::Library::new(LIBRARY)?;
        let function = library.get::<extern "C" fn() -> u64>(b"zlibCompileFlags\0")?;
        let flags = function();
        (library, flags)
    };
    let took = begin.elapsed();
    check(flags != 0, FUNCTION)?;
    library.close()?;
    Ok(took)
}

/// The VM that waits, once there is one.
fn waiting() -> Outcome<VmRow> {
    let directory = std::env::var_os("COSMOS_SOCKET_DIRECTORY").ok_or("no daemons")?;
    let rendezvous = Rendezvous {
        directory: directory.into(),
        libexec: PathBuf::new(),
        start: false,
        patience: PATIENCE,
    };
    let mut cosmosd = connect_coordinator(&rendezvous)?;
    let mut look = || {
        let (rows, _) = cosmosd.call(&ListVms, &[]).ok()?;
        rows.into_iter().find(|row| row.state == "waiting")
    };
    let row = eventually(PATIENCE, &mut look).ok_or("no VM waits")?;
    // What it was asked is not to be in the way of what is measured.
    drop(cosmosd);
    sleep(Duration::from_millis(5));
    Ok(row)
}

/// Prints what a VM and its launcher use while it waits.
fn idle() -> Outcome {
    let vm = waiting()?.pid;
    let launcher = status(vm, "PPid:")?;
    let used = || Ok::<_, Box<dyn std::error::Error>>(ticks(vm)? + ticks(launcher)?);
    let before = used()?;
    sleep(WATCHED);
    let after = used()?;
    for (name, process) in [("a VM that waits", vm), ("its launcher", launcher)] {
        println!(
            "{name}: {} KiB resident, {} KiB of that shared out among who has it, {} KiB its own",
            rollup(process, "Rss:")?,
            rollup(process, "Pss:")?,
            rollup(process, "Private_Dirty:")? + rollup(process, "Private_Clean:")?,
        );
    }
    println!(
        "both in {} s: {} hundredths of a second of processor time",
        WATCHED.as_secs(),
        after - before
    );
    Ok(())
}

fn status(process: i32, key: &str) -> Outcome<i32> {
    Ok(value(&read_to_string(format!("/proc/{process}/status"))?, key)?.parse()?)
}

fn rollup(process: i32, key: &str) -> Outcome<u64> {
    let text = read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    Ok(value(&text, key)?.parse()?)
}

fn value<'t>(text: &'t str, key: &str) -> Outcome<&'t str> {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let word = line.and_then(|line| line.split_whitespace().next());
    Ok(word.ok_or_else(|| format!("no {key} in /proc"))?)
}

/// Processor time of a process, in clock ticks.
fn ticks(process: i32) -> Outcome<u64> {
    let text = read_to_string(format!("/proc/{process}/stat"))?;
    // The name, which may have blanks, is in parentheses.
    let (_, rest) = text.rsplit_once(')').ok_or("no name in /proc")?;
    let fields = rest.split_whitespace().skip(11).take(2);
    let times: Result<Vec<u64>, _> = fields.map(str::parse).collect();
    Ok(times?.iter().sum())
}
