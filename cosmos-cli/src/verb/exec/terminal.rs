//! `-t`: the program has a terminal of its own, where it runs, and this command's is a window to it.
//!
//! This terminal is raw meanwhile, so that every key reaches the program's: what Ctrl-C means is decided
//! there. It is restored when the program has ended, when this command stops, and when it fails or
//! panics; after SIGKILL only `stty sane` does it.

use super::Trouble;
use super::signals::{Screen, Signals};
use cosmos::{Command, Ended, Steering, Window};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::thread;

/// The end of a file, as a terminal is told it.
const END: u8 = 4;
const PIECE: usize = 16 << 10;
/// What a terminal nobody knows the size of has.
const USUAL: Window = Window {
    rows: 24,
    columns: 80,
};

/// Runs the program; how it ended.
pub(super) fn run(command: &mut Command) -> Result<Ended, Trouble> {
    let signals = Signals::take(true).map_err(Trouble::System)?;
    let mut running = command
        .terminal(own_window().unwrap_or(USUAL))
        .spawn()
        .map_err(Trouble::Cosmos)?;
    let theirs = running.terminal.take();
    let theirs = theirs.ok_or_else(|| Trouble::System(io::ErrorKind::NotFound.into()))?;
    let steering = running.steering();
    let screen = Arc::new(OwnScreen {
        before: tcgetattr(io::stdin()).ok(),
        steering: steering.clone(),
    });
    screen.enter();
    let _restored = Restored(Arc::clone(&screen));
    signals.forward(steering.clone(), Some(screen));
    let (keys, shown) = (theirs.try_clone().map_err(Trouble::System)?, theirs);
    // It waits for a key that may never come, and ends with this command.
    thread::spawn(move || type_in(keys, &steering));
    let output = thread::spawn(move || show(shown));
    let ended = running.wait();
    // All that it wrote is shown: its terminal ends when nobody has it any more.
    let _ = output.join();
    ended.map_err(Trouble::Cosmos)
}

/// What this command's terminal was, and the way to the program's.
struct OwnScreen {
    before: Option<Termios>,
    steering: Steering,
}

impl Screen for OwnScreen {
    fn leave(&self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), OptionalActions::Drain, before);
        }
    }

    fn enter(&self) {
        if let Some(before) = &self.before {
            let mut raw = before.clone();
            raw.make_raw();
            let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &raw);
        }
        self.resize();
    }

    fn resize(&self) {
        if let Some(window) = own_window() {
            let _ = self.steering.resize(window);
        }
    }
}

/// Restores the terminal, whatever else happens.
struct Restored(Arc<OwnScreen>);

impl Drop for Restored {
    fn drop(&mut self) {
        self.0.leave();
    }
}

fn own_window() -> Option<Window> {
    let ends: [Result<_, _>; 2] = [tcgetwinsize(io::stdout()), tcgetwinsize(io::stdin())];
    let size = ends.into_iter().find_map(Result::ok)?;
    Some(Window {
        rows: size.ws_row,
        columns: size.ws_col,
    })
}

/// Standard input to the program's terminal.
fn type_in(mut keys: File, steering: &Steering) {
    let mut piece = vec![0; PIECE];
    loop {
        match io::stdin().read(&mut piece) {
            Ok(0) => {
                let _ = keys.write_all(&[END]);
                return;
            }
            Ok(count) => {
                if keys
                    .write_all(piece.get(..count).unwrap_or_default())
                    .is_err()
                {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => {
                // The terminal is gone: what a terminal says then.
                let _ = steering.signal_group(nix::libc::SIGHUP);
                return;
            }
        }
    }
}

/// The program's terminal to standard output, to its end.
fn show(mut theirs: File) {
    let mut output = io::stdout().lock();
    let mut piece = vec![0; PIECE];
    // An error is how a terminal says that nobody has the other end.
    while let Ok(count) = theirs.read(&mut piece) {
        let shown = output.write_all(piece.get(..count).unwrap_or_default());
        if count == 0 || shown.and_then(|()| output.flush()).is_err() {
            return;
        }
    }
}
