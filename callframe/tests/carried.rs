//! Which rows of the corpus can be carried, to a VM of either data model, and why the others not.

use callframe::DataModel;
use callframe::marshal::Caller;
use std::sync::Arc;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus/protos.h");

#[test]
fn every_row_is_carried_or_refused_by_name() {
    let text = std::fs::read_to_string(CORPUS).unwrap();
    let declarations = callframe::parse_file(&text);
    assert_eq!(declarations.len(), 40);
    let lines: Vec<String> = declarations
        .into_iter()
        .enumerate()
        .map(|(index, declaration)| {
            let verdict = match declaration.outcome {
                Ok(frame) => carried(Arc::new(frame)),
                Err(error) => format!("refused {:?}", error.code()),
            };
            assert!(
                index >= 15 || verdict == "LP64 ILP32",
                "row {}: {verdict}",
                index + 1
            );
            format!(
                "{:02} {} {verdict}",
                index + 1,
                declaration.name.unwrap_or_default()
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

fn carried(frame: Arc<callframe::CallFrame>) -> String {
    let verdicts = [DataModel::LP64, DataModel::ILP32].map(|callee| {
        match Caller::new(Arc::clone(&frame), DataModel::LP64, callee) {
            Ok(_) => callee.name().to_owned(),
            Err(error) => format!("({error})"),
        }
    });
    verdicts.join(" ")
}
