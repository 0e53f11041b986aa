//! A call of a function that was called before costs no allocation, and no system call but such as
//! wait for the answer.

use cosmos_tests::in_world;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::{c_int, c_uint, c_ulong, c_void};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The system's allocator, which counts for threads that ask for it.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<Option<u64>> = const { Cell::new(None) };
}

fn count() {
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get().map(|count| count + 1)));
}

// SAFETY: everything is the system allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

type Labs = extern "C" fn(i64) -> i64;
type Lldiv = extern "C" fn(i64, i64) -> [i64; 2];
type Crc32 = unsafe extern "C" fn(c_ulong, *const u8, c_uint) -> c_ulong;

/// Functions of numbers, of numbers that do not fit into a line, and of a buffer.
struct Functions {
    labs: Labs,
    lldiv: Lldiv,
    crc32: Crc32,
    _libraries: [cosmos::Library; 2],
}

impl Functions {
    fn resolve() -> Functions {
        let libc = cosmos::dlopen("libc.so.6").expect("libc");
        let zlib = cosmos::dlopen("libz.so.1").expect("zlib");
        let pointer = |library: &cosmos::Library, prototype: &str| {
            library.function(prototype).expect(prototype).pointer()
        };
        let labs = pointer(&libc, "long labs(long number)");
        let lldiv = pointer(
            &libc,
            "struct { long long quot; long long rem; } lldiv(long long a, long long b)",
        );
        let crc32 = pointer(
            &zlib,
            "uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len)",
        );
        // SAFETY: the prototypes are of these types.
        unsafe {
            Functions {
                labs: std::mem::transmute::<*const c_void, Labs>(labs),
                lldiv: std::mem::transmute::<*const c_void, Lldiv>(lldiv),
                crc32: std::mem::transmute::<*const c_void, Crc32>(crc32),
                _libraries: [libc, zlib],
            }
        }
    }

    fn numbers(&self, times: i64) {
        for number in 1..=times {
            assert_eq!((self.labs)(-number), number);
            assert_eq!((self.lldiv)(10 * number + 3, 10), [number, 3]);
        }
    }

    fn buffers(&self, times: usize) {
        for _ in 0..times {
            // SAFETY: the buffer has as many bytes.
            let sum = unsafe { (self.crc32)(0, b"123456789".as_ptr(), 9) };
            assert_eq!(sum, 0xcbf4_3926);
        }
    }
}

/// Whether calls go through shared memory; where somebody turned that off, a test of it is skipped.
fn ring_is_on(test: &str) -> bool {
    let off = std::env::var("COSMOS_RING").is_ok_and(|value| value == "0");
    if off {
        println!("{test}: skipped, for COSMOS_RING=0 has calls go through sockets");
    }
    !off
}

#[test]
fn warm_calls_allocate_nothing() {
    if !ring_is_on("warm_calls_allocate_nothing") {
        return;
    }
    in_world(|_| {
        let functions = Functions::resolve();
        functions.numbers(100);
        ALLOCATIONS.set(Some(0));
        functions.numbers(1000);
        let counted = ALLOCATIONS.replace(None);
        assert_eq!(counted, Some(0), "calls of numbers");
        functions.buffers(100);
    });
}

/// What a thread may do while it waits for an answer.
const WAITING: [libc::c_long; 6] = [
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_poll,
    libc::SYS_getcpu,
    // How the clock is read where the machine has no faster way, and how a signal returns.
    libc::SYS_clock_gettime,
    libc::SYS_rt_sigreturn,
];

#[test]
fn warm_calls_make_no_system_call_but_to_wait() {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    if !ring_is_on("warm_calls_make_no_system_call_but_to_wait") {
        return;
    }
    in_world(|_| {
        let called = |_: &()| CALLS.load(Ordering::Acquire);
        std::thread::spawn(|| {
            let functions = Functions::resolve();
            functions.numbers(100);
            functions.buffers(100);
            allow_only(&WAITING);
            for _ in 0..10 {
                functions.numbers(100);
                functions.buffers(100);
                CALLS.fetch_add(300, Ordering::Release);
            }
            // It may not even end any more.
            loop {
                std::thread::park();
            }
        });
        let done = cosmos_tests::eventually(Duration::from_secs(50), || {
            (called(&()) == 3000).then_some(())
        });
        assert!(done.is_some(), "{} calls were made", called(&()));
    });
}

/// From now on, any other system call of this thread ends the process.
fn allow_only(calls: &[libc::c_long]) {
    const fn statement(code: u32, value: u32) -> libc::sock_filter {
        jump(code, value, 0, 0)
    }
    const fn jump(code: u32, value: u32, yes: u8, no: u8) -> libc::sock_filter {
        libc::sock_filter {
            code: code as u16,
            jt: yes,
            jf: no,
            k: value,
        }
    }
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let answer = libc::BPF_RET | libc::BPF_K;
    // The number of the call is what a filter finds at 0.
    let mut program = vec![statement(load, 0)];
    for call in calls {
        program.push(jump(equal, *call as u32, 0, 1));
        program.push(statement(answer, libc::SECCOMP_RET_ALLOW));
    }
    program.push(statement(answer, libc::SECCOMP_RET_KILL_PROCESS));
    let filter = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: both calls change what this thread may do, and read the program above.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let mode = libc::SECCOMP_MODE_FILTER;
        let set: c_int = libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const filter);
        assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
    }
}
