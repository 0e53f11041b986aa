//! Which entries of the packs cannot be called in this release, and why.

use cosmos_packs::{Packs, builtin};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many entries each pack has, and every one that is refused, by its number.
#[test]
fn what_is_refused_is_on_record() {
    let mut text = String::new();
    for (soname, _) in builtin::PACKS {
        let pack = &Packs::default().must_have(soname).unwrap()[0];
        let declarations = pack.declarations();
        let mut by_number: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for declaration in &declarations {
            if let Err(error) = &declaration.outcome {
                let name = declaration.name.clone().unwrap_or_default();
                let number = error.code().number();
                by_number.entry(number).or_default().push(name);
            }
        }
        let refused: usize = by_number.values().map(Vec::len).sum();
        text += &format!(
            "{soname}: {} entries, {refused} refused\n",
            declarations.len()
        );
        for (number, names) in by_number {
            text += &format!("  {number} {}\n", names.join(" "));
        }
    }
    insta::assert_snapshot!(text);
}

/// Entries are laid out, go by one name once, and say the same when they are handed on as text.
#[test]
fn what_is_carried_is_whole() {
    let model = callframe::DataModel::native().unwrap_or(callframe::DataModel::LP64);
    for (soname, _) in builtin::PACKS {
        let mut seen = BTreeSet::new();
        for declaration in Packs::default().must_have(soname).unwrap()[0].declarations() {
            let name = declaration.name.unwrap_or_default();
            assert!(seen.insert(name.clone()), "{soname} has {name} twice");
            let Ok(frame) = declaration.outcome else {
                continue;
            };
            let text = frame.to_string();
            match callframe::parse(&text) {
                Ok(again) => assert_eq!(again, frame, "{soname}: {text}"),
                Err(error) => panic!("{soname}: {}", error.render(&text)),
            }
            let frame = Arc::new(frame);
            if let Err(error) = callframe::Template::of(&frame, model) {
                panic!("{soname}: {name}: {error}");
            }
            if let Err(error) = callframe::marshal::Caller::new(frame, model, model) {
                panic!("{soname}: {name}: {error}");
            }
        }
    }
}
