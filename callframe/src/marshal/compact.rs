//! Calls of numbers and of plain bytes: texts, small structs, buffers, memory that both ends see.
//!
//! How far each pointer of such a function reaches is known from the numbers beside it, and what is
//! there needs no translation. So both ends work the sizes out by themselves, nothing is listed beside
//! the bytes, and of a call nothing is kept but its arguments. A call that is not as usual goes the
//! general way, which carries the same, or says what is wrong.
//!
//! | offset | bytes | request |
//! |---:|---:|---|
//! | 0 | 4 | `i32` errno of the calling thread; 0 under `__noerrno` |
//! | 4 | 4 | zero |
//! | 8 | 8 each | a word for each parameter, see below |
//! | … | … | contents of the pointers that enter and are not shared, in order, each to a multiple of 8 |
//!
//! | parameter | word |
//! |---|---|
//! | number | its bytes, followed by zeros |
//! | pointer | 0 NULL; [`SHARED`](super::SHARED) and the place, with [`CLEARED`](super::CLEARED) where the callee is to zero it first; else 1 + the bytes it reaches |
//!
//! | offset | bytes | reply |
//! |---:|---:|---|
//! | 0 | 4 | `i32` errno the function left; 0 under `__noerrno` |
//! | 4 | 4 | zero |
//! | 8 | 8 | the result, followed by zeros; of an `__alias` 0 NULL, else 1 + offset; nothing for `void` |
//! | … | … | what was filled of the pointers that leave and are not shared, in order, each to a multiple of 8 |
//!
//! Sizes and values are by the one data model that both ends have.

mod callee;
mod caller;

pub use callee::Entered;
pub use caller::Sent;

use super::caller::{Fill, fill};
use super::evaluate::size_of;
use super::plan::Plans;
use super::{MarshalError, image};
use crate::expression::{Environment, Expression, Operation};
use crate::template::Template;
use crate::types::{Direction, Extent, Identity, Ownership, Pointer, Scalar, Type};
use crate::{CallFrame, DataModel};
use std::sync::Arc;

/// Most parameters of such a function.
pub const MOST_PARAMETERS: usize = 8;
const WORD: usize = 8;
/// Bytes before the words of the parameters, and before the result.
const HEADER: usize = 8;

/// How the calls of one function travel.
#[derive(Clone, Debug)]
pub struct Compact {
    frame: Arc<CallFrame>,
    arguments: Box<[Argument]>,
    result: Answer,
    no_errno: bool,
}

#[derive(Clone, Debug)]
enum Argument {
    Number(Number),
    Data(Data),
}

/// A number of at most eight bytes.
#[derive(Clone, Copy, Debug)]
struct Number {
    size: usize,
    /// Of an integer: whether it has a sign.
    integer: Option<bool>,
    boolean: bool,
}

/// What a pointer leads to.
#[derive(Clone, Debug)]
struct Data {
    reach: Reach,
    /// Bytes of an element.
    unit: usize,
    enters: bool,
    leaves: bool,
    /// How many were filled, of how many bytes each; all where nothing says so.
    filled: Option<(Amount, usize)>,
}

#[derive(Clone, Debug)]
enum Reach {
    Single,
    /// So many, of so many bytes each.
    Amount(Amount, usize),
    /// To the first zero.
    Terminated,
}

/// A number that an expression works out from numbers of the call.
#[derive(Clone, Debug)]
enum Amount {
    /// The parameter of this index.
    Parameter(usize),
    Any(Expression),
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    Nothing,
    Number(Number),
    /// A pointer into what this parameter leads to.
    Alias(usize),
}

impl Compact {
    /// Of a function that both ends lay out by `template`; `None` where its calls are not such.
    pub(super) fn of(template: &Template, plans: &Plans) -> Option<Compact> {
        let frame = template.frame();
        let contract = frame.contract();
        let parameters = frame.parameters();
        let here = template.model().pointer.size as usize == WORD && cfg!(target_endian = "little");
        if !here || parameters.len() > MOST_PARAMETERS || contract.success.is_some() {
            return None;
        }
        let arguments = parameters.iter().map(|it| match frame.ty(it.ty) {
            Type::Pointer(pointer) => data(template, plans, pointer).map(Argument::Data),
            ty => number(template, ty).map(Argument::Number),
        });
        let arguments: Box<[Argument]> = arguments.collect::<Option<_>>()?;
        let has_data = |index: usize| matches!(arguments.get(index), Some(Argument::Data(_)));
        let result = match frame.ty(frame.result()) {
            Type::Void => Answer::Nothing,
            Type::Pointer(pointer) => match pointer.identity {
                Identity::Alias(into) if has_data(into as usize) => Answer::Alias(into as usize),
                _ => return None,
            },
            ty => Answer::Number(number(template, ty)?),
        };
        let compact = Compact {
            frame: Arc::clone(frame),
            arguments,
            result,
            no_errno: contract.no_errno,
        };
        compact.knows_its_amounts().then_some(compact)
    }

    /// Whether all that its sizes are worked out from is in the call.
    fn knows_its_amounts(&self) -> bool {
        let known = |amount: &Amount, returned: bool| {
            let leaf = |operation: &Operation| match operation {
                Operation::Parameter(index) => self.integer(*index as usize).is_some(),
                Operation::Return => returned,
                _ => true,
            };
            match amount {
                Amount::Parameter(index) => self.integer(*index).is_some(),
                Amount::Any(expression) => expression.operations.iter().all(leaf),
            }
        };
        let returns = match self.result {
            Answer::Nothing => false,
            Answer::Number(number) => number.integer.is_some(),
            Answer::Alias(_) => true,
        };
        self.data().all(|(_, data)| {
            let reach = match &data.reach {
                Reach::Amount(amount, _) => known(amount, false),
                Reach::Single | Reach::Terminated => true,
            };
            let filled = data.filled.as_ref();
            reach && filled.is_none_or(|(amount, _)| known(amount, returns))
        })
    }

    fn data(&self) -> impl Iterator<Item = (usize, &Data)> {
        let numbered = self.arguments.iter().enumerate();
        numbered.filter_map(|(index, argument)| match argument {
            Argument::Data(data) => Some((index, data)),
            Argument::Number(_) => None,
        })
    }

    /// How parameter `index` is taken as an integer.
    fn integer(&self, index: usize) -> Option<(usize, bool)> {
        match self.arguments.get(index)? {
            Argument::Number(number) => Some((number.size, number.integer?)),
            Argument::Data(_) => None,
        }
    }

    fn amount(&self, amount: &Amount, words: &[u64], returned: Option<i128>) -> Option<i128> {
        let values = Values {
            compact: self,
            words,
            returned,
        };
        match amount {
            Amount::Parameter(index) => values.parameter(u32::try_from(*index).ok()?),
            // What depends on a model is a constant in it by now.
            Amount::Any(expression) => expression.evaluate(&values, &DataModel::LP64).ok(),
        }
    }

    /// Bytes that a pointer reaches, of a call with these words; `None` where no number says so.
    fn reach(&self, data: &Data, words: &[u64]) -> Option<usize> {
        match &data.reach {
            Reach::Single => Some(data.unit),
            Reach::Amount(amount, unit) => {
                let count = usize::try_from(self.amount(amount, words, None)?).ok()?;
                count.checked_mul(*unit)
            }
            Reach::Terminated => None,
        }
    }

    /// Bytes that were filled of `capacity`, when a call with these words has returned; `Err` with
    /// what was said where that is more, or nothing.
    fn filled(
        &self,
        data: &Data,
        words: &[u64],
        returned: Option<i128>,
        capacity: usize,
    ) -> Result<usize, Option<i128>> {
        let Some((amount, unit)) = &data.filled else {
            return Ok(capacity);
        };
        let amount = self.amount(amount, words, returned).ok_or(None)?.max(0);
        let bytes = amount.checked_mul(*unit as i128);
        let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok());
        bytes.filter(|it| *it <= capacity).ok_or(Some(amount))
    }

    /// The result as expressions see it.
    fn returned(&self, word: u64) -> Option<i128> {
        match self.result {
            Answer::Nothing => None,
            Answer::Number(number) => number.value(word),
            Answer::Alias(_) => Some(i128::from(word != 0)),
        }
    }

    /// Bytes of a reply before what was filled.
    fn front(&self) -> usize {
        match self.result {
            Answer::Nothing => HEADER,
            _ => HEADER + WORD,
        }
    }

    fn place(&self, index: usize) -> String {
        match self.frame.parameters().get(index) {
            Some(parameter) => format!("parameter '{}'", parameter.name),
            None => "result".to_owned(),
        }
    }
}

/// The numbers of a call.
struct Values<'a> {
    compact: &'a Compact,
    words: &'a [u64],
    returned: Option<i128>,
}

impl Environment for Values<'_> {
    fn parameter(&self, index: u32) -> Option<i128> {
        let index = usize::try_from(index).ok()?;
        let (size, signed) = self.compact.integer(index)?;
        let bytes = self.words.get(index)?.to_le_bytes();
        Some(image::integer(&bytes, 0, size, signed))
    }

    fn pointee(&self, _: u32) -> Option<i128> {
        None
    }

    fn field(&self, _: u32) -> Option<i128> {
        None
    }

    fn returned(&self) -> Option<i128> {
        self.returned
    }
}

impl Number {
    /// The bytes of a word that are the number's; a `_Bool` is 0 or 1.
    #[inline]
    fn taken(self, word: u64) -> u64 {
        let unused = 64 - 8 * self.size as u32;
        let word = word << unused >> unused;
        match self.boolean {
            true => u64::from(word != 0),
            false => word,
        }
    }

    fn value(self, word: u64) -> Option<i128> {
        let signed = self.integer?;
        Some(image::integer(&word.to_le_bytes(), 0, self.size, signed))
    }
}

/// A number by value.
fn number(template: &Template, ty: &Type) -> Option<Number> {
    use Scalar::{ComplexDouble, ComplexFloat, ComplexLongDouble, LongDouble};
    let Type::Scalar(scalar) = ty else {
        return None;
    };
    let other = matches!(
        scalar,
        ComplexFloat | ComplexDouble | ComplexLongDouble | LongDouble
    );
    let size = usize::try_from(template.scalar(*scalar).size).ok()?;
    let fits = !other && (1..=WORD).contains(&size);
    fits.then_some(Number {
        size,
        integer: scalar.is_integer().then(|| scalar.is_signed()),
        boolean: *scalar == Scalar::Bool,
    })
}

/// A pointer of the program's to bytes that mean the same on both ends.
fn data(template: &Template, plans: &Plans, pointer: &Pointer) -> Option<Data> {
    let plan = plans.of(pointer.target);
    let is_plain = plan.bulk && !plan.checked && !plan.references;
    let is_ours = pointer.identity == Identity::Data && pointer.ownership == Ownership::Caller;
    if !is_plain || !is_ours {
        return None;
    }
    let unit = usize::try_from(plan.callee_size).ok()?;
    let reach = match &pointer.extent {
        Extent::Single => Reach::Single,
        Extent::Counted(count) => Reach::Amount(amount(template, count)?, unit),
        Extent::Sized(size) => Reach::Amount(amount(template, size)?, 1),
        // Where it ends then would have to be looked for.
        Extent::NullTerminated if pointer.direction == Direction::In && unit <= WORD => {
            Reach::Terminated
        }
        _ => return None,
    };
    let step = match pointer.extent {
        Extent::Sized(_) => 1,
        _ => unit,
    };
    let filled = match fill(template.frame(), pointer) {
        None => None,
        Some(Fill::Amount(filled)) => Some((amount(template, filled)?, step)),
        Some(Fill::Until(_)) => return None,
    };
    Some(Data {
        reach,
        unit,
        enters: pointer.direction.enters(),
        leaves: pointer.direction.leaves(),
        filled,
    })
}

/// An expression of the call's own numbers; `None` where it asks for others.
fn amount(template: &Template, expression: &Expression) -> Option<Amount> {
    if let [Operation::Parameter(index)] = expression.operations[..] {
        return Some(Amount::Parameter(usize::try_from(index).ok()?));
    }
    let known = |operation: &Operation| {
        Some(match operation {
            Operation::SizeOf(scalar) => Operation::Constant(template.scalar(*scalar).size.into()),
            Operation::SizeOfType(ty) => Operation::Constant(size_of(template, *ty).ok()?),
            Operation::Pointee(_)
            | Operation::Field(_)
            | Operation::Outer(_)
            | Operation::Query(_) => return None,
            other => other.clone(),
        })
    };
    let operations = expression.operations.iter().map(known);
    Some(Amount::Any(Expression {
        operations: operations.collect::<Option<_>>()?,
    }))
}

/// The words of a body, and what is behind them; `None` where there are fewer.
fn words(body: &[u8], count: usize) -> Option<([u64; MOST_PARAMETERS], &[u8])> {
    let (front, behind) = body.split_at_checked(count * WORD)?;
    let mut words = [0; MOST_PARAMETERS];
    for (word, bytes) in words.iter_mut().zip(front.chunks_exact(WORD)) {
        *word = u64::from_le_bytes(bytes.try_into().ok()?);
    }
    Some((words, behind))
}

/// The errno of a body, and what is behind the header.
fn header(body: &[u8]) -> Result<(i32, &[u8]), MarshalError> {
    let (header, behind) = body
        .split_first_chunk::<HEADER>()
        .ok_or(MarshalError::Malformed("shorter than its header"))?;
    let header = u64::from_le_bytes(*header);
    match header >> 32 {
        0 => Ok((header as i32, behind)),
        _ => Err(MarshalError::Malformed("reserved bytes are set")),
    }
}
