//! A process that calls from several threads and notes what comes of each call.

use crate::ledger::{Entry, Ledger, State};
use cosmos::{Error, FaultCode, Function, Options, Symbol, Value};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const THREADS: u32 = 4;

/// What a client is started with.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its number, by which the ledger knows it.
    pub number: u32,
    /// The VM it has in common with others, if any.
    pub shared: bool,
}

/// The functions of one library that is open.
struct Opened {
    enter: Function,
    pointed: Symbol<extern "C" fn(i64) -> i64>,
    enter_between: Function,
    enter_bytes: Function,
    _library: cosmos::Library,
}

/// Calls until the ledger is closed. What ought not to be is told by the exit status and in words.
pub fn run(role: &Role, library: &Path, ledger: &Ledger) {
    // A thread that fails ends the client, before it might be killed for its others.
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}");
        std::process::exit(1);
    }));
    std::thread::scope(|scope| {
        let threads = (0..THREADS).map(|_| scope.spawn(|| serve(role, library, ledger)));
        let threads: Vec<_> = threads.collect();
        for thread in threads {
            thread.join().expect("a thread of the client");
        }
    });
}

fn serve(role: &Role, library: &Path, ledger: &Ledger) {
    while ledger.is_open() {
        // It may be killed while it starts.
        let opened = match open(role, library, ledger) {
            Ok(opened) => opened,
            Err(error) => {
                let ending = error.code() == FaultCode::NameTaken && role.shared;
                // One that was killed too often in a row is not started again for some seconds.
                let pausing = error.code() == FaultCode::LimitReached && role.shared;
                if pausing {
                    std::thread::sleep(Duration::from_millis(50));
                }
                assert!(
                    ending || pausing || names_a_death(&error),
                    "open: {:?}: {error}",
                    error.code()
                );
                continue;
            }
        };
        while let Some((number, entry)) = ledger.take(role.number) {
            if !call(&opened, number, &entry) {
                break;
            }
        }
    }
}

fn open(role: &Role, path: &Path, ledger: &Ledger) -> Result<Opened, Error> {
    let options = match role.shared {
        true => Options::new().shared("deaths"),
        false => Options::new(),
    };
    let library = cosmos::dlopen_with(path.to_str().expect("UTF-8"), &options)?;
    let keep = library.function("int keep(int __fd fd)")?;
    let kept = keep.call(&[Value::Descriptor(ledger.file().as_raw_fd())])?;
    assert_eq!(kept.result, Value::Int(0), "the ledger is not mapped");
    Ok(Opened {
        enter: library.function("long enter(long number)")?,
        pointed: library.symbol("long enter(long number)")?,
        enter_between: library
            .function("long enter_between(long number, long (*back)(long number))")?,
        enter_bytes: library.function(
            "long enter_bytes(long number, void *__inout __sized_by(size) bytes, \
             size_t size)",
        )?,
        _library: library,
    })
}

/// Makes one call, of a kind that its number decides, and notes what comes of it; whether the VM lives.
fn call(opened: &Opened, number: u64, entry: &Entry<'_>) -> bool {
    entry.set(State::Begun);
    let outcome = match number % 8 {
        0 => between(opened, number, entry),
        1 => bytes(opened, number, 4096),
        2 => bytes(opened, number, 300_000),
        3 => started(opened, number),
        4 | 5 => pointed(opened, number),
        _ => plain(opened, number),
    };
    match outcome {
        Ok(true) => entry.set(State::Right),
        Ok(false) => {
            entry.set(State::Wrong);
            panic!("the call {number} returned something else");
        }
        Err(error) if names_a_death(&error) => {
            entry.set(State::Died);
            return false;
        }
        Err(error) => {
            entry.set(State::Wrong);
            panic!("the call {number} failed: {:?}: {error}", error.code());
        }
    }
    true
}

fn plain(opened: &Opened, number: u64) -> Result<bool, Error> {
    let outcome = opened.enter.call(&[signed(number).into()])?;
    Ok(outcome.result == (7 * signed(number) + 3).into())
}

/// As a C program does it: by the pointer, with the error beside it.
fn pointed(opened: &Opened, number: u64) -> Result<bool, Error> {
    cosmos::clear_last_error();
    let result = opened.pointed.call(signed(number));
    match cosmos::last_error() {
        Some(error) => Err(error),
        None => Ok(result == 7 * signed(number) + 3),
    }
}

fn started(opened: &Opened, number: u64) -> Result<bool, Error> {
    let outcome = opened.enter.start(vec![signed(number).into()])?.wait()?;
    Ok(outcome.result == (7 * signed(number) + 3).into())
}

fn between(opened: &Opened, number: u64, entry: &Entry<'_>) -> Result<bool, Error> {
    // The callback may outlive this frame, so it has the count by itself.
    let count = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&count);
    let back = cosmos::callback(move |arguments: &[Value]| {
        counted.fetch_add(1, Ordering::Relaxed);
        match arguments {
            [Value::Int(number)] => Value::Int(number * 5),
            _ => Value::Int(-1),
        }
    });
    let outcome = opened.enter_between.call(&[signed(number).into(), back]);
    entry
        .back
        .store(count.load(Ordering::Relaxed), Ordering::Relaxed);
    Ok(outcome?.result == (5 * signed(number) + 1).into())
}

fn bytes(opened: &Opened, number: u64, size: usize) -> Result<bool, Error> {
    let given: Vec<u8> = (0..size as u64).map(|at| (number + at) as u8).collect();
    let outcome = opened.enter_bytes.call(&[
        signed(number).into(),
        Value::Bytes(given.clone()),
        (size as i64).into(),
    ])?;
    let turned = outcome.outputs.first().map(|(_, value)| value.clone());
    let expected: Vec<u8> = given.iter().map(|byte| !byte).collect();
    Ok(outcome.result == (size as i64).into() && turned == Some(Value::Bytes(expected)))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).expect("numbers are small")
}

/// Whether an error says that the VM is gone, or was lost before it served.
fn names_a_death(error: &Error) -> bool {
    matches!(error.code(), FaultCode::VmDied | FaultCode::LaunchFailed)
        && !error.to_string().is_empty()
}
