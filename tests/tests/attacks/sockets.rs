//! Sockets: nobody is reached, by whatever family, neither directly nor by what the VM has already.

use crate::stage::{at_each_level, of_libraries, text, with_grants};
use cosmos_tests::in_world;
use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};

fn port(address: std::io::Result<std::net::SocketAddr>) -> cosmos::Value {
    i32::from(address.unwrap().port()).into()
}

fn nobody_came<T>(accepted: std::io::Result<T>) -> bool {
    matches!(accepted, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn no_tcp_connection_is_made() {
    in_world(|world| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        at_each_level(world, |stage| {
            let port = [port(listener.local_addr())];
            stage.refused(
                "int connect_tcp(int port)",
                &port,
                libc::EPERM,
                Some("socket"),
            );
        });
        assert!(nobody_came(listener.accept()));
    });
}

#[test]
fn no_udp_datagram_is_sent() {
    in_world(|world| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        at_each_level(world, |stage| {
            let port = [port(socket.local_addr())];
            stage.refused("int send_udp(int port)", &port, libc::EPERM, Some("socket"));
        });
        assert!(nobody_came(socket.recv(&mut [0])));
    });
}

#[test]
fn the_network_is_reached_where_it_was_granted_and_unix_sockets_are_not() {
    in_world(|world| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let path = world.directory().join("socket");
        let local = UnixListener::bind(&path).unwrap();
        local.set_nonblocking(true).unwrap();
        with_grants(
            world,
            |options| options.network(true).write(world.directory()),
            |stage| {
                let port = [port(listener.local_addr())];
                let connected = stage.attempt("int connect_tcp(int port)", &port);
                assert_eq!(connected.unwrap(), 0, "{}", stage.level);
                let (connect, path) = ("int connect_unix(const char *path)", [text(&path)]);
                stage.refused(connect, &path, libc::EPERM, Some("socket"));
                for raw in ["int raw_socket(void)", "int netlink_socket(void)"] {
                    stage.refused(raw, &[], libc::EPERM, Some("socket"));
                }
            },
        );
        assert!(nobody_came(local.accept()));
    });
}

#[test]
fn no_unix_socket_with_a_path_is_reached_even_where_the_path_was_granted() {
    in_world(|world| {
        let path = world.directory().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        with_grants(
            world,
            |options| options.write(world.directory()),
            |stage| {
                let path = [text(&path)];
                let connect = "int connect_unix(const char *path)";
                stage.refused(connect, &path, libc::EPERM, Some("socket"));
                let daemon = [text(&world.sockets().join("cosmosdb.sock"))];
                stage.refused(connect, &daemon, libc::EPERM, Some("socket"));
            },
        );
        assert!(nobody_came(listener.accept()));
    });
}

#[test]
fn no_abstract_unix_socket_is_reached() {
    in_world(|world| {
        let name = format!("cosmos-attacked-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        listener.set_nonblocking(true).unwrap();
        at_each_level(world, |stage| {
            let connect = "int connect_abstract(const char *name)";
            let name = [name.as_str().into()];
            stage.refused(connect, &name, libc::EPERM, Some("socket"));
        });
        assert!(nobody_came(listener.accept()));
    });
}

#[test]
fn no_datagram_goes_out_of_a_pair() {
    in_world(|world| {
        let path = world.directory().join("socket");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        with_grants(
            world,
            |options| options.write(world.directory()),
            |stage| {
                let send = "int send_through_pair(const char *path)";
                stage.refused(send, &[text(&path)], libc::EPERM, Some("socketpair"));
            },
        );
        assert!(nobody_came(socket.recv(&mut [0])));
    });
}

#[test]
fn the_sockets_that_a_vm_has_are_not_turned_elsewhere() {
    in_world(|world| {
        let path = world.directory().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        of_libraries(
            world,
            |options| options.write(world.directory()),
            |stage| {
                let turn = "int turn_own_sockets(const char *path)";
                stage.refused(turn, &[text(&path)], libc::EPERM, Some("connect"));
            },
        );
        assert!(nobody_came(listener.accept()));
    });
}
