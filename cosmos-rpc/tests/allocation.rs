//! A call through shared memory allocates nothing, at either end, once its buffers have grown.

use cosmos_rpc::Role;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::vm::CALL;
use cosmos_rpc::ring::Settings;
use std::alloc::{GlobalAlloc, Layout, System};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};

/// The system's allocator, counted.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is the system allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

// The only test of this program, so nothing else allocates meanwhile.
#[test]
fn calls_allocate_nothing() {
    let (near, far) = UnixStream::pair().unwrap();
    let vm = std::thread::spawn(move || {
        let mut connection = Connection::accept(far, Role::Vm).unwrap();
        while let Some(frame) = connection.receive().unwrap() {
            connection
                .send_raw(frame.kind | REPLY, frame.id, &[&frame.body], &[])
                .unwrap();
            connection.recycle(frame.body);
        }
    });
    let mut client = Connection::connect(near, Role::Client).unwrap();
    assert!(client.share(&Settings::ASKING).unwrap());
    let (small, large) = ([5; 40], [6; 4096]);
    let mut call = |body: &[u8]| {
        let frame = client.call_raw(CALL, &[body], &[]).unwrap();
        assert_eq!(frame.body, body);
        client.recycle(frame.body);
    };
    for _ in 0..100 {
        call(&large);
        call(&small);
    }
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    for _ in 0..1000 {
        call(&large);
        call(&small);
    }
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - before, 0);
    drop(client);
    vm.join().unwrap();
}
