//! Names the shared library as C programs are to find it, and has the code of a call lie together in it.

include!("../cosmos-rpc/warm-code.rs");

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libcosmos.so.0");
    // It has threads, and pointers into it that others hold: a program that unloads it, or a plugin that
    // was linked with it, would have them run where nothing is any more, and lose the VMs besides.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    if let Some(argument) = warm_code(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../cosmos-rpc/warm-code.ld"
    )) {
        println!("cargo:rustc-cdylib-link-arg={argument}");
    }
}
