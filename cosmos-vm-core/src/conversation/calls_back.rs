//! Calls back: functions of the client's that a call of this thread runs, each a request of the VM's in
//! the middle of one of the client's.

use super::Channel;
use crate::Vm;
use crate::callback::Callback;
use crate::callback_memory::CallbackMemory;
use crate::process;
use crate::verb::Scratch;
use callframe::marshal::{BriefBody, MarshalError, Pending};
use cosmos_rpc::message::REPLY;
use cosmos_rpc::message::vm::{BRIEF_CALLBACK, CALLBACK, CALLBACK_DEPTH};
use cosmos_rpc::ring::{INLINE, Short};
use cosmos_rpc::{Fault, FaultCode, Frame};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many calls back of a thread may be under way.
static MOST_DEEP: AtomicUsize = AtomicUsize::new(CALLBACK_DEPTH);

/// Lowers that, for the whole process.
pub(crate) fn limit_depth(most: Option<usize>) {
    if let Some(most) = most {
        MOST_DEEP.store(most.min(CALLBACK_DEPTH), Ordering::Relaxed);
    }
}

/// Buffers of a call back, kept for the next one.
#[derive(Default)]
pub(super) struct Buffers {
    request: Vec<u8>,
    descriptors: Vec<i32>,
    pending: Pending,
}

impl<V: Vm> Channel<V> {
    /// Has the client run a function of its own, with these arguments, errno and place of the result;
    /// gives the errno it left.
    pub(super) fn make_call_back(
        &self,
        callback: &Callback,
        call: (&[u64], i32, u64),
    ) -> Result<i32, Fault> {
        if let Some(fault) = self.ended.borrow().clone() {
            return Err(fault);
        }
        let depth = self.depth.get();
        let most = most_deep();
        if depth >= most {
            let limit = match most {
                CALLBACK_DEPTH => "",
                _ => " (limits.call_depth)",
            };
            return Err(Fault::vm(
                FaultCode::LimitReached,
                format!("{most} calls back of this thread are under way already{limit}"),
            ));
        }
        self.depth.set(depth + 1);
        let brief = self.carry_brief(callback, call);
        let outcome = brief.unwrap_or_else(|| {
            let mut buffers = self.buffers.take();
            let outcome = self.carry(callback, &mut buffers, call);
            self.buffers.set(buffers);
            outcome
        });
        self.depth.set(depth);
        outcome
    }

    /// Makes a call back whose arguments are a few bytes; `None` where it is no such one, and nothing
    /// was done.
    #[inline]
    fn carry_brief(
        &self,
        callback: &Callback,
        (arguments, errno, result): (&[u64], i32, u64),
    ) -> Option<Result<i32, Fault>> {
        if !self.briefly || !self.connection.borrow().takes_short() {
            return None;
        }
        let brief = callback.brief()?;
        let vm = &*self.session.vm;
        let read = |address, into: &mut [u8]| vm.read(address, into);
        let mut request = BriefBody::default();
        brief.request(callback.number, errno, arguments, read, &mut request)?;
        let asked = self.ask_briefly(&request, brief.request_length());
        let left = asked.and_then(|(words, length)| {
            let (left, value) = brief.result_of(words, length).ok_or_else(no_reply)?;
            let value = value.get(..brief.result_size()).unwrap_or_default();
            if result != 0 && !value.is_empty() {
                vm.write(result, value)
                    .map_err(|error| Fault::vm(FaultCode::System, error.to_string()))?;
            }
            Ok(left)
        });
        Some(left)
    }

    /// Sends such a call back and answers what the client asks until it has run; gives the first words of
    /// the reply, as many as an honest one has, and its length.
    #[inline]
    fn ask_briefly(&self, body: &BriefBody, length: usize) -> Result<([u64; 2], usize), Fault> {
        let id = {
            let mut connection = self.connection.borrow_mut();
            match (body.words().first_chunk(), length <= INLINE) {
                (Some(words), true) => {
                    let id =
                        connection.request_short(BRIEF_CALLBACK, &Short::of(*words, length))?;
                    if connection.short_arrives()
                        && let Some(short) = connection.read_reply(BRIEF_CALLBACK, id)
                    {
                        let [header, result, ..] = *short.words();
                        return Ok(([header, result], short.length()));
                    }
                    id
                }
                _ => {
                    let bytes = body.bytes().get(..length).unwrap_or_default();
                    connection.request_raw(BRIEF_CALLBACK, &[bytes], &[])?
                }
            }
        };
        self.replied_briefly(id)
    }

    /// Answers what the client asks until its reply to a brief call back comes; gives what
    /// [`ask_briefly`](Channel::ask_briefly) does.
    pub(super) fn replied_briefly(&self, id: u64) -> Result<([u64; 2], usize), Fault> {
        let frame = self.replied(id, BRIEF_CALLBACK)?;
        let (words, _) = frame.body.as_chunks();
        let mut words = words.iter().map(|word| u64::from_le_bytes(*word));
        let first = std::array::from_fn(|_| words.next().unwrap_or(0));
        let length = frame.body.len();
        self.connection.borrow_mut().recycle(frame.body);
        Ok((first, length))
    }

    /// Answers what the client asks until its reply to a call back comes, of this kind.
    fn replied(&self, id: u64, kind: u16) -> Result<Frame, Fault> {
        loop {
            let frame = self.connection.borrow_mut().answer(id)?;
            if frame.kind & REPLY != 0 {
                return match frame.fault() {
                    Some(fault) => Err(fault),
                    None if frame.kind == kind | REPLY => Ok(frame),
                    None => Err(Fault::peer(
                        FaultCode::Protocol,
                        format!("a call back was answered by kind {:#06x}", frame.kind),
                    )),
                };
            }
            if let Err(fault) = self.answer(frame, &mut Scratch::default()) {
                self.ended.borrow_mut().get_or_insert(fault.clone());
                return Err(fault);
            }
        }
    }

    /// Sends a call back and answers what the client asks until it has run.
    fn ask(&self, body: &[&[u8]], descriptors: &[i32]) -> Result<Frame, Fault> {
        let descriptors = process::borrowed(descriptors);
        let id = self
            .connection
            .borrow_mut()
            .request_raw(CALLBACK, body, &descriptors)?;
        self.replied(id, CALLBACK)
    }

    fn carry(
        &self,
        callback: &Callback,
        buffers: &mut Buffers,
        call: (&[u64], i32, u64),
    ) -> Result<i32, Fault> {
        let (arguments, errno, result) = call;
        let mut memory = CallbackMemory::new(&self.session, callback);
        buffers.pending.set_outer(Arc::clone(&callback.outer));
        callback
            .caller
            .encode_into(
                &mut memory,
                arguments,
                errno,
                &mut buffers.request,
                &mut buffers.descriptors,
                &mut buffers.pending,
            )
            .map_err(|error| unmarshalled(&error))?;
        let number = callback.number.to_le_bytes();
        let mut frame = self.ask(&[&number, &buffers.request], &buffers.descriptors)?;
        let descriptors = std::mem::take(&mut frame.descriptors);
        let numbers: Vec<i32> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
        let outcome = callback
            .caller
            .decode(&mut memory, &buffers.pending, &frame.body, &numbers, result)
            .map_err(|error| unmarshalled(&error))?;
        memory.finish();
        // They are the library's now.
        for descriptor in descriptors {
            let _ = descriptor.into_raw_fd();
        }
        self.connection.borrow_mut().recycle(frame.body);
        Ok(outcome.errno)
    }
}

/// The client's answer is none of the function that was called.
#[cold]
pub(super) fn no_reply() -> Fault {
    let message = "a call back was answered by what is no reply to it";
    Fault::peer(FaultCode::CallbackFailed, message)
}

/// How many calls back of a thread may be under way.
#[inline]
pub(super) fn most_deep() -> usize {
    MOST_DEEP.load(Ordering::Relaxed)
}

/// What the library passed to its callback cannot be carried, or the answer is none.
fn unmarshalled(error: &MarshalError) -> Fault {
    let message = error.to_string();
    match error {
        MarshalError::Malformed(_) | MarshalError::Protocol { .. } => {
            Fault::peer(FaultCode::CallbackFailed, message)
        }
        MarshalError::TooLarge { .. } => Fault::vm(FaultCode::TooLarge, message),
        _ => Fault::vm(FaultCode::CallbackFailed, message),
    }
}
