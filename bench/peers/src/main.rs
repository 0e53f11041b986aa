//! Calls of cosmos beside those of other systems, and beside what the machine allows, in one run.
//!
//! `cosmos-peers [--out DIRECTORY] [--rounds N] [--only PART]`, of `calls`, `threads` and `processes`.
//! Prints tables; writes `peers.json` and `peers.svg`. The far ends are this program again:
//! `cosmos-peers far SYSTEM DIRECTORY`, and so are clients and the busy neighbour.

mod crowd;
mod far;
mod measure;
mod peers;
mod picture;
mod report;
mod targets;

use far::{Far, Placement, all, place_here};
use measure::{Payload, Ready};
use peers::{Outcome, systems};
use std::path::{Path, PathBuf};

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["far", name, directory] => far_end(name, Path::new(directory)),
        ["client", name, _] => {
            far::die_with_parent();
            crowd::client(name)
        }
        ["hog", _] => hog(),
        _ => Run::of(&words)?.measure(),
    }
}

fn far_end(name: &str, directory: &Path) -> Outcome {
    far::die_with_parent();
    let mut systems = systems().into_iter();
    let system = systems.find(|system| system.name == name);
    (system.ok_or("there is no such system")?.serve)(directory)
}

fn hog() -> Outcome {
    far::die_with_parent();
    far::ready();
    loop {
        std::hint::spin_loop();
    }
}

/// What is asked for.
struct Run {
    out: PathBuf,
    rounds: usize,
    only: Option<String>,
}

impl Run {
    fn of(words: &[&str]) -> Outcome<Run> {
        let mut run = Run {
            out: PathBuf::from("target/bench"),
            rounds: 11,
            only: None,
        };
        for pair in words.chunks(2) {
            match pair {
                ["--out", directory] => run.out = PathBuf::from(directory),
                ["--rounds", rounds] => run.rounds = rounds.parse()?,
                ["--only", part] => run.only = Some((*part).to_owned()),
                other => return Err(format!("{other:?} is no option; see src/main.rs").into()),
            }
        }
        Ok(run)
    }

    fn wants(&self, part: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == part)
    }

    fn measure(&self) -> Outcome {
        // Before anything is placed, so that the daemons are not.
        let kept = cosmos::dlopen("libm.so.6")?;
        let mut rows = Vec::new();
        let mut crowds = Vec::new();
        if self.wants("calls") {
            for placement in Placement::ALL {
                self.calls(placement, &mut rows)?;
            }
        }
        place_here(&all()?)?;
        if self.wants("processes") {
            for clients in crowd::PROCESSES {
                let found = crowd::processes(clients)?;
                report::print_crowd(&found);
                crowds.extend(found);
            }
        }
        if self.wants("threads") {
            for clients in crowd::THREADS {
                let found = crowd::threads(clients)?;
                report::print_crowd(&found);
                crowds.extend(found);
            }
        }
        report::save(&rows, &crowds, &self.out)?;
        targets::say(&rows, &crowds)?;
        println!("\nwritten: {}", self.out.join("peers.{json,svg}").display());
        drop(kept);
        Ok(())
    }

    fn calls(&self, placement: Placement, rows: &mut Vec<measure::Row>) -> Outcome {
        let _hog = match placement {
            Placement::BusyNeighbour => Some(Far::start(&["hog"])?),
            _ => None,
        };
        place_here(&placement.near()?)?;
        let mut ready = Vec::new();
        let belongs = |system: &peers::System| Ready::belongs(system, placement);
        for system in systems().into_iter().filter(belongs) {
            let name = system.name;
            match Ready::start(system, placement) {
                Ok(one) => ready.push(one),
                Err(error) => eprintln!("{name}: left out: {error}"),
            }
        }
        for payload in Payload::DENSE {
            let found = measure::dense(&mut ready, placement, payload, self.rounds)?;
            let begin = rows.len();
            rows.extend(found);
            report::print(&rows[begin..], rows);
        }
        if placement == Placement::TwoCores {
            println!("\nsorting");
            let found = measure::sorting(&mut ready, placement)?;
            let begin = rows.len();
            rows.extend(found);
            report::print(&rows[begin..], rows);
        }
        Ok(())
    }
}
