//! Calls that carry numbers alone: no pointer, no descriptor, nothing to evaluate.
//!
//! Bodies of such a function have one length each way, and moving is a list of copies that is known
//! beforehand, so there is nothing to keep track of from request to reply. What is not as expected
//! gives `None`, and the general way, which finds the same, says what is wrong.
//!
//! | body | bytes |
//! |---|---|
//! | request | the header, its last twelve bytes zero; the slots, to a multiple of 16 |
//! | reply | the same; the result, to a multiple of 16 |

use super::MemoryError;
use super::image::Image;
use super::line::{Line, pieces};
use super::plan::{Plan, Plans, Step};
use super::wire::HEADER;
use crate::template::{Template, align_up};
use crate::types::Type;

/// How the calls of one function move.
#[derive(Debug)]
pub(super) struct Numbers {
    arguments: Vec<Argument>,
    result: Vec<Move>,
    /// Bytes of the slots, and of the result, in the callee.
    slots: usize,
    returned: usize,
    /// Bytes of the bodies.
    request: usize,
    reply: usize,
    no_errno: bool,
    pointer_size: usize,
}

/// Moves one part of an argument.
#[derive(Clone, Copy, Debug)]
struct Argument {
    index: usize,
    part: Move,
}

/// Moves adjacent bytes between a value of the caller's and a body.
#[derive(Clone, Copy, Debug)]
struct Move {
    value: u64,
    body: usize,
    length: usize,
    /// `_Bool`, which holds nothing but 0 and 1.
    boolean: bool,
}

impl Numbers {
    /// `None` where a call carries more than numbers, or converts them.
    pub fn of(callee: &Template, plans: &Plans) -> Option<Numbers> {
        let frame = callee.frame();
        if plans.expressions {
            return None;
        }
        let mut arguments = Vec::new();
        let parameters = frame.parameters().iter().zip(callee.arguments());
        for (index, (parameter, slot)) in parameters.enumerate() {
            let at = HEADER + usize::try_from(slot.offset).ok()?;
            let parts = moves(plans.of(parameter.ty), at)?;
            arguments.extend(parts.into_iter().map(|part| Argument { index, part }));
        }
        let result = match frame.ty(frame.result()) {
            Type::Void => Vec::new(),
            _ => moves(plans.of(frame.result()), HEADER)?,
        };
        let body = |front: u64| usize::try_from(align_up(HEADER as u64 + front, 16)?).ok();
        Some(Numbers {
            arguments,
            result,
            slots: usize::try_from(callee.arguments_size()).ok()?,
            returned: usize::try_from(callee.result().size).ok()?,
            request: body(callee.arguments_size())?,
            reply: body(callee.result().size)?,
            no_errno: frame.contract().no_errno,
            pointer_size: usize::from(callee.model().pointer.size),
        })
    }

    /// The same where request and reply fit into a few words; see [`Line`].
    pub fn line(&self) -> Option<Line> {
        let piece = |index: usize, part: &Move| {
            pieces(
                index,
                part.value,
                part.body.checked_sub(HEADER)?,
                part.length,
                part.boolean,
            )
        };
        let arguments = self.arguments.iter().map(|it| piece(it.index, &it.part));
        let result = self.result.iter().map(|part| piece(0, part));
        Line::new(
            arguments.collect::<Option<Vec<_>>>()?.concat(),
            result.collect::<Option<Vec<_>>>()?.concat(),
            (self.request, self.reply),
            self.returned,
            self.no_errno,
        )
    }

    /// Writes a request, into zeros; gives its length.
    #[inline]
    pub fn encode(
        &self,
        read: impl Fn(u64, &mut [u8]) -> Result<(), MemoryError>,
        addresses: &[u64],
        errno: i32,
        request: &mut [u8],
    ) -> Option<usize> {
        let request = request.get_mut(..self.request)?;
        self.start(errno, request)?;
        for argument in &self.arguments {
            let part = &argument.part;
            let from = addresses.get(argument.index)?.wrapping_add(part.value);
            let place = request.get_mut(part.body..)?;
            match (part.boolean, part.length) {
                (true, _) => {
                    let mut value = [0];
                    read(from, &mut value).ok()?;
                    *place.first_mut()? = u8::from(value != [0]);
                }
                (false, 8) => read(from, place.first_chunk_mut::<8>()?).ok()?,
                (false, 4) => read(from, place.first_chunk_mut::<4>()?).ok()?,
                (false, length) => read(from, place.get_mut(..length)?).ok()?,
            }
        }
        Some(self.request)
    }

    /// Checks a reply and writes the result; gives the errno that the function left.
    #[inline]
    pub fn decode(
        &self,
        mut write: impl FnMut(u64, &[u8]) -> Result<(), MemoryError>,
        errno: i32,
        reply: &[u8],
        result: u64,
    ) -> Option<i32> {
        let left = header(reply, self.reply)?;
        if result != 0 {
            for part in &self.result {
                let to = result.wrapping_add(part.value);
                let from = reply.get(part.body..)?;
                match (part.boolean, part.length) {
                    (true, _) => write(to, &[u8::from(*from.first()? != 0)]).ok()?,
                    (false, 8) => write(to, from.first_chunk::<8>()?).ok()?,
                    (false, 4) => write(to, from.first_chunk::<4>()?).ok()?,
                    (false, length) => write(to, from.get(..length)?).ok()?,
                }
            }
        }
        Some(if self.no_errno { errno } else { left })
    }

    /// Turns a request into the slots that the function sees.
    #[inline]
    pub fn enter(&self, request: &[u8], image: &mut Image) -> Option<()> {
        let errno = header(request, self.request)?;
        let slots = request.get(HEADER..HEADER + self.slots)?;
        image.reset(self.slots);
        image.errno = errno;
        image.pointer_size = self.pointer_size;
        copy_short(image.bytes_mut().get_mut(..slots.len())?, slots);
        Some(())
    }

    /// Writes a reply, into zeros; gives its length.
    #[inline]
    pub fn leave(&self, errno: i32, result: &[u8], reply: &mut [u8]) -> Option<usize> {
        let reply = reply.get_mut(..self.reply)?;
        self.start(errno, reply)?;
        let result = result.get(..self.returned)?;
        copy_short(reply.get_mut(HEADER..HEADER + self.returned)?, result);
        Some(self.reply)
    }

    /// A request, or a reply, of zeros.
    pub fn room_for_request<'a>(&self, body: &'a mut Vec<u8>) -> &'a mut [u8] {
        zeros(body, self.request)
    }

    pub fn room_for_reply<'a>(&self, body: &'a mut Vec<u8>) -> &'a mut [u8] {
        zeros(body, self.reply)
    }

    fn start(&self, errno: i32, body: &mut [u8]) -> Option<()> {
        let errno = if self.no_errno { 0 } else { errno };
        *body.first_chunk_mut::<4>()? = errno.to_le_bytes();
        Some(())
    }
}

fn zeros(body: &mut Vec<u8>, length: usize) -> &mut [u8] {
    body.clear();
    body.resize(length, 0);
    body
}

/// The moves of one value that begins at `at` in its body.
fn moves(plan: &Plan, at: usize) -> Option<Vec<Move>> {
    let part = |step: &Step| match *step {
        Step::Copy {
            caller,
            callee,
            length,
        } => Some(Move {
            value: caller as u64,
            body: at + callee,
            length,
            boolean: false,
        }),
        Step::Bool { caller, callee } => Some(Move {
            value: caller as u64,
            body: at + callee,
            length: 1,
            boolean: true,
        }),
        _ => None,
    };
    plan.steps.iter().map(part).collect()
}

/// The errno of a body of this length without references and blocks.
fn header(body: &[u8], length: usize) -> Option<i32> {
    let header = body.first_chunk::<HEADER>()?;
    let (errno, rest) = header.split_first_chunk::<4>()?;
    (body.len() == length && rest == [0; HEADER - 4]).then(|| i32::from_le_bytes(*errno))
}

/// Copies what is mostly a few words, without a call.
fn copy_short(to: &mut [u8], from: &[u8]) {
    match (to.first_chunk_mut::<8>(), from.first_chunk::<8>()) {
        (Some(place), Some(word)) if from.len() == 8 => *place = *word,
        _ => to.copy_from_slice(from),
    }
}
