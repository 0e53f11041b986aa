//! The most that one call carries: to the byte the same through shared memory and through sockets, there and
//! back, and what is more is refused with the limit's name.

use cosmos::{Error, FaultCode, Library, Symbol};
use cosmos_tests::{World, c, in_world};
use std::ffi::{c_int, c_void};

/// Bytes of ordinary memory in one call.
const LIMIT: usize = 64 << 20;
const BYTE: u8 = 0xa5;

type Count = unsafe extern "C" fn(*const u8, usize, c_int) -> usize;
type Fill = unsafe extern "C" fn(*mut u8, usize, c_int);
type Copy = unsafe extern "C" fn(*mut u8, *const u8, usize);
type Make = unsafe extern "C" fn(usize, c_int) -> *mut c_void;
type Look = unsafe extern "C" fn(*const u8, usize) -> usize;
type Show = unsafe extern "C" fn(Look, usize, c_int) -> usize;
type Give = unsafe extern "C" fn(*mut u8, usize);
type Ask = unsafe extern "C" fn(Give, usize, c_int) -> usize;

struct Large {
    count: Symbol<Count>,
    fill: Symbol<Fill>,
    copy: Symbol<Copy>,
    make: Symbol<Make>,
    show: Symbol<Show>,
    ask: Symbol<Ask>,
}

impl Large {
    fn of(library: &Library) -> Large {
        let bytes = "unsigned char *__sized_by(size) bytes, size_t size";
        let out = "unsigned char *__out __sized_by(size) bytes, size_t size";
        let symbol = "it resolves";
        Large {
            count: library
                .symbol(&format!("size_t count(const {bytes}, int byte)"))
                .expect(symbol),
            fill: library
                .symbol(&format!("void fill({out}, int byte)"))
                .expect(symbol),
            copy: library
                .symbol(
                    "void copy(unsigned char *__out __sized_by(size) to, \
                     const unsigned char *__sized_by(size) from, size_t size)",
                )
                .expect(symbol),
            make: library
                .symbol("void *__owned(free) __sized_by(size) make(size_t size, int byte)")
                .expect(symbol),
            show: library
                .symbol(&format!(
                    "size_t show(size_t (*look)(const {bytes}), size_t size, int byte)"
                ))
                .expect(symbol),
            ask: library
                .symbol(&format!(
                    "size_t ask(void (*give)({out}), size_t size, int byte)"
                ))
                .expect(symbol),
        }
    }

    /// Passes so many bytes.
    fn there(&self, size: usize) -> Result<bool, Error> {
        let buffer = vec![BYTE; size];
        // SAFETY: the buffer has so many bytes.
        let counted = unsafe { self.count.try_call(buffer.as_ptr(), size, BYTE.into()) };
        Ok(counted? == size)
    }

    /// Has so many bytes filled in.
    fn back(&self, size: usize) -> Result<bool, Error> {
        let mut buffer = vec![0; size];
        // SAFETY: the buffer has so many bytes.
        unsafe { self.fill.try_call(buffer.as_mut_ptr(), size, BYTE.into()) }?;
        Ok(buffer.iter().all(|byte| *byte == BYTE))
    }

    /// Passes half of them, rounded up, and has as many filled in.
    fn there_and_back(&self, size: usize) -> Result<bool, Error> {
        let half = size.div_ceil(2);
        let (from, mut to) = (vec![BYTE; half], vec![0; half]);
        // SAFETY: both have so many bytes.
        unsafe { self.copy.try_call(to.as_mut_ptr(), from.as_ptr(), half) }?;
        Ok(to == from)
    }

    /// Is given so many bytes that the function has allocated.
    fn given(&self, size: usize) -> Result<bool, Error> {
        // SAFETY: what it gives is freed below.
        let made = unsafe { self.make.try_call(size, BYTE.into()) }?;
        // SAFETY: it has so many bytes.
        let bytes = unsafe { std::slice::from_raw_parts(made.cast::<u8>(), size) };
        let all = bytes.iter().all(|byte| *byte == BYTE);
        // SAFETY: it is the program's own now.
        unsafe { libc::free(made) };
        Ok(all)
    }

    /// Is shown so many bytes by a call back.
    fn shown(&self, size: usize) -> Result<bool, Error> {
        unsafe extern "C" fn look(bytes: *const u8, size: usize) -> usize {
            // SAFETY: so many bytes are there.
            let bytes = unsafe { std::slice::from_raw_parts(bytes, size) };
            bytes.iter().filter(|byte| **byte == BYTE).count()
        }
        // SAFETY: the function is what the prototype says.
        Ok(unsafe { self.show.try_call(look, size, BYTE.into()) }? == size)
    }

    /// Gives so many bytes to a call back.
    fn asked(&self, size: usize) -> Result<bool, Error> {
        unsafe extern "C" fn give(bytes: *mut u8, size: usize) {
            // SAFETY: so many bytes are there.
            unsafe { bytes.write_bytes(BYTE, size) };
        }
        // SAFETY: the function is what the prototype says.
        Ok(unsafe { self.ask.try_call(give, size, BYTE.into()) }? == size)
    }
}

/// All of it, up to the last byte and one more.
fn carries_the_limit_and_no_more(world: &World, ring: &str) {
    // SAFETY: no other thread of this process reads or writes the environment yet.
    unsafe { std::env::set_var("COSMOS_RING", ring) };
    let path = c::library("large.c", world.directory());
    let library = cosmos::dlopen(path.to_str().expect("UTF-8")).expect("the library");
    let large = Large::of(&library);
    type Way = fn(&Large, usize) -> Result<bool, Error>;
    let ways: [(&str, Way); 6] = [
        ("there", Large::there),
        ("back", Large::back),
        ("there and back", Large::there_and_back),
        ("given", Large::given),
        ("shown", Large::shown),
        ("asked", Large::asked),
    ];
    for (name, way) in ways {
        for size in [LIMIT - 1, LIMIT] {
            let right = way(&large, size);
            assert!(right.unwrap_or_else(|error| panic!("{name}, {size}: {error}")));
        }
        for size in [LIMIT + 1, LIMIT + (3 << 20)] {
            let error = way(&large, size).expect_err(name);
            assert_eq!(error.code(), FaultCode::TooLarge, "{name}, {size}: {error}");
            let words = format!("the limit is {LIMIT}");
            assert!(
                error.to_string().contains(&words),
                "{name}, {size}: {error}"
            );
        }
        assert!(way(&large, 1).expect("it goes on"), "{name}");
    }
}

#[test]
fn through_shared_memory() {
    in_world(|world| carries_the_limit_and_no_more(world, "1"));
}

#[test]
fn through_sockets() {
    in_world(|world| carries_the_limit_and_no_more(world, "0"));
}
