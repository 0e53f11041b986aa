//! What is printed and written.

use crate::crowd::Crowd;
use crate::far::Placement;
use crate::measure::{Payload, Row};
use crate::peers::Outcome;
use serde_json::{Value, json};
use std::path::Path;

/// What a row is a multiple of: the least that the machine allows for that payload there.
fn floor_of(rows: &[Row], row: &Row) -> Option<(&'static str, f64)> {
    let names: &[&'static str] = match (row.payload, row.placement) {
        (Payload::Sort, _) => &["in-process call"],
        (Payload::Bytes(_), _) => &["memcpy"],
        (_, Placement::TwoCores) => &["spin on shared memory"],
        (_, Placement::OneCore) => &["futex on shared memory", "yield on shared memory"],
        (_, Placement::BusyNeighbour) => &["futex on shared memory"],
    };
    let there = |other: &&Row| other.placement == row.placement && other.payload == row.payload;
    let floors = rows
        .iter()
        .filter(there)
        .filter(|row| names.contains(&row.system));
    floors
        .map(|row| (row.system, row.times.median))
        .min_by(|left, right| left.1.total_cmp(&right.1))
}

/// Prints the rows of one table.
pub fn print(rows: &[Row], all: &[Row]) {
    let Some(first) = rows.first() else { return };
    println!("\n{}, {}", first.payload.name(), first.placement.name());
    println!(
        "{:<28}{:>14}{:>14}{:>12}",
        "", "median us", "p99 us", "x floor"
    );
    for row in rows {
        let ratio = floor_of(all, row).map_or(0.0, |(_, floor)| row.times.median / floor);
        println!(
            "{:<28}{:>14.3}{:>14.3}{:>12.2}",
            row.system,
            row.times.median / 1e3,
            row.times.p99 / 1e3,
            ratio
        );
    }
}

/// Prints crowds of one size.
pub fn print_crowd(crowds: &[Crowd]) {
    let Some(first) = crowds.first() else { return };
    println!("\n{} {}, cos", first.clients, first.what);
    println!(
        "{:<28}{:>14}{:>14}{:>12}",
        "", "calls/s", "least share", "x futex"
    );
    let futex = crowds
        .iter()
        .find(|crowd| crowd.system.starts_with("futex"));
    for crowd in crowds {
        let ratio = futex.map_or(0.0, |futex| crowd.total / futex.total);
        println!(
            "{:<28}{:>14.0}{:>14.2}{:>12.2}",
            crowd.system, crowd.total, crowd.least, ratio
        );
    }
}

/// Everything as JSON.
pub fn save(rows: &[Row], crowds: &[Crowd], directory: &Path) -> Outcome {
    let of_row = |row: &Row| {
        let floor = floor_of(rows, row);
        json!({
            "placement": row.placement.name(),
            "payload": row.payload.name(),
            "system": row.system,
            "median_ns": row.times.median,
            "p99_ns": row.times.p99,
            "floor": floor.map(|floor| floor.0),
            "ratio": floor.map(|floor| row.times.median / floor.1),
        })
    };
    let of_crowd = |crowd: &Crowd| {
        json!({
            "clients": crowd.clients,
            "of": crowd.what,
            "system": crowd.system,
            "calls_per_second": crowd.total,
            "least_share": crowd.least,
        })
    };
    let value = json!({
        "calls": rows.iter().map(of_row).collect::<Vec<Value>>(),
        "crowds": crowds.iter().map(of_crowd).collect::<Vec<Value>>(),
    });
    std::fs::create_dir_all(directory)?;
    std::fs::write(
        directory.join("peers.json"),
        serde_json::to_string_pretty(&value)?,
    )?;
    std::fs::write(directory.join("peers.svg"), crate::picture::of(rows))?;
    Ok(())
}
