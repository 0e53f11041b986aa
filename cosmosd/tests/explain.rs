//! What `which --explain` and a refused open say, for real and crafted targets.

use cosmos_rpc::message::coordinator::TargetName;
use cosmosd::{
    matching::{self, Host, Use},
    profile::Profile,
    requirements::{Format, IsaLevel, Requirements},
    search::{self, Directories},
};
use proptest::prelude::*;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

/// A kind for x86-64 whatever this machine is, whose executable is there.
const HOSTFN: &str = r#"
    kind = "hostfn"
    executable = "/bin/sh"
    runs = "C libraries of this machine"
    formats = ["shared object"]
    class = "64"
    machine = "x86_64"
    data_model = "LP64"
    os_abi = ["sysv", "gnu"]
"#;

fn profiles() -> Vec<Profile> {
    let mut profile = Profile::parse(Path::new("hostfn.toml"), HOSTFN, Path::new("/")).unwrap();
    profile.isa_level = IsaLevel::V2;
    vec![profile]
}

fn host() -> Host {
    Host {
        libc_versions: vec!["GLIBC_2.2.5".to_owned(), "GLIBC_2.34".to_owned()],
    }
}

/// All that is said of a target, with the temporary directory replaced.
fn explain(directory: &Path, name: &str) -> String {
    let target = TargetName {
        name: name.to_owned(),
        directory: directory.to_str().unwrap().to_owned(),
    };
    let none = Directories::new(&[], &directory.join("no ld.so.conf"), []);
    let said = search::candidates(&target, &none)
        .and_then(|paths| Ok(Requirements::read(&paths[0])?))
        .map(|requirements| explain_read(&requirements))
        .unwrap_or_else(|fault| format!("{:?} {:?}: {fault}", fault.blame, fault.code));
    said.replace(directory.to_str().unwrap(), "[DIR]")
}

fn explain_read(requirements: &Requirements) -> String {
    let profiles = profiles();
    let weighed = matching::weigh(requirements, &profiles, &host(), Use::Open);
    let mut lines: Vec<String> = requirements
        .rows()
        .into_iter()
        .map(|(property, value)| format!("{property} = {value}"))
        .collect();
    for candidate in &weighed {
        let candidate = candidate.candidate();
        lines.push(format!("{}: {:?}", candidate.kind, candidate.refused));
    }
    lines.push(match matching::choose(requirements, &weighed) {
        Ok(profile) => format!("-> {}", profile.kind),
        Err(fault) => format!("-> {:?} {:?}: {fault}", fault.blame, fault.code),
    });
    lines.join("\n")
}

/// A 64-bit little-endian ELF header of a shared object without segments.
fn elf64(machine: u16, os_abi: u8) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.push(os_abi);
    bytes.resize(16, 0);
    bytes.extend(3u16.to_le_bytes());
    bytes.extend(machine.to_le_bytes());
    bytes.extend(1u32.to_le_bytes());
    bytes.resize(52, 0);
    bytes.extend(64u16.to_le_bytes());
    bytes.extend(56u16.to_le_bytes());
    bytes.resize(64, 0);
    bytes
}

/// The same in 32 bits.
fn elf32(machine: u16) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x01\x01\x01".to_vec();
    bytes.resize(16, 0);
    bytes.extend(3u16.to_le_bytes());
    bytes.extend(machine.to_le_bytes());
    bytes.extend(1u32.to_le_bytes());
    bytes.resize(40, 0);
    bytes.extend(52u16.to_le_bytes());
    bytes.extend(32u16.to_le_bytes());
    bytes.resize(52, 0);
    bytes
}

/// A shared object that needs x86-64-v4, by its GNU property note.
fn elf_of_v4() -> Vec<u8> {
    let mut bytes = elf64(62, 0);
    bytes[32] = 64; // e_phoff
    bytes[56] = 1; // e_phnum
    let mut segment = Vec::new();
    segment.extend(4u32.to_le_bytes()); // PT_NOTE
    segment.extend(4u32.to_le_bytes());
    for word in [120u64, 0, 0, 32, 32, 8] {
        segment.extend(word.to_le_bytes());
    }
    bytes.extend(segment);
    for word in [4u32, 16, 5] {
        bytes.extend(word.to_le_bytes()); // name size, size, NT_GNU_PROPERTY_TYPE_0
    }
    bytes.extend(b"GNU\0");
    for word in [0xc000_8002u32, 4, 0xf, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes
}

const LINKER_SCRIPT: &str = "/* GNU ld script\n   Use the shared library */\n\
    OUTPUT_FORMAT(elf64-x86-64)\n\
    GROUP ( /lib/x86_64-linux-gnu/libc.so.6 /usr/lib/libc_nonshared.a )\n";

#[test]
fn every_kind_of_file_is_explained() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let write = |name: &str, bytes: &[u8]| fs::write(at(name), bytes).unwrap();
    fs::create_dir(at("directory")).unwrap();
    write("empty", b"");
    write("text", b"Dear diary,\n");
    write("script", b"#!/usr/bin/env  python3 -u\nprint()\n");
    write("hostile-script", b"#!/bin/\x1b[2J\xff x\n");
    write("libc.so", LINKER_SCRIPT.as_bytes());
    write("libm.a", b"!<arch>\nmore");
    write("picture", b"\x89PNG\r\n\x1a\n0000");
    write("truncated-header", &elf64(62, 0)[..40]);
    let mut cut = elf_of_v4();
    cut.truncate(100);
    write("truncated-segments", &cut);
    write("i386.so", &elf32(3));
    write("x32.so", &elf32(62));
    write("aarch64.so", &elf64(183, 0));
    write("freebsd.so", &elf64(62, 9));
    write("riscv-big.so", &{
        let mut bytes = elf64(0, 0);
        bytes[5] = 2; // big-endian
        bytes[16..20].copy_from_slice(&[0, 3, 0, 243]);
        bytes
    });
    write("program.nexe", &elf64(62, 123));
    write("v4.so", &elf_of_v4());
    write("plain.so", &elf64(62, 0));
    write("object.o", &{
        let mut bytes = elf64(62, 0);
        bytes[16] = 1;
        bytes
    });
    std::os::unix::fs::symlink("nowhere", at("dangling")).unwrap();
    let fifo = nix::unistd::mkfifo(&at("fifo"), nix::sys::stat::Mode::S_IRWXU);
    fifo.unwrap();
    let names = [
        "./no-such",
        "./tetx",
        "./directory",
        "./empty",
        "./text",
        "./script",
        "./hostile-script",
        "./libc.so",
        "./libm.a",
        "./picture",
        "./truncated-header",
        "./truncated-segments",
        "./i386.so",
        "./x32.so",
        "./aarch64.so",
        "./freebsd.so",
        "./riscv-big.so",
        "./program.nexe",
        "./v4.so",
        "./plain.so",
        "./object.o",
        "./dangling",
        "./fifo",
        "/dev/null",
        "",
        "./a\0b",
        "libnosuch.so.7",
    ];
    let said: Vec<String> = names
        .iter()
        .map(|name| format!("=== {name:?}\n{}", explain(directory.path(), name)))
        .collect();
    insta::assert_snapshot!(said.join("\n\n"));
}

#[test]
fn a_relative_path_needs_a_directory() {
    let target = TargetName {
        name: "./x".to_owned(),
        directory: String::new(),
    };
    let directories = Directories::new(&[], Path::new("/nonexistent"), []);
    let fault = search::candidates(&target, &directories).unwrap_err();
    insta::assert_snapshot!(fault, @"the relative path ./x came without a working directory");
}

#[test]
fn a_file_of_somebody_else_is_denied() {
    if nix::unistd::geteuid().is_root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    fs::write(&file, "x").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    assert!(explain(directory.path(), "./secret").contains("permission denied"));
}

/// A library that the tests can rely on, with its own view of this machine.
fn libz() -> Option<PathBuf> {
    let target = TargetName {
        name: "libz.so.1".to_owned(),
        directory: String::new(),
    };
    search::candidates(&target, &Directories::of_this_machine(&[]))
        .ok()
        .map(|mut all| all.remove(0))
}

#[test]
fn a_real_library_is_read_in_full() {
    let Some(path) = libz() else { return };
    let requirements = Requirements::read(&path).unwrap();
    let Format::Elf(elf) = &requirements.format else {
        panic!("{requirements:?}")
    };
    assert_eq!(elf.soname.as_deref(), Some("libz.so.1"));
    assert_eq!(elf.needed, ["libc.so.6"]);
    let (library, versions) = &elf.versions[0];
    assert_eq!(library, "libc.so.6");
    assert!(
        versions
            .iter()
            .any(|version| version.starts_with("GLIBC_2.")),
        "{versions:?}"
    );
    assert!(
        elf.defined_versions
            .iter()
            .any(|version| version.starts_with("ZLIB_1.2."))
    );
    assert!(!elf.is_debug_only);
}

/// Compiles a library; false where there is no compiler.
fn compile(source: &str, output: &Path, flags: &[&str]) -> bool {
    let file = output.with_extension("c");
    fs::write(&file, source).unwrap();
    Command::new("cc")
        .args(flags)
        .arg("-o")
        .args([output, &file])
        .status()
        .is_ok_and(|status| status.success())
}

#[test]
fn programs_and_libraries_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let main = "int main(void) { return 0; }";
    if !compile(main, &at("pie"), &["-pie", "-fPIE"]) {
        return;
    }
    assert!(compile(main, &at("fixed"), &["-no-pie"]));
    assert!(compile(
        "int f(void) { return 1; }",
        &at("f.so"),
        &["-shared", "-fPIC"]
    ));
    let describe = |name: &str| Requirements::read(&at(name)).unwrap().format.describe();
    assert_eq!(describe("pie"), "ELF program");
    assert_eq!(describe("fixed"), "ELF program");
    assert_eq!(describe("f.so"), "ELF shared object");
    // glibc's own library has an interpreter, for it can be run.
    let libc = TargetName {
        name: "libc.so.6".to_owned(),
        directory: String::new(),
    };
    if let Ok(paths) = search::candidates(&libc, &Directories::of_this_machine(&[])) {
        let libc = Requirements::read(&paths[0]).unwrap();
        assert_eq!(libc.format.describe(), "ELF shared object");
    }
}

#[test]
fn a_newer_c_library_is_asked_for_by_name() {
    let Some(path) = libz() else { return };
    let requirements = Requirements::read(&path).unwrap();
    let old = Host {
        libc_versions: vec!["GLIBC_2.0".to_owned()],
    };
    let profiles = profiles();
    let weighed = matching::weigh(&requirements, &profiles, &old, Use::Open);
    let refused: Vec<&str> = weighed[0]
        .refused
        .iter()
        .map(|refusal| refusal.rule)
        .collect();
    if profiles[0].machine == std::env::consts::ARCH {
        assert_eq!(refused, ["libc"]);
        assert!(
            weighed[0].refused[0].reason.contains("GLIBC_2."),
            "{:?}",
            weighed[0].refused
        );
    }
}

#[test]
fn bare_names_are_searched_and_near_ones_offered() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["libz.so.1", "libz.so.1.3", "libpng16.so.16", "libz.conf"] {
        fs::write(directory.path().join(name), "x").unwrap();
    }
    let configured = [directory.path().to_owned()];
    let directories = Directories::new(&configured, Path::new("/nonexistent"), []);
    let search = |name: &str| {
        let target = TargetName {
            name: name.to_owned(),
            directory: String::new(),
        };
        search::candidates(&target, &directories)
    };
    assert_eq!(
        search("libz.so.1").unwrap(),
        [directory.path().join("libz.so.1")]
    );
    let said: Vec<String> = [
        "z",
        "libz",
        "libz.so.2",
        "lipng16.so.16",
        "libnothing.so",
        "libz\x1b",
    ]
    .iter()
    .map(|name| search(name).unwrap_err().message)
    .collect();
    let said = said
        .join("\n")
        .replace(directory.path().to_str().unwrap(), "[DIR]");
    insta::assert_snapshot!(said);
}

fn read_bytes(bytes: &[u8]) -> Requirements {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("target");
    fs::write(&path, bytes).unwrap();
    let requirements = Requirements::read(&path).unwrap();
    // Whatever was read can be shown, on one line each.
    for (property, value) in requirements.rows() {
        assert!(
            !value.chars().any(char::is_control),
            "{property}: {value:?}"
        );
    }
    explain_read(&requirements);
    requirements
}

/// What real headers look like: the start of zlib, or a crafted file where there is none.
fn real_start() -> Vec<u8> {
    let mut bytes = libz()
        .and_then(|path| fs::read(path).ok())
        .unwrap_or_else(elf_of_v4);
    bytes.truncate(256 << 10);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        read_bytes(&bytes);
    }

    #[test]
    fn random_bytes_behind_an_elf_identity_never_panic(
        class in 0u8..4,
        data in 0u8..4,
        rest in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        read_bytes(&[&[0x7f, b'E', b'L', b'F', class, data, 1][..], &rest].concat());
    }

    #[test]
    fn mutated_headers_never_panic(
        changes in prop::collection::vec((0usize..64, any::<u8>()), 1..6),
        segments in prop::collection::vec((64usize..1024, any::<u8>()), 0..12),
    ) {
        let mut bytes = real_start();
        for (at, value) in changes.into_iter().chain(segments) {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        read_bytes(&bytes);
    }

    #[test]
    fn mutated_tables_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..2000),
        length in any::<prop::sample::Index>(),
    ) {
        let mut bytes = real_start();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(length.index(bytes.len() + 1));
        read_bytes(&bytes);
    }
}

#[test]
fn a_huge_sparse_file_costs_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("huge");
    fs::write(&path, elf_of_v4()).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(1 << 40).unwrap();
    // A segment of notes as large as the file.
    let mut header = elf_of_v4();
    header[96..104].copy_from_slice(&(1u64 << 39).to_le_bytes());
    std::os::unix::fs::FileExt::write_all_at(&file, &header, 0).unwrap();
    let requirements = Requirements::read(&path).unwrap();
    assert_eq!(
        requirements.format,
        Format::DamagedElf("its notes are cut off or malformed")
    );
}
