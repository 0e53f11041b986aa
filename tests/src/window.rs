//! A window: a terminal, and `cosmos exec -t` or another command at it.

use crate::{World, eventually};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, Termios, tcgetattr};
use nix::unistd::Pid;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long its settings may take to be what they were.
const PATIENCE: Duration = Duration::from_secs(30);

/// A terminal, and a command at it, as its session leader.
#[derive(Debug)]
pub struct Window {
    /// Our end.
    keys: File,
    /// The command's end.
    terminal: OwnedFd,
    before: Termios,
    child: Child,
    seen: String,
}

impl Window {
    /// One of 30 lines and 100 columns, with `cosmos exec -t OPTIONS -- sh -c LINE` at it.
    pub fn open(world: &World, options: &[&str], line: &str) -> Window {
        let mut arguments = vec!["exec", "-t"];
        arguments.extend(options);
        arguments.extend(["--", "sh", "-c", line]);
        Window::of(world, &arguments)
    }

    /// One of that size with `cosmos` at it, with these arguments.
    pub fn of(world: &World, arguments: &[&str]) -> Window {
        let mut command = world.cosmos();
        command.args(arguments);
        Window::at(command)
    }

    /// One of that size with this at it.
    pub fn at(mut command: Command) -> Window {
        let size = size(30, 100);
        let OpenptyResult { master, slave } = openpty(Some(&size), None).expect("a terminal");
        for end in [&master, &slave] {
            let flag = FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC);
            fcntl(end, flag).expect("not for the command");
        }
        let before = tcgetattr(&slave).expect("its settings");
        let end = || Stdio::from(slave.try_clone().expect("again"));
        command.stdin(end()).stdout(end()).stderr(end());
        // SAFETY: both calls may be made between fork and exec, and change the child alone.
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                libc::ioctl(0, libc::TIOCSCTTY, 0);
                Ok(())
            });
        }
        let child = command.spawn().expect("the command");
        Window {
            keys: File::from(master),
            terminal: slave,
            before,
            child,
            seen: String::new(),
        }
    }

    /// Types.
    pub fn type_in(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("typed");
    }

    /// Reads on until this is shown.
    #[track_caller]
    pub fn shows(&mut self, text: &str) {
        while !self.seen.contains(text) {
            let mut watched = [PollFd::new(self.keys.as_fd(), PollFlags::POLLIN)];
            let patience = PollTimeout::try_from(PATIENCE).expect("a time");
            let ready = poll(&mut watched, patience).expect("the terminal");
            assert!(ready > 0, "no {text:?} in {:?}", self.seen);
            let mut piece = [0; 1000];
            let count = self.keys.read(&mut piece).expect("the terminal");
            assert!(count > 0, "no {text:?} in {:?}", self.seen);
            self.seen
                .push_str(&String::from_utf8_lossy(&piece[..count]));
        }
        let end = self.seen.find(text).expect("it is there") + text.len();
        self.seen.drain(..end);
    }

    /// Whether the terminal gives every key at once.
    pub fn is_raw(&self) -> bool {
        let now = tcgetattr(&self.terminal).expect("its settings");
        !now.local_flags.contains(LocalFlags::ICANON)
    }

    /// Waits until the terminal is what it was before the command.
    #[track_caller]
    pub fn assert_restored(&self) {
        let restored = eventually(PATIENCE, || {
            let now = tcgetattr(&self.terminal).expect("its settings");
            (now == self.before).then_some(())
        });
        assert!(restored.is_some(), "the terminal is not as it was");
    }

    /// Changes its size.
    pub fn resize(&self, rows: u16, columns: u16) {
        let size = size(rows, columns);
        // SAFETY: the structure is what this request takes, and outlives the call.
        let done = unsafe { libc::ioctl(self.keys.as_raw_fd(), libc::TIOCSWINSZ, &size) };
        assert_eq!(done, 0);
    }
}

impl Window {
    /// Waits for the command's end; its code.
    pub fn code(&mut self) -> Option<i32> {
        self.child.wait().expect("its end").code()
    }

    /// Whether the command is stopped.
    pub fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.unwrap_or_default();
        let state = stat.rsplit(") ").next().unwrap_or_default();
        state.starts_with('T')
    }

    /// Gives the command a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("it runs");
    }

    /// Lets go of both ends, as when somebody closes the window.
    pub fn close(&mut self) {
        let null = || {
            File::options()
                .read(true)
                .write(true)
                .open("/dev/null")
                .expect("it is there")
        };
        drop(std::mem::replace(&mut self.keys, null()));
        drop(std::mem::replace(&mut self.terminal, null().into()));
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(ws_row: u16, ws_col: u16) -> Winsize {
    Winsize {
        ws_row,
        ws_col,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}
