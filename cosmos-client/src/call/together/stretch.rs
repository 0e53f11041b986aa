//! Calls of one library that follow each other, cut into the messages that they travel in.

use super::{Run, Steps};
use crate::gate::Gate;
use crate::quick::{Quick, load};
use crate::resolved::Resolved;
use cosmos_rpc::message::calls;
use std::ops::Range;
use std::sync::Arc;

/// Calls of one message: as many as make the way there and back small beside them, and no more, so that
/// both sides are at work at a time.
pub(super) const AT_ONCE: usize = 256;

const WORD: usize = size_of::<u64>();

/// Calls of one function that follow each other in a message.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) function: &'a Resolved,
    pub(super) quick: &'a Quick,
    pub(super) first: usize,
    pub(super) count: usize,
}

impl Part<'_> {
    pub(super) fn calls(&self) -> Range<usize> {
        self.first..self.first + self.count
    }
}

/// The calls of a message.
pub(super) type Chunk<'a> = Vec<Part<'a>>;

/// How many calls that are.
pub(super) fn count(chunk: &Chunk<'_>) -> usize {
    chunk.iter().map(|part| part.count).sum()
}

/// Calls that are left to be made.
#[derive(Clone, Copy)]
pub(super) struct Stretch<'a> {
    runs: &'a [Run],
    /// How many calls of the first run are done.
    within: usize,
    /// The next call.
    call: usize,
}

impl<'a> Stretch<'a> {
    /// The stretch that these runs begin with, if with one of more than a call, and the runs after it.
    pub(super) fn at(runs: &'a [Run], call: usize) -> Option<(Stretch<'a>, &'a [Run])> {
        let gate = runs.first()?.function.quick()?.gate();
        let of_it = |run: &&Run| goes_through(run, gate);
        let count = runs.iter().take_while(of_it).count();
        let (runs, after) = runs.split_at_checked(count)?;
        let within = 0;
        let stretch = Stretch { runs, within, call };
        (stretch.calls() > 1).then_some((stretch, after))
    }

    /// How many calls.
    pub(super) fn calls(&self) -> usize {
        let all: usize = self.runs.iter().map(|run| run.calls).sum();
        all - self.within
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls() == 0
    }

    /// Takes the calls of the next message out.
    pub(super) fn next_chunk(&mut self) -> Option<Chunk<'a>> {
        let mut chunk = Chunk::new();
        let mut room = AT_ONCE;
        while room > 0
            && let Some((run, rest)) = self.runs.split_first()
        {
            let left = run.calls - self.within;
            let count = left.min(room);
            if let Some(quick) = run.function.quick().filter(|_| count > 0) {
                chunk.push(Part {
                    function: &run.function,
                    quick,
                    first: self.call,
                    count,
                });
            }
            self.call += count;
            self.within += count;
            room -= count;
            if count == left {
                self.runs = rest;
                self.within = 0;
            }
        }
        (!chunk.is_empty()).then_some(chunk)
    }
}

fn goes_through(run: &Run, gate: &Arc<Gate>) -> bool {
    let quick = run.function.quick();
    quick.is_some_and(|quick| Arc::ptr_eq(quick.gate(), gate))
}

/// Writes the request of a message.
///
/// # Safety
/// There is a value of its type for each parameter of each call.
pub(super) unsafe fn write(
    chunk: &Chunk<'_>,
    steps: &impl Steps,
    errno: i32,
    request: &mut Vec<u8>,
) {
    let heads = chunk.iter().map(|part| (part, head(part, errno)));
    let words = heads
        .clone()
        .map(|(part, head)| head.header().len() + part.count * usize::from(head.takes));
    request.clear();
    request.resize(WORD * words.sum::<usize>(), 0);
    let mut left = request.as_chunks_mut::<WORD>().0.iter_mut();
    for (part, head) in heads {
        // In this order, for what is asked first is taken even where the other has ended.
        for (word, place) in head.header().into_iter().zip(left.by_ref()) {
            *place = word.to_le_bytes();
        }
        let line = part.quick.line();
        for call in part.calls() {
            // SAFETY: the caller's promise; a piece is a part of its argument.
            let slots = line.slots(|piece| unsafe {
                load(steps.argument(call, usize::from(piece.index)), piece)
            });
            for word in slots.iter().take(usize::from(head.takes)) {
                if let Some(place) = left.next() {
                    *place = word.to_le_bytes();
                }
            }
        }
    }
}

fn head(part: &Part<'_>, errno: i32) -> calls::Run {
    let line = part.quick.line();
    // None is above two, and a message has fewer calls than would not fit.
    calls::Run {
        function: part.quick.number(),
        errno: line.errno(errno),
        calls: part.count as u16,
        takes: line.argument_words() as u8,
        gives: line.result_words() as u8,
    }
}
