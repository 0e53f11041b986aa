//! A library that was compiled again is another file by the same name: the next open loads it, though the
//! VM of the earlier one may not read it.

use cosmos::{Symbol, dlopen};
use cosmos_tests::{World, c, in_world};
use std::ffi::c_int;
use std::path::{Path, PathBuf};

#[test]
fn the_next_open_loads_what_was_compiled_last() {
    in_world(|world| {
        let path = compiled(world, 1);
        assert_eq!(edition(&path), 1);
        assert_eq!(edition(&path), 1);
        for number in 2..5 {
            compiled(world, number);
            assert_eq!(edition(&path), number);
        }
    });
}

/// Put in place as linkers and package managers do: under another name first.
fn compiled(world: &World, number: c_int) -> PathBuf {
    let directory = world.directory();
    let (path, next) = (directory.join("libedition.so"), directory.join("next"));
    let edition = format!("-DEDITION={number}");
    c::compile("gcc", &["-shared", "-fPIC", &edition], "edition.c", &next);
    std::fs::rename(&next, &path).expect("renamed");
    path
}

fn edition(path: &Path) -> c_int {
    let library = dlopen(path.to_str().expect("UTF-8")).expect("the library");
    let edition: Symbol<extern "C" fn() -> c_int> =
        library.symbol("int edition(void)").expect("edition");
    edition.try_call().expect("a call")
}
