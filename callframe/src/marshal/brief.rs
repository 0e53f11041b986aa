//! Callbacks whose arguments are numbers, or lead to a few bytes each.
//!
//! What a library asks the program thousands of times in a call is mostly of this kind: how do these
//! two elements compare, is this one wanted. Both bodies then have one length, which is known when the
//! function is passed, for then the integers are known that its annotations may name. There is nothing
//! to list beside the bytes, nothing comes back but the result, and so nothing to keep track of.
//!
//! | offset | bytes | request |
//! |---:|---|---|
//! | 0 | 8 | number of the function |
//! | 8 | 4 | errno |
//! | 12 | 4 | zero |
//! | 16 | … | for each parameter in turn, aligned: the number, or the bytes that the pointer leads to; to a multiple of 8 |
//!
//! | offset | bytes | reply |
//! |---:|---|---|
//! | 0 | 4 | errno |
//! | 4 | 4 | zero |
//! | 8 | 8 | the result, followed by zeros; nothing for `void` |
//!
//! The layout is that of the program, the callee. A pointer that is NULL has no place in it: such a
//! request goes the general way, and so does one that converts anything.

mod in_line;

pub use in_line::{Argument, InLine};

use super::evaluate::{Failure, Operand, evaluate, outer, size_of};
use super::plan::Plans;
use super::{MemoryError, wire};
use crate::template::Template;
use crate::types::{Direction, Extent, Identity, Ownership, Pointer, Scalar, Type};

/// Most parameters of such a callback.
pub const MOST_PARAMETERS: usize = 8;
/// Most words of a request.
pub const MOST_WORDS: usize = 32;
const WORD: usize = 8;
/// Bytes before the arguments.
const FRONT: usize = 16;
const MOST_BYTES: usize = WORD * MOST_WORDS;

/// How a callback travels that was passed in a certain call.
#[derive(Clone, Copy, Debug)]
pub struct Brief {
    parts: [Part; MOST_PARAMETERS],
    count: usize,
    /// Bytes of a request.
    length: usize,
    result: Part,
}

/// A parameter, or the result.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Where it is in the request.
    pub at: usize,
    /// Its bytes.
    pub size: usize,
    /// What it is.
    pub kind: Kind,
}

/// What a part of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number.
    Number,
    /// A `_Bool`, which is 0 or 1.
    Boolean,
    /// `__opaque`: a value that the program gave.
    Opaque,
    /// The bytes that a pointer leads to; whether an expression says how many.
    Data {
        /// Whether it does.
        sized: bool,
    },
}

/// Bytes of a reply: errno, and the result where there is one.
#[inline]
fn length_of_reply(result: &Part) -> usize {
    match result.size {
        0 => WORD,
        _ => 2 * WORD,
    }
}

/// A request, aligned as its parts are: a body in memory of one's own.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub struct BriefBody {
    words: [u64; MOST_WORDS],
}

impl Default for BriefBody {
    fn default() -> BriefBody {
        BriefBody {
            words: [0; MOST_WORDS],
        }
    }
}

impl BriefBody {
    /// Its words.
    #[inline]
    pub fn words(&self) -> &[u64; MOST_WORDS] {
        &self.words
    }

    /// Its bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8; MOST_BYTES] {
        bytemuck::cast_ref(&self.words)
    }

    /// Its bytes, for the function to find its arguments there.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8; MOST_BYTES] {
        bytemuck::cast_mut(&mut self.words)
    }
}

impl Brief {
    /// Of the callback that `callee` lays out, passed in a call whose integers are `values`; `None`
    /// where its requests are not such.
    pub(super) fn of(callee: &Template, plans: &Plans, values: &[i128]) -> Option<Brief> {
        let frame = callee.frame();
        let parameters = frame.parameters();
        if parameters.len() > MOST_PARAMETERS || cfg!(target_endian = "big") {
            return None;
        }
        let mut brief = Brief {
            parts: [Part::nothing(); MOST_PARAMETERS],
            count: parameters.len(),
            length: FRONT,
            result: Part::nothing(),
        };
        for (part, parameter) in brief.parts.iter_mut().zip(parameters) {
            let found = match frame.ty(parameter.ty) {
                Type::Pointer(pointer) => pointed(callee, plans, pointer, values)?,
                ty => number(callee, ty)?,
            };
            // As far as its size says anything of it: elements of an array have such an alignment.
            let alignment = 1 << found.size.trailing_zeros().min(4);
            let at = brief.length.next_multiple_of(alignment);
            *part = Part { at, ..found };
            brief.length = at.checked_add(found.size).filter(|it| *it <= MOST_BYTES)?;
        }
        brief.length = brief.length.next_multiple_of(WORD);
        brief.result = match frame.ty(frame.result()) {
            Type::Void => Part::nothing(),
            ty => number(callee, ty)?,
        };
        Some(brief)
    }

    /// The same, for what is a line there and a line back.
    pub fn in_line(&self) -> Option<InLine> {
        InLine::of(self)
    }

    /// Bytes of a request.
    #[inline]
    pub fn request_length(&self) -> usize {
        self.length
    }

    /// Bytes of a reply.
    #[inline]
    pub fn reply_length(&self) -> usize {
        length_of_reply(&self.result)
    }

    /// Bytes of the result; 0 for none.
    #[inline]
    pub fn result_size(&self) -> usize {
        self.result.size
    }

    /// The parameters, in their order.
    #[inline]
    pub fn parts(&self) -> &[Part] {
        self.parts.get(..self.count).unwrap_or_default()
    }

    /// The VM's end: writes the request of a call of this function with the argument values at these
    /// addresses into a fresh body. `None` where it cannot be carried so; the general way says why, or carries it.
    #[inline]
    pub fn request(
        &self,
        number: u64,
        errno: i32,
        arguments: &[u64],
        read: impl Fn(u64, &mut [u8]) -> Result<(), MemoryError>,
        body: &mut BriefBody,
    ) -> Option<()> {
        if arguments.len() != self.count {
            return None;
        }
        let [place, header, ..] = &mut body.words;
        *place = number;
        *header = u64::from(errno as u32);
        let bytes = body.bytes_mut();
        for (part, &argument) in self.parts().iter().zip(arguments) {
            let from = match part.kind {
                Kind::Data { .. } => {
                    let mut pointer = [0; WORD];
                    read(argument, &mut pointer).ok()?;
                    u64::from_le_bytes(pointer)
                }
                _ => argument,
            };
            if from == 0 {
                return None;
            }
            let place = bytes.get_mut(part.at..)?;
            match part.size {
                8 => read(from, place.first_chunk_mut::<8>()?).ok()?,
                4 => read(from, place.first_chunk_mut::<4>()?).ok()?,
                size => read(from, place.get_mut(..size)?).ok()?,
            }
            if part.kind == Kind::Boolean {
                let byte = place.first_mut()?;
                *byte = u8::from(*byte != 0);
            }
        }
        Some(())
    }

    /// The VM's end: the errno that the function left, and its result; `None` where this is no reply.
    #[inline]
    pub fn result(&self, reply: &[u8]) -> Option<(i32, [u8; WORD])> {
        let word = |bytes: &[u8]| Some(u64::from_le_bytes(*bytes.first_chunk()?));
        let result = reply.get(WORD..).and_then(word).unwrap_or(0);
        self.result_of([word(reply)?, result], reply.len())
    }

    /// The same of a reply of so many bytes that begins with these words.
    #[inline]
    pub fn result_of(&self, words: [u64; 2], length: usize) -> Option<(i32, [u8; WORD])> {
        if length != self.reply_length() {
            return None;
        }
        let [header, word] = words;
        let result = match self.result.size {
            0 => 0,
            size => {
                if masked(word, size) != word || self.result.kind == Kind::Boolean && word > 1 {
                    return None;
                }
                word
            }
        };
        (header >> 32 == 0).then_some((header as i32, result.to_le_bytes()))
    }

    /// The program's end: the number of the function that a request is for.
    #[inline]
    pub fn number(request: &[u8]) -> Option<u64> {
        Some(u64::from_le_bytes(*request.first_chunk()?))
    }

    /// The program's end: checks a request, and copies it into `body`; gives errno. `None` where it is none
    /// of this function.
    #[inline]
    pub fn enter(&self, request: &[u8], body: &mut BriefBody) -> Option<i32> {
        if request.len() != self.length {
            return None;
        }
        // Mostly a few words, for which this is faster than one copy.
        for (place, word) in body.words.iter_mut().zip(request.chunks_exact(WORD)) {
            *place = u64::from_le_bytes(word.try_into().ok()?);
        }
        let [_, header, ..] = body.words;
        if header >> 32 != 0 {
            return None;
        }
        for part in self.parts() {
            if part.kind == Kind::Boolean {
                let byte = body.bytes_mut().get_mut(part.at)?;
                *byte = u8::from(*byte != 0);
            }
        }
        Some(header as i32)
    }

    /// The program's end: the `__opaque` values of a request.
    #[inline]
    pub fn opaque(&self, body: &BriefBody) -> impl Iterator<Item = u64> {
        let opaque = self.parts().iter().filter(|it| it.kind == Kind::Opaque);
        opaque.filter_map(|part| body.words.get(part.at / WORD).copied())
    }

    /// The program's end: the words of the reply.
    #[inline]
    pub fn reply(&self, errno: i32, result: u64) -> [u64; 2] {
        let result = match (self.result.size, self.result.kind) {
            (0, _) => 0,
            (size, Kind::Boolean) => u64::from(masked(result, size) != 0),
            (size, _) => masked(result, size),
        };
        [u64::from(errno as u32), result]
    }

    /// The program's end: the same request as the general way has it, without the number.
    pub fn unfolded(&self, body: &BriefBody, slots: &Template) -> Option<Vec<u8>> {
        let [_, header, ..] = body.words;
        let mut request = Vec::new();
        wire::start(&mut request, slots.arguments_size());
        let is_data = |part: &Part| matches!(part.kind, Kind::Data { .. });
        // Blocks whose size is fixed come before the others.
        let ordered = [false, true].map(|sized| Kind::Data { sized });
        let mut blocks = Vec::new();
        for kind in ordered {
            for (index, part) in self.parts().iter().enumerate() {
                if part.kind == kind {
                    blocks.push(index);
                    let bytes = body.bytes().get(part.at..part.at + part.size)?;
                    let length = bytes.len() as u64;
                    wire::start_block(&mut request, length, length);
                    request.extend_from_slice(bytes);
                    wire::pad(&mut request);
                }
            }
        }
        let mut references = Vec::new();
        for (index, (part, slot)) in self.parts().iter().zip(slots.arguments()).enumerate() {
            let bytes = body.bytes().get(part.at..part.at + part.size)?;
            if is_data(part) {
                let block = blocks.iter().position(|known| *known == index)?;
                references.push(block as u64 + 1);
            } else if part.kind == Kind::Opaque {
                references.push(u64::from_le_bytes(*bytes.first_chunk()?));
            } else {
                let at = wire::HEADER + usize::try_from(slot.offset).ok()?;
                request.get_mut(at..at + part.size)?.copy_from_slice(bytes);
            }
        }
        wire::finish(
            &mut request,
            header as i32,
            &references,
            blocks.len() as u32,
        );
        Some(request)
    }

    /// The program's end: the words of the reply that the general way made.
    pub fn folded(&self, reply: &[u8]) -> Option<[u64; 2]> {
        let errno = i32::from_le_bytes(*reply.first_chunk()?);
        let mut result = [0; WORD];
        let size = self.result.size;
        let from = reply.get(wire::HEADER..wire::HEADER + size)?;
        result.get_mut(..size)?.copy_from_slice(from);
        Some(self.reply(errno, u64::from_le_bytes(result)))
    }
}

impl Part {
    const fn nothing() -> Part {
        Part {
            at: 0,
            size: 0,
            kind: Kind::Number,
        }
    }
}

/// A number by value.
fn number(template: &Template, ty: &Type) -> Option<Part> {
    use Scalar::{ComplexDouble, ComplexFloat, ComplexLongDouble};
    let Type::Scalar(scalar) = ty else {
        return None;
    };
    let complex = matches!(scalar, ComplexFloat | ComplexDouble | ComplexLongDouble);
    let size = usize::try_from(template.scalar(*scalar).size).ok()?;
    let kind = match scalar {
        Scalar::Bool => Kind::Boolean,
        _ => Kind::Number,
    };
    let fits = !complex && (1..=WORD).contains(&size);
    fits.then_some(Part { at: 0, size, kind })
}

/// What a pointer leads to, or a value that only looks like one.
fn pointed(template: &Template, plans: &Plans, pointer: &Pointer, values: &[i128]) -> Option<Part> {
    if template.model().pointer.size as usize != WORD {
        return None;
    }
    match pointer.identity {
        Identity::Opaque => {
            return Some(Part {
                at: 0,
                size: WORD,
                kind: Kind::Opaque,
            });
        }
        Identity::Data => {}
        _ => return None,
    }
    let plan = plans.of(pointer.target);
    let only_enters = pointer.direction == Direction::In
        && pointer.ownership == Ownership::Caller
        && pointer.filled.is_none();
    if !only_enters || !plan.bulk || plan.checked || plan.references {
        return None;
    }
    let known = |expression| {
        let value = evaluate(expression, &template.model(), |operand| match operand {
            Operand::Outer(index) => outer(values, index),
            Operand::SizeOf(ty) => size_of(template, ty),
            _ => Err(Failure::Absent),
        });
        u64::try_from(value.ok()?).ok()
    };
    let (size, sized) = match &pointer.extent {
        Extent::Single => (plan.callee_size, false),
        Extent::Counted(count) => (known(count)?.checked_mul(plan.callee_size)?, true),
        Extent::Sized(size) => (known(size)?, true),
        _ => return None,
    };
    let whole = plan.callee_size != 0 && size.is_multiple_of(plan.callee_size);
    let fits = whole && (1..=MOST_BYTES as u64).contains(&size);
    fits.then_some(Part {
        at: 0,
        size: size as usize,
        kind: Kind::Data { sized },
    })
}

#[inline]
fn masked(word: u64, size: usize) -> u64 {
    let unused = 64 - 8 * size.clamp(1, WORD) as u32;
    word << unused >> unused
}
