//! Calls from C. Either a pointer to a function with `...` is called, and what the caller passed is
//! found in registers and on the stack, or somebody who can walk a `va_list` asks for the types, and
//! passes the addresses of the values.

use super::registers::{Class, Walk};
use super::{Open, bad, chosen, conversions, limited, no_memory};
use crate::call;
use crate::error::Error;
use crate::memory::{Block, CallMemory};
use crate::resolved::Resolved;
use callframe::CallFrame;
use callframe::marshal::{CallerBytes, MAXIMUM_CALL, MemoryError, Outcome};
use callframe::types::{Scalar, Table, Type, TypeId, Variadic};
use callframe::variadic::Argument;
use callframe::variadic::printf::{Conversion, Limit};
use cosmos_rpc::Fault;
use std::sync::Arc;

/// Calls a function through its C pointer.
///
/// # Safety
/// As [`call::invoke`]; `walk` is of a call of the function, whose arguments are as the prototype
/// and the format say.
pub(crate) unsafe fn invoke(
    function: &Resolved,
    open: &Open,
    walk: Walk,
    errno: i32,
    result: u64,
) -> Result<Outcome, Error> {
    // SAFETY: the caller's promise.
    unsafe { invoke_from(function, open, Source::Call(walk), errno, result) }
}

/// Calls a function with the values at these addresses: those of its named parameters, then those in
/// place of `...`.
///
/// # Safety
/// As [`call::invoke`]; there is an address for each named parameter.
pub(crate) unsafe fn invoke_given(
    function: &Resolved,
    open: &Open,
    addresses: Vec<u64>,
    errno: i32,
    result: u64,
) -> Result<Outcome, Error> {
    let source = Source::Given(addresses.into_iter());
    // SAFETY: the caller's promise.
    unsafe { invoke_from(function, open, source, errno, result) }
}

/// What stands in place of `...` in a call whose named parameters have their values at these
/// addresses.
///
/// # Safety
/// As [`invoke_given`].
pub(crate) unsafe fn expected(function: &Resolved, named: Vec<u64>) -> Result<Expected, Error> {
    let library = function.library().ok_or_else(|| call::closed(function))?;
    library.usable()?;
    // SAFETY: the caller's promise.
    let memory = unsafe { CallMemory::new(library.shelf(), library.link().number()) };
    let reader = Reader {
        function,
        memory,
        source: Source::Given(Vec::new().into_iter()),
        addresses: named,
        copies: Vec::new(),
    };
    reader
        .expected()
        .map_err(|fault| Error::from(fault).in_function(function.name()))
}

/// What a caller is to take from its `va_list`.
pub(crate) enum Expected {
    /// Arguments of these types.
    Arguments(Vec<Argument>),
    /// Pointers to text, up to and with a NULL.
    List,
}

/// # Safety
/// As [`invoke`] and [`invoke_given`].
unsafe fn invoke_from(
    function: &Resolved,
    open: &Open,
    source: Source,
    errno: i32,
    result: u64,
) -> Result<Outcome, Error> {
    // SAFETY: the caller's promise.
    let prepared = unsafe { from_call(function, open, source) };
    let call = prepared.map_err(|error| error.in_function(function.name()))?;
    // SAFETY: as above; the addresses are of the call's registers and stack, and of copies that
    // `call` holds.
    unsafe { call::invoke(&call.function, &call.addresses, errno, result) }
}

/// A call with its arguments written out.
struct Written {
    function: Arc<Resolved>,
    addresses: Vec<u64>,
    _copies: Vec<Block>,
}

/// # Safety
/// As [`invoke`].
unsafe fn from_call(function: &Resolved, open: &Open, source: Source) -> Result<Written, Error> {
    let library = function.library().ok_or_else(|| call::closed(function))?;
    library.usable()?;
    // SAFETY: the caller's promise.
    let memory = unsafe { CallMemory::new(library.shelf(), library.link().number()) };
    let mut reader = Reader {
        function,
        memory,
        source,
        addresses: Vec::new(),
        copies: Vec::new(),
    };
    reader.named()?;
    let arguments = match function.frame().variadic() {
        Some(Variadic::Printf(format)) => reader.formatted(*format as usize)?,
        Some(Variadic::Sentinel) => reader.list()?,
        Some(Variadic::By(table)) => vec![reader.chosen(table)?],
        None | Some(Variadic::Fixed(_)) => Vec::new(),
    };
    reader.all_taken()?;
    Ok(Written {
        function: open.resolve(function, &library, &arguments)?,
        addresses: reader.addresses,
        _copies: reader.copies,
    })
}

/// Where arguments are.
enum Source {
    /// In the registers and on the stack of a call.
    Call(Walk),
    /// At these addresses.
    Given(std::vec::IntoIter<u64>),
}

impl Source {
    fn take(&mut self, class: Option<Class>) -> Option<u64> {
        match self {
            Source::Call(walk) => class.map(|class| walk.take(class)),
            Source::Given(addresses) => addresses.next(),
        }
    }
}

/// Reads the arguments of one call from C.
struct Reader<'call> {
    function: &'call Resolved,
    memory: CallMemory<'call>,
    source: Source,
    addresses: Vec<u64>,
    copies: Vec<Block>,
}

impl Reader<'_> {
    fn named(&mut self) -> Result<(), Fault> {
        let frame = self.function.frame();
        for parameter in frame.parameters() {
            let taken = self.source.take(class_of(frame, parameter.ty));
            let address =
                taken.ok_or_else(|| bad(format!("'{}' cannot be recovered", parameter.name)))?;
            self.addresses.push(address);
        }
        Ok(())
    }

    /// What the values of the named parameters ask for.
    fn expected(&self) -> Result<Expected, Fault> {
        Ok(match self.function.frame().variadic() {
            Some(Variadic::Printf(format)) => {
                let conversions = self.conversions(*format as usize)?;
                limited(self.addresses.len() + conversions.len())?;
                Expected::Arguments(conversions.iter().map(|one| one.kind).collect())
            }
            Some(Variadic::Sentinel) => match (self.addresses.last(), self.last_is_text()) {
                (Some(address), true) if self.word(*address)? == 0 => {
                    Expected::Arguments(Vec::new())
                }
                _ => Expected::List,
            },
            Some(Variadic::By(table)) => {
                let tag = self.integer(table.tag as usize)?;
                Expected::Arguments(vec![chosen(self.function.frame(), table, tag)?])
            }
            None | Some(Variadic::Fixed(_)) => Expected::Arguments(Vec::new()),
        })
    }

    fn conversions(&self, format: usize) -> Result<Vec<Conversion>, Fault> {
        let format = self.addresses.get(format).copied().unwrap_or(0);
        let format = match self.word(format)? {
            0 => return Err(bad("the format is NULL")),
            address => self.text(address)?,
        };
        conversions(&format)
    }

    /// The next argument in place of `...`.
    fn further(&mut self, class: Option<Class>) -> Result<u64, Fault> {
        let address = self.source.take(class);
        let address =
            address.ok_or_else(|| bad("fewer arguments than it takes in place of '...'"))?;
        self.addresses.push(address);
        Ok(address)
    }

    /// Refuses more arguments than the call takes.
    fn all_taken(&self) -> Result<(), Fault> {
        match &self.source {
            Source::Given(left) if left.len() > 0 => {
                Err(bad("more arguments than it takes in place of '...'"))
            }
            _ => Ok(()),
        }
    }

    fn formatted(&mut self, format: usize) -> Result<Vec<Argument>, Fault> {
        let conversions = self.conversions(format)?;
        limited(self.addresses.len() + conversions.len())?;
        let first = self.addresses.len();
        for conversion in &conversions {
            self.further(Some(class(conversion.kind)))?;
        }
        for (index, conversion) in conversions.iter().enumerate() {
            self.limit(first, index, conversion)?;
        }
        Ok(conversions.iter().map(|one| one.kind).collect())
    }

    /// Gives text that need not be terminated a terminator, in a copy of as much as is read of it.
    fn limit(&mut self, first: usize, index: usize, conversion: &Conversion) -> Result<(), Fault> {
        let unit = match conversion.kind {
            Argument::Text => 1,
            Argument::WideText => 4,
            _ => return Ok(()),
        };
        let limit = match conversion.limit {
            Limit::Terminated => return Ok(()),
            Limit::Elements(elements) => elements,
            Limit::Argument(argument) => {
                let address = self.addresses.get(first + argument).copied();
                let mut number = [0; 4];
                self.read(address.unwrap_or(0), &mut number)?;
                match u64::try_from(i32::from_ne_bytes(number)) {
                    Ok(elements) => elements,
                    Err(_) => return Ok(()),
                }
            }
        };
        let Some(place) = self.addresses.get(first + index).copied() else {
            return Ok(());
        };
        let address = self.word(place)?;
        if address == 0 {
            return Ok(());
        }
        let bounded = limit.min(MAXIMUM_CALL);
        let length = match self.memory.terminated_length(address, unit, 0, bounded) {
            Ok(length) => length - 1,
            Err(MemoryError::Unterminated(_)) => bounded,
            Err(error) => return Err(bad(error)),
        };
        let mut bytes = vec![0; (length as usize + 1) * unit];
        let end = length as usize * unit;
        self.read(address, bytes.get_mut(..end).unwrap_or_default())?;
        let copy = Block::copy(&bytes).ok_or_else(no_memory)?;
        let pointer = Block::copy(&copy.address().to_ne_bytes()).ok_or_else(no_memory)?;
        if let Some(known) = self.addresses.get_mut(first + index) {
            *known = pointer.address();
        }
        self.copies.extend([copy, pointer]);
        Ok(())
    }

    /// Text after text, up to and with the NULL.
    fn list(&mut self) -> Result<Vec<Argument>, Fault> {
        let mut arguments = Vec::new();
        let mut last = match (self.addresses.last(), self.last_is_text()) {
            (Some(address), true) => self.word(*address)?,
            _ => 1,
        };
        while last != 0 {
            limited(self.addresses.len() + 1)?;
            let address = self.further(Some(Class::General))?;
            arguments.push(Argument::Text);
            last = self.word(address)?;
        }
        Ok(arguments)
    }

    /// The one argument that the table says.
    fn chosen(&mut self, table: &Table) -> Result<Argument, Fault> {
        let tag = self.integer(table.tag as usize)?;
        let argument = chosen(self.function.frame(), table, tag)?;
        let case = match argument {
            Argument::Case(index) => table.cases.get(index),
            _ => None,
        };
        let class = case.and_then(|case| class_of(self.function.frame(), case.ty));
        if class.is_none() && matches!(self.source, Source::Call(_)) {
            return Err(bad("a struct cannot be recovered from a call"));
        }
        self.further(class)?;
        Ok(argument)
    }

    /// The value of an integer parameter.
    fn integer(&self, index: usize) -> Result<i128, Fault> {
        let frame = self.function.frame();
        let parameter = frame.parameters().get(index);
        let (Some(Type::Scalar(scalar)), Some(address)) = (
            parameter.map(|parameter| frame.ty(parameter.ty)),
            self.addresses.get(index),
        ) else {
            return Err(bad("the tag is no integer"));
        };
        let size = self.function.native().scalar(*scalar).size as usize;
        let mut bytes = [0; 8];
        let low = bytes
            .get_mut(..size)
            .ok_or_else(|| bad("the tag is too wide"))?;
        self.read(*address, low)?;
        let unused = 64 - 8 * size as u32;
        let word = u64::from_le_bytes(bytes) << unused;
        Ok(match scalar.is_signed() {
            true => i128::from(word as i64 >> unused),
            false => i128::from(word >> unused),
        })
    }

    /// Whether the last named parameter is one of the list.
    fn last_is_text(&self) -> bool {
        let frame = self.function.frame();
        let last = frame.parameters().last().map(|last| frame.ty(last.ty));
        matches!(last, Some(Type::Pointer(pointer))
            if matches!(frame.ty(pointer.target), Type::Scalar(Scalar::Char)))
    }

    fn word(&self, address: u64) -> Result<u64, Fault> {
        let mut word = [0; 8];
        self.read(address, &mut word)?;
        Ok(u64::from_ne_bytes(word))
    }

    fn text(&self, address: u64) -> Result<Vec<u8>, Fault> {
        let length = self.memory.terminated_length(address, 1, 0, MAXIMUM_CALL);
        let length = length.map_err(bad)? as usize;
        let mut text = vec![0; length.saturating_sub(1)];
        self.read(address, &mut text)?;
        Ok(text)
    }

    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Fault> {
        self.memory.read(address, into).map_err(bad)
    }
}

/// Where a parameter of this type is passed; `None` for one whose place only a compiler knows.
pub(super) fn class_of(frame: &CallFrame, ty: TypeId) -> Option<Class> {
    use Scalar::{ComplexDouble, ComplexFloat, ComplexLongDouble};
    match frame.ty(ty) {
        Type::Scalar(ComplexFloat | ComplexDouble | ComplexLongDouble) => None,
        Type::Scalar(scalar) => Some(class(Argument::Scalar(*scalar))),
        Type::Pointer(_) | Type::Descriptor => Some(Class::General),
        _ => None,
    }
}

fn class(argument: Argument) -> Class {
    match argument {
        Argument::Scalar(Scalar::Float | Scalar::Double) => Class::Vector,
        Argument::Scalar(Scalar::LongDouble) => Class::LongDouble,
        _ => Class::General,
    }
}
