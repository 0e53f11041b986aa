//! `cosmos limits`.

use crate::arguments::Limits;
use crate::report::{Verdict, plain};
use comfy_table::{CellAlignment, Table, presets};
use cosmos::{Budget, queries};
use serde_json::json;

/// Prints the limits of a VM, and what is left of each.
pub fn run(arguments: &Limits) -> Verdict {
    let config = super::config::load()?;
    let host = super::chosen(&arguments.place, &config);
    let budgets = queries::budget_of(&host, &arguments.vm)?;
    match arguments.json {
        true => super::print_json(&json(&budgets))?,
        false if budgets.is_empty() => super::print("it has no limits\n")?,
        false => super::print(&table(&budgets))?,
    }
    Ok(0)
}

fn json(budgets: &[Budget]) -> serde_json::Value {
    let row = |budget: &Budget| {
        json!({
            "limit": budget.limit,
            "most": budget.most,
            "used": budget.used,
            "left": budget.left(),
        })
    };
    budgets.iter().map(row).collect()
}

fn table(budgets: &[Budget]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["LIMIT", "MOST", "USED", "LEFT"]);
    let counted = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
    for budget in budgets {
        table.add_row([
            plain(&budget.limit),
            budget.most.to_string(),
            counted(budget.used),
            counted(budget.left()),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for column in 1..4 {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn budgets() -> [Budget; 3] {
        let budget = |limit: &str, most, used| Budget {
            limit: limit.to_owned(),
            most,
            used,
        };
        [
            budget("memory_bytes", 1_073_741_824, Some(3_250_586)),
            budget("cpu_seconds", 60, Some(61)),
            budget("call_depth", 8, None),
        ]
    }

    #[test]
    fn limits_are_lines() {
        assert_eq!(
            table(&budgets()),
            "LIMIT               MOST     USED        LEFT\n\
             memory_bytes  1073741824  3250586  1070491238\n\
             cpu_seconds           60       61           0\n\
             call_depth             8        -           -\n"
        );
    }

    #[test]
    fn what_nobody_counts_is_null() {
        let rows = json(&budgets());
        assert_eq!(rows[2]["used"], serde_json::Value::Null);
        assert_eq!(rows[2]["left"], serde_json::Value::Null);
        assert_eq!(rows[1]["left"], 0);
    }
}
