//! What holds for every plan, whatever it leads from and to.

mod common;
mod given;
mod meddle;
mod undo;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fabric::datapath::{
    AllowedKey, DatapathTables, FdbKey, FloodKey, FloodList, LinkRef, Row,
    Segment, Treatment, VnicRow,
};
use fabric::shaping::{Class, ClassId, Shaper};
use fabric::{
    AllowedIp, FabricSpec, IpFamily, LinkId, LinkName, Mode, Observed,
    ObservedLink, ObservedProgram, Plan, Program, Step, Vnic,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use common::{Wanted, states};
use given::{IDS, any_spec, built, host, spec, tags};
use undo::check_undo;

/// A link, and an address that somebody else has it accept.
const OTHERS: &str = "bge1 6:0:0:0:0:1";

/// Two specs that share many VNICs: what a person's changes look like.
fn any_change() -> impl Strategy<Value = (FabricSpec, FabricSpec)> {
    (any_spec(), any_spec(), subsequence(IDS.collect::<Vec<_>>(), 0..=7))
        .prop_map(|(before, mut after, kept)| {
            for id in kept {
                match before.vnics.get(&LinkId(id)) {
                    Some(vnic) => after.vnics.insert(vnic.id, vnic.clone()),
                    None => after.vnics.remove(&LinkId(id)),
                };
            }
            (before, after)
        })
}

/// The VNICs that a broadcast meets, by list. Panics where a list leads to a
/// row that is not there, or in a circle.
fn walk(
    tables: &DatapathTables,
) -> BTreeMap<(Segment, u16, FloodList), Vec<LinkId>> {
    let heads = tables.flood.keys().filter(|key| key.id == LinkId(0));
    heads
        .map(|head| {
            let list = (head.segment.clone(), head.vid, head.list);
            (list, walk_list(tables, head))
        })
        .collect()
}

fn walk_list(tables: &DatapathTables, head: &FloodKey) -> Vec<LinkId> {
    let mut met = Vec::new();
    let mut key = head.clone();
    loop {
        let Some(row) = tables.flood.get(&key) else {
            panic!("no row {key:?} in {tables:#?}");
        };
        // What always ascends can't go in a circle.
        let ends = row.next == LinkId(0);
        assert!(ends || row.next > key.id, "{key:?} leads back: {tables:#?}");
        if key.id != LinkId(0) {
            met.push(key.id);
        }
        if ends {
            return met;
        }
        key.id = row.next;
    }
}

/// The addresses that the data plane lets a VNIC speak as.
fn speaks_as(
    tables: &DatapathTables,
    id: LinkId,
    family: IpFamily,
) -> BTreeSet<AllowedIp> {
    let mut rows = tables.vnics.values();
    let Some(row) = rows.find(|row| row.id == id) else {
        return BTreeSet::new();
    };
    let listed = tables.allowed.get(&AllowedKey { id, family });
    let listed = listed.filter(|_| row.listed.contains(&family));
    let listed = listed.into_iter().flat_map(|row| &row.networks);
    row.first.get(&family).into_iter().chain(listed).copied().collect()
}

/// Checks the state between two steps as the data plane would find it.
/// `stays` holds the rows of VNICs that no step concerns.
fn check_between(
    state: &Observed,
    stays: &BTreeMap<LinkRef, VnicRow>,
    plan: &Plan,
) {
    let tables = &state.tables;
    let lists = walk(tables);
    for (host_end, row) in stays {
        let list = lists.get(&(row.segment.clone(), row.vid, FloodList::All));
        let met = list.is_some_and(|list| list.contains(&row.id));
        assert!(met, "no broadcast meets {host_end} in:\n{plan}");
        let known = tables.fdb.iter().any(|(key, fdb)| {
            let here = (&key.segment, key.vid, key.mac);
            here == (&row.segment, row.vid, row.mac) && fdb.id == row.id
        });
        assert!(known, "no unicast meets {host_end} in:\n{plan}");
        assert_eq!(tables.vnics.get(host_end), Some(row), "{plan}");
        assert!(tables.segments.contains_key(&row.segment), "{plan}");
        if let Segment::Link(LinkRef::Name(link)) = &row.segment {
            let open = state.links[link].promiscuous;
            let open = open || state.unicast.contains(&(link.clone(), row.mac));
            assert!(open, "{link} is deaf for {host_end} in:\n{plan}");
        }
    }
    for (key, row) in &tables.fdb {
        let there = tables.vnics.contains_key(&row.host_end);
        assert!(there, "{key:?} leads nowhere in:\n{plan}");
    }
    check_queues(state, plan);
    // A guest is heard only by a program that knows it.
    for (name, _) in state.host_ends.iter().filter(|(_, end)| end.up) {
        let hook = (name.clone(), Program::FromVnic);
        assert!(state.programs.contains_key(&hook), "{name} in:\n{plan}");
        let known = tables.vnics.contains_key(&LinkRef::from(name));
        assert!(known, "{name} is up too early in:\n{plan}");
    }
}

/// Checks that every row leads into a queue that somebody takes frames from.
fn check_queues(state: &Observed, plan: &Plan) {
    let leaf = |link: &LinkName, class| {
        let class = state.queues.get(link)?.classes.get(&class)?;
        let leaf = class.leaf.as_ref()?;
        leaf.queue.kind().map(|_| class.clone())
    };
    for (host_end, row) in &state.tables.vnics {
        let Some(shaped) = &row.shaped else { continue };
        let LinkRef::Name(near) = &shaped.shaper else { continue };
        let there = leaf(near, shaped.class);
        assert!(there.is_some(), "{host_end} waits for nobody in:\n{plan}");
        let far = Shaper::of_near_end(near).unwrap().far_end();
        for end in [near, &far] {
            assert_eq!(state.shaper_ends.get(end), Some(&true), "{plan}");
        }
        let hook = (far, Program::FromShaper);
        assert!(state.programs.contains_key(&hook), "{plan}");
        let others = state.tables.vnics.values().filter(|o| o.id != row.id);
        let mut others = others.filter_map(|other| other.shaped.as_ref());
        let alone = others
            .all(|o| (&o.shaper, o.class) != (&shaped.shaper, shaped.class));
        assert!(alone, "{host_end} shares its class in:\n{plan}");
    }
    for (key, row) in &state.tables.flows.flows {
        let host_end = LinkRef::Name(Vnic::host_end(key.vnic));
        let Some(vnic) = state.tables.vnics.get(&host_end) else { continue };
        // While a VNIC moves to another link, its flows' classes are of one of
        // the two shapers.
        if moves(plan, vnic) {
            continue;
        }
        let Treatment { from_vnic, to_vnic, .. } = row.treatment;
        let near = vnic.shaped.as_ref().map(|shaped| &shaped.shaper);
        for (link, class) in [(near, from_vnic), (Some(&host_end), to_vnic)] {
            let (Some(LinkRef::Name(link)), 1..) = (link, class) else {
                continue;
            };
            let there = leaf(link, ClassId(class));
            assert!(there.is_some(), "{key} waits for nobody in:\n{plan}");
        }
    }
    for (key, row) in &state.tables.fdb {
        let (Some(class), LinkRef::Name(link)) = (row.class, &row.host_end)
        else {
            continue;
        };
        let there = leaf(link, class);
        assert!(there.is_some(), "{key:?} waits for nobody in:\n{plan}");
    }
}

/// Checks a state on the way from another version's programs, which read the
/// tables `old`, to ours, which are to read `new`. `start` is where it began.
fn check_taking_over(
    state: &Observed,
    start: &Observed,
    (old, new): (&DatapathTables, &DatapathTables),
    plan: &Plan,
) {
    let stays = |host_end: &LinkRef| new.vnics.contains_key(host_end);
    let mut seen = Observed { tables: old.clone(), ..state.clone() };
    seen.tables.vnics.retain(|host_end, _| stays(host_end));
    seen.tables.fdb.retain(|_, row| stays(&row.host_end));
    let mut theirs = false;
    let mut ours = false;
    for hook @ (link, program) in start.programs.keys() {
        let kept = match program {
            Program::FromVnic => stays(&LinkRef::from(link)),
            Program::FromLink | Program::ToLink => {
                let segment = Segment::Link(LinkRef::from(link));
                new.segments.contains_key(&segment)
            }
            // Who waited there goes on to the new one.
            Program::FromShaper => continue,
        };
        let there = state.programs.get(hook);
        assert!(there.is_some() || !kept, "{program} of {link} in:\n{plan}");
        ours |= there == Some(&ObservedProgram::Current);
        theirs |= kept && there == Some(&ObservedProgram::Outdated);
    }
    if theirs {
        check_queues(&seen, plan);
    }
    if ours {
        assert_eq!(&state.tables, new, "{plan}");
        check_queues(state, plan);
    }
    for (host_end, row) in &seen.tables.vnics {
        if new.vnics[host_end].segment != row.segment {
            continue;
        }
        if let Segment::Link(LinkRef::Name(link)) = &row.segment
            && new.vnics[host_end].mac == row.mac
        {
            let open = state.links[link].promiscuous;
            let open = open || state.unicast.contains(&(link.clone(), row.mac));
            assert!(open, "{link} is deaf for {host_end} in:\n{plan}");
        }
    }
}

/// Whether a plan sends what a VNIC sends into another shaper.
fn moves(plan: &Plan, vnic: &VnicRow) -> bool {
    let shaper = |row: &VnicRow| row.shaped.as_ref().map(|s| s.shaper.clone());
    plan.steps.iter().any(|step| match step {
        Step::PutRow {
            row: Row::Vnic(_, new),
            was: Some(Row::Vnic(_, old)),
        } => new.id == vnic.id && shaper(new) != shaper(old),
        _ => false,
    })
}

/// Checks that no link promises more than it has, when a plan is through. On the
/// way a guarantee that goes and one that comes may stand side by side.
fn check_guarantees(state: &Observed, plan: &Plan) {
    for (link, tree) in &state.queues {
        for (id, class) in &tree.classes {
            let below = tree.classes.values();
            let below = below.filter(|below| below.parent == Some(*id));
            let sum: u64 = below.clone().map(|below| below.rate).sum();
            // Each has at least 1: HTB knows no 0.
            let most = class.rate + below.count() as u64;
            let leaf = class.leaf.is_some();
            assert!(leaf || sum <= most, "{link} in:\n{plan}");
        }
    }
}

/// What holds a VNIC back, wherever it is written: the classes from the leaf up,
/// without their numbers, for what it sends and for what it gets.
type Limits = BTreeMap<LinkRef, [Vec<Class>; 2]>;

fn limits(state: &Observed) -> Limits {
    let path = |link: &LinkRef, class| -> Vec<Class> {
        let LinkRef::Name(link) = link else { return Vec::new() };
        let Some(tree) = state.queues.get(link) else { return Vec::new() };
        let leaf = tree.classes.get(&class);
        let above = |class: &&Class| tree.classes.get(&class.parent?);
        let path = std::iter::successors(leaf, above).cloned();
        path.map(|class| Class { parent: None, ..class }).collect()
    };
    let vnics = state.tables.vnics.iter();
    let limits = vnics.map(|(host_end, row)| {
        let shaped = row.shaped.as_ref().filter(|shaped| shaped.waits);
        let sends = shaped.map(|by| path(&by.shaper, by.class));
        let mut fdb = state.tables.fdb.values();
        let class = fdb.find(|fdb| fdb.id == row.id).and_then(|row| row.class);
        let gets = class.map(|class| path(host_end, class));
        let both = [sends, gets].map(Option::unwrap_or_default);
        (host_end.clone(), both)
    });
    limits.collect()
}

/// Forgets what depends on who has waited before: numbers of shapers and of
/// classes, queues that nobody waits in any more.
fn forget_numbers(state: &mut Observed) {
    state.queues.clear();
    state.shaper_ends.clear();
    let shaper = |program| program == Program::FromShaper;
    state.programs.retain(|(_, program), _| !shaper(*program));
    state.tables.vnics.values_mut().for_each(|row| row.shaped = None);
    for row in state.tables.flows.flows.values_mut() {
        let blocked = row.treatment.blocked;
        row.treatment = Treatment { blocked, ..Treatment::default() };
    }
}

/// The host ends of VNICs that have to wait. Panics where one is not closed:
/// on, or with a row.
fn parked(plan: &Plan, state: &Observed) -> BTreeSet<LinkName> {
    let waiting = plan.blocked.iter().map(|vnic| Vnic::host_end(vnic.id));
    let parked: BTreeSet<LinkName> = waiting
        .filter(|host_end| state.host_ends.contains_key(host_end))
        .collect();
    for host_end in &parked {
        assert!(!state.host_ends[host_end].up, "{host_end} is on:\n{plan}");
        let known = state.tables.vnics.contains_key(&LinkRef::from(host_end));
        assert!(!known, "{host_end} is known:\n{plan}");
    }
    parked
}

/// The VNICs that are the same before and after.
fn staying(start: &Observed, wanted: &Wanted) -> BTreeMap<LinkRef, VnicRow> {
    let mut stays = start.tables.vnics.clone();
    stays
        .retain(|host_end, row| wanted.tables.vnics.get(host_end) == Some(row));
    stays
}

/// A link whose filter takes so many addresses and no more.
type Driver = (LinkName, usize);

/// What the daemon does with such a driver: where a step is refused, all is
/// taken back, the refusal is kept in mind, and it plans again.
fn settle(start: &Observed, spec: &FabricSpec, driver: &Driver) -> Observed {
    let mut observed = start.clone();
    let wanted = Wanted::new(spec, &tags(), start);
    let stays = staying(start, &wanted);
    'plans: loop {
        let plan = wanted.plan(&observed);
        for (at, step) in plan.steps.iter().enumerate() {
            if let Step::AcceptUnicast { link, .. } = step
                && *link == driver.0
                && filter(&observed, link) == driver.1
            {
                for undo in Step::undo_all(&plan.steps[..at]) {
                    observed.apply(&undo).unwrap();
                    check_between(&observed, &stays, &plan);
                }
                let news = observed.refusing.insert(link.clone());
                assert!(news, "{link} was asked twice:\n{plan}");
                continue 'plans;
            }
            observed.apply(step).unwrap();
            check_between(&observed, &stays, &plan);
        }
        assert!(wanted.plan(&observed).is_empty(), "{plan}");
        return observed;
    }
}

/// How many addresses a link's filter has.
fn filter(observed: &Observed, link: &LinkName) -> usize {
    let entries = observed.unicast.iter();
    entries.filter(|(on, _)| on == link).count()
}

/// Checks that every station can be reached from the wire, and that a link is
/// promiscuous where it has to be and nowhere else.
fn check_reach(state: &Observed) {
    for (name, link) in &state.links {
        let segment = Segment::Link(LinkRef::from(name));
        let keys = state.tables.fdb.keys();
        let mut keys = keys.filter(|key| key.segment == segment);
        let short =
            |key: &FdbKey| !state.unicast.contains(&(name.clone(), key.mac));
        let row = state.tables.segments.get(&segment);
        let asked = row.is_some_and(|row| row.promiscuous);
        let wanted = keys.any(short) || asked;
        assert_eq!(link.promiscuous, wanted, "{name} of {state:#?}");
    }
}

/// Checks that promiscuity is there for who needs it, and otherwise as it was
/// where nothing of ours accounts for it.
fn check_promiscuity(start: &Observed, end: &Observed, plan: &Plan) {
    for (name, link) in &end.links {
        let segment = Segment::Link(LinkRef::from(name));
        let asked = |state: &Observed| {
            let row = state.tables.segments.get(&segment);
            row.is_some_and(|row| row.promiscuous)
        };
        let deaf = |state: &Observed| {
            let mut keys = state.tables.fdb.keys();
            keys.any(|key| {
                let entry = (name.clone(), key.mac);
                key.segment == segment && !state.unicast.contains(&entry)
            })
        };
        let needed = asked(end) || deaf(end);
        let theirs =
            start.links[name].promiscuous && !asked(start) && !deaf(start);
        let wanted = needed || theirs;
        assert_eq!(link.promiscuous, wanted, "{name} in:\n{plan}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_plan_leads_where_it_says((before, after) in any_change()) {
        let start = built(&before);
        let wanted = Wanted::new(&after, &tags(), &start);
        let plan = wanted.plan(&start);
        let end = states(&start, &plan).pop().unwrap();
        prop_assert!(wanted.plan(&end).is_empty(), "{}", plan);
        check_guarantees(&end, &plan);
        // A VNIC that was there before needs its zone no longer.
        let running = |vnic: &Arc<Vnic>| {
            let zone = vnic.zone.as_ref();
            vnic.props.mode == Mode::Tap
                || zone.is_none_or(|zone| start.zones.contains(zone))
        };
        if !after.vnics.values().all(running) {
            return Ok(());
        }
        // However one got there, it is the same place. A VNIC that has to wait
        // is parked if it was there before, and absent if not.
        let mut unparked = end.clone();
        for host_end in parked(&plan, &end) {
            unparked.host_ends.remove(&host_end);
            unparked.rings.remove(&host_end);
            unparked.programs.retain(|(link, _), _| *link != host_end);
        }
        let mut straight = built(&after);
        // What once was switched off stays off.
        let off = |link: &mut ObservedLink| link.lro = false;
        unparked.links.values_mut().for_each(off);
        straight.links.values_mut().for_each(off);
        // How many rings a TAP has is up to who has it open.
        for vnic in after.vnics.values().filter(|v| v.props.mode == Mode::Tap) {
            let host_end = Vnic::host_end(vnic.id);
            unparked.rings.remove(&host_end);
            straight.rings.remove(&host_end);
        }
        prop_assert_eq!(limits(&unparked), limits(&straight), "{}", plan);
        forget_numbers(&mut unparked);
        forget_numbers(&mut straight);
        prop_assert_eq!(unparked, straight, "{}", plan);
    }

    #[test]
    fn each_state_on_the_way_is_sound((before, after) in any_change()) {
        let start = built(&before);
        let wanted = Wanted::new(&after, &tags(), &start);
        let plan = wanted.plan(&start);
        let stays = staying(&start, &wanted);
        for state in states(&start, &plan) {
            check_between(&state, &stays, &plan);
        }
    }

    #[test]
    fn a_vnic_that_keeps_its_place_is_met_by_every_broadcast(
        (before, after) in any_change(),
    ) {
        let start = built(&before);
        let wanted = Wanted::new(&after, &tags(), &start);
        let plan = wanted.plan(&start);
        let place = |tables: &DatapathTables| -> BTreeSet<FloodKey> {
            let members = tables.flood.keys().filter(|key| key.id.0 != 0);
            members.cloned().collect()
        };
        let keep = &place(&start.tables) & &place(&wanted.tables);
        for state in states(&start, &plan) {
            let lists = walk(&state.tables);
            for key in &keep {
                let list = (key.segment.clone(), key.vid, key.list);
                let list = lists.get(&list);
                let met = list.is_some_and(|list| list.contains(&key.id));
                prop_assert!(met, "{:?} of\n{}", key, plan);
            }
        }
    }

    #[test]
    fn what_a_guest_may_say_is_at_each_moment_the_old_or_the_new(
        (before, after) in any_change(),
    ) {
        let start = built(&before);
        let wanted = Wanted::new(&after, &tags(), &start);
        let plan = wanted.plan(&start);
        for state in states(&start, &plan) {
            for row in state.tables.vnics.values() {
                for family in [IpFamily::V4, IpFamily::V6] {
                    let old = speaks_as(&start.tables, row.id, family);
                    let new = speaks_as(&wanted.tables, row.id, family);
                    let now = speaks_as(&state.tables, row.id, family);
                    let both: BTreeSet<_> = &old & &new;
                    prop_assert!(both.is_subset(&now), "{:?}\n{}", row, plan);
                    let either: BTreeSet<_> = &old | &new;
                    prop_assert!(now.is_subset(&either), "{:?}\n{}", row, plan);
                    // What its row leads to is there before it.
                    let fresh = !start.tables.vnics.values().any(|r| r == row);
                    if fresh && !new.is_empty() {
                        prop_assert_eq!(&now, &new, "{:?}\n{}", row, plan);
                    }
                }
            }
        }
    }

    #[test]
    fn each_program_finds_its_tables_whole_while_a_version_takes_over(
        (before, after) in any_change(),
    ) {
        let mut start = built(&before);
        // New tables are empty, and every program reads old ones.
        let old = std::mem::take(&mut start.tables);
        let programs = start.programs.values_mut();
        programs.for_each(|state| *state = ObservedProgram::Outdated);
        let wanted = Wanted::new(&after, &tags(), &start);
        let plan = wanted.plan(&start);
        let states = states(&start, &plan);
        check_undo(&states, &plan);
        for state in &states {
            check_taking_over(state, &start, (&old, &wanted.tables), &plan);
        }
        let end = &states[states.len() - 1];
        prop_assert!(wanted.plan(end).is_empty(), "{}", plan);
        prop_assert_eq!(&end.tables, &wanted.tables, "{}", plan);
        let parked = parked(&plan, end);
        for ((link, program), state) in &end.programs {
            let current = *state == ObservedProgram::Current;
            prop_assert!(
                current || parked.contains(link),
                "{} of {} in:\n{}", program, link, plan
            );
        }
    }

    #[test]
    fn a_driver_that_refuses_is_asked_once_and_every_station_is_reached(
        (before, after) in any_change(),
        link in select(vec!["bge0", "bge1"]),
        room in 0..3_usize,
        restarted in any::<bool>(),
    ) {
        let driver = (link.parse().unwrap(), room);
        let mut start = settle(&host(), &before, &driver);
        check_reach(&start);
        if restarted {
            start.refusing.clear();
            let again = settle(&start, &before, &driver);
            prop_assert_eq!(&again.links, &start.links);
            prop_assert_eq!(&again.unicast, &start.unicast);
        }
        let end = settle(&start, &after, &driver);
        check_reach(&end);
        let nothing = settle(&end, &spec([]), &driver);
        let on = |link: &ObservedLink| link.promiscuous;
        prop_assert!(!nothing.links.values().any(on), "{:#?}", nothing);
        prop_assert!(nothing.unicast.is_empty(), "{:#?}", nothing);
    }

    #[test]
    fn every_step_can_be_taken_back((before, after) in any_change()) {
        let start = built(&before);
        let plan = Wanted::new(&after, &tags(), &start).plan(&start);
        let states = states(&start, &plan);
        for (step, pair) in plan.steps.iter().zip(states.windows(2)) {
            let undo = step.undo();
            let mut state = pair[1].clone();
            undo.iter().for_each(|undo| state.apply(undo).unwrap());
            if !undo.is_empty() {
                prop_assert_eq!(&state, &pair[0], "{}, then {:?}", step, undo);
            }
        }
        check_undo(&states, &plan);
    }

    #[test]
    fn whatever_was_meddled_with_is_put_right(
        (before, after) in any_change(),
        meddling in prop::collection::vec(any_meddling(), 0..5),
    ) {
        let mut start = built(&before);
        for line in &meddling {
            // A line about something that isn't there has no effect.
            let _ = meddle::meddle(&mut start, line);
        }
        let wanted = Wanted::new(&after, &tags(), &start);
        let plan = wanted.plan(&start);
        let states = states(&start, &plan);
        check_undo(&states, &plan);
        let end = &states[states.len() - 1];
        prop_assert!(wanted.plan(end).is_empty(), "{}", plan);
        prop_assert_eq!(&end.tables, &wanted.tables, "{}", plan);
        let parked = parked(&plan, end);
        let host_ends = end.host_ends.keys();
        let host_ends = host_ends.filter(|name| !parked.contains(*name));
        prop_assert!(
            host_ends
                .map(LinkRef::from)
                .eq(wanted.tables.vnics.keys().cloned()),
            "{}",
            plan
        );
        check_promiscuity(&start, end, &plan);
        // Somebody else's address, as no VNIC has it.
        let (link, mac) = OTHERS.split_once(' ').unwrap();
        let others = (link.parse().unwrap(), mac.parse().unwrap());
        let was = start.unicast.contains(&others);
        prop_assert_eq!(end.unicast.contains(&others), was, "{}", plan);
    }
}

/// A line of the language of `meddle`, about something that may be there.
fn any_meddling() -> impl Strategy<Value = String> {
    let own = [
        "delete",
        "orphan",
        "down",
        "mtu 1400",
        "rings 2 1 0",
        "rings 1 1 2-3",
        "detach",
        "outdated",
    ];
    let on_own = (select(own.to_vec()), IDS).prop_map(|(change, id)| {
        match change.split_once(' ') {
            Some((change, rest)) => format!("{change} vnic-{id} {rest}"),
            None if matches!(change, "detach" | "outdated") => {
                format!("{change} from_vnic vnic-{id}")
            }
            None => format!("{change} vnic-{id}"),
        }
    });
    let row = (
        select(vec![
            "segment",
            "vnic",
            "allowed",
            "client-id",
            "fdb",
            "flood",
            "flow",
            "flow-masks",
        ]),
        select(vec!["", " bge0", " bge1", " stub-100", " vnic-2"]),
    );
    let others = [
        "unplug bge0",
        "new-mac bge0 2:8:20:0:0:3",
        "mtu bge1 1450",
        "rename bge1 eth1",
        "detach to_link bge0",
        "outdated from_link bge0",
        "forget 2:8:20:0:0:3 bge0",
        "accept 6:0:0:0:0:1 bge1",
        "cpus 0-1",
        "cpus 3",
        "stop web",
        "start nowhere",
        "promiscuous bge0 on",
        "promiscuous bge0 off",
        "lro bge0",
        "refuse bge1",
        "restart",
        "delete shape-1",
        "down shape-1",
        "down shaped-2",
        "detach from_shaper shaped-1",
        "outdated from_shaper shaped-2",
        "unqueue shape-1",
        "recap shape-1",
        "stray shape-2",
        "unqueue vnic-3",
        "recap vnic-3",
        "stray vnic-4",
    ];
    prop_oneof![
        on_own,
        row.prop_map(|(table, key)| format!("remove {table}{key}")),
        select(others.to_vec()).prop_map(str::to_owned),
    ]
}
