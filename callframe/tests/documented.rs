//! What `docs/prototypes.md` says is refused is what is refused.

use callframe::error::codes;

#[test]
fn every_refusal_of_this_release_is_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/prototypes.md");
    let document = std::fs::read_to_string(path).unwrap();
    let refusals = codes().iter().map(|code| code.number());
    for number in refusals.filter(|number| number.starts_with("E02")) {
        assert!(document.contains(number), "{number} is not documented");
    }
}
