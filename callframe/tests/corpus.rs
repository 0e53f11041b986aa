//! Forty real functions: each is carried in its canonical form.

mod common;

use std::sync::Arc;

use callframe::{DataModel, Template, parse, parse_file};
use common::ROWS;

#[test]
fn every_row_has_its_canonical_print() {
    assert_eq!(ROWS.len(), 40);
    for (text, print) in ROWS {
        match parse(text) {
            Ok(frame) => assert_eq!(frame.to_string(), *print),
            Err(error) => panic!("{}", error.render(text)),
        }
    }
}

#[test]
fn the_canonical_print_reads_as_the_same_frame() {
    for (text, _) in ROWS {
        if let Ok(frame) = parse(text) {
            assert_eq!(parse(&frame.to_string()), Ok(frame));
        }
    }
}

#[test]
fn every_carried_row_has_a_layout_on_every_target() {
    for (text, _) in ROWS {
        let Ok(frame) = parse(text) else { continue };
        let frame = Arc::new(frame);
        for model in [DataModel::LP64, DataModel::X32, DataModel::ILP32] {
            let template = Template::of(&frame, model);
            assert!(template.is_ok(), "{text}: {:?}", template.err());
        }
    }
}

#[test]
fn the_rows_together_are_a_file() {
    let file: String = ROWS
        .iter()
        .map(|(text, _)| format!("{text} /* next */\n"))
        .collect();
    let declarations = parse_file(&file);
    assert_eq!(declarations.len(), ROWS.len());
    for ((text, _), declaration) in ROWS.iter().zip(&declarations) {
        let name = declaration.name.clone().unwrap();
        assert!(text.contains(&format!("{name}(")), "{name} in {text}");
        assert_eq!(&file[declaration.span.clone()], text.trim());
        let alone = parse(text).map_err(|error| error.code());
        let together = declaration.outcome.clone().map_err(|error| error.code());
        assert_eq!(together, alone);
    }
}

/// The same text outside the project, if it is there, must have the same verdicts.
#[test]
fn the_shared_corpus_agrees() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus/protos.h");
    let Ok(file) = std::fs::read_to_string(path) else {
        return;
    };
    let verdicts = parse_file(&file)
        .into_iter()
        .map(|declaration| declaration.outcome.map_err(|error| error.code()));
    let own = ROWS
        .iter()
        .map(|(text, _)| parse(text).map_err(|error| error.code()));
    assert!(verdicts.eq(own));
}
