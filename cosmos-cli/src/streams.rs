//! Which of the standard streams this command was started without.
//!
//! Before `main`, Rust opens `/dev/null` in the place of each that is closed, so that no file ever comes to
//! be one. A program that is to run as if it was started here has them closed, though, and who closed the
//! output of a verb that prints asked for something that cannot be done. So this looks before Rust does.

use std::sync::atomic::{AtomicU8, Ordering};

/// A bit for each.
static CLOSED: AtomicU8 = AtomicU8::new(0);

// SAFETY: the section holds pointers to functions of this kind, which are called once, by the thread that
// becomes the main one, before `main`; this one needs nothing that is made there.
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    for number in 0..3 {
        // SAFETY: takes integers alone.
        if unsafe { libc::fcntl(number, libc::F_GETFD) } == -1 {
            CLOSED.fetch_or(1 << number, Ordering::Relaxed);
        }
    }
}

/// Whether standard input, output and error were closed.
pub fn closed() -> [bool; 3] {
    let bits = CLOSED.load(Ordering::Relaxed);
    [0, 1, 2].map(|number| bits & (1 << number) != 0)
}
