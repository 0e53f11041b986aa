//! C types as Rust types, and the definitions of those that Rust does not have.

use callframe::CallFrame;
use callframe::types::{Identity, Pointer, RecordId, RecordName, Scalar, Type, TypeId};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The types that the functions need, each once.
#[derive(Default)]
pub(super) struct Types {
    definitions: BTreeMap<String, String>,
}

/// Whether values of a type hold no address that a callee would follow.
pub(super) fn is_by_value(frame: &CallFrame, ty: TypeId) -> bool {
    match frame.ty(ty) {
        Type::Pointer(_) | Type::Function { .. } => false,
        Type::Array { element, .. } => is_by_value(frame, *element),
        Type::Record(record) => {
            let fields = &frame.record(*record).fields;
            !fields.is_empty() && fields.iter().all(|field| is_by_value(frame, field.ty))
        }
        _ => true,
    }
}

impl Types {
    /// The Rust type of a parameter, a result or a member; an error says why there is none.
    pub(super) fn of(&mut self, frame: &CallFrame, ty: TypeId) -> Result<String, String> {
        match frame.ty(ty) {
            Type::Void => Ok("()".to_owned()),
            Type::Descriptor => Ok("c_int".to_owned()),
            Type::Scalar(scalar) => self.scalar(*scalar),
            Type::Pointer(pointer) => {
                if let Some(function) = self.callback(frame, pointer) {
                    return Ok(function);
                }
                let target = match frame.ty(pointer.target) {
                    Type::Void | Type::Function { .. } => "c_void".to_owned(),
                    _ => self.of(frame, pointer.target)?,
                };
                let kind = if pointer.constant { "const" } else { "mut" };
                Ok(format!("*{kind} {target}"))
            }
            Type::Array { element, length } => {
                Ok(format!("[{}; {length}]", self.of(frame, *element)?))
            }
            Type::Record(record) => self.record(frame, *record),
            Type::Function { .. } => Err("a function is no value".to_owned()),
        }
    }

    /// A pointer to a function of the program; `None` where it is none, where Rust has no type for
    /// it, and where numbers stand for some of its values.
    fn callback(&mut self, frame: &CallFrame, pointer: &Pointer) -> Option<String> {
        let (Identity::Callback(callback), Type::Function { parameters, result }) =
            (&pointer.identity, frame.ty(pointer.target))
        else {
            return None;
        };
        if callback.constants.iter().any(|constant| *constant != 0)
            || parameters.len() > super::PARAMETERS
        {
            return None;
        }
        let list: Result<Vec<String>, String> = parameters
            .iter()
            .map(|parameter| self.of(frame, parameter.ty))
            .collect();
        let arrow = match self.of(frame, *result).ok()?.as_str() {
            "()" => String::new(),
            result => format!(" -> {result}"),
        };
        Some(format!(
            "Option<unsafe extern \"C\" fn({}){arrow}>",
            list.ok()?.join(", ")
        ))
    }

    /// The definitions.
    pub(super) fn text(&self) -> String {
        self.definitions.values().cloned().collect()
    }

    fn scalar(&mut self, scalar: Scalar) -> Result<String, String> {
        let name = match scalar {
            Scalar::Bool => "bool",
            Scalar::Char => "c_char",
            Scalar::SignedChar => "c_schar",
            Scalar::UnsignedChar => "c_uchar",
            Scalar::Short => "c_short",
            Scalar::UnsignedShort => "c_ushort",
            Scalar::Int => "c_int",
            Scalar::UnsignedInt => "c_uint",
            Scalar::Long | Scalar::Time | Scalar::Offset => "c_long",
            Scalar::UnsignedLong => "c_ulong",
            Scalar::LongLong => "c_longlong",
            Scalar::UnsignedLongLong => "c_ulonglong",
            Scalar::Int8 => "i8",
            Scalar::UInt8 => "u8",
            Scalar::Int16 => "i16",
            Scalar::UInt16 => "u16",
            Scalar::Int32 | Scalar::WideChar => "i32",
            Scalar::UInt32 => "u32",
            Scalar::Int64 => "i64",
            Scalar::UInt64 => "u64",
            Scalar::Size | Scalar::UIntPointer => "usize",
            Scalar::SignedSize | Scalar::PointerDifference | Scalar::IntPointer => "isize",
            Scalar::Float => "c_float",
            Scalar::Double => "c_double",
            Scalar::ComplexFloat => return Ok(self.complex("ComplexFloat", "c_float")),
            Scalar::ComplexDouble => return Ok(self.complex("ComplexDouble", "c_double")),
            Scalar::LongDouble | Scalar::ComplexLongDouble => {
                return Err("Rust has no long double; use Library::function".to_owned());
            }
        };
        Ok(name.to_owned())
    }

    fn complex(&mut self, name: &str, part: &str) -> String {
        let members = format!("    pub re: {part},\n    pub im: {part},\n");
        self.define(name, "struct", &members, true);
        name.to_owned()
    }

    fn record(&mut self, frame: &CallFrame, id: RecordId) -> Result<String, String> {
        let record = frame.record(id);
        let name = match &record.name {
            RecordName::Tag(name) | RecordName::Typedef(name) => super::identifier(name),
            RecordName::Unnamed => return Err("a record without a name".to_owned()),
        };
        let whole = !record.fields.is_empty();
        // Another function may have told no more than its name.
        let known = self.definitions.get(&name);
        if known.is_some_and(|known| !whole || !known.contains("_opaque")) {
            return Ok(name);
        }
        if !whole {
            self.define(&name, "struct", "    _opaque: [u8; 0],\n", false);
            return Ok(name);
        }
        // A member may lead back to the record.
        self.definitions.insert(name.clone(), String::new());
        let mut members = String::new();
        for field in &record.fields {
            let made = self.of(frame, field.ty);
            let Ok(ty) = made else {
                self.definitions.remove(&name);
                return made;
            };
            let _ = writeln!(members, "    pub {}: {ty},", super::identifier(&field.name));
        }
        let keyword = if record.union { "union" } else { "struct" };
        let by_value = record
            .fields
            .iter()
            .all(|field| is_by_value(frame, field.ty));
        self.define(&name, keyword, &members, by_value);
        Ok(name)
    }

    fn define(&mut self, name: &str, keyword: &str, members: &str, by_value: bool) {
        let derived = match keyword {
            "union" => "Clone, Copy",
            _ if members.contains("_opaque") => "Debug",
            _ => "Clone, Copy",
        };
        let mut text =
            format!("\n#[derive({derived})]\n#[repr(C)]\npub {keyword} {name} {{\n{members}}}\n");
        if !members.contains("_opaque") && !members.contains(": bool") {
            let _ = write!(
                text,
                "// SAFETY: #[repr(C)], and its members take any bits.\nunsafe impl Carried for {name} {{}}\n"
            );
            if by_value {
                let _ = write!(
                    text,
                    "// SAFETY: it holds no address.\nunsafe impl cosmos::ByValue for {name} {{}}\n"
                );
            }
        }
        self.definitions.insert(name.to_owned(), text);
    }
}
