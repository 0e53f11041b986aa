//! Lines for the system's log.

use std::os::unix::net::UnixDatagram;
use std::path::Path;

const SOCKET: &str = "/dev/log";
/// User messages (facility 1), errors (3) and information (6).
const ERROR: u8 = 1 << 3 | 3;
const INFORMATION: u8 = 1 << 3 | 6;

/// Logs an error.
pub fn error(text: &str) {
    send(Path::new(SOCKET), ERROR, text);
}

/// Logs a report.
pub fn report(text: &str) {
    send(Path::new(SOCKET), INFORMATION, text);
}

/// A system without a log is no reason to fail.
fn send(socket: &Path, priority: u8, text: &str) {
    let pid = std::process::id();
    let line = format!("<{priority}>ZeroVM[{pid}]: {text}");
    if let Ok(sender) = UnixDatagram::unbound() {
        let _ = sender.set_nonblocking(true);
        let _ = sender.send_to(line.as_bytes(), socket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_priority_name_and_process() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("log");
        let receiver = UnixDatagram::bind(&path).expect("a socket");
        send(&path, ERROR, "text");
        let mut buffer = [0; 100];
        let length = receiver.recv(&mut buffer).expect("a line");
        let expected = format!("<11>ZeroVM[{}]: text", std::process::id());
        assert_eq!(String::from_utf8_lossy(&buffer[..length]), expected);
        send(&directory.path().join("nobody"), ERROR, "text");
    }
}
