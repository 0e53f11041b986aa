//! From the name a client gives to files: paths against its directory, bare names through the
//! library directories, and near names where there is nothing.

mod directories;
mod near;

pub use directories::Directories;

use cosmos_rpc::{Fault, FaultCode, message::coordinator::TargetName};
use std::path::{Path, PathBuf};

/// Longest name of a target.
const NAME: usize = 4096;

/// The files a name can mean, in the order of preference; at least one.
///
/// A name with a `/` is a path, resolved against the client's directory. A bare name is looked for
/// in `directories`, all of which may hold one: the loader too passes over those of another class.
///
/// # Errors
///
/// `BadArgument` for a name that is none; `NoSuchTarget`, with where was looked and near names.
pub fn candidates(target: &TargetName, directories: &Directories) -> Result<Vec<PathBuf>, Fault> {
    let name = target.name.as_str();
    if name.is_empty() || name.contains('\0') {
        return Err(Fault::caller(
            FaultCode::BadArgument,
            "a target is a library name or a path, without NUL bytes and not empty",
        ));
    }
    if name.len() > NAME {
        return Err(Fault::caller(
            FaultCode::BadArgument,
            format!(
                "a target's name has at most {NAME} bytes, this one has {}",
                name.len()
            ),
        ));
    }
    if name.contains('/') {
        return path(name, &target.directory).map(|path| vec![path]);
    }
    let found: Vec<PathBuf> = directories
        .iter()
        .map(|directory| directory.join(name))
        .filter(|path| exists(path))
        .collect();
    if found.is_empty() {
        return Err(not_found(name, directories));
    }
    Ok(found)
}

/// The first file that a bare name means, where there is one.
pub fn first(name: &str, directories: &Directories) -> Option<PathBuf> {
    if name.is_empty() || name.contains('/') {
        return None;
    }
    let mut named = directories.iter().map(|directory| directory.join(name));
    named.find(|path| exists(path))
}

fn path(name: &str, directory: &str) -> Result<PathBuf, Fault> {
    let path = Path::new(name);
    if path.is_relative() && !Path::new(directory).is_absolute() {
        return Err(Fault::caller(
            FaultCode::BadArgument,
            format!(
                "the relative path {} came without a working directory",
                name.escape_debug()
            ),
        ));
    }
    // Without `.` in between; `..` stays, for it may follow a link.
    let path: PathBuf = Path::new(directory).join(path).components().collect();
    if exists(&path) {
        return Ok(path);
    }
    let near = match (path.parent(), path.file_name()) {
        (Some(parent), Some(file)) if parent.is_dir() => {
            near::names(&file.to_string_lossy(), [parent], |_| true)
        }
        _ => Vec::new(),
    };
    Err(Fault::caller(
        FaultCode::NoSuchTarget,
        format!("there is no file {}{}", path.display(), offer(&near)),
    ))
}

fn not_found(name: &str, directories: &Directories) -> Fault {
    let near = near::names(name, directories.iter(), near::is_library);
    Fault::caller(
        FaultCode::NoSuchTarget,
        format!(
            "there is no library {} in {}{}",
            name.escape_debug(),
            directories.describe(),
            offer(&near)
        ),
    )
}

fn offer(near: &[String]) -> String {
    match near {
        [] => String::new(),
        near => format!("; did you mean {}?", near.join(", ")),
    }
}

/// Whether something is there, a dangling link included: reading it says what is wrong with it.
fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
