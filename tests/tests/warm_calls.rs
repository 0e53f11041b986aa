//! A call of a function that was called before, with numbers or plain bytes, costs no allocation, and no
//! system call but such as wait for the answer; nor does a callback of a few bytes, and a call that is
//! made from it.

use cosmos_tests::{eventually, in_world};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
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
type Compare = unsafe extern "C" fn(*const i32, *const i32) -> c_int;
type Qsort = unsafe extern "C" fn(*mut i32, usize, usize, Compare);
type Crc32 = unsafe extern "C" fn(c_ulong, *const u8, c_uint) -> c_ulong;

thread_local! {
    static COMPARED: Cell<u64> = const { Cell::new(0) };
    /// Which comparisons are counted, and what the last of them does.
    static COUNTED: Cell<Option<(u64, u64)>> = const { Cell::new(None) };
    /// What is called from within comparisons.
    static WITHIN: Cell<Option<Labs>> = const { Cell::new(None) };
    /// Allocations between the first and the last comparison that are counted.
    static FOUND: Cell<Option<u64>> = const { Cell::new(None) };
}

unsafe extern "C" fn compare(left: *const i32, right: *const i32) -> c_int {
    let made = COMPARED.get() + 1;
    COMPARED.set(made);
    if let Some(labs) = WITHIN.get() {
        assert_eq!(labs(-(made as i64)), made as i64);
    }
    match COUNTED.get() {
        Some((first, _)) if first == made => ALLOCATIONS.set(Some(0)),
        Some((_, last)) if last == made => FOUND.set(ALLOCATIONS.replace(None)),
        _ => {}
    }
    // SAFETY: both lead to a number.
    unsafe { (*left).cmp(&*right) as c_int }
}

/// Functions of numbers, of numbers that do not fit into a line, and of a buffer.
struct Functions {
    labs: Labs,
    lldiv: Lldiv,
    qsort: Qsort,
    crc32: Crc32,
    shared: cosmos::Buffer,
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
        let qsort = pointer(
            &libc,
            "void qsort(void *__inout __sized_by(nmemb * size) base, size_t nmemb, size_t size,
                        int (*compare)(const void *__sized_by(size) a, const void *__sized_by(size) b))",
        );
        let crc32 = pointer(
            &zlib,
            "uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len)",
        );
        let mut shared = zlib.alloc(9).expect("shared memory");
        shared.write(0, b"123456789").expect("room");
        // SAFETY: the prototypes are of these types.
        unsafe {
            Functions {
                labs: std::mem::transmute::<*const c_void, Labs>(labs),
                lldiv: std::mem::transmute::<*const c_void, Lldiv>(lldiv),
                qsort: std::mem::transmute::<*const c_void, Qsort>(qsort),
                crc32: std::mem::transmute::<*const c_void, Crc32>(crc32),
                shared,
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

    /// Sorts so many numbers; gives how often they were compared.
    fn sort(&self, count: usize) -> u64 {
        let before = COMPARED.get();
        let mut numbers: Vec<i32> = (0..count as i32).map(|it| it * 7919 % 1009).collect();
        // SAFETY: so many numbers of four bytes, which `compare` compares.
        unsafe { (self.qsort)(numbers.as_mut_ptr(), count, 4, compare) };
        assert!(numbers.is_sorted());
        COMPARED.get() - before
    }

    fn buffers(&self, times: usize) {
        for _ in 0..times {
            // SAFETY: the buffers have as many bytes.
            unsafe {
                let sum = (self.crc32)(0, b"123456789".as_ptr(), 9);
                assert_eq!(sum, 0xcbf4_3926);
                let sum = (self.crc32)(0, self.shared.as_ptr(), 9);
                assert_eq!(sum, 0xcbf4_3926);
                // Large enough to be copied to where the VM sees it.
                let sum = (self.crc32)(0, [b'a'; 5000].as_ptr(), 5000);
                assert_eq!(sum, 0x4cf4_5976);
            }
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
        ALLOCATIONS.set(Some(0));
        functions.buffers(1000);
        let counted = ALLOCATIONS.replace(None);
        assert_eq!(counted, Some(0), "calls of buffers");
    });
}

#[test]
fn warm_callbacks_allocate_nothing() {
    if !ring_is_on("warm_callbacks_allocate_nothing") {
        return;
    }
    in_world(|_| {
        let functions = Functions::resolve();
        functions.numbers(100);
        for within in [None, Some(functions.labs)] {
            WITHIN.set(within);
            functions.sort(100);
            // From within the second comparison to within one of the last.
            let begun = COMPARED.get();
            COUNTED.set(Some((begun + 2, begun + 3000)));
            assert!(functions.sort(1000) > 3000);
            assert_eq!(
                FOUND.replace(None),
                Some(0),
                "calls inside: {}",
                within.is_some()
            );
        }
    });
}

/// What a thread may do while it waits for an answer.
const WAITING: [libc::c_long; 7] = [
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_poll,
    libc::SYS_newfstatat,
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
    in_world(|world| {
        let called = || CALLS.load(Ordering::Acquire);
        std::thread::spawn(|| {
            let functions = Functions::resolve();
            functions.numbers(100);
            functions.buffers(100);
            WITHIN.set(Some(functions.labs));
            functions.sort(100);
            allow_only(&WAITING);
            for _ in 0..10 {
                functions.numbers(100);
                functions.buffers(100);
                functions.sort(100);
                CALLS.fetch_add(300, Ordering::Release);
            }
            // It may not even end any more.
            loop {
                std::thread::park();
            }
        });
        let has_made = |count| {
            let is_so = eventually(Duration::from_secs(50), || {
                (called() >= count).then_some(())
            });
            assert!(is_so.is_some(), "{} calls were made", called());
        };
        // Now and then the answer is long in coming, as on a machine that is busy.
        for count in [300, 900, 1500] {
            has_made(count);
            for vm in world.processes_named("cosmos-hostfn") {
                let signal = |signal| kill(Pid::from_raw(vm.pid), signal).expect("it lives");
                signal(Signal::SIGSTOP);
                std::thread::sleep(Duration::from_millis(400));
                signal(Signal::SIGCONT);
            }
        }
        has_made(3000);
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
