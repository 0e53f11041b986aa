//! Records and enums: `struct tag { .. }`, `union tag`, `enum tag { A, B = 3 }`.

use super::declarators::Naming;
use super::expressions::constant_value;
use super::parser::{Parsed, Parser};
use super::raw::{Annotation, AnnotationKind, RawMember, RawRecord, RawType, RecordKey, Shape};
use super::scope::Tag;
use super::specifiers::Specifiers;
use super::token::{Kind, Span};
use crate::error::{Code, PrototypeError};
use crate::model::DataModel;
use crate::types::{RecordName, Scalar};

/// The most members of a record.
const MAXIMUM_MEMBERS: usize = 1024;

/// How deep records may lie in records by value.
const MAXIMUM_DEPTH: u16 = 32;

/// The most elements of an array: as many bytes as a call may carry.
pub(crate) const MAXIMUM_LENGTH: i128 = 64 << 20;

impl Parser<'_, '_> {
    /// A type that starts with `struct`, `union` or `enum`.
    pub(super) fn tagged(&mut self) -> Parsed<RawType> {
        let start = self.span();
        let keyword = self.peek();
        self.advance();
        let mut ignored = Vec::new();
        while self.at_attribute() && self.attribute_specifier(&mut ignored)? {}
        if let Some(annotation) = ignored.first() {
            return Err(self
                .error(
                    Code::E0127,
                    annotation.span,
                    "a record bears no annotation here",
                )
                .label("annotations belong to its members"));
        }
        let tag = match self.peek() {
            Kind::Punctuation("{") => None,
            _ => Some(self.expect_name("a tag or `{`")?),
        };
        if keyword == Kind::Word("enum") {
            return self.enumeration(tag, start);
        }
        let union = keyword == Kind::Word("union");
        let key = match tag {
            Some((tag, span)) => self.record_of(tag, span, union, self.at("{"))?,
            None => self.new_record(RecordName::Unnamed, union),
        };
        if self.eat("{")
            && let Err(error) = self.members(key)
        {
            // What follows in a file must not take it for a record that nobody described.
            if let Some(record) = self.scope.own_record(key) {
                record.fields = Some(Vec::new());
                record.trouble = Some(error.clone());
            }
            return Err(error);
        }
        Ok(RawType::new(Shape::Record(key), start.to(self.last_span())))
    }

    /// The record a tag names, declared now if it is new.
    fn record_of(
        &mut self,
        tag: &str,
        span: Span,
        union: bool,
        defines: bool,
    ) -> Parsed<RecordKey> {
        let known = if defines {
            self.scope.own_tag(tag)
        } else {
            self.scope.tag(tag)
        };
        match known {
            Some(Tag::Record(key)) => {
                let record = self.scope.record(key);
                let complete = record.is_some_and(|record| record.fields.is_some());
                if record.is_some_and(|record| record.union != union) {
                    return Err(self.defined_twice(tag, span));
                }
                if defines && complete {
                    return Err(self.defined_twice(tag, span));
                }
                Ok(key)
            }
            Some(Tag::Enum(_)) => Err(self.defined_twice(tag, span)),
            None => {
                let key = self.new_record(RecordName::Tag(tag.to_owned()), union);
                self.scope.define_tag(tag, Tag::Record(key));
                Ok(key)
            }
        }
    }

    fn new_record(&mut self, name: RecordName, union: bool) -> RecordKey {
        self.scope.add_record(RawRecord {
            name,
            union,
            fields: None,
            trouble: None,
            holds_pointers: false,
            depth: 0,
        })
    }

    fn defined_twice(&self, name: &str, span: Span) -> PrototypeError {
        self.error(Code::E0116, span, format!("'{name}' is defined twice"))
            .label("defined before, and differently")
    }

    /// The members of a record up to its `}`.
    fn members(&mut self, key: RecordKey) -> Parsed<()> {
        let start = self.last_span();
        let carried = self.uncarried.len();
        let mut fields = Vec::new();
        let mut trouble = None;
        while !self.eat("}") {
            let found = self.member_declaration(&mut fields)?;
            trouble = trouble.or(found);
            if fields.len() > MAXIMUM_MEMBERS {
                return Err(self.error(Code::E0130, start, "a record has at most 1024 members"));
            }
        }
        if fields.is_empty() && trouble.is_none() {
            return Err(self
                .error(
                    Code::E0125,
                    start.to(self.last_span()),
                    "this record has no members",
                )
                .label("C has no empty records"));
        }
        self.check_names(&fields)?;
        let first = self.uncarried.drain(carried..).next();
        let trouble = trouble.or(first.map(super::not_carried));
        let depth = 1 + fields
            .iter()
            .map(|field| self.record_depth(&field.ty))
            .max()
            .unwrap_or(0);
        if depth > MAXIMUM_DEPTH {
            return Err(self.too_deep(start));
        }
        let holds_pointers = fields.iter().any(|field| self.holds_pointers(&field.ty));
        if let Some(record) = self.scope.own_record(key) {
            record.fields = Some(fields);
            record.trouble = trouble;
            record.depth = depth;
            record.holds_pointers = holds_pointers;
        }
        Ok(())
    }

    /// One declaration of members; the trouble it means for those who use the record, if any.
    fn member_declaration(
        &mut self,
        fields: &mut Vec<RawMember>,
    ) -> Parsed<Option<PrototypeError>> {
        let start = self.span();
        let specifiers = self.specifiers("a member's type or `}`")?;
        if self.eat(";") {
            fields.extend(self.unnamed_member(&specifiers));
            return Ok(None);
        }
        let mut trouble = None;
        loop {
            if self.at(":") {
                let mut ty = specifiers.ty.clone();
                self.bit_field(&mut ty, true)?;
                let span = start.to(self.last_span());
                fields.push(RawMember {
                    name: None,
                    ty,
                    span,
                });
            } else {
                let declarator = self.declarator(Naming::Required)?;
                let span = start.to(self.last_span());
                let mut member = self.member(&specifiers, declarator, span, false)?;
                if self.at(":") {
                    self.bit_field(&mut member.ty, false)?;
                }
                let found = self.check_member(&member)?;
                trouble = trouble.or(found);
                fields.push(member);
            }
            if !self.eat(",") {
                break;
            }
        }
        self.expect(";", "after the member")?;
        Ok(trouble)
    }

    /// `struct { .. };` inside a record is a member without a name; a tagged one only declares its
    /// tag.
    fn unnamed_member(&self, specifiers: &Specifiers) -> Option<RawMember> {
        let mut ty = specifiers.ty.clone();
        let Shape::Record(key) = ty.shape else {
            return None;
        };
        let unnamed = self.scope.record(key)?.name == RecordName::Unnamed;
        ty.annotations.extend(specifiers.loose.iter().cloned());
        unnamed.then_some(RawMember {
            name: None,
            span: ty.span,
            ty,
        })
    }

    /// `: 3` after a member's name, or in place of it.
    fn bit_field(&mut self, ty: &mut RawType, unnamed: bool) -> Parsed<()> {
        let start = self.span();
        self.advance();
        let (width, _) = self.constant("the width of a bit-field")?;
        let span = start.to(self.last_span());
        let most = match &ty.shape {
            Shape::Scalar(Scalar::Bool) => 1,
            Shape::Scalar(scalar) if scalar.is_integer() => {
                let bits = |model: DataModel| 8 * i128::from(model.scalar(*scalar).size);
                let most = bits(DataModel::ILP32);
                if (most + 1..=bits(DataModel::LP64)).contains(&width) {
                    let message = "a bit-field of this width does not fit its type in every VM";
                    return Err(self
                        .error(Code::E0121, span, message)
                        .label(format!("its type has {most} bits in some"))
                        .help(
                            "give the member a type that is as wide everywhere, such as `long long`",
                        ));
                }
                most
            }
            _ => 0,
        };
        let least = if unnamed { 0 } else { 1 };
        match u8::try_from(width) {
            Ok(bits) if (least..=most).contains(&width) => {
                let kind = AnnotationKind::Bits(bits);
                ty.annotations.push(Annotation { kind, span });
                Ok(())
            }
            _ => Err(self
                .error(Code::E0121, span, "a bit-field of this width cannot be")
                .label("not a number of bits of an integer of its type")),
        }
    }

    /// A member's type must be complete and have a size.
    fn check_member(&self, member: &RawMember) -> Parsed<Option<PrototypeError>> {
        let span = member.name.as_ref().map_or(member.span, |name| name.span);
        let mut ty = &member.ty;
        let mut first = true;
        while let Shape::Array(element, bound) = &ty.shape {
            match bound {
                None if first => {
                    let place = ty.span.or(span);
                    return Ok(Some(
                        self.error(
                            Code::E0221,
                            place,
                            "not carried yet: flexible array members",
                        )
                        .label("no bound"),
                    ));
                }
                None => return Ok(Some(self.no_length(ty.span.or(span)))),
                Some(bound) => match constant_value(self.scope, bound) {
                    Ok(length) if (1..=MAXIMUM_LENGTH).contains(&length) => {}
                    _ => return Ok(Some(self.no_length(bound.span.or(span)))),
                },
            }
            first = false;
            ty = element;
        }
        match &ty.shape {
            Shape::Void | Shape::Function(_) => Err(self
                .error(Code::E0125, span, "a member cannot have this type")
                .label("void, or a function")),
            Shape::Record(key) => {
                let complete = self
                    .scope
                    .record(*key)
                    .is_some_and(|record| record.fields.is_some());
                if complete {
                    return Ok(None);
                }
                Err(self
                    .error(
                        Code::E0117,
                        ty.span.or(span),
                        "a member's type must be complete",
                    )
                    .label("its members are not known here"))
            }
            _ => Ok(None),
        }
    }

    fn no_length(&self, span: Span) -> PrototypeError {
        self.error(Code::E0121, span, "the length of this array is not known")
            .label("not a number from 1 to 67108864")
    }

    /// Members are told apart by name, those of unnamed members among the others.
    fn check_names(&self, fields: &[RawMember]) -> Parsed<()> {
        let mut seen = std::collections::HashSet::new();
        let mut waiting: Vec<&RawMember> = fields.iter().rev().collect();
        while let Some(field) = waiting.pop() {
            let Some(name) = &field.name else {
                if let Shape::Record(key) = field.ty.shape {
                    let inner = self.scope.record(key).and_then(|it| it.fields.as_ref());
                    waiting.extend(inner.into_iter().flatten().rev());
                }
                continue;
            };
            if !seen.insert(name.text.as_str()) {
                return Err(self
                    .error(
                        Code::E0119,
                        name.span,
                        format!("two members are named '{}'", name.text),
                    )
                    .label("the second of them"));
            }
        }
        Ok(())
    }

    fn record_depth(&self, ty: &RawType) -> u16 {
        match &ty.shape {
            Shape::Array(element, _) => self.record_depth(element),
            Shape::Record(key) => self.scope.record(*key).map_or(0, |record| record.depth),
            _ => 0,
        }
    }

    fn holds_pointers(&self, ty: &RawType) -> bool {
        let mut kinds = ty.annotations.iter().map(|annotation| &annotation.kind);
        let descriptor = kinds
            .clone()
            .any(|kind| matches!(kind, AnnotationKind::Descriptor));
        match &ty.shape {
            // A value of the program's own is bytes like others.
            Shape::Pointer(_) => !kinds.any(|kind| matches!(kind, AnnotationKind::Opaque)),
            Shape::Array(element, _) => self.holds_pointers(element),
            Shape::Record(key) => self
                .scope
                .record(*key)
                .is_some_and(|record| record.holds_pointers),
            _ => descriptor,
        }
    }

    /// `enum tag` or `enum tag { .. }`
    fn enumeration(&mut self, tag: Option<(&str, Span)>, start: Span) -> Parsed<RawType> {
        let scalar = if self.at("{") {
            if let Some((tag, span)) = tag
                && self.scope.own_tag(tag).is_some()
            {
                return Err(self.defined_twice(tag, span));
            }
            let scalar = self.enumerators()?;
            if let Some((tag, _)) = tag {
                self.scope.define_tag(tag, Tag::Enum(scalar));
            }
            scalar
        } else {
            let (tag, span) = tag.unwrap_or(("", start));
            match self.scope.tag(tag) {
                Some(Tag::Enum(scalar)) => scalar,
                Some(Tag::Record(_)) => return Err(self.defined_twice(tag, span)),
                None if self.at(":") => {
                    let message = "not carried yet: an enum with a type of its own";
                    return Err(self
                        .error(Code::E0223, self.span(), message)
                        .label("the type of its constants")
                        .help("use that type in place of the enum"));
                }
                None => {
                    return Err(self
                        .error(Code::E0117, span, format!("'enum {tag}' is not given"))
                        .label("its values are not known")
                        .example(
                            "give it before the prototype, for example",
                            format!("enum {tag} {{ first, second = 5 }};"),
                        ));
                }
            }
        };
        Ok(RawType::new(
            Shape::Scalar(scalar),
            start.to(self.last_span()),
        ))
    }

    /// The constants of an enum; the type GCC gives it.
    fn enumerators(&mut self) -> Parsed<Scalar> {
        let start = self.span();
        self.advance();
        let mut next = 0_i128;
        let (mut least, mut greatest) = (0, 0);
        while !self.at("}") {
            let (name, span) = self.expect_name("a constant's name or `}`")?;
            self.attributes_of_nothing()?;
            if self.eat("=") {
                next = self.constant("the value")?.0;
            }
            if !(i128::from(i32::MIN)..=i128::from(u32::MAX)).contains(&next) {
                return Err(self.too_wide(span));
            }
            if self.scope.own_constant(name).is_some() {
                return Err(self.defined_twice(name, span));
            }
            self.scope.define_constant(name, next);
            least = least.min(next);
            greatest = greatest.max(next);
            next = next.saturating_add(1);
            if !self.eat(",") {
                break;
            }
        }
        self.expect("}", "to close the enum")?;
        if least < 0 && greatest > i128::from(i32::MAX) {
            return Err(self.too_wide(start));
        }
        Ok(if least < 0 {
            Scalar::Int
        } else {
            Scalar::UnsignedInt
        })
    }

    fn too_wide(&self, span: Span) -> PrototypeError {
        self.error(Code::E0223, span, "not carried yet: an enum wider than int")
            .label("a value does not fit 32 bits")
    }
}
