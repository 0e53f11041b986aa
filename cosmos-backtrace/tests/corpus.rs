//! The fuzz target's corpus, replayed.

#[path = "../fuzz/check.rs"]
mod check;

#[test]
fn the_corpus_holds() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/process");
    let mut replayed = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        check::check(&std::fs::read(entry.unwrap().path()).unwrap());
        replayed += 1;
    }
    assert!(replayed >= 20, "only {replayed} files in {directory}");
}
