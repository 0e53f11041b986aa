//! The stored inputs of the fuzz target `unmarshal`, and every one-byte change of them.

use callframe::marshal::Caller;
use callframe::{CallFrame, DataModel};
use std::path::PathBuf;
use std::sync::Arc;

mod common;

#[allow(dead_code)]
#[path = "../fuzz/src/unmarshal.rs"]
mod unmarshal;

fn stored() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fuzz/corpus/unmarshal"
    ))
}

fn inputs() -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(stored()).unwrap();
    entries
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect()
}

#[test]
fn stored_inputs_are_decoded_or_refused() {
    let inputs = inputs();
    assert!(inputs.len() >= 4 * unmarshal::PROTOTYPES.len());
    for input in inputs {
        unmarshal::run(&input);
    }
}

#[test]
fn so_is_every_input_that_differs_by_a_byte() {
    for input in inputs() {
        common::changed_by_a_byte(&input, unmarshal::run);
    }
}

#[test]
fn the_stored_bodies_are_what_is_sent_today() {
    // A mismatch says that the layout of bodies has changed: the protocol's version is due.
    for (number, prototype) in unmarshal::PROTOTYPES.iter().enumerate() {
        for (how, model) in [(0u8, DataModel::LP64), (2, DataModel::ILP32)] {
            let frame: Arc<CallFrame> = Arc::new(callframe::parse(prototype).unwrap());
            let name = frame.name().to_owned();
            let caller = Caller::new(frame, DataModel::LP64, model).unwrap();
            let (mut memory, request, pending, result) = unmarshal::request(&caller);
            let reply = unmarshal::reply(&caller, &request);
            caller
                .decode(&mut memory, &pending, &reply, &[], result)
                .unwrap();
            compare(
                &format!("request-{name}-{}", model.name()),
                number,
                how,
                &request,
            );
            compare(
                &format!("reply-{name}-{}", model.name()),
                number,
                how | 1,
                &reply,
            );
        }
    }
}

fn compare(name: &str, number: usize, how: u8, body: &[u8]) {
    let file = stored().join(name);
    let input = [&[number as u8, how], body].concat();
    if std::env::var_os("UPDATE_STORED_INPUTS").is_some() {
        std::fs::write(&file, &input).unwrap();
    }
    assert!(
        std::fs::read(&file).unwrap() == input,
        "{} is another",
        file.display()
    );
}
