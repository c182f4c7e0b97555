/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Who a VNIC may be.
 *
 * Here and in the other guards, larger units are global functions: the
 * verifier takes each by itself and once, however often it is called. It knows
 * nothing of their arguments then, which is why pointers are tested for NULL.
 */
#ifndef GUARD_ALLOWED_H
#define GUARD_ALLOWED_H

#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/in6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "maps.h"
#include "station.h"

/* Ethernet, as ARP and DHCP number kinds of hardware. linux/if_arp.h has it
 * too, but needs the C library's headers.
 */
#define HARDWARE_ETHERNET 1

/* No reason to drop a frame. */
#define PASS (-1)

/* Whether an IPv4 address is one of a network's. */
static __always_inline bool in_network4(const struct network4 *network,
					__be32 address)
{
	return !((address ^ network->address) & network->mask);
}

/* Whether an IPv4 address is listed for the VNIC. */
static __always_inline bool listed_ipv4(__u32 id, __be32 address)
{
	struct allowed4 *allowed = bpf_map_lookup_elem(&allowed4, &id);

	if (!allowed)
		return false;
	for (__u32 i = 0; i < ALLOWED_MAX; i++) {
		if (i >= allowed->count)
			break;
		if (in_network4(&allowed->networks[i], address))
			return true;
	}
	return false;
}

/* Whether an IPv4 address is the one in the VNIC's row. */
static __always_inline bool is_first4(const struct vnic *vnic, __be32 address)
{
	return in_network4(&vnic->first4, address);
}

/* Whether an IPv4 address is another that the VNIC may speak as. */
__noinline int other_ipv4(const struct vnic *vnic, __be32 address)
{
	struct learned learned = {};

	if (!vnic)
		return false;
	/* A guest that has no address yet. */
	if (!address)
		return true;
	if (vnic->guard & GUARD_ALLOWED4 && listed_ipv4(vnic->id, address))
		return true;
	if (!(vnic->guard & GUARD_DHCP4))
		return false;
	learned.id = vnic->id;
	learned.family = FAMILY_IPV4;
	learned.address[0] = address;
	return bpf_map_lookup_elem(&learned_addresses, &learned) ? true : false;
}

/* Whether an IPv6 address, in four words, is one of a network's. */
static __always_inline bool in_network6(const struct network6 *network,
					__be32 a, __be32 b, __be32 c, __be32 d)
{
	return !(((a ^ network->address[0]) & network->mask[0]) |
		 ((b ^ network->address[1]) & network->mask[1]) |
		 ((c ^ network->address[2]) & network->mask[2]) |
		 ((d ^ network->address[3]) & network->mask[3]));
}

/* Whether an IPv6 address is listed for the VNIC. */
static __always_inline bool listed_ipv6(__u32 id, __be32 a, __be32 b, __be32 c,
					__be32 d)
{
	struct allowed6 *allowed = bpf_map_lookup_elem(&allowed6, &id);

	if (!allowed)
		return false;
	for (__u32 i = 0; i < ALLOWED_MAX; i++) {
		if (i >= allowed->count)
			break;
		if (in_network6(&allowed->networks[i], a, b, c, d))
			return true;
	}
	return false;
}

/* Whether an IPv4 address is one that the VNIC may speak as. */
static __always_inline bool own_ipv4(const struct vnic *vnic, __be32 address)
{
	return is_first4(vnic, address) || other_ipv4(vnic, address);
}

/* Whether an IPv6 address is the one in the VNIC's row. */
static __always_inline bool is_first6(const struct vnic *vnic,
				      const struct in6_addr *address)
{
	const __be32 *words = address->in6_u.u6_addr32;

	return in_network6(&vnic->first6, words[0], words[1], words[2],
			   words[3]);
}

/* Whether an IPv6 address is another that the VNIC may speak as. */
__noinline int other_ipv6(const struct vnic *vnic,
			  const struct in6_addr *address)
{
	struct learned learned = {};
	__be32 a, b, c, d;

	if (!vnic || !address)
		return false;
	a = address->in6_u.u6_addr32[0];
	b = address->in6_u.u6_addr32[1];
	c = address->in6_u.u6_addr32[2];
	d = address->in6_u.u6_addr32[3];
	/* A guest that has no address yet. */
	if (!(a | b | c | d))
		return true;
	/* The link-local address that RFC 4291 makes of a MAC address. */
	if (a == bpf_htonl(0xfe800000) && !b &&
	    (c & bpf_htonl(0xff)) == bpf_htonl(0xff) &&
	    (d & bpf_htonl(0xff000000)) == bpf_htonl(0xfe000000)) {
		__u32 head = bpf_ntohl(c), tail = bpf_ntohl(d);
		__u8 mac[ETH_ALEN] = {
			(head >> 24) ^ 2, head >> 16, head >> 8,
			tail >> 16,	  tail >> 8,  tail,
		};

		if (own_mac(vnic, mac))
			return true;
	}
	if (vnic->guard & GUARD_ALLOWED6 && listed_ipv6(vnic->id, a, b, c, d))
		return true;
	if (!(vnic->guard & (GUARD_DHCP6 | GUARD_SLAAC)))
		return false;
	learned.id = vnic->id;
	learned.family = FAMILY_IPV6;
	learned.address[0] = a;
	learned.address[1] = b;
	learned.address[2] = c;
	learned.address[3] = d;
	return bpf_map_lookup_elem(&learned_addresses, &learned) ? true : false;
}

/* Whether an IPv6 address is one that the VNIC may speak as. */
static __always_inline bool own_ipv6(const struct vnic *vnic,
				     const struct in6_addr *address)
{
	return is_first6(vnic, address) || other_ipv6(vnic, address);
}

/* Whether bytes of a frame are a DHCP client id that the VNIC may use. */
__noinline int listed_client_id(struct __sk_buff *skb, __u32 id, __u32 at,
				__u64 length)
{
	struct client_id *key;
	__u32 zero = 0;

	if (!length || length > CLIENT_ID_MAX)
		return false;
	key = bpf_map_lookup_elem(&scratch, &zero);
	if (!key)
		return false;
	__builtin_memset(key, 0, sizeof(*key));
	key->id = id;
	key->length = length;
	/* Neither 0 nor above the maximum, in words that a verifier of
	 * Linux 6.1 understands.
	 */
	length--;
	barrier_var(length);
	length &= CLIENT_ID_MAX - 1;
	if (bpf_skb_load_bytes(skb, at, key->bytes, length + 1))
		return false;
	return bpf_map_lookup_elem(&client_ids, key) ? true : false;
}

#endif /* GUARD_ALLOWED_H */
