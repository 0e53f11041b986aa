//! Encode and decode are inverse for every message, and only encodings decode.

mod common;

use common::fabricate;
use cosmos_rpc::message::catalogue::{CATALOGUE, recode};
use cosmos_rpc::message::{FAULT, Message, REPLY, coordinator, launch, registry, vm};
use cosmos_rpc::{Fault, FaultCode, codec, for_every_message};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Debug;

/// Encodes, decodes and compares; and no part of the bytes, and no more than them, is a value.
fn identity<T>(entropy: u64) -> (Vec<u8>, T)
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + Debug,
{
    let value: T = fabricate(entropy);
    let bytes = codec::encode(&value).unwrap();
    assert_eq!(codec::decode::<T>(&bytes).unwrap(), value);
    for length in 0..bytes.len() {
        assert!(
            codec::decode::<T>(&bytes[..length]).is_err(),
            "{length} of {bytes:?}"
        );
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(
        codec::decode::<T>(&longer).unwrap_err().code,
        FaultCode::Protocol
    );
    (bytes, value)
}

macro_rules! identities {
    ($(($service:ident, $name:ident))*) => {
        fn identity_of_every_message(entropy: u64) {
            $(
                let kind = <$service::$name as Message>::KIND;
                let (bytes, _) = identity::<$service::$name>(entropy);
                assert_eq!(recode(kind, &bytes).unwrap(), bytes, stringify!($name));
                let (bytes, _) = identity::<<$service::$name as Message>::Reply>(entropy);
                assert_eq!(recode(kind | REPLY, &bytes).unwrap(), bytes, stringify!($name));
            )*
        }
    };
}
for_every_message!(identities);

proptest! {
    #[test]
    fn every_message_survives(entropy: u64) {
        identity_of_every_message(entropy);
        let (bytes, _) = identity::<Fault>(entropy);
        assert_eq!(recode(FAULT, &bytes).unwrap(), bytes);
    }

    /// What decodes is an encoding: nothing else is accepted in its place.
    #[test]
    fn bytes_decode_to_what_encodes_to_them(
        index in 0..CATALOGUE.len(),
        reply: bool,
        bytes in proptest::collection::vec(prop_oneof![Just(0u8), Just(1u8), any::<u8>()], 0..80),
    ) {
        let kind = CATALOGUE[index].kind | if reply { REPLY } else { 0 };
        if let Ok(again) = recode(kind, &bytes) {
            prop_assert_eq!(again, bytes);
        }
    }

    /// One bit wrong is another value or none.
    #[test]
    fn a_flipped_bit_is_noticed(entropy: u64, at: prop::sample::Index) {
        let value: coordinator::Placement = fabricate(entropy);
        let mut bytes = codec::encode(&value).unwrap();
        let bit = at.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(other) = codec::decode::<coordinator::Placement>(&bytes) {
            prop_assert_ne!(other, value);
        }
    }
}

#[test]
fn kinds_are_unique_and_in_their_services_range() {
    let kinds: BTreeSet<u16> = CATALOGUE.iter().map(|message| message.kind).collect();
    assert_eq!(kinds.len(), CATALOGUE.len());
    for message in CATALOGUE {
        let range = match message.service {
            "registry" => 0x0100,
            "coordinator" => 0x0200,
            "vm" => 0x0300,
            _ => 0x0400,
        };
        assert_eq!(message.kind & 0xff00, range, "{}", message.name);
        assert_eq!(message.kind & REPLY, 0);
        assert!(message.descriptors.0 <= message.descriptors.1);
        assert!(message.descriptors.1 <= 253 && message.reply_descriptors.1 <= 253);
    }
}

/// Lengths that promise more than there is cost nothing.
#[test]
fn promised_lengths_are_not_believed() {
    for length in [1u64, 1 << 20, 1 << 32, u64::MAX] {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.push(0);
        for kind in [0x0101, 0x0104, 0x8104, 0x8204, FAULT] {
            if length > 1 {
                assert!(recode(kind, &bytes).is_err(), "{kind:#x} {length}");
            }
        }
    }
    let large = "x".repeat(codec::LIMIT + 1);
    assert_eq!(codec::encode(&large).unwrap_err().code, FaultCode::TooLarge);
    assert_eq!(
        codec::decode::<String>(large.as_bytes()).unwrap_err().code,
        FaultCode::TooLarge
    );
}
