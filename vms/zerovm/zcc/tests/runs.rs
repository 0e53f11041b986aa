//! Programs compiled with zcc do what they do when gcc compiles them for this machine.

mod support;

use support::{Session, compile, native, open_directory, source};

/// Compares a program of the tests at each level of optimization.
fn same_as_native(name: &str, levels: &[&str]) {
    let directory = open_directory();
    let source = source(name);
    let expected = native([source.as_os_str()], directory.path(), &[]);
    for level in levels {
        let nexe = directory.path().join("guest.nexe");
        compile([level.as_ref(), source.as_os_str()], &nexe);
        let ended = Session::of(&nexe).ended();
        assert_eq!(
            ended.text(),
            String::from_utf8_lossy(&expected.output),
            "{name} {level}"
        );
        assert_eq!(ended.code, expected.code, "{name} {level}");
    }
}

#[test]
fn the_language_at_every_level() {
    same_as_native("language.c", &["-O0", "-O1", "-O2", "-O3", "-Os", "-g"]);
}
