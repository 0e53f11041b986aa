//! Where the executables under test are.

use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The directory cargo built into, `target/debug`, which must hold what the tests run.
///
/// # Panics
///
/// With the command to type when something is missing: cargo builds the tests of this package
/// without the executables of the others.
pub fn built() -> PathBuf {
    let executable = std::env::current_exe().expect("the path of the test executable");
    let directory = executable
        .ancestors()
        .skip(1)
        .find(|directory| !directory.ends_with("deps") && !directory.ends_with("examples"))
        .expect("a directory above the test executable")
        .to_owned();
    let needed = [
        "cosmos",
        "cosmosdb",
        "cosmosd",
        "cosmos-launch",
        "cosmos-relay",
        "cosmos-hostfn",
        "cosmos-exec",
        "cosmos-script",
        "cosmos-zerovm",
        "zerovm",
        "zerovm-validate",
        "zcc",
        "libcosmos.so",
        "libcosmos.a",
    ];
    let missing: Vec<_> = needed
        .into_iter()
        .filter(|name| !directory.join(name).exists())
        .collect();
    assert!(
        missing.is_empty(),
        "{} lacks {}; build first: cargo build --workspace",
        directory.display(),
        missing.join(", ")
    );
    directory
}
