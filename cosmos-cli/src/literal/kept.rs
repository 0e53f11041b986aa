//! `$NAME`: a value that an earlier call of a session left, or that this one is to leave.

use super::{Reader, Reason};
use callframe::types::{Direction, Identity, Pointer, Type, TypeId};
use cosmos::{Memory, Value};
use std::collections::BTreeMap;

/// Values by name.
pub type Kept = BTreeMap<String, Value>;

impl Reader<'_> {
    /// A whole word for the parameter at this position, which may be a name.
    pub(super) fn named(
        &mut self,
        position: usize,
        ty: TypeId,
        word: &str,
    ) -> Result<Value, Reason> {
        let (Some(kept), Some(rest)) = (self.names.kept, word.strip_prefix('$')) else {
            return self.word(ty, word);
        };
        let (name, members) = split(rest)?;
        let known = kept.get(name).cloned();
        let Type::Pointer(pointer) = self.frame.ty(ty) else {
            return self.kept_value(word);
        };
        let value = match &pointer.identity {
            Identity::Data if pointer.direction == Direction::Out => Some(Value::Out),
            Identity::Data if pointer.direction.leaves() => known.or(Some(Value::Out)),
            Identity::Handle(handle) if handle.resident => match known {
                Some(memory @ Value::Memory { .. }) => Some(memory),
                _ => Some(Value::from(&Memory::new())),
            },
            _ => known,
        };
        let value = value.ok_or_else(|| unknown(name))?;
        let leaves = pointer.identity == Identity::Data && pointer.direction.leaves();
        if leaves || matches!(value, Value::Memory { .. }) {
            self.found.names.push((position, name.to_owned()));
        }
        match members {
            "" => Ok(value),
            members => self.with_members(pointer, &value, name, members),
        }
    }

    /// What is kept as `$NAME`.
    pub(super) fn kept_value(&self, word: &str) -> Result<Value, Reason> {
        let (name, members) = split(word.strip_prefix('$').unwrap_or(word))?;
        if !members.is_empty() {
            return Err(format!("expected nothing more after ${name}"));
        }
        let value = self.names.kept.and_then(|kept| kept.get(name));
        value.cloned().ok_or_else(|| unknown(name))
    }

    fn with_members(
        &mut self,
        pointer: &Pointer,
        value: &Value,
        name: &str,
        members: &str,
    ) -> Result<Value, Reason> {
        let (Value::Memory { memory, .. }, Type::Record(id)) =
            (value, self.frame.ty(pointer.target))
        else {
            return Err(format!("${name} is no memory whose members could be set"));
        };
        Ok(memory.with(self.members(*id, members)?))
    }
}

/// A name and the members in braces that follow it.
fn split(word: &str) -> Result<(&str, &str), Reason> {
    let end = word.find('{').unwrap_or(word.len());
    let (name, members) = word.split_at(end);
    match is_name(name) {
        true => Ok((name, members)),
        false => Err(format!(
            "{name:?} is no name; text that begins with $ is quoted: \"$5\""
        )),
    }
}

/// Whether something may be kept under this name.
pub fn is_name(name: &str) -> bool {
    let letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    name.starts_with(|first: char| letter(first) && !first.is_ascii_digit())
        && name.chars().all(letter)
}

fn unknown(name: &str) -> Reason {
    format!("nothing is kept as ${name}")
}
