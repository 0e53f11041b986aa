//! Layered configuration: every value with its origin, and where sockets and executables are.
//!
//! # Layers, in order of growing strength
//!
//! | layer | where |
//! |---|---|
//! | built in | this crate |
//! | system | `/etc/cosmos/cosmos.toml` |
//! | user | `$XDG_CONFIG_HOME/cosmos/cosmos.toml`, else `~/.config/cosmos/cosmos.toml` |
//! | environment | `COSMOS_` and the key in capitals, `.` as `_`: `COSMOS_LIMITS_OPEN_FILES` |
//! | settings | `key=value` of one request, see [`Config::tightened`] |
//!
//! A stronger layer replaces what a weaker one says, with one exception: the keys of `[isolation]`
//! and `[limits]` combine to the **strictest** value any layer states, so that a user can tighten
//! what the administrator wrote and never loosen it. The built-in value of such a key counts only
//! where no layer states one.
//!
//! `[kind.NAME.isolation]` and `[library."NAME".isolation]`, and likewise `grants` and `limits`, hold
//! for one kind of VM or one library alone, and there in place of what their own layer says of all:
//! see [`Config::of_target`].
//!
//! A set-id program (`AT_SECURE`) ignores the environment, `HOME` and `XDG_*` included, and the
//! user's file: whoever starts it controls them.
//!
//! # Mistakes are errors
//!
//! An unknown key, a value of the wrong type or a relative path is an error that names the file,
//! the line and, where there is one, the key that was probably meant. A `COSMOS_*` environment
//! variable of another name is somebody else's and ignored, unless it is a near miss of one of
//! ours.
//!
//! # Keys
//!
//! [`keys`] lists them with a line of help each; [`Config::entries`] is what
//! `cosmos config show` prints.

mod again;
mod bytes;
mod config;
mod directory;
mod error;
mod host;
mod key;
mod layer;
mod level;
mod origin;
mod pins;
mod secure;
mod stamp;
pub mod text;

pub use again::current;
pub use config::{Config, Granted, Isolation, Limits};
pub use directory::Surroundings;
pub use error::ConfigError;
pub use host::{Host, HostError, SshHost};
pub use key::{KeyHelp, keys};
pub use layer::Layer;
pub use level::{Level, Limit};
pub use origin::{Origin, Sourced};
pub use pins::{Pins, pins};
pub use secure::is_set_id;
pub use stamp::Stamp;
