//! Many clients at once: threads of one process, and processes. All of them call as often as they can
//! for as long as each other.

use crate::far::{Far, all, place_here};
use crate::measure::quantile;
use crate::peers::{Outcome, System, systems};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

const SPAN: Duration = Duration::from_millis(400);
const ROUNDS: usize = 3;
/// The crowds of the table.
pub const THREADS: [usize; 3] = [2, 8, 32];
pub const PROCESSES: [usize; 2] = [4, 10];

/// What a crowd comes to.
pub struct Crowd {
    pub what: &'static str,
    pub clients: usize,
    pub system: &'static str,
    /// All calls in a second.
    pub total: f64,
    /// The share of the client that was served least, beside an equal one.
    pub least: f64,
}

/// Threads of this process, each with a connection of its own. Those that spin are left out: they are
/// no floor with more threads than cores.
pub fn threads(clients: usize) -> Outcome<Vec<Crowd>> {
    place_here(&all()?)?;
    let names: Vec<&str> = systems()
        .iter()
        .filter(|system| !system.inside && is_for_crowds(system))
        .map(|system| system.name)
        .collect();
    let mut found: Vec<(&str, Vec<f64>, Vec<f64>)> =
        names.iter().map(|name| (*name, vec![], vec![])).collect();
    for _ in 0..ROUNDS {
        found.retain_mut(|(name, totals, least)| match of_threads(name, clients) {
            Ok((total, share)) => {
                totals.push(total);
                least.push(share);
                true
            }
            Err(error) => {
                eprintln!("{name}, {clients} threads: left out: {error}");
                false
            }
        });
    }
    Ok(crowds("threads", clients, found))
}

/// Processes, each a client by itself, of cosmos and of the futex.
pub fn processes(clients: usize) -> Outcome<Vec<Crowd>> {
    place_here(&all()?)?;
    let mut found = vec![
        ("futex on shared memory", vec![], vec![]),
        ("cosmos", vec![], vec![]),
    ];
    for _ in 0..ROUNDS {
        for (name, totals, least) in &mut found {
            let (total, share) = of_processes(name, clients)?;
            totals.push(total);
            least.push(share);
        }
    }
    Ok(crowds("processes", clients, found))
}

fn crowds(
    what: &'static str,
    clients: usize,
    found: Vec<(&'static str, Vec<f64>, Vec<f64>)>,
) -> Vec<Crowd> {
    let crowd = |(system, mut totals, mut least): (&'static str, Vec<f64>, Vec<f64>)| Crowd {
        what,
        clients,
        system,
        total: quantile(&mut totals, 0.5),
        least: quantile(&mut least, 0.5),
    };
    found.into_iter().map(crowd).collect()
}

fn is_for_crowds(system: &System) -> bool {
    !matches!(
        system.name,
        "spin on shared memory" | "yield on shared memory" | "cosmos, arena" | "rpyc"
    )
}

fn system_of(name: &str) -> Outcome<System> {
    let mut systems = systems().into_iter();
    let found = systems.find(|system| system.name == name);
    found.ok_or_else(|| format!("there is no system {name}").into())
}

/// All calls in a second, and the least share.
fn of_threads(name: &str, clients: usize) -> Outcome<(f64, f64)> {
    let system = system_of(name)?;
    let far = match system.has_far {
        true => Some(Far::start(&["far", name])?),
        false => None,
    };
    let connect = system.connect;
    let (begin, ended) = (Barrier::new(clients), Arc::new(AtomicBool::new(false)));
    let connecting = std::sync::Mutex::new(far.as_ref());
    let connecting = &connecting;
    let counts: Vec<Outcome<u64>> = std::thread::scope(|scope| {
        // One after the other: a connection is a conversation with the far end.
        let mut threads = Vec::new();
        for _ in 0..clients {
            let (begin, ended) = (&begin, &ended);
            threads.push(scope.spawn(move || {
                let connected = {
                    let far = connecting.lock().unwrap_or_else(|held| held.into_inner());
                    let connected = connect(*far).and_then(|mut peer| {
                        peer.cos(0.5)?;
                        Ok(peer)
                    });
                    drop(far);
                    connected
                };
                begin.wait();
                let mut peer = connected?;
                let deadline = Instant::now() + SPAN;
                let mut count = 0;
                while !ended.load(Ordering::Relaxed) {
                    peer.cos(0.5)?;
                    count += 1;
                    if count % 16 == 0 && Instant::now() >= deadline {
                        ended.store(true, Ordering::Relaxed);
                    }
                }
                Ok(count)
            }));
        }
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .map(|count| count.unwrap_or_else(|_| Err("a thread panicked".into())))
            .collect()
    });
    share(counts.into_iter().collect::<Outcome<Vec<u64>>>()?)
}

fn share(counts: Vec<u64>) -> Outcome<(f64, f64)> {
    let sum: u64 = counts.iter().sum();
    let least = counts.iter().min().copied().unwrap_or(0);
    let equal = sum as f64 / counts.len() as f64;
    Ok((sum as f64 / SPAN.as_secs_f64(), least as f64 / equal))
}

fn of_processes(name: &str, clients: usize) -> Outcome<(f64, f64)> {
    let mut far = Vec::new();
    for _ in 0..clients {
        far.push(Far::start(&["client", name])?);
    }
    for client in &far {
        client.tell("go")?;
    }
    let counts: Outcome<Vec<u64>> = far
        .iter()
        .map(|client| Ok(client.hear()?.parse()?))
        .collect();
    share(counts?)
}

/// A client of [`processes`]: connects, says so, and calls once it is told to.
pub fn client(name: &str) -> Outcome {
    let system = system_of(name)?;
    let far = match system.has_far {
        true => Some(Far::start(&["far", name])?),
        false => None,
    };
    let mut peer = (system.connect)(far.as_ref())?;
    peer.cos(0.5)?;
    crate::far::ready();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let deadline = Instant::now() + SPAN;
    let mut count = 0u64;
    loop {
        peer.cos(0.5)?;
        count += 1;
        if count.is_multiple_of(16) && Instant::now() >= deadline {
            break;
        }
    }
    println!("{count}");
    Ok(())
}
