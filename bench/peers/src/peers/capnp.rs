//! Cap'n Proto RPC over a Unix socket, with its face written by hand: no schema compiler is needed.
//! Parameters and results are bytes, or a capability.

use super::sort::{merge_sort, order};
use super::{Outcome, Peer, System, copy_back, far_of, runtime, socket};
use crate::far::{Far, ready};
use ::capnp::Error;
use ::capnp::any_pointer;
use ::capnp::capability::{
    Client, DispatchCallResult, FromClientHook, FromServer, Params, Promise, RemotePromise,
    Results, Server,
};
use ::capnp::data;
use ::capnp::private::capability::ClientHook;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{RpcSystem, twoparty};
use std::cell::RefCell;
use std::ops::Deref;
use std::path::Path;
use std::rc::Rc;
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Runtime;
use tokio::task::LocalSet;
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

pub const CAPNP: System = System {
    name: "capnp-rpc",
    spins: false,
    has_far: true,
    inside: false,
    connect: |far| Ok(Box::new(Near::connect(far)?)),
    serve,
};

const INTERFACE: u64 = 0xf00d_cafe_0001;
const COS: u16 = 0;
const ECHO: u16 = 1;
/// Gives the capability that sorting asks.
const COMPARE: u16 = 2;
const SORT: u16 = 3;

/// Either end's object.
struct End(Client);

type Answer = ::capnp::capability::Response<any_pointer::Owned>;

impl End {
    fn call(&self, method: u16, bytes: &[u8]) -> RemotePromise<any_pointer::Owned> {
        let mut request = self
            .0
            .new_call::<any_pointer::Owned, any_pointer::Owned>(INTERFACE, method, None);
        // It cannot fail for bytes; were it to, the answer would be wrong.
        let _ = request.get().set_as::<data::Owned>(bytes);
        request.send()
    }
}

fn bytes_of(answer: &Answer) -> Result<&[u8], Error> {
    answer.get()?.get_as::<data::Reader<'_>>()
}

impl FromClientHook for End {
    fn new(hook: Box<dyn ClientHook>) -> End {
        End(Client::new(hook))
    }

    fn into_client_hook(self) -> Box<dyn ClientHook> {
        self.0.hook
    }

    fn as_client_hook(&self) -> &dyn ClientHook {
        &*self.0.hook
    }
}

trait Methods: 'static {
    fn dispatch(
        self: Rc<Self>,
        method: u16,
        params: Params<any_pointer::Owned>,
        results: Results<any_pointer::Owned>,
    ) -> Promise<(), Error>;
}

struct Dispatch<S>(Rc<S>);

impl<S> Clone for Dispatch<S> {
    fn clone(&self) -> Self {
        Dispatch(Rc::clone(&self.0))
    }
}

impl<S> Deref for Dispatch<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.0
    }
}

impl<S: Methods> Server for Dispatch<S> {
    fn dispatch_call(
        self,
        interface: u64,
        method: u16,
        params: Params<any_pointer::Owned>,
        results: Results<any_pointer::Owned>,
    ) -> DispatchCallResult {
        let promise = match interface {
            INTERFACE => self.0.dispatch(method, params, results),
            _ => Promise::err(Error::unimplemented("another interface".to_owned())),
        };
        DispatchCallResult::new(promise, false)
    }

    fn as_ptr(&self) -> usize {
        Rc::as_ptr(&self.0) as usize
    }
}

impl<S: Methods> FromServer<S> for End {
    type Dispatch = Dispatch<S>;

    fn from_server(server: Rc<S>) -> Dispatch<S> {
        Dispatch(server)
    }
}

/// The near end's function, as a capability.
struct Order;

impl Methods for Order {
    fn dispatch(
        self: Rc<Self>,
        _: u16,
        params: Params<any_pointer::Owned>,
        mut results: Results<any_pointer::Owned>,
    ) -> Promise<(), Error> {
        let answered = (|| {
            let numbers = numbers_of(params.get()?.get_as::<data::Reader<'_>>()?);
            let [left, right] = numbers[..] else {
                return Err(Error::failed("two numbers are compared".to_owned()));
            };
            let answer = order(left, right).to_le_bytes();
            results.get().set_as::<data::Owned>(&answer[..])
        })();
        answered.map_or_else(Promise::err, Promise::ok)
    }
}

#[derive(Default)]
struct FarEnd {
    compare: RefCell<Option<Rc<End>>>,
}

impl Methods for FarEnd {
    fn dispatch(
        self: Rc<Self>,
        method: u16,
        params: Params<any_pointer::Owned>,
        mut results: Results<any_pointer::Owned>,
    ) -> Promise<(), Error> {
        Promise::from_future(async move {
            let given = params.get()?;
            match method {
                COS => {
                    let bytes = given.get_as::<data::Reader<'_>>()?;
                    let answer = number_of(bytes)?.cos().to_le_bytes();
                    results.get().set_as::<data::Owned>(&answer[..])
                }
                ECHO => {
                    let bytes = given.get_as::<data::Reader<'_>>()?;
                    results.get().set_as::<data::Owned>(bytes)
                }
                COMPARE => {
                    *self.compare.borrow_mut() = Some(Rc::new(given.get_as_capability()?));
                    Ok(())
                }
                SORT => {
                    let mut numbers = numbers_of(given.get_as::<data::Reader<'_>>()?);
                    let compare = self.compare.borrow().clone();
                    let compare = compare
                        .ok_or_else(|| Error::failed("nothing was given to compare".to_owned()))?;
                    let ask = |left: i32, right: i32| {
                        let compare = Rc::clone(&compare);
                        async move {
                            let given = [left.to_le_bytes(), right.to_le_bytes()].concat();
                            let answer = compare.call(0, &given).promise.await?;
                            Ok(numbers_of(bytes_of(&answer)?).first().copied().unwrap_or(0))
                        }
                    };
                    let sorted = merge_sort(&mut numbers, ask).await;
                    sorted.map_err(|error| Error::failed(error.to_string()))?;
                    results
                        .get()
                        .set_as::<data::Owned>(&bytes_from(&numbers)[..])
                }
                _ => Err(Error::unimplemented("another method".to_owned())),
            }
        })
    }
}

fn number_of(bytes: &[u8]) -> Result<f64, Error> {
    let bytes = bytes
        .try_into()
        .map_err(|_| Error::failed("no number".to_owned()))?;
    Ok(f64::from_le_bytes(bytes))
}

fn numbers_of(bytes: &[u8]) -> Vec<i32> {
    let numbers = bytes.chunks_exact(4);
    numbers
        .map(|bytes| i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect()
}

fn bytes_from(numbers: &[i32]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

fn network(stream: UnixStream, side: Side) -> Box<twoparty::VatNetwork<impl futures::AsyncRead>> {
    let (reader, writer) = stream.into_split();
    Box::new(twoparty::VatNetwork::new(
        reader.compat(),
        writer.compat_write(),
        side,
        Default::default(),
    ))
}

struct Near {
    runtime: Runtime,
    local: LocalSet,
    far: End,
}

impl Near {
    fn connect(far: Option<&Far>) -> Outcome<Near> {
        let path = socket(far_of(far)?.directory());
        let runtime = runtime()?;
        let local = LocalSet::new();
        let far = local.block_on(&runtime, async {
            let stream = UnixStream::connect(path).await?;
            let mut system = RpcSystem::new(network(stream, Side::Client), None);
            let far = system.bootstrap(Side::Server);
            tokio::task::spawn_local(system);
            Ok::<End, std::io::Error>(far)
        })?;
        Ok(Near {
            runtime,
            local,
            far,
        })
    }

    fn wait<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Outcome<T> {
        Ok(self.local.block_on(&self.runtime, answer)?)
    }
}

impl Peer for Near {
    fn cos(&mut self, x: f64) -> Outcome<f64> {
        let answer = self.wait(self.far.call(COS, &x.to_le_bytes()).promise)?;
        Ok(number_of(bytes_of(&answer)?)?)
    }

    fn echo(&mut self, given: &[u8], back: &mut [u8]) -> Outcome<bool> {
        let answer = self.wait(self.far.call(ECHO, given).promise)?;
        copy_back(bytes_of(&answer)?, back)
    }

    fn batch(&mut self, count: usize) -> Outcome {
        let given = 0.5f64.to_le_bytes();
        let calls = async {
            let calls = (0..count).map(|_| self.far.call(COS, &given).promise);
            futures::future::try_join_all(calls).await
        };
        self.wait(calls)?;
        Ok(())
    }

    fn sort(&mut self, numbers: &mut [i32]) -> Outcome<bool> {
        let sorted = async {
            let order: End = capnp_rpc::new_client(Order);
            let mut request = self
                .far
                .0
                .new_call::<any_pointer::Owned, any_pointer::Owned>(INTERFACE, COMPARE, None);
            request.get().set_as_capability(order.into_client_hook());
            request.send().promise.await?;
            self.far.call(SORT, &bytes_from(numbers)).promise.await
        };
        let answer = self.wait(sorted)?;
        numbers.copy_from_slice(&numbers_of(bytes_of(&answer)?));
        Ok(true)
    }
}

fn serve(directory: &Path) -> Outcome {
    let listener = std::os::unix::net::UnixListener::bind(socket(directory))?;
    listener.set_nonblocking(true)?;
    let local = LocalSet::new();
    local.block_on(&runtime()?, async {
        let listener = UnixListener::from_std(listener)?;
        ready();
        loop {
            let (stream, _) = listener.accept().await?;
            let far: End = capnp_rpc::new_client(FarEnd::default());
            let system = RpcSystem::new(network(stream, Side::Server), Some(far.0));
            tokio::task::spawn_local(system);
        }
    })
}
