//! Has the VM carry the unwinder, which the standard library takes from `libgcc_s.so` otherwise: the loader would open,
//! map, relocate and initialize one more library while a client waits for the VM. A library that needs that one brings it.
//! And has the code of a call lie together in it.

include!("../../cosmos-rpc/warm-code.rs");

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CC");
    if let Some(argument) = warm_code(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../cosmos-rpc/warm-code.ld"
    )) {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    if env::var_os("CARGO_CFG_TARGET_ENV").is_some_and(|it| it == "gnu")
        && let (Some(unwinder), Some(directory)) = (unwinder(), env::var_os("OUT_DIR"))
    {
        // Where the linker looks first, the name of the one library means the other.
        let directory = PathBuf::from(directory);
        let script = format!("INPUT({})\n", unwinder.display());
        fs::write(directory.join("libgcc_s.so"), script)?;
        println!("cargo::rustc-link-arg-bins=-L{}", directory.display());
    }
    Ok(())
}

/// The unwinder as an archive, where the compiler that links has one.
fn unwinder() -> Option<PathBuf> {
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut asks = Command::new(compiler);
    let answer = asks.arg("-print-file-name=libgcc_eh.a").output().ok()?;
    let path = String::from_utf8(answer.stdout).ok()?;
    // What it does not have it answers by its name.
    let path = Path::new(path.trim());
    (path.is_absolute() && path.exists()).then(|| path.to_owned())
}
