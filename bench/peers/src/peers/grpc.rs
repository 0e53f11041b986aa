//! tonic: gRPC over a Unix socket.

use super::{Outcome, Peer, System, copy_back, far_of, runtime, socket};
use crate::far::{Far, ready};
use std::path::Path;
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

pub const TONIC: System = System {
    name: "tonic",
    spins: false,
    has_far: true,
    inside: false,
    connect: |far| Ok(Box::new(Near::connect(far)?)),
    serve,
};

#[derive(Clone, PartialEq, prost::Message)]
pub struct Number {
    #[prost(double, tag = "1")]
    value: f64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Bytes {
    #[prost(bytes = "vec", tag = "1")]
    bytes: Vec<u8>,
}

mod generated {
    include!(concat!(env!("OUT_DIR"), "/peers.Far.rs"));
}

use generated::far_client::FarClient;
use generated::far_server::{Far as Service, FarServer};

struct Near {
    runtime: Runtime,
    client: FarClient<Channel>,
}

impl Near {
    fn connect(far: Option<&Far>) -> Outcome<Near> {
        let path = socket(far_of(far)?.directory());
        let runtime = runtime()?;
        let endpoint = Endpoint::from_shared(format!("unix://{}", path.display()))?;
        let channel = runtime.block_on(endpoint.connect())?;
        let client = FarClient::new(channel);
        Ok(Near { runtime, client })
    }
}

impl Peer for Near {
    fn cos(&mut self, value: f64) -> Outcome<f64> {
        let call = self.client.cos(Number { value });
        Ok(self.runtime.block_on(call)?.into_inner().value)
    }

    fn echo(&mut self, given: &[u8], back: &mut [u8]) -> Outcome<bool> {
        let bytes = given.to_vec();
        let call = self.client.echo(Bytes { bytes });
        copy_back(&self.runtime.block_on(call)?.into_inner().bytes, back)
    }

    fn batch(&mut self, count: usize) -> Outcome {
        let calls = (0..count).map(|_| {
            let mut client = self.client.clone();
            async move { client.cos(Number { value: 0.5 }).await }
        });
        for answer in self.runtime.block_on(futures::future::join_all(calls)) {
            answer?;
        }
        Ok(())
    }
}

struct End;

#[tonic::async_trait]
impl Service for End {
    async fn cos(&self, request: Request<Number>) -> Result<Response<Number>, Status> {
        let value = request.into_inner().value.cos();
        Ok(Response::new(Number { value }))
    }

    async fn echo(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
        Ok(Response::new(request.into_inner()))
    }
}

fn serve(directory: &Path) -> Outcome {
    runtime()?.block_on(async {
        let listener = UnixListener::bind(socket(directory))?;
        ready();
        let arrivals = UnixListenerStream::new(listener);
        let server = Server::builder().add_service(FarServer::new(End));
        Ok(server.serve_with_incoming(arrivals).await?)
    })
}
