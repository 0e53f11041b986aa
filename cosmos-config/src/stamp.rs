//! Whether a file is as it was, without reading it.
//!
//! That is good for saving work, and for nothing that safety depends on: who may write a file's disk behind
//! the kernel can have any stamp.

use std::{
    fs::Metadata,
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, SystemTime},
};

/// A file that was changed so recently may be changed again without its time telling: the kernel notes
/// that no more finely than its clock ticks.
const SETTLED: Duration = Duration::from_secs(1);

/// What tells a file from another one and from itself before a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    /// Which nobody can set.
    changed: (i64, i64),
}

impl Stamp {
    /// Of what is at a path now, links followed; `None` where that cannot be told.
    pub fn of(path: &Path) -> Option<Stamp> {
        Some(Stamp::new(&std::fs::metadata(path).ok()?))
    }

    /// The same of a link itself.
    pub fn of_link(path: &Path) -> Option<Stamp> {
        Some(Stamp::new(&std::fs::symlink_metadata(path).ok()?))
    }

    fn new(found: &Metadata) -> Stamp {
        Stamp {
            file: (found.dev(), found.ino()),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }

    /// Whether a change from now on will show. Who keeps what a file says asks this right after the
    /// stamp was taken, and then reads.
    pub fn is_settled(&self) -> bool {
        let changed = Duration::new(
            u64::try_from(self.changed.0).unwrap_or(0),
            u32::try_from(self.changed.1).unwrap_or(0),
        );
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.is_ok_and(|now| now.saturating_sub(changed) > SETTLED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_of_this_moment_is_not_settled() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        assert_eq!(Stamp::of(&path), None);
        fs::write(&path, "first").unwrap();
        assert!(!Stamp::of(&path).unwrap().is_settled());
    }

    #[test]
    fn another_file_by_the_same_name_has_another_stamp() {
        let directory = tempfile::tempdir().unwrap();
        let (path, next) = (directory.path().join("file"), directory.path().join("next"));
        fs::write(&path, "first").unwrap();
        fs::write(&next, "other").unwrap();
        let first = Stamp::of(&path).unwrap();
        fs::rename(&next, &path).unwrap();
        assert_ne!(Stamp::of(&path).unwrap(), first);
    }

    #[test]
    fn setting_the_time_back_hides_no_change() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "first").unwrap();
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let settled = || loop {
            let stamp = Stamp::of(&path).unwrap();
            if stamp.is_settled() {
                return stamp;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let first = settled();
        fs::write(&path, "other").unwrap();
        let file = fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(modified).unwrap();
        assert_ne!(Stamp::of(&path).unwrap(), first);
    }

    #[test]
    fn a_file_of_the_future_is_not_settled() {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let stamp = |seconds: i64| Stamp {
            file: (0, 0),
            size: 0,
            modified: (0, 0),
            changed: (now.as_ref().unwrap().as_secs() as i64 + seconds, 0),
        };
        assert!(!stamp(100).is_settled());
        assert!(!stamp(0).is_settled());
        assert!(stamp(-100).is_settled());
    }
}
