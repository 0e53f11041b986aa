//! Properties of accepted code, for code made at random and for accepted code that was changed.

mod common;
#[path = "common/confined.rs"]
mod confined;
#[path = "common/generate.rs"]
mod generate;

use common::{BUNDLE, Random, Rules};
use proptest::prelude::*;
use zerovm_validator::{Dialect, Validator};

fn rules() -> impl Strategy<Value = Rules> {
    proptest::sample::select(&Dialect::ALL[..]).prop_map(Rules)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    /// Wherever a branch may enter an accepted bundle, what runs from there to its end touches only
    /// what it may.
    #[test]
    fn code_is_confined_from_wherever_it_may_be_entered(seed: u64, rules in rules()) {
        let bundle = generate::bundle(rules, &mut Random::new(seed));
        prop_assert_eq!(confined::check(rules.0, &bundle), Ok(()));
    }

    /// A change of accepted code is either refused or confined as well.
    #[test]
    fn changed_code_is_refused_or_confined(
        seed: u64,
        rules in rules(),
        changes in proptest::collection::vec((0..BUNDLE, any::<u8>()), 1..4),
    ) {
        let mut bundle = generate::bundle(rules, &mut Random::new(seed));
        for (at, byte) in changes {
            bundle[at] = byte;
        }
        if rules.validate(&bundle).is_ok() {
            prop_assert_eq!(confined::check(rules.0, &bundle), Ok(()));
        }
    }

    /// Random bytes are never more than refused.
    #[test]
    fn any_bytes_have_a_verdict(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        rules in rules(),
    ) {
        let validator = Validator::new(rules.0);
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
    fn accepted_bundles_make_accepted_texts(seed: u64, rules in rules()) {
        let text = generate::text(rules, &mut Random::new(seed), 8);
        prop_assert_eq!(rules.validate(&text), Ok(()));
    }
}

#[test]
fn the_verdict_does_not_depend_on_threads() {
    for dialect in Dialect::ALL {
        verdicts_do_not_depend_on_threads(Rules(dialect));
    }
}

fn verdicts_do_not_depend_on_threads(rules: Rules) {
    let mut random = Random::new(7);
    let mut text = generate::text(rules, &mut random, 1 << 12);
    text = text.repeat(16);
    let verdict = |text: &[u8], threads: usize| {
        Validator::new(rules.0)
            .with_threads(threads.try_into().unwrap())
            .validate(0, text)
    };
    for threads in 1..6 {
        assert_eq!(verdict(&text, threads), Ok(()));
    }
    for _ in 0..10 {
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
