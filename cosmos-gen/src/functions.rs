//! What of a library's packs can be called, and what cannot.

use callframe::{CallFrame, Plain, PrototypeError, plain};
use cosmos_packs::Pack;
use std::collections::{BTreeSet, HashSet};

/// The functions of a library, in the order of its packs.
pub(crate) struct Functions {
    pub(crate) functions: Vec<Function>,
    /// Those that are refused, with the reason in one line.
    pub(crate) refused: Vec<(String, PrototypeError)>,
    /// Functions of the library that release what others give the caller, and are none of these:
    /// what they would release is the caller's own memory.
    pub(crate) releasing: BTreeSet<String>,
    /// The headers that declare the functions.
    pub(crate) headers: Vec<String>,
    /// The macros that these headers need.
    pub(crate) definitions: Vec<String>,
}

/// A function that can be called.
pub(crate) struct Function {
    pub(crate) frame: CallFrame,
    /// Its declaration in C alone.
    pub(crate) plain: Plain,
}

impl Functions {
    /// Reads the packs of one library; an entry of the first hides those of the same name.
    pub(crate) fn of(packs: &[Pack]) -> Functions {
        let mut all = Functions {
            functions: Vec::new(),
            refused: Vec::new(),
            releasing: BTreeSet::new(),
            headers: Vec::new(),
            definitions: Vec::new(),
        };
        let mut seen = HashSet::new();
        for pack in packs {
            let add = |to: &mut Vec<String>, name: &str| {
                if !to.iter().any(|known| known == name) {
                    to.push(name.to_owned());
                }
            };
            let (headers, names) = (pack.headers(), pack.definitions());
            headers.iter().for_each(|name| add(&mut all.headers, name));
            names
                .iter()
                .for_each(|name| add(&mut all.definitions, name));
            for declaration in pack.declarations() {
                let text = pack
                    .text()
                    .get(declaration.span.clone())
                    .unwrap_or_default();
                let Some(name) = declaration.name.filter(|name| seen.insert(name.clone())) else {
                    continue;
                };
                match (declaration.outcome, plain(text, &name)) {
                    (Ok(frame), Some(plain)) => all.functions.push(Function { frame, plain }),
                    (Err(error), _) => all.refused.push((name, error)),
                    (Ok(_), None) => {}
                }
            }
        }
        for function in &all.functions {
            let owners = function.frame.owners().filter(|owner| *owner != "free");
            let others = owners.filter(|owner| !seen.contains(*owner));
            all.releasing.extend(others.map(str::to_owned));
        }
        all
    }
}

impl Function {
    /// Whether it takes `...`.
    pub(crate) fn is_variadic(&self) -> bool {
        self.plain.after.ends_with("...)")
    }

    /// Whether every parameter has a name by which it can be passed on.
    pub(crate) fn names_its_parameters(&self) -> bool {
        let after = &self.plain.after;
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let words: HashSet<&str> = after.split(|letter| !is_word(letter)).collect();
        let parameters = self.frame.parameters().iter();
        parameters
            .map(|parameter| parameter.name.as_str())
            .all(|name| words.contains(name))
    }
}
