//! Prefixes, read from the bytes themselves.
//!
//! A decoder may skip a prefix that it deems meaningless, or give it a meaning that another
//! processor does not share. So what stands before the opcode is established here, apart from the
//! decoder, and the table of forms names for each form the combinations that it takes:
//!
//! | before the opcode | [`Legacy`] |
//! |---|---|
//! | nothing | `None` |
//! | `66` | `Data16` |
//! | `F2`, `F3` | `Repne`, `Rep` |
//! | `F0` | `Lock` |
//! | `66 F0`, `F0 66` | `LockData16` |
//! | `2E`, `3E` | `Hint` |
//!
//! each followed by at most one REX, and that directly by the opcode. Anything else, a repeated
//! prefix, another segment, `67`, a prefix after REX, is refused here, with one exception: the long
//! no-operations `66 … 66 2E 0F 1F 84 00 00 00 00 00`, which count as `LongNop`.
//!
//! Dialect `fast` has `65 67` or `67` before that, and neither hints nor `66` with `F0`:
//! [`scan_addressed`].

/// The legacy prefixes of an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Legacy {
    None,
    Data16,
    Repne,
    Rep,
    Lock,
    LockData16,
    Hint,
    LongNop,
    /// Prefixes that no form takes.
    Refused,
}

impl Legacy {
    #[inline(always)]
    pub(crate) fn locks(self) -> bool {
        matches!(self, Self::Lock | Self::LockData16)
    }
}

/// What stands before an opcode.
#[derive(Clone, Copy)]
pub(crate) struct Prefixes {
    pub(crate) legacy: Legacy,
    /// The REX byte; 0 where there is none.
    pub(crate) rex: u8,
}

impl Prefixes {
    #[inline(always)]
    const fn class(self) -> u32 {
        (self.legacy as u32) * 2 + ((self.rex >> 3) & 1) as u32
    }
}

/// Reads the prefixes of the instruction that `bytes` starts with; `None` where they are none that
/// any form takes, or nothing follows them.
///
/// This runs for every instruction, and which prefixes the next one has is beyond prediction: so
/// one legacy prefix, one REX, both or neither are read without a branch.
#[inline(always)]
pub(crate) fn scan(bytes: &[u8]) -> Option<Prefixes> {
    if let [first, second, third, ..] = *bytes {
        let alone = ALONE[first as usize];
        let has_legacy = alone as u8 != Legacy::None as u8;
        let next = if has_legacy { second } else { first };
        let has_rex = next & 0xf0 == 0x40;
        let after_next = if has_legacy { third } else { second };
        let opcode = if has_rex { after_next } else { next };
        let rex = if has_rex { next } else { 0 };
        if alone as u8 != Legacy::Refused as u8 && !IS_PREFIX[opcode as usize] {
            return Some(Prefixes { legacy: alone, rex });
        }
    }
    scan_pair_or_end(bytes)
}

/// How an instruction of dialect `fast` addresses memory, by its first bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Addressing {
    /// By registers of 64 bits: neither prefix.
    Whole,
    /// `65 67`: from gs, by registers of 32 bits.
    FromGs,
    /// `67` alone: by registers of 32 bits.
    Short,
}

/// Reads the prefixes of an instruction of dialect `fast`: `65 67`, `67` or neither, then at most one
/// of `66`, `F2`, `F3` and `F0`, then REX. Other segments are in fixed no-operations alone.
#[inline(always)]
pub(crate) fn scan_addressed(bytes: &[u8]) -> Option<(Addressing, Prefixes)> {
    let (addressing, rest) = match bytes {
        [0x65, 0x67, rest @ ..] => (Addressing::FromGs, rest),
        [0x67, rest @ ..] => (Addressing::Short, rest),
        _ => (Addressing::Whole, bytes),
    };
    let prefixes = scan(rest)?;
    let may_be = match prefixes.legacy {
        Legacy::None | Legacy::Data16 | Legacy::Repne | Legacy::Rep | Legacy::Lock => true,
        Legacy::LongNop => addressing == Addressing::Whole,
        Legacy::LockData16 | Legacy::Hint | Legacy::Refused => false,
    };
    may_be.then_some((addressing, prefixes))
}

/// Two legacy prefixes, or an instruction at the end of its bundle.
#[cold]
fn scan_pair_or_end(bytes: &[u8]) -> Option<Prefixes> {
    let (legacy, rest) = match bytes {
        [0x66, 0xf0, rest @ ..] | [0xf0, 0x66, rest @ ..] => (Legacy::LockData16, rest),
        [0x66, rest @ ..] if matches!(rest, [0x66 | 0x2e, ..]) => return long_nop(rest),
        [first, rest @ ..] => match ALONE[usize::from(*first)] {
            Legacy::Refused => return None,
            Legacy::None => (Legacy::None, bytes),
            legacy => (legacy, rest),
        },
        [] => return None,
    };
    let (rex, opcode) = match rest {
        [rex @ 0x40..=0x4f, opcode, ..] => (*rex, *opcode),
        [opcode, ..] => (0, *opcode),
        [] => return None,
    };
    (!IS_PREFIX[usize::from(opcode)]).then_some(Prefixes { legacy, rex })
}

/// `rest` is what follows the first 66.
#[cold]
fn long_nop(rest: &[u8]) -> Option<Prefixes> {
    let more = rest.iter().take_while(|&&byte| byte == 0x66).count();
    let tail = [0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0];
    (more <= 5 && rest.get(more..)?.starts_with(&tail)).then_some(Prefixes {
        legacy: Legacy::LongNop,
        rex: 0,
    })
}

/// What follows the prefixes, be they allowed or not.
pub(crate) fn skip(bytes: &[u8]) -> &[u8] {
    let is_prefix = |byte: &&u8| IS_PREFIX[usize::from(**byte)];
    let prefixes = bytes.iter().take_while(is_prefix).count();
    bytes.get(prefixes..).unwrap_or_default()
}

/// Whether a whole instruction is one of the no-operations of several bytes that are allowed.
pub(crate) fn is_fixed_nop(instruction: &[u8]) -> bool {
    let plain = instruction.strip_prefix(&[0x66]).unwrap_or(instruction);
    match plain {
        [0x0f, 0x1f, 0x44, 0x00, 0x00] | [0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0] => true,
        [0x0f, 0x1f, 0x00] | [0x0f, 0x1f, 0x40, 0x00] | [0x0f, 0x1f, 0x80, 0, 0, 0, 0] => {
            plain.len() == instruction.len()
        }
        // What `long_nop` accepted, and nothing longer: the bytes after it are not looked at there.
        [.., 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0] => {
            let data16 = instruction.len() - 9;
            (1..=6).contains(&data16) && instruction[..data16].iter().all(|&byte| byte == 0x66)
        }
        _ => false,
    }
}

/// The combinations of prefixes that a form takes: one bit for each [`Legacy`] with and without
/// REX.W. The other bits of REX only number registers, or nothing.
#[derive(Clone, Copy)]
pub(crate) struct Allowed(u16);

impl Allowed {
    pub(crate) const NOTHING: Self = Self(0);
    /// Without REX.W.
    const fn narrow(legacy: Legacy) -> Self {
        Self(1 << (legacy as u16 * 2))
    }
    /// With REX.W.
    const fn wide(legacy: Legacy) -> Self {
        Self(2 << (legacy as u16 * 2))
    }
    const fn either(legacy: Legacy) -> Self {
        Self(3 << (legacy as u16 * 2))
    }
    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// No prefix; REX.W, if there, means nothing to the form.
    pub(crate) const PLAIN: Self = Self::either(Legacy::None);
    /// The 16-bit form.
    pub(crate) const WORD: Self = Self::narrow(Legacy::Data16);
    /// The 32-bit form.
    pub(crate) const LONG: Self = Self::narrow(Legacy::None);
    /// The 64-bit form.
    pub(crate) const QUAD: Self = Self::wide(Legacy::None);

    pub(crate) const BYTE_LOCKABLE: Self = Self::PLAIN.or(Self::either(Legacy::Lock));
    pub(crate) const WORD_LOCKABLE: Self = Self::WORD.or(Self::narrow(Legacy::LockData16));
    pub(crate) const LONG_LOCKABLE: Self = Self::LONG.or(Self::narrow(Legacy::Lock));
    pub(crate) const QUAD_LOCKABLE: Self = Self::QUAD.or(Self::wide(Legacy::Lock));

    /// The prefix is part of the opcode, and REX.W means nothing or chooses between two forms.
    pub(crate) const P66: Self = Self::either(Legacy::Data16);
    pub(crate) const P66_QUAD: Self = Self::wide(Legacy::Data16);
    pub(crate) const PF2: Self = Self::either(Legacy::Repne);
    pub(crate) const PF2_LONG: Self = Self::narrow(Legacy::Repne);
    pub(crate) const PF2_QUAD: Self = Self::wide(Legacy::Repne);
    pub(crate) const PF3: Self = Self::either(Legacy::Rep);
    pub(crate) const PF3_LONG: Self = Self::narrow(Legacy::Rep);
    pub(crate) const PF3_QUAD: Self = Self::wide(Legacy::Rep);

    /// Strings that repeat a number of times.
    pub(crate) const REP_BYTE: Self = Self::PLAIN.or(Self::PF3);
    pub(crate) const REP_LONG: Self = Self::LONG.or(Self::PF3_LONG);
    pub(crate) const REP_QUAD: Self = Self::QUAD.or(Self::PF3_QUAD);
    /// Strings that repeat while equal or while not equal.
    pub(crate) const REPCC_BYTE: Self = Self::REP_BYTE.or(Self::PF2);
    pub(crate) const REPCC_LONG: Self = Self::REP_LONG.or(Self::PF2_LONG);
    pub(crate) const REPCC_QUAD: Self = Self::REP_QUAD.or(Self::PF2_QUAD);

    /// Conditional jumps, which may say whether they are likely.
    pub(crate) const HINTED: Self = Self::PLAIN.or(Self::either(Legacy::Hint));
    pub(crate) const LONG_NOP: Self = Self::WORD.or(Self::narrow(Legacy::LongNop));

    #[inline(always)]
    pub(crate) const fn contains(self, prefixes: Prefixes) -> bool {
        (self.0 as u32 >> prefixes.class()) & 1 != 0
    }

    pub(crate) const fn is_nothing(self) -> bool {
        self.0 == 0
    }
}

/// What a byte means as the only legacy prefix; `None` for what is no legacy prefix.
static ALONE: [Legacy; 256] = {
    let mut table = [Legacy::None; 256];
    let refused = [0x26, 0x36, 0x64, 0x65, 0x67];
    let mut index = 0;
    while index < refused.len() {
        table[refused[index]] = Legacy::Refused;
        index += 1;
    }
    table[0x2e] = Legacy::Hint;
    table[0x3e] = Legacy::Hint;
    table[0x66] = Legacy::Data16;
    table[0xf0] = Legacy::Lock;
    table[0xf2] = Legacy::Repne;
    table[0xf3] = Legacy::Rep;
    table
};

/// Whether a byte is a legacy prefix or a REX.
static IS_PREFIX: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = !matches!(ALONE[byte], Legacy::None) || byte & 0xf0 == 0x40;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn legacy(bytes: &[u8]) -> Option<(Legacy, u8)> {
        scan(bytes).map(|prefixes| (prefixes.legacy, prefixes.rex))
    }

    #[test]
    fn the_table_of_the_module_holds() {
        assert_eq!(legacy(&[0x90]), Some((Legacy::None, 0)));
        assert_eq!(legacy(&[0x66, 0x90]), Some((Legacy::Data16, 0)));
        assert_eq!(legacy(&[0xf2, 0x4f, 0xae]), Some((Legacy::Repne, 0x4f)));
        assert_eq!(legacy(&[0xf3, 0xab]), Some((Legacy::Rep, 0)));
        assert_eq!(legacy(&[0xf0, 0x48, 0x01]), Some((Legacy::Lock, 0x48)));
        assert_eq!(legacy(&[0xf0, 0x66, 0x01]), Some((Legacy::LockData16, 0)));
        assert_eq!(
            legacy(&[0x66, 0xf0, 0x41, 0x01]),
            Some((Legacy::LockData16, 0x41))
        );
        assert_eq!(legacy(&[0x2e, 0x74]), Some((Legacy::Hint, 0)));
        assert_eq!(legacy(&[0x3e, 0x74]), Some((Legacy::Hint, 0)));
    }

    #[test]
    fn every_other_pair_of_prefixes_is_refused() {
        let all = [
            0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3,
        ];
        for first in all {
            for second in all {
                let pair = [first, second, 0x01, 0x00];
                let lock_word = matches!((first, second), (0x66, 0xf0) | (0xf0, 0x66));
                assert_eq!(legacy(&pair).is_some(), lock_word, "{pair:02x?}");
                let triple = [first, second, 0x66, 0x01, 0x00];
                assert_eq!(legacy(&triple), None, "{triple:02x?}");
            }
            assert_eq!(legacy(&[0x48, first, 0x01]), None, "REX before {first:02x}");
            assert_eq!(legacy(&[first]), None, "{first:02x} alone");
        }
        assert_eq!(legacy(&[0x48, 0x40, 0x01]), None, "two REX");
        for refused in [0x26, 0x36, 0x64, 0x65, 0x67] {
            assert_eq!(legacy(&[refused, 0x01, 0x00]), None);
        }
    }

    #[test]
    fn gs_and_short_addresses_come_first_and_once() {
        let scanned = |bytes: &[u8]| {
            scan_addressed(bytes).map(|(addressing, found)| (addressing, found.legacy, found.rex))
        };
        let (gs, short) = (Addressing::FromGs, Addressing::Short);
        assert_eq!(scanned(&[0x65, 0x67, 0x8b, 0]), Some((gs, Legacy::None, 0)));
        assert_eq!(
            scanned(&[0x65, 0x67, 0xf3, 0x4f, 0x0f]),
            Some((gs, Legacy::Rep, 0x4f))
        );
        assert_eq!(
            scanned(&[0x67, 0x66, 0x8d, 0]),
            Some((short, Legacy::Data16, 0))
        );
        let all = [
            0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x48,
        ];
        let one = |byte: u8| matches!(byte, 0x66 | 0xf0 | 0xf2 | 0xf3 | 0x48);
        for first in all {
            assert_eq!(scanned(&[first]), None, "{first:02x} alone");
            let alone = one(first) || first == 0x67;
            assert_eq!(scanned(&[first, 1, 0]).is_some(), alone, "{first:02x}");
            for second in all {
                let pair = [first, second];
                let allowed = pair == [0x65, 0x67]
                    || first != 0x48
                        && (one(first) && second == 0x48 || first == 0x67 && one(second));
                let bytes = [first, second, 1, 0];
                assert_eq!(scanned(&bytes).is_some(), allowed, "{bytes:02x?}");
                for third in all {
                    let allowed = pair == [0x65, 0x67] && one(third)
                        || first == 0x67 && one(second) && second != 0x48 && third == 0x48;
                    let bytes = [first, second, third, 1, 0];
                    assert_eq!(scanned(&bytes).is_some(), allowed, "{bytes:02x?}");
                }
            }
        }
        let tail = [0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0];
        assert!(scanned(&tail).is_some());
        assert!(scanned(&[&[0x67][..], &tail].concat()).is_none());
        assert!(scanned(&[&[0x65, 0x67][..], &tail].concat()).is_none());
    }

    #[test]
    fn long_nops_have_one_to_six_data16() {
        let tail = [0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0];
        for count in 0..9 {
            let bytes = [&vec![0x66; count][..], &tail].concat();
            let expected = (1..=6).contains(&count);
            let scanned = scan(&bytes).is_some_and(|found| found.legacy == Legacy::LongNop);
            assert_eq!(scanned, expected, "{count}");
            assert_eq!(is_fixed_nop(&bytes), expected, "{count}");
        }
    }
}
