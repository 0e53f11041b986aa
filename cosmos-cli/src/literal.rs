//! Reads the arguments of a call from the words of a command line.
//!
//! One word is one parameter, and the parameter's type decides how the word is read: the same `12`
//! is an integer, a floating number, text or a descriptor. Nothing here touches the VM; what a
//! [`Value`] may be for a parameter is the client's to check again.

mod braces;
mod callback;
mod extended;
mod kept;
mod number;
mod pointer;
pub mod sizes;
mod text;

pub use extended::print as print_extended;
pub use kept::{Kept, is_name};

use crate::describe;
use callframe::types::{Parameter, Scalar, Type, TypeId, Variadic};
use callframe::{CallFrame, Constants, DataModel};
use cosmos::Value;
use std::fs::File;
use std::os::fd::AsRawFd;

/// The values of a call, and the files they refer to.
#[derive(Debug)]
pub struct Given {
    /// The prototype of this call: what takes the place of `...` is written out.
    pub frame: CallFrame,
    /// One per parameter.
    pub values: Vec<Value>,
    /// Names under which outputs are to be kept, by parameter.
    pub names: Vec<(usize, String)>,
    /// Opened for `__fd` parameters; they must stay open until the call is over.
    _files: Vec<File>,
}

/// Why the words do not fit the prototype.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum ArgumentError {
    /// Too few or too many.
    #[error(
        "{function} takes {}{}, but {given} {} given: {signature}",
        if *.open { "at least " } else { "" }, plural(*.wanted), if *.given == 1 { "was" } else { "were" }
    )]
    Count {
        /// The function.
        function: String,
        /// Its parameters, as people read them.
        signature: String,
        /// How many it takes.
        wanted: usize,
        /// Whether more may follow, in place of `...`.
        open: bool,
        /// How many there are.
        given: usize,
    },
    /// What takes the place of `...` does not fit the others.
    #[error("{0}")]
    Further(String),
    /// A word that its parameter cannot take.
    #[error("argument {position}, '{name}' ({ty}), cannot be {given:?}: {reason}")]
    Form {
        /// Counted from one.
        position: usize,
        /// The parameter.
        name: String,
        /// Its type in words.
        ty: String,
        /// The word, cut where it is long.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// What words may name.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// The constants of the prototype's enums: `HIGH` stands for its value, in the place of any integer.
    pub constants: &'a Constants,
    /// `$NAME` stands for one of these values, or for one that this call makes.
    pub kept: Option<&'a Kept>,
}

/// Reads one word per parameter, then those in place of `...`.
pub fn arguments(
    declared: &CallFrame,
    words: &[String],
    names: Names<'_>,
) -> Result<Given, ArgumentError> {
    let wanted = declared.parameters().len();
    let open = !matches!(declared.variadic(), None | Some(Variadic::Fixed(_)));
    let (named, further) = match words.split_at_checked(wanted) {
        Some((named, further)) if open || further.is_empty() => (named, further),
        _ => {
            return Err(ArgumentError::Count {
                function: declared.name().to_owned(),
                signature: describe::parameters(declared),
                wanted,
                open,
                given: words.len(),
            });
        }
    };
    let mut found = Found::default();
    let mut values = read(declared, named, 0, names, &mut found)?;
    let frame = cosmos::call_frame(declared, &values, further.len())
        .map_err(|error| ArgumentError::Further(error.to_string()))?;
    values.extend(read(&frame, further, wanted, names, &mut found)?);
    for (position, (parameter, word)) in frame.parameters().iter().zip(words).enumerate() {
        if let Some(name) = sized_parameter(word) {
            values[position] = size_of(&frame, parameter.ty, name, &values)
                .map_err(|reason| form(&frame, parameter, position, word, reason))?;
        }
    }
    Ok(Given {
        frame,
        values,
        names: found.names,
        _files: found.files,
    })
}

/// What words turn out to need, beside values.
#[derive(Debug, Default)]
struct Found {
    files: Vec<File>,
    names: Vec<(usize, String)>,
}

/// Reads words for the parameters that begin at `first`.
fn read(
    frame: &CallFrame,
    words: &[String],
    first: usize,
    names: Names<'_>,
    found: &mut Found,
) -> Result<Vec<Value>, ArgumentError> {
    let mut reader = Reader::new(frame, names);
    let parameters = frame.parameters().iter().enumerate().skip(first);
    let values = parameters
        .zip(words)
        .map(|((position, parameter), word)| {
            if sized_parameter(word).is_some() {
                return Ok(Value::Null); // set when every other value is known
            }
            reader
                .named(position, parameter.ty, word)
                .map_err(|reason| form(frame, parameter, position, word, reason))
        })
        .collect();
    found.files.append(&mut reader.found.files);
    found.names.append(&mut reader.found.names);
    values
}

/// Reads words by type; collects the files it opens.
struct Reader<'a> {
    frame: &'a CallFrame,
    model: DataModel,
    names: Names<'a>,
    found: Found,
}

/// A reason, to be completed with the parameter it concerns.
type Reason = String;

impl<'a> Reader<'a> {
    fn new(frame: &'a CallFrame, names: Names<'a>) -> Reader<'a> {
        Reader {
            frame,
            model: model(),
            names,
            found: Found::default(),
        }
    }

    /// A whole word for a parameter of this type.
    fn word(&mut self, ty: TypeId, word: &str) -> Result<Value, Reason> {
        match self.frame.ty(ty) {
            Type::Scalar(scalar) => self.scalar(*scalar, word),
            Type::Descriptor => self.descriptor(word),
            Type::Pointer(pointer) => self.pointer(ty, pointer, word),
            Type::Record(_) | Type::Array { .. } => self.braced(ty, word),
            Type::Void | Type::Function { .. } => Err("no value of this type exists".to_owned()),
        }
    }

    /// A number, or what a constant calls one.
    fn scalar(&self, scalar: Scalar, word: &str) -> Result<Value, Reason> {
        let constants = self.names.constants;
        let word = word.trim();
        if !scalar.is_integer() || !is_name(word) {
            return number::scalar(scalar, &self.model, word);
        }
        if let Some(value) = constants.get(word) {
            return number::within(scalar, &self.model, value);
        }
        let read = number::scalar(scalar, &self.model, word);
        read.map_err(|reason| match constants.meant(word).as_str() {
            "" => reason,
            meant => format!("{reason}, and no constant has this name; did you mean {meant}?"),
        })
    }

    fn descriptor(&mut self, word: &str) -> Result<Value, Reason> {
        let Some(path) = word.strip_prefix('@') else {
            return number::scalar(Scalar::Int, &self.model, word);
        };
        if path == "-" {
            return Ok(Value::Descriptor(0));
        }
        let file = File::open(path).map_err(|error| format!("cannot open {path}: {error}"))?;
        let descriptor = file.as_raw_fd();
        self.found.files.push(file);
        Ok(Value::Descriptor(descriptor))
    }
}

/// Only ranges depend on it here, and the client checks them again.
fn model() -> DataModel {
    DataModel::native().unwrap_or(DataModel::LP64)
}

/// The parameter's name in `sizeof:NAME`.
fn sized_parameter(word: &str) -> Option<&str> {
    word.strip_prefix("sizeof:")
}

fn size_of(frame: &CallFrame, ty: TypeId, name: &str, values: &[Value]) -> Result<Value, Reason> {
    let size = frame
        .parameters()
        .iter()
        .zip(values)
        .find(|(parameter, _)| parameter.name == name)
        .map(|(_, value)| value)
        .ok_or_else(|| format!("no parameter is named '{name}'"))?;
    let size = match size {
        Value::Text(bytes) | Value::Bytes(bytes) => bytes.len().to_string(),
        _ => return Err(format!("'{name}' was not given as text, bytes or a file")),
    };
    let ty = match frame.ty(ty) {
        // `unsigned long *destLen`: a pointer to the size.
        Type::Pointer(pointer) => frame.ty(pointer.target),
        ty => ty,
    };
    match ty {
        Type::Scalar(scalar) => number::scalar(*scalar, &model(), &size),
        _ => Err("it is no number".to_owned()),
    }
}

fn form(
    frame: &CallFrame,
    parameter: &Parameter,
    position: usize,
    word: &str,
    reason: Reason,
) -> ArgumentError {
    const LONGEST: usize = 60;
    let mut given: String = word.chars().take(LONGEST).collect();
    if given.len() < word.len() {
        given.push('…');
    }
    ArgumentError::Form {
        position: position + 1,
        name: parameter.name.clone(),
        ty: describe::ty(frame, parameter.ty),
        given,
        reason,
    }
}

fn plural(count: usize) -> String {
    match count {
        0 => "no arguments".to_owned(),
        1 => "one argument".to_owned(),
        count => format!("{count} arguments"),
    }
}

#[cfg(test)]
mod tests;
