//! Expressions with no more parentheses than they need.

use super::{Names, Printer};
use crate::expression::{Expression, Operation};

impl Printer<'_> {
    pub(super) fn expression(&self, expression: &Expression) -> String {
        let mut stack: Vec<(String, Binding)> = Vec::new();
        for operation in &expression.operations {
            let piece = match operation {
                Operation::Negate => {
                    let (text, binding) = pop(&mut stack);
                    let inner = if binding == Binding::Primary {
                        text
                    } else {
                        format!("({text})")
                    };
                    (format!("-{inner}"), Binding::Unary)
                }
                Operation::Add => binary(&mut stack, "+", Binding::Sum),
                Operation::Subtract => binary(&mut stack, "-", Binding::Sum),
                Operation::Multiply => binary(&mut stack, "*", Binding::Product),
                Operation::Divide => binary(&mut stack, "/", Binding::Product),
                Operation::Compare(comparison) => {
                    use crate::expression::Comparison::{Equal, NotEqual};
                    let binding = match comparison {
                        Equal | NotEqual => Binding::Equality,
                        _ => Binding::Relation,
                    };
                    binary(&mut stack, &comparison.to_string(), binding)
                }
                leaf => self.leaf(leaf),
            };
            stack.push(piece);
        }
        pop(&mut stack).0
    }

    fn leaf(&self, leaf: &Operation) -> (String, Binding) {
        let parameter = |index: u32| match self.names {
            Names::Parameters(parameters) => parameters
                .get(index as usize)
                .map_or("", |parameter| parameter.name.as_str()),
            Names::Fields(_) => "",
        };
        match *leaf {
            Operation::Constant(value) if value < 0 => (value.to_string(), Binding::Unary),
            Operation::Constant(value) => (value.to_string(), Binding::Primary),
            Operation::Parameter(index) => (parameter(index).to_owned(), Binding::Primary),
            Operation::Outer(index) => {
                let known = self.outer.get(index as usize);
                let name = known.map_or("", |parameter| parameter.name.as_str());
                (name.to_owned(), Binding::Primary)
            }
            Operation::Pointee(index) => (format!("*{}", parameter(index)), Binding::Unary),
            Operation::Field(index) => {
                let name = match self.names {
                    Names::Fields(fields) => {
                        fields.get(index as usize).map_or("", |field| &field.name)
                    }
                    Names::Parameters(_) => "",
                };
                (name.to_owned(), Binding::Primary)
            }
            Operation::SizeOf(scalar) => (format!("sizeof({})", scalar.c_name()), Binding::Primary),
            Operation::Query(ref query) => {
                let names: Vec<&str> = query
                    .arguments
                    .iter()
                    .map(|it| self.parameter(*it))
                    .collect();
                let text = format!("{}({})", query.function, names.join(", "));
                (text, Binding::Primary)
            }
            Operation::SizeOfType(ty) => {
                let text = format!("sizeof({})", self.declare(ty, false, ""));
                (text, Binding::Primary)
            }
            _ => ("return".to_owned(), Binding::Primary),
        }
    }
}

/// How tightly a piece of an expression binds; pieces of looser binding get parentheses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Equality,
    Relation,
    Sum,
    Product,
    Unary,
    Primary,
}

/// The two topmost pieces joined; operators of one binding group to the left.
fn binary(stack: &mut Vec<(String, Binding)>, operator: &str, own: Binding) -> (String, Binding) {
    let (right, right_binding) = pop(stack);
    let (left, left_binding) = pop(stack);
    let left = if left_binding < own {
        format!("({left})")
    } else {
        left
    };
    let right = if right_binding <= own {
        format!("({right})")
    } else {
        right
    };
    (format!("{left} {operator} {right}"), own)
}

/// The topmost piece. A malformed expression prints as something rather than not at all.
fn pop(stack: &mut Vec<(String, Binding)>) -> (String, Binding) {
    stack.pop().unwrap_or((String::new(), Binding::Primary))
}
