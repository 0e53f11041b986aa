//! The steps of each type, compiled from its two layouts.

use super::{Case, Plan, Step, Tag};
use crate::template::{LayoutError, Template};
use crate::types::{Extent, Field, RecordId, Scalar, Type, TypeId};

pub(super) struct Compiler<'a> {
    pub(super) caller: &'a Template,
    pub(super) callee: &'a Template,
    /// Types that pointers lead to.
    pub(super) pending: Vec<(TypeId, String)>,
    /// The first type that cannot be converted.
    pub(super) problem: Option<LayoutError>,
}

impl Compiler<'_> {
    pub(super) fn plan(&mut self, id: TypeId, place: &str) -> Plan {
        let mut steps = Vec::new();
        match self.caller.frame().ty(id) {
            Type::Void => copy(&mut steps, 0, 0, 1),
            Type::Function { .. } => {}
            _ => self.value(id, (0, 0), None, &mut steps, place),
        }
        let sizes = (self.caller.element_size(id), self.callee.element_size(id));
        Plan::new(sizes.0, sizes.1, steps)
    }

    /// Appends the steps of a value at `at` (caller, callee).
    fn value(
        &mut self,
        id: TypeId,
        at: (u64, u64),
        record: Option<(RecordId, usize)>,
        steps: &mut Vec<Step>,
        place: &str,
    ) {
        let frame = self.caller.frame();
        let (caller, callee) = (at.0 as usize, at.1 as usize);
        match frame.ty(id) {
            Type::Void | Type::Function { .. } => {}
            Type::Scalar(scalar) => self.scalar(*scalar, caller, callee, steps),
            Type::Descriptor => steps.push(Step::Descriptor { caller, callee }),
            Type::Pointer(pointer) => {
                steps.push(Step::Pointer {
                    caller,
                    callee,
                    ty: id,
                    record,
                });
                self.pending.push((pointer.target, place.to_owned()));
                self.sized_alike(id, place);
            }
            Type::Array { element, length } => self.array(*element, *length, at, steps, place),
            Type::Record(id) if frame.record(*id).union => self.union(*id, at, steps, place),
            Type::Record(id) => self.members(*id, at, steps, place),
        }
    }

    /// The members of a struct; what others tell of comes last.
    fn members(&mut self, id: RecordId, at: (u64, u64), steps: &mut Vec<Step>, place: &str) {
        let frame = self.caller.frame();
        let fields = &frame.record(id).fields;
        for tagged in [false, true] {
            for (index, field) in fields.iter().enumerate() {
                if field.switch.is_some() != tagged {
                    continue;
                }
                let caller = at.0 + self.caller.field_offset(id, index).unwrap_or(0);
                let callee = at.1 + self.callee.field_offset(id, index).unwrap_or(0);
                if field.bits.is_some() {
                    self.bit_field(id, index, (caller, callee), steps, place);
                    continue;
                }
                let tag = field.switch.and_then(|tag| self.tag(id, tag, at.1));
                match (tag, frame.ty(field.ty)) {
                    (Some(tag), Type::Record(union)) => {
                        let cases = self.cases(*union, place);
                        steps.push(Step::Union {
                            caller: caller as usize,
                            callee: callee as usize,
                            tag,
                            cases,
                        });
                    }
                    _ => {
                        let record = Some((id, at.1 as usize));
                        self.value(field.ty, (caller, callee), record, steps, place);
                    }
                }
            }
        }
    }

    /// The bytes that a bit-field lies in; what lies beside it in them is copied as often.
    fn bit_field(
        &mut self,
        record: RecordId,
        index: usize,
        at: (u64, u64),
        steps: &mut Vec<Step>,
        place: &str,
    ) {
        let both = (
            self.caller.bit_field(record, index),
            self.callee.bit_field(record, index),
        );
        match both {
            (Some(caller), Some(callee)) if caller == callee => {
                copy(steps, at.0 as usize, at.1 as usize, caller.bytes());
            }
            _ => self.differs(place, "a bit-field lies at another bit of its byte"),
        }
    }

    /// Where member `tag` of a record lies that begins at `start` in the callee's layout.
    fn tag(&self, record: RecordId, tag: u32, start: u64) -> Option<Tag> {
        let frame = self.caller.frame();
        let field = frame.record(record).fields.get(tag as usize)?;
        let Type::Scalar(scalar) = frame.ty(field.ty) else {
            return None;
        };
        let offset = self.callee.field_offset(record, tag as usize)?;
        Some(Tag {
            at: (start + offset) as usize,
            size: self.callee.scalar(*scalar).size as usize,
            signed: scalar.is_signed(),
        })
    }

    fn cases(&mut self, union: RecordId, place: &str) -> Vec<Case> {
        let frame = self.caller.frame();
        let case = |field: &Field| {
            let mut steps = Vec::new();
            self.value(field.ty, (0, 0), Some((union, 0)), &mut steps, place);
            Case {
                values: field.cases.clone(),
                steps,
            }
        };
        frame.record(union).fields.iter().map(case).collect()
    }

    fn scalar(&self, scalar: Scalar, caller: usize, callee: usize, steps: &mut Vec<Step>) {
        let sizes = (
            self.caller.scalar(scalar).size,
            self.callee.scalar(scalar).size,
        );
        let (caller_size, callee_size) = (sizes.0 as usize, sizes.1 as usize);
        match scalar {
            Scalar::Bool => steps.push(Step::Bool { caller, callee }),
            Scalar::LongDouble => copy(steps, caller, callee, X87),
            Scalar::ComplexLongDouble => {
                copy(steps, caller, callee, X87);
                copy(
                    steps,
                    caller + caller_size / 2,
                    callee + callee_size / 2,
                    X87,
                );
            }
            _ if caller_size == callee_size || !scalar.is_integer() => {
                copy(steps, caller, callee, caller_size);
            }
            _ => {
                let signed = scalar.is_signed();
                steps.push(Step::Integer {
                    caller,
                    callee,
                    caller_size,
                    callee_size,
                    signed,
                });
            }
        }
    }

    fn array(
        &mut self,
        element: TypeId,
        length: u64,
        at: (u64, u64),
        steps: &mut Vec<Step>,
        place: &str,
    ) {
        let mut inner = Vec::new();
        self.value(element, (0, 0), None, &mut inner, place);
        let sizes = (
            self.caller.element_size(element),
            self.callee.element_size(element),
        );
        let plan = Plan::new(sizes.0, sizes.1, inner);
        let (caller, callee) = (at.0 as usize, at.1 as usize);
        if plan.bulk {
            copy(steps, caller, callee, (sizes.0 * length) as usize);
        } else {
            steps.push(Step::Repeat {
                count: length as usize,
                caller,
                callee,
                caller_stride: sizes.0 as usize,
                callee_stride: sizes.1 as usize,
                steps: plan.steps,
            });
        }
    }

    /// A union travels as raw bytes, so every member must look the same on both ends.
    fn union(&mut self, id: RecordId, at: (u64, u64), steps: &mut Vec<Step>, place: &str) {
        let frame = self.caller.frame();
        let mut sizes = (0, 0);
        let mut alike = true;
        for field in &frame.record(id).fields {
            let mut member = Vec::new();
            self.value(field.ty, (0, 0), None, &mut member, place);
            alike &= member.iter().all(Step::identical);
            let (caller, callee) = (
                self.caller.size_align(field.ty),
                self.callee.size_align(field.ty),
            );
            sizes = (caller.size.max(sizes.0), callee.size.max(sizes.1));
        }
        if !alike || sizes.0 != sizes.1 {
            self.differs(place, "a union travels as raw bytes");
        }
        copy(
            steps,
            at.0 as usize,
            at.1 as usize,
            sizes.0.min(sizes.1) as usize,
        );
    }

    /// An extent in bytes means the same on both ends only where elements are alike.
    fn sized_alike(&mut self, id: TypeId, place: &str) {
        let Type::Pointer(pointer) = self.caller.frame().ty(id) else {
            return;
        };
        let sizes = (
            self.caller.element_size(pointer.target),
            self.callee.element_size(pointer.target),
        );
        if matches!(pointer.extent, Extent::Sized(_)) && sizes.0 != sizes.1 {
            let reason = "its extent is in bytes ('__counted_by' is in elements)";
            self.differs(place, reason);
        }
    }

    fn differs(&mut self, place: &str, reason: &'static str) {
        let models = format!(
            "{}, {}",
            self.caller.model().name(),
            self.callee.model().name()
        );
        let place = place.to_owned();
        self.problem.get_or_insert(LayoutError::Differs {
            place,
            reason,
            models,
        });
    }
}

/// Significant bytes of a `long double`.
const X87: usize = 10;

/// Appends a copy, as part of the one before it where they touch on both ends.
fn copy(steps: &mut Vec<Step>, caller: usize, callee: usize, length: usize) {
    if let Some(Step::Copy {
        caller: first,
        callee: second,
        length: before,
    }) = steps.last_mut()
        && *first + *before == caller
        && *second + *before == callee
    {
        *before += length;
        return;
    }
    steps.push(Step::Copy {
        caller,
        callee,
        length,
    });
}
