//! Following requests across processes: each step is a line of the file that the setting `trace` names.
//!
//! ```text
//! open libz.so.1                       client        the program's own steps
//! ├─ get a VM                          client
//! │  └─ VmOpen                         client
//! │     └─ VmOpen                      cosmosd       told by cosmosd when it was asked
//! │        └─ start the VM             cosmos-launch told to cosmosd
//! └─ open                              client
//!    └─ open                           vm            told by the VM, which is its own word
//! ```
//!
//! The program writes all of it: it asks cosmosd and the VMs what they did for a request that it made, and
//! files that below the request. So nobody can write a line of somebody else's, and what a VM says of a
//! request are two numbers and a fault's code, which lie within the request as this program saw it.
//!
//! A trace is what one request of the program's caused: an open, a call. Where there is something around
//! it, a [`Span`] of the program's or what TRACEPARENT names in its environment, it is a part of that
//! one's trace.
//!
//! Where no file is named, this costs one look at a number that does not change, and on the shortest way
//! of a call nothing: functions are resolved to go that way or not.

mod sink;

pub use cosmos_trace::Line;
pub(crate) use sink::is_on;

use crate::error::Error;
use crate::link::Link;
use cosmos_config::Host;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::Message;
use cosmos_rpc::message::catalogue::CATALOGUE;
use cosmos_rpc::message::coordinator::{Follow, Followed};
use cosmos_rpc::message::follow::{SINCE, Span as Told, Teller};
use cosmos_rpc::message::vm::{self, Recall};
use cosmos_rpc::trail::now;
use cosmos_rpc::{Fault, FaultCode};
use cosmos_trace::Context;
use std::cell::Cell;
use std::fmt::Display;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// How long a VM may take to say when it answered.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most steps of a request that cosmosd is believed.
const MOST: usize = 256;

thread_local! {
    /// The step that this thread is in.
    static CURRENT: Cell<Option<Current>> = const { Cell::new(None) };
}

/// A step that is under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Current {
    context: Context,
    /// When it began.
    begin: u64,
}

/// A step of the program's own: what this library does on this thread, until it is dropped, is a part
/// of it.
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct Span {
    step: Option<Step>,
    before: Option<Current>,
    /// It ends on its own thread.
    here: PhantomData<*const ()>,
}

/// Begins a step, `what` being what it is about, if to anything. Where no trace is written, nothing.
pub fn span(name: &str, what: &str) -> Span {
    begin(name, what)
}

/// The step that this thread is in, as W3C's trace context writes it, for who is to go on with it: for
/// TRACEPARENT in the environment of a program, or the header `traceparent` of a request. `None` where no
/// trace is written, or this thread is in no step.
pub fn traceparent() -> Option<String> {
    current().map(|current| current.context.to_string())
}

/// Runs `body` as a part of the step that a `traceparent` names, of whichever program.
///
/// # Errors
/// `BadArgument` where it names none; `body` is not run then.
pub fn within<T>(traceparent: &str, body: impl FnOnce() -> T) -> Result<T, Error> {
    Ok(under(Some(named(traceparent)?), body))
}

/// Whether steps are written: they should be, and can.
pub(crate) fn is_written() -> bool {
    matches!(sink::sink(), Ok(Some(_)))
}

/// Makes this thread a part of the step that a `traceparent` names, or of none, until something else is
/// around it.
///
/// # Errors
/// As [`within`].
pub(crate) fn set(traceparent: Option<&str>) -> Result<(), Error> {
    let entered = traceparent.map(named).transpose()?;
    if is_on() {
        leave(entered);
    }
    Ok(())
}

/// The step that a `traceparent` names, as if it began now.
fn named(traceparent: &str) -> Result<Current, Fault> {
    let context = Context::parse(traceparent).ok_or_else(|| {
        let given = traceparent.escape_debug();
        let message = format!("'{given}' is no traceparent (00-TRACE-SPAN-FLAGS)");
        Fault::caller(FaultCode::BadArgument, message)
    })?;
    let begin = now();
    Ok(Current { context, begin })
}

impl Span {
    /// It fails, for this reason.
    pub fn fail(&mut self, reason: &dyn Display) {
        if let Some(step) = &mut self.step {
            step.fail(reason);
        }
    }

    /// Ends nothing yet: the step goes on, on whichever thread, until what is given is dropped.
    pub(crate) fn detach(mut self) -> Option<Step> {
        let step = self.step.take();
        if step.is_some() {
            leave(self.before);
        }
        step
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if self.step.is_some() {
            leave(self.before);
        }
    }
}

/// A step that was begun, and is written when it is dropped.
#[derive(Debug)]
pub(crate) struct Step {
    context: Context,
    parent: Option<Context>,
    line: Line,
}

impl Step {
    /// It fails, for this reason.
    pub(crate) fn fail(&mut self, reason: &dyn Display) {
        self.line.fault = reason.to_string();
    }

    /// Does something as a part of it.
    pub(crate) fn within<T>(&self, body: impl FnOnce() -> T) -> T {
        let begin = self.line.begin;
        let context = self.context;
        under(Some(Current { context, begin }), body)
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.line.took = now().saturating_sub(self.line.begin);
        write(self.context, self.parent, std::mem::take(&mut self.line));
    }
}

fn begin(name: &str, what: &str) -> Span {
    let none = || Span {
        step: None,
        before: None,
        here: PhantomData,
    };
    let Ok(Some(sink)) = sink::sink() else {
        return none();
    };
    let before = current();
    let parent = before.map(|before| before.context).or(sink.outer());
    let context = parent.map_or_else(Context::fresh, Context::next);
    let begin = now();
    enter(Current { context, begin });
    let line = Line {
        process: "client".to_owned(),
        pid: own_pid(),
        name: name.to_owned(),
        what: what.to_owned(),
        begin,
        ..Line::default()
    };
    Span {
        step: Some(Step {
            context,
            parent,
            line,
        }),
        before,
        here: PhantomData,
    }
}

/// Does something as a step.
///
/// # Errors
/// Its own; where steps are to be written and cannot be, why.
#[inline]
pub(crate) fn step<T, E: Display + From<Fault>>(
    name: &str,
    what: &str,
    body: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    match is_on() {
        false => body(),
        true => step_noted(name, what, body),
    }
}

#[cold]
fn step_noted<T, E: Display + From<Fault>>(
    name: &str,
    what: &str,
    body: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    sink::sink()?;
    let mut span = begin(name, what);
    let done = body();
    if let Err(error) = &done {
        span.fail(error);
    }
    done
}

/// The step that this thread is in; `None` where no trace is written.
pub(crate) fn current() -> Option<Current> {
    match is_on() {
        false => None,
        true => CURRENT.try_with(Cell::get).ok().flatten(),
    }
}

/// Does something as a part of a step, on whichever thread that is.
pub(crate) fn under<T>(current: Option<Current>, body: impl FnOnce() -> T) -> T {
    let Some(current) = current.filter(|_| is_on()) else {
        return body();
    };
    struct Leave(Option<Current>);
    impl Drop for Leave {
        fn drop(&mut self) {
            leave(self.0);
        }
    }
    let _leave = Leave(self::current());
    enter(current);
    body()
}

/// Asks a cosmosd, and what it did for that.
pub(crate) fn ask<M: Message>(
    connection: &mut Connection,
    host: &Host,
    message: &M,
) -> Result<(M::Reply, Vec<OwnedFd>), Fault> {
    if !is_on() {
        return connection.call(message, &[]);
    }
    let known = CATALOGUE.iter().find(|known| known.kind == M::KIND);
    step(known.map_or("request", |known| known.name), "", || {
        let current = current().filter(|_| connection.peer().minor >= SINCE);
        let Some(Current { context, .. }) = current else {
            return connection.call(message, &[]);
        };
        let trace = context.halves();
        connection.call(&Follow { trace }, &[])?;
        let from = now();
        let answer = connection.call(message, &[]);
        let until = now();
        // A cosmosd that has ended says nothing any more.
        let (told, _) = connection.call(&Followed, &[]).unwrap_or_default();
        file(&told, context, &host.to_string(), (from, until));
        answer
    })
}

/// Writes what cosmosd told of a request that was made and answered at these times.
fn file(told: &[Told], request: Context, host: &str, (from, until): (u64, u64)) {
    let told = told.get(..MOST).unwrap_or(told);
    // The clock of another machine tells how long things took there, and nothing else.
    let shift = match told.first().filter(|_| host != LOCAL) {
        Some(first) => centred(first.took, (from, until)).wrapping_sub(first.begin),
        None => 0,
    };
    let contexts: Vec<Context> = told.iter().map(|_| request.next()).collect();
    for (place, span) in told.iter().enumerate() {
        let parent = span.parent.map(|parent| parent as usize);
        let parent = parent.filter(|parent| *parent < place);
        let parent = parent.and_then(|parent| contexts.get(parent)).copied();
        let (begin, took) = bounded(span.begin.wrapping_add(shift), span.took, (from, until));
        let process = match span.by {
            Teller::Coordinator => "cosmosd",
            Teller::Launcher => "cosmos-launch",
        };
        let line = Line {
            process: process.to_owned(),
            pid: span.pid,
            host: elsewhere(host),
            name: span.name.clone(),
            what: span.what.clone(),
            begin,
            took,
            fault: span.fault.clone(),
            ..Line::default()
        };
        if let Some(context) = contexts.get(place) {
            write(*context, Some(parent.unwrap_or(request)), line);
        }
    }
}

/// What a request to a VM is called.
pub(crate) fn verb(kind: u16) -> &'static str {
    match kind {
        vm::Open::KIND => "open",
        vm::Sym::KIND => "sym",
        vm::Exec::KIND => "exec",
        vm::Close::KIND => "close",
        vm::CALL => "call",
        _ => "request",
    }
}

/// A channel to a VM that was just made: has the VM note what it answers there.
pub(crate) fn follow(connection: &mut Connection) -> Result<(), Fault> {
    if is_on() && connection.peer().minor >= SINCE {
        connection.call(&Recall { request: 0 }, &[])?;
    }
    Ok(())
}

/// Asks a VM about the request of this id, which it has answered as a part of the step that this thread is
/// in; whether the channel is in step.
#[inline]
pub(crate) fn recall(link: &Link, connection: &mut Connection, name: &str, request: u64) -> bool {
    match is_on() {
        false => true,
        true => recall_noted(link, connection, name, request),
    }
}

#[cold]
fn recall_noted(link: &Link, connection: &mut Connection, name: &str, request: u64) -> bool {
    let until = now();
    let current = current().filter(|_| connection.peer().minor >= SINCE);
    let Some(Current { context, begin }) = current else {
        return true;
    };
    let window = (begin, until);
    connection.set_timeout(Some(PATIENCE));
    let told = match connection.call(&Recall { request }, &[]) {
        Ok((told, _)) => told,
        Err(fault) => return fault.code == FaultCode::Unsupported,
    };
    if let Some(told) = told {
        let begin = match link.host() {
            LOCAL => told.begin,
            _ => centred(told.took, window),
        };
        let (begin, took) = bounded(begin, told.took, window);
        let fault = told.failure.map(|code| format!("{code:?}"));
        let line = Line {
            process: "vm".to_owned(),
            host: elsewhere(link.host()),
            vm: link.label().to_owned(),
            name: name.to_owned(),
            begin,
            took,
            fault: fault.unwrap_or_default(),
            ..Line::default()
        };
        write(context.next(), Some(context), line);
    }
    true
}

/// How this machine is called.
const LOCAL: &str = "local";

fn elsewhere(host: &str) -> String {
    match host {
        LOCAL => String::new(),
        host => host.to_owned(),
    }
}

/// When something began that took so long in the middle of that time.
fn centred(took: u64, (from, until): (u64, u64)) -> u64 {
    from.saturating_add(until.saturating_sub(from).saturating_sub(took) / 2)
}

/// Begin and duration as they can be at most: nothing is done for a request before it is made, and nothing
/// after its answer.
fn bounded(begin: u64, took: u64, (from, until): (u64, u64)) -> (u64, u64) {
    let until = until.max(from);
    let begin = begin.clamp(from, until);
    (begin, took.min(until - begin))
}

fn write(context: Context, parent: Option<Context>, line: Line) {
    if let Ok(Some(sink)) = sink::sink() {
        sink.add(Line {
            trace: format!("{:032x}", context.trace),
            span: format!("{:016x}", context.span),
            parent: parent.map_or_else(String::new, |parent| format!("{:016x}", parent.span)),
            ..line
        });
    }
}

fn enter(entered: Current) {
    // A thread that is ending is in no step.
    let _ = CURRENT.try_with(|current| current.set(Some(entered)));
}

fn leave(before: Option<Current>) {
    let _ = CURRENT.try_with(|current| current.set(before));
}

fn own_pid() -> i32 {
    i32::try_from(std::process::id()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_lies_within_the_request() {
        let window = (1000, 2000);
        assert_eq!(bounded(1200, 300, window), (1200, 300));
        for begin in [0, 999, 1000, 1999, 2000, u64::MAX] {
            for took in [0, 1, 1000, u64::MAX] {
                let (begin, took) = bounded(begin, took, window);
                assert!(begin >= 1000 && begin + took <= 2000, "{begin} {took}");
            }
        }
        // A clock that went backwards breaks nothing.
        assert_eq!(bounded(5, 5, (2000, 1000)), (2000, 0));
        assert_eq!(centred(200, window), 1400);
        assert_eq!(centred(u64::MAX, window), 1000);
    }
}
