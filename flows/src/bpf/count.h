/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Counting. A CPU has its own copy of each VNIC's counters and a program is
 * not interrupted by another on the same CPU, so plain additions do.
 */
#ifndef COUNT_H
#define COUNT_H

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "maps.h"
#include "parse.h"

/* A frame as the wire sees it: a large one is many, each with headers. */
struct size {
	__u64 packets;
	__u64 bytes;
};

/*
 * Measures a frame as a guest sends or receives it: without its VLAN's tag. A
 * tag that still stands beside the bytes is the guest's own business and part
 * of the frame.
 */
static __always_inline void measure(struct __sk_buff *skb, struct size *size)
{
	__u32 headers, gso_size = skb->gso_size, segs = skb->gso_segs;
	__u32 tag = skb->vlan_present ? TAG_LEN : 0;

	size->packets = 1;
	size->bytes = skb->len + tag;
	if (!gso_size)
		return;
	headers = repeated_headers(skb) + tag;
	/* The kernel does not trust a guest's own count, and makes none. */
	if (!segs && size->bytes > headers)
		segs = (size->bytes - headers + gso_size - 1) / gso_size;
	if (segs > 1) {
		size->packets = segs;
		size->bytes += (__u64)(segs - 1) * headers;
	}
}

static __always_inline void count_in(__u32 id, const struct size *size)
{
	struct counters *row = bpf_map_lookup_elem(&counters, &id);

	if (!row)
		return;
	row->ipackets += size->packets;
	row->rbytes += size->bytes;
}

static __always_inline void count_out(__u32 id, const struct size *size)
{
	struct counters *row = bpf_map_lookup_elem(&counters, &id);

	if (!row)
		return;
	row->opackets += size->packets;
	row->obytes += size->bytes;
}

/* Drops a guest's frame and says why. */
static __always_inline int drop(struct __sk_buff *skb, __u32 id,
				enum drop_reason reason)
{
	struct counters *row = bpf_map_lookup_elem(&counters, &id);
	struct size size;

	if (!row)
		return TC_ACT_SHOT;
	measure(skb, &size);
	/* Reasons are below the maximum, which the verifier can't know. */
	row->drops[reason & (DROP_REASONS_MAX - 1)] += size.packets;
	return TC_ACT_SHOT;
}

#endif /* COUNT_H */
