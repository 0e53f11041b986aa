//! A library of one's own: its header scanned into a pack, one declaration added by hand, then called by
//! name from the command line and by a program that was written for the header.

use cosmos_tests::{Prefix, World, c, in_world_for, repository, run};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

#[test]
fn a_header_becomes_a_pack_and_a_program_runs_unchanged() {
    in_world_for(Duration::from_secs(120), |world| {
        let prefix = Prefix::installed(world);
        search(world);
        let directory = world.directory();
        let library = directory.join("libstack.so.1");
        let shared = ["-shared", "-fPIC", "-Wl,-soname,libstack.so.1"];
        c::compile("gcc", &shared, "stack.c", &library);
        let library = library.to_str().expect("UTF-8");

        let header = repository().join("tests/c/stack.h");
        let header = header.to_str().expect("UTF-8");
        let scanned = world.run_cosmos(&["proto", "scan", header]);
        let mut pack = scanned.succeeded().to_owned();
        assert!(pack.contains("7 functions, 6 of them"), "{pack}");
        assert!(pack.contains("E0132"), "{pack}");
        pack += "char *__null_terminated __owned(free) stack_name(struct stack *__handle stack);\n";
        let packs = directory.join("packs");
        std::fs::create_dir(&packs).expect("a directory");
        std::fs::write(packs.join("libstack.so.1.protos"), pack).expect("a pack");

        let lines = "s = stack_new numbers\nstack_push $s 5\nstack_push $s -7\nstack_values $s _ 3\n\
                     stack_about $s\nstack_log $s %s-%d five 5\nstack_name $s\nstack_free $s\n\
                     stack_push $s 1\n";
        let file = directory.join("lines");
        std::fs::write(&file, lines).expect("a file");
        let mut session = world.cosmos();
        session.args(["session", library]).arg(&file);
        let ran = run(session.env("COSMOS_PACKS", &packs), Duration::from_secs(30));
        ran.failed(1, &["line 9", "stack"]);
        let expected =
            "1\n2\nreturn = 2\nout = {5, -7, 0}\n{.top = -7, .mean = -1}\n6\n\"five-5\"\n";
        assert_eq!(ran.stdout, expected, "{ran:?}");

        let mut generate = world.cosmos();
        generate.args(["gen", "c", "libstack.so.1"]);
        let made = run(
            generate.env("COSMOS_PACKS", &packs),
            Duration::from_secs(20),
        );
        std::fs::write(directory.join("stack_cosmos.h"), made.succeeded()).expect("a header");
        let here = directory.to_str().expect("UTF-8");
        let direct = directory.join("direct");
        let flags = [
            "-Wall",
            "-Wextra",
            "-Werror",
            "-Wl,-rpath",
            &format!("-Wl,{here}"),
            library,
        ];
        c::compile("gcc", &flags, "stack_program.c", &direct);
        let direct = run(&mut Command::new(direct), Duration::from_secs(20));
        let elsewhere = directory.join("elsewhere");
        let flags = [
            "-Wall",
            "-Wextra",
            "-Werror",
            "-DCOSMOS_REDIRECT",
            "-I",
            here,
        ];
        let included = ["-include", "stack_cosmos.h"];
        let flags: Vec<&str> = flags.into_iter().chain(included).collect();
        prefix.compile("gcc", "stack_program.c", &flags, &elsewhere);
        let mut command = Command::new(elsewhere);
        prefix.environment(&mut command);
        let elsewhere = run(&mut command, Duration::from_secs(30));
        assert_eq!(elsewhere.succeeded(), direct.succeeded(), "{elsewhere:?}");
        assert!(direct.stdout.contains("five-5-5.00"), "{direct:?}");
    });
}

/// Has the daemons search the world's directory for libraries.
fn search(world: &World) {
    let configuration = std::env::var("XDG_CONFIG_HOME").expect("set by the harness");
    let configuration = Path::new(&configuration).join("cosmos");
    std::fs::create_dir_all(&configuration).expect("a directory");
    let text = format!("search_path = [\"{}\"]\n", world.directory().display());
    std::fs::write(configuration.join("cosmos.toml"), text).expect("the configuration");
}
