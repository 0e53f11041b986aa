//! Rows 16 to 40: carried, or refused by a number that is on record.

use crate::*;
use cosmos_tests::in_world;
use cosmos_tests::{errno, repository, set_errno};
use std::ffi::{CStr, c_char, c_int, c_long, c_uint, c_void};

/// The verdicts on all forty rows are those recorded. Set UPDATE_VERDICTS to record anew.
#[test]
fn every_row_has_its_verdict() {
    in_world(|world| {
        let corpus = repository().join("tests/corpus");
        let header = corpus.join("protos.h");
        let header = header.to_str().expect("a path in UTF-8");
        let ran = world.run_cosmos(&["proto", "check", header]);
        let lines: Vec<&str> = ran.stdout.lines().collect();
        assert_eq!(lines.len(), 40, "{ran:?}");
        let recorded = corpus.join("verdicts.txt");
        if std::env::var_os("UPDATE_VERDICTS").is_some() {
            std::fs::write(&recorded, &ran.stdout).expect("the record");
        }
        let recorded = std::fs::read_to_string(recorded).expect("the record");
        for (line, expected) in lines.iter().zip(recorded.lines()) {
            assert_eq!(*line, expected);
        }
        for (index, line) in lines.iter().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let named = matches!(words.as_slice(), ["ok", _] | ["refused", _, _, ..]);
            assert!(named, "{line}");
            assert!(index >= 15 || words[0] == "ok", "row {}: {line}", index + 1);
            if words[0] == "refused" {
                let number = words[2].strip_prefix('E').map(str::parse::<u32>);
                assert!(
                    matches!(number, Some(Ok(_))),
                    "refused by a numbered error: {line}"
                );
            }
        }
    });
}

/// What `cosmos proto check` allows resolves: none of rows 16 to 40 of the libraries installed
/// everywhere is refused only later.
#[test]
fn allowed_rows_resolve() {
    in_world(|_| {
        let verdicts = std::fs::read_to_string(repository().join("tests/corpus/verdicts.txt"));
        let verdicts = verdicts.expect("the record");
        let rows = [
            (Z, "gzopen"),
            (Z, "gzread"),
            (Z, "gzclose"),
            (C, "qsort"),
            (C, "bsearch"),
            (C, "regcomp"),
            (C, "regexec"),
            (C, "getaddrinfo"),
            (C, "fopen"),
            (C, "readv"),
            (C, "getline"),
            (C, "sigqueue"),
            (C, "iconv"),
            (Z, "inflate"),
        ];
        for (library, name) in rows {
            let opened = crate::open(library).expect(library);
            let allowed = verdicts.lines().any(|line| line == format!("ok {name}"));
            let resolved = opened.function(&prototype(name));
            assert_eq!(resolved.is_ok(), allowed, "{name}: {resolved:?}");
        }
    });
}

/// Row 16 to 18 together, where they are allowed: a file written by one face of zlib and read back
/// through handles.
#[test]
fn rows_16_to_18_read_a_compressed_file() {
    in_world(|world| {
        let path = world.directory().join("text.gz");
        let text = b"read back through a handle ".repeat(1000);
        write_compressed(&path, &text);
        let zlib = crate::open(Z).expect(Z);
        let [open, read, close] = ["gzopen", "gzread", "gzclose"]
            .map(|name| zlib.function(&prototype(name)).expect(name));
        let gzopen = as_function!(
            open.pointer(),
            unsafe extern "C" fn(*const c_char, *const c_char) -> *mut c_void
        );
        let gzread = as_function!(
            read.pointer(),
            unsafe extern "C" fn(*mut c_void, *mut u8, c_uint) -> c_int
        );
        let gzclose = as_function!(close.pointer(), unsafe extern "C" fn(*mut c_void) -> c_int);
        let name = std::ffi::CString::new(path.to_str().expect("UTF-8")).expect("no NUL");
        let mut bytes = vec![0u8; text.len() + 100];
        let room = c_uint::try_from(bytes.len()).expect("small");
        // SAFETY: the pointers have the types of their rows; the buffer holds `room`.
        unsafe {
            let file = gzopen(name.as_ptr(), c"rb".as_ptr());
            assert!(!file.is_null());
            let count = gzread(file, bytes.as_mut_ptr(), room);
            assert_eq!(usize::try_from(count), Ok(text.len()));
            assert_eq!(&bytes[..text.len()], &text[..]);
            assert_eq!(gzclose(file), 0);
            // The handle is consumed: the VM must not be asked to use it again.
            set_errno(0);
            let again = gzread(file, bytes.as_mut_ptr(), room);
            assert_eq!(again, -1);
            assert_eq!(errno(), libc::EBADF);
        }
    });
}

/// Rows 23, 25 and 26 on a real database: handles behind `__out` pointers, an alias into the text of
/// the statement, text that belongs to a handle.
#[test]
fn rows_23_to_26_query_sqlite() {
    in_world(|_| {
        let Ok(sqlite) = cosmos::dlopen("libsqlite3.so.0") else {
            println!("skipped: there is no libsqlite3.so.0");
            return;
        };
        let row = |name: &str| sqlite.function(&prototype(name)).expect(name);
        let plain = |prototype: &str| sqlite.function(prototype).expect(prototype);
        let functions = [
            row("sqlite3_open"),
            row("sqlite3_prepare_v2"),
            row("sqlite3_column_text"),
            plain("int sqlite3_step(sqlite3_stmt *__handle stmt)"),
            plain("int sqlite3_finalize(sqlite3_stmt *__handle __consume stmt)"),
            plain("int sqlite3_close(sqlite3 *__handle __consume db)"),
        ];
        let [open, prepare, text, step, finalize, close] = functions.each_ref();
        type Handle = *mut c_void;
        type Text = *const c_char;
        let open = as_function!(
            open.pointer(),
            unsafe extern "C" fn(Text, *mut Handle) -> c_int
        );
        let prepare = as_function!(
            prepare.pointer(),
            unsafe extern "C" fn(Handle, Text, c_int, *mut Handle, *mut Text) -> c_int
        );
        let text = as_function!(
            text.pointer(),
            unsafe extern "C" fn(Handle, c_int) -> *const c_char
        );
        let step = as_function!(step.pointer(), unsafe extern "C" fn(Handle) -> c_int);
        let finalize = as_function!(finalize.pointer(), unsafe extern "C" fn(Handle) -> c_int);
        let close = as_function!(close.pointer(), unsafe extern "C" fn(Handle) -> c_int);
        let sql = c"select 'from another process'; select 2";
        // SAFETY: the pointers have the types of their prototypes, the text is terminated.
        unsafe {
            let mut database = std::ptr::null_mut();
            assert_eq!(open(c":memory:".as_ptr(), &mut database), 0);
            let (mut statement, mut tail) = (std::ptr::null_mut(), std::ptr::null());
            assert_eq!(
                prepare(database, sql.as_ptr(), -1, &mut statement, &mut tail),
                0
            );
            assert_eq!(CStr::from_ptr(tail), c" select 2");
            assert!(
                sql.to_bytes_with_nul()
                    .as_ptr_range()
                    .contains(&tail.cast())
            );
            assert_eq!(step(statement), 100);
            assert_eq!(CStr::from_ptr(text(statement, 0)), c"from another process");
            assert_eq!(step(statement), 101);
            assert_eq!(finalize(statement), 0);
            assert_eq!(close(database), 0);
            set_errno(0);
            assert_eq!(step(statement), -1);
            assert_eq!(errno(), libc::EBADF);
        }
    });
}

/// Row 31: a FILE lives in the VM, under the name of the program's file.
#[test]
fn row_31_opens_a_file() {
    in_world(|world| {
        let path = world.directory().join("greeting");
        std::fs::write(&path, "hello\n").expect("a file");
        let libc_library = crate::open(C).expect(C);
        let open = libc_library.function(&prototype("fopen")).expect("fopen");
        let get = "int fgetc(FILE *__handle stream)";
        let get = libc_library.function(get).expect("fgetc");
        let close = "int fclose(FILE *__handle __consume stream)";
        let close = libc_library.function(close).expect("fclose");
        let name = path.to_str().expect("UTF-8");
        let file = open.call(&[name.into(), "r".into()]).expect("fopen").result;
        let first = get.call(std::slice::from_ref(&file)).expect("fgetc").result;
        assert_eq!(first, cosmos::Value::Int(i128::from(b'h')));
        let closed = close
            .call(std::slice::from_ref(&file))
            .expect("fclose")
            .result;
        assert_eq!(closed, cosmos::Value::Int(0));
        let stale = get
            .call(std::slice::from_ref(&file))
            .expect_err("it is closed");
        assert_eq!(stale.code(), cosmos::FaultCode::StaleHandle);
        let missing = open
            .call(&["/no/such/file".into(), "r".into()])
            .expect("fopen");
        assert_eq!(
            (missing.result, missing.errno),
            (cosmos::Value::Null, libc::ENOENT)
        );
    });
}

pub fn write_compressed(path: &std::path::Path, text: &[u8]) {
    // SAFETY: zlib runs no code of note when loaded; the functions have these types.
    unsafe {
        let zlib = libloading::Library::new(Z).expect(Z);
        type Open = unsafe extern "C" fn(*const c_char, *const c_char) -> *mut c_void;
        type Write = unsafe extern "C" fn(*mut c_void, *const c_void, c_uint) -> c_int;
        type Close = unsafe extern "C" fn(*mut c_void) -> c_int;
        let name = std::ffi::CString::new(path.to_str().expect("UTF-8")).expect("no NUL");
        let file = zlib.get::<Open>(b"gzopen").expect("gzopen")(name.as_ptr(), c"wb".as_ptr());
        let count = c_uint::try_from(text.len()).expect("small");
        let written =
            zlib.get::<Write>(b"gzwrite").expect("gzwrite")(file, text.as_ptr().cast(), count);
        assert_eq!(c_long::from(written), c_long::from(count));
        assert_eq!(zlib.get::<Close>(b"gzclose").expect("gzclose")(file), 0);
    }
}
