//! The corpora of fuzz targets, replayed.

#[path = "../fuzz/check.rs"]
mod check;

#[path = "../fuzz/check_calls.rs"]
mod check_calls;

#[test]
fn the_corpus_holds() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/stream");
    let mut replayed = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        check::check(&std::fs::read(entry.unwrap().path()).unwrap());
        replayed += 1;
    }
    assert!(replayed >= 20, "only {replayed} files in {directory}");
}

#[test]
fn what_is_stored_of_many_calls_holds_and_so_does_what_is_like_it() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/calls");
    let mut replayed = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let body = std::fs::read(entry.unwrap().path()).unwrap();
        check_calls::check(&body);
        for place in 0..body.len() {
            for byte in [0, 1, 3, 0x10, 0x7f, 0x80, 0xff] {
                let mut changed = body.clone();
                changed[place] = byte;
                check_calls::check(&changed);
            }
            check_calls::check(&body[..place]);
        }
        replayed += 1;
    }
    assert!(replayed >= 4, "only {replayed} files in {directory}");
}
