//! C programs and libraries of the tests, compiled where they are needed.

use crate::run::{Ran, run};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Compiles a file of `tests/c` into a shared library of this name in `directory`.
pub fn library(source: &str, directory: &Path) -> PathBuf {
    let library = directory.join(format!("lib{}.so", stem(source)));
    compile("gcc", &["-shared", "-fPIC", "-O1", "-g"], source, &library);
    library
}

/// Compiles a file of `tests/c` with `compiler` and `flags`, given after the file.
pub fn compile(compiler: &str, flags: &[&str], source: &str, output: &Path) {
    let ran = try_compile(compiler, flags, source, output);
    assert!(ran.status.success(), "{compiler} {source}: {}", ran.stderr);
}

/// The same, with the compiler's verdict.
pub fn try_compile(compiler: &str, flags: &[&str], source: &str, output: &Path) -> Ran {
    let path = crate::repository().join("tests/c").join(source);
    let mut command = Command::new(compiler);
    command.arg(path).args(flags).arg("-o").arg(output);
    run(&mut command, Duration::from_secs(60))
}

fn stem(source: &str) -> String {
    Path::new(source)
        .file_stem()
        .expect("a file name")
        .to_string_lossy()
        .into_owned()
}
