//! Rows 19, 20 and 24, whose functions call the program back, and the tables of handlers of expat:
//! the same calls directly and through a VM.

use crate::objects::{compare_all, plain, row};
use crate::*;
use cosmos_tests::in_world;
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{null, null_mut};

/// SQLite.
const SQLITE: &str = "libsqlite3.so.0";
/// The XML parser.
const EXPAT: &str = "libexpat.so.1";

type Compare = unsafe extern "C" fn(*const c_void, *const c_void) -> c_int;

thread_local! {
    /// What callbacks saw, in order.
    static NOTES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn note(line: String) {
    NOTES.with_borrow_mut(|notes| notes.push(line));
}

fn notes() -> Seen {
    NOTES.take()
}

unsafe extern "C" fn by_number(a: *const c_void, b: *const c_void) -> c_int {
    // SAFETY: elements of these tests are of eight bytes.
    let (a, b) = unsafe {
        (
            a.cast::<u64>().read_unaligned(),
            b.cast::<u64>().read_unaligned(),
        )
    };
    set_errno(errno() ^ 1);
    a.cmp(&b) as c_int
}

/// The pairs that are compared are what a sort is; so they are noted too.
unsafe extern "C" fn by_last_byte(a: *const c_void, b: *const c_void) -> c_int {
    // SAFETY: elements of these tests are of three bytes.
    let (a, b) = unsafe { (a.cast::<[u8; 3]>().read(), b.cast::<[u8; 3]>().read()) };
    note(format!("{a:?} {b:?}"));
    c_int::from(a[2]) - c_int::from(b[2])
}

#[test]
fn row_19_qsort() {
    in_world(|_| {
        compare(C, "qsort", |pointer| {
            let qsort = as_function!(
                pointer,
                unsafe extern "C" fn(*mut c_void, usize, usize, Option<Compare>)
            );
            let mut seen = Vec::new();
            for count in [0usize, 1, 2, 1000] {
                let mut numbers: Vec<u64> = (0..count as u64)
                    .map(|index| index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40)
                    .collect();
                let ((), after) = with_errno(70, || {
                    // SAFETY: so many elements of that size.
                    unsafe { qsort(numbers.as_mut_ptr().cast(), count, 8, Some(by_number)) }
                });
                seen.push(format!("{count}: errno {after}, {numbers:?}"));
            }
            let mut words = *b"zaebodaacnnnabc";
            // SAFETY: five elements of three bytes.
            unsafe { qsort(words.as_mut_ptr().cast(), 5, 3, Some(by_last_byte)) };
            seen.push(format!("{:?}", words.escape_ascii().to_string()));
            seen.extend(notes());
            // SAFETY: nothing is compared where there are no elements.
            unsafe { qsort(null_mut(), 0, 8, None) };
            seen.push("nothing".to_owned());
            seen
        });
    });
}

#[test]
fn row_20_bsearch() {
    in_world(|_| {
        compare(C, "bsearch", |pointer| {
            let bsearch = as_function!(
                pointer,
                unsafe extern "C" fn(
                    *const c_void,
                    *const c_void,
                    usize,
                    usize,
                    Option<Compare>,
                ) -> *mut c_void
            );
            let numbers: Vec<u64> = (0..257).map(|index| index * 5).collect();
            let base = numbers.as_ptr().cast::<c_void>();
            let mut seen = Vec::new();
            for key in [0u64, 5, 640, 1280, 1, 2000] {
                let (found, after) = with_errno(70, || {
                    // SAFETY: so many elements of that size.
                    unsafe { bsearch((&raw const key).cast(), base, 257, 8, Some(by_number)) }
                });
                let place = (!found.is_null()).then(|| found.addr() - base.addr());
                seen.push(format!("{key}: at {place:?}, errno {after}"));
            }
            let words = *b"__a__c__e__g";
            let key = *b"xxe";
            // SAFETY: four elements of three bytes.
            let found = unsafe {
                bsearch(
                    key.as_ptr().cast(),
                    words.as_ptr().cast(),
                    4,
                    3,
                    Some(by_last_byte),
                )
            };
            seen.push(format!(
                "at {}",
                found.addr().wrapping_sub(words.as_ptr().addr())
            ));
            seen.extend(notes());
            let key = 1u64;
            // SAFETY: nothing is compared where there are no elements.
            let found = unsafe { bsearch((&raw const key).cast(), null(), 0, 8, None) };
            seen.push(format!("nothing: {}", found.is_null()));
            seen
        });
    });
}

/// A row of a result: the cookie, the names and the values. Stops at a value "stop".
unsafe extern "C" fn each_row(
    cookie: *mut c_void,
    count: c_int,
    values: *mut *mut c_char,
    names: *mut *mut c_char,
) -> c_int {
    let mut stop = 0;
    let columns: Vec<String> = (0..count as usize)
        .map(|index| {
            // SAFETY: the prototype says that there are so many of both, strings or NULL.
            let (value, name) = unsafe { (*values.add(index), *names.add(index)) };
            // SAFETY: as above.
            let text =
                |text: *mut c_char| (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) });
            if text(value) == Some(c"stop") {
                stop = 1;
            }
            format!("{:?} = {:?}", text(name), text(value))
        })
        .collect();
    note(format!("{:#x}: {}", cookie.addr(), columns.join(", ")));
    stop
}

type Exec = unsafe extern "C" fn(
    *mut c_void,
    *const c_char,
    Option<unsafe extern "C" fn(*mut c_void, c_int, *mut *mut c_char, *mut *mut c_char) -> c_int>,
    *mut c_void,
    *mut *mut c_char,
) -> c_int;

/// Runs statements; says what came of them.
fn execute(exec: Exec, database: *mut c_void, statements: &CStr, each: bool) -> Seen {
    let mut message: *mut c_char = null_mut();
    let callback = each.then_some(each_row as _);
    let cookie = std::ptr::without_provenance_mut(0xc0_0c1e);
    // SAFETY: the database is open, the message a place for a string.
    let result = unsafe {
        exec(
            database,
            statements.as_ptr(),
            callback,
            cookie,
            &mut message,
        )
    };
    // It stays: freed it would be by sqlite3_free directly, by free through a VM.
    // SAFETY: SQLite says that it is a string.
    let text = (!message.is_null()).then(|| unsafe { CStr::from_ptr(message) }.to_owned());
    let mut seen = notes();
    seen.push(format!("{result}, {text:?}"));
    seen
}

#[test]
fn row_24_sqlite3_exec() {
    in_world(|_| {
        let functions = [
            row("sqlite3_exec"),
            row("sqlite3_open"),
            plain("sqlite3_close", "int sqlite3_close(sqlite3 *__consume db)"),
        ];
        compare_all(SQLITE, &functions, |functions| {
            let open = as_function!(
                functions.get("sqlite3_open"),
                unsafe extern "C" fn(*const c_char, *mut *mut c_void) -> c_int
            );
            let exec = as_function!(functions.get("sqlite3_exec"), Exec);
            let close = as_function!(
                functions.get("sqlite3_close"),
                unsafe extern "C" fn(*mut c_void) -> c_int
            );
            let mut database = null_mut();
            // SAFETY: a name, and a place for the handle.
            let mut seen = vec![format!("{}", unsafe {
                open(c":memory:".as_ptr(), &mut database)
            })];
            let statements = [
                (c"create table t(number integer, word text); insert into t values(1,'one'),(2,null),(3,'stop'),(4,'four')", true),
                (c"select number, word, number * 1.5 as product from t where number < 3", true),
                (c"select word from t", true),
                (c"select * from t", false),
                (c"select count(*) from t; select nothing from nowhere", true),
                (c"", true),
            ];
            for (text, each) in statements {
                seen.extend(execute(exec, database, text, each));
            }
            // SAFETY: the database is open, and not used after.
            seen.push(format!("{}", unsafe { close(database) }));
            seen
        });
    });
}

thread_local! {
    /// What the SQL function of this program calls in turn.
    static VALUES: Cell<Option<Values>> = const { Cell::new(None) };
}

type IntOf = unsafe extern "C" fn(*mut c_void) -> c_int;
type GiveInt = unsafe extern "C" fn(*mut c_void, c_int);
type Values = (IntOf, GiveInt);

/// The SQL function: the sum of its arguments, which it asks SQLite for.
unsafe extern "C" fn add(context: *mut c_void, count: c_int, values: *mut *mut c_void) {
    let (int_of, give_int) = VALUES.get().expect("set before");
    // SAFETY: the prototype says that there are so many values; they are SQLite's for this call.
    let sum = (0..count as usize).map(|index| unsafe { int_of(*values.add(index)) });
    // SAFETY: as above.
    unsafe { give_int(context, sum.sum()) };
    note(format!("added {count}"));
}

unsafe extern "C" fn forgotten(cookie: *mut c_void) {
    note(format!("{:#x} is forgotten", cookie.addr()));
}

/// The functions that a function of SQL needs.
fn functions_of_sql() -> [(&'static str, String); 6] {
    [
        row("sqlite3_open"),
        row("sqlite3_exec"),
        plain("sqlite3_close", "int sqlite3_close(sqlite3 *__consume db)"),
        plain(
            "sqlite3_create_function_v2",
            "int sqlite3_create_function_v2(sqlite3 *db, const char *name, int count, int encoding, \
             void *__opaque cookie, \
             void (*function)(struct sqlite3_context *context, int count, \
             struct sqlite3_value *__handle *__in __counted_by(count) values) __scope(db), \
             void (*step)(struct sqlite3_context *context, int count, \
             struct sqlite3_value *__handle *__in __counted_by(count) values) __scope(db), \
             void (*final)(struct sqlite3_context *context) __scope(db), \
             void (*destroy)(void *__opaque cookie) __scope(db))",
        ),
        plain(
            "sqlite3_value_int",
            "int sqlite3_value_int(struct sqlite3_value *value)",
        ),
        plain(
            "sqlite3_result_int",
            "void sqlite3_result_int(struct sqlite3_context *context, int result)",
        ),
    ]
}

#[test]
fn functions_of_sql_are_functions_of_the_program() {
    in_world(|_| {
        compare_all(SQLITE, &functions_of_sql(), |functions| {
            let open = as_function!(
                functions.get("sqlite3_open"),
                unsafe extern "C" fn(*const c_char, *mut *mut c_void) -> c_int
            );
            let exec = as_function!(functions.get("sqlite3_exec"), Exec);
            let close = as_function!(
                functions.get("sqlite3_close"),
                unsafe extern "C" fn(*mut c_void) -> c_int
            );
            type Function = unsafe extern "C" fn(*mut c_void, c_int, *mut *mut c_void);
            type Final = unsafe extern "C" fn(*mut c_void);
            let create = as_function!(
                functions.get("sqlite3_create_function_v2"),
                unsafe extern "C" fn(
                    *mut c_void,
                    *const c_char,
                    c_int,
                    c_int,
                    *mut c_void,
                    Option<Function>,
                    Option<Function>,
                    Option<Final>,
                    Option<Final>,
                ) -> c_int
            );
            let int_of = as_function!(functions.get("sqlite3_value_int"), IntOf);
            let give_int = as_function!(functions.get("sqlite3_result_int"), GiveInt);
            VALUES.set(Some((int_of, give_int)));
            let mut database = null_mut();
            let mut seen = Vec::new();
            // SAFETY: SQLite is used as it asks: the functions are of these types.
            unsafe {
                seen.push(format!("{}", open(c":memory:".as_ptr(), &mut database)));
                let cookie = std::ptr::without_provenance_mut(0xadd);
                let (name, utf8) = (c"add_up".as_ptr(), 1);
                let created = create(
                    database,
                    name,
                    -1,
                    utf8,
                    cookie,
                    Some(add),
                    None,
                    None,
                    Some(forgotten),
                );
                seen.push(format!("{created}"));
            }
            for text in [
                c"select add_up(1, 2, 39) as sum",
                c"select add_up(x, add_up(x)) as twice from (select 1 as x union select 2 union select 3)",
                c"select add_up() as nothing",
            ] {
                seen.extend(execute(exec, database, text, true));
            }
            // SAFETY: the database is open, and not used after.
            seen.push(format!("{}", unsafe { close(database) }));
            seen.extend(notes());
            seen
        });
    });
}

unsafe extern "C" fn element_begins(
    user: *mut c_void,
    name: *const c_char,
    attributes: *const c_void,
) {
    let attributes = attributes.cast::<*const c_char>();
    // SAFETY: expat says that it is a string, and that strings up to a NULL follow.
    unsafe {
        note(format!("{:#x} <{:?}>", user.addr(), CStr::from_ptr(name)));
        let words = (0..).map(|index| *attributes.add(index));
        for word in words.take_while(|word| !word.is_null()) {
            note(format!("{:?}", CStr::from_ptr(word)));
        }
    }
}

unsafe extern "C" fn element_ends(user: *mut c_void, name: *const c_char) {
    // SAFETY: expat says that it is a string.
    note(format!("{:#x} </{:?}>", user.addr(), unsafe {
        CStr::from_ptr(name)
    }));
}

unsafe extern "C" fn character_data(user: *mut c_void, text: *const c_char, length: c_int) {
    // SAFETY: expat says that there are so many bytes.
    let text = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), length as usize) };
    note(format!("{:#x} {}", user.addr(), text.escape_ascii()));
}

/// The parser's handlers, which it keeps until it is freed.
fn handlers() -> [(&'static str, String); 7] {
    let parser = "struct XML_ParserStruct";
    [
        plain(
            "XML_ParserCreate",
            &format!(
                "{parser} *__closed_by(XML_ParserFree) XML_ParserCreate(const char *encoding)"
            ),
        ),
        plain(
            "XML_ParserFree",
            &format!("void XML_ParserFree({parser} *__consume parser)"),
        ),
        plain(
            "XML_SetUserData",
            &format!("void XML_SetUserData({parser} *parser, void *__opaque user)"),
        ),
        plain(
            "XML_SetElementHandler",
            &format!(
                "void XML_SetElementHandler({parser} *parser, \
                 void (*start)(void *__opaque user, const char *name, const char *const *__null_terminated attributes) \
                 __scope(parser), \
                 void (*end)(void *__opaque user, const char *name) __scope(parser))"
            ),
        ),
        plain(
            "XML_SetCharacterDataHandler",
            &format!(
                "void XML_SetCharacterDataHandler({parser} *parser, \
                 void (*data)(void *__opaque user, const char *__sized_by(length) text, int length) \
                 __scope(parser))"
            ),
        ),
        plain(
            "XML_Parse",
            &format!(
                "int XML_Parse({parser} *parser, const char *__sized_by(length) text, int length, \
                 int last)"
            ),
        ),
        plain(
            "XML_GetErrorCode",
            &format!("int XML_GetErrorCode({parser} *parser)"),
        ),
    ]
}

#[test]
fn handlers_of_expat_are_called_in_later_calls() {
    in_world(|_| {
        compare_all(EXPAT, &handlers(), |functions| {
            let create = as_function!(
                functions.get("XML_ParserCreate"),
                unsafe extern "C" fn(*const c_char) -> *mut c_void
            );
            let set_user = as_function!(
                functions.get("XML_SetUserData"),
                unsafe extern "C" fn(*mut c_void, *mut c_void)
            );
            type Begins = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_void);
            type Ends = unsafe extern "C" fn(*mut c_void, *const c_char);
            let set_elements = as_function!(
                functions.get("XML_SetElementHandler"),
                unsafe extern "C" fn(*mut c_void, Option<Begins>, Option<Ends>)
            );
            type Data = unsafe extern "C" fn(*mut c_void, *const c_char, c_int);
            let set_data = as_function!(
                functions.get("XML_SetCharacterDataHandler"),
                unsafe extern "C" fn(*mut c_void, Option<Data>)
            );
            let parse = as_function!(
                functions.get("XML_Parse"),
                unsafe extern "C" fn(*mut c_void, *const c_char, c_int, c_int) -> c_int
            );
            let code = as_function!(
                functions.get("XML_GetErrorCode"),
                unsafe extern "C" fn(*mut c_void) -> c_int
            );
            let free = as_function!(
                functions.get("XML_ParserFree"),
                unsafe extern "C" fn(*mut c_void)
            );
            let document =
                "<list kind='plain'><item>one &amp; two</item>\n<item/>text\u{e4}</list>";
            let mut seen = Vec::new();
            for (piece, data) in [(7, true), (1000, true), (3, false)] {
                // SAFETY: the parser is used as expat asks, and freed last.
                unsafe {
                    let parser = create(null());
                    set_user(parser, std::ptr::without_provenance_mut(0x5e7));
                    set_elements(parser, Some(element_begins), Some(element_ends));
                    set_data(parser, data.then_some(character_data as Data));
                    for part in document.as_bytes().chunks(piece) {
                        let length = c_int::try_from(part.len()).expect("short");
                        let status = parse(parser, part.as_ptr().cast(), length, 0);
                        seen.extend(notes());
                        seen.push(format!("{piece}: {status}"));
                    }
                    // No more of them; then what is no document any more.
                    set_elements(parser, None, None);
                    let status = parse(parser, c"<again/>".as_ptr(), 8, 1);
                    seen.extend(notes());
                    seen.push(format!("{status}, error {}", code(parser)));
                    free(parser);
                }
            }
            seen
        });
    });
}
