//! A VM that answers nothing but opens, and lies about when it did. What it was asked to open says how.

use cosmos_rpc::blocking::Connection;
use cosmos_rpc::message::follow::{Recall, Recalled};
use cosmos_rpc::message::launch::{Accept, Confine, Confined, Ready};
use cosmos_rpc::message::vm::{Attach, ObjectToken, Open};
use cosmos_rpc::message::{Message, REPLY};
use cosmos_rpc::{Fault, FaultCode, Role};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// The descriptor of a VM's control socket.
const CONTROL: i32 = 3;

fn main() -> Result<(), Fault> {
    // SAFETY: it was made for this process, and nothing else here has it.
    let control = unsafe { OwnedFd::from_raw_fd(CONTROL) };
    let mut control = Connection::connect(UnixStream::from(control), Role::Vm)?;
    control.notify(&Ready, &[])?;
    while let Some(frame) = control.receive()? {
        match frame.kind {
            Confine::KIND => control.notify(&Confined { problem: None }, &[])?,
            Accept::KIND => frame.descriptors.into_iter().for_each(serve),
            _ => {}
        }
    }
    Ok(())
}

fn serve(stream: OwnedFd) {
    std::thread::spawn(|| {
        let mut connection = Connection::accept(UnixStream::from(stream), Role::Vm)?;
        connection.refuse_sharing();
        converse(&mut connection)
    });
}

fn converse(connection: &mut Connection) -> Result<(), Fault> {
    let mut lie = String::new();
    while let Some(frame) = connection.receive()? {
        let id = frame.id;
        match frame.kind {
            Attach::KIND => {
                frame.descriptors.into_iter().for_each(serve);
                connection.reply::<Attach>(id, &(), &[])?;
            }
            Open::KIND => {
                lie = frame.message::<Open>()?.target;
                match lie.strip_prefix("say ") {
                    Some(words) => {
                        connection.fault(id, &Fault::vm(FaultCode::NotLoadable, words))?;
                    }
                    None => connection.reply::<Open>(id, &ObjectToken(1), &[])?,
                }
            }
            // The one that only says that there will be more.
            Recall::KIND if frame.message::<Recall>()?.request == 0 => {
                connection.reply::<Recall>(id, &None, &[])?;
            }
            Recall::KIND => recall(connection, id, &lie)?,
            _ => connection.fault(id, &Fault::caller(FaultCode::Unsupported, "it lies only"))?,
        }
    }
    Ok(())
}

fn recall(connection: &mut Connection, id: u64, lie: &str) -> Result<(), Fault> {
    let at = |begin| Recalled {
        begin,
        took: u64::MAX,
        failure: Some(FaultCode::Cancelled),
    };
    let kind = Recall::KIND | REPLY;
    match lie {
        "early" => connection.reply::<Recall>(id, &Some(at(0)), &[]),
        "late" => connection.reply::<Recall>(id, &Some(at(u64::MAX)), &[]),
        "nonsense" => connection.send_raw(kind, id, &[b"\x01\n{\"trace\":"], &[]),
        "other" => connection.send_raw(REPLY | Attach::KIND, id, &[], &[]),
        "unasked" => connection.send_raw(kind, id + 7, &[&[0]], &[]),
        "unknown" => connection.fault(id, &Fault::caller(FaultCode::Unsupported, "what is that")),
        // Silence.
        _ => Ok(()),
    }
}
