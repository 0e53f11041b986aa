//! The prototype packs that the configuration names, and those of the product.

use crate::report::{Problem, Report};
use cosmos_config::Config;
use cosmos_packs::{PackError, Packs};

/// All of them.
pub fn configured() -> Result<Packs, Problem> {
    let config = Config::load().map_err(|error| Problem::cosmos(Report::new(error.to_string())))?;
    Ok(Packs::with_directories(config.packs.value))
}

/// A pack that is not there was asked for; one that cannot be read is the configuration's matter.
pub fn problem(error: &PackError) -> Problem {
    let report = Report::new(error.rendered());
    match error {
        PackError::Unreadable { .. } => Problem::cosmos(report),
        _ => Problem::failed(report),
    }
}
