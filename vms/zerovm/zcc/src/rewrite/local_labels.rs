//! Numbered labels (`1:`, `1b`, `1f`), which get names of their own.

use gas_syntax::{Kind, Statement};
use std::collections::HashMap;

/// Where each number is a label.
#[derive(Debug, Default)]
pub(crate) struct LocalLabels {
    /// For each number, the order in the file of each of its labels, and how many have passed.
    numbers: HashMap<String, (u32, u32)>,
}

impl LocalLabels {
    pub(crate) fn find(statements: &[Statement<'_>]) -> Self {
        let mut numbers: HashMap<String, (u32, u32)> = HashMap::new();
        for statement in statements {
            if let Kind::Label(name) = statement.kind
                && name.bytes().all(|byte| byte.is_ascii_digit())
            {
                numbers.entry(name.to_owned()).or_default().0 += 1;
            }
        }
        Self { numbers }
    }

    /// The name of the label that is defined here.
    pub(crate) fn define(&mut self, number: &str, _line: u32) -> String {
        let (_, passed) = self.numbers.entry(number.to_owned()).or_default();
        *passed += 1;
        name(number, *passed)
    }

    /// The name that `1b` or `1f` stands for here.
    pub(crate) fn find_reference(&self, reference: &str) -> Option<String> {
        let (number, direction) = reference.split_at_checked(reference.len().checked_sub(1)?)?;
        let (count, passed) = self.numbers.get(number)?;
        match direction {
            "b" if *passed > 0 => Some(name(number, *passed)),
            "f" if passed < count => Some(name(number, passed + 1)),
            _ => None,
        }
    }
}

fn name(number: &str, occurrence: u32) -> String {
    format!(".Lzcc.{number}.{occurrence}")
}
