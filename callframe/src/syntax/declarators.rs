//! Declarators, as C declares them: read inside out from the name, applied outside in to the type.

use std::sync::Arc;

use super::annotations::is_annotation;
use super::parser::{Parsed, Parser};
use super::raw::{
    Annotation, AnnotationKind, Name, RawExpression, RawExtent, RawFunction, RawMember, RawType,
    Shape,
};
use super::specifiers::Specifiers;
use super::token::{Kind, Span};
use super::words::is_keyword;
use crate::error::{Code, PrototypeError};

/// The most parameters a function may have: what C promises every compiler takes.
const MAXIMUM_PARAMETERS: usize = 127;

/// The most pointers, arrays and functions between a name and its basic type.
const MAXIMUM_DEPTH: u16 = 40;

/// What stands around a name, or around the place of one.
pub(super) struct Declarator {
    pub name: Option<Name>,
    /// Nearest to the name first.
    modifiers: Vec<Modifier>,
    /// Written after the name or after the last `)` or `]`.
    pub annotations: Vec<Annotation>,
}

pub(super) struct Modifier {
    kind: ModifierKind,
    constant: bool,
    annotations: Vec<Annotation>,
    span: Span,
}

enum ModifierKind {
    Pointer,
    Array(Option<RawExpression>),
    Function(List),
}

/// What stands between the parentheses of a function.
#[derive(Default)]
struct List {
    parameters: Vec<RawMember>,
    /// Where `()` stands.
    empty: Option<Span>,
    /// Where `...` stands.
    variadic: Option<Span>,
}

/// Whether a declarator must have a name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    Required,
    Optional,
    Forbidden,
}

impl Parser<'_, '_> {
    /// A declarator after its specifiers.
    pub(super) fn declarator(&mut self, naming: Naming) -> Parsed<Declarator> {
        let mut pointers = Vec::new();
        while self.at("*") {
            pointers.push(self.pointer()?);
        }
        let mut declarator = self.direct(naming)?;
        self.suffixes(&mut declarator)?;
        pointers.reverse();
        declarator.modifiers.append(&mut pointers);
        Ok(declarator)
    }

    /// `*` with what qualifies it.
    fn pointer(&mut self) -> Parsed<Modifier> {
        let start = self.span();
        self.advance();
        let mut constant = false;
        let mut annotations = Vec::new();
        while self.qualifier(&mut constant)? || self.attribute_specifier(&mut annotations)? {}
        Ok(Modifier {
            kind: ModifierKind::Pointer,
            constant,
            annotations,
            span: start,
        })
    }

    /// A name, a declarator in parentheses, or nothing.
    fn direct(&mut self, naming: Naming) -> Parsed<Declarator> {
        let mut declarator = Declarator {
            name: None,
            modifiers: Vec::new(),
            annotations: Vec::new(),
        };
        let span = self.span();
        match self.peek() {
            Kind::Word(word)
                if naming != Naming::Forbidden
                    && !is_keyword(word)
                    && !self.is_annotation_here(word) =>
            {
                self.advance();
                declarator.name = Some(Name {
                    text: word.to_owned(),
                    span,
                });
            }
            Kind::Punctuation("(") if self.opens_group(naming) => {
                self.advance();
                declarator = self.nested(|parser| parser.declarator(naming))?;
                self.expect(")", "to close the declarator")?;
            }
            _ if naming == Naming::Required => return Err(self.unexpected("a name")),
            _ => {}
        }
        Ok(declarator)
    }

    /// Whether `(` opens a declarator and not a list of parameters.
    fn opens_group(&self, naming: Naming) -> bool {
        if naming == Naming::Required {
            return true;
        }
        match self.peek_at(1) {
            Kind::Word(word) => {
                naming == Naming::Optional
                    && !is_keyword(word)
                    && self.scope.typedef(word).is_none()
            }
            Kind::Punctuation("*" | "(") => true,
            Kind::Punctuation("[") => self.peek_at(2) != Kind::Punctuation("["),
            _ => false,
        }
    }

    /// Bounds, parameter lists and annotations after the name.
    fn suffixes(&mut self, declarator: &mut Declarator) -> Parsed<()> {
        loop {
            self.annotations(&mut declarator.annotations)?;
            let modifier = if self.at("[") {
                self.bound()?
            } else if self.at("(") {
                self.nested(Parser::parameter_list)?
            } else {
                return Ok(());
            };
            if declarator.modifiers.len() > usize::from(MAXIMUM_DEPTH) {
                return Err(self.too_deep(modifier.span));
            }
            declarator.modifiers.push(modifier);
        }
    }

    /// `[n]`, `[static n]`, `[const n]`, `[*]` or `[]`
    fn bound(&mut self) -> Parsed<Modifier> {
        let start = self.span();
        self.advance();
        let mut constant = false;
        let mut annotations = Vec::new();
        while self.qualifier(&mut constant)?
            || self.eat_word("static")
            || self.attribute_specifier(&mut annotations)?
        {}
        let unspecified = self.at("*") && self.peek_at(1) == Kind::Punctuation("]");
        if unspecified {
            self.advance();
        }
        let bound = if self.at("]") {
            None
        } else {
            Some(self.expression()?)
        };
        let end = self.expect("]", "to close the array bound")?;
        Ok(Modifier {
            kind: ModifierKind::Array(bound),
            constant,
            annotations,
            span: start.to(end),
        })
    }

    fn parameter_list(&mut self) -> Parsed<Modifier> {
        let start = self.span();
        self.advance();
        let mut list = List::default();
        if self.at(")") {
            list.empty = Some(start.to(self.span()));
        } else if self.at_word("void") && self.peek_at(1) == Kind::Punctuation(")") {
            self.advance();
        } else {
            self.parameters(&mut list)?;
        }
        let end = self.expect(")", "or `,` after this parameter")?;
        Ok(Modifier {
            kind: ModifierKind::Function(list),
            constant: false,
            annotations: Vec::new(),
            span: start.to(end),
        })
    }

    fn parameters(&mut self, list: &mut List) -> Parsed<()> {
        loop {
            let span = self.span();
            if self.eat("...") {
                // Of the function that the text declares it can be; see `function`.
                self.not_carried(Code::E0202, span);
                list.variadic = Some(span);
                return Ok(());
            }
            if list.parameters.len() >= MAXIMUM_PARAMETERS {
                return Err(self.error(Code::E0130, span, "a function has at most 127 parameters"));
            }
            let parameter = self.parameter()?;
            list.parameters.push(parameter);
            if !self.eat(",") {
                return self.misplaced_word();
            }
        }
    }

    fn parameter(&mut self) -> Parsed<RawMember> {
        let start = self.span();
        let specifiers = self.specifiers("a parameter's type")?;
        let declarator = self.declarator(Naming::Optional)?;
        let span = start.to(self.last_span());
        let member = self.member(&specifiers, declarator, span, true)?;
        Ok(adjusted(member))
    }

    /// Two words where one name belongs: often an annotation without its underscores.
    fn misplaced_word(&self) -> Parsed<()> {
        let Kind::Word(_) = self.peek() else {
            return Ok(());
        };
        let before = self.last_word();
        let error = self.unexpected("`,` or `)`");
        Err(match before {
            Some(word) if is_annotation(&format!("__{word}")) => {
                error.help(format!("did you mean the annotation `__{word}`?"))
            }
            _ => error,
        })
    }

    /// The type in `sizeof(type)`.
    pub(super) fn type_name(&mut self) -> Parsed<RawType> {
        let start = self.span();
        let specifiers = self.specifiers("a type")?;
        let declarator = self.nested(|parser| parser.declarator(Naming::Forbidden))?;
        let span = start.to(self.last_span());
        Ok(self.member(&specifiers, declarator, span, false)?.ty)
    }

    /// The parameter or member that specifiers and declarator make together.
    pub(super) fn member(
        &self,
        specifiers: &Specifiers,
        declarator: Declarator,
        span: Span,
        parameter: bool,
    ) -> Parsed<RawMember> {
        let only_arrays = declarator
            .modifiers
            .iter()
            .all(|modifier| matches!(modifier.kind, ModifierKind::Array(_)));
        let mut ty = self.apply(specifiers.ty.clone(), declarator.modifiers)?;
        ty.annotations.extend(specifiers.entity.iter().cloned());
        ty.annotations.extend(declarator.annotations);
        let (union, loose): (Vec<_>, Vec<_>) = specifiers
            .loose
            .iter()
            .partition(|annotation| annotation.kind.of_union());
        ty.annotations.extend(union.into_iter().cloned());
        if let Some(loose) = loose.first() {
            let array = matches!(ty.shape, Shape::Array(..));
            if !(parameter && array && only_arrays) {
                return Err(self.loose_annotation(loose));
            }
            ty.annotations.extend(specifiers.loose.iter().cloned());
        }
        Ok(RawMember {
            name: declarator.name,
            ty,
            span,
        })
    }

    fn loose_annotation(&self, annotation: &Annotation) -> PrototypeError {
        match annotation.kind {
            AnnotationKind::Descriptor => self
                .error(
                    Code::E0128,
                    annotation.span,
                    "only an int can be a file descriptor",
                )
                .label("not on an int"),
            ref kind if kind.of_function() => self
                .error(
                    Code::E0127,
                    annotation.span,
                    "this annotation belongs to a function",
                )
                .label("not on a parameter or member"),
            _ => self
                .error(
                    Code::E0113,
                    annotation.span,
                    "this annotation stands on what is no pointer",
                )
                .label("before the `*`, it describes the type that the pointer leads to")
                .example(
                    "write it after the `*`, for example",
                    "char *__out __sized_by(n) buf",
                ),
        }
    }

    /// The type that `modifiers` make of `ty`.
    pub(super) fn apply(&self, mut ty: RawType, modifiers: Vec<Modifier>) -> Parsed<RawType> {
        for modifier in modifiers.into_iter().rev() {
            let span = modifier.span;
            let mut depth = ty.depth;
            let shape = match modifier.kind {
                ModifierKind::Pointer => Shape::Pointer(Arc::new(ty)),
                ModifierKind::Array(bound) => {
                    if matches!(ty.shape, Shape::Function(_) | Shape::Void) {
                        return Err(self.no_such_type(span, "there are no arrays of this type"));
                    }
                    Shape::Array(Arc::new(ty), bound)
                }
                ModifierKind::Function(list) => {
                    if matches!(ty.shape, Shape::Function(_) | Shape::Array(..)) {
                        return Err(self.no_such_type(span, "a function cannot return this type"));
                    }
                    let deepest = list
                        .parameters
                        .iter()
                        .map(|parameter| parameter.ty.depth)
                        .max();
                    depth = depth.max(deepest.unwrap_or(0));
                    Shape::Function(Arc::new(RawFunction {
                        result: ty,
                        parameters: list.parameters,
                        empty: list.empty,
                        variadic: list.variadic,
                    }))
                }
            };
            depth += 1;
            if depth > MAXIMUM_DEPTH {
                return Err(self.too_deep(span));
            }
            ty = RawType {
                shape,
                constant: modifier.constant,
                annotations: modifier.annotations,
                span,
                depth,
            };
        }
        Ok(ty)
    }

    fn no_such_type(&self, span: Span, message: &str) -> PrototypeError {
        self.error(Code::E0125, span, message)
            .label("C has no such type")
    }
}

impl Declarator {
    pub fn into_modifiers(self) -> Vec<Modifier> {
        self.modifiers
    }

    /// Whether it is a name alone.
    pub fn is_plain(&self) -> bool {
        self.modifiers.is_empty()
    }
}

/// Parameters of array and function type are pointers; the bound becomes the extent.
fn adjusted(mut member: RawMember) -> RawMember {
    let span = member.ty.span;
    let ty = &mut member.ty;
    match &mut ty.shape {
        Shape::Array(element, bound) => {
            let element = Arc::clone(element);
            let kind = match bound.take() {
                Some(bound) => AnnotationKind::Extent(RawExtent::Counted(bound)),
                None => AnnotationKind::Unbounded,
            };
            ty.annotations.push(Annotation { kind, span });
            ty.shape = Shape::Pointer(element);
        }
        Shape::Function(_) => {
            let annotations = std::mem::take(&mut ty.annotations);
            let depth = ty.depth;
            let function = std::mem::replace(ty, RawType::new(Shape::Void, span));
            ty.shape = Shape::Pointer(Arc::new(function));
            ty.annotations = annotations;
            ty.depth = depth.saturating_add(1);
        }
        _ => {}
    }
    member
}
