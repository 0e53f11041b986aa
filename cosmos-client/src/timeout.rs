//! How long calls may take.
//!
//! | said by | holds for |
//! |---|---|
//! | [`within`] | every call in it, on its thread |
//! | `__timeout(ms)` in the prototype | every call of the function |
//! | [`Options::timeout`](crate::Options::timeout) | everything of the library |
//! | the configuration's `timeout_ms` | every library opened without such an option |
//!
//! What stands higher in the table holds.

use std::cell::Cell;
use std::time::Duration;

thread_local! {
    static LIMIT: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// Runs `calls`; each call in it that this thread makes may take as long as `limit`. Zero lets the
/// other limits hold, inside of an outer `within` too.
///
/// ```no_run
/// use std::time::Duration;
///
/// # fn main() -> Result<(), cosmos::Error> {
/// let poll = cosmos::dlopen("libc.so.6")?.function("int usleep(unsigned microseconds)")?;
/// let outcome = cosmos::within(Duration::from_millis(20), || poll.call(&[900_000.into()]));
/// assert_eq!(outcome.unwrap_err().code(), cosmos::FaultCode::TimedOut);
/// # Ok(())
/// # }
/// ```
pub fn within<T>(limit: Duration, calls: impl FnOnce() -> T) -> T {
    let _restored = Restored(set((!limit.is_zero()).then_some(limit)));
    calls()
}

/// The limit of this thread's calls.
pub(crate) fn of_thread() -> Option<Duration> {
    LIMIT.try_with(Cell::get).ok().flatten()
}

/// Sets the limit of this thread's calls; gives the one before.
pub(crate) fn set(limit: Option<Duration>) -> Option<Duration> {
    LIMIT.try_with(|known| known.replace(limit)).ok().flatten()
}

/// Puts the limit back, also where the calls panic.
struct Restored(Option<Duration>);

impl Drop for Restored {
    fn drop(&mut self) {
        set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_limit_holds_and_the_outer_comes_back() {
        let milliseconds = Duration::from_millis;
        assert_eq!(of_thread(), None);
        within(milliseconds(5), || {
            assert_eq!(of_thread(), Some(milliseconds(5)));
            within(milliseconds(9), || {
                assert_eq!(of_thread(), Some(milliseconds(9)))
            });
            within(Duration::ZERO, || assert_eq!(of_thread(), None));
            let panicked =
                std::panic::catch_unwind(|| within(milliseconds(1), || panic!("on purpose")));
            assert!(panicked.is_err());
            assert_eq!(of_thread(), Some(milliseconds(5)));
        });
        assert_eq!(of_thread(), None);
        let other = within(milliseconds(5), || std::thread::spawn(of_thread).join());
        assert_eq!(other.ok(), Some(None));
    }
}
