//! Why a name has no prototype.

use callframe::PrototypeError;
use std::path::PathBuf;

/// What can be wrong with a pack, or with a name that is looked up in one.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// No pack of the library knows the name: the caller's matter.
    #[error("{}", .error.one_line())]
    NoPrototype {
        /// The numbered error; it points into the name.
        error: PrototypeError,
        /// The name.
        name: String,
    },
    /// The pack knows the name, and its prototype is refused.
    #[error("the pack {pack}: {}", .error.one_line())]
    Refused {
        /// Which pack.
        pack: String,
        /// The numbered error; it points into the pack's text.
        error: PrototypeError,
        /// The error as people read it, with the pack's line.
        rendered: String,
    },
    /// There is no pack of this library: the caller's matter.
    #[error("there is no pack of {library}; {}", there_are(.known))]
    NoPack {
        /// The library as it was named.
        library: String,
        /// The SONAMEs that have one.
        known: Vec<String>,
    },
    /// A pack is there and cannot be read: the configuration's matter.
    #[error("the pack {} cannot be read: {reason}", .path.display())]
    Unreadable {
        /// Its file.
        path: PathBuf,
        /// What stands in the way.
        reason: String,
    },
}

fn there_are(known: &[String]) -> String {
    match known {
        [] => "there are none at all".to_owned(),
        known => format!("there are packs of {}", known.join(", ")),
    }
}

impl PackError {
    /// The numbered error, where it is one of a prototype.
    pub fn prototype_error(&self) -> Option<&PrototypeError> {
        match self {
            PackError::NoPrototype { error, .. } | PackError::Refused { error, .. } => Some(error),
            _ => None,
        }
    }

    /// The error as people read it, one line or several.
    pub fn rendered(&self) -> String {
        match self {
            PackError::NoPrototype { error, name } => error.render(name),
            PackError::Refused { rendered, .. } => rendered.clone(),
            other => other.to_string(),
        }
    }
}
