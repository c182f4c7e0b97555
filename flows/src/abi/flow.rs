//! The bytes of the tables of flows.

use fabric::datapath::{
    FlowKey, FlowMask, FlowMasksRow, FlowRow, FlowTuple, Treatment,
};
use fabric::{FlowId, LinkId};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

use super::{EncodeError, abi, count, read};
use crate::FlowCounters;

abi! {
    /// `struct flow_tuple`
    FlowTupleAbi: 40 {
        0 local: [u8; 16],
        16 remote: [u8; 16],
        32 local_port: [u8; 2],
        34 remote_port: [u8; 2],
        36 protocol: u8,
        37 dsfield: u8,
        38 family: u8,
        39 pad: u8,
    }
    /// `struct flow_mask`
    FlowMaskAbi: 44 {
        0 number: u32,
        4 bits: FlowTupleAbi,
    }
    /// `struct flow_masks`
    FlowMasksAbi: 2820 {
        0 count: u32,
        4 masks: [FlowMaskAbi; FlowMasksRow::MAX],
    }
    /// `struct flow_key`
    FlowKeyAbi: 48 {
        0 vnic: u32,
        4 mask: u32,
        8 tuple: FlowTupleAbi,
    }
    /// `struct flow`
    FlowAbi: 12 {
        0 id: u32,
        4 from_vnic: u16,
        6 to_vnic: u16,
        8 blocked: u8,
        9 pad: [u8; 3],
    }
    /// `struct flow_traffic`
    FlowTrafficAbi: 48 {
        0 ipackets: u64,
        8 rbytes: u64,
        16 opackets: u64,
        24 obytes: u64,
        32 idrops: u64,
        40 odrops: u64,
    }
}

impl FlowTupleAbi {
    fn of(tuple: &FlowTuple) -> Self {
        Self {
            local: tuple.local,
            remote: tuple.remote,
            local_port: tuple.local_port.to_be_bytes(),
            remote_port: tuple.remote_port.to_be_bytes(),
            protocol: tuple.protocol,
            dsfield: tuple.dsfield,
            family: tuple.family,
            pad: 0,
        }
    }

    fn tuple(self) -> FlowTuple {
        FlowTuple {
            local: self.local,
            remote: self.remote,
            local_port: u16::from_be_bytes(self.local_port),
            remote_port: u16::from_be_bytes(self.remote_port),
            protocol: self.protocol,
            dsfield: self.dsfield,
            family: self.family,
        }
    }
}

pub(super) fn encode_key(key: &FlowKey) -> Vec<u8> {
    let (vnic, mask) = (key.vnic.0, key.mask.number());
    let tuple = FlowTupleAbi::of(&key.tuple);
    FlowKeyAbi { vnic, mask, tuple }.as_bytes().to_vec()
}

pub(super) fn encode_flow(row: &FlowRow) -> Vec<u8> {
    let Treatment { from_vnic, to_vnic, blocked } = row.treatment;
    let (id, blocked) = (row.id.0, blocked.into());
    FlowAbi { id, from_vnic, to_vnic, blocked, pad: [0; 3] }.as_bytes().to_vec()
}

pub(super) fn encode_masks(row: &FlowMasksRow) -> Result<Vec<u8>, EncodeError> {
    let mut value = FlowMasksAbi::new_zeroed();
    value.count = count(row.masks.len(), FlowMasksRow::MAX)?;
    for (place, mask) in value.masks.iter_mut().zip(&row.masks) {
        let bits = FlowTupleAbi::of(&mask.bits());
        *place = FlowMaskAbi { number: mask.number(), bits };
    }
    Ok(value.as_bytes().to_vec())
}

pub(super) fn decode_flow(
    key: &[u8],
    value: &[u8],
) -> Option<(FlowKey, FlowRow)> {
    let (key, value): (FlowKeyAbi, FlowAbi) = (read(key)?, read(value)?);
    let mask = FlowMask::from_number(key.mask)?;
    let (vnic, tuple) = (LinkId(key.vnic), key.tuple.tuple());
    let FlowAbi { id, from_vnic, to_vnic, blocked, .. } = value;
    let treatment = Treatment { from_vnic, to_vnic, blocked: blocked != 0 };
    let row = FlowRow { id: FlowId(id), treatment };
    Some((FlowKey { vnic, mask, tuple }, row))
}

/// A mask that is none of ours is left out, so the list is not what the planner
/// wants, and it writes it anew.
pub(super) fn decode_masks(value: &[u8]) -> Option<FlowMasksRow> {
    let value: FlowMasksAbi = read(value)?;
    let used = usize::try_from(value.count).ok()?;
    let masks = value.masks.iter().take(used);
    let masks = masks.filter_map(|mask| {
        let found = FlowMask::from_number(mask.number)?;
        (FlowTupleAbi::of(&found.bits()) == mask.bits).then_some(found)
    });
    Some(FlowMasksRow { masks: masks.collect() })
}

/// What was counted of a flow of which nothing is known yet, for one CPU.
#[cfg(test)]
fn no_flow_traffic() -> Vec<u8> {
    vec![0; size_of::<FlowTrafficAbi>()]
}

/// The flow in the bytes of a flow's row.
#[cfg(feature = "bpf")]
pub(crate) fn flow_in(value: &[u8]) -> Option<FlowId> {
    let value: FlowAbi = read(value)?;
    Some(FlowId(value.id))
}

/// The bytes of a flow's key in the table of what was counted.
pub(crate) fn flow_traffic_key(id: FlowId) -> Vec<u8> {
    id.0.as_bytes().to_vec()
}

/// The sum of what all CPUs counted; none when some of it is not as long as it
/// should.
pub(crate) fn sum_flow_counters(cpus: &[Vec<u8>]) -> Option<FlowCounters> {
    let mut sum = FlowCounters::default();
    for cpu in cpus {
        let cpu: FlowTrafficAbi = read(cpu)?;
        sum.ipackets += cpu.ipackets;
        sum.rbytes += cpu.rbytes;
        sum.opackets += cpu.opackets;
        sum.obytes += cpu.obytes;
        sum.idrops += cpu.idrops;
        sum.odrops += cpu.odrops;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use fabric::FlowAttrs;

    use super::*;

    const HEADER: &str = include_str!("../bpf/abi.h");

    fn key(attrs: &str) -> FlowKey {
        let attrs: FlowAttrs = attrs.parse().unwrap();
        FlowKey::of(LinkId(7), &attrs)
    }

    #[test]
    fn the_header_has_the_same_sizes_and_room() {
        for (name, size) in [
            ("flow_tuple", size_of::<FlowTupleAbi>()),
            ("flow_mask", size_of::<FlowMaskAbi>()),
            ("flow_masks", size_of::<FlowMasksAbi>()),
            ("flow_key", size_of::<FlowKeyAbi>()),
            ("flow", size_of::<FlowAbi>()),
            ("flow_traffic", size_of::<FlowTrafficAbi>()),
        ] {
            let want =
                format!("_Static_assert(sizeof(struct {name}) == {size},");
            assert!(HEADER.contains(&want), "abi.h lacks {want}");
        }
        let want = format!("#define FLOW_MASKS_MAX {}\n", FlowMasksRow::MAX);
        assert!(HEADER.contains(&want), "abi.h lacks {want}");
    }

    #[test]
    fn bytes() {
        let key = key(
            "transport=tcp,local_port=80,remote_ip=10.1.0.0/16,dsfield=b8:fc",
        );
        let treatment =
            Treatment { from_vnic: 0x102, to_vnic: 3, blocked: true };
        let row = FlowRow { id: FlowId(9), treatment };
        let mut want = vec![7, 0, 0, 0];
        want.extend(key.mask.number().to_ne_bytes());
        want.extend([0; 16]);
        want.extend([10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        want.extend([0, 80, 0, 0, 6, 0xb8, 4, 0]);
        // Numbers are written for little-endian machines.
        if cfg!(target_endian = "big") {
            return;
        }
        assert_eq!(encode_key(&key), want);
        let value = [9, 0, 0, 0, 2, 1, 3, 0, 1, 0, 0, 0];
        assert_eq!(encode_flow(&row), value);
        assert_eq!(decode_flow(&want, &value), Some((key, row)));
        assert_eq!(decode_flow(&want, &value[1..]), None);
    }

    #[test]
    fn a_list_of_masks_comes_back_as_far_as_it_is_ours() {
        let masks = ["remote_ip=10.0.0.9", "transport=udp,remote_port=53"];
        let masks = masks.map(|attrs| key(attrs).mask).to_vec();
        let row = FlowMasksRow { masks };
        let bytes = encode_masks(&row).unwrap();
        assert_eq!(decode_masks(&bytes), Some(row.clone()));
        // The first mask's number, and a bit of the second.
        for at in [4, 4 + 44 + 4 + 32] {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            let got = decode_masks(&bytes).unwrap();
            assert_eq!(got.masks.len(), 1, "{at}");
        }
        let many = FlowMasksRow { masks: vec![row.masks[0]; 65] };
        let too_long = Err(EncodeError::TooLong { length: 65 });
        assert_eq!(encode_masks(&many), too_long);
    }

    #[test]
    fn counters_add_up_over_cpus() {
        let cpu = |n: u64| {
            let words = [n, 10 * n, 100 * n, 1000 * n, 2 * n, 3 * n];
            words.as_bytes().to_vec()
        };
        let want = FlowCounters {
            ipackets: 3,
            rbytes: 30,
            opackets: 300,
            obytes: 3000,
            idrops: 6,
            odrops: 9,
        };
        assert_eq!(sum_flow_counters(&[cpu(1), cpu(2)]), Some(want));
        let none = sum_flow_counters(&[no_flow_traffic()]);
        assert_eq!(none, Some(FlowCounters::default()));
        assert_eq!(sum_flow_counters(&[vec![0; 47]]), None);
        assert_eq!(flow_traffic_key(FlowId(9)), 9_u32.as_bytes());
    }
}
