//! An installed prefix: what a C program is compiled and linked against.

use crate::{World, built, repository, run};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A prefix as `make install` lays it out.
pub struct Prefix {
    root: PathBuf,
}

impl Prefix {
    /// Installs what is built into a prefix of this world.
    pub fn installed(world: &World) -> Prefix {
        let root = world.directory().join("prefix");
        let mut command = Command::new("make");
        command
            .arg("--no-print-directory")
            .arg("-C")
            .arg(repository())
            .arg("install-built")
            .arg(format!("BUILT={}", built().display()))
            .arg(format!("PREFIX={}", root.display()))
            .env_remove("MAKEFLAGS")
            .env_remove("MAKELEVEL");
        run(&mut command, Duration::from_secs(60)).succeeded();
        Prefix { root }
    }

    /// The file of this path in the prefix, which must be there.
    pub fn file(&self, path: &str) -> PathBuf {
        let file = self.root.join(path);
        assert!(file.exists(), "make install puts no {path}");
        file
    }

    /// Compiles a file of `tests/c` with what pkg-config says and nothing else.
    pub fn compile(&self, compiler: &str, source: &str, flags: &[&str], output: &Path) {
        let said = self.pkg_config(&["--cflags", "--libs", "libcosmos"]);
        let mut all: Vec<&str> = flags.to_vec();
        all.extend(said.split_whitespace());
        crate::c::compile(compiler, &all, source, output);
    }

    /// What pkg-config says, looking in this prefix alone.
    pub fn pkg_config(&self, arguments: &[&str]) -> String {
        let directory = self.file("lib/pkgconfig/libcosmos.pc");
        let directory = directory.parent().expect("a directory");
        let mut command = Command::new("pkg-config");
        command
            .args(arguments)
            .env("PKG_CONFIG_LIBDIR", directory)
            .env_remove("PKG_CONFIG_PATH");
        run(&mut command, Duration::from_secs(60))
            .succeeded()
            .to_owned()
    }

    /// Lets a program find the shared library, the executables and the Python module of this prefix.
    pub fn environment<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .env("LD_LIBRARY_PATH", self.root.join("lib"))
            .env("COSMOS_LIBEXEC_DIRECTORY", self.root.join("libexec/cosmos"))
            .env("PYTHONPATH", self.root.join("lib/python3/dist-packages"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
    }
}
