//! From the name of a program to its path, as a shell finds it.

use cosmos_rpc::{Fault, FaultCode};
use nix::unistd::{AccessFlags, access};
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where programs are looked for without a PATH.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// This process's PATH.
pub fn search_path() -> OsString {
    env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into())
}

/// The path of the program `name`: itself where it has a slash, else the first file of that name in the
/// directories of `path` that can be executed. Relative ones, and empty ones, start in `directory`.
///
/// # Errors
///
/// `NoSuchTarget` when there is none, `NotLoadable` when there are only some that cannot be executed.
pub fn find(name: &OsStr, path: &OsStr, directory: &Path) -> Result<PathBuf, Fault> {
    if name.is_empty() {
        let message = "the name of the program is empty";
        return Err(Fault::caller(FaultCode::NoSuchTarget, message));
    }
    if name.as_bytes().contains(&b'/') {
        return Ok(name.into());
    }
    let mut refused = None;
    for place in env::split_paths(path) {
        let path = directory.join(place).join(name);
        if !path.is_file() {
            continue;
        }
        if access(&path, AccessFlags::X_OK).is_ok() {
            return Ok(path);
        }
        refused.get_or_insert(path);
    }
    Err(match refused {
        Some(path) => Fault::caller(
            FaultCode::NotLoadable,
            format!(
                "{0} is not executable (`chmod +x {0}` makes it so)",
                path.display()
            ),
        ),
        None => Fault::caller(
            FaultCode::NoSuchTarget,
            format!(
                "there is no program {} in PATH",
                name.to_string_lossy().escape_debug()
            ),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_first_that_can_be_executed_is_found() {
        let directory = tempfile::tempdir().expect("a directory");
        let [first, second] = ["first", "second"].map(|name| directory.path().join(name));
        for (place, mode) in [(&first, 0o644), (&second, 0o755)] {
            fs::create_dir(place).expect("a directory");
            let file = place.join("program");
            fs::write(&file, "").expect("written");
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("its mode");
        }
        fs::create_dir(first.join("folder")).expect("a directory");
        let search = |name: &str, places: &[&Path]| {
            let path = env::join_paths(places).expect("a PATH");
            find(name.as_ref(), &path, directory.path())
        };
        let found = search("program", &[&first, &second]).expect("found");
        assert_eq!(found, second.join("program"));
        let code = |name, places: &[&Path]| search(name, places).expect_err("refused").code;
        assert_eq!(code("program", &[&first]), FaultCode::NotLoadable);
        assert_eq!(code("folder", &[&first]), FaultCode::NoSuchTarget);
        assert_eq!(code("missing", &[&first]), FaultCode::NoSuchTarget);
        assert_eq!(code("", &[&second]), FaultCode::NoSuchTarget);
        assert_eq!(search("./x", &[]).expect("a path"), Path::new("./x"));
        // A relative place starts where the caller says, and so does an empty one.
        let relative = search("program", &[Path::new("second")]).expect("found");
        assert_eq!(relative, second.join("program"));
        let here = find("program".as_ref(), ":/no/such".as_ref(), &second).expect("found");
        assert_eq!(here, second.join("program"));
    }

    #[test]
    fn a_name_that_a_terminal_would_obey_is_shown_harmless() {
        let fault = find("a\u{1b}[2J".as_ref(), "".as_ref(), Path::new(".")).expect_err("none");
        assert!(!fault.message.contains('\u{1b}'), "{fault}");
    }
}
