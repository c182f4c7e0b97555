//! What each step does to the kernel's state, without a kernel.
//!
//! The planner's tests run whole plans on it, so that a plan's claim, to lead
//! where it says by states that are all sound, is checked for any pair of
//! states and as any user. netd follows its own changes with it from one look
//! at the kernel to the next. The model is stricter than the kernel: a step that
//! isn't needed, or was made for another state than this one, is an error.

use std::collections::BTreeSet;

use crate::datapath::{LinkRef, Row};
use crate::shaping::{self, QueueError, QueueStep, QueueTree, Shaper};
use crate::{
    EndRings, HostEnd, LinkName, Mac, Mtu, Observed, ObservedLink,
    ObservedProgram, Program, Step, Torn,
};

/// Why a step can't be made in a state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The link that the step works on is not there.
    #[error("link \"{link}\" does not exist")]
    NoSuchLink {
        /// The link.
        link: LinkName,
    },
    /// The link that the step makes is there already.
    #[error("link \"{link}\" exists")]
    LinkExists {
        /// The link.
        link: LinkName,
    },
    /// A row would be left behind that names a link that is gone. The next
    /// link to get its ifindex would inherit the row.
    #[error("link \"{link}\" is named by: {row}")]
    LinkInUse {
        /// The link.
        link: LinkName,
        /// The row.
        row: Box<Row>,
    },
    /// The link is switched the way that the step would switch it.
    #[error("link \"{link}\" is {} already", if *up { "up" } else { "down" })]
    Switched {
        /// The link.
        link: LinkName,
        /// Whether it is up.
        up: bool,
    },
    /// The link's MTU isn't what the step changes.
    #[error("link \"{link}\" has mtu {found}, not {expected}")]
    MtuDiffers {
        /// The link.
        link: LinkName,
        /// The step's idea.
        expected: Mtu,
        /// The link's own.
        found: Mtu,
    },
    /// A program is on the hook that the step would fill.
    #[error("{program} is on \"{link}\" already")]
    Attached {
        /// The link.
        link: LinkName,
        /// The program.
        program: Program,
    },
    /// No program is on the hook that the step would clear or exchange.
    #[error("{program} is not on \"{link}\"")]
    NotAttached {
        /// The link.
        link: LinkName,
        /// The program.
        program: Program,
    },
    /// The row's key doesn't hold what the step changes.
    #[error(
        "expected {}, found {}",
        or_none(expected.as_deref()),
        or_none(found.as_deref())
    )]
    RowDiffers {
        /// The step's idea; none: no row.
        expected: Option<Box<Row>>,
        /// The table's own; none: no row.
        found: Option<Box<Row>>,
    },
    /// The link's filter has the address that the step would add.
    #[error("\"{link}\" accepts {mac} already")]
    Accepted {
        /// The link.
        link: LinkName,
        /// The address.
        mac: Mac,
    },
    /// The link's mode is what the step would make it.
    #[error("{mode} of \"{link}\" is {} already", if *on { "on" } else { "off" })]
    ModeSwitched {
        /// The link.
        link: LinkName,
        /// The mode, in a word or two.
        mode: &'static str,
        /// Whether it is on.
        on: bool,
    },
    /// The link's queues are not what the step changes.
    #[error("cannot change the queues of \"{link}\"")]
    Queues {
        /// The link.
        link: LinkName,
        /// Why.
        #[source]
        source: QueueError,
    },
    /// The link leaves frames to be cut in other parts than what the step
    /// changes.
    #[error("link \"{link}\" has segs {found}, not {expected}")]
    SegsDiffer {
        /// The link.
        link: LinkName,
        /// The step's idea.
        expected: u32,
        /// The link's own.
        found: u32,
    },
    /// The link's queues and their CPUs are not what the step changes.
    #[error("link \"{link}\" has rings {found}, not {expected}")]
    RingsDiffer {
        /// The link.
        link: LinkName,
        /// The step's idea.
        expected: Box<EndRings>,
        /// The link's own.
        found: Box<EndRings>,
    },
    /// The link's filter lacks the address that the step would take out.
    #[error("\"{link}\" does not accept {mac}")]
    NotAccepted {
        /// The link.
        link: LinkName,
        /// The address.
        mac: Mac,
    },
}

fn or_none(row: Option<&Row>) -> String {
    row.map_or("no row".to_owned(), |row| format!("\"{row}\""))
}

impl Observed {
    /// Changes the state as the kernel would.
    ///
    /// # Errors
    /// [`ModelError`] when the step doesn't fit the state, which is then left
    /// as it was.
    pub fn apply(&mut self, step: &Step) -> Result<(), ModelError> {
        match step {
            Step::CreatePair { link, mtu, .. }
            | Step::CreateTap { link, mtu, .. } => self.create(link, *mtu),
            Step::DeletePair { link } => self.delete(&[link].into()),
            Step::LinkUp { link } => self.switch(link, true),
            Step::LinkDown { link } => self.switch(link, false),
            Step::SetMtu { link, from, to, .. } => {
                self.set_mtu(link, *from, *to)
            }
            Step::SetSegs { link, from, to, .. } => {
                self.set_segs(link, *from, *to)
            }
            Step::SetRings { link, from, to, .. } => {
                self.set_rings(link, from, to)
            }
            Step::CreateShaper { shaper, .. } => self.create_shaper(*shaper),
            Step::DeleteShaper { shaper } => self.delete_shaper(*shaper),
            Step::Queue { link, step } => self.queue(link, step),
            Step::Attach { link, program, replace } => {
                self.attach(link, *program, *replace)
            }
            Step::Detach { link, program } => self.detach(link, *program),
            Step::PutRow { row, was } => {
                self.expect_row(row, was.as_ref())?;
                self.expect_links(row)?;
                self.tables.put(row.clone());
                Ok(())
            }
            Step::DeleteRow { row } => {
                self.expect_row(row, Some(row))?;
                self.tables.delete(row);
                Ok(())
            }
            Step::AcceptUnicast { link, mac } => self.accept(link, *mac),
            Step::RejectUnicast { link, mac } => self.reject(link, *mac),
            Step::Promiscuous { link, on } => {
                let mode = "promiscuous mode";
                self.set_mode(link, mode, |link| &mut link.promiscuous, *on)
            }
            Step::Lro { link, on } => {
                self.set_mode(link, "lro", |link| &mut link.lro, *on)
            }
        }
    }

    fn create(&mut self, link: &LinkName, mtu: Mtu) -> Result<(), ModelError> {
        if self.exists(link) {
            return Err(ModelError::LinkExists { link: link.clone() });
        }
        let segs = HostEnd::MOST_SEGS;
        let end = HostEnd { mtu, segs, up: false, carrier: false };
        self.host_ends.insert(link.clone(), end);
        self.rings.insert(link.clone(), EndRings::default());
        Ok(())
    }

    /// Changes the state as the kernel would by [`Step::DeletePair`] of each of
    /// these links, at the price of one look at the tables.
    ///
    /// # Errors
    /// [`ModelError`] when one of them can't go; all stay then.
    pub fn delete(
        &mut self,
        links: &BTreeSet<&LinkName>,
    ) -> Result<(), ModelError> {
        let whole =
            links.iter().filter(|link| !self.unfinished.contains(**link));
        let whole: BTreeSet<LinkName> = whole.copied().cloned().collect();
        for link in &whole {
            self.end(link)?;
        }
        if let Some((link, row)) = self.tables.naming(&whole) {
            let row = Box::new(row);
            return Err(ModelError::LinkInUse { link, row });
        }
        for link in links {
            self.unfinished.remove(*link);
            self.host_ends.remove(*link);
            self.rings.remove(*link);
            self.torn.remove(*link);
            self.queues.remove(*link);
            for program in Program::ALL {
                self.programs.remove(&((*link).clone(), program));
            }
        }
        Ok(())
    }

    /// Carrier is the guest end's to give and take, so it stays.
    fn switch(&mut self, link: &LinkName, up: bool) -> Result<(), ModelError> {
        let now = match self.shaper_ends.get_mut(link) {
            Some(now) => now,
            None => &mut self.end(link)?.up,
        };
        if *now == up {
            return Err(ModelError::Switched { link: link.clone(), up });
        }
        *now = up;
        Ok(())
    }

    fn set_segs(
        &mut self,
        link: &LinkName,
        expected: u32,
        to: u32,
    ) -> Result<(), ModelError> {
        let end = self.end(link)?;
        if end.segs != expected {
            let (link, found) = (link.clone(), end.segs);
            return Err(ModelError::SegsDiffer { link, expected, found });
        }
        end.segs = to;
        self.mended(link, Torn::Segs);
        Ok(())
    }

    fn set_rings(
        &mut self,
        link: &LinkName,
        expected: &EndRings,
        to: &EndRings,
    ) -> Result<(), ModelError> {
        self.end(link)?;
        let found = self.rings.get(link).cloned().unwrap_or_default();
        if found != *expected {
            let (link, found) = (link.clone(), Box::new(found));
            let expected = Box::new(expected.clone());
            return Err(ModelError::RingsDiffer { link, expected, found });
        }
        self.rings.insert(link.clone(), to.clone());
        Ok(())
    }

    fn create_shaper(&mut self, shaper: Shaper) -> Result<(), ModelError> {
        let ends = [shaper.near_end(), shaper.far_end()];
        if let Some(link) = ends.iter().find(|link| self.exists(link)) {
            return Err(ModelError::LinkExists { link: link.clone() });
        }
        self.queues.insert(shaper.near_end(), QueueTree::default());
        self.shaper_ends.extend(ends.map(|link| (link, false)));
        Ok(())
    }

    fn delete_shaper(&mut self, shaper: Shaper) -> Result<(), ModelError> {
        let ends = [shaper.near_end(), shaper.far_end()];
        for link in &ends {
            match self.shaper_ends.get(link) {
                Some(false) => {}
                Some(true) => {
                    let (link, up) = (link.clone(), true);
                    return Err(ModelError::Switched { link, up });
                }
                None => {
                    return Err(ModelError::NoSuchLink { link: link.clone() });
                }
            }
            let classes = self.queues.get(link);
            let mut classes = classes.into_iter().flat_map(|t| &t.classes);
            if let Some((id, _)) = classes.next() {
                let source = QueueError::There(*id);
                return Err(ModelError::Queues { link: link.clone(), source });
            }
            let link = BTreeSet::from([link.clone()]);
            if let Some((link, row)) = self.tables.naming(&link) {
                let row = Box::new(row);
                return Err(ModelError::LinkInUse { link, row });
            }
        }
        for link in &ends {
            self.shaper_ends.remove(link);
            self.queues.remove(link);
        }
        Ok(())
    }

    fn queue(
        &mut self,
        link: &LinkName,
        step: &QueueStep,
    ) -> Result<(), ModelError> {
        if !self.shaper_ends.contains_key(link) {
            self.end(link)?;
        }
        let mut tree = self.queues.remove(link);
        let done = shaping::follow(&mut tree, step);
        self.queues.extend(tree.map(|tree| (link.clone(), tree)));
        done.map_err(|source| ModelError::Queues { link: link.clone(), source })
    }

    fn set_mtu(
        &mut self,
        link: &LinkName,
        expected: Mtu,
        to: Mtu,
    ) -> Result<(), ModelError> {
        let end = self.end(link)?;
        if end.mtu != expected {
            let (link, found) = (link.clone(), end.mtu);
            return Err(ModelError::MtuDiffers { link, expected, found });
        }
        end.mtu = to;
        self.mended(link, Torn::Mtu);
        Ok(())
    }

    /// Both ends have the same value again.
    fn mended(&mut self, link: &LinkName, what: Torn) {
        self.torn.retain(|end, torn| end != link || *torn != what);
    }

    fn attach(
        &mut self,
        link: &LinkName,
        program: Program,
        replace: bool,
    ) -> Result<(), ModelError> {
        let exists = match program {
            Program::FromVnic => self.host_ends.contains_key(link),
            Program::FromShaper => self.shaper_ends.contains_key(link),
            Program::FromLink | Program::ToLink => {
                self.links.contains_key(link)
            }
        };
        if !exists {
            return Err(ModelError::NoSuchLink { link: link.clone() });
        }
        let key = (link.clone(), program);
        let (link, program) = key.clone();
        match (self.programs.contains_key(&key), replace) {
            (true, false) => Err(ModelError::Attached { link, program }),
            (false, true) => Err(ModelError::NotAttached { link, program }),
            _ => {
                self.programs.insert(key, ObservedProgram::Current);
                Ok(())
            }
        }
    }

    fn detach(
        &mut self,
        link: &LinkName,
        program: Program,
    ) -> Result<(), ModelError> {
        let key = (link.clone(), program);
        match self.programs.remove(&key) {
            Some(_) => Ok(()),
            None => {
                Err(ModelError::NotAttached { link: link.clone(), program })
            }
        }
    }

    fn accept(&mut self, link: &LinkName, mac: Mac) -> Result<(), ModelError> {
        let link = link.clone();
        if !self.links.contains_key(&link) {
            return Err(ModelError::NoSuchLink { link });
        }
        if self.unicast.insert((link.clone(), mac)) {
            Ok(())
        } else {
            Err(ModelError::Accepted { link, mac })
        }
    }

    fn reject(&mut self, link: &LinkName, mac: Mac) -> Result<(), ModelError> {
        let link = link.clone();
        if self.unicast.remove(&(link.clone(), mac)) {
            Ok(())
        } else {
            Err(ModelError::NotAccepted { link, mac })
        }
    }

    /// Switches a mode of a physical link.
    fn set_mode(
        &mut self,
        link: &LinkName,
        mode: &'static str,
        of: impl FnOnce(&mut ObservedLink) -> &mut bool,
        on: bool,
    ) -> Result<(), ModelError> {
        let missing = || ModelError::NoSuchLink { link: link.clone() };
        let now = of(self.links.get_mut(link).ok_or_else(missing)?);
        if *now == on {
            let link = link.clone();
            return Err(ModelError::ModeSwitched { link, mode, on });
        }
        *now = on;
        Ok(())
    }

    fn exists(&self, link: &LinkName) -> bool {
        self.host_ends.contains_key(link)
            || self.shaper_ends.contains_key(link)
            || self.unfinished.contains(link)
            || self.links.contains_key(link)
    }

    fn end(&mut self, link: &LinkName) -> Result<&mut HostEnd, ModelError> {
        let missing = || ModelError::NoSuchLink { link: link.clone() };
        self.host_ends.get_mut(link).ok_or_else(missing)
    }

    /// Checks what the key of `row` holds.
    fn expect_row(
        &self,
        row: &Row,
        expected: Option<&Row>,
    ) -> Result<(), ModelError> {
        let found = self.tables.at_key_of(row);
        if found.as_ref() == expected {
            return Ok(());
        }
        let expected = expected.cloned().map(Box::new);
        Err(ModelError::RowDiffers { expected, found: found.map(Box::new) })
    }

    /// Checks that every link that `row` names has an ifindex to be written.
    fn expect_links(&self, row: &Row) -> Result<(), ModelError> {
        let missing = row.links().find_map(|link| match link {
            LinkRef::Name(name) if !self.exists(name) => Some(name),
            _ => None,
        });
        match missing {
            None => Ok(()),
            Some(link) => Err(ModelError::NoSuchLink { link: link.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datapath::{FdbKey, FdbRow, Segment, SegmentRow};
    use crate::{CpuSet, Duplex, LinkClass, LinkId, LinkState, VnicKey};

    fn mac() -> Mac {
        Mac::new([2, 8, 0x20, 0, 0, 1])
    }

    /// A host with `bge0` and the host end `vnic-1`, which is down.
    fn host() -> Observed {
        let link = ObservedLink {
            class: LinkClass::Phys,
            mac: Mac::new([2, 0, 0, 0, 0, 1]),
            factory_mac: None,
            mtu: Mtu::ETHERNET,
            state: LinkState::Up,
            speed: None,
            duplex: Duplex::Unknown,
            promiscuous: false,
            lro: true,
        };
        let end = HostEnd {
            mtu: Mtu::ETHERNET,
            segs: HostEnd::MOST_SEGS,
            up: false,
            carrier: false,
        };
        let host_end: LinkName = "vnic-1".parse().unwrap();
        Observed {
            links: [("bge0".parse().unwrap(), link)].into(),
            host_ends: [(host_end.clone(), end)].into(),
            rings: [(host_end, EndRings::default())].into(),
            ..Observed::default()
        }
    }

    fn segment(link: &str, station: Option<Mac>) -> Row {
        let link = LinkRef::Name(link.parse().unwrap());
        Row::Segment(
            Segment::Link(link),
            SegmentRow { station, promiscuous: false },
        )
    }

    fn fdb() -> Row {
        let segment = Segment::Etherstub(LinkId(9));
        let host_end = LinkRef::Name("vnic-1".parse().unwrap());
        Row::Fdb(
            FdbKey { segment, vid: 0, mac: mac() },
            FdbRow {
                id: LinkId(1),
                host_end,
                mtu: 1500,
                learns: false,
                class: None,
                blocked: false,
                flows: false,
                steered: false,
            },
        )
    }

    #[test]
    fn a_step_that_does_not_fit_changes_nothing() {
        let create = |link: &str| Step::CreatePair {
            link: link.parse().unwrap(),
            guest_end: "net0".parse().unwrap(),
            zone: None,
            mac: mac(),
            mtu: Mtu::ETHERNET,
            over: "bge0".parse().unwrap(),
        };
        let create_tap = |link: &str| Step::CreateTap {
            link: link.parse().unwrap(),
            vnic: VnicKey { zone: None, name: "net0".parse().unwrap() },
            owner: 0,
            several: false,
            mtu: Mtu::ETHERNET,
            over: "bge0".parse().unwrap(),
        };
        let delete =
            |link: &str| Step::DeletePair { link: link.parse().unwrap() };
        let up = |link: &str| Step::LinkUp { link: link.parse().unwrap() };
        let down = |link: &str| Step::LinkDown { link: link.parse().unwrap() };
        let mtu = |link: &str, from| Step::SetMtu {
            zone: None,
            link: link.parse().unwrap(),
            from,
            to: Mtu::MAX,
        };
        let rings = |link: &str, from| Step::SetRings {
            zone: None,
            link: link.parse().unwrap(),
            from: EndRings::new(from, 1, &CpuSet::default()),
            to: EndRings::new(2, 2, &"1".parse().unwrap()),
        };
        let attach = |program, link: &str, replace| Step::Attach {
            link: link.parse().unwrap(),
            program,
            replace,
        };
        let detach = |program, link: &str| Step::Detach {
            link: link.parse().unwrap(),
            program,
        };
        let put = |row: Row, was| Step::PutRow { row, was };
        let accept = |link: &str| Step::AcceptUnicast {
            link: link.parse().unwrap(),
            mac: mac(),
        };
        let reject = |link: &str| Step::RejectUnicast {
            link: link.parse().unwrap(),
            mac: mac(),
        };
        let promiscuous = |link: &str, on| Step::Promiscuous {
            link: link.parse().unwrap(),
            on,
        };
        let lro =
            |link: &str, on| Step::Lro { link: link.parse().unwrap(), on };
        use Program::{FromLink, FromVnic};
        let no_link = |link: &str| format!("link \"{link}\" does not exist");
        for (before, step, want) in [
            (vec![], create("vnic-1"), "link \"vnic-1\" exists".to_owned()),
            (vec![], create("bge0"), "link \"bge0\" exists".to_owned()),
            (vec![], create_tap("vnic-1"), "link \"vnic-1\" exists".to_owned()),
            (vec![], delete("vnic-2"), no_link("vnic-2")),
            (vec![], delete("bge0"), no_link("bge0")),
            (
                vec![put(fdb(), None)],
                delete("vnic-1"),
                format!("link \"vnic-1\" is named by: {}", fdb()),
            ),
            (vec![], up("vnic-2"), no_link("vnic-2")),
            (
                vec![up("vnic-1")],
                up("vnic-1"),
                "link \"vnic-1\" is up already".to_owned(),
            ),
            (
                vec![],
                down("vnic-1"),
                "link \"vnic-1\" is down already".to_owned(),
            ),
            (
                vec![],
                mtu("vnic-1", Mtu::MIN),
                "link \"vnic-1\" has mtu 1500, not 68".to_owned(),
            ),
            (vec![], rings("vnic-2", 1), no_link("vnic-2")),
            (
                vec![],
                rings("vnic-1", 2),
                "link \"vnic-1\" has rings rx - tx -, not rx -|- tx -"
                    .to_owned(),
            ),
            (
                vec![rings("vnic-1", 1)],
                rings("vnic-1", 1),
                "link \"vnic-1\" has rings rx 1|1 tx 1|1, not rx - tx -"
                    .to_owned(),
            ),
            (vec![], attach(FromVnic, "bge0", false), no_link("bge0")),
            (vec![], attach(FromLink, "vnic-1", false), no_link("vnic-1")),
            (
                vec![attach(FromLink, "bge0", false)],
                attach(FromLink, "bge0", false),
                "from_link is on \"bge0\" already".to_owned(),
            ),
            (
                vec![],
                attach(FromLink, "bge0", true),
                "from_link is not on \"bge0\"".to_owned(),
            ),
            (
                vec![],
                detach(FromVnic, "vnic-1"),
                "from_vnic is not on \"vnic-1\"".to_owned(),
            ),
            (vec![], put(segment("bge1", None), None), no_link("bge1")),
            (
                vec![put(segment("bge0", None), None)],
                put(segment("bge0", Some(mac())), None),
                "expected no row, found \"segment bge0\"".to_owned(),
            ),
            (
                vec![put(segment("bge0", None), None)],
                Step::DeleteRow { row: segment("bge0", Some(mac())) },
                "expected \"segment bge0 station 2:8:20:0:0:1\", \
                 found \"segment bge0\""
                    .to_owned(),
            ),
            (
                vec![],
                put(segment("bge0", None), Some(segment("bge0", None))),
                "expected \"segment bge0\", found no row".to_owned(),
            ),
            (vec![], accept("vnic-1"), no_link("vnic-1")),
            (
                vec![accept("bge0")],
                accept("bge0"),
                "\"bge0\" accepts 2:8:20:0:0:1 already".to_owned(),
            ),
            (
                vec![],
                reject("bge0"),
                "\"bge0\" does not accept 2:8:20:0:0:1".to_owned(),
            ),
            (vec![], promiscuous("vnic-1", true), no_link("vnic-1")),
            (
                vec![promiscuous("bge0", true)],
                promiscuous("bge0", true),
                "promiscuous mode of \"bge0\" is on already".to_owned(),
            ),
            (
                vec![lro("bge0", false)],
                lro("bge0", false),
                "lro of \"bge0\" is off already".to_owned(),
            ),
        ] {
            let mut state = host();
            for step in before {
                state.apply(&step).unwrap();
            }
            let unchanged = state.clone();
            let error = state.apply(&step).unwrap_err();
            assert_eq!(error.to_string(), want, "{step}");
            assert_eq!(state, unchanged, "{step}");
        }
    }

    #[test]
    fn a_deleted_pair_takes_its_programs_along() {
        let mut state = host();
        let before = state.clone();
        let link: LinkName = "vnic-2".parse().unwrap();
        for step in [
            Step::CreatePair {
                link: link.clone(),
                guest_end: "net0".parse().unwrap(),
                zone: None,
                mac: mac(),
                mtu: Mtu::ETHERNET,
                over: "bge0".parse().unwrap(),
            },
            Step::Attach {
                link: link.clone(),
                program: Program::FromVnic,
                replace: false,
            },
            Step::LinkUp { link: link.clone() },
            Step::DeletePair { link },
        ] {
            state.apply(&step).unwrap();
        }
        assert_eq!(state, before);
    }
}
