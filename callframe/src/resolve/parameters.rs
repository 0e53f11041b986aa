//! What is known of the parameters before any of them is looked at closely: expressions may name
//! parameters that come later.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Resolved, advice};
use crate::error::{Code, PrototypeError};
use crate::syntax::RawPrototype;
use crate::syntax::raw::{
    Annotation, AnnotationKind, RawExpression, RawExtent, RawMember, RawOperation, RawType, Shape,
};
use crate::syntax::scope::Scope;
use crate::syntax::token::Span;
use crate::types::Direction;

/// A parameter with what attributes of the function say of it.
pub(super) struct Known {
    pub name: String,
    pub ty: RawType,
    pub span: Span,
    /// Which value an expression finds in it.
    pub value: Value,
}

/// What an expression can read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing.
    None,
    /// An integer.
    Integer,
    /// A pointer to an integer, whose contents travel in this direction.
    Pointee(Direction),
}

impl Known {
    /// Whether it is said to reach up to where the parameter of this name points.
    pub fn is_ended_by(&self, name: &str) -> bool {
        has(
            &self.ty,
            |kind| matches!(kind, AnnotationKind::Extent(RawExtent::EndedBy(end)) if end.text == name),
        )
    }
}

/// All parameters of a function with these annotations.
pub(super) fn known(
    parameters: &[RawMember],
    annotations: &[Annotation],
    scope: &Scope,
) -> Resolved<Vec<Known>> {
    let names = names(parameters);
    let mut all = Vec::with_capacity(parameters.len());
    let mut seen = HashSet::new();
    for (index, (parameter, name)) in parameters.iter().zip(&names).enumerate() {
        let span = parameter
            .name
            .as_ref()
            .map_or(parameter.span, |name| name.span);
        let name = name.clone();
        if !seen.insert(name.clone()) {
            return Err(PrototypeError::new(
                Code::E0119,
                span.range(),
                format!("two parameters are named '{name}'"),
            )
            .label("the second of them"));
        }
        let mut ty = parameter.ty.clone();
        for annotation in annotations {
            attribute(annotation, index, &names, scope, &mut ty)?;
        }
        let value = value(&ty);
        all.push(Known {
            name,
            ty,
            span,
            value,
        });
    }
    Ok(all)
}

/// The names of all parameters: `argN` for one without a name, with underscores if another has that
/// name.
fn names(parameters: &[RawMember]) -> Vec<String> {
    let given: HashSet<&str> = parameters
        .iter()
        .filter_map(|parameter| parameter.name.as_ref())
        .map(|name| name.text.as_str())
        .collect();
    let name = |(index, parameter): (usize, &RawMember)| match &parameter.name {
        Some(name) => name.text.clone(),
        None => {
            let mut name = format!("arg{}", index + 1);
            while given.contains(name.as_str()) {
                name.push('_');
            }
            name
        }
    };
    parameters.iter().enumerate().map(name).collect()
}

/// Which integer an expression finds in a parameter of this type.
pub(super) fn value(ty: &RawType) -> Value {
    match &ty.shape {
        Shape::Scalar(_) if has(ty, |kind| matches!(kind, AnnotationKind::Descriptor)) => {
            Value::None
        }
        Shape::Scalar(scalar) if scalar.is_integer() => Value::Integer,
        Shape::Pointer(target) => match target.shape {
            Shape::Scalar(scalar) if scalar.is_integer() => Value::Pointee(direction(ty, target)),
            _ => Value::None,
        },
        _ => Value::None,
    }
}

/// The direction a pointer says, or the one it has by default.
pub(super) fn direction(ty: &RawType, target: &RawType) -> Direction {
    ty.annotations
        .iter()
        .find_map(|annotation| match annotation.kind {
            AnnotationKind::Direction(direction) => Some(direction),
            _ => None,
        })
        .unwrap_or(if is_constant(target) {
            Direction::In
        } else {
            Direction::InOut
        })
}

/// Whether what a pointer leads to is const; of an array, its elements.
pub(super) fn is_constant(target: &RawType) -> bool {
    match &target.shape {
        Shape::Array(element, _) => target.constant || is_constant(element),
        _ => target.constant,
    }
}

/// What a GCC attribute of the function adds to one parameter; annotations of its own win.
fn attribute(
    annotation: &Annotation,
    index: usize,
    names: &[String],
    scope: &Scope,
    ty: &mut RawType,
) -> Resolved<()> {
    let is_this = |position: u32| position as usize == index + 1;
    let span = annotation.span;
    match annotation.kind {
        AnnotationKind::Access {
            direction,
            pointer,
            size,
        } if is_this(pointer) => {
            let Shape::Pointer(target) = &ty.shape else {
                return Err(advice::attribute_position(span));
            };
            let target = Arc::clone(target);
            let stated = has(ty, |kind| matches!(kind, AnnotationKind::Direction(_)));
            if !stated && !super::pointers::is_incomplete(&target, scope) {
                let kind = AnnotationKind::Direction(direction);
                ty.annotations.push(Annotation { kind, span });
            }
            if let Some(size) = size
                && !has(ty, |kind| matches!(kind, AnnotationKind::Extent(_)))
            {
                let count = count(names, size, span)?;
                let extent = match target.shape {
                    Shape::Void => RawExtent::Sized(count),
                    _ => RawExtent::Counted(count),
                };
                let kind = AnnotationKind::Extent(extent);
                ty.annotations.push(Annotation { kind, span });
            }
        }
        AnnotationKind::DescriptorParameter(position) if is_this(position) => {
            let kind = AnnotationKind::Descriptor;
            ty.annotations.push(Annotation { kind, span });
        }
        AnnotationKind::TerminatedParameter(position)
            if is_this(position) && !has(ty, |kind| matches!(kind, AnnotationKind::Extent(_))) =>
        {
            let kind = AnnotationKind::Extent(RawExtent::NullTerminated);
            ty.annotations.push(Annotation { kind, span });
        }
        AnnotationKind::Access {
            pointer: position, ..
        }
        | AnnotationKind::DescriptorParameter(position)
        | AnnotationKind::TerminatedParameter(position)
            if position as usize > names.len() =>
        {
            return Err(advice::attribute_position(span));
        }
        _ => {}
    }
    Ok(())
}

/// The expression that reads the parameter at `position`, counted from 1.
fn count(names: &[String], position: u32, span: Span) -> Resolved<RawExpression> {
    let name = (position as usize)
        .checked_sub(1)
        .and_then(|index| names.get(index))
        .ok_or_else(|| advice::attribute_position(span))?;
    Ok(RawExpression {
        operations: vec![(RawOperation::Name(name.clone()), span)],
        span,
    })
}

/// GCC `malloc(f)` on the function is an owner, or a destructor, of the result.
pub(super) fn release_attribute(prototype: &RawPrototype, ty: &mut RawType, scope: &Scope) {
    let Shape::Pointer(target) = &ty.shape else {
        return;
    };
    let handle = super::pointers::is_incomplete(target, scope)
        || has(ty, |kind| matches!(kind, AnnotationKind::Handle));
    let stated = has(ty, |kind| {
        use AnnotationKind::*;
        matches!(
            kind,
            ClosedBy(_) | Owned(_) | Borrowed | BorrowedFrom(_) | Static | Alias(_) | Opaque
        )
    });
    let released = prototype
        .annotations
        .iter()
        .find_map(|annotation| match &annotation.kind {
            AnnotationKind::ReleasedBy(function) => Some((function.clone(), annotation.span)),
            _ => None,
        });
    if let Some((function, span)) = released
        && !stated
    {
        let kind = if handle {
            AnnotationKind::ClosedBy(function)
        } else {
            AnnotationKind::Owned(function)
        };
        ty.annotations.push(Annotation { kind, span });
    }
}

fn has(ty: &RawType, test: impl Fn(&AnnotationKind) -> bool) -> bool {
    ty.annotations
        .iter()
        .any(|annotation| test(&annotation.kind))
}
