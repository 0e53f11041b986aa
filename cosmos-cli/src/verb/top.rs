//! `cosmos top`: `cosmos ls`, again and again.

use super::ls;
use crate::arguments::Top;
use crate::report::Verdict;
use cosmos_rpc::message::coordinator::VmRow;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::thread;

/// Clears a terminal and begins at its top.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// Prints the VMs, and again after each pause, until it is interrupted.
pub fn run(arguments: &Top) -> Verdict {
    let config = super::config::load()?;
    let host = super::chosen(&arguments.place, &config);
    let begins = match std::io::stdout().is_terminal() && !arguments.once && !arguments.json {
        true => CLEAR,
        false => "",
    };
    loop {
        let mut rows = ls::shown(ls::rows(&config, &host)?, false);
        rows.sort_by_key(|row| std::cmp::Reverse(row.resident));
        match arguments.json {
            true => super::print(&format!("{}\n", ls::json(&rows)))?,
            false => super::print(&format!("{begins}{}\n{}", summary(&rows), ls::table(&rows)))?,
        }
        if arguments.once {
            return Ok(0);
        }
        thread::sleep(arguments.pause);
    }
}

/// How many there are in each state, and what they have in memory together.
fn summary(rows: &[VmRow]) -> String {
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        *states.entry(&row.state).or_default() += 1;
    }
    let counted = states
        .iter()
        .map(|(state, count)| format!(", {count} {state}"));
    let resident = rows
        .iter()
        .map(|row| row.resident)
        .fold(0, u64::saturating_add);
    format!(
        "{} VMs{}, {} resident\n",
        rows.len(),
        counted.collect::<String>(),
        ls::bytes(resident)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_states_and_memory() {
        let row = |state: &str, resident| VmRow {
            name: "hostfn-1".into(),
            kind: "hostfn".into(),
            targets: Vec::new(),
            host: "local".into(),
            state: state.into(),
            isolation: "none".into(),
            pid: 1,
            resident,
            age: 0,
            ending: String::new(),
        };
        assert_eq!(summary(&[]), "0 VMs, - resident\n");
        let rows = [
            row("ready", 2 << 20),
            row("starting", 1 << 20),
            row("ready", 0),
        ];
        assert_eq!(
            summary(&rows),
            "3 VMs, 2 ready, 1 starting, 3.0M resident\n"
        );
    }
}
