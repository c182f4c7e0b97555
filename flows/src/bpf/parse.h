/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Reading a frame's headers. Nothing else touches its bytes. */
#ifndef PARSE_H
#define PARSE_H

#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* The outermost tag of a frame. */
enum tag {
	TAG_NONE,
	TAG_8021Q, /* tells our VLANs apart */
	TAG_FOREIGN, /* a provider's 802.1ad tag, or half a tag */
};

/* The length of a tag in bytes. */
#define TAG_LEN 4

/* The VLAN in an 802.1Q tag; the rest is the priority and the drop bit. */
#define TCI_VID 0x0fff

/* What the programs decide by, copied out of the frame once. */
struct frame {
	/* Moves the header, which is 14 bytes long, to where what is behind it
	 * and most of what is in it can be read in words.
	 */
	__u16 room;
	__u8 dst[ETH_ALEN];
	__u8 src[ETH_ALEN];
	__be16 proto; /* the EtherType, or a tag's, or a length */
	struct iphdr ip; /* zero when the frame is too short for one */
	__u32 tag; /* enum tag */
	__u16 tci; /* host order; 0 without an 802.1Q tag */
	__u16 kind; /* host order: the EtherType, or a length */
};

_Static_assert(__builtin_offsetof(struct frame, ip) == 16, "struct frame");

/* Words of memory that are not declared as such. */
typedef __u32 __attribute__((may_alias)) word;
typedef __u16 __attribute__((may_alias)) half_word;

static __always_inline bool is_multicast(const __u8 *mac)
{
	return mac[0] & 1;
}

static __always_inline bool same_mac(const __u8 *a, const __u8 *b)
{
	__u8 difference = 0;

	/* Nothing that clang would turn into a call of memcmp(). */
	for (int i = 0; i < ETH_ALEN; i++)
		difference |= a[i] ^ b[i];
	return !difference;
}

/*
 * The kernel takes the outermost tag out of a frame and keeps it beside the
 * bytes. It is still among them in what a raw socket of the host's sends.
 */
static __noinline void parse_tag(struct __sk_buff *skb, __be16 proto,
				 struct frame *frame)
{
	__be16 tci;

	if (skb->vlan_present) {
		proto = skb->vlan_proto;
		frame->tci = skb->vlan_tci;
	} else if (!bpf_skb_load_bytes(skb, ETH_HLEN, &tci, sizeof(tci))) {
		frame->tci = bpf_ntohs(tci);
	} else if (proto == bpf_htons(ETH_P_8021Q)) {
		proto = bpf_htons(ETH_P_8021AD);
	}
	if (proto == bpf_htons(ETH_P_8021Q)) {
		frame->tag = TAG_8021Q;
		return;
	}
	frame->tag = TAG_FOREIGN;
	frame->tci = 0;
}

/* Reads the Ethernet header and as much of an IPv4 one as has no options;
 * negative when the frame is shorter than the first.
 */
static __always_inline int parse_frame(struct __sk_buff *skb,
				       struct frame *frame)
{
	if (bpf_skb_load_bytes(skb, 0, frame->dst,
			       ETH_HLEN + sizeof(frame->ip))) {
		__builtin_memset(&frame->ip, 0, sizeof(frame->ip));
		if (bpf_skb_load_bytes(skb, 0, frame->dst, ETH_HLEN))
			return -1;
	}
	frame->tag = TAG_NONE;
	frame->tci = 0;
	frame->kind = bpf_ntohs(frame->proto);
	if (skb->vlan_present || frame->proto == bpf_htons(ETH_P_8021Q) ||
	    frame->proto == bpf_htons(ETH_P_8021AD))
		parse_tag(skb, frame->proto, frame);
	return 0;
}

/* Offsets and lengths in the headers of an untagged frame, in bytes. */
#define IPV4_PROTOCOL_AT (ETH_HLEN + 9)
#define IPV6_NEXT_AT (ETH_HLEN + 6)
#define IPV6_HLEN 40
/* In the third word of an IPv4 header. */
#define IPV4_MORE 0x2000
#define IPV4_OFFSET 0x1fff
#define TCP_OFFSET_AT 12
#define UDP_HLEN 8

#define REPEATED_UDP 0x80000000

/*
 * The length of the headers that every segment of a large (GSO) frame repeats.
 * The frame is untagged. Behind IPv6 extension headers or in a tunnel only
 * what is understood is counted. REPEATED_UDP is set where the last is UDP's.
 */
static __noinline __u32 repeated_headers(struct __sk_buff *skb)
{
	__u32 length = ETH_HLEN;
	__u8 protocol, byte;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &byte, sizeof(byte)))
		return length;
	if (byte >> 4 == 4) {
		length += (byte & 0xf) * 4;
		if (bpf_skb_load_bytes(skb, IPV4_PROTOCOL_AT, &protocol, 1))
			return length;
	} else if (byte >> 4 == 6) {
		length += IPV6_HLEN;
		if (bpf_skb_load_bytes(skb, IPV6_NEXT_AT, &protocol, 1))
			return length;
	} else {
		return length;
	}
	if (protocol == IPPROTO_UDP)
		return (length + UDP_HLEN) | REPEATED_UDP;
	if (protocol == IPPROTO_TCP &&
	    !bpf_skb_load_bytes(skb, length + TCP_OFFSET_AT, &byte, 1))
		return length + (byte >> 4) * 4;
	return length;
}

#endif /* PARSE_H */
