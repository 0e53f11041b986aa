//! Structs by value go to a VM and come back unchanged, whatever registers the ABI puts them in.

use cosmos_tests::{Prefix, c, in_world_for, run};
use std::process::Command;
use std::time::Duration;

#[test]
fn every_shape_of_struct_travels_by_value() {
    in_world_for(Duration::from_secs(120), |world| {
        let library = c::library("by_value.c", world.directory());
        let prefix = Prefix::installed(world);
        let program = world.directory().join("by_value_compare");
        prefix.compile(
            "gcc",
            "by_value_compare.c",
            &["-std=gnu11", "-Wall", "-Werror", "-Wno-cast-function-type"],
            &program,
        );
        let mut command = Command::new(&program);
        command.arg(library);
        let ran = run(prefix.environment(&mut command), Duration::from_secs(30));
        assert_eq!(
            ran.succeeded().matches(": the same\n").count(),
            26,
            "{ran:?}"
        );
    });
}
