/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Where a frame goes. */
#ifndef SWITCH_H
#define SWITCH_H

#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "classify.h"
#include "count.h"
#include "flood.h"
#include "maps.h"
#include "parse.h"
#include "station.h"
#include "tell.h"
#include "vlan.h"

/* Where a program runs; a constant in each. */
enum side {
	AT_INGRESS,
	AT_EGRESS,
};

/*
 * Hands an untagged frame to a VNIC: straight to the guest end where that is
 * possible, else by way of the host end. The kernel lets nothing at egress
 * skip a device.
 *
 * The kernel would drop what is too long for the VNIC and tell nobody.
 */
static __always_inline int deliver(struct __sk_buff *skb,
				   const struct fdb_entry *station, __u16 kind,
				   const struct size *size, enum side side)
{
	__u16 class = station->class;
	struct flow flow = {};

	if (station->flags & FDB_BLOCKED)
		return drop(skb, station->id, DROP_BLOCKED_FOR);
	if (is_too_long(size, station->mtu))
		return drop(skb, station->id, DROP_TOO_LONG_FOR);
	if (station->flags & FDB_FLOWS &&
	    find_flow(skb, station->id, kind, IN, &flow)) {
		if (flow.blocked)
			return drop_flow(skb, station->id, flow.id, size, IN);
		count_flow(flow.id, size, IN);
		if (flow.to_vnic)
			class = flow.to_vnic;
	}
	count_in(station->slot, size);
	skb->mark = 0;
	/* At the host end it waits for its turn. */
	if (class) {
		skb->priority = SHAPE_ROOT | class;
		return bpf_redirect(station->ifindex, 0);
	}
	if (side == AT_EGRESS ||
	    (station->flags & (FDB_PEER | FDB_STEERED)) != FDB_PEER)
		return bpf_redirect(station->ifindex, 0);
	/* The frame was classed by the address of the device that it came in
	 * by. Before 6.15 the kernel leaves it at that, and the guest's stack
	 * would ignore it as somebody else's.
	 */
	bpf_skb_change_type(skb, PACKET_HOST);
	return bpf_redirect_peer(station->ifindex, 0);
}

/* Switches a guest's frame for a station that is no VNIC: to the host, to the
 * wire.
 */
static __noinline int switch_away(struct __sk_buff *skb,
				  const struct vnic *vnic,
				  const struct frame *frame,
				  const struct size *size)
{
	struct segment *segment;
	bool to_host;

	segment = bpf_map_lookup_elem(&segments, &vnic->segment);
	if (!segment)
		return drop(skb, vnic->id, DROP_NO_DESTINATION);
	to_host = segment->ifindex && same_mac(frame->dst, segment->station);
	if (segment->flags & SEGMENT_PROMISCUOUS && !to_host)
		flood_members(skb, vnic->segment, vnic->vid, FLOOD_UNKNOWN,
			      vnic->id);
	else if (!segment->ifindex)
		return drop(skb, vnic->id, DROP_NO_DESTINATION);
	if (!segment->ifindex) {
		count_out(vnic->slot, size);
		return TC_ACT_STOLEN;
	}
	if (tag_for_link(skb, vnic->vid))
		return drop(skb, vnic->id, DROP_INTERNAL);
	count_out(vnic->slot, size);
	skb->mark = FABRIC_MARK;
	return bpf_redirect(segment->ifindex, to_host ? BPF_F_INGRESS : 0);
}

/* Switches a guest's frame for one station. */
static __always_inline int switch_unicast(struct __sk_buff *skb,
					  const struct vnic *vnic,
					  const struct frame *frame,
					  const struct size *size)
{
	struct fdb_entry *station;

	station = find_destination(vnic->segment, vnic->vid, frame);
	if (!station)
		return switch_away(skb, vnic, frame, size);
	/* A switch sends nothing back to where it came from. */
	if (station->id == vnic->id)
		return drop(skb, vnic->id, DROP_HAIRPIN);
	count_out(vnic->slot, size);
	if (station->flags & FDB_LEARNS)
		tell_heard(skb, station->id, vnic->id, vnic->segment,
			   VID_AND_KIND(vnic->vid, frame->kind));
	return deliver(skb, station, frame->kind, size, AT_INGRESS);
}

/* Switches a guest's frame for a group: to the VNICs, the host, the wire. */
static __noinline int switch_multicast(struct __sk_buff *skb,
				       const struct vnic *vnic,
				       const struct frame *frame,
				       const struct size *size)
{
	struct segment *segment;

	tell_flood(skb, vnic->id, vnic->segment,
		   VID_AND_KIND(vnic->vid, frame->kind));
	flood_members(skb, vnic->segment, vnic->vid, FLOOD_ALL, vnic->id);
	segment = bpf_map_lookup_elem(&segments, &vnic->segment);
	if (segment && segment->ifindex && tag_for_link(skb, vnic->vid))
		return drop(skb, vnic->id, DROP_INTERNAL);
	count_out(vnic->slot, size);
	if (!segment || !segment->ifindex)
		return TC_ACT_STOLEN;
	skb->mark = FABRIC_MARK;
	bpf_clone_redirect(skb, segment->ifindex, BPF_F_INGRESS);
	return bpf_redirect(segment->ifindex, 0);
}

/* Switches a guest's frame that nothing holds back. */
static __always_inline int switch_guest(struct __sk_buff *skb,
					const struct vnic *vnic,
					const struct frame *frame,
					const struct size *size)
{
	if (is_multicast(frame->dst))
		return switch_multicast(skb, vnic, frame, size);
	return switch_unicast(skb, vnic, frame, size);
}

/*
 * Copies a link's frame to the VNICs of a list, and leaves the frame itself to
 * whom it was on its way to, as it was.
 */
static __noinline int copy_to(struct __sk_buff *skb, const struct frame *frame,
			      __u16 list)
{
	__u32 mark = skb->mark, segment = skb->ifindex;
	__u16 vid = frame->tci & TCI_VID;

	/* Frames of VLANs without VNICs are not touched at all. */
	if (!has_members(segment, vid, list) || tag_off(skb, frame))
		return TC_ACT_UNSPEC;
	skb->mark = 0;
	if (list == FLOOD_ALL)
		tell_flood(skb, 0, segment,
			   VID_AND_KIND(vid, inner_kind(skb, frame)));
	flood_members(skb, segment, vid, list, 0);
	skb->mark = mark;
	/* The kernel may lack the memory to put a second tag back. A frame
	 * that would then arrive on another VLAN is better lost.
	 */
	return tag_on(skb, frame) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

/* Switches a link's frame for a group. */
static __always_inline int
copy_multicast(struct __sk_buff *skb, const struct frame *frame, enum side side)
{
	struct fdb_entry *sender;

	/* What a VNIC has sent to all comes back from a wire that reflects, as
	 * a bond's other member or a radio does. Everybody has had it.
	 */
	if (side == AT_INGRESS) {
		sender = find_station(skb->ifindex, frame->tci & TCI_VID,
				      frame->src);
		if (sender)
			return drop(skb, sender->id, DROP_REFLECTED);
	}
	return copy_to(skb, frame, FLOOD_ALL);
}

/* Switches a link's frame, in whichever direction it passes. */
static __always_inline int switch_link(struct __sk_buff *skb, enum side side)
{
	struct fdb_entry *station;
	struct frame frame;
	struct size size;
	__u16 vid, kind;

	/* from_vnic has seen it already. */
	if (skb->mark == FABRIC_MARK) {
		skb->mark = 0;
		return TC_ACT_UNSPEC;
	}
	if (parse_frame(skb, &frame) || frame.tag == TAG_FOREIGN)
		return TC_ACT_UNSPEC;
	if (is_multicast(frame.dst))
		return copy_multicast(skb, &frame, side);
	vid = frame.tci & TCI_VID;
	station = find_destination(skb->ifindex, vid, &frame);
	if (!station) {
		/* What the wire sends the host is not for anybody else. */
		if (side == AT_INGRESS && skb->pkt_type != PACKET_OTHERHOST)
			return TC_ACT_UNSPEC;
		return copy_to(skb, &frame, FLOOD_UNKNOWN);
	}
	if (tag_off(skb, &frame))
		return TC_ACT_UNSPEC;
	measure(skb, &size);
	kind = inner_kind(skb, &frame);
	if (station->flags & FDB_LEARNS)
		tell_heard(skb, station->id, 0, skb->ifindex,
			   VID_AND_KIND(vid, kind));
	return deliver(skb, station, kind, &size, side);
}

#endif /* SWITCH_H */
