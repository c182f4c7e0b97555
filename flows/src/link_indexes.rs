//! Names of links and the kernel's numbers for them.

use std::collections::BTreeMap;

use fabric::LinkName;
use fabric::datapath::LinkRef;

/// The links of one network namespace at one moment, both ways round.
///
/// Rows name links, the kernel's tables number them. Whoever reads or writes
/// rows brings this along, fresh from the kernel: a number is another link's
/// after the namespace is left, and a name after a rename.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkIndexes {
    links: BTreeMap<u32, Entry>,
    by_name: BTreeMap<LinkName, u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    name: LinkName,
    crosses: bool,
}

impl LinkIndexes {
    /// Adds a link.
    pub fn insert(&mut self, name: LinkName, ifindex: u32) {
        self.add(name, ifindex, false);
    }

    /// Adds a veth whose other end is in another network namespace: the kernel
    /// gives it an `IFLA_LINK_NETNSID`.
    ///
    /// A frame for such a host end is handed straight to the guest end, which
    /// saves a queue. The kernel drops what is handed so to a guest end in the
    /// same namespace, and a TAP has no such end at all, so links are added
    /// with [`LinkIndexes::insert`] unless this is known of them.
    pub fn insert_crossing(&mut self, name: LinkName, ifindex: u32) {
        self.add(name, ifindex, true);
    }

    fn add(&mut self, name: LinkName, ifindex: u32, crosses: bool) {
        if let Some(old) = self.by_name.insert(name.clone(), ifindex) {
            self.links.remove(&old);
        }
        let entry = Entry { name, crosses };
        if let Some(old) = self.links.insert(ifindex, entry) {
            self.by_name.remove(&old.name);
        }
    }

    /// Takes a number out, and the name that it had.
    pub fn remove(&mut self, ifindex: u32) -> Option<LinkName> {
        let entry = self.links.remove(&ifindex)?;
        self.by_name.remove(&entry.name);
        Some(entry.name)
    }

    /// The number of a link.
    #[must_use]
    pub fn index_of(&self, name: &LinkName) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// The link of a number.
    #[must_use]
    pub fn name_of(&self, ifindex: u32) -> Option<&LinkName> {
        self.links.get(&ifindex).map(|entry| &entry.name)
    }

    /// The link of a number, as a row names it.
    #[must_use]
    pub fn link_of(&self, ifindex: u32) -> LinkRef {
        self.name_of(ifindex).map_or(LinkRef::Gone(ifindex), LinkRef::from)
    }

    /// Whether a link was added as a crossing one.
    #[must_use]
    pub fn crosses(&self, ifindex: u32) -> bool {
        self.links.get(&ifindex).is_some_and(|entry| entry.crosses)
    }
}

impl FromIterator<(LinkName, u32)> for LinkIndexes {
    fn from_iter<T: IntoIterator<Item = (LinkName, u32)>>(links: T) -> Self {
        let mut indexes = Self::default();
        for (name, ifindex) in links {
            indexes.insert(name, ifindex);
        }
        indexes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> LinkName {
        text.parse().unwrap()
    }

    #[test]
    fn both_ways_round() {
        let links: LinkIndexes =
            [(name("bge0"), 2), (name("vnic-7"), 9)].into_iter().collect();
        assert_eq!(links.index_of(&name("bge0")), Some(2));
        assert_eq!(links.name_of(9), Some(&name("vnic-7")));
        assert_eq!(links.link_of(9), LinkRef::Name(name("vnic-7")));
        assert_eq!(links.link_of(3), LinkRef::Gone(3));
        assert_eq!(links.index_of(&name("bge1")), None);
    }

    #[test]
    fn the_last_word_on_a_name_or_a_number_holds() {
        let mut links = LinkIndexes::default();
        links.insert_crossing(name("a"), 1);
        links.insert(name("b"), 1);
        assert_eq!(links.index_of(&name("a")), None, "{links:?}");
        assert!(!links.crosses(1), "{links:?}");
        links.insert(name("b"), 2);
        assert_eq!(links.name_of(1), None, "{links:?}");
        links.insert_crossing(name("b"), 2);
        assert_eq!(links.index_of(&name("b")), Some(2), "{links:?}");
        assert!(links.crosses(2), "{links:?}");
        assert_eq!(links.remove(2), Some(name("b")));
        assert_eq!(links, LinkIndexes::default());
        assert_eq!(links.remove(2), None);
    }
}
