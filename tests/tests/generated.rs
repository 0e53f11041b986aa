//! What `cosmos gen` makes: headers that compile without a warning as C and C++, and modules that
//! are called here.

use cosmos_packs::{Packs, builtin};
use cosmos_tests::{Prefix, World, in_world, in_world_for, repository, run};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

#[path = "../generated/libm.rs"]
mod libm;
#[path = "../generated/libsqlite3.rs"]
mod libsqlite3;
#[path = "../generated/libz.rs"]
mod libz;

const MODULES: &[(&str, &str)] = &[
    ("libm.so.6", "libm"),
    ("libsqlite3.so.0", "libsqlite3"),
    ("libz.so.1", "libz"),
];

/// The modules compiled into this test are those that are made now. Set COSMOS_UPDATE_GENERATED to
/// make them anew.
#[test]
fn the_modules_are_those_that_are_made() {
    for (soname, module) in MODULES {
        let packs = Packs::default().must_have(soname).expect(soname);
        let made = cosmos_gen::rust::module(soname, &packs);
        let path = repository().join(format!("tests/generated/{module}.rs"));
        if std::env::var_os("COSMOS_UPDATE_GENERATED").is_some() {
            std::fs::write(&path, &made).expect("the module");
        }
        let kept = std::fs::read_to_string(&path).expect("the module");
        assert!(
            kept == made,
            "{} is stale; run\n    COSMOS_UPDATE_GENERATED=1 cargo test -p cosmos-tests --test generated",
            path.display()
        );
    }
}

#[test]
fn a_rust_program_calls_the_methods_of_a_module() {
    in_world(|_| {
        let libm = libm::Libm::open().expect("libm");
        assert_eq!(libm.cos(0.0).expect("a call"), 1.0);
        let mut exponent: c_int = 0;
        // SAFETY: the pointer leads to an int.
        let half = unsafe { libm.frexp(8.0, &mut exponent) }.expect("a call");
        assert_eq!((half, exponent), (0.5, 4));

        let libz = libz::Libz::open().expect("zlib");
        let (text, mut small, mut back) = ([7_u8; 1000], [0_u8; 200], [0_u8; 1000]);
        let (mut size, mut length) = (small.len() as u64, back.len() as u64);
        // SAFETY: the buffers have the sizes that are given.
        unsafe {
            let made = libz.compress(small.as_mut_ptr(), &mut size, text.as_ptr(), 1000);
            assert_eq!(made.expect("a call"), 0);
            let read = libz.uncompress(back.as_mut_ptr(), &mut length, small.as_ptr(), size);
            assert_eq!(read.expect("a call"), 0);
        }
        assert!(size < 100 && length == 1000 && back == text);
    });
}

#[test]
fn a_rust_program_reads_a_database() {
    in_world(|_| {
        let sqlite = libsqlite3::Libsqlite3::open().expect("SQLite");
        let (mut db, mut stmt) = (std::ptr::null_mut(), std::ptr::null_mut());
        let sql = c"SELECT 6 * 7, 'a' || 'b'";
        // SAFETY: the pointers lead to what the prototypes say.
        unsafe {
            assert_eq!(
                sqlite
                    .sqlite3_open(c":memory:".as_ptr(), &mut db)
                    .expect("a call"),
                0
            );
            let mut tail: *const c_char = std::ptr::null();
            let prepared = sqlite.sqlite3_prepare_v2(db, sql.as_ptr(), -1, &mut stmt, &mut tail);
            assert_eq!(prepared.expect("a call"), 0);
            assert_eq!(tail, sql.as_ptr().add(sql.count_bytes()));
            assert_eq!(sqlite.sqlite3_step(stmt).expect("a call"), 100);
            assert_eq!(sqlite.sqlite3_column_int(stmt, 0).expect("a call"), 42);
            let text = sqlite.sqlite3_column_text(stmt, 1).expect("a call");
            assert_eq!(CStr::from_ptr(text.cast()), c"ab");
            assert_eq!(sqlite.sqlite3_finalize(stmt).expect("a call"), 0);
            let stale = sqlite.sqlite3_step(stmt).expect_err("it is finalized");
            assert_eq!(stale.code(), cosmos::FaultCode::StaleHandle);
            let mut rows: Vec<String> = Vec::new();
            let sql = c"SELECT 1 UNION SELECT 2";
            let done = sqlite.sqlite3_exec(
                db,
                sql.as_ptr(),
                Some(row),
                (&raw mut rows).cast(),
                std::ptr::null_mut(),
            );
            assert_eq!(
                (done.expect("a call"), rows.join(" ")),
                (0, "1 2".to_owned())
            );
            assert_eq!(sqlite.sqlite3_close(db).expect("a call"), 0);
        }
    });
}

/// Keeps the first column of a row.
///
/// # Safety
/// `rows` leads to the list, and `values` to texts.
unsafe extern "C" fn row(
    rows: *mut c_void,
    _: c_int,
    values: *mut *mut c_char,
    _: *mut *mut c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    let (rows, value) = unsafe { (&mut *rows.cast::<Vec<String>>(), CStr::from_ptr(*values)) };
    rows.push(value.to_string_lossy().into_owned());
    0
}

/// Writes the header of a library as `cosmos gen` prints it; gives its path.
fn header(world: &World, soname: &str) -> PathBuf {
    let made = world.run_cosmos(&["gen", "c", soname]);
    let stem = soname.split(".so").next().unwrap_or(soname);
    let path = world.directory().join(format!("{stem}_cosmos.h"));
    std::fs::write(&path, made.succeeded()).expect("a header");
    path
}

#[test]
fn headers_compile_as_c_and_cpp_without_a_warning() {
    in_world_for(Duration::from_secs(300), |world| {
        for (soname, _) in builtin::PACKS {
            let header = header(world, soname);
            for standard in [
                "-std=c89",
                "-std=c99",
                "-std=c11",
                "-std=c2x",
                "-std=c++11",
                "-std=c++17",
                "-std=c++20",
            ] {
                for defined in ["-DCOSMOS_REDIRECT", "-D_GNU_SOURCE"] {
                    let mut command = Command::new("gcc");
                    let language = if standard.contains("++") { "c++" } else { "c" };
                    command
                        .args(["-x", language, standard, defined, "-fsyntax-only"])
                        .args(["-Wall", "-Wextra", "-Werror", "-I"])
                        .arg(repository().join("include"))
                        .arg(&header);
                    run(&mut command, Duration::from_secs(60)).succeeded();
                }
            }
        }
    });
}

/// A C program with two source files that both include the header, redirected and not.
#[test]
fn a_c_program_calls_inline_functions() {
    in_world_for(Duration::from_secs(120), |world| {
        let prefix = Prefix::installed(world);
        header(world, "libz.so.1");
        let other = Path::new("tests/c").join("generated_other.c");
        let other = repository().join(other);
        let directory = world.directory().to_str().expect("UTF-8");
        let program = world.directory().join("generated");
        for compiler in ["gcc", "g++"] {
            let flags = ["-Wall", "-Wextra", "-Werror", "-I", directory];
            let mut all = flags.to_vec();
            all.push(other.to_str().expect("UTF-8"));
            prefix.compile(compiler, "generated.c", &all, &program);
            let symbols = run(
                Command::new("nm").args(["-u"]).arg(&program),
                Duration::from_secs(20),
            );
            assert!(!symbols.succeeded().contains(" crc32"), "{symbols:?}");
            let ran = run(
                prefix.environment(&mut Command::new(&program)),
                Duration::from_secs(30),
            );
            assert_eq!(ran.succeeded(), "907060870\n907060870\none library\n");
        }
    });
}

/// Wrappers of functions with `...` take their arguments as C does on every machine, and ask the library
/// for their types.
#[test]
fn a_c_program_prints_through_wrappers_that_walk_their_arguments() {
    in_world_for(Duration::from_secs(120), |world| {
        let prefix = Prefix::installed(world);
        let header = header(world, "libc.so.6");
        let text = std::fs::read_to_string(header).expect("the header");
        assert!(text.contains("va_arg(list, long double)"));
        let directory = world.directory().to_str().expect("UTF-8");
        let program = world.directory().join("variadic");
        for compiler in ["gcc", "g++"] {
            // Formats that C has and the compiler cannot check against constants.
            let flags = [
                "-Wall",
                "-Wextra",
                "-Werror",
                "-Wno-format",
                "-I",
                directory,
            ];
            prefix.compile(compiler, "generated_variadic.c", &flags, &program);
            let mut command = Command::new(&program);
            // It has its VM become another program.
            command
                .env("COSMOS_GRANTS_PROGRAMS", "true")
                .env("COSMOS_GRANTS_READ", "/bin:/lib64");
            let ran = run(prefix.environment(&mut command), Duration::from_secs(30));
            let expected = "0 differences\n1234 rest, 4\n6 made-5\n-1 EINVAL untouched\n\
                            -1 EINVAL untouched\n-1 EOWNERDEAD\n-1 EOWNERDEAD untouched\n";
            assert_eq!(ran.succeeded(), expected, "{ran:?}");
        }
    });
}

/// Where the library cannot be opened, a function returns what it returns when a call fails.
#[test]
fn without_the_library_every_function_fails() {
    in_world_for(Duration::from_secs(120), |world| {
        let prefix = Prefix::installed(world);
        let packs = world.directory().join("packs");
        std::fs::create_dir(&packs).expect("a directory");
        std::fs::write(
            packs.join("libnone.so.1.protos"),
            "#include <time.h>\nint answer(int n) __fail(-7); double half(double x);\n\
             const char *__static name(void); unsigned count(void); void nothing(void);\n\
             struct timespec when(void);",
        )
        .expect("a pack");
        let mut generate = world.cosmos();
        generate
            .args(["gen", "c", "libnone.so.1"])
            .env("COSMOS_PACKS", &packs);
        let made = run(&mut generate, Duration::from_secs(20));
        let header = world.directory().join("libnone_cosmos.h");
        std::fs::write(header, made.succeeded()).expect("a header");
        let directory = world.directory().to_str().expect("UTF-8");
        let program = world.directory().join("without");
        prefix.compile(
            "gcc",
            "without.c",
            &["-Wall", "-Wextra", "-Werror", "-I", directory],
            &program,
        );
        let ran = run(
            prefix.environment(&mut Command::new(&program)),
            Duration::from_secs(30),
        );
        assert_eq!(ran.succeeded(), "-7 1 1 4294967295 0\nENOENT\n");
    });
}
