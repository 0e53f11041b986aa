//! Types in the words of the people who read error messages.

use callframe::CallFrame;
use callframe::types::{
    Extent, Filled, Identity, Pointer, RecordName, Scalar, Type, TypeId, Variadic,
};

/// The parameters of a function, `int numer, int denom`.
pub fn parameters(frame: &CallFrame) -> String {
    let list: Vec<String> = frame
        .parameters()
        .iter()
        .map(|parameter| format!("{}: {}", parameter.name, ty(frame, parameter.ty)))
        .collect();
    match (list.is_empty(), variadic(frame)) {
        (true, None) => "(void)".to_owned(),
        (true, Some(_)) => "...".to_owned(),
        (false, None) => list.join(", "),
        (false, Some(_)) => list.join(", ") + ", ...",
    }
}

/// What may stand in place of `...`; `None` where the parameters are all.
pub fn variadic(frame: &CallFrame) -> Option<String> {
    let name = |index: u32| {
        let parameter = frame.parameters().get(index as usize);
        parameter.map_or("", |parameter| parameter.name.as_str())
    };
    match frame.variadic()? {
        Variadic::Fixed(_) => None,
        Variadic::Printf(format) => Some(format!("what '{}' takes", name(*format))),
        Variadic::Sentinel => Some("strings, up to a NULL".to_owned()),
        Variadic::By(table) => Some(format!(
            "one of {} types, by '{}'",
            table.cases.len(),
            name(table.tag)
        )),
    }
}

/// A type, `pointer to several struct pollfd`.
pub fn ty(frame: &CallFrame, id: TypeId) -> String {
    match frame.ty(id) {
        Type::Void => "void".to_owned(),
        Type::Scalar(scalar) => scalar.c_name().to_owned(),
        Type::Descriptor => "file descriptor".to_owned(),
        Type::Pointer(pointer) => self::pointer(frame, pointer),
        Type::Array { element, length } => format!("array of {length} {}", ty(frame, *element)),
        Type::Record(id) => {
            let record = frame.record(*id);
            let keyword = if record.union { "union" } else { "struct" };
            match &record.name {
                RecordName::Tag(tag) => format!("{keyword} {tag}"),
                RecordName::Typedef(name) => name.clone(),
                RecordName::Unnamed => format!("unnamed {keyword}"),
            }
        }
        Type::Function { .. } => "function".to_owned(),
    }
}

fn pointer(frame: &CallFrame, pointer: &Pointer) -> String {
    match pointer.identity {
        Identity::Handle(_) => return format!("handle of a {}", ty(frame, pointer.target)),
        Identity::Callback(_) => return "function".to_owned(),
        Identity::Opaque => return "opaque pointer".to_owned(),
        Identity::Alias(_) => return "pointer into another parameter".to_owned(),
        Identity::Data => {}
    }
    let text = matches!(frame.ty(pointer.target), Type::Scalar(Scalar::Char));
    let bytes = matches!(frame.ty(pointer.target), Type::Void);
    let target = ty(frame, pointer.target);
    let what = match &pointer.extent {
        Extent::Counted(_) | Extent::Sized(_)
            if text && pointer.filled == Some(Filled::Until(0)) =>
        {
            "string buffer".to_owned()
        }
        Extent::NullTerminated if text => "string".to_owned(),
        Extent::NullTerminated => format!("zero-terminated {target} array"),
        Extent::TerminatedBy(last) => format!("{target} array ended by {last}"),
        Extent::Single => format!("pointer to {target}"),
        Extent::Counted(_) | Extent::Sized(_) | Extent::EndedBy(_) if bytes => "buffer".to_owned(),
        Extent::Counted(_) | Extent::Sized(_) | Extent::EndedBy(_) => format!("{target} buffer"),
    };
    match (pointer.direction.enters(), pointer.direction.leaves()) {
        (false, true) => format!("output: {what}"),
        (true, true) => format!("input and output: {what}"),
        _ => what,
    }
}
