/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Counting. A CPU has its own copy of each VNIC's counters and a program is
 * not interrupted by another on the same CPU, so plain additions do.
 */
#ifndef COUNT_H
#define COUNT_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "maps.h"
#include "parse.h"

/* A frame as the wire sees it: a large one is many, each with headers. */
struct size {
	__u64 packets;
	__u64 bytes;
	__u32 longest; /* in bytes, of those frames */
};

/* The kernel's GSO_BY_FRAGS: how long each part is can't be told. */
#define GSO_SIZE_UNKNOWN 0xffff

/* Measures the frames that a large one of `size` is cut into. */
static __noinline void measure_large(struct __sk_buff *skb, struct size *size)
{
	__u32 headers, gso_size = skb->gso_size, segs = skb->gso_segs;
	__u32 tag = skb->vlan_present ? TAG_LEN : 0;
	__u32 longest;

	headers = repeated_headers(skb);
	/* The parts may be fragments of one datagram, which repeat no UDP
	 * header, or datagrams, which do; it can't be told.
	 */
	longest = headers & REPEATED_UDP ? gso_size - UDP_HLEN : gso_size;
	headers = (headers & ~REPEATED_UDP) + tag;
	size->longest = gso_size == GSO_SIZE_UNKNOWN ? 0 : headers + longest;
	/* The kernel does not trust a guest's own count, and makes none. */
	if (!segs && size->bytes > headers)
		segs = (size->bytes - headers + gso_size - 1) / gso_size;
	if (segs > 1) {
		size->packets = segs;
		size->bytes += (__u64)(segs - 1) * headers;
	}
}

/*
 * Measures a frame as a guest sends or receives it: without its VLAN's tag. A
 * tag that still stands beside the bytes is the guest's own business and part
 * of the frame.
 */
static __always_inline void measure(struct __sk_buff *skb, struct size *size)
{
	size->packets = 1;
	size->bytes = skb->len + (skb->vlan_present ? TAG_LEN : 0);
	size->longest = size->bytes;
	if (skb->gso_size)
		measure_large(skb, size);
}

/* Whether a frame is longer than a VNIC's MTU lets it be. */
static __always_inline bool is_too_long(const struct size *size, __u16 mtu)
{
	return size->longest > (__u32)mtu + ETH_HLEN;
}

static __always_inline void count_in(__u32 slot, const struct size *size)
{
	struct traffic *row = bpf_map_lookup_elem(&traffic, &slot);

	if (!row)
		return;
	row->ipackets += size->packets;
	row->rbytes += size->bytes;
}

static __always_inline void count_out(__u32 slot, const struct size *size)
{
	struct traffic *row = bpf_map_lookup_elem(&traffic, &slot);

	if (!row)
		return;
	row->opackets += size->packets;
	row->obytes += size->bytes;
}

/* How long a reason is not shown again, per VNIC and CPU, in ns. */
#define SHOW_PAUSE 100000000

/* Shows the beginning of a frame that is being dropped. */
static __always_inline void show(struct __sk_buff *skb, __u32 id, __u32 reason,
				 __u64 now)
{
	struct shown *shown;
	__u64 length = skb->len;

	shown = bpf_ringbuf_reserve(&shown_ring, sizeof(*shown), 0);
	if (!shown)
		return;
	shown->at = now;
	shown->id = id;
	shown->reason = reason;
	shown->frame_length = skb->len;
	shown->tci = skb->vlan_tci;
	shown->tagged = skb->vlan_present;
	__builtin_memset(shown->pad, 0, sizeof(shown->pad));
	__builtin_memset(shown->bytes, 0, sizeof(shown->bytes));
	if (length > SHOWN_MAX)
		length = SHOWN_MAX;
	shown->length = length;
	/* Neither 0 nor above the maximum, in words that a verifier of
	 * Linux 6.1 understands.
	 */
	length--;
	barrier_var(length);
	length &= SHOWN_MAX - 1;
	if (bpf_skb_load_bytes(skb, 0, shown->bytes, length + 1))
		shown->length = 0;
	bpf_ringbuf_submit(shown, 0);
}

/*
 * Counts a frame that is being dropped, whether a guest sent it or it was on
 * its way to one; says TC_ACT_SHOT.
 */
__noinline int drop(struct __sk_buff *skb, __u32 id, __u32 reason)
{
	struct drops *row = bpf_map_lookup_elem(&drops, &id);
	struct size size;
	__u64 now;

	if (!row)
		return TC_ACT_SHOT;
	measure(skb, &size);
	/* Reasons are below the maximum, which the verifier can't know. */
	reason &= DROP_REASONS_MAX - 1;
	row->frames[reason] += size.packets;
	now = bpf_ktime_get_boot_ns();
	if (now - row->shown[reason] < SHOW_PAUSE)
		return TC_ACT_SHOT;
	row->shown[reason] = now;
	show(skb, id, reason, now);
	return TC_ACT_SHOT;
}

#endif /* COUNT_H */
