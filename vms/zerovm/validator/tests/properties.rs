//! Properties of accepted code, for code made at random and for accepted code that was changed.

mod common;
#[path = "common/confined.rs"]
mod confined;
#[path = "common/generate.rs"]
mod generate;

use common::{BUNDLE, Random, validate};
use proptest::prelude::*;
use zerovm_validator::{Dialect, Validator};

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    /// Wherever a branch may enter an accepted bundle, what runs from there to its end touches only
    /// what it may.
    #[test]
    fn code_is_confined_from_wherever_it_may_be_entered(seed: u64) {
        let bundle = generate::bundle(&mut Random::new(seed));
        prop_assert_eq!(confined::check(&bundle), Ok(()));
    }

    /// A change of accepted code is either refused or confined as well.
    #[test]
    fn changed_code_is_refused_or_confined(seed: u64, at in 0..BUNDLE, byte: u8) {
        let mut bundle = generate::bundle(&mut Random::new(seed));
        bundle[at] = byte;
        if validate(&bundle).is_ok() {
            prop_assert_eq!(confined::check(&bundle), Ok(()));
        }
    }

    /// Random bytes are never more than refused.
    #[test]
    fn any_bytes_have_a_verdict(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let validator = Validator::new(Dialect::Nacl);
        let first = validator.validate(0, &bytes);
        let all: Vec<_> = validator.violations(0, &bytes).collect();
        prop_assert_eq!(first.is_ok(), all.is_empty());
        if let Err(violation) = first {
            prop_assert_eq!(&violation.reason, &all[0].reason);
            let end = violation.offset + violation.bytes.as_slice().len();
            prop_assert_eq!(violation.bytes.as_slice(), &bytes[violation.offset..end]);
        }
    }

    /// Texts are accepted exactly when their bundles are and no branch leaves its own for an odd
    /// place.
    #[test]
    fn accepted_bundles_make_accepted_texts(seed: u64) {
        let text = generate::text(&mut Random::new(seed), 8);
        prop_assert_eq!(validate(&text), Ok(()));
    }
}

#[test]
fn the_verdict_does_not_depend_on_threads() {
    let mut random = Random::new(7);
    let mut text = generate::text(&mut random, 1 << 13);
    text = text.repeat(8);
    let verdict = |text: &[u8], threads: usize| {
        Validator::new(Dialect::Nacl)
            .with_threads(threads.try_into().unwrap())
            .validate(0, text)
    };
    for threads in 1..6 {
        assert_eq!(verdict(&text, threads), Ok(()));
    }
    for _ in 0..20 {
        let mut changed = text.clone();
        for _ in 0..1 + random.below(3) {
            let at = random.below(changed.len());
            changed[at] = random.byte();
        }
        let cut = changed.len() - random.below(40);
        let expected = verdict(&changed[..cut], 1);
        for threads in 2..6 {
            assert_eq!(verdict(&changed[..cut], threads), expected);
        }
    }
}
