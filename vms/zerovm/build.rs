//! Has the unwinder linked in, where there is one to link: as a library of its own it would be looked
//! for, loaded and set up at the start of every session, which takes a tenth of what a session takes.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CC");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let found = Command::new(compiler)
        .arg("-print-file-name=libgcc_eh.a")
        .output();
    let Ok(found) = found else { return };
    let path = String::from_utf8_lossy(&found.stdout);
    let path = Path::new(path.trim());
    // A compiler that has none answers with the name alone.
    if let Some(directory) = path.parent().filter(|_| path.is_absolute()) {
        println!("cargo::rustc-link-search=native={}", directory.display());
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}
