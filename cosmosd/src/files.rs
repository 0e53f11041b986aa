//! Which files a target needs to be loaded: what a VM that is confined for it may read.
//!
//! Libraries of the machine's own directories are readable as a whole: what is installed there is no
//! secret, and libraries look for their plug-ins there. Of all other directories a VM gets single files:
//! the target, and what it needs as the loader would search it. A needed library that is found nowhere
//! is left out; the loader says so in its own words.

use crate::requirements::{Format, Requirements};
use crate::search::Directories;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Most files of one target.
const FILES: usize = 256;

/// What may be read for a target; for none, what there is for any.
pub fn for_target(target: Option<&Requirements>, directories: &Directories) -> Vec<PathBuf> {
    let mut wanted = Wanted {
        installed: directories.installed().to_vec(),
        directories,
        found: BTreeSet::new(),
    };
    if let Some(target) = target {
        wanted.add(&target.path, Some(target));
    }
    let single = wanted.found;
    let mut all = wanted.installed;
    all.extend(single);
    all
}

/// What a program needs to be executed, single files all: it, its loader, its libraries.
pub fn for_program(program: &Path, directories: &Directories) -> Vec<PathBuf> {
    let mut wanted = Wanted {
        installed: Vec::new(),
        directories,
        found: BTreeSet::new(),
    };
    wanted.add(program, None);
    wanted.found.into_iter().collect()
}

/// Whether all of these can be read where those were granted.
pub fn are_within(files: &[PathBuf], granted: &[Granted]) -> bool {
    files
        .iter()
        .all(|file| granted.iter().any(|granted| granted.reaches(file)))
}

/// A path that a VM was granted. The kernel grants what was there then: a library that was compiled
/// again is another file by the same name, which that VM cannot read.
#[derive(Debug, PartialEq, Eq)]
pub struct Granted {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl Granted {
    /// What is there now.
    pub fn now(path: PathBuf) -> Granted {
        let identity = identity(&path);
        Granted { path, identity }
    }

    /// What another cosmosd knew was there.
    pub fn restored(path: PathBuf, identity: Option<(u64, u64)>) -> Granted {
        Granted { path, identity }
    }

    /// The path, and which file it was.
    pub fn parts(&self) -> (PathBuf, Option<(u64, u64)>) {
        (self.path.clone(), self.identity)
    }

    fn reaches(&self, file: &Path) -> bool {
        file.starts_with(&self.path) && identity(&self.path) == self.identity
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = path.metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

struct Wanted<'d> {
    /// Readable as a whole.
    installed: Vec<PathBuf>,
    directories: &'d Directories,
    found: BTreeSet<PathBuf>,
}

impl Wanted<'_> {
    fn add(&mut self, path: &Path, known: Option<&Requirements>) {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let is_installed = |path: &Path| {
            self.installed
                .iter()
                .any(|directory| path.starts_with(directory))
        };
        if is_installed(path) && is_installed(&real)
            || self.found.len() >= FILES
            || !self.found.insert(path.to_owned())
        {
            return;
        }
        self.found.insert(real);
        let read;
        let requirements = match known {
            Some(known) => known,
            None => match Requirements::read(path) {
                Ok(requirements) => {
                    read = requirements;
                    &read
                }
                Err(_) => return,
            },
        };
        let elf = match &requirements.format {
            Format::Elf(elf) => elf,
            Format::Script { interpreter, .. } => {
                self.add_interpreter(Path::new(interpreter), requirements);
                return;
            }
            _ => return,
        };
        if let Some(interpreter) = &elf.interpreter {
            self.found.insert(PathBuf::from(interpreter));
        }
        let origin = path.parent().unwrap_or(Path::new("/"));
        let own: Vec<PathBuf> = elf
            .search
            .iter()
            .map(|directory| expand(directory, origin))
            .collect();
        for name in &elf.needed {
            for candidate in self.candidates(name, &own) {
                self.add(&candidate, None);
            }
        }
    }

    /// Whom a script is for; with `env`, that and whom it is to look for.
    fn add_interpreter(&mut self, interpreter: &Path, script: &Requirements) {
        self.add(interpreter, None);
        let Some(name) = script.format.interpreter_name() else {
            return;
        };
        if interpreter.ends_with(name) || name.contains('/') {
            return;
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).map(|directory| directory.join(name));
        if let Some(found) = found.into_iter().find(|path| path.is_file()) {
            self.add(&found, None);
        }
    }

    /// Wherever a library of this name is that the loader could find. It takes the first that suits
    /// it; which one that is, is its own affair.
    fn candidates(&self, name: &str, own: &[PathBuf]) -> Vec<PathBuf> {
        if name.contains('/') {
            return vec![PathBuf::from(name)];
        }
        let all = own
            .iter()
            .map(PathBuf::as_path)
            .chain(self.directories.iter());
        all.map(|directory| directory.join(name))
            .filter(|path| path.is_file())
            .collect()
    }
}

fn expand(directory: &str, origin: &Path) -> PathBuf {
    let origin = origin.to_string_lossy();
    let expanded = directory
        .replace("${ORIGIN}", &origin)
        .replace("$ORIGIN", &origin);
    PathBuf::from(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installed_library_needs_its_directory_alone() {
        let directories = Directories::of_this_machine(&[]);
        let libc = directories
            .iter()
            .map(|directory| directory.join("libc.so.6"))
            .find(|path| path.is_file())
            .unwrap();
        let of_none = for_target(None, &directories);
        let requirements = Requirements::read(&libc).unwrap();
        let of_libc = for_target(Some(&requirements), &directories);
        assert!(
            are_within(&of_libc, &granted(&of_none)),
            "{of_libc:?} {of_none:?}"
        );
        assert!(!of_none.contains(&PathBuf::from("/usr/lib")));
    }

    #[test]
    fn a_target_elsewhere_is_granted_alone_with_its_loader_and_libraries() {
        let directories = Directories::of_this_machine(&[]);
        let this = std::env::current_exe().unwrap();
        let files = for_program(&this, &directories);
        assert!(files.contains(&this));
        assert!(files.iter().any(|path| path.ends_with("libc.so.6")));
        assert!(
            files
                .iter()
                .any(|path| path.to_string_lossy().contains("ld-linux"))
        );
        let of_none = granted(&for_target(None, &directories));
        assert!(!are_within(&files, &of_none));
        let neighbour = this.parent().unwrap().join("another");
        assert!(!are_within(&[neighbour], &granted(&files)));
    }

    #[test]
    fn another_file_by_the_same_name_was_not_granted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lib.so");
        let next = directory.path().join("next");
        std::fs::write(&path, "first").unwrap();
        std::fs::write(&next, "second").unwrap();
        let files = [path.clone()];
        let first = granted(&files);
        assert!(are_within(&files, &first));
        std::fs::rename(&next, &path).unwrap();
        assert!(!are_within(&files, &first));
        assert!(are_within(&files, &granted(&files)));
    }

    fn granted(paths: &[PathBuf]) -> Vec<Granted> {
        paths.iter().cloned().map(Granted::now).collect()
    }

    #[test]
    fn origin_is_the_directory_of_the_file() {
        assert_eq!(
            expand("${ORIGIN}/../x:", Path::new("/a/b")),
            Path::new("/a/b/../x:")
        );
        assert_eq!(expand("$ORIGIN", Path::new("/a")), Path::new("/a"));
    }
}
