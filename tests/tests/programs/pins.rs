//! Programs that are pinned to their contents: nothing else is run in their place, however it got there.

use super::{CANNOT_RUN, PATIENCE};
use cosmos_tests::machine::write_program;
use cosmos_tests::{Ran, World, c, in_world, run};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A copy of a program of this machine, and the line that pins it.
fn copied(world: &World, name: &str) -> (PathBuf, String) {
    let path = world.directory().join(name);
    fs::copy("/bin/echo", &path).expect("a copy");
    let line = pin(&path);
    (path, line)
}

/// The line that pins a file.
fn pin(path: &Path) -> String {
    let digest = Sha256::digest(fs::read(path).expect("its contents"));
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digest}  {}\n", path.display())
}

fn pinned(world: &World, pins: &Path, options: &[&str], program: &Path) -> Ran {
    let mut command: Command = world.cosmos();
    command.env("COSMOS_PINS", pins).arg("exec").args(options);
    command.arg("--").arg(program).arg("here");
    run(&mut command, PATIENCE)
}

/// Looked into, not looked into, and confined.
fn runs_in_every_way(world: &World, pins: &Path, program: &Path, output: &str) {
    let directory = world.directory().to_str().expect("a path");
    let confined = [
        "--isolation=landlock+seccomp",
        "--ro",
        directory,
        "--cwd",
        directory,
    ];
    for options in [&[][..], &["--no-crash-report"], &confined] {
        let ran = pinned(world, pins, options, program);
        assert_eq!(ran.succeeded(), output, "{options:?}");
    }
}

#[test]
fn a_program_that_is_pinned_runs_with_its_contents_alone() {
    in_world(|world| {
        let (program, line) = copied(world, "program");
        let pins = world.directory().join("pins");
        fs::write(&pins, &line).expect("written");
        runs_in_every_way(world, &pins, &program, "here\n");
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
fn pins_that_are_not_understood_stop_every_kind_of_vm_and_say_where() {
    in_world(|world| {
        let (program, line) = copied(world, "program");
        let pins = world.directory().join("pins");
        let script = world.directory().join("one.lua");
        fs::write(&script, "#!/usr/bin/lua\nfunction one() return 1 end\n").expect("written");
        let script = script.to_str().expect("UTF-8");
        let call: [&[&str]; 2] = [
            &["call", "libm.so.6", "double cos(double x)", "0"],
            &["call", script, "int one(void)"],
        ];
        let all_are_refused = |what: &[&str]| {
            let message = [what, &["(pins)", "no VM of any kind"]].concat();
            pinned(world, &pins, &[], &program).failed(125, &message);
            for call in call {
                let mut command = world.cosmos();
                command.env("COSMOS_PINS", &pins).args(call);
                run(&mut command, PATIENCE).failed(125, &message);
            }
            let mut doctor = world.cosmos();
            let doctor = run(doctor.env("COSMOS_PINS", &pins).arg("doctor"), PATIENCE);
            assert_eq!(doctor.code(), 1, "{doctor:?}");
            let check = doctor
                .stdout
                .lines()
                .find(|line| line.starts_with("FAIL  pins"));
            let check = check.expect("a line about pins");
            assert!(what.iter().all(|what| check.contains(what)), "{check}");
        };
        let place = pins.to_str().expect("UTF-8");
        all_are_refused(&[place, "No such file"]);
        for (second, why) in [
            (&b"abc  /bin/true"[..], "sha256sum"),
            (&[&[b'0'; 64][..], b"  /bin/\xff"].concat(), "sha256sum"),
            (
                format!("{}  {}", "0".repeat(64), program.display()).as_bytes(),
                "other contents above",
            ),
        ] {
            fs::write(&pins, [line.as_bytes(), second, b"\n"].concat()).expect("written");
            all_are_refused(&[place, "line 2", why]);
        }
        // As soon as it is mended, and without a new cosmosd.
        fs::write(&pins, &line).expect("written");
        assert_eq!(pinned(world, &pins, &[], &program).succeeded(), "here\n");
        let mut doctor = world.cosmos();
        let doctor = run(doctor.env("COSMOS_PINS", &pins).arg("doctor"), PATIENCE);
        let told = format!("1 target in {place}");
        assert!(doctor.succeeded().contains(&told), "{doctor:?}");
    });
}

#[test]
fn a_script_that_is_pinned_runs_from_a_copy_that_nobody_changes() {
    in_world(|world| {
        let script = world.directory().join("script");
        let go = world.directory().join("go");
        // Shells read their script piece by piece.
        let text = format!(
            "#!/bin/sh\necho \"$1\"\ntest \"$1\" = here || while ! test -e {}; do sleep 0.01; done\n\
             echo first\n",
            go.display()
        );
        write_program(&script, &text);
        let pins = world.directory().join("pins");
        fs::write(&pins, pin(&script)).expect("written");
        runs_in_every_way(world, &pins, &script, "here\nfirst\n");
        // It is changed in place while it runs.
        let mut command = world.cosmos();
        command.args(["exec", "--"]).arg(&script).arg("waits");
        let mut running = command.stdout(Stdio::piped()).spawn().expect("cosmos exec");
        let mut shown = BufReader::new(running.stdout.take().expect("its output")).lines();
        assert_eq!(shown.next().expect("a line").expect("text"), "waits");
        let other = text.replace("echo first", "echo other");
        fs::write(&script, other).expect("written");
        fs::write(&go, "").expect("written");
        assert_eq!(shown.next().expect("a line").expect("text"), "first");
        assert!(running.wait().expect("its end").success());
        let ran = pinned(world, &pins, &[], &script);
        ran.failed(CANNOT_RUN, &["its contents are not those", "(pins)"]);
    });
}

#[test]
fn functions_of_a_script_that_is_pinned_are_those_of_its_contents_and_no_pinned_library_is_opened()
{
    in_world(|world| {
        let script = world.directory().join("add.lua");
        let text = "#!/usr/bin/lua\nfunction add(a, b) return a + b end\n";
        fs::write(&script, text).expect("written");
        let library = c::library("various.c", world.directory());
        let pins = world.directory().join("pins");
        let lines = [pin(&script), pin(&library)].concat();
        fs::write(&pins, lines).expect("written");
        let call = |target: &Path, words: &[&str]| {
            let mut command = world.cosmos();
            command.env("COSMOS_PINS", &pins).arg("call").arg(target);
            run(command.args(words), PATIENCE)
        };
        let add = ["int add(int a, int b)", "40", "2"];
        assert_eq!(call(&script, &add).succeeded(), "42\n");
        fs::write(&script, text.replace("a + b", "a - b")).expect("written");
        call(&script, &add).failed(1, &["its contents are not those", "(pins)"]);
        // Nobody can promise anything of a library, so that none is opened that looks as if.
        call(&library, &["int nowhere(void)"]).failed(1, &["is pinned (pins)"]);
    });
}
