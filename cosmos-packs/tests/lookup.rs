//! Prototypes by name: which pack is asked, and what is said where none has the name.

use cosmos_packs::{Origin, PackError, Packs};
use std::path::Path;

#[test]
fn a_function_is_found_by_the_name_of_its_library() {
    let packs = Packs::default();
    for library in ["libz.so.1", "/usr/lib/libz.so.1.2.13", "./libz.so.1"] {
        let entry = packs.entry(library, "crc32").unwrap();
        assert_eq!(
            entry.prototype,
            "unsigned long crc32(unsigned long crc, const unsigned char *__in __sized_by(len) buf, \
             unsigned int len)"
        );
        assert_eq!(callframe::parse(&entry.prototype).unwrap(), entry.frame);
    }
    assert!(packs.of("libnothing.so.1").unwrap().is_empty());
    assert!(packs.of("").unwrap().is_empty());
    assert_eq!(packs.of("libz.so.1").unwrap()[0].headers(), ["<zlib.h>"]);
}

#[test]
fn entries_of_directories_come_before_those_of_the_product() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (directory.path().join("one"), directory.path().join("two"));
    write(
        &one,
        "libz.so.1",
        "struct pair { int a; int b; };\nint crc32(struct pair p); int own(void);",
    );
    write(&two, "libz.so.1", "int crc32(void); int other(void);");
    write(&two, "libmine.so.2", "int mine(int n);");
    let packs = Packs::with_directories([one.clone(), two, directory.path().join("missing")]);

    let entry = packs.entry("libz.so.1", "crc32").unwrap();
    assert_eq!(
        entry.prototype,
        "struct pair { int a; int b; }; int crc32(struct pair p)"
    );
    assert!(packs.entry("libz.so.1", "other").is_ok());
    assert!(packs.entry("libz.so.1", "adler32").is_ok());
    assert!(packs.entry("/opt/libmine.so.2.0", "mine").is_ok());
    let all = packs.of("libz.so.1").unwrap();
    assert_eq!(all.len(), 3);
    assert_eq!(*all[0].origin(), Origin::File(one.join("libz.so.1.protos")));
    assert_eq!(*all[2].origin(), Origin::BuiltIn);
    assert!(packs.sonames().contains(&"libmine.so.2".to_owned()));
    assert!(packs.sonames().contains(&"libc.so.6".to_owned()));
}

#[test]
fn a_link_leads_to_the_name_of_its_library() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("libz.so.1.2.13");
    std::fs::write(&file, "").unwrap();
    let link = directory.path().join("compression.so");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let found = Packs::default().entry(link.to_str().unwrap(), "crc32");
    assert!(found.is_ok(), "{found:?}");
}

#[test]
fn what_has_no_prototype_says_why() {
    let directory = tempfile::tempdir().unwrap();
    write(
        directory.path(),
        "libmine.so.2",
        "int fine(void);\nint wrong(char *text);\nint broken(",
    );
    let packs = Packs::with_directories([directory.path().to_owned()]);
    let refused = |library: &str, name: &str| {
        let error = packs.entry(library, name).unwrap_err();
        let rendered = error.rendered();
        let place = format!("{}", directory.path().display());
        (error, rendered.replace(&place, "DIRECTORY"))
    };
    let mut all = String::new();
    for (library, name) in [
        ("libz.so.1", "crc23"),
        ("libmine.so.2", "something_else"),
        ("libother.so", "main"),
        ("libmine.so.2", "wrong"),
        ("libmine.so.2", "broken"),
    ] {
        let (error, rendered) = refused(library, name);
        let number = error.prototype_error().unwrap().code();
        all += &format!("{library} {name}: {number}\n{rendered}\n");
    }
    insta::assert_snapshot!(all);
}

#[test]
fn what_cannot_be_read_is_told_and_never_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let pack = directory.path().join("libz.so.1.protos");
    let packs = Packs::with_directories([directory.path().to_owned()]);
    let fails = || {
        let error = packs.entry("libz.so.1", "crc32").unwrap_err();
        assert!(matches!(error, PackError::Unreadable { .. }), "{error:?}");
        assert!(error.to_string().contains("libz.so.1.protos"), "{error}");
    };
    std::fs::create_dir(&pack).unwrap();
    fails();
    std::fs::remove_dir(&pack).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(&pack).status();
    if fifo.is_ok_and(|status| status.success()) {
        fails();
        std::fs::remove_file(&pack).unwrap();
    }
    std::fs::write(&pack, b"int f(void); /* \xff */").unwrap();
    fails();
    std::fs::write(&pack, vec![b' '; (4 << 20) + 1]).unwrap();
    fails();
}

fn write(directory: &Path, soname: &str, text: &str) {
    std::fs::create_dir_all(directory).unwrap();
    std::fs::write(directory.join(format!("{soname}.protos")), text).unwrap();
}
