//! What a VM writes to its standard output and error: drained into its log, so that it never waits for
//! anybody.

use crate::log::Log;
use std::{io, os::fd::OwnedFd, rc::Rc};
use tokio::{net::unix::pipe::Receiver, sync::watch, task::JoinHandle};

/// Bytes of the end.
const REMEMBERED: usize = 8 << 10;
/// Characters of the last line shown.
const SHOWN: usize = 240;
/// Bytes read at once, before something else has its turn.
const AT_ONCE: usize = 16 << 10;

/// The reading end of a VM's standard error.
#[derive(Debug)]
pub struct Tail {
    log: Rc<Log>,
    /// Where in the log it begins.
    since: u64,
    /// How many came in all.
    count: watch::Receiver<u64>,
    drain: JoinHandle<()>,
}

impl Tail {
    /// Drains a pipe into a log from now on.
    pub fn of(pipe: OwnedFd, log: &Rc<Log>) -> io::Result<Tail> {
        Tail::after(pipe, 0, log)
    }

    /// The same, of a pipe of which somebody else has read so many bytes.
    pub fn after(pipe: OwnedFd, earlier: u64, log: &Rc<Log>) -> io::Result<Tail> {
        let receiver = Receiver::from_owned_fd(pipe)?;
        let (counter, count) = watch::channel(earlier);
        log.count(earlier);
        let since = log.end();
        let drain = tokio::task::spawn_local(drain(receiver, log.clone(), counter));
        Ok(Tail {
            log: log.clone(),
            since,
            count,
            drain,
        })
    }

    /// Waits until more bytes than that came; for ever where they never do.
    pub async fn beyond(&self, most: u64) {
        let mut count = self.count.clone();
        if count.wait_for(|count| *count > most).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// How many bytes came in all.
    pub fn count(&self) -> u64 {
        *self.count.borrow()
    }

    /// The last that came.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.log.tail(self.since, REMEMBERED)).into_owned()
    }

    /// The last line, fit for a line of somebody else's; empty where nothing was written.
    pub fn last_line(&self) -> String {
        let text = self.text();
        let last = text
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default();
        last.trim()
            .chars()
            .filter(|character| !character.is_control())
            .take(SHOWN)
            .collect()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        // A descendant of the VM may hold the pipe open for ever.
        self.drain.abort();
    }
}

async fn drain(receiver: Receiver, log: Rc<Log>, counter: watch::Sender<u64>) {
    let mut buffer = vec![0; AT_ONCE];
    while receiver.readable().await.is_ok() {
        match receiver.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                log.write(buffer.get(..count).unwrap_or_default());
                log.count(count as u64);
                counter.send_modify(|all| *all += count as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
        // A VM that writes without pause gets no more than its turn.
        tokio::task::yield_now().await;
    }
}
