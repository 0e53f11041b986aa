//! Looking at the daemons without starting them.

use cosmos_config::Config;
use cosmos_rpc::blocking::Connection;
use cosmos_rpc::handshake::Hello;
use cosmos_rpc::rendezvous::{
    REGISTRY_SOCKET, Rendezvous, SocketDirectory, connect_coordinator, connect_registry,
};
use cosmos_rpc::{Fault, FaultCode};
use std::time::Duration;

/// Whether somebody listens at the registry's socket.
pub fn registry_listens(config: &Config) -> bool {
    SocketDirectory::open(&config.socket_directory)
        .is_ok_and(|directory| directory.connect(REGISTRY_SOCKET).is_ok())
}

/// What cosmosdb says of itself.
pub fn registry(config: &Config) -> Result<Hello, Fault> {
    connect_registry(&rendezvous(config)).map(|connection| said(&connection))
}

/// What cosmosd says of itself; `None`: it does not run.
pub fn coordinator(config: &Config) -> Result<Option<Hello>, Fault> {
    match connect_coordinator(&rendezvous(config)) {
        Ok(connection) => Ok(Some(said(&connection))),
        Err(fault) if fault.code == FaultCode::NoSuchName => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn said(connection: &Connection) -> Hello {
    *connection.peer()
}

/// Where the daemons are, to be reached but not started.
pub fn rendezvous(config: &Config) -> Rendezvous {
    Rendezvous {
        directory: config.socket_directory.value.clone(),
        libexec: config.libexec_directory.value.clone(),
        start: false,
        patience: Duration::from_secs(2),
    }
}
