//! The directory of reports.
//!
//! One file a report, `c-3f9a0c12.json`, mode 0600, in a directory of mode 0700 that is opened without
//! following a link and must be this user's. A file is written beside its place and renamed into it.
//! Before one is written, the oldest go until there is room for it.

use crate::{CrashError, Id, Report};
use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{Mode, fstat, fstatat};
use nix::unistd::{UnlinkatFlags, geteuid, unlinkat};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Most bytes of one report.
pub(crate) const LARGEST: usize = 512 << 10;
/// Most files of the directory that are looked at; what is more is somebody else's mess.
const LOOKED_AT: usize = 4096;
const SUFFIX: &str = ".json";

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Reports.
    pub reports: u64,
    /// Bytes of them all.
    pub bytes: u64,
}

/// A directory of reports.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    directory: OwnedFd,
}

/// A report's file.
struct Kept {
    id: Id,
    modified: (i64, i64),
    bytes: u64,
}

impl Archive {
    /// Opens a directory, and makes it where it is not there.
    ///
    /// # Errors
    /// `Unsafe` where it is not this user's alone; `System`.
    pub fn open_or_create(path: &Path) -> Result<Archive, CrashError> {
        use std::os::unix::fs::DirBuilderExt;
        let system = |error| CrashError::System {
            path: path.to_owned(),
            error,
        };
        let mut builder = std::fs::DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(system)?;
        Archive::open(path)
    }

    /// Opens a directory.
    ///
    /// # Errors
    /// As [`Archive::open_or_create`]; `System` where there is none.
    pub fn open(path: &Path) -> Result<Archive, CrashError> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
        let archive = |directory| Archive {
            path: path.to_owned(),
            directory,
        };
        let opened = nix::fcntl::open(path, flags, Mode::empty()).map(archive);
        let archive = opened.map_err(|error| CrashError::System {
            path: path.to_owned(),
            error: error.into(),
        })?;
        let stat = fstat(archive.directory.as_fd()).map_err(|error| archive.system("", error))?;
        let unsafe_for = |why| {
            Err(CrashError::Unsafe {
                directory: path.to_owned(),
                why,
            })
        };
        match stat.st_uid == geteuid().as_raw() {
            false => unsafe_for("it is another user's"),
            true if stat.st_mode & 0o077 != 0 => unsafe_for("others may use it (chmod 700)"),
            true => Ok(archive),
        }
    }

    /// Keeps a report, and gives it its number. The oldest go for it.
    ///
    /// # Errors
    /// `TooLarge`; `System`.
    pub fn keep(&self, report: Report, bounds: &Bounds) -> Result<Report, CrashError> {
        let mut report = report.bounded();
        let (id, reserved) = self.reserve()?;
        report.id = id.to_string();
        let written = report
            .to_json()
            .and_then(|json| {
                self.make_room(json.len() as u64, bounds, &id)?;
                Ok(json)
            })
            .and_then(|json| self.write(&id, &json));
        drop(reserved);
        if let Err(error) = written {
            let _ = self.remove(&id);
            return Err(error);
        }
        Ok(report)
    }

    /// Changes one that is kept; what `change` says is false changes nothing.
    ///
    /// # Errors
    /// As [`Archive::read`] and [`Archive::keep`].
    pub fn amend(
        &self,
        id: &Id,
        change: impl FnOnce(&mut Report) -> bool,
    ) -> Result<(), CrashError> {
        let mut report = self.read(id)?;
        if !change(&mut report) {
            return Ok(());
        }
        self.write(id, &report.bounded().to_json()?)
    }

    /// A report.
    ///
    /// # Errors
    /// `NoSuchReport`; `Malformed`; `System`.
    pub fn read(&self, id: &Id) -> Result<Report, CrashError> {
        let name = format!("{id}{SUFFIX}");
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        let opened = openat(self.directory.as_fd(), name.as_str(), flags, Mode::empty());
        let file = match opened {
            Ok(file) => File::from(file),
            Err(nix::errno::Errno::ENOENT) => return Err(CrashError::NoSuchReport(id.to_string())),
            Err(error) => return Err(self.system(&name, error)),
        };
        let malformed = |why: String| CrashError::Malformed {
            path: self.path.join(&name),
            why,
        };
        let mut json = Vec::new();
        file.take(LARGEST as u64 + 1)
            .read_to_end(&mut json)
            .map_err(|error| CrashError::System {
                path: self.path.join(&name),
                error,
            })?;
        if json.len() > LARGEST {
            return Err(malformed("it is too large".to_owned()));
        }
        Report::from_json(&json, id).map_err(malformed)
    }

    /// All reports, the newest first. One that cannot be read is passed over.
    ///
    /// # Errors
    /// `System`.
    pub fn list(&self) -> Result<Vec<Report>, CrashError> {
        let mut kept = self.kept()?;
        kept.sort_by_key(|kept| std::cmp::Reverse(kept.modified));
        let mut reports: Vec<Report> = kept
            .iter()
            .filter_map(|kept| self.read(&kept.id).ok())
            .collect();
        reports.sort_by_key(|report| std::cmp::Reverse(report.when));
        Ok(reports)
    }

    /// Their numbers alone, the newest first.
    ///
    /// # Errors
    /// `System`.
    pub fn ids(&self) -> Result<Vec<Id>, CrashError> {
        let mut kept = self.kept()?;
        kept.sort_by_key(|kept| std::cmp::Reverse(kept.modified));
        Ok(kept.into_iter().map(|kept| kept.id).collect())
    }

    /// Removes a report.
    ///
    /// # Errors
    /// `NoSuchReport`; `System`.
    pub fn remove(&self, id: &Id) -> Result<(), CrashError> {
        let name = format!("{id}{SUFFIX}");
        let removed = unlinkat(
            self.directory.as_fd(),
            name.as_str(),
            UnlinkatFlags::NoRemoveDir,
        );
        match removed {
            Ok(()) => Ok(()),
            Err(nix::errno::Errno::ENOENT) => Err(CrashError::NoSuchReport(id.to_string())),
            Err(error) => Err(self.system(&name, error)),
        }
    }

    /// A number that nobody has, and its empty file.
    fn reserve(&self) -> Result<(Id, OwnedFd), CrashError> {
        loop {
            let id = Id::random().map_err(|error| CrashError::System {
                path: PathBuf::from("/dev/urandom"),
                error,
            })?;
            let name = format!("{id}{SUFFIX}");
            match self.create(&name) {
                Ok(file) => return Ok((id, file)),
                Err(nix::errno::Errno::EEXIST) => {}
                Err(error) => return Err(self.system(&name, error)),
            }
        }
    }

    fn create(&self, name: &str) -> nix::Result<OwnedFd> {
        let flags =
            OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        openat(
            self.directory.as_fd(),
            name,
            flags,
            Mode::S_IRUSR | Mode::S_IWUSR,
        )
    }

    fn write(&self, id: &Id, json: &[u8]) -> Result<(), CrashError> {
        let (name, beside) = (format!("{id}{SUFFIX}"), format!("{id}.new"));
        // Left by somebody who was killed.
        let _ = unlinkat(
            self.directory.as_fd(),
            beside.as_str(),
            UnlinkatFlags::NoRemoveDir,
        );
        let file = self
            .create(&beside)
            .map_err(|error| self.system(&beside, error))?;
        let written = File::from(file).write_all(json);
        written.map_err(|error| CrashError::System {
            path: self.path.join(&beside),
            error,
        })?;
        let directory = self.directory.as_fd();
        renameat(directory, beside.as_str(), directory, name.as_str())
            .map_err(|error| self.system(&name, error))
    }

    fn make_room(&self, bytes: u64, bounds: &Bounds, but: &Id) -> Result<(), CrashError> {
        let mut kept = self.kept()?;
        kept.retain(|kept| kept.id != *but);
        kept.sort_by_key(|kept| std::cmp::Reverse(kept.modified));
        let mut all: u64 = kept.iter().map(|kept| kept.bytes).sum();
        while kept.len() as u64 + 1 > bounds.reports.max(1)
            || all.saturating_add(bytes) > bounds.bytes
        {
            let Some(oldest) = kept.pop() else {
                return Ok(());
            };
            all -= oldest.bytes;
            // Another one may have removed it.
            let _ = self.remove(&oldest.id);
        }
        Ok(())
    }

    fn kept(&self) -> Result<Vec<Kept>, CrashError> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let mut directory = Dir::openat(self.directory.as_fd(), ".", flags, Mode::empty())
            .map_err(|error| self.system("", error))?;
        let mut kept = Vec::new();
        for entry in directory.iter().take(LOOKED_AT).flatten() {
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            let Some(Ok(id)) = name.strip_suffix(SUFFIX).map(str::parse::<Id>) else {
                continue;
            };
            let flags = AtFlags::AT_SYMLINK_NOFOLLOW;
            if let Ok(stat) = fstatat(self.directory.as_fd(), name, flags) {
                kept.push(Kept {
                    id,
                    modified: (stat.st_mtime, stat.st_mtime_nsec),
                    bytes: u64::try_from(stat.st_size).unwrap_or(0),
                });
            }
        }
        Ok(kept)
    }

    fn system(&self, name: &str, error: nix::errno::Errno) -> CrashError {
        CrashError::System {
            path: self.path.join(name),
            error: error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    const BOUNDS: Bounds = Bounds {
        reports: 4,
        bytes: 1 << 20,
    };

    fn report(vm: &str, when: u64) -> Report {
        Report {
            vm: vm.to_owned(),
            when,
            ..Report::default()
        }
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let archive = Archive::open_or_create(&directory.path().join("a/b")).unwrap();
        let kept = archive.keep(report("hostfn-1", 7), &BOUNDS).unwrap();
        let id = kept.id().unwrap();
        assert_eq!(archive.read(&id).unwrap(), kept);
        archive
            .amend(&id, |report| report.note(5, "f(NULL)"))
            .unwrap();
        assert_eq!(archive.list().unwrap()[0].calls[0].call, "f(NULL)");
        let file = directory.path().join("a/b").join(format!("{id}.json"));
        let mode = std::fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        archive.remove(&id).unwrap();
        assert!(matches!(
            archive.read(&id),
            Err(CrashError::NoSuchReport(_))
        ));
    }

    #[test]
    fn the_oldest_go_and_other_files_stay() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("crash");
        let archive = Archive::open_or_create(&path).unwrap();
        std::fs::write(path.join("notes"), "mine").unwrap();
        for number in 0..10 {
            archive
                .keep(report(&format!("vm-{number}"), number), &BOUNDS)
                .unwrap();
        }
        let kept: Vec<String> = archive
            .list()
            .unwrap()
            .into_iter()
            .map(|report| report.vm)
            .collect();
        assert_eq!(kept, ["vm-9", "vm-8", "vm-7", "vm-6"]);
        assert!(path.join("notes").exists());
        let large = Report {
            stderr: "x".repeat(4000),
            ..report("large", 11)
        };
        let narrow = Bounds {
            reports: 100,
            bytes: 9000,
        };
        archive.keep(large.clone(), &narrow).unwrap();
        archive.keep(large, &narrow).unwrap();
        let sizes = std::fs::read_dir(&path).unwrap().flatten();
        let all: u64 = sizes.map(|entry| entry.metadata().unwrap().len()).sum();
        assert!(all <= 9000 + 4, "{all}");
    }

    #[test]
    fn what_is_not_this_users_alone_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let open = directory.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(
            Archive::open_or_create(&open),
            Err(CrashError::Unsafe { .. })
        ));
        let link = directory.path().join("link");
        symlink(directory.path(), &link).unwrap();
        assert!(matches!(
            Archive::open_or_create(&link),
            Err(CrashError::System { .. })
        ));
    }

    #[test]
    fn a_file_that_lies_is_no_report() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("crash");
        let archive = Archive::open_or_create(&path).unwrap();
        let id: Id = "c-00000001".parse().unwrap();
        for content in ["", "{", "[]", "{\"id\":\"c-00000002\"}", "\u{0}"] {
            std::fs::write(path.join("c-00000001.json"), content).unwrap();
            assert!(
                matches!(archive.read(&id), Err(CrashError::Malformed { .. })),
                "{content}"
            );
        }
        std::fs::write(path.join("c-00000001.json"), vec![b' '; LARGEST + 1]).unwrap();
        assert!(matches!(
            archive.read(&id),
            Err(CrashError::Malformed { .. })
        ));
        std::fs::remove_file(path.join("c-00000001.json")).unwrap();
        symlink("/etc/passwd", path.join("c-00000001.json")).unwrap();
        assert!(matches!(archive.read(&id), Err(CrashError::System { .. })));
        assert!(archive.list().unwrap().is_empty());
    }
}
