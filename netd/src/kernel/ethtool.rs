//! The socket of ethtool netlink, and what it says of links: speed and duplex.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use ::ethtool::{
    EthtoolAttr, EthtoolHandle, EthtoolHeader, EthtoolLinkModeAttr,
    EthtoolLinkModeDuplex,
};
use fabric::{Duplex, LinkName};
use futures::TryStreamExt;
use tokio::task::JoinHandle;

/// A socket for a question or two, of the namespace that its maker was in. Few
/// are asked in a link's life.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) handle: EthtoolHandle,
    task: JoinHandle<()>,
}

impl Connection {
    pub(super) fn open() -> io::Result<Self> {
        let (connection, handle, _) = ::ethtool::new_connection()?;
        Ok(Self { handle, task: tokio::spawn(connection) })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a driver says of its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mode {
    /// Mb/s.
    pub(super) speed: Option<u32>,
    pub(super) duplex: Duplex,
}

/// The modes of all links whose drivers tell, by name.
///
/// Speed is for people to read, so a kernel without ethtool netlink (before
/// 5.6) is no failure: nothing is known then.
pub(super) async fn modes() -> BTreeMap<String, Mode> {
    let Ok((connection, mut handle, _)) = ::ethtool::new_connection() else {
        return BTreeMap::new();
    };
    let task = tokio::spawn(connection);
    let answers = handle.link_mode().get(None).execute().await;
    let messages: Vec<_> = match answers {
        Ok(stream) => stream.try_collect().await.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    task.abort();
    messages.iter().filter_map(|message| read(&message.payload.nlas)).collect()
}

/// The speeds in Mb/s of those of `links` whose drivers tell, by name. To ask
/// for a few links doesn't cost more with every VNIC, as asking for all does.
pub(super) async fn speeds(
    links: &BTreeSet<LinkName>,
) -> BTreeMap<LinkName, u32> {
    let mut speeds = BTreeMap::new();
    if links.is_empty() {
        return speeds;
    }
    let Ok((connection, mut handle, _)) = ::ethtool::new_connection() else {
        return speeds;
    };
    let task = tokio::spawn(connection);
    for link in links {
        let asked = handle.link_mode().get(Some(link.as_str()));
        let messages: Vec<_> = match asked.execute().await {
            Ok(stream) => stream.try_collect().await.unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        let mut modes =
            messages.iter().filter_map(|message| read(&message.payload.nlas));
        let speed = modes.find_map(|(_, mode)| mode.speed);
        speeds.extend(speed.map(|speed| (link.clone(), speed)));
    }
    task.abort();
    speeds
}

fn read(attributes: &[EthtoolAttr]) -> Option<(String, Mode)> {
    let mut name = None;
    let mut mode = Mode { speed: None, duplex: Duplex::Unknown };
    for attribute in attributes {
        let EthtoolAttr::LinkMode(attribute) = attribute else { continue };
        match attribute {
            EthtoolLinkModeAttr::Header(headers) => {
                name = headers.iter().find_map(|header| match header {
                    EthtoolHeader::DevName(name) => Some(name.clone()),
                    _ => None,
                });
            }
            // SPEED_UNKNOWN of linux/ethtool.h.
            EthtoolLinkModeAttr::Speed(u32::MAX) => {}
            EthtoolLinkModeAttr::Speed(speed) => mode.speed = Some(*speed),
            EthtoolLinkModeAttr::Duplex(duplex) => {
                mode.duplex = match duplex {
                    EthtoolLinkModeDuplex::Full => Duplex::Full,
                    EthtoolLinkModeDuplex::Half => Duplex::Half,
                    _ => Duplex::Unknown,
                };
            }
            _ => {}
        }
    }
    Some((name?, mode))
}
