//! C and C++ programs compiled with nothing but the header and what pkg-config says.

use cosmos_tests::{DAEMONS, Prefix, World, in_world_for, run};

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(120);
const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// A file worth compressing.
fn input(world: &World) -> PathBuf {
    let path = world.directory().join("input");
    let bytes: Vec<u8> = (0..300_000u32)
        .map(|index| (index / 7 % 251) as u8)
        .collect();
    std::fs::write(&path, bytes).expect("a file");
    path
}

#[test]
fn a_c_program_compresses_a_file_and_reads_it_back() {
    in_world_for(PATIENCE, |world| {
        let prefix = Prefix::installed(world);
        let program = world.directory().join("compress");
        prefix.compile(
            "gcc",
            "compress.c",
            &["-std=c99", "-Wall", "-Wextra", "-Werror"],
            &program,
        );
        let mut command = Command::new(&program);
        command.arg(input(world));
        let ran = run(prefix.environment(&mut command), Duration::from_secs(30));
        assert!(ran.succeeded().contains("300000 bytes"), "{ran:?}");
        assert!(ran.stdout.contains("the same again"), "{ran:?}");
    });
}

#[test]
fn a_c_program_gives_its_functions_to_libraries_elsewhere() {
    in_world_for(PATIENCE, |world| {
        let prefix = Prefix::installed(world);
        let program = world.directory().join("sort");
        prefix.compile(
            "gcc",
            "sort.c",
            &["-std=c99", "-Wall", "-Wextra", "-Werror"],
            &program,
        );
        let mut command = Command::new(&program);
        let ran = run(prefix.environment(&mut command), Duration::from_secs(60));
        let expected = "sorted 500 by many calls back\nsorted 20 by sorting\nbounded: said so\n\
                        row: one=1 none=NULL\nrow: one=2 none=two\n\
                        sqlite says: near \"from\": syntax error\n2 rows\n";
        assert_eq!(ran.succeeded(), expected, "{ran:?}");
    });
}

#[test]
fn a_static_c_program_does_too() {
    in_world_for(PATIENCE, |world| {
        let prefix = Prefix::installed(world);
        let program = world.directory().join("compress");
        let archive = prefix.file("lib/libcosmos.a");
        let flags = prefix.pkg_config(&["--cflags", "libcosmos"]);
        let libraries = prefix.pkg_config(&["--libs", "--static", "libcosmos"]);
        // The archive in place of -lcosmos, the rest of what pkg-config says as it is.
        let libraries = libraries.replace("-lcosmos", archive.to_str().expect("UTF-8"));
        let all: Vec<&str> = flags
            .split_whitespace()
            .chain(libraries.split_whitespace())
            .collect();
        cosmos_tests::c::compile("gcc", &all, "compress.c", &program);
        let needed = run(
            Command::new("readelf").arg("-d").arg(&program),
            Duration::from_secs(20),
        );
        assert!(!needed.succeeded().contains("libcosmos"), "{needed:?}");
        let mut command = Command::new(&program);
        command.arg(input(world));
        let ran = run(prefix.environment(&mut command), Duration::from_secs(30));
        assert!(ran.succeeded().contains("the same again"), "{ran:?}");
    });
}

/// With no shared library at all, as for an image that holds one program. glibc's linker warns of what it would
/// load at run time.
#[test]
fn a_wholly_static_c_program_does_too() {
    in_world_for(PATIENCE, |world| {
        let prefix = Prefix::installed(world);
        let program = world.directory().join("compress");
        let flags = prefix.pkg_config(&["--cflags", "--libs", "--static", "libcosmos"]);
        let all: Vec<&str> = ["-static"]
            .into_iter()
            .chain(flags.split_whitespace())
            .collect();
        cosmos_tests::c::compile("gcc", &all, "compress.c", &program);
        let needed = run(
            Command::new("readelf").arg("-d").arg(&program),
            Duration::from_secs(20),
        );
        assert!(!needed.succeeded().contains("NEEDED"), "{needed:?}");
        let mut command = Command::new(&program);
        command.arg(input(world));
        let ran = run(prefix.environment(&mut command), Duration::from_secs(30));
        assert!(ran.succeeded().contains("the same again"), "{ran:?}");
    });
}

/// Handles, a callback for rows, retained bindings, texts and blobs that belong to a statement.
#[test]
fn a_session_with_sqlite_prints_what_it_prints_when_linked() {
    in_world_for(PATIENCE, |world| {
        let prefix = Prefix::installed(world);
        let linked = world.directory().join("linked");
        let flags = ["-std=c99", "-Wall", "-Wextra", "-Werror"];
        let direct: Vec<&str> = flags.into_iter().chain(["-DDIRECT", "-lsqlite3"]).collect();
        cosmos_tests::c::compile("gcc", &direct, "sqlite_session.c", &linked);
        let remote = world.directory().join("remote");
        prefix.compile("gcc", "sqlite_session.c", &flags, &remote);
        for database in [":memory:", "planets"] {
            let session = |program: &PathBuf| {
                let file = world.directory().join(database);
                let _ = std::fs::remove_file(&file);
                let mut command = Command::new(program);
                command.current_dir(world.directory()).arg(match database {
                    ":memory:" => PathBuf::from(database),
                    _ => file,
                });
                let ran = run(prefix.environment(&mut command), Duration::from_secs(30));
                ran.succeeded().to_owned()
            };
            let expected = session(&linked);
            assert!(expected.contains("Venus: ff 00 fe 00 fd 00"), "{expected}");
            assert_eq!(session(&remote), expected);
        }
    });
}

#[test]
fn a_cpp_program_includes_the_header() {
    in_world_for(PATIENCE, |world| {
        let prefix = Prefix::installed(world);
        let program = world.directory().join("include");
        prefix.compile("g++", "include.cpp", &STRICT, &program);
        let ran = run(
            prefix.environment(&mut Command::new(&program)),
            Duration::from_secs(30),
        );
        assert_eq!(ran.succeeded(), "1\n");
    });
}

#[test]
fn the_header_is_strict_c_and_cpp() {
    in_world_for(PATIENCE, |world| {
        let prefix = Prefix::installed(world);
        let flags = prefix.pkg_config(&["--cflags", "libcosmos"]);
        let modes = [
            ("gcc", "-std=c89", "c"),
            ("gcc", "-std=c99", "c"),
            ("gcc", "-std=c11", "c"),
            ("gcc", "-std=c17", "c"),
            ("gcc", "-std=c2x", "c"),
            ("g++", "-std=c++11", "c++"),
            ("g++", "-std=c++20", "c++"),
        ];
        let header = prefix.file("include/cosmos_vm.h");
        for (compiler, standard, language) in modes {
            let mut command = Command::new(compiler);
            command
                .args(["-fsyntax-only", standard, "-x", language])
                .args(STRICT)
                .args(flags.split_whitespace())
                .arg(&header);
            run(&mut command, Duration::from_secs(30)).succeeded();
        }
        assert_leaves_no_annotation_macro(&prefix);
    });
}

/// `__in`, `__out` and `__fd` collide with libstdc++ and glibc when they stay defined.
fn assert_leaves_no_annotation_macro(prefix: &Prefix) {
    let flags = prefix.pkg_config(&["--cflags", "libcosmos"]);
    let header = prefix.file("include/cosmos_vm.h");
    let mut command = Command::new("gcc");
    command
        .args(["-dM", "-E", "-x", "c"])
        .args(flags.split_whitespace())
        .arg(&header);
    let ran = run(&mut command, Duration::from_secs(20));
    for name in [
        "__in",
        "__out",
        "__inout",
        "__fd",
        "__handle",
        "__sized_by",
        "__owned",
    ] {
        let defined = ran.succeeded().lines().any(|line| {
            line.strip_prefix("#define ")
                .is_some_and(|rest| rest.split([' ', '(']).next() == Some(name))
        });
        assert!(!defined, "{name} stays defined");
    }
}

#[test]
fn the_shared_library_has_its_name_and_exports_its_functions_only() {
    in_world_for(PATIENCE, |world| {
        let prefix = Prefix::installed(world);
        let library = prefix.file("lib/libcosmos.so.0");
        let dynamic = run(
            Command::new("readelf").arg("-dW").arg(&library),
            Duration::from_secs(20),
        );
        assert!(
            dynamic.succeeded().contains("soname: [libcosmos.so.0]"),
            "{}",
            dynamic.stdout
        );
        let link = std::fs::read_link(prefix.file("lib/libcosmos.so")).expect("a link");
        assert!(
            link.to_string_lossy().starts_with("libcosmos.so."),
            "{link:?}"
        );
        let symbols = run(
            Command::new("nm")
                .args(["-D", "--defined-only"])
                .arg(&library),
            Duration::from_secs(20),
        );
        let names: Vec<&str> = symbols
            .succeeded()
            .lines()
            .filter_map(|line| line.split_whitespace().nth(2))
            .collect();
        for name in [
            "cosmos_dlopen",
            "cosmos_dlsym",
            "cosmos_dlclose",
            "cosmos_dlerror",
            "cosmos_dlfunc",
            "cosmos_vm_open",
            "cosmos_vm_close",
            "cosmos_rp_call",
        ] {
            assert!(names.contains(&name), "{name} is missing of {names:?}");
        }
        let strange: Vec<_> = names
            .iter()
            .filter(|name| !name.starts_with("cosmos_"))
            .collect();
        assert!(strange.is_empty(), "{strange:?}");
    });
}

/// A plugin that was linked with the library is unloaded with it, as far as its program knows.
#[test]
fn a_program_may_unload_the_shared_library() {
    in_world_for(PATIENCE, |world| {
        let prefix = Prefix::installed(world);
        let program = world.directory().join("unloaded");
        let flags = prefix.pkg_config(&["--cflags", "libcosmos"]);
        let flags = flags.split_whitespace();
        let strict = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pthread"];
        let all: Vec<&str> = strict.into_iter().chain(flags).chain(["-ldl"]).collect();
        cosmos_tests::c::compile("gcc", &all, "unloaded.c", &program);
        let mut command = Command::new(&program);
        let ran = run(prefix.environment(&mut command), Duration::from_secs(60));
        assert_eq!(ran.succeeded(), "used again\n", "{ran:?}");
    });
}

/// Some programs close their streams and write there all the same.
#[test]
fn a_program_without_standard_streams_does_not_write_into_connections() {
    in_world_for(PATIENCE, |world| {
        let prefix = Prefix::installed(world);
        let program = world.directory().join("streamless");
        let flags = prefix.pkg_config(&["--cflags", "--libs", "libcosmos"]);
        let strict = ["-std=c99", "-Wall", "-Wextra", "-Werror"];
        let all: Vec<&str> = strict.into_iter().chain(flags.split_whitespace()).collect();
        cosmos_tests::c::compile("gcc", &all, "streamless.c", &program);
        let mut command = Command::new(&program);
        let ran = run(prefix.environment(&mut command), Duration::from_secs(60));
        assert_eq!(ran.succeeded(), "calls\n", "{ran:?}");
    });
}

#[test]
fn the_installed_command_calls() {
    in_world_for(PATIENCE, |world| {
        let prefix = Prefix::installed(world);
        let mut command = Command::new(prefix.file("bin/cosmos"));
        command.args(["call", "libm.so.6", "double cos(double x)", "0"]);
        let ran = run(prefix.environment(&mut command), Duration::from_secs(30));
        assert_eq!(ran.succeeded(), "1\n");
        for daemon in DAEMONS {
            prefix.file(&format!("libexec/cosmos/{daemon}"));
        }
    });
}
