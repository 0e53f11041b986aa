//! Sources of programs of the world, from Debian's archive.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The directory of a program's sources, if they can be had.
pub fn sources(program: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guest-sources");
    let fetched = Command::new(root.join("tools/guest-sources"))
        .arg(&directory)
        .output();
    let fetched = fetched.expect("the script starts");
    if fetched.status.success() {
        return Some(directory.join(program));
    }
    let why = String::from_utf8_lossy(&fetched.stderr);
    eprintln!(
        "skipped: the sources of {program} cannot be had: {}",
        why.trim()
    );
    None
}

/// The files of C in a directory but for some.
pub fn files(directory: &Path, but: &[&str]) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("the sources are there");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.retain(|path| {
        let name = path.file_name().expect("a name").to_string_lossy();
        name.ends_with(".c") && !but.contains(&&*name)
    });
    files.sort();
    files
}

/// Arguments of a compiler.
pub fn words(options: &[&str], directory: &Path, files: Vec<PathBuf>) -> Vec<OsString> {
    let mut words: Vec<OsString> = options.iter().map(OsString::from).collect();
    words.extend(["-I".into(), directory.as_os_str().to_owned()]);
    words.extend(files.into_iter().map(PathBuf::into_os_string));
    words
}
