//! tarpc with bincode over a Unix socket.

use super::{Outcome, Peer, System, copy_back, far_of, runtime, socket};
use crate::far::{Far, ready};
use ::tarpc::serde_transport::unix;
use ::tarpc::server::{BaseChannel, Channel};
use ::tarpc::tokio_serde::formats::Bincode;
use ::tarpc::{client, context};
use futures::StreamExt;
use serde_bytes::ByteBuf;
use std::path::Path;
use tokio::runtime::Runtime;

pub const TARPC: System = System {
    name: "tarpc",
    spins: false,
    has_far: true,
    inside: false,
    connect: |far| Ok(Box::new(Near::connect(far)?)),
    serve,
};

#[::tarpc::service]
trait FarEnd {
    async fn cos(x: f64) -> f64;
    async fn echo(bytes: ByteBuf) -> ByteBuf;
}

struct Near {
    runtime: Runtime,
    client: FarEndClient,
}

impl Near {
    fn connect(far: Option<&Far>) -> Outcome<Near> {
        let path = socket(far_of(far)?.directory());
        let runtime = runtime()?;
        let client = runtime.block_on(async {
            let transport = unix::connect(path, Bincode::default).await?;
            let connected = FarEndClient::new(client::Config::default(), transport).spawn();
            Ok::<_, std::io::Error>(connected)
        })?;
        Ok(Near { runtime, client })
    }
}

impl Peer for Near {
    fn cos(&mut self, x: f64) -> Outcome<f64> {
        Ok(self
            .runtime
            .block_on(self.client.cos(context::current(), x))?)
    }

    fn echo(&mut self, given: &[u8], back: &mut [u8]) -> Outcome<bool> {
        let bytes = ByteBuf::from(given);
        let call = self.client.echo(context::current(), bytes);
        copy_back(&self.runtime.block_on(call)?, back)
    }

    fn batch(&mut self, count: usize) -> Outcome {
        let calls = (0..count).map(|_| self.client.cos(context::current(), 0.5));
        for answer in self.runtime.block_on(futures::future::join_all(calls)) {
            answer?;
        }
        Ok(())
    }
}

#[derive(Clone)]
struct Server;

impl FarEnd for Server {
    async fn cos(self, _: context::Context, x: f64) -> f64 {
        x.cos()
    }

    async fn echo(self, _: context::Context, bytes: ByteBuf) -> ByteBuf {
        bytes
    }
}

fn serve(directory: &Path) -> Outcome {
    runtime()?.block_on(async {
        let mut arrivals = unix::listen(socket(directory), Bincode::default).await?;
        ready();
        while let Some(transport) = arrivals.next().await {
            let channel = BaseChannel::with_defaults(transport?);
            tokio::spawn(channel.execute(Server.serve()).for_each(|answer| async {
                tokio::spawn(answer);
            }));
        }
        Ok(())
    })
}
