//! `cosmosd --check` says what is wrong before a cosmosd is to run with it.

mod support;

use std::fs;
use std::process::{Output, Stdio};
use support::World;

fn check(world: &World) -> Output {
    let mut command = world.command("cosmosd");
    command.arg("--check").stderr(Stdio::piped());
    command.output().unwrap()
}

#[test]
fn what_is_right_is_right_and_nothing_is_started() {
    let world = World::empty(&[]);
    let checked = check(&world);
    assert!(checked.status.success(), "{checked:?}");
    assert!(checked.stdout.is_empty() && checked.stderr.is_empty());
    assert!(!world.path("s").join("cosmosd.lock").exists());
}

#[test]
fn a_setting_and_a_profile_that_are_wrong_are_named() {
    let world = World::empty(&[("COSMOS_POOL", "many")]);
    let checked = check(&world);
    let said = String::from_utf8(checked.stderr).unwrap();
    assert_eq!(checked.status.code(), Some(1), "{said}");
    assert!(
        said.contains("COSMOS_POOL") && said.contains("many"),
        "{said}"
    );

    let world = World::empty(&[]);
    fs::write(world.path("p").join("broken.toml"), "kind = [").unwrap();
    let checked = check(&world);
    let said = String::from_utf8(checked.stderr).unwrap();
    assert_eq!(checked.status.code(), Some(1), "{said}");
    assert!(said.contains("broken.toml"), "{said}");
}
