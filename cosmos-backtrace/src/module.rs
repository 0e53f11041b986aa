//! Mapped ELF files.

use crate::maps::Mapping;
use crate::{Frame, Registers, Step, names, presentable, walk};
use object::read::elf::{ElfFile64, FileHeader as _, ProgramHeader as _};
use object::read::{ReadCache, ReadCacheOps, ReadRef};
use object::{LittleEndian, Object, ObjectSection};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Most files that are looked into.
pub const MAXIMUM_MODULES: usize = 128;
/// Most bytes of sections that are read, of all files together.
pub const MAXIMUM_SECTIONS: u64 = 256 << 20;
/// Most bytes of one file's debug information that are searched for lines.
const MAXIMUM_DEBUG: u64 = 64 << 20;

/// An ELF file whose parts are read when they are asked for.
pub(crate) type Elf<'c, R> = ElfFile64<'c, LittleEndian, &'c ReadCache<R>>;

/// The files of a process, and where they are mapped.
pub struct Modules<R: ReadCacheOps> {
    modules: Vec<Module<R>>,
}

pub(crate) struct Module<R: ReadCacheOps> {
    pub path: String,
    pub start: u64,
    pub end: u64,
    /// What its own addresses are moved by.
    pub bias: u64,
    /// Whether lines are looked for.
    pub has_lines: bool,
    pub file: ReadCache<R>,
}

impl<R: ReadCacheOps> Modules<R> {
    /// The files that are mapped to be run. `open` gives a file's bytes; `plain` names the file of
    /// which functions are enough.
    pub fn of(
        mappings: &[Mapping],
        plain: &str,
        mut open: impl FnMut(&Mapping) -> Option<R>,
    ) -> Modules<R> {
        let mut modules: Vec<Module<R>> = Vec::new();
        for mapping in mappings.iter().filter(|mapping| mapping.executable) {
            if modules.len() == MAXIMUM_MODULES {
                break;
            }
            let Some(file) = open(mapping).map(ReadCache::new) else {
                continue;
            };
            let Some(bias) = guarded(|| bias(&file, mapping)) else {
                continue;
            };
            modules.push(Module {
                path: presentable(&mapping.path),
                start: mapping.start,
                end: mapping.end,
                bias,
                has_lines: mapping.path != plain,
                file,
            });
        }
        Modules { modules }
    }

    /// The calls of a thread with these registers, the innermost first. `read` gives a word of its
    /// memory.
    pub fn walk(
        &self,
        registers: Registers,
        read: &mut dyn FnMut(u64) -> Option<u64>,
    ) -> Vec<Step> {
        walk::walk(&self.modules, registers, read)
    }

    /// Where they are.
    pub fn place(&self, steps: &[Step]) -> Vec<Frame> {
        steps.iter().map(|step| self.bare(*step)).collect()
    }

    /// Which functions they are, and lines where they are known; those that were made part of
    /// another one too.
    pub fn name(&self, steps: &[Step]) -> Vec<Frame> {
        let mut frames = names::name(self, steps);
        frames.truncate(crate::MAXIMUM_FRAMES);
        frames
    }

    pub(crate) fn bare(&self, step: Step) -> Frame {
        let module = self.at(step.probe()).map(|index| &self.modules[index]);
        Frame {
            address: step.address,
            module: module.map(|module| module.path.clone()).unwrap_or_default(),
            offset: module.map_or(0, |module| step.address.wrapping_sub(module.bias)),
            ..Frame::default()
        }
    }

    pub(crate) fn at(&self, address: u64) -> Option<usize> {
        self.modules.iter().position(|module| module.holds(address))
    }

    pub(crate) fn modules(&self) -> &[Module<R>] {
        &self.modules
    }
}

impl<R: ReadCacheOps> Module<R> {
    pub fn holds(&self, address: u64) -> bool {
        (self.start..self.end).contains(&address)
    }

    pub fn elf(&self) -> Option<Elf<'_, R>> {
        Elf::parse(&self.file).ok()
    }

    /// Whether its debug information is worth a search.
    pub fn has_searchable_lines(&self, elf: &Elf<'_, R>) -> bool {
        let sizes = elf
            .sections()
            .filter(|section| section.name().is_ok_and(|name| name.starts_with(".debug_")))
            .map(|section| section.size());
        let all = sizes.fold(0u64, u64::saturating_add);
        self.has_lines && all > 0 && all <= MAXIMUM_DEBUG
    }
}

/// Runs a parser. What panics gives nothing.
pub(crate) fn guarded<T>(parse: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(parse)).ok().flatten()
}

/// By how much a file's addresses are moved where this part of it is mapped.
fn bias<R: ReadCacheOps>(file: &ReadCache<R>, mapping: &Mapping) -> Option<u64> {
    let header = object::elf::FileHeader64::<LittleEndian>::parse(file).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, file).ok()?;
    let length = file.len().ok()?;
    let segment = segments.iter().find(|segment| {
        let (start, size) = (segment.p_offset(endian), segment.p_filesz(endian));
        // Mapped in whole pages: the first may begin before the segment does.
        let begins = start & !0xfff;
        segment.p_type(endian) == object::elf::PT_LOAD
            && segment.p_flags(endian).0 & object::elf::PF_X.0 != 0
            && start.checked_add(size).is_some_and(|end| end <= length)
            && (begins..start.saturating_add(size)).contains(&mapping.offset)
    })?;
    let address = segment
        .p_vaddr(endian)
        .checked_add(mapping.offset)?
        .checked_sub(segment.p_offset(endian))?;
    mapping.start.checked_sub(address)
}
