//! A thread that `pthread_cancel` ends while it is in a call ends after the call; the program, its other threads
//! and the VM go on.

use cosmos_tests::{Prefix, in_world_for, run};
use std::process::Command;
use std::time::Duration;

#[test]
fn a_cancelled_thread_ends_after_its_call() {
    in_world_for(Duration::from_secs(120), |world| {
        let prefix = Prefix::installed(world);
        let program = world.directory().join("cancel");
        let flags = ["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-pthread"];
        prefix.compile("gcc", "cancel.c", &flags, &program);
        for ring in ["1", "0"] {
            let mut command = Command::new(&program);
            prefix.environment(&mut command).env("COSMOS_RING", ring);
            let ran = run(&mut command, Duration::from_secs(40));
            let expected = "everything\nasleep\nin a callback\n";
            assert_eq!(ran.succeeded(), expected, "COSMOS_RING={ring}: {ran:?}");
        }
    });
}
