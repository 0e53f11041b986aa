//! Every message, by the service that answers it.
//!
//! A request is a struct that implements [`Message`]; its `KIND` goes into the frame header and its
//! body is the [`codec`](crate::codec) encoding of the struct. The reply to request `id` is a frame
//! with the same id whose kind is `KIND | REPLY`, or [`FAULT`] with a [`Fault`](crate::Fault).
//!
//! | kinds | service | module |
//! |---|---|---|
//! | 0x01xx | cosmosdb, the socket registry | [`registry`] |
//! | 0x02xx | cosmosd, the coordinator | [`coordinator`] |
//! | 0x03xx | every VM | [`vm`], [`calls`] |
//! | 0x04xx | the launcher and its VM's control socket | [`launch`] |

use serde::{Serialize, de::DeserializeOwned};

pub mod budget;
pub mod calls;
pub mod catalogue;
pub mod confine;
pub mod coordinator;
pub mod crash;
pub mod follow;
pub mod launch;
pub mod log;
pub mod registry;
pub mod vm;

/// Set in the kind of a reply.
pub const REPLY: u16 = 0x8000;
/// The kind of a reply that is a [`Fault`](crate::Fault).
pub const FAULT: u16 = 0xffff;

/// A request, its number, its reply and the descriptors each carries.
pub trait Message: Serialize + DeserializeOwned {
    /// Number in the frame header.
    const KIND: u16;
    /// Fewest and most descriptors the request carries.
    const DESCRIPTORS: (u16, u16) = (0, 0);
    /// Fewest and most descriptors the reply carries.
    const REPLY_DESCRIPTORS: (u16, u16) = (0, 0);
    /// What answers it.
    type Reply: Serialize + DeserializeOwned;
}
