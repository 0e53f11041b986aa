//! Guests of dialect `fast`: what is different for them, and that nothing else is.

mod support;

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::Read;
use std::process::Stdio;
use support::{Report, Runner, Session, unknown_device};

fn segment(order: char) -> Session {
    let mut session = Session::of("segment.fast");
    session.input(order.to_string().as_bytes());
    session
}

fn comes_through(order: char) {
    let report = segment(order).run();
    report.expect_ok();
    assert_eq!(report.code(), 77, "{order}: {}", report.text);
}

fn faults(order: char) {
    let report = segment(order).run();
    let state = report.state();
    let untrusted = "Signal 11 from untrusted code: Halting at 0x440A0002";
    assert!(state.starts_with(untrusted), "{order}: {state}");
}

#[test]
fn gs_has_its_base_before_and_behind_traps() {
    comes_through('a');
}

#[test]
fn addresses_from_gs_have_32_bits() {
    comes_through('c');
    faults('e');
}

#[test]
fn a_return_goes_to_a_bundle_whatever_was_on_the_stack() {
    comes_through('u');
}

#[test]
fn a_return_without_a_stack_is_a_fault() {
    for order in ['h', 'l', 's', 'x'] {
        faults(order);
    }
}

/// The trap reads 32 bits of its return address, and so may leave rsp 4 bytes behind the space.
#[test]
fn a_stack_behind_the_space_cannot_be_used() {
    faults('t');
    comes_through('T');
}

#[test]
fn code_that_a_guest_makes_is_of_its_dialect() {
    comes_through('j');
}

/// The header decides, and nothing else about a program does.
#[test]
fn a_program_is_held_to_the_dialect_that_it_says() {
    let report = Session::of("segment").run();
    assert_eq!(
        (report.status, report.state()),
        (Some(8), "validation failed")
    );
    assert_eq!(report.validator(), "1");
    // mov %rbp, %rsp
    let session = Session::of("hello.fast");
    let program = session.path("changed.nexe");
    for (name, accepted) in [("hello", true), ("hello.fast", false)] {
        let mut code = std::fs::read(support::guest(name)).expect("a guest");
        let text = code.windows(5).position(|bytes| bytes[0] == 0xbf);
        let text = text.expect("a move to edi");
        code[text..text + 5].copy_from_slice(&[0x48, 0x89, 0xec, 0x66, 0x90]);
        std::fs::write(&program, code).expect("a file");
        let mut session = Session::of_program(&program);
        session.options.push("--explain".into());
        let output = session.command().output().expect("zerovm starts");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let report = Report::of(output);
        assert_eq!(report.validator(), if accepted { "0" } else { "1" });
        let reason = "rsp is written other than in the allowed ways";
        assert_eq!(errors.contains(reason), !accepted, "{errors}");
    }
}

/// What a guest of either dialect does, it does in the other as well, report for report.
#[test]
fn guests_of_both_dialects_have_the_same_reports() {
    for order in "dhu0tcmxgbSMFrosn".chars() {
        let run = |name: &str| {
            let mut session = Session::of(name);
            session.input(order.to_string().as_bytes());
            let report = session.run();
            // Where the host's code is, is different each time.
            let state = match report.state().split_once(" from trusted code") {
                Some((signal, _)) => signal.to_owned(),
                None => report.state().to_owned(),
            };
            (report.status, report.code(), state, session.read("stdout"))
        };
        assert_eq!(run("misbehave.fast"), run("misbehave"), "{order}");
    }
    let registers = |name: &str| {
        let session = Session::of(name);
        session.run().expect_ok();
        session.read("stdout")
    };
    assert_eq!(registers("registers.fast"), registers("registers"));
    assert_eq!(registers("registers").len(), 832);
}

/// Handlers have a stack of their own, whatever rsp is.
#[test]
fn a_signal_between_a_write_to_esp_and_its_rebase() {
    let mut session = Session::of("misbehave.fast");
    session.input(b"e");
    let fifo = session.path("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a fifo");
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(&fifo, everybody).expect("permissions");
    let path = fifo.to_str().expect("text");
    session.channel(path, "/dev/stdout", 0, [0, 0, 1 << 40, 1 << 40]);
    for _ in 0..20 {
        let mut command = session.command();
        let child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut said = std::fs::File::open(&fifo).expect("the fifo");
        said.read_exact(&mut [0]).expect("it says so");
        kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).expect("it runs");
        let report = Report::of(child.wait_with_output().expect("it ends"));
        let state = report.state();
        assert!(state.starts_with("Signal 15 from "), "{}", report.text);
    }
}

/// Drivers that are not known to copy might write the stack between two instructions of a return.
#[test]
fn devices_that_might_keep_memory_are_no_channels() {
    let many = 1 << 40;
    for device in ["/dev/null", "/dev/zero", "/dev/urandom"] {
        let mut session = Session::of("hello.fast");
        session.channel(device, "/dev/more", 0, [many, many, 0, 0]);
        session.run().expect_ok();
    }
    let Some(device) = unknown_device() else {
        eprintln!("skipped: this machine has no device that is refused and that nobody may open");
        return;
    };
    for (name, status) in [("hello.fast", Some(93)), ("hello", Some(0))] {
        let mut session = Session::of(name);
        session.channel(&device, "/dev/more", 0, [many, many, 0, 0]);
        let report = session.run();
        assert_eq!(report.status, status, "{device}: {}", report.text);
        let refused = report.state().starts_with("/dev/more: of devices");
        assert_eq!(refused, name == "hello.fast", "{}", report.text);
    }
}

/// Code that got past the validator cannot move the base by the kernel's hand, make a second thread,
/// or have memory that another writes.
#[test]
fn conditions_cannot_be_undone() {
    let thread = (libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND) as u64;
    let shared = (libc::MAP_SHARED | libc::MAP_FIXED) as u64;
    const ARCH_SET_GS: u64 = 0x1001;
    for (number, arguments) in [
        (libc::SYS_arch_prctl, [ARCH_SET_GS, 0, 0, 0, 0, 0]),
        (libc::SYS_clone, [thread, 0, 0, 0, 0, 0]),
        (libc::SYS_clone3, [0; 6]),
        (libc::SYS_mmap, [0x440A_0004_0000, 0x1000, 3, shared, 3, 0]),
        (
            libc::SYS_mremap,
            [0x440A_0004_0000, 0x1000, 0x1000, 3, 0, 0],
        ),
        (libc::SYS_io_uring_setup, [0; 6]),
        (libc::SYS_userfaultfd, [0; 6]),
    ] {
        let mut session = Session::of("raw.fast");
        session.runner = Runner::Trusting;
        let words = [number as u64].into_iter().chain(arguments).chain([0]);
        let words: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
        session.input(&words);
        let report = session.run();
        let state = "killed for a system call that no session needs";
        assert_eq!(report.state(), state, "{number}");
    }
}
