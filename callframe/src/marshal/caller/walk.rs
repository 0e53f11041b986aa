//! Going through the values of a reply: once to check them, once to copy them back.

use super::Root;
use super::encode::fits;
use crate::marshal::MarshalError;
use crate::marshal::image::integer;
use crate::marshal::plan::{Plan, Step, chosen};
use crate::marshal::wire::Body;
use crate::types::{RecordId, TypeId};

/// Takes what a reply says about the values of a type, in the caller's layout.
pub(super) trait Sink {
    /// Bytes at `at` from the start of the first element.
    fn bytes(&mut self, at: u64, bytes: &[u8], root: Root) -> Result<(), MarshalError>;
    /// A pointer at `at`.
    fn pointer(&mut self, at: u64, met: Met) -> Result<(), MarshalError>;
    /// A descriptor at `at`.
    fn descriptor(&mut self, at: u64, reference: u64, root: Root) -> Result<(), MarshalError>;
}

/// A pointer that was met in a reply.
#[derive(Clone, Copy, Debug)]
pub(super) struct Met {
    pub ty: TypeId,
    pub reference: u64,
    pub root: Root,
    /// The record it is a member of, and where that begins in the reply.
    pub record: Option<(RecordId, usize)>,
    /// The number in the request of the block it lies in, where that was sent with contents.
    pub inout: Option<u32>,
    /// The returned block it lies in, by its claim.
    pub returned: Option<usize>,
}

/// Goes through the elements of a section of a reply.
pub(super) struct Walk<'a> {
    pub body: &'a Body<'a>,
    /// The next reference.
    pub next: usize,
    pub root: Root,
    /// The number in the request of the block that is walked, where that was sent with contents.
    pub inout: Option<u32>,
    /// The returned block that is walked, by its claim.
    pub returned: Option<usize>,
}

impl Walk<'_> {
    /// Hands `count` elements that begin at `from` in the reply to `sink`.
    pub fn elements(
        &mut self,
        plan: &Plan,
        from: usize,
        count: u64,
        sink: &mut impl Sink,
    ) -> Result<(), MarshalError> {
        for index in 0..count {
            let at = index * plan.caller_size;
            self.steps(
                &plan.steps,
                from + (index * plan.callee_size) as usize,
                at,
                sink,
            )?;
        }
        Ok(())
    }

    pub fn steps(
        &mut self,
        steps: &[Step],
        from: usize,
        to: u64,
        sink: &mut impl Sink,
    ) -> Result<(), MarshalError> {
        for step in steps {
            match *step {
                Step::Copy {
                    caller,
                    callee,
                    length,
                } => {
                    let bytes = self.bytes(from + callee, length)?;
                    sink.bytes(to + caller as u64, bytes, self.root)?;
                }
                Step::Bool { caller, callee } => {
                    let value = self.bytes(from + callee, 1)? != [0];
                    sink.bytes(to + caller as u64, &[u8::from(value)], self.root)?;
                }
                Step::Integer {
                    caller,
                    callee,
                    caller_size,
                    callee_size,
                    signed,
                } => {
                    let value = integer(self.body.bytes, from + callee, callee_size, signed);
                    if !fits(value, caller_size, signed) {
                        return Err(MarshalError::Callee {
                            place: "a value".to_owned(),
                            reason: format!("{value} does not fit {caller_size} bytes"),
                        });
                    }
                    let bytes = value.to_le_bytes();
                    sink.bytes(to + caller as u64, &bytes[..caller_size.min(16)], self.root)?;
                }
                Step::Descriptor { caller, .. } => {
                    if self.inout.is_none() {
                        let reference = self.reference()?;
                        sink.descriptor(to + caller as u64, reference, self.root)?;
                    }
                }
                Step::Pointer {
                    caller, ty, record, ..
                } => {
                    let reference = self.reference()?;
                    let record = record.map(|(id, offset)| (id, from + offset));
                    let (root, inout) = (self.root, self.inout);
                    let met = Met {
                        ty,
                        reference,
                        root,
                        record,
                        inout,
                        returned: self.returned,
                    };
                    sink.pointer(to + caller as u64, met)?;
                }
                Step::Repeat {
                    count,
                    caller,
                    callee,
                    caller_stride,
                    callee_stride,
                    ref steps,
                } => {
                    for index in 0..count {
                        let from = from + callee + index * callee_stride;
                        let to = to + (caller + index * caller_stride) as u64;
                        self.steps(steps, from, to, sink)?;
                    }
                }
                Step::Union {
                    caller,
                    callee,
                    tag,
                    ref cases,
                } => {
                    let tag = integer(self.body.bytes, from + tag.at, tag.size, tag.signed);
                    self.steps(chosen(cases, tag), from + callee, to + caller as u64, sink)?;
                }
            }
        }
        Ok(())
    }

    fn bytes(&self, at: usize, length: usize) -> Result<&[u8], MarshalError> {
        let end = at.checked_add(length);
        let bytes = end.and_then(|end| self.body.bytes.get(at..end));
        bytes.ok_or(MarshalError::Malformed("truncated"))
    }

    pub fn reference(&mut self) -> Result<u64, MarshalError> {
        let reference = self.body.reference(self.next)?;
        self.next += 1;
        Ok(reference)
    }
}
