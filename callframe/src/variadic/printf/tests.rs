use super::*;
use proptest::prelude::*;

fn kinds(format: &str) -> Result<Vec<Argument>, FormatError> {
    Ok(arguments(format.as_bytes())?
        .iter()
        .map(|one| one.kind)
        .collect())
}

#[test]
fn each_conversion_takes_what_c_says() {
    use Argument::{Opaque, Text, WideText, Written};
    use Scalar::*;
    let scalar = Argument::Scalar;
    for (format, expected) in [
        ("%d", scalar(Int)),
        ("%i", scalar(Int)),
        ("%hhd", scalar(Int)),
        ("%hd", scalar(Int)),
        ("%ld", scalar(Long)),
        ("%lld", scalar(LongLong)),
        ("%qd", scalar(LongLong)),
        ("%Ld", scalar(LongLong)),
        ("%jd", scalar(Int64)),
        ("%zd", scalar(SignedSize)),
        ("%td", scalar(PointerDifference)),
        ("%u", scalar(UnsignedInt)),
        ("%hhX", scalar(UnsignedInt)),
        ("%lo", scalar(UnsignedLong)),
        ("%llx", scalar(UnsignedLongLong)),
        ("%ju", scalar(UInt64)),
        ("%zu", scalar(Size)),
        ("%tx", scalar(UIntPointer)),
        ("%#b", scalar(UnsignedInt)),
        ("%-+ #0'30.4f", scalar(Double)),
        ("%lf", scalar(Double)),
        ("%La", scalar(LongDouble)),
        ("%c", scalar(Int)),
        ("%lc", scalar(UnsignedInt)),
        ("%C", scalar(UnsignedInt)),
        ("%-20s", Text),
        ("%ls", WideText),
        ("%S", WideText),
        ("%p", Opaque),
        ("%n", Written(Int)),
        ("%hhn", Written(SignedChar)),
        ("%hn", Written(Short)),
        ("%ln", Written(Long)),
        ("%lln", Written(LongLong)),
        ("%jn", Written(Int64)),
        ("%zn", Written(SignedSize)),
        ("%tn", Written(PointerDifference)),
    ] {
        assert_eq!(kinds(format), Ok(vec![expected]), "{format}");
    }
    for format in ["", "no conversion", "%%", "%m", "100%% %m"] {
        assert_eq!(kinds(format), Ok(vec![]), "{format}");
    }
}

#[test]
fn stars_come_before_their_conversion_and_limit_text() {
    let found = arguments(b"%*d|%.*s|%-*.*f|%.5s|%.-3s|%.s").unwrap();
    let limits: Vec<Limit> = found.iter().map(|one| one.limit).collect();
    assert_eq!(found.len(), 10);
    assert_eq!(found[0], INTEGER);
    assert_eq!(found[3].kind, Argument::Text);
    assert_eq!(limits[3], Limit::Argument(2));
    assert_eq!(found[6].kind, Argument::Scalar(Scalar::Double));
    assert_eq!(
        limits[7..],
        [Limit::Elements(5), Limit::Terminated, Limit::Elements(0)]
    );
}

#[test]
fn positions_are_put_in_order() {
    use Scalar::{Double, Int};
    let scalar = Argument::Scalar;
    assert_eq!(
        kinds("%2$s %1$*3$d %4$f %2$s"),
        Ok(vec![
            scalar(Int),
            Argument::Text,
            scalar(Int),
            scalar(Double)
        ])
    );
    let twice = arguments(b"%1$.3s %1$.7s").unwrap();
    assert_eq!(twice[0].limit, Limit::Elements(7));
    assert_eq!(
        arguments(b"%1$.3s %1$s").unwrap()[0].limit,
        Limit::Terminated
    );
    assert_eq!(arguments(b"%2$.*1$s").unwrap()[1].limit, Limit::Argument(0));
}

#[test]
fn what_types_no_argument_is_refused() {
    for format in [
        "%y", "%ld%k", "%hs", "%Ls", "%lp", "%hhf", "%zc", "%0$d", "%1$%", "%v", "%lm", "%\u{e9}",
    ] {
        assert!(
            matches!(kinds(format), Err(FormatError::Unknown(_))),
            "{format}"
        );
    }
    for format in ["%", "%d %", "%-08.3", "%ll", "%*", "%1$"] {
        assert!(
            matches!(kinds(format), Err(FormatError::Unfinished(_))),
            "{format}"
        );
    }
    for format in ["%d %1$d", "%1$d %d", "%1$*d", "%*1$d"] {
        assert!(
            matches!(kinds(format), Err(FormatError::Mixed(_))),
            "{format}"
        );
    }
    assert_eq!(
        kinds("%3$d %1$d"),
        Err(FormatError::Unused { unused: 2, last: 3 })
    );
    assert_eq!(kinds("%1$d %1$ld"), Err(FormatError::Contradiction(1)));
    assert_eq!(kinds("%1$d %1$s"), Err(FormatError::Contradiction(1)));
    assert_eq!(kinds("%128$d"), Err(FormatError::TooMany));
    assert_eq!(
        kinds("%99999999999999999999999$d"),
        Err(FormatError::TooMany)
    );
    assert_eq!(kinds(&"%d".repeat(128)), Err(FormatError::TooMany));
    assert_eq!(kinds(&"%d".repeat(127)).map(|all| all.len()), Ok(127));
}

#[test]
fn messages_say_which_conversion() {
    let words = |format: &[u8]| arguments(format).unwrap_err().to_string();
    insta::assert_snapshot!(
        [
            words(b"a %d and %5y"),
            words(b"50%"),
            words(b"%1$d %s"),
            words(b"%3$d %1$d"),
            words(b"%1$d %1$s"),
            words(b"%200$d"),
            words(b"%\x1b[31m\xff"),
        ]
        .join("\n")
    );
}

proptest! {
    #[test]
    fn no_format_is_too_strange(format: Vec<u8>) {
        let _ = arguments(&format);
    }

    #[test]
    fn nor_one_of_percent_signs(format in "[%$*.0-9hlLqjztdnsc]{0,24}") {
        if let Ok(found) = arguments(format.as_bytes()) {
            for one in &found {
                if let Limit::Argument(index) = one.limit {
                    prop_assert_eq!(found[index].kind, Argument::Scalar(Scalar::Int));
                }
            }
        }
    }
}
