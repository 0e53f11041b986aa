//! Expressions of annotations and array bounds, to postfix operations.
//!
//! ```text
//! comparison := relation (("==" | "!=") relation)*          only in __success
//! relation   := sum (("<" | "<=" | ">" | ">=") sum)*        only in __success
//! sum        := product (("+" | "-") product)*
//! product    := unary (("*" | "/") unary)*
//! unary      := ("-" | "+") unary | "*" name | primary
//! primary    := integer | name | "return" | "sizeof" "(" type ")" | "(" comparison ")"
//! ```

use super::parser::{Parsed, Parser};
use super::raw::{RawExpression, RawOperation, RawType, Shape};
use super::records::MAXIMUM_LENGTH;
use super::scope::Scope;
use super::token::{Kind, Span};
use crate::error::Code;
use crate::expression::{Comparison, Expression, MAXIMUM_OPERATIONS, NoValues, Operation};
use crate::model::DataModel;
use crate::types::Scalar;

/// The expression being built.
struct Building {
    operations: Vec<(RawOperation, Span)>,
    comparisons: bool,
}

impl Parser<'_, '_> {
    /// An expression without comparisons: a size.
    pub(super) fn expression(&mut self) -> Parsed<RawExpression> {
        self.whole_expression(false)
    }

    /// An expression that may compare: a condition.
    pub(super) fn condition(&mut self) -> Parsed<RawExpression> {
        self.whole_expression(true)
    }

    /// An integer known while parsing.
    pub(super) fn constant(&mut self, what: &str) -> Parsed<(i128, Span)> {
        let expression = self.expression()?;
        match constant_value(self.scope, &expression) {
            Ok(value) => Ok((value, expression.span)),
            Err(Some(overflow)) => Err(self.error(Code::E0121, expression.span, overflow)),
            Err(None) => Err(self
                .error(
                    Code::E0121,
                    expression.span,
                    format!("{what} must be a constant"),
                )
                .label("not an integer constant")),
        }
    }

    fn whole_expression(&mut self, comparisons: bool) -> Parsed<RawExpression> {
        let start = self.span();
        let mut building = Building {
            operations: Vec::new(),
            comparisons,
        };
        self.comparison(&mut building)?;
        let span = start.to(self.last_span());
        Ok(RawExpression {
            operations: building.operations,
            span,
        })
    }

    fn push(&self, building: &mut Building, operation: RawOperation, span: Span) -> Parsed<()> {
        if building.operations.len() >= MAXIMUM_OPERATIONS {
            return Err(self.error(
                Code::E0130,
                span,
                "this expression has more than 256 operations",
            ));
        }
        building.operations.push((operation, span));
        Ok(())
    }

    fn comparison(&mut self, building: &mut Building) -> Parsed<()> {
        self.relation(building)?;
        while let Some(comparison) = self.comparison_operator(&["==", "!="], building)? {
            let span = self.last_span();
            self.relation(building)?;
            self.push(building, RawOperation::Compare(comparison), span)?;
        }
        Ok(())
    }

    fn relation(&mut self, building: &mut Building) -> Parsed<()> {
        self.sum(building)?;
        while let Some(comparison) = self.comparison_operator(&["<", "<=", ">", ">="], building)? {
            let span = self.last_span();
            self.sum(building)?;
            self.push(building, RawOperation::Compare(comparison), span)?;
        }
        Ok(())
    }

    fn comparison_operator(
        &mut self,
        accepted: &[&str],
        building: &Building,
    ) -> Parsed<Option<Comparison>> {
        let Kind::Punctuation(text) = self.peek() else {
            return Ok(None);
        };
        let comparison = match text {
            "==" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => return Ok(None),
        };
        if !accepted.contains(&text) {
            return Ok(None);
        }
        if !building.comparisons {
            return Err(self
                .error(Code::E0104, self.span(), "a size cannot be a comparison")
                .label("comparisons belong in __success(..)"));
        }
        self.advance();
        Ok(Some(comparison))
    }

    fn sum(&mut self, building: &mut Building) -> Parsed<()> {
        self.product(building)?;
        loop {
            let operation = match self.peek() {
                Kind::Punctuation("+") => RawOperation::Add,
                Kind::Punctuation("-") => RawOperation::Subtract,
                _ => return Ok(()),
            };
            let span = self.span();
            self.advance();
            self.product(building)?;
            self.push(building, operation, span)?;
        }
    }

    fn product(&mut self, building: &mut Building) -> Parsed<()> {
        self.unary(building)?;
        loop {
            let operation = match self.peek() {
                Kind::Punctuation("*") => RawOperation::Multiply,
                Kind::Punctuation("/") => RawOperation::Divide,
                _ => return Ok(()),
            };
            let span = self.span();
            self.advance();
            self.unary(building)?;
            self.push(building, operation, span)?;
        }
    }

    fn unary(&mut self, building: &mut Building) -> Parsed<()> {
        let span = self.span();
        if self.eat("-") {
            let before = building.operations.len();
            self.nested(|parser| parser.unary(building))?;
            // A negative constant is one constant, so that printing it and reading it agree.
            if let [(RawOperation::Constant(value), place)] = &mut building.operations[before..] {
                *value = -*value;
                *place = span.to(*place);
                return Ok(());
            }
            return self.push(building, RawOperation::Negate, span);
        }
        if self.eat("+") {
            return self.nested(|parser| parser.unary(building));
        }
        if self.eat("*") {
            let (name, end) = self.expect_name("a parameter's name")?;
            return self.push(
                building,
                RawOperation::Pointee(name.to_owned()),
                span.to(end),
            );
        }
        self.nested(|parser| parser.primary(building))
    }

    fn primary(&mut self, building: &mut Building) -> Parsed<()> {
        let span = self.span();
        match self.peek() {
            Kind::Integer(value) => {
                self.advance();
                self.push(building, RawOperation::Constant(value), span)
            }
            Kind::Word("return") => {
                self.advance();
                self.push(building, RawOperation::Return, span)
            }
            Kind::Word("sizeof") => {
                self.advance();
                self.size_of(building, span)
            }
            Kind::Punctuation("(") => {
                self.advance();
                if self.at_type() {
                    return Err(self
                        .error(Code::E0104, self.span(), "an expression has no casts")
                        .label("a type")
                        .note("arithmetic is exact, so that casts are not needed"));
                }
                self.comparison(building)?;
                self.expect(")", "to close the parenthesis")?;
                Ok(())
            }
            Kind::Word(_) => {
                let (name, _) = self.expect_name("a parameter, a constant or `return`")?;
                if self.at("(") {
                    return self.query(building, name, span);
                }
                self.push(building, RawOperation::Name(name.to_owned()), span)
            }
            _ => Err(self.unexpected("a parameter, a constant or `return`")),
        }
    }

    /// `fn(a, b)`: another function, asked with parameters.
    fn query(&mut self, building: &mut Building, name: &str, start: Span) -> Parsed<()> {
        self.advance();
        let mut arguments = Vec::new();
        while !self.at(")") {
            let (argument, _) = self.expect_name("a parameter's name")?;
            arguments.push(argument.to_owned());
            if !self.eat(",") {
                break;
            }
        }
        let end = self.expect(")", "to close the arguments")?;
        let query = RawOperation::Query(name.to_owned(), arguments);
        self.push(building, query, start.to(end))
    }

    fn size_of(&mut self, building: &mut Building, start: Span) -> Parsed<()> {
        self.expect("(", "after sizeof")?;
        if !self.at_type() {
            return Err(self.unexpected("a type"));
        }
        let ty = self.type_name()?;
        let span = start.to(self.expect(")", "to close sizeof")?);
        let mut element = &ty;
        let mut lengths = Vec::new();
        while let Shape::Array(inner, bound) = &element.shape {
            let length = bound
                .as_ref()
                .map(|bound| constant_value(self.scope, bound));
            let Some(Ok(length @ 1..=MAXIMUM_LENGTH)) = length else {
                return Err(self.error(Code::E0121, span, "the size of this array is not known"));
            };
            lengths.push(length);
            element = inner;
        }
        let size = self.sized(element, span)?;
        self.push(building, size, span)?;
        for length in lengths {
            self.push(building, RawOperation::Constant(length), span)?;
            self.push(building, RawOperation::Multiply, span)?;
        }
        Ok(())
    }

    /// The size of a type that is no array.
    fn sized(&self, ty: &RawType, span: Span) -> Parsed<RawOperation> {
        match &ty.shape {
            Shape::Scalar(scalar) => Ok(RawOperation::SizeOf(*scalar)),
            Shape::Pointer(_) => Ok(RawOperation::SizeOf(Scalar::UIntPointer)),
            Shape::Record(key) => Ok(RawOperation::SizeOfRecord(*key)),
            _ => Err(self
                .error(Code::E0112, span, "this type has no size")
                .label("no size")),
        }
    }
}

/// The value of an expression of constants; `Err(None)` if it is something else.
pub(crate) fn constant_value(
    scope: &Scope,
    expression: &RawExpression,
) -> Result<i128, Option<String>> {
    let mut operations = Vec::with_capacity(expression.operations.len());
    for (operation, _) in &expression.operations {
        operations.push(match operation {
            RawOperation::Constant(value) => Operation::Constant(*value),
            RawOperation::Name(name) => Operation::Constant(scope.constant(name).ok_or(None)?),
            RawOperation::SizeOf(Scalar::Char) => Operation::Constant(1),
            RawOperation::SizeOf(_)
            | RawOperation::SizeOfRecord(_)
            | RawOperation::Query(..)
            | RawOperation::Return => {
                return Err(None);
            }
            other => arithmetic(other).ok_or(None)?,
        });
    }
    Expression { operations }
        .evaluate(&NoValues, &DataModel::LP64)
        .map_err(|error| Some(format!("this constant has no value: {error}")))
}

/// The operations that mean the same before and after names are bound.
pub(crate) fn arithmetic(operation: &RawOperation) -> Option<Operation> {
    Some(match operation {
        RawOperation::Constant(value) => Operation::Constant(*value),
        RawOperation::Add => Operation::Add,
        RawOperation::Subtract => Operation::Subtract,
        RawOperation::Multiply => Operation::Multiply,
        RawOperation::Divide => Operation::Divide,
        RawOperation::Negate => Operation::Negate,
        RawOperation::Compare(comparison) => Operation::Compare(*comparison),
        RawOperation::SizeOf(scalar) => Operation::SizeOf(*scalar),
        RawOperation::Return => Operation::Return,
        RawOperation::Name(_)
        | RawOperation::Pointee(_)
        | RawOperation::SizeOfRecord(_)
        | RawOperation::Query(..) => {
            return None;
        }
    })
}
