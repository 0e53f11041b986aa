//! A word for a pointer parameter.

use super::{Reader, Reason, callback, number, text};
use crate::input;
use callframe::types::{Extent, Handle, Identity, Pointer, Scalar, Type, TypeId};
use cosmos::{Memory, Value};

impl Reader<'_> {
    /// A whole word for a pointer parameter.
    pub(super) fn pointer(
        &mut self,
        ty: TypeId,
        pointer: &Pointer,
        word: &str,
    ) -> Result<Value, Reason> {
        if word == "NULL" {
            return Ok(Value::Null);
        }
        match &pointer.identity {
            Identity::Data if word == "_" => output(pointer),
            Identity::Data => self.data(pointer, word),
            Identity::Handle(known) => self.object(pointer, known, word),
            Identity::Opaque => number::integer(word).map(Value::Int),
            Identity::Alias(_) if word == "_" => Ok(Value::Out),
            Identity::Alias(_) => Err("it points into another parameter: give NULL".to_owned()),
            Identity::Callback(known) => callback::word(self.frame, ty, known, word),
        }
    }

    /// An object, memory that stands for one, or a member of such memory that walks through bytes.
    fn object(&mut self, pointer: &Pointer, known: &Handle, word: &str) -> Result<Value, Reason> {
        match self.frame.ty(pointer.target) {
            Type::Record(id) if word.starts_with('{') => {
                let members = self.members(*id, word)?;
                Ok(Memory::new().with(members))
            }
            Type::Record(_) if word == "_" && known.resident => Ok(Value::Out),
            Type::Scalar(_) | Type::Void if word == "_" => Ok(Value::Out),
            Type::Scalar(_) | Type::Void
                if word.starts_with('@') || word.starts_with("hex:") || quoted(word).is_some() =>
            {
                characters(pointer, word)
            }
            _ => handle(word),
        }
    }

    fn data(&mut self, pointer: &Pointer, word: &str) -> Result<Value, Reason> {
        if self.leads_to_bytes(pointer) {
            return characters(pointer, word);
        }
        if let Some(path) = word.strip_prefix('@') {
            return input::file(path.as_ref()).map(Value::Bytes);
        }
        if self.leads_to_wide(pointer) && !word.starts_with('{') {
            return wide(pointer, word);
        }
        self.braced_pointer(pointer, word)
    }

    /// Whether the pointer leads to bytes: `char` of any sign, the eight-bit types and `void`.
    pub(super) fn leads_to_bytes(&self, pointer: &Pointer) -> bool {
        use Scalar::{Char, Int8, SignedChar, UInt8, UnsignedChar};
        matches!(
            self.frame.ty(pointer.target),
            Type::Void | Type::Scalar(Char | SignedChar | UnsignedChar | Int8 | UInt8)
        )
    }

    fn leads_to_wide(&self, pointer: &Pointer) -> bool {
        matches!(
            self.frame.ty(pointer.target),
            Type::Scalar(Scalar::WideChar)
        )
    }
}

/// `_`: memory for what comes back.
pub(super) fn output(pointer: &Pointer) -> Result<Value, Reason> {
    if pointer.direction.leaves() {
        Ok(Value::Out)
    } else {
        Err("_ stands for an output, and this is an input".to_owned())
    }
}

/// A string or a buffer.
pub(super) fn characters(pointer: &Pointer, word: &str) -> Result<Value, Reason> {
    let string = pointer.extent == Extent::NullTerminated;
    let bytes = if let Some(path) = word.strip_prefix('@') {
        input::file(path.as_ref())?
    } else if let Some(digits) = word.strip_prefix("hex:").filter(|_| !string) {
        text::hexadecimal(digits)?
    } else if let Some(body) = quoted(word) {
        text::unescape(body)?
    } else {
        word.as_bytes().to_vec()
    };
    if !string {
        return Ok(Value::Bytes(bytes));
    }
    match bytes.iter().position(|&byte| byte == 0) {
        Some(at) => Err(format!(
            "a string ends at its first zero byte, and byte {at} is one"
        )),
        None => Ok(Value::Text(bytes)),
    }
}

/// The inside of `"…"`.
pub(super) fn quoted(word: &str) -> Option<&str> {
    (word.len() >= 2).then(|| word.strip_prefix('"')?.strip_suffix('"'))?
}

/// Text for a `wchar_t` string or array: one element per character.
fn wide(pointer: &Pointer, word: &str) -> Result<Value, Reason> {
    let text = match quoted(word.strip_prefix('L').unwrap_or(word)) {
        Some(body) => String::from_utf8(text::unescape(body)?)
            .map_err(|_| "the text is not UTF-8".to_owned())?,
        None => word.to_owned(),
    };
    let mut elements: Vec<Value> = text
        .chars()
        .map(|letter| Value::Int(i128::from(u32::from(letter))))
        .collect();
    if pointer.extent == Extent::NullTerminated {
        elements.push(Value::Int(0));
    }
    Ok(Value::Array(elements))
}

fn handle(word: &str) -> Result<Value, Reason> {
    let reason = "it is an object of a VM, and a VM ends with its command: give NULL, or make all \
                  calls in one `cosmos session`";
    let token = number::integer(word).map_err(|_| reason.to_owned())?;
    u64::try_from(token)
        .map(Value::Handle)
        .map_err(|_| reason.to_owned())
}
