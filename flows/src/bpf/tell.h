/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What netd is told of: frames that may be about the addresses of guests. What
 * they mean is worked out there. A program only keeps the telling within
 * bounds, so that nobody can keep netd busy by sending frames.
 */
#ifndef TELL_H
#define TELL_H

#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "guard_dhcp.h"
#include "guard_nd.h"
#include "maps.h"
#include "parse.h"

/* Stretches of time are of 2^27 ns, which is 134 ms. */
#define STRETCH_SHIFT 27

/* Frames of one VNIC, and of all floods, that are told in a stretch, per CPU. A
 * client that gets an address takes four frames, the host's boot as many for
 * each guest.
 */
#define TELL_MAX 16
#define TELL_FLOODS_MAX 256

static __always_inline bool spend(struct budget *budget, __u32 max)
{
	__u32 stretch = bpf_ktime_get_boot_ns() >> STRETCH_SHIFT;

	if (budget->stretch != stretch) {
		budget->stretch = stretch;
		budget->spent = 0;
	}
	if (budget->spent >= max)
		return false;
	budget->spent++;
	return true;
}

/* Copies an untagged frame to netd. */
static __always_inline void tell(struct __sk_buff *skb, struct telling *telling,
				 __u32 id, __u32 segment, __u16 vid, bool asks)
{
	__u64 length = skb->len;

	if (length > TOLD_MAX)
		length = TOLD_MAX;
	telling->head.id = id;
	telling->head.segment = segment;
	telling->head.vid = vid;
	telling->head.asks = asks;
	telling->head.length = length;
	/* Neither 0 nor above the maximum, in words that a verifier of
	 * Linux 6.1 understands.
	 */
	length--;
	barrier_var(length);
	length &= TOLD_MAX - 1;
	length++;
	if (bpf_skb_load_bytes(skb, 0, telling->frame, length))
		return;
	bpf_ringbuf_output(&told_ring, telling, sizeof(telling->head) + length,
			   0);
}

/* Tells of a frame that a guest sends to get an address, or to give it up. */
__noinline int tell_said(struct __sk_buff *skb, const struct vnic *vnic)
{
	struct drops *row;
	struct telling *telling;
	__u32 id, zero = 0;

	if (!vnic)
		return 0;
	id = vnic->id;
	row = bpf_map_lookup_elem(&drops, &id);
	telling = bpf_map_lookup_elem(&telling_place, &zero);
	if (row && telling && spend(&row->said, TELL_MAX))
		tell(skb, telling, id, vnic->segment, vnic->vid, true);
	return 0;
}

/* Whether an untagged frame may give a guest an address: an answer of DHCP's,
 * or what a router advertises.
 */
static __always_inline bool gives_address(struct __sk_buff *skb, __u16 kind)
{
	struct udp_ports udp;
	struct ipv6hdr ip6;
	struct iphdr ip;
	__u8 type;

	if (kind == ETH_P_IP) {
		if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) ||
		    ip.protocol != IPPROTO_UDP ||
		    bpf_skb_load_bytes(skb, ETH_HLEN + ip.ihl * 4, &udp,
				       sizeof(udp)))
			return false;
		return udp.dest == bpf_htons(DHCP4_CLIENT) ||
		       udp.source == bpf_htons(DHCP4_SERVER);
	}
	if (kind != ETH_P_IPV6 ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &ip6, sizeof(ip6)))
		return false;
	if (ip6.nexthdr == IPPROTO_UDP)
		return !bpf_skb_load_bytes(skb, ND_AT, &udp, sizeof(udp)) &&
		       udp.dest == bpf_htons(DHCP6_CLIENT);
	return ip6.nexthdr == IPPROTO_ICMPV6 &&
	       !bpf_skb_load_bytes(skb, ND_AT, &type, sizeof(type)) &&
	       type == ND_ROUTER_ADVERTISEMENT;
}

/* Functions have five arguments at most. */
#define VID_AND_KIND(vid, kind) ((__u32)(vid) << 16 | (kind))

/* Tells of a frame of `from`, or of the link, that is on its way to one VNIC,
 * which may come by addresses.
 */
__noinline int tell_heard(struct __sk_buff *skb, __u32 id, __u32 from,
			  __u32 segment, __u32 vid_and_kind)
{
	struct telling *telling;
	struct drops *row;
	__u32 zero = 0;

	if (!gives_address(skb, vid_and_kind))
		return 0;
	row = bpf_map_lookup_elem(&drops, &id);
	telling = bpf_map_lookup_elem(&telling_place, &zero);
	if (row && telling && spend(&row->heard, TELL_MAX))
		tell(skb, telling, from, segment, vid_and_kind >> 16, false);
	return 0;
}

/* Tells of a frame of `from`, or of the link, that is on its way to many. */
__noinline int tell_flood(struct __sk_buff *skb, __u32 from, __u32 segment,
			  __u32 vid_and_kind)
{
	struct telling *telling;
	__u32 zero = 0;

	if (!gives_address(skb, vid_and_kind))
		return 0;
	telling = bpf_map_lookup_elem(&telling_place, &zero);
	if (telling && spend(&telling->floods, TELL_FLOODS_MAX))
		tell(skb, telling, from, segment, vid_and_kind >> 16, false);
	return 0;
}

#endif /* TELL_H */
