//! Where the executables under test are.

use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// What people and tests run.
const COMMANDS: &[&str] = &["cosmos", "zerovm", "zerovm-validate", "zcc"];

/// What the commands and the daemons start, which is installed out of sight.
pub const DAEMONS: &[&str] = &[
    "cosmosdb",
    "cosmosd",
    "cosmos-launch",
    "cosmos-relay",
    "cosmos-hostfn",
    "cosmos-exec",
    "cosmos-script",
    "cosmos-zerovm",
];

const LIBRARIES: &[&str] = &["libcosmos.so", "libcosmos.a"];

/// The directory cargo built into, `target/debug`, which must hold what the tests run.
///
/// # Panics
///
/// With the command to type when something is missing: cargo builds the tests of this package
/// without the executables of the others.
pub fn built() -> PathBuf {
    built_with(&[COMMANDS, DAEMONS, LIBRARIES].concat())
}

/// The same for who needs these alone.
///
/// # Panics
///
/// As [`built`].
pub fn built_with(needed: &[&str]) -> PathBuf {
    let directory = directory();
    let missing: Vec<_> = needed
        .iter()
        .filter(|name| !directory.join(name).exists())
        .copied()
        .collect();
    assert!(
        missing.is_empty(),
        "{} lacks {}; build first: cargo build --workspace",
        directory.display(),
        missing.join(", ")
    );
    directory
}

/// The directory cargo built into, whatever is there.
pub(crate) fn directory() -> PathBuf {
    let executable = std::env::current_exe().expect("the path of the test executable");
    executable
        .ancestors()
        .skip(1)
        .find(|directory| !directory.ends_with("deps") && !directory.ends_with("examples"))
        .expect("a directory above the test executable")
        .to_owned()
}
