//! How long a call may take, and what is left of that.

use crate::library::Target;
use crate::resolved::Resolved;
use crate::timeout;
use cosmos_rpc::blocking::Connection;
use std::time::{Duration, Instant};

/// How long a call may take: what is said nearest to it holds.
pub(crate) fn time_limit(function: &Resolved, library: &Target) -> Option<Duration> {
    let declared = function.frame().contract().timeout;
    timeout::of_thread()
        .or(declared.map(|milliseconds| Duration::from_millis(milliseconds.into())))
        .or(library.timeout())
}

/// What is left of the time a call may take. It stands still while the program's own functions run.
pub(crate) struct Clock {
    left: Option<Duration>,
}

impl Clock {
    pub(crate) fn new(timeout: Option<Duration>) -> Clock {
        Clock { left: timeout }
    }

    /// Waits within the time that is left.
    pub(crate) fn run<T>(
        &mut self,
        connection: &mut Connection,
        wait: impl FnOnce(&mut Connection) -> T,
    ) -> T {
        connection.set_timeout(self.left);
        let Some(left) = self.left else {
            return wait(connection);
        };
        let begun = Instant::now();
        let came = wait(connection);
        self.left = Some(left.saturating_sub(begun.elapsed()));
        came
    }
}
