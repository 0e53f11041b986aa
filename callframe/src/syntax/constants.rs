//! The constants of a text's enums, for whoever reads values by their names.
//!
//! A frame does not have them: the types of enums are integers there, and any integer may be passed, as in
//! C. So a value may be any constant of the text, whichever enum declares it.

use super::{file, words};

/// Most names that a list of all of them is for people.
const FEW: usize = 8;

/// Constants by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constants(Vec<(String, i128)>);

/// The constants that a text declares: a prototype string, or a file of declarations. What cannot be read
/// has none.
///
/// ```
/// let constants = callframe::constants("enum level { LOW = 1, HIGH }; void set(enum level l)");
/// assert_eq!(constants.get("HIGH"), Some(2));
/// ```
pub fn constants(text: &str) -> Constants {
    let mut known = file::scope(text).into_constants();
    known.sort_by(|(one, first), (other, second)| (first, one).cmp(&(second, other)));
    Constants(known)
}

impl Constants {
    /// The value of one.
    pub fn get(&self, name: &str) -> Option<i128> {
        let named = self.0.iter().find(|(known, _)| known == name);
        named.map(|(_, value)| *value)
    }

    /// What may have been meant by this word, as a list for people: all constants where they are few, else
    /// those of nearly this name. Empty where there are none.
    pub fn meant(&self, word: &str) -> String {
        let names = || self.0.iter().map(|(name, _)| name.as_str());
        let meant = match self.0.len() {
            0..=FEW => names().collect(),
            _ => words::near(word, names()),
        };
        words::either(&meant)
    }
}
