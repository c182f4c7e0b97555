/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Whom a guest's IP packets come from, and what they carry. */
#ifndef GUARD_IP_H
#define GUARD_IP_H

#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "chain.h"
#include "guard_allowed.h"
#include "guard_dhcp.h"
#include "guard_nd.h"
#include "tell.h"

/* A header that is not all there is zero, and no version of IP is 0. */
__noinline int guard_ipv4(struct __sk_buff *skb, const struct vnic *vnic,
			  const struct iphdr *ip)
{
	__u32 at, end, fragment;
	struct udp_ports udp;
	int reason = PASS;

	if (!vnic || !ip)
		return DROP_INTERNAL;
	at = ETH_HLEN + ip->ihl * 4;
	if (ip->version != 4 || ip->ihl < 5 || at > skb->len)
		return DROP_UNREADABLE;
	if (vnic->guard & GUARD_IP_NOSPOOF && !is_first4(vnic, ip->saddr) &&
	    !other_ipv4(vnic, ip->saddr))
		return DROP_IP_SPOOF;
	if (ip->protocol != IPPROTO_UDP)
		return PASS;
	/* What a later fragment carries can't be told. It is of no use where
	 * the first one was dropped.
	 */
	fragment = bpf_ntohs(ip->frag_off);
	if (fragment & IPV4_OFFSET)
		return PASS;
	end = ETH_HLEN + bpf_ntohs(ip->tot_len);
	if (at + sizeof(udp) > end ||
	    bpf_skb_load_bytes(skb, at, &udp, sizeof(udp)))
		return DROP_UNREADABLE;
	if (!has_port(&udp, DHCP4_SERVER) && !has_port(&udp, DHCP4_CLIENT))
		return PASS;
	if ((vnic->guard & (GUARD_IP_NOSPOOF | GUARD_DHCP4)) ==
	    GUARD_IP_NOSPOOF)
		return DROP_DHCP_OFF;
	if (vnic->guard & GUARD_DHCP_NOSPOOF) {
		if (fragment & IPV4_MORE)
			return DROP_DHCP_HIDDEN;
		reason = guard_dhcp4(skb, vnic, at, end);
	}
	if (reason == PASS && vnic->guard & GUARD_DHCP4 &&
	    udp.dest == bpf_htons(DHCP4_SERVER))
		tell_said(skb, vnic);
	return reason;
}

/* What an IPv6 packet carries, at the end of its chain. */
static __always_inline int guard_ipv6_payload(const struct vnic *vnic,
					      const struct chain *chain)
{
	struct __sk_buff *skb = chain->skb;
	struct udp_ports udp;
	int reason = PASS;
	__u8 type;

	if (chain->protocol == IPPROTO_ICMPV6) {
		if (!(vnic->guard & GUARD_IP_NOSPOOF))
			return PASS;
		if (chain->at + sizeof(type) > chain->end ||
		    bpf_skb_load_bytes(skb, chain->at, &type, sizeof(type)))
			return DROP_UNREADABLE;
		if (type < ND_ROUTER_SOLICITATION || type > ND_REDIRECT)
			return PASS;
		if (chain->hidden)
			return DROP_ND_HIDDEN;
		return guard_nd(skb, vnic, type, chain->end);
	}
	if (chain->protocol != IPPROTO_UDP)
		return PASS;
	if (chain->at + sizeof(udp) > chain->end ||
	    bpf_skb_load_bytes(skb, chain->at, &udp, sizeof(udp)))
		return DROP_UNREADABLE;
	if (!has_port(&udp, DHCP6_SERVER) && !has_port(&udp, DHCP6_CLIENT))
		return PASS;
	if ((vnic->guard & (GUARD_IP_NOSPOOF | GUARD_DHCP6)) ==
	    GUARD_IP_NOSPOOF)
		return DROP_DHCP_OFF;
	if (vnic->guard & GUARD_DHCP_NOSPOOF) {
		if (chain->fragment)
			return DROP_DHCP_HIDDEN;
		reason = guard_dhcp6(skb, vnic, chain->at, chain->end);
	}
	if (reason == PASS && vnic->guard & GUARD_DHCP6 &&
	    udp.dest == bpf_htons(DHCP6_SERVER))
		tell_said(skb, vnic);
	return reason;
}

__noinline int guard_ipv6(struct __sk_buff *skb, const struct vnic *vnic)
{
	struct chain chain = { .skb = skb, .at = ETH_HLEN + IPV6_HLEN };
	struct ipv6hdr ip;

	if (!vnic)
		return DROP_INTERNAL;
	if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)))
		return DROP_UNREADABLE;
	chain.protocol = ip.nexthdr;
	chain.end = chain.at + bpf_ntohs(ip.payload_len);
	/* A jumbogram's length is in an option of its first header. */
	if (!ip.payload_len && ip.nexthdr == IPPROTO_HOPOPTS)
		chain.end = skb->len;
	if (ip.version != 6 || chain.end > skb->len)
		return DROP_UNREADABLE;
	if (vnic->guard & GUARD_IP_NOSPOOF && !is_first6(vnic, &ip.saddr) &&
	    !other_ipv6(vnic, &ip.saddr))
		return DROP_IP_SPOOF;
	if (is_extension(chain.protocol))
		bpf_loop(EXTENSIONS_MAX, chain_step, &chain, 0);
	if (chain.later)
		return PASS;
	if (chain.broken || is_extension(chain.protocol))
		return DROP_UNREADABLE;
	return guard_ipv6_payload(vnic, &chain);
}

#endif /* GUARD_IP_H */
