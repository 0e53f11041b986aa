//! `{…}`: records, arrays and several elements, nested.
//!
//! Inside braces text must be quoted, because a comma or a brace would end it.

use super::{Reader, Reason, pointer, text};
use callframe::types::{Extent, Identity, Pointer, RecordId, Type, TypeId};
use cosmos::Value;

impl Reader<'_> {
    /// A whole word that is a record or an array by value.
    pub(super) fn braced(&mut self, ty: TypeId, word: &str) -> Result<Value, Reason> {
        let mut cursor = Cursor::new(word);
        let value = self.element(ty, &mut cursor)?;
        cursor.end()?;
        Ok(value)
    }

    /// A whole word for a pointer to something other than bytes.
    pub(super) fn braced_pointer(
        &mut self,
        pointer: &Pointer,
        word: &str,
    ) -> Result<Value, Reason> {
        let mut cursor = Cursor::new(word);
        let value = self.target(pointer, &mut cursor)?;
        cursor.end()?;
        Ok(value)
    }

    /// The members that a whole word sets in a record.
    pub(super) fn members(
        &mut self,
        id: RecordId,
        word: &str,
    ) -> Result<Vec<(String, Value)>, Reason> {
        let mut cursor = Cursor::new(word);
        let members = self.record(id, &mut cursor)?;
        cursor.end()?;
        match members {
            Value::Record(members) => Ok(members),
            _ => Ok(Vec::new()),
        }
    }

    /// What a pointer leads to: one element where it is single, else a list in braces.
    fn target(&mut self, pointer: &Pointer, cursor: &mut Cursor) -> Result<Value, Reason> {
        let composite = matches!(
            self.frame.ty(pointer.target),
            Type::Record(_) | Type::Array { .. }
        );
        let single = pointer.extent == Extent::Single;
        if single && (composite || !cursor.at('{')) {
            return self.element(pointer.target, cursor);
        }
        if !cursor.at('{') {
            return Ok(Value::Array(vec![self.element(pointer.target, cursor)?]));
        }
        let mut elements = self.list(pointer.target, cursor)?;
        match (single, elements.len()) {
            (true, 1) => Ok(elements.remove(0)),
            (true, _) => Err("the pointer leads to one element".to_owned()),
            (false, _) => Ok(Value::Array(elements)),
        }
    }

    fn element(&mut self, ty: TypeId, cursor: &mut Cursor) -> Result<Value, Reason> {
        if self.names.kept.is_some() && cursor.at('$') {
            let token = cursor.token()?;
            return self.kept_value(token);
        }
        match self.frame.ty(ty) {
            Type::Scalar(scalar) => {
                let token = cursor.token()?;
                self.scalar(*scalar, token)
            }
            Type::Descriptor => {
                let token = cursor.token()?;
                self.descriptor(token)
            }
            Type::Record(record) => self.record(*record, cursor),
            Type::Array { element, length } => self.array(*element, *length, cursor),
            Type::Pointer(inner) => self.inner_pointer(ty, inner, cursor),
            Type::Void | Type::Function { .. } => Err("no value of this type exists".to_owned()),
        }
    }

    fn inner_pointer(
        &mut self,
        ty: TypeId,
        inner: &Pointer,
        cursor: &mut Cursor,
    ) -> Result<Value, Reason> {
        if cursor.at('"') {
            let string = cursor.string()?;
            return pointer::characters(inner, string);
        }
        if cursor.at('{') && inner.identity == Identity::Data && !self.leads_to_bytes(inner) {
            return self.target(inner, cursor);
        }
        let token = cursor.token()?;
        let bare = inner.identity == Identity::Data && self.leads_to_bytes(inner);
        if bare && !matches!(token, "NULL" | "_") && !token.starts_with(['@', 'h']) {
            return Err("text inside braces must be quoted".to_owned());
        }
        self.pointer(ty, inner, token)
    }

    fn array(
        &mut self,
        element: TypeId,
        length: u64,
        cursor: &mut Cursor,
    ) -> Result<Value, Reason> {
        if cursor.at('"') {
            let quoted = cursor.string()?;
            let bytes = text::unescape(pointer::quoted(quoted).unwrap_or_default())?;
            let elements = bytes
                .into_iter()
                .map(|byte| Value::Int(i128::from(byte.cast_signed())));
            return limited(elements.collect(), length);
        }
        limited(self.list(element, cursor)?, length)
    }

    fn list(&mut self, element: TypeId, cursor: &mut Cursor) -> Result<Vec<Value>, Reason> {
        let mut elements = Vec::new();
        cursor.expect('{')?;
        let records = matches!(self.frame.ty(element), Type::Record(_));
        while !cursor.take('}') {
            if records && !cursor.at('{') {
                return Err("each struct of a list has its own braces: {{…}, {…}}".to_owned());
            }
            elements.push(self.element(element, cursor)?);
            cursor.separator()?;
        }
        Ok(elements)
    }

    /// As a C initializer: by position, and from a `.member` on by position after that one.
    fn record(&mut self, id: RecordId, cursor: &mut Cursor) -> Result<Value, Reason> {
        let fields = &self.frame.record(id).fields;
        let mut members: Vec<(String, Value)> = Vec::new();
        let mut next = 0;
        cursor.expect('{')?;
        while !cursor.take('}') {
            if cursor.take('.') {
                let name = cursor.name()?;
                next = fields
                    .iter()
                    .position(|field| field.name == name)
                    .ok_or_else(|| no_member(name, fields.iter().map(|field| &*field.name)))?;
                cursor.expect('=')?;
            }
            let field = fields
                .get(next)
                .ok_or_else(|| format!("the struct has {} members, not more", fields.len()))?;
            let value = self.element(field.ty, cursor).map_err(|reason| {
                if reason.starts_with("member ") {
                    reason
                } else {
                    format!("member '{}': {reason}", field.name)
                }
            })?;
            members.retain(|(name, _)| *name != field.name);
            members.push((field.name.clone(), value));
            next += 1;
            cursor.separator()?;
        }
        Ok(Value::Record(members))
    }
}

fn limited(elements: Vec<Value>, length: u64) -> Result<Value, Reason> {
    if elements.len() as u64 > length {
        return Err(format!(
            "the array has {length} elements, {} are given",
            elements.len()
        ));
    }
    Ok(Value::Array(elements))
}

fn no_member<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Reason {
    let nearest = known
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min()
        .filter(|(distance, _)| *distance <= 2);
    match nearest {
        Some((_, known)) => format!("the struct has no member '{name}'; did you mean '{known}'?"),
        None => format!("the struct has no member '{name}'"),
    }
}

/// A place in a word.
struct Cursor<'w> {
    rest: &'w str,
}

impl<'w> Cursor<'w> {
    fn new(word: &'w str) -> Cursor<'w> {
        Cursor {
            rest: word.trim_start(),
        }
    }

    fn at(&self, symbol: char) -> bool {
        self.rest.starts_with(symbol)
    }

    fn take(&mut self, symbol: char) -> bool {
        match self.rest.strip_prefix(symbol) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, symbol: char) -> Result<(), Reason> {
        if self.take(symbol) {
            Ok(())
        } else {
            Err(self.expected(&format!("'{symbol}'")))
        }
    }

    /// A comma, or the brace that ends the list, which stays.
    fn separator(&mut self) -> Result<(), Reason> {
        if self.take(',') || self.at('}') {
            Ok(())
        } else {
            Err(self.expected("',' or '}'"))
        }
    }

    fn end(&self) -> Result<(), Reason> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.expected("nothing more"))
        }
    }

    fn expected(&self, what: &str) -> Reason {
        match self.rest.chars().next() {
            Some(_) => {
                let found: String = self.rest.chars().take(12).collect();
                format!("expected {what} at '{found}'")
            }
            None => format!("expected {what} at the end"),
        }
    }

    fn name(&mut self) -> Result<&'w str, Reason> {
        let end = self
            .rest
            .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() {
            return Err(self.expected("the name of a member"));
        }
        self.rest = rest.trim_start();
        Ok(name)
    }

    /// Up to a comma or brace outside a character constant.
    fn token(&mut self) -> Result<&'w str, Reason> {
        let mut quoted = false;
        let mut escaped = false;
        let end = self
            .rest
            .find(|letter: char| {
                let ends = !quoted && matches!(letter, ',' | '{' | '}');
                if letter == '\'' && !escaped {
                    quoted = !quoted;
                }
                escaped = letter == '\\' && !escaped;
                ends
            })
            .unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        if token.trim_end().is_empty() {
            return Err(self.expected("a value"));
        }
        self.rest = rest;
        Ok(token.trim_end())
    }

    /// A string constant with its quotes.
    fn string(&mut self) -> Result<&'w str, Reason> {
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find(|&(_, letter)| {
            let ends = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            ends
        });
        let (at, _) = end.ok_or_else(|| "a string has no closing quote".to_owned())?;
        let (string, rest) = self.rest.split_at(at + 1);
        self.rest = rest.trim_start();
        Ok(string)
    }
}
