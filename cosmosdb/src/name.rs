//! Names and patterns of names.

use cosmos_rpc::{Fault, FaultCode};

/// Longest name in bytes.
pub const LONGEST: usize = 255;

/// Refuses what is no name: 1 to 255 bytes of `[A-Za-z0-9._@:/-]`.
pub fn check(name: &str) -> Result<(), Fault> {
    let refuse = |why: &str| Err(Fault::caller(FaultCode::BadArgument, why.to_owned()));
    if name.is_empty() {
        return refuse("the name is empty");
    }
    if name.len() > LONGEST {
        return refuse(&format!(
            "the name has {} bytes; a name has at most {LONGEST}",
            name.len()
        ));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._@:/-".contains(&byte);
    match name.bytes().find(|&byte| !allowed(byte)) {
        None => Ok(()),
        Some(byte) => refuse(&format!(
            "the name holds {:?}; a name consists of ASCII letters, digits and . _ @ : / -",
            char::from(byte)
        )),
    }
}

/// Whether the name is the coordinator's to give: `cosmos*` and `vm/*`.
pub fn is_reserved(name: &str) -> bool {
    name.starts_with("cosmos") || name.starts_with("vm/")
}

/// Whether `name` matches `pattern`, in which `*` stands for any run of characters.
///
/// Takes time proportional to the product of the lengths at worst.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut from) = (0, 0);
    // Where to resume when what follows the last star does not fit: after one byte more.
    let mut star: Option<(usize, usize)> = None;
    while from < name.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at, from));
            at += 1;
        } else if pattern.get(at) == name.get(from) {
            at += 1;
            from += 1;
        } else if let Some((resume, taken)) = star {
            at = resume + 1;
            from = taken + 1;
            star = Some((resume, from));
        } else {
            return false;
        }
    }
    pattern
        .get(at..)
        .is_none_or(|rest| rest.iter().all(|&byte| byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_checked() {
        for good in [
            "a",
            "vm/hostfn-3",
            "unix:/run/x",
            "A.b_c@d",
            &"x".repeat(255),
        ] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a\n", "é", "a\0", "*", &"x".repeat(256)] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn reserved_names() {
        assert!(is_reserved("cosmosd") && is_reserved("vm/x") && is_reserved("cosmos"));
        assert!(!is_reserved("vm") && !is_reserved("my/cosmos") && !is_reserved("vmx/a"));
    }

    /// What a pattern means, in the simplest words.
    fn meaning(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|skip| meaning(rest, &name[skip..])),
            Some((byte, rest)) => name.first() == Some(byte) && meaning(rest, &name[1..]),
        }
    }

    proptest! {
        #[test]
        fn matching_is_what_it_means(pattern in "[ab*]{0,8}", name in "[ab]{0,10}") {
            prop_assert_eq!(matches(&pattern, &name), meaning(pattern.as_bytes(), name.as_bytes()));
        }
    }
}
