//! From a resolved spec to queues, and to the rows that lead into them.

use std::collections::{BTreeMap, BTreeSet};

use fabric::datapath::{
    DatapathTables, FlowKey, LinkRef, Segment, Shaped, Treatment,
};
use fabric::shaping::{Class, ClassId, QueueTree, Shaper, Shaping};
use fabric::{
    Bandwidth, Ends, FlowId, LinkId, LinkName, Observed, Priority,
    ResolvedFlow, ResolvedSegment, ResolvedSpec, ResolvedVnic, Vnic,
};

use super::numbers::{GSO_MAX_SEGS, LEAST, UNLIMITED, gso_segs, prio};
use super::owners::{Flows, Owner, flow_owners, flows_of, own_the_rest};
use super::{
    ClassesFull, FIRST_CLASS, FlowShare, HOST_END_LEAF, Level, TOP, VnicShare,
    allocate, host_end_tree, shaper_tree,
};

/// Works out the queues for the VNICs of `resolved`, whose rows `tables` holds,
/// and has the rows lead into them. Places that VNICs have in `observed` they
/// keep.
///
/// Who has no limit, and whose link has none, pays for nothing: what it sends
/// waits nowhere. But a guarantee or a priority is worth nothing unless
/// everybody on the link waits for their turn.
///
/// # Errors
/// [`ClassesFull`] when a link has more VNICs than HTB has classes.
pub fn shape(
    resolved: &ResolvedSpec,
    observed: &Observed,
    tables: &mut DatapathTables,
) -> Result<Shaping, ClassesFull> {
    let mut shaping = Shaping::default();
    let flows = flows_of(observed);
    for vnic in resolved.vnics.values() {
        at_host_end(vnic, observed, &flows, tables, &mut shaping)?;
    }
    let mut taken = BTreeSet::new();
    for (segment, vnics) in waiting(resolved, observed) {
        let place = Place::of(&segment, &vnics, observed, &mut taken);
        let limits = resolved.segments.get(&segment);
        let tree = place.tree(limits, &vnics, (observed, &flows), tables)?;
        shaping.queues.insert(place.shaper.near_end(), tree);
        let mut vnics = vnics.values();
        let over = vnics.next().map(|(vnic, _)| vnic.over.clone());
        shaping.shapers.extend(over.map(|over| (place.shaper, over)));
    }
    Ok(shaping)
}

/// A cap in bit/s. What is blocked has none: nothing of it gets so far.
fn cap(maxbw: Option<Bandwidth>) -> Option<u64> {
    let maxbw = maxbw.filter(|maxbw| *maxbw != Bandwidth::ZERO);
    maxbw.map(Bandwidth::bps)
}

/// The flows of a VNIC that have queues of their own. Others wait with the rest
/// of what their VNIC sends and gets.
fn queued(vnic: &ResolvedVnic) -> impl Iterator<Item = &ResolvedFlow> {
    vnic.flows.iter().filter(|flow| {
        let blocked = flow.maxbw == Some(Bandwidth::ZERO);
        let special = flow.priority != Priority::OF_FLOWS;
        !blocked && (flow.maxbw.is_some() || special)
    })
}

/// Whether what a VNIC sends and gets has to wait, whatever others do.
fn is_limited(vnic: &ResolvedVnic) -> bool {
    cap(vnic.maxbw).is_some() || queued(vnic).next().is_some()
}

fn level(priority: Priority) -> Level {
    match priority {
        Priority::Low => Level::Low,
        Priority::Medium => Level::Medium,
        Priority::High => Level::High,
    }
}

/// What the flows of a VNIC have of it, given the class of each.
fn flow_shares(
    vnic: &ResolvedVnic,
    class: impl Fn(FlowId) -> ClassId,
) -> Vec<FlowShare> {
    let share = |flow: &ResolvedFlow| FlowShare {
        leaf: class(flow.id),
        maxbw: cap(flow.maxbw),
        priority: level(flow.priority),
    };
    queued(vnic).map(share).collect()
}

/// Has the rows of a VNIC's flows lead into the classes of their own.
fn lead(
    vnic: &ResolvedVnic,
    tables: &mut DatapathTables,
    into: impl Fn(&mut Treatment, FlowId),
) {
    for flow in queued(vnic) {
        let key = FlowKey::of(vnic.id, &flow.attrs);
        if let Some(row) = tables.flows.flows.get_mut(&key) {
            into(&mut row.treatment, flow.id);
        }
    }
}

fn share<'a>(
    vnic: &ResolvedVnic,
    [class, leaf]: [ClassId; 2],
    flows: &'a [FlowShare],
) -> VnicShare<'a> {
    VnicShare {
        class,
        leaf,
        maxbw: cap(vnic.maxbw),
        minbw: vnic.minbw.map(Bandwidth::bps),
        priority: level(vnic.priority),
        mtu: vnic.mtu,
        held: matches!(vnic.ends, Ends::Pair),
        flows,
    }
}

/// What a VNIC gets waits at its host end. HTB stays there when the limits go,
/// and lets everything pass.
fn at_host_end(
    vnic: &ResolvedVnic,
    observed: &Observed,
    flows: &Flows,
    tables: &mut DatapathTables,
    shaping: &mut Shaping,
) -> Result<(), ClassesFull> {
    let host_end = Vnic::host_end(vnic.id);
    let segs = match vnic.ends {
        Ends::Pair => gso_segs(cap(vnic.maxbw), vnic.mtu),
        // Nobody can tell a virtual machine.
        Ends::Tap { .. } => GSO_MAX_SEGS,
    };
    shaping.segs.insert(host_end.clone(), segs);
    let waits = is_limited(vnic);
    if waits {
        for station in vnic.stations() {
            if let Some(row) = tables.fdb.get_mut(&station) {
                row.class = Some(HOST_END_LEAF);
            }
        }
    }
    let there = observed.queues.get(&host_end);
    // An HTB that classes otherwise is somebody else's, and in nobody's way as
    // long as nothing has to wait.
    let ours = there.is_some_and(|tree| tree.default == Some(HOST_END_LEAF));
    if !waits && !ours {
        return Ok(());
    }
    let mut owners = flow_owners(flows, vnic.id, |to| to.to_vnic);
    keep_turns(&mut owners, there, vnic);
    own_the_rest(&mut owners, there, [TOP, HOST_END_LEAF].into());
    let wanted = queued(vnic).map(|flow| Owner::Flow(flow.id)).collect();
    let given = allocate(
        &owners,
        &wanted,
        ClassId(HOST_END_LEAF.0 + 1),
        &BTreeSet::new(),
    )?;
    let class = |flow| given[&Owner::Flow(flow)];
    let shares = flow_shares(vnic, class);
    lead(vnic, tables, |to, flow| to.to_vnic = class(flow).0);
    let share = share(vnic, [TOP, HOST_END_LEAF], &shares);
    let tree = host_end_tree(observed.queue_kind, &share);
    shaping.queues.insert(host_end, tree);
    Ok(())
}

/// The VNICs of each segment that has a shaper, and whether what each sends
/// waits there.
fn waiting<'a>(
    resolved: &'a ResolvedSpec,
    observed: &Observed,
) -> BTreeMap<Segment, BTreeMap<LinkId, (&'a ResolvedVnic, bool)>> {
    let mut contended = BTreeSet::new();
    for vnic in resolved.vnics.values() {
        let limits = resolved.segments.get(&vnic.segment);
        let capped = limits.is_some_and(|limits| limits.maxbw.is_some());
        if capped || vnic.contends() {
            contended.insert(&vnic.segment);
        }
    }
    let mut segments: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for vnic in resolved.vnics.values() {
        let waits = is_limited(vnic) || contended.contains(&vnic.segment);
        if waits || place_of(vnic.id, observed).is_some() {
            let vnics = segments.entry(vnic.segment.clone()).or_default();
            vnics.insert(vnic.id, (vnic, waits));
        }
    }
    segments
}

/// The place that a VNIC has.
fn place_of(id: LinkId, observed: &Observed) -> Option<&Shaped> {
    let host_end = LinkRef::Name(Vnic::host_end(id));
    observed.tables.vnics.get(&host_end)?.shaped.as_ref()
}

/// Where the VNICs of a segment wait.
struct Place<'a> {
    shaper: Shaper,
    near_end: LinkName,
    /// What the shaper has now.
    there: Option<&'a QueueTree>,
}

impl<'a> Place<'a> {
    /// A segment keeps its shaper. A new one gets the lowest number that no
    /// shaper has.
    fn of(
        segment: &Segment,
        vnics: &BTreeMap<LinkId, (&ResolvedVnic, bool)>,
        observed: &'a Observed,
        taken: &mut BTreeSet<Shaper>,
    ) -> Self {
        let rows = observed.tables.vnics.values();
        let rows = rows.filter(|row| {
            row.segment == *segment && vnics.contains_key(&row.id)
        });
        let mut shapers =
            rows.filter_map(|row| match &row.shaped.as_ref()?.shaper {
                LinkRef::Name(name) => Shaper::of_near_end(name),
                LinkRef::Gone(_) => None,
            });
        let own = shapers.find(|shaper| !taken.contains(shaper));
        let others = || {
            let ends = observed.shaper_ends.keys();
            let there = ends.filter_map(Shaper::of_near_end);
            let elsewhere = observed.elsewhere.shapers.iter().chain(&*taken);
            there.chain(elsewhere.copied())
        };
        let shaper = own.unwrap_or_else(|| {
            let others: BTreeSet<Shaper> = others().collect();
            let mut free = (1..).map(Shaper);
            free.find(|one| !others.contains(one)).expect("few are taken")
        });
        taken.insert(shaper);
        let near_end = shaper.near_end();
        let there = observed.queues.get(&near_end);
        Self { shaper, near_end, there }
    }

    /// The queues of the segment's shaper; the VNICs' rows lead into them.
    fn tree(
        &self,
        limits: Option<&ResolvedSegment>,
        vnics: &BTreeMap<LinkId, (&ResolvedVnic, bool)>,
        (observed, there): (&Observed, &Flows),
        tables: &mut DatapathTables,
    ) -> Result<QueueTree, ClassesFull> {
        let wanted = vnics.iter().flat_map(|(id, (vnic, _))| {
            let flows = queued(vnic).map(|flow| Owner::Flow(flow.id));
            [Owner::Vnic(*id), Owner::Leaf(*id)].into_iter().chain(flows)
        });
        let others = observed.elsewhere.classes.get(&self.near_end);
        let none = BTreeSet::new();
        let given = allocate(
            &self.owners(vnics, observed, there),
            &wanted.collect(),
            FIRST_CLASS,
            others.unwrap_or(&none),
        )?;
        let class = |flow| given[&Owner::Flow(flow)];
        let flows: Vec<Vec<FlowShare>> =
            vnics.values().map(|(vnic, _)| flow_shares(vnic, class)).collect();
        let mut shares = Vec::new();
        for ((id, (vnic, waits)), flows) in vnics.iter().zip(&flows) {
            let classes = [Owner::Vnic(*id), Owner::Leaf(*id)];
            let classes = classes.map(|owner| given[&owner]);
            shares.push(share(vnic, classes, flows));
            lead(vnic, tables, |to, flow| to.from_vnic = class(flow).0);
            let [_, leaf] = classes;
            let host_end = LinkRef::Name(Vnic::host_end(*id));
            if let Some(row) = tables.vnics.get_mut(&host_end) {
                let shaper = LinkRef::Name(self.near_end.clone());
                let waits = *waits;
                row.shaped = Some(Shaped { shaper, class: leaf, waits });
            }
        }
        let capacity = limits.and_then(ResolvedSegment::capacity);
        let capacity =
            capacity.filter(|bandwidth| *bandwidth != Bandwidth::ZERO);
        let capacity = capacity.map_or(UNLIMITED, Bandwidth::bps);
        Ok(shaper_tree(capacity, observed.queue_kind, &shares))
    }

    /// Whose the classes are that are there.
    ///
    /// A class that can't be changed to what it has to be is nobody's: frames go
    /// into a new one from some moment on, and the old one goes when nothing
    /// waits in it any more.
    fn owners(
        &self,
        vnics: &BTreeMap<LinkId, (&ResolvedVnic, bool)>,
        observed: &Observed,
        there: &Flows,
    ) -> BTreeMap<Owner, ClassId> {
        let mut owners = BTreeMap::new();
        let near_end = LinkRef::Name(self.near_end.clone());
        for row in observed.tables.vnics.values() {
            let Some(shaped) = &row.shaped else { continue };
            let vnic = vnics.get(&row.id).map(|(vnic, _)| *vnic);
            let Some(vnic) = vnic.filter(|_| shaped.shaper == near_end) else {
                continue;
            };
            let class = |id: &ClassId| self.there?.classes.get(id);
            let leaf = class(&shaped.class);
            if let Some(above) = leaf.and_then(|leaf| leaf.parent) {
                if class(&above).is_some_and(|c| gets_a_guarantee(c, vnic)) {
                    continue;
                }
                owners.insert(Owner::Vnic(row.id), above);
            }
            if keeps_its_turn(leaf, vnic, Level::Medium) {
                owners.insert(Owner::Leaf(row.id), shaped.class);
            }
            let mut flows = flow_owners(there, row.id, |to| to.from_vnic);
            keep_turns(&mut flows, self.there, vnic);
            owners.extend(flows);
        }
        own_the_rest(&mut owners, self.there, BTreeSet::from([TOP]));
        owners
    }
}

/// Whether the class of a VNIC had no guarantee and is to have one. HTB
/// remembers for a minute that a class sent more than its rate, and a single
/// frame is more than that of one without a guarantee.
fn gets_a_guarantee(class: &Class, vnic: &ResolvedVnic) -> bool {
    class.rate <= LEAST && vnic.minbw.is_some()
}

/// Whether a leaf is served when it has to be. HTB changes that of a leaf only
/// when nothing waits in it.
fn keeps_its_turn(
    leaf: Option<&Class>,
    vnic: &ResolvedVnic,
    flow: Level,
) -> bool {
    let leaf = leaf.and_then(|class| class.leaf.as_ref());
    leaf.is_none_or(|leaf| leaf.prio == prio(level(vnic.priority), flow))
}

/// Leaves out the flows whose leaves can't stay.
fn keep_turns(
    owners: &mut BTreeMap<Owner, ClassId>,
    there: Option<&QueueTree>,
    vnic: &ResolvedVnic,
) {
    let levels: BTreeMap<Owner, Level> = queued(vnic)
        .map(|flow| (Owner::Flow(flow.id), level(flow.priority)))
        .collect();
    owners.retain(|owner, id| {
        let leaf = there.and_then(|tree| tree.classes.get(id));
        let level = levels.get(owner);
        level.is_some_and(|flow| keeps_its_turn(leaf, vnic, *flow))
    });
}
