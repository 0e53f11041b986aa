//! The dialects of the sandbox: two tables of how the same things are done.

use std::fmt;
use std::str::FromStr;

/// The rules that the code is to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// Those of Native Client, which every ZeroVM accepts.
    #[default]
    Nacl,
    /// Those with the base in gs and masked returns.
    Fast,
}

/// What a dialect does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Memory may be addressed from gs with addresses of 32 bits.
    pub(crate) has_gs: bool,
    /// `%rbp` holds an address of the host, as `%rsp` does, and is no register for anything else.
    pub(crate) trusts_frame_pointer: bool,
    /// A return may be a `ret`, masked in place, instead of a jump.
    pub(crate) has_return: bool,
}

impl Dialect {
    pub(crate) fn rules(self) -> Rules {
        match self {
            Self::Nacl => Rules {
                has_gs: false,
                trusts_frame_pointer: true,
                has_return: false,
            },
            Self::Fast => Rules {
                has_gs: true,
                trusts_frame_pointer: false,
                has_return: true,
            },
        }
    }

    /// What the validator calls it.
    pub(crate) fn validated(self) -> zerovm_validator::Dialect {
        match self {
            Self::Nacl => zerovm_validator::Dialect::Nacl,
            Self::Fast => zerovm_validator::Dialect::Fast,
        }
    }

    /// The name, as in `--dialect`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nacl => "nacl",
            Self::Fast => "fast",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dialect {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "nacl" => Ok(Self::Nacl),
            "fast" => Ok(Self::Fast),
            _ => Err(format!("no dialect {name}; there are nacl and fast")),
        }
    }
}
