//! What was looked up of targets, so that who opens one again need not wait for its file to be read.
//!
//! | known | as long as |
//! |---|---|
//! | the library directories | the loader's configuration, and which directories there are, is as it was |
//! | what a library needs | that, and its file is the same, with the same contents, by its [`Stamp`] |
//!
//! Only libraries are known that were found by their bare name, first of all and in the machine's own
//! directories: to see whether they are as they were takes some looks at those, which wait for nobody.
//! Whatever else is opened is read anew, on a thread aside, for it may be on a slow disk.
//!
//! What is known says where a target can run, as what was read does a moment later. What a VM may do, and
//! what a target must be to be run, rests on neither: files are granted by what is at their paths then, and
//! pins are compared with the file that runs.

use crate::{
    matching::Use,
    requirements::Requirements,
    search::{self, Directories},
};
use cosmos_config::Stamp;
use cosmos_rpc::message::coordinator::TargetName;
use std::{cell::RefCell, collections::HashMap, sync::Arc};

/// Most libraries that are known.
const MOST: usize = 256;

/// A target that was looked up.
#[derive(Clone, Debug)]
pub struct Looked {
    /// What it needs.
    pub requirements: Requirements,
    /// Where was looked.
    pub directories: Arc<Directories>,
    /// Whether it is among the installed libraries, whatever links lead to it.
    pub is_installed: bool,
}

/// What is known.
#[derive(Debug, Default)]
pub struct Known {
    directories: RefCell<Option<Arc<Directories>>>,
    libraries: RefCell<HashMap<(String, Use), Library>>,
}

#[derive(Debug)]
struct Library {
    requirements: Requirements,
    stamp: Stamp,
    /// Of the link, where it is one. Where both are as they were, so is what lies between.
    link: Stamp,
}

impl Known {
    /// What a target needs, where that is known and would be read again.
    pub fn find(&self, target: &TargetName, wanted: Use) -> Option<Looked> {
        let directories = self.directories.borrow().clone()?;
        let libraries = self.libraries.borrow();
        let library = libraries.get(&(target.name.clone(), wanted))?;
        if !directories.are_current() {
            return None;
        }
        let first = search::first(&target.name, &directories)?;
        let is_same = first == library.requirements.path
            && Stamp::of_link(&first) == Some(library.link)
            && Stamp::of(&first) == Some(library.stamp);
        is_same.then(|| Looked {
            requirements: library.requirements.clone(),
            directories,
            is_installed: true,
        })
    }

    /// Notes one that was read, whose file had this stamp before; none where a change would not show.
    pub fn note(&self, target: &TargetName, wanted: Use, looked: &Looked, stamp: Option<Stamp>) {
        let Looked {
            requirements,
            directories,
            is_installed,
        } = looked;
        // Before it is looked where the link leads: a later change shows.
        let link = Stamp::of_link(&requirements.path).filter(Stamp::is_settled);
        let is_first =
            search::first(&target.name, directories).as_ref() == Some(&requirements.path);
        let is_known = is_first
            && *is_installed
            && directories.are_the_machines_own()
            && directories.have_installed(&requirements.path);
        let stamp = stamp.filter(|stamp| is_known && stamp.is_settled());
        let (Some(stamp), Some(link)) = (stamp, link) else {
            return;
        };
        *self.directories.borrow_mut() = Some(directories.clone());
        let mut libraries = self.libraries.borrow_mut();
        if libraries.len() >= MOST {
            libraries.clear();
        }
        let library = Library {
            requirements: requirements.clone(),
            stamp,
            link,
        };
        libraries.insert((target.name.clone(), wanted), library);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::symlink, path::Path, thread::sleep, time::Duration};

    fn target(name: &str) -> TargetName {
        TargetName {
            name: name.to_owned(),
            directory: String::new(),
        }
    }

    /// As [`Coordinator::look_up`](crate::coordinator::Coordinator::look_up) does.
    fn look(root: &Path, name: &str) -> (Looked, Option<Stamp>) {
        let directories = ["one", "two"].map(|name| root.join(name));
        let directories = Directories::new(&[], &root.join("ld.so.conf"), directories);
        let path = search::first(name, &directories).unwrap();
        let stamp = Stamp::of(&path).filter(Stamp::is_settled);
        let requirements = Requirements::read(&path).unwrap();
        let directories = Arc::new(directories);
        let looked = Looked {
            is_installed: directories.have_installed(&path),
            requirements,
            directories,
        };
        (looked, stamp)
    }

    /// Known of a library of `two`, once enough time has passed since that was written.
    fn known(root: &Path) -> Known {
        let known = Known::default();
        for _ in 0..600 {
            let (looked, stamp) = look(root, "lib.so");
            known.note(&target("lib.so"), Use::Open, &looked, stamp);
            if known.find(&target("lib.so"), Use::Open).is_some() {
                return known;
            }
            sleep(Duration::from_millis(50));
        }
        panic!("it is never known");
    }

    fn world() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("one")).unwrap();
        fs::create_dir(root.path().join("two")).unwrap();
        fs::write(root.path().join("two/lib.so"), "first").unwrap();
        root
    }

    #[test]
    fn what_is_known_is_what_would_be_read() {
        let root = world();
        let known = known(root.path());
        let found = known.find(&target("lib.so"), Use::Open).unwrap();
        assert_eq!(
            found.requirements,
            look(root.path(), "lib.so").0.requirements
        );
        assert!(known.find(&target("lib.so"), Use::Run).is_none());
        assert!(known.find(&target("other.so"), Use::Open).is_none());
    }

    #[test]
    fn a_file_that_was_written_over_is_read_again() {
        let root = world();
        let known = known(root.path());
        fs::write(root.path().join("two/lib.so"), "other").unwrap();
        assert!(known.find(&target("lib.so"), Use::Open).is_none());
    }

    #[test]
    fn a_library_of_an_earlier_directory_is_found_first() {
        let root = world();
        let known = known(root.path());
        fs::write(root.path().join("one/lib.so"), "first").unwrap();
        assert!(known.find(&target("lib.so"), Use::Open).is_none());
    }

    #[test]
    fn a_link_that_leads_elsewhere_now_is_followed() {
        let root = world();
        let at = |name: &str| root.path().join(name);
        fs::rename(at("two/lib.so"), at("two/lib.so.1")).unwrap();
        symlink("lib.so.1", at("two/lib.so")).unwrap();
        let known = known(root.path());
        fs::write(at("elsewhere"), "first").unwrap();
        fs::remove_file(at("two/lib.so")).unwrap();
        symlink(at("elsewhere"), at("two/lib.so")).unwrap();
        assert!(known.find(&target("lib.so"), Use::Open).is_none());
    }

    #[test]
    fn a_link_to_the_same_file_from_elsewhere_is_another_link() {
        let root = world();
        let at = |name: &str| root.path().join(name);
        fs::rename(at("two/lib.so"), at("two/lib.so.1")).unwrap();
        symlink("lib.so.1", at("two/lib.so")).unwrap();
        let known = known(root.path());
        fs::hard_link(at("two/lib.so.1"), at("elsewhere")).unwrap();
        fs::remove_file(at("two/lib.so")).unwrap();
        symlink(at("elsewhere"), at("two/lib.so")).unwrap();
        assert!(known.find(&target("lib.so"), Use::Open).is_none());
    }

    #[test]
    fn nothing_of_this_moment_and_nothing_by_a_path_is_known() {
        let root = world();
        let known = Known::default();
        fs::write(root.path().join("two/new.so"), "new").unwrap();
        let (looked, stamp) = look(root.path(), "new.so");
        known.note(&target("new.so"), Use::Open, &looked, stamp);
        assert!(known.find(&target("new.so"), Use::Open).is_none());
        let path = target(&root.path().join("two/lib.so").to_string_lossy());
        let (looked, stamp) = look(root.path(), "lib.so");
        known.note(&path, Use::Open, &looked, stamp);
        assert!(known.find(&path, Use::Open).is_none());
    }
}
