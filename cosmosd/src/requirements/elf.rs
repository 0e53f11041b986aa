//! Requirements of an ELF file, through the `object` crate's tables.

use super::{isa::IsaLevel, source, source::Bounded, source::Source, text::printable};
use object::{
    Endianness,
    elf::{self, FileHeader32, FileHeader64},
    read::{
        ReadRef, StringTable,
        elf::{Dyn, FileHeader, ProgramHeader},
    },
};

/// Most libraries, version files and versions looked at.
const ENTRIES: usize = 4096;
/// Where the class is.
const CLASS_AT: u64 = 4;
/// OS ABI of NaCl executables; no official number.
const ELFOSABI_NACL: u8 = 123;
/// Where the code of a nexe is.
const NEXE_TEXT: u64 = 0x20000;

/// What an ELF file is and needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elf {
    /// 32 or 64.
    pub class: u8,
    /// Whether it is big-endian.
    pub is_big_endian: bool,
    /// Its `e_machine`.
    pub machine: u16,
    /// Its OS ABI.
    pub os_abi: u8,
    /// Library, program or what else.
    pub kind: ElfKind,
    /// The program interpreter (dynamic loader) it names.
    pub interpreter: Option<String>,
    /// The name it gives itself.
    pub soname: Option<String>,
    /// The libraries it needs.
    pub needed: Vec<String>,
    /// Where it has the loader search them first, as it is written: `$ORIGIN` is its own directory.
    pub search: Vec<String>,
    /// The symbol versions it needs: library and versions.
    pub versions: Vec<(String, Vec<String>)>,
    /// The symbol versions it defines.
    pub defined_versions: Vec<String>,
    /// The level of x86-64 it needs; baseline where it says nothing or is for another machine.
    pub isa_level: IsaLevel,
    /// Whether its segments hold no bytes: a file of debug information.
    pub is_debug_only: bool,
    /// Whether it is a program whose code is where ZeroVM loads it, and that no loader helps.
    pub is_placed_as_nexe: bool,
}

/// What an ELF file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElfKind {
    /// A shared object: a library.
    SharedObject,
    /// A program, position-independent or not.
    Executable,
    /// An object file, to be linked.
    Relocatable,
    /// A core dump.
    Core,
    /// Another type.
    Other(u16),
}

/// Reads the requirements of a file that begins with the ELF magic, or says what is wrong with it.
pub(super) fn read(source: &Source) -> Result<Elf, &'static str> {
    let cache = source.cache();
    let budget = source::budget();
    let data = Bounded::new(&cache, &budget);
    let class = source.byte(CLASS_AT).ok_or("shorter than an ELF header")?;
    match elf::FileClass(class) {
        elf::ELFCLASS32 => read_class::<FileHeader32<Endianness>, _>(32, data),
        elf::ELFCLASS64 => read_class::<FileHeader64<Endianness>, _>(64, data),
        _ => Err("neither 32-bit nor 64-bit"),
    }
}

fn read_class<'d, H, R>(class: u8, data: R) -> Result<Elf, &'static str>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let header = data
        .read_at::<H>(0)
        .map_err(|()| "shorter than an ELF header")?;
    if !header.is_supported() {
        return Err("neither little- nor big-endian, or another version of ELF");
    }
    let endian = header
        .endian()
        .map_err(|_| "neither little- nor big-endian")?;
    let segments = header
        .program_headers(endian, data)
        .map_err(|_| "its program headers are cut off or malformed")?;
    let image = Image::<H, R> {
        endian,
        data,
        segments,
    };
    let dynamic = image.dynamic()?;
    let machine = header.e_machine(endian).0;
    let isa_level = match machine == elf::EM_X86_64.0 {
        true => image.isa_level()?,
        false => IsaLevel::Baseline,
    };
    let interpreter = image.interpreter()?;
    let is_program = header.e_type(endian) == elf::ET_EXEC;
    Ok(Elf {
        is_placed_as_nexe: is_program && interpreter.is_none() && image.has_code_of_nexe(),
        class,
        is_big_endian: header.is_big_endian(),
        machine,
        os_abi: header.e_ident().os_abi.0,
        kind: kind(header.e_type(endian), &dynamic),
        interpreter,
        soname: dynamic.soname,
        needed: dynamic.needed,
        search: dynamic.search,
        versions: dynamic.versions,
        defined_versions: dynamic.defined_versions,
        isa_level,
        is_debug_only: image.is_without_bytes(),
    })
}

fn kind(file_type: elf::FileType, dynamic: &Dynamic) -> ElfKind {
    match file_type {
        elf::ET_REL => ElfKind::Relocatable,
        elf::ET_EXEC => ElfKind::Executable,
        elf::ET_DYN if dynamic.is_program => ElfKind::Executable,
        elf::ET_DYN => ElfKind::SharedObject,
        elf::ET_CORE => ElfKind::Core,
        other => ElfKind::Other(other.0),
    }
}

/// What the dynamic section says.
#[derive(Default)]
struct Dynamic {
    soname: Option<String>,
    needed: Vec<String>,
    search: Vec<String>,
    versions: Vec<(String, Vec<String>)>,
    defined_versions: Vec<String>,
    is_program: bool,
}

/// A file by its segments.
struct Image<'d, H: FileHeader, R> {
    endian: H::Endian,
    data: R,
    segments: &'d [H::ProgramHeader],
}

impl<'d, H: FileHeader, R: ReadRef<'d>> Image<'d, H, R> {
    fn has_code_of_nexe(&self) -> bool {
        self.segments.iter().any(|segment| {
            segment.p_type(self.endian) == elf::PT_LOAD
                && segment.p_flags(self.endian) == elf::PF_R | elf::PF_X
                && segment.p_vaddr(self.endian).into() == NEXE_TEXT
        })
    }

    fn dynamic(&self) -> Result<Dynamic, &'static str> {
        const BROKEN: &str = "its dynamic section is cut off or malformed";
        let mut entries: &[H::Dyn] = &[];
        for segment in self.segments {
            if let Some(found) = segment
                .dynamic(self.endian, self.data)
                .map_err(|_| BROKEN)?
            {
                entries = found;
                break;
            }
        }
        let end = entries
            .iter()
            .position(|entry| entry.tag(self.endian) == elf::DT_NULL)
            .unwrap_or(entries.len());
        let entries = entries.get(..end).unwrap_or(entries);
        let value = |tag| {
            let mut found = entries.iter().filter(|entry| entry.tag(self.endian) == tag);
            found.next().map(|entry| entry.val(self.endian))
        };
        let Some(strings_at) = value(elf::DT_STRTAB) else {
            return Ok(Dynamic::default());
        };
        let strings_size = value(elf::DT_STRSZ).ok_or(BROKEN)?;
        let strings = self.strings(strings_at, strings_size).ok_or(BROKEN)?;
        let name = |offset: u64| {
            let offset = u32::try_from(offset).map_err(|_| BROKEN)?;
            strings.get(offset).map(printable).map_err(|()| BROKEN)
        };
        let needed = entries
            .iter()
            .filter(|entry| entry.tag(self.endian) == elf::DT_NEEDED);
        let flags = value(elf::DT_FLAGS_1).unwrap_or(0);
        let mut search = Vec::new();
        for tag in [elf::DT_RPATH, elf::DT_RUNPATH] {
            if let Some(list) = value(tag).map(name).transpose()? {
                let directories = list.split(':').filter(|directory| !directory.is_empty());
                search.extend(directories.take(ENTRIES).map(str::to_owned));
            }
        }
        Ok(Dynamic {
            soname: value(elf::DT_SONAME).map(name).transpose()?,
            needed: needed
                .take(ENTRIES)
                .map(|entry| name(entry.val(self.endian)))
                .collect::<Result<_, _>>()?,
            search,
            versions: match value(elf::DT_VERNEED) {
                Some(address) => self.needed_versions(address, strings)?,
                None => Vec::new(),
            },
            defined_versions: match value(elf::DT_VERDEF) {
                Some(address) => self.defined_versions(address, strings)?,
                None => Vec::new(),
            },
            is_program: flags & elf::DF_1_PIE.0 != 0,
        })
    }

    fn needed_versions(
        &self,
        address: u64,
        strings: StringTable<'d, R>,
    ) -> Result<Vec<(String, Vec<String>)>, &'static str> {
        const BROKEN: &str = "its table of needed symbol versions is cut off or malformed";
        let mut at = self.offset(address).ok_or(BROKEN)?;
        let mut left = ENTRIES;
        let mut libraries = Vec::new();
        loop {
            let need: &elf::Verneed<H::Endian> = self.data.read_at(at).map_err(|()| BROKEN)?;
            let file = need.file(self.endian, strings).map_err(|_| BROKEN)?;
            let mut versions = Vec::new();
            let mut auxiliary = at
                .checked_add(need.vn_aux.get(self.endian).into())
                .ok_or(BROKEN)?;
            for _ in 0..need.vn_cnt.get(self.endian) {
                left = left.checked_sub(1).ok_or(BROKEN)?;
                let entry: &elf::Vernaux<H::Endian> =
                    self.data.read_at(auxiliary).map_err(|()| BROKEN)?;
                let name = entry.name(self.endian, strings).map_err(|_| BROKEN)?;
                versions.push(printable(name));
                let next = u64::from(entry.vna_next.get(self.endian));
                auxiliary = auxiliary.checked_add(next).ok_or(BROKEN)?;
            }
            libraries.push((printable(file), versions));
            left = left.checked_sub(1).ok_or(BROKEN)?;
            match need.vn_next.get(self.endian) {
                0 => return Ok(libraries),
                next => at = at.checked_add(next.into()).ok_or(BROKEN)?,
            }
        }
    }

    fn defined_versions(
        &self,
        address: u64,
        strings: StringTable<'d, R>,
    ) -> Result<Vec<String>, &'static str> {
        const BROKEN: &str = "its table of defined symbol versions is cut off or malformed";
        let mut at = self.offset(address).ok_or(BROKEN)?;
        let mut versions = Vec::new();
        for _ in 0..ENTRIES {
            let definition: &elf::Verdef<H::Endian> = self.data.read_at(at).map_err(|()| BROKEN)?;
            if definition.vd_cnt.get(self.endian) > 0 {
                let auxiliary = definition.vd_aux.get(self.endian).into();
                let auxiliary = at.checked_add(auxiliary).ok_or(BROKEN)?;
                let entry: &elf::Verdaux<H::Endian> =
                    self.data.read_at(auxiliary).map_err(|()| BROKEN)?;
                versions.push(printable(
                    entry.name(self.endian, strings).map_err(|_| BROKEN)?,
                ));
            }
            match definition.vd_next.get(self.endian) {
                0 => return Ok(versions),
                next => at = at.checked_add(next.into()).ok_or(BROKEN)?,
            }
        }
        Err(BROKEN)
    }

    fn interpreter(&self) -> Result<Option<String>, &'static str> {
        for segment in self.segments {
            let found = segment.interpreter(self.endian, self.data);
            if let Some(path) = found.map_err(|_| "its interpreter segment is malformed")? {
                return Ok(Some(printable(path)));
            }
        }
        Ok(None)
    }

    fn isa_level(&self) -> Result<IsaLevel, &'static str> {
        const BROKEN: &str = "its notes are cut off or malformed";
        let mut needed = 0;
        for segment in self.segments {
            let Some(mut notes) = segment.notes(self.endian, self.data).map_err(|_| BROKEN)? else {
                continue;
            };
            while let Some(note) = notes.next().map_err(|_| BROKEN)? {
                let Some(mut properties) = note.gnu_properties(self.endian) else {
                    continue;
                };
                while let Some(property) = properties.next().map_err(|_| BROKEN)? {
                    if property.pr_type() == elf::GNU_PROPERTY_X86_ISA_1_NEEDED {
                        needed |= property.data_u32(self.endian).map_err(|_| BROKEN)?;
                    }
                }
            }
        }
        Ok(IsaLevel::from_needed(needed))
    }

    /// Whether it has segments to load and none of them, nor the dynamic section, has bytes in the
    /// file.
    fn is_without_bytes(&self) -> bool {
        let loaded = || self.loaded();
        loaded().next().is_some()
            && loaded()
                .skip(1)
                .all(|segment| segment.file_range(self.endian).1 == 0)
            && loaded().count() > 1
    }

    fn loaded(&self) -> impl Iterator<Item = &'d H::ProgramHeader> {
        let endian = self.endian;
        self.segments
            .iter()
            .filter(move |segment| segment.p_type(endian) == elf::PT_LOAD)
    }

    /// Where in the file the byte at this address is.
    fn offset(&self, address: u64) -> Option<u64> {
        self.loaded().find_map(|segment| {
            let into = address.checked_sub(segment.p_vaddr(self.endian).into())?;
            let (offset, size) = segment.file_range(self.endian);
            if into >= size {
                return None;
            }
            offset.checked_add(into)
        })
    }

    fn strings(&self, address: u64, size: u64) -> Option<StringTable<'d, R>> {
        let start = self.offset(address)?;
        let end = start.checked_add(size)?;
        (end <= self.data.len().ok()?).then(|| StringTable::new(self.data, start, end))
    }
}

impl Elf {
    /// Whether it is a NaCl executable, as ZeroVM runs: it says so, or its code is where theirs is.
    pub fn is_nexe(&self) -> bool {
        let is_one = self.os_abi == ELFOSABI_NACL || self.is_placed_as_nexe;
        is_one && self.machine == elf::EM_X86_64.0
    }

    /// The machine's name, as `uname -m` would have it where there is one.
    pub fn machine_name(&self) -> String {
        machine_name(self.machine)
    }

    /// The data model that its class and machine make.
    pub fn data_model(&self) -> &'static str {
        match (self.class, self.machine) {
            (64, _) => "LP64",
            (32, machine) if machine == elf::EM_X86_64.0 => "x32",
            _ => "ILP32",
        }
    }

    /// The OS ABI's name.
    pub fn os_abi_name(&self) -> String {
        match elf::OsAbi(self.os_abi) {
            elf::ELFOSABI_SYSV => "sysv".to_owned(),
            elf::ELFOSABI_GNU => "gnu".to_owned(),
            elf::ELFOSABI_FREEBSD => "freebsd".to_owned(),
            elf::ELFOSABI_NETBSD => "netbsd".to_owned(),
            elf::ELFOSABI_OPENBSD => "openbsd".to_owned(),
            elf::ELFOSABI_SOLARIS => "solaris".to_owned(),
            elf::ELFOSABI_STANDALONE => "standalone".to_owned(),
            _ if self.os_abi == ELFOSABI_NACL => "nacl".to_owned(),
            _ => self.os_abi.to_string(),
        }
    }

    pub(super) fn describe(&self) -> String {
        if self.is_nexe() {
            return "NaCl executable".to_owned();
        }
        let kind = match self.kind {
            ElfKind::SharedObject => "ELF shared object".to_owned(),
            ElfKind::Executable => "ELF program".to_owned(),
            ElfKind::Relocatable => "ELF object file".to_owned(),
            ElfKind::Core => "core dump".to_owned(),
            ElfKind::Other(number) => format!("ELF file of type {number}"),
        };
        if self.is_debug_only {
            format!("{kind} without code (debug information)")
        } else {
            kind
        }
    }

    pub(super) fn rows(&self) -> Vec<(String, String)> {
        let mut rows = Vec::new();
        let mut row = |property: &str, value: String| rows.push((property.to_owned(), value));
        let endian = if self.is_big_endian {
            ", big-endian"
        } else {
            ""
        };
        row("class", format!("{}-bit{endian}", self.class));
        row("machine", self.machine_name());
        row("data model", self.data_model().to_owned());
        row("OS ABI", self.os_abi_name());
        if self.machine == elf::EM_X86_64.0 {
            row("ISA level", self.isa_level.to_string());
        }
        if let Some(interpreter) = &self.interpreter {
            row("interpreter", interpreter.clone());
        }
        if let Some(soname) = &self.soname {
            row("name", soname.clone());
        }
        if !self.needed.is_empty() {
            row("needs", self.needed.join(", "));
        }
        for (library, versions) in &self.versions {
            row("versions", format!("{library}: {}", versions.join(", ")));
        }
        rows
    }
}

/// The name of a machine by its ELF number.
pub(crate) fn machine_name(machine: u16) -> String {
    let name = match elf::Machine(machine) {
        elf::EM_X86_64 => "x86_64",
        elf::EM_386 => "i386",
        elf::EM_AARCH64 => "aarch64",
        elf::EM_ARM => "arm",
        elf::EM_RISCV => "riscv",
        elf::EM_PPC64 => "ppc64",
        elf::EM_PPC => "ppc",
        elf::EM_S390 => "s390",
        elf::EM_MIPS => "mips",
        elf::EM_LOONGARCH => "loongarch",
        elf::EM_BPF => "bpf",
        _ => return format!("machine {machine}"),
    };
    name.to_owned()
}
