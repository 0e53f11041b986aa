//! What is left of a VM's limits.

use super::Message;
use serde::{Deserialize, Serialize};

/// Ask cosmosd what the limits of a VM of mine are, and how much of each is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Its name, `hostfn-3`.
    pub name: String,
}

/// One limit, and what is used of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetRow {
    /// Its key below `limits`, `memory_bytes`.
    pub limit: String,
    /// The most there can be, in the unit of the key.
    pub most: u64,
    /// What is used, in the same unit, rounded down; `None`: each file, message or thread has its own, or
    /// nobody counts.
    pub used: Option<u64>,
}

impl Message for Budget {
    const KIND: u16 = 0x0218;
    type Reply = Vec<BudgetRow>;
}
