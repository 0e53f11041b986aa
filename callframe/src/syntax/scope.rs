//! The names a text can use: typedefs, tags and enum constants, its own before the standard ones.

use std::collections::HashMap;

use super::raw::{RawRecord, RawType, RecordKey};
use crate::types::{RecordName, Scalar};

/// What `struct tag`, `union tag` or `enum tag` means.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tag {
    Record(RecordKey),
    Enum(Scalar),
}

/// The names of one text. Names of the standard scope are seen through it and can be given anew.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    typedefs: HashMap<String, RawType>,
    tags: HashMap<String, Tag>,
    constants: HashMap<String, i128>,
    records: Vec<RawRecord>,
    /// What functions return that were declared before the prototype.
    functions: HashMap<String, RawType>,
    standard: Option<&'static Scope>,
}

impl Scope {
    /// An empty scope over `standard`; over none for the standard declarations themselves.
    pub fn over(standard: Option<&'static Scope>) -> Scope {
        Scope {
            standard,
            ..Scope::default()
        }
    }

    /// Whether this is the scope of the standard declarations.
    pub fn is_standard(&self) -> bool {
        self.standard.is_none()
    }

    pub fn typedef(&self, name: &str) -> Option<&RawType> {
        self.own_typedef(name)
            .or_else(|| self.standard?.typedefs.get(name))
    }

    pub fn own_typedef(&self, name: &str) -> Option<&RawType> {
        self.typedefs.get(name)
    }

    pub fn define_typedef(&mut self, name: &str, ty: RawType) {
        self.typedefs.insert(name.to_owned(), ty);
    }

    pub fn tag(&self, name: &str) -> Option<Tag> {
        self.own_tag(name).or_else(|| self.standard?.own_tag(name))
    }

    pub fn own_tag(&self, name: &str) -> Option<Tag> {
        self.tags.get(name).copied()
    }

    pub fn define_tag(&mut self, name: &str, tag: Tag) {
        self.tags.insert(name.to_owned(), tag);
    }

    pub fn constant(&self, name: &str) -> Option<i128> {
        self.own_constant(name)
            .or_else(|| self.standard?.own_constant(name))
    }

    pub fn own_constant(&self, name: &str) -> Option<i128> {
        self.constants.get(name).copied()
    }

    pub fn define_constant(&mut self, name: &str, value: i128) {
        self.constants.insert(name.to_owned(), value);
    }

    /// Its own constants, in no order.
    pub fn into_constants(self) -> Vec<(String, i128)> {
        self.constants.into_iter().collect()
    }

    /// What a function returns that was declared before the prototype.
    pub fn function(&self, name: &str) -> Option<&RawType> {
        self.functions.get(name)
    }

    pub fn define_function(&mut self, name: &str, result: RawType) {
        self.functions.insert(name.to_owned(), result);
    }

    pub fn add_record(&mut self, record: RawRecord) -> RecordKey {
        self.records.push(record);
        RecordKey {
            standard: self.is_standard(),
            index: self.records.len() - 1,
        }
    }

    pub fn record(&self, key: RecordKey) -> Option<&RawRecord> {
        let scope = if key.standard && !self.is_standard() {
            self.standard?
        } else {
            self
        };
        scope.records.get(key.index)
    }

    /// The record for changing it; `None` for those of the standard scope seen from another.
    pub fn own_record(&mut self, key: RecordKey) -> Option<&mut RawRecord> {
        if key.standard == self.is_standard() {
            self.records.get_mut(key.index)
        } else {
            None
        }
    }

    /// The record meant by `key` where the text gives a standard tag anew.
    pub fn overriding(&self, key: RecordKey) -> RecordKey {
        if !key.standard || self.is_standard() {
            return key;
        }
        let Some(RecordName::Tag(tag)) = self.record(key).map(|record| &record.name) else {
            return key;
        };
        match self.own_tag(tag) {
            Some(Tag::Record(own)) if self.record(own).is_some_and(|own| own.fields.is_some()) => {
                own
            }
            _ => key,
        }
    }

    /// Its own tags, in no order.
    #[cfg(test)]
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.tags.keys().map(String::as_str)
    }

    /// All type names, for guessing which one was meant.
    pub fn type_names(&self) -> impl Iterator<Item = &str> {
        let standard = self
            .standard
            .into_iter()
            .flat_map(|scope| scope.typedefs.keys());
        self.typedefs.keys().chain(standard).map(String::as_str)
    }
}
