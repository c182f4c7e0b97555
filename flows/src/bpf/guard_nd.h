/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Whom a guest's Neighbor Discovery speaks for (RFC 4861). */
#ifndef GUARD_ND_H
#define GUARD_ND_H

#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in6.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "guard_allowed.h"
#include "parse.h"

/* Types of ICMPv6. */
#define ND_ROUTER_SOLICITATION 133
#define ND_ROUTER_ADVERTISEMENT 134
#define ND_NEIGHBOR_SOLICITATION 135
#define ND_NEIGHBOR_ADVERTISEMENT 136
#define ND_REDIRECT 137

/* A message stands right behind the IPv6 header, or it is dropped. */
#define ND_AT (ETH_HLEN + IPV6_HLEN)

/* The options of a message. Real ones have one or two, with SEND five. */
#define ND_OPTIONS_MAX 16

/* Where an IPv6 header has its source. */
#define IPV6_SOURCE_AT (ETH_HLEN + 8)

static __always_inline bool is_unspecified(const struct in6_addr *address)
{
	const __be32 *words = address->in6_u.u6_addr32;

	return !(words[0] | words[1] | words[2] | words[3]);
}

/* Where a walk of the options is. */
struct nd_options {
	struct __sk_buff *skb;
	__u32 at;
	__u32 end;
	const struct vnic *vnic;
	__s32 reason; /* to drop the message */
};

/* Source (1) and target (2) link-layer address are made alike. */
struct nd_option {
	__u8 type;
	__u8 length; /* in units of eight bytes */
	__u8 mac[ETH_ALEN];
};

/* Looks at one option; non-zero ends the walk. */
static long nd_option_step(__u32 index, struct nd_options *options)
{
	struct nd_option option;

	(void)index;
	if (options->at == options->end)
		return 1;
	options->reason = DROP_UNREADABLE;
	if (options->at + sizeof(option) > options->end ||
	    bpf_skb_load_bytes(options->skb, options->at, &option,
			       sizeof(option)))
		return 1;
	if (!option.length || options->at + option.length * 8 > options->end)
		return 1;
	if (option.type == 1 || option.type == 2) {
		options->reason = DROP_ND_SPOOF;
		if (option.length != 1 || !own_mac(options->vnic, option.mac))
			return 1;
	}
	options->reason = PASS;
	options->at += option.length * 8;
	return 0;
}

__noinline int guard_nd(struct __sk_buff *skb, const struct vnic *vnic,
			__u32 type, __u32 end)
{
	struct nd_options options = {
		.skb = skb,
		.end = end,
		.vnic = vnic,
		.reason = PASS,
	};
	struct in6_addr source, target;
	bool claims = type == ND_NEIGHBOR_ADVERTISEMENT;

	if (!vnic)
		return DROP_INTERNAL;
	if (type == ND_ROUTER_ADVERTISEMENT || type == ND_REDIRECT)
		return DROP_ROUTER_SPOOF;
	/* A solicitation of routers has no target. */
	options.at = ND_AT + (type == ND_ROUTER_SOLICITATION ? 8 : 24);
	if (options.at > end)
		return DROP_UNREADABLE;
	/* Who asks from nowhere is about to take the target for itself, and
	 * whoever was about to as well has to let it go (RFC 4862).
	 */
	if (type == ND_NEIGHBOR_SOLICITATION) {
		if (bpf_skb_load_bytes(skb, IPV6_SOURCE_AT, &source,
				       sizeof(source)))
			return DROP_UNREADABLE;
		claims = is_unspecified(&source);
	}
	if (claims) {
		if (bpf_skb_load_bytes(skb, ND_AT + 8, &target, sizeof(target)))
			return DROP_UNREADABLE;
		if (!own_ipv6(vnic, &target))
			return DROP_ND_SPOOF;
	}
	bpf_loop(ND_OPTIONS_MAX, nd_option_step, &options, 0);
	if (options.reason != PASS)
		return options.reason;
	return options.at == end ? PASS : DROP_UNREADABLE;
}

#endif /* GUARD_ND_H */
