//! ipc-channel, a channel each way.

use super::sort::{merge_sort, order};
use super::{Outcome, Peer, System, copy_back, far_of};
use crate::far::{Far, paths, ready};
use ::ipc_channel::ipc::{self, IpcOneShotServer, IpcReceiver, IpcSender};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::path::Path;

pub const IPC_CHANNEL: System = System {
    name: "ipc-channel",
    spins: false,
    has_far: true,
    inside: false,
    connect: |far| Ok(Box::new(Near::connect(far)?)),
    serve,
};

#[derive(Serialize, Deserialize)]
enum Request {
    Cos(f64),
    Echo(ByteBuf),
    Sort(Vec<i32>),
    Order(i32),
}

#[derive(Serialize, Deserialize)]
enum Answer {
    Number(f64),
    Bytes(ByteBuf),
    Sorted(Vec<i32>),
    Compare(i32, i32),
}

type Ends = (IpcSender<Request>, IpcReceiver<Answer>);

struct Near {
    sender: IpcSender<Request>,
    receiver: IpcReceiver<Answer>,
}

impl Near {
    fn connect(far: Option<&Far>) -> Outcome<Near> {
        let (server, name) = IpcOneShotServer::<Ends>::new()?;
        far_of(far)?.tell(&name)?;
        let (_, (sender, receiver)) = server.accept()?;
        Ok(Near { sender, receiver })
    }
}

fn strange() -> Outcome<f64> {
    Err("the far end answered something else".into())
}

impl Peer for Near {
    fn cos(&mut self, x: f64) -> Outcome<f64> {
        self.sender.send(Request::Cos(x))?;
        match self.receiver.recv()? {
            Answer::Number(number) => Ok(number),
            _ => strange(),
        }
    }

    fn echo(&mut self, given: &[u8], back: &mut [u8]) -> Outcome<bool> {
        self.sender.send(Request::Echo(ByteBuf::from(given)))?;
        match self.receiver.recv()? {
            Answer::Bytes(bytes) => copy_back(&bytes, back),
            _ => strange().map(|_| false),
        }
    }

    fn batch(&mut self, count: usize) -> Outcome {
        // A window, for sockets hold so many messages and no more.
        const WINDOW: usize = 64;
        let mut sent = 0;
        for received in 0..count {
            while sent < count && sent < received + WINDOW {
                self.sender.send(Request::Cos(0.5))?;
                sent += 1;
            }
            self.receiver.recv()?;
        }
        Ok(())
    }

    fn sort(&mut self, numbers: &mut [i32]) -> Outcome<bool> {
        self.sender.send(Request::Sort(numbers.to_vec()))?;
        loop {
            match self.receiver.recv()? {
                Answer::Compare(left, right) => {
                    self.sender.send(Request::Order(order(left, right)))?;
                }
                Answer::Sorted(sorted) => {
                    numbers.copy_from_slice(&sorted);
                    return Ok(true);
                }
                _ => return strange().map(|_| false),
            }
        }
    }
}

fn serve(_: &Path) -> Outcome {
    ready();
    for name in paths() {
        let connected = IpcSender::<Ends>::connect(name.to_string_lossy().into_owned())?;
        let (sender, requests) = ipc::channel()?;
        let (answers, receiver) = ipc::channel()?;
        connected.send((sender, receiver))?;
        std::thread::spawn(move || answer(&requests, &answers));
    }
    Ok(())
}

fn answer(requests: &IpcReceiver<Request>, answers: &IpcSender<Answer>) -> Outcome {
    while let Ok(request) = requests.recv() {
        let answer = match request {
            Request::Cos(x) => Answer::Number(x.cos()),
            Request::Echo(bytes) => Answer::Bytes(bytes),
            Request::Sort(mut numbers) => {
                let ask = async |left, right| {
                    answers.send(Answer::Compare(left, right))?;
                    match requests.recv()? {
                        Request::Order(order) => Ok(order),
                        _ => Err("no comparison was answered".into()),
                    }
                };
                futures::executor::block_on(merge_sort(&mut numbers, ask))?;
                Answer::Sorted(numbers)
            }
            Request::Order(_) => return Err("nothing was to be compared".into()),
        };
        answers.send(answer)?;
    }
    Ok(())
}
