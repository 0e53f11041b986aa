//! Programs compiled with zcc do what they do when gcc compiles them for this machine.

mod support;

use support::{DIALECTS, Session, compile_in, native, open_directory, source};

/// Compares a program of the tests at each level of optimization, in both dialects.
fn same_as_native(name: &str, levels: &[&str]) {
    let directory = open_directory();
    let source = source(name);
    let expected = native([source.as_os_str()], directory.path(), &[]);
    let both = DIALECTS
        .iter()
        .flat_map(|dialect| levels.iter().map(move |level| (*dialect, level)));
    for (dialect, level) in both {
        let nexe = directory.path().join("guest.nexe");
        compile_in(dialect, [level.as_ref(), source.as_os_str()], &nexe);
        let ended = Session::of(&nexe).ended();
        assert_eq!(
            ended.text(),
            String::from_utf8_lossy(&expected.output),
            "{name} {dialect} {level}"
        );
        assert_eq!(ended.code, expected.code, "{name} {dialect} {level}");
    }
}

#[test]
fn the_language_at_every_level() {
    same_as_native("language.c", &["-O0", "-O1", "-O2", "-O3", "-Os", "-g"]);
}

#[test]
fn numbers_texts_and_mathematics() {
    same_as_native("numbers.c", &["-O2"]);
}

#[test]
fn error_function_and_gamma() {
    same_as_native("gamma.c", &["-O2"]);
}

#[test]
fn wide_characters() {
    same_as_native("wide.c", &["-O2"]);
}

/// What small programs use of the library: words, records, dates, numbers that are read.
#[test]
fn ordinary_programs() {
    same_as_native("ordinary.c", &["-O0", "-O2"]);
}

/// The kernels of the benchmark, with little work.
#[test]
fn kernels() {
    let directory = open_directory();
    let kernels = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels");
    let rounds = [
        ("interpreter", 1000),
        ("mixed", 100),
        ("nbody", 1000),
        ("pointers", 1000),
    ];
    for entry in std::fs::read_dir(kernels).expect("the kernels") {
        let source = entry.expect("an entry").path();
        let name = source
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let few = rounds
            .iter()
            .find(|(kernel, _)| *kernel == name)
            .map_or(2, |(_, few)| *few);
        let few = if matches!(&*name, "recursion" | "treap") {
            20
        } else {
            few
        };
        let words = [
            format!("-DROUNDS={few}"),
            "-O2".into(),
            source.display().to_string(),
        ];
        let expected = native(&words, directory.path(), &[]);
        let nexe = directory.path().join("kernel.nexe");
        for dialect in DIALECTS {
            compile_in(dialect, &words, &nexe);
            assert_eq!(Session::of(&nexe).ended(), expected, "{name} {dialect}");
        }
    }
}
