//! The annotations of one pointer, sorted by what they say and free of contradictions.

use super::{Place, Resolved, advice};
use crate::error::{Code, PrototypeError};
use crate::syntax::raw::{Annotation, AnnotationKind, Name, RawExpression, RawExtent, RawType};
use crate::syntax::token::Span;
use crate::types::Direction;

/// What is written on a pointer; each with its place.
#[derive(Default)]
pub(super) struct Marks<'a> {
    pub direction: Option<(Direction, Span)>,
    pub extent: Option<(&'a RawExtent, Span)>,
    /// Whether it is an array whose bound is not written.
    pub unbounded: bool,
    /// The terminator beside an extent that is a number.
    pub until: Option<(i128, Span)>,
    pub filled: Option<(&'a RawExpression, Span)>,
    pub handle: Option<Span>,
    pub closed_by: Option<(&'a str, Span)>,
    pub consumed: Option<Span>,
    pub opaque: Option<Span>,
    pub alias: Option<(&'a Name, Span)>,
    pub owner: Option<(Owner<'a>, Span)>,
    pub scope: Option<(&'a Name, Span)>,
    pub constants: Option<(&'a [i128], Span)>,
    pub cursors: Vec<(&'a Name, &'a Name, Span)>,
}

/// Whose memory it is said to be.
#[derive(Clone, Copy)]
pub(super) enum Owner<'a> {
    Owned(&'a str),
    Borrowed,
    BorrowedFrom(&'a Name),
    Static,
    Retained(&'a Name),
}

impl<'a> Marks<'a> {
    pub fn of(raw: &'a RawType, place: Place) -> Resolved<Marks<'a>> {
        let mut marks = Marks::default();
        for annotation in &raw.annotations {
            marks.add(annotation, annotation.span.or(place.span))?;
        }
        marks.check_identity()?;
        Ok(marks)
    }

    fn add(&mut self, annotation: &'a Annotation, span: Span) -> Resolved<()> {
        match &annotation.kind {
            AnnotationKind::Direction(direction) => self.add_direction(*direction, span),
            AnnotationKind::Extent(extent) => self.add_extent(extent, span),
            AnnotationKind::Unbounded => {
                self.unbounded = true;
                Ok(())
            }
            AnnotationKind::Filled(expression) => once(&mut self.filled, expression, span),
            AnnotationKind::Handle => once_bare(&mut self.handle, span),
            AnnotationKind::ClosedBy(function) => once(&mut self.closed_by, function, span),
            AnnotationKind::Consume => once_bare(&mut self.consumed, span),
            AnnotationKind::Opaque => once_bare(&mut self.opaque, span),
            AnnotationKind::Alias(name) => once(&mut self.alias, name, span),
            AnnotationKind::Owned(function) => self.add_owner(Owner::Owned(function), span),
            AnnotationKind::Borrowed => self.add_owner(Owner::Borrowed, span),
            AnnotationKind::BorrowedFrom(name) => self.add_owner(Owner::BorrowedFrom(name), span),
            AnnotationKind::Static => self.add_owner(Owner::Static, span),
            AnnotationKind::Scope(name) => once(&mut self.scope, name, span),
            AnnotationKind::Retained(name) => self.add_owner(Owner::Retained(name), span),
            AnnotationKind::Cursor(next, left) => {
                self.cursors.push((next, left, span));
                Ok(())
            }
            AnnotationKind::OrConst(values) => once(&mut self.constants, values.as_slice(), span),
            AnnotationKind::Descriptor => Err(advice::no_descriptor(span)),
            kind if kind.of_member() => Err(advice::tag_place(span)),
            _ => Err(PrototypeError::new(
                Code::E0127,
                span.range(),
                "this annotation belongs to the function",
            )
            .label("not to a pointer")
            .help("write it after the function's closing `)`")),
        }
    }

    fn add_direction(&mut self, direction: Direction, span: Span) -> Resolved<()> {
        let Some((before, _)) = self.direction else {
            self.direction = Some((direction, span));
            return Ok(());
        };
        let error = PrototypeError::new(
            Code::E0108,
            span.range(),
            if before == direction {
                "this direction is given twice"
            } else {
                "these directions contradict each other"
            },
        )
        .label("the second direction");
        Err(if before == direction {
            error
        } else {
            error.help("data that goes in and comes back is `__inout`")
        })
    }

    fn add_extent(&mut self, extent: &'a RawExtent, span: Span) -> Resolved<()> {
        let Some((before, place)) = self.extent else {
            self.extent = Some((extent, span));
            return Ok(());
        };
        let measured = matches!(extent, RawExtent::Sized(_) | RawExtent::Counted(_));
        let measured_before = matches!(before, RawExtent::Sized(_) | RawExtent::Counted(_));
        if self.until.is_none() {
            match (terminator(before), terminator(extent)) {
                (Some(value), None) if measured => {
                    self.until = Some((value, place));
                    self.extent = Some((extent, span));
                    return Ok(());
                }
                (None, Some(value)) if measured_before => {
                    self.until = Some((value, span));
                    return Ok(());
                }
                _ => {}
            }
        }
        Err(PrototypeError::new(
            Code::E0109,
            span.range(),
            "how far it reaches is said twice",
        )
        .label("the second extent"))
    }

    fn add_owner(&mut self, owner: Owner<'a>, span: Span) -> Resolved<()> {
        if self.owner.is_some() {
            return Err(PrototypeError::new(
                Code::E0123,
                span.range(),
                "this memory has two owners",
            )
            .label("the second owner"));
        }
        self.owner = Some((owner, span));
        Ok(())
    }

    /// Whether the pointer is said to be a handle.
    pub fn is_handle(&self) -> bool {
        self.handle.is_some() || self.closed_by.is_some() || self.consumed.is_some()
    }

    /// The first annotation that only a pointer to a function can bear.
    pub fn callback_only(&self) -> Option<Span> {
        self.scope.map(|(_, span)| span)
    }

    /// The first annotation that no pointer to a function can bear.
    pub fn not_callback(&self) -> Option<Span> {
        [
            self.data_only(),
            self.handle,
            self.closed_by.map(|(_, span)| span),
            self.consumed,
            self.opaque,
            self.alias.map(|(_, span)| span),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|span| span.start)
    }

    /// The first annotation that only data can bear.
    pub fn data_only(&self) -> Option<Span> {
        [
            self.direction.map(|(_, span)| span),
            self.extent.map(|(_, span)| span),
            self.filled.map(|(_, span)| span),
            self.owner.as_ref().map(|(_, span)| *span),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|span| span.start)
    }

    fn check_identity(&self) -> Resolved<()> {
        let handle = self
            .handle
            .or(self.closed_by.map(|(_, span)| span))
            .or(self.consumed);
        let alias = self.alias.map(|(_, span)| span);
        let kinds = [handle, alias, self.opaque];
        let mut said = kinds.into_iter().flatten();
        let (Some(first), second) = (said.next(), said.next().or(self.data_only())) else {
            return Ok(());
        };
        match second {
            None => Ok(()),
            Some(second) => {
                let later = if first.start > second.start {
                    first
                } else {
                    second
                };
                Err(PrototypeError::new(
                    Code::E0122,
                    later.range(),
                    "this pointer is two kinds of thing at once",
                )
                .label("does not go with the annotation before")
                .help("handles, aliases and opaque values have no direction, extent or owner"))
            }
        }
    }
}

/// The value of the element that ends an array.
fn terminator(extent: &RawExtent) -> Option<i128> {
    match extent {
        RawExtent::NullTerminated => Some(0),
        RawExtent::TerminatedBy(value) => Some(*value),
        _ => None,
    }
}

fn once<'a, T: ?Sized>(slot: &mut Option<(&'a T, Span)>, value: &'a T, span: Span) -> Resolved<()> {
    if slot.is_some() {
        return Err(twice(span));
    }
    *slot = Some((value, span));
    Ok(())
}

fn once_bare(slot: &mut Option<Span>, span: Span) -> Resolved<()> {
    if slot.is_some() {
        return Err(twice(span));
    }
    *slot = Some(span);
    Ok(())
}

fn twice(span: Span) -> PrototypeError {
    PrototypeError::new(Code::E0127, span.range(), "this annotation is given twice")
        .label("the second time")
}
