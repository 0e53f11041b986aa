//! A channel to a VM while it is made: all that can be said on it is said at once, and lies there when the
//! VM comes to it.
//!
//! ```text
//!            main connection            the channel's
//! said       [handshake] Attach         handshake, a request, functions of what that opens, Share
//! heard      [handshake] its answer     handshake, the answers
//! ```
//!
//! A VM that is only being started has its own handshake on the main connection still to make: it does that
//! when it has given up what it has to, and before that it reads nothing of all this. What it will be is
//! believed to be as this program is until then.

use super::{Ahead, Nature};
use cosmos_rpc::blocking::{Asked, Connection, Opening};
use cosmos_rpc::message::Message;
use cosmos_rpc::message::vm::{Attach, Open, Sym};
use cosmos_rpc::{Fault, FaultCode, Frame, Hello, Role, codec, ring};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// A channel, the answer to the request that was made as it was, and what came of asking for functions behind that.
pub(crate) type Attached = (Connection, Option<Frame>, Functions);

/// The answers to who asked for functions, by their prototypes; or that the VM was lost, or fell silent, when it had
/// answered the request before them.
pub(crate) type Functions = Result<Vec<(String, Frame)>, Fault>;

/// What a VM is asked for as it is met.
pub(crate) struct Aim<'a> {
    /// To open this.
    pub open: &'a Open,
    /// To resolve these, of what it opened.
    pub functions: Vec<Sym>,
    /// Within so long.
    pub timeout: Option<Duration>,
}

/// A channel on which nothing was heard yet. It is large, and handed on in a box, for threads that call may have small
/// stacks.
pub(super) struct Attaching {
    opening: Opening,
    asked: Requests,
}

/// What was asked with it.
struct Requests {
    /// On the main connection; `None` where that is gone.
    attach: Option<u64>,
    ahead: Option<u64>,
    functions: Vec<(String, u64)>,
    share: Result<Option<Asked>, Fault>,
}

impl Attaching {
    /// Says all of it. `attach` makes that request on the main connection, of which `known` was heard.
    pub(super) fn begin(
        nature: &Nature,
        known: &Hello,
        timeout: Option<Duration>,
        ahead: Option<Ahead<'_>>,
        functions: Vec<Sym>,
        attach: impl FnOnce(BorrowedFd<'_>) -> Result<Option<u64>, Fault>,
    ) -> Result<Box<Attaching>, Fault> {
        let (ours, theirs) = UnixStream::pair().map_err(|error| {
            let errno = error.raw_os_error().unwrap_or(0);
            Fault::system(errno, format!("cannot make a socket pair: {error}"))
        })?;
        let attach = attach(theirs.as_fd())?;
        // Held here, it would keep the end of a VM that dies now from being seen.
        drop(theirs);
        let mut asking = Attaching::on(ours, nature, known, timeout, (ahead, attach))?;
        asking.resolving(functions);
        asking.sharing(nature.ring.as_ref());
        Ok(asking)
    }

    /// The same on a channel that the VM has already, or that it was asked to have by `attach`; without memory as yet.
    fn on(
        ours: UnixStream,
        nature: &Nature,
        known: &Hello,
        timeout: Option<Duration>,
        (ahead, attach): (Option<Ahead<'_>>, Option<u64>),
    ) -> Result<Box<Attaching>, Fault> {
        let most = nature.message_bytes;
        let mut opening = Connection::open(ours, Role::Client, most, timeout, known)?;
        // Once memory is shared nothing is looked for on the socket that is not announced there.
        let ask = |(kind, body, descriptors)| opening.ask(kind, &[body], descriptors);
        let ahead = ahead.map(ask).transpose()?.flatten();
        opening.say();
        let asked = Requests {
            attach,
            ahead,
            functions: Vec::new(),
            share: Ok(None),
        };
        Ok(Box::new(Attaching { opening, asked }))
    }

    /// And asks for these functions of what is opened. What cannot be asked for now is asked for when it is needed.
    fn resolving(&mut self, functions: Vec<Sym>) {
        for request in functions {
            let Ok(body) = codec::encode(&request) else {
                continue;
            };
            if let Ok(Some(asked)) = self.opening.ask(Sym::KIND, &[&body], &[]) {
                self.asked.functions.push((request.prototype, asked));
            }
        }
    }

    /// And asks that it be carried through memory.
    fn sharing(&mut self, settings: Option<&ring::Settings>) {
        let share = settings.map(|settings| self.opening.ask_to_share(settings));
        self.asked.share = share.transpose().map(Option::flatten);
    }

    /// Waits on the main connection until the VM has taken it.
    pub(super) fn is_taken(&self, main: &mut Connection) -> Result<(), Fault> {
        self.asked.are_taken(main)
    }

    /// Waits for all that is to be heard on it.
    pub(super) fn heard(self: Box<Self>, timeout: Option<Duration>) -> Result<Attached, Fault> {
        let Attaching { opening, asked } = *self;
        asked.are_answered(opening.heard()?, timeout)
    }
}

impl Requests {
    fn are_taken(&self, main: &mut Connection) -> Result<(), Fault> {
        match self.attach {
            Some(attach) => main.await_reply(attach)?.reply::<Attach>(),
            None => Ok(()),
        }
    }

    fn are_answered(
        self,
        channel: Connection,
        timeout: Option<Duration>,
    ) -> Result<Attached, Fault> {
        let mut channel = channel.expect(Role::Vm)?;
        channel.set_timeout(timeout);
        let share = self.share?;
        let answer = |asked| channel.await_reply(asked);
        let answer = self.ahead.map(answer).transpose()?;
        let functions = self.functions.into_iter();
        let functions =
            functions.map(|(prototype, asked)| Ok((prototype, channel.await_reply(asked)?)));
        let functions = match functions.collect::<Functions>() {
            Err(fault) if !is_lost(&fault) => return Err(fault),
            functions => functions,
        };
        if let (Some(asked), true) = (share, functions.is_ok()) {
            channel.shared(asked)?;
        }
        Ok((channel, answer, functions))
    }
}

fn is_lost(fault: &Fault) -> bool {
    matches!(fault.code, FaultCode::Disconnected | FaultCode::TimedOut)
}

/// A VM that was spoken to, and has not been heard yet: it may only be starting.
pub(crate) struct Meeting {
    main: Opening,
    first: Option<Box<Attaching>>,
    /// What memory the first channel is still to be carried through.
    to_share: Option<ring::Settings>,
    /// And of what functions are still to be asked for on it.
    functions: Vec<Sym>,
    believed: Hello,
    timeout: Option<Duration>,
}

impl Meeting {
    /// Speaks to it. Where there is an `aim`, it is asked for that on its first channel, or on one which is
    /// made with it, within its time from when it serves. What is waited for most is said first, and then
    /// something else may be done: `meanwhile`. Where the VM has the channel already, all else is said when it is
    /// waited for: whoever is asked `meanwhile` may be on the processor that this thread has.
    ///
    /// # Errors
    /// What keeps it from being spoken to.
    pub(crate) fn begin(
        (stream, first): (UnixStream, Option<UnixStream>),
        nature: &Nature,
        aim: Option<Aim<'_>>,
        meanwhile: impl FnOnce(),
    ) -> Result<Meeting, Fault> {
        let believed = Hello::new(Role::Vm, &Role::Vm.limits());
        let most = Role::Client.limits().body;
        let open = || Connection::open(stream, Role::Client, most, None, &believed);
        let Some(aim) = aim else {
            let mut main = open()?;
            main.say();
            meanwhile();
            return Ok(Meeting {
                main,
                first: None,
                to_share: None,
                functions: Vec::new(),
                believed,
                timeout: None,
            });
        };
        let Aim {
            open: target,
            mut functions,
            timeout,
        } = aim;
        let mut to_share = None;
        let body = codec::encode(target)?;
        let ahead = Some((Open::KIND, &body[..], &[][..]));
        let (main, first) = match first {
            Some(first) => {
                let asking = Attaching::on(first, nature, &believed, timeout, (ahead, None))?;
                meanwhile();
                to_share = nature.ring;
                (open()?, asking)
            }
            None => {
                let mut main = open()?;
                let attach = |theirs: BorrowedFd<'_>| main.ask(Attach::KIND, &[], &[theirs]);
                let attaching = Attaching::begin(
                    nature,
                    &believed,
                    timeout,
                    ahead,
                    std::mem::take(&mut functions),
                    attach,
                )?;
                meanwhile();
                (main, attaching)
            }
        };
        Ok(Meeting {
            main,
            first: Some(first),
            to_share,
            functions,
            believed,
            timeout,
        })
    }

    /// Waits until it serves, which must be before `deadline`: the main connection; the channel, and what came of
    /// opening the target.
    ///
    /// # Errors
    /// Why the VM cannot be met. What is wrong with the channel only, is there in its place.
    pub(crate) fn heard(
        self,
        deadline: Instant,
    ) -> Result<(Connection, Option<Result<Attached, Fault>>), Fault> {
        let Meeting {
            mut main,
            first,
            to_share,
            functions,
            believed,
            timeout,
        } = self;
        let Some(mut first) = first else {
            return Ok((is_believed(main.heard_until(deadline)?, &believed)?, None));
        };
        first.resolving(functions);
        if let Some(settings) = to_share {
            first.sharing(Some(&settings));
        }
        let Attaching { opening, asked } = *first;
        main.say();
        // The VM comes to this last: then all else is there, and there is one wait in place of three. Where it
        // does not come to it, the main connection says more.
        let channel = opening.heard_until(deadline);
        let mut main = is_believed(main.heard_until(deadline)?, &believed)?;
        main.set_timeout(timeout);
        let attached = || {
            asked.are_taken(&mut main)?;
            asked.are_answered(channel?, timeout)
        };
        let attached = attached();
        Ok((main, Some(attached)))
    }
}

/// A VM that is what it was believed to be when it was spoken to. Any other one may have misunderstood that,
/// and is let go of, as if it had not been reached: the next one is heard first.
fn is_believed(main: Connection, believed: &Hello) -> Result<Connection, Fault> {
    let main = main.expect(Role::Vm)?;
    let is_less = main.peer().minor < believed.minor || main.peer().body < believed.body;
    match is_less {
        false => Ok(main),
        true => Err(Fault::peer(
            FaultCode::Version,
            "the VM is of an older version than this program",
        )),
    }
}
