//! The list of what is allowed: one [`Form`] for each instruction form that may run, written here,
//! and nothing for all others. Dialect `fast` has the forms of `nacl` and the return.
//!
//! A form says which prefixes it takes, which operand is the one that may be memory, which general
//! registers it writes, whether it clears the upper half of the register it writes, and what else
//! is special about it. What a form leaves out cannot matter to the sandbox: vector, x87 and MMX
//! registers and the flags hold nothing that it rests on, and registers that are only read are
//! no danger.
//!
//! Three forms touch memory that no operand names. Pushes, pops and calls use the stack, and change
//! rsp by as much as they touch; the strings and masked stores are bound to their sequences by
//! [`Kind`].

mod control;
mod integer;
mod media;
mod sse;
mod units;
mod x87;

pub(crate) use units::units;

use crate::prefix::{Allowed, Prefixes};
use crate::register::{BASE, FRAME_POINTER, STACK_POINTER};
use iced_x86::{Code, OpKind};

/// What an instruction form takes and does.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    allowed: Allowed,
    operands: u8,
    pub(crate) kind: Kind,
}

/// What must be looked at beyond prefixes, memory and written registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Kind {
    Plain,
    /// Jumps to, or calls, an address that the instruction states.
    Branch,
    // Those above are common; the others have a rule of their own.
    /// Writes its second operand too.
    Both,
    /// Jumps to, or calls, an address in its operand.
    IndirectBranch,
    /// Goes to an address that it takes from the stack.
    Return,
    /// Reads memory at rsi.
    StringSource,
    /// Reads or writes memory at rdi.
    StringDestination,
    /// Reads memory at rsi; reads or writes memory at rdi.
    StringBoth,
    /// F3 90.
    Pause,
    /// Allowed as certain byte strings only.
    FixedNop,
}

/// The form of an instruction in dialect `nacl`.
#[inline(always)]
pub(crate) fn nacl(code: Code) -> Form {
    NACL.get(code as usize).copied().unwrap_or(Form::FORBIDDEN)
}

/// The form of an instruction in dialect `fast`.
#[inline(always)]
pub(crate) fn fast(code: Code) -> Form {
    FAST.get(code as usize).copied().unwrap_or(Form::FORBIDDEN)
}

/// Where a form is listed decides nothing; these are only kept in files of one subject each.
const LISTS: [&[Row]; 6] = [
    integer::ROWS,
    control::ROWS,
    x87::ROWS,
    media::ROWS,
    sse::ROWS,
    control::ROWS_OF_FAST,
];

/// Of these lists, the last is not of `nacl`.
const LISTS_OF_NACL: usize = LISTS.len() - 1;

static NACL: [Form; length()] = table(LISTS_OF_NACL);
static FAST: [Form; length()] = table(LISTS.len());

const MODRM_FIRST: u8 = 1;
const MODRM_SECOND: u8 = 2;
const WRITES_FIRST: u8 = 4;
const ZERO_EXTENDS: u8 = 8;
const ADDRESS_ONLY: u8 = 16;
const HINT: u8 = 32;
const NO_SEGMENT: u8 = 64;

impl Form {
    const FORBIDDEN: Self = Self {
        allowed: Allowed::NOTHING,
        operands: 0,
        kind: Kind::Plain,
    };

    const fn new(allowed: Allowed) -> Self {
        Self {
            allowed,
            operands: 0,
            kind: Kind::Plain,
        }
    }
    const fn with(self, operands: u8) -> Self {
        Self {
            operands: self.operands | operands,
            ..self
        }
    }
    /// The first operand is the one that ModRM may make memory.
    const fn modrm_first(self) -> Self {
        self.with(MODRM_FIRST)
    }
    /// The second operand is the one that ModRM may make memory.
    const fn modrm_second(self) -> Self {
        self.with(MODRM_SECOND)
    }
    /// The first operand, where it is a general register, is written.
    const fn writes_first(self) -> Self {
        self.with(WRITES_FIRST)
    }
    /// The first two operands, where they are general registers, are written.
    const fn writes_both(self) -> Self {
        self.with(WRITES_FIRST).kind(Kind::Both)
    }
    /// The first operand, where it is a register, is one of 32 bits and its upper half is cleared,
    /// in a way that the rules for memory rest on.
    const fn zero_extends(self) -> Self {
        self.with(ZERO_EXTENDS)
    }
    /// The second operand is an address that is computed and not touched.
    const fn computes_address(self) -> Self {
        self.with(ADDRESS_ONLY)
    }
    /// The first operand is memory that may be fetched into caches, and no more.
    const fn hints(self) -> Self {
        self.with(HINT)
    }
    /// Its memory cannot be addressed from gs.
    const fn no_segment(self) -> Self {
        self.with(NO_SEGMENT)
    }
    const fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    #[inline(always)]
    pub(crate) fn allows(self, prefixes: Prefixes) -> bool {
        self.allowed.contains(prefixes)
    }
    pub(crate) fn is_forbidden(self) -> bool {
        self.allowed.is_nothing()
    }
    /// Whether ModRM made the operand memory which it may, by what the operands are.
    #[inline(always)]
    pub(crate) fn is_in_memory(self, first: OpKind, second: OpKind) -> bool {
        let memory = (u8::from(first == OpKind::Memory) * MODRM_FIRST)
            | (u8::from(second == OpKind::Memory) * MODRM_SECOND);
        self.operands & memory != 0
    }
    /// The same for dialect `fast`, where hints are held to the rules for memory too.
    #[inline(always)]
    pub(crate) fn is_in_memory_or_hints(self, first: OpKind, second: OpKind) -> bool {
        self.is_in_memory(first, second) || self.operands & HINT != 0
    }
    #[inline(always)]
    pub(crate) fn takes_segment(self) -> bool {
        self.operands & NO_SEGMENT == 0
    }
    #[inline(always)]
    pub(crate) fn only_computes_address(self) -> bool {
        self.operands & ADDRESS_ONLY != 0
    }
    #[inline(always)]
    pub(crate) fn writes_first_operand(self) -> bool {
        self.operands & WRITES_FIRST != 0
    }
    #[inline(always)]
    pub(crate) fn clears_upper_half(self) -> bool {
        self.operands & ZERO_EXTENDS != 0
    }
}

/// Forms that are alike.
struct Row {
    form: Form,
    /// The general registers that are written without being an operand.
    implicit: &'static [u8],
    codes: &'static [Code],
}

const RAX: u8 = 0;
const RCX: u8 = 1;
const RDX: u8 = 2;
const RBX: u8 = 3;
const RSI: u8 = 6;
const RDI: u8 = 7;

/// Does not compile where a form is listed twice, or writes without an operand what only sequences
/// may write.
const fn table(lists: usize) -> [Form; length()] {
    let mut table = [Form::FORBIDDEN; length()];
    let mut list = 0;
    while list < lists {
        let mut row = 0;
        while row < LISTS[list].len() {
            let Row {
                form,
                implicit,
                codes,
            } = &LISTS[list][row];
            let mut index = 0;
            while index < implicit.len() {
                let register = implicit[index];
                assert!(register != STACK_POINTER && register != FRAME_POINTER && register != BASE);
                index += 1;
            }
            index = 0;
            while index < codes.len() {
                assert!(
                    table[codes[index] as usize].allowed.is_nothing(),
                    "listed twice"
                );
                table[codes[index] as usize] = *form;
                index += 1;
            }
            row += 1;
        }
        list += 1;
    }
    table
}

/// One more than the largest code that is listed.
const fn length() -> usize {
    let mut largest = 0;
    let mut list = 0;
    while list < LISTS.len() {
        let mut row = 0;
        while row < LISTS[list].len() {
            let mut index = 0;
            while index < LISTS[list][row].codes.len() {
                let code = LISTS[list][row].codes[index] as usize;
                if code > largest {
                    largest = code;
                }
                index += 1;
            }
            row += 1;
        }
        list += 1;
    }
    largest + 1
}

/// Rows as `form, also writes REGISTERS => CODES;`.
macro_rules! rows {
    ($($form:expr $(, also writes $($register:ident)+)? => $($code:ident)+;)+) => {
        &[$($crate::forms::Row {
            form: $form,
            implicit: &[$($($crate::forms::$register),+)?],
            codes: &[$(iced_x86::Code::$code),+],
        }),+]
    };
}
use rows;
