//! `cosmos exec -t` there: a terminal of that machine, seen through one of this.

use super::{PATIENCE, running};
use cosmos_tests::machine::{Machine, THERE};
use cosmos_tests::window::Window;
use cosmos_tests::{World, eventually, in_world};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn open(world: &World, line: &str) -> Window {
    Window::open(world, &["--host", THERE], line)
}

fn nothing_is_left(world: &World) {
    let left = || running(world, &["sleep", "sh", "ssh", "cosmos-relay", "cosmos"]);
    let gone = eventually(PATIENCE, || left().is_empty().then_some(()));
    assert!(gone.is_some(), "{:?}", left());
}

#[test]
fn a_terminal_there_is_one_for_the_program() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let line = "test -t 0 && test -t 1 && test -t 2 && echo terminal; echo $TERM; stty size; \
                    (: < /dev/tty) && echo controlling; \
                    trap 'echo interrupted' INT; trap 'stty size' WINCH; \
                    read a; echo \"got $a\"; echo ready; \
                    while ! read b; do :; done; echo \"then $b\"; exit 6";
        let mut window = open(world, line);
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
        nothing_is_left(world);
    });
}

#[test]
fn all_that_a_program_shows_is_shown_before_the_command_ends() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        // More than any window, pipe or terminal in between holds.
        let mut window = open(
            world,
            "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end",
        );
        window.shows(&"x".repeat(3_000_000));
        window.shows("\r\nend\r\n");
        assert_eq!(window.code(), Some(0));
    });
}

#[test]
fn a_program_that_stops_stops_the_command_until_it_goes_on() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        // That it stopped may be known before what it wrote is shown.
        let mut window = open(world, "kill -STOP $$; echo again; read a; exit 4");
        let stopped = eventually(PATIENCE, || window.is_stopped().then_some(()));
        assert!(stopped.is_some(), "the command goes on");
        // What it was before, for the shell that has the terminal now.
        window.assert_restored();
        window.signal(Signal::SIGCONT);
        window.shows("again");
        let raw = eventually(PATIENCE, || window.is_raw().then_some(()));
        assert!(raw.is_some(), "the terminal is not the program's again");
        window.type_in("\r");
        assert_eq!(window.code(), Some(4));
        window.assert_restored();
    });
}

#[test]
fn the_terminal_is_restored_whatever_happens() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let mut window = open(world, "echo ready; kill -KILL $$");
        window.shows("ready");
        assert_eq!(window.code(), Some(137));
        window.assert_restored();

        // The command is ended, which the program does not care for; then the connection breaks.
        for part in ["ssh", "cosmos-relay", "cosmos-exec"] {
            let line = "trap 'echo term' TERM; echo ready; while :; do sleep 0.05; done";
            let mut window = open(world, line);
            window.shows("ready");
            window.signal(Signal::SIGTERM);
            window.shows("term");
            for process in world.processes_named(part) {
                let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
            }
            assert_eq!(window.code(), Some(125), "{part}");
            window.assert_restored();
        }

        let mut window = open(world, "exit 3");
        assert_eq!(window.code(), Some(3));
        window.assert_restored();
        nothing_is_left(world);
    });
}

#[test]
fn a_program_there_ends_with_its_terminal_here() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let mut window = open(world, "echo ready; sleep 1000; sleep 1001");
        window.shows("ready");
        window.close();
        nothing_is_left(world);
    });
}
