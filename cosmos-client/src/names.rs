//! Functions called by their names alone: the prototype comes from a prototype pack.

use crate::error::{Error, Refusal};
use crate::options::Options;
use cosmos_config::Config;
use cosmos_packs::{PackError, Packs};
use cosmos_rpc::{Fault, FaultCode};
use std::borrow::Cow;

/// The packs that a library's functions are looked up in: those of the options, then those of the
/// configuration, then those of the product.
pub(crate) fn packs(options: &Options, configured: &Config) -> Packs {
    let configured = configured.packs.value.iter();
    let directories = options.packs.iter().chain(configured);
    Packs::with_directories(directories.cloned())
}

/// The prototype that a program means: the text itself, or what a pack says of the name that the
/// text is.
pub(crate) fn prototype<'p>(
    packs: &Packs,
    library: &str,
    text: &'p str,
) -> Result<Cow<'p, str>, Error> {
    let Some(name) = callframe::bare_name(text) else {
        return Ok(Cow::Borrowed(text));
    };
    let entry = packs.entry(library, name).map_err(of_pack)?;
    Ok(Cow::Owned(entry.prototype))
}

fn of_pack(error: PackError) -> Error {
    match error.prototype_error() {
        Some(refused) => Error::Prototype(Refusal {
            code: refused.code().to_string(),
            message: refused.message().to_owned(),
            rendered: error.rendered(),
        }),
        None => Fault::host(FaultCode::Configuration, error.to_string()).into(),
    }
}
