//! The VMs of a session: opening one, and the table of links to them.

use super::settings::{granted, message_bytes, ring_settings};
use super::{ANSWER, Session, lock};
use crate::coordinator::{self, Coordinator};
use crate::error::Error;
use crate::lately::FIRST_OBJECT;
use crate::link::{Aim, Attached, Hold, Link, Meeting, Nature};
use crate::options::Options;
use crate::token::{LARGEST_VM, VmNumber};
use crate::trace;
use cosmos_config::{Config, Host};
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::Message as _;
use cosmos_rpc::message::coordinator::{
    Purpose, VmAhead, VmBegin, VmClose, VmOpen, VmOpened, VmReady,
};
use cosmos_rpc::message::registry::Connect;
use cosmos_rpc::message::vm::{ObjectToken, Open, Resolved, Sym};
use cosmos_rpc::{Fault, FaultCode, Frame, Role, codec, ring};
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a VM is asked for again that was lost before it was reached, and the first pause before
/// that, of which each next is twice as long.
const SEARCHES: u32 = 4;
const SEARCH_PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
pub(super) struct Links {
    /// By host and name: each machine counts its own.
    pub(super) by_name: BTreeMap<(String, String), Arc<Link>>,
    last_number: u16,
}

/// How a VM is reached that cosmosd has given.
enum Reached {
    /// By a connection to one that serves.
    Serving(OwnedFd),
    /// By one that will lead to it when it does, and by a first channel.
    Starting(OwnedFd, Option<OwnedFd>),
    /// By those that this process had before it asked, on which it has spoken.
    Met(Box<Meeting>),
    /// By cosmosdb.
    ByName,
}

/// A VM that is linked to.
struct Linked {
    link: Arc<Link>,
    /// What came of opening its target, where that was asked as it was met.
    first: Option<Result<Attached, Fault>>,
}

/// What functions a VM has resolved, by their prototypes.
pub(crate) type Answered = Vec<(String, Resolved)>;

impl Linked {
    /// Takes those that it has resolved as it was met. Why others were not it says when they are asked for.
    ///
    /// # Errors
    /// How it was lost in resolving them, which nobody asked for as yet.
    fn functions(&mut self) -> Result<Answered, Fault> {
        let functions = match &mut self.first {
            Some(Ok((_, _, functions))) => std::mem::replace(functions, Ok(Vec::new()))?,
            _ => Vec::new(),
        };
        let resolved = |(prototype, answer): (String, Frame)| {
            let resolved = answer.reply::<Sym>().ok()?;
            Some((prototype, resolved))
        };
        Ok(functions.into_iter().filter_map(resolved).collect())
    }
}

/// What VM is asked for, and of whom.
struct Wanted {
    host: Host,
    coordinator: Arc<Coordinator>,
    request: VmOpen,
    message_bytes: u32,
    ring: Option<ring::Settings>,
}

/// What came of asking for a VM.
enum Search {
    Found(Box<(Linked, VmOpened)>),
    /// It was lost before it was reached; another search may find it, or another one.
    Lost(Fault),
    /// cosmosd gave the one of this name, of which this process knows that it is gone.
    Gone(String),
}

impl Wanted {
    /// Whether the relay there found the VM gone that cosmosd had offered: so cosmosd will in a moment.
    fn is_gone_there(&self, fault: &Fault) -> bool {
        self.coordinator.is_remote()
            && fault.code == FaultCode::NoSuchName
            && !matches!(self.request.purpose, Purpose::Running(_))
    }

    fn nature(&self, epoch: u64) -> Nature {
        Nature {
            // A running VM that is not in the table yet was started by another process.
            shared: !self.request.shared_name.is_empty()
                || matches!(self.request.purpose, Purpose::Running(_)),
            epoch: Some(epoch),
            coordinator: Arc::clone(&self.coordinator),
            reusable: !self.request.fresh,
            message_bytes: self.message_bytes,
            ring: self.ring,
        }
    }
}

impl Session {
    /// A VM for this purpose, and the absolute path of the target where it was one.
    pub(crate) fn open_vm(
        &self,
        purpose: Purpose,
        options: &Options,
        configured: &Config,
    ) -> Result<(Hold, VmOpened), Fault> {
        trace::step("get a VM", "", || {
            let (link, opened) = self.find_vm(purpose, options, configured, None)?;
            Ok((Hold::new(link.link), opened))
        })
    }

    /// A VM for this target, which is opened in it within `timeout`: the target's token and absolute path, and what was
    /// resolved of it by the way.
    ///
    /// A VM that is lost in resolving what nobody asked for as yet is nobody's either: there is another one then,
    /// which is asked to open the target and for nothing else, and has `timeout` once more.
    pub(crate) fn open_target(
        &self,
        purpose: Purpose,
        options: &Options,
        configured: &Config,
        timeout: Option<Duration>,
    ) -> Result<(Hold, ObjectToken, String, Answered), Error> {
        let (mut linked, mut opened) = trace::step("get a VM", "", || {
            self.find_vm(purpose.clone(), options, configured, Some(timeout))
        })?;
        let mut hold = Hold::new(Arc::clone(&linked.link));
        let functions = match linked.functions() {
            Ok(functions) => functions,
            Err(fault) => {
                self.lately().forget(&opened.target);
                let _ = hold.diagnose(fault, &format!("opening {}", opened.target));
                (linked, opened) = trace::step("get another VM", "", || {
                    self.find_vm(purpose, options, configured, Some(timeout))
                })?;
                hold = Hold::new(Arc::clone(&linked.link));
                linked.functions()?
            }
        };
        let path = opened.target;
        let place = format!("opening {path}");
        let request = Open {
            target: path.clone(),
        };
        let object = match linked.first {
            Some(first) => hold.first_answer(first, &request, timeout, &place)?,
            None => hold.request(&request, timeout, &place)?,
        };
        let is_first = object == FIRST_OBJECT;
        let functions = functions.into_iter().filter(|_| is_first).collect();
        Ok((hold, object, path, functions))
    }

    /// `first`: its target is to be opened in it, within so long, and may be while it is met.
    fn find_vm(
        &self,
        purpose: Purpose,
        options: &Options,
        configured: &Config,
        first: Option<Option<Duration>>,
    ) -> Result<(Linked, VmOpened), Fault> {
        let mut wanted = self.wanted(purpose, options, configured)?;
        let mut searches = 0;
        loop {
            match self.search(&wanted, searches == 0, first)? {
                Search::Found(found) => return Ok(*found),
                Search::Lost(_) if searches < SEARCHES => {
                    std::thread::sleep(SEARCH_PAUSE * 2u32.pow(searches));
                    searches += 1;
                }
                Search::Lost(fault) => return Err(fault),
                // cosmosd has not seen yet what this process has: that the VM is gone.
                Search::Gone(_) if !wanted.request.fresh => wanted.request.fresh = true,
                Search::Gone(name) => {
                    return Err(Fault::peer(
                        FaultCode::Protocol,
                        format!("cosmosd offers {name} as a fresh VM, which is gone"),
                    ));
                }
            }
        }
    }

    fn wanted(
        &self,
        purpose: Purpose,
        options: &Options,
        configured: &Config,
    ) -> Result<Wanted, Fault> {
        let host = coordinator::chosen(options.host.as_ref(), configured);
        let mut request = VmOpen {
            purpose,
            shared_name: options.shared_name.clone(),
            fresh: options.fresh,
            connect: true,
            settings: configured.settings(),
            grants: granted(configured, &host),
        };
        request.grants.add(&options.grants);
        request.settings.extend_from_slice(&options.settings);
        Ok(Wanted {
            coordinator: self.coordinator(&host),
            message_bytes: message_bytes(configured, options)?,
            ring: ring_settings(configured, &host),
            host,
            request,
        })
    }

    /// Asks for a VM and connects to it. One that was lost before (`!is_first`) is asked for step by step.
    fn search(
        &self,
        wanted: &Wanted,
        is_first: bool,
        first: Option<Option<Duration>>,
    ) -> Result<Search, Fault> {
        let Wanted {
            host,
            coordinator,
            request,
            ..
        } = wanted;
        let is_ahead = is_first && !coordinator.is_remote();
        let asked = |connection: &mut Connection| match is_ahead && may_begin(connection) {
            true => begin(connection, wanted, first),
            false => ask(connection, host, request),
        };
        let (mut opened, reached) = match self.with_coordinator(coordinator, asked) {
            Err(fault) if wanted.is_gone_there(&fault) => return Ok(Search::Lost(fault)),
            answer => answer?,
        };
        if coordinator.is_remote() {
            // There it is local.
            opened.host = host.to_string();
        }
        let epoch = coordinator.epoch();
        let is_starting = matches!(reached, Reached::Starting(..) | Reached::Met(_));
        let link = || self.link(&opened, reached, wanted.nature(epoch), first);
        let linked = trace::step("connect to the VM", &opened.name, link);
        let linked = linked.map_err(|fault| match is_starting {
            true => self.why_not(coordinator, &opened.name, fault),
            false => fault,
        });
        match linked {
            Ok(Some(linked)) => Ok(Search::Found(Box::new((linked, opened)))),
            Ok(None) => Ok(Search::Gone(opened.name)),
            // A daemon ended in between. One that comes back knows the VM in a moment, or has
            // another one.
            Err(fault) if is_lost(&fault) || is_starting && fault.code == FaultCode::Version => {
                if request.fresh && coordinator.epoch() == epoch {
                    let (name, kill) = (opened.name, false);
                    let close = VmClose { name, kill };
                    let _ = self.ask_connected(coordinator, &close, ANSWER);
                }
                Ok(Search::Lost(fault))
            }
            Err(fault) => Err(fault),
        }
    }

    /// The link to a VM, made where there is none; `None` when it is there and the VM is gone.
    fn link(
        &self,
        opened: &VmOpened,
        reached: Reached,
        nature: Nature,
        first: Option<Option<Duration>>,
    ) -> Result<Option<Linked>, Fault> {
        let linked = |link| Linked { link, first: None };
        if let Some(link) = self.known(opened) {
            return Ok(link.take().map(linked));
        }
        let connect = |stream: OwnedFd| {
            let main = Connection::connect(UnixStream::from(stream), Role::Client)?;
            Ok::<_, Fault>((main.expect(Role::Vm)?, None))
        };
        let (main, first) = match reached {
            Reached::Starting(main, channel) => {
                let target = opened.target.clone();
                let open = Open { target };
                let aim = first.map(|timeout| aim(&open, timeout));
                let streams = (main.into(), channel.map(UnixStream::from));
                let meeting = Meeting::begin(streams, &nature, aim, || ())?;
                meeting.heard(Instant::now() + ANSWER)?
            }
            Reached::Met(meeting) => meeting.heard(Instant::now() + ANSWER)?,
            Reached::Serving(stream) => connect(stream)?,
            Reached::ByName if nature.coordinator.is_remote() => {
                return Err(Fault::peer(
                    FaultCode::Protocol,
                    format!(
                        "{} gave no connection to the VM",
                        nature.coordinator.label()
                    ),
                ));
            }
            Reached::ByName => connect(self.reach(opened)?)?,
        };
        let mut links = lock(&self.links);
        // Another thread may have been faster; the second connection is simply closed again.
        let key = (opened.host.clone(), opened.name.clone());
        if let Some(link) = links.by_name.get(&key).and_then(|link| link.take()) {
            return Ok(Some(linked(link)));
        }
        let link = Link::new(opened, nature, links.number()?, self.generation, main);
        links.by_name.insert(key, Arc::clone(&link));
        Ok(link.take().map(|link| Linked { link, first }))
    }

    /// Why a VM that was being started was not met, where cosmosd knows better than who waited for it.
    fn why_not(&self, coordinator: &Coordinator, name: &str, fault: Fault) -> Fault {
        if !is_lost(&fault) && fault.code != FaultCode::TimedOut {
            return fault;
        }
        let name = name.to_owned();
        match self.ask_connected(coordinator, &VmReady { name }, ANSWER) {
            Err(why) if !is_lost(&why) => why,
            _ => fault,
        }
    }

    /// A connection to a VM, by way of cosmosdb.
    fn reach(&self, opened: &VmOpened) -> Result<OwnedFd, Fault> {
        self.with_registry(|registry| {
            let request = Connect {
                name: opened.name.clone(),
            };
            let (_, descriptors) = registry.call(&request, &[])?;
            descriptors.into_iter().next().ok_or_else(|| {
                Fault::peer(
                    FaultCode::Protocol,
                    "cosmosdb answered a connect without a descriptor",
                )
            })
        })
    }

    fn known(&self, opened: &VmOpened) -> Option<Arc<Link>> {
        let key = (opened.host.clone(), opened.name.clone());
        lock(&self.links).by_name.get(&key).cloned()
    }

    /// A link that a user has let go of. One unused private VM is kept for the next open; any
    /// other ends, for its connection closes.
    pub(crate) fn release(&self, link: &Arc<Link>) {
        if !link.give() {
            return;
        }
        let mut links = lock(&self.links);
        let spare = link.is_reusable()
            && !links
                .by_name
                .values()
                .any(|other| !Arc::ptr_eq(other, link) && other.is_idle());
        if !spare && link.retire() {
            links.remove(link);
        }
    }

    /// Takes a VM that is gone, or to go, out of the table.
    pub(crate) fn forget(&self, link: &Arc<Link>) {
        lock(&self.links).remove(link);
    }

    /// Has cosmosd end a VM of this process, if it has time for that within `patience`.
    pub(crate) fn end_vm(&self, link: &Link, kill: bool, patience: Duration) -> Result<(), Fault> {
        let name = link.name().to_owned();
        self.ask_connected(link.coordinator(), &VmClose { name, kill }, patience)
    }
}

impl Links {
    /// A number no VM of the table has.
    fn number(&mut self) -> Result<VmNumber, Fault> {
        for _ in 0..LARGEST_VM {
            self.last_number = self.last_number % LARGEST_VM + 1;
            let Some(number) = VmNumber::new(self.last_number) else {
                continue;
            };
            if !self.by_name.values().any(|link| link.number() == number) {
                return Ok(number);
            }
        }
        Err(Fault::caller(
            FaultCode::LimitReached,
            format!("this process has {LARGEST_VM} VMs open, the most its handles can tell apart"),
        ))
    }

    fn remove(&mut self, link: &Arc<Link>) {
        let key = (link.host().to_owned(), link.name().to_owned());
        if self
            .by_name
            .get(&key)
            .is_some_and(|known| Arc::ptr_eq(known, link))
        {
            self.by_name.remove(&key);
        }
    }
}

/// Asks cosmosd for a VM that serves.
fn ask(
    connection: &mut Connection,
    host: &Host,
    request: &VmOpen,
) -> Result<(VmOpened, Reached), Fault> {
    let (opened, connected) = trace::ask(connection, host, request)?;
    let connected = connected.into_iter().next();
    Ok((opened, connected.map_or(Reached::ByName, Reached::Serving)))
}

/// Whether one that is only being started will do: where nobody follows the steps.
fn may_begin(connection: &Connection) -> bool {
    connection.peer().minor >= VmBegin::SINCE && !trace::is_on()
}

/// Asks for a VM that is only being started. Where cosmosd said beforehand which one it will be, that is spoken to
/// at once; the answer says whether it is that.
fn begin(
    connection: &mut Connection,
    wanted: &Wanted,
    first: Option<Option<Duration>>,
) -> Result<(VmOpened, Reached), Fault> {
    let request = VmBegin(wanted.request.clone());
    let body = codec::encode(&request)?;
    let (mut asked, mut ahead) = (None, None);
    if let Some((lent, ends)) = connection.last_notice::<VmAhead>() {
        let name = lent.opened.name.clone();
        let ask = || asked = Some(connection.request_raw(VmBegin::KIND, &[&body], &[]));
        let reached = match first {
            Some(timeout) if lent.request == request.0 => speak(wanted, lent, ends, timeout, ask),
            _ => starting(ends),
        };
        ahead = reached.map(|reached| (name, reached));
    }
    let asked = match asked {
        Some(asked) => asked?,
        None => connection.request_raw(VmBegin::KIND, &[&body], &[])?,
    };
    let mut answer = connection.await_reply(asked)?;
    let opened = answer.reply::<VmBegin>()?;
    if let Some(reached) = starting(std::mem::take(&mut answer.descriptors)) {
        return Ok((opened, reached));
    }
    // Or it was said which one it is while that was asked.
    let mut told = || {
        let (lent, ends) = connection.last_notice::<VmAhead>()?;
        Some((lent.opened.name, starting(ends)?))
    };
    let is_it = |(name, reached): (String, Reached)| (name == opened.name).then_some(reached);
    let reached = ahead.and_then(is_it).or_else(|| told().and_then(is_it));
    Ok((opened, reached.unwrap_or(Reached::ByName)))
}

/// Speaks to the VM that was lent, and asks cosmosd for it meanwhile.
fn speak(
    wanted: &Wanted,
    lent: VmAhead,
    ends: Vec<OwnedFd>,
    timeout: Option<Duration>,
    ask: impl FnOnce(),
) -> Option<Reached> {
    let nature = wanted.nature(wanted.coordinator.epoch());
    let open = Open {
        target: lent.opened.target,
    };
    let mut ends = ends.into_iter().map(UnixStream::from);
    let streams = (ends.next()?, ends.next());
    let meeting = Meeting::begin(streams, &nature, Some(aim(&open, timeout)), ask);
    Some(Reached::Met(Box::new(meeting.ok()?)))
}

/// To open this, and to resolve of it what was resolved the last time.
fn aim(open: &Open, timeout: Option<Duration>) -> Aim<'_> {
    Aim {
        open,
        functions: Session::current().lately().of(&open.target),
        timeout,
    }
}

/// By a connection, where there is one, and a first channel.
fn starting(ends: Vec<OwnedFd>) -> Option<Reached> {
    let mut ends = ends.into_iter();
    let main = ends.next()?;
    Some(Reached::Starting(main, ends.next()))
}

/// Whether a VM just opened cannot be reached because a daemon, or the VM, ended meanwhile.
fn is_lost(fault: &Fault) -> bool {
    matches!(fault.code, FaultCode::NoSuchName | FaultCode::Disconnected)
}
