//! Calls with [`Value`]s instead of C memory: what `cosmos call` and bindings use.
//!
//! The memory a call needs is made here by the prototype, the call goes the way of every other, and
//! what it left is read back into values:
//!
//! | step | room |
//! |---|---|
//! | values to argument slots and the blocks that pointers lead to | [`lay`] |
//! | the call | [`crate::call`] |
//! | result and outputs to values, what was owned freed | [`read`] |
//!
//! [`back`] does the same for callbacks, whose arguments come from the VM and whose result goes there.
//!
//! How far a pointer reaches is computed here for two purposes: how much room to make before the
//! call, and how much of it to show after. The call itself is carried, and checked, by
//! `callframe::marshal` alone.

use crate::call;
use crate::error::Error;
use crate::memory::{Block, CallMemory};
use crate::resolved::Resolved;
use crate::shelf::Shelf;
use crate::token::VmNumber;
use crate::value::{Outcome, Value};
use crate::variadic;
use cosmos_rpc::{Fault, FaultCode};
use lay::{Layer, Stored};
use read::Reader;
use view::View;

mod back;
mod lay;
mod read;
mod scalar;
mod view;

pub(crate) use back::{Returned, arguments};
pub(crate) use lay::Area;

/// Calls a function with these values.
pub(crate) fn call(function: &Resolved, arguments: &[Value]) -> Result<Outcome, Error> {
    let outcome = match function.open() {
        None => perform(function, arguments),
        Some(open) => variadic::for_values(function, open, arguments)
            .and_then(|(function, arguments)| perform(&function, &arguments)),
    };
    outcome.map_err(|error| error.in_function(function.name()))
}

fn perform(function: &Resolved, arguments: &[Value]) -> Result<Outcome, Error> {
    check_count(function, arguments)?;
    let native = function.native();
    let shelf = Shelf::default();
    let number = VmNumber::new(1).ok_or_else(no_memory)?;
    // SAFETY: the addresses below are of blocks made by the layer, as large as the prototype says
    // for the values in them, or of copies that the call made; no other thread knows them.
    let mut memory = unsafe { CallMemory::new(&shelf, number) };
    let mut layer = Layer::new(native, &mut memory)?;
    layer.arguments(arguments)?;
    let laid = layer.finish();
    let result = Block::zeroed(native.result().size as usize).ok_or_else(no_memory)?;
    let place = if function.is_void() {
        0
    } else {
        result.address()
    };
    let mut copies = Vec::new();
    // SAFETY: as above; `result` has the size of the result.
    let outcome = unsafe { call::invoke_noting(function, &laid.addresses, 0, place, &mut copies) }?;
    memory.note(copies);
    let view = View {
        template: native,
        outer: &[],
        memory: &memory,
        slots: &laid.addresses,
        result: place,
        record: None,
    };
    let reader = Reader::new(view, &laid.capacities, &laid.areas).storing(&laid.stored);
    let result = reader.result()?;
    let outputs = if outcome.success {
        reader.outputs()?
    } else {
        Vec::new()
    };
    reader.free_owned();
    laid.stored.iter().for_each(Stored::tidy);
    Ok(Outcome {
        result,
        outputs,
        errno: outcome.errno,
    })
}

fn check_count(function: &Resolved, arguments: &[Value]) -> Result<(), Fault> {
    let parameters = function.frame().parameters();
    if parameters.len() == arguments.len() {
        return Ok(());
    }
    let names: Vec<&str> = parameters
        .iter()
        .map(|parameter| parameter.name.as_str())
        .collect();
    Err(Fault::caller(
        FaultCode::BadArgument,
        format!(
            "{} takes {} ({}), {} given",
            function.name(),
            counted(names.len()),
            names.join(", "),
            match arguments.len() {
                1 => "1 was".to_owned(),
                count => format!("{count} were"),
            }
        ),
    ))
}

fn counted(count: usize) -> String {
    match count {
        0 => "no argument".to_owned(),
        1 => "1 argument".to_owned(),
        count => format!("{count} arguments"),
    }
}

/// A value that does not fit its parameter.
fn bad(place: &str, problem: impl std::fmt::Display) -> Fault {
    Fault::caller(FaultCode::BadArgument, format!("{place}: {problem}"))
}

fn no_memory() -> Fault {
    Fault::host(FaultCode::System, "out of memory")
}
