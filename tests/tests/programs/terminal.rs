//! `cosmos exec -t`: a terminal in a terminal.

use super::PATIENCE;
use cosmos_tests::{World, eventually, in_world};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::termios::{LocalFlags, Termios, tcgetattr};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};

/// A terminal, and `cosmos exec -t` at it.
struct Window {
    keys: File,
    terminal: OwnedFd,
    before: Termios,
    child: Child,
    seen: String,
}

impl Window {
    fn open(world: &World, line: &str) -> Window {
        let size = size(30, 100);
        let OpenptyResult { master, slave } = openpty(Some(&size), None).expect("a terminal");
        for end in [&master, &slave] {
            let flag = FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC);
            fcntl(end, flag).expect("not for the command");
        }
        let before = tcgetattr(&slave).expect("its settings");
        let mut command = world.cosmos();
        command.args(["exec", "-t", "--", "sh", "-c", line]);
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
        let child = command.spawn().expect("cosmos");
        Window {
            keys: File::from(master),
            terminal: slave,
            before,
            child,
            seen: String::new(),
        }
    }

    fn type_in(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("typed");
    }

    /// Reads on until this is shown.
    #[track_caller]
    fn shows(&mut self, text: &str) {
        while !self.seen.contains(text) {
            let mut piece = [0; 1000];
            let count = self.keys.read(&mut piece).expect("the terminal");
            assert!(count > 0, "no {text:?} in {:?}", self.seen);
            self.seen
                .push_str(&String::from_utf8_lossy(&piece[..count]));
        }
        let end = self.seen.find(text).expect("it is there") + text.len();
        self.seen.drain(..end);
    }

    fn is_raw(&self) -> bool {
        let now = tcgetattr(&self.terminal).expect("its settings");
        !now.local_flags.contains(LocalFlags::ICANON)
    }

    #[track_caller]
    fn assert_restored(&self) {
        let restored = eventually(PATIENCE, || {
            let now = tcgetattr(&self.terminal).expect("its settings");
            (now == self.before).then_some(())
        });
        assert!(restored.is_some(), "the terminal is not as it was");
    }

    fn resize(&self, rows: u16, columns: u16) {
        let size = size(rows, columns);
        // SAFETY: the structure is what this request takes, and outlives the call.
        let done = unsafe { libc::ioctl(self.keys.as_raw_fd(), libc::TIOCSWINSZ, &size) };
        assert_eq!(done, 0);
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

#[test]
fn a_terminal_is_one_for_the_program() {
    in_world(|world| {
        let line = "test -t 0 && test -t 1 && test -t 2 && echo terminal; echo $TERM; stty size; \
                    trap 'echo interrupted' INT; trap 'stty size' WINCH; \
                    read a; echo \"got $a\"; echo ready; \
                    while ! read b; do :; done; echo \"then $b\"; exit 6";
        let mut window = Window::open(world, line);
        window.shows("terminal\r\n");
        window.shows("30 100\r\n");
        assert!(window.is_raw());
        window.type_in("keys\r");
        // The program's terminal echoes; this one does not.
        window.shows("keys\r\ngot keys\r\nready\r\n");
        window.resize(12, 34);
        window.shows("12 34\r\n");
        window.type_in("\u{3}");
        window.shows("interrupted\r\n");
        window.type_in("more\r");
        window.shows("then more\r\n");
        assert_eq!(window.child.wait().expect("its end").code(), Some(6));
        window.assert_restored();
    });
}

#[test]
fn the_terminal_is_restored_whatever_happens() {
    in_world(|world| {
        // The program is killed.
        let mut window = Window::open(world, "echo ready; kill -KILL $$");
        window.shows("ready");
        assert_eq!(window.child.wait().expect("its end").code(), Some(137));
        window.assert_restored();

        // The command is ended, which the program does not care for; then the VM is killed.
        let mut window = Window::open(
            world,
            "trap 'echo term' TERM; echo ready; while :; do sleep 0.05; done",
        );
        window.shows("ready");
        let pid = nix::unistd::Pid::from_raw(window.child.id() as i32);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("it runs");
        window.shows("term");
        let vm = world.processes_named("cosmos-exec").pop().expect("a VM");
        let vm = nix::unistd::Pid::from_raw(vm.pid);
        nix::sys::signal::kill(vm, nix::sys::signal::Signal::SIGKILL).expect("it runs");
        assert_eq!(window.child.wait().expect("its end").code(), Some(125));
        window.assert_restored();

        // What cannot run leaves it alone.
        let mut window = Window::open(world, "exit 3");
        assert_eq!(window.child.wait().expect("its end").code(), Some(3));
        window.assert_restored();
    });
}

#[test]
fn a_program_ends_with_its_terminal() {
    in_world(|world| {
        let mut window = Window::open(world, "echo ready; sleep 1000; sleep 1001");
        window.shows("ready");
        let Window { keys, terminal, .. } = &mut window;
        // Both ends go, as when somebody closes the window.
        let null = || {
            File::options()
                .read(true)
                .write(true)
                .open("/dev/null")
                .expect("it is there")
        };
        drop(std::mem::replace(keys, null()));
        drop(std::mem::replace(terminal, null().into()));
        let gone = eventually(PATIENCE, || {
            let left = ["sleep", "cosmos-exec", "cosmos"].map(|name| world.processes_named(name));
            left.iter().all(Vec::is_empty).then_some(())
        });
        assert!(gone.is_some(), "{:?}", world.processes());
    });
}
