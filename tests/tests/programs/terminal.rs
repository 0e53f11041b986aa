//! `cosmos exec -t`: a terminal in a terminal.

use super::PATIENCE;
use cosmos_tests::window::Window;
use cosmos_tests::{eventually, in_world};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

#[test]
fn a_terminal_is_one_for_the_program() {
    in_world(|world| {
        let line = "test -t 0 && test -t 1 && test -t 2 && echo terminal; echo $TERM; stty size; \
                    trap 'echo interrupted' INT; trap 'stty size' WINCH; \
                    read a; echo \"got $a\"; echo ready; \
                    while ! read b; do :; done; echo \"then $b\"; exit 6";
        let mut window = Window::open(world, &[], line);
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
        assert_eq!(window.code(), Some(6));
        window.assert_restored();
    });
}

#[test]
fn the_terminal_is_restored_whatever_happens() {
    in_world(|world| {
        // The program is killed.
        let mut window = Window::open(world, &[], "echo ready; kill -KILL $$");
        window.shows("ready");
        assert_eq!(window.code(), Some(137));
        window.assert_restored();

        // The command is ended, which the program does not care for; then the VM is killed.
        let mut window = Window::open(
            world,
            &[],
            "trap 'echo term' TERM; echo ready; while :; do sleep 0.05; done",
        );
        window.shows("ready");
        window.signal(Signal::SIGTERM);
        window.shows("term");
        let vm = world.processes_named("cosmos-exec").pop().expect("a VM");
        kill(Pid::from_raw(vm.pid), Signal::SIGKILL).expect("it runs");
        assert_eq!(window.code(), Some(125));
        window.assert_restored();

        // What cannot run leaves it alone.
        let mut window = Window::open(world, &[], "exit 3");
        assert_eq!(window.code(), Some(3));
        window.assert_restored();
    });
}

#[test]
fn a_program_ends_with_its_terminal() {
    in_world(|world| {
        let mut window = Window::open(world, &[], "echo ready; sleep 1000; sleep 1001");
        window.shows("ready");
        window.close();
        let gone = eventually(PATIENCE, || {
            let left = ["sleep", "cosmos-exec", "cosmos"].map(|name| world.processes_named(name));
            left.iter().all(Vec::is_empty).then_some(())
        });
        assert!(gone.is_some(), "{:?}", world.processes());
    });
}
