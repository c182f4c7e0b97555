/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Whom a guest's ARP speaks for. */
#ifndef GUARD_ARP_H
#define GUARD_ARP_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "guard_allowed.h"
#include "parse.h"

/* What requests, and what answers. */
#define ARP_REQUEST 1
#define ARP_REPLY 2

/* ARP for IPv4 on Ethernet (RFC 826). */
struct arp {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_length;
	__u8 protocol_length;
	__be16 operation;
	__u8 sender_mac[ETH_ALEN];
	__u8 sender_ip[4];
	__u8 target_mac[ETH_ALEN];
	__u8 target_ip[4];
};

_Static_assert(sizeof(struct arp) == 28, "struct arp");

__noinline int guard_arp(struct __sk_buff *skb, const struct vnic *vnic)
{
	__be32 sender_ip, target_ip;
	struct arp arp;

	if (!vnic)
		return DROP_INTERNAL;
	if (bpf_skb_load_bytes(skb, ETH_HLEN, &arp, sizeof(arp)))
		return DROP_UNREADABLE;
	if (arp.hardware != bpf_htons(HARDWARE_ETHERNET) ||
	    arp.protocol != bpf_htons(ETH_P_IP) ||
	    arp.hardware_length != ETH_ALEN || arp.protocol_length != 4)
		return DROP_ARP_SPOOF;
	if (arp.operation != bpf_htons(ARP_REQUEST) &&
	    arp.operation != bpf_htons(ARP_REPLY))
		return DROP_ARP_SPOOF;
	if (!own_mac(vnic, arp.sender_mac))
		return DROP_ARP_SPOOF;
	__builtin_memcpy(&sender_ip, arp.sender_ip, sizeof(sender_ip));
	if (!own_ipv4(vnic, sender_ip))
		return DROP_ARP_SPOOF;
	/* Who probes is about to take the target for itself, and whoever was
	 * about to as well has to let it go (RFC 5227).
	 */
	__builtin_memcpy(&target_ip, arp.target_ip, sizeof(target_ip));
	if (!sender_ip && !own_ipv4(vnic, target_ip))
		return DROP_ARP_SPOOF;
	return PASS;
}

#endif /* GUARD_ARP_H */
