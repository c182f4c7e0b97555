/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Whom a guest's DHCP speaks for. */
#ifndef GUARD_DHCP_H
#define GUARD_DHCP_H

#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "guard_allowed.h"
#include "parse.h"

#define DHCP4_SERVER 67
#define DHCP4_CLIENT 68
#define DHCP6_CLIENT 546
#define DHCP6_SERVER 547

/* Options and pads of one message. Clients send about ten. */
#define DHCP_OPTIONS_MAX 64

/* The first half of a UDP header, which every first fragment has. */
struct udp_ports {
	__be16 source;
	__be16 dest;
};

static __always_inline bool has_port(const struct udp_ports *udp, __u16 port)
{
	return udp->source == bpf_htons(port) || udp->dest == bpf_htons(port);
}

/* Where a walk of the options is. */
struct dhcp_options {
	struct __sk_buff *skb;
	__u32 at;
	__u32 end;
	__u32 id_at; /* the client id */
	__u32 id_length;
	__u32 id_seen;
	__u32 done;
	__s32 reason; /* to drop the message */
};

/* DHCPv4 up to its options (RFC 2131). */
struct dhcp4 {
	__u8 operation; /* 1: a client speaks */
	__u8 hardware;
	__u8 hardware_length;
	__u8 hops;
	__u8 unused[20];
	__be32 relay;
	__u8 mac[ETH_ALEN];
};

#define DHCP4_COOKIE_AT 236
#define DHCP4_COOKIE 0x63825363
#define DHCP4_OPTIONS_AT 240
#define DHCP4_PAD 0
#define DHCP4_OVERLOAD 52
#define DHCP4_CLIENT_ID 61
#define DHCP4_END 255

/* Looks at one option; non-zero ends the walk. */
static long dhcp4_option_step(__u32 index, struct dhcp_options *options)
{
	__u32 at = options->at;
	__u8 code, length;

	(void)index;
	if (at >= options->end) {
		options->done = true;
		return 1;
	}
	options->reason = DROP_UNREADABLE;
	if (bpf_skb_load_bytes(options->skb, at, &code, sizeof(code)))
		return 1;
	if (code == DHCP4_END) {
		options->reason = PASS;
		options->done = true;
		return 1;
	}
	if (code == DHCP4_PAD) {
		options->reason = PASS;
		options->at = at + 1;
		return 0;
	}
	if (at + 2 > options->end ||
	    bpf_skb_load_bytes(options->skb, at + 1, &length, sizeof(length)))
		return 1;
	if (at + 2 + length > options->end)
		return 1;
	if (code == DHCP4_OVERLOAD) {
		options->reason = DROP_DHCP_HIDDEN;
		return 1;
	}
	if (code == DHCP4_CLIENT_ID) {
		/* Servers join the parts of one in several (RFC 3396). */
		options->reason = DROP_DHCP_SPOOF;
		if (options->id_seen)
			return 1;
		options->id_seen = true;
		options->id_at = at + 2;
		options->id_length = length;
	}
	options->reason = PASS;
	options->at = at + 2 + length;
	return 0;
}

/* Whether a client id is type 1, Ethernet, and the VNIC's address. */
static __always_inline bool dhcp4_own_id(const struct vnic *vnic,
					 const struct dhcp_options *options)
{
	__u8 id[1 + ETH_ALEN];

	if (options->id_length != sizeof(id) ||
	    bpf_skb_load_bytes(options->skb, options->id_at, id, sizeof(id)))
		return false;
	return id[0] == HARDWARE_ETHERNET && own_mac(vnic, id + 1);
}

/* A UDP datagram to or from DHCPv4's ports, whose packet ends at `end`. */
__noinline int guard_dhcp4(struct __sk_buff *skb, const struct vnic *vnic,
			   __u32 at, __u32 end)
{
	struct dhcp_options options = { .skb = skb, .reason = PASS };
	struct dhcp4 message;
	struct udphdr udp;
	__be32 cookie;

	if (!vnic)
		return DROP_INTERNAL;
	if (end > skb->len || at + sizeof(udp) > end ||
	    bpf_skb_load_bytes(skb, at, &udp, sizeof(udp)))
		return DROP_UNREADABLE;
	options.end = at + bpf_ntohs(udp.len);
	at += sizeof(udp);
	if (options.end > end || at + DHCP4_OPTIONS_AT > options.end ||
	    bpf_skb_load_bytes(skb, at, &message, sizeof(message)) ||
	    bpf_skb_load_bytes(skb, at + DHCP4_COOKIE_AT, &cookie,
			       sizeof(cookie)))
		return DROP_UNREADABLE;
	if (udp.source == bpf_htons(DHCP4_SERVER) || message.operation != 1 ||
	    message.relay)
		return DROP_DHCP_SERVER;
	/* A server takes any other hardware for somebody else's. */
	if (message.hardware != HARDWARE_ETHERNET ||
	    message.hardware_length != ETH_ALEN || !own_mac(vnic, message.mac))
		return DROP_DHCP_SPOOF;
	/* BOOTP has no options. */
	if (cookie != bpf_htonl(DHCP4_COOKIE) ||
	    vnic->guard & GUARD_ANY_CLIENT_ID)
		return PASS;
	options.at = at + DHCP4_OPTIONS_AT;
	bpf_loop(DHCP_OPTIONS_MAX, dhcp4_option_step, &options, 0);
	if (options.reason != PASS)
		return options.reason;
	/* A last option that ends where the message does ends the walk too. */
	if (!options.done && options.at != options.end)
		return DROP_UNREADABLE;
	if (!options.id_seen || dhcp4_own_id(vnic, &options) ||
	    listed_client_id(skb, vnic->id, options.id_at, options.id_length))
		return PASS;
	return DROP_DHCP_SPOOF;
}

#define DHCP6_OPTIONS_AT 4
#define DHCP6_CLIENT_ID 1

/* What clients send: SOLICIT, REQUEST, CONFIRM, RENEW, REBIND, RELEASE,
 * DECLINE and INFORMATION-REQUEST (RFC 8415, section 7.3), a bit for each.
 */
#define DHCP6_OF_CLIENTS                                                       \
	(1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 9 | 1 << 11)

/* What a DHCPv6 option begins with. */
struct dhcp6_option {
	__be16 code;
	__be16 length;
};

/* Looks at one option; non-zero ends the walk. */
static long dhcp6_option_step(__u32 index, struct dhcp_options *options)
{
	struct dhcp6_option option;
	__u32 at = options->at;
	__u32 length;

	(void)index;
	if (at == options->end)
		return 1;
	options->reason = DROP_UNREADABLE;
	if (at + sizeof(option) > options->end ||
	    bpf_skb_load_bytes(options->skb, at, &option, sizeof(option)))
		return 1;
	at += sizeof(option);
	length = bpf_ntohs(option.length);
	if (at + length > options->end)
		return 1;
	if (option.code == bpf_htons(DHCP6_CLIENT_ID)) {
		options->reason = DROP_DHCP_SPOOF;
		if (options->id_seen)
			return 1;
		options->id_seen = true;
		options->id_at = at;
		options->id_length = length;
	}
	options->reason = PASS;
	options->at = at + length;
	return 0;
}

/* A DUID made of an Ethernet address: with a time before it, or without. */
struct duid {
	__be16 type;
	__be16 hardware;
	__u8 rest[4 + ETH_ALEN];
};

#define DUID_LLT 1
#define DUID_LL 3
#define DUID_LLT_LENGTH sizeof(struct duid)
#define DUID_LL_LENGTH (sizeof(struct duid) - 4)

/* Whether a client id is made of the VNIC's address. */
static __always_inline bool dhcp6_own_id(const struct vnic *vnic,
					 const struct dhcp_options *options)
{
	struct __sk_buff *skb = options->skb;
	struct duid duid = {};

	if (options->id_length == DUID_LLT_LENGTH) {
		if (bpf_skb_load_bytes(skb, options->id_at, &duid,
				       DUID_LLT_LENGTH))
			return false;
		return duid.type == bpf_htons(DUID_LLT) &&
		       duid.hardware == bpf_htons(HARDWARE_ETHERNET) &&
		       own_mac(vnic, duid.rest + 4);
	}
	if (options->id_length != DUID_LL_LENGTH ||
	    bpf_skb_load_bytes(skb, options->id_at, &duid, DUID_LL_LENGTH))
		return false;
	return duid.type == bpf_htons(DUID_LL) &&
	       duid.hardware == bpf_htons(HARDWARE_ETHERNET) &&
	       own_mac(vnic, duid.rest);
}

/* A UDP datagram to or from DHCPv6's ports, whose packet ends at `end`. */
__noinline int guard_dhcp6(struct __sk_buff *skb, const struct vnic *vnic,
			   __u32 at, __u32 end)
{
	struct dhcp_options options = { .skb = skb, .reason = PASS };
	struct udphdr udp;
	__u8 type;

	if (!vnic)
		return DROP_INTERNAL;
	if (at + sizeof(udp) > end ||
	    bpf_skb_load_bytes(skb, at, &udp, sizeof(udp)))
		return DROP_UNREADABLE;
	options.end = at + bpf_ntohs(udp.len);
	at += sizeof(udp);
	if (options.end > end || at + DHCP6_OPTIONS_AT > options.end ||
	    bpf_skb_load_bytes(skb, at, &type, sizeof(type)))
		return DROP_UNREADABLE;
	/* Relays are no clients either: what they wrap could be anybody's. */
	if (type > 11 || !(DHCP6_OF_CLIENTS & 1 << type))
		return DROP_DHCP_SERVER;
	if (vnic->guard & GUARD_ANY_CLIENT_ID)
		return PASS;
	options.at = at + DHCP6_OPTIONS_AT;
	bpf_loop(DHCP_OPTIONS_MAX, dhcp6_option_step, &options, 0);
	if (options.reason != PASS)
		return options.reason;
	if (options.at != options.end)
		return DROP_UNREADABLE;
	if (!options.id_seen || dhcp6_own_id(vnic, &options) ||
	    listed_client_id(skb, vnic->id, options.id_at, options.id_length))
		return PASS;
	return DROP_DHCP_SPOOF;
}

#endif /* GUARD_DHCP_H */
