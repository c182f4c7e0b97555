/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The headers of IPv6, one behind the other. */
#ifndef CHAIN_H
#define CHAIN_H

#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/*
 * The headers between an IPv6 header and what it carries. Real packets have
 * two or three; a longer chain is there to get behind somebody's guard.
 */
#define EXTENSIONS_MAX 8

/* The protocol numbers of IPv6 extension headers that linux/in.h lacks. */
#define EXTENSION_HIP 139
#define EXTENSION_SHIM6 140

/* The third word of a fragment header. */
#define IPV6_MORE 0x0001
#define IPV6_OFFSET 0xfff8

/* Where a walk of the headers is. */
struct chain {
	struct __sk_buff *skb;
	__u32 at; /* the next header */
	__u32 end; /* of the packet */
	__u32 protocol; /* of the next header */
	__u32 hidden; /* there were headers before it */
	__u32 fragment; /* it is in a first fragment */
	__u32 later; /* it is in a later fragment, and can't be told */
	__u32 broken; /* it is not all there */
};

/* What every extension header begins with. */
struct extension {
	__u8 next;
	__u8 length;
	__be16 fragment; /* in a fragment header */
};

static __always_inline bool is_extension(__u32 protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_FRAGMENT || protocol == IPPROTO_AH ||
	       protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_MH ||
	       protocol == EXTENSION_HIP || protocol == EXTENSION_SHIM6;
}

/* Goes over one header; non-zero ends the walk. */
static long chain_step(__u32 index, struct chain *chain)
{
	struct extension head;
	__u32 fragment;

	(void)index;
	if (!is_extension(chain->protocol))
		return 1;
	/* None is shorter than eight bytes. */
	if (chain->at + 8 > chain->end ||
	    bpf_skb_load_bytes(chain->skb, chain->at, &head, sizeof(head))) {
		chain->broken = true;
		return 1;
	}
	if (chain->protocol == IPPROTO_FRAGMENT) {
		fragment = bpf_ntohs(head.fragment);
		if (fragment & IPV6_OFFSET) {
			chain->later = true;
			return 1;
		}
		/* Whole packets may have a fragment header too (RFC 6946), and
		 * count as fragments as RFC 6980 has it.
		 */
		chain->fragment = true;
		chain->at += 8;
	} else if (chain->protocol == IPPROTO_AH) {
		chain->at += (head.length + 2) * 4;
	} else {
		chain->at += (head.length + 1) * 8;
	}
	chain->hidden = true;
	chain->protocol = head.next;
	return 0;
}

#endif /* CHAIN_H */
