//! Pseudo-terminals: what a program gets that is to believe it has a terminal.

use cosmos_rpc::{Fault, FaultCode};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its lines.
    pub rows: u16,
    /// Its columns.
    pub columns: u16,
}

/// A terminal: our end, and the program's.
pub(super) fn open_pair(window: Window) -> Result<(File, OwnedFd), Fault> {
    let pair = || {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let ours = openpt(flags)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let name = ptsname(&ours, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs = open(name, flags, Mode::empty())?;
        resize(&ours, window)?;
        Ok((File::from(ours), theirs))
    };
    pair().map_err(|error: Errno| {
        let message = format!("a terminal for the program: {error}");
        Fault::host(FaultCode::System, message)
    })
}

/// Gives a terminal another size; the programs on it are told by SIGWINCH.
pub(super) fn resize(terminal: impl AsFd, window: Window) -> Result<(), Errno> {
    let size = Winsize {
        ws_row: window.rows,
        ws_col: window.columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size)
}
