//! The value of an expression in one call.

use crate::DataModel;
use crate::expression::{Comparison, Expression, Operation};
use crate::template::scalar_layout;

/// Most values an expression has on its stack; a template refuses deeper ones.
pub(crate) const MAXIMUM_STACK: usize = 16;

/// What an expression asks the call for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    Parameter(u32),
    Pointee(u32),
    Field(u32),
    Return,
}

/// Why an expression has no value in this call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It follows a pointer that is NULL.
    Null,
    /// It needs something that this call does not have.
    Absent,
    /// A result beyond 128 bits, or a division by zero.
    Overflow,
}

/// Evaluates in checked 128-bit arithmetic; `sizeof` is under `model`, the callee's.
pub(super) fn evaluate(
    expression: &Expression,
    model: &DataModel,
    mut operand: impl FnMut(Operand) -> Result<i128, Failure>,
) -> Result<i128, Failure> {
    let mut stack = Stack {
        values: [0; MAXIMUM_STACK],
        depth: 0,
    };
    for operation in &expression.operations {
        match operation {
            Operation::Constant(value) => stack.push(*value)?,
            Operation::Parameter(index) => stack.push(operand(Operand::Parameter(*index))?)?,
            Operation::Pointee(index) => stack.push(operand(Operand::Pointee(*index))?)?,
            Operation::Field(index) => stack.push(operand(Operand::Field(*index))?)?,
            Operation::Return => stack.push(operand(Operand::Return)?)?,
            Operation::SizeOf(scalar) => {
                stack.push(i128::from(scalar_layout(model, *scalar).size))?;
            }
            Operation::Add => stack.binary(i128::checked_add)?,
            Operation::Subtract => stack.binary(i128::checked_sub)?,
            Operation::Multiply => stack.binary(i128::checked_mul)?,
            Operation::Divide => stack.binary(i128::checked_div)?,
            Operation::Compare(comparison) => {
                stack.binary(|left, right| Some(compare(*comparison, left, right)))?;
            }
            Operation::Negate => {
                let value = stack.pop()?.checked_neg().ok_or(Failure::Overflow)?;
                stack.push(value)?;
            }
        }
    }
    stack.pop()
}

fn compare(comparison: Comparison, left: i128, right: i128) -> i128 {
    i128::from(match comparison {
        Comparison::Equal => left == right,
        Comparison::NotEqual => left != right,
        Comparison::Less => left < right,
        Comparison::LessOrEqual => left <= right,
        Comparison::Greater => left > right,
        Comparison::GreaterOrEqual => left >= right,
    })
}

struct Stack {
    values: [i128; MAXIMUM_STACK],
    depth: usize,
}

impl Stack {
    fn push(&mut self, value: i128) -> Result<(), Failure> {
        *self.values.get_mut(self.depth).ok_or(Failure::Overflow)? = value;
        self.depth += 1;
        Ok(())
    }

    fn pop(&mut self) -> Result<i128, Failure> {
        self.depth = self.depth.checked_sub(1).ok_or(Failure::Absent)?;
        Ok(self.values[self.depth])
    }

    fn binary(&mut self, apply: impl Fn(i128, i128) -> Option<i128>) -> Result<(), Failure> {
        let right = self.pop()?;
        let left = self.pop()?;
        self.push(apply(left, right).ok_or(Failure::Overflow)?)
    }
}
