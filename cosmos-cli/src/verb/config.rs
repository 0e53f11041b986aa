//! `cosmos config show`.

use crate::arguments::{Config as Arguments, ConfigVerb};
use crate::report::{Problem, Report, Verdict};
use comfy_table::{Table, presets};
use cosmos_config::{Config, ConfigError};
use serde_json::{Map, json};

/// Prints every key with its value and origin.
pub fn run(arguments: &Arguments) -> Verdict {
    let ConfigVerb::Show(show) = &arguments.verb;
    let entries = load()?.entries();
    if show.json {
        let object: Map<_, _> = entries
            .into_iter()
            .map(|(key, value, origin)| (key, json!({ "value": value, "origin": origin })))
            .collect();
        super::print_json(&object.into())?;
    } else {
        super::print(&table(&entries))?;
    }
    Ok(0)
}

/// The configuration of this process.
pub fn load() -> Result<Config, Problem> {
    Config::load().map_err(|error| {
        let report = Report::new(error.to_string());
        Problem::cosmos(match error {
            ConfigError::Unreadable { .. } => report,
            _ => report.help("`cosmos config show` lists the keys once they are right"),
        })
    })
}

fn table(entries: &[(String, String, String)]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["KEY", "VALUE", "ORIGIN"]);
    for (key, value, origin) in entries {
        let value = if value.is_empty() { "-" } else { value };
        table.add_row([key, value, origin]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<_> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n") + "\n"
}
