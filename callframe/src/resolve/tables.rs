//! Tables of variadic arguments: a union `FUNCTION_variadic` whose members are what may take the
//! place of `...`, each for its values of a tag.

use std::collections::HashSet;
use std::sync::Arc;

use super::parameters::Value;
use super::variadic::{promoted, unpromoted, unsuitable};
use super::{Place, Resolved, Resolver, Root};
use crate::error::{Code, PrototypeError};
use crate::syntax::raw::{Annotation, AnnotationKind, Name, RawMember, RawRecord, RawType, Shape};
use crate::syntax::scope::Tag;
use crate::syntax::token::Span;
use crate::types::{Case, Origin, Table, Type};

/// What the standard tables call the first parameter, whatever a prototype calls it.
const FIRST: &str = "first_parameter";

impl Resolver<'_> {
    /// The table of the function `name`, chosen from by the parameter `tag`.
    pub(super) fn table(&mut self, name: &Name, tag: &Name, span: Span) -> Resolved<Table> {
        let index = self.parameter_index(tag, span)?;
        let value = self.known.get(index as usize).map(|known| known.value);
        if value != Some(Value::Integer) {
            let message = format!("'{}' is no integer, which a tag must be", tag.text);
            return Err(unsuitable(
                tag.span.or(span),
                message,
                "chooses among types",
            ));
        }
        let scope = self.scope;
        let union = format!("{}_variadic", name.text);
        let Some((raw, standard)) = (match scope.tag(&union) {
            Some(Tag::Record(key)) => {
                let key = scope.overriding(key);
                scope.record(key).map(|raw| (raw, key.standard))
            }
            _ => None,
        }) else {
            let message = format!("there is no table 'union {union}'");
            return Err(wrong(span, &message).example(
                "give it before the prototype, for example",
                format!(
                    "union {union} {{ long number __case_range(0, 9999); const char *text __case(10002); }};"
                ),
            ));
        };
        let cases = self.cases(raw, standard, span)?;
        Ok(Table {
            tag: index,
            origin: if standard {
                Origin::Standard
            } else {
                Origin::Given
            },
            cases,
        })
    }

    fn cases(&mut self, raw: &RawRecord, standard: bool, span: Span) -> Resolved<Vec<Case>> {
        if let Some(trouble) = &raw.trouble {
            return Err(trouble.clone());
        }
        let fields = raw.fields.as_deref().unwrap_or_default();
        if !raw.union || fields.is_empty() {
            return Err(wrong(span, "a table is a union with members"));
        }
        let mut cases: Vec<Case> = Vec::with_capacity(fields.len());
        let mut values = HashSet::new();
        for member in fields {
            let own = member.name.as_ref().map_or(member.span, |name| name.span);
            let place = if standard { span } else { own.or(span) };
            let case = self.case(member, place)?;
            self.check_values(&case, &cases, &mut values, place)?;
            cases.push(case);
        }
        Ok(cases)
    }

    /// One member: its type as a parameter's, and its values.
    fn case(&mut self, member: &RawMember, span: Span) -> Resolved<Case> {
        let Some(name) = &member.name else {
            return Err(wrong(span, "a member of a table needs a name"));
        };
        let mut ty = member.ty.clone();
        let (said, plain): (Vec<_>, Vec<_>) = std::mem::take(&mut ty.annotations)
            .into_iter()
            .partition(|annotation| annotation.kind.of_union());
        ty.annotations = plain;
        if let Some(first) = self.known.first() {
            ty = with_first(&ty, &first.name);
        }
        if matches!(ty.shape, Shape::Array(..)) {
            return Err(wrong(span, "C passes no arrays in place of `...`"));
        }
        let place = Place {
            root: Root::Parameter(u32::try_from(self.known.len()).unwrap_or(u32::MAX)),
            name: &name.text,
            span,
            outer: None,
            fields: None,
        };
        let id = self.ty(&ty, place)?;
        if let Some(Type::Scalar(scalar)) = self.types.get(id.0 as usize)
            && let Some(promoted) = promoted(*scalar)
        {
            return Err(unpromoted(span, &name.text, *scalar, promoted));
        }
        let mut case = Case {
            name: name.text.clone(),
            ty: id,
            values: Vec::new(),
            range: None,
        };
        for annotation in said {
            choose(&mut case, &annotation, annotation.span.or(span))?;
        }
        Ok(case)
    }

    fn check_values(
        &self,
        case: &Case,
        before: &[Case],
        values: &mut HashSet<i128>,
        span: Span,
    ) -> Resolved<()> {
        if let Some(twice) = case.values.iter().find(|value| !values.insert(**value)) {
            let message = format!("two members are there for the value {twice}");
            return Err(wrong(span, &message));
        }
        let other = |case: &Case| case.values.is_empty() && case.range.is_none();
        if other(case) && before.iter().any(other) {
            let message = "only one member of the table may lack a `__case`";
            return Err(wrong(span, message));
        }
        let Some((first, last)) = case.range else {
            return Ok(());
        };
        let overlaps = |known: &Case| {
            known
                .range
                .is_some_and(|(start, end)| start <= last && first <= end)
        };
        match before.iter().find(|known| overlaps(known)) {
            Some(known) => {
                let message = format!("this range overlaps that of '{}'", known.name);
                Err(wrong(span, &message))
            }
            None => Ok(()),
        }
    }
}

/// The type with [`FIRST`] under the name that this prototype has for it.
fn with_first(ty: &RawType, name: &str) -> RawType {
    let mut ty = ty.clone();
    for annotation in &mut ty.annotations {
        if let AnnotationKind::BorrowedFrom(first)
        | AnnotationKind::Retained(first)
        | AnnotationKind::Scope(first) = &mut annotation.kind
            && first.text == FIRST
        {
            name.clone_into(&mut first.text);
        }
    }
    if let Shape::Pointer(target) = &ty.shape {
        ty.shape = Shape::Pointer(Arc::new(with_first(target, name)));
    }
    ty
}

fn choose(case: &mut Case, annotation: &Annotation, span: Span) -> Resolved<()> {
    match &annotation.kind {
        AnnotationKind::Case(values) => case.values.extend(values),
        AnnotationKind::CaseRange(first, last) if case.range.is_none() && first <= last => {
            case.range = Some((*first, *last));
        }
        AnnotationKind::CaseRange(first, last) if first > last => {
            return Err(wrong(span, "a range goes from its first value to its last"));
        }
        AnnotationKind::CaseRange(..) => {
            return Err(wrong(span, "a member of a table has one range"));
        }
        _ => return Err(wrong(span, "this does not stand in a table")),
    }
    Ok(())
}

fn wrong(span: Span, message: &str) -> PrototypeError {
    PrototypeError::new(Code::E0163, span.range(), message).label("in this table")
}
