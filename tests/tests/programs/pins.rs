//! Programs that are pinned to their contents: nothing else is run in their place, however it got there.

use super::{CANNOT_RUN, PATIENCE};
use cosmos_tests::{Ran, World, in_world, run};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A copy of a program of this machine, and the line that pins it.
fn copied(world: &World, name: &str) -> (PathBuf, String) {
    let path = world.directory().join(name);
    fs::copy("/bin/echo", &path).expect("a copy");
    let digest = Sha256::digest(fs::read(&path).expect("its contents"));
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    (path.clone(), format!("{digest}  {}\n", path.display()))
}

fn pinned(world: &World, pins: &Path, options: &[&str], program: &Path) -> Ran {
    let mut command: Command = world.cosmos();
    command.env("COSMOS_PINS", pins).arg("exec").args(options);
    command.arg("--").arg(program).arg("here");
    run(&mut command, PATIENCE)
}

#[test]
fn a_program_that_is_pinned_runs_with_its_contents_alone() {
    in_world(|world| {
        let (program, line) = copied(world, "program");
        let pins = world.directory().join("pins");
        fs::write(&pins, &line).expect("written");
        let directory = world.directory().to_str().expect("a path");
        let grants = [
            "--isolation=landlock+seccomp",
            "--ro",
            directory,
            "--cwd",
            directory,
        ];
        for options in [&[][..], &["--no-crash-report"], &grants] {
            let ran = pinned(world, &pins, options, &program);
            assert_eq!(ran.succeeded(), "here\n", "{options:?}");
        }
        // Bytes behind its end change nothing of what it does, and are another program.
        let mut contents = fs::read(&program).expect("its contents");
        contents.push(0);
        let other = world.directory().join("other");
        fs::copy(&program, &other).expect("a copy");
        fs::write(&other, contents).expect("written");
        fs::rename(&other, &program).expect("renamed");
        for options in [&[][..], &["--no-crash-report"]] {
            let ran = pinned(world, &pins, options, &program);
            ran.failed(CANNOT_RUN, &["its contents are not those", "(pins)"]);
        }
        // Under another name it is nobody's business.
        let moved = world.directory().join("moved");
        fs::rename(&program, &moved).expect("renamed");
        assert_eq!(pinned(world, &pins, &[], &moved).succeeded(), "here\n");
    });
}

#[test]
fn pins_that_cannot_be_kept_are_refused_by_name() {
    in_world(|world| {
        let (program, line) = copied(world, "program");
        let pins = world.directory().join("pins");
        let ran = pinned(world, &pins, &[], &program);
        ran.failed(125, &["pins", "No such file"]);
        fs::write(&pins, format!("{line}abc  /bin/true\n")).expect("written");
        let ran = pinned(world, &pins, &[], &program);
        ran.failed(125, &["line 2", "sha256sum"]);
        fs::write(&pins, &line).expect("written");
        fs::write(&program, "#!/bin/sh\necho there\n").expect("written");
        let ran = pinned(world, &pins, &[], &program);
        ran.failed(CANNOT_RUN, &["a script", "cannot be pinned"]);
    });
}
