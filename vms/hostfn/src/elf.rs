//! What a file says of itself: why it was not loaded, and which names it has.
//!
//! Read when something failed, to explain it; only the headers are looked at before.

use cosmos_rpc::{Fault, FaultCode};
use object::elf::{FileHeader64, ProgramHeader64};
use object::read::elf::{ElfFile32, ElfFile64, FileHeader, ProgramHeader};
use object::{Architecture, Endianness, FileKind, Object, ObjectSymbol, ReadCache, SymbolKind};
use std::path::Path;

/// Largest file that is read to explain something.
const LARGEST: u64 = 256 << 20;
/// Most near names offered.
const OFFERED: usize = 3;

/// The fault for a library that the loader refused with `words`.
pub(crate) fn why_not_loadable(path: &Path, words: &str) -> Fault {
    let shown = path.display();
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => {
            return Fault::caller(FaultCode::NoSuchTarget, format!("{shown}: {error}"));
        }
    };
    if !metadata.is_file() {
        return Fault::caller(FaultCode::NotLoadable, format!("{shown} is not a file"));
    }
    let Some(bytes) = bytes(path) else {
        return Fault::caller(FaultCode::NotLoadable, words.to_owned());
    };
    if !bytes.starts_with(b"\x7fELF") {
        let script = bytes.starts_with(b"/* GNU ld script");
        let hint = if script {
            " but a linker script; name the library it points to (libm.so.6, not libm.so)"
        } else {
            ""
        };
        return Fault::caller(
            FaultCode::NotLoadable,
            format!("{shown} is no ELF file{hint}"),
        );
    }
    match architecture(&bytes) {
        Some(architecture) if architecture != native() => Fault::caller(
            FaultCode::WrongArchitecture,
            format!(
                "{shown} is for {architecture:?}, this VM runs {:?}",
                native()
            ),
        ),
        _ => Fault::caller(
            FaultCode::NotLoadable,
            format!("{shown} cannot be loaded: {words}"),
        ),
    }
}

/// Refuses a file that is shorter than its own headers say: the loader would map what is missing,
/// and the process would end at the first touch of it.
pub(crate) fn whole(path: &Path) -> Result<(), Fault> {
    match is_truncated(path) {
        Some(true) => Err(Fault::caller(
            FaultCode::NotLoadable,
            format!(
                "{} is damaged: it ends before its segments do",
                path.display()
            ),
        )),
        // What cannot be read or is of another kind, the loader refuses in its own words.
        _ => Ok(()),
    }
}

fn is_truncated(path: &Path) -> Option<bool> {
    let file = std::fs::File::open(path).ok()?;
    let length = file
        .metadata()
        .ok()
        .filter(std::fs::Metadata::is_file)?
        .len();
    let cache = ReadCache::new(file);
    let header = FileHeader64::<Endianness>::parse(&cache).ok()?;
    let endian = header.endian().ok()?;
    let Ok(segments) = header.program_headers(endian, &cache) else {
        return Some(true);
    };
    let end = |segment: &ProgramHeader64<Endianness>| {
        segment
            .p_offset(endian)
            .checked_add(segment.p_filesz(endian))
    };
    Some(
        segments
            .iter()
            .any(|segment| end(segment).is_none_or(|end| end > length)),
    )
}

/// Longest name that others are compared with, which takes the product of their lengths.
const LONGEST_NAME: usize = 256;

/// `; did you mean 'a', 'b'?` for names of functions in the file that are near `name`, or nothing.
pub(crate) fn near(path: &Path, name: &str) -> String {
    if name.len() > LONGEST_NAME {
        return String::new();
    }
    let Some(bytes) = bytes(path) else {
        return String::new();
    };
    let names = function_names(&bytes);
    let mut scored: Vec<(usize, &str)> = names
        .iter()
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= allowed(name))
        .map(|candidate| (distance(name, candidate), candidate.as_str()))
        .filter(|(distance, _)| *distance <= allowed(name))
        .collect();
    scored.sort_unstable();
    scored.dedup();
    let offered: Vec<String> = scored
        .iter()
        .take(OFFERED)
        .map(|(_, name)| format!("'{name}'"))
        .collect();
    if offered.is_empty() {
        String::new()
    } else {
        format!("; did you mean {}?", offered.join(", "))
    }
}

/// How many edits still make a near name.
fn allowed(name: &str) -> usize {
    (name.len() / 3).clamp(1, 4)
}

/// Edits between two names; case counts less than letters, so `evp_digest` finds `EVP_Digest`.
fn distance(wanted: &str, candidate: &str) -> usize {
    let exact = strsim::damerau_levenshtein(wanted, candidate);
    let folded = strsim::damerau_levenshtein(&wanted.to_lowercase(), &candidate.to_lowercase());
    exact.min(folded + 1)
}

fn function_names(bytes: &[u8]) -> Vec<String> {
    match FileKind::parse(bytes) {
        Ok(FileKind::Elf64) => {
            ElfFile64::<Endianness>::parse(bytes).map_or_else(|_| Vec::new(), |it| names(&it))
        }
        Ok(FileKind::Elf32) => {
            ElfFile32::<Endianness>::parse(bytes).map_or_else(|_| Vec::new(), |it| names(&it))
        }
        _ => Vec::new(),
    }
}

fn names<'data>(file: &impl Object<'data>) -> Vec<String> {
    file.dynamic_symbols()
        // Not `is_definition`, to which an IFUNC is none.
        .filter(|symbol| !symbol.is_undefined() && is_function(symbol))
        .filter_map(|symbol| Some(symbol.name().ok()?.to_owned()))
        .collect()
}

fn is_function<'data>(symbol: &impl ObjectSymbol<'data>) -> bool {
    // IFUNC, which `object` calls unknown, is a function whose code is chosen at load time.
    let chosen =
        matches!(symbol.flags(), object::SymbolFlags::Elf { st_info, .. } if st_info.0 & 0xf == 10);
    symbol.kind() == SymbolKind::Text || chosen
}

fn architecture(bytes: &[u8]) -> Option<Architecture> {
    match FileKind::parse(bytes).ok()? {
        FileKind::Elf64 => Some(ElfFile64::<Endianness>::parse(bytes).ok()?.architecture()),
        FileKind::Elf32 => Some(ElfFile32::<Endianness>::parse(bytes).ok()?.architecture()),
        _ => None,
    }
}

fn native() -> Architecture {
    if cfg!(all(target_arch = "x86_64", target_pointer_width = "64")) {
        Architecture::X86_64
    } else if cfg!(target_arch = "x86_64") {
        Architecture::X86_64_X32
    } else if cfg!(target_arch = "x86") {
        Architecture::I386
    } else {
        Architecture::Unknown
    }
}

fn bytes(path: &Path) -> Option<Vec<u8>> {
    let metadata = std::fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return None;
    }
    std::fs::read(path).ok()
}
