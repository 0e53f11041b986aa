//! `cosmos exec -t` there: a terminal of that machine, seen through one of this.

use super::{PATIENCE, running};
use cosmos_tests::machine::{Machine, THERE};
use cosmos_tests::window::Window;
use cosmos_tests::{World, eventually, in_world, terminal};
use nix::sys::signal::Signal;

const OPTIONS: [&str; 2] = ["--host", THERE];

fn open(world: &World, line: &str) -> Window {
    Window::open(world, &OPTIONS, line)
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
        terminal::converses(world, &OPTIONS);
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
        terminal::is_restored(world, &OPTIONS, &["ssh", "cosmos-relay", "cosmos-exec"]);
        nothing_is_left(world);
    });
}

#[test]
fn a_program_there_ends_with_its_terminal_here() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        terminal::closes(world, &OPTIONS);
        nothing_is_left(world);
    });
}
