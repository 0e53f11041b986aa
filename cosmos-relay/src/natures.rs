//! Which descriptors of which messages become which streams.
//!
//! | message, between | its descriptors | on the other side |
//! |---|---|---|
//! | the answer to `VmOpen`, cosmosd | a connection to the VM | a socket |
//! | `Attach`, a VM | the VM's end of a channel | a socket |
//! | `Exec`, a VM | standard input | a pipe to read |
//! | | standard output and error | pipes to write |
//! | | all three, where `terminal` | a terminal: the stream of the first carries it both ways, the other two carry nothing |
//! | | steering, where `steered` | a socket; where `terminal`, without the records of its size, which the relay there obeys |
//! | any other | | refused |
//!
//! Both relays go by this table, so that neither believes the other in it.

use cosmos_rpc::message::coordinator::VmOpen;
use cosmos_rpc::message::vm::{Attach, CALL, CALLBACK, Exec, Map, Share};
use cosmos_rpc::message::{Message, REPLY};
use cosmos_rpc::{Fault, FaultCode, codec};

/// Who answers on the far side of a socket with frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// cosmosd.
    Coordinator,
    /// A VM, on one of its channels.
    Vm,
}

/// Which way a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the program to cosmosd or a VM.
    Out,
    /// Back.
    Back,
}

/// What a descriptor becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// A socket with frames of a VM.
    Channel,
    /// Bytes that the program's end is read for, and the far end written.
    Input,
    /// Bytes the other way.
    Output,
    /// What is typed, and what is shown.
    Terminal,
    /// One more descriptor of the terminal before it. Its stream carries nothing.
    Same,
    /// Bytes both ways, which steer a program.
    Steering,
}

/// Most descriptors of a message that travels.
pub(crate) const MOST: usize = 4;

/// What the descriptors of a message become; none of a message that carries none.
///
/// # Errors
///
/// `Unsupported`, by name, for what cannot travel.
pub(crate) fn natures(
    service: Service,
    way: Way,
    kind: u16,
    body: &[u8],
    count: usize,
) -> Result<Vec<Nature>, Fault> {
    const OPENED: u16 = VmOpen::KIND | REPLY;
    let due = match (service, way, kind) {
        (_, _, Exec::KIND) if way == Way::Out && service == Service::Vm => of_run(body)?,
        _ if count == 0 => return Ok(Vec::new()),
        (Service::Coordinator, Way::Back, OPENED) => vec![Nature::Channel],
        (Service::Vm, Way::Out, Attach::KIND) => vec![Nature::Channel],
        _ => return Err(refused(kind)),
    };
    match due.len() == count {
        true => Ok(due),
        false => Err(refused(kind)),
    }
}

fn of_run(body: &[u8]) -> Result<Vec<Nature>, Fault> {
    let run: Exec = codec::decode(body)?;
    let cannot = |what| Err(unsupported(what));
    if run.has_manifest || run.wants_report {
        return cannot(
            "manifests and reports of ZeroVM are files of this machine, and cannot be given to a program on another one",
        );
    }
    let mut natures = match run.terminal {
        Some(_) => vec![Nature::Terminal, Nature::Same, Nature::Same],
        None => vec![Nature::Input, Nature::Output, Nature::Output],
    };
    natures.extend(run.steered.then_some(Nature::Steering));
    Ok(natures)
}

fn refused(kind: u16) -> Fault {
    unsupported(match kind & !REPLY {
        CALL | CALLBACK => "open files (__fd) cannot be passed to or from a VM on another machine",
        Share::KIND | Map::KIND => "memory cannot be shared with a VM on another machine",
        _ => "descriptors of this message cannot be passed to another machine",
    })
}

fn unsupported(what: &str) -> Fault {
    Fault::caller(FaultCode::Unsupported, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cosmos_rpc::message::vm::ObjectToken;
    use cosmos_rpc::steering::Window;

    fn run() -> Exec {
        Exec {
            object: ObjectToken(1),
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: Vec::new(),
            umask: 0,
            timeout: 0,
            terminal: None,
            steered: true,
            has_manifest: false,
            wants_report: false,
            untraced: false,
            closed: [false; 3],
        }
    }

    fn of(service: Service, way: Way, kind: u16, run: &Exec, count: usize) -> Option<Vec<Nature>> {
        let body = codec::encode(run).expect("a body");
        natures(service, way, kind, &body, count).ok()
    }

    #[test]
    fn only_what_the_table_lists_travels() {
        use Nature::{Channel, Input, Output, Same, Steering, Terminal};
        use Service::{Coordinator, Vm};
        use Way::{Back, Out};
        const OPENED: u16 = VmOpen::KIND | REPLY;
        let plain = run();
        assert_eq!(
            of(Coordinator, Back, OPENED, &plain, 1),
            Some(vec![Channel])
        );
        assert_eq!(of(Coordinator, Back, OPENED, &plain, 0), Some(vec![]));
        assert_eq!(of(Vm, Out, Attach::KIND, &plain, 1), Some(vec![Channel]));
        let all = vec![Input, Output, Output, Steering];
        assert_eq!(of(Vm, Out, Exec::KIND, &plain, 4), Some(all));
        let on_terminal = Exec {
            terminal: Some(Window {
                rows: 24,
                columns: 80,
            }),
            ..run()
        };
        let all = vec![Terminal, Same, Same, Steering];
        assert_eq!(of(Vm, Out, Exec::KIND, &on_terminal, 4), Some(all));
        // A VM is no cosmosd, and does not open what the program would take for a channel.
        assert_eq!(of(Vm, Back, OPENED, &plain, 1), None);
        assert_eq!(of(Vm, Back, Attach::KIND, &plain, 1), None);
        assert_eq!(of(Vm, Back, Exec::KIND, &plain, 4), None);
        assert_eq!(of(Coordinator, Out, Attach::KIND, &plain, 1), None);
        for kind in [CALL, CALLBACK, Share::KIND, Map::KIND, 0x0106] {
            for way in [Out, Back] {
                assert_eq!(of(Vm, way, kind, &plain, 1), None);
                assert_eq!(of(Vm, way, kind | REPLY, &plain, 1), None);
            }
        }
        for count in [0, 3, 5] {
            assert_eq!(of(Vm, Out, Exec::KIND, &plain, count), None);
        }
        let changes: [fn(&mut Exec); 2] =
            [|run| run.has_manifest = true, |run| run.wants_report = true];
        for change in changes {
            let mut other = run();
            change(&mut other);
            assert!((3..6).all(|count| of(Vm, Out, Exec::KIND, &other, count).is_none()));
        }
    }
}
