//! What is measured: one face for every system, and the process at its far end.

mod capnp;
mod cosmos;
mod floor;
mod grpc;
mod iceoryx;
mod inside;
mod ipc_channel;
mod python;
mod sort;
mod tarpc;
mod wasm;
mod zbus;

pub use sort::{compare, compared, reset};

use crate::far::Far;
use std::path::Path;

/// What a measurement comes to.
pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A connection of one thread to one system. An answer that is wrong is an error.
pub trait Peer {
    /// The cosine of `x`, computed at the far end.
    fn cos(&mut self, x: f64) -> Outcome<f64>;

    /// The same bytes back, through the far end; `false` where the system has nothing for that.
    fn echo(&mut self, _given: &[u8], _back: &mut [u8]) -> Outcome<bool> {
        Ok(false)
    }

    /// So many calls that do nothing much, handed over as the system does best.
    fn batch(&mut self, count: usize) -> Outcome {
        for _ in 0..count {
            self.cos(0.5)?;
        }
        Ok(())
    }

    /// Has the numbers sorted at the far end by a function of this end's; `false` where the system
    /// has no such calls.
    fn sort(&mut self, _numbers: &mut [i32]) -> Outcome<bool> {
        Ok(false)
    }

    /// The same measured by the near end itself, where that is another program: nanoseconds of each.
    fn times(&mut self, _what: &str, _count: u32) -> Option<Outcome<Vec<f64>>> {
        None
    }

    /// Processes at the far end that are not this one's children.
    fn others(&mut self) -> Outcome<Vec<i32>> {
        Ok(Vec::new())
    }
}

/// A system.
pub struct System {
    /// Its name in tables.
    pub name: &'static str,
    /// Whether the far end burns its CPU while it waits, so that it has to be stopped between turns.
    pub spins: bool,
    /// Whether there is a process at the far end to start.
    pub has_far: bool,
    /// Whether it runs in this process, so that placements make no difference.
    pub inside: bool,
    /// Connects a thread, over the far end that was started.
    pub connect: fn(Option<&Far>) -> Outcome<Box<dyn Peer>>,
    /// Serves at the far end, in the directory given, until the process is killed.
    pub serve: fn(&Path) -> Outcome,
}

/// All of them, floors first.
pub fn systems() -> Vec<System> {
    vec![
        inside::DIRECT,
        inside::LIBFFI,
        inside::MEMCPY,
        floor::SPIN,
        floor::YIELD,
        floor::FUTEX,
        floor::STREAM,
        cosmos::POINTER,
        cosmos::ARENA,
        iceoryx::ICEORYX,
        ipc_channel::IPC_CHANNEL,
        tarpc::TARPC,
        grpc::TONIC,
        capnp::CAPNP,
        zbus::ZBUS,
        wasm::WASMTIME,
        python::RPYC,
    ]
}

fn no_far(_: &Path) -> Outcome {
    Err("nothing is to be served for this".into())
}

fn far_of(far: Option<&Far>) -> Outcome<&Far> {
    far.ok_or_else(|| "the far end was not started".into())
}

/// The socket of a far end.
fn socket(directory: &Path) -> std::path::PathBuf {
    directory.join("far")
}

fn copy_back(from: &[u8], back: &mut [u8]) -> Outcome<bool> {
    if from.len() != back.len() {
        return Err("as many bytes did not come back".into());
    }
    back.copy_from_slice(from);
    Ok(true)
}

/// A runtime of one thread.
fn runtime() -> Outcome<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}
