//! A process that asks the registry for what it may not have; `tests/strangers.rs` runs it.
//!
//! `intruder DIRECTORY connect NAME` wants to talk to the owner of a name and open a library there;
//! `intruder DIRECTORY register NAME` wants the name. It prints what came of it.

use cosmos_rpc::handshake::Role;
use cosmos_rpc::message::registry::{Register, Route};
use cosmos_rpc::message::vm::Open;
use cosmos_rpc::rendezvous::{Rendezvous, connect_registry, reach};
use cosmos_rpc::{Fault, blocking};
use std::time::Duration;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, verb, name] = arguments.as_slice() else {
        eprintln!("usage: intruder DIRECTORY connect|register NAME");
        std::process::exit(2);
    };
    let outcome = match verb.as_str() {
        "connect" => connect(directory, name),
        _ => register(directory, name),
    };
    match outcome {
        Ok(()) => println!("got it"),
        Err(fault) => println!("{:?}: {fault}", fault.code),
    }
}

fn registry(directory: &str) -> Result<blocking::Connection, Fault> {
    let rendezvous = Rendezvous {
        directory: directory.into(),
        libexec: "/nonexistent".into(),
        start: false,
        patience: Duration::from_secs(5),
    };
    let mut registry = connect_registry(&rendezvous)?;
    registry.set_timeout(Some(Duration::from_secs(5)));
    Ok(registry)
}

fn connect(directory: &str, name: &str) -> Result<(), Fault> {
    let stream = reach(&mut registry(directory)?, name)?;
    let mut vm = blocking::Connection::connect(stream, Role::Client)?;
    vm.set_timeout(Some(Duration::from_secs(5)));
    let target = "/lib/x86_64-linux-gnu/libm.so.6".to_owned();
    vm.call(&Open { target }, &[]).map(drop)
}

fn register(directory: &str, name: &str) -> Result<(), Fault> {
    let request = Register {
        name: name.to_owned(),
        route: Route::Handed,
        expires_in: 0,
        shared: false,
    };
    registry(directory)?.call(&request, &[]).map(drop)
}
