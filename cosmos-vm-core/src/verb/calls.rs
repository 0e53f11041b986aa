//! Many calls in one message, of functions of a few numbers; see [`CALLS`].
//!
//! They are made in order, each as if it had come alone, and one that fails leaves the others alone.

use super::Answer;
use super::call::{self, Scratch};
use crate::Vm;
use crate::conversation::Channel;
use cosmos_rpc::message::vm::{ANSWER_WORDS, CALL, CALL_WORDS, MOST_CALLS, REFUSED};
use cosmos_rpc::{Fault, FaultCode, Frame, codec};

const CALL_BYTES: usize = 8 * CALL_WORDS;
const ANSWER_BYTES: usize = 8 * ANSWER_WORDS;

pub(super) fn answer<V: Vm>(
    channel: &Channel<V>,
    frame: Frame,
    scratch: &mut Scratch,
) -> Result<Answer, Fault> {
    let (calls, rest) = frame.body.as_chunks::<CALL_BYTES>();
    if !rest.is_empty() || calls.len() > MOST_CALLS || !frame.descriptors.is_empty() {
        let message = "the peer sent many calls in a message that is none of such";
        return Err(Fault::peer(FaultCode::Protocol, message));
    }
    let mut body = scratch.take_reply();
    body.clear();
    body.reserve(calls.len() * ANSWER_BYTES);
    let mut faults = Vec::new();
    for bytes in calls {
        let words = words(bytes);
        let answered = match channel.call_numbers(words) {
            Some(answered) => answered,
            None => at_length(channel, bytes, scratch),
        };
        let answer = match answered {
            Ok(answer) => answer,
            Err(fault) => {
                let fault = codec::encode(&fault)?;
                faults.extend_from_slice(&fault);
                [REFUSED, fault.len() as u64, 0, 0]
            }
        };
        for word in answer {
            body.extend_from_slice(&word.to_le_bytes());
        }
    }
    body.append(&mut faults);
    scratch.keep_request(frame.body);
    Ok(Answer {
        body,
        descriptors: Vec::new(),
    })
}

/// Makes a call the general way.
fn at_length<V: Vm>(
    channel: &Channel<V>,
    bytes: &[u8; CALL_BYTES],
    scratch: &mut Scratch,
) -> Result<[u64; ANSWER_WORDS], Fault> {
    let [number, ..] = words::<CALL_BYTES, CALL_WORDS>(bytes);
    let entry = channel.runable(number)?;
    let line = entry.line.as_ref().ok_or_else(|| {
        let message = "a call in a message of many is of a function that takes more than numbers";
        Fault::peer(FaultCode::Protocol, message)
    })?;
    let length = bytes.len() - ANSWER_BYTES + line.request_length();
    let frame = Frame {
        kind: CALL,
        id: 0,
        body: bytes.get(..length).unwrap_or_default().to_vec(),
        descriptors: Vec::new(),
    };
    let answer = call::answer(channel, frame, scratch)?;
    let mut padded = [0; ANSWER_BYTES];
    match padded.get_mut(..answer.body.len()) {
        Some(place) if answer.body.len() == line.reply_length() => {
            place.copy_from_slice(&answer.body);
        }
        _ => {
            let message = "the answer to a call of numbers is of another length";
            return Err(Fault::vm(FaultCode::System, message));
        }
    }
    Ok(words(&padded))
}

/// The words of some bytes.
fn words<const BYTES: usize, const WORDS: usize>(bytes: &[u8; BYTES]) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}
