//! Has `zerovm` linked whole: a session takes little longer than a process does to start, and finding,
//! loading and setting up libraries takes a quarter of that.
//!
//! The standard library asks for shared libraries by name. Where the compiler has their archives,
//! this makes a directory that the linker looks into first, with a script of each of these names that
//! stands for the archive. Where it has not, the libraries are loaded as ever.

use std::error::Error;
use std::path::PathBuf;
use std::process::Command;

/// What the standard library asks for, and the archives that hold it. Others that it asks for are a part
/// of the first, and there by name only.
const LIBRARIES: [(&str, &[&str]); 3] = [
    ("c", &["libc.a", "libgcc.a", "libgcc_eh.a"]),
    ("m", &["libm.a"]),
    ("gcc_s", &["libgcc_eh.a", "libgcc.a", "libc.a"]),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CC");
    let output = PathBuf::from(std::env::var("OUT_DIR")?);
    // Whoever is built with the library has at least the unwinder in it. From a directory of its own: the
    // compiler's has shared libraries too, which would be found before what stands for them.
    if let Some(archive) = find("libgcc_eh.a") {
        let directory = output.join("unwinder");
        std::fs::create_dir_all(&directory)?;
        std::fs::copy(archive, directory.join("libgcc_eh.a"))?;
        println!("cargo::rustc-link-search=native={}", directory.display());
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
    let target = |part: &str| std::env::var(format!("CARGO_CFG_TARGET_{part}"));
    if target("OS")? != "linux" || target("ENV")? != "gnu" {
        return Ok(());
    }
    let directory = output.join("archives");
    std::fs::create_dir_all(&directory)?;
    for (name, archives) in LIBRARIES {
        let Some(script) = script(archives) else {
            println!("cargo::warning=zerovm will load libraries: {archives:?} are not all there");
            return Ok(());
        };
        std::fs::write(directory.join(format!("lib{name}.so")), script)?;
    }
    println!("cargo::rustc-link-arg-bins=-static-pie");
    println!("cargo::rustc-link-arg-bins=-L{}", directory.display());
    Ok(())
}

/// What stands for archives, if all of them are there.
fn script(archives: &[&str]) -> Option<String> {
    let paths: Option<Vec<PathBuf>> = archives.iter().map(|name| find(name)).collect();
    let paths = paths?
        .into_iter()
        .map(|path| format!("\"{}\"", path.display()));
    Some(format!(
        "GROUP ( {} )\n",
        paths.collect::<Vec<_>>().join(" ")
    ))
}

/// Where the compiler has an archive.
fn find(archive: &str) -> Option<PathBuf> {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let mut question = Command::new(compiler);
    let answer = question.arg(format!("-print-file-name={archive}")).output();
    let path = PathBuf::from(String::from_utf8(answer.ok()?.stdout).ok()?.trim());
    // A compiler that has none answers with the name alone.
    path.is_absolute().then_some(path)
}
