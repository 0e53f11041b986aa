//! The text of a program, as the loader places it.
//!
//! Of the loader's rules these are held to that decide what the text is: the ELF header, how many
//! segments of which kind there may be, where the text starts and ends, and the entry. The rules
//! for data are left to the loader, which keeps data out of what can be executed.

use object::LittleEndian as LE;
use object::elf::{self, FileHeader64, ProgramHeader64};
use object::read::ReadRef;
use std::borrow::Cow;
use zerovm_validator::Dialect;

/// Code and where in the sandbox it is placed.
pub(crate) struct Program<'a> {
    /// What it says it is; code that says nothing is `nacl`.
    pub(crate) dialect: Dialect,
    pub(crate) address: u64,
    pub(crate) text: Cow<'a, [u8]>,
}

/// Why a file is no program for ZeroVM.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the file is empty")]
    Empty,
    #[error("the ELF header is cut off or damaged")]
    Header,
    #[error("not for x86-64: a nexe is of ELF class 64, machine 62, version 1")]
    Machine,
    #[error("not of type EXEC: a nexe is linked statically to fixed addresses")]
    Type,
    #[error("{0} program headers; there may be 128")]
    TooManySegments(u16),
    #[error("the program headers are cut off or damaged")]
    Segments,
    #[error("a segment of type {kind} with flags {flags}, which no nexe has")]
    UnknownSegment { kind: u32, flags: u32 },
    #[error("two segments of type {kind} with flags {flags}")]
    SegmentTwice { kind: u32, flags: u32 },
    #[error("no segment of code")]
    NoText,
    #[error("the code starts at {0:#x}, not at 0x20000")]
    TextAddress(u64),
    #[error("the code does not fit: it is larger in the file than in memory, or than the space")]
    TextSize,
    #[error("the file ends within the code")]
    TextCutOff,
    #[error("the entry {0:#x} is no bundle of the code")]
    Entry(u64),
}

/// Where the text starts.
const TEXT: u64 = 0x20000;
/// The text is filled up to pages of this size, and with at least [`LEAST_FILL`] bytes.
const PAGE: u64 = 0x10000;
const LEAST_FILL: u64 = 32;
const HLT: u8 = 0xf4;
const BUNDLE: u64 = 32;
/// Where the sandbox ends.
const SPACE: u64 = 1 << 32;

/// The text of a file. One that is not in ELF format is code and nothing else, as the loaders of the
/// second generation are.
pub(crate) fn text(file: &[u8]) -> Result<Program<'_>, Refusal> {
    if file.is_empty() {
        return Err(Refusal::Empty);
    }
    if !file.starts_with(&elf::ELFMAG) {
        return Ok(Program {
            dialect: Dialect::Nacl,
            address: 0,
            text: Cow::Borrowed(file),
        });
    }
    let header = header(file)?;
    let segments = segments(header, file)?;
    let text = segments
        .iter()
        .find(|segment| kind(segment) == TEXT_KIND && is_there(segment));
    place(header, text.ok_or(Refusal::NoText)?, file)
}

fn header(file: &[u8]) -> Result<&FileHeader64<LE>, Refusal> {
    let header = file
        .read_at::<FileHeader64<LE>>(0)
        .map_err(|()| Refusal::Header)?;
    // The byte order is not looked at, as it was not by the original: the other fields decide.
    let is_for_machine = header.e_ident.class == elf::ELFCLASS64
        && header.e_machine.get(LE) == elf::EM_X86_64
        && header.e_version.get(LE) == u32::from(elf::EV_CURRENT.0);
    if !is_for_machine {
        Err(Refusal::Machine)
    } else if header.e_type.get(LE) != elf::ET_EXEC {
        Err(Refusal::Type)
    } else {
        Ok(header)
    }
}

/// The program headers, each of a kind that there may be, and none of them twice.
fn segments<'a>(
    header: &FileHeader64<LE>,
    file: &'a [u8],
) -> Result<&'a [ProgramHeader64<LE>], Refusal> {
    let count = header.e_phnum.get(LE);
    if count > MOST_SEGMENTS {
        return Err(Refusal::TooManySegments(count));
    }
    if usize::from(header.e_phentsize.get(LE)) < size_of::<ProgramHeader64<LE>>() {
        return Err(Refusal::Segments);
    }
    let segments = file
        .read_slice_at::<ProgramHeader64<LE>>(header.e_phoff.get(LE), usize::from(count))
        .map_err(|()| Refusal::Segments)?;
    let mut seen = Vec::new();
    for segment in segments.iter().filter(|segment| is_there(segment)) {
        let (kind, flags) = kind(segment);
        if !KINDS.contains(&(kind, flags)) {
            return Err(Refusal::UnknownSegment { kind, flags });
        }
        if seen.contains(&(kind, flags)) {
            return Err(Refusal::SegmentTwice { kind, flags });
        }
        seen.push((kind, flags));
    }
    Ok(segments)
}

/// The text of a segment, filled up as the loader does.
fn place<'a>(
    header: &FileHeader64<LE>,
    segment: &ProgramHeader64<LE>,
    file: &'a [u8],
) -> Result<Program<'a>, Refusal> {
    let address = segment.p_vaddr.get(LE);
    if address != TEXT {
        return Err(Refusal::TextAddress(address));
    }
    let size = segment.p_filesz.get(LE);
    let end = address
        .checked_add(size)
        .filter(|&end| end < SPACE)
        .ok_or(Refusal::TextSize)?;
    if size > segment.p_memsz.get(LE) {
        return Err(Refusal::TextSize);
    }
    let entry = header.e_entry.get(LE);
    if !entry.is_multiple_of(BUNDLE) || !(TEXT..end).contains(&entry) {
        return Err(Refusal::Entry(entry));
    }
    let code = file
        .read_bytes_at(segment.p_offset.get(LE), size)
        .map_err(|()| Refusal::TextCutOff)?;
    let filled = (end + LEAST_FILL).next_multiple_of(PAGE).min(SPACE) - TEXT;
    let mut text = code.to_vec();
    text.resize(usize::try_from(filled).map_err(|_| Refusal::TextSize)?, HLT);
    Ok(Program {
        dialect: Dialect::of_nexe(file),
        address,
        text: Cow::Owned(text),
    })
}

fn is_there(segment: &ProgramHeader64<LE>) -> bool {
    segment.p_memsz.get(LE) != 0
}

fn kind(segment: &ProgramHeader64<LE>) -> (u32, u32) {
    (segment.p_type.get(LE).0, segment.p_flags.get(LE).0)
}

const MOST_SEGMENTS: u16 = 128;

const R: u32 = elf::PF_R.0;
const W: u32 = elf::PF_W.0;
const X: u32 = elf::PF_X.0;

const TEXT_KIND: (u32, u32) = (elf::PT_LOAD.0, R | X);

/// The kinds of segments that a nexe may have.
const KINDS: [(u32, u32); 12] = [
    TEXT_KIND,
    (elf::PT_LOAD.0, R),
    (elf::PT_LOAD.0, R | W),
    (elf::PT_PHDR.0, R),
    (elf::PT_TLS.0, R),
    (elf::PT_GNU_STACK.0, R | W),
    (elf::PT_DYNAMIC.0, R),
    (elf::PT_INTERP.0, R),
    (elf::PT_NOTE.0, R),
    (elf::PT_GNU_EH_FRAME.0, R),
    (elf::PT_GNU_RELRO.0, R),
    (elf::PT_NULL.0, R),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A nexe with one segment, of code, as the fields say.
    pub(crate) fn nexe(code: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut file = Vec::new();
        file.extend(b"\x7fELF\x02\x01\x01\x7b\x07");
        file.resize(16, 0);
        for half in [2_u16, 62] {
            file.extend(half.to_le_bytes());
        }
        file.extend(1_u32.to_le_bytes());
        for word in [TEXT, 64, 0] {
            file.extend(word.to_le_bytes());
        }
        file.extend(0x0020_0000_u32.to_le_bytes());
        for half in [64_u16, 56, 1, 0, 0, 0] {
            file.extend(half.to_le_bytes());
        }
        file.extend(1_u32.to_le_bytes());
        file.extend((R | X).to_le_bytes());
        let size = code.len() as u64;
        for word in [120, TEXT, TEXT, size, size, PAGE] {
            file.extend(word.to_le_bytes());
        }
        file.extend(code);
        change(&mut file);
        file
    }

    fn refusal(change: impl FnOnce(&mut Vec<u8>)) -> Refusal {
        text(&nexe(&[0x90; 32], change)).err().expect("refused")
    }

    #[test]
    fn text_is_filled_up_with_halts_to_its_page() {
        let file = nexe(&[0x90; 40], |_| ());
        let program = text(&file).unwrap();
        assert_eq!(program.address, TEXT);
        assert_eq!(program.text.len() as u64, PAGE);
        assert_eq!(program.dialect, Dialect::Nacl);
        assert!(program.text[..40].iter().all(|&byte| byte == 0x90));
        assert!(program.text[40..].iter().all(|&byte| byte == HLT));
        let file = nexe(&[0x90; PAGE as usize - 31], |_| ());
        assert_eq!(text(&file).unwrap().text.len() as u64, 2 * PAGE);
    }

    #[test]
    fn the_header_says_the_dialect() {
        for dialect in Dialect::ALL {
            let file = nexe(&[0x90; 32], |file| {
                file[7..9].copy_from_slice(&dialect.mark());
            });
            assert_eq!(text(&file).unwrap().dialect, dialect);
        }
    }

    #[test]
    fn what_is_no_elf_file_is_bare_code() {
        let program = text(&[0x90, 0xc3]).unwrap();
        assert_eq!((program.address, &*program.text), (0, &[0x90, 0xc3][..]));
    }

    #[test]
    fn damaged_and_foreign_files_are_refused() {
        assert_eq!(text(b"").err(), Some(Refusal::Empty));
        assert_eq!(refusal(|file| file.truncate(40)), Refusal::Header);
        assert_eq!(refusal(|file| file[4] = 1), Refusal::Machine);
        assert_eq!(refusal(|file| file[18] = 3), Refusal::Machine);
        assert_eq!(refusal(|file| file[16] = 3), Refusal::Type);
        assert_eq!(refusal(|file| file[57] = 1), Refusal::TooManySegments(257));
        assert_eq!(refusal(|file| file[54] = 55), Refusal::Segments);
        assert_eq!(refusal(|file| file.truncate(100)), Refusal::Segments);
        assert_eq!(refusal(|file| file[32] = 0xff), Refusal::Segments);
        assert_eq!(
            refusal(|file| file[68] = 7),
            Refusal::UnknownSegment { kind: 1, flags: 7 }
        );
        assert_eq!(refusal(|file| file[68] = 4), Refusal::NoText);
        assert_eq!(refusal(|file| file[104..112].fill(0)), Refusal::NoText);
        assert_eq!(refusal(|file| file[82] = 3), Refusal::TextAddress(0x30000));
        assert_eq!(refusal(|file| file[104] = 31), Refusal::TextSize);
        assert_eq!(refusal(|file| file[96..112].fill(0xff)), Refusal::TextSize);
        assert_eq!(refusal(|file| file.truncate(140)), Refusal::TextCutOff);
        assert_eq!(refusal(|file| file[24] = 1), Refusal::Entry(0x20001));
        assert_eq!(refusal(|file| file[24] = 32), Refusal::Entry(0x20020));
        assert_eq!(refusal(|file| file[26] = 1), Refusal::Entry(0x10000));
    }

    #[test]
    fn a_second_text_is_refused() {
        let file = nexe(&[0x90; 256], |file| {
            file[56] = 2;
            file.copy_within(64..120, 120);
        });
        assert_eq!(
            text(&file).err(),
            Some(Refusal::SegmentTwice { kind: 1, flags: 5 })
        );
    }
}
