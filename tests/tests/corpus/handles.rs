//! Rows whose functions make objects, use and destroy them: the same calls directly and through a
//! VM, by function pointer.

use crate::objects::{Functions, compare_all, plain, row};
use crate::*;
use cosmos_tests::in_world;
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::ptr::{null, null_mut};

type Handle = *mut c_void;

fn c_path(path: &std::path::Path) -> CString {
    CString::new(path.to_str().expect("UTF-8")).expect("no NUL")
}

/// Rows 16 to 18: a file that is compressed, one that is not, one that is damaged, and none.
#[test]
fn rows_16_to_18_gzopen_gzread_gzclose() {
    in_world(|world| {
        let text = b"read back through a handle ".repeat(1000);
        let whole = world.directory().join("text.gz");
        verdicts::write_compressed(&whole, &text);
        let packed = std::fs::read(&whole).expect("what was written");
        let mut files = vec![c_path(&whole)];
        for (name, bytes) in [
            ("plain", &text[..5000]),
            ("short.gz", &packed[..packed.len() / 2]),
            ("empty", &[][..]),
        ] {
            let path = world.directory().join(name);
            std::fs::write(&path, bytes).expect("a file");
            files.push(c_path(&path));
        }
        files.push(c"/no/such/file".to_owned());
        let prototypes = [row("gzopen"), row("gzread"), row("gzclose")];
        compare_all(Z, &prototypes, |functions| {
            let read = files.iter().map(|path| unpack(functions, path));
            read.flatten().collect()
        });
    });
}

/// Reads a file of zlib's by pieces.
fn unpack(functions: &Functions, path: &CStr) -> Seen {
    let gzopen = as_function!(
        functions.get("gzopen"),
        unsafe extern "C" fn(*const c_char, *const c_char) -> Handle
    );
    let gzread = as_function!(
        functions.get("gzread"),
        unsafe extern "C" fn(Handle, *mut u8, c_uint) -> c_int
    );
    let gzclose = as_function!(
        functions.get("gzclose"),
        unsafe extern "C" fn(Handle) -> c_int
    );
    let mut seen = Vec::new();
    // SAFETY: texts end, and the buffer holds what is asked for.
    let (file, after) = with_errno(0, || unsafe { gzopen(path.as_ptr(), c"rb".as_ptr()) });
    if file.is_null() {
        return vec![format!("no file, errno {after}")];
    }
    loop {
        let mut buffer = [0xddu8; 10_000];
        // SAFETY: as above; the file is open.
        let count = unsafe { gzread(file, buffer.as_mut_ptr(), 10_000) };
        let sum: u64 = buffer.iter().map(|byte| u64::from(*byte)).sum();
        seen.push(format!("{count} bytes, {sum}"));
        if count <= 0 {
            break;
        }
    }
    // SAFETY: the file is open, and not used after.
    seen.push(format!("closed {}", unsafe { gzclose(file) }));
    seen
}

/// Row 31: files that are there and are not, in each mode.
#[test]
fn row_31_fopen() {
    in_world(|world| {
        let there = world.directory().join("greeting");
        std::fs::write(&there, "hello\n").expect("a file");
        let there = c_path(&there);
        let prototypes = [
            row("fopen"),
            plain("fgetc", "int fgetc(FILE *__handle stream)"),
            plain(
                "fputs",
                "int fputs(const char *text, FILE *__handle stream)",
            ),
            plain("fclose", "int fclose(FILE *__handle __consume stream)"),
        ];
        compare_all(C, &prototypes, |functions| {
            let fopen = as_function!(
                functions.get("fopen"),
                unsafe extern "C" fn(*const c_char, *const c_char) -> Handle
            );
            let fgetc = as_function!(
                functions.get("fgetc"),
                unsafe extern "C" fn(Handle) -> c_int
            );
            let fputs = as_function!(
                functions.get("fputs"),
                unsafe extern "C" fn(*const c_char, Handle) -> c_int
            );
            let fclose = as_function!(
                functions.get("fclose"),
                unsafe extern "C" fn(Handle) -> c_int
            );
            let mut seen = Vec::new();
            for (path, mode) in [
                (there.as_c_str(), c"r"),
                (&there, c"r+"),
                (&there, c"no mode"),
                (c"/no/such/file", c"r"),
                (c"/no/such/directory/file", c"w"),
            ] {
                // SAFETY: texts end; the file is used while it is open.
                unsafe {
                    let (file, after) = with_errno(0, || fopen(path.as_ptr(), mode.as_ptr()));
                    if file.is_null() {
                        seen.push(format!("{path:?} {mode:?}: errno {after}"));
                        continue;
                    }
                    let first = fgetc(file);
                    let (written, after) = with_errno(0, || fputs(c"ello".as_ptr(), file) >= 0);
                    let closed = fclose(file);
                    seen.push(format!("{mode:?}: {first} {written} {after} {closed}"));
                }
            }
            seen
        });
    });
}

/// Rows 23 and 25 to 27: what a statement gives, as text and as bytes whose number SQLite is asked
/// for.
#[test]
fn rows_23_to_27_sqlite() {
    in_world(|_| {
        const SQLITE: &str = "libsqlite3.so.0";
        if cosmos::dlopen(SQLITE).is_err() {
            println!("skipped: there is no {SQLITE}");
            return;
        }
        let (blob, text) = row("sqlite3_column_blob");
        let of_statement = |name: &'static str, words: &str| {
            plain(
                name,
                &format!("int {name}(sqlite3_stmt *__handle {words} stmt)"),
            )
        };
        let prototypes = [
            row("sqlite3_open"),
            row("sqlite3_prepare_v2"),
            row("sqlite3_column_text"),
            plain(blob, &text),
            plain(
                "sqlite3_column_bytes",
                "int sqlite3_column_bytes(sqlite3_stmt *__handle stmt, int col)",
            ),
            of_statement("sqlite3_step", ""),
            of_statement("sqlite3_finalize", "__consume"),
            plain(
                "sqlite3_close",
                "int sqlite3_close(sqlite3 *__handle __consume db)",
            ),
        ];
        compare_all(SQLITE, &prototypes, query);
    });
}

type Prepare =
    unsafe extern "C" fn(Handle, *const c_char, c_int, *mut Handle, *mut *const c_char) -> c_int;

fn query(functions: &Functions) -> Seen {
    let open = as_function!(
        functions.get("sqlite3_open"),
        unsafe extern "C" fn(*const c_char, *mut Handle) -> c_int
    );
    let prepare = as_function!(functions.get("sqlite3_prepare_v2"), Prepare);
    let [finalize, close] = ["sqlite3_finalize", "sqlite3_close"]
        .map(|name| as_function!(functions.get(name), unsafe extern "C" fn(Handle) -> c_int));
    let sql = c"select x'00ff10', 'text', x'', null, 12, zeroblob(100000); \
                select x'01' union all select x'0203' union all select null; \
                select no such column; ";
    let mut seen = Vec::new();
    // SAFETY: texts end, and what is closed is not used after.
    unsafe {
        let mut database = null_mut();
        let missing = c"/no/such/directory/database";
        seen.push(format!("missing {}", open(missing.as_ptr(), &mut database)));
        seen.push(format!("close {}", close(database)));
        assert_eq!(open(c":memory:".as_ptr(), &mut database), 0);
        let mut rest = sql.as_ptr();
        for _ in 0..3 {
            let (mut statement, mut tail) = (null_mut(), null());
            let prepared = prepare(database, rest, -1, &mut statement, &mut tail);
            seen.push(format!(
                "prepared {prepared}, {} characters on",
                tail.offset_from(sql.as_ptr())
            ));
            rest = tail;
            if !statement.is_null() {
                rows(functions, statement, &mut seen);
                seen.push(format!("finalize {}", finalize(statement)));
            }
        }
        seen.push(format!("close {}", close(database)));
    }
    seen
}

/// Every column of every row, both ways, and one that is not there.
///
/// # Safety
/// The statement is one of these functions'.
unsafe fn rows(functions: &Functions, statement: Handle, seen: &mut Seen) {
    let step = as_function!(
        functions.get("sqlite3_step"),
        unsafe extern "C" fn(Handle) -> c_int
    );
    let text = as_function!(
        functions.get("sqlite3_column_text"),
        unsafe extern "C" fn(Handle, c_int) -> *const c_char
    );
    let blob = as_function!(
        functions.get("sqlite3_column_blob"),
        unsafe extern "C" fn(Handle, c_int) -> *const u8
    );
    let bytes = as_function!(
        functions.get("sqlite3_column_bytes"),
        unsafe extern "C" fn(Handle, c_int) -> c_int
    );
    // SAFETY: the caller's promise; what comes back is read before the next call on the column.
    unsafe {
        loop {
            let stepped = step(statement);
            seen.push(format!("step {stepped}"));
            if stepped != 100 {
                break;
            }
            for column in 0..7 {
                let found = blob(statement, column);
                let length = bytes(statement, column);
                let found = (!found.is_null())
                    .then(|| std::slice::from_raw_parts(found, length.unsigned_abs() as usize));
                let sum = found.map(|found| (hex(&found[..found.len().min(8)]), found.len()));
                seen.push(format!("{column}: {sum:?}, {length}"));
                let read = text(statement, column);
                let read = (!read.is_null()).then(|| CStr::from_ptr(read).to_owned());
                seen.push(format!("{column}: {read:?}"));
            }
        }
    }
}
