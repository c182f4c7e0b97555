//! Links by rtnetlink, in this process: what no program of ours adds to.

use std::fs::File;
use std::os::fd::AsRawFd;

use fabric::Mac;
use rtnetlink::packet_route::link::{InfoData, InfoVeth};
use rtnetlink::{Handle, LinkUnspec, LinkVeth};
use tokio::runtime::Runtime;

use crate::Netns;

/// A netlink socket of a namespace.
#[derive(Debug)]
pub(super) struct Links {
    runtime: Runtime,
    handle: Handle,
}

impl Links {
    /// Opens the socket.
    ///
    /// # Panics
    /// When the process has no descriptors left.
    pub(super) fn of(netns: &Netns) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .expect("a benchmark may open files");
        let handle = netns.on_thread(|| {
            let _inside = runtime.enter();
            let (connection, handle, _) =
                rtnetlink::new_connection().expect("every kernel has it");
            runtime.spawn(connection);
            handle
        });
        Self { runtime, handle }
    }

    /// `ip link add NAME mtu 1500 type veth peer name PEER address MAC mtu 1500
    /// netns NETNS`.
    pub(super) fn add_pair(
        &self,
        name: &str,
        peer: &str,
        mac: Mac,
        netns: &File,
    ) {
        let peer = LinkUnspec::new_with_name(peer)
            .address(mac.octets().to_vec())
            .mtu(1500)
            .setns_by_fd(netns.as_raw_fd())
            .build();
        let pair = LinkVeth::new(name, "")
            .mtu(1500)
            .set_info_data(InfoData::Veth(InfoVeth::Peer(peer)))
            .build();
        self.runtime
            .block_on(self.handle.link().add(pair).execute())
            .unwrap_or_else(|error| panic!("link add {name}: {error}"));
    }

    /// `ip link set NAME up`.
    pub(super) fn up(&self, name: &str) {
        let up = LinkUnspec::new_with_name(name).up().build();
        self.runtime
            .block_on(self.handle.link().set(up).execute())
            .unwrap_or_else(|error| panic!("link set {name} up: {error}"));
    }
}
