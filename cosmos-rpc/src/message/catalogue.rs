//! All messages in one place: for documents, traces, tests and fuzzing.

use super::{FAULT, Message, REPLY, coordinator, launch, registry, vm};
use crate::{Fault, FaultCode, codec};

/// Calls a macro with the service and the type of every message.
///
/// `for_every_message!(act)` expands to `act! { (service, Type) (service, Type) ... }`.
#[macro_export]
macro_rules! for_every_message {
    ($act:ident) => {
        $act! {
            (registry, Connect) (registry, Register) (registry, Remove) (registry, List)
            (registry, Dump) (registry, HandOver) (registry, Incoming)
            (coordinator, VmOpen) (coordinator, VmBegin) (coordinator, VmReady) (coordinator, VmAhead)
            (coordinator, VmClose) (coordinator, Which)
            (coordinator, ListVms) (coordinator, Autopsy)
            (coordinator, Denied) (coordinator, Levels) (coordinator, Crashed)
            (coordinator, KeepReport) (coordinator, Logs)
            (coordinator, CrashList) (coordinator, CrashRead) (coordinator, CrashRemove)
            (coordinator, Follow) (coordinator, Followed) (coordinator, Budget)
            (vm, Attach) (vm, Open) (vm, Sym) (vm, Exec) (vm, Close) (vm, Share)
            (vm, Map) (vm, Unmap) (vm, Fell) (vm, Recall)
            (launch, Start) (launch, Ended) (launch, Kill) (launch, Accept) (launch, Ready)
            (launch, Clients) (launch, Confine) (launch, Confined) (launch, Denials)
            (launch, Remember) (launch, Return) (launch, Renew) (launch, Drain)
            (launch, Count) (launch, Steps) (launch, Expect)
        }
    };
}

/// What is fixed about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// The room of its service.
    pub service: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its number.
    pub kind: u16,
    /// Fewest and most descriptors of the request.
    pub descriptors: (u16, u16),
    /// Fewest and most descriptors of the reply.
    pub reply_descriptors: (u16, u16),
}

macro_rules! catalogue {
    ($(($service:ident, $name:ident))*) => {
        /// Every message, in the order of the services.
        pub const CATALOGUE: &[Description] = &[$(Description {
            service: stringify!($service),
            name: stringify!($name),
            kind: <$service::$name as Message>::KIND,
            descriptors: <$service::$name as Message>::DESCRIPTORS,
            reply_descriptors: <$service::$name as Message>::REPLY_DESCRIPTORS,
        }),*];

        /// Decodes the body of a frame of this kind and encodes it again.
        ///
        /// # Errors
        ///
        /// `Unsupported` for a kind that is no codec message; otherwise as [`codec::decode`]. What
        /// it returns otherwise equals `body`, because a value has one encoding.
        pub fn recode(kind: u16, body: &[u8]) -> Result<Vec<u8>, Fault> {
            match kind {
                FAULT => codec::encode(&codec::decode::<Fault>(body)?),
                $(<$service::$name as Message>::KIND => {
                    codec::encode(&codec::decode::<$service::$name>(body)?)
                })*
                _ => recode_reply(kind, body),
            }
        }

        fn recode_reply(kind: u16, body: &[u8]) -> Result<Vec<u8>, Fault> {
            match kind.wrapping_sub(REPLY) {
                $(<$service::$name as Message>::KIND => codec::encode(
                    &codec::decode::<<$service::$name as Message>::Reply>(body)?,
                ),)*
                _ => Err(Fault::peer(
                    FaultCode::Unsupported,
                    format!("no message is of kind {kind:#06x}"),
                )),
            }
        }
    };
}

for_every_message!(catalogue);
