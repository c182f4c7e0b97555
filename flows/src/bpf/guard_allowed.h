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

/* Ethernet, as ARP and DHCP number kinds of hardware. linux/if_arp.h has it
 * too, but needs the C library's headers.
 */
#define HARDWARE_ETHERNET 1

/* No reason to drop a frame. */
#define PASS (-1)

/* Whether a VNIC's addresses are fixed, which leaves nothing to ask DHCP for.
 */
static __always_inline bool has_ipv4(__u32 id)
{
	return bpf_map_lookup_elem(&allowed4, &id);
}

static __always_inline bool has_ipv6(__u32 id)
{
	return bpf_map_lookup_elem(&allowed6, &id);
}

/* Whether an IPv4 address is one that the VNIC may speak as. */
__noinline int own_ipv4(__u32 id, __be32 address)
{
	struct allowed4 *allowed;

	/* A guest that has no address yet. */
	if (!address)
		return true;
	allowed = bpf_map_lookup_elem(&allowed4, &id);
	if (!allowed)
		return false;
	for (__u32 i = 0; i < ALLOWED_MAX; i++) {
		const struct network4 *network = &allowed->networks[i];

		if (i >= allowed->count)
			break;
		if (!((address ^ network->address) & network->mask))
			return true;
	}
	return false;
}

/* Whether an IPv6 address is one that the VNIC may speak as. */
__noinline int own_ipv6(const struct vnic *vnic, const struct in6_addr *address)
{
	struct allowed6 *allowed;
	__be32 a, b, c, d;
	__u32 id;

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
	    c == bpf_htonl((__u32)(vnic->mac[0] ^ 2) << 24 |
			   vnic->mac[1] << 16 | vnic->mac[2] << 8 | 0xff) &&
	    d == bpf_htonl(0xfe000000 | vnic->mac[3] << 16 | vnic->mac[4] << 8 |
			   vnic->mac[5]))
		return true;
	id = vnic->id;
	allowed = bpf_map_lookup_elem(&allowed6, &id);
	if (!allowed)
		return false;
	for (__u32 i = 0; i < ALLOWED_MAX; i++) {
		const struct network6 *network = &allowed->networks[i];

		if (i >= allowed->count)
			break;
		if (!(((a ^ network->address[0]) & network->mask[0]) |
		      ((b ^ network->address[1]) & network->mask[1]) |
		      ((c ^ network->address[2]) & network->mask[2]) |
		      ((d ^ network->address[3]) & network->mask[3])))
			return true;
	}
	return false;
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
