//! `cosmos_exec` and its relatives, from a C program.

use super::PATIENCE;
use cosmos_tests::machine::{Machine, THERE};
use cosmos_tests::{World, built, in_world, repository, run};
use std::path::PathBuf;
use std::process::Command;

fn compiled(world: &World) -> PathBuf {
    let source = repository().join("tests/tests/programs/exec.c");
    let program = world.directory().join("exec");
    let mut compiler = Command::new("cc");
    compiler.args([
        "-std=c99",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-D_POSIX_C_SOURCE=200809L",
    ]);
    compiler
        .arg("-I")
        .arg(repository().join("include"))
        .arg(&source);
    compiler.arg("-L").arg(built()).arg("-lcosmos");
    // The name that the library gives itself, which cargo does not.
    let named = world.directory().join("libcosmos.so.0");
    std::os::unix::fs::symlink(built().join("libcosmos.so"), named).expect("a link");
    compiler.arg(format!("-Wl,-rpath,{}", world.directory().display()));
    run(compiler.arg("-o").arg(&program), PATIENCE).succeeded();
    program
}

#[test]
fn a_c_program_runs_programs() {
    in_world(|world| {
        let program = compiled(world);
        let ran = run(Command::new(&program).env("SECRET", "s"), PATIENCE);
        assert_eq!(ran.succeeded(), "all is well\n");
        assert!(world.processes_named("sleep").is_empty());
    });
}

#[test]
fn a_c_program_gives_a_program_a_terminal_of_another_machine() {
    in_world(|world| {
        let Some(_machine) = Machine::start(world) else {
            return;
        };
        let program = compiled(world);
        let ran = run(Command::new(&program).arg(THERE), PATIENCE);
        assert_eq!(ran.succeeded(), "all is well\n");
    });
}
