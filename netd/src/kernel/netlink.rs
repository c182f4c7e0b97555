//! The rtnetlink socket, and the errors that come out of it.

use std::io;

use fabric::LinkName;
use futures::{StreamExt, TryStreamExt};
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::link::{LinkAttribute, LinkExtentMask, LinkMessage};
use netlink_packet_route::neighbour::NeighbourMessage;
use netlink_packet_route::tc::TcMessage;
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::list::list;

/// A request that the kernel refused.
#[derive(Debug, thiserror::Error)]
#[error("the kernel refused to {what}")]
pub struct NetlinkError {
    /// The request in words, its subject included.
    pub what: String,
    /// The kernel's reason.
    #[source]
    pub source: io::Error,
}

impl NetlinkError {
    /// The kernel's reason as a number, where it gave one.
    #[must_use]
    pub fn errno(&self) -> Option<nix::errno::Errno> {
        self.source.raw_os_error().map(nix::errno::Errno::from_raw)
    }
}

/// A connection to the kernel's routing netlink, in the network namespace of
/// the thread that made it.
#[derive(Clone, Debug)]
pub(super) struct Netlink {
    handle: rtnetlink::Handle,
}

impl Netlink {
    /// Connects; the socket is served by a task of the running runtime.
    pub(super) fn connect() -> io::Result<Self> {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        tokio::spawn(connection);
        Ok(Self { handle })
    }

    /// Sends one request and waits for the acknowledgement.
    pub(super) async fn send(
        &self,
        message: RouteNetlinkMessage,
        flags: u16,
        what: impl FnOnce() -> String,
    ) -> Result<(), NetlinkError> {
        self.ask(message, flags, what).await.map(|_| ())
    }

    /// Sends one request, waits for the acknowledgement, and gives what was
    /// answered before it.
    pub(super) async fn ask(
        &self,
        message: RouteNetlinkMessage,
        flags: u16,
        what: impl FnOnce() -> String,
    ) -> Result<Vec<RouteNetlinkMessage>, NetlinkError> {
        let mut request = NetlinkMessage::from(message);
        request.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        let sent = self.handle.clone().request(request);
        let mut answers = match sent {
            Ok(answers) => answers,
            Err(error) => return Err(refused(what(), &error)),
        };
        let mut told = Vec::new();
        while let Some(answer) = answers.next().await {
            match answer.payload {
                NetlinkPayload::Error(error) if error.code.is_some() => {
                    return Err(NetlinkError {
                        what: what(),
                        source: error.to_io(),
                    });
                }
                NetlinkPayload::InnerMessage(message) => told.push(message),
                _ => {}
            }
        }
        Ok(told)
    }

    /// What `read` makes of all links of the namespace, told without their
    /// statistics.
    pub(super) fn links<T>(
        read: impl Fn(&LinkMessage) -> Option<T>,
    ) -> Result<Vec<T>, NetlinkError> {
        Self::links_but(vec![LinkExtentMask::SkipStats], read)
    }

    /// What `read` makes of all links of the namespace.
    pub(super) fn links_with_stats<T>(
        read: impl Fn(&LinkMessage) -> Option<T>,
    ) -> Result<Vec<T>, NetlinkError> {
        Self::links_but(Vec::new(), read)
    }

    fn links_but<T>(
        mask: Vec<LinkExtentMask>,
        read: impl Fn(&LinkMessage) -> Option<T>,
    ) -> Result<Vec<T>, NetlinkError> {
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::ExtMask(mask));
        let request = RouteNetlinkMessage::GetLink(message);
        let read = |message: &RouteNetlinkMessage| match message {
            RouteNetlinkMessage::NewLink(link) => read(link),
            _ => None,
        };
        list(request, read).map_err(|source| {
            let what = "list the links".to_owned();
            NetlinkError { what, source }
        })
    }

    /// One link by its name.
    pub(super) async fn link(
        &self,
        name: &LinkName,
    ) -> Result<LinkMessage, NetlinkError> {
        let what = || format!("look up link {name}");
        let mut found =
            self.handle.link().get().match_name(name.to_string()).execute();
        match found.try_next().await {
            Ok(Some(link)) => Ok(link),
            Ok(None) => Err(NetlinkError {
                what: what(),
                source: nix::errno::Errno::ENODEV.into(),
            }),
            Err(error) => Err(refused(what(), &error)),
        }
    }

    /// One link by its number.
    pub(super) async fn link_at(
        &self,
        index: u32,
    ) -> Result<LinkMessage, NetlinkError> {
        let what = || format!("look up link number {index}");
        let mut found = self.handle.link().get().match_index(index).execute();
        match found.try_next().await {
            Ok(Some(link)) => Ok(link),
            Ok(None) => Err(NetlinkError {
                what: what(),
                source: nix::errno::Errno::ENODEV.into(),
            }),
            Err(error) => Err(refused(what(), &error)),
        }
    }

    /// What `read` makes of the queues of every link, but for those that nobody
    /// chose. The kernel can't be asked for one link's.
    pub(super) fn qdiscs<T>(
        read: impl Fn(&TcMessage) -> Option<T>,
    ) -> Result<Vec<T>, NetlinkError> {
        let message = TcMessage::default();
        let request = RouteNetlinkMessage::GetQueueDiscipline(message);
        let read = |message: &RouteNetlinkMessage| match message {
            RouteNetlinkMessage::NewQueueDiscipline(queue) => read(queue),
            _ => None,
        };
        list(request, read).map_err(|source| {
            let what = "list the queues".to_owned();
            NetlinkError { what, source }
        })
    }

    /// What `read` makes of the classes of one link.
    pub(super) fn classes<T>(
        index: u32,
        read: impl Fn(&TcMessage) -> Option<T>,
    ) -> Result<Vec<T>, NetlinkError> {
        let message = TcMessage::with_index(index.cast_signed());
        let request = RouteNetlinkMessage::GetTrafficClass(message);
        let read = |message: &RouteNetlinkMessage| match message {
            RouteNetlinkMessage::NewTrafficClass(class) => read(class),
            _ => None,
        };
        list(request, read).map_err(|source| {
            let what = format!("list the classes of link number {index}");
            NetlinkError { what, source }
        })
    }

    /// What `read` makes of the entries of every link's own address filter.
    pub(super) fn filters<T>(
        read: impl Fn(&NeighbourMessage) -> Option<T>,
    ) -> Result<Vec<T>, NetlinkError> {
        let mut message = NeighbourMessage::default();
        message.header.family = AddressFamily::Bridge;
        let request = RouteNetlinkMessage::GetNeighbour(message);
        let read = |message: &RouteNetlinkMessage| match message {
            RouteNetlinkMessage::NewNeighbour(entry) => read(entry),
            _ => None,
        };
        list(request, read).map_err(|source| {
            let what = "list the unicast filters".to_owned();
            NetlinkError { what, source }
        })
    }
}

/// Keeps the kernel's reason of an rtnetlink error where it has one.
fn refused(what: String, error: &rtnetlink::Error) -> NetlinkError {
    let source = match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io(),
        other => io::Error::other(other.to_string()),
    };
    NetlinkError { what, source }
}

/// The first attribute that `pick` accepts.
pub(super) fn attribute<'a, T>(
    link: &'a LinkMessage,
    pick: impl Fn(&'a LinkAttribute) -> Option<T>,
) -> Option<T> {
    link.attributes.iter().find_map(pick)
}
