//! What can be carried: the meaning of a frame's pointers, checked once so that a call need not.
//!
//! A pointer's place decides what it may be. *Entering* places are the arguments and whatever the
//! caller's memory holds behind them; *returned* places are the result, what the function puts into
//! an `__out` block, and what lies behind those.
//!
//! | | entering | returned |
//! |---|---|---|
//! | data of the caller | carried | behind data that comes back with an owner part of that; elsewhere refused: nothing says whose memory it is |
//! | owned, borrowed, static | only inside blocks; sent where the client kept it, NULL otherwise | carried |
//! | alias, handle, opaque | carried | carried |
//! | callback | carried, and what it takes and returns checked as a frame of its own | NULL and constants |
//! | retained | carried, what a parameter leads to | refused |
//!
//! Expressions of an entering pointer are evaluated before the call, so they may not speak of the
//! result or of what only the function writes.

use super::{LayoutError, Template};
use crate::expression::{Expression, Operation};
use crate::types::{
    Direction, Extent, Filled, Identity, Ownership, Pointer, RecordId, Type, TypeId,
};
use std::collections::HashSet;
use std::sync::Arc;

/// Whether every value of the frame can be carried.
pub(super) fn carriable(template: &Template) -> Result<(), LayoutError> {
    let mut checker = Checker {
        template,
        seen: HashSet::new(),
        pending: Vec::new(),
    };
    let frame = template.frame();
    for (index, parameter) in frame.parameters().iter().enumerate() {
        let place = format!("parameter '{}'", parameter.name);
        checker.value(parameter.ty, Place::Argument(index as u32), None, &place)?;
    }
    if !matches!(frame.ty(frame.result()), Type::Void) {
        checker.value(frame.result(), Place::Returned, None, "result")?;
    }
    while let Some((id, place, words)) = checker.pending.pop() {
        if !matches!(frame.ty(id), Type::Void) {
            checker.value(id, place, None, &words)?;
        }
    }
    if let Some(success) = &frame.contract().success {
        checker.expression(success, true, None, "__success")?;
    }
    callbacks(template)
}

/// Whether everything that is called back can be carried the other way.
fn callbacks(template: &Template) -> Result<(), LayoutError> {
    let frame = template.frame();
    for ty in frame.callbacks() {
        let Some(callback) = frame.callback(ty) else {
            let reason = "a pointer to something that is no function cannot be called back";
            return refuse(frame.name(), reason);
        };
        let words = format!("callback '{}'", callback.name());
        if !callback.callbacks().is_empty() {
            return refuse(&words, "it takes or returns a function");
        }
        Template::of(&Arc::new(callback), template.model())
            .map_err(|error| error.inside(&words))?;
    }
    Ok(())
}

/// Where a value lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// An argument itself.
    Argument(u32),
    /// In memory of the caller that the function gets, and gets back if `returns`.
    Entering { returns: bool },
    /// The result, or memory the function fills.
    Returned,
    /// Behind a pointer that comes back with its owner: all of it belongs to that.
    Within,
}

struct Checker<'a> {
    template: &'a Template,
    seen: HashSet<(TypeId, Place)>,
    pending: Vec<(TypeId, Place, String)>,
}

impl Checker<'_> {
    /// Checks a value and, by way of `pending`, what its pointers lead to.
    fn value(
        &mut self,
        id: TypeId,
        place: Place,
        record: Option<RecordId>,
        words: &str,
    ) -> Result<(), LayoutError> {
        let frame = self.template.frame();
        match frame.ty(id) {
            Type::Void => refuse(words, "'void' has no values"),
            Type::Function { .. } => refuse(words, "functions have no values; pass a pointer"),
            Type::Scalar(_) | Type::Descriptor => Ok(()),
            Type::Array { element, .. } => self.value(*element, place, None, words),
            Type::Record(id) => self.record(*id, place, false, words),
            Type::Pointer(pointer) => self.pointer(pointer, place, record, words),
        }
    }

    /// Checks the members of a record; of a `tagged` union it is known which one is there.
    fn record(
        &mut self,
        id: RecordId,
        place: Place,
        tagged: bool,
        words: &str,
    ) -> Result<(), LayoutError> {
        let frame = self.template.frame();
        let record = frame.record(id);
        for field in &record.fields {
            let words = format!("{words}, member '{}'", field.name);
            if record.union && !tagged && !self.plain(field.ty) {
                let reason = "a union travels as raw bytes and may not hold pointers or descriptors \
                              unless '__switch' tells which member is there";
                return refuse(&words, reason);
            }
            let inside = match place {
                Place::Argument(_) => Place::Entering { returns: false },
                other => other,
            };
            match (field.switch, frame.ty(field.ty)) {
                (None, _) => self.value(field.ty, inside, Some(id), &words)?,
                (Some(tag), Type::Record(union))
                    if !record.union && frame.record(*union).union && self.is_tag(id, tag) =>
                {
                    self.record(*union, inside, true, &words)?;
                }
                _ => return refuse(&words, "'__switch' needs a union, and an integer beside it"),
            }
        }
        Ok(())
    }

    /// Whether member `tag` of a record is an integer.
    fn is_tag(&self, record: RecordId, tag: u32) -> bool {
        let frame = self.template.frame();
        let field = frame.record(record).fields.get(tag as usize);
        field.is_some_and(|field| field.bits.is_none() && is_integer(frame.ty(field.ty)))
    }

    fn pointer(
        &mut self,
        pointer: &Pointer,
        place: Place,
        record: Option<RecordId>,
        words: &str,
    ) -> Result<(), LayoutError> {
        match &pointer.identity {
            Identity::Handle(_) | Identity::Opaque => return Ok(()),
            Identity::Callback(callback) => {
                if let Some(scope) = callback.scope {
                    self.handle(scope, "__scope", words)?;
                }
                return Ok(());
            }
            Identity::Alias(parameter) => return self.alias(*parameter, place, words),
            Identity::Data => {}
        }
        let returned = matches!(place, Place::Returned | Place::Within);
        match &pointer.ownership {
            Ownership::Retained(keeper)
                if matches!(place, Place::Argument(_)) && self.is_bytes(pointer.target) =>
            {
                self.keeper(*keeper, words)?;
            }
            Ownership::Retained(_) => {
                let reason =
                    "'__retained' data is what a parameter leads to, and holds no pointers";
                return refuse(words, reason);
            }
            Ownership::Caller if place == Place::Returned => {
                let reason = "nothing says whose memory comes back: write '__owned(f)', \
                              '__borrowed', '__static', '__alias(p)' or '__handle' after the '*'";
                return refuse(words, reason);
            }
            Ownership::Caller => {}
            _ if matches!(place, Place::Argument(_)) => {
                let reason = "an argument is the caller's memory; ownership describes pointers that \
                              come back";
                return refuse(words, reason);
            }
            Ownership::BorrowedFrom(parameter) => {
                self.handle(*parameter, "__borrowed_from", words)?;
            }
            Ownership::Owned(_) if place == (Place::Entering { returns: true }) => {
                return self.replaced(pointer, record, words);
            }
            _ => {}
        }
        let after = returned || !pointer.ownership.is_callers();
        self.extent(pointer, after, record, words)?;
        let place = match (pointer.ownership.is_callers(), place) {
            (false, _) | (true, Place::Within) => Place::Within,
            _ if pointer.direction == Direction::Out => Place::Returned,
            _ => Place::Entering {
                returns: pointer.direction.leaves(),
            },
        };
        self.target(pointer, place, words)
    }

    /// Memory of the program's allocator that goes in, and that the function may allocate anew.
    fn replaced(
        &mut self,
        pointer: &Pointer,
        record: Option<RecordId>,
        words: &str,
    ) -> Result<(), LayoutError> {
        if !self.is_bytes(pointer.target) {
            let reason = "a buffer that the function allocates anew holds no pointers";
            return refuse(words, reason);
        }
        match (&pointer.extent, &pointer.filled) {
            (Extent::Counted(extent) | Extent::Sized(extent), filled) => {
                self.expression(extent, false, record, words)?;
                if let Some(Filled::Amount(amount)) = filled {
                    self.expression(amount, true, record, words)?;
                }
            }
            _ => self.extent(pointer, false, record, words)?,
        }
        self.target(pointer, Place::Within, words)
    }

    /// Whether what a pointer leads to is nothing but bytes.
    fn is_bytes(&self, target: TypeId) -> bool {
        matches!(self.template.frame().ty(target), Type::Void) || self.plain(target)
    }

    /// Queues what a data pointer leads to.
    fn target(&mut self, pointer: &Pointer, place: Place, words: &str) -> Result<(), LayoutError> {
        let target = self.template.frame().ty(pointer.target);
        let counted = matches!(pointer.extent, Extent::Counted(_) | Extent::Sized(_));
        if matches!(target, Type::Void) && !counted {
            return refuse(
                words,
                "'void *' says nothing about its size: write '__sized_by(e)'",
            );
        }
        if matches!(target, Type::Function { .. }) {
            return refuse(words, "a pointer to a function is a callback, not data");
        }
        if self.template.element_size(pointer.target) == 0 {
            let reason = "the type it leads to is incomplete: define it, or write '__handle'";
            return refuse(words, reason);
        }
        if self.seen.insert((pointer.target, place)) {
            self.pending
                .push((pointer.target, place, format!("{words}, what it leads to")));
        }
        Ok(())
    }

    fn extent(
        &self,
        pointer: &Pointer,
        after: bool,
        record: Option<RecordId>,
        words: &str,
    ) -> Result<(), LayoutError> {
        match &pointer.extent {
            Extent::Single => {}
            Extent::NullTerminated | Extent::TerminatedBy(_) => {
                if pointer.direction == Direction::Out && !after {
                    let reason = "an '__out' buffer needs its capacity: write '__sized_by(e)' or \
                                  '__counted_by(e)'";
                    return refuse(words, reason);
                }
                let target = self.template.frame().ty(pointer.target);
                let pointers = matches!(target, Type::Pointer(_));
                let nulls = pointers && pointer.extent == Extent::NullTerminated;
                if !is_integer(target) && !nulls {
                    let reason = "only arrays of integers, or of pointers that end with NULL, are \
                                  terminated by a value";
                    return refuse(words, reason);
                }
            }
            Extent::Counted(expression) | Extent::Sized(expression) => {
                self.expression(expression, after, record, words)?;
            }
            Extent::EndedBy(end) => self.ended(*end, pointer, words)?,
        }
        if let Some(Filled::Until(_)) = &pointer.filled {
            let measured = matches!(pointer.extent, Extent::Counted(_) | Extent::Sized(_));
            if after || !measured || !is_integer(self.template.frame().ty(pointer.target)) {
                let reason = "a terminator beside a capacity describes integers of the caller's";
                return refuse(words, reason);
            }
        }
        if let Some(Filled::Amount(filled)) = &pointer.filled {
            if !pointer.direction.leaves() || after {
                return refuse(words, "'__filled' describes '__out' and '__inout' buffers");
            }
            if filled
                .operations
                .iter()
                .any(|operation| matches!(operation, Operation::Field(_)))
            {
                return refuse(
                    words,
                    "'__filled' by a member of a record is not supported yet",
                );
            }
            self.expression(filled, true, record, words)?;
        }
        Ok(())
    }

    fn expression(
        &self,
        expression: &Expression,
        after: bool,
        record: Option<RecordId>,
        words: &str,
    ) -> Result<(), LayoutError> {
        let mut depth = 0usize;
        for operation in &expression.operations {
            self.operand(operation, after, record, words)?;
            let takes = match operation {
                Operation::Parameter(_)
                | Operation::Pointee(_)
                | Operation::Field(_)
                | Operation::Outer(_)
                | Operation::Return
                | Operation::Query(_)
                | Operation::Constant(_)
                | Operation::SizeOf(_)
                | Operation::SizeOfType(_) => 0,
                Operation::Negate => 1,
                _ => 2,
            };
            depth = match depth.checked_sub(takes) {
                Some(left) => left + 1,
                None => return refuse(words, "an expression that is not complete"),
            };
        }
        if depth == 1 {
            Ok(())
        } else {
            refuse(words, "an expression that is not complete")
        }
    }

    /// What an operation names is there, is known when it is needed, and is an integer.
    fn operand(
        &self,
        operation: &Operation,
        after: bool,
        record: Option<RecordId>,
        words: &str,
    ) -> Result<(), LayoutError> {
        let frame = self.template.frame();
        let is_integer = |ty: Option<TypeId>| {
            let ty = ty.map(|ty| frame.ty(ty));
            matches!(ty, Some(Type::Scalar(scalar)) if scalar.is_integer())
        };
        let problem = match operation {
            Operation::Parameter(index) => {
                let parameter = frame.parameters().get(*index as usize);
                if is_integer(parameter.map(|parameter| parameter.ty)) {
                    return Ok(());
                }
                "an expression names a parameter that is no integer"
            }
            Operation::Pointee(index) => return self.pointee(*index, after, words),
            Operation::Field(index) => {
                let field = record.and_then(|id| frame.record(id).fields.get(*index as usize));
                if is_integer(field.map(|field| field.ty)) {
                    return Ok(());
                }
                "an expression names a member that is no integer"
            }
            Operation::Outer(index) => {
                let outer = frame.outer().get(*index as usize);
                if is_integer(outer.map(|parameter| parameter.ty)) {
                    return Ok(());
                }
                "an expression names no integer of the outer function"
            }
            Operation::Return if !after => "its size is needed before the function returns",
            Operation::Return => match frame.ty(frame.result()) {
                Type::Scalar(scalar) if scalar.is_integer() => return Ok(()),
                Type::Pointer(_) | Type::Descriptor => return Ok(()),
                _ => "an expression needs a result that is an integer",
            },
            Operation::SizeOfType(ty) if self.template.size_align(*ty).size == 0 => {
                "an expression measures a type that has no size"
            }
            Operation::Query(query) => {
                let known = |index: &u32| (*index as usize) < frame.parameters().len();
                if after && query.arguments.iter().all(known) {
                    return Ok(());
                }
                "another function cannot be asked for this"
            }
            _ => return Ok(()),
        };
        refuse(words, problem)
    }

    /// `*p` needs a `p` that leads to one integer, which has a value at the time.
    fn pointee(&self, index: u32, after: bool, words: &str) -> Result<(), LayoutError> {
        let frame = self.template.frame();
        let ty = frame
            .parameters()
            .get(index as usize)
            .map(|parameter| frame.ty(parameter.ty));
        let Some(Type::Pointer(pointer)) = ty else {
            return refuse(
                words,
                "an expression follows a parameter that is no pointer",
            );
        };
        let integer =
            matches!(frame.ty(pointer.target), Type::Scalar(scalar) if scalar.is_integer());
        if !integer || pointer.identity != Identity::Data || pointer.extent != Extent::Single {
            return refuse(
                words,
                "an expression follows a pointer that does not lead to one integer",
            );
        }
        if !after && !pointer.direction.enters() {
            let reason = "its size is read from an '__out' parameter, which has no value before the \
                          call: make that one '__inout'";
            return refuse(words, reason);
        }
        Ok(())
    }

    /// `__ended_by(p)` needs a `p` that points into the same data, and stands on a parameter.
    fn ended(&self, end: u32, pointer: &Pointer, words: &str) -> Result<(), LayoutError> {
        let frame = self.template.frame();
        let of = |index: u32| {
            let parameter = frame.parameters().get(index as usize)?;
            match frame.ty(parameter.ty) {
                Type::Pointer(pointer) => Some(pointer),
                _ => None,
            }
        };
        let begins = match of(end).map(|end| &end.identity) {
            Some(Identity::Alias(begin)) => of(*begin) == Some(pointer),
            _ => false,
        };
        match begins {
            true => Ok(()),
            false => refuse(
                words,
                "'__ended_by' needs a parameter that points into the same data",
            ),
        }
    }

    fn alias(&self, parameter: u32, place: Place, words: &str) -> Result<(), LayoutError> {
        let frame = self.template.frame();
        let ty = frame
            .parameters()
            .get(parameter as usize)
            .map(|parameter| frame.ty(parameter.ty));
        match ty {
            Some(Type::Pointer(Pointer {
                identity: Identity::Data,
                ..
            })) if place != Place::Argument(parameter) => Ok(()),
            _ => refuse(
                words,
                "'__alias' needs the name of another parameter that leads to data",
            ),
        }
    }

    /// What data is kept for: a handle, or a record that comes back.
    fn keeper(&self, parameter: u32, words: &str) -> Result<(), LayoutError> {
        let frame = self.template.frame();
        let parameter = frame.parameters().get(parameter as usize);
        let keeps = match parameter.map(|parameter| frame.ty(parameter.ty)) {
            Some(Type::Pointer(pointer)) => match pointer.identity {
                Identity::Handle(_) => true,
                Identity::Data => pointer.direction.leaves(),
                _ => false,
            },
            _ => false,
        };
        match keeps {
            true => Ok(()),
            false => refuse(
                words,
                "'__retained' needs the name of a handle, or of a record that comes back",
            ),
        }
    }

    fn handle(&self, parameter: u32, word: &str, words: &str) -> Result<(), LayoutError> {
        let frame = self.template.frame();
        let ty = frame
            .parameters()
            .get(parameter as usize)
            .map(|parameter| frame.ty(parameter.ty));
        match ty {
            Some(Type::Pointer(Pointer {
                identity: Identity::Handle(_),
                ..
            })) => Ok(()),
            _ => {
                let reason = format!("'{word}' needs the name of a parameter that is a handle");
                refuse(words, &reason)
            }
        }
    }

    /// Whether a value of this type is nothing but bytes.
    fn plain(&self, id: TypeId) -> bool {
        let frame = self.template.frame();
        match frame.ty(id) {
            Type::Scalar(_) => true,
            Type::Pointer(pointer) => pointer.identity == Identity::Opaque,
            Type::Array { element, .. } => self.plain(*element),
            Type::Record(id) => frame
                .record(*id)
                .fields
                .iter()
                .all(|field| self.plain(field.ty)),
            _ => false,
        }
    }
}

fn is_integer(ty: &Type) -> bool {
    matches!(ty, Type::Scalar(scalar) if scalar.is_integer())
}

fn refuse(words: &str, reason: &str) -> Result<(), LayoutError> {
    Err(LayoutError::Unsupported {
        place: words.to_owned(),
        reason: reason.to_owned(),
    })
}
