//! Whether a link's clsact qdisc still holds anything.
//!
//! libbpf can ask for one filter that it knows, not for those of others. This
//! asks the kernel for all of them and looks no further than whether there is
//! one.

use std::io;
use std::mem::size_of;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType,
    recv, sendto, socket,
};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

// From the kernel's linux/rtnetlink.h, linux/netlink.h and linux/pkt_sched.h.
const RTM_NEWTFILTER: u16 = 44;
const RTM_GETTFILTER: u16 = 46;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_DUMP: u16 = 0x300;
const INGRESS: u32 = 0xffff_fff2;
const EGRESS: u32 = 0xffff_fff3;

/// `struct nlmsghdr`
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    len: u32,
    kind: u16,
    flags: u16,
    seq: u32,
    pid: u32,
}

/// A request for the filters at one parent: `struct nlmsghdr`, `struct tcmsg`.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Request {
    header: Header,
    family: u8,
    pad: [u8; 3],
    ifindex: i32,
    handle: u32,
    parent: u32,
    info: u32,
}

impl Request {
    const LEN: u32 = 36;
}

const _: () = assert!(size_of::<Request>() == 36);

/// Whether neither direction of the link's clsact has a filter. True as well
/// when the link has no clsact.
pub(super) fn is_empty(ifindex: i32) -> io::Result<bool> {
    Ok(!has_filter(ifindex, INGRESS)? && !has_filter(ifindex, EGRESS)?)
}

fn has_filter(ifindex: i32, parent: u32) -> io::Result<bool> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    let request = Request {
        header: Header {
            len: Request::LEN,
            kind: RTM_GETTFILTER,
            flags: NLM_F_REQUEST | NLM_F_DUMP,
            seq: 1,
            pid: 0,
        },
        family: 0,
        pad: [0; 3],
        ifindex,
        handle: 0,
        parent,
        info: 0,
    };
    let kernel = NetlinkAddr::new(0, 0);
    let none = MsgFlags::empty();
    sendto(socket.as_raw_fd(), request.as_bytes(), &kernel, none)?;
    // The kernel makes dumps of up to 32 KiB at a time.
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let length = recv(socket.as_raw_fd(), &mut buffer, none)?;
        // One filter is answer enough; closing the socket ends the dump.
        if let Some(found) = answer(&buffer[..length])? {
            return Ok(found);
        }
    }
}

/// What a datagram says; none when the dump goes on.
fn answer(mut datagram: &[u8]) -> io::Result<Option<bool>> {
    while let Ok((header, rest)) = Header::read_from_prefix(datagram) {
        match header.kind {
            RTM_NEWTFILTER => return Ok(Some(true)),
            NLMSG_DONE => return Ok(Some(false)),
            NLMSG_ERROR => {
                let code = i32::read_from_prefix(rest).map_or(0, |(n, _)| n);
                return Err(Errno::from_raw(code.saturating_neg()).into());
            }
            _ => {}
        }
        let length = (header.len as usize).next_multiple_of(4);
        if length < size_of::<Header>() {
            break;
        }
        datagram = datagram.get(length..).unwrap_or_default();
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, payload: &[u8]) -> Vec<u8> {
        let len = u32::try_from(size_of::<Header>() + payload.len()).unwrap();
        let header = Header { len, kind, flags: 2, seq: 1, pid: 0 };
        let mut bytes = [header.as_bytes(), payload].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn answers() {
        const OTHER: u16 = 16;
        let other = message(OTHER, &[0; 5]);
        let found = message(RTM_NEWTFILTER, &[0; 20]);
        let done = message(NLMSG_DONE, &[0; 4]);
        for (title, datagram, want) in [
            ("nothing", vec![], None),
            ("half a header", done[..9].to_vec(), None),
            ("something else", other.clone(), None),
            ("a filter", found.clone(), Some(true)),
            ("a filter behind something", [other, found].concat(), Some(true)),
            ("the end", done, Some(false)),
        ] {
            assert_eq!(answer(&datagram).unwrap(), want, "{title}");
        }
        let refused = message(NLMSG_ERROR, (-19_i32).as_bytes());
        let error = answer(&refused).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(19), "{error}");
    }
}
