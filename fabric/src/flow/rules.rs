//! Which flows a spec can have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Flow, FlowName, FlowsError, check_flows};
use crate::{Bandwidth, FabricSpec, LinkId, SpecError, Vnic};

impl FabricSpec {
    /// The flows of a VNIC, by number.
    pub fn flows_of(&self, link: LinkId) -> impl Iterator<Item = &Flow> {
        let flows = self.flows.values().map(Arc::as_ref);
        flows.filter(move |flow| flow.link == link)
    }

    /// The flows that a person may mean by a name: those of VNICs in one zone,
    /// or, where no zone is given, in every zone; each with its VNIC.
    pub fn flows_called<'a>(
        &'a self,
        name: &'a FlowName,
        zone: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Flow, &'a Vnic)> {
        let flows = self.flows.values().map(Arc::as_ref);
        let named = flows.filter(move |flow| flow.name == *name);
        let with_vnic = named.filter_map(|flow| {
            let vnic = self.vnics.get(&flow.link)?.as_ref();
            Some((flow, vnic))
        });
        with_vnic.filter(move |(_, vnic)| vnic.is_in(zone))
    }

    /// The rules about flows that are broken: flow by flow, then VNIC by VNIC.
    pub(crate) fn broken_flow_rules(&self) -> Vec<SpecError> {
        let mut errors = Vec::new();
        let mut names = BTreeSet::new();
        let mut together: BTreeMap<LinkId, Vec<&Flow>> = BTreeMap::new();
        for (id, flow) in &self.flows {
            let name = || flow.name.clone();
            if *id != flow.id || id.0 == 0 {
                errors.push(SpecError::FlowId { name: name() });
            }
            let Some(vnic) = self.vnics.get(&flow.link) else {
                errors.push(SpecError::FlowOfNobody { name: name() });
                continue;
            };
            if !names.insert((vnic.zone.as_ref(), &flow.name)) {
                errors.push(SpecError::DuplicateFlow { name: name() });
            }
            if vnic.temporary && !flow.temporary {
                errors.push(SpecError::FlowOnTemporary { name: name() });
            }
            if let Some(Err(source)) =
                flow.props.maxbw.map(Bandwidth::check_maxbw)
            {
                errors.push(SpecError::FlowBandwidth { name: name(), source });
            }
            together.entry(flow.link).or_default().push(flow);
        }
        for (link, flows) in together {
            let attrs = flows.iter().map(|flow| &flow.attrs);
            let Err(source) = check_flows(attrs) else { continue };
            errors.push(match source {
                FlowsError::Identical(attrs) => {
                    let mut twins =
                        flows.iter().filter(|flow| flow.attrs == attrs);
                    let mut twin = || twins.next().map(|f| f.name.clone());
                    let (other, name) = (twin(), twin());
                    let (Some(other), Some(name)) = (other, name) else {
                        continue;
                    };
                    SpecError::IdenticalFlow { name, other, attrs }
                }
                FlowsError::Masks { .. } => {
                    let link = self.vnics[&link].name.clone();
                    SpecError::Flows { link, source }
                }
            });
        }
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FlowId, FlowProps, Mac, MacType, Priority, Status, VnicProps};

    /// `net0` for the host, `net0` in a zone, and `net1` there that is
    /// temporary.
    fn spec() -> FabricSpec {
        let vnics = [(1, "net0", None), (2, "net0", Some("web"))];
        let vnics = vnics.into_iter().chain([(3, "net1", Some("web"))]);
        let vnics = vnics.map(|(id, name, zone)| {
            let vnic = Vnic {
                id: LinkId(id),
                name: name.parse().unwrap(),
                zone: zone.map(|zone| zone.parse().unwrap()),
                over: "bge0".parse().unwrap(),
                mac: Mac::new([2, 8, 0x20, 0, 0, id.try_into().unwrap()]),
                mac_type: MacType::Fixed,
                vid: None,
                props: VnicProps::default(),
                kept: None,
                temporary: id == 3,
            };
            (vnic.id, Arc::new(vnic))
        });
        FabricSpec { vnics: vnics.collect(), ..FabricSpec::default() }
    }

    fn flow(
        id: u32,
        link: u32,
        name: &str,
        attrs: &str,
        edit: fn(&mut Flow),
    ) -> Flow {
        let mut flow = Flow {
            id: FlowId(id),
            name: name.parse().unwrap(),
            link: LinkId(link),
            attrs: attrs.parse().unwrap(),
            props: FlowProps::default(),
            kept: None,
            temporary: link == 3,
        };
        edit(&mut flow);
        flow
    }

    fn with(flows: Vec<Flow>) -> FabricSpec {
        let flows = flows.into_iter();
        let flows = flows.map(|flow| (flow.id, Arc::new(flow))).collect();
        FabricSpec { flows, ..spec() }
    }

    const TCP: &str = "transport=tcp";
    const UDP: &str = "transport=udp";

    #[test]
    fn rules() {
        use Status::*;
        let none = |_: &mut Flow| {};
        let bw = |bps| Some(Bandwidth::from_bps(bps));
        assert_eq!(bw(64_000), Some(Bandwidth::FLOOR));
        let kinds = |number: u32| -> Vec<Flow> {
            let one = |n: u32| {
                let attrs = format!("remote_ip=fd00::/{}", n + 8);
                flow(n, 1, &format!("f{n}"), &attrs, |_| {})
            };
            (1..=number).map(one).collect()
        };
        for (title, flows, want) in [
            ("none", vec![], vec![]),
            (
                "several of one VNIC",
                vec![flow(1, 1, "a", TCP, none), flow(2, 1, "b", UDP, none)],
                vec![],
            ),
            (
                "one name and one kind of traffic in two zones",
                vec![flow(1, 1, "a", TCP, none), flow(2, 2, "a", TCP, none)],
                vec![],
            ),
            (
                "one name twice in a zone, on two VNICs",
                vec![flow(1, 2, "a", TCP, none), flow(2, 3, "a", UDP, none)],
                vec![ObjectExists],
            ),
            (
                "the same attributes twice on a VNIC",
                vec![flow(1, 1, "a", TCP, none), flow(2, 1, "b", TCP, none)],
                vec![IdenticalFlow],
            ),
            ("as many kinds as there may be", kinds(32), vec![]),
            ("one kind too many", kinds(33), vec![InvalidArgument]),
            (
                "of a VNIC that is not there",
                vec![flow(1, 7, "a", TCP, none)],
                vec![InvalidLink],
            ),
            (
                "number zero",
                vec![flow(0, 1, "a", TCP, none)],
                vec![OperationFailed],
            ),
            (
                "one that would outlive its VNIC",
                vec![flow(1, 3, "a", TCP, |f| f.temporary = false)],
                vec![PersistentOnTemporary, InvalidLink],
            ),
            (
                "blocked, the least, and more than its VNIC",
                vec![
                    flow(1, 1, "a", TCP, |f| {
                        f.props.maxbw = Some(Bandwidth::ZERO);
                    }),
                    flow(2, 1, "b", UDP, |f| {
                        f.props.maxbw = Some(Bandwidth::FLOOR);
                    }),
                    flow(3, 1, "c", "dsfield=1", |f| {
                        f.props.maxbw = Some(Bandwidth::from_bps(u64::MAX));
                    }),
                ],
                vec![],
            ),
            (
                "too little",
                vec![flow(1, 1, "a", TCP, |f| {
                    f.props.maxbw = Some(Bandwidth::from_bps(63_999));
                })],
                vec![MaxBwFloor],
            ),
            (
                "too little after the boot",
                vec![flow(1, 1, "a", TCP, |f| {
                    let maxbw = Some(Bandwidth::from_bps(1));
                    let priority = Priority::OF_FLOWS;
                    f.kept = Some(FlowProps { maxbw, priority });
                })],
                vec![MaxBwFloor],
            ),
        ] {
            let mut spec = with(flows);
            // Nothing else asks for a look at the time after the boot.
            if let Some(flow) = spec.flows.values_mut().next()
                && title.contains("outlive")
            {
                Arc::make_mut(flow).kept = Some(flow.props);
            }
            let errors = spec.validate().err().into_iter().flatten();
            let got: Vec<_> = errors.map(|error| error.status()).collect();
            assert_eq!(got, want, "{title}");
        }
        let mut misfiled = with(vec![flow(1, 1, "a", TCP, none)]);
        let moved = misfiled.flows.remove(&FlowId(1)).unwrap();
        misfiled.flows.insert(FlowId(2), moved);
        let name = "a".parse().unwrap();
        let want = Err(vec![SpecError::FlowId { name }]);
        assert_eq!(misfiled.validate(), want);
    }

    #[test]
    fn who_has_the_attributes_already_is_named() {
        let none = |_: &mut Flow| {};
        let spec = with(vec![
            flow(4, 1, "a", UDP, none),
            flow(5, 1, "b", TCP, none),
            flow(9, 1, "c", TCP, none),
        ]);
        let errors = spec.validate().unwrap_err();
        let want = "flow \"c\" has the attributes of flow \"b\": transport=tcp";
        assert_eq!(errors[0].to_string(), want);
        assert_eq!(errors.len(), 1);
    }

    #[test]
    fn after_the_boot_flows_are_as_they_are_kept() {
        let maxbw = |maxbw| FlowProps { maxbw, ..FlowProps::default() };
        let mut lasting = flow(1, 1, "a", TCP, |_| {});
        (lasting.props, lasting.kept) =
            (maxbw(Some(Bandwidth::ZERO)), Some(maxbw(None)));
        let passing = flow(2, 1, "b", UDP, |f| f.temporary = true);
        let spec =
            with(vec![lasting.clone(), passing, flow(3, 3, "c", TCP, |_| {})]);
        assert_eq!(spec.validate(), Ok(()));
        let want = Flow { props: maxbw(None), kept: None, ..lasting };
        let later = spec.next_boot();
        assert_eq!(later.flows, [(want.id, Arc::new(want))].into());
        assert_eq!(later.validate(), Ok(()));
    }

    #[test]
    fn a_name_without_a_zone_means_every_zone() {
        let none = |_: &mut Flow| {};
        let spec = with(vec![
            flow(1, 1, "a", TCP, none),
            flow(2, 2, "a", TCP, none),
            flow(3, 2, "b", UDP, none),
            flow(4, 7, "a", TCP, none),
        ]);
        for (name, zone, want) in [
            ("a", None, vec![1, 2]),
            ("a", Some(""), vec![1]),
            ("a", Some("web"), vec![2]),
            ("b", None, vec![3]),
            ("b", Some(""), vec![]),
            ("c", None, vec![]),
        ] {
            let name = name.parse().unwrap();
            let found = spec.flows_called(&name, zone);
            let got: Vec<u32> = found.map(|(flow, _)| flow.id.0).collect();
            assert_eq!(got, want, "{name} {zone:?}");
        }
        let of_two: Vec<u32> =
            spec.flows_of(LinkId(2)).map(|flow| flow.id.0).collect();
        assert_eq!(of_two, [2, 3]);
    }
}
