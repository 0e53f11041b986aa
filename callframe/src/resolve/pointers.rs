//! What kind of thing a pointer is, which way its data travels, how far it reaches, whose it is.
//!
//! ```text
//! to a function            -> Callback, see `callbacks`
//! __alias(p)               -> Alias, where it comes back
//! __opaque                 -> Opaque, as a parameter or a result
//! __handle, __closed_by(f),
//! __consume, or to an
//! incomplete record        -> Handle
//! otherwise                -> Data, with direction, extent and owner
//! ```

use super::marks::{Marks, Owner};
use super::parameters::is_constant;
use super::{Need, Place, Resolved, Resolver, Root, Simple, advice};
use crate::error::{Code, PrototypeError};
use crate::syntax::raw::{Name, RawExtent, RawType, Shape};
use crate::syntax::scope::Scope;
use crate::syntax::token::Span;
use crate::types::{Direction, Extent, Filled, Identity, Ownership, Pointer, Scalar, Type, TypeId};

impl Resolver<'_> {
    pub(super) fn pointer(
        &mut self,
        raw: &RawType,
        target: &RawType,
        place: Place,
    ) -> Resolved<TypeId> {
        let marks = Marks::of(raw, place)?;
        if let Shape::Function(function) = &target.shape {
            return self.callback(&marks, function, place);
        }
        if let Some(span) = marks.callback_only() {
            return Err(advice::no_callback(span));
        }
        if let Some(identity) = self.identity(&marks, target, place)? {
            return self.fixed(identity, target, place);
        }
        self.data(raw, target, &marks, place)
    }

    /// The identity of a pointer that is not data.
    fn identity(
        &mut self,
        marks: &Marks,
        target: &RawType,
        place: Place,
    ) -> Resolved<Option<Identity>> {
        if let Some(begin) = self.begin(place) {
            return self.end(begin, marks, place).map(Some);
        }
        if let Some((name, span)) = marks.alias {
            if !place.comes_back() {
                return Err(advice::alias(span, "this pointer does not come back"));
            }
            let index = self.parameter_index(name, span.or(place.span))?;
            self.needs
                .push((index, name.span.or(place.span), Need::Data));
            return Ok(Some(Identity::Alias(index)));
        }
        if marks.opaque.is_some() {
            return Ok(Some(Identity::Opaque));
        }
        let incomplete = is_incomplete(target, self.scope);
        if incomplete && !marks.is_handle() {
            if let Some(span) = marks.data_only() {
                return Err(advice::incomplete_data(span, place));
            }
            if place.root == Root::Field {
                return Err(advice::silent_member(place));
            }
        }
        if !marks.is_handle() && !incomplete {
            return match marks.constants {
                Some((_, span)) => Err(advice::no_object(span)),
                None => Ok(None),
            };
        }
        self.handle(marks, target, place).map(Some)
    }

    /// The parameter that the one at `place` ends.
    fn begin(&self, place: Place) -> Option<u32> {
        let (Root::Parameter(own), None) = (place.root, place.outer) else {
            return None;
        };
        let name = &self.known.get(own as usize)?.name;
        let ended = self.known.iter().zip(0_u32..);
        let mut ended = ended.filter(|(known, index)| known.is_ended_by(name) && *index != own);
        ended.next().map(|(_, index)| index)
    }

    /// A pointer that ends another one points into the same data and says nothing else.
    fn end(&self, begin: u32, marks: &Marks, place: Place) -> Resolved<Identity> {
        let said = marks
            .alias
            .map(|(name, span)| (self.parameter_index(name, span), span));
        let other = match said {
            None => marks.data_only(),
            Some((index, span)) => (index? != begin).then_some(span),
        };
        match other {
            None => Ok(Identity::Alias(begin)),
            Some(span) => Err(advice::no_end(
                span,
                &format!(
                    "'{}' ends another parameter and is that pointer's end only",
                    place.name
                ),
            )),
        }
    }

    /// A pointer whose target is never looked into.
    fn fixed(&mut self, identity: Identity, target: &RawType, place: Place) -> Resolved<TypeId> {
        let constant = is_constant(target);
        let parameter = matches!((place.root, place.outer), (Root::Parameter(_), None));
        let object = matches!(identity, Identity::Handle(_)) && parameter;
        let id = match self.resident_key(target).filter(|_| object) {
            Some(key) => self.resident(key, place)?,
            None => self.unseen(target, place)?,
        };
        self.add(
            Type::Pointer(Pointer {
                target: id,
                constant,
                direction: Direction::In,
                extent: Extent::Single,
                filled: None,
                identity,
                ownership: Ownership::Caller,
            }),
            place,
        )
    }

    /// The type of an object that is never copied: records by name only.
    fn unseen(&mut self, target: &RawType, place: Place) -> Resolved<TypeId> {
        match &target.shape {
            Shape::Void => self.simple(Simple::Void, place),
            Shape::Record(key) => self.unseen_record(*key, place),
            Shape::Array(element, bound) => {
                let length = self.length(bound.as_ref(), target.span, place)?;
                let element = self.unseen(element, place)?;
                self.add(Type::Array { element, length }, place)
            }
            _ => self.ty(target, place),
        }
    }

    fn data(
        &mut self,
        raw: &RawType,
        target: &RawType,
        marks: &Marks,
        place: Place,
    ) -> Resolved<TypeId> {
        if place.root == Root::Field && raw.annotations.is_empty() {
            return Err(advice::silent_member(place));
        }
        let constant = is_constant(target);
        let ownership = self.ownership(marks, target, place)?;
        let direction = self.direction(marks, target, &ownership, place)?;
        let extent = self.extent(marks, target, direction, &ownership, place)?;
        let replaced = is_replaced(&ownership, place);
        let filled = match replaced {
            true => self.replaced_filled(marks, &extent, place)?,
            false => self.filled(marks, target, direction, &extent, place)?,
        };
        let returned = direction == Direction::Out || !ownership.is_callers();
        let inner = Place {
            outer: Some(if returned { Direction::Out } else { direction }),
            ..place
        };
        let id = match target.shape {
            Shape::Void => {
                self.no_marks(target, place)?;
                self.simple(Simple::Void, place)?
            }
            _ => self.ty(target, inner)?,
        };
        // What comes back with an owner owns what it leads to.
        if direction == Direction::Out
            && ownership == Ownership::Caller
            && let Some(member) = self.unowned_member(id)
        {
            return Err(advice::unowned(&member, place));
        }
        self.add(
            Type::Pointer(Pointer {
                target: id,
                constant,
                direction,
                extent,
                filled,
                identity: Identity::Data,
                ownership,
            }),
            place,
        )
    }

    /// Whose memory it is; must be said of all data that comes back.
    fn ownership(&mut self, marks: &Marks, target: &RawType, place: Place) -> Resolved<Ownership> {
        let said = match marks.owner {
            Some((owner, span)) => Some((self.owner(owner, place)?, span)),
            None => None,
        };
        let replaced = place.outer == Some(Direction::InOut);
        match said {
            Some((owner @ Ownership::Retained(_), span)) => match (place.root, place.outer) {
                (Root::Parameter(_), None) => Ok(owner),
                _ => Err(advice::not_kept(
                    span,
                    "only what a parameter leads to is kept",
                )),
            },
            Some((owner, _)) if place.comes_back() || replaced => Ok(owner),
            Some((owner, _)) if place.root == Root::Field => Ok(owner),
            Some((_, span)) => Err(PrototypeError::new(
                Code::E0123,
                span.range(),
                "this memory stays the caller's",
            )
            .label("only what comes back from the function has another owner")),
            None if place.comes_back() => {
                Err(advice::whose(target, self.scope, self.function, place))
            }
            None => Ok(Ownership::Caller),
        }
    }

    fn owner(&mut self, owner: Owner, place: Place) -> Resolved<Ownership> {
        Ok(match owner {
            Owner::Owned(function) => Ownership::Owned(function.to_owned()),
            Owner::Borrowed => Ownership::Borrowed,
            Owner::Static => Ownership::Static,
            Owner::Retained(name) => {
                let span = name.span.or(place.span);
                let index = self.parameter_index(name, span)?;
                self.needs.push((index, span, Need::Keeper));
                Ownership::Retained(index)
            }
            Owner::BorrowedFrom(name) => {
                let span = name.span.or(place.span);
                if self.outer.is_some() {
                    return Err(advice::borrowed_by_library(span));
                }
                let index = self.parameter_index(name, span)?;
                self.needs.push((index, span, Need::Handle));
                Ownership::BorrowedFrom(index)
            }
        })
    }

    fn direction(
        &self,
        marks: &Marks,
        target: &RawType,
        ownership: &Ownership,
        place: Place,
    ) -> Resolved<Direction> {
        let constant = is_constant(target);
        if place.comes_back() {
            return match marks.direction {
                Some((Direction::In | Direction::InOut, span)) => Err(PrototypeError::new(
                    Code::E0108,
                    span.range(),
                    "this pointer only comes back",
                )
                .label("nothing goes in here")),
                _ => Ok(Direction::Out),
            };
        }
        match marks.direction {
            Some((direction, span)) if constant && direction != Direction::In => Err(
                PrototypeError::new(Code::E0108, span.range(), "const data cannot come back")
                    .label("what it leads to is const")
                    .help("remove `const`, or the direction"),
            ),
            Some((Direction::Out | Direction::InOut, span))
                if matches!(ownership, Ownership::Retained(_)) =>
            {
                Err(advice::not_kept(
                    span,
                    "what the library keeps only goes in",
                ))
            }
            None if matches!(ownership, Ownership::Retained(_)) => Ok(Direction::In),
            Some((direction, span)) if !ownership.is_callers() => {
                let message = "data that the library owns has no direction";
                if direction == Direction::Out {
                    return Ok(Direction::In);
                }
                Err(PrototypeError::new(Code::E0108, span.range(), message)
                    .label("it comes back with the record"))
            }
            Some((direction, _)) => Ok(direction),
            None if constant || !ownership.is_callers() => Ok(Direction::In),
            None if matches!(target.shape, Shape::Pointer(_)) => {
                Err(advice::pointer_to_pointer(place))
            }
            None => self.default_direction(marks, place),
        }
    }

    /// `T *` goes in and comes back, unless strictness wants to see that written.
    fn default_direction(&self, marks: &Marks, place: Place) -> Resolved<Direction> {
        if self.options.strict && marks.extent.is_none() {
            return Err(PrototypeError::new(
                Code::E0118,
                place.span.range(),
                format!(
                    "the direction of {} is not written",
                    advice::quoted(place.name)
                ),
            )
            .label("by default it goes in and comes back")
            .help("write `__in`, `__out` or `__inout` after the `*`"));
        }
        // A buffer of many that only go in goes in only, too.
        if place.outer == Some(Direction::In) {
            return Ok(Direction::In);
        }
        Ok(Direction::InOut)
    }

    fn extent(
        &mut self,
        marks: &Marks,
        target: &RawType,
        direction: Direction,
        ownership: &Ownership,
        place: Place,
    ) -> Resolved<Extent> {
        let Some((extent, span)) = marks.extent else {
            return self.default_extent(marks, target, ownership, place);
        };
        // A buffer that the function replaces goes in, and comes back as large as it is then.
        let replaced = is_replaced(ownership, place);
        let after = place.comes_back() || !ownership.is_callers() && !replaced;
        let moment = if after {
            Moment::Returned
        } else {
            Moment::Before
        };
        Ok(match extent {
            RawExtent::Single if matches!(target.shape, Shape::Void) => {
                return Err(advice::unsuited(span, "void has no size: use __sized_by"));
            }
            RawExtent::Single => Extent::Single,
            RawExtent::NullTerminated => {
                check_terminated(target, span)?;
                self.check_terminator_exists(direction, after, place)?;
                Extent::NullTerminated
            }
            RawExtent::TerminatedBy(value) => {
                check_terminator(target, *value, span)?;
                self.check_terminator_exists(direction, after, place)?;
                Extent::TerminatedBy(*value)
            }
            RawExtent::Counted(_) if matches!(target.shape, Shape::Void) => {
                return Err(advice::unsuited(
                    span,
                    "void has no elements: use __sized_by",
                ));
            }
            RawExtent::Counted(count) => Extent::Counted(self.bind(count, moment, place)?),
            RawExtent::Sized(size) => Extent::Sized(self.bind(size, moment, place)?),
            RawExtent::EndedBy(end) => Extent::EndedBy(self.ended_by(end, span, place)?),
        })
    }

    fn ended_by(&mut self, end: &Name, span: Span, place: Place) -> Resolved<u32> {
        let (Root::Parameter(own), None) = (place.root, place.outer) else {
            return Err(advice::no_end(
                span,
                "only a parameter is ended by another one",
            ));
        };
        let index = self.parameter_index(end, span)?;
        if index == own {
            return Err(advice::no_end(span, "a pointer does not end itself"));
        }
        self.needs
            .push((index, end.span.or(span), Need::EndOf(own)));
        Ok(index)
    }

    fn default_extent(
        &self,
        marks: &Marks,
        target: &RawType,
        ownership: &Ownership,
        place: Place,
    ) -> Resolved<Extent> {
        let owned = !ownership.is_callers();
        match &target.shape {
            Shape::Scalar(Scalar::Char) if is_constant(target) || owned => {
                Ok(Extent::NullTerminated)
            }
            Shape::Scalar(Scalar::SignedChar | Scalar::UnsignedChar) if owned => {
                Ok(Extent::NullTerminated)
            }
            Shape::Scalar(
                Scalar::Char
                | Scalar::SignedChar
                | Scalar::UnsignedChar
                | Scalar::Int8
                | Scalar::UInt8
                | Scalar::WideChar,
            )
            | Shape::Void => Err(advice::how_large(target, marks, &self.known, place)),
            _ if marks.unbounded => {
                let spelt = advice::spelt(target, self.scope);
                Err(advice::how_many(target, &spelt, marks, &self.known, place))
            }
            _ => Ok(Extent::Single),
        }
    }

    /// How much of a buffer is valid that the function may have replaced.
    fn replaced_filled(
        &mut self,
        marks: &Marks,
        extent: &Extent,
        place: Place,
    ) -> Resolved<Option<Filled>> {
        let Some((expression, span)) = marks.filled else {
            return Ok(None);
        };
        if !matches!(extent, Extent::Counted(_) | Extent::Sized(_)) {
            return Err(PrototypeError::new(
                Code::E0110,
                span.range(),
                "what is filled has no capacity",
            )
            .label("needs __sized_by or __counted_by"));
        }
        let amount = self.bind(expression, Moment::After, place)?;
        Ok(Some(Filled::Amount(amount)))
    }

    fn filled(
        &mut self,
        marks: &Marks,
        target: &RawType,
        direction: Direction,
        extent: &Extent,
        place: Place,
    ) -> Resolved<Option<Filled>> {
        let wrong = |span: Span, message: &str, label: &str| {
            Err(PrototypeError::new(Code::E0110, span.range(), message).label(label))
        };
        let Some(span) = marks
            .filled
            .map(|(_, span)| span)
            .or(marks.until.map(|it| it.1))
        else {
            return Ok(None);
        };
        if place.outer.is_some() || !matches!(place.root, Root::Parameter(_)) {
            return wrong(
                span,
                "only a parameter's buffer can be filled in part",
                "give the extent of what comes back instead",
            );
        }
        let Some((expression, span)) = marks.filled else {
            return self.until(marks, target);
        };
        if !direction.leaves() {
            return wrong(
                span,
                "nothing is filled that only goes in",
                "the data does not come back",
            );
        }
        if !matches!(extent, Extent::Counted(_) | Extent::Sized(_)) {
            return wrong(
                span,
                "what is filled has no capacity",
                "needs __sized_by or __counted_by",
            );
        }
        if let Some((_, until)) = marks.until {
            return wrong(
                until,
                "how much is filled is said twice",
                "beside __filled, no terminator",
            );
        }
        let amount = self.bind(expression, Moment::After, place)?;
        Ok(Some(Filled::Amount(amount)))
    }

    /// A terminator beside a capacity.
    fn until(&self, marks: &Marks, target: &RawType) -> Resolved<Option<Filled>> {
        let Some((value, span)) = marks.until else {
            return Ok(None);
        };
        check_terminator(target, value, span)?;
        Ok(Some(Filled::Until(value)))
    }

    /// What the function has yet to fill holds no terminator that would tell its size.
    fn check_terminator_exists(
        &self,
        direction: Direction,
        after: bool,
        place: Place,
    ) -> Resolved<()> {
        if direction == Direction::Out && !after {
            return Err(advice::no_capacity(place));
        }
        Ok(())
    }
}

/// When an expression is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// From what the caller passes.
    Before,
    /// From that and what the function left behind.
    After,
    /// As `After`, in the VM: the size of what comes back.
    Returned,
}

/// Whether it is memory of the program's allocator that the function may allocate anew.
fn is_replaced(ownership: &Ownership, place: Place) -> bool {
    matches!(ownership, Ownership::Owned(_)) && place.outer == Some(Direction::InOut)
}

/// Whether a pointer to it is a handle because its members are not known.
pub(super) fn is_incomplete(target: &RawType, scope: &Scope) -> bool {
    match target.shape {
        Shape::Record(key) => scope
            .record(scope.overriding(key))
            .is_some_and(|record| record.fields.is_none()),
        _ => false,
    }
}

/// A terminator is looked for among integers, NULL also among pointers.
fn check_terminated(target: &RawType, span: Span) -> Resolved<()> {
    match &target.shape {
        Shape::Pointer(_) => Ok(()),
        Shape::Scalar(scalar) if scalar.is_integer() => Ok(()),
        Shape::Void => Err(advice::unsuited(
            span,
            "void has no elements: use __sized_by",
        )),
        _ => Err(advice::unsuited(
            span,
            "elements of this type have no terminator",
        )),
    }
}

fn check_terminator(target: &RawType, value: i128, span: Span) -> Resolved<()> {
    let Shape::Scalar(scalar) = target.shape else {
        return Err(advice::unsuited(
            span,
            "elements of this type have no terminator",
        ));
    };
    match super::contract::range(scalar) {
        None => Err(advice::unsuited(
            span,
            "elements of this type have no terminator",
        )),
        Some(range) if range.contains(&value) => Ok(()),
        Some(_) => Err(PrototypeError::new(
            Code::E0121,
            span.range(),
            format!("no element can have the value {value}"),
        )
        .label("not a value of the element type")),
    }
}
