//! Every parser that reads what somebody else has written, fed with anything.
//!
//! No input makes one panic. What was taken comes out again as a text that
//! means the same. `make fuzz` has libFuzzer look for an input of which this
//! is not true; `netd/tests/parsers.rs` tries those of `fuzz/corpus`.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::str::FromStr;

use fabric::datapath::{LinkRef, Segment};
use fabric::{
    AllowedIp, Bandwidth, ClientId, FlowAttrs, FlowName, LinkId, LinkName, Mac,
    MacPrefix, Methods, Mode, Mtu, Over, Owner, Priority, Protection, TagName,
    VlanId, Zone, api,
};
use flows::learn::{Change, Guest, Heard, Learned, Learner, Moment, Pending};
use flows::{DroppedFrame, LinkIndexes, Told};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tagmap::{Config, TagMap};

/// A parser by its name.
pub type Target = (&'static str, fn(&[u8]));

/// What is fed to whom: `fuzz/corpus` has a folder of each name.
pub const TARGETS: [Target; 7] = [
    ("usbkey", usbkey),
    ("props", props),
    ("flow_attrs", flow_attrs),
    ("maxbw", maxbw),
    ("api", api),
    ("learn", learn),
    ("records", records),
];

/// `/usbkey/config`: the document stays as it was, also with another value in
/// it.
pub fn usbkey(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(mut config) = Config::parse(text) else { return };
    assert_eq!(config.to_string(), text);
    let _ = TagMap::from_config(&config);
    let _ = config.admin_address();
    let keys: Vec<String> =
        config.iter().map(|found| found.key.to_owned()).collect();
    for key in keys {
        if config.set(&key, "bge7").is_err() {
            continue;
        }
        assert_eq!(config.get(&key), Some("bge7"), "{key}");
        let again = Config::parse(&config.to_string());
        let again = again.expect("it was edited by nobody but us");
        assert_eq!(again.get(&key), Some("bge7"), "{key}");
    }
}

/// The list after `-p`, and the values of properties.
pub fn props(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(props) = dladm::proplist::parse(text) {
        for prop in props {
            value(&prop.name);
            prop.values.iter().for_each(|text| value(text));
        }
    }
    value(text);
}

fn value(text: &str) {
    text_and_back::<AllowedIp>(text);
    bandwidth(text);
    text_and_back::<ClientId>(text);
    text_and_back::<LinkName>(text);
    text_and_back::<Mac>(text);
    text_and_back::<MacPrefix>(text);
    text_and_back::<Methods>(text);
    text_and_back::<Mode>(text);
    text_and_back::<Mtu>(text);
    text_and_back::<Over>(text);
    text_and_back::<Owner>(text);
    text_and_back::<Priority>(text);
    text_and_back::<Protection>(text);
    text_and_back::<TagName>(text);
    text_and_back::<VlanId>(text);
    text_and_back::<Zone>(text);
}

/// `transport=tcp,local_port=80`, and names of flows.
pub fn flow_attrs(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    text_and_back::<FlowAttrs>(text);
    text_and_back::<FlowName>(text);
}

/// `100M`.
pub fn maxbw(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    bandwidth(text);
}

/// What is shown is in Mbit/s, and what is read has no fractions: a cap below
/// that can't be typed as it is shown.
fn bandwidth(text: &str) {
    let Ok(value) = text.parse::<Bandwidth>() else { return };
    let shown = value.to_string();
    match shown.parse::<Bandwidth>() {
        Ok(again) => assert_eq!(again, value, "{shown}"),
        Err(_) => assert!(shown.contains('.'), "{shown}"),
    }
    assert_eq!(through_json(&value), value);
}

/// Bodies of requests, and what commands read of answers.
pub fn api(input: &[u8]) {
    json_and_back::<api::CreateVnic>(input);
    json_and_back::<api::ChangeVnic>(input);
    json_and_back::<api::CreateEtherstub>(input);
    json_and_back::<api::ChangeLink>(input);
    json_and_back::<Vec<api::CreateFlow>>(input);
    json_and_back::<api::ChangeFlow>(input);
    json_and_back::<api::VnicInfo>(input);
    json_and_back::<api::FlowInfo>(input);
    json_and_back::<api::Problem>(input);
}

/// Frames that guests, servers and routers send, one after the other. Each
/// begins with who says it (0: the wire, 1 and 2: a guest, and 128 more: to
/// all), for how many seconds nobody has spoken, and its length in two bytes.
pub fn learn(input: &[u8]) {
    let bge0: LinkName = "bge0".parse().expect("it is a name");
    let segment = Segment::Link(LinkRef::Name(bge0));
    let guest = |id: u8| Guest {
        id: LinkId(id.into()),
        segment: segment.clone(),
        vid: 0,
        macs: vec![Mac::new([2, 8, 0x20, 0, 0, id])],
        methods: Methods { dhcpv4: true, dhcpv6: true, slaac: true },
    };
    let mut learner = Learner::new();
    let mut now = Moment(1000);
    let mut known = BTreeMap::new();
    follow(&mut known, learner.enroll(vec![guest(1), guest(2)]));
    let mut rest = input;
    while let [who, pause, low, high, tail @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let (frame, tail) = tail.split_at(length.min(tail.len()));
        rest = tail;
        now = now.after(u64::from(*pause));
        let by = match who & 0x7f {
            id @ 1..=2 => Some(LinkId(id.into())),
            _ => None,
        };
        let heard = match by {
            Some(id) if *who < 0x80 => Heard::From { id, frame },
            by => Heard::On { segment: segment.clone(), vid: 0, by, frame },
        };
        follow(&mut known, learner.hear(&heard, now));
        let all: Vec<&Learned> = learner.all().collect();
        assert_eq!(known.values().collect::<Vec<_>>(), all);
    }
    // The next netd goes on from what this one has written down.
    let learned: Vec<Learned> = learner.all().map(through_json).collect();
    let pending: Vec<Pending> = learner.pending().map(through_json).collect();
    let mut next = Learner::new();
    next.restore(learned, pending, now);
    next.enroll(vec![guest(1), guest(2)]);
    assert!(learner.all().eq(next.all()), "{learner:#?} {next:#?}");
}

fn follow(
    known: &mut BTreeMap<(LinkId, std::net::IpAddr), Learned>,
    changes: Vec<Change>,
) {
    for change in changes {
        match change {
            Change::Learn(new) => {
                known.insert((new.id, new.address), new);
            }
            Change::Forget { id, address } => {
                let old = known.remove(&(id, address));
                assert!(old.is_some(), "{address} was not known");
            }
        }
    }
}

/// What is in the rings of the data plane, and in rows of the store.
pub fn records(input: &[u8]) {
    if let Some(told) = Told::decode(input, &LinkIndexes::default()) {
        assert!(told.frame.len() < input.len());
    }
    if let Some(dropped) = DroppedFrame::decode(input) {
        assert!(dropped.bytes.len() < input.len());
    }
    json_and_back::<fabric::Vnic>(input);
    json_and_back::<fabric::Etherstub>(input);
    json_and_back::<fabric::Flow>(input);
    let learned = json_and_back::<Learned>(input);
    let pending = json_and_back::<Pending>(input);
    let mut learner = Learner::new();
    let (learned, pending) =
        (learned.into_iter().collect(), pending.into_iter().collect());
    learner.restore(learned, pending, Moment(1000));
    learner.expire(Moment(u64::MAX));
}

fn text_and_back<T>(text: &str)
where
    T: FromStr<Err: Display> + Display + PartialEq + Debug,
{
    match text.parse::<T>() {
        Ok(value) => {
            let text = value.to_string();
            match text.parse::<T>() {
                Ok(again) => assert_eq!(again, value, "{text:?}"),
                Err(error) => panic!("{text:?} of {value:?}: {error}"),
            }
        }
        // It is one line of a message.
        Err(error) => {
            let said = error.to_string();
            assert!(!said.contains('\n'), "{said:?}");
        }
    }
}

fn json_and_back<T>(input: &[u8]) -> Option<T>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let value: T = serde_json::from_slice(input).ok()?;
    assert_eq!(through_json(&value), value);
    Some(value)
}

fn through_json<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let text = serde_json::to_string(value).expect("it came from text");
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}
