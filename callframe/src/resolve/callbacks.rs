//! Pointers to functions of the program's, which the function calls back.
//!
//! What a callback takes and returns is resolved as a function's own parameters and result, with
//! the roles reversed: data goes in from the library to the program, and what "comes back" is what
//! the program's function leaves. Annotations inside of it speak of the callback's own parameters
//! and, where it has none of that name, of the integers of the function it is given to.

use std::rc::Rc;

use super::handles::constants;
use super::marks::Marks;
use super::parameters::{self, Value};
use super::{Need, Place, Resolved, Resolver, Root, Simple, advice};
use crate::error::Code;
use crate::syntax::not_carried;
use crate::syntax::raw::{RawFunction, Shape, Uncarried};
use crate::types::{Callback, Direction, Extent, Identity, Ownership, Pointer, Type, TypeId};

impl Resolver<'_> {
    /// A pointer to a function.
    pub(super) fn callback(
        &mut self,
        marks: &Marks,
        function: &RawFunction,
        place: Place,
    ) -> Resolved<TypeId> {
        if let Some(span) = marks.not_callback() {
            let message = "a pointer to a function has no direction, extent, owner or other kind";
            return Err(advice::not_on_callback(span, message));
        }
        let callback = Callback {
            scope: self.scope_of(marks, place)?,
            constants: constants(marks)?,
        };
        let comes_back = place.comes_back() && callback.constants.is_empty();
        if self.outer.is_some() || comes_back && place.root != Root::Field {
            return Err(advice::function_comes_back(place));
        }
        if let Some(span) = function.empty {
            return Err(advice::empty_callback(span));
        }
        if let Some(span) = function.variadic {
            let (code, span) = (Code::E0202, span.or(place.span));
            return Err(not_carried(Uncarried { code, span }));
        }
        let target = self.signature(function, place)?;
        self.add(
            Type::Pointer(Pointer {
                target,
                constant: false,
                direction: Direction::In,
                extent: Extent::Single,
                filled: None,
                identity: Identity::Callback(callback),
                ownership: Ownership::Caller,
            }),
            place,
        )
    }

    /// The handle parameter that a callback lives as long as.
    fn scope_of(&mut self, marks: &Marks, place: Place) -> Resolved<Option<u32>> {
        let Some((name, span)) = marks.scope else {
            return Ok(None);
        };
        let span = name.span.or(span);
        if place.fields.is_some() {
            let message = "a member's callback is valid during the call";
            return Err(advice::scope(span, message));
        }
        let index = self.parameter_index(name, span)?;
        if place.root == Root::Parameter(index) {
            return Err(advice::scope(span, "a callback cannot outlive itself"));
        }
        self.needs.push((index, span, Need::Scope));
        Ok(Some(index))
    }

    /// What the function takes and returns.
    fn signature(&mut self, function: &RawFunction, place: Place) -> Resolved<TypeId> {
        let known = parameters::known(&function.parameters, &[], self.scope)?;
        // A record's text stands for itself: it knows no function's parameters.
        let outer: Rc<[_]> = match place.fields {
            Some(_) => Rc::from([]),
            None => Rc::clone(&self.known),
        };
        let around = Around {
            known: std::mem::replace(&mut self.known, known.into()),
            returns_integer: std::mem::replace(
                &mut self.returns_integer,
                parameters::value(&function.result) == Value::Integer,
            ),
            needs: std::mem::take(&mut self.needs),
        };
        self.outer = Some(outer);
        let resolved = self.inside(function, place);
        self.outer = None;
        self.known = around.known;
        self.returns_integer = around.returns_integer;
        self.needs = around.needs;
        let (parameters, result) = resolved?;
        self.add(Type::Function { parameters, result }, place)
    }

    fn inside(
        &mut self,
        function: &RawFunction,
        place: Place,
    ) -> Resolved<(Vec<crate::types::Parameter>, TypeId)> {
        let parameters = self.parameters(&[])?;
        let result = match function.result.shape {
            Shape::Void => {
                self.no_marks(&function.result, place)?;
                self.simple(Simple::Void, place)?
            }
            _ => {
                let place = Place {
                    root: Root::Result,
                    name: "the result",
                    span: place.span,
                    outer: None,
                    fields: None,
                };
                let result = self.ty(&function.result, place)?;
                if let Some(member) = self.unowned_member(result) {
                    return Err(advice::unowned(&member, place));
                }
                result
            }
        };
        self.check_needs(&parameters)?;
        Ok((parameters, result))
    }
}

/// What annotations spoke of before a callback was entered.
struct Around {
    known: Rc<[parameters::Known]>,
    returns_integer: bool,
    needs: Vec<(u32, crate::syntax::token::Span, Need)>,
}
