//! What a declaration means: names bound, defaults applied, contradictions found, and all that this
//! release cannot carry refused. What leaves here is a [`CallFrame`] with nothing left open.
//!
//! | file | purpose |
//! |---|---|
//! | `parameters` | what is known of the parameters before any of them is looked at closely |
//! | `marks` | the annotations of one pointer, sorted and free of contradictions |
//! | `pointers` | identity, direction, extent and owner of a pointer |
//! | `handles` | pointers to objects that live in the VM |
//! | `callbacks` | pointers to functions, and what those take and return |
//! | `residents` | objects in memory of the caller's |
//! | `records` | members, and which records can travel |
//! | `tables` | the types among which a tag chooses what takes the place of `...` |
//! | `unions` | which member of a union is there |
//! | `views` | records as one parameter of the function sees them |
//! | `names` | expressions with their names bound |
//! | `contract` | what is said of the function |
//! | `variadic` | what takes the place of `...` |
//! | `advice` | the words of the errors that need more than one line |
//!
//! Types enter the frame in one order only (result, parameters, each after what it is made of), so
//! that a frame equals the one read from its own printed text.

mod advice;
mod callbacks;
mod contract;
mod handles;
mod marks;
mod names;
mod parameters;
mod pointers;
mod records;
mod residents;
mod tables;
mod unions;
mod variadic;
mod views;

use std::collections::HashMap;
use std::rc::Rc;

use crate::error::{Code, PrototypeError};
use crate::syntax::expressions::constant_value;
use crate::syntax::raw::{Annotation, AnnotationKind, RawExpression, RawType, RecordKey, Shape};
use crate::syntax::scope::Scope;
use crate::syntax::token::Span;
use crate::syntax::{MAXIMUM_LENGTH, Options, RawPrototype, not_carried};
use crate::types::{CallFrame, Direction, Parameter, Record, RecordId, Scalar, Type, TypeId};
use parameters::Known;

/// How deep pointers and records may lead into each other.
const MAXIMUM_DEPTH: usize = 64;

/// The most type nodes of a frame.
const MAXIMUM_TYPES: usize = 16384;

type Resolved<T> = Result<T, PrototypeError>;

/// The frame of a function.
pub(crate) fn frame(
    prototype: &RawPrototype,
    scope: &Scope,
    options: &Options,
) -> Resolved<CallFrame> {
    contract::check_name(&prototype.name)?;
    if let Some(uncarried) = prototype.uncarried {
        return Err(not_carried(uncarried));
    }
    if let Some(span) = prototype.function.empty {
        return Err(advice::empty_parentheses(span, &prototype.name.text));
    }
    let known = parameters::known(
        &prototype.function.parameters,
        &prototype.annotations,
        scope,
    )?;
    let mut resolver = Resolver {
        function: &prototype.name.text,
        scope,
        options,
        known: known.into(),
        outer: None,
        types: Vec::new(),
        scalars: HashMap::new(),
        records: Vec::new(),
        named: HashMap::new(),
        residents: HashMap::new(),
        views: Vec::new(),
        facts: HashMap::new(),
        returns_integer: parameters::value(&prototype.function.result)
            == parameters::Value::Integer,
        depth: 0,
        needs: Vec::new(),
    };
    let result = resolver.result(prototype)?;
    let parameters = resolver.parameters(&prototype.annotations)?;
    let contract = resolver.contract(prototype, result)?;
    let variadic = resolver.variadic(prototype, &parameters)?;
    resolver.check_needs(&parameters)?;
    Ok(CallFrame {
        name: prototype.name.text.clone(),
        parameters,
        result,
        variadic,
        types: resolver.types,
        records: resolver.records,
        contract,
        outer: Vec::new(),
    })
}

/// A frame in the making.
struct Resolver<'a> {
    /// The function's name.
    function: &'a str,
    scope: &'a Scope,
    options: &'a Options,
    /// The parameters that annotations speak of: a callback's own inside of one.
    known: Rc<[Known]>,
    /// Inside of a callback: the parameters of the function that it is given to.
    outer: Option<Rc<[Known]>>,
    types: Vec<Type>,
    scalars: HashMap<Simple, TypeId>,
    records: Vec<Record>,
    /// Named records that are in the frame.
    named: HashMap<(RecordKey, bool), TypeId>,
    /// Records whose objects live in the VM, as far as their members are kept alike.
    residents: HashMap<RecordKey, TypeId>,
    /// What this function says of members of the record that is looked at next.
    views: Vec<views::View<'a>>,
    facts: HashMap<RecordId, records::Facts>,
    /// Whether the result is an integer that an expression can read.
    returns_integer: bool,
    depth: usize,
    /// What parameters must turn out to be, and who says so.
    needs: Vec<(u32, Span, Need)>,
}

/// Types without parts, of which a frame has one each.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Simple {
    Void,
    Descriptor,
    Scalar(Scalar),
}

/// What an annotation elsewhere needs a parameter to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// A pointer to data, to point into.
    Data,
    /// A pointer to one integer, to measure by.
    Integer,
    /// A handle, to live as long as.
    Handle,
    /// A handle, or a record that comes back and may hold one, to keep data for.
    Keeper,
    /// A pointer into what this parameter leads to, to end it.
    EndOf(u32),
    /// The same, for a callback.
    Scope,
}

/// Where a type stands.
#[derive(Clone, Copy)]
struct Place<'p> {
    root: Root,
    /// What errors call it.
    name: &'p str,
    /// Where errors point.
    span: Span,
    /// The direction of the pointer around it, if one is.
    outer: Option<Direction>,
    /// The members beside it, in a record.
    fields: Option<&'p [records::Beside]>,
}

/// What a type belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    Parameter(u32),
    Result,
    Field,
}

impl Place<'_> {
    /// Whether a pointer here is one that comes back from the function.
    fn comes_back(&self) -> bool {
        match (self.root, self.outer) {
            (Root::Result, None) => true,
            (_, Some(outer)) => outer == Direction::Out,
            _ => false,
        }
    }
}

impl<'a> Resolver<'a> {
    fn result(&mut self, prototype: &RawPrototype) -> Resolved<TypeId> {
        let place = Place {
            root: Root::Result,
            name: "the result",
            span: prototype.name.span,
            outer: None,
            fields: None,
        };
        let mut ty = prototype.function.result.clone();
        parameters::release_attribute(prototype, &mut ty, self.scope);
        if matches!(ty.shape, Shape::Void) {
            self.no_marks(&ty, place)?;
            return self.simple(Simple::Void, place);
        }
        let id = self.ty(&ty, place)?;
        self.check_by_value(id, place)?;
        match self.unowned_member(id) {
            Some(member) => Err(advice::unowned(&member, place)),
            None => Ok(id),
        }
    }

    fn parameters(&mut self, annotations: &'a [Annotation]) -> Resolved<Vec<Parameter>> {
        let known = Rc::clone(&self.known);
        let mut parameters = Vec::with_capacity(known.len());
        for (index, known) in (0_u32..).zip(&*known) {
            let place = Place {
                root: Root::Parameter(index),
                name: &known.name,
                span: known.span,
                outer: None,
                fields: None,
            };
            self.views = self.views_of(annotations, index)?;
            let ty = self.ty(&known.ty, place)?;
            self.no_views_left()?;
            self.check_by_value(ty, place)?;
            parameters.push(Parameter {
                name: known.name.clone(),
                ty,
            });
        }
        Ok(parameters)
    }

    /// Any type but void.
    fn ty(&mut self, raw: &RawType, place: Place) -> Resolved<TypeId> {
        if self.depth >= MAXIMUM_DEPTH {
            return Err(PrototypeError::new(
                Code::E0105,
                place.span.range(),
                format!("'{}' leads too deep", place.name),
            )
            .label("pointers and records beyond 64 levels"));
        }
        self.depth += 1;
        let result = self.ty_at_depth(raw, place);
        self.depth -= 1;
        result
    }

    fn ty_at_depth(&mut self, raw: &RawType, place: Place) -> Resolved<TypeId> {
        match &raw.shape {
            Shape::Void => Err(PrototypeError::new(
                Code::E0125,
                place.span.range(),
                format!("{} cannot be void", advice::quoted(place.name)),
            )
            .label("void has no value")),
            Shape::VariableArguments => Err(advice::variable_arguments(place)),
            Shape::Scalar(scalar) => self.scalar(*scalar, raw, place),
            Shape::Pointer(target) => self.pointer(raw, target, place),
            Shape::Array(element, bound) => {
                self.no_marks(raw, place)?;
                let length = self.length(bound.as_ref(), raw.span, place)?;
                let element = self.ty(element, place)?;
                self.add(Type::Array { element, length }, place)
            }
            Shape::Function(_) => Err(advice::function_value(place)),
            Shape::Record(key) => {
                self.no_marks(raw, place)?;
                self.check_untagged(*key, raw.span, place)?;
                self.record(*key, raw.span, place)
            }
        }
    }

    fn scalar(&mut self, scalar: Scalar, raw: &RawType, place: Place) -> Resolved<TypeId> {
        let mut descriptor = false;
        for annotation in &raw.annotations {
            let span = annotation.span.or(place.span);
            match annotation.kind {
                AnnotationKind::Descriptor if scalar == Scalar::Int => descriptor = true,
                AnnotationKind::Descriptor => return Err(advice::no_descriptor(span)),
                _ => return Err(advice::no_pointer(annotation, span, place)),
            }
        }
        let simple = if descriptor {
            Simple::Descriptor
        } else {
            Simple::Scalar(scalar)
        };
        self.simple(simple, place)
    }

    /// The length of an array that is not a parameter itself.
    fn length(&self, bound: Option<&RawExpression>, span: Span, place: Place) -> Resolved<u64> {
        let span = bound.map_or(span, |bound| bound.span).or(place.span);
        bound
            .and_then(|bound| constant_value(self.scope, bound).ok())
            .filter(|length| (1..=MAXIMUM_LENGTH).contains(length))
            .and_then(|length| u64::try_from(length).ok())
            .ok_or_else(|| {
                PrototypeError::new(
                    Code::E0121,
                    span.range(),
                    "the length of this array is not a constant from 1 to 67108864",
                )
                .label("only the outermost bound of a parameter may be a parameter")
            })
    }

    /// Refuses annotations on what is no pointer.
    fn no_marks(&self, raw: &RawType, place: Place) -> Resolved<()> {
        match raw.annotations.first() {
            None => Ok(()),
            Some(annotation) => {
                let span = annotation.span.or(place.span);
                Err(match annotation.kind {
                    AnnotationKind::Descriptor => advice::no_descriptor(span),
                    _ => advice::no_pointer(annotation, span, place),
                })
            }
        }
    }

    fn simple(&mut self, simple: Simple, place: Place) -> Resolved<TypeId> {
        if let Some(&id) = self.scalars.get(&simple) {
            return Ok(id);
        }
        let id = self.add(
            match simple {
                Simple::Void => Type::Void,
                Simple::Descriptor => Type::Descriptor,
                Simple::Scalar(scalar) => Type::Scalar(scalar),
            },
            place,
        )?;
        self.scalars.insert(simple, id);
        Ok(id)
    }

    fn add(&mut self, ty: Type, place: Place) -> Resolved<TypeId> {
        match u32::try_from(self.types.len()) {
            Ok(index) if self.types.len() < MAXIMUM_TYPES => {
                self.types.push(ty);
                Ok(TypeId(index))
            }
            _ => Err(PrototypeError::new(
                Code::E0130,
                place.span.range(),
                "this prototype is made of too many types",
            )
            .label("beyond 16384 parts")),
        }
    }

    fn add_record(&mut self, record: Record, place: Place) -> Resolved<RecordId> {
        // No record without a type node: the limit on those holds for records too.
        let index = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        if self.records.len() >= MAXIMUM_TYPES {
            return Err(PrototypeError::new(
                Code::E0130,
                place.span.range(),
                "this prototype is made of too many records",
            ));
        }
        self.records.push(record);
        Ok(RecordId(index))
    }
}
