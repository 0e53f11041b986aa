//! The corpora of the fuzz targets, replayed.

#[path = "../fuzz/check.rs"]
mod check;

use std::path::Path;

fn replay(target: &str, check: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut replayed = 0;
    for entry in std::fs::read_dir(directory.join(target)).expect("the corpus") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("its bytes");
        let held = std::panic::catch_unwind(|| check(&bytes));
        assert!(held.is_ok(), "{}", path.display());
        replayed += 1;
    }
    assert!(replayed >= 20, "only {replayed} files for {target}");
}

#[test]
fn what_names_a_step_holds() {
    replay("traceparent", check::traceparent);
}

#[test]
fn files_of_steps_hold() {
    replay("file", check::file);
}
