//! What each request does: one file a verb.
//!
//! A request runs as a task of its own and ends with an [`Answer`]. Bytes that are no request end
//! the connection instead.

mod autopsy;
mod budget;
mod crash_reports;
mod crashed;
mod denied;
mod follow;
mod keep_report;
mod levels;
mod list_vms;
mod logs;
mod vm_close;
mod vm_open;
mod which;

pub(crate) use list_vms::resident;

use crate::session::Session;
use cosmos_rpc::{
    Fault, FaultCode, Frame,
    asynchronous::Writer,
    codec,
    message::{
        FAULT, Message, REPLY,
        catalogue::CATALOGUE,
        coordinator::{
            Autopsy, Budget, CrashList, CrashRead, CrashRemove, Crashed, Denied, Follow, Followed,
            KeepReport, Levels, ListVms, Logs, VmBegin, VmClose, VmOpen, VmReady, Which,
        },
    },
};
use std::{future::Future, os::fd::OwnedFd, rc::Rc};
use tokio::sync::mpsc::UnboundedSender;

/// An answer on its way to the client.
#[derive(Debug)]
pub struct Answer {
    kind: u16,
    id: u64,
    body: Vec<u8>,
    descriptors: Vec<OwnedFd>,
}

impl Answer {
    fn new<M: Message>(
        id: u64,
        answer: Result<(M::Reply, Vec<OwnedFd>), Fault>,
    ) -> Result<Answer, Fault> {
        let encoded = |(reply, descriptors)| Ok((codec::encode(&reply)?, descriptors));
        match answer.and_then(encoded) {
            Ok((body, descriptors)) => Ok(Answer {
                kind: M::KIND | REPLY,
                id,
                body,
                descriptors,
            }),
            Err(fault) => Answer::refusal(id, &fault),
        }
    }

    fn refusal(id: u64, fault: &Fault) -> Result<Answer, Fault> {
        Ok(Answer {
            kind: FAULT,
            id,
            body: codec::encode(fault)?,
            descriptors: Vec::new(),
        })
    }

    /// A message that answers nothing.
    pub(crate) fn notice<M: Message>(
        notice: &M,
        descriptors: Vec<OwnedFd>,
    ) -> Result<Answer, Fault> {
        Ok(Answer {
            kind: M::KIND,
            id: 0,
            body: codec::encode(notice)?,
            descriptors,
        })
    }

    /// Whether it answers nothing.
    pub(crate) fn is_notice(&self) -> bool {
        self.id == 0
    }

    /// Queues it.
    pub fn queue(self, writer: &mut Writer) -> Result<(), Fault> {
        writer.queue(self.kind, self.id, self.body, self.descriptors)
    }
}

/// Begins what a frame asks for; its answer goes to `answers`.
///
/// # Errors
///
/// `Protocol`: the connection is to be dropped.
pub fn begin(
    session: &Rc<Session>,
    frame: Frame,
    answers: &UnboundedSender<Answer>,
) -> Result<(), Fault> {
    let session = session.clone();
    let task = Task {
        id: frame.id,
        answers: answers.clone(),
        followed: followed(&session, frame.kind),
        session: session.clone(),
    };
    let followed = task.followed.clone();
    match frame.kind {
        _ if frame.id == 0 => Err(Fault::peer(FaultCode::Protocol, "a request without an id")),
        VmOpen::KIND => task.run_with::<VmOpen, _>(&frame, |request| {
            vm_open::answer(session, request, followed)
        }),
        VmBegin::KIND => task
            .run_with::<VmBegin, _>(&frame, |request| vm_open::begin(session, request, followed)),
        VmReady::KIND => task.run::<VmReady, _>(&frame, |request| vm_open::ready(session, request)),
        Follow::KIND => task.run::<Follow, _>(&frame, |request| follow::begin(session, request)),
        Followed::KIND => task.run::<Followed, _>(&frame, |_| follow::tell(session)),
        VmClose::KIND => {
            task.run::<VmClose, _>(&frame, |request| vm_close::answer(session, request))
        }
        Crashed::KIND => {
            task.run::<Crashed, _>(&frame, |request| crashed::answer(session, request))
        }
        KeepReport::KIND => {
            task.run::<KeepReport, _>(&frame, |request| keep_report::answer(session, request))
        }
        CrashList::KIND => {
            task.run::<CrashList, _>(&frame, |request| crash_reports::list(session, request))
        }
        CrashRead::KIND => {
            task.run::<CrashRead, _>(&frame, |request| crash_reports::read(session, request))
        }
        CrashRemove::KIND => {
            task.run::<CrashRemove, _>(&frame, |request| crash_reports::remove(session, request))
        }
        Denied::KIND => task.run::<Denied, _>(&frame, |request| denied::answer(session, request)),
        Budget::KIND => task.run::<Budget, _>(&frame, |request| budget::answer(session, request)),
        Levels::KIND => task.run::<Levels, _>(&frame, |request| levels::answer(session, request)),
        Which::KIND => task.run::<Which, _>(&frame, |request| which::answer(session, request)),
        ListVms::KIND => {
            task.run::<ListVms, _>(&frame, |request| list_vms::answer(session, request))
        }
        Logs::KIND => task.run::<Logs, _>(&frame, |request| logs::answer(session, request)),
        Autopsy::KIND => {
            task.run::<Autopsy, _>(&frame, |request| autopsy::answer(session, request))
        }
        kind if kind & REPLY == 0 && frame.descriptors.is_empty() => task.refuse(&Fault::caller(
            FaultCode::Unsupported,
            format!("cosmosd has no request of kind {kind:#06x}"),
        )),
        kind => Err(Fault::peer(
            FaultCode::Protocol,
            format!("kind {kind:#06x} is no request, or has descriptors and is unknown"),
        )),
    }
}

struct Task {
    id: u64,
    answers: UnboundedSender<Answer>,
    followed: follow::Request,
    session: Rc<Session>,
}

/// A request of this kind, as one that is followed, where the one before asked for that.
fn followed(session: &Session, kind: u16) -> follow::Request {
    let is_asked = kind != Follow::KIND && kind != Followed::KIND;
    let trace = is_asked.then(|| session.followed_now()).flatten();
    let name = |kind| CATALOGUE.iter().find(|known| known.kind == kind);
    trace.map_or_else(follow::Request::default, |trace| {
        follow::Request::begin(trace, name(kind).map_or("request", |known| known.name))
    })
}

impl Task {
    fn refuse(self, fault: &Fault) -> Result<(), Fault> {
        // A client that is gone needs no answer.
        let _ = self.answers.send(Answer::refusal(self.id, fault)?);
        Ok(())
    }

    fn run<M, F>(self, frame: &Frame, work: impl FnOnce(M) -> F) -> Result<(), Fault>
    where
        M: Message + 'static,
        F: Future<Output = Result<M::Reply, Fault>> + 'static,
    {
        self.run_with::<M, _>(frame, |request| {
            let work = work(request);
            async { Ok((work.await?, Vec::new())) }
        })
    }

    /// The same for an answer that has descriptors.
    fn run_with<M, F>(self, frame: &Frame, work: impl FnOnce(M) -> F) -> Result<(), Fault>
    where
        M: Message + 'static,
        F: Future<Output = Result<(M::Reply, Vec<OwnedFd>), Fault>> + 'static,
    {
        let work = work(frame.message::<M>()?);
        tokio::task::spawn_local(async move {
            let answer = work.await;
            if self.followed.is_on() {
                let steps = self.followed.end(answer.as_ref().err());
                self.session.keep_steps(steps);
            }
            if let Ok(answer) = Answer::new::<M>(self.id, answer) {
                // A client that is gone needs none.
                let _ = self.answers.send(answer);
            }
        });
        Ok(())
    }
}
