//! One call back that is a line there and a line back, of the C function that was called last: all the
//! others of a `qsort`.
//!
//! That the VM may call it is known but for what may have changed since, and the words go from the line to
//! the function's registers. Where anything is different, [`brief`](super::brief) finds out what.

use super::brief;
use super::code::{self, Code};
use super::dispatch::{Asked, Progress, gone};
use super::registry::{Function, Passed};
use crate::channel::{self, Channel};
use crate::link::Link;
use callframe::marshal;
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::vm::BRIEF_CALLBACK;
use cosmos_rpc::ring::Short;
use std::sync::Arc;

/// How a function is called in a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct InLine {
    form: marshal::InLine,
    code: Code,
}

impl InLine {
    /// That of a C function, where there is one.
    pub(super) fn of(passed: &Passed) -> Option<InLine> {
        let Function::Code(address) = passed.function else {
            return None;
        };
        Some(InLine {
            form: passed.brief()?.in_line()?,
            code: Code::of(&passed.signature, address)?,
        })
    }
}

/// Serves a brief request that the VM makes during a call, whose body this is: a copy, which nobody
/// else can write.
#[inline]
pub(crate) fn serve(
    link: &Arc<Link>,
    mut channel: Box<Channel>,
    id: u64,
    body: &Short,
    progress: &mut Progress,
) -> Asked {
    let mut words = *body.words();
    let [number, ..] = words;
    let (length, cookie) = (body.length(), channel.cookie);
    let entered = progress.again(number, channel.nesting, |in_line| {
        in_line.form.enter(&words, length, cookie)
    });
    let Some((in_line, (arguments, errno))) = entered else {
        return brief::serve(link, channel, id, body.bytes(), progress);
    };
    let lent = channel::lend(link, channel);
    // SAFETY: the program passed the pointer as a function of this type, and the words are a request of its.
    let (errno, result) =
        unsafe { code::enter_in_line(&in_line.code, &arguments, &mut words, errno) };
    if link.is_foreign() {
        return Asked::Elsewhere;
    }
    let Some(back) = channel::reclaim(lent) else {
        return Asked::Lost(gone());
    };
    channel = back;
    let [header, result] = in_line.form.reply(errno, result);
    let reply = Short::of([header, result, 0, 0, 0], in_line.form.reply_length());
    let kind = BRIEF_CALLBACK | REPLY;
    match channel.connection.send_short(kind, id, &reply) {
        Ok(()) => Asked::Answered(channel),
        Err(fault) => Asked::Lost(fault),
    }
}
