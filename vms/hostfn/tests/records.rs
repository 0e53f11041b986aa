//! Extents and records in a VM and directly, compared byte for byte and errno for errno, NULL
//! variants included.

#[macro_use]
mod common;

use common::{World, compiled};
use std::ffi::{CStr, CString, c_char, c_int, c_long, c_void};
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicU64, Ordering};

const LIBC: &str = "libc.so.6";

#[test]
fn a_capacity_comes_back_up_to_its_terminator() {
    let mut world = World::new();
    let prototype = "int gethostname(char *__out __sized_by(n) __null_terminated name, size_t n);";
    let there = world.function(LIBC, prototype);
    here!(LIBC, fn gethostname(*mut c_char, usize) -> c_int);
    for size in [64usize, 2, 1, 0] {
        // What lies behind the terminator is nobody's: the copy leaves it alone.
        let (mut expected_name, mut name) = ([b'-'; 80], [b'-'; 80]);
        let expected = local!(gethostname(expected_name.as_mut_ptr().cast(), size));
        let place = name.as_mut_ptr();
        let got: (c_int, c_int) = remote!(world, there, place, size);
        assert_eq!((got, &name[..]), (expected, &expected_name[..]), "{size}");
    }
    let (nowhere, size) = (null_mut::<u8>(), 0usize);
    let got: (c_int, c_int) = remote!(world, there, nowhere, size);
    assert_eq!(got, local!(gethostname(null_mut(), 0)));
}

#[test]
fn text_with_a_capacity_is_read_no_further_than_its_end() {
    let mut world = World::new();
    let prototype =
        "char *__owned(free) strndup(const char *__sized_by(n) __null_terminated s, size_t n);";
    let there = world.function(LIBC, prototype);
    here!(LIBC, fn strndup(*const c_char, usize) -> *mut c_char);
    for (text, size) in [
        (c"longer", 3),
        (c"longer", 6),
        (c"short", 60),
        (c"", 9),
        (c"x", 0),
    ] {
        let start = text.as_ptr();
        let expected = local!(strndup(start, size));
        let got: (*mut c_char, c_int) = remote!(world, there, start, size);
        // SAFETY: both are texts of malloc's.
        unsafe {
            assert_eq!(CStr::from_ptr(got.0), CStr::from_ptr(expected.0));
            libc::free(got.0.cast());
            libc::free(expected.0.cast());
        }
        assert_eq!(got.1, expected.1);
    }
}

#[test]
fn pointers_end_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let library = &compiled("records.c", directory.path());
    let mut world = World::new();
    let there = world.function(
        library,
        "long sum(const long *__ended_by(last) first, const long *last);",
    );
    here!(library, fn sum(*const c_long, *const c_long) -> c_long);
    let numbers: [c_long; 4] = [1, 20, 300, -4];
    for count in 0..=4 {
        let range = numbers[..count].as_ptr_range();
        let expected = local!(sum(range.start, range.end));
        let got: (c_long, c_int) = remote!(world, there, range.start, range.end);
        assert_eq!(got, expected);
    }
    let nowhere = null::<c_long>();
    let got: (c_long, c_int) = remote!(world, there, nowhere, nowhere);
    assert_eq!(got, local!(sum(nowhere, nowhere)));
    let there = world.function(
        library,
        "void twice(int *__ended_by(last) first, int *last);",
    );
    let mut numbers = [1, 2, 3];
    let range = numbers.as_mut_ptr_range();
    let end = range.end.wrapping_sub(1);
    let _: ((), c_int) = remote!(world, there, range.start, end);
    assert_eq!(numbers, [2, 4, 3]);
}

#[test]
fn arrays_of_pointers_end_with_null() {
    let mut world = World::new();
    let prototype =
        "int execv(const char *path, char *__null_terminated const *__null_terminated argv);";
    let there = world.function(LIBC, prototype);
    here!(LIBC, fn execv(*const c_char, *const *const c_char) -> c_int);
    let path = c"/nowhere/at/all".as_ptr();
    let arguments = [path, c"one".as_ptr(), c"".as_ptr(), null()];
    for argv in [arguments.as_ptr(), arguments[3..].as_ptr(), null()] {
        let got: (c_int, c_int) = remote!(world, there, path, argv);
        assert_eq!(got, local!(execv(path, argv)));
    }
    let directory = tempfile::tempdir().unwrap();
    let library = &compiled("records.c", directory.path());
    let prototype = "size_t join(char *__null_terminated const *__null_terminated texts,
        char *__out __sized_by(size) __null_terminated into, size_t size);";
    let there = world.function(library, prototype);
    here!(library, fn join(*const *const c_char, *mut c_char, usize) -> usize);
    for skipped in 0..4 {
        for size in [0usize, 5, 18, 40] {
            let texts = arguments[skipped..].as_ptr();
            let (mut expected_text, mut text) = ([b'-'; 40], [b'-'; 40]);
            let expected = local!(join(texts, expected_text.as_mut_ptr().cast(), size));
            let place = text.as_mut_ptr();
            let got: (usize, c_int) = remote!(world, there, texts, place, size);
            assert_eq!((got, text), (expected, expected_text), "{skipped}, {size}");
        }
    }
}

#[test]
fn buffers_are_measured_by_the_size_of_a_record() {
    let directory = tempfile::tempdir().unwrap();
    let library = &compiled("records.c", directory.path());
    let mut world = World::new();
    let prototype = "struct pair { char tag; long value; };
        void pairs(void *__out __sized_by(n * sizeof(struct pair)) into, int n);";
    let there = world.function(library, prototype);
    here!(library, fn pairs(*mut c_void, c_int) -> ());
    let (mut expected_pairs, mut pairs_there) = ([0xffu8; 64], [0xffu8; 64]);
    let count: c_int = 3;
    let expected = local!(pairs(expected_pairs.as_mut_ptr().cast(), count));
    let place = pairs_there.as_mut_ptr();
    let got: ((), c_int) = remote!(world, there, place, count);
    assert_eq!((got, pairs_there), (expected, expected_pairs));
}

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Number {
    kind: c_int,
    bits: u64,
    low: i16,
    high: i16,
}

#[test]
fn members_without_a_name_lie_where_c_puts_them() {
    let directory = tempfile::tempdir().unwrap();
    let library = &compiled("records.c", directory.path());
    let mut world = World::new();
    let prototype = "struct number {
            int kind; union { long integer; double real; }; struct { short low; short high; };
        };
        void other(struct number *number);";
    let there = world.function(library, prototype);
    here!(library, fn other(*mut Number) -> ());
    for (kind, bits) in [(0, 7u64), (1, 2.5f64.to_bits()), (0, u64::MAX)] {
        let mut expected = Number {
            kind,
            bits,
            low: 1,
            high: i16::MIN + 1,
        };
        let mut number = expected;
        let errno = local!(other(&raw mut expected)).1;
        let place = &raw mut number;
        let got: ((), c_int) = remote!(world, there, place);
        assert_eq!((number, got.1), (expected, errno));
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
union SignalValue {
    number: c_int,
    pointer: *mut c_void,
}

/// What arrived with the last signal, plus one.
static ARRIVED: AtomicU64 = AtomicU64::new(0);

extern "C" fn arrived(_signal: c_int, information: *mut libc::siginfo_t, _context: *mut c_void) {
    // SAFETY: the kernel gives the handler of a queued signal its information.
    let value = unsafe { (*information).si_value() };
    ARRIVED.store(value.sival_ptr as u64 + 1, Ordering::SeqCst);
}

#[test]
fn row_38_sigqueue() {
    let mut world = World::new();
    let there = world.function(
        LIBC,
        "int sigqueue(pid_t pid, int sig, const union sigval value);",
    );
    here!(LIBC, fn sigqueue(c_int, c_int, SignalValue) -> c_int);
    let signal = libc::SIGRTMIN() + 5;
    // SAFETY: the handler only stores to an atomic.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = arrived as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        assert_eq!(libc::sigaction(signal, &raw const action, null_mut()), 0);
    }
    let pid = std::process::id().cast_signed();
    let pointer = |address: usize| SignalValue {
        pointer: std::ptr::without_provenance_mut(address),
    };
    for bits in [0x1234_5678_9abc, 0, 0xffff_ffff] {
        let mut value = pointer(bits);
        if bits == 0xffff_ffff {
            value.number = -1;
        }
        ARRIVED.store(0, Ordering::SeqCst);
        let got: (c_int, c_int) = remote!(world, there, pid, signal, value);
        assert_eq!(got, (0, common::ERRNO));
        while ARRIVED.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        assert_eq!(ARRIVED.load(Ordering::SeqCst), bits as u64 + 1);
    }
    let nobody = c_int::MAX;
    for (pid, signal) in [(pid, 4000), (nobody, 0), (pid, 0)] {
        let value = pointer(7);
        let expected = local!(sigqueue(pid, signal, value));
        let got: (c_int, c_int) = remote!(world, there, pid, signal, value);
        assert_eq!(got, expected, "{pid}, {signal}");
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Item {
    kind: c_int,
    what: What,
}

#[repr(C)]
#[derive(Clone, Copy)]
union What {
    number: c_long,
    text: *const c_char,
    real: f64,
}

const ITEM: &str = "struct item {
        int kind;
        union {
            long number __case(0);
            const char *__in __null_terminated text __case(1, 2);
            double real __case(3);
        } what __switch(kind);
    };";

#[test]
fn the_tag_says_which_member_of_a_union_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let library = &compiled("records.c", directory.path());
    let mut world = World::new();
    let prototype = format!(
        "{ITEM} size_t show(const struct item *__counted_by(n) items, int n,
             char *__out __sized_by(size) __null_terminated into, size_t size);"
    );
    let there = world.function(library, &prototype);
    here!(library, fn show(*const Item, c_int, *mut c_char, usize) -> usize);
    let text = |kind: c_int, text: &'static CStr| Item {
        kind,
        what: What {
            text: text.as_ptr(),
        },
    };
    let items = [
        Item {
            kind: 0,
            what: What { number: -5 },
        },
        text(1, c"one"),
        Item {
            kind: 3,
            what: What { real: 0.5 },
        },
        text(2, c""),
        // No member is there: the number is not followed.
        Item {
            kind: 9,
            what: What {
                number: 0x4141_4141_4141,
            },
        },
        Item {
            kind: 1,
            what: What { text: null() },
        },
    ];
    for count in 0..=6 {
        let (mut expected_text, mut shown) = ([b'-'; 80], [b'-'; 80]);
        let size = 80usize;
        let items = items.as_ptr();
        let expected = local!(show(items, count, expected_text.as_mut_ptr().cast(), size));
        let place = shown.as_mut_ptr();
        let got: (usize, c_int) = remote!(world, there, items, count, place, size);
        assert_eq!((got, shown), (expected, expected_text), "{count}");
    }
}

#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Piece {
    start: *mut u8,
    size: usize,
}

#[test]
fn row_36_readv() {
    let mut world = World::new();
    let there = world.function(
        LIBC,
        "ssize_t readv(int __fd fd, const struct iovec *__counted_by(iovcnt) iov, int iovcnt)
             __field(iov->iov_base, __out __sized_by(iov_len));",
    );
    here!(LIBC, fn readv(c_int, *const Piece, c_int) -> isize);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"what a file holds, in pieces").unwrap();
    let open = || OwnedFd::from(std::fs::File::open(file.path()).unwrap());
    let (one, other) = (open(), open());
    for sizes in [[4usize, 0, 3], [0, 0, 0], [1, 2, 9], [5, 5, 9], [3, 3, 3]] {
        let fill = |bytes: &mut [[u8; 10]; 3]| {
            let mut index = 0;
            bytes.each_mut().map(|bytes| {
                index += 1;
                let start = match sizes[index - 1] {
                    0 => null_mut(),
                    _ => bytes.as_mut_ptr(),
                };
                Piece {
                    start,
                    size: sizes[index - 1],
                }
            })
        };
        let (mut expected_bytes, mut bytes) = ([[0u8; 10]; 3], [[0u8; 10]; 3]);
        let (expected_pieces, pieces) = (fill(&mut expected_bytes), fill(&mut bytes));
        let (count, pieces) = (3, pieces.as_ptr());
        let expected = local!(readv(other.as_raw_fd(), expected_pieces.as_ptr(), count));
        let fd = one.as_raw_fd();
        let got: (isize, c_int) = remote!(world, there, fd, pieces, count);
        assert_eq!((got, bytes), (expected, expected_bytes), "{sizes:?}");
    }
    for (fd, count) in [(-1, 0), (987, 0), (one.as_raw_fd(), 0)] {
        let nowhere = null::<Piece>();
        let expected = local!(readv(fd, nowhere, count));
        let got: (isize, c_int) = remote!(world, there, fd, nowhere, count);
        assert_eq!(got, expected, "{fd}");
    }
}

/// What an address says: numbers, address, name.
type Address = ([c_int; 4], Option<Vec<u8>>, Option<CString>);

/// Everything a list of addresses says.
fn addresses(mut info: *const libc::addrinfo) -> Vec<Address> {
    let mut all = Vec::new();
    // SAFETY: a list of the C library's, or a copy of it.
    while let Some(one) = unsafe { info.as_ref() } {
        let numbers = [
            one.ai_flags,
            one.ai_family,
            one.ai_socktype,
            one.ai_protocol,
        ];
        // SAFETY: as above; the address has as many bytes as the entry says.
        let address = (!one.ai_addr.is_null()).then(|| unsafe {
            std::slice::from_raw_parts(one.ai_addr.cast::<u8>(), one.ai_addrlen as usize).to_vec()
        });
        // SAFETY: as above.
        let name = (!one.ai_canonname.is_null())
            .then(|| unsafe { CStr::from_ptr(one.ai_canonname) }.to_owned());
        all.push((numbers, address, name));
        info = one.ai_next;
    }
    all
}

#[test]
fn row_28_getaddrinfo() {
    let mut world = World::new();
    let there = world.function(
        LIBC,
        "int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
             struct addrinfo *__owned(freeaddrinfo) *__out res) __success(return == 0);",
    );
    type Info = libc::addrinfo;
    here!(
        LIBC,
        fn getaddrinfo(*const c_char, *const c_char, *const Info, *mut *mut Info) -> c_int
    );
    let hints = |flags: c_int, family: c_int| {
        // SAFETY: all zeros is a value of it.
        let mut hints: Info = unsafe { std::mem::zeroed() };
        (hints.ai_flags, hints.ai_family) = (flags, family);
        hints
    };
    let (numeric, passive) = (libc::AI_NUMERICHOST, libc::AI_PASSIVE);
    let canonical = libc::AI_CANONNAME | numeric;
    for (node, service, hints) in [
        (
            c"127.0.0.1".as_ptr(),
            c"80".as_ptr(),
            Some(hints(numeric, libc::AF_UNSPEC)),
        ),
        (
            c"::1".as_ptr(),
            c"443".as_ptr(),
            Some(hints(canonical, libc::AF_INET6)),
        ),
        (
            c"1.2.3.4".as_ptr(),
            null(),
            Some(hints(canonical, libc::AF_INET)),
        ),
        (
            null(),
            c"8080".as_ptr(),
            Some(hints(passive, libc::AF_UNSPEC)),
        ),
        (c"127.0.0.1".as_ptr(), c"9".as_ptr(), None),
        (
            c"no number".as_ptr(),
            null(),
            Some(hints(numeric, libc::AF_UNSPEC)),
        ),
        (null(), null(), None),
    ] {
        let hints: *const Info = hints.as_ref().map_or(null(), std::ptr::from_ref);
        let nowhere = null_mut::<Info>();
        let (mut expected_list, mut list) = (nowhere, nowhere);
        let expected = local!(getaddrinfo(node, service, hints, &raw mut expected_list));
        let place = &raw mut list;
        let got: (c_int, c_int) = remote!(world, there, node, service, hints, place);
        assert_eq!(got.0, expected.0);
        assert_eq!(addresses(list), addresses(expected_list));
        assert_eq!(list.is_null(), expected.0 != 0);
        // SAFETY: the copy is one piece of memory of malloc's; the list is the C library's.
        unsafe {
            libc::free(list.cast());
            if expected.0 == 0 {
                libc::freeaddrinfo(expected_list);
            }
        }
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Node {
    value: c_long,
    next: *const Node,
}

#[test]
fn lists_go_in_and_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let library = &compiled("records.c", directory.path());
    let mut world = World::new();
    let prototype = "struct node { long value; struct node *__in next; };
        struct node *__owned(free_list) reversed(const struct node *list);";
    let there = world.function(library, prototype);
    for count in [0usize, 1, 2, 1000, 40_000] {
        let mut nodes: Vec<Node> = (0..count)
            .map(|value| Node {
                value: value as c_long,
                next: null(),
            })
            .collect();
        for index in 1..count {
            nodes[index - 1].next = &raw const nodes[index];
        }
        let list = if count == 0 { null() } else { nodes.as_ptr() };
        let got: (*mut Node, c_int) = remote!(world, there, list);
        let mut node = got.0.cast_const();
        for value in (0..count).rev() {
            // SAFETY: a copy of the list that came back.
            let one = unsafe { *node };
            assert_eq!(one.value, value as c_long);
            node = one.next;
        }
        assert!(node.is_null());
        // SAFETY: one piece of memory of malloc's, or NULL.
        unsafe { libc::free(got.0.cast()) };
    }
    let mut nodes = [Node {
        value: 1,
        next: null(),
    }; 2];
    nodes[0].next = &raw const nodes[1];
    nodes[1].next = &raw const nodes[0];
    let list = nodes.as_ptr();
    // SAFETY: the argument is a variable of the parameter's type.
    let failed = unsafe { world.try_call::<*mut Node>(&there, &[common::harness::at(&list)]) };
    assert!(format!("{:?}", failed.err()).contains("back to itself"));
}

#[test]
fn row_27_sqlite3_column_blob() {
    const SQLITE: &str = "libsqlite3.so.0";
    type Handle = *mut c_void;
    let mut world = World::new();
    let there = |world: &mut World, prototype: &str| world.function(SQLITE, prototype);
    let open_there = there(
        &mut world,
        "int sqlite3_open(const char *filename, sqlite3 *__closed_by(sqlite3_close) *__out ppDb);",
    );
    let prepare_there = there(
        &mut world,
        "int sqlite3_prepare_v2(sqlite3 *__handle db, const char *__null_terminated sql, int nbyte,
             sqlite3_stmt *__closed_by(sqlite3_finalize) *__out stmt, const char *__alias(sql) *__out tail);",
    );
    let step_there = there(&mut world, "int sqlite3_step(sqlite3_stmt *__handle stmt);");
    let blob_there = there(
        &mut world,
        "const void *__sized_by(sqlite3_column_bytes(stmt, col)) __borrowed_from(stmt)
             sqlite3_column_blob(sqlite3_stmt *__handle stmt, int col);",
    );
    here!(SQLITE, fn sqlite3_open(*const c_char, *mut Handle) -> c_int);
    here!(SQLITE, fn sqlite3_prepare_v2(
        Handle, *const c_char, c_int, *mut Handle, *mut *const c_char) -> c_int);
    here!(SQLITE, fn sqlite3_step(Handle) -> c_int);
    here!(SQLITE, fn sqlite3_column_blob(Handle, c_int) -> *const u8);
    here!(SQLITE, fn sqlite3_column_bytes(Handle, c_int) -> c_int);
    let nobody: Handle = null_mut();
    let (mut database, mut statement) = (nobody, nobody);
    let (mut database_here, mut statement_here) = (nobody, nobody);
    let name = c":memory:".as_ptr();
    let place = &raw mut database;
    let got: (c_int, c_int) = remote!(world, open_there, name, place);
    assert_eq!(
        (got.0, local!(sqlite3_open(name, &raw mut database_here)).0),
        (0, 0)
    );
    let sql = c"SELECT x'00ff0041', x'', NULL, 'text', zeroblob(1), zeroblob(100000)".as_ptr();
    let (length, nowhere) = (-1, null_mut::<*const c_char>());
    let place: *mut Handle = &raw mut statement;
    let got: (c_int, c_int) = remote!(world, prepare_there, database, sql, length, place, nowhere);
    assert_eq!(got.0, 0);
    let place = &raw mut statement_here;
    assert_eq!(
        local!(sqlite3_prepare_v2(
            database_here,
            sql,
            length,
            place,
            nowhere
        ))
        .0,
        0
    );
    let got: (c_int, c_int) = remote!(world, step_there, statement);
    assert_eq!(got.0, local!(sqlite3_step(statement_here)).0);
    for column in -1..=6 {
        let expected = local!(sqlite3_column_blob(statement_here, column)).0;
        let size = local!(sqlite3_column_bytes(statement_here, column)).0 as usize;
        let got: (*const u8, c_int) = remote!(world, blob_there, statement, column);
        assert_eq!(got.0.is_null(), expected.is_null(), "{column}");
        if !expected.is_null() {
            // SAFETY: SQLite's own bytes, and a copy of them.
            let (expected, got) = unsafe {
                (
                    std::slice::from_raw_parts(expected, size),
                    std::slice::from_raw_parts(got.0, size),
                )
            };
            assert_eq!(got, expected, "{column}");
        }
    }
    let nothing: Handle = null_mut();
    let column = 0;
    let got: (*const u8, c_int) = remote!(world, blob_there, nothing, column);
    assert_eq!(got.0, local!(sqlite3_column_blob(nothing, column)).0);
}

#[test]
fn bit_fields_lie_where_the_compiler_puts_them() {
    let directory = tempfile::tempdir().unwrap();
    let library = &compiled("records.c", directory.path());
    let mut world = World::new();
    let flags = "struct flags {
            char first; int low : 4; unsigned wide : 13; _Bool yes : 1; unsigned : 3;
            long long far : 27; unsigned short : 0; unsigned char bytes : 7; int last;
        };";
    let there = world.function(
        library,
        &format!("{flags} int change(struct flags *__inout __counted_by(n) flags, int n);"),
    );
    let make = world.function(
        library,
        &format!("{flags} void make_flags(struct flags *__out __counted_by(n) flags, int n);"),
    );
    here!(library, fn size_of_flags() -> usize);
    here!(library, fn change(*mut u8, c_int) -> c_int);
    here!(library, fn make_flags(*mut u8, c_int) -> ());
    let size = local!(size_of_flags()).0;
    let (count, bytes) = (2 as c_int, 2 * size);
    let (mut expected_flags, mut flags) = (vec![0u8; bytes], vec![0u8; bytes]);
    local!(make_flags(expected_flags.as_mut_ptr(), count));
    let place = flags.as_mut_ptr();
    let _: ((), c_int) = remote!(world, make, place, count);
    assert_eq!(flags, expected_flags);
    let expected = local!(change(expected_flags.as_mut_ptr(), count));
    let got: (c_int, c_int) = remote!(world, there, place, count);
    assert_eq!((got, flags), (expected, expected_flags));
    assert_eq!(expected.0, 1);
}
