//! Pseudo-terminals: what a program gets that is to believe it has a terminal.

use cosmos_rpc::steering::Window;
use cosmos_rpc::{Fault, FaultCode};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// A terminal of this size: our end, and the program's.
///
/// # Errors
///
/// `System` when there are no more of them.
pub fn open_pair(window: Window) -> Result<(File, OwnedFd), Fault> {
    let pair = || {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let ours = openpt(flags)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let name = ptsname(&ours, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs = open(name, flags, Mode::empty())?;
        set_size(&ours, window)?;
        Ok((File::from(ours), theirs))
    };
    pair().map_err(|error: Errno| {
        let message = format!("a terminal for the program: {error}");
        Fault::host(FaultCode::System, message)
    })
}

/// Gives a terminal another size; the programs on it are told by SIGWINCH.
///
/// # Errors
///
/// What the system says.
pub fn resize(terminal: impl AsFd, window: Window) -> io::Result<()> {
    set_size(terminal, window).map_err(io::Error::from)
}

fn set_size(terminal: impl AsFd, window: Window) -> Result<(), Errno> {
    let size = Winsize {
        ws_row: window.rows,
        ws_col: window.columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::termios::tcgetwinsize;
    use std::io::{Read, Write};

    #[test]
    fn both_ends_are_one_terminal_of_the_size_that_was_asked_for() {
        let window = |rows, columns| Window { rows, columns };
        let (mut ours, theirs) = open_pair(window(30, 100)).expect("a terminal");
        let size = || {
            let size = tcgetwinsize(&theirs).expect("its size");
            (size.ws_row, size.ws_col)
        };
        assert_eq!(size(), (30, 100));
        resize(&ours, window(1, 65535)).expect("another size");
        assert_eq!(size(), (1, 65535));
        let mut theirs = File::from(theirs);
        ours.write_all(b"line\n").expect("typed");
        let mut read = [0; 5];
        theirs.read_exact(&mut read).expect("a line");
        assert_eq!(&read, b"line\n");
    }
}
