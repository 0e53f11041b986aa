// What the build scripts of the program's library and of the VM share; `warm-code.ld` says what it is for.

/// The argument that has the linker put the code of a call side by side, where it is one that can: GNU ld, or lld.
fn warm_code(script: &str) -> Option<String> {
    println!("cargo:rerun-if-changed={script}");
    let says = |name| std::env::var(name).unwrap_or_default();
    let linker = says("RUSTC_LINKER") + &says("CARGO_ENCODED_RUSTFLAGS");
    let is_another = ["gold", "mold", "wild"].iter().any(|it| linker.contains(it));
    let is_elf = says("CARGO_CFG_TARGET_OS") == "linux";
    (is_elf && !is_another).then(|| format!("-Wl,-T,{script}"))
}
