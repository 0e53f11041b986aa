//! A channel to a VM while it is made: all that can be said on it is said at once, and lies there when the
//! VM comes to it.
//!
//! ```text
//!            main connection            the channel's
//! said       [handshake] Attach         handshake, a request, Share
//! heard      [handshake] its answer     handshake, the answers
//! ```
//!
//! A VM that is only being started has its own handshake on the main connection still to make: it does that
//! when it has given up what it has to, and before that it reads nothing of all this. What it will be is
//! believed to be as this program is until then.

use super::{Ahead, Nature};
use cosmos_rpc::blocking::{Asked, Connection, Opening};
use cosmos_rpc::message::Message;
use cosmos_rpc::message::vm::{Attach, Open};
use cosmos_rpc::{Fault, FaultCode, Frame, Hello, Role};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// A channel, and the answer to the request that was made as it was.
pub(crate) type Attached = (Connection, Option<Frame>);

/// A channel on which nothing was heard yet.
pub(super) struct Attaching {
    opening: Opening,
    asked: Requests,
}

/// What was asked with it.
struct Requests {
    /// On the main connection; `None` where that is gone.
    attach: Option<u64>,
    ahead: Option<u64>,
    share: Result<Option<Asked>, Fault>,
}

impl Attaching {
    /// Says all of it. `attach` makes that request on the main connection, of which `known` was heard.
    pub(super) fn begin(
        nature: &Nature,
        known: &Hello,
        timeout: Option<Duration>,
        ahead: Option<Ahead<'_>>,
        attach: impl FnOnce(BorrowedFd<'_>) -> Result<Option<u64>, Fault>,
    ) -> Result<Attaching, Fault> {
        let (ours, theirs) = UnixStream::pair().map_err(|error| {
            let errno = error.raw_os_error().unwrap_or(0);
            Fault::system(errno, format!("cannot make a socket pair: {error}"))
        })?;
        let attach = attach(theirs.as_fd())?;
        // Held here, it would keep the end of a VM that dies now from being seen.
        drop(theirs);
        Attaching::on(ours, nature, known, timeout, (ahead, attach))
    }

    /// The same on a channel that the VM has already, or that it was asked to have by `attach`.
    fn on(
        ours: UnixStream,
        nature: &Nature,
        known: &Hello,
        timeout: Option<Duration>,
        (ahead, attach): (Option<Ahead<'_>>, Option<u64>),
    ) -> Result<Attaching, Fault> {
        let most = nature.message_bytes;
        let mut opening = Connection::open(ours, Role::Client, most, timeout, known)?;
        // Once memory is shared nothing is looked for on the socket that is not announced there.
        let ask = |(kind, body, descriptors)| opening.ask(kind, &[body], descriptors);
        let ahead = ahead.map(ask).transpose()?.flatten();
        opening.say();
        let share = nature.ring.as_ref();
        let share = share.map(|settings| opening.ask_to_share(settings));
        let share = share.transpose().map(Option::flatten);
        let asked = Requests {
            attach,
            ahead,
            share,
        };
        Ok(Attaching { opening, asked })
    }

    /// Waits on the main connection until the VM has taken it.
    pub(super) fn is_taken(&self, main: &mut Connection) -> Result<(), Fault> {
        self.asked.are_taken(main)
    }

    /// Waits for all that is to be heard on it.
    pub(super) fn heard(self, timeout: Option<Duration>) -> Result<Attached, Fault> {
        let Attaching { opening, asked } = self;
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
        if let Some(asked) = share {
            channel.shared(asked)?;
        }
        Ok((channel, answer))
    }
}

/// Meets a VM that is only being started, which must serve before `deadline`: the main connection. Where
/// there is a `target`, the VM is asked to open that on its first channel, or on one which is made with it,
/// within `timeout` from when it serves: that channel, and the answer.
///
/// # Errors
/// Why the VM cannot be met. What is wrong with the channel only, is there in its place.
pub(crate) fn meet(
    (stream, first): (UnixStream, Option<UnixStream>),
    nature: &Nature,
    target: Option<(&Open, Option<Duration>)>,
    deadline: Instant,
) -> Result<(Connection, Option<Result<Attached, Fault>>), Fault> {
    let believed = Hello::new(Role::Vm, &Role::Vm.limits());
    let most = Role::Client.limits().body;
    let open = || Connection::open(stream, Role::Client, most, None, &believed);
    let Some((target, timeout)) = target else {
        return Ok((
            is_believed(open()?.heard_until(deadline)?, &believed)?,
            None,
        ));
    };
    let body = cosmos_rpc::codec::encode(target)?;
    let ahead = Some((Open::KIND, &body[..], &[][..]));
    let (main, attaching) = match first {
        // What is waited for is said first.
        Some(first) => {
            let attaching = Attaching::on(first, nature, &believed, timeout, (ahead, None))?;
            let mut main = open()?;
            main.say();
            (main, attaching)
        }
        None => {
            let mut main = open()?;
            let attach = |theirs: BorrowedFd<'_>| main.ask(Attach::KIND, &[], &[theirs]);
            let attaching = Attaching::begin(nature, &believed, timeout, ahead, attach)?;
            (main, attaching)
        }
    };
    let Attaching { opening, asked } = attaching;
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
