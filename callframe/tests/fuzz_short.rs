//! The stored inputs of the fuzz target `short`, and every one-byte change of them.

use std::path::PathBuf;

#[allow(dead_code)]
#[path = "../fuzz/src/short.rs"]
mod short;

fn stored() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/short"))
}

#[test]
fn stored_inputs_and_what_is_like_them_are_answered_or_refused() {
    let mut count = 0;
    for entry in std::fs::read_dir(stored()).unwrap() {
        let input = std::fs::read(entry.unwrap().path()).unwrap();
        count += 1;
        short::run(&input);
        for place in 0..input.len() {
            for byte in [0, 1, 0x10, 0x7f, 0x80, 0xff, input[place] ^ 1] {
                let mut changed = input.clone();
                changed[place] = byte;
                short::run(&changed);
            }
            short::run(&input[..place]);
        }
    }
    assert!(count >= 2 * (short::CALLS.len() + short::CALLBACKS.len()));
}

/// Honest bodies: of requests as they are sent, of replies as such a function answers them.
#[test]
fn the_stored_bodies_are_what_is_sent_today() {
    let mut bodies = Vec::new();
    for which in 0..short::CALLS.len() {
        let (_, _, request) = short::call(which);
        bodies.push((which, "request", request));
        // errno, a result of four, and room for what is filled.
        let filled = [0, 8, 16, 0, 32, 8][which];
        let front = if which == 2 { 8 } else { 16 };
        let mut reply = vec![0; front + filled];
        if front == 16 {
            reply[8] = if which == 4 { 1 } else { 4 };
        }
        bodies.push((which, "reply", reply));
    }
    for which in 0..short::CALLBACKS.len() {
        let (brief, _) = short::brief(which);
        let number = which + short::CALLS.len();
        bodies.push((number, "request", vec![0; brief.request_length()]));
        bodies.push((number, "reply", vec![0; brief.reply_length()]));
    }
    for (which, what, body) in bodies {
        let how = u8::from(what == "reply");
        let input = [&[which as u8, how], body.as_slice()].concat();
        let file = stored().join(format!("{which}-{what}"));
        if std::env::var_os("UPDATE_STORED_INPUTS").is_some() {
            std::fs::create_dir_all(stored()).unwrap();
            std::fs::write(&file, &input).unwrap();
        }
        assert!(
            std::fs::read(&file).unwrap() == input,
            "{which}-{what} is another"
        );
    }
}
