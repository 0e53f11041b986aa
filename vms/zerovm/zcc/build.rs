//! Collects the files of the guest's runtime, which `zcc` carries with it, and a number that changes
//! when they or zcc do.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo says it"));
    let mut hasher = DefaultHasher::new();
    let mut list = String::from("&[\n");
    let runtime = root.join("runtime");
    for path in files(&runtime) {
        let name = path.strip_prefix(&runtime).expect("it is below");
        _ = writeln!(
            list,
            "({:?}, include_str!({path:?})),",
            name.display().to_string()
        );
        hash(&mut hasher, &path);
    }
    list.push_str("]\n");
    for directory in [root.join("src"), root.join("../gas-syntax/src")] {
        files(&directory)
            .iter()
            .for_each(|path| hash(&mut hasher, path));
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says it"));
    fs::write(out.join("runtime.rs"), list).expect("the file of the list");
    println!("cargo::rustc-env=ZCC_VERSION={:016x}", hasher.finish());
}

/// All files below a directory, in order.
fn files(directory: &Path) -> Vec<PathBuf> {
    println!("cargo::rerun-if-changed={}", directory.display());
    let entries = fs::read_dir(directory).expect("the sources are there");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let below = |path: PathBuf| match path.is_dir() {
        true => files(&path),
        false => vec![path],
    };
    paths.into_iter().flat_map(below).collect()
}

fn hash(hasher: &mut DefaultHasher, path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
    hasher.write(path.file_name().expect("a name").as_encoded_bytes());
    hasher.write(&fs::read(path).expect("the file is there"));
}
