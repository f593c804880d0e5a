//! Ports that are nobody's.

use socket2::{Domain, Socket, Type};
use std::net::{Ipv4Addr, SocketAddr};

/// An address of this machine at which nobody listens: a connection to it is refused.
///
/// The system gives it to no one who asks for any port before this process ends, so that never a server of another test
/// stands behind it. A server that is told of it may listen there, for servers bind with `SO_REUSEADDR`.
pub(crate) fn free_port() -> SocketAddr {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there is a network");
    socket.set_reuse_address(true).expect("it is a socket");
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a port is free");
    let at = socket.local_addr().expect("it is bound").as_socket().expect("it has an address of IPv4");
    // Open until the process ends.
    std::mem::forget(socket);
    at
}
