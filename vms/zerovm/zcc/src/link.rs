//! Links objects to a nexe, and checks what was linked before it is written where it is wanted.

use crate::arguments::Arguments;
use crate::emit::NOTE;
use crate::runtime::Library;
use crate::tools::LD;
use crate::{Dialect, Error};
use object::read::archive::ArchiveFile;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use zerovm_session::elf;
use zerovm_validator::Validator;

const SCRIPT: &str = include_str!("nexe.ld");

/// Where the header names the ABI, and its version.
const ABI_AT: usize = 7;

/// Links objects and archives to a nexe.
pub(crate) fn link(
    arguments: &Arguments,
    objects: &[PathBuf],
    library: Option<&Library>,
    directory: &TempDir,
    output: &Path,
) -> Result<(), Error> {
    let archives = arguments
        .libraries
        .iter()
        .map(|name| find_library(arguments, name));
    let archives: Vec<PathBuf> = archives
        .filter_map(Result::transpose)
        .collect::<Result<_, _>>()?;
    for path in objects.iter().chain(&archives) {
        check_made_here(path, arguments.dialect)?;
    }
    let script = directory.path().join("nexe.ld");
    fs::write(&script, SCRIPT).map_err(Error::file(&script))?;
    let linked = directory.path().join("linked");
    let mut options: Vec<OsString> = [
        "-m",
        "elf_x86_64",
        "-n",
        "-static",
        "--build-id=none",
        "--gc-sections",
        "--orphan-handling=error",
        "-z",
        "noexecstack",
        "-T",
    ]
    .map(OsString::from)
    .into();
    options.push(script.into_os_string());
    options.extend(arguments.strip.then(|| OsString::from("-s")));
    options.extend(["-o".into(), linked.clone().into_os_string()]);
    options.extend(library.map(|library| library.start.clone().into_os_string()));
    options.extend(objects.iter().map(|path| path.clone().into_os_string()));
    options.push("--start-group".into());
    options.extend(archives.into_iter().map(PathBuf::into_os_string));
    options.extend(library.map(|library| library.archive.clone().into_os_string()));
    options.push("--end-group".into());
    LD.run(&options, arguments.verbose)?;
    let mut nexe = fs::read(&linked).map_err(Error::file(&linked))?;
    mark(&mut nexe, arguments.dialect);
    check(&nexe, arguments)?;
    write_executable(output, &nexe)
}

/// The archive of a library; what is part of the runtime has none of its own.
fn find_library(arguments: &Arguments, name: &str) -> Result<Option<PathBuf>, Error> {
    let file = format!("lib{name}.a");
    let directories = arguments.library_directories.iter();
    let found = directories
        .map(|directory| directory.join(&file))
        .find(|path| path.exists());
    match found {
        None if matches!(name, "c" | "m") => Ok(None),
        None => Err(Error::NoLibrary(name.to_owned())),
        found => Ok(found),
    }
}

/// Refuses objects of other compilers: what they hold was never confined, and the validator could
/// only say where, not why.
fn check_made_here(path: &Path, dialect: Dialect) -> Result<(), Error> {
    let file = fs::read(path).map_err(Error::file(path))?;
    let name = path.display().to_string();
    if path.extension().is_none_or(|extension| extension != "a") {
        return check_object(&file, name, dialect);
    }
    let foreign = || Error::ForeignObject { what: name.clone() };
    let archive = ArchiveFile::parse(&*file).map_err(|_| foreign())?;
    for member in archive.members() {
        let member = member.map_err(|_| foreign())?;
        let object = member.data(&*file).map_err(|_| foreign())?;
        let member_name = String::from_utf8_lossy(member.name());
        check_object(object, format!("{name}({member_name})"), dialect)?;
    }
    Ok(())
}

fn check_object(object: &[u8], what: String, wanted: Dialect) -> Result<(), Error> {
    let file = object::File::parse(object).ok();
    let section = file.as_ref().and_then(|file| file.section_by_name(NOTE));
    let note = section
        .and_then(|section| section.data().ok())
        .unwrap_or_default();
    let name = note.split(|&byte| byte == 0).next().unwrap_or_default();
    match std::str::from_utf8(name) {
        Ok(found) if found == wanted.name() => Ok(()),
        Ok(found) if found.parse::<Dialect>().is_ok() => Err(Error::OtherDialect {
            what,
            found: found.to_owned(),
            wanted,
        }),
        _ => Err(Error::ForeignObject { what }),
    }
}

/// Says in the header which rules the program keeps.
fn mark(nexe: &mut [u8], dialect: Dialect) {
    let mark = dialect.validated().mark();
    if let Some(identity) = nexe.get_mut(ABI_AT..ABI_AT + mark.len()) {
        identity.copy_from_slice(&mark);
    }
}

/// Asks the loader's rules and the validator about what was linked.
fn check(nexe: &[u8], arguments: &Arguments) -> Result<(), Error> {
    let plan = elf::plan(|offset, buffer: &mut [u8]| {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let found = nexe.get(start..).and_then(|rest| rest.get(..buffer.len()));
        found.map(|found| buffer.copy_from_slice(found)).is_some()
    });
    let plan = plan.map_err(|refusal| Error::NotLoaded(refusal.to_string()))?;
    let needed = (plan.program_break() + STACK + LEAST_HEAP).next_multiple_of(PAGE) + PAGE;
    if needed > arguments.memory {
        return Err(Error::TooLarge {
            needed,
            memory: arguments.memory,
        });
    }
    let start = plan.text.offset as usize;
    let text = nexe
        .get(start..start + plan.text.file_size as usize)
        .unwrap_or_default();
    let address = plan.text.address;
    let verdict = Validator::new(plan.dialect).validate(address, text);
    verdict.map_err(|violation| Error::NotValid {
        at: function_at(nexe, address + violation.offset as u64),
        violation: violation.to_string(),
    })
}

/// What the loader takes from the end of a program's memory, and wants to be left as its heap.
const STACK: u64 = 16 << 20;
const LEAST_HEAP: u64 = 8 << 20;
const PAGE: u64 = 0x10000;

/// The function that an address is in, as the beginning of a message.
fn function_at(nexe: &[u8], address: u64) -> String {
    let file = object::File::parse(nexe).ok();
    let symbols = file.iter().flat_map(|file| file.symbols());
    let before = symbols.filter(|symbol| symbol.is_definition() && symbol.address() <= address);
    let nearest = before.max_by_key(|symbol| symbol.address());
    let name = nearest.as_ref().and_then(|symbol| symbol.name().ok());
    name.map_or_else(String::new, |name| format!("in {name}: "))
}

fn write_executable(output: &Path, nexe: &[u8]) -> Result<(), Error> {
    // A program that runs is not written over, but replaced.
    _ = fs::remove_file(output);
    fs::write(output, nexe).map_err(Error::file(output))?;
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(output, executable).map_err(Error::file(output))
}
