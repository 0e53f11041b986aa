//! What a program does in a function that is called back: it ends, becomes another program, forks, closes the library
//! whose call waits; or ends the thread, which the header forbids.

use cosmos_tests::{Prefix, Ran, in_world_for, run};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

const SORTED: &str = "abcdefgh 0 1\n";

#[test]
fn whatever_a_function_that_is_called_back_does_the_program_goes_on_or_ends_as_it_said() {
    in_world_for(Duration::from_secs(240), |world| {
        let prefix = Prefix::installed(world);
        let program = world.directory().join("in_callback");
        let flags = ["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-pthread"];
        prefix.compile("gcc", "in_callback.c", &flags, &program);
        let does = |what: &str, ring: &str| -> Ran {
            let mut command = Command::new(&program);
            prefix
                .environment(&mut command)
                .env("COSMOS_RING", ring)
                .arg(what);
            run(&mut command, Duration::from_secs(40))
        };
        for ring in ["1", "0"] {
            assert_eq!(does("nothing", ring).succeeded(), SORTED);
            assert_eq!(does("exec", ring).succeeded(), SORTED);
            let closed = does("close", ring);
            assert_eq!(closed.succeeded(), format!("closed 0\n{SORTED}"));
            let forked = does("fork", ring);
            assert_eq!(forked.succeeded(), format!("child 9\n{SORTED}"));
            let ended = does("exit", ring);
            assert_eq!(ended.status.code(), Some(7), "{ended:?}");
            assert_eq!(ended.stdout, "last 1\n", "{ended:?}");
            // It is aborted, and does not hang.
            let aborted = does("end", ring);
            assert_eq!(aborted.status.signal(), Some(libc::SIGABRT), "{aborted:?}");
        }
    });
}
