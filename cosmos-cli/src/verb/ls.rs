//! `cosmos ls`.

use crate::arguments::Ls;
use crate::report::plain;
use crate::report::{Problem, Verdict};
use comfy_table::{CellAlignment, Table, presets};
use cosmos::Host;
use cosmos_config::Config;
use cosmos_rpc::message::coordinator::VmRow;
use serde_json::json;

/// How cosmosd says that a VM ended by itself and without an error.
const ENDED_WELL: &str = "exited with status 0";

/// Prints the running VMs, and those that died lately. Where no daemon runs there are none: nothing is started to find out.
pub fn run(arguments: &Ls) -> Verdict {
    let config = super::config::load()?;
    let host = super::chosen(&arguments.place, &config);
    let rows = shown(rows(&config, &host)?, arguments.all);
    if arguments.json {
        super::print_json(&json(&rows))?;
    } else {
        super::print(&table(&rows))?;
    }
    Ok(0)
}

/// What the cosmosd of a host knows of VMs; nothing where no daemon runs here.
pub(super) fn rows(config: &Config, host: &Host) -> Result<Vec<VmRow>, Problem> {
    match *host != Host::Local || super::daemons::registry_listens(config) {
        true => Ok(cosmos::queries::list_vms_of(host)?),
        false => Ok(Vec::new()),
    }
}

/// The rows as an array.
pub(super) fn json(rows: &[VmRow]) -> serde_json::Value {
    rows.iter().map(json_row).collect()
}

/// Without the VMs that ended as they should, unless all are wanted; oldest first.
pub(super) fn shown(mut rows: Vec<VmRow>, all: bool) -> Vec<VmRow> {
    rows.retain(|row| all || row.state != "gone" || row.ending != ENDED_WELL);
    rows.sort_by_key(|row| {
        let number = row
            .name
            .rsplit('-')
            .next()
            .and_then(|digits| digits.parse::<u64>().ok());
        (row.kind.clone(), number, row.name.clone())
    });
    rows
}

fn json_row(row: &VmRow) -> serde_json::Value {
    json!({
        "vm": row.name,
        "kind": row.kind,
        "targets": row.targets,
        "host": row.host,
        "state": row.state,
        "isolation": row.isolation,
        "pid": row.pid,
        "resident_bytes": row.resident,
        "age_ms": row.age,
        "ending": row.ending,
    })
}

pub(super) fn table(rows: &[VmRow]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header([
        "VM",
        "KIND",
        "TARGET",
        "HOST",
        "STATE",
        "ISOLATION",
        "PID",
        "RSS",
        "UP",
    ]);
    for row in rows {
        table.add_row([
            plain(&row.name),
            plain(&row.kind),
            plain(&targets(row)),
            row.host.clone(),
            plain(&row.state),
            plain(&row.isolation),
            row.pid.to_string(),
            bytes(row.resident),
            plain(&up(row)),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for column in [6, 7] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<_> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n") + "\n"
}

fn targets(row: &VmRow) -> String {
    let name = |path: &String| path.rsplit('/').next().unwrap_or(path).to_owned();
    match row.targets.as_slice() {
        [] => "-".to_owned(),
        [one] => name(one),
        [first, rest @ ..] => format!("{} +{}", name(first), rest.len()),
    }
}

fn up(row: &VmRow) -> String {
    if row.ending.is_empty() {
        duration(row.age)
    } else {
        format!("{} ago {}", duration(row.age), row.ending)
    }
}

/// `4m`, `12s`.
fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0 => format!("{milliseconds}ms"),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    }
}

/// `3.1M`; zero is what nobody measured.
pub(super) fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["K", "M", "G", "T"];
    if number == 0 {
        return "-".to_owned();
    }
    let mut scaled = number as f64 / 1024.0;
    let mut unit = 0;
    while scaled >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{scaled:.1}{}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> VmRow {
        VmRow {
            name: "hostfn-3".into(),
            kind: "hostfn".into(),
            targets: vec!["/usr/lib/x86_64-linux-gnu/libz.so.1".into()],
            host: "local".into(),
            state: "ready".into(),
            isolation: "limits".into(),
            pid: 4123,
            resident: 3_250_586,
            age: 245_000,
            ending: String::new(),
        }
    }

    #[test]
    fn what_ended_well_is_shown_only_on_demand() {
        let named = |name: &str, state: &str, ending: &str| VmRow {
            name: name.into(),
            state: state.into(),
            ending: ending.into(),
            ..row()
        };
        let rows = vec![
            named("hostfn-10", "ready", ""),
            named("hostfn-9", "gone", ENDED_WELL),
            named("hostfn-2", "gone", "killed by SIGSEGV"),
        ];
        let names = |all| -> Vec<String> {
            shown(rows.clone(), all)
                .into_iter()
                .map(|row| row.name)
                .collect()
        };
        assert_eq!(names(false), ["hostfn-2", "hostfn-10"]);
        assert_eq!(names(true), ["hostfn-2", "hostfn-9", "hostfn-10"]);
    }

    #[test]
    fn the_table_is_readable() {
        let dead = VmRow {
            name: "hostfn-12".into(),
            targets: vec!["/lib/libpng16.so.16".into(), "/lib/libz.so.1".into()],
            state: "poisoned".into(),
            resident: 0,
            age: 2_000,
            ending: "SIGSEGV".into(),
            ..row()
        };
        insta::assert_snapshot!(table(&[row(), dead]));
        insta::assert_snapshot!(table(&[]));
    }
}
