//! The arithmetic of `__sized_by(…)`, `__counted_by(…)`, `__filled(…)` and `__success(…)`.
//!
//! An expression is compiled once, from its tokens to postfix operations, and evaluated against the
//! values of one call in checked 128-bit arithmetic: whatever a peer puts into a parameter, the
//! answer is a value or an [`Overflow`]-kind error, never a wrapped size.

use crate::types::Scalar;

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
    /// Push what the function returned.
    Return,
    /// Push the size of an arithmetic type under the callee's data model.
    SizeOf(Scalar),
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
