//! The Python module, as it is installed, by its own tests and in an interpreter that takes warnings for errors.

use cosmos_tests::{Prefix, in_world_for, repository, run};
use std::process::Command;
use std::time::Duration;

#[test]
fn its_own_tests_pass() {
    in_world_for(Duration::from_secs(150), |world| {
        let version = Command::new("python3").arg("--version").output();
        if !version.is_ok_and(|told| told.status.success()) {
            println!("skipped: there is no python3");
            return;
        }
        let prefix = Prefix::installed(world);
        let mut command = Command::new("python3");
        command
            .args(["-W", "error", "-X", "dev"])
            .arg(repository().join("python/tests/test_cosmos.py"))
            .env_remove("COSMOS_LIBRARY")
            .current_dir(world.directory());
        let ran = run(prefix.environment(&mut command), Duration::from_secs(100));
        assert!(ran.stderr.ends_with("\nOK\n"), "{ran:?}");
        ran.succeeded();
        prefix.file("lib/python3/dist-packages/cosmos/py.typed");
    });
}
