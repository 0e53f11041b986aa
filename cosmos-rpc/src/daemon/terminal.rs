//! The terminal in which a daemon runs in the foreground.
//!
//! SIGHUP has two meanings. To a daemon it says that something is to be read again; to what runs in a terminal it says
//! that the terminal is gone, and who started that there expects it to end. Which one it is the terminal tells: the
//! kernel takes it from its processes before it signals them. Who has SIGHUP ignored (`nohup`) is to stay.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;

/// Whether this process has to end with a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    ends_with_it: bool,
}

impl Terminal {
    /// As the process was started: before [`settle`](super::settle), which ignores no signal any more.
    pub fn of_this_process() -> Terminal {
        Terminal {
            ends_with_it: open().is_ok() && !is_hangup_ignored(),
        }
    }

    /// Whether it is gone, and this process is to end.
    pub fn has_hung_up(self) -> bool {
        let is_gone = |error: io::Error| {
            matches!(
                error.raw_os_error(),
                Some(libc::ENXIO | libc::EIO | libc::ENOTTY)
            )
        };
        self.ends_with_it && open().is_err_and(is_gone)
    }
}

/// Opens it, which works as long as there is one.
fn open() -> io::Result<()> {
    let flags = libc::O_NOCTTY | libc::O_NONBLOCK;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open("/dev/tty");
    opened.map(drop)
}

fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 << (libc::SIGHUP - 1) != 0)
}
