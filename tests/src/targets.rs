//! What the benchmarks promise, and what it came to: `target/bench/targets.json`.
//!
//! A benchmark says each figure that there is a target for when it has measured it; `make bench` ends
//! with the table of all of them. The file is an object, by name of the figure:
//!
//! | key | value |
//! |---|---|
//! | `measured` | the figure |
//! | `unit` | what it is: a multiple of something that was measured in the same run, or a unit |
//! | `at_most`, `at_least` | the target; one of them |
//! | `met` | whether it was met |
//!
//! Measuring one benchmark again replaces its own figures and leaves the others.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A figure, before it was measured.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    name: &'static str,
    unit: &'static str,
    bound: Bound,
}

#[derive(Clone, Copy, Debug)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    /// One that is the better the smaller.
    pub const fn at_most(name: &'static str, bound: f64, unit: &'static str) -> Target {
        Target {
            name,
            unit,
            bound: Bound::AtMost(bound),
        }
    }

    /// One that is the better the larger.
    pub const fn at_least(name: &'static str, bound: f64, unit: &'static str) -> Target {
        Target {
            name,
            unit,
            bound: Bound::AtLeast(bound),
        }
    }

    /// Says what it came to.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn reached(self, measured: f64) -> std::io::Result<()> {
        self.record(measured, &file()?)
    }

    fn record(self, measured: f64, file: &Path) -> std::io::Result<()> {
        let (key, bound, met) = match self.bound {
            Bound::AtMost(bound) => ("at_most", bound, measured <= bound),
            Bound::AtLeast(bound) => ("at_least", bound, measured >= bound),
        };
        let mut all = all(file)?;
        all.insert(
            self.name.to_owned(),
            json!({ "measured": measured, "unit": self.unit, key: bound, "met": met }),
        );
        if let Some(directory) = file.parent() {
            std::fs::create_dir_all(directory)?;
        }
        std::fs::write(file, serde_json::to_string_pretty(&all)?)
    }
}

/// All figures there are, as lines of a table.
///
/// # Errors
/// When they cannot be read.
pub fn table() -> std::io::Result<String> {
    table_of(&file()?)
}

fn table_of(file: &Path) -> std::io::Result<String> {
    let mut text = line(["target", "measured", "bound", "unit", "met"]);
    for (name, figure) in all(file)? {
        let number = |key: &str| figure.get(key).and_then(Value::as_f64);
        let bound = match (number("at_most"), number("at_least")) {
            (Some(bound), _) => format!("at most {bound}"),
            (_, Some(bound)) => format!("at least {bound}"),
            _ => String::new(),
        };
        let met = match figure.get("met").and_then(Value::as_bool) {
            Some(true) => "yes",
            _ => "no",
        };
        let measured = number("measured").map_or_else(String::new, |number| format!("{number:.3}"));
        let unit = figure.get("unit").and_then(Value::as_str).unwrap_or("");
        text += &line([&name, &measured, &bound, unit, met]);
    }
    Ok(text)
}

fn line([name, measured, bound, unit, met]: [&str; 5]) -> String {
    format!("{name:<46}{measured:>12}{bound:>16}  {unit:<32}{met}\n")
}

/// The figures so far; none where there is no file.
fn all(file: &Path) -> std::io::Result<BTreeMap<String, Value>> {
    match std::fs::read(file) {
        Ok(text) => Ok(serde_json::from_slice(&text)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error),
    }
}

/// Benchmarks are in `target/release/deps`, and the peers' in `target/peers/release`.
fn file() -> std::io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).unwrap_or(&program);
    Ok(target.join("bench").join("targets.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_kept_and_replaced_by_name() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("bench").join("targets.json");
        let small = Target::at_most("small", 1.5, "x");
        let large = Target::at_least("large", 5.0, "times");
        for (target, measured) in [(small, 2.0), (large, 5.0), (small, 1.25)] {
            target.record(measured, &file).expect("a file");
        }
        let table = table_of(&file).expect("a table");
        let words: Vec<Vec<&str>> = table
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(
            words[0],
            ["large", "5.000", "at", "least", "5", "times", "yes"]
        );
        assert_eq!(
            words[1],
            ["small", "1.250", "at", "most", "1.5", "x", "yes"]
        );
        small.record(1.51, &file).expect("a file");
        let table = table_of(&file).expect("a table");
        assert!(
            table
                .lines()
                .any(|line| line.starts_with("small") && line.ends_with("no"))
        );
    }
}
