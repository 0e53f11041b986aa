//! The client against real daemons, real VMs and real libraries.

use cosmos::{Blame, Error, FaultCode, Options, Value};
use cosmos_tests::{c, errno, eventually, in_world, set_errno};
use std::ffi::{c_char, c_int, c_ulong};
use std::time::{Duration, Instant};

type Compress = unsafe extern "C" fn(*mut u8, *mut c_ulong, *const u8, c_ulong) -> c_int;

const CRC32: &str = "unsigned long crc32(unsigned long crc, const unsigned char *__sized_by(len) buf, unsigned len)";
const COMPRESS: &str = "int compress(unsigned char *__out __sized_by(*destLen) dest, \
     unsigned long *__inout destLen, const unsigned char *__sized_by(sourceLen) source, \
     unsigned long sourceLen) __fail(-2)";
const UNCOMPRESS: &str = "int uncompress(unsigned char *__out __sized_by(*destLen) dest, \
     unsigned long *__inout destLen, const unsigned char *__sized_by(sourceLen) source, \
     unsigned long sourceLen) __fail(-2)";

#[test]
fn a_function_of_values_is_called_without_unsafe() {
    in_world(|_| {
        let library = cosmos::dlopen("libm.so.6").expect("libm");
        let cos = library
            .symbol::<extern "C" fn(f64) -> f64>("double cos(double x)")
            .expect("cos");
        assert_eq!(cos.call(0.0), 1.0);
        assert_eq!(cos.try_call(1.0).expect("a call"), 1f64.cos());
        // SAFETY: the symbol lives.
        let pointer = unsafe { cos.pointer() };
        assert_eq!(pointer(2.0), 2f64.cos());
        let again = library
            .symbol::<extern "C" fn(f64) -> f64>("double cos(double x)")
            .expect("cos again");
        let other = library.function("double sin(double x)").expect("sin");
        assert_eq!(again.function().pointer(), cos.function().pointer());
        assert_ne!(other.pointer(), cos.function().pointer());
        assert!(library.path().ends_with("libm.so.6"));
        assert!(library.vm().starts_with("hostfn-"));
    });
}

#[test]
fn bytes_go_through_zlib_and_back() {
    in_world(|_| {
        let library = cosmos::dlopen("libz.so.1").expect("libz");
        let compress = library.symbol::<Compress>(COMPRESS).expect("compress");
        let uncompress = library.symbol::<Compress>(UNCOMPRESS).expect("uncompress");
        let text: Vec<u8> = (0..100_000u32)
            .flat_map(|index| (index / 7).to_le_bytes())
            .collect();
        let mut packed = vec![0u8; text.len()];
        let mut packed_length = packed.len() as c_ulong;
        // SAFETY: the lengths are those of the buffers.
        let code = unsafe {
            compress.call(
                packed.as_mut_ptr(),
                &mut packed_length,
                text.as_ptr(),
                text.len() as c_ulong,
            )
        };
        assert_eq!(code, 0);
        assert!(packed_length < packed.len() as c_ulong / 2);
        let mut back = vec![0u8; text.len()];
        let mut length = back.len() as c_ulong;
        // SAFETY: as above.
        let code = unsafe {
            uncompress.call(
                back.as_mut_ptr(),
                &mut length,
                packed.as_ptr(),
                packed_length,
            )
        };
        assert_eq!((code, length as usize), (0, text.len()));
        assert_eq!(back, text);
        // Too little room is zlib's own failure, not one of the call.
        let mut little = 8;
        // SAFETY: as above.
        let code = unsafe {
            compress.try_call(
                packed.as_mut_ptr(),
                &mut little,
                text.as_ptr(),
                text.len() as c_ulong,
            )
        };
        assert_eq!(code.expect("a call"), -5);
    });
}

#[test]
fn values_go_in_and_outputs_come_out() {
    in_world(|_| {
        let zlib = cosmos::dlopen("libz.so.1").expect("libz");
        let crc = zlib.function(CRC32).expect("crc32");
        let outcome = crc
            .call(&[Value::Int(0), Value::from("hello"), Value::Int(5)])
            .expect("a call");
        assert_eq!(outcome.result, Value::Int(0x3610_a686));
        assert!(outcome.outputs.is_empty());
        let nothing = crc
            .call(&[Value::Int(0), Value::Null, Value::Int(0)])
            .expect("a call");
        assert_eq!(nothing.result, Value::Int(0));

        let compress = zlib.function(COMPRESS).expect("compress");
        let zeros = Value::Bytes(vec![0; 1000]);
        let outcome = compress
            .call(&[Value::Out, Value::Int(100), zeros, Value::Int(1000)])
            .expect("a call");
        assert_eq!(outcome.result, Value::Int(0));
        let [(dest, Value::Bytes(bytes)), (length, Value::Int(count))] = outcome.outputs.as_slice()
        else {
            panic!("{outcome:?}");
        };
        assert_eq!((dest.as_str(), length.as_str()), ("dest", "destLen"));
        assert_eq!(bytes.len() as i128, *count);
        assert!(bytes.len() < 100);
    });
}

#[test]
fn structs_strings_and_positions_come_back_as_values() {
    in_world(|_| {
        let library = cosmos::dlopen("libc.so.6").expect("libc");
        let call = |prototype: &str, values: &[Value]| {
            library
                .function(prototype)
                .expect(prototype)
                .call(values)
                .expect(prototype)
        };
        let quotient = call(
            "div_t div(int numer, int denom)",
            &[Value::Int(17), Value::Int(5)],
        );
        let members = vec![
            ("quot".to_owned(), Value::Int(3)),
            ("rem".to_owned(), Value::Int(2)),
        ];
        assert_eq!(quotient.result, Value::Record(members));

        let number = call(
            "double strtod(const char *nptr, char *__alias(nptr) *__out endptr)",
            &[Value::from("2.5 apples"), Value::Out],
        );
        assert_eq!(number.result, Value::Float(2.5));
        let end = Value::Alias {
            parameter: "nptr".to_owned(),
            offset: 3,
        };
        assert_eq!(number.outputs, [("endptr".to_owned(), end)]);

        let copy = call(
            "char *__owned(free) strdup(const char *s)",
            &[Value::from("again")],
        );
        assert_eq!(copy.result, Value::Text(b"again".to_vec()));

        let failed = call("int close(int fd)", &[Value::Int(-1)]);
        assert_eq!((failed.result, failed.errno), (Value::Int(-1), libc::EBADF));
    });
}

#[test]
fn a_wrong_rust_signature_is_refused_by_parameter() {
    in_world(|_| {
        let library = cosmos::dlopen("libz.so.1").expect("libz");
        let refusal = |error: Error| match error {
            Error::Signature(mismatch) => mismatch.to_string(),
            other => panic!("{other}"),
        };
        type Fewer = unsafe extern "C" fn(c_ulong, *const u8) -> c_ulong;
        let error = library.symbol::<Fewer>(CRC32).expect_err("two for three");
        assert_eq!(
            refusal(error),
            "crc32: parameters: the prototype says 3 parameters, the Rust signature 2 parameters"
        );
        type Signed = unsafe extern "C" fn(c_ulong, *const u8, i32) -> c_ulong;
        let error = library.symbol::<Signed>(CRC32).expect_err("i32 for u32");
        assert_eq!(
            refusal(error),
            "crc32: parameter 'len': the prototype says u32, the Rust signature i32"
        );
        type Narrow = unsafe extern "C" fn(c_ulong, *const u8, u32) -> u32;
        let error = library.symbol::<Narrow>(CRC32).expect_err("u32 for u64");
        assert_eq!(
            refusal(error),
            "crc32: result: the prototype says u64, the Rust signature u32"
        );
    });
}

#[test]
fn structs_travel_by_value_in_rust_types() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(C)]
    struct Division {
        quotient: i64,
        remainder: i64,
    }
    // SAFETY: #[repr(C)], and integers take any bits.
    unsafe impl cosmos::Carried for Division {}

    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(C)]
    struct Complex {
        real: f64,
        imaginary: f64,
    }
    // SAFETY: as above.
    unsafe impl cosmos::Carried for Complex {}
    // SAFETY: it holds no address.
    unsafe impl cosmos::ByValue for Complex {}

    in_world(|_| {
        let library = cosmos::dlopen("libc.so.6").expect("libc");
        let divide = library
            .symbol::<extern "C" fn(i64, i64) -> Division>("ldiv_t ldiv(long numer, long denom)")
            .expect("ldiv");
        assert_eq!(
            divide.call(-17, 5),
            Division {
                quotient: -3,
                remainder: -2
            }
        );
        let error = library
            .symbol::<extern "C" fn(i32, i32) -> Division>("div_t div(int numer, int denom)")
            .expect_err("another struct");
        assert!(
            error
                .to_string()
                .contains("a struct of 8 bytes aligned to 4"),
            "{error}"
        );

        let library = cosmos::dlopen("libm.so.6").expect("libm");
        let exponential = library
            .symbol::<extern "C" fn(Complex) -> Complex>("double complex cexp(double complex z)")
            .expect("cexp");
        let zero = Complex {
            real: 0.0,
            imaginary: 0.0,
        };
        assert_eq!(
            exponential.call(zero),
            Complex {
                real: 1.0,
                imaginary: 0.0
            }
        );
        // The C pointer passes it in the registers of a complex number.
        // SAFETY: the symbol lives.
        let pointer = unsafe { exponential.pointer() };
        assert_eq!(
            pointer(zero),
            Complex {
                real: 1.0,
                imaginary: 0.0
            }
        );
    });
}

#[test]
fn eight_threads_share_one_function() {
    in_world(|_| {
        let library = cosmos::dlopen("libm.so.6").expect("libm");
        let cos = library
            .symbol::<extern "C" fn(f64) -> f64>("double cos(double x)")
            .expect("cos");
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let cos = &cos;
                scope.spawn(move || {
                    for step in 0..200 {
                        let x = f64::from(thread * 1000 + step) / 100.0;
                        assert_eq!(cos.call(x), x.cos());
                    }
                });
            }
        });
    });
}

#[test]
fn a_pointer_serves_inside_of_another_librarys_callback() {
    in_world(|_| {
        let library = cosmos::dlopen("libc.so.6").expect("libc");
        let compare = library
            .function("int strcmp(const char *s1, const char *s2)")
            .expect("strcmp");
        let pointer = compare.pointer();
        // SAFETY: the prototype is of this type.
        let compare: unsafe extern "C" fn(*const c_char, *const c_char) -> c_int =
            unsafe { std::mem::transmute(pointer) };
        let mut words: Vec<[c_char; 8]> = ["pear", "fig", "apple", "quince"]
            .map(|word| {
                let mut letters = [0; 8];
                for (to, from) in letters.iter_mut().zip(word.bytes()) {
                    *to = from as c_char;
                }
                letters
            })
            .to_vec();
        // The local qsort calls the remote strcmp.
        // SAFETY: the elements are NUL-terminated arrays of eight bytes.
        unsafe {
            let compare: unsafe extern "C" fn(*const libc::c_void, *const libc::c_void) -> c_int =
                std::mem::transmute(compare);
            libc::qsort(words.as_mut_ptr().cast(), words.len(), 8, Some(compare));
        }
        let first: Vec<u8> = words.iter().map(|word| word[0] as u8).collect();
        assert_eq!(first, b"afpq");
    });
}

#[test]
fn a_close_lets_calls_in_flight_finish_and_refuses_later_ones() {
    in_world(|world| {
        let path = c::library("misbehave.c", world.directory());
        let library = cosmos::dlopen(path.to_str().expect("UTF-8")).expect("the library");
        let nap = library.function("int nap(int milliseconds)").expect("nap");
        let begun = library.function("int begun(void)").expect("begun");
        std::thread::scope(|scope| {
            let asleep = scope.spawn(|| nap.call(&[Value::Int(400)]));
            let is_begun = || {
                let count = begun.call(&[]).expect("a call").result;
                (count != Value::Int(0)).then_some(())
            };
            eventually(Duration::from_secs(30), is_begun).expect("a call under way");
            library.close().expect("closed");
            let later = nap.call(&[Value::Int(1)]).expect_err("it is closed");
            assert_eq!(later.code(), FaultCode::StaleHandle);
            let outcome = asleep.join().expect("no panic").expect("it was in flight");
            assert_eq!((outcome.result, outcome.errno), (Value::Int(400), 400));
        });
    });
}

#[test]
fn a_vm_that_dies_says_how_and_where() {
    in_world(|world| {
        let path = c::library("misbehave.c", world.directory());
        let path = path.to_str().expect("UTF-8");
        for (prototype, signal, how) in [
            (
                "int die_by_segv(void)",
                libc::SIGSEGV,
                "was killed by SIGSEGV at 0x8 in die_by_segv()",
            ),
            (
                "int die_by_abort(void)",
                libc::SIGABRT,
                "was killed by SIGABRT in die_by_abort()",
            ),
            (
                "int die_by_kill(void)",
                libc::SIGKILL,
                "was killed by SIGKILL in die_by_kill()",
            ),
        ] {
            let library = cosmos::dlopen(path).expect("the library");
            let function = library.function(prototype).expect(prototype);
            set_errno(0);
            // SAFETY: the prototype is of this type.
            let call: extern "C" fn() -> c_int = unsafe { std::mem::transmute(function.pointer()) };
            assert_eq!(call(), -1);
            assert_eq!(errno(), libc::EOWNERDEAD);
            let error = cosmos::last_error().expect("an error");
            assert_eq!(
                (error.code(), error.blame()),
                (FaultCode::VmDied, Blame::Vm)
            );
            assert_eq!(error.signal(), Some(signal));
            assert!(error.to_string().contains(how), "{error}");
            assert_eq!(error.host(), Some("local"));
            // At once, unless something else has the processor, which it hardly has five times.
            let again = || {
                let begun = Instant::now();
                let error = function.call(&[]).expect_err("it is gone");
                assert_eq!(error.code(), FaultCode::VmDied);
                begun.elapsed()
            };
            assert!((0..5).any(|_| again() < Duration::from_millis(100)));
        }
        let library = cosmos::dlopen(path).expect("the library");
        let exit = library
            .function("int die_by_exit(int status)")
            .expect("die_by_exit");
        let error = exit.call(&[Value::Int(3)]).expect_err("it exits");
        assert!(
            error
                .to_string()
                .contains("exited with status 3 in die_by_exit(3)"),
            "{error}"
        );
    });
}

#[test]
fn a_null_that_is_followed_is_named() {
    in_world(|_| {
        let library = cosmos::dlopen("libc.so.6").expect("libc");
        let length = library
            .function("size_t strlen(const char *s)")
            .expect("strlen");
        let error = length.call(&[Value::Null]).expect_err("it follows NULL");
        assert!(
            error
                .to_string()
                .contains("was killed by SIGSEGV at 0x0 in strlen(NULL)"),
            "{error}"
        );
    });
}

#[test]
fn a_deadline_kills_the_vm_and_a_new_one_is_fresh() {
    in_world(|world| {
        let path = c::library("misbehave.c", world.directory());
        let path = path.to_str().expect("UTF-8");
        // Opening has to be done in this time, too, which a busy machine may not manage at once.
        let options = Options::new().timeout(Duration::from_secs(2));
        let patience = Duration::from_secs(60);
        let open = |prototype| {
            let open = || {
                let library = cosmos::dlopen_with(path, &options).ok()?;
                let function = library.function(prototype).ok()?;
                Some((library, function))
            };
            eventually(patience, open).expect("open in time")
        };
        let (library, hang) = open("int hang(void)");
        let begun = Instant::now();
        let error = hang.call(&[]).expect_err("it hangs");
        assert!(begun.elapsed() < patience);
        assert_eq!(
            (error.code(), error.errno()),
            (FaultCode::TimedOut, libc::ETIMEDOUT)
        );
        let late = hang.call(&[]).expect_err("its VM is gone");
        assert_eq!(
            (late.code(), late.errno()),
            (FaultCode::VmDied, libc::EOWNERDEAD)
        );
        let (again, add) = open("int add(int left, int right)");
        assert_ne!(again.vm(), library.vm());
        let sum = add.call(&[Value::Int(2), Value::Int(3)]).expect("a call");
        assert_eq!(sum.result, Value::Int(5));
    });
}

#[test]
fn libraries_open_in_a_chosen_vm_and_end_with_it() {
    in_world(|_| {
        let vm = cosmos::Vm::open("hostfn", &Options::new()).expect("a VM");
        let options = Options::new().vm(&vm);
        let first = cosmos::dlopen_with("libm.so.6", &options).expect("libm");
        let second = cosmos::dlopen_with("libz.so.1", &options).expect("libz");
        assert_eq!((first.vm(), second.vm()), (vm.name(), vm.name()));
        let elsewhere = cosmos::dlopen("libm.so.6").expect("libm elsewhere");
        let cos = first.function("double cos(double x)").expect("cos");
        assert_eq!(
            cos.call(&[Value::Float(0.0)]).expect("a call").result,
            Value::Float(1.0)
        );
        assert_ne!(elsewhere.vm(), vm.name(), "only who names it opens in it");
        vm.close().expect("closed");
        let error = cos
            .call(&[Value::Float(0.0)])
            .expect_err("its VM was closed");
        assert_eq!(error.code(), FaultCode::VmDied);
        let sin = elsewhere.function("double sin(double x)").expect("sin");
        sin.call(&[Value::Float(0.0)]).expect("another VM goes on");
    });
}

/// A forked child that outlives its parent does not keep the parent's VM alive.
#[test]
fn a_vm_ends_with_its_process_whoever_was_forked_from_it() {
    in_world(|world| {
        let hostfns = || world.processes_named("cosmos-hostfn").len();
        let (mut wait, hold) = std::os::unix::net::UnixStream::pair().expect("a pair");
        // SAFETY: nothing of this process runs beside the test; the children end by _exit.
        let parent = unsafe { libc::fork() };
        if parent == 0 {
            let opened = cosmos::dlopen("libm.so.6").and_then(|library| library.function(COS));
            let worked = opened
                .and_then(|cos| cos.call(&[Value::Float(0.0)]))
                .is_ok();
            // SAFETY: as above.
            if unsafe { libc::fork() } == 0 {
                drop(hold);
                let _ = std::io::Read::read(&mut wait, &mut [0]);
            }
            // SAFETY: as above.
            unsafe { libc::_exit(i32::from(!worked)) }
        }
        let mut status = 0;
        // SAFETY: waits for the child made above.
        assert_eq!(unsafe { libc::waitpid(parent, &mut status, 0) }, parent);
        assert_eq!(status, 0);
        let gone = eventually(Duration::from_secs(30), || (hostfns() == 0).then_some(()));
        assert!(gone.is_some(), "the VM outlives its process");
        drop(hold);
    });
}

const COS: &str = "double cos(double x)";

/// Thousands of opens, calls and closes leave nothing behind in this process.
#[test]
fn opens_and_closes_leave_nothing() {
    in_world(|_| {
        let round = || {
            let library = cosmos::dlopen("libm.so.6").expect("libm");
            let cos = library.function(COS).expect("cos");
            assert!(!cos.pointer().is_null());
            assert_eq!(
                cos.call(&[Value::Float(0.0)]).expect("a call").result,
                Value::Float(1.0)
            );
        };
        for _ in 0..200 {
            round();
        }
        let descriptors = cosmos_tests::open_descriptors();
        let resident = cosmos_tests::resident_bytes();
        for _ in 0..1000 {
            round();
        }
        assert_eq!(cosmos_tests::open_descriptors(), descriptors);
        let grown = cosmos_tests::resident_bytes().saturating_sub(resident);
        println!("1000 rounds: {descriptors} descriptors, {grown} bytes more");
        assert!(grown < 1 << 20, "{grown} bytes more");
    });
}

/// A registry that is replaced does not disturb what is open.
#[test]
fn a_new_registry_leaves_open_libraries_alone() {
    in_world(|world| {
        let library = cosmos::dlopen("libm.so.6").expect("libm");
        let cos = library.function(COS).expect("cos");
        for registry in world.processes_named("cosmosdb") {
            // SAFETY: it is a process of this test's own world.
            assert_eq!(unsafe { libc::kill(registry.pid, libc::SIGKILL) }, 0);
        }
        let names = eventually(Duration::from_secs(30), || {
            let names = cosmos::queries::list_names("").ok()?;
            names
                .iter()
                .any(|entry| entry.name == "cosmosd")
                .then_some(names)
        });
        assert!(names.is_some(), "cosmosd did not register again");
        let outcome = cos
            .call(&[Value::Float(0.0)])
            .expect("the VM is still there");
        assert_eq!(outcome.result, Value::Float(1.0));
        cosmos::dlopen("libz.so.1").expect("libz, over the new registry");
    });
}

/// A VM of a shared name serves several processes, and outlives each of them.
#[test]
fn processes_share_a_vm_by_name() {
    in_world(|_| {
        let pid = || -> Result<Value, Error> {
            let library = cosmos::dlopen_with("libc.so.6", &Options::new().shared("pool"))?;
            let getpid = library.function("int getpid(void)")?;
            Ok(getpid.call(&[])?.result)
        };
        let here = pid().expect("a call");
        // SAFETY: nothing of this process runs beside the test; the child ends by _exit.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let there = pid();
            if there != Ok(here.clone()) {
                println!("{there:?} instead of {here:?}");
            }
            // SAFETY: as above.
            unsafe { libc::_exit(i32::from(there != Ok(here))) }
        }
        let mut status = 0;
        // SAFETY: waits for the child made above.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0);
        assert_eq!(pid().expect("the VM is still there"), here);
        let vm = cosmos::Vm::open("pool", &Options::new()).expect("the running VM");
        drop(vm);
        assert_eq!(pid().expect("and still"), here);
    });
}
