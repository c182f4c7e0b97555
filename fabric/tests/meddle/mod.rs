//! What somebody else may do to the kernel's state, a line each:
//!
//! ```text
//! delete LINK               a host end, or a shaper, is gone
//! unplug LINK               a physical link is gone
//! orphan LINK               a host end that nobody wants is there
//! unfinish LINK             netd has died while it made a link of ours
//! tear mtu|segs LINK        netd has died while it changed a host end
//! down LINK                 a host end, or a shaper's end, is switched off
//! unqueue LINK              a link has no queues any more
//! reroot LINK               a link has an HTB that netd would not make
//! recap LINK                every class of a link may send 1,000 bytes a second
//! stray LINK                a link has a class more, with a queue of the kernel's
//! mtu LINK BYTES            any link has another MTU
//! rings LINK RX TX CPUS     a host end has so many queues, and their CPUs
//! cpus LIST                 only these CPUs run
//! new-mac LINK MAC          a physical link has another address
//! rename LINK NAME          a physical link has another name
//! detach PROGRAM LINK       a hook is empty
//! outdated PROGRAM LINK     another version's program is on a hook
//! accept MAC LINK           a unicast filter has an address of somebody's
//! forget MAC LINK           a unicast filter has lost an address
//! promiscuous LINK on|off   a physical link's promiscuous mode is switched
//! lro LINK                  a physical link merges what it receives
//! refuse LINK               a unicast filter has no room left, as is known
//! restart                   what drivers have refused is forgotten
//! remove ROW                the rows whose text begins so are gone
//! start ZONE, stop ZONE     a zone is running, or no longer
//! # words                   a comment
//! ```

use fabric::datapath::{DatapathTables, LinkRef, Row, Segment};
use fabric::shaping::{ClassId, Queue, QueueTree, Shaper};
use fabric::{
    EndRings, HostEnd, LinkName, Mtu, Observed, ObservedProgram, Program, Torn,
};

/// Does what a line says, or says why it has no effect: such a line would test
/// nothing.
pub(crate) fn meddle(
    observed: &mut Observed,
    line: &str,
) -> Result<(), String> {
    let missing = || "nothing there by that name".to_owned();
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        [] | ["#", ..] => {}
        ["delete", link] => {
            let link = name(link);
            if let Some(shaper) = Shaper::of_near_end(&link) {
                for end in [shaper.near_end(), shaper.far_end()] {
                    observed.shaper_ends.remove(&end).ok_or_else(missing)?;
                    vanish(observed, &end);
                }
                return Ok(());
            }
            observed.host_ends.remove(&link).ok_or_else(missing)?;
            vanish(observed, &link);
        }
        ["unfinish", link] => {
            let link = name(link);
            if let Some(shaper) = Shaper::of_near_end(&link) {
                for end in [shaper.near_end(), shaper.far_end()] {
                    observed.shaper_ends.remove(&end).ok_or_else(missing)?;
                    vanish(observed, &end);
                }
            } else {
                observed.host_ends.remove(&link).ok_or_else(missing)?;
                vanish(observed, &link);
            }
            observed.unfinished.insert(link);
        }
        ["tear", what, link] => {
            let link = name(link);
            let torn = match what {
                "mtu" => Torn::Mtu,
                "segs" => Torn::Segs,
                _ => return Err("no such setting".to_owned()),
            };
            if !observed.host_ends.contains_key(&link) {
                return Err(missing());
            }
            observed.torn.insert(link, torn);
        }
        ["unqueue", link] => {
            observed.queues.remove(&name(link)).ok_or_else(missing)?;
        }
        ["reroot", link] => {
            let default = Some(ClassId(0x55));
            let tree = QueueTree { default, ..QueueTree::default() };
            observed.queues.insert(name(link), tree);
        }
        ["recap", link] => {
            let tree = observed.queues.get_mut(&name(link));
            let classes = &mut tree.ok_or_else(missing)?.classes;
            classes.values_mut().for_each(|class| class.ceil = 1000);
        }
        ["stray", link] => {
            let tree = observed.queues.get_mut(&name(link));
            let classes = &mut tree.ok_or_else(missing)?.classes;
            let like = classes.values().find(|class| class.leaf.is_some());
            let mut class = like.ok_or_else(missing)?.clone();
            if let Some(leaf) = &mut class.leaf {
                leaf.queue = Queue::Unknown;
            }
            classes.insert(ClassId(0x77), class);
        }
        ["unplug", link] => {
            let link = name(link);
            observed.links.remove(&link).ok_or_else(missing)?;
            vanish(observed, &link);
        }
        ["orphan", link] => {
            let (mtu, segs) = (Mtu::ETHERNET, HostEnd::MOST_SEGS);
            let end = HostEnd { mtu, segs, up: true, carrier: true };
            observed.host_ends.insert(name(link), end);
            observed.rings.insert(name(link), EndRings::default());
            let hook = (name(link), Program::FromVnic);
            observed.programs.insert(hook, ObservedProgram::Current);
        }
        ["down", link] => {
            if let Some(up) = observed.shaper_ends.get_mut(&name(link)) {
                *up = false;
                return Ok(());
            }
            let end = observed.host_ends.get_mut(&name(link));
            end.ok_or_else(missing)?.up = false;
        }
        ["mtu", link, bytes] => {
            let (link, mtu) = (name(link), bytes.parse().unwrap());
            let end = observed.host_ends.get_mut(&link);
            let end = end.map(|end| &mut end.mtu);
            let phys = observed.links.get_mut(&link);
            let phys = phys.map(|link| &mut link.mtu);
            *end.or(phys).ok_or_else(missing)? = mtu;
        }
        ["rings", link, rx, tx, cpus] => {
            let end = observed.rings.get_mut(&name(link));
            let (rx, tx) = (rx.parse().unwrap(), tx.parse().unwrap());
            let rings = EndRings::new(rx, tx, &cpus.parse().unwrap());
            *end.ok_or_else(missing)? = rings;
        }
        ["cpus", list] => observed.cpus.online = list.parse().unwrap(),
        ["new-mac", link, mac] => {
            let link = observed.links.get_mut(&name(link));
            link.ok_or_else(missing)?.mac = mac.parse().unwrap();
        }
        ["rename", old, new] => {
            let (old, new) = (name(old), name(new));
            let link = observed.links.remove(&old).ok_or_else(missing)?;
            observed.links.insert(new.clone(), link);
            let hooks = std::mem::take(&mut observed.programs);
            let now = |link| if link == old { new.clone() } else { link };
            observed.programs = hooks
                .into_iter()
                .map(|((link, program), state)| ((now(link), program), state))
                .collect();
            let unicast = std::mem::take(&mut observed.unicast);
            observed.unicast = unicast
                .into_iter()
                .map(|(link, mac)| (now(link), mac))
                .collect();
            observed.refusing.remove(&old);
            let (old, new) = (LinkRef::from(&old), LinkRef::from(&new));
            rename(&mut observed.tables, &old, &new);
        }
        ["detach", program, link] => {
            let hook = (name(link), by_name(program));
            observed.programs.remove(&hook).ok_or_else(missing)?;
        }
        ["outdated", program, link] => {
            let hook = (name(link), by_name(program));
            let state = observed.programs.get_mut(&hook);
            *state.ok_or_else(missing)? = ObservedProgram::Outdated;
        }
        ["accept", mac, link] => {
            observed.unicast.insert((name(link), mac.parse().unwrap()));
        }
        ["forget", mac, link] => {
            let entry = (name(link), mac.parse().unwrap());
            if !observed.unicast.remove(&entry) {
                return Err(missing());
            }
        }
        ["promiscuous", link, on] => {
            let link = observed.links.get_mut(&name(link));
            link.ok_or_else(missing)?.promiscuous = on == "on";
        }
        ["lro", link] => {
            let link = observed.links.get_mut(&name(link));
            link.ok_or_else(missing)?.lro = true;
        }
        ["refuse", link] => {
            observed.refusing.insert(name(link));
        }
        ["restart"] => observed.refusing.clear(),
        ["remove", ..] => {
            let text = line.trim().trim_start_matches("remove ");
            let rows: Vec<Row> = observed
                .tables
                .rows()
                .filter(|row| row.to_string().starts_with(text))
                .collect();
            if rows.is_empty() {
                return Err(missing());
            }
            for row in rows {
                observed.tables.delete(&row);
            }
        }
        ["start", zone] => {
            observed.zones.insert(zone.parse().unwrap());
        }
        ["stop", zone] => {
            if !observed.zones.remove(&zone.parse().unwrap()) {
                return Err(missing());
            }
        }
        _ => return Err("no such change".to_owned()),
    }
    Ok(())
}

/// What goes with a link: its programs, its filter, and what was known of that.
/// Rows stay, but name nothing
/// any more.
fn vanish(observed: &mut Observed, link: &LinkName) {
    observed.programs.retain(|(on, _), _| on != link);
    observed.unicast.retain(|(on, _)| on != link);
    observed.refusing.remove(link);
    observed.queues.remove(link);
    observed.rings.remove(link);
    // Any ifindex will do; links of one case need different ones.
    let index = observed.links.len() + observed.host_ends.len() + 100;
    let gone = LinkRef::Gone(index.try_into().unwrap());
    rename(&mut observed.tables, &LinkRef::from(link), &gone);
}

fn name(text: &str) -> LinkName {
    text.parse().unwrap()
}

fn by_name(text: &str) -> Program {
    let mut all = Program::ALL.into_iter();
    all.find(|program| program.to_string() == text)
        .unwrap_or_else(|| panic!("no program {text}"))
}

/// Gives every row that names `old` the link `new` to name.
fn rename(tables: &mut DatapathTables, old: &LinkRef, new: &LinkRef) {
    let link = |link: LinkRef| if link == *old { new.clone() } else { link };
    let segment = |segment: Segment| match segment {
        Segment::Link(below) => Segment::Link(link(below)),
        stub @ Segment::Etherstub(_) => stub,
    };
    let mut renamed = DatapathTables::default();
    for row in tables.rows() {
        renamed.put(match row {
            Row::Segment(key, row) => Row::Segment(segment(key), row),
            // Numbers of VNICs, which no link's name is in.
            Row::Allowed(..)
            | Row::ClientId(_)
            | Row::Learned(_)
            | Row::FlowMasks(..)
            | Row::Flow(..) => row,
            Row::Vnic(key, mut row) => {
                row.segment = segment(row.segment);
                if let Some(shaped) = &mut row.shaped {
                    shaped.shaper = link(shaped.shaper.clone());
                }
                Row::Vnic(link(key), row)
            }
            Row::Fdb(mut key, mut row) => {
                key.segment = segment(key.segment);
                row.host_end = link(row.host_end);
                Row::Fdb(key, row)
            }
            Row::Flood(mut key, mut row) => {
                key.segment = segment(key.segment);
                row.host_end = row.host_end.map(link);
                Row::Flood(key, row)
            }
        });
    }
    *tables = renamed;
}
