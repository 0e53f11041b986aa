//! zbus: D-Bus from peer to peer over a Unix socket.

use super::{Outcome, Peer, System, copy_back, far_of, socket};
use crate::far::ready;
use ::zbus::Connection;
use ::zbus::connection::Builder;
use futures::executor::block_on;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

pub const ZBUS: System = System {
    name: "zbus",
    spins: false,
    has_far: true,
    inside: false,
    connect: |far| {
        let stream = UnixStream::connect(socket(far_of(far)?.directory()))?;
        let connecting = Builder::unix_stream(stream).p2p().build();
        Ok(Box::new(Near(block_on(connecting)?)))
    },
    serve,
};

const PATH: &str = "/far";
const INTERFACE: &str = "org.cosmos.Far";

struct Near(Connection);

impl Peer for Near {
    fn cos(&mut self, x: f64) -> Outcome<f64> {
        let none = None::<&str>;
        let answer = block_on(
            self.0
                .call_method(none, PATH, Some(INTERFACE), "Cos", &(x,)),
        )?;
        Ok(answer.body().deserialize()?)
    }

    fn echo(&mut self, given: &[u8], back: &mut [u8]) -> Outcome<bool> {
        let given = serde_bytes::Bytes::new(given);
        let none = None::<&str>;
        let answer = block_on(
            self.0
                .call_method(none, PATH, Some(INTERFACE), "Echo", &(given,)),
        )?;
        let body = answer.body();
        let bytes: &[u8] = body.deserialize()?;
        copy_back(bytes, back)
    }

    fn batch(&mut self, count: usize) -> Outcome {
        let connection = &self.0;
        let calls = (0..count).map(|_| {
            connection.call_method(None::<&str>, PATH, Some(INTERFACE), "Cos", &(0.5f64,))
        });
        let calls: Vec<_> = calls.collect();
        for answer in block_on(futures::future::join_all(calls)) {
            answer?;
        }
        Ok(())
    }
}

struct End;

#[::zbus::interface(name = "org.cosmos.Far")]
impl End {
    fn cos(&self, x: f64) -> f64 {
        x.cos()
    }

    fn echo(&self, bytes: serde_bytes::ByteBuf) -> serde_bytes::ByteBuf {
        bytes
    }
}

fn serve(directory: &Path) -> Outcome {
    let listener = UnixListener::bind(socket(directory))?;
    ready();
    let mut connections = Vec::new();
    for stream in listener.incoming() {
        let identity = ::zbus::Guid::generate();
        let connecting = Builder::unix_stream(stream?)
            .server(identity)
            .p2p()
            .serve_at(PATH, End)
            .build();
        connections.push(block_on(connecting)?);
    }
    Ok(())
}
