//! Expressions with their names bound to parameters, members and constants.

use super::parameters::Value;
use super::pointers::Moment;
use super::{Need, Place, Resolved, Resolver, Root, advice};
use crate::error::{Code, PrototypeError};
use crate::expression::{EvaluationError, Expression, NoValues, Operation, Query};
use crate::model::DataModel;
use crate::syntax::expressions::arithmetic;
use crate::syntax::raw::{Name, RawExpression, RawOperation, Shape};
use crate::syntax::token::Span;
use crate::types::{Extent, Identity, Parameter, Pointer, Scalar, Type};

impl Resolver<'_> {
    /// The expression as it is evaluated at `moment`.
    pub(super) fn bind(
        &mut self,
        raw: &RawExpression,
        moment: Moment,
        place: Place,
    ) -> Resolved<Expression> {
        let mut operations = Vec::with_capacity(raw.operations.len());
        for (operation, span) in &raw.operations {
            let span = span.or(place.span);
            operations.push(match operation {
                RawOperation::Name(name) => self.name(name, span, place)?,
                RawOperation::Pointee(name) => self.pointee(name, span, moment, place)?,
                RawOperation::Return => self.returned(span, moment, place)?,
                RawOperation::Query(function, arguments) => {
                    self.query(function, arguments, span, moment, place)?
                }
                RawOperation::SizeOfRecord(key) => {
                    let views = std::mem::take(&mut self.views);
                    let size = Operation::SizeOfType(self.record(*key, span, place)?);
                    self.views = views;
                    size
                }
                other => arithmetic(other).unwrap_or(Operation::Constant(0)),
            });
        }
        let expression = Expression { operations };
        self.check_constant(&expression, raw.span.or(place.span))?;
        Ok(expression)
    }

    /// The index of a parameter that an annotation names.
    pub(super) fn parameter_index(&self, name: &Name, span: Span) -> Resolved<u32> {
        let known = self.known.iter();
        let index = known
            .zip(0_u32..)
            .find(|(known, _)| known.name == name.text);
        match index {
            Some((_, index)) => Ok(index),
            None => {
                let names = self.known.iter().map(|known| known.name.as_str());
                Err(advice::unknown_name(
                    &name.text,
                    name.span.or(span),
                    names,
                    "parameter",
                ))
            }
        }
    }

    fn name(&self, name: &str, span: Span, place: Place) -> Resolved<Operation> {
        if let Some(fields) = place.fields {
            let index = fields
                .iter()
                .zip(0_u32..)
                .find(|(field, _)| field.name == name);
            if let Some((field, index)) = index {
                return match field.integer {
                    true => Ok(Operation::Field(index)),
                    false => Err(advice::no_value(span, &format!("'{name}' is no integer"))),
                };
            }
            let names = fields.iter().map(|field| field.name.as_str());
            return self
                .constant(name)
                .ok_or_else(|| advice::unknown_name(name, span, names, "member"));
        }
        let index = self
            .known
            .iter()
            .zip(0_u32..)
            .find(|(known, _)| known.name == name);
        match index {
            Some((known, index)) => match known.value {
                Value::Integer => Ok(Operation::Parameter(index)),
                Value::Pointee(_) => Err(advice::no_value(span, &format!("'{name}' is a pointer"))
                    .help(format!("what it leads to is `*{name}`"))),
                Value::None => Err(advice::no_value(span, &format!("'{name}' is no integer"))),
            },
            None => self.beyond(name, span),
        }
    }

    /// A name that is no parameter's: a constant, or an integer of the function that a callback is
    /// given to.
    fn beyond(&self, name: &str, span: Span) -> Resolved<Operation> {
        let outer = self.outer.as_deref().unwrap_or_default();
        let known = outer.iter().zip(0_u32..).find(|(it, _)| it.name == name);
        if let Some((known, index)) = known {
            return match known.value {
                Value::Integer => Ok(Operation::Outer(index)),
                _ => Err(advice::no_value(
                    span,
                    &format!("'{name}' of the outer function is no integer"),
                )),
            };
        }
        self.constant(name).ok_or_else(|| {
            let names = self.known.iter().chain(outer);
            let names = names.map(|known| known.name.as_str());
            advice::unknown_name(name, span, names, "parameter")
        })
    }

    fn constant(&self, name: &str) -> Option<Operation> {
        let value = match name {
            "NULL" => Some(0),
            _ => self.scope.constant(name),
        };
        value.map(Operation::Constant)
    }

    fn pointee(
        &mut self,
        name: &str,
        span: Span,
        moment: Moment,
        place: Place,
    ) -> Resolved<Operation> {
        if place.fields.is_some() {
            return Err(advice::no_value(
                span,
                "a member's annotation reads members only",
            ));
        }
        let own = Name {
            text: name.to_owned(),
            span,
        };
        let index = self.parameter_index(&own, span)?;
        let value = self.known.get(index as usize).map(|known| known.value);
        let Some(Value::Pointee(direction)) = value else {
            return Err(advice::no_value(
                span,
                &format!("'{name}' leads to no integer"),
            ));
        };
        if moment == Moment::Before && !direction.enters() {
            return Err(advice::no_value(
                span,
                &format!("'*{name}' has no value before the call: '{name}' is __out"),
            )
            .help("make it `__inout` if its value before the call is the capacity"));
        }
        if place.root == Root::Parameter(index) {
            return Err(advice::no_value(
                span,
                &format!("'{name}' cannot measure itself"),
            ));
        }
        self.needs.push((index, span, Need::Integer));
        Ok(Operation::Pointee(index))
    }

    fn returned(&self, span: Span, moment: Moment, place: Place) -> Resolved<Operation> {
        if place.fields.is_some() {
            return Err(advice::no_value(
                span,
                "a member's annotation reads members only",
            ));
        }
        if moment == Moment::Before {
            return Err(advice::no_value(
                span,
                "nothing has been returned before the call",
            ));
        }
        if !self.returns_integer {
            return Err(advice::no_value(span, "the function returns no integer"));
        }
        Ok(Operation::Return)
    }

    /// What another function of the library answers once this one has returned.
    fn query(
        &self,
        function: &str,
        arguments: &[String],
        span: Span,
        moment: Moment,
        place: Place,
    ) -> Resolved<Operation> {
        let wrong = |message: &str| Err(advice::no_query(span, message));
        if moment != Moment::Returned || place.fields.is_some() || self.outer.is_some() {
            return wrong("only how large it is what comes back can be asked of another function");
        }
        let result = match self.scope.function(function).map(|result| &result.shape) {
            None => Scalar::Int,
            Some(Shape::Scalar(scalar)) if scalar.is_integer() => *scalar,
            Some(_) => return wrong(&format!("'{function}' returns no integer")),
        };
        let mut indices = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let name = Name {
                text: argument.clone(),
                span,
            };
            indices.push(self.parameter_index(&name, span)?);
        }
        Ok(Operation::Query(Query {
            function: function.to_owned(),
            arguments: indices,
            result,
        }))
    }

    /// A constant expression must have a value, and as a size none below zero.
    fn check_constant(&self, expression: &Expression, span: Span) -> Resolved<()> {
        let problem = match expression.evaluate(&NoValues, &DataModel::LP64) {
            Err(EvaluationError::Overflow) => "this overflows",
            Err(EvaluationError::DivisionByZero) => "this divides by zero",
            Ok(value) if value < 0 => "a size cannot be negative",
            _ => return Ok(()),
        };
        Err(PrototypeError::new(Code::E0121, span.range(), problem).label("not a size"))
    }

    /// Parameters that others name must have turned out to be what those need.
    pub(super) fn check_needs(&self, parameters: &[Parameter]) -> Resolved<()> {
        for &(index, span, need) in &self.needs {
            let Some(parameter) = parameters.get(index as usize) else {
                continue;
            };
            let pointer = match self.types.get(parameter.ty.0 as usize) {
                Some(Type::Pointer(pointer)) => Some(pointer),
                _ => None,
            };
            self.check_need(need, pointer, &parameter.name, span)?;
        }
        Ok(())
    }

    fn check_need(
        &self,
        need: Need,
        pointer: Option<&Pointer>,
        name: &str,
        span: Span,
    ) -> Resolved<()> {
        let identity = pointer.map(|pointer| &pointer.identity);
        let data = identity == Some(&Identity::Data);
        let single = pointer.is_some_and(|pointer| pointer.extent == Extent::Single);
        match need {
            Need::Data if !data => {
                let message = format!("'{name}' leads to no data that is copied");
                Err(advice::alias(span, &message))
            }
            Need::Integer if !data || !single => {
                let message = format!("'{name}' does not lead to one integer that is copied");
                Err(advice::no_value(span, &message))
            }
            Need::Handle if !matches!(identity, Some(Identity::Handle(_))) => {
                let message = format!("'{name}' is no handle");
                Err(advice::handle_place(span, &message))
            }
            Need::EndOf(begin) if identity != Some(&Identity::Alias(begin)) => {
                let message = format!("'{name}' cannot be the end of another parameter");
                Err(advice::no_end(span, &message))
            }
            Need::Scope if !matches!(identity, Some(Identity::Handle(_))) => {
                Err(advice::scope(span, &format!("'{name}' is no handle")))
            }
            Need::Keeper if !is_keeper(pointer) => {
                let message = format!("'{name}' is no handle, and no record that comes back");
                Err(advice::not_kept(span, &message))
            }
            _ => Ok(()),
        }
    }
}

/// Whether data can be kept for it: for a handle, or for what a record that comes back holds.
fn is_keeper(pointer: Option<&Pointer>) -> bool {
    pointer.is_some_and(|pointer| match pointer.identity {
        Identity::Handle(_) => true,
        Identity::Data => pointer.direction.leaves(),
        _ => false,
    })
}
