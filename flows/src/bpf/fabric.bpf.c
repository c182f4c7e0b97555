/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The programs of the data plane, by the hook that each belongs on.
 *
 * A VNIC's frames fail closed: what nothing here knows what to do with is
 * dropped. The host's frames fail open: TC_ACT_UNSPEC leaves them to the
 * filters after ours and to the stack, as if we were not there.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "classify.h"
#include "count.h"
#include "guard.h"
#include "maps.h"
#include "parse.h"
#include "shape.h"
#include "switch.h"

/* At a host end's ingress: everything that the guest sends. */
SEC("tc")
int from_vnic(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex;
	struct frame frame;
	struct flow flow = {};
	struct vnic *vnic;
	struct size size;
	__u16 class;
	int reason;

	vnic = bpf_map_lookup_elem(&vnics, &ifindex);
	if (!vnic)
		return TC_ACT_SHOT;
	/* A guest in netd's own network namespace could set our mark. */
	skb->mark = 0;
	/* The guest's queue means nothing to who gets the frame next, and may
	 * be one that a NIC of the host's doesn't have. The verifier wants it
	 * written by itself, and not with the mark beside it.
	 */
	barrier();
	skb->queue_mapping = 0;
	if (parse_frame(skb, &frame))
		return drop(skb, vnic->id, DROP_TRUNCATED);
	reason = guard(skb, vnic, &frame);
	if (reason >= 0)
		return drop(skb, vnic->id, reason);
	measure(skb, &size);
	if (is_too_long(&size, vnic->mtu))
		return drop(skb, vnic->id, DROP_TOO_LONG);
	if (vnic->flags & VNIC_BLOCKED)
		return drop(skb, vnic->id, DROP_BLOCKED);
	class = vnic->class;
	if (vnic->flags & VNIC_FLOWS &&
	    find_flow(skb, vnic->id, frame.kind, OUT, &flow)) {
		if (flow.blocked)
			return drop_flow(skb, vnic->id, flow.id, &size, OUT);
		if (flow.from_vnic)
			class = flow.from_vnic;
		if (!(vnic->flags & VNIC_WAITS))
			count_flow(flow.id, &size, OUT);
	}
	if (vnic->flags & VNIC_WAITS)
		return shape(skb, vnic, class);
	return switch_guest(skb, vnic, &frame, &size);
}

/* At the far ends of shapers: what guests have sent, when its turn has come. */
SEC("tc")
int from_shaper(struct __sk_buff *skb)
{
	__u32 ifindex = skb->mark;
	struct flow flow = {};
	struct frame frame;
	struct vnic *vnic;
	struct size size;

	/* What the host sends into the shaper has no mark, and no VNIC. */
	vnic = bpf_map_lookup_elem(&vnics, &ifindex);
	if (!vnic)
		return TC_ACT_SHOT;
	skb->mark = 0;
	if (parse_frame(skb, &frame))
		return drop(skb, vnic->id, DROP_TRUNCATED);
	measure(skb, &size);
	/* Once more: the mark has room for one number. */
	if (vnic->flags & VNIC_FLOWS &&
	    find_flow(skb, vnic->id, frame.kind, OUT, &flow))
		count_flow(flow.id, &size, OUT);
	return switch_guest(skb, vnic, &frame, &size);
}

/* At a physical link's ingress: everything from the wire. */
SEC("tc")
int from_link(struct __sk_buff *skb)
{
	return switch_link(skb, AT_INGRESS);
}

/* At a physical link's egress: everything that the host sends. */
SEC("tc")
int to_link(struct __sk_buff *skb)
{
	return switch_link(skb, AT_EGRESS);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
