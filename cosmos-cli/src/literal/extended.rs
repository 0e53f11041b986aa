//! Exact reading and printing of the x87 extended format, which Rust has no type for.
//!
//! A number is read into a [`Binary`]: an integer times a power of two, with more bits than any
//! format keeps and a mark that says whether anything non-zero was cut off behind them. Rounding
//! that once, to nearest with ties to even, gives what `strtold` gives.

/// `mantissa * 2^exponent`, and whether a little more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Binary {
    mantissa: u128,
    exponent: i32,
    sticky: bool,
}

/// The ten bytes of a `long double` in C's notation (without suffix); `None`: it is no number.
pub fn parse(word: &str) -> Option<[u8; 10]> {
    let (negative, rest) = match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word.strip_prefix('+').unwrap_or(word)),
    };
    let lower = rest.to_ascii_lowercase();
    let (mantissa, exponent) = match lower.as_str() {
        "inf" | "infinity" => INFINITE,
        "nan" => (3 << 62, 0x7fff),
        _ => match lower.strip_prefix("0x") {
            Some(digits) => Binary::parse(digits)?.to_extended(),
            None => decimal(&lower)?.to_extended(),
        },
    };
    Some(assemble(negative, mantissa, exponent))
}

/// The fewest decimal digits that [`parse`] reads back to the same value, as (digits, power of ten
/// of the first one), or the word for a value that has none.
pub fn print(bytes: &[u8; 10]) -> (bool, Result<(String, i32), &'static str>) {
    let (mantissa_bytes, exponent_bytes) = bytes.split_at(8);
    let mantissa = u64::from_le_bytes(mantissa_bytes.try_into().unwrap_or_default());
    let head = u16::from_le_bytes(exponent_bytes.try_into().unwrap_or_default());
    let (negative, exponent) = (head >> 15 == 1, i32::from(head & 0x7fff));
    let number = match (exponent, mantissa) {
        (0x7fff, _) if mantissa << 1 == 0 => Err("inf"),
        (0x7fff, _) => Err("nan"),
        (_, 0) => Ok(("0".to_owned(), 0)),
        _ => Ok(shortest(mantissa, exponent.max(1) - BIAS - 63)),
    };
    (negative, number)
}

const BIAS: i32 = 16383;
const INFINITE: (u64, u16) = (1 << 63, 0x7fff);
/// Digits beyond these only say whether there is anything more.
const DIGITS: usize = 1200;

fn assemble(negative: bool, mantissa: u64, exponent: u16) -> [u8; 10] {
    let mut bytes = [0; 10];
    let head = exponent | if negative { 0x8000 } else { 0 };
    bytes[..8].copy_from_slice(&mantissa.to_le_bytes());
    bytes[8..].copy_from_slice(&head.to_le_bytes());
    bytes
}

impl Binary {
    /// Hexadecimal digits with an optional point and an optional `p` exponent.
    pub fn parse(word: &str) -> Option<Binary> {
        let lower = word.to_ascii_lowercase();
        let (digits, power) = match lower.split_once('p') {
            Some((digits, power)) => (digits, power.parse::<i32>().ok()?),
            None => (lower.as_str(), 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let mut number = Binary {
            mantissa: 0,
            exponent: power,
            sticky: false,
        };
        for (places, part) in [(0, whole), (-4, fraction)] {
            for digit in part.chars() {
                number.push(digit.to_digit(16)?, places)?;
            }
        }
        Some(number)
    }

    fn push(&mut self, digit: u32, places: i32) -> Option<()> {
        if self.mantissa >> 120 == 0 {
            self.mantissa = self.mantissa << 4 | u128::from(digit);
            self.exponent = self.exponent.checked_add(places)?;
        } else {
            self.sticky |= digit != 0;
            self.exponent = self.exponent.checked_add(places + 4)?;
        }
        Some(())
    }

    /// The nearest `double`.
    pub fn to_f64(self) -> f64 {
        let (mut mantissa, mut exponent) = self.round(53, -1074);
        if mantissa == 0 {
            return 0.0;
        }
        while mantissa < 1 << 52 && exponent > -1074 {
            mantissa <<= 1;
            exponent -= 1;
        }
        if mantissa == 1 << 53 {
            mantissa >>= 1;
            exponent += 1;
        }
        if exponent > 971 {
            return f64::INFINITY;
        }
        let biased = if mantissa < 1 << 52 {
            0
        } else {
            u64::try_from(exponent + 1075).unwrap_or(0)
        };
        let fraction = u64::try_from(mantissa & ((1 << 52) - 1)).unwrap_or(0);
        f64::from_bits(biased << 52 | fraction)
    }

    /// The mantissa and biased exponent of the nearest `long double`.
    fn to_extended(self) -> (u64, u16) {
        const LEAST: i32 = 1 - BIAS - 63;
        let (mut mantissa, mut exponent) = self.round(64, LEAST);
        if mantissa == 0 {
            return (0, 0);
        }
        while mantissa < 1 << 63 && exponent > LEAST {
            mantissa <<= 1;
            exponent -= 1;
        }
        if mantissa == 1 << 64 {
            mantissa >>= 1;
            exponent += 1;
        }
        let biased = if mantissa < 1 << 63 {
            0
        } else {
            exponent + BIAS + 63
        };
        match (u64::try_from(mantissa), u16::try_from(biased)) {
            (Ok(mantissa), Ok(biased)) if biased < 0x7fff => (mantissa, biased),
            _ => INFINITE,
        }
    }

    /// To at most `precision` bits, the last of them worth at least `2^least`.
    fn round(self, precision: i32, least: i32) -> (u128, i32) {
        let length = 128 - self.mantissa.leading_zeros().cast_signed();
        let drop = (length - precision).max(least.saturating_sub(self.exponent));
        if drop <= 0 {
            return (self.mantissa, self.exponent);
        }
        if drop > 127 {
            return (0, least);
        }
        let kept = self.mantissa >> drop;
        let rest = self.mantissa & ((1 << drop) - 1);
        let half = 1 << (drop - 1);
        let up = rest > half || (rest == half && (self.sticky || kept & 1 == 1));
        (kept + u128::from(up), self.exponent + drop)
    }
}

fn decimal(word: &str) -> Option<Binary> {
    let (digits, power) = match word.split_once('e') {
        Some((digits, power)) => (digits, power.parse::<i64>().ok()?),
        None => (word, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all: String = [whole, fraction].concat();
    if all.is_empty() || !all.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let significant = all.trim_start_matches('0');
    let (kept, cut) = significant.split_at(significant.len().min(DIGITS));
    let point = power - i64::try_from(fraction.len()).ok()? + i64::try_from(cut.len()).ok()?;
    let magnitude = point + i64::try_from(kept.len()).ok()?;
    let nothing = Binary {
        mantissa: 0,
        exponent: 0,
        sticky: false,
    };
    if kept.is_empty() || magnitude < -5100 {
        return Some(nothing);
    }
    if magnitude > 5100 {
        return Some(Binary {
            mantissa: 1,
            exponent: 20_000,
            ..nothing
        });
    }
    let mut numerator = Natural::from_digits(kept);
    let mut denominator = Natural::one();
    let tens = usize::try_from(point.unsigned_abs()).ok()?;
    if point >= 0 {
        &mut numerator
    } else {
        &mut denominator
    }
    .times_power(10, tens);
    let mut ratio = quotient(numerator, denominator);
    ratio.sticky |= cut.bytes().any(|digit| digit != b'0');
    Some(ratio)
}

/// The quotient to at least 100 bits.
fn quotient(mut numerator: Natural, mut denominator: Natural) -> Binary {
    const BITS: i64 = 100;
    let shift = BITS + denominator.bits() - numerator.bits();
    let distance = usize::try_from(shift.unsigned_abs()).unwrap_or(0);
    if shift >= 0 {
        &mut numerator
    } else {
        &mut denominator
    }
    .shift(distance);
    // The quotient is below 2^102; subtracting shifted denominators finds its bits.
    denominator.shift(102);
    let mut mantissa = 0u128;
    for _ in 0..=102 {
        mantissa <<= 1;
        if numerator.subtract(&denominator) {
            mantissa |= 1;
        }
        denominator.halve();
    }
    let exponent = i32::try_from(-shift).unwrap_or(0);
    Binary {
        mantissa,
        exponent,
        sticky: !numerator.is_zero(),
    }
}

fn shortest(mantissa: u64, exponent: i32) -> (String, i32) {
    let mut number = Natural::from_u64(mantissa);
    let distance = usize::try_from(exponent.unsigned_abs()).unwrap_or(0);
    // m / 2^k = m * 5^k / 10^k
    let point = if exponent >= 0 {
        number.shift(distance);
        0
    } else {
        number.times_power(5, distance);
        exponent
    };
    let exact = number.digits();
    let magnitude = |digits: &str| i32::try_from(digits.len()).unwrap_or(0) + point - 1;
    let wanted = Binary {
        mantissa: u128::from(mantissa),
        exponent,
        sticky: false,
    }
    .to_extended();
    for length in 1..=21 {
        let (digits, carried) = rounded(&exact, length);
        let power = magnitude(&exact) + i32::from(carried);
        let scientific = format!(
            "{}e{}",
            digits,
            power + 1 - i32::try_from(digits.len()).unwrap_or(0)
        );
        if decimal(&scientific).map(Binary::to_extended) == Some(wanted) {
            return (digits.trim_end_matches('0').to_owned(), power);
        }
    }
    (exact.trim_end_matches('0').to_owned(), magnitude(&exact))
}

/// To so many digits, and whether that made one more digit before the point.
fn rounded(exact: &str, length: usize) -> (String, bool) {
    if exact.len() <= length {
        return (exact.to_owned(), false);
    }
    let (kept, rest) = exact.split_at(length);
    let mut digits: Vec<u8> = kept.bytes().collect();
    if rest.as_bytes().first().is_some_and(|&next| next >= b'5') {
        let mut at = digits.len();
        loop {
            if at == 0 {
                digits.insert(0, b'1');
                digits.pop();
                return (String::from_utf8_lossy(&digits).into_owned(), true);
            }
            at -= 1;
            if digits[at] == b'9' {
                digits[at] = b'0';
            } else {
                digits[at] += 1;
                break;
            }
        }
    }
    (String::from_utf8_lossy(&digits).into_owned(), false)
}

/// A natural number of any size, 32 bits a word, the lowest first, without zero words on top.
struct Natural(Vec<u32>);

impl Natural {
    fn one() -> Natural {
        Natural(vec![1])
    }

    fn from_u64(number: u64) -> Natural {
        let mut natural = Natural(vec![number as u32, (number >> 32) as u32]);
        natural.trim();
        natural
    }

    fn from_digits(digits: &str) -> Natural {
        let mut natural = Natural(Vec::new());
        for digit in digits.bytes() {
            natural.times_plus(10, u32::from(digit - b'0'));
        }
        natural
    }

    fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    fn bits(&self) -> i64 {
        let top = self
            .0
            .last()
            .map_or(0, |word| 32 - i64::from(word.leading_zeros()));
        let below = i64::try_from(self.0.len().saturating_sub(1)).unwrap_or(0);
        below * 32 + top
    }

    fn times_plus(&mut self, factor: u32, mut carry: u32) {
        for word in &mut self.0 {
            let product = u64::from(*word) * u64::from(factor) + u64::from(carry);
            *word = product as u32;
            carry = (product >> 32) as u32;
        }
        if carry != 0 {
            self.0.push(carry);
        }
    }

    fn times_power(&mut self, base: u32, power: usize) {
        for _ in 0..power {
            self.times_plus(base, 0);
        }
    }

    fn shift(&mut self, bits: usize) {
        self.times_plus(1 << (bits % 32), 0);
        if !self.is_zero() {
            self.0.splice(0..0, std::iter::repeat_n(0, bits / 32));
        }
    }

    fn halve(&mut self) {
        let mut carry = 0;
        for word in self.0.iter_mut().rev() {
            let next = *word & 1;
            *word = *word >> 1 | carry << 31;
            carry = next;
        }
        self.trim();
    }

    /// Subtracts where the result is not negative, and says whether it did.
    fn subtract(&mut self, other: &Natural) -> bool {
        let longer = self.0.len().cmp(&other.0.len());
        let order = longer.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()));
        if order.is_lt() {
            return false;
        }
        let mut borrow = false;
        for (at, word) in self.0.iter_mut().enumerate() {
            let less = other.0.get(at).copied().unwrap_or(0);
            let (first, under) = word.overflowing_sub(less);
            let (second, again) = first.overflowing_sub(u32::from(borrow));
            *word = second;
            borrow = under || again;
        }
        self.trim();
        true
    }

    fn digits(mut self) -> String {
        let mut groups = Vec::new();
        while !self.is_zero() {
            let mut rest = 0u64;
            for word in self.0.iter_mut().rev() {
                let number = rest << 32 | u64::from(*word);
                *word = (number / 1_000_000_000) as u32;
                rest = number % 1_000_000_000;
            }
            self.trim();
            groups.push(rest);
        }
        let top = groups.pop().unwrap_or(0).to_string();
        groups
            .iter()
            .rev()
            .fold(top, |text, group| format!("{text}{group:09}"))
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}
