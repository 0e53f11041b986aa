//! Records: which of them can travel, and what their members mean.

use super::parameters::{Value, value};
use super::views::{View, check_views};
use super::{Place, Resolved, Resolver, Root, advice};
use crate::error::{Code, PrototypeError};
use crate::syntax::not_carried;
use crate::syntax::raw::{RawMember, RawRecord, RecordKey, Uncarried};
use crate::syntax::token::Span;
use crate::types::{
    Field, Identity, Origin, Ownership, Record, RecordId, RecordName, Type, TypeId,
};

/// What an expression in a record can name.
pub(super) struct Beside {
    pub name: String,
    pub integer: bool,
}

/// What is known of a record in the frame.
pub(super) struct Facts {
    /// Simple values in it, at least one byte each.
    elements: u64,
    /// A member leading to data without an owner: fine where the caller made the record.
    unowned: Option<String>,
    /// Whether a member is `__owned(f)`: fine where the function made the record.
    owned: bool,
}

/// The most bytes a record may surely have; no call carries more.
const MAXIMUM_ELEMENTS: u64 = 64 << 20;

/// Whether the members of a record are known and each of them can be carried.
fn check_travels(raw: &RawRecord, span: Span, place: Place) -> Resolved<()> {
    if let Some(trouble) = &raw.trouble {
        return Err(trouble.clone());
    }
    match raw.fields {
        None => Err(advice::incomplete(span.or(place.span), place)),
        Some(_) => Ok(()),
    }
}

impl<'a> Resolver<'a> {
    /// A record whose members travel.
    pub(super) fn record(&mut self, key: RecordKey, span: Span, place: Place) -> Resolved<TypeId> {
        let key = self.scope.overriding(key);
        let scope = self.scope;
        let Some(raw) = scope.record(key) else {
            return Err(advice::incomplete(span.or(place.span), place));
        };
        let views = std::mem::take(&mut self.views);
        if let Some(&id) = self.named.get(&(key, true))
            && views.is_empty()
        {
            return Ok(id);
        }
        check_travels(raw, span, place)?;
        let fields = raw.fields.as_deref().unwrap_or_default();
        // As this one parameter sees it, it is a record of its own.
        let name = match views.is_empty() {
            true => raw.name.clone(),
            false => RecordName::Unnamed,
        };
        let record = Record {
            name: name.clone(),
            union: raw.union,
            origin: if key.standard && views.is_empty() {
                Origin::Standard
            } else {
                Origin::Given
            },
            fields: Vec::new(),
        };
        let record_id = self.add_record(record, place)?;
        self.check_case_place(fields, raw.union)?;
        let id = self.add(Type::Record(record_id), place)?;
        // Known from now on: its own members may lead to it.
        if name != RecordName::Unnamed {
            self.named.insert((key, true), id);
        }
        let resolved = self.fields(fields, key.standard, &views, place)?;
        if let Some(record) = self.records.get_mut(record_id.0 as usize) {
            record.fields = resolved;
        }
        self.note_facts(record_id, place)?;
        Ok(id)
    }

    fn fields(
        &mut self,
        members: &[RawMember],
        standard: bool,
        views: &[View<'a>],
        place: Place,
    ) -> Resolved<Vec<Field>> {
        let name = |member: &RawMember| member.name.as_ref().map(|name| name.text.clone());
        let beside: Vec<Beside> = members
            .iter()
            .map(|member| Beside {
                name: name(member).unwrap_or_default(),
                integer: value(&member.ty) == Value::Integer,
            })
            .collect();
        check_views(views, &beside)?;
        let mut fields = Vec::with_capacity(members.len());
        for member in members {
            let own = member.name.as_ref().map_or(member.span, |name| name.span);
            let name = name(member).unwrap_or_default();
            let seen = self.seen(member, views);
            let place = Place {
                root: Root::Field,
                name: &name,
                span: if standard {
                    place.span
                } else {
                    own.or(place.span)
                },
                outer: None,
                fields: Some(&beside),
            };
            let field = self.field(&seen, name.clone(), place)?;
            self.no_views_left()?;
            fields.push(field);
        }
        Ok(fields)
    }

    /// Refuses what no call interface can pass by value.
    pub(super) fn check_by_value(&self, id: TypeId, place: Place) -> Resolved<()> {
        match self.holds_bits(id) {
            false => Ok(()),
            true => Err(not_carried(Uncarried {
                code: Code::E0216,
                span: place.span,
            })),
        }
    }

    /// Whether bit-fields lie in a type.
    fn holds_bits(&self, id: TypeId) -> bool {
        match self.types.get(id.0 as usize) {
            Some(Type::Array { element, .. }) => self.holds_bits(*element),
            Some(Type::Record(record)) => {
                let record = self.records.get(record.0 as usize);
                let mut fields = record.into_iter().flat_map(|record| &record.fields);
                fields.any(|field| field.bits.is_some() || self.holds_bits(field.ty))
            }
            _ => false,
        }
    }

    /// Refuses a union of pointers that nothing tells apart.
    pub(super) fn check_untagged(&self, key: RecordKey, span: Span, place: Place) -> Resolved<()> {
        let record = self.scope.record(self.scope.overriding(key));
        match record.is_some_and(|record| record.union && record.holds_pointers) {
            true => Err(advice::untagged(span.or(place.span), place)),
            false => Ok(()),
        }
    }

    /// A record that is pointed to and never looked into.
    pub(super) fn unseen_record(&mut self, key: RecordKey, place: Place) -> Resolved<TypeId> {
        let key = self.scope.overriding(key);
        let scope = self.scope;
        let Some(raw) = scope.record(key) else {
            return Err(advice::incomplete(place.span, place));
        };
        // Without its members a record is written by its tag; a typedef's name serves as one.
        let name = match &raw.name {
            RecordName::Typedef(name) if scope.tag(name).is_none() => RecordName::Tag(name.clone()),
            RecordName::Tag(tag) => RecordName::Tag(tag.clone()),
            _ => return self.record(key, place.span, place),
        };
        if let Some(&id) = self.named.get(&(key, false)) {
            return Ok(id);
        }
        let record = Record {
            name,
            union: raw.union,
            origin: Origin::Incomplete,
            fields: Vec::new(),
        };
        let record = self.add_record(record, place)?;
        let id = self.add(Type::Record(record), place)?;
        self.named.insert((key, false), id);
        Ok(id)
    }

    /// Notes what is known of a record now that its members are; refuses one that no call could
    /// carry.
    fn note_facts(&mut self, record: RecordId, place: Place) -> Resolved<()> {
        let fields = self
            .records
            .get(record.0 as usize)
            .map_or(&[][..], |record| &record.fields);
        let elements = fields.iter().fold(0, |sum: u64, field| {
            sum.saturating_add(self.elements(field.ty))
        });
        let unowned = fields
            .iter()
            .find(|field| self.is_unowned(field.ty))
            .map(|field| field.name.clone());
        if elements > MAXIMUM_ELEMENTS {
            return Err(PrototypeError::new(
                Code::E0130,
                place.span.range(),
                format!(
                    "the record of {} is larger than any call",
                    advice::quoted(place.name)
                ),
            )
            .label("more than 64 MiB"));
        }
        let owned = fields.iter().any(|field| self.is_owned(field.ty));
        let facts = Facts {
            elements,
            unowned,
            owned,
        };
        self.facts.insert(record, facts);
        Ok(())
    }

    /// How many simple values a type surely has, saturating.
    fn elements(&self, id: TypeId) -> u64 {
        match self.types.get(id.0 as usize) {
            Some(Type::Array { element, length }) => {
                self.elements(*element).saturating_mul(*length)
            }
            Some(Type::Record(record)) => self.facts.get(record).map_or(1, |facts| facts.elements),
            _ => 1,
        }
    }

    /// A member of a record that comes back which leads to memory nobody owns.
    pub(super) fn unowned_member(&self, id: TypeId) -> Option<String> {
        match self.types.get(id.0 as usize)? {
            Type::Array { element, .. } => self.unowned_member(*element),
            Type::Record(record) => self.facts.get(record)?.unowned.clone(),
            _ => None,
        }
    }

    /// Whether a record, or an array of them, has a member that is `__owned(f)`.
    pub(super) fn holds_owned(&self, id: TypeId) -> bool {
        match self.types.get(id.0 as usize) {
            Some(Type::Array { element, .. }) => self.holds_owned(*element),
            Some(Type::Record(record)) => self.facts.get(record).is_some_and(|facts| facts.owned),
            _ => false,
        }
    }

    fn is_owned(&self, id: TypeId) -> bool {
        match self.types.get(id.0 as usize) {
            Some(Type::Pointer(pointer)) => matches!(pointer.ownership, Ownership::Owned(_)),
            Some(Type::Array { element, .. }) => self.is_owned(*element),
            Some(Type::Record(_)) => self.holds_owned(id),
            _ => false,
        }
    }

    fn is_unowned(&self, id: TypeId) -> bool {
        match self.types.get(id.0 as usize) {
            Some(Type::Pointer(pointer)) => {
                pointer.identity == Identity::Data && pointer.ownership == Ownership::Caller
            }
            Some(Type::Array { element, .. }) => self.is_unowned(*element),
            Some(Type::Record(_)) => self.unowned_member(id).is_some(),
            _ => false,
        }
    }
}
