//! The one place where structs become bytes.
//!
//! The encoding is fixed so that `docs/protocol.md` can give bytes: little-endian integers of their
//! own width, `bool` and option tags one byte, lengths eight bytes, enum variants four bytes,
//! struct fields in declared order without padding. Whoever replaces the library behind this module
//! keeps these bytes (they equal bincode 1's default and wincode's).
//!
//! Both directions have a size limit, always: bincode without one lets nine hostile bytes ask for
//! any amount of memory. Bytes left over after a value are refused, so one value has exactly one
//! encoding.

use crate::{Fault, FaultCode};
use serde::{Serialize, de::DeserializeOwned};

/// Largest encoded message in bytes. Bulk data never goes through this codec.
pub const LIMIT: usize = 1 << 20;

const CONFIGURATION: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Fixint,
    bincode::config::Limit<LIMIT>,
> = bincode::config::legacy().with_limit::<LIMIT>();

/// The bytes of `value`.
///
/// # Errors
///
/// `TooLarge` (the caller's fault) when they are more than [`LIMIT`].
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Fault> {
    let bytes = bincode::serde::encode_to_vec(value, CONFIGURATION).map_err(|error| {
        Fault::caller(
            FaultCode::BadArgument,
            format!("the message cannot be encoded: {error}"),
        )
    })?;
    if bytes.len() > LIMIT {
        return Err(Fault::caller(
            FaultCode::TooLarge,
            format!(
                "the message has {} bytes encoded; a message has at most {LIMIT}",
                bytes.len()
            ),
        ));
    }
    Ok(bytes)
}

/// The value that exactly `bytes` encode.
///
/// # Errors
///
/// `Protocol` (the peer's fault) for bytes that encode no `T`, and for bytes left over;
/// `TooLarge` for more than [`LIMIT`].
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    if bytes.len() > LIMIT {
        return Err(Fault::peer(
            FaultCode::TooLarge,
            format!(
                "the peer sent a message of {} bytes; the limit is {LIMIT}",
                bytes.len()
            ),
        ));
    }
    let (value, used) =
        bincode::serde::decode_from_slice(bytes, CONFIGURATION).map_err(|error| {
            Fault::peer(
                FaultCode::Protocol,
                format!("the peer sent bytes that are no such message: {error}"),
            )
        })?;
    if used != bytes.len() {
        return Err(Fault::peer(
            FaultCode::Protocol,
            format!(
                "the peer sent a message with {} bytes left over",
                bytes.len() - used
            ),
        ));
    }
    Ok(value)
}
