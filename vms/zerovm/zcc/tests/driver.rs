//! `zcc` as a compiler is used: several files, assembly, objects, archives, dependencies; and the
//! programs that show it.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Session, compile, done, native, open_directory, zcc};

fn write(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, text).expect("it is written");
    path
}

#[test]
fn sources_of_both_kinds_objects_and_archives_are_linked() {
    let directory = open_directory();
    let place = directory.path();
    let main = "int from_assembly(int), from_archive(int), from_object(int);\n\
                int main(void) { return from_assembly(1) + from_archive(10) + from_object(100); }\n";
    let main = write(place, "main.c", main);
    let assembly = "\t.globl from_assembly\n\t.type from_assembly, @function\n\
                    from_assembly:\n\tleal 1(%rdi), %eax\n\tret\n";
    let assembly = write(place, "assembly.s", assembly);
    let archived = write(
        place,
        "archived.c",
        "int from_archive(int x) { return x + 1; }\n",
    );
    let object = write(
        place,
        "object.c",
        "int from_object(int x) { return x + N; }\n",
    );
    done(
        zcc()
            .args(["-O1", "-c"])
            .arg(archived)
            .arg("-o")
            .arg(place.join("archived.o")),
    );
    let archive = place.join("libarchived.a");
    done(
        Command::new("ar")
            .arg("rcs")
            .arg(archive)
            .arg(place.join("archived.o")),
    );
    done(zcc().args(["-DN=1", "-c", "object.c"]).current_dir(place));
    assert!(
        object.with_extension("o").exists(),
        "named after its source"
    );
    let words = [&main, &assembly, &place.join("object.o")].map(|path| path.as_os_str().to_owned());
    let nexe = place.join("linked.nexe");
    let library = [
        "-L".into(),
        place.as_os_str().to_owned(),
        "-larchived".into(),
        "-lm".into(),
    ];
    compile(words.into_iter().chain(library), &nexe);
    assert_eq!(Session::of(&nexe).ended().code, 114);
}

#[test]
fn assembly_that_was_laid_out_is_taken_again() {
    let directory = open_directory();
    let place = directory.path();
    let source = write(
        place,
        "twice.c",
        "int main(int c, char **v) { return v[0][0] + c * 5; }\n",
    );
    let laid_out = place.join("twice.s");
    done(
        zcc()
            .args(["-O2", "-S"])
            .arg(&source)
            .arg("-o")
            .arg(&laid_out),
    );
    let text = fs::read_to_string(&laid_out).expect("assembly");
    assert!(
        text.starts_with("# zcc: laid out for the dialect nacl\n"),
        "{text}"
    );
    let nexe = place.join("twice.nexe");
    compile([&laid_out], &nexe);
    assert_eq!(Session::of(&nexe).ended().code, 5);
    let said = support::complaint(zcc().args(["--dialect", "fast", "-c"]).arg(&laid_out));
    assert!(said.contains("made for the dialect nacl"), "{said}");
}

#[test]
fn dependencies_and_the_preprocessor_are_gccs() {
    let directory = open_directory();
    let place = directory.path();
    write(place, "own.h", "#define WORD sandboxed\n");
    write(
        place,
        "main.c",
        "#include \"own.h\"\n#include <stdio.h>\nint WORD;\n",
    );
    done(zcc().args(["-c", "-MMD", "main.c"]).current_dir(place));
    let rules = fs::read_to_string(place.join("main.d")).expect("the rules");
    assert_eq!(rules.trim(), "main.o: main.c own.h");
    let output = done(zcc().args(["-E", "main.c"]).current_dir(place)).stdout;
    let text = String::from_utf8_lossy(&output);
    assert!(
        text.contains("int sandboxed;") && !text.contains("/usr/include/"),
        "{text}"
    );
    let output = done(zcc().args(["-v", "-c", "main.c"]).current_dir(place)).stderr;
    let said = String::from_utf8_lossy(&output);
    assert!(said.contains("-mx32") && said.contains("\"as\""), "{said}");
}

fn demo(name: &str) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let directory = open_directory();
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("demos")
        .join(name);
    let nexe = directory.path().join("demo.nexe");
    compile(["-O2".as_ref(), source.as_os_str()], &nexe);
    (directory, source, nexe)
}

#[test]
fn hello_greets_on_both_streams() {
    let (_directory, _, nexe) = demo("hello.c");
    let report = Session::of(&nexe).run();
    assert_eq!(report.ended.text(), "hello from an untrusted program\n");
    assert_eq!(report.errors, "and the same on the other stream\n");
}

#[test]
fn copy_and_sort_do_what_their_names_say() {
    let lines: Vec<String> = (0..5000_u32)
        .map(|each| format!("{:08x} line {each}\n", each.wrapping_mul(2_654_435_761)))
        .collect();
    let text = lines.concat();
    let (_directory, _, copy) = demo("copy.c");
    assert_eq!(Session::of(&copy).input(&text).ended().text(), text);
    let (_directory, _, sort) = demo("sort.c");
    let mut sorted = lines.clone();
    sorted.sort();
    assert_eq!(
        Session::of(&sort).input(&text).ended().text(),
        sorted.concat()
    );
}

#[test]
fn pack_packs_and_unpacks() {
    let (_directory, _, nexe) = demo("pack.c");
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/zcc.md");
    let mut text = fs::read(manual).expect("the manual");
    text.extend(text.clone());
    text.extend((0..50_000_u32).map(|each| (each.wrapping_mul(2_654_435_761) >> 20) as u8));
    let packed = Session::of(&nexe).input(&text).ended().output;
    assert!(
        packed.len() < text.len() - 8000,
        "{} of {}",
        packed.len(),
        text.len()
    );
    let unpacked = Session::of(&nexe)
        .arguments(&["-d"])
        .input(&packed)
        .ended()
        .output;
    assert!(unpacked == text, "what was packed comes back");
    let damaged = Session::of(&nexe)
        .arguments(&["-d"])
        .input(&packed[..packed.len() / 2])
        .run();
    assert_eq!(
        (damaged.ended.code, &*damaged.errors),
        (1, "pack: the input is damaged\n")
    );
}

#[test]
fn pi_prints_as_many_digits_as_it_is_told() {
    let (directory, source, nexe) = demo("pi.c");
    let ended = Session::of(&nexe).arguments(&["300"]).ended();
    assert!(
        ended
            .text()
            .starts_with("3.14159265358979323846264338327950288"),
        "{}",
        ended.text()
    );
    let words = ["-O2".as_ref(), source.as_os_str()];
    assert_eq!(ended, native(words, directory.path(), &["300"]));
}
