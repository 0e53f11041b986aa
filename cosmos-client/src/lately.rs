//! Which functions this program resolved first when it had opened a library: it asks for them along with the next open.
//!
//! Who opens a library again in a new VM resolves the same functions, as a rule. To ask for them behind the open saves
//! waking the VM once more, which takes longer than to resolve one. The answers are what any answer is: checked when
//! the function is asked for, and dropped where it is not. Where the VM is lost in resolving one, what picks the
//! function's code may have ended it, of which the program asked for nothing yet: the library is opened in another VM,
//! and nothing is asked for along with that.

use crate::session::{lock, native_model};
use cosmos_rpc::message::vm::{ObjectToken, Sym};
use std::collections::HashMap;
use std::sync::Mutex;

/// The token that a client's first object in a VM has.
pub(crate) const FIRST_OBJECT: ObjectToken = ObjectToken(1);

/// Most libraries that are known, functions of each, and bytes of a prototype.
const LIBRARIES: usize = 64;
const FUNCTIONS: usize = 4;
const LONGEST: usize = 512;

/// By the path of the library.
#[derive(Debug, Default)]
pub(crate) struct Lately(Mutex<HashMap<String, Asked>>);

/// What was asked of one, where it was opened last.
#[derive(Debug, Default)]
struct Asked {
    /// The link to that VM.
    of: u64,
    prototypes: Vec<String>,
}

impl Lately {
    /// Notes that this was resolved, in the VM of the link of this number.
    pub(crate) fn note(&self, path: &str, of: u64, prototype: &str) {
        if prototype.len() > LONGEST {
            return;
        }
        let mut known = lock(&self.0);
        if !known.contains_key(path) {
            if known.len() >= LIBRARIES {
                known.clear();
            }
            known.insert(path.to_owned(), Asked::default());
        }
        let Some(asked) = known.get_mut(path) else {
            return;
        };
        if asked.of != of {
            asked.of = of;
            asked.prototypes.clear();
        }
        let is_known = asked.prototypes.iter().any(|it| it == prototype);
        if !is_known && asked.prototypes.len() < FUNCTIONS {
            asked.prototypes.push(prototype.to_owned());
        }
    }

    /// Forgets what was resolved of a library: to ask for it along with an open has cost a VM.
    pub(crate) fn forget(&self, path: &str) {
        lock(&self.0).remove(path);
    }

    /// The requests for them, for who opens the library as its first object in a VM.
    pub(crate) fn of(&self, path: &str) -> Vec<Sym> {
        let Ok(model) = native_model() else {
            return Vec::new();
        };
        let known = lock(&self.0);
        let asked = known.get(path).into_iter().flat_map(|it| &it.prototypes);
        let request = |prototype: &String| Sym {
            object: FIRST_OBJECT,
            prototype: prototype.clone(),
            model,
        };
        asked.map(request).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prototypes(lately: &Lately, path: &str) -> Vec<String> {
        lately.of(path).into_iter().map(|it| it.prototype).collect()
    }

    #[test]
    fn the_first_functions_of_the_last_open_are_known() {
        let lately = Lately::default();
        assert!(prototypes(&lately, "/a").is_empty());
        for prototype in ["f", "g", "f", "h", "i", "j"] {
            lately.note("/a", 1, prototype);
        }
        assert_eq!(prototypes(&lately, "/a"), ["f", "g", "h", "i"]);
        lately.note("/a", 2, "k");
        lately.note("/b", 2, &"x".repeat(LONGEST + 1));
        assert_eq!(prototypes(&lately, "/a"), ["k"]);
        assert!(prototypes(&lately, "/b").is_empty());
        lately.forget("/a");
        assert!(prototypes(&lately, "/a").is_empty());
    }

    #[test]
    fn not_all_libraries_are_known_for_ever() {
        let lately = Lately::default();
        for number in 0..10 * LIBRARIES {
            lately.note(&number.to_string(), 1, "f");
        }
        assert!(lock(&lately.0).len() <= LIBRARIES);
    }
}
