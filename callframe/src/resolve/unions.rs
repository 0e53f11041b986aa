//! Which member of a union is there: `__switch(tag)` on the union, `__case(value)` on its members.

use std::collections::HashSet;

use super::{Place, Resolved, Resolver, advice};
use crate::syntax::raw::{AnnotationKind, Name, RawMember, RawType, RecordKey, Shape};
use crate::syntax::token::Span;
use crate::types::{Field, TypeId};

impl Resolver<'_> {
    /// A member of a record.
    pub(super) fn field(
        &mut self,
        member: &RawMember,
        name: String,
        place: Place,
    ) -> Resolved<Field> {
        let (said, plain): (Vec<_>, Vec<_>) = member
            .ty
            .annotations
            .iter()
            .cloned()
            .partition(|annotation| annotation.kind.of_member());
        let mut field = Field {
            name,
            ty: TypeId(0),
            switch: None,
            cases: Vec::new(),
            bits: None,
        };
        if said.is_empty() {
            field.ty = self.ty(&member.ty, place)?;
            return Ok(field);
        }
        let ty = RawType {
            annotations: plain,
            ..member.ty.clone()
        };
        for annotation in &said {
            let span = annotation.span.or(place.span);
            match &annotation.kind {
                AnnotationKind::Switch(tag) if field.switch.is_none() => {
                    field.switch = Some(self.tag(tag, &ty, span, place)?);
                }
                AnnotationKind::Case(values) if field.cases.is_empty() => {
                    field.cases = values.clone();
                }
                AnnotationKind::CaseRange(..) => {
                    let message = "`__case_range` stands in the table of a variadic function";
                    return Err(advice::no_tag(span, message));
                }
                AnnotationKind::Bits(width) => field.bits = Some(*width),
                _ => return Err(advice::no_tag(span, "this is said twice")),
            }
        }
        field.ty = match (&ty.shape, field.switch) {
            (Shape::Record(key), Some(_)) => {
                self.no_marks(&ty, place)?;
                self.record(*key, ty.span, place)?
            }
            _ => self.ty(&ty, place)?,
        };
        Ok(field)
    }

    /// The member that says which member of a union is there.
    fn tag(&self, tag: &Name, ty: &RawType, span: Span, place: Place) -> Resolved<u32> {
        let Shape::Record(key) = ty.shape else {
            return Err(advice::no_tag(span, "`__switch` stands on a union"));
        };
        self.check_cases(key, span)?;
        let fields = place.fields.unwrap_or_default();
        let found = fields
            .iter()
            .zip(0_u32..)
            .find(|(field, _)| field.name == tag.text);
        match found {
            Some((field, index)) if field.integer => Ok(index),
            Some(_) => {
                let message = format!("'{}' is no integer, which a tag must be", tag.text);
                Err(advice::no_tag(tag.span.or(span), &message))
            }
            None => {
                let names = fields.iter().map(|field| field.name.as_str());
                Err(advice::unknown_name(
                    &tag.text,
                    tag.span.or(span),
                    names,
                    "member",
                ))
            }
        }
    }

    /// Whether the members of a union are told apart: each has values of its own, all but one.
    fn check_cases(&self, key: RecordKey, span: Span) -> Resolved<()> {
        let record = self.scope.record(self.scope.overriding(key));
        let Some(record) = record.filter(|record| record.union) else {
            return Err(advice::no_tag(span, "`__switch` stands on a union"));
        };
        let mut seen = HashSet::new();
        let mut others = 0;
        for member in record.fields.as_deref().unwrap_or_default() {
            let mut cases = Vec::new();
            for annotation in &member.ty.annotations {
                if let AnnotationKind::Case(values) = &annotation.kind {
                    cases.extend(values.iter().map(|value| (*value, annotation.span)));
                }
            }
            others += u32::from(cases.is_empty());
            let twice = cases.into_iter().find(|(value, _)| !seen.insert(*value));
            if let Some((value, place)) = twice {
                let message = format!("two members are there for the value {value}");
                return Err(advice::no_tag(place.or(span), &message));
            }
        }
        match others {
            0 | 1 => Ok(()),
            _ => Err(advice::no_tag(
                span,
                "only one member of the union may lack a `__case`",
            )),
        }
    }

    /// Refuses cases where no union chooses among them.
    pub(super) fn check_case_place(&self, members: &[RawMember], union: bool) -> Resolved<()> {
        let mut annotations = members.iter().flat_map(|member| &member.ty.annotations);
        let case = annotations.find(|it| matches!(it.kind, AnnotationKind::Case(_)));
        match case {
            Some(case) if !union => Err(advice::no_tag(
                case.span,
                "`__case` stands on the members of a union",
            )),
            _ => Ok(()),
        }
    }
}
