//! Bad input: a clear error, nothing lost, nothing hung.

use cosmos::{FaultCode, Options};
use cosmos_tests::{Ran, World, c, eventually, in_world, run};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const COS: &str = "double cos(double x)";
const CRC32: &str = "uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len)";

/// Exit codes of `cosmos`.
const FAILED: i32 = 1;
const USAGE: i32 = 2;
const COSMOS: i32 = 125;

#[test]
fn no_such_library() {
    in_world(|world| {
        let ran = world.call(&["libnothing.so.9", COS, "0"]);
        ran.failed(FAILED, &["error:", "libnothing.so.9"]);
        let ran = world.call(&["/no/such/directory/libz.so.1", COS, "0"]);
        ran.failed(FAILED, &["/no/such/directory/libz.so.1"]);
        let ran = world.call(&["./libz.so.1", COS, "0"]);
        ran.failed(FAILED, &["libz.so.1"]);
        let error = cosmos::dlopen("libnothing.so.9").expect_err("there is none");
        assert_eq!(error.code(), FaultCode::NoSuchTarget);
        assert_eq!(error.errno(), libc::ENOENT);
        let ran = world.call(&["", COS, "0"]);
        assert_ne!(ran.code(), 0, "{ran:?}");
    });
}

#[test]
fn not_an_elf_file() {
    in_world(|world| {
        for (name, contents) in [
            ("text.so", &b"This is a text, not a library.\n"[..]),
            ("empty.so", b""),
            ("short.so", b"\x7fELF\x02\x01"),
        ] {
            let path = world.directory().join(name);
            std::fs::write(&path, contents).expect("a file");
            let ran = world.call(&[text(&path), COS, "0"]);
            ran.failed(FAILED, &["error:", name]);
            let error = cosmos::dlopen(text(&path)).expect_err("no library");
            assert_eq!(error.code(), FaultCode::NotLoadable, "{error}");
            assert_eq!(error.errno(), libc::ENOEXEC);
        }
        let ran = world.call(&[text(world.directory()), COS, "0"]);
        ran.failed(FAILED, &["error:"]);
    });
}

/// The first 64 bytes of an ELF file for another machine, and zeros.
fn foreign_elf(class: u8, machine: u16) -> Vec<u8> {
    let mut bytes = vec![0u8; 4096];
    bytes[..8].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, 1, 1, 0]);
    bytes[16..18].copy_from_slice(&3u16.to_le_bytes());
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes[20..24].copy_from_slice(&1u32.to_le_bytes());
    let (size_at, size) = if class == 1 { (40, 52u16) } else { (52, 64u16) };
    bytes[size_at..size_at + 2].copy_from_slice(&size.to_le_bytes());
    bytes
}

#[test]
fn wrong_architecture() {
    in_world(|world| {
        for (name, class, machine, said) in
            [("i386.so", 1, 3, "i386"), ("aarch64.so", 2, 183, "aarch64")]
        {
            let path = world.directory().join(name);
            std::fs::write(&path, foreign_elf(class, machine)).expect("a file");
            let ran = world.call(&[text(&path), COS, "0"]);
            // What it needs, and which VMs there are.
            ran.failed(FAILED, &["error:", name, said, "hostfn", "x86"]);
            let error = cosmos::dlopen(text(&path)).expect_err("another machine");
            assert_eq!(error.code(), FaultCode::WrongArchitecture, "{error}");
            let ran = world.run_cosmos(&["which", text(&path), "--explain"]);
            let told = format!("{}{}", ran.stdout, ran.stderr);
            assert!(told.contains("hostfn") && told.contains(said), "{ran:?}");
        }
    });
}

#[test]
fn no_such_symbol() {
    in_world(|world| {
        let ran = world.call(&["libm.so.6", "double coss(double x)", "0"]);
        ran.failed(FAILED, &["error:", "coss", "cos", "libm.so.6"]);
        let ran = world.call(&["libz.so.1", "unsigned long crc23(unsigned long c)", "0"]);
        ran.failed(FAILED, &["crc23", "crc32"]);
        let library = cosmos::dlopen("libm.so.6").expect("libm");
        let error = library
            .function("double coss(double x)")
            .expect_err("there is none");
        assert_eq!(error.code(), FaultCode::NoSuchSymbol);
        // The library is as open as before.
        assert!(library.function(COS).is_ok());
    });
}

#[test]
fn malformed_prototype() {
    in_world(|world| {
        for prototype in [
            "double cos(double x",
            "double cos(dubble x)",
            "",
            "double",
            "int compress2(unsigned char *dest, unsigned long *destLen)",
            "double cos(double x) __nonsense",
            "double cos(double x) double",
            "void f(int a[)",
            "\u{0}\u{1}",
            "int f(int x) /* unended",
        ] {
            if prototype.contains('\0') {
                let library = cosmos::dlopen("libm.so.6").expect("libm");
                let error = library.function(prototype).expect_err("no C");
                assert_eq!(error.code(), FaultCode::BadPrototype);
                continue;
            }
            let ran = world.call(&["libm.so.6", prototype, "0"]);
            assert_eq!(ran.code(), FAILED, "{prototype:?}: {ran:?}");
            assert!(has_number(&ran.stderr), "{prototype:?}: {ran:?}");
            assert!(ran.stderr.contains('^'), "{prototype:?}: {ran:?}");
        }
    });
}

/// Whether there is an error number, an E and four digits.
fn has_number(text: &str) -> bool {
    text.as_bytes()
        .windows(5)
        .any(|window| window[0] == b'E' && window[1..].iter().all(u8::is_ascii_digit))
}

#[test]
fn wrong_argument_count() {
    in_world(|world| {
        world
            .call(&["libm.so.6", COS])
            .failed(USAGE, &["error:", "cos"]);
        world
            .call(&["libm.so.6", COS, "0", "1"])
            .failed(USAGE, &["error:", "cos"]);
        let library = cosmos::dlopen("libm.so.6").expect("libm");
        let cos = library.function(COS).expect("cos");
        let error = cos.call(&[]).expect_err("one is due");
        assert_eq!(error.code(), FaultCode::BadArgument);
        let error = cos.call(&[0.0.into(), 1.0.into()]).expect_err("one is due");
        assert_eq!(error.code(), FaultCode::BadArgument);
        assert!(cos.call(&[0.0.into()]).is_ok());
    });
}

#[test]
fn wrong_argument_type() {
    in_world(|world| {
        world
            .call(&["libm.so.6", COS, "zero"])
            .failed(USAGE, &["error:", "x"]);
        world
            .call(&["libz.so.1", CRC32, "0", "hello", "five"])
            .failed(USAGE, &["len"]);
        world
            .call(&["libz.so.1", CRC32, "0", "hello", "4294967296"])
            .failed(USAGE, &["len"]);
        world
            .call(&["libz.so.1", CRC32, "0", "hello", "-1"])
            .failed(USAGE, &["len"]);
        world
            .call(&["libc.so.6", "div_t div(int a, int b)", "1.5", "2"])
            .failed(USAGE, &["a"]);
        world
            .call(&["libc.so.6", "div_t div(int a, int b)", "NULL", "2"])
            .failed(USAGE, &["a"]);
        world
            .call(&["libz.so.1", CRC32, "0", "@/no/such/file", "5"])
            .failed(USAGE, &["/no/such/file"]);
    });
}

#[test]
fn null_where_bytes_are_read() {
    in_world(|world| {
        let library = c::library("misbehave.c", world.directory());
        let sum =
            "unsigned long sum(const unsigned char *__sized_by(count) bytes, unsigned long count)";
        // Legal by the prototype, fatal in this function: the VM dies, nobody else.
        let ran = world.call(&[text(&library), sum, "NULL", "5"]);
        ran.failed(FAILED, &["error:", "sum", "SIGSEGV"]);
        assert_eq!(
            world.call(&[text(&library), sum, "NULL", "0"]).succeeded(),
            "0\n"
        );
        let strdup = "char *__owned(free) strdup(const char *s)";
        world
            .call(&["libc.so.6", strdup, "NULL"])
            .failed(FAILED, &["strdup", "SIGSEGV"]);
        assert_eq!(
            world
                .call(&["libz.so.1", CRC32, "7", "NULL", "0"])
                .succeeded(),
            "0\n"
        );
    });
}

#[test]
fn sizes_that_overflow() {
    in_world(|world| {
        let library = c::library("misbehave.c", world.directory());
        let opened = cosmos::dlopen(text(&library)).expect("the library");
        let fill = |extent: &str| {
            let prototype = format!(
                "int fill(unsigned char *__out __sized_by({extent}) bytes, unsigned long count, int value)"
            );
            opened.function(&prototype).expect("fill")
        };
        type Fill = unsafe extern "C" fn(*mut u8, libc::c_ulong, libc::c_int) -> libc::c_int;
        for (extent, count) in [
            ("count * 16", 1 << 61),
            ("count + 16", u64::MAX),
            ("count", u64::MAX),
            ("count", 1 << 62),
            ("count", 1 << 40),
            ("count - 5", 1),
        ] {
            let function = fill(extent);
            // SAFETY: the function has this type.
            let pointer =
                unsafe { std::mem::transmute::<*const std::ffi::c_void, Fill>(function.pointer()) };
            let mut small = [7u8; 16];
            cosmos_tests::set_errno(0);
            // SAFETY: the call must be refused before a byte beyond the buffer is touched; a
            // library that did otherwise would fail this very test.
            let result = unsafe { pointer(small.as_mut_ptr(), count, 1) };
            let errno = cosmos_tests::errno();
            assert_eq!(result, -1, "{extent} of {count}");
            assert!(
                [libc::EINVAL, libc::EMSGSIZE, libc::ECOMM].contains(&errno),
                "{extent} of {count}: errno {errno}"
            );
            assert_eq!(small, [7; 16]);
        }
        // The VM has seen none of it.
        let pid = opened.function("int pid_of_vm(void)").expect("pid_of_vm");
        assert!(pid.call(&[]).is_ok());
    });
}

#[test]
fn daemons_that_cannot_start() {
    in_world(|world| {
        let call = |libexec: &Path| {
            let mut command = world.cosmos();
            command
                .args(["call", "libm.so.6", COS, "0"])
                .env("COSMOS_LIBEXEC_DIRECTORY", libexec);
            run(&mut command, Duration::from_secs(30))
        };
        let empty = world.directory().join("empty");
        std::fs::create_dir(&empty).expect("a directory");
        call(&empty).failed(COSMOS, &["error:", "cosmosdb", "empty"]);

        let silent = world.directory().join("silent");
        std::fs::create_dir(&silent).expect("a directory");
        script(&silent.join("cosmosdb"), "exit 1");
        call(&silent).failed(COSMOS, &["error:", "cosmosdb"]);

        let half = world.directory().join("half");
        std::fs::create_dir(&half).expect("a directory");
        symlink(
            cosmos_tests::built().join("cosmosdb"),
            half.join("cosmosdb"),
        )
        .expect("a link");
        call(&half).failed(COSMOS, &["error:", "cosmosd", "half"]);
        script(&half.join("cosmosd"), "echo 'no good reason'; exit 3");
        call(&half).failed(COSMOS, &["error:", "cosmosd"]);
    });
}

#[test]
fn daemons_that_may_not_be_started() {
    in_world(|world| {
        let mut command = world.cosmos();
        command
            .args(["call", "libm.so.6", COS, "0"])
            .env("COSMOS_START_DAEMONS", "false");
        let ran = run(&mut command, Duration::from_secs(20));
        ran.failed(COSMOS, &["error:", "cosmosdb"]);
        assert!(world.processes().is_empty());
    });
}

fn script(path: &Path, body: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{body}\n")).expect("a script");
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("its mode");
}

fn call_at(world: &World, sockets: &Path) -> Ran {
    let mut command = world.cosmos();
    command
        .args(["call", "libm.so.6", COS, "0"])
        .env("COSMOS_SOCKET_DIRECTORY", sockets);
    run(&mut command, Duration::from_secs(20))
}

fn directory(world: &World, name: &str, mode: u32) -> PathBuf {
    let path = world.directory().join(name);
    std::fs::create_dir(&path).expect("a directory");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("its mode");
    path
}

#[test]
fn socket_directory_open_to_others() {
    in_world(|world| {
        for mode in [0o755, 0o770, 0o701] {
            let path = directory(world, &format!("m{mode:o}"), mode);
            call_at(world, &path).failed(COSMOS, &["error:", text(&path), "0700"]);
        }
        assert!(world.processes().is_empty());
    });
}

#[test]
fn socket_directory_behind_a_link() {
    in_world(|world| {
        let real = directory(world, "real", 0o700);
        let link = world.directory().join("link");
        symlink(&real, &link).expect("a link");
        call_at(world, &link).failed(COSMOS, &["error:", text(&link)]);
        assert!(world.processes().is_empty());
    });
}

#[test]
fn socket_directory_that_is_a_file() {
    in_world(|world| {
        let path = world.directory().join("file");
        std::fs::write(&path, b"").expect("a file");
        call_at(world, &path).failed(COSMOS, &["error:", text(&path)]);
    });
}

#[test]
fn socket_directory_of_someone_else() {
    if !cosmos_tests::is_root() {
        println!("skipped: only root can make a directory of someone else");
        return;
    }
    in_world(|world| {
        let path = directory(world, "nobodys", 0o700);
        std::os::unix::fs::chown(&path, Some(65534), Some(65534)).expect("chown");
        call_at(world, &path).failed(COSMOS, &["error:", text(&path)]);
        assert!(world.processes().is_empty());
    });
}

#[test]
fn socket_directory_with_too_long_a_path() {
    in_world(|world| {
        let path = directory(world, &"long".repeat(30), 0o700);
        let ran = call_at(world, &path);
        // Either it works, by way of /proc/self/fd, or it says what is wrong.
        if ran.code() != 0 {
            ran.failed(COSMOS, &["error:", "long"]);
        }
    });
}

#[test]
fn wrong_configuration() {
    in_world(|world| {
        let mut command = world.cosmos();
        command
            .args(["call", "libm.so.6", COS, "0"])
            .env("COSMOS_TIMEOUT_MS", "soon");
        let ran = run(&mut command, Duration::from_secs(20));
        ran.failed(
            COSMOS,
            &["error:", "timeout_ms", "soon", "COSMOS_TIMEOUT_MS"],
        );
    });
}

/// How each function of misbehave.c ends its VM, and what must be said of it.
const DEATHS: [(&str, &[&str], &str); 6] = [
    ("int die_by_segv(void)", &[], "SIGSEGV"),
    ("int die_by_abort(void)", &[], "SIGABRT"),
    ("int die_by_exit(int status)", &["3"], "3"),
    ("int die_by_kill(void)", &[], "SIGKILL"),
    ("int die_by_stack(int depth)", &["0"], "SIGSEGV"),
    ("int die_in_another_thread(void)", &[], "SIGABRT"),
];

#[test]
fn a_vm_that_dies_in_the_call() {
    in_world(|world| {
        let library = c::library("misbehave.c", world.directory());
        for (prototype, arguments, said) in DEATHS {
            let mut all = vec![text(&library), prototype];
            all.extend_from_slice(arguments);
            let ran = world.call(&all);
            let name = prototype.split(['(', ' ']).nth(1).expect("a name");
            ran.failed(FAILED, &["error:", name, said]);
            assert!(ran.took < Duration::from_secs(10), "{ran:?}");
        }
        // What served them serves on.
        assert_eq!(world.call(&["libm.so.6", COS, "0"]).succeeded(), "1\n");
        assert_eq!(world.processes_named("cosmosd").len(), 1);
    });
}

#[test]
fn a_dead_vm_stays_dead_and_a_new_one_is_new() {
    in_world(|world| {
        let library = c::library("misbehave.c", world.directory());
        for (prototype, arguments, _) in DEATHS {
            let options = Options::new().fresh(true);
            let opened = cosmos::dlopen_with(text(&library), &options).expect("the library");
            let add = opened
                .function("int add(int left, int right)")
                .expect("add");
            assert!(add.call(&[1.into(), 2.into()]).is_ok());
            let fatal = opened.function(prototype).expect(prototype);
            let values: Vec<cosmos::Value> = arguments
                .iter()
                .map(|text| text.parse::<i32>().expect("a number").into())
                .collect();
            let error = fatal.call(&values).expect_err(prototype);
            assert_eq!(error.code(), FaultCode::VmDied, "{prototype}: {error}");
            assert_eq!(error.errno(), libc::EOWNERDEAD);
            assert_eq!(error.function(), Some(fatal.name()));
            assert_eq!(error.vm(), Some(opened.vm()));
            let signal = match prototype {
                "int die_by_abort(void)" | "int die_in_another_thread(void)" => Some(libc::SIGABRT),
                "int die_by_exit(int status)" => None,
                "int die_by_kill(void)" => Some(libc::SIGKILL),
                _ => Some(libc::SIGSEGV),
            };
            assert_eq!(error.signal(), signal, "{prototype}: {error}");

            // Poisoned: at once, and for good.
            let begun = Instant::now();
            let error = add.call(&[1.into(), 2.into()]).expect_err("the VM is dead");
            assert_eq!(error.errno(), libc::EOWNERDEAD, "{error}");
            assert!(begun.elapsed() < Duration::from_millis(500));
            let error = opened
                .function("int add(int a, int b)")
                .expect_err("the VM is dead");
            assert_eq!(error.errno(), libc::EOWNERDEAD, "{error}");
        }
        let again = cosmos::dlopen(text(&library)).expect("a new VM");
        let add = again.function("int add(int left, int right)").expect("add");
        let sum = add.call(&[1.into(), 2.into()]).expect("a call");
        assert_eq!(sum.result, cosmos::Value::Int(3));
    });
}

#[test]
fn a_deadline_ends_a_call() {
    in_world(|world| {
        let library = c::library("misbehave.c", world.directory());
        for name in ["hang", "spin", "hang_on"] {
            let prototype = format!("int {name}(void)");
            let mut command = world.cosmos();
            command.args(["call", "--timeout", "300", text(&library), &prototype]);
            let ran = run(&mut command, Duration::from_secs(20));
            ran.failed(FAILED, &["error:", name]);
            assert!(ran.took < Duration::from_secs(8), "{ran:?}");

            let options = Options::new()
                .fresh(true)
                .timeout(Duration::from_millis(300));
            let opened = cosmos::dlopen_with(text(&library), &options).expect("the library");
            let function = opened.function(&prototype).expect(name);
            let begun = Instant::now();
            let error = function.call(&[]).expect_err("it never returns");
            assert_eq!(error.code(), FaultCode::TimedOut, "{error}");
            assert_eq!(error.errno(), libc::ETIMEDOUT);
            let took = begun.elapsed();
            assert!(took >= Duration::from_millis(300), "{took:?}");
            assert!(took < Duration::from_secs(5), "{took:?}");
        }
        assert_ends(world, "cosmos-hostfn");
    });
}

/// Every VM that answers garbage is a failed call of a known kind, and the end of that VM alone.
fn answers_garbage(world: &World, name: &str) {
    let library = c::library("misbehave.c", world.directory());
    let other = cosmos::dlopen("libm.so.6").expect("libm");
    let cos = other.function(COS).expect("cos");
    let coordinator = world.processes_named("cosmosd");
    let options = Options::new().fresh(true);
    let opened = cosmos::dlopen_with(text(&library), &options).expect("the library");
    let function = opened.function(&format!("int {name}(void)")).expect(name);
    assert_ne!(other.vm(), opened.vm());

    let begun = Instant::now();
    let error = function.call(&[]).expect_err("garbage");
    println!(
        "{name}: {:?} after {:?}: {error}",
        error.code(),
        begun.elapsed()
    );
    assert!(begun.elapsed() < Duration::from_secs(10));
    let codes = [
        FaultCode::Protocol,
        FaultCode::TooLarge,
        FaultCode::Disconnected,
        FaultCode::VmDied,
    ];
    assert!(codes.contains(&error.code()), "{:?}: {error}", error.code());
    assert!(function.call(&[]).is_err());

    // Nobody else noticed.
    assert!(cos.call(&[0.0.into()]).is_ok());
    assert_eq!(world.processes_named("cosmosd"), coordinator);
    let fresh = cosmos::dlopen_with("libm.so.6", &options).expect("a new VM");
    assert!(
        fresh
            .function(COS)
            .expect("cos")
            .call(&[0.0.into()])
            .is_ok()
    );
    drop((fresh, cos, other, function, opened));
    assert_ends(world, "cosmos-hostfn");
}

#[test]
fn a_vm_that_babbles() {
    in_world(|world| answers_garbage(world, "babble"));
}

#[test]
fn a_vm_that_forges_a_reply() {
    in_world(|world| answers_garbage(world, "forge_reply"));
}

#[test]
fn a_vm_that_announces_too_much() {
    in_world(|world| answers_garbage(world, "forge_length"));
}

#[test]
fn a_vm_that_announces_descriptors() {
    in_world(|world| answers_garbage(world, "forge_descriptors"));
}

#[test]
fn a_vm_that_stops_half_way() {
    in_world(|world| answers_garbage(world, "forge_half"));
}

#[test]
fn a_vm_that_falls_silent() {
    in_world(|world| answers_garbage(world, "fall_silent"));
}

/// Results that break the prototype's promises fail the call and touch no byte beyond the buffers.
#[test]
fn results_that_break_the_prototype() {
    in_world(|world| {
        let library = c::library("misbehave.c", world.directory());
        let opened = cosmos::dlopen(text(&library)).expect("the library");
        let as_function = |prototype: &str| opened.function(prototype).expect(prototype);
        let boast = as_function(
            "long boast(unsigned char *__out __sized_by(count) __filled(return) bytes, unsigned long count)",
        );
        let grow = as_function(
            "int grow(unsigned char *__out __sized_by(*count) bytes, unsigned long *__inout count)",
        );
        let stray = as_function("char *__alias(text) stray(char *__inout __null_terminated text)");
        type Pointer = *const std::ffi::c_void;
        type Boast = unsafe extern "C" fn(*mut u8, libc::c_ulong) -> libc::c_long;
        type Grow = unsafe extern "C" fn(*mut u8, *mut libc::c_ulong) -> libc::c_int;
        type Stray = unsafe extern "C" fn(*mut libc::c_char) -> *mut libc::c_char;
        let mut buffer = [7u8; 64];
        // SAFETY: each pointer has the type of its prototype; 16 of 64 bytes are lent.
        unsafe {
            let call = std::mem::transmute::<Pointer, Boast>(boast.pointer());
            assert_eq!(call(buffer[16..].as_mut_ptr(), 16), -1);
            assert_eq!(cosmos_tests::errno(), libc::EPROTO);
            let call = std::mem::transmute::<Pointer, Grow>(grow.pointer());
            let mut count = 16;
            assert_eq!(call(buffer[16..].as_mut_ptr(), &mut count), -1);
            assert_eq!(cosmos_tests::errno(), libc::EPROTO);
            assert_eq!(count, 16);
            let call = std::mem::transmute::<Pointer, Stray>(stray.pointer());
            let mut text = *b"text\0";
            assert!(call(text.as_mut_ptr().cast()).is_null());
            assert_eq!(cosmos_tests::errno(), libc::EPROTO);
        }
        assert_eq!(buffer, [7; 64], "nothing of a failed call arrives");
    });
}

#[test]
fn a_client_that_vanishes_in_the_middle_of_a_call() {
    in_world(|world| {
        let library = c::library("misbehave.c", world.directory());
        for name in ["hang", "spin", "hang_on"] {
            let prototype = format!("int {name}(void)");
            let mut client = world
                .cosmos()
                .args(["call", text(&library), &prototype])
                .stdout(Stdio::null())
                .spawn()
                .expect("the client");
            let vm = eventually(Duration::from_secs(10), || {
                world.processes_named("cosmos-hostfn").into_iter().next()
            });
            vm.expect("the VM of the client");
            // In the middle of the call, not of opening.
            std::thread::sleep(Duration::from_millis(300));
            client.kill().expect("the client runs");
            client.wait().expect("the client ended");
            assert_ends(world, "cosmos-hostfn");
            assert_ends(world, "cosmos-launch");
        }
        assert_eq!(world.processes_named("cosmosd").len(), 1);
        assert_eq!(world.call(&["libm.so.6", COS, "0"]).succeeded(), "1\n");
    });
}

/// A stranger on the registry's socket: random bytes, half a frame, nothing at all, many at once.
#[test]
fn strangers_at_the_registry() {
    in_world(|world| {
        use std::io::Write;
        use std::os::unix::net::UnixStream;
        assert_eq!(world.call(&["libm.so.6", COS, "0"]).succeeded(), "1\n");
        let registry = world.processes_named("cosmosdb");
        let socket = world.sockets().join("cosmosdb.sock");
        let mut kept = Vec::new();
        for round in 0..50u8 {
            let mut stream = UnixStream::connect(&socket).expect("the registry listens");
            let noise: Vec<u8> = (0..round)
                .map(|byte| byte.wrapping_mul(37) ^ round)
                .collect();
            stream.write_all(&noise).ok();
            if round % 2 == 0 {
                kept.push(stream);
            }
        }
        assert_eq!(world.call(&["libm.so.6", COS, "0"]).succeeded(), "1\n");
        assert_eq!(world.processes_named("cosmosdb"), registry);
    });
}

#[track_caller]
fn assert_ends(world: &World, name: &str) {
    let ended = eventually(Duration::from_secs(5), || {
        world.processes_named(name).is_empty().then_some(())
    });
    assert!(ended.is_some(), "{:?} run on", world.processes_named(name));
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// The compiler is there: the other tests depend on it.
#[test]
fn there_is_a_c_compiler() {
    let ran = run(
        Command::new("gcc").arg("--version"),
        Duration::from_secs(20),
    );
    ran.succeeded();
}
