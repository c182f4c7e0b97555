/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Where a frame goes. Stations are known, not learned: netd writes them, so
 * there is nothing to poison.
 */
#ifndef SWITCH_H
#define SWITCH_H

#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "count.h"
#include "flood.h"
#include "maps.h"
#include "parse.h"
#include "vlan.h"

static __always_inline struct fdb_entry *find_station(__u32 segment, __u16 vid,
						      const __u8 *mac)
{
	struct fdb_key key = { .segment = segment, .vid = vid };

	__builtin_memcpy(key.mac, mac, ETH_ALEN);
	return bpf_map_lookup_elem(&fdb, &key);
}

/* Where a program runs; a constant in each. */
enum side {
	AT_INGRESS,
	AT_EGRESS,
};

/*
 * Hands an untagged frame to a VNIC: straight to the guest end where that is
 * possible, else by way of the host end. The kernel lets nothing at egress
 * skip a device.
 */
static __always_inline int
deliver(struct __sk_buff *skb, const struct fdb_entry *station, enum side side)
{
	struct size size;

	measure(skb, &size);
	count_in(station->id, &size);
	skb->mark = 0;
	if (side == AT_EGRESS || !(station->flags & FDB_PEER))
		return bpf_redirect(station->ifindex, 0);
	/* The frame was classed by the address of the device that it came in
	 * by. Before 6.15 the kernel leaves it at that, and the guest's stack
	 * would ignore it as somebody else's.
	 */
	bpf_skb_change_type(skb, PACKET_HOST);
	return bpf_redirect_peer(station->ifindex, 0);
}

/* Switches a guest's frame for one station. */
static __always_inline int switch_unicast(struct __sk_buff *skb,
					  const struct vnic *vnic,
					  const struct frame *frame)
{
	struct fdb_entry *station;
	struct segment *segment;
	bool to_host;

	/* A switch sends nothing back to where it came from. */
	if (same_mac(frame->dst, vnic->mac))
		return drop(skb, vnic->id, DROP_HAIRPIN);
	station = find_station(vnic->segment, vnic->vid, frame->dst);
	if (station)
		return deliver(skb, station, AT_INGRESS);
	segment = bpf_map_lookup_elem(&segments, &vnic->segment);
	if (!segment || !segment->ifindex)
		return drop(skb, vnic->id, DROP_NO_DESTINATION);
	to_host = same_mac(frame->dst, segment->station);
	if (tag_for_link(skb, vnic->vid))
		return drop(skb, vnic->id, DROP_INTERNAL);
	skb->mark = FABRIC_MARK;
	return bpf_redirect(segment->ifindex, to_host ? BPF_F_INGRESS : 0);
}

/* Switches a guest's frame for a group: to the VNICs, the host, the wire. */
static __always_inline int switch_multicast(struct __sk_buff *skb,
					    const struct vnic *vnic)
{
	struct segment *segment;

	flood_members(skb, vnic->segment, vnic->vid, vnic->id);
	segment = bpf_map_lookup_elem(&segments, &vnic->segment);
	if (!segment || !segment->ifindex)
		return TC_ACT_STOLEN;
	if (tag_for_link(skb, vnic->vid))
		return drop(skb, vnic->id, DROP_INTERNAL);
	skb->mark = FABRIC_MARK;
	bpf_clone_redirect(skb, segment->ifindex, BPF_F_INGRESS);
	return bpf_redirect(segment->ifindex, 0);
}

/*
 * Copies a link's frame for a group to the VNICs, and leaves the frame itself
 * to whom it was on its way to, as it was.
 */
static __always_inline int copy_multicast(struct __sk_buff *skb,
					  const struct frame *frame)
{
	__u32 mark = skb->mark, segment = skb->ifindex;
	__u16 vid = frame->tci & TCI_VID;

	/* Frames of VLANs without VNICs are not touched at all. */
	if (!has_members(segment, vid) || tag_off(skb, frame))
		return TC_ACT_UNSPEC;
	skb->mark = 0;
	flood_members(skb, segment, vid, 0);
	skb->mark = mark;
	/* The kernel may lack the memory to put a second tag back. A frame
	 * that would then arrive on another VLAN is better lost.
	 */
	return tag_on(skb, frame) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

/* Switches a link's frame, in whichever direction it passes. */
static __always_inline int switch_link(struct __sk_buff *skb, enum side side)
{
	struct fdb_entry *station;
	struct frame frame;

	/* from_vnic has seen it already. */
	if (skb->mark == FABRIC_MARK) {
		skb->mark = 0;
		return TC_ACT_UNSPEC;
	}
	if (parse_frame(skb, &frame) || frame.tag == TAG_FOREIGN)
		return TC_ACT_UNSPEC;
	if (is_multicast(frame.dst))
		return copy_multicast(skb, &frame);
	station = find_station(skb->ifindex, frame.tci & TCI_VID, frame.dst);
	if (!station || tag_off(skb, &frame))
		return TC_ACT_UNSPEC;
	return deliver(skb, station, side);
}

#endif /* SWITCH_H */
