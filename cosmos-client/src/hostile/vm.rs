//! The VM: how it behaves, and the thread that does so.

use crate::coordinator::Coordinator;
use crate::fork;
use crate::library::Target;
use crate::link::{Hold, Link, Nature};
use crate::options::{Bounds, MOST_CALLBACKS};
use crate::token::VmNumber;
use callframe::DataModel;
use callframe::template::Template;
use cosmos_config::Host;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::calls::CALLS;
use cosmos_rpc::message::coordinator::VmOpened;
use cosmos_rpc::message::vm::{
    Attach, CALL, COMPACT_CALL, Close, Map, Mapped, ObjectToken, Open, Sym, Unmap,
};
use cosmos_rpc::message::{Message, REPLY};
use cosmos_rpc::{Fault, FaultCode, Role, codec, ring};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

/// What the VM does with a call.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// A reply with this body.
    Body(Vec<u8>),
    /// A frame of another kind or id: kind, difference of the id.
    Other(u16, i64),
    /// A fault.
    Fault(Fault),
    /// Bytes that are no frame.
    Noise(Vec<u8>),
    /// A good reply to cos a few bytes at a time, for ever so long.
    Trickle,
    /// A good reply to cos, twice.
    Twice,
    /// Frames of this kind and length to no call, as long as they are taken.
    Flood(u16, usize),
    /// A good reply to cos, and descriptors nobody asked for.
    Descriptors,
    /// The end of the channel.
    End,
    /// Nothing, for ever.
    Silence,
    /// What this does with the call: its id and its body.
    Act(Act),
}

/// Serves one call; `None` ends the channel.
pub(super) type Act = fn(&mut Connection, u64, &[u8]) -> Option<()>;

/// How the VM behaves.
#[derive(Clone, Debug)]
pub(super) struct Manners {
    pub(super) answer: Answer,
    /// Whether its template for this prototype is that.
    pub(super) honest: fn(&str) -> bool,
    /// The data model it says it has.
    pub(super) model: DataModel,
    /// Whether it takes shared memory; what it does to the socket is of no effect then.
    pub(super) shares: bool,
    /// Whether it shakes hands on the channels it is given.
    pub(super) greets: bool,
    /// What it does with many calls in a message; ends the channel where nothing is said.
    pub(super) many: Option<Act>,
    /// What it does with a call of plain bytes; where nothing is said it takes none, and is called the
    /// general way.
    pub(super) compact: Option<Act>,
    /// What it says to memory for buffers.
    pub(super) maps: fn(&Map) -> Result<Mapped, Fault>,
}

impl Manners {
    pub(super) fn of(answer: Answer) -> Manners {
        Manners {
            answer,
            honest: |_| true,
            model: DataModel::LP64,
            shares: true,
            greets: true,
            many: None,
            compact: None,
            maps: |_| Err(Fault::caller(FaultCode::Unsupported, "it takes none")),
        }
    }

    /// As `of`, with frames on the socket alone.
    pub(super) fn on_socket(answer: Answer) -> Manners {
        Manners {
            shares: false,
            ..Manners::of(answer)
        }
    }
}

pub(super) fn opens_with(manners: Manners, timeout: Option<Duration>) -> Arc<Target> {
    let callbacks = MOST_CALLBACKS;
    opens_within(manners, Bounds { timeout, callbacks })
}

/// A VM whose calls may call back so often.
pub(super) fn opens_bounded(answer: Answer, callbacks: u64) -> Arc<Target> {
    let timeout = None;
    opens_within(Manners::of(answer), Bounds { timeout, callbacks })
}

fn opens_within(manners: Manners, bounds: Bounds) -> Arc<Target> {
    let (ours, theirs) = UnixStream::pair().unwrap();
    std::thread::spawn(move || serve(theirs, manners));
    let main = Connection::connect(ours, Role::Client).unwrap();
    let opened = opened();
    let link = link(main, &opened);
    let hold = Hold::new(link.take().unwrap());
    let object = hold
        .request(
            &Open {
                target: opened.target.clone(),
            },
            bounds.timeout,
            "opening",
        )
        .unwrap();
    Target::new(hold, object, opened.target, bounds)
}

pub(super) fn opened() -> VmOpened {
    VmOpened {
        name: "vm/hostfn-666".to_owned(),
        kind: "hostfn".to_owned(),
        host: "local".to_owned(),
        target: "/lib/hostile.so".to_owned(),
        isolation: "none".to_owned(),
    }
}

pub(super) fn nature() -> Nature {
    Nature {
        shared: false,
        epoch: None,
        coordinator: Arc::new(Coordinator::new(Host::Local)),
        reusable: false,
        message_bytes: u32::MAX,
        ring: Some(ring::Settings::ASKING),
    }
}

pub(super) fn link(main: Connection, opened: &VmOpened) -> Arc<Link> {
    let number = VmNumber::new(666).unwrap();
    Link::new(opened, nature(), number, fork::generation(), main)
}

pub(super) fn opens(answer: Answer) -> Arc<Target> {
    opens_with(Manners::of(answer), None)
}

pub(super) fn serve(stream: UnixStream, manners: Manners) -> Option<()> {
    let mut connection = Connection::accept(stream, Role::Vm).ok()?;
    if !manners.shares {
        connection.refuse_sharing();
    }
    while let Ok(Some(mut frame)) = connection.receive() {
        let id = frame.id;
        match frame.kind {
            Attach::KIND => {
                let channel = UnixStream::from(frame.descriptors.pop()?);
                let manners = manners.clone();
                if manners.greets {
                    std::thread::spawn(move || serve(channel, manners));
                } else {
                    std::mem::forget(channel);
                }
                connection.reply::<Attach>(id, &(), &[]).ok()?;
            }
            Open::KIND => connection.reply::<Open>(id, &ObjectToken(1), &[]).ok()?,
            Close::KIND => connection.reply::<Close>(id, &(), &[]).ok()?,
            Sym::KIND => {
                let asked: Sym = codec::decode(&frame.body).ok()?;
                connection
                    .reply::<Sym>(id, &resolved(&asked.prototype, &manners)?, &[])
                    .ok()?;
            }
            Map::KIND => match (manners.maps)(&frame.message().ok()?) {
                Ok(mapped) => connection.reply::<Map>(id, &mapped, &[]).ok()?,
                Err(fault) => connection.fault(id, &fault).ok()?,
            },
            Unmap::KIND => connection.reply::<Unmap>(id, &(), &[]).ok()?,
            COMPACT_CALL => match manners.compact {
                Some(act) => act(&mut connection, id, &frame.body)?,
                None => {
                    let fault = Fault::caller(FaultCode::Unsupported, "it takes none");
                    connection.fault(id, &fault).ok()?;
                }
            },
            CALLS => (manners.many?)(&mut connection, id, &frame.body)?,
            CALL => match manners.answer {
                Answer::Act(act) => act(&mut connection, id, &frame.body)?,
                ref other => answer(&mut connection, id, other)?,
            },
            _ => return None,
        }
    }
    Some(())
}

pub(super) fn resolved(
    prototype: &str,
    manners: &Manners,
) -> Option<cosmos_rpc::message::vm::Resolved> {
    let frame = Arc::new(callframe::parse(prototype).ok()?);
    let mut template = Template::of(&frame, DataModel::LP64).ok()?.encode();
    if !(manners.honest)(prototype) {
        *template.last_mut()? ^= 1;
    }
    Some(cosmos_rpc::message::vm::Resolved {
        runable: 7,
        model: manners.model,
        template,
    })
}

pub(super) fn answer(connection: &mut Connection, id: u64, answer: &Answer) -> Option<()> {
    match answer {
        Answer::Body(body) => connection.send_raw(CALL | REPLY, id, &[body], &[]).ok(),
        Answer::Other(kind, more) => connection
            .send_raw(*kind, id.wrapping_add_signed(*more), &[], &[])
            .ok(),
        Answer::Fault(fault) => connection.fault(id, fault).ok(),
        Answer::Noise(bytes) => {
            use std::os::fd::AsFd;
            let mut raw = UnixStream::from(connection.as_fd().try_clone_to_owned().ok()?);
            std::io::Write::write_all(&mut raw, bytes).ok()?;
            // Keeps the channel open: it is the bytes that must tell.
            std::thread::sleep(Duration::from_secs(60));
            None
        }
        Answer::Trickle => {
            use std::os::fd::AsFd;
            let mut raw = UnixStream::from(connection.as_fd().try_clone_to_owned().ok()?);
            let mut bytes = vec![0u8; 16];
            bytes[..4].copy_from_slice(&1000u32.to_le_bytes());
            bytes[4..6].copy_from_slice(&(CALL | REPLY).to_le_bytes());
            bytes[8..].copy_from_slice(&id.to_le_bytes());
            bytes.resize(1016, 0);
            for byte in bytes {
                std::io::Write::write_all(&mut raw, &[byte]).ok()?;
                std::thread::sleep(Duration::from_millis(60));
            }
            None
        }
        Answer::Twice => {
            let body = body(0, &0.25f64.to_le_bytes(), &[], &[]);
            connection.send_raw(CALL | REPLY, id, &[&body], &[]).ok()?;
            connection.send_raw(CALL | REPLY, id, &[&body], &[]).ok()
        }
        Answer::Flood(kind, length) => {
            let body = vec![0; *length];
            let earlier = if kind & REPLY == 0 { 0 } else { id - 1 };
            loop {
                connection.send_raw(*kind, earlier, &[&body], &[]).ok()?;
            }
        }
        Answer::Descriptors => {
            let body = body(0, &0.25f64.to_le_bytes(), &[], &[]);
            let nothing = std::fs::File::open("/dev/null").ok()?;
            let surplus = [std::os::fd::AsFd::as_fd(&nothing); 3];
            connection
                .send_raw(CALL | REPLY, id, &[&body], &surplus)
                .ok()
        }
        Answer::End | Answer::Act(_) => None,
        Answer::Silence => {
            std::thread::sleep(Duration::from_secs(60));
            None
        }
    }
}

/// The body of a reply: errno, result bytes, blocks, references.
pub(super) fn body(
    errno: i32,
    result: &[u8],
    blocks: &[(u64, &[u8])],
    references: &[u64],
) -> Vec<u8> {
    let pad = |bytes: &mut Vec<u8>| bytes.resize(bytes.len().next_multiple_of(16), 0);
    let mut bytes = errno.to_le_bytes().to_vec();
    bytes.extend((references.len() as u32).to_le_bytes());
    bytes.extend((blocks.len() as u32).to_le_bytes());
    pad(&mut bytes);
    bytes.extend(result);
    pad(&mut bytes);
    for (capacity, contents) in blocks {
        bytes.extend((contents.len() as u64).to_le_bytes());
        bytes.extend(capacity.to_le_bytes());
        bytes.extend(*contents);
        pad(&mut bytes);
    }
    bytes.extend(
        references
            .iter()
            .flat_map(|reference| reference.to_le_bytes()),
    );
    pad(&mut bytes);
    bytes
}
