//! The stored inputs of the fuzz target `callback`, and every one-byte change of them.

use callframe::DataModel;
use callframe::marshal::Caller;
use std::path::PathBuf;

mod common;

#[allow(dead_code)]
#[path = "../fuzz/src/callback.rs"]
mod callback;

fn stored() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/callback"))
}

fn inputs() -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(stored()).unwrap();
    let inputs: Vec<Vec<u8>> = entries
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect();
    assert!(inputs.len() >= 4 * callback::PROTOTYPES.len());
    inputs
}

#[test]
fn stored_inputs_are_answered_or_refused() {
    for input in inputs() {
        callback::run(&input);
    }
}

#[test]
fn so_is_every_input_that_differs_by_a_byte() {
    for input in inputs() {
        common::changed_by_a_byte(&input, callback::run);
    }
}

#[test]
fn the_stored_requests_are_what_is_sent_today() {
    // A mismatch says that the layout of bodies has changed: the protocol's version is due.
    for which in 0..callback::PROTOTYPES.len() {
        for (how, client) in [(0u8, DataModel::LP64), (2, DataModel::ILP32)] {
            for vm in [DataModel::LP64, DataModel::ILP32] {
                let frame = callback::callback(which);
                let name = format!("{}-{}-{}", frame.name(), vm.name(), client.name());
                let caller = Caller::new(frame, vm, client).unwrap();
                let request = callback::request(&caller);
                let input = [&[which as u8, how], request.as_slice()].concat();
                let file = stored().join(&name);
                if std::env::var_os("UPDATE_STORED_INPUTS").is_some() {
                    std::fs::create_dir_all(stored()).unwrap();
                    std::fs::write(&file, &input).unwrap();
                }
                assert!(std::fs::read(&file).unwrap() == input, "{name} is another");
            }
        }
    }
}
