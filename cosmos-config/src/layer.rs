//! One layer of configuration: what a file, the environment or a request states.

use crate::{
    error::ConfigError,
    key::{KEYS, Key, Raw, Value, nearest},
    origin::{Origin, Sourced},
    text,
};
use std::{io::ErrorKind, path::Path};
use toml::de::{DeTable, DeValue};

/// Most bytes of a configuration file.
const FILE_LIMIT: u64 = 1 << 20;

/// What one source states, checked key by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    pub(crate) values: Vec<(&'static Key, Sourced<Value>)>,
    /// What it says of one kind of VM or one library alone.
    sections: Vec<Section>,
}

/// `[kind.hostfn.isolation]`, `[library."libz.so.1".grants]`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    of: Subject,
    name: String,
    values: Vec<(&'static Key, Sourced<Value>)>,
}

/// What a section is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Kind,
    Library,
}

/// Sections that may stand below a kind or a library: how its VMs are confined.
const OF_A_VM: [&str; 3] = ["isolation.", "grants.", "limits."];

impl Layer {
    /// The text of a configuration file; `path` is for messages.
    pub fn from_toml(path: &Path, text: &str) -> Result<Layer, ConfigError> {
        let document = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
            path: path.to_owned(),
            line: error.span().map_or(1, |span| line_of(text, span.start)),
            message: error.message().to_owned(),
        })?;
        let mut layer = Layer::default();
        layer.add_table(&Source { path, text }, "", document.get_ref())?;
        Ok(layer)
    }

    /// The file at `path`; no layer where there is none.
    pub fn from_file(path: &Path) -> Result<Option<Layer>, ConfigError> {
        let text = match text::read(path, FILE_LIMIT) {
            Ok(text) => text,
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            Err(error) if error.kind() == ErrorKind::FileTooLarge => {
                return Err(ConfigError::TooLarge {
                    path: path.to_owned(),
                    limit: FILE_LIMIT,
                });
            }
            Err(source) => {
                return Err(ConfigError::Unreadable {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        Layer::from_toml(path, &text).map(Some)
    }

    /// Environment variables as `(name, value)`; those that are none of ours are ignored.
    pub fn from_environment<N: AsRef<str>, T: Into<String>>(
        variables: impl IntoIterator<Item = (N, T)>,
    ) -> Result<Layer, ConfigError> {
        let names: Vec<(String, &'static Key)> =
            KEYS.iter().map(|key| (key.variable(), key)).collect();
        let mut layer = Layer::default();
        for (name, value) in variables {
            let name = name.as_ref();
            if !name.starts_with("COSMOS_") {
                continue;
            }
            let origin = Origin::Environment(name.to_owned());
            if let Some((_, key)) = names.iter().find(|(known, _)| known == name) {
                layer.add(key, Raw::Untyped(value.into()), origin)?;
            } else if let Some(near) = nearest(name, names.iter().map(|(known, _)| known.as_str()))
            {
                let near = Some(near.to_owned());
                return Err(ConfigError::UnknownKey {
                    origin,
                    key: name.to_owned(),
                    near,
                });
            }
        }
        Ok(layer)
    }

    /// Settings of one request as `(key, value)`.
    pub fn from_settings<'s>(
        settings: impl IntoIterator<Item = (&'s str, &'s str)>,
    ) -> Result<Layer, ConfigError> {
        let mut layer = Layer::default();
        for (name, value) in settings {
            let key = find(name, &Origin::Setting)?;
            if !key.per_request {
                return Err(ConfigError::NotPerRequest {
                    key: name.to_owned(),
                });
            }
            layer.add(key, Raw::Untyped(value.to_owned()), Origin::Setting)?;
        }
        Ok(layer)
    }

    /// This layer for a VM of this kind, or these names of a library in one.
    pub(crate) fn of_target(&self, kind: &str, libraries: &[&str]) -> Layer {
        let mut values = self.values.clone();
        let of = |subject, is: &dyn Fn(&str) -> bool| {
            self.sections
                .iter()
                .filter(|section| section.of == subject && is(&section.name))
                .flat_map(|section| section.values.clone())
                .collect::<Vec<_>>()
        };
        let more = [
            of(Subject::Kind, &|name| name == kind),
            of(Subject::Library, &|name| libraries.contains(&name)),
        ];
        for (key, value) in more.into_iter().flatten() {
            values.retain(|(stated, _)| stated.name != key.name);
            values.push((key, value));
        }
        Layer {
            values,
            sections: Vec::new(),
        }
    }

    /// The name, the value and the origin of whatever it says of one kind or library alone.
    pub(crate) fn entries_of_sections(&self) -> impl Iterator<Item = (String, String, String)> {
        self.sections.iter().flat_map(|section| {
            let subject = match section.of {
                Subject::Kind => format!("kind.{}", section.name),
                Subject::Library => format!("library.\"{}\"", section.name),
            };
            section.values.iter().map(move |(key, stated)| {
                let (value, origin) = (stated.value.to_string(), stated.origin.to_string());
                (format!("{subject}.{}", key.name), value, origin)
            })
        })
    }

    fn add(&mut self, key: &'static Key, raw: Raw, origin: Origin) -> Result<(), ConfigError> {
        let value = raw.typed(key, &origin)?;
        self.values.push((key, Sourced::new(value, origin)));
        Ok(())
    }

    fn add_table(
        &mut self,
        file: &Source<'_>,
        section: &str,
        table: &DeTable<'_>,
    ) -> Result<(), ConfigError> {
        for (name, value) in table {
            let full = format!("{section}{}", name.get_ref());
            let origin = file.origin(name.span().start);
            let inner = format!("{full}.");
            match value.get_ref() {
                DeValue::Table(table) if full == "kind" => {
                    self.add_sections(file, Subject::Kind, table)?;
                }
                DeValue::Table(table) if full == "library" => {
                    self.add_sections(file, Subject::Library, table)?;
                }
                DeValue::Table(table) if KEYS.iter().any(|key| key.name.starts_with(&inner)) => {
                    self.add_table(file, &inner, table)?;
                }
                value => {
                    let key = find(&full, &origin)?;
                    self.add(key, raw(value), origin)?;
                }
            }
        }
        Ok(())
    }
    fn add_sections(
        &mut self,
        file: &Source<'_>,
        of: Subject,
        table: &DeTable<'_>,
    ) -> Result<(), ConfigError> {
        for (name, value) in table {
            let mut inner = Layer::default();
            let DeValue::Table(table) = value.get_ref() else {
                return Err(unknown(name.get_ref(), file.origin(name.span().start)));
            };
            inner.add_table(file, "", table)?;
            let misplaced = |key: &Key| !OF_A_VM.iter().any(|part| key.name.starts_with(part));
            if let Some((key, value)) = inner.values.iter().find(|(key, _)| misplaced(key)) {
                return Err(unknown(key.name, value.origin.clone()));
            }
            self.sections.push(Section {
                of,
                name: name.get_ref().to_string(),
                values: inner.values,
            });
        }
        Ok(())
    }
}

/// Not a key that can stand there.
fn unknown(name: &str, origin: Origin) -> ConfigError {
    ConfigError::UnknownKey {
        origin,
        key: name.to_owned(),
        near: None,
    }
}

/// The file being read, for origins.
struct Source<'f> {
    path: &'f Path,
    text: &'f str,
}

impl Source<'_> {
    fn origin(&self, offset: usize) -> Origin {
        Origin::File {
            path: self.path.to_owned(),
            line: line_of(self.text, offset),
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}

fn find(name: &str, origin: &Origin) -> Result<&'static Key, ConfigError> {
    Key::find(name).ok_or_else(|| ConfigError::UnknownKey {
        origin: origin.clone(),
        key: name.to_owned(),
        near: near(name),
    })
}

/// What was probably meant: a key or section of nearly this name, or the first key of a section
/// that was given a value.
fn near(name: &str) -> Option<String> {
    let sections = KEYS
        .iter()
        .filter_map(|key| key.name.split_once('.'))
        .map(|(name, _)| name);
    let first_of_section = format!("{name}.");
    KEYS.iter()
        .map(|key| key.name)
        .find(|key| key.starts_with(&first_of_section))
        .or_else(|| nearest(name, KEYS.iter().map(|key| key.name).chain(sections)))
        .map(str::to_owned)
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Boolean(value) => Raw::Bool(*value),
        DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Raw::Other(number.to_string()), Raw::Number),
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| match item.get_ref() {
                DeValue::String(text) => Some(text.to_string()),
                _ => None,
            });
            texts.collect::<Option<_>>().map_or_else(
                || Raw::Other("a list of other things".to_owned()),
                Raw::List,
            )
        }
        DeValue::Float(number) => Raw::Other(number.to_string()),
        DeValue::Datetime(date) => Raw::Other(date.to_string()),
        DeValue::Table(_) => Raw::Other("a section".to_owned()),
    }
}
