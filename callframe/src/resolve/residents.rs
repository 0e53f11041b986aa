//! Objects that the function makes in memory of the caller's, as regcomp does: what of their members
//! both sides see.
//!
//! | member | is |
//! |---|---|
//! | number, array or record of numbers | kept alike on both sides |
//! | `__static` or `__borrowed` pointer | a copy of what the library put there |
//! | pointer to a function, `__opaque` | NULL |
//! | any other pointer | the library's own; a `__cursor` of one call leads into the caller's buffer |

use super::marks::{Marks, Owner};
use super::parameters::{Value, is_constant, value};
use super::pointers::is_incomplete;
use super::records::Beside;
use super::{Place, Resolved, Resolver, Root, Simple, advice};
use crate::syntax::raw::{RawMember, RawRecord, RawType, RecordKey, Shape};
use crate::types::{
    Cursor, Direction, Extent, Field, Handle, Identity, Origin, Ownership, Pointer, Record, Type,
    TypeId,
};

impl Resolver<'_> {
    /// The record that an object is, where its members can be kept alike.
    pub(super) fn resident_key(&self, target: &RawType) -> Option<RecordKey> {
        let Shape::Record(key) = target.shape else {
            return None;
        };
        let key = self.scope.overriding(key);
        let record = self.scope.record(key)?;
        (!record.union && self.fits(record)).then_some(key)
    }

    /// The members that the cursors of this call name.
    pub(super) fn cursors(&self, marks: &Marks, target: &RawType) -> Resolved<Vec<Cursor>> {
        let Some((.., span)) = marks.cursors.first() else {
            return Ok(Vec::new());
        };
        let record = self
            .resident_key(target)
            .and_then(|key| self.scope.record(key));
        let members = record.and_then(|record| record.fields.as_deref());
        let Some(members) = members else {
            return Err(advice::no_cursor(
                *span,
                "cursors are members of a record, whose members have to be known",
            ));
        };
        let mut cursors = Vec::new();
        for (pointer, available, span) in &marks.cursors {
            let find = |name: &str| {
                let named =
                    |member: &RawMember| member.name.as_ref().is_some_and(|own| own.text == name);
                let index = members.iter().position(named)?;
                Some((index as u32, members.get(index)?))
            };
            let (Some(next), Some(left)) = (find(&pointer.text), find(&available.text)) else {
                return Err(advice::no_cursor(*span, "the record has no such members"));
            };
            let walks = match &next.1.ty.shape {
                Shape::Pointer(target) => matches!(target.shape, Shape::Scalar(_) | Shape::Void),
                _ => false,
            };
            if !walks || value(&left.1.ty) != Value::Integer {
                return Err(advice::no_cursor(
                    *span,
                    "a cursor is a pointer to numbers, and an integer that says how many are left",
                ));
            }
            if self.token_lies_on(members, [next.0, left.0]) {
                return Err(advice::no_cursor(
                    *span,
                    "the object's token lies there: of the record's pointers none is to a struct that \
                     is not known, nor `void *`",
                ));
            }
            cursors.push(Cursor {
                pointer: next.0,
                available: left.0,
            });
        }
        Ok(cursors)
    }

    /// Whether the memory of the caller's holds the object's token where one of these members is.
    fn token_lies_on(&self, members: &[RawMember], walks: [u32; 2]) -> bool {
        let unknown = |target: &RawType| is_incomplete(target, self.scope);
        let void = |target: &RawType| matches!(target.shape, Shape::Void);
        let place = self
            .first_pointer(members, &unknown)
            .or_else(|| self.first_pointer(members, &void));
        match place {
            Some(place) => walks.contains(&(place as u32)),
            // It has the first eight bytes.
            None => {
                let narrow = members.first().is_none_or(|first| match first.ty.shape {
                    Shape::Scalar(scalar) => !scalar.is_wide(),
                    Shape::Pointer(_) => false,
                    _ => true,
                });
                walks.contains(&0) || narrow && walks.contains(&1)
            }
        }
    }

    /// Which member is, or holds, the first pointer of the library's own to such a target.
    fn first_pointer(
        &self,
        members: &[RawMember],
        fits: &dyn Fn(&RawType) -> bool,
    ) -> Option<usize> {
        members
            .iter()
            .position(|member| self.holds(&member.ty, fits))
    }

    fn holds(&self, ty: &RawType, fits: &dyn Fn(&RawType) -> bool) -> bool {
        match &ty.shape {
            Shape::Pointer(target) => {
                let place = Place {
                    root: Root::Field,
                    name: "",
                    span: ty.span,
                    outer: None,
                    fields: None,
                };
                let marks = Marks::of(ty, place);
                let own = marks.is_ok_and(|marks| marks.opaque.is_none() && marks.owner.is_none());
                own && fits(target)
            }
            Shape::Record(key) => {
                let record = self.scope.record(self.scope.overriding(*key));
                let members = record.and_then(|record| record.fields.as_deref());
                members.is_some_and(|members| self.first_pointer(members, fits).is_some())
            }
            _ => false,
        }
    }

    /// The type of an object of this record.
    pub(super) fn resident(&mut self, key: RecordKey, place: Place) -> Resolved<TypeId> {
        if let Some(&id) = self.residents.get(&key) {
            return Ok(id);
        }
        let scope = self.scope;
        let Some(raw) = scope.record(key) else {
            return Err(advice::incomplete(place.span, place));
        };
        let members = raw.fields.as_deref().unwrap_or_default();
        let record = self.add_record(
            Record {
                name: raw.name.clone(),
                union: raw.union,
                origin: match key.standard {
                    true => Origin::Standard,
                    false => Origin::Given,
                },
                fields: Vec::new(),
            },
            place,
        )?;
        let id = self.add(Type::Record(record), place)?;
        self.residents.insert(key, id);
        let name = |member: &RawMember| member.name.as_ref().map(|name| name.text.clone());
        let beside: Vec<Beside> = members
            .iter()
            .map(|member| Beside {
                name: name(member).unwrap_or_default(),
                integer: value(&member.ty) == Value::Integer,
            })
            .collect();
        let mut fields = Vec::with_capacity(members.len());
        for member in members {
            let name = name(member).unwrap_or_default();
            let place = Place {
                root: Root::Field,
                name: &name,
                span: place.span,
                outer: None,
                fields: Some(&beside),
            };
            let ty = self.resident_member(&member.ty, place)?;
            fields.push(Field {
                name: name.clone(),
                ty,
                switch: None,
                cases: Vec::new(),
                bits: None,
            });
        }
        if let Some(record) = self.records.get_mut(record.0 as usize) {
            record.fields = fields;
        }
        Ok(id)
    }

    fn resident_member(&mut self, raw: &RawType, place: Place) -> Resolved<TypeId> {
        match &raw.shape {
            Shape::Scalar(scalar) => self.simple(Simple::Scalar(*scalar), place),
            Shape::Array(element, bound) => {
                let length = self.length(bound.as_ref(), raw.span, place)?;
                let element = self.resident_member(element, place)?;
                self.add(Type::Array { element, length }, place)
            }
            Shape::Record(key) => {
                let key = self.scope.overriding(*key);
                self.resident(key, place)
            }
            Shape::Pointer(target) => self.resident_pointer(raw, target, place),
            _ => self.ty(raw, place),
        }
    }

    fn resident_pointer(
        &mut self,
        raw: &RawType,
        target: &RawType,
        place: Place,
    ) -> Resolved<TypeId> {
        let marks = Marks::of(raw, place)?;
        if matches!(marks.owner, Some((Owner::Borrowed | Owner::Static, _))) {
            return self.pointer(raw, target, place);
        }
        let hidden = matches!(target.shape, Shape::Function(_)) || marks.opaque.is_some();
        let id = match &target.shape {
            Shape::Scalar(scalar) if !hidden => self.simple(Simple::Scalar(*scalar), place)?,
            Shape::Record(key) if !hidden && is_incomplete(target, self.scope) => {
                self.unseen_record(*key, place)?
            }
            _ => self.simple(Simple::Void, place)?,
        };
        let identity = match hidden {
            true => Identity::Opaque,
            false => Identity::Handle(Handle::default()),
        };
        self.add(
            Type::Pointer(Pointer {
                target: id,
                constant: !hidden && is_constant(target),
                direction: Direction::In,
                extent: Extent::Single,
                filled: None,
                identity,
                ownership: Ownership::Caller,
            }),
            place,
        )
    }

    /// Whether the members of a record are known and none of them is of a kind that cannot be kept
    /// alike.
    fn fits(&self, record: &RawRecord) -> bool {
        if record.trouble.is_some() || record.union && record.holds_pointers {
            return false;
        }
        let member = |member: &RawMember| member.name.is_some() && self.member_fits(&member.ty);
        record
            .fields
            .as_deref()
            .is_some_and(|fields| fields.iter().all(member))
    }

    fn member_fits(&self, ty: &RawType) -> bool {
        match &ty.shape {
            Shape::Scalar(_) => ty.annotations.is_empty(),
            Shape::Array(element, _) => self.member_fits(element),
            Shape::Record(key) => {
                let record = self.scope.record(self.scope.overriding(*key));
                record.is_some_and(|record| self.fits(record))
            }
            Shape::Pointer(_) => true,
            _ => false,
        }
    }
}
