//! What is written of a step: one line of JSON.

use serde::{Deserialize, Serialize};

/// Most characters of a name, of what a step is about, and of why it failed.
const NAME: usize = 64;
const WHAT: usize = 256;
const FAULT: usize = 512;

/// A step, as it stands in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The trace's id, 32 hexadecimal digits.
    pub trace: String,
    /// The step's id, 16 of them.
    pub span: String,
    /// That of the step which this is a part of; empty: of none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub parent: String,
    /// Whose step it is: `client`, `cosmosd`, `cosmos-launch`, or `vm`, which is the VM's own word.
    pub process: String,
    /// The pid of that process; of a VM it is not told.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pid: i32,
    /// The machine, where it is another one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// The VM it is about, `hostfn-3`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub vm: String,
    /// What the step is.
    pub name: String,
    /// Of what.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub what: String,
    /// When it began, in nanoseconds since 1970.
    pub begin: u64,
    /// How many nanoseconds it took.
    pub took: u64,
    /// Why it failed; empty: it did not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fault: String,
}

impl Line {
    /// With texts that are no longer than they may be: others may have written them.
    #[must_use]
    pub fn clipped(mut self) -> Line {
        clip(&mut self.name, NAME);
        clip(&mut self.what, WHAT);
        clip(&mut self.fault, FAULT);
        self
    }
}

fn clip(text: &mut String, most: usize) {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push('…');
    }
}

fn is_zero(number: &i32) -> bool {
    *number == 0
}
