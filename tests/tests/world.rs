//! A test that runs nothing is no test that passes.

use cosmos_tests::in_world;

fn begins_one() {
    in_world(|_| {});
}

#[test]
#[should_panic(expected = "begins_one is no test")]
fn a_world_that_a_function_of_a_test_begins_is_refused() {
    begins_one();
}

#[test]
fn a_world_that_a_test_begins_is_entered() {
    in_world(|world| {
        let mut entries = std::fs::read_dir(world.directory()).expect("its directory");
        assert!(entries.next().is_none(), "the directory is the test's own");
    });
}
