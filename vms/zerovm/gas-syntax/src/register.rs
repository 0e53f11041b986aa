//! The registers of x86-64 by their names.

use std::fmt;

/// A register.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Register {
    name: Name,
    /// What kind of register it is.
    pub class: Class,
    /// Which of its kind, as encoded; that of `%ah` is 0.
    pub number: u8,
}

/// The kinds of registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The lowest 8 bits of a general register.
    Byte,
    /// `%ah`, `%ch`, `%dh`, `%bh`: bits 8 to 15.
    HighByte,
    /// 16 bits of a general register.
    Word,
    /// 32 bits of a general register.
    Long,
    /// A whole general register.
    Quad,
    /// `%rip` or `%eip`.
    InstructionPointer,
    /// A segment register.
    Segment,
    /// `%st`, `%st(1)`…
    X87,
    /// A register of MMX.
    Mmx,
    /// 128 bits of a vector register.
    Xmm,
    /// What only AVX or AVX-512 have.
    WideVector,
    /// Control and debug registers.
    System,
}

const QUADS: [&str; 16] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15",
];
const LONGS: [&str; 16] = [
    "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "r8d", "r9d", "r10d", "r11d", "r12d",
    "r13d", "r14d", "r15d",
];
const WORDS: [&str; 16] = [
    "ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "r8w", "r9w", "r10w", "r11w", "r12w", "r13w",
    "r14w", "r15w",
];
const BYTES: [&str; 16] = [
    "al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil", "r8b", "r9b", "r10b", "r11b", "r12b",
    "r13b", "r14b", "r15b",
];
const HIGH_BYTES: [&str; 4] = ["ah", "ch", "dh", "bh"];
const SEGMENTS: [&str; 6] = ["es", "cs", "ss", "ds", "fs", "gs"];

impl Register {
    /// The register of this name, which has no `%`.
    pub fn named(name: &str) -> Option<Self> {
        let lists: [(&[&str], Class); 6] = [
            (&QUADS, Class::Quad),
            (&LONGS, Class::Long),
            (&WORDS, Class::Word),
            (&BYTES, Class::Byte),
            (&HIGH_BYTES, Class::HighByte),
            (&SEGMENTS, Class::Segment),
        ];
        for (list, class) in lists {
            if let Some(number) = list.iter().position(|&listed| listed == name) {
                return Some(Self::new(name, class, number as u8));
            }
        }
        Self::numbered(name)
    }

    fn numbered(name: &str) -> Option<Self> {
        let numbers: [(&str, Class, u8); 8] = [
            ("xmm", Class::Xmm, 16),
            ("mm", Class::Mmx, 8),
            ("ymm", Class::WideVector, 32),
            ("zmm", Class::WideVector, 32),
            ("k", Class::WideVector, 8),
            ("bnd", Class::System, 4),
            ("cr", Class::System, 16),
            ("dr", Class::System, 16),
        ];
        match name {
            "rip" | "eip" => return Some(Self::new(name, Class::InstructionPointer, 0)),
            "st" => return Some(Self::new(name, Class::X87, 0)),
            _ => (),
        }
        if let Some(number) = name
            .strip_prefix("st(")
            .and_then(|rest| rest.strip_suffix(')'))
        {
            return Some(Self::new(name, Class::X87, index(number, 8)?));
        }
        let (class, number) = numbers.into_iter().find_map(|(prefix, class, count)| {
            Some((class, index(name.strip_prefix(prefix)?, count)?))
        })?;
        Some(Self::new(name, class, number))
    }

    fn new(name: &str, class: Class, number: u8) -> Self {
        Self {
            name: Name::new(name),
            class,
            number,
        }
    }

    /// Whether it is a general register, or a part of one.
    pub fn is_general(self) -> bool {
        self.class.general_bits().is_some()
    }

    /// Whether it is a general register of this number, or a part of one.
    pub fn is_part_of(self, number: u8) -> bool {
        self.is_general() && self.number == number
    }

    /// All of the general register that this is a part of.
    pub fn quad(self) -> Self {
        self.of(Class::Quad, &QUADS)
    }

    /// The lower half of the general register that this is a part of.
    pub fn long(self) -> Self {
        self.of(Class::Long, &LONGS)
    }

    /// The lowest byte of the general register that this is a part of.
    pub fn byte(self) -> Self {
        self.of(Class::Byte, &BYTES)
    }

    fn of(self, class: Class, names: &[&str; 16]) -> Self {
        let number = self.number & 15;
        Self::new(names[usize::from(number)], class, number)
    }

    /// The name without its `%`.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }
}

impl Class {
    /// How many bits of a general register it is.
    pub fn general_bits(self) -> Option<u8> {
        match self {
            Self::Byte | Self::HighByte => Some(8),
            Self::Word => Some(16),
            Self::Long => Some(32),
            Self::Quad => Some(64),
            _ => None,
        }
    }
}

fn index(digits: &str, count: u8) -> Option<u8> {
    let plain = matches!(
        digits.as_bytes(),
        [b'0'..=b'9'] | [b'1'..=b'9', b'0'..=b'9']
    );
    let number: u8 = digits.parse().ok().filter(|_| plain)?;
    (number < count).then_some(number)
}

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.name())
    }
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.name())
    }
}

/// A register's name; none is longer than `st(0)` or `xmm15`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Name([u8; 5]);

impl Name {
    fn new(name: &str) -> Self {
        let mut kept = [0; 5];
        for (to, from) in kept.iter_mut().zip(name.bytes()) {
            *to = from;
        }
        Self(kept)
    }

    fn as_str(&self) -> &str {
        let length = self.0.iter().position(|&byte| byte == 0).unwrap_or(5);
        std::str::from_utf8(&self.0[..length]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_that_of_its_register() {
        let quads = QUADS.iter().chain(&LONGS).chain(&WORDS).chain(&BYTES);
        let others = [
            "ah", "bh", "rip", "fs", "st", "st(7)", "mm7", "xmm15", "ymm31", "k7", "cr8",
        ];
        for name in quads.chain(&others) {
            let register = Register::named(name).expect(name);
            assert_eq!(register.to_string(), format!("%{name}"));
        }
        for none in [
            "", "r16", "xmm16", "xmm01", "mm8", "st(8)", "st()", "RAX", "raxx", "k8",
        ] {
            assert_eq!(Register::named(none), None, "{none}");
        }
    }

    #[test]
    fn parts_of_registers() {
        let register = Register::named("r9w").expect("a register");
        assert_eq!(register.quad().name(), "r9");
        assert_eq!(register.long().name(), "r9d");
        assert_eq!(register.byte().name(), "r9b");
        assert!(Register::named("bh").expect("a register").is_part_of(3));
        assert!(!Register::named("xmm3").expect("a register").is_part_of(3));
    }
}
