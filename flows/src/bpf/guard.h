/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Link protection: what a guest may send.
 *
 * flows/src/guard.rs says the same in Rust and is the definition; a test runs
 * both on the same frames. The guard comes before everything else and lets
 * pass only what every check lets pass, so nothing after it admits a frame
 * that it has dropped.
 */
#ifndef GUARD_H
#define GUARD_H

#include <linux/if_ether.h>

#include "abi.h"
#include "guard_arp.h"
#include "guard_ip.h"
#include "parse.h"
#include "station.h"

/* The checks that look behind the Ethernet header. */
#define GUARD_DEEP                                                             \
	(GUARD_RESTRICTED | GUARD_IP_NOSPOOF | GUARD_DHCP_NOSPOOF |            \
	 GUARD_DHCP4 | GUARD_DHCP6)

/* The lowest EtherType; what is below is a length. */
#define ETHERTYPE_MIN 0x0600

/*
 * SNAP (RFC 1042): another way to write an EtherType, which some stacks read.
 * The organization is none, or that of bridges to Ethernet (802.1H).
 */
static __always_inline int guard_snap(struct __sk_buff *skb)
{
	__u8 llc[6];

	if (bpf_skb_load_bytes(skb, ETH_HLEN, llc, sizeof(llc)))
		return PASS;
	if (llc[0] == 0xaa && llc[1] == 0xaa && llc[2] == 0x03 && !llc[3] &&
	    !llc[4] && (!llc[5] || llc[5] == 0xf8))
		return DROP_UNREADABLE;
	return PASS;
}

/* The checks behind the Ethernet header. */
static __always_inline int guard_payload(struct __sk_buff *skb,
					 const struct vnic *vnic,
					 const struct frame *frame)
{
	__u16 kind = frame->kind;

	switch (kind) {
	case ETH_P_IP:
		if (vnic->guard & (GUARD_IP_NOSPOOF | GUARD_DHCP_NOSPOOF))
			return guard_ipv4(skb, vnic, &frame->ip);
		/* There is nothing to check, but something to tell. */
		if (vnic->guard & GUARD_DHCP4)
			guard_ipv4(skb, vnic, &frame->ip);
		return PASS;
	case ETH_P_IPV6:
		if (vnic->guard & (GUARD_IP_NOSPOOF | GUARD_DHCP_NOSPOOF))
			return guard_ipv6(skb, vnic);
		if (vnic->guard & GUARD_DHCP6)
			guard_ipv6(skb, vnic);
		return PASS;
	case ETH_P_ARP:
		if (vnic->guard & GUARD_IP_NOSPOOF)
			return guard_arp(skb, vnic);
		return PASS;
	}
	if (vnic->guard & GUARD_RESTRICTED)
		return DROP_RESTRICTED;
	if (!(vnic->guard & GUARD_IP_NOSPOOF))
		return PASS;
	if (kind == ETH_P_RARP)
		return DROP_ARP_SPOOF;
	return kind < ETHERTYPE_MIN ? guard_snap(skb) : PASS;
}

/* The reason to drop a guest's frame; negative when there is none. */
static __always_inline int guard(struct __sk_buff *skb, const struct vnic *vnic,
				 const struct frame *frame)
{
	/* A guest is on one VLAN, and its VNIC says which. */
	if (frame->tag != TAG_NONE)
		return DROP_GUEST_TAG;
	/* A group is never a sender, whether or not the VNIC is guarded. */
	if (is_multicast(frame->src))
		return DROP_MAC_SPOOF;
	if (vnic->guard & GUARD_MAC_NOSPOOF && !is_from(frame, vnic) &&
	    !other_mac(vnic, frame->src))
		return DROP_MAC_SPOOF;
	if (!(vnic->guard & GUARD_DEEP))
		return PASS;
	return guard_payload(skb, vnic, frame);
}

#endif /* GUARD_H */
