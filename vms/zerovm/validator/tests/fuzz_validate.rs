//! Every input that is stored for the fuzz target `validate`, replayed.

#[path = "common/confined.rs"]
mod confined;
#[path = "../fuzz/src/validate.rs"]
mod validate;

#[test]
fn the_corpus_of_the_fuzzer_holds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/validate");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        validate::run(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 90, "{count}");
}
