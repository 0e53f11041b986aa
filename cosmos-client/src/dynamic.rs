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
use lay::{Laid, Layer, Stored};
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
    let shelf = Shelf::default();
    let call = Prepared::new(function, arguments, &shelf)?;
    let (addresses, place) = (call.addresses(), call.result());
    let mut copies = Vec::new();
    // SAFETY: what `Prepared` promises of the addresses.
    let outcome = unsafe { call::invoke_noting(function, addresses, 0, place, &mut copies) }?;
    call.finish(outcome, copies)
}

/// A call whose values are laid in memory of its own.
pub(crate) struct Prepared<'a> {
    function: &'a Resolved,
    memory: CallMemory<'a>,
    laid: Laid,
    result: Block,
}

impl<'a> Prepared<'a> {
    /// Lays the values of a call; the shelf is for nothing but this.
    pub(crate) fn new(
        function: &'a Resolved,
        arguments: &[Value],
        shelf: &'a Shelf,
    ) -> Result<Prepared<'a>, Error> {
        check_count(function, arguments)?;
        let native = function.native();
        let number = VmNumber::new(1).ok_or_else(no_memory)?;
        // SAFETY: the addresses below are of blocks made by the layer, as large as the prototype says
        // for the values in them, or of copies that the call made; no other thread knows them.
        let mut memory = unsafe { CallMemory::new(shelf, number) };
        let mut layer = Layer::new(native, &mut memory)?;
        layer.arguments(arguments)?;
        let laid = layer.finish();
        let result = Block::zeroed(native.result().size as usize).ok_or_else(no_memory)?;
        Ok(Prepared {
            function,
            memory,
            laid,
            result,
        })
    }

    /// Where the value of each argument is: in memory that is as the prototype says, and that no other
    /// thread knows.
    pub(crate) fn addresses(&self) -> &[u64] {
        &self.laid.addresses
    }

    /// Where there is room for the result; 0 where there is none.
    pub(crate) fn result(&self) -> u64 {
        match self.function.is_void() {
            true => 0,
            false => self.result.address(),
        }
    }

    /// What the call left there, and in the copies that it made.
    pub(crate) fn finish(
        mut self,
        outcome: callframe::marshal::Outcome,
        copies: Vec<(u64, usize)>,
    ) -> Result<Outcome, Error> {
        self.memory.note(copies);
        let view = View {
            template: self.function.native(),
            outer: &[],
            memory: &self.memory,
            slots: &self.laid.addresses,
            result: self.result(),
            record: None,
        };
        let laid = &self.laid;
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
