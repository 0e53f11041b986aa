//! `cosmos exec -t`: a terminal in a terminal.

use super::PATIENCE;
use cosmos_tests::{eventually, in_world, terminal};

#[test]
fn a_terminal_is_one_for_the_program() {
    in_world(|world| terminal::converses(world, &[]));
}

#[test]
fn the_terminal_is_restored_whatever_happens() {
    in_world(|world| terminal::is_restored(world, &[], &["cosmos-exec"]));
}

#[test]
fn a_program_ends_with_its_terminal() {
    in_world(|world| {
        terminal::closes(world, &[]);
        let gone = eventually(PATIENCE, || {
            let left = ["sleep", "cosmos-exec", "cosmos"].map(|name| world.processes_named(name));
            left.iter().all(Vec::is_empty).then_some(())
        });
        assert!(gone.is_some(), "{:?}", world.processes());
    });
}
