//! The arithmetic of `__sized_by(…)`, `__counted_by(…)`, `__filled(…)` and `__success(…)`.
//!
//! An expression is compiled once, from its tokens to postfix operations, and evaluated against the
//! values of one call in checked 128-bit arithmetic: whatever a peer puts into a parameter, the
//! answer is a value or an [`EvaluationError`], never a wrapped size. Evaluation needs no recursion
//! and no more stack slots than the expression has operations.

use std::fmt;

use thiserror::Error;

use crate::model::DataModel;
use crate::types::{Scalar, TypeId};

/// How many operations one expression may have.
pub const MAXIMUM_OPERATIONS: usize = 256;

/// A compiled expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    pub(crate) operations: Vec<Operation>,
}

/// One postfix operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Push a constant.
    Constant(i128),
    /// Push the value of a parameter, by index.
    Parameter(u32),
    /// Push the integer a pointer parameter leads to, by index (`*n`).
    Pointee(u32),
    /// Push the value of a sibling field, by index in its record.
    Field(u32),
    /// In a callback: push the value that an integer parameter of the function had when it was
    /// given the callback.
    Outer(u32),
    /// Push what the function returned.
    Return,
    /// Push the size of an arithmetic type under the callee's data model.
    SizeOf(Scalar),
    /// Push the size of a record of the frame under the callee's data model.
    SizeOfType(TypeId),
    /// Push what another function of the library answers after the call; only the VM can ask it.
    Query(Query),
    /// Arithmetic on the two topmost values.
    Add,
    /// Second topmost minus topmost.
    Subtract,
    /// Product of the two topmost values.
    Multiply,
    /// Second topmost divided by topmost, truncated as C does.
    Divide,
    /// Comparison of the two topmost values, 1 or 0.
    Compare(Comparison),
    /// Negate the topmost value.
    Negate,
}

/// `fn(a, b)`: a function of the library, asked with parameters of the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The function.
    pub function: String,
    /// Which parameters it is given, by index.
    pub arguments: Vec<u32>,
    /// The integer it returns.
    pub result: Scalar,
}

/// The comparisons of `__success(e)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is the C operator of that name
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Where an expression's values come from during one call. `None` means that there is no such
/// value: a pointer that is NULL, or a value that does not exist yet.
pub trait Environment {
    /// The integer passed as parameter `index`.
    fn parameter(&self, index: u32) -> Option<i128>;

    /// The integer that pointer parameter `index` leads to.
    fn pointee(&self, index: u32) -> Option<i128>;

    /// The integer in field `index` of the record that holds the expression.
    fn field(&self, index: u32) -> Option<i128>;

    /// What the function returned.
    fn returned(&self) -> Option<i128>;

    /// The size of a type of the frame; only a layout knows it.
    fn size_of(&self, _ty: TypeId) -> Option<i128> {
        None
    }

    /// In a callback: the integer passed as parameter `index` of the function it was given to.
    fn outer(&self, index: u32) -> Option<i128> {
        let _ = index;
        None
    }
}

/// Why an expression has no value for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EvaluationError {
    /// A result needs more than 128 bits.
    #[error("the arithmetic overflows")]
    Overflow,
    /// Division by zero.
    #[error("it divides by zero")]
    DivisionByZero,
    /// Parameter `index` (from 0) has no integer value.
    #[error("parameter {} has no value", .0 + 1)]
    NoParameter(u32),
    /// Pointer parameter `index` (from 0) is NULL or leads to nothing yet.
    #[error("parameter {} leads to no value", .0 + 1)]
    NoPointee(u32),
    /// Field `index` (from 0) of the record has no integer value.
    #[error("field {} of the record has no value", .0 + 1)]
    NoField(u32),
    /// In a callback: parameter `index` (from 0) of the outer function had no integer value.
    #[error("parameter {} of the outer function has no value", .0 + 1)]
    NoOuter(u32),
    /// The function has not returned yet, or returned no integer.
    #[error("the function has not returned a value")]
    NoReturn,
    /// The size of a record is not known without a layout.
    #[error("the size of a record is not known here")]
    NoSize,
    /// Only the VM can ask another function of the library.
    #[error("another function must be asked for it")]
    Unasked,
    /// The operations do not form an expression: a mistake of whoever built it.
    #[error("the expression is malformed")]
    Malformed,
}

impl Expression {
    /// The postfix operations, in the order of evaluation.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The value for one call; sizes of types are those of `model`.
    pub fn evaluate(
        &self,
        environment: &impl Environment,
        model: &DataModel,
    ) -> Result<i128, EvaluationError> {
        let mut stack = Vec::with_capacity(self.operations.len().min(8));
        for operation in &self.operations {
            let value = match operation {
                Operation::Negate => pop(&mut stack)?
                    .checked_neg()
                    .ok_or(EvaluationError::Overflow)?,
                Operation::Add
                | Operation::Subtract
                | Operation::Multiply
                | Operation::Divide
                | Operation::Compare(_) => {
                    let right = pop(&mut stack)?;
                    let left = pop(&mut stack)?;
                    combine(operation, left, right)?
                }
                leaf => fetch(leaf, environment, model)?,
            };
            stack.push(value);
        }
        let value = pop(&mut stack)?;
        if stack.is_empty() {
            Ok(value)
        } else {
            Err(EvaluationError::Malformed)
        }
    }

    /// The value, where it depends on neither the call nor the data model.
    pub fn constant(&self) -> Option<i128> {
        if self
            .operations
            .iter()
            .any(|operation| matches!(operation, Operation::SizeOf(_) | Operation::SizeOfType(_)))
        {
            return None;
        }
        self.evaluate(&NoValues, &DataModel::LP64).ok()
    }

    /// The other functions of the library that it asks.
    pub fn queries(&self) -> impl Iterator<Item = &Query> {
        self.operations
            .iter()
            .filter_map(|operation| match operation {
                Operation::Query(query) => Some(query),
                _ => None,
            })
    }

    /// The expression with what `ask` answers in place of its queries.
    ///
    /// # Errors
    /// That of `ask`.
    pub(crate) fn answered<E>(
        &self,
        mut ask: impl FnMut(&Query) -> Result<i128, E>,
    ) -> Result<Expression, E> {
        let answer = |operation: &Operation| match operation {
            Operation::Query(query) => ask(query).map(Operation::Constant),
            other => Ok(other.clone()),
        };
        let operations = self.operations.iter().map(answer);
        Ok(Expression {
            operations: operations.collect::<Result<_, E>>()?,
        })
    }

    /// Whether any operation satisfies `test`.
    pub fn mentions(&self, test: impl Fn(&Operation) -> bool) -> bool {
        self.operations.iter().any(test)
    }
}

/// The environment of constant expressions.
pub(crate) struct NoValues;

impl Environment for NoValues {
    fn parameter(&self, _: u32) -> Option<i128> {
        None
    }

    fn pointee(&self, _: u32) -> Option<i128> {
        None
    }

    fn field(&self, _: u32) -> Option<i128> {
        None
    }

    fn returned(&self) -> Option<i128> {
        None
    }
}

fn pop(stack: &mut Vec<i128>) -> Result<i128, EvaluationError> {
    stack.pop().ok_or(EvaluationError::Malformed)
}

fn fetch(
    leaf: &Operation,
    environment: &impl Environment,
    model: &DataModel,
) -> Result<i128, EvaluationError> {
    match *leaf {
        Operation::Constant(value) => Ok(value),
        Operation::Parameter(index) => environment
            .parameter(index)
            .ok_or(EvaluationError::NoParameter(index)),
        Operation::Pointee(index) => environment
            .pointee(index)
            .ok_or(EvaluationError::NoPointee(index)),
        Operation::Field(index) => environment
            .field(index)
            .ok_or(EvaluationError::NoField(index)),
        Operation::Outer(index) => environment
            .outer(index)
            .ok_or(EvaluationError::NoOuter(index)),
        Operation::Return => environment.returned().ok_or(EvaluationError::NoReturn),
        Operation::SizeOf(scalar) => Ok(i128::from(model.scalar(scalar).size)),
        Operation::Query(_) => Err(EvaluationError::Unasked),
        Operation::SizeOfType(ty) => environment.size_of(ty).ok_or(EvaluationError::NoSize),
        _ => Err(EvaluationError::Malformed),
    }
}

fn combine(operation: &Operation, left: i128, right: i128) -> Result<i128, EvaluationError> {
    let result = match operation {
        Operation::Add => left.checked_add(right),
        Operation::Subtract => left.checked_sub(right),
        Operation::Multiply => left.checked_mul(right),
        Operation::Divide if right == 0 => return Err(EvaluationError::DivisionByZero),
        Operation::Divide => left.checked_div(right),
        Operation::Compare(comparison) => Some(i128::from(comparison.holds(left, right))),
        _ => return Err(EvaluationError::Malformed),
    };
    result.ok_or(EvaluationError::Overflow)
}

impl Comparison {
    /// Whether `left OP right` is true.
    pub fn holds(self, left: i128, right: i128) -> bool {
        match self {
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
            Comparison::Less => left < right,
            Comparison::LessOrEqual => left <= right,
            Comparison::Greater => left > right,
            Comparison::GreaterOrEqual => left >= right,
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Call<'a>(&'a [i128]);

    impl Environment for Call<'_> {
        fn parameter(&self, index: u32) -> Option<i128> {
            self.0.get(index as usize).copied()
        }

        fn pointee(&self, index: u32) -> Option<i128> {
            self.parameter(index)?.checked_add(1000)
        }

        fn field(&self, _: u32) -> Option<i128> {
            None
        }

        fn returned(&self) -> Option<i128> {
            Some(-1)
        }
    }

    fn evaluate(operations: Vec<Operation>, values: &[i128]) -> Result<i128, EvaluationError> {
        Expression { operations }.evaluate(&Call(values), &DataModel::LP64)
    }

    #[test]
    fn operations_find_their_values() {
        use Operation::*;
        assert_eq!(
            evaluate(vec![Parameter(1), Pointee(0), Add], &[5, 7]),
            Ok(1012)
        );
        assert_eq!(evaluate(vec![Return, Negate], &[]), Ok(1));
        assert_eq!(
            evaluate(vec![Constant(-7), Constant(2), Divide], &[]),
            Ok(-3)
        );
        assert_eq!(
            evaluate(vec![SizeOf(Scalar::Long), Constant(3), Multiply], &[]),
            Ok(24)
        );
    }

    #[test]
    fn what_has_no_value_is_an_error() {
        use Operation::*;
        assert_eq!(
            evaluate(vec![Parameter(2)], &[1]),
            Err(EvaluationError::NoParameter(2))
        );
        assert_eq!(
            evaluate(vec![Field(0)], &[]),
            Err(EvaluationError::NoField(0))
        );
        assert_eq!(
            evaluate(vec![Constant(1), Constant(0), Divide], &[]),
            Err(EvaluationError::DivisionByZero)
        );
        assert_eq!(
            evaluate(vec![Constant(i128::MIN), Constant(-1), Divide], &[]),
            Err(EvaluationError::Overflow)
        );
        assert_eq!(
            evaluate(vec![Constant(i128::MAX), Constant(1), Add], &[]),
            Err(EvaluationError::Overflow)
        );
        assert_eq!(evaluate(vec![], &[]), Err(EvaluationError::Malformed));
        assert_eq!(evaluate(vec![Add], &[]), Err(EvaluationError::Malformed));
        assert_eq!(
            evaluate(vec![Constant(1), Constant(2)], &[]),
            Err(EvaluationError::Malformed)
        );
    }

    proptest! {
        #[test]
        fn sizes_never_wrap(count in any::<u64>(), size in any::<u64>()) {
            use Operation::*;
            let product = evaluate(
                vec![Parameter(0), Parameter(1), Multiply],
                &[count.into(), size.into()],
            );
            prop_assert_eq!(product.ok(), i128::from(count).checked_mul(size.into()));
        }
    }
}
