//! What `cosmos exec -t` promises of a terminal, wherever the program runs: `options` say where.

use crate::World;
use crate::window::Window;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The program has a terminal of its own, which this one is a window to.
pub fn converses(world: &World, options: &[&str]) {
    let line = "test -t 0 && test -t 1 && test -t 2 && echo terminal; echo $TERM; stty size; \
                (: < /dev/tty) && echo controlling; \
                trap 'echo interrupted' INT; trap 'stty size' WINCH; \
                read a; echo \"got $a\"; echo ready; \
                while ! read b; do :; done; echo \"then $b\"; exit 6";
    let mut window = Window::open(world, options, line);
    window.shows("terminal\r\n");
    window.shows("30 100\r\n");
    window.shows("controlling\r\n");
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
    assert_eq!(window.code(), Some(6));
    window.assert_restored();
}

/// It is what it was when the program has ended, was killed, or was cut off: `parts` are processes by
/// whose end it is.
pub fn is_restored(world: &World, options: &[&str], parts: &[&str]) {
    let mut window = Window::open(world, options, "echo ready; kill -KILL $$");
    window.shows("ready");
    assert_eq!(window.code(), Some(137));
    window.assert_restored();

    for part in parts {
        // The command is ended, which the program does not care for.
        let line = "trap 'echo term' TERM; echo ready; while :; do sleep 0.05; done";
        let mut window = Window::open(world, options, line);
        window.shows("ready");
        window.signal(Signal::SIGTERM);
        window.shows("term");
        let processes = world.processes_named(part);
        assert!(!processes.is_empty(), "{part} does not run");
        for process in processes {
            let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
        }
        assert_eq!(window.code(), Some(125), "{part}");
        window.assert_restored();
    }

    let mut window = Window::open(world, options, "exit 3");
    assert_eq!(window.code(), Some(3));
    window.assert_restored();
}

/// Its end is that of the program: the caller looks what is left.
pub fn closes(world: &World, options: &[&str]) {
    let mut window = Window::open(world, options, "echo ready; sleep 1000; sleep 1001");
    window.shows("ready");
    window.close();
}
