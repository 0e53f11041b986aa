//! How long calls may take, how other threads end them, and which run again.

use cosmos::{FaultCode, Library, Options, Value, Vm};
use cosmos_tests::{Process, c, errno, eventually, in_world, set_errno};
use std::ffi::{CString, c_int, c_void};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const C: &str = "libc.so.6";
const SLEEP: &str = "int usleep(unsigned microseconds)";
/// Longer than any test.
const FOR_EVER: i32 = 900_000_000;
/// How long what comes may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A library in a VM of its own: a limit that passes ends the VM.
fn fresh(options: Options) -> cosmos::Library {
    cosmos::dlopen_with(C, &options.fresh(true)).expect(C)
}

/// The limit that is said nearest to the call holds, whichever is shorter.
#[test]
fn the_nearest_limit_holds() {
    in_world(|_| {
        let long = || Options::new().timeout(Duration::from_secs(600));
        // Opening has to be done in this time, too.
        let short = || Options::new().timeout(Duration::from_secs(1));
        // The library with a function, once both were there in time.
        let open = |options: &dyn Fn() -> Options, prototype: &str| {
            let open = || {
                let library = cosmos::dlopen_with(C, &options().fresh(true)).ok()?;
                let function = library.function(prototype).ok()?;
                Some((library, function))
            };
            eventually(PATIENCE, open).expect(prototype)
        };
        let limited = format!("{SLEEP} __timeout(50)");
        let patient = format!("{SLEEP} __timeout(600000)");
        let moment = Duration::from_millis(50);
        let overdue = |options: &dyn Fn() -> Options, prototype: &str, within: Option<Duration>| {
            let (_library, function) = open(options, prototype);
            let begun = Instant::now();
            let call = || function.call(&[FOR_EVER.into()]);
            let outcome = within.map_or_else(call, |limit| cosmos::within(limit, call));
            let error = outcome.expect_err("it is late");
            assert_eq!(error.code(), FaultCode::TimedOut, "{error}");
            assert_eq!(error.errno(), libc::ETIMEDOUT);
            assert!(begun.elapsed() < PATIENCE);
            // A private VM does not survive it.
            let error = function.call(&[0.into()]).expect_err("it was killed");
            assert_eq!(error.errno(), libc::EOWNERDEAD, "{error}");
        };
        overdue(&short, SLEEP, None);
        overdue(&long, &limited, None);
        overdue(&long, SLEEP, Some(moment));
        overdue(&long, &patient, Some(moment));
        // And in time where the nearest is the longest.
        let sleep = |function: &cosmos::Function| {
            function.call(&[1_500_000.into()]).expect("in time").result
        };
        let (_library, function) = open(&short, &patient);
        assert_eq!(sleep(&function), 0.into());
        let (_library, function) = open(&short, &limited);
        let slept = cosmos::within(Duration::from_secs(600), || sleep(&function));
        assert_eq!(slept, 0.into());
    });
}

/// What a failing call returns: all of C's types, and what a prototype says itself.
#[test]
fn a_failed_call_returns_its_failure_value() {
    in_world(|world| {
        let path = c::library("failing.c", world.directory());
        macro_rules! fails {
            ($prototype:expr, $result:ty, $check:expr) => {{
                let library = open(&path, Options::new());
                let function = library.function($prototype).expect($prototype);
                // SAFETY: the function has this type.
                let call = unsafe {
                    std::mem::transmute::<*const c_void, unsafe extern "C" fn() -> $result>(
                        function.pointer(),
                    )
                };
                set_errno(0);
                // SAFETY: as above.
                let result = unsafe { call() };
                let after = errno();
                let check: fn($result) -> bool = $check;
                assert!(check(result), "{}", $prototype);
                assert_eq!(after, libc::EOWNERDEAD, "{}", $prototype);
                let error = cosmos::last_error().expect("it is told");
                assert_eq!(error.code(), FaultCode::VmDied);
                assert!(error.to_string().contains("SIGABRT"), "{error}");
            }};
        }
        fails!("int die_int(void)", c_int, |value| value == -1);
        fails!("int die_int(void) __fail(7)", c_int, |value| value == 7);
        fails!("unsigned char die_byte(void)", u8, |value| value == 255);
        fails!("unsigned long die_unsigned(void)", u64, |value| value
            == u64::MAX);
        fails!(
            "unsigned long die_unsigned(void) __fail(0)",
            u64,
            |value| value == 0
        );
        fails!("long long die_long(void)", i64, |value| value == -1);
        fails!("float die_float(void)", f32, f32::is_nan);
        fails!("double die_double(void)", f64, f64::is_nan);
        fails!("double die_double(void) __fail(0.5)", f64, |value| value
            == 0.5);
        fails!("void *__handle die_pointer(void)", *mut c_void, |value| {
            value.is_null()
        });
        let pair = "struct pair { long first; double second; }; struct pair die_pair(void)";
        fails!(pair, [u64; 2], |value| value == [0, 0]);
        outputs_are_left_alone(&path);
    });
}

fn outputs_are_left_alone(path: &Path) {
    let library = open(path, Options::new());
    let function = library
        .function("int die_writing(int *__out output)")
        .expect("a function");
    // SAFETY: the function has this type.
    let call = unsafe {
        std::mem::transmute::<*const c_void, unsafe extern "C" fn(*mut c_int) -> c_int>(
            function.pointer(),
        )
    };
    let mut output = 99;
    // SAFETY: as above.
    assert_eq!(unsafe { call(&mut output) }, -1);
    assert_eq!(output, 99);
}

fn open(path: &Path, options: Options) -> Library {
    let path = path.to_str().expect("UTF-8");
    // Some functions leave marks in the test's own directory.
    let here = std::env::current_dir().expect("the test's own directory");
    let options = options.fresh(true).write(here);
    cosmos::dlopen_with(path, &options).expect(path)
}

/// Ends the calls of `library` as soon as there are some.
fn cancel(library: &Library) -> usize {
    eventually(Duration::from_secs(20), || {
        match library.cancel().expect("the library is open") {
            0 => None,
            count => Some(count),
        }
    })
    .expect("a call to end")
}

/// A VM that is stopped answers nobody. A thread that waits for it to begin its first call holds up
/// neither who cancels calls nor the deadline of another's.
#[test]
fn calls_in_a_stopped_vm_end_while_another_thread_begins_its_first() {
    in_world(|world| {
        for cancelled in [true, false] {
            let library = fresh(Options::new());
            let raise = library.function("int raise(int signal)").expect("raise");
            let length = library.function("size_t strlen(const char *s)");
            let length = length.expect("strlen");
            std::thread::scope(|scope| {
                let stops = scope.spawn(|| {
                    let call = || raise.call(&[libc::SIGSTOP.into()]);
                    match cancelled {
                        true => call(),
                        false => cosmos::within(Duration::from_secs(2), call),
                    }
                });
                eventually(Duration::from_secs(20), || {
                    let vms = world.processes_named("cosmos-hostfn");
                    let is_one = vms.iter().any(|vm| Process::is_stopped(vm.pid));
                    is_one.then_some(())
                })
                .expect("a stopped VM");
                let begins = scope.spawn(|| length.call(&["x".into()]));
                std::thread::sleep(Duration::from_millis(200));
                if cancelled {
                    assert_eq!(cancel(&library), 1);
                }
                let error = stops.join().expect("no panic").expect_err("no answer");
                let code = match cancelled {
                    true => FaultCode::Cancelled,
                    false => FaultCode::TimedOut,
                };
                assert_eq!(error.code(), code, "{error}");
                let error = begins.join().expect("no panic").expect_err("no VM");
                assert_eq!(error.errno(), libc::EOWNERDEAD, "{error}");
            });
        }
    });
}

#[test]
fn another_thread_ends_a_call_in_a_private_vm() {
    in_world(|world| {
        let path = c::library("failing.c", world.directory());
        let library = open(&path, Options::new());
        let add = library.function("int add(int a, int b)").expect("add");
        assert_eq!(library.cancel(), Ok(0));
        assert_eq!(
            add.call(&[1.into(), 2.into()]).expect("add").result,
            3.into()
        );
        let hang = library.function("int hang(void)").expect("hang");
        std::thread::scope(|scope| {
            let calls: Vec<_> = (0..3).map(|_| scope.spawn(|| hang.call(&[]))).collect();
            let mut ended = 0;
            // The first end takes the VM, and what had not begun by then finds it gone.
            ended += cancel(&library);
            let errors: Vec<_> = calls
                .into_iter()
                .map(|call| call.join().expect("no panic").expect_err("cancelled"))
                .collect();
            let cancelled = errors
                .iter()
                .filter(|error| error.code() == FaultCode::Cancelled);
            assert_eq!(cancelled.clone().count(), ended, "{errors:?}");
            for error in cancelled {
                assert_eq!(error.errno(), libc::ECANCELED);
                assert!(
                    error.to_string().contains("hang() was cancelled"),
                    "{error}"
                );
            }
        });
        let error = add
            .call(&[1.into(), 2.into()])
            .expect_err("the VM was killed");
        assert_eq!(error.errno(), libc::EOWNERDEAD, "{error}");
        assert!(error.to_string().contains("cancelled"), "{error}");
        assert!(library.cancel().is_err());
        let again = open(&path, Options::new());
        let add = again.function("int add(int a, int b)").expect("add");
        assert_eq!(
            add.call(&[1.into(), 2.into()]).expect("add").result,
            3.into()
        );
    });
}

/// In a shared VM only the calls of that library end, and the threads go on with others.
#[test]
fn another_thread_ends_a_call_in_a_shared_vm() {
    in_world(|world| {
        let path = c::library("failing.c", world.directory());
        let shared = || {
            let options = Options::new().shared("several");
            cosmos::dlopen_with(path.to_str().expect("UTF-8"), &options).expect("the library")
        };
        let (library, bystander) = (shared(), shared());
        assert_eq!(library.vm(), bystander.vm());
        let hang = library.function("int hang(void)").expect("hang");
        let other = bystander.function("int hang(void)").expect("hang");
        let add = library.function("int add(int a, int b)").expect("add");
        std::thread::scope(|scope| {
            let bystanding = scope.spawn(|| other.call(&[]));
            let cancelled = scope.spawn(|| {
                let error = hang.call(&[]).expect_err("cancelled");
                assert_eq!(error.code(), FaultCode::Cancelled, "{error}");
                add.call(&[1.into(), 2.into()])
            });
            assert_eq!(cancel(&library), 1);
            let after = cancelled.join().expect("no panic").expect("the VM lives");
            assert_eq!(after.result, 3.into());
            assert!(!bystanding.is_finished());
            assert_eq!(cancel(&bystander), 1);
            let error = bystanding.join().expect("no panic").expect_err("cancelled");
            assert_eq!(error.errno(), libc::ECANCELED);
        });
    });
}

/// While the program's own function runs, the call that called it back can be ended too.
#[test]
fn a_call_that_calls_back_is_ended() {
    in_world(|_| {
        let library = fresh(Options::new());
        let qsort = "void qsort(int *__inout __counted_by(n) base, size_t n, size_t size,
            int (*compare)(const int *a, const int *b))";
        let qsort = library.function(qsort).expect("qsort");
        let ended = AtomicBool::new(false);
        let numbers = Value::Array(vec![3.into(), 1.into(), 2.into()]);
        let compare = cosmos::callback(move |_: &[Value]| {
            // Only once: what is called back after that would be a call that goes on.
            assert!(!ended.swap(true, Ordering::AcqRel));
            std::thread::scope(|scope| {
                assert_eq!(
                    scope.spawn(|| cancel(&library)).join().expect("no panic"),
                    1
                );
            });
            Value::Int(0)
        });
        let values = [numbers, 3.into(), 4.into(), compare];
        let error = qsort.call(&values).expect_err("it was cancelled");
        assert_eq!(error.code(), FaultCode::Cancelled, "{error}");
    });
}

#[test]
fn c_programs_limit_and_end_calls() {
    use cosmos::c::{calls, dl};
    in_world(|world| {
        let path = c::library("failing.c", world.directory());
        let path = CString::new(path.to_str().expect("UTF-8")).expect("no NUL");
        let opened = || {
            // SAFETY: a string, and no options.
            let opened = unsafe { dl::cosmos_dlopen(path.as_ptr(), std::ptr::null()) };
            assert!(!opened.is_null());
            opened
        };
        let hang = |opened| {
            // SAFETY: a string; hang has this type.
            unsafe {
                let pointer = dl::cosmos_dlsym(opened, c"int hang(void)".as_ptr());
                std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> c_int>(pointer)
            }
        };
        let first = opened();
        assert_eq!(calls::cosmos_cancel(first), 0);
        assert_eq!(calls::cosmos_thread_timeout(50), 0);
        // SAFETY: as above.
        assert_eq!((unsafe { hang(first)() }, errno()), (-1, libc::ETIMEDOUT));
        assert_eq!(calls::cosmos_thread_timeout(0), 50);
        assert_eq!(
            (calls::cosmos_cancel(first), errno()),
            (-1, libc::EOWNERDEAD)
        );
        assert_eq!(dl::cosmos_dlclose(first), 0);
        assert_eq!((calls::cosmos_cancel(first), errno()), (-1, libc::EBADF));

        let second = opened();
        let (address, function) = (second.addr(), hang(second));
        std::thread::scope(|scope| {
            // SAFETY: as above.
            let call = scope.spawn(move || (unsafe { function() }, errno()));
            let ended = eventually(Duration::from_secs(20), || {
                let opened = std::ptr::without_provenance_mut(address);
                (calls::cosmos_cancel(opened) == 1).then_some(())
            });
            assert!(ended.is_some());
            assert_eq!(call.join().expect("no panic"), (-1, libc::ECANCELED));
        });
    });
}

#[test]
fn an_idempotent_call_is_made_once_more() {
    in_world(|world| {
        let path = c::library("failing.c", world.directory());
        let marker = |name: &str| {
            let path = world.directory().join(name);
            Value::from(path.to_str().expect("UTF-8"))
        };
        let once = "int die_once(const char *marker)";
        let idempotent = format!("{once} __idempotent");
        // Once without the word, once with it.
        let library = open(&path, Options::new());
        let plain = library.function(once).expect(once);
        let error = plain.call(&[marker("a")]).expect_err("its VM died");
        assert_eq!(error.code(), FaultCode::VmDied, "{error}");

        let library = open(&path, Options::new());
        let function = library.function(&idempotent).expect(once);
        let add = library.function("int add(int a, int b)").expect("add");
        assert_eq!(
            function.call(&[marker("b")]).expect("again").result,
            42.into()
        );
        // The library's own VM stays dead; its idempotent functions have another.
        let error = add.call(&[1.into(), 2.into()]).expect_err("its VM died");
        assert_eq!(error.errno(), libc::EOWNERDEAD);
        assert_eq!(
            function.call(&[marker("b")]).expect("there").result,
            42.into()
        );
        // And when that one dies, a third.
        assert_eq!(
            function.call(&[marker("c")]).expect("again").result,
            42.into()
        );

        let counter = world.directory().join("counter");
        let counting = "int die_counting(const char *file) __idempotent";
        let library = open(&path, Options::new());
        let function = library.function(counting).expect(counting);
        let error = function
            .call(&[marker("counter")])
            .expect_err("it always dies");
        assert_eq!(error.code(), FaultCode::VmDied, "{error}");
        assert_eq!(std::fs::read(&counter).expect("the counter"), b"xx");
        only_where_it_can_be(&path, &marker);
    });
}

fn only_where_it_can_be(path: &Path, marker: &dyn Fn(&str) -> Value) {
    // An object of the dead VM is in no other.
    let with = "int die_with(FILE *__handle handle, const char *marker) __idempotent";
    let library = open(path, Options::new());
    let function = library.function(with).expect(with);
    let error = function
        .call(&[Value::Null, marker("d")])
        .expect_err("a handle");
    assert_eq!(error.code(), FaultCode::VmDied, "{error}");
    // A library that was put into a VM belongs there.
    let here = std::env::current_dir().expect("the test's own directory");
    let vm = Vm::open("hostfn", &Options::new().write(here)).expect("a VM");
    let options = Options::new().vm(&vm);
    let library = cosmos::dlopen_with(path.to_str().expect("UTF-8"), &options).expect("it");
    let once = "int die_once(const char *marker) __idempotent";
    let function = library.function(once).expect(once);
    let error = function.call(&[marker("e")]).expect_err("its VM died");
    assert_eq!(error.code(), FaultCode::VmDied, "{error}");
    // Time that is up is up.
    let library = open(path, Options::new());
    let hang = "int hang(void) __idempotent __timeout(50)";
    let error = library
        .function(hang)
        .expect(hang)
        .call(&[])
        .expect_err("it is late");
    assert_eq!(error.code(), FaultCode::TimedOut, "{error}");
}

/// A VM that takes its time to start keeps the connection to cosmosd busy; a call that fails on
/// another thread does not wait for it.
#[test]
fn a_late_call_waits_for_no_vm_that_starts() {
    in_world(|world| {
        slow_kind(world.directory());
        let library = fresh(Options::new());
        let sleep = format!("{SLEEP} __timeout(100)");
        let sleep = library.function(&sleep).expect("usleep");
        let opened = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let outcome = Vm::open("slow", &Options::new());
                opened.store(true, Ordering::Release);
                outcome.map(drop)
            });
            // Until the other thread has begun to ask.
            let started = eventually(Duration::from_secs(20), || {
                (!world.processes_named("slow-vm").is_empty()).then_some(())
            });
            assert!(started.is_some(), "{:?}", world.processes());
            let error = sleep.call(&[FOR_EVER.into()]).expect_err("it is late");
            assert_eq!(error.code(), FaultCode::TimedOut, "{error}");
            assert!(
                !opened.load(Ordering::Acquire),
                "the other thread was done first"
            );
            // The VM ends all the same: by its connection.
            let ended = eventually(Duration::from_secs(20), || {
                world
                    .processes_named("cosmos-hostfn")
                    .is_empty()
                    .then_some(())
            });
            assert!(ended.is_some());
            for process in world.processes_named("slow-vm") {
                let pid = nix::unistd::Pid::from_raw(process.pid);
                let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
            }
        });
    });
}

/// A kind of VM that never gets ready.
fn slow_kind(directory: &Path) {
    let executable = directory.join("slow-vm");
    std::fs::write(&executable, "#!/bin/sh\nread never <&3\nread never <&3\n").expect("a script");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&executable, mode).expect("executable");
    let profiles = directory.join("profiles");
    std::fs::create_dir(&profiles).expect("a directory");
    let profile = format!(
        "kind = \"slow\"\nexecutable = \"{}\"\nruns = \"nothing\"\nformats = [\"script\"]\n\
         class = \"native\"\nmachine = \"native\"\ndata_model = \"LP64\"\nos_abi = [\"sysv\"]\n",
        executable.display()
    );
    std::fs::write(profiles.join("slow.toml"), profile).expect("the profile");
    let configuration = std::env::var("XDG_CONFIG_HOME").expect("set by the harness");
    let configuration = Path::new(&configuration).join("cosmos");
    std::fs::create_dir_all(&configuration).expect("a directory");
    let text = format!("profiles = [\"{}\"]\n", profiles.display());
    std::fs::write(configuration.join("cosmos.toml"), text).expect("the configuration");
}
