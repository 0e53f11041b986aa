//! Every input that is stored for the fuzz target `rewrite`, replayed.

#[path = "../fuzz/src/rewrite.rs"]
mod rewrite;

#[test]
fn the_corpus_of_the_fuzzer_holds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/rewrite");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        rewrite::run(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 3, "{count}");
}
