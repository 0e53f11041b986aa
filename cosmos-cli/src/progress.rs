//! Something to see while a command waits: on a terminal only, and only where it takes longer than a
//! moment.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What nobody wonders about.
const MOMENT: Duration = Duration::from_secs(1);
/// Back to the beginning of the line, and nothing left of it.
const CLEAR: &str = "\r\x1b[K";

/// A line on standard error, as long as this lives.
#[derive(Debug)]
pub struct Waiting {
    done: Option<Sender<()>>,
    shown: Option<JoinHandle<()>>,
}

impl Waiting {
    /// Shows `what` after a moment, where standard error is a terminal.
    pub fn for_what(what: String) -> Waiting {
        match io::stderr().is_terminal() {
            true => Waiting::on(io::stderr(), what, MOMENT),
            false => Waiting {
                done: None,
                shown: None,
            },
        }
    }

    fn on(mut terminal: impl Write + Send + 'static, what: String, moment: Duration) -> Waiting {
        let (done, end) = channel::<()>();
        let shown = thread::spawn(move || {
            if end.recv_timeout(moment) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            // A terminal that is gone needs no line.
            let _ = write!(terminal, "{what}...").and_then(|()| terminal.flush());
            let _ = end.recv();
            let _ = write!(terminal, "{CLEAR}").and_then(|()| terminal.flush());
        });
        Waiting {
            done: Some(done),
            shown: Some(shown),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(shown) = self.shown.take() {
            // What comes next begins on an empty line.
            let _ = shown.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// Tells what was written so far by each flush.
    struct Screen(Arc<Mutex<Vec<u8>>>, Sender<()>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.1.send(()).map_err(io::Error::other)
        }
    }

    #[test]
    fn a_line_comes_after_a_moment_and_goes_with_the_wait() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (flushed, told) = channel();
        let screen = Screen(Arc::clone(&seen), flushed);
        let waiting = Waiting::on(screen, "waiting".to_owned(), Duration::ZERO);
        told.recv().unwrap();
        assert_eq!(&*seen.lock().unwrap(), b"waiting...");
        drop(waiting);
        assert_eq!(&*seen.lock().unwrap(), b"waiting...\r\x1b[K");
    }

    #[test]
    fn nothing_is_seen_of_what_is_done_at_once() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (flushed, _told) = channel();
        let screen = Screen(Arc::clone(&seen), flushed);
        drop(Waiting::on(
            screen,
            "waiting".to_owned(),
            Duration::from_secs(3600),
        ));
        assert!(seen.lock().unwrap().is_empty());
    }
}
