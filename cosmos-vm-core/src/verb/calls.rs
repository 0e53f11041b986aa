//! Many calls in one message; see [`calls`](cosmos_rpc::message::calls).
//!
//! They are made in order, each as if it had come alone, and one that fails leaves the others alone. What
//! all calls of a run share is done once: the function is found, and the thread is said to be in its
//! library.

use super::Answer;
use super::call::{self, Scratch};
use crate::conversation::Channel;
use crate::session::Entry;
use crate::{Numbers, Vm};
use callframe::marshal::Line;
use cosmos_rpc::message::calls::{MOST_WORDS, REFUSED, Run, Runs};
use cosmos_rpc::message::vm::CALL;
use cosmos_rpc::{Blame, Fault, FaultCode, Frame, codec};

type Word = [u8; 8];

pub(super) fn answer<V: Vm>(
    channel: &Channel<V>,
    frame: Frame,
    scratch: &mut Scratch,
) -> Result<Answer, Fault> {
    let runs = Runs::of(&frame.body)?;
    if !frame.descriptors.is_empty() {
        return Err(malformed("with descriptors"));
    }
    let mut body = scratch.take_reply();
    body.clear();
    let words: usize = runs.clone().map(|(run, _)| run.answer_words()).sum();
    body.resize(words * size_of::<Word>(), 0);
    let mut faults = Vec::new();
    let mut left = body.as_chunks_mut().0;
    for (run, slots) in runs {
        let (answers, rest) = left
            .split_at_mut_checked(run.answer_words())
            .unwrap_or_default();
        left = rest;
        let begun = channel.counter.begin();
        let mut making = Making {
            run,
            slots,
            answers,
            faults: &mut faults,
            failures: Vec::new(),
        };
        making.make(channel, scratch)?;
        channel.counter.end_many(begun, run.calls, &making.failures);
    }
    body.append(&mut faults);
    scratch.keep_request(frame.body);
    Ok(Answer {
        body,
        descriptors: Vec::new(),
    })
}

/// The calls of a run that are left to be made.
struct Making<'a> {
    run: Run,
    slots: &'a [Word],
    answers: &'a mut [Word],
    faults: &'a mut Vec<u8>,
    failures: Vec<FaultCode>,
}

impl<'a> Making<'a> {
    fn make<V: Vm>(&mut self, channel: &Channel<V>, scratch: &mut Scratch) -> Result<(), Fault> {
        let run = self.run;
        let made = channel.in_function(run.function, |entry| self.quickly(channel, entry));
        match made {
            Ok(made) => made.transpose().map(drop)?,
            Err(fault) => return self.refuse_rest(&fault),
        }
        // Those that this thread may not make so, as it is in another call.
        while let Some((slots, answer)) = self.next() {
            let answered = at_length(channel, run, slots, scratch);
            self.note(answer, answered)?;
        }
        Ok(())
    }

    /// Makes calls as long as they are of a function of a few numbers.
    fn quickly<V: Vm>(&mut self, channel: &Channel<V>, entry: &Entry<V>) -> Result<(), Fault> {
        let run = self.run;
        let line = line_of(entry, run)?;
        let vm = &*channel.session.vm;
        channel.run_numbers(|| {
            while !self.answers.is_empty() {
                let mut numbers = Numbers {
                    slots: self.slots_of_next(),
                    result: [0; 2],
                    errno: run.errno,
                };
                if !vm.call_numbers(&entry.runable, &mut numbers) {
                    break;
                }
                let Some((_, answer)) = self.next() else {
                    break;
                };
                let answered = match channel.take_failure() {
                    None => Ok((line.errno(numbers.errno), line.returned(numbers.result))),
                    Some(failure) => Err(call::of(entry, *failure)),
                };
                self.note(answer, answered)?;
            }
            Ok(())
        })
    }

    #[inline]
    fn slots_of_next(&self) -> [u64; MOST_WORDS] {
        match (self.run.takes, self.slots) {
            (1, [first, ..]) => [u64::from_le_bytes(*first), 0],
            (2, [first, second, ..]) => [u64::from_le_bytes(*first), u64::from_le_bytes(*second)],
            _ => [0; MOST_WORDS],
        }
    }

    /// The next call: its slots, and the place of its answer.
    #[inline]
    fn next(&mut self) -> Option<(&'a [Word], &'a mut [Word])> {
        let (slots, rest) = self.slots.split_at_checked(usize::from(self.run.takes))?;
        let words = 1 + usize::from(self.run.gives);
        let (answer, after) = std::mem::take(&mut self.answers).split_at_mut_checked(words)?;
        self.slots = rest;
        self.answers = after;
        Some((slots, answer))
    }

    /// Notes how a call ended.
    #[inline]
    fn note(
        &mut self,
        answer: &mut [Word],
        answered: Result<(i32, [u64; MOST_WORDS]), Fault>,
    ) -> Result<(), Fault> {
        let (header, result) = match answered {
            Ok((errno, result)) => (u64::from(errno as u32), result),
            Err(fault) => (self.refused(&fault)?, [0; MOST_WORDS]),
        };
        if let Some((first, rest)) = answer.split_first_mut() {
            *first = header.to_le_bytes();
            for (place, word) in rest.iter_mut().zip(result) {
                *place = word.to_le_bytes();
            }
        }
        Ok(())
    }

    /// Notes why a call failed. An error where that fails the message.
    #[cold]
    fn refused(&mut self, fault: &Fault) -> Result<u64, Fault> {
        if fault.blame == Blame::Peer && fault.code == FaultCode::Protocol {
            return Err(fault.clone());
        }
        self.failures.push(fault.code);
        let fault = codec::encode(fault)?;
        self.faults.extend_from_slice(&fault);
        Ok(REFUSED | fault.len() as u64)
    }

    #[cold]
    fn refuse_rest(&mut self, fault: &Fault) -> Result<(), Fault> {
        while let Some((_, answer)) = self.next() {
            self.note(answer, Err(fault.clone()))?;
        }
        Ok(())
    }
}

/// How calls of the function of a run travel.
fn line_of<V: Vm>(entry: &Entry<V>, run: Run) -> Result<&Line, Fault> {
    let is_so = |line: &&Line| {
        let words = (line.argument_words(), line.result_words());
        words == (run.takes.into(), run.gives.into())
    };
    let line = entry.line.as_ref().filter(is_so);
    line.ok_or_else(|| malformed("of a function that takes or gives other than it says"))
}

/// Makes a call the general way.
fn at_length<V: Vm>(
    channel: &Channel<V>,
    run: Run,
    slots: &[Word],
    scratch: &mut Scratch,
) -> Result<(i32, [u64; MOST_WORDS]), Fault> {
    let entry = channel.runable(run.function)?;
    let line = line_of(&entry, run)?;
    let mut body = run.function.to_le_bytes().to_vec();
    body.extend_from_slice(&u64::from(run.errno as u32).to_le_bytes());
    body.extend_from_slice(&[0; 8]);
    body.extend_from_slice(slots.as_flattened());
    body.resize(size_of::<Word>() + line.request_length(), 0);
    let frame = Frame {
        kind: CALL,
        id: 0,
        body,
        descriptors: Vec::new(),
        lost: false,
    };
    let body = call::answer(channel, frame, scratch)?.body;
    if body.len() != line.reply_length() {
        let message = "the answer to a call of numbers is of another length";
        return Err(Fault::vm(FaultCode::System, message));
    }
    let (words, _) = body.as_chunks();
    let word = |at: usize| words.get(at).map_or(0, |word| u64::from_le_bytes(*word));
    Ok((word(0) as i32, [word(2), word(3)]))
}

fn malformed(what: &str) -> Fault {
    let message = format!("the peer sent many calls in a message {what}");
    Fault::peer(FaultCode::Protocol, message)
}
