//! Hearing of what is below this process, and looking at the program when it crashes.
//!
//! The program is traced from its first instruction on, with its later threads; what it starts is not. A
//! tracer's children stop for every signal, and go on at once; what that costs is in
//! docs/crash-reports.md.

use super::child;
use cosmos_autopsy::{Examiner, Subject, trace};
use cosmos_rpc::message::crash::Fallen;
use cosmos_rpc::message::vm::ProgramEnd;
use nix::unistd::Pid;

/// A child that ended, or was stopped or continued.
#[derive(Debug)]
pub(super) enum Change {
    Ended(ProgramEnd),
    Stopped(i32),
    Continued,
}

/// The program that runs, and who looks at it.
#[derive(Debug)]
pub(super) struct Watch {
    program: i32,
    /// `None`: it is to be left alone.
    examiner: Option<Examiner>,
}

impl Watch {
    /// Of a program that was just started, and who looks at it.
    pub(super) fn of(program: i32, examiner: Option<Examiner>) -> Watch {
        Watch { program, examiner }
    }

    /// The next child that ended or was stopped, without waiting for one; `None` where none has,
    /// `ECHILD` where there is none.
    pub(super) fn next(&mut self) -> nix::Result<Option<(i32, Change)>> {
        while let Some(told) = trace::next()? {
            if let Some(change) = self.hear(told) {
                return Ok(Some(change));
            }
        }
        Ok(None)
    }

    fn hear(&mut self, told: trace::Told) -> Option<(i32, Change)> {
        let program = self.program;
        match told {
            trace::Told::Ended {
                pid,
                code,
                status,
                usage,
            } => {
                let mut end = child::end(code, status, usage);
                if pid.as_raw() == program && end.signal != 0 && end.limit.is_none() {
                    end.fallen = self.fallen(end.signal).map(Box::new);
                }
                Some((pid.as_raw(), Change::Ended(end)))
            }
            trace::Told::Signal { thread, signal } => match &mut self.examiner {
                Some(examiner) if examiner.is_tracing() => {
                    let subject = || Subject {
                        pid: program,
                        inner: program,
                        is_vm: false,
                    };
                    if belongs(thread, program) {
                        examiner.examine(subject, thread, signal);
                    }
                    // Of a stray that is not traced it says nothing.
                    trace::go_on(thread, signal);
                    None
                }
                _ => Some((thread.as_raw(), Change::Stopped(signal))),
            },
            trace::Told::Halted { thread, signal } => {
                trace::leave_halted(thread);
                // Its other threads stop with it.
                (thread.as_raw() == program).then_some((program, Change::Stopped(signal)))
            }
            trace::Told::Continued(pid) => Some((pid.as_raw(), Change::Continued)),
            trace::Told::Became(thread) => {
                trace::go_on(thread, 0);
                None
            }
            trace::Told::Passing(thread) => {
                match belongs(thread, program) {
                    true => trace::go_on(thread, 0),
                    // A process that it made in a way that threads are made.
                    false => trace::let_go(thread),
                }
                None
            }
        }
    }

    fn fallen(&mut self, signal: i32) -> Option<Fallen> {
        let remains = self.examiner.as_mut()?.remains(signal)?;
        Some(Fallen {
            pid: self.program,
            remains,
        })
    }
}

fn belongs(thread: Pid, program: i32) -> bool {
    thread.as_raw() == program || trace::is_thread_of(thread, Pid::from_raw(program))
}
