/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Tags. Guests see none; the wire and the host see those of the VLANs. */
#ifndef VLAN_H
#define VLAN_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "parse.h"

/* Tags a frame for the link; VLAN 0 is none. */
static __always_inline int tag_for_link(struct __sk_buff *skb, __u16 vid)
{
	if (!vid)
		return 0;
	return bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), vid);
}

/*
 * Takes a link's tag off, also one that carries a priority but no VLAN. On
 * failure the frame is as it was.
 */
static __always_inline int tag_off(struct __sk_buff *skb,
				   const struct frame *frame)
{
	if (frame->tag != TAG_8021Q)
		return 0;
	return bpf_skb_vlan_pop(skb);
}

/* The EtherType of a frame whose tag is off: it was behind the tag, unless the
 * kernel had that beside the bytes.
 */
static __always_inline __u16 inner_kind(struct __sk_buff *skb,
					const struct frame *frame)
{
	__be16 kind;

	if (frame->tag == TAG_NONE)
		return frame->kind;
	if (bpf_skb_load_bytes(skb, ETH_HLEN - sizeof(kind), &kind,
			       sizeof(kind)))
		return 0;
	return bpf_ntohs(kind);
}

/* Puts back what tag_off() took, priority and drop bit included. */
static __always_inline int tag_on(struct __sk_buff *skb,
				  const struct frame *frame)
{
	if (frame->tag != TAG_8021Q)
		return 0;
	return bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), frame->tci);
}

#endif /* VLAN_H */
