//! The annotations: `__out`, `__sized_by(n)` ..., also spelled `[[cosmos::out]]`.
//!
//! Every annotation of the language is read with its own arguments, also those that cannot be
//! carried yet: the latter leave a note of where they stood, and the declaration is refused once it
//! has been read whole.

use super::parser::{Parsed, Parser};
use super::raw::{Annotation, AnnotationKind, Name, RawExtent, RawVariadic};
use super::token::{Kind, Span};
use super::words;
use crate::error::{Code, PrototypeError};
use crate::types::{Direction, FailValue};

/// All annotations without their leading underscores; those of the second list take arguments.
const BARE: &[&str] = &[
    "in",
    "out",
    "inout",
    "null_terminated",
    "null_terminated_or_null",
    "single",
    "single_or_null",
    "handle",
    "consume",
    "opaque",
    "borrowed",
    "static",
    "fd",
    "noerrno",
    "idempotent",
    "noreturn",
    "nocallback",
    "sentinel",
];
const WITH_ARGUMENTS: &[&str] = &[
    "counted_by",
    "counted_by_or_null",
    "sized_by",
    "sized_by_or_null",
    "ended_by",
    "ended_by_or_null",
    "terminated_by",
    "terminated_by_or_null",
    "filled",
    "closed_by",
    "owned",
    "borrowed_from",
    "retained",
    "alias",
    "scope",
    "or_const",
    "printf",
    "variadic",
    "variadic_by",
    "switch",
    "case",
    "case_range",
    "success",
    "fail",
    "timeout",
    "cursor",
    "field",
];

/// Whether `word` is an annotation in its macro spelling.
pub(crate) fn is_annotation(word: &str) -> bool {
    word.strip_prefix("__").is_some_and(is_known)
}

/// Whether the annotation `word` has arguments.
pub(super) fn takes_arguments(word: &str) -> bool {
    word.strip_prefix("__")
        .is_some_and(|name| WITH_ARGUMENTS.contains(&name))
}

/// Whether `word` speaks of a function, not of a pointer.
pub(super) fn speaks_of_function(word: &str) -> bool {
    const OF_FUNCTION: &[&str] = &[
        "__success",
        "__fail",
        "__noerrno",
        "__idempotent",
        "__noreturn",
        "__nocallback",
        "__printf",
        "__sentinel",
        "__variadic",
        "__variadic_by",
        "__field",
        "__timeout",
    ];
    OF_FUNCTION.contains(&word)
}

fn is_known(name: &str) -> bool {
    BARE.contains(&name) || WITH_ARGUMENTS.contains(&name)
}

impl Parser<'_, '_> {
    /// Annotations and attributes, as many as stand here.
    pub(super) fn annotations(&mut self, into: &mut Vec<Annotation>) -> Parsed<()> {
        while self.attribute_specifier(into)? {}
        Ok(())
    }

    /// Whether the current `word` is an annotation: one that takes arguments is a mere name where
    /// none can follow, as in glibc's `int __timeout)`.
    pub(super) fn is_annotation_here(&self, word: &str) -> bool {
        let Some(name) = word.strip_prefix("__") else {
            return false;
        };
        let ends = matches!(
            self.peek_at(1),
            Kind::End | Kind::Punctuation("," | ")" | ";" | "[")
        );
        BARE.contains(&name) || WITH_ARGUMENTS.contains(&name) && !ends
    }

    /// An annotation whose name, without underscores, is the word just read.
    pub(super) fn annotation(
        &mut self,
        name: &str,
        start: Span,
        into: &mut Vec<Annotation>,
    ) -> Parsed<()> {
        if !is_known(name) {
            return Err(self.unknown_annotation(name, start));
        }
        let arguments = WITH_ARGUMENTS.contains(&name);
        let kind = if arguments {
            self.expect("(", &format!("after `__{name}`"))
                .map_err(|error| self.wrong_arguments(name, start, error))?;
            let kind = self.nested(|parser| parser.with_arguments(name))?;
            self.expect(")", &format!("to close `__{name}`"))?;
            kind
        } else {
            self.bare(name)
        };
        let span = start.to(self.last_span());
        if let Some(kind) = kind {
            into.push(Annotation { kind, span });
        }
        Ok(())
    }

    fn bare(&mut self, name: &str) -> Option<AnnotationKind> {
        Some(match name {
            "in" => AnnotationKind::Direction(Direction::In),
            "out" => AnnotationKind::Direction(Direction::Out),
            "inout" => AnnotationKind::Direction(Direction::InOut),
            "null_terminated" | "null_terminated_or_null" => {
                AnnotationKind::Extent(RawExtent::NullTerminated)
            }
            "single" | "single_or_null" => AnnotationKind::Extent(RawExtent::Single),
            "handle" => AnnotationKind::Handle,
            "consume" => AnnotationKind::Consume,
            "opaque" => AnnotationKind::Opaque,
            "borrowed" => AnnotationKind::Borrowed,
            "static" => AnnotationKind::Static,
            "fd" => AnnotationKind::Descriptor,
            "noerrno" => AnnotationKind::NoErrno,
            "idempotent" => AnnotationKind::Idempotent,
            "noreturn" => AnnotationKind::NoReturn,
            "nocallback" => AnnotationKind::NoCallback,
            "sentinel" => AnnotationKind::Variadic(RawVariadic::Sentinel),
            _ => return None,
        })
    }

    fn with_arguments(&mut self, name: &str) -> Parsed<Option<AnnotationKind>> {
        Ok(Some(match name {
            "counted_by" | "counted_by_or_null" => {
                AnnotationKind::Extent(RawExtent::Counted(self.expression()?))
            }
            "sized_by" | "sized_by_or_null" => {
                AnnotationKind::Extent(RawExtent::Sized(self.expression()?))
            }
            "terminated_by" | "terminated_by_or_null" => {
                AnnotationKind::Extent(RawExtent::TerminatedBy(self.constant("a terminator")?.0))
            }
            "ended_by" | "ended_by_or_null" => {
                AnnotationKind::Extent(RawExtent::EndedBy(self.parameter_name()?))
            }
            "filled" => AnnotationKind::Filled(self.expression()?),
            "closed_by" => AnnotationKind::ClosedBy(self.function_name()?),
            "owned" => AnnotationKind::Owned(self.function_name()?),
            "alias" => AnnotationKind::Alias(self.parameter_name()?),
            "retained" => AnnotationKind::Retained(self.parameter_name()?),
            "borrowed_from" => AnnotationKind::BorrowedFrom(self.parameter_name()?),
            "or_const" => AnnotationKind::OrConst(self.constants()?),
            "field" => self.field_path()?,
            "switch" => AnnotationKind::Switch(self.parameter_name()?),
            "case" => AnnotationKind::Case(self.constants()?),
            "scope" => AnnotationKind::Scope(self.parameter_name()?),
            "case_range" => {
                let first = self.constant("the first value")?.0;
                self.expect(",", "between the first and the last value")?;
                let last = self.constant("the last value")?.0;
                AnnotationKind::CaseRange(first, last)
            }
            "variadic_by" => AnnotationKind::Variadic(RawVariadic::By(self.parameter_name()?)),
            "success" => AnnotationKind::Success(self.condition()?),
            "fail" => AnnotationKind::Fail(self.fail_value()?),
            "timeout" => AnnotationKind::Timeout(self.constant("a time limit")?.0),
            "printf" => {
                let format = self.constant("a position")?.0;
                self.expect(",", "between the two positions")?;
                let first = self.constant("a position")?.0;
                AnnotationKind::Variadic(RawVariadic::Printf(format, first))
            }
            "variadic" => {
                let fixed = self.constant("the number of fixed parameters")?.0;
                AnnotationKind::Variadic(RawVariadic::Fixed(fixed))
            }
            _ => {
                let next = self.parameter_name()?;
                self.expect(",", "between the pointer and what is left")?;
                AnnotationKind::Cursor(next, self.parameter_name()?)
            }
        }))
    }

    fn constants(&mut self) -> Parsed<Vec<i128>> {
        let mut constants = vec![self.constant("this value")?.0];
        while self.eat(",") {
            constants.push(self.constant("this value")?.0);
        }
        Ok(constants)
    }

    /// `iov->iov_base, __out __sized_by(iov_len)`
    fn field_path(&mut self) -> Parsed<AnnotationKind> {
        let mut path = vec![self.parameter_name()?];
        while self.eat("->") || self.eat(".") {
            let (text, span) = self.expect_name("a member's name")?;
            path.push(Name {
                text: text.to_owned(),
                span,
            });
        }
        if path.len() < 2 {
            return Err(self.unexpected("`->` and a member's name"));
        }
        self.expect(",", "between the member and its annotations")?;
        let mut annotations = Vec::new();
        self.annotations(&mut annotations)?;
        if annotations.is_empty() {
            return Err(self.unexpected("the member's annotations"));
        }
        Ok(AnnotationKind::Field(path, annotations))
    }

    fn function_name(&mut self) -> Parsed<String> {
        Ok(self.expect_name("a function's name")?.0.to_owned())
    }

    fn parameter_name(&mut self) -> Parsed<Name> {
        let (text, span) = self.expect_name("a parameter's name")?;
        Ok(Name {
            text: text.to_owned(),
            span,
        })
    }

    fn fail_value(&mut self) -> Parsed<FailValue> {
        let sign = |negative: bool, value: f64| if negative { -value } else { value };
        let negative = self.at("-");
        let value = match self.peek_at(usize::from(negative)) {
            Kind::Float(value) => sign(negative, value),
            Kind::Word("NAN") => f64::NAN,
            Kind::Word("INFINITY") => sign(negative, f64::INFINITY),
            Kind::Word("NULL") if !negative => {
                self.advance();
                return Ok(FailValue::Integer(0));
            }
            _ => return Ok(FailValue::Integer(self.constant("a failure value")?.0)),
        };
        if negative {
            self.advance();
        }
        self.advance();
        Ok(FailValue::Float(value.to_bits()))
    }

    /// The error for a word that is used like an annotation and is none.
    pub(super) fn unknown_annotation(&self, name: &str, span: Span) -> PrototypeError {
        let near = words::near(name, BARE.iter().chain(WITH_ARGUMENTS).copied());
        let near: Vec<String> = near.into_iter().map(|name| format!("__{name}")).collect();
        let near: Vec<&str> = near.iter().map(String::as_str).collect();
        let error = self
            .error(
                Code::E0114,
                span,
                format!("there is no annotation `__{name}`"),
            )
            .label("unknown");
        if near.is_empty() {
            error
        } else {
            error.help(format!("did you mean {}?", words::either(&near)))
        }
    }

    fn wrong_arguments(&self, name: &str, span: Span, error: PrototypeError) -> PrototypeError {
        if error.code() != Code::E0104 {
            return error;
        }
        self.error(
            Code::E0114,
            span,
            format!("`__{name}` takes an argument in parentheses"),
        )
        .label("nothing follows in parentheses")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_annotation_is_both_bare_and_with_arguments() {
        assert!(BARE.iter().all(|name| !WITH_ARGUMENTS.contains(name)));
    }
}
