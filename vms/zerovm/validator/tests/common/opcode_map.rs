//! Which opcodes stand for an allowed instruction, and of what kind, as the opcode map of the manuals
//! has them.

/// Which sizes of operands there are, by 66 and REX.W, and which other prefixes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Prefixing {
    /// None; REX.W is ignored.
    Bare,
    /// 66 and REX.W choose the size, not both.
    Sized,
    /// Those of the letters: `n` none, `6` 66, `f` F3, `r` F2; REX.W is ignored.
    Of(&'static str),
    /// None, or a hint.
    Hinted,
}
use Prefixing::{Bare, Hinted, Of, Sized};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    None,
    Rm,
    Reg,
    /// The low bits of the opcode.
    Opcode,
    Both,
}

#[derive(Clone, Copy)]
pub struct Rule {
    pub prefixing: Prefixing,
    pub modrm: bool,
    pub memory: bool,
    pub register: bool,
    /// `lea` and hints: memory is not touched.
    pub untouched: bool,
    /// Bytes of immediates; 4 shrinks to 2 with 66, 8 counts only with REX.W and is 4 or 2 else.
    pub immediate: usize,
    /// The general register or memory that is written.
    pub written: Operand,
    /// Whether the written register is one of 8 bits.
    pub byte: bool,
    pub lock: bool,
    /// Whether the 32-bit form may leave esp or ebp to be restored.
    pub extends: bool,
}

const RULE: Rule = Rule {
    prefixing: Bare,
    modrm: false,
    memory: true,
    register: true,
    untouched: false,
    immediate: 0,
    written: Operand::None,
    byte: false,
    lock: false,
    extends: false,
};

impl Rule {
    const fn modrm(self) -> Self {
        Self {
            modrm: true,
            ..self
        }
    }
    const fn only_memory(self) -> Self {
        Self {
            modrm: true,
            register: false,
            ..self
        }
    }
    const fn only_registers(self) -> Self {
        Self {
            modrm: true,
            memory: false,
            ..self
        }
    }
    const fn immediate(self, bytes: usize) -> Self {
        Self {
            immediate: bytes,
            ..self
        }
    }
    const fn writes(self, written: Operand) -> Self {
        Self { written, ..self }
    }
    const fn of(self, prefixing: Prefixing) -> Self {
        Self { prefixing, ..self }
    }
    const fn sized(self) -> Self {
        self.of(Sized)
    }
    const fn byte(self) -> Self {
        Self { byte: true, ..self }
    }
    const fn lock(self) -> Self {
        Self { lock: true, ..self }
    }
    const fn extends(self) -> Self {
        Self {
            extends: true,
            ..self
        }
    }
    const fn untouched(self) -> Self {
        Self {
            untouched: true,
            ..self
        }
    }
    /// Sized if the opcode is odd, of bytes if it is even.
    const fn by_width(self, opcode: u8) -> Self {
        if opcode & 1 == 0 {
            self.byte()
        } else {
            self.sized()
        }
    }
}

pub fn one_byte(opcode: u8, modrm: u8) -> Option<Rule> {
    let group = modrm >> 3 & 7;
    let extends = |rule: Rule, operation: u8| {
        // adc and sbb do not count.
        if matches!(operation, 2 | 3) {
            rule
        } else {
            rule.extends()
        }
    };
    let rm = RULE.modrm().writes(Operand::Rm);
    Some(match opcode {
        0x00..=0x3f => {
            let operation = opcode >> 3;
            let compares = operation == 7;
            let rule = match opcode & 7 {
                0 | 1 if compares => RULE.modrm(),
                0 | 1 => rm.lock(),
                2 | 3 if compares => RULE.modrm(),
                2 | 3 => RULE.modrm().writes(Operand::Reg),
                4 => RULE.immediate(1),
                5 => RULE.immediate(4),
                _ => return None,
            };
            extends(rule.by_width(opcode), operation)
        }
        0x50..=0x57 => RULE,
        0x58..=0x5f => RULE.writes(Operand::Opcode),
        // Without 66, with which vendors differ.
        0x63 => RULE.modrm().writes(Operand::Reg).extends(),
        0x68 => RULE.immediate(5),
        0x69 => RULE
            .modrm()
            .sized()
            .immediate(4)
            .writes(Operand::Reg)
            .extends(),
        0x6a => RULE.immediate(1),
        0x6b => RULE
            .modrm()
            .sized()
            .immediate(1)
            .writes(Operand::Reg)
            .extends(),
        0x70..=0x7f => RULE.immediate(1).of(Hinted),
        0x80 | 0x81 | 0x83 => {
            let bytes = if opcode == 0x81 { 4 } else { 1 };
            let rule = if group == 7 { RULE.modrm() } else { rm.lock() };
            extends(rule.by_width(opcode).immediate(bytes), group)
        }
        0x84 | 0x85 => RULE.modrm().by_width(opcode),
        0x86 | 0x87 => rm.writes(Operand::Both).by_width(opcode).lock(),
        0x88 | 0x89 => rm.by_width(opcode).extends(),
        0x8a | 0x8b => RULE.modrm().by_width(opcode).writes(Operand::Reg).extends(),
        0x8d => RULE
            .only_memory()
            .untouched()
            .sized()
            .writes(Operand::Reg)
            .extends(),
        0x8f if group == 0 => rm,
        0x90..=0x97 => RULE.sized().writes(Operand::Opcode),
        0x98 | 0x99 => RULE.sized(),
        0x9b | 0xf4 | 0xf5 | 0xf8 | 0xf9 | 0xfc | 0xfd => RULE,
        0xa8 => RULE.immediate(1),
        0xa9 => RULE.sized().immediate(4),
        0xb0..=0xb7 => RULE.byte().immediate(1).writes(Operand::Opcode),
        0xb8..=0xbf => RULE.sized().immediate(8).writes(Operand::Opcode).extends(),
        0xc0 | 0xc1 if group != 6 => rm.by_width(opcode).immediate(1),
        0xc6 if group == 0 => rm.byte().immediate(1),
        0xc7 if group == 0 => rm.sized().immediate(4).extends(),
        0xd0..=0xd3 if group != 6 => rm.by_width(opcode),
        0xd8..=0xdf => return x87(opcode, modrm),
        0xe0..=0xe3 | 0xeb => RULE.immediate(1),
        0xe8 | 0xe9 => RULE.immediate(5),
        0xf6 | 0xf7 => match group {
            0 => RULE
                .modrm()
                .by_width(opcode)
                .immediate(if opcode == 0xf6 { 1 } else { 4 }),
            1 => return None,
            2 | 3 => rm.by_width(opcode).lock().extends(),
            _ => RULE.modrm().by_width(opcode),
        },
        0xfe | 0xff if group < 2 => rm.by_width(opcode).lock().extends(),
        0xff if group == 6 => RULE.modrm(),
        _ => return None,
    })
}

fn x87(opcode: u8, modrm: u8) -> Option<Rule> {
    let group = modrm >> 3 & 7;
    let allowed = if modrm < 0xc0 {
        match opcode {
            0xd9 => group != 1,
            0xdb => !matches!(group, 4 | 6),
            0xdd => group != 5,
            _ => true,
        }
    } else {
        matches!(
            (opcode, modrm),
            (0xd8, _)
                | (0xd9, 0xc0..=0xd0 | 0xe0 | 0xe1 | 0xe4 | 0xe5 | 0xe8..=0xee | 0xf0..=0xff)
                | (0xda, 0xc0..=0xdf | 0xe9)
                | (0xdb, 0xc0..=0xdf | 0xe2 | 0xe3 | 0xe8..=0xf7)
                | (0xdc, 0xc0..=0xcf | 0xe0..=0xff)
                | (0xdd, 0xc0..=0xc7 | 0xd0..=0xef)
                | (0xde, 0xc0..=0xcf | 0xd9 | 0xe0..=0xff)
                | (0xdf, 0xc0..=0xc7 | 0xe0 | 0xe8..=0xf7)
        )
    };
    allowed.then_some(RULE.modrm())
}

pub fn two_bytes(opcode: u8, modrm: u8, mandatory: u8) -> Option<Rule> {
    let group = modrm >> 3 & 7;
    let vector = |letters| RULE.modrm().of(Of(letters));
    Some(match opcode {
        0x0b | 0x0e | 0x77 | 0xa2 => RULE,
        0x0d if matches!(group, 0 | 1 | 3) => RULE.only_memory().untouched(),
        0x18 if group < 4 => RULE.only_memory().untouched(),
        // The suffix that the sweep puts there is 90, pfcmpge.
        0x0f => RULE.modrm().immediate(1),
        0x10 | 0x11 | 0x51 | 0x58 | 0x59 | 0x5a | 0x5c..=0x5f => vector("n6fr"),
        0x2a => match mandatory {
            0xf2 | 0xf3 => vector("fr"),
            _ => vector("n6"),
        },
        0x12 | 0x16 => match mandatory {
            0x66 => vector("6").only_memory(),
            0xf2 if opcode == 0x16 => return None,
            _ => vector("nfr"),
        },
        0x13 | 0x17 => vector("n6").only_memory(),
        0x14 | 0x15 | 0x28 | 0x29 | 0x2e | 0x2f | 0x54..=0x57 => vector("n6"),
        0x2b => vector("n6fr").only_memory(),
        0x2c | 0x2d if matches!(mandatory, 0xf2 | 0xf3) => vector("fr").writes(Operand::Reg),
        0x2c | 0x2d => vector("n6"),
        0x40..=0x4f => RULE.modrm().sized().writes(Operand::Reg),
        0x50 | 0xd7 => vector("n6").only_registers().writes(Operand::Reg),
        0x52 | 0x53 => vector("nf"),
        0x5b => vector("n6f"),
        0x60..=0x6b | 0x74..=0x76 => vector("n6"),
        0x6c | 0x6d => vector("6"),
        0x6e => vector("n6"),
        0x6f | 0x7f => vector("n6f"),
        0x70 => vector("n6fr").immediate(1),
        0x71 | 0x72 if matches!(group, 2 | 4 | 6) => vector("n6").only_registers().immediate(1),
        0x73 if matches!(group, 2 | 6) => vector("n6").only_registers().immediate(1),
        0x73 if matches!(group, 3 | 7) => vector("6").only_registers().immediate(1),
        0x78 => vector("r").only_registers().immediate(2),
        0x79 => vector("6r").only_registers(),
        0x7c | 0x7d | 0xd0 => vector("6r"),
        0x7e if mandatory == 0xf3 => vector("f"),
        0x7e => vector("n6").writes(Operand::Rm).extends(),
        0x80..=0x8f => RULE.immediate(5).of(Hinted),
        0x90..=0x9f => RULE.modrm().byte().writes(Operand::Rm),
        0xa4 | 0xac => RULE.modrm().sized().immediate(1).writes(Operand::Rm),
        0xa5 | 0xad => RULE.modrm().sized().writes(Operand::Rm),
        0xae => match (modrm, group) {
            (0xe8 | 0xf0 | 0xf8, _) => RULE.modrm(),
            (_, 2 | 3 | 7) => RULE.only_memory(),
            _ => return None,
        },
        0xaf => RULE.modrm().sized().writes(Operand::Reg).extends(),
        0xb0 | 0xb1 => RULE.modrm().by_width(opcode).writes(Operand::Rm).lock(),
        0xb6 | 0xb7 | 0xbe | 0xbf => RULE.modrm().sized().writes(Operand::Reg).extends(),
        0xb8 => RULE.modrm().of(Of("f")).writes(Operand::Reg),
        0xba if group == 4 => RULE.modrm().sized().immediate(1),
        0xba if group > 4 => RULE.modrm().sized().immediate(1).writes(Operand::Rm).lock(),
        0xbc | 0xbd if mandatory == 0xf3 => RULE.modrm().of(Of("f")).writes(Operand::Reg),
        0xbc | 0xbd => RULE.modrm().sized().writes(Operand::Reg),
        0xc0 | 0xc1 => RULE.modrm().by_width(opcode).writes(Operand::Both).lock(),
        0xc2 => vector("n6fr").immediate(1),
        0xc3 => RULE.only_memory(),
        0xc4 | 0xc6 => vector("n6").immediate(1),
        0xc5 => vector("n6")
            .only_registers()
            .immediate(1)
            .writes(Operand::Reg),
        0xc7 if group == 1 => RULE.only_memory().lock(),
        0xc8..=0xcf => RULE.writes(Operand::Opcode),
        0xd6 if mandatory == 0x66 => vector("6"),
        0xd6 => vector("fr").only_registers(),
        0xd1..=0xd5 | 0xd8..=0xe5 | 0xe8..=0xef => vector("n6"),
        0xe6 => vector("6fr"),
        0xe7 => vector("n6").only_memory(),
        0xf0 => vector("r").only_memory(),
        0xf1..=0xf6 | 0xf8..=0xfe => vector("n6"),
        _ => return None,
    })
}

pub fn map_38(opcode: u8, mandatory: u8) -> Option<Rule> {
    let vector = |letters| RULE.modrm().of(Of(letters));
    Some(match opcode {
        0x00..=0x0b | 0x1c..=0x1e => vector("n6"),
        0x10 | 0x14 | 0x15 | 0x17 | 0x20..=0x25 | 0x28 | 0x29 | 0x2b => vector("6"),
        0x30..=0x35 | 0x37..=0x41 => vector("6"),
        0x2a => vector("6").only_memory(),
        0xf0 | 0xf1 if mandatory == 0xf2 => vector("r").writes(Operand::Reg),
        0xf0 => RULE.only_memory().sized().writes(Operand::Reg),
        0xf1 => RULE.only_memory().sized(),
        _ => return None,
    })
}

pub fn map_3a(opcode: u8) -> Option<Rule> {
    let vector = RULE.modrm().of(Of("6")).immediate(1);
    Some(match opcode {
        0x08..=0x0e | 0x20..=0x22 | 0x40..=0x42 | 0x60..=0x63 => vector,
        0x0f => vector.of(Of("n6")),
        0x14..=0x17 => vector.writes(Operand::Rm),
        _ => return None,
    })
}
