//! A fork of a client: an error in the child, nothing for the parent to notice.

use cosmos_tests::{c, errno, in_world, set_errno};
use std::ffi::{c_double, c_int, c_void};

/// Runs `body` in a forked child and gives its exit status.
fn in_a_fork(body: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: the child calls only what is under test, which must be safe after a fork, and
    // leaves by _exit.
    unsafe {
        let child = libc::fork();
        assert!(child >= 0);
        if child == 0 {
            // A child that hangs fails the test by this signal.
            libc::alarm(20);
            let status = body();
            libc::_exit(status);
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &mut status, 0), child);
        assert!(libc::WIFEXITED(status), "the child died: {status:x}");
        libc::WEXITSTATUS(status)
    }
}

#[test]
fn a_forked_child_gets_an_error_and_the_parent_none() {
    in_world(|_| {
        let library = cosmos::dlopen("libm.so.6").expect("libm");
        let function = library.function("double cos(double x)").expect("cos");
        // SAFETY: the function has this type.
        let cos = unsafe {
            std::mem::transmute::<*const c_void, extern "C" fn(c_double) -> c_double>(
                function.pointer(),
            )
        };
        assert_eq!(cos(0.0), 1.0);
        for _ in 0..20 {
            let status = in_a_fork(|| {
                set_errno(0);
                let result = cos(0.0);
                // NaN is what a failed call of a function of double returns.
                match (result.is_nan(), errno()) {
                    (true, libc::ECOMM) => 40,
                    (true, _) => 41,
                    (false, _) => 42,
                }
            });
            assert_eq!(status, 40);
            assert_eq!(cos(0.0), 1.0);
            assert_eq!(cos(1.0).to_bits(), 1f64.cos().to_bits());
        }
    });
}

/// What memory of the library's is mapped here.
fn shared_memory() -> [bool; 2] {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("the maps of this process");
    ["memfd:cosmos ring", "memfd:cosmos arena"].map(|name| maps.contains(name))
}

#[test]
fn a_forked_child_has_none_of_the_shared_memory() {
    in_world(|_| {
        // SAFETY: no other thread of this process reads or writes the environment yet.
        unsafe { std::env::set_var("COSMOS_RING", "1") };
        let library = cosmos::dlopen("libm.so.6").expect("libm");
        let function = library.function("double cos(double x)").expect("cos");
        function.call(&[0.0.into()]).expect("a call");
        let _buffer = library.alloc(64).expect("a buffer");
        assert_eq!(shared_memory(), [true; 2]);
        assert_eq!(in_a_fork(|| c_int::from(shared_memory() != [false; 2])), 0);
        assert_eq!(shared_memory(), [true; 2]);
    });
}

#[test]
fn forking_while_other_threads_call_harms_none() {
    in_world(|world| {
        let path = c::library("misbehave.c", world.directory());
        let library = cosmos::dlopen(path.to_str().expect("UTF-8")).expect("the library");
        let add = library
            .function("int add(int left, int right)")
            .expect("add");
        // SAFETY: the function has this type.
        let call = unsafe {
            std::mem::transmute::<*const c_void, extern "C" fn(c_int, c_int) -> c_int>(
                add.pointer(),
            )
        };
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let callers: Vec<_> = (0..4)
                .map(|thread| {
                    let done = &done;
                    scope.spawn(move || {
                        let mut calls = 0;
                        while !done.load(std::sync::atomic::Ordering::Relaxed) {
                            assert_eq!(call(thread, calls), thread + calls);
                            calls = (calls + 1) % 1_000_000;
                        }
                        calls
                    })
                })
                .collect();
            for _ in 0..50 {
                let status = in_a_fork(|| {
                    set_errno(0);
                    if call(1, 2) == -1 && errno() == libc::ECOMM {
                        40
                    } else {
                        41
                    }
                });
                assert_eq!(status, 40);
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            for caller in callers {
                assert!(caller.join().expect("no caller failed") > 0);
            }
        });
    });
}

#[test]
fn children_resolve_functions_while_the_parent_does() {
    in_world(|_| {
        let _kept = cosmos::dlopen("libm.so.6").expect("libm");
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            // Makes and frees closures, so that forks find libffi in the middle of it.
            let resolving = scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    let library = cosmos::dlopen("libm.so.6").expect("libm");
                    let names = ["sin", "cos", "tan", "exp", "log"];
                    for name in names {
                        library
                            .function(&format!("double {name}(double x)"))
                            .expect(name);
                    }
                }
            });
            for _ in 0..60 {
                let status = in_a_fork(|| {
                    let resolved = cosmos::dlopen("libm.so.6")
                        .and_then(|library| library.function("double sin(double x)"));
                    c_int::from(resolved.is_err())
                });
                assert_eq!(status, 0);
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            resolving.join().expect("the thread that resolves");
        });
    });
}
