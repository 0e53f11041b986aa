//! Calls of functions with `...`: what stands there is found out, and the call is made by a
//! prototype that has it written out.
//!
//! | the call comes from | what stands in place of `...` |
//! |---|---|
//! | values, in Rust or on a command line | the values beyond the named parameters |
//! | C, through a pointer: [`from_c`] | [`registers`] and the stack, walked as `va_arg` does |
//!
//! Either way the types come from the prototype's word: the conversions of the format, text up to
//! a sentinel, or what the table says for the value of a tag. A prototype with the arguments written out is resolved once for each list of
//! types.

pub(crate) mod from_c;
pub(crate) mod registers;

use crate::call;
use crate::error::Error;
use crate::library::Target;
use crate::resolved::Resolved;
use crate::session::lock;
use crate::value::Value;
use callframe::CallFrame;
use callframe::types::{Table, Variadic};
use callframe::variadic::printf::{self, Conversion};
use callframe::variadic::{Argument, MAXIMUM_ARGUMENTS};
use cosmos_rpc::{Fault, FaultCode};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Most lists of types with which one function is called. A VM keeps what it resolved.
const LISTS: usize = 4096;

/// A function with `...`, and its prototypes with arguments in place of it.
pub(crate) struct Open {
    declared: Arc<CallFrame>,
    lists: Mutex<HashMap<Vec<Argument>, Arc<Resolved>>>,
}

impl Open {
    /// Whether the arguments of calls are open in a prototype.
    pub(crate) fn is(frame: &CallFrame) -> bool {
        !matches!(frame.variadic(), None | Some(Variadic::Fixed(_)))
    }

    pub(crate) fn new(declared: &Arc<CallFrame>) -> Open {
        Open {
            declared: Arc::clone(declared),
            lists: Mutex::default(),
        }
    }

    /// The function with arguments of these types.
    fn resolve(
        &self,
        function: &Resolved,
        library: &Arc<Target>,
        arguments: &[Argument],
    ) -> Result<Arc<Resolved>, Error> {
        if let Some(known) = lock(&self.lists).get(arguments) {
            return Ok(Arc::clone(known));
        }
        if lock(&self.lists).len() >= LISTS {
            return Err(Fault::caller(
                FaultCode::LimitReached,
                format!(
                    "{} was called with {LISTS} different lists of argument types; open its library \
                     again for more",
                    function.name()
                ),
            )
            .into());
        }
        let frame = Arc::new(self.declared.with_arguments(arguments));
        let fresh = function.with_arguments(library, &frame)?;
        let mut lists = lock(&self.lists);
        // Another thread may have been faster.
        Ok(Arc::clone(lists.entry(arguments.to_vec()).or_insert(fresh)))
    }
}

/// The prototype of one call of a function with `...`, for `named` values of its named parameters
/// and `further` more; the prototype itself where it has no `...`.
///
/// # Errors
/// When the values do not tell what stands in place of `...`.
pub fn call_frame(frame: &CallFrame, named: &[Value], further: usize) -> Result<CallFrame, Error> {
    if !Open::is(frame) {
        return Ok(frame.clone());
    }
    let arguments = types(frame, named, further)?;
    Ok(frame.with_arguments(&arguments))
}

/// The function to call with these values, and the values for it.
pub(crate) fn for_values(
    function: &Resolved,
    open: &Open,
    values: &[Value],
) -> Result<(Arc<Resolved>, Vec<Value>), Error> {
    let library = function.library().ok_or_else(|| call::closed(function))?;
    library.usable()?;
    let frame = function.frame();
    let count = frame.parameters().len();
    let (Some(named), Some(further)) = (values.get(..count), values.get(count..)) else {
        return Err(Fault::caller(
            FaultCode::BadArgument,
            format!(
                "{} takes at least {count} arguments, {} were given",
                function.name(),
                values.len()
            ),
        )
        .into());
    };
    let mut further = further.to_vec();
    if matches!(frame.variadic(), Some(Variadic::Sentinel)) {
        finish_list(&mut further, named.last())?;
    }
    let arguments = types(frame, named, further.len())?;
    let concrete = open.resolve(function, &library, &arguments)?;
    let mut values = named.to_vec();
    values.append(&mut further);
    Ok((concrete, values))
}

/// The types of the values beyond the named ones.
fn types(frame: &CallFrame, named: &[Value], further: usize) -> Result<Vec<Argument>, Fault> {
    let arguments: Vec<Argument> = match frame.variadic() {
        Some(Variadic::Printf(format)) => {
            let conversions = match named.get(*format as usize) {
                Some(Value::Text(format) | Value::Bytes(format)) => conversions(until_nul(format))?,
                _ => return Err(bad("the format is needed, as text")),
            };
            conversions.iter().map(|one| one.kind).collect()
        }
        Some(Variadic::Sentinel) => vec![Argument::Text; further],
        Some(Variadic::By(table)) => match named.get(table.tag as usize) {
            Some(Value::Int(tag)) => vec![chosen(frame, table, *tag)?],
            _ => return Err(bad("the tag is needed, as an integer")),
        },
        None | Some(Variadic::Fixed(_)) => Vec::new(),
    };
    if arguments.len() != further {
        return Err(bad(format!(
            "{} takes {} in place of '...', {further} {} given",
            match frame.variadic() {
                Some(Variadic::By(_)) => "a tag",
                _ => "the format",
            },
            counted(arguments.len()),
            if further == 1 { "was" } else { "were" }
        )));
    }
    limited(frame.parameters().len() + arguments.len())?;
    Ok(arguments)
}

/// What a value of the tag says.
fn chosen(frame: &CallFrame, table: &Table, tag: i128) -> Result<Argument, Fault> {
    table.case(tag).map(Argument::Case).ok_or_else(|| {
        let name = frame
            .parameters()
            .get(table.tag as usize)
            .map_or("the tag", |parameter| parameter.name.as_str());
        bad(format!(
            "the table of {} has no type for '{name}' = {tag}; give one: union {0}_variadic",
            frame.name()
        ))
    })
}

fn counted(count: usize) -> String {
    match count {
        0 => "no argument".to_owned(),
        1 => "1 argument".to_owned(),
        count => format!("{count} arguments"),
    }
}

/// A list ends with its NULL, which need not be given; where the last named parameter is NULL, the
/// list has ended before it began.
fn finish_list(further: &mut Vec<Value>, named: Option<&Value>) -> Result<(), Fault> {
    if named == Some(&Value::Null) {
        return match further.as_slice() {
            [] | [Value::Null] => {
                further.clear();
                Ok(())
            }
            _ => Err(bad("arguments follow the NULL that ends the list")),
        };
    }
    if further.last() != Some(&Value::Null) {
        further.push(Value::Null);
    }
    let before = further.iter().take(further.len() - 1);
    match before.clone().any(|value| *value == Value::Null) {
        true => Err(bad("arguments follow the NULL that ends the list")),
        false => Ok(()),
    }
}

fn conversions(format: &[u8]) -> Result<Vec<Conversion>, Fault> {
    printf::arguments(format).map_err(bad)
}

fn until_nul(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| *byte == 0);
    text.get(..end.unwrap_or(text.len())).unwrap_or(text)
}

fn limited(count: usize) -> Result<(), Fault> {
    if count <= MAXIMUM_ARGUMENTS {
        return Ok(());
    }
    Err(Fault::caller(
        FaultCode::TooLarge,
        format!("a call has at most {MAXIMUM_ARGUMENTS} arguments"),
    ))
}

fn bad(problem: impl std::fmt::Display) -> Fault {
    Fault::caller(FaultCode::BadArgument, problem.to_string())
}

fn no_memory() -> Fault {
    Fault::host(FaultCode::System, "out of memory")
}
