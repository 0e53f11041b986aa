//! Where in a program a signal hit it: function, file and line, for people.
//!
//! The report says an address and nothing else, as it always did. What a program's symbols and line
//! tables say of that address comes from the program, which may lie about itself; it is read only when
//! an explanation was asked for, by the process that never runs the program's code, and only printed.

use addr2line::Context;
use addr2line::gimli::{Dwarf, EndianSlice, LittleEndian, SectionId};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// What a signal's message has before the address.
const BEFORE_ADDRESS: &str = "Halting at 0x";
/// A larger program is not looked at.
const MOST_BYTES: u64 = 256 << 20;
/// A longer name, or one with other characters, is not printed.
const MOST_NAME: usize = 200;

/// Where the signal hit that a report's state tells of, as far as the program says.
pub(crate) fn of(program: &Path, state: &str) -> Option<String> {
    let (_, address) = state.split_once(BEFORE_ADDRESS)?;
    let address = u64::from_str_radix(address, 16).ok()?;
    // The guest's own address: the sandbox starts at a multiple of 4 GiB.
    let address = u64::from(address as u32);
    let mut bytes = Vec::new();
    File::open(program)
        .ok()?
        .take(MOST_BYTES)
        .read_to_end(&mut bytes)
        .ok()?;
    site(&bytes, address)
}

fn site(program: &[u8], address: u64) -> Option<String> {
    let file = object::File::parse(program).ok()?;
    let function = function(&file, address)?;
    Some(match line(&file, address) {
        Some(line) => format!("in {function} at {line}"),
        None => format!("in {function}"),
    })
}

/// The function that an address is in.
fn function(file: &object::File<'_>, address: u64) -> Option<String> {
    let is_text = |symbol: &object::Symbol<'_, '_>| symbol.kind() == object::SymbolKind::Text;
    let before = file
        .symbols()
        .filter(|symbol| is_text(symbol) && symbol.address() <= address);
    let nearest = before.max_by_key(|symbol| symbol.address())?;
    let is_within = symbol_end(&nearest).is_none_or(|end| address < end);
    nearest
        .name()
        .ok()
        .filter(|_| is_within)
        .and_then(printable)
}

fn symbol_end(symbol: &object::Symbol<'_, '_>) -> Option<u64> {
    (symbol.size() != 0).then(|| symbol.address().saturating_add(symbol.size()))
}

/// The file and line of an address.
fn line(file: &object::File<'_>, address: u64) -> Option<String> {
    let section = |id: SectionId| -> Result<_, addr2line::gimli::Error> {
        let section = file.section_by_name(id.name());
        let data = section
            .and_then(|section| section.data().ok())
            .unwrap_or_default();
        Ok(EndianSlice::new(data, LittleEndian))
    };
    let context = Context::from_dwarf(Dwarf::load(section).ok()?).ok()?;
    let location = context.find_location(address).ok()??;
    let file = printable(location.file?)?;
    Some(format!("{file}:{}", location.line?))
}

/// A name that does nothing to a terminal.
fn printable(name: &str) -> Option<String> {
    let plain = name.chars().all(|character| !character.is_control());
    (plain && name.len() <= MOST_NAME).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_program_or_no_signal_says_nothing() {
        let program = Path::new("/proc/self/exe");
        assert_eq!(of(program, "ok"), None);
        assert_eq!(
            of(
                program,
                "Signal 11 from untrusted code: Halting at 0xnothing"
            ),
            None
        );
        assert_eq!(
            of(Path::new("/nonexistent"), "Halting at 0x440A00020000"),
            None
        );
        assert_eq!(site(b"", 0), None);
        assert_eq!(site(b"\x7fELF\x02\x01\x01", 0x20000), None);
        assert_eq!(printable("\u{1b}[2J"), None);
    }
}
