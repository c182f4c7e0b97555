//! A way to netd for programs that only speak TCP.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;

use crate::{Netd, netd};

impl Netd {
    /// Listens on a TCP port of its host's loopback, and passes every
    /// connection on to its socket, for as long as the test runs.
    ///
    /// # Panics
    /// When the port can't be had.
    #[track_caller]
    #[must_use]
    pub fn over_tcp(&self) -> SocketAddr {
        let listener = self.host().listen(Ipv4Addr::LOCALHOST.into());
        let address = listener.local_addr().expect("it listens");
        // A thread of the lab's sees the lab's files.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if let Ok(server) = UnixStream::connect(netd::socket()) {
                    pass_on(client, server);
                }
            }
        });
        address
    }
}

/// Copies both ways until either end hangs up.
fn pass_on(client: TcpStream, server: UnixStream) {
    let both = client.try_clone().and_then(|c| Ok((c, server.try_clone()?)));
    let Ok((mut from_client, mut to_server)) = both else { return };
    let (mut to_client, mut from_server) = (client, server);
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
}
