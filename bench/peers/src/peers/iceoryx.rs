//! iceoryx2, request and response. It has no way to sleep for a response: both ends poll, and yield
//! after a while, so that one core serves both.

use super::{Outcome, Peer, System, copy_back, far_of};
use crate::far::{Far, ready};
use iceoryx2::port::client::Client;
use iceoryx2::port::server::Server;
use iceoryx2::prelude::*;
use std::path::Path;

pub const ICEORYX: System = System {
    name: "iceoryx2",
    spins: true,
    has_far: true,
    inside: false,
    connect: |far| Ok(Box::new(Near::connect(far)?)),
    serve,
};

type Numbers =
    iceoryx2::service::port_factory::request_response::PortFactory<ipc::Service, f64, (), f64, ()>;
type Bytes = iceoryx2::service::port_factory::request_response::PortFactory<
    ipc::Service,
    [u8],
    (),
    [u8],
    (),
>;

const LARGEST: usize = 1 << 20;
/// Requests of one client that may wait at once.
const WINDOW: usize = 16;
/// Looks before the first yield.
const LOOKS: u32 = 200;

/// Between two looks in vain.
#[derive(Default)]
struct Patience(u32);

impl Patience {
    fn wait(&mut self) {
        self.0 += 1;
        match self.0 > LOOKS {
            true => std::thread::yield_now(),
            false => std::hint::spin_loop(),
        }
    }
}

fn services(directory: &Path) -> Outcome<(Numbers, Bytes)> {
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    set_log_level(LogLevel::Error);
    let node = NodeBuilder::new().create::<ipc::Service>()?;
    let numbers = node
        .service_builder(&format!("{name}/numbers").as_str().try_into()?)
        .request_response::<f64, f64>()
        .max_clients(40)
        .max_nodes(80)
        .max_active_requests_per_client(WINDOW)
        .open_or_create()?;
    let bytes = node
        .service_builder(&format!("{name}/bytes").as_str().try_into()?)
        .request_response::<[u8], [u8]>()
        .max_clients(40)
        .max_nodes(80)
        .max_active_requests_per_client(1)
        .open_or_create()?;
    Ok((numbers, bytes))
}

struct Near {
    numbers: Client<ipc::Service, f64, (), f64, ()>,
    bytes: Client<ipc::Service, [u8], (), [u8], ()>,
    _services: (Numbers, Bytes),
}

impl Near {
    fn connect(far: Option<&Far>) -> Outcome<Near> {
        let services = services(far_of(far)?.directory())?;
        Ok(Near {
            numbers: services.0.client_builder().create()?,
            bytes: services
                .1
                .client_builder()
                .initial_max_slice_len(LARGEST)
                .create()?,
            _services: services,
        })
    }
}

impl Peer for Near {
    fn cos(&mut self, x: f64) -> Outcome<f64> {
        let pending = self.numbers.loan_uninit()?.write_payload(x).send()?;
        let mut patience = Patience::default();
        loop {
            if let Some(answer) = pending.receive()? {
                return Ok(*answer);
            }
            patience.wait();
        }
    }

    fn echo(&mut self, given: &[u8], back: &mut [u8]) -> Outcome<bool> {
        let request = self.bytes.loan_slice_uninit(given.len())?;
        let pending = request.write_from_slice(given).send()?;
        let mut patience = Patience::default();
        loop {
            if let Some(answer) = pending.receive()? {
                return copy_back(&answer, back);
            }
            patience.wait();
        }
    }

    fn batch(&mut self, count: usize) -> Outcome {
        let mut left = count;
        while left > 0 {
            let mut pending = Vec::with_capacity(WINDOW);
            for _ in 0..left.min(WINDOW) {
                pending.push(self.numbers.loan_uninit()?.write_payload(0.5).send()?);
            }
            left -= pending.len();
            for answer in &pending {
                let mut patience = Patience::default();
                while answer.receive()?.is_none() {
                    patience.wait();
                }
            }
        }
        Ok(())
    }
}

fn serve(directory: &Path) -> Outcome {
    let (numbers, bytes) = services(directory)?;
    let numbers: Server<ipc::Service, f64, (), f64, ()> = numbers.server_builder().create()?;
    let bytes = bytes
        .server_builder()
        .initial_max_slice_len(LARGEST)
        .create()?;
    ready();
    let mut patience = Patience::default();
    loop {
        let mut came = false;
        while let Some(request) = numbers.receive()? {
            let answer = request.loan_uninit()?;
            answer.write_payload(request.cos()).send()?;
            came = true;
        }
        while let Some(request) = bytes.receive()? {
            let answer = request.loan_slice_uninit(request.len())?;
            answer.write_from_slice(&request).send()?;
            came = true;
        }
        match came {
            true => patience = Patience::default(),
            false => patience.wait(),
        }
    }
}
