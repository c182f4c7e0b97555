//! What the kernel has of a scope.

use std::collections::BTreeSet;

use super::{Elsewhere, Scope};
use crate::datapath::{
    AllowedKey, ClientIdKey, DatapathTables, FloodKey, FloodList, FlowKey,
    LearnedKey, LinkRef, VnicRow,
};
use crate::shaping::{ClassId, QueueTree, Shaper};
use crate::{IpFamily, LinkId, LinkName, Observed, Program, Vnic};

impl Observed {
    /// The part of a state that a plan for a scope has to know: as if there
    /// were no VNICs but those of the scope. The flood lists are closed up.
    #[must_use]
    pub fn within(&self, scope: &Scope) -> Self {
        let mut part = Self {
            cpus: self.cpus.clone(),
            queue_kind: self.queue_kind,
            refusing: self.refusing.clone(),
            ..Self::default()
        };
        let ids: BTreeSet<LinkId> =
            scope.versions().map(|vnic| vnic.id).collect();
        for id in &ids {
            self.copy_host_end(&Vnic::host_end(*id), &mut part);
            copy_own_rows(&self.tables, *id, &mut part.tables);
        }
        self.copy_stations(scope, &mut part);
        self.copy_shapers(&mut part);
        part
    }

    fn copy_host_end(&self, name: &LinkName, part: &mut Self) {
        copy(&self.host_ends, name, &mut part.host_ends);
        copy(&self.rings, name, &mut part.rings);
        copy(&self.torn, name, &mut part.torn);
        copy(&self.queues, name, &mut part.queues);
        let hook = (name.clone(), Program::FromVnic);
        copy(&self.programs, &hook, &mut part.programs);
        let row = LinkRef::Name(name.clone());
        copy(&self.tables.vnics, &row, &mut part.tables.vnics);
    }

    /// Copies what is there for addresses, VLANs and segments.
    fn copy_stations(&self, scope: &Scope, part: &mut Self) {
        let tables = &self.tables;
        for vnic in scope.versions() {
            for list in [FloodList::All, FloodList::Unknown] {
                for id in [vnic.id, LinkId(0)] {
                    let (segment, vid) =
                        (vnic.segment.clone(), vnic.vid_number());
                    let key = FloodKey { segment, vid, list, id };
                    copy(&tables.flood, &key, &mut part.tables.flood);
                }
            }
            for flow in &vnic.flows {
                let key = FlowKey::of(vnic.id, &flow.attrs);
                let flows = &mut part.tables.flows.flows;
                copy(&tables.flows.flows, &key, flows);
            }
        }
        part.tables.relink();
        for station in scope.stations() {
            copy(&tables.fdb, &station, &mut part.tables.fdb);
            if let Some(link) = station.segment.physical() {
                let entry = (link.clone(), station.mac);
                if self.unicast.contains(&entry) {
                    part.unicast.insert(entry);
                }
            }
        }
        for segment in scope.after.segments.keys() {
            copy(&tables.segments, segment, &mut part.tables.segments);
            let Some(link) = segment.physical() else { continue };
            copy(&self.links, link, &mut part.links);
            for program in [Program::FromLink, Program::ToLink] {
                let hook = (link.clone(), program);
                copy(&self.programs, &hook, &mut part.programs);
            }
        }
    }

    /// Copies the shapers that VNICs of the part have places in, with their
    /// classes, and notes down what others have.
    fn copy_shapers(&self, part: &mut Self) {
        let rows = part.tables.vnics.values();
        let own: BTreeSet<Shaper> = rows.filter_map(shaper_of).collect();
        let all = self.shaper_ends.keys().filter_map(Shaper::of_near_end);
        let shapers = all.filter(|shaper| !own.contains(shaper)).collect();
        let mut elsewhere = Elsewhere { shapers, ..Elsewhere::default() };
        for shaper in own {
            let (near, far) = (shaper.near_end(), shaper.far_end());
            for end in [&near, &far] {
                copy(&self.shaper_ends, end, &mut part.shaper_ends);
            }
            let hook = (far, Program::FromShaper);
            copy(&self.programs, &hook, &mut part.programs);
            let Some(tree) = self.queues.get(&near) else { continue };
            let classes = classes_of(shaper, tree, &part.tables);
            let others = tree.classes.keys();
            let others = others.filter(|id| !classes.contains(id)).copied();
            elsewhere.classes.insert(near.clone(), others.collect());
            let own = classes.iter().filter_map(|id| {
                tree.classes.get(id).map(|class| (*id, class.clone()))
            });
            let classes = own.collect();
            part.queues.insert(near, QueueTree { classes, ..*tree });
        }
        part.elsewhere = elsewhere;
    }
}

fn shaper_of(row: &VnicRow) -> Option<Shaper> {
    match &row.shaped.as_ref()?.shaper {
        LinkRef::Name(near_end) => Shaper::of_near_end(near_end),
        LinkRef::Gone(_) => None,
    }
}

/// The classes of a shaper that rows lead to, with those above them.
fn classes_of(
    shaper: Shaper,
    tree: &QueueTree,
    tables: &DatapathTables,
) -> BTreeSet<ClassId> {
    let mut classes = BTreeSet::new();
    for row in tables.vnics.values() {
        if shaper_of(row) != Some(shaper) {
            continue;
        }
        let own = row.shaped.as_ref().map(|shaped| shaped.class);
        let flows = tables.flows.flows.iter();
        let flows = flows.filter(|(key, _)| key.vnic == row.id);
        let flows = flows.map(|(_, row)| ClassId(row.treatment.from_vnic));
        for leaf in own.into_iter().chain(flows) {
            let mut class = Some(leaf);
            while let Some(id) = class {
                let found = tree.classes.get(&id);
                // 0 is no class.
                classes.extend(found.map(|_| id));
                class = found.and_then(|class| class.parent);
            }
        }
    }
    classes
}

/// Copies the rows that are found by a VNIC's number.
fn copy_own_rows(from: &DatapathTables, id: LinkId, to: &mut DatapathTables) {
    for family in [IpFamily::V4, IpFamily::V6] {
        copy(&from.allowed, &AllowedKey { id, family }, &mut to.allowed);
    }
    let first = ClientIdKey { id, bytes: Vec::new() };
    let ids = from.client_ids.range(first..);
    let ids = ids.take_while(|(key, ())| key.id == id);
    to.client_ids.extend(ids.map(|(key, ())| (key.clone(), ())));
    let first =
        LearnedKey { id, address: std::net::Ipv4Addr::UNSPECIFIED.into() };
    let learned = from.learned.range(first..);
    let learned = learned.take_while(|(key, ())| key.id == id);
    to.learned.extend(learned.map(|(key, ())| (*key, ())));
    copy(&from.flows.masks, &id, &mut to.flows.masks);
}

fn copy<K: Ord + Clone, V: Clone>(
    from: &std::collections::BTreeMap<K, V>,
    key: &K,
    to: &mut std::collections::BTreeMap<K, V>,
) {
    if let Some(value) = from.get(key) {
        to.insert(key.clone(), value.clone());
    }
}
