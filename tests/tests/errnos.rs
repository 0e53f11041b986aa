//! The errnos that `cosmos_vm.h` promises are those that a C program sees.

use cosmos_tests::{Prefix, in_world_for, repository, run};
use std::process::Command;
use std::time::Duration;

#[test]
fn every_documented_errno_is_the_one_that_a_c_program_sees() {
    in_world_for(Duration::from_secs(120), |world| {
        let prefix = Prefix::installed(world);
        let program = world.directory().join("errnos");
        let flags = ["-std=gnu99", "-Wall", "-Wextra", "-Werror"];
        prefix.compile("gcc", "errnos.c", &flags, &program);
        let mut command = Command::new(&program);
        let ran = run(prefix.environment(&mut command), Duration::from_secs(90));
        assert_eq!(ran.succeeded(), "", "{ran:?}");
    });
}

/// A function of the header that promises an errno is called by that program.
#[test]
fn no_function_that_promises_an_errno_is_left_out() {
    let header =
        std::fs::read_to_string(repository().join("include/cosmos_vm.h")).expect("a header");
    let program =
        std::fs::read_to_string(repository().join("tests/c/errnos.c")).expect("a program");
    let declared = |part: &str| {
        let (comment, rest) = part.split_once("*/")?;
        let (name, _) = rest.split_once('(')?;
        let name = name.rsplit([' ', '*']).next()?;
        let promises = comment.contains("errno") && name.starts_with("cosmos_");
        (promises && !rest.trim_start().starts_with('#')).then(|| name.to_owned())
    };
    let promised: Vec<String> = header.split("/**").filter_map(declared).collect();
    assert!(promised.len() > 30, "{promised:?}");
    let called = |name: &&String| program.contains(&format!("{name}("));
    let left: Vec<&String> = promised.iter().filter(|name| !called(name)).collect();
    assert!(left.is_empty(), "{left:?}");
}
