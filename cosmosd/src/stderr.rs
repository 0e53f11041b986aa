//! What a VM writes to its standard output and error: drained, so that it never waits for anybody,
//! and forgotten but for the end.

use std::{cell::RefCell, collections::VecDeque, io, os::fd::OwnedFd, rc::Rc};
use tokio::{net::unix::pipe::Receiver, sync::watch, task::JoinHandle};

/// Bytes remembered.
const REMEMBERED: usize = 8 << 10;
/// Characters of the last line shown.
const SHOWN: usize = 240;

/// The reading end of a VM's standard error.
#[derive(Debug)]
pub struct Tail {
    bytes: Rc<RefCell<VecDeque<u8>>>,
    /// How many came in all.
    count: watch::Receiver<u64>,
    drain: JoinHandle<()>,
}

impl Tail {
    /// Drains a pipe from now on.
    pub fn of(pipe: OwnedFd) -> io::Result<Tail> {
        let receiver = Receiver::from_owned_fd(pipe)?;
        let bytes = Rc::new(RefCell::new(VecDeque::new()));
        let (counter, count) = watch::channel(0);
        let drain = tokio::task::spawn_local(drain(receiver, bytes.clone(), counter));
        Ok(Tail {
            bytes,
            count,
            drain,
        })
    }

    /// Puts before what came what somebody else has read.
    pub fn precede(&self, earlier: &[u8]) {
        let mut bytes = self.bytes.borrow_mut();
        let kept = earlier.len().saturating_sub(REMEMBERED);
        for byte in earlier.iter().skip(kept).rev() {
            bytes.push_front(*byte);
        }
    }

    /// Waits until more bytes than that came; for ever where they never do.
    pub async fn beyond(&self, most: u64) {
        let mut count = self.count.clone();
        if count.wait_for(|count| *count > most).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The last that came.
    pub fn text(&self) -> String {
        let bytes: Vec<u8> = self.bytes.borrow().iter().copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The last line, fit for a line of somebody else's; empty where nothing was written.
    pub fn last_line(&self) -> String {
        let bytes: Vec<u8> = self.bytes.borrow().iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
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

async fn drain(receiver: Receiver, bytes: Rc<RefCell<VecDeque<u8>>>, counter: watch::Sender<u64>) {
    let mut buffer = vec![0; 4096];
    while receiver.readable().await.is_ok() {
        match receiver.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                counter.send_modify(|all| *all += count as u64);
                let mut bytes = bytes.borrow_mut();
                bytes.extend(buffer.iter().take(count));
                let surplus = bytes.len().saturating_sub(REMEMBERED);
                bytes.drain(..surplus);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
        // A VM that writes without pause gets no more than its turn.
        tokio::task::yield_now().await;
    }
}
