//! The guest's runtime: headers, a start-up object and an archive, compiled once and kept.
//!
//! The sources travel within `zcc`. Where they are kept, in `ZCC_CACHE`, `XDG_CACHE_HOME/zcc` or
//! `HOME/.cache/zcc`:
//!
//! | path | what |
//! |---|---|
//! | `VERSION/include` | headers |
//! | `VERSION/nacl/crt0.o`, `VERSION/nacl/libzvm.a` | the runtime in dialect nacl, `fast` likewise |
//!
//! VERSION stands for the sources of both the runtime and zcc. A directory is written beside its place
//! and then moved there, under a lock: what is there is whole.

use crate::arguments::Arguments;
use crate::compile::Compiler;
use crate::tools::{GCC, Tool};
use crate::{Dialect, Error};
use rustix::fs::{FlockOperation, flock};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The files of the runtime, by their paths.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/runtime.rs"));
const VERSION: &str = env!("ZCC_VERSION");

const AR: Tool = Tool::new("ar", "binutils");

/// Where headers are found.
#[derive(Debug, Clone)]
pub(crate) struct Headers {
    runtime: PathBuf,
    /// Those that come with gcc: `stddef.h` and others.
    compiler: PathBuf,
}

impl Headers {
    pub(crate) fn options(&self) -> [OsString; 4] {
        let option = || OsString::from("-isystem");
        let directory = |path: &PathBuf| path.clone().into_os_string();
        [
            option(),
            directory(&self.runtime),
            option(),
            directory(&self.compiler),
        ]
    }
}

/// The runtime as it is linked.
#[derive(Debug)]
pub(crate) struct Library {
    pub(crate) start: PathBuf,
    pub(crate) archive: PathBuf,
}

/// The headers, written where they are missing.
pub(crate) fn headers() -> Result<Headers, Error> {
    let place = place()?;
    let runtime = place.join("include");
    if !runtime.exists() {
        make(&place, "include", write_headers)?;
    }
    let compiler = PathBuf::from(GCC.output(["-print-file-name=include"])?);
    Ok(Headers { runtime, compiler })
}

/// The runtime in a dialect, compiled where it is missing.
pub(crate) fn library(dialect: Dialect, verbose: bool) -> Result<Library, Error> {
    let headers = headers()?;
    let place = place()?;
    let directory = place.join(dialect.name());
    if !directory.exists() {
        if verbose {
            eprintln!("zcc: compiling the runtime to {}", directory.display());
        }
        make(&place, dialect.name(), |to| compile(dialect, &headers, to))?;
    }
    Ok(Library {
        start: directory.join("crt0.o"),
        archive: directory.join("libzvm.a"),
    })
}

/// The directory of this version.
pub(crate) fn place() -> Result<PathBuf, Error> {
    let from = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = from("ZCC_CACHE")
        .or_else(|| Some(from("XDG_CACHE_HOME")?.join("zcc")))
        .or_else(|| Some(from("HOME")?.join(".cache/zcc")));
    Ok(cache.ok_or(Error::NoCache)?.join(VERSION))
}

/// Makes a directory whole: whoever finds it finds all of it.
fn make(
    place: &Path,
    name: &str,
    fill: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    fs::create_dir_all(place).map_err(Error::file(place))?;
    let lock_path = place.join("lock");
    let lock = fs::File::create(&lock_path).map_err(Error::file(&lock_path))?;
    flock(&lock, FlockOperation::LockExclusive)
        .map_err(|error| Error::file(&lock_path)(io::Error::from(error)))?;
    let made = place.join(name);
    if made.exists() {
        return Ok(());
    }
    let beside = TempDir::new_in(place).map_err(Error::file(place))?;
    fill(beside.path())?;
    let beside = beside.keep();
    fs::rename(&beside, &made).map_err(Error::file(&made))
}

/// The files below a directory of the runtime, with their paths from there.
fn below(directory: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let files = FILES.iter().copied();
    files.filter_map(move |(path, text)| Some((path.strip_prefix(directory)?, text)))
}

fn write_headers(to: &Path) -> Result<(), Error> {
    for (path, text) in below("include/") {
        write(&to.join(path), text)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(path);
    match fs::create_dir(parent) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(Error::file(parent)(error));
        }
        _ => (),
    }
    fs::write(path, text).map_err(Error::file(path))
}

/// How the runtime itself is compiled: it must not become calls of itself.
const OPTIONS: &str = "zcc -c -O2 -std=gnu11 -ffreestanding -fno-builtin \
                       -fno-tree-loop-distribute-patterns -fno-math-errno -w";

fn compile(dialect: Dialect, headers: &Headers, to: &Path) -> Result<(), Error> {
    let words = OPTIONS.split_ascii_whitespace().map(OsString::from);
    let mut arguments = Arguments::from_command_line(words)
        .map_err(|error| io::Error::new(ErrorKind::InvalidInput, error.to_string()))
        .map_err(Error::file(to))?;
    arguments.dialect = dialect;
    let directory = TempDir::new().map_err(Error::file(to))?;
    for (path, text) in below("source/") {
        write(&directory.path().join(path), text)?;
    }
    let mut objects = Vec::new();
    for (path, _) in below("source/") {
        let source = directory.path().join(path);
        if path.ends_with(".h") {
            continue;
        }
        let object = match path {
            "crt0.s" => to.join("crt0.o"),
            _ => directory.path().join(path).with_extension("o"),
        };
        let compiler = Compiler {
            arguments: &arguments,
            headers: headers.clone(),
            directory: &directory,
        };
        compiler.object(&source, &object)?;
        if path != "crt0.s" {
            objects.push(object.into_os_string());
        }
    }
    let archive = to.join("libzvm.a");
    let options = ["rcsD".into(), archive.into_os_string()];
    AR.run(options.into_iter().chain(objects), false)
}
