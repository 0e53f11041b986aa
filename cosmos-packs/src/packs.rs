//! All packs there are: those of directories, in their order, before those of the product.

use crate::builtin;
use crate::error::PackError;
use crate::name::candidates;
use crate::pack::{Entry, Origin, Pack};
use rustix::fs::{Mode, OFlags};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// What follows the SONAME in the name of a pack's file.
pub const SUFFIX: &str = ".protos";

/// Most bytes of a pack.
const LARGEST: u64 = 4 << 20;

/// Where prototypes are looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packs {
    directories: Vec<PathBuf>,
}

impl Packs {
    /// The packs of these directories, the first one's first, then those of the product.
    pub fn with_directories(directories: impl IntoIterator<Item = PathBuf>) -> Packs {
        Packs {
            directories: directories.into_iter().collect(),
        }
    }

    /// The prototype of a library's function. `library` is a SONAME or the path of its file.
    ///
    /// # Errors
    /// When no pack of the library has the name, or the one that has it cannot be read or says what
    /// is refused.
    pub fn entry(&self, library: &str, name: &str) -> Result<Entry, PackError> {
        let packs = self.of(library)?;
        for pack in &packs {
            let Some(declaration) = pack.declaration(name) else {
                continue;
            };
            return match declaration.outcome {
                Ok(frame) => Ok(Entry::of(frame, pack)),
                Err(error) => Err(PackError::Refused {
                    pack: pack.to_string(),
                    rendered: error.render(pack.text()),
                    error,
                }),
            };
        }
        Err(no_prototype(library, name, &packs))
    }

    /// The packs of a library, the one that is asked first before the others; there may be none.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn of(&self, library: &str) -> Result<Vec<Pack>, PackError> {
        // A link such as libz.so leads to a file whose name tells more.
        let real = library
            .contains('/')
            .then(|| std::fs::canonicalize(library).ok())
            .flatten();
        let real = real.as_ref().and_then(|path| path.to_str());
        let names = candidates(library).into_iter();
        for soname in names.chain(real.into_iter().flat_map(candidates)) {
            let mut found = Vec::new();
            for directory in &self.directories {
                let path = directory.join(format!("{soname}{SUFFIX}"));
                found.extend(read(&path)?.map(|text| Pack {
                    soname: soname.to_owned(),
                    origin: Origin::File(path),
                    text: Cow::Owned(text),
                }));
            }
            let own = builtin::PACKS.iter().filter(|(name, _)| *name == soname);
            found.extend(own.map(|(name, text)| Pack {
                soname: (*name).to_owned(),
                origin: Origin::BuiltIn,
                text: Cow::Borrowed(text),
            }));
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }

    /// The packs of a library, of which there must be one.
    ///
    /// # Errors
    /// When there is none, or one of them cannot be read.
    pub fn must_have(&self, library: &str) -> Result<Vec<Pack>, PackError> {
        let packs = self.of(library)?;
        if packs.is_empty() {
            return Err(PackError::NoPack {
                library: library.to_owned(),
                known: self.sonames(),
            });
        }
        Ok(packs)
    }

    /// The SONAMEs that have a pack, in alphabetical order. Directories that cannot be read have
    /// none.
    pub fn sonames(&self) -> Vec<String> {
        let mut names: BTreeSet<String> = builtin::PACKS
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        for directory in &self.directories {
            let files = std::fs::read_dir(directory).into_iter().flatten().flatten();
            names.extend(files.filter_map(|file| {
                let name = file.file_name().into_string().ok()?;
                Some(name.strip_suffix(SUFFIX)?.to_owned())
            }));
        }
        names.into_iter().collect()
    }
}

fn no_prototype(library: &str, name: &str, packs: &[Pack]) -> PackError {
    let declarations: Vec<_> = packs.iter().flat_map(Pack::declarations).collect();
    let known = declarations
        .iter()
        .filter_map(|declaration| declaration.name.as_deref());
    let note = match packs {
        [] => format!("there is no prototype pack of {library}"),
        packs => {
            let names: Vec<String> = packs.iter().map(Pack::to_string).collect();
            format!("it is not in the pack {}", names.join(" or "))
        }
    };
    PackError::NoPrototype {
        error: callframe::no_prototype(name, known, note),
        name: name.to_owned(),
    }
}

/// The text of a pack's file; `None` where there is no such file.
fn read(path: &Path) -> Result<Option<String>, PackError> {
    let unreadable = |reason: String| PackError::Unreadable {
        path: path.to_owned(),
        reason,
    };
    // Nothing that was put in its place makes a program wait.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(error) => {
            let error = std::io::Error::from(error);
            return match error.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory => Ok(None),
                _ => Err(unreadable(error.to_string())),
            };
        }
    };
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    if !is_file {
        return Err(unreadable("it is no regular file".to_owned()));
    }
    let mut text = String::new();
    file.take(LARGEST + 1)
        .read_to_string(&mut text)
        .map_err(|error| unreadable(error.to_string()))?;
    if text.len() as u64 > LARGEST {
        return Err(unreadable(format!("it is larger than {LARGEST} bytes")));
    }
    Ok(Some(text))
}
