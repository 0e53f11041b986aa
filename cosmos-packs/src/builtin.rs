//! The packs that come with the product, in the directory `packs` beside this crate's manifest.
//!
//! They are compiled in: a pack and the parser that reads it are always of one release. Tests hold
//! every entry against the library's own header, by the C compiler, and resolve it in a real VM.

/// SONAME and text of each.
pub const PACKS: &[(&str, &str)] = &[
    ("libc.so.6", include_str!("../packs/libc.so.6.protos")),
    (
        "libcrypto.so.3",
        include_str!("../packs/libcrypto.so.3.protos"),
    ),
    ("libcurl.so.4", include_str!("../packs/libcurl.so.4.protos")),
    ("libm.so.6", include_str!("../packs/libm.so.6.protos")),
    (
        "libsqlite3.so.0",
        include_str!("../packs/libsqlite3.so.0.protos"),
    ),
    ("libz.so.1", include_str!("../packs/libz.so.1.protos")),
];
