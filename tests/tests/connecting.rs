//! What it costs a program to get to a VM that runs already: one message with a descriptor from cosmosdb, by which it
//! is connected to cosmosd, and one that connects it to the VM.

use cosmos::{Options, Value};
use cosmos_tests::in_world;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Messages that brought descriptors, and how many those were.
static MESSAGES: AtomicUsize = AtomicUsize::new(0);
static DESCRIPTORS: AtomicUsize = AtomicUsize::new(0);

/// In place of the C library's, by which this program receives: counts.
///
/// # Safety
/// As recvmsg(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn recvmsg(
    socket: libc::c_int,
    message: *mut libc::msghdr,
    flags: libc::c_int,
) -> libc::ssize_t {
    // SAFETY: the caller's promise; the headers are those that the kernel has filled in.
    unsafe {
        let received = libc::syscall(libc::SYS_recvmsg, socket, message, flags) as libc::ssize_t;
        let mut header = match received {
            0.. => libc::CMSG_FIRSTHDR(message),
            _ => std::ptr::null_mut(),
        };
        while let Some(control) = header.as_ref() {
            if (control.cmsg_level, control.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
                let bytes = control.cmsg_len - libc::CMSG_LEN(0) as usize;
                MESSAGES.fetch_add(1, Ordering::Relaxed);
                DESCRIPTORS.fetch_add(bytes / size_of::<libc::c_int>(), Ordering::Relaxed);
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
        received
    }
}

fn received() -> [usize; 2] {
    [&MESSAGES, &DESCRIPTORS].map(|count| count.swap(0, Ordering::Relaxed))
}

fn calls_in_the_shared_vm() {
    let library = cosmos::dlopen_with("libc.so.6", &Options::new().shared("pool")).expect("libc");
    let abs = library.function("int abs(int number)").expect("abs");
    let outcome = abs.call(&[Value::Int(-5)]).expect("a call");
    assert_eq!(outcome.result, Value::Int(5));
    // A library that is open is opened again, and other functions called, over what there is.
    let again = cosmos::dlopen_with("libc.so.6", &Options::new().shared("pool")).expect("libc");
    let labs = again.function("long labs(long number)").expect("labs");
    labs.call(&[Value::Int(-5)]).expect("a call");
}

#[test]
fn a_program_is_sent_one_descriptor_for_cosmosd_and_one_for_the_vm() {
    in_world(|_| {
        calls_in_the_shared_vm();
        assert_ne!(received(), [0; 2], "it counts");
        // SAFETY: the child is another client, and ends by _exit.
        let child = unsafe { libc::fork() };
        if child == 0 {
            cosmos::queries::list_vms().expect("an answer of cosmosd's");
            let connected = received();
            calls_in_the_shared_vm();
            let joined = received();
            println!("{connected:?} to cosmosd, {joined:?} to the VM");
            let fine = connected == [1, 1] && joined == [1, 1];
            // SAFETY: ends the child without running anything of the test harness.
            unsafe { libc::_exit(i32::from(!fine)) }
        }
        let mut status = 0;
        // SAFETY: waits for the child made above; `status` is ours.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0);
    });
}
