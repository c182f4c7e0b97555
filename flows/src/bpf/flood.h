/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Copies of a frame for each VNIC of a segment and VLAN. */
#ifndef FLOOD_H
#define FLOOD_H

#include <stdbool.h>

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "count.h"
#include "maps.h"

/* Where a walk of a list is. */
struct walk {
	struct __sk_buff *skb;
	struct flood_key at;
	__u32 sender; /* gets no copy; 0: nobody */
	struct size size;
};

/* Takes one step of the list; non-zero ends it. */
static long flood_step(__u32 index, struct walk *walk)
{
	struct flood_entry *place = bpf_map_lookup_elem(&flood, &walk->at);
	__u32 ifindex, slot, id = walk->at.id;

	(void)index;
	if (!place)
		return 1;
	ifindex = place->ifindex;
	slot = place->slot;
	walk->at.id = place->next;
	/* One VNIC that can't take its copy keeps nobody else from theirs. */
	if (!ifindex || id == walk->sender)
		return !walk->at.id;
	if (place->flags & FLOOD_BLOCKED)
		drop(walk->skb, id, DROP_BLOCKED_FOR);
	else if (is_too_long(&walk->size, place->mtu))
		drop(walk->skb, id, DROP_TOO_LONG_FOR);
	else if (!bpf_clone_redirect(walk->skb, ifindex, 0))
		count_in(slot, &walk->size);
	return !walk->at.id;
}

/* Whether a list of the segment has VNICs on the VLAN. */
static __always_inline bool has_members(__u32 segment, __u16 vid, __u16 list)
{
	struct flood_key head = {
		.segment = segment,
		.vid = vid,
		.list = list,
	};

	return bpf_map_lookup_elem(&flood, &head);
}

/*
 * Copies an untagged frame to the VNICs of a list but the sender. Copies leave
 * without a mark, which the caller sees to: a guest end in netd's own network
 * namespace would keep it.
 */
static __always_inline void flood_members(struct __sk_buff *skb, __u32 segment,
					  __u16 vid, __u16 list, __u32 sender)
{
	struct walk walk = {
		.skb = skb,
		.at = { .segment = segment, .vid = vid, .list = list },
		.sender = sender,
	};

	measure(skb, &walk.size);
	/* A list is as long as the table at most, even if it should bite its
	 * own tail while a row is being rewritten.
	 */
	bpf_loop(FLOOD_MAX, flood_step, &walk, 0);
}

#endif /* FLOOD_H */
