//! VMs on another machine: a *relay* on each side, and between them one connection.
//!
//! ```text
//!  program ── socket ── cosmos-relay ── ssh ═══ sshd ── cosmosd --stdio ── socket ── cosmosd, VMs
//!             frames      near             streams            far           frames
//! ```
//!
//! To the program the near relay is cosmosd and each VM; to cosmosd and the VMs the far relay is a
//! client like any other. Frames go through as they are. What goes along with them on one machine and
//! cannot travel, descriptors, becomes streams of the link between the relays, and descriptors again
//! on the other side (see [`natures`](self) in the table); what cannot become a stream is refused by
//! name.
//!
//! | room | purpose |
//! |---|---|
//! | `natures` | which descriptors of which messages become which streams |
//! | `bridge` | a socket with frames on one side, a stream on the other |
//! | `pump` | bytes between descriptors and streams |
//! | `fill` | what only the far machine knows: its PATH, where a session begins |
//! | `ssh` | the carrier: ssh, and what it says when it fails |
//! | `silence` | how long the other machine may say nothing |
//! | `watcher` | who ends a far relay that hangs |
//! | [`near`], [`far`] | the two programs |
//!
//! # The end
//!
//! The near relay ends when the program has closed every socket to it. When the connection ends, for
//! whatever reason, the near relay tells each socket why and closes it; the far one ends, and with it
//! all that it had opened, as with any client that ends.

mod bridge;
pub mod far;
mod fill;
mod natures;
pub mod near;
mod pump;
mod silence;
mod ssh;
mod watcher;

pub use silence::SILENCE;
