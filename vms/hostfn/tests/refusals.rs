//! What hostfn does not open and does not call, and what it says then.

mod common;

use common::{World, harness, located};
use cosmos_rpc::{Fault, FaultCode};
use std::io::Write;
use std::path::Path;

fn open(path: &Path) -> Fault {
    harness::open(&mut World::new().client, path).unwrap_err()
}

fn file(contents: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(contents).unwrap();
    file
}

#[test]
fn a_missing_library() {
    let fault = open(Path::new("/no/such/libnothing.so"));
    assert_eq!(fault.code, FaultCode::NoSuchTarget);
    assert!(fault.message.contains("/no/such/libnothing.so"), "{fault}");
}

#[test]
fn not_an_elf_file() {
    let text = file(b"just text");
    let fault = open(text.path());
    assert_eq!(fault.code, FaultCode::NotLoadable);
    assert!(fault.message.ends_with("is no ELF file"), "{fault}");
    let script = file(b"/* GNU ld script\n*/\nGROUP ( /lib/libm.so.6 )");
    assert!(open(script.path()).message.contains("linker script"));
    assert!(open(Path::new("/tmp")).message.ends_with("is not a file"));
    assert_eq!(open(file(b"").path()).code, FaultCode::NotLoadable);
}

#[test]
fn another_machine() {
    let mut bytes = std::fs::read(located("libz.so.1")).unwrap();
    // e_machine, at offset 18: AArch64.
    bytes[18] = 183;
    let foreign = file(&bytes);
    let fault = open(foreign.path());
    assert_eq!(fault.code, FaultCode::WrongArchitecture);
    assert!(
        fault.message.contains("Aarch64") && fault.message.contains("X86_64"),
        "{fault}"
    );
}

#[test]
fn a_damaged_library() {
    let bytes = std::fs::read(located("libz.so.1")).unwrap();
    for length in [4, 20, 64, 1000] {
        let damaged = file(&bytes[..length]);
        assert_eq!(
            open(damaged.path()).code,
            FaultCode::NotLoadable,
            "{length}"
        );
    }
}

#[test]
fn near_names_are_offered() {
    let mut world = World::new();
    let fault = world.refused("libz.so.1", "int crc23(int);");
    assert_eq!(fault.code, FaultCode::NoSuchSymbol);
    assert!(
        fault.message.contains("'crc23'") && fault.message.contains("'crc32'"),
        "{fault}"
    );
    let fault = world.refused("libcrypto.so.3", "int evp_digest(int);");
    assert!(
        fault.message.contains("did you mean 'EVP_Digest'"),
        "{fault}"
    );
    let fault = world.refused("libm.so.6", "double coss(double);");
    assert!(
        fault.message.contains("did you mean 'cos'"),
        "chosen at load time, still a name: {fault}"
    );
    let fault = world.refused("libz.so.1", "int nothing_that_is_anywhere_near(int);");
    assert!(!fault.message.contains("did you mean"), "{fault}");
}

#[test]
fn data_is_not_called() {
    let mut world = World::new();
    for name in ["stdout", "environ", "_IO_2_1_stdin_"] {
        let fault = world.refused("libc.so.6", &format!("int {name}(int);"));
        assert_eq!(fault.code, FaultCode::NoSuchSymbol);
        assert!(fault.message.contains("is data, not a function"), "{fault}");
    }
}

#[test]
fn a_deallocator_that_is_not_there() {
    let mut world = World::new();
    let fault = world.refused("libc.so.6", "char *__owned(freee) strdup(const char *s);");
    assert_eq!(fault.code, FaultCode::NoSuchSymbol);
    assert!(fault.message.contains("deallocator 'freee'"), "{fault}");
    assert!(fault.message.contains("'free'"), "{fault}");
}

#[test]
fn a_prototype_that_cannot_be() {
    let mut world = World::new();
    for prototype in [
        "double cos(double",
        "char *strdup(char *s);",
        "",
        "double cos;",
    ] {
        let fault = world.refused("libc.so.6", prototype);
        assert_eq!(fault.code, FaultCode::BadPrototype, "{prototype}");
    }
}

/// What stands in place of `...` has types only in a prototype that has it written out.
#[test]
fn arguments_that_are_left_open() {
    let mut world = World::new();
    for prototype in [
        "int printf(const char *format, ...) __printf(1, 2);",
        "int execl(const char *path, const char *arg, ...) __sentinel;",
    ] {
        let fault = world.refused("libc.so.6", prototype);
        assert_eq!(fault.code, FaultCode::BadPrototype, "{prototype}");
        assert!(fault.message.contains("__variadic(n)"), "{fault}");
    }
}

#[test]
fn a_union_by_value() {
    let mut world = World::new();
    let fault = world.refused(
        "libc.so.6",
        "union value { int number; long double real; }; int abs(union value x);",
    );
    assert_eq!(fault.code, FaultCode::BadPrototype);
    assert!(fault.message.contains("union"), "{fault}");
}
