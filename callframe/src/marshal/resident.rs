//! Objects that live in the VM and whose numbers are kept alike in the caller's memory: what of a
//! parameter's record travels, compiled once.

use super::image::{integer, unsigned};
use super::plan::{Plans, Step};
use super::standing::Place;
use crate::template::Template;
use crate::types::{Handle, Identity, Ownership, Pointer, Scalar, Type, TypeId};

/// How the object of one parameter travels.
#[derive(Debug)]
pub(super) struct Resident {
    pub callee_size: u64,
    /// Moves its numbers.
    pub values: Vec<Step>,
    /// Where those lie in the callee: offset and length.
    pub ranges: Vec<(usize, usize)>,
    /// Those that may say how much is left of a buffer.
    pub numbers: Vec<Number>,
    /// Members that walk through buffers in this call.
    pub walkers: Vec<Walker>,
    /// Members of which the caller gets copies: places in the caller and the callee, and type.
    pub texts: Vec<(usize, usize, TypeId)>,
    /// Members that must be NULL, in the caller.
    pub nulls: Vec<usize>,
    /// Where the caller's memory holds the token that stands for the object.
    pub token: usize,
    /// Whether the function may change it.
    pub changes: bool,
}

/// An integer among the members.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    pub caller: Place,
    /// Its place and size in the callee.
    callee: (usize, usize),
    kind: Scalar,
}

/// A member that walks through a buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walker {
    pub caller: usize,
    pub callee: usize,
    /// How many elements are left: place and size in the callee, whether it is signed.
    pub available: (usize, usize, bool),
    /// The same in the caller.
    pub count: Place,
    /// Its index among the members.
    pub field: u32,
    pub ty: TypeId,
    /// Size of an element in the caller and in the callee.
    pub units: (u64, u64),
    /// Whether the buffer goes in; the others come back.
    pub enters: bool,
}

/// Bytes of a token.
const TOKEN: usize = 8;

impl Resident {
    /// How the object of `pointer` travels; `None` where it is not looked into.
    pub fn of(
        caller: &Template,
        callee: &Template,
        plans: &Plans,
        pointer: &Pointer,
    ) -> Option<Resident> {
        let frame = caller.frame();
        let Identity::Handle(handle) = &pointer.identity else {
            return None;
        };
        let Type::Record(_) = frame.ty(pointer.target) else {
            return None;
        };
        let plan = plans.of(pointer.target);
        if plan.caller_size < TOKEN as u64 || plan.steps.is_empty() {
            return None;
        }
        let mut resident = Resident {
            callee_size: plan.callee_size,
            values: numbers(&plan.steps),
            ranges: Vec::new(),
            numbers: Vec::new(),
            walkers: Vec::new(),
            texts: Vec::new(),
            nulls: Vec::new(),
            token: 0,
            changes: !pointer.constant,
        };
        let token = resident.pointers(caller, plan.steps.as_slice());
        resident.token = token.unwrap_or(0);
        if token.is_none() {
            resident.values = beyond_token(resident.values);
        }
        ranges(&resident.values, 0, &mut resident.ranges);
        resident.numbers = numbers_of(caller, callee, pointer.target);
        if token.is_none() {
            resident.numbers.retain(|number| number.caller.at >= TOKEN);
        }
        resident.walkers(caller, callee, pointer, handle, plan.steps.as_slice());
        Some(resident)
    }

    /// Sorts the pointers; gives the place of the first one to a record that is not known, or else of
    /// the first `void *`.
    fn pointers(&mut self, caller: &Template, steps: &[Step]) -> Option<usize> {
        let frame = caller.frame();
        let (mut token, mut void) = (None, None);
        for step in steps {
            let Step::Pointer {
                caller, callee, ty, ..
            } = *step
            else {
                continue;
            };
            let Type::Pointer(pointer) = frame.ty(ty) else {
                continue;
            };
            match (&pointer.identity, &pointer.ownership) {
                (Identity::Data, Ownership::Static | Ownership::Borrowed) => {
                    self.texts.push((caller, callee, ty));
                }
                (Identity::Opaque, _) => self.nulls.push(caller),
                (Identity::Handle(_), _) if matches!(frame.ty(pointer.target), Type::Record(_)) => {
                    token.get_or_insert(caller);
                }
                (Identity::Handle(_), _) if matches!(frame.ty(pointer.target), Type::Void) => {
                    void.get_or_insert(caller);
                }
                _ => {}
            }
        }
        token.or(void)
    }

    fn walkers(
        &mut self,
        caller: &Template,
        callee: &Template,
        pointer: &Pointer,
        handle: &Handle,
        steps: &[Step],
    ) {
        let frame = caller.frame();
        let Type::Record(record) = frame.ty(pointer.target) else {
            return;
        };
        let fields = &frame.record(*record).fields;
        for cursor in &handle.cursors {
            let next = fields.get(cursor.pointer as usize);
            let left = fields.get(cursor.available as usize);
            let available = cursor.available as usize;
            let offset = callee.field_offset(*record, available);
            let own = caller.field_offset(*record, available);
            let (Some(next), Some(left), Some(offset), Some(at)) = (next, left, offset, own) else {
                continue;
            };
            let (Type::Pointer(walks), Type::Scalar(count)) =
                (frame.ty(next.ty), frame.ty(left.ty))
            else {
                continue;
            };
            let size = callee.scalar(*count).size as usize;
            let count_place = Place {
                at: at as usize,
                size: caller.scalar(*count).size as usize,
            };
            let places = steps.iter().find_map(|step| match *step {
                Step::Pointer {
                    caller, callee, ty, ..
                } if ty == next.ty => Some((caller, callee)),
                _ => None,
            });
            let Some((own, theirs)) = places else {
                continue;
            };
            self.walkers.push(Walker {
                caller: own,
                callee: theirs,
                available: (offset as usize, size, count.is_signed()),
                count: count_place,
                field: cursor.available,
                ty: next.ty,
                units: (
                    caller.element_size(walks.target),
                    callee.element_size(walks.target),
                ),
                enters: walks.constant,
            });
        }
    }
}

impl Number {
    /// What it will be in the caller, whose bytes in the callee these are.
    pub fn arrives(&self, bytes: &[u8]) -> u64 {
        let (at, size) = self.callee;
        let value = integer(bytes, at, size, self.kind.is_signed());
        match self.kind {
            Scalar::Bool => u64::from(value != 0),
            _ => unsigned(&value.to_le_bytes(), 0, self.caller.size),
        }
    }
}

/// The integers among the members of a record.
fn numbers_of(caller: &Template, callee: &Template, target: TypeId) -> Vec<Number> {
    let frame = caller.frame();
    let Type::Record(record) = frame.ty(target) else {
        return Vec::new();
    };
    let fields = frame.record(*record).fields.iter().enumerate();
    let numbers = fields.filter_map(|(index, field)| {
        let Type::Scalar(kind) = *frame.ty(field.ty) else {
            return None;
        };
        let own = caller.field_offset(*record, index)? as usize;
        let theirs = callee.field_offset(*record, index)? as usize;
        kind.is_integer().then(|| Number {
            caller: Place {
                at: own,
                size: caller.scalar(kind).size as usize,
            },
            callee: (theirs, callee.scalar(kind).size as usize),
            kind,
        })
    });
    numbers.collect()
}

/// The steps without those of pointers.
fn numbers(steps: &[Step]) -> Vec<Step> {
    let kept = steps.iter().filter_map(|step| match *step {
        Step::Copy {
            caller,
            callee,
            length,
        } => Some(Step::Copy {
            caller,
            callee,
            length,
        }),
        Step::Bool { caller, callee } => Some(Step::Bool { caller, callee }),
        Step::Integer {
            caller,
            callee,
            caller_size,
            callee_size,
            signed,
        } => Some(Step::Integer {
            caller,
            callee,
            caller_size,
            callee_size,
            signed,
        }),
        Step::Repeat {
            count,
            caller,
            callee,
            caller_stride,
            callee_stride,
            ref steps,
        } => Some(Step::Repeat {
            count,
            caller,
            callee,
            caller_stride,
            callee_stride,
            steps: numbers(steps),
        }),
        _ => None,
    });
    kept.collect()
}

/// The steps without what lies where the token is: the first bytes in the caller.
fn beyond_token(steps: Vec<Step>) -> Vec<Step> {
    let kept = steps.into_iter().filter_map(|step| match step {
        Step::Copy {
            caller,
            callee,
            length,
        } => {
            let cut = TOKEN.saturating_sub(caller).min(length);
            (cut < length).then_some(Step::Copy {
                caller: caller + cut,
                callee: callee + cut,
                length: length - cut,
            })
        }
        Step::Bool { caller, .. } | Step::Integer { caller, .. } | Step::Repeat { caller, .. }
            if caller < TOKEN =>
        {
            None
        }
        step => Some(step),
    });
    kept.collect()
}

/// Where steps lie in the callee.
fn ranges(steps: &[Step], from: usize, into: &mut Vec<(usize, usize)>) {
    for step in steps {
        match *step {
            Step::Copy { callee, length, .. } => into.push((from + callee, length)),
            Step::Bool { callee, .. } => into.push((from + callee, 1)),
            Step::Integer {
                callee,
                callee_size,
                ..
            } => into.push((from + callee, callee_size)),
            Step::Repeat {
                count,
                callee,
                callee_stride,
                ref steps,
                ..
            } => {
                for index in 0..count {
                    ranges(steps, from + callee + index * callee_stride, into);
                }
            }
            _ => {}
        }
    }
}
