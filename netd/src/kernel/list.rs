//! Long lists of the kernel's.
//!
//! rtnetlink reads ahead as fast as the kernel tells, and what it has read
//! waits parsed: ten kilobytes and more for each link. Here a message is gone
//! when it has been looked at.

use std::io;

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkBuffer, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// The kernel puts no more into one datagram of a list (`netlink_dump`).
const LARGEST: usize = 32 << 10;

/// Asks for a list, in the network namespace of the calling thread, and gives
/// what `read` makes of it. The kernel answers at once.
///
/// # Errors
/// When there is no socket to be had, or the kernel refuses.
pub(super) fn list<T>(
    request: RouteNetlinkMessage,
    read: impl Fn(&RouteNetlinkMessage) -> Option<T>,
) -> io::Result<Vec<T>> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut request = NetlinkMessage::from(request);
    request.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.finalize();
    let mut buffer = vec![0; request.buffer_len()];
    request.serialize(&mut buffer);
    socket.send(&buffer, 0)?;
    let mut all = Vec::new();
    let mut buffer = Vec::with_capacity(LARGEST);
    loop {
        buffer.clear();
        socket.recv(&mut buffer, 0)?;
        for message in messages(&buffer) {
            match message {
                NetlinkPayload::InnerMessage(one) => all.extend(read(&one)),
                NetlinkPayload::Done(_) => return Ok(all),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                _ => {}
            }
        }
    }
}

/// The messages of a datagram. One that the library can't read is left out.
pub(super) fn messages(
    datagram: &[u8],
) -> impl Iterator<Item = NetlinkPayload<RouteNetlinkMessage>> {
    let mut rest = datagram;
    let one = move || {
        let length = NetlinkBuffer::new_checked(rest).ok()?.length();
        let message = NetlinkMessage::deserialize(rest);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let next = length.checked_next_multiple_of(4);
        rest = next.and_then(|next| rest.get(next..)).unwrap_or_default();
        Some(message.ok())
    };
    let all = std::iter::from_fn(one).flatten();
    all.map(|message: NetlinkMessage<_>| message.payload)
}
