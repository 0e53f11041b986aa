//! Whole declarations: typedefs and records enter the scope, functions are handed out.

use super::declarators::{Declarator, Naming};
use super::parser::{Parsed, Parser};
use super::raw::{Annotation, Name, RawFunction, RawType, Shape, Uncarried};
use super::specifiers::Specifiers;
use super::token::{Kind, Span};
use crate::error::{Code, PrototypeError};
use crate::types::RecordName;

/// A function as declared.
#[derive(Clone, Debug)]
pub(crate) struct RawPrototype {
    pub name: Name,
    pub function: std::sync::Arc<RawFunction>,
    /// What was said of the function as a whole.
    pub annotations: Vec<Annotation>,
    /// The first construct of it that was understood and cannot be carried.
    pub uncarried: Option<Uncarried>,
}

impl Parser<'_, '_> {
    /// One declaration up to and with its `;`, which the last of a text may lack.
    pub(super) fn declaration(&mut self, functions: &mut Vec<RawPrototype>) -> Parsed<()> {
        if self.eat(";") {
            return Ok(());
        }
        self.uncarried.clear();
        let start = self.span();
        let specifiers = self.specifiers("a declaration")?;
        if self.at(";") || self.at_end() {
            self.advance();
            return self.types_alone(&specifiers);
        }
        loop {
            let declarator = self.declarator(Naming::Required)?;
            if specifiers.typedef {
                self.type_definition(&specifiers, declarator, start)?;
            } else {
                let function = self.function(&specifiers, declarator)?;
                functions.push(function);
            }
            if !self.eat(",") {
                break;
            }
        }
        if self.at_end() || self.eat(";") {
            return Ok(());
        }
        Err(match self.peek() {
            Kind::Punctuation("=") => self.not_a_function(self.span()),
            Kind::Word(_) => self
                .unexpected("`;`")
                .help("declarations are separated by `;`"),
            _ => self.unexpected("`;`"),
        })
    }

    /// `struct s { .. };`
    fn types_alone(&self, specifiers: &Specifiers) -> Parsed<()> {
        let named = matches!(specifiers.ty.shape, Shape::Record(_) | Shape::Scalar(_));
        if let Some(annotation) = specifiers.loose.first() {
            return Err(self
                .error(
                    Code::E0113,
                    annotation.span,
                    "this annotation describes nothing",
                )
                .label("no pointer is declared here"));
        }
        if named {
            Ok(())
        } else {
            Err(self.not_a_function(specifiers.span))
        }
    }

    fn not_a_function(&self, span: Span) -> PrototypeError {
        self.error(Code::E0124, span, "this declares no function")
            .label("not a function")
            .example(
                "a prototype declares one function, for example",
                "double cos(double x)",
            )
    }

    fn type_definition(
        &mut self,
        specifiers: &Specifiers,
        declarator: Declarator,
        start: Span,
    ) -> Parsed<()> {
        let plain = declarator.is_plain();
        let span = start.to(self.last_span());
        let member = self.member(specifiers, declarator, span, false)?;
        let Some(name) = member.name else {
            return Err(self.unexpected("a name"));
        };
        if let Some(first) = self.uncarried.first()
            && !member.ty.is_function()
        {
            return Err(super::not_carried(*first));
        }
        if plain && let Shape::Record(key) = member.ty.shape {
            self.name_record(key, &name.text);
        }
        if let Some(known) = self.scope.own_typedef(&name.text) {
            if same_type(known, &member.ty) {
                return Ok(());
            }
            return Err(self
                .error(
                    Code::E0116,
                    name.span,
                    format!("'{}' is defined twice", name.text),
                )
                .label("defined before, and differently"));
        }
        self.scope.define_typedef(&name.text, member.ty);
        Ok(())
    }

    /// A typedef names a record that has no tag.
    fn name_record(&mut self, key: super::raw::RecordKey, name: &str) {
        if let Some(record) = self.scope.own_record(key)
            && record.name == RecordName::Unnamed
        {
            record.name = RecordName::Typedef(name.to_owned());
        }
    }

    fn function(
        &mut self,
        specifiers: &Specifiers,
        declarator: Declarator,
    ) -> Parsed<RawPrototype> {
        let Some(name) = declarator.name.clone() else {
            return Err(self.unexpected("a name"));
        };
        let mut annotations = specifiers.entity.clone();
        let mut declarator = declarator;
        annotations.append(&mut declarator.annotations);
        let ty = self.apply_all(specifiers, declarator)?;
        let Shape::Function(function) = ty.shape else {
            return Err(self.not_a_function(name.span));
        };
        for annotation in &specifiers.loose {
            if !annotation.kind.of_function() {
                return Err(self
                    .error(
                        Code::E0113,
                        annotation.span,
                        "this annotation stands on what is no pointer",
                    )
                    .label("before the `*`, it describes the type that the pointer leads to")
                    .example(
                        "write it after the `*`, for example",
                        format!("char *__owned(free) {}(..)", name.text),
                    ));
            }
            annotations.push(annotation.clone());
        }
        if let Some(wrong) = annotations
            .iter()
            .find(|annotation| !annotation.kind.of_function())
        {
            return Err(self
                .error(
                    Code::E0127,
                    wrong.span,
                    "this annotation does not describe a function",
                )
                .label("after the `)`, it speaks of the function")
                .help("what describes the result stands after the result's `*`"));
        }
        self.linkage(specifiers, &name)?;
        // The function's own `...` is carried, a callback's is not.
        let own = |uncarried: &&Uncarried| {
            uncarried.code != Code::E0202 || Some(uncarried.span) != function.variadic
        };
        let uncarried = self.uncarried.iter().find(own).copied();
        Ok(RawPrototype {
            name,
            function,
            annotations,
            uncarried,
        })
    }

    fn apply_all(&self, specifiers: &Specifiers, declarator: Declarator) -> Parsed<RawType> {
        let (ty, modifiers) = (specifiers.ty.clone(), declarator.into_modifiers());
        self.apply(ty, modifiers)
    }

    /// A function that no library exports cannot be called.
    fn linkage(&self, specifiers: &Specifiers, name: &Name) -> Parsed<()> {
        let body = self.at("{");
        if let Some(span) = specifiers.inline.or(body.then(|| self.span())) {
            return Err(self
                .error(
                    Code::E0302,
                    span,
                    format!(
                        "'{}' is compiled into its caller: no library holds it",
                        name.text
                    ),
                )
                .label(match specifiers.inline {
                    Some(_) => "inline",
                    None => "the function's body",
                }));
        }
        if let Some(span) = specifiers.fixed {
            return Err(self
                .error(
                    Code::E0303,
                    span,
                    format!("'{}' is visible in its own source file only", name.text),
                )
                .label("static"));
        }
        Ok(())
    }
}

/// Whether two declarations mean the same type.
fn same_type(left: &RawType, right: &RawType) -> bool {
    left.constant == right.constant
        && left.annotations.is_empty()
        && right.annotations.is_empty()
        && match (&left.shape, &right.shape) {
            (Shape::Void, Shape::Void) | (Shape::VariableArguments, Shape::VariableArguments) => {
                true
            }
            (Shape::Scalar(left), Shape::Scalar(right)) => left == right,
            (Shape::Record(left), Shape::Record(right)) => left == right,
            (Shape::Pointer(left), Shape::Pointer(right)) => same_type(left, right),
            _ => false,
        }
}
