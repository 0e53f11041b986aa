//! Which programs are loaded, and from where to where.
//!
//! The headers of an executable for x86-64 are read and checked by the rules of the first
//! generation's loader; sections, byte order, alignment and physical addresses are not looked at, and
//! the ABI and its version only for the dialect. What is refused here has written nothing into the guest's memory.

use crate::layout::{BUNDLE, PAGE, SPACE, TEXT, round_up};
use object::elf::{self, FileHeader64, ProgramHeader64, ProgramType};
use object::{LittleEndian, pod};
use zerovm_validator::Dialect;

const MAX_SEGMENTS: u16 = 128;
/// What is filled with HLT after the text at least.
const SLED: u64 = BUNDLE;

type FileHeader = FileHeader64<LittleEndian>;
type ProgramHeader = ProgramHeader64<LittleEndian>;

/// What is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The rules that its code is held to, as it says itself.
    pub dialect: Dialect,
    /// Where the program starts: a bundle of its text.
    pub entry: u64,
    /// Its code.
    pub text: Segment,
    /// Its constants.
    pub constants: Option<Segment>,
    /// Its data.
    pub data: Option<Segment>,
}

/// Bytes of the file that become bytes of memory, and zeroes after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Where in the file.
    pub offset: u64,
    /// How much of it.
    pub file_size: u64,
    /// Where in memory.
    pub address: u64,
    /// How much of it.
    pub memory_size: u64,
}

impl Segment {
    fn end(&self) -> u64 {
        self.address + self.memory_size
    }
}

impl Plan {
    /// Where code ends.
    pub fn text_end(&self) -> u64 {
        TEXT + self.text.file_size
    }

    /// Where what is filled up with HLT after it ends.
    pub fn sled_end(&self) -> u64 {
        round_up(self.text_end() + SLED)
    }

    /// Where data ends and a program's own allocations begin: exactly after the data, or at the next
    /// page without any.
    pub fn program_break(&self) -> u64 {
        match (self.data, self.constants) {
            (Some(data), _) => data.end(),
            (None, Some(constants)) => round_up(constants.end()),
            (None, None) => self.sled_end().max(round_up(self.text.end())),
        }
    }

    /// Where the heap begins: with the data.
    pub fn heap_start(&self) -> u64 {
        match self.data {
            Some(data) => data.address,
            None => self.program_break(),
        }
    }
}

/// Why a program is not loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message says it")]
pub enum Refusal {
    #[error("program is shorter than its headers")]
    Short,
    #[error("program is shorter than its segments")]
    ShortSegment,
    #[error("bad elf magic")]
    Magic,
    #[error("bad elf class")]
    Class,
    #[error("non executable")]
    Type,
    #[error("bad machine")]
    Machine,
    #[error("bad elf version")]
    Version,
    #[error("too many program headers")]
    TooManyHeaders,
    #[error("program header size is too small")]
    HeaderSize,
    #[error("a segment has an unexpected type or flags")]
    UnknownSegment,
    #[error("duplicate segment")]
    DuplicateSegment,
    #[error("no text segment")]
    NoText,
    #[error("text segment has a bad start address")]
    TextAddress,
    #[error("a segment begins below the text")]
    SegmentBelowText,
    #[error("a segment is beyond the address space")]
    SegmentTooLarge,
    #[error("a segment is larger in the file than in memory")]
    FileLargerThanMemory,
    #[error("bad program entry point")]
    Entry,
    #[error("data segment is not the last one")]
    DataNotLast,
    #[error("segments overlap")]
    Overlap,
    #[error("a segment is not at a page")]
    Alignment,
    #[error("no room for the halt sled after the text")]
    NoSled,
}

impl Refusal {
    /// The exit status of the process.
    pub fn code(self) -> i32 {
        match self {
            Self::Short => libc::EIO,
            Self::NoSled => libc::EFAULT,
            _ => libc::ENOEXEC,
        }
    }
}

/// Checks the headers of a program. `read` fills a buffer from an offset of the file and says
/// whether there was that much.
pub fn plan(read: impl Fn(u64, &mut [u8]) -> bool) -> Result<Plan, Refusal> {
    let mut bytes = [0; size_of::<FileHeader>()];
    if !read(0, &mut bytes) {
        return Err(Refusal::Short);
    }
    let (header, _) = pod::from_bytes::<FileHeader>(&bytes).map_err(|()| Refusal::Short)?;
    check_header(header)?;
    let dialect = Dialect::of_nexe(&bytes);
    let mut found = Found::default();
    let step = u64::from(header.e_phentsize.get(LittleEndian));
    for index in 0..u64::from(header.e_phnum.get(LittleEndian)) {
        let offset = header.e_phoff.get(LittleEndian).checked_add(index * step);
        let mut bytes = [0; size_of::<ProgramHeader>()];
        if !offset.is_some_and(|offset| read(offset, &mut bytes)) {
            return Err(Refusal::Short);
        }
        let (segment, _) = pod::from_bytes::<ProgramHeader>(&bytes).map_err(|()| Refusal::Short)?;
        found.take(segment)?;
    }
    found.into_plan(header.e_entry.get(LittleEndian), dialect)
}

fn check_header(header: &FileHeader) -> Result<(), Refusal> {
    let checks = [
        (header.e_ident.magic == elf::ELFMAG, Refusal::Magic),
        (header.e_ident.class == elf::ELFCLASS64, Refusal::Class),
        (
            header.e_type.get(LittleEndian) == elf::ET_EXEC,
            Refusal::Type,
        ),
        (
            header.e_machine.get(LittleEndian) == elf::EM_X86_64,
            Refusal::Machine,
        ),
        (
            header.e_version.get(LittleEndian) == u32::from(elf::EV_CURRENT.0),
            Refusal::Version,
        ),
        (
            header.e_phnum.get(LittleEndian) <= MAX_SEGMENTS,
            Refusal::TooManyHeaders,
        ),
        (
            usize::from(header.e_phentsize.get(LittleEndian)) >= size_of::<ProgramHeader>(),
            Refusal::HeaderSize,
        ),
    ];
    let failed = checks.iter().find(|(holds, _)| !holds);
    failed.map_or(Ok(()), |(_, refusal)| Err(*refusal))
}

const R: u32 = elf::PF_R.0;
const RX: u32 = elf::PF_R.0 | elf::PF_X.0;
const RW: u32 = elf::PF_R.0 | elf::PF_W.0;
/// The rows of the table of what a segment may be; each at most once.
const ROWS: [(ProgramType, u32, Row); 12] = [
    (elf::PT_PHDR, R, Row::Ignored),
    (elf::PT_LOAD, RX, Row::Text),
    (elf::PT_LOAD, R, Row::Constants),
    (elf::PT_LOAD, RW, Row::Data),
    (elf::PT_TLS, R, Row::Ignored),
    // One that has a size is refused: it would be loaded over other memory.
    (elf::PT_GNU_STACK, RW, Row::Refused),
    (elf::PT_DYNAMIC, R, Row::Ignored),
    (elf::PT_INTERP, R, Row::Ignored),
    (elf::PT_NOTE, R, Row::Ignored),
    (elf::PT_GNU_EH_FRAME, R, Row::Ignored),
    (elf::PT_GNU_RELRO, R, Row::Ignored),
    (elf::PT_NULL, R, Row::Ignored),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    Text,
    Constants,
    Data,
    Ignored,
    Refused,
}

#[derive(Default)]
struct Found {
    seen: [bool; ROWS.len()],
    text: Option<Segment>,
    constants: Option<Segment>,
    data: Option<Segment>,
}

impl Found {
    fn take(&mut self, header: &ProgramHeader) -> Result<(), Refusal> {
        let segment = Segment {
            offset: header.p_offset.get(LittleEndian),
            file_size: header.p_filesz.get(LittleEndian),
            address: header.p_vaddr.get(LittleEndian),
            memory_size: header.p_memsz.get(LittleEndian),
        };
        if segment.memory_size == 0 {
            return Ok(());
        }
        let kind = header.p_type.get(LittleEndian);
        let flags = header.p_flags.get(LittleEndian).0;
        let row = ROWS.iter().position(|row| (row.0, row.1) == (kind, flags));
        let row = row.ok_or(Refusal::UnknownSegment)?;
        if std::mem::replace(&mut self.seen[row], true) {
            return Err(Refusal::DuplicateSegment);
        }
        match ROWS[row].2 {
            Row::Ignored => return Ok(()),
            Row::Refused => return Err(Refusal::UnknownSegment),
            Row::Text if segment.address != TEXT => return Err(Refusal::TextAddress),
            Row::Text => self.text = Some(segment),
            Row::Constants => self.constants = Some(segment),
            Row::Data => self.data = Some(segment),
        }
        check_range(&segment)
    }

    fn into_plan(self, entry: u64, dialect: Dialect) -> Result<Plan, Refusal> {
        let plan = Plan {
            dialect,
            entry,
            text: self.text.ok_or(Refusal::NoText)?,
            constants: self.constants,
            data: self.data,
        };
        if !entry.is_multiple_of(BUNDLE) || !(TEXT..plan.text_end()).contains(&entry) {
            return Err(Refusal::Entry);
        }
        check_order(&plan)?;
        Ok(plan)
    }
}

fn check_range(segment: &Segment) -> Result<(), Refusal> {
    if segment.address < TEXT {
        return Err(Refusal::SegmentBelowText);
    }
    let end = segment.address.checked_add(segment.memory_size);
    if end.is_none_or(|end| end >= SPACE) {
        return Err(Refusal::SegmentTooLarge);
    }
    if segment.file_size > segment.memory_size {
        return Err(Refusal::FileLargerThanMemory);
    }
    Ok(())
}

fn check_order(plan: &Plan) -> Result<(), Refusal> {
    let later = [plan.constants, plan.data];
    if let Some(data) = plan.data {
        let others = [Some(plan.text), plan.constants];
        if others
            .iter()
            .flatten()
            .any(|other| other.end() > data.end())
        {
            return Err(Refusal::DataNotLast);
        }
        if plan
            .constants
            .is_some_and(|constants| constants.end() > data.address)
        {
            return Err(Refusal::Overlap);
        }
    }
    let Some(next) = later.iter().flatten().map(|segment| segment.address).min() else {
        return Ok(());
    };
    // The text's own end in memory counts too: nothing else may be where its zeroes would be.
    if round_up(plan.text_end().max(plan.text.end())) > next {
        return Err(Refusal::Overlap);
    }
    if later
        .iter()
        .flatten()
        .any(|segment| segment.address % PAGE != 0)
    {
        return Err(Refusal::Alignment);
    }
    if plan.sled_end() > next {
        return Err(Refusal::NoSled);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
