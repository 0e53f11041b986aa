//! What is left of the limits of a VM.

use crate::error::Error;
use crate::link::Link;
use crate::session::{ANSWER, Session};
use cosmos_rpc::message::coordinator::BudgetRow;
use cosmos_rpc::{Fault, FaultCode, message};

/// A limit of a VM, and what is used of it, as cosmosd knew it when it was asked; it may be more by now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The limit's key in the configuration, below `limits`: `memory_bytes`.
    pub limit: String,
    /// The most there can be, in the unit of the key.
    pub most: u64,
    /// What the VM uses or has used up, in the same unit, rounded down. `None`: each file, message or
    /// thread may have all of it (`file_bytes`, `message_bytes`, `call_depth`), or nobody counts, as
    /// processes without a control group.
    pub used: Option<u64>,
}

impl Budget {
    /// What is left of it, where that is counted.
    pub fn left(&self) -> Option<u64> {
        Some(self.most.saturating_sub(self.used?))
    }
}

impl From<BudgetRow> for Budget {
    fn from(row: BudgetRow) -> Budget {
        Budget {
            limit: row.limit,
            most: row.most,
            used: row.used,
        }
    }
}

impl Link {
    /// The VM's limits; none where it has none.
    pub(crate) fn budget(&self) -> Result<Vec<Budget>, Error> {
        self.usable()?;
        if !self.is_supervised() {
            let message = "the cosmosd that bounds this VM is not connected any more";
            return Err(Fault::host(FaultCode::Unsupported, message).into());
        }
        let request = message::coordinator::Budget {
            name: self.label().to_owned(),
        };
        let rows = Session::current().ask_connected(self.coordinator(), &request, ANSWER)?;
        Ok(rows.into_iter().map(Budget::from).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_beyond_leaves_nothing() {
        let budget = |most, used| Budget {
            limit: String::new(),
            most,
            used,
        };
        assert_eq!(budget(10, Some(4)).left(), Some(6));
        assert_eq!(budget(10, Some(11)).left(), Some(0));
        assert_eq!(budget(10, None).left(), None);
    }
}
