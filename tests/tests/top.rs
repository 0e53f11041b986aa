//! `cosmos top` on a terminal shows what changes, again and again, until it is interrupted.

use cosmos_tests::{World, eventually, in_world};
use nix::pty::{OpenptyResult, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// What begins each refresh.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// `cosmos top` on a terminal of its own.
struct Top {
    child: Child,
    output: Receiver<String>,
    /// What came that was not looked at.
    rest: String,
}

impl Top {
    fn start(world: &World) -> Top {
        let OpenptyResult { master, slave } = openpty(None, None).expect("a terminal");
        let child = world
            .cosmos()
            .args(["top", "--pause", "50ms"])
            .stdin(Stdio::null())
            .stdout(Stdio::from(slave))
            .spawn()
            .expect("cosmos top");
        let (sender, output) = mpsc::channel();
        let mut master = File::from(master);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Without a program the terminal fails to be read, which is its end.
            while let Ok(count @ 1..) = master.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
                if sender.send(text).is_err() {
                    return;
                }
            }
        });
        Top {
            child,
            output,
            rest: String::new(),
        }
    }

    /// The next whole picture.
    fn picture(&mut self) -> String {
        loop {
            if let Some((before, after)) = self.rest.split_once(CLEAR)
                && let Some(end) = after.find(CLEAR)
            {
                assert_eq!(before, "", "nothing stands before a picture");
                let picture = after[..end].to_owned();
                self.rest = after[end..].to_owned();
                return picture;
            }
            let more = self.output.recv_timeout(PATIENCE);
            self.rest.push_str(&more.expect("a picture in time"));
        }
    }

    /// Pictures until one holds; the number of them.
    fn until(&mut self, holds: impl Fn(&str) -> bool) -> usize {
        for number in 1..2000 {
            let picture = self.picture();
            assert!(picture.contains(" VMs"), "{picture:?}");
            if holds(&picture) {
                return number;
            }
        }
        panic!("no picture shows it")
    }
}

impl Drop for Top {
    fn drop(&mut self) {
        // One that ended is reaped all the same.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn each_refresh_shows_what_is_there_then() {
    in_world(|world| {
        let first = cosmos::dlopen("libm.so.6").expect("the library");
        let name = first.vm().to_owned();
        let mut top = Top::start(world);
        let is_shown = |name: &str, picture: &str| {
            let mut lines = picture.lines();
            lines.any(|line| line.starts_with(name) && line.contains("ready"))
        };
        let header = top.picture();
        assert!(header.contains("RSS"), "{header:?}");
        top.until(|picture| is_shown(&name, picture) && picture.contains("1 ready"));

        let options = cosmos::Options::new().fresh(true);
        let second = cosmos::dlopen_with("libm.so.6", &options).expect("the library");
        let other = second.vm().to_owned();
        top.until(|picture| is_shown(&name, picture) && is_shown(&other, picture));

        drop(second);
        top.until(|picture| is_shown(&name, picture) && !is_shown(&other, picture));

        let pid = i32::try_from(top.child.id()).expect("a pid");
        kill(Pid::from_raw(pid), Signal::SIGINT).expect("it can be interrupted");
        let ended = eventually(PATIENCE, || top.child.try_wait().expect("its end"));
        let ended = ended.expect("it ended");
        assert_eq!(ended.signal(), Some(libc::SIGINT), "{ended:?}");
    });
}
