//! Numbers of bytes as people write them: `4096`, `512M`, `1GiB`.
//!
//! Units are powers of 1024, as for `ulimit`, systemd and containers. `MB`, which is a power of 1000 to some, is
//! refused, and so is what does not fit: nobody is given another limit than the one that was meant.

const UNITS: [char; 4] = ['K', 'M', 'G', 'T'];

/// How many bytes that is.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let unit = text.strip_prefix(digits)?;
    // No sign, which `parse` would take.
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    let letter = match unit.strip_suffix("iB").unwrap_or(unit) {
        "" if unit.is_empty() => return Some(number),
        letter => letter.parse::<char>().ok()?.to_ascii_uppercase(),
    };
    let power = UNITS.iter().position(|known| *known == letter)? + 1;
    number.checked_mul(1u64 << (10 * power))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_a_number_of_bytes_is_none() {
        for text in [
            "",
            "K",
            "iB",
            "1iB",
            "1B",
            "1MB",
            "1.5G",
            "1 G",
            "+1",
            "-1K",
            "1KK",
            "1E",
            "0x10",
            "1G1",
            "16777216T",
            "18446744073709551616",
            "١K",
        ] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_unit_is_its_power_of_1024_or_too_much(
            number in any::<u64>(),
            shift in 0u32..64,
            power in 0u32..=4,
            spelling in 0usize..3,
        ) {
            let number = number >> shift;
            let unit = ["", "K", "M", "G", "T"][power as usize];
            let unit = match spelling {
                _ if power == 0 => String::new(),
                0 => unit.to_owned(),
                1 => unit.to_ascii_lowercase(),
                _ => format!("{unit}iB"),
            };
            let meant = u128::from(number) * 1024u128.pow(power);
            prop_assert_eq!(bytes(&format!("{number}{unit}")), u64::try_from(meant).ok());
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,12}|[0-9]{0,22}[a-zA-Z]{0,4}") {
            if let Some(read) = bytes(&text) {
                let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
                prop_assert!(read >= digits.parse::<u64>().unwrap());
            }
        }
    }
}
