//! The ring between two processes: right whatever shares the processor with them, and over when
//! either ends. Nothing here depends on how long anything takes.

use cosmos_rpc::descriptor::{self, Wait};
use cosmos_rpc::ring::{AREA, End, Peer, Segment, Settings};
use cosmos_rpc::{Fault, FaultCode};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{IoSlice, Read, Write};
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const ROLE: &str = "COSMOSTEST_RING_ROLE";
/// What no honest run reaches; a hang ends with it.
const FOREVER: Option<Duration> = Some(Duration::from_secs(60));

/// The other end of the socket: gone when that hangs up.
struct Socket(UnixStream);

impl Peer for Socket {
    fn is_gone(&mut self) -> bool {
        let mut watched = [PollFd::new(self.0.as_fd(), PollFlags::empty())];
        !matches!(poll(&mut watched, PollTimeout::ZERO), Ok(0))
    }
}

/// A VM's end in a process of its own, killed when dropped.
struct Far {
    child: Child,
    end: End,
    socket: Socket,
}

impl Far {
    fn start(role: &str) -> Far {
        let (near, far) = UnixStream::pair().unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "far_end", "--ignored", "--nocapture", "--quiet"])
            .env(ROLE, role)
            .stdin(Stdio::from(OwnedFd::from(far)))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let segment = Segment::new(AREA).unwrap();
        let sent = [segment.descriptor()];
        descriptor::send(near.as_fd(), &[IoSlice::new(b"s")], &sent, Wait::Yes).unwrap();
        let mut ready = [0];
        (&near).read_exact(&mut ready).unwrap();
        let end = End::client(segment, &Settings::ASKING);
        Far {
            child,
            end,
            socket: Socket(near),
        }
    }

    fn call(&mut self, number: u64, body: &mut Vec<u8>) -> Result<(), Fault> {
        let length = (number as usize * 37) % 700;
        let sent: Vec<u8> = (0..length).map(|at| (at as u64 ^ number) as u8).collect();
        self.end.post(7, number, &[&sent])?;
        let answer = self.end.take(FOREVER, &mut self.socket, body)?;
        assert_eq!((answer.kind, answer.id), (8, number), "lost or doubled");
        assert!(body.iter().eq(sent.iter().rev()), "another call's body");
        Ok(())
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test: what the processes at the far end run.
#[test]
#[ignore = "run by the other tests, in processes of their own"]
fn far_end() {
    let Some(role) = std::env::var_os(ROLE) else {
        return;
    };
    // SAFETY: descriptor 0 is the socket this process was started with, and nobody else uses it.
    let mut stream = unsafe { UnixStream::from_raw_fd(0) };
    let mut byte = [0];
    let received = descriptor::receive(stream.as_fd(), &mut byte, Wait::Yes).unwrap();
    let memory = received.descriptors.into_iter().next().unwrap();
    let mut end = End::vm(Segment::received(memory).unwrap(), &Settings::SERVING);
    stream.write_all(b"r").unwrap();
    let mut socket = Socket(stream);
    let mut body = Vec::new();
    while let Ok(message) = end.take(None, &mut socket, &mut body) {
        if role == "silent" {
            let _ = socket.0.read(&mut [0]);
            break;
        }
        body.reverse();
        end.post(message.kind + 1, message.id, &[&body]).unwrap();
    }
    std::process::exit(0);
}

fn only(cpu: usize) -> CpuSet {
    let mut mask = CpuSet::new();
    mask.set(cpu).unwrap();
    mask
}

fn converse(mut far: Far, calls: u64) {
    let mut body = Vec::new();
    for number in 0..calls {
        far.call(number, &mut body).unwrap();
    }
}

#[test]
fn every_call_has_its_answer() {
    converse(Far::start("echo"), 20_000);
}

#[test]
fn on_one_core_too() {
    let far = Far::start("echo");
    let cpu = nix::sched::sched_getcpu().unwrap();
    let one = only(cpu);
    sched_setaffinity(Pid::from_raw(0), &one).unwrap();
    sched_setaffinity(Pid::from_raw(far.child.id() as i32), &one).unwrap();
    converse(far, 3_000);
}

#[test]
fn beside_a_hog_and_with_gaps_too() {
    static DONE: AtomicBool = AtomicBool::new(false);
    let hog = std::thread::spawn(|| {
        while !DONE.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    });
    converse(Far::start("echo"), 3_000);
    let mut far = Far::start("echo");
    let mut body = Vec::new();
    for number in 0..100 {
        std::thread::sleep(Duration::from_micros(number * 40));
        far.call(number, &mut body).unwrap();
    }
    DONE.store(true, Ordering::Relaxed);
    hog.join().unwrap();
}

#[test]
fn ten_clients_at_once_are_all_served() {
    let clients: Vec<_> = (0..10)
        .map(|_| std::thread::spawn(|| converse(Far::start("echo"), 2_000)))
        .collect();
    for client in clients {
        client.join().unwrap();
    }
}

#[test]
fn a_vm_killed_anywhere_leaves_an_error_and_no_doubled_answer() {
    let rounds: u64 = std::env::var("COSMOSTEST_SOAK")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(15);
    for round in 0..rounds {
        let mut far = Far::start("echo");
        let pid = Pid::from_raw(far.child.id() as i32);
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_micros(300 + 577 * (round % 40)));
            kill(pid, Signal::SIGKILL).unwrap();
        });
        let mut body = Vec::new();
        let fault = (0..)
            .find_map(|number| far.call(number, &mut body).err())
            .unwrap();
        assert_eq!(fault.code, FaultCode::Disconnected, "{fault}");
        killer.join().unwrap();
    }
}

#[test]
fn a_vm_that_is_silent_for_ever_is_given_up_by_the_deadline() {
    let mut far = Far::start("silent");
    far.end.post(7, 0, &[]).unwrap();
    let soon = Some(Duration::from_millis(20));
    let fault = far
        .end
        .take(soon, &mut far.socket, &mut Vec::new())
        .unwrap_err();
    assert_eq!(fault.code, FaultCode::TimedOut);
}

#[test]
fn a_vm_whose_client_is_gone_ends_by_itself() {
    let mut far = Far::start("echo");
    let mut body = Vec::new();
    far.call(1, &mut body).unwrap();
    let (near, _far) = UnixStream::pair().unwrap();
    // Closes the socket as the end of this process would.
    far.socket = Socket(near);
    assert!(far.child.wait().unwrap().success());
}

#[test]
fn a_sleeper_that_was_moved_to_another_futex_is_found_by_its_nap() {
    // A hostile VM can do this to a client; here another client's process does it to itself.
    let segment = Segment::new(AREA).unwrap();
    let memory = segment.descriptor().try_clone_to_owned().unwrap();
    let there = segment.descriptor().try_clone_to_owned().unwrap();
    let mut client = End::client(segment, &Settings::ASKING);
    let mut vm = End::vm(Segment::received(there).unwrap(), &Settings::SERVING);
    struct Here;
    impl Peer for Here {
        fn is_gone(&mut self) -> bool {
            false
        }
    }
    client.post(1, 1, &[]).unwrap();
    let asked = std::thread::spawn(move || client.take(FOREVER, &mut Here, &mut Vec::new()));
    let mut body = Vec::new();
    vm.take(None, &mut Here, &mut body).unwrap();
    // The word of the VM's line, 256, on which the client sleeps; and one nobody wakes, 1024.
    assert!(requeue_sleeper(&memory, 256, 1024), "it never slept");
    vm.post(2, 1, &[]).unwrap();
    assert_eq!(asked.join().unwrap().unwrap().kind, 2);
}

/// Moves who sleeps on the word at `from` to the one at `to`; whether there came one to be moved.
fn requeue_sleeper(memory: &OwnedFd, from: usize, to: usize) -> bool {
    use std::os::fd::AsRawFd;
    // SAFETY: a fresh mapping of the segment's first page, kept until the process ends.
    let page = unsafe {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        libc::mmap(
            std::ptr::null_mut(),
            4096,
            access,
            libc::MAP_SHARED,
            memory.as_raw_fd(),
            0,
        )
    };
    assert_ne!(page, libc::MAP_FAILED);
    let page = page.cast::<u8>();
    for _ in 0..30_000 {
        // SAFETY: both addresses are words of the page.
        let moved = unsafe {
            let value = page.add(from).cast::<u32>().read_volatile();
            let (from, to) = (page.add(from), page.add(to));
            libc::syscall(
                libc::SYS_futex,
                from,
                libc::FUTEX_CMP_REQUEUE,
                0,
                1usize,
                to,
                value,
            )
        };
        if moved > 0 {
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}
