/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Which flow a frame is in.
 *
 * flows/src/classify.rs is the definition. A frame is looked up in one table,
 * once under each mask of its VNIC's flows, from the most specific to the
 * least, and the first hit is its flow: it costs as many lookups as there are
 * masks, and the same with one flow as with thousands.
 */
#ifndef CLASSIFY_H
#define CLASSIFY_H

#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "chain.h"
#include "count.h"
#include "maps.h"
#include "parse.h"

/* Which way a frame goes, seen from the VNIC. */
enum direction {
	OUT,
	IN,
};

/* The source's and the destination's port, of protocols that have any. */
struct ports {
	__be16 from;
	__be16 to;
};

/* A search for a frame's flow. */
struct search {
	struct flow_masks *masks;
	struct flow_tuple tuple;
	struct flow_key key;
	struct flow flow;
	__u32 hit;
};

/* Puts addresses and ports where the direction wants them. */
static __always_inline void place(struct flow_tuple *tuple, __u32 direction,
				  const void *from, const void *to, __u32 size,
				  const struct ports *ports)
{
	if (direction == OUT) {
		__builtin_memcpy(tuple->local, from, size);
		__builtin_memcpy(tuple->remote, to, size);
		tuple->local_port = ports->from;
		tuple->remote_port = ports->to;
	} else {
		__builtin_memcpy(tuple->local, to, size);
		__builtin_memcpy(tuple->remote, from, size);
		tuple->local_port = ports->to;
		tuple->remote_port = ports->from;
	}
}

/* Reads the fields of an IPv4 packet; whether it is one. */
static __always_inline bool
fields_of_ipv4(struct __sk_buff *skb, __u32 direction, struct flow_tuple *tuple)
{
	struct ports ports = {};
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) ||
	    ip.version != 4 || ip.ihl < 5)
		return false;
	/* What a later fragment carries can't be told. */
	if (!(ip.frag_off & bpf_htons(IPV4_OFFSET))) {
		tuple->protocol = ip.protocol;
		if (bpf_skb_load_bytes(skb, ETH_HLEN + ip.ihl * 4, &ports,
				       sizeof(ports)))
			__builtin_memset(&ports, 0, sizeof(ports));
	}
	tuple->family = 4;
	tuple->dsfield = ip.tos;
	place(tuple, direction, &ip.saddr, &ip.daddr, sizeof(ip.saddr), &ports);
	return true;
}

/* Reads the fields of an IPv6 packet; whether it is one. */
static __always_inline bool
fields_of_ipv6(struct __sk_buff *skb, __u32 direction, struct flow_tuple *tuple)
{
	struct chain chain = {
		.skb = skb,
		.at = ETH_HLEN + IPV6_HLEN,
		.end = skb->len,
	};
	struct ports ports = {};
	struct ipv6hdr ip;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) ||
	    ip.version != 6)
		return false;
	chain.protocol = ip.nexthdr;
	if (is_extension(chain.protocol))
		bpf_loop(EXTENSIONS_MAX, chain_step, &chain, 0);
	if (!chain.later && !chain.broken && !is_extension(chain.protocol)) {
		tuple->protocol = chain.protocol;
		if (bpf_skb_load_bytes(skb, chain.at, &ports, sizeof(ports)))
			__builtin_memset(&ports, 0, sizeof(ports));
	}
	tuple->family = 6;
	tuple->dsfield = ip.priority << 4 | ip.flow_lbl[0] >> 4;
	place(tuple, direction, &ip.saddr, &ip.daddr, sizeof(ip.saddr), &ports);
	return true;
}

/* Looks under one mask; non-zero ends the search. */
static long flow_step(__u32 index, struct search *search)
{
	const struct flow_mask *mask;
	struct flow *flow;

	if (index >= search->masks->count)
		return 1;
	/* The walk ends there, which the verifier can't know. */
	barrier_var(index);
	index &= FLOW_MASKS_MAX - 1;
	mask = &search->masks->masks[index];
	search->key.mask = mask->number;
	for (__u32 i = 0; i < sizeof(struct flow_tuple) / sizeof(word); i++)
		((word *)&search->key.tuple)[i] =
			((const word *)&search->tuple)[i] &
			((const word *)&mask->bits)[i];
	flow = bpf_map_lookup_elem(&flows, &search->key);
	if (!flow)
		return 0;
	search->flow = *flow;
	search->hit = true;
	return 1;
}

/* Looks for the flow of a VNIC's untagged frame; whether there is one. */
__noinline int find_flow(struct __sk_buff *skb, __u32 id, __u32 kind,
			 __u32 direction, struct flow *flow)
{
	struct search search = { .key = { .vnic = id } };
	bool ip = false;

	if (!flow)
		return false;
	search.masks = bpf_map_lookup_elem(&flow_masks, &id);
	if (!search.masks)
		return false;
	if (kind == ETH_P_IP)
		ip = fields_of_ipv4(skb, direction, &search.tuple);
	else if (kind == ETH_P_IPV6)
		ip = fields_of_ipv6(skb, direction, &search.tuple);
	if (!ip)
		return false;
	bpf_loop(FLOW_MASKS_MAX, flow_step, &search, 0);
	if (!search.hit)
		return false;
	*flow = search.flow;
	return true;
}

/* Counts a frame of a flow that passes. */
static __always_inline void count_flow(__u32 id, const struct size *size,
				       enum direction direction)
{
	struct flow_traffic *row = bpf_map_lookup_elem(&flow_traffic, &id);

	if (!row)
		return;
	if (direction == OUT) {
		row->opackets += size->packets;
		row->obytes += size->bytes;
	} else {
		row->ipackets += size->packets;
		row->rbytes += size->bytes;
	}
}

/* Drops and counts a frame of a flow that is blocked; says TC_ACT_SHOT. */
static __noinline int drop_flow(struct __sk_buff *skb, __u32 id, __u32 flow,
				const struct size *size,
				enum direction direction)
{
	struct flow_traffic *row = bpf_map_lookup_elem(&flow_traffic, &flow);

	if (row && direction == OUT)
		row->odrops += size->packets;
	else if (row)
		row->idrops += size->packets;
	return drop(skb, id,
		    direction == OUT ? DROP_FLOW_BLOCKED
				     : DROP_FLOW_BLOCKED_FOR);
}

#endif /* CLASSIFY_H */
