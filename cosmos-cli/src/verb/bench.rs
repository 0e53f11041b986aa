//! `cosmos bench TARGET PROTOTYPE [ARG...]`: what one call costs on each way that it can go.
//!
//! Each way is a process of its own, this program again: a call that crashes, hangs or ends its process
//! takes nothing else with it, and each way has the settings that it needs from its start. This process
//! has them make calls in turns, so that all of them meet the same machine, and does nothing meanwhile.
//!
//! ```text
//! this process ── "12\n" ──▶ the way's process      make calls for 12 ms
//!              ◀─ "810 790 805\n" ──                what each took, in nanoseconds
//!              ◀─ "failed: WHY\n" ──                it cannot be gone
//! ```

mod native;
mod turns;
mod way;
mod worker;

use super::attempt::{Attempt, Declared};
use crate::arguments::Bench;
use crate::literal::{self, Names, sizes};
use crate::report::{Problem, Report, Verdict};
use comfy_table::{CellAlignment, Table, presets};
use cosmos::Host;
use serde_json::json;
use std::iter;
use turns::Taken;

pub use way::Way;

/// Measures and prints; as the process of a way, makes the calls.
pub fn run(bench: &Bench) -> Verdict {
    let attempt = Attempt {
        json: bench.json && bench.way.is_none(),
        errno: false,
        late_option: bench.arguments.iter().any(|word| word == "--json"),
    };
    let Declared {
        prototype,
        constants,
    } = attempt.given(&bench.target, &bench.prototype)?;
    let frame = attempt.parsed(&prototype)?;
    let words = sizes::completed(&frame, &bench.arguments);
    let names = Names {
        constants: &constants,
        kept: None,
    };
    let given = literal::arguments(&frame, &words, names)
        .map_err(|error| attempt.wrong_words(frame.name(), &error))?;
    if let Some(way) = bench.way {
        worker::work(bench, way, &prototype, &given);
        return Ok(0);
    }
    let rows = measure(bench)?;
    let text = match bench.json {
        true => format!("{:#}\n", json(bench, &rows)),
        false => table(&rows),
    };
    super::print(&text)?;
    let is_measured = rows.iter().any(|row| row.taken.is_ok());
    Ok(if is_measured {
        0
    } else {
        crate::report::FAILED
    })
}

/// A way and what came of it.
struct Row {
    way: Way,
    taken: Result<Taken, String>,
}

fn measure(bench: &Bench) -> Result<Vec<Row>, Problem> {
    let ways = ways(bench)?;
    let taken = turns::measure(&ways, bench.time)
        .map_err(|error| Problem::cosmos(Report::new(format!("cosmos bench: {error}"))))?;
    let rows = ways.into_iter().zip(taken);
    Ok(rows.map(|(way, taken)| Row { way, taken }).collect())
}

fn ways(bench: &Bench) -> Result<Vec<Way>, Problem> {
    let config = super::config::load()?;
    let host = bench.confinement.host.as_ref().unwrap_or(&config.host);
    let levels = levels(bench, host)?.into_iter();
    // What the target means there it may not mean here, so nothing here is compared with it.
    Ok(match host {
        Host::Local => iter::once(Way::Native)
            .chain(levels.flat_map(|level| [Way::Ring(level), Way::Socket(level)]))
            .collect(),
        Host::Ssh(_) => levels.map(Way::There).collect(),
    })
}

/// The levels that the machine offers, or the one that was asked for.
fn levels(bench: &Bench, host: &Host) -> Result<Vec<cosmos_config::Level>, Problem> {
    if let Some(name) = &bench.confinement.isolation {
        let level = name.parse().map_err(|()| {
            Problem::usage(Report::new(format!("there is no isolation level '{name}'")))
        })?;
        return Ok(vec![level]);
    }
    let offers = cosmos::queries::levels_of(host)?;
    let offered = |level: &cosmos_config::Level| {
        let name = level.name();
        offers
            .iter()
            .any(|offer| offer.name == name && offer.available)
    };
    Ok(cosmos_config::Level::ALL
        .into_iter()
        .filter(offered)
        .collect())
}

/// The median of the first way that worked: what the others are compared with.
fn floor(rows: &[Row]) -> Option<f64> {
    rows.iter()
        .find_map(|row| Some(row.taken.as_ref().ok()?.median))
}

fn table(rows: &[Row]) -> String {
    let floor = floor(rows);
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["WAY", "CALLS", "MEDIAN", "99 %", "RATIO"]);
    let mut failed = String::new();
    for row in rows {
        match &row.taken {
            Ok(taken) => {
                let ratio = floor.map_or(String::new(), |floor| ratio(taken.median / floor));
                table.add_row([
                    row.way.to_string(),
                    taken.calls.to_string(),
                    time(taken.median),
                    time(taken.late),
                    ratio,
                ]);
            }
            Err(why) => failed.push_str(&format!("{}: {why}\n", row.way)),
        }
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let lines: Vec<_> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    match lines.len() {
        1 => failed,
        _ => lines.join("\n") + "\n" + &failed,
    }
}

fn json(bench: &Bench, rows: &[Row]) -> serde_json::Value {
    let floor = floor(rows);
    let row = |row: &Row| match &row.taken {
        Ok(taken) => json!({
            "way": row.way.to_string(),
            "calls": taken.calls,
            "median_ns": taken.median,
            "p99_ns": taken.late,
            "ratio": floor.map(|floor| taken.median / floor),
        }),
        Err(why) => json!({ "way": row.way.to_string(), "failed": why }),
    };
    json!({
        "target": bench.target,
        "prototype": bench.prototype,
        "arguments": bench.arguments,
        "ways": rows.iter().map(row).collect::<Vec<_>>(),
    })
}

/// A time of nanoseconds, in a unit that suits it.
fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        short if short < 1e3 => format!("{short:.0} ns"),
        short if short < 1e6 => format!("{:.1} us", short / 1e3),
        long if long < 1e9 => format!("{:.1} ms", long / 1e6),
        long => format!("{:.1} s", long / 1e9),
    }
}

fn ratio(ratio: f64) -> String {
    match ratio {
        small if small < 100.0 => format!("{small:.2}"),
        large => format!("{large:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cosmos_config::Level;

    #[test]
    fn a_table_compares_with_the_first_way_that_worked_and_names_those_that_did_not() {
        let taken = |median| {
            Ok(Taken {
                calls: 1000,
                median,
                late: median * 2.0,
            })
        };
        let rows = [
            Row {
                way: Way::Native,
                taken: taken(20.0),
            },
            Row {
                way: Way::Ring(Level::Limits),
                taken: taken(2_500.0),
            },
            Row {
                way: Way::Socket(Level::Namespaces),
                taken: Err("killed by SIGSEGV".to_owned()),
            },
        ];
        let text = table(&rows);
        let shown: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(
            shown[1],
            [
                "in", "this", "process", "1000", "20", "ns", "40", "ns", "1.00"
            ]
        );
        assert_eq!(
            shown[2],
            ["ring,", "limits", "1000", "2.5", "us", "5.0", "us", "125"]
        );
        assert!(
            text.ends_with("socket, namespaces: killed by SIGSEGV\n"),
            "{text}"
        );
        assert_eq!(table(&rows[2..]), "socket, namespaces: killed by SIGSEGV\n");
    }
}
