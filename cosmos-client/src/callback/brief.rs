//! One brief call back: a few bytes in, a number out, nothing to keep.
//!
//! The request is copied once, into the memory where the function finds its arguments, and what it is
//! believed is its length. The function was looked up when the VM called it first in the call that is
//! under way, and is the same since, unless a scope has ended. The channel goes where the shortest way of
//! a call finds it. All of that takes no allocation, no lock and no system call.
//!
//! A Rust closure takes values, so its request is unfolded, and goes the general way on this side.

use super::code;
use super::dispatch::{
    Asked, Progress, Ran, admit, answer_fault, gone, may_ask, named, run, wrong,
};
use super::registry::{Function, Passed};
use crate::channel::{self, Channel};
use crate::link::Link;
use callframe::marshal::{Brief, BriefBody, Kind};
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::vm::BRIEF_CALLBACK;
use cosmos_rpc::ring::Short;
use cosmos_rpc::{Fault, FaultCode};
use std::sync::Arc;

/// Serves a brief request that the VM makes during a call, whose body this is: a copy, which nobody
/// else can write.
pub(crate) fn serve(
    link: &Arc<Link>,
    channel: Box<Channel>,
    id: u64,
    body: &[u8],
    progress: &mut Progress,
) -> Asked {
    if let Err(fault) = may_ask(progress) {
        return Asked::Lost(fault);
    }
    let Some(number) = Brief::number(body) else {
        return Asked::Lost(wrong("a call back without the number of its function"));
    };
    let admitted = match admit(link, &channel, number, progress) {
        Ok(admitted) => admitted,
        Err(fault) => return answer_fault(channel, id, fault, progress),
    };
    let asked = serve_known(link, channel, id, body, &admitted.passed, progress);
    progress.keep(admitted);
    asked
}

fn serve_known(
    link: &Arc<Link>,
    mut channel: Box<Channel>,
    id: u64,
    body: &[u8],
    passed: &Passed,
    progress: &mut Progress,
) -> Asked {
    let request = body;
    let mut body = BriefBody::default();
    let entered = passed.brief().and_then(|brief| {
        let errno = brief.enter(request, &mut body)?;
        Some((brief, errno))
    });
    // No honest VM sends another.
    let Some((brief, errno)) = entered else {
        return Asked::Lost(wrong(named(passed, "a brief request that is none")));
    };
    let words = match &passed.function {
        Function::Code(address) => {
            if let Some(fault) = stray_cookie(link, &channel, brief, &body, passed) {
                return answer_fault(channel, id, fault, progress);
            }
            if let Some(cookie) = brief.opaque(&body).last() {
                channel.cookie = cookie;
            }
            let lent = channel::lend(link, channel);
            // SAFETY: the program passed the pointer as a function of this type; the body is a request
            // of the callback's.
            let left = unsafe {
                code::enter_briefly(&passed.signature, *address, brief, &mut body, errno)
            };
            if link.is_foreign() {
                return Asked::Elsewhere;
            }
            let Some(back) = channel::reclaim(lent) else {
                return Asked::Lost(gone());
            };
            channel = back;
            match left {
                Some((errno, result)) => brief.reply(errno, result),
                None => {
                    let fault = Fault::host(FaultCode::System, named(passed, "no such function"));
                    return answer_fault(channel, id, fault, progress);
                }
            }
        }
        Function::Closure(_) => match unfold(link, channel, brief, &body, passed) {
            Ran::Here(back, Ok(words)) => {
                channel = back;
                words
            }
            Ran::Here(back, Err(fault)) => return answer_fault(back, id, fault, progress),
            Ran::Wrong(fault) => return Asked::Lost(fault),
            Ran::Lost => return Asked::Lost(gone()),
            Ran::Elsewhere => return Asked::Elsewhere,
        },
    };
    let [header, result] = words;
    let reply = Short::of([header, result, 0, 0, 0], brief.reply_length());
    match channel
        .connection
        .send_short(BRIEF_CALLBACK | REPLY, id, &reply)
    {
        Ok(()) => Asked::Answered(channel),
        Err(fault) => Asked::Lost(fault),
    }
}

/// Why one of the cookies of a request does not reach the function. The last one that came is good for
/// ever: what was given is never taken back.
fn stray_cookie(
    link: &Link,
    channel: &Channel,
    brief: &Brief,
    body: &BriefBody,
    passed: &Passed,
) -> Option<Fault> {
    let known = |value: &u64| *value == channel.cookie || link.cookies().may_come_back(*value);
    let stray = brief.opaque(body).find(|value| !known(value))?;
    let mut parameters = passed.signature.parameters().zip(brief.parts());
    let place = parameters.find(|(_, part)| {
        let bytes = body.bytes().get(part.at..part.at + part.size);
        part.kind == Kind::Opaque && bytes == Some(&stray.to_le_bytes())
    });
    let name = place.map_or("", |(name, _)| name);
    let problem = format!(
        "parameter '{name}': {stray:#x} is no value that the program passed as '__opaque', and the \
         function might follow it"
    );
    Some(Fault::vm(FaultCode::CallbackFailed, named(passed, problem)))
}

/// Runs a closure; gives the words of the reply.
fn unfold(
    link: &Arc<Link>,
    channel: Box<Channel>,
    brief: &Brief,
    body: &BriefBody,
    passed: &Passed,
) -> Ran<[u64; 2]> {
    let Some(request) = brief.unfolded(body, passed.signature.template()) else {
        let fault = Fault::host(FaultCode::System, named(passed, "it cannot be unfolded"));
        return Ran::Here(channel, Err(fault));
    };
    match run(link, channel, passed, &request, Vec::new()) {
        Ran::Here(channel, left) => {
            let words = left.and_then(|_| {
                brief.folded(&channel.reply).ok_or_else(|| {
                    Fault::host(FaultCode::System, named(passed, "its result is too short"))
                })
            });
            Ran::Here(channel, words)
        }
        Ran::Wrong(fault) => Ran::Wrong(fault),
        Ran::Lost => Ran::Lost,
        Ran::Elsewhere => Ran::Elsewhere,
    }
}
