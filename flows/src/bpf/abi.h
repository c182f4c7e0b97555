/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the programs and netd agree on: the bytes of every table, the numbers
 * of the drop reasons, the mark.
 *
 * flows/src/abi.rs says the same in Rust, and a test compares the two. Tables
 * hold fixed-width integers and bytes only. Padding is written out and zero,
 * because the kernel hashes every byte of a key.
 *
 * Who changes what a row means, and not its size, puts a number behind the name
 * of its map, from 2 on: that is how one version tells another's tables from
 * its own. With ANOTHER_VERSION some tables are those of a version that there
 * never was, for the tests of upgrades.
 */
#ifndef ABI_H
#define ABI_H

#include <linux/types.h>

/*
 * skb->mark of a frame on its way from a VNIC to the link's host side or to
 * its wire: the link's own programs have nothing to do for it any more, and
 * take the mark off. The number spells nothing and is nobody's; a rule of the
 * host's that set the same one would hide its frames from local VNICs.
 */
#define FABRIC_MARK 0xa4ba1e57

/*
 * VNICs on one host, four times what the design asks for. A table's memory
 * grows with its rows, so an empty one costs its buckets only.
 */
#define VNICS_MAX 16384
/* Every VNIC may be alone on a segment of its own. */
#define SEGMENTS_MAX VNICS_MAX
/* A VNIC has a station of its own and up to 32 more. Few have any. */
#define FDB_MAX 65536
/* A VNIC has a place in one list or two, and every list a head. */
#define FLOOD_MAX (4 * VNICS_MAX)

/*
 * Segments are numbered: a physical link's by its ifindex, which is positive
 * in 32 bits; an etherstub's by its own number with this bit.
 */
#define SEGMENT_ETHERSTUB 0x80000000

/* One VNIC may have 32 DHCP client ids. Few have any. */
#define CLIENT_IDS_MAX 65536

/* One VNIC may come by 96 addresses. Most come by three. */
#define LEARNED_MAX 65536

/* What is checked of a guest's frames. */
#define GUARD_MAC_NOSPOOF 0x0001
#define GUARD_RESTRICTED 0x0002
#define GUARD_IP_NOSPOOF 0x0004
#define GUARD_DHCP_NOSPOOF 0x0008
/* GUARD_DHCP_NOSPOOF lets any client id pass. */
#define GUARD_ANY_CLIENT_ID 0x0010

/* The guest has further addresses: stations of its VNIC's in the fdb. */
#define GUARD_SECONDARY 0x0020
/* Addresses of this version of IP are listed in allowed4 or allowed6. */
#define GUARD_ALLOWED4 0x0040
#define GUARD_ALLOWED6 0x0080
/* The guest may come by addresses in these ways; see learned. */
#define GUARD_DHCP4 0x0100
#define GUARD_DHCP6 0x0200
#define GUARD_SLAAC 0x0400

/* The VNIC's maxbw is 0, or its link's. */
#define VNIC_BLOCKED 0x0001
/* What the guest sends waits in the shaper. */
#define VNIC_WAITS 0x0002
/* Some of its traffic is in flows. */
#define VNIC_FLOWS 0x0004

/* A frame may be handed straight to the guest end: it is a veth in another
 * network namespace. Anywhere else it goes through the host end.
 */
#define FDB_PEER 0x0001
/* The guest may come by addresses: netd wants to hear what gives it one. */
#define FDB_LEARNS 0x0002
/* As VNIC_BLOCKED. */
#define FDB_BLOCKED 0x0004
/* As VNIC_FLOWS. */
#define FDB_FLOWS 0x0008
/* It goes by way of the host end in any case: only what comes out of a queue
 * of the guest end's is worked on by the CPUs of that queue.
 */
#define FDB_STEERED 0x0010

/* Some VNIC of the segment is sent frames for stations that nobody knows. */
#define SEGMENT_PROMISCUOUS 0x0001

/* Lists of a segment's VNICs: those that get multicast frames, which are all,
 * and those that also get frames for stations that nobody knows.
 */
#define FLOOD_ALL 0
#define FLOOD_UNKNOWN 1

/* As VNIC_BLOCKED. */
#define FLOOD_BLOCKED 0x0001

/* HTB takes skb->priority for one of its classes when its upper half is the
 * number of the link's root: 1 on all links that shape. The lower half is the
 * class's.
 */
#define SHAPE_ROOT 0x00010000

/* Why a frame was dropped. Numbers are never reused. */
enum drop_reason {
	DROP_MAC_SPOOF = 0,
	DROP_GUEST_TAG = 1,
	DROP_TRUNCATED = 2,
	DROP_HAIRPIN = 3,
	DROP_NO_DESTINATION = 4,
	DROP_INTERNAL = 5,
	DROP_RESTRICTED = 6,
	DROP_IP_SPOOF = 7,
	DROP_ARP_SPOOF = 8,
	DROP_ND_SPOOF = 9,
	DROP_ND_HIDDEN = 10,
	DROP_ROUTER_SPOOF = 11,
	DROP_UNREADABLE = 12,
	DROP_DHCP_SPOOF = 13,
	DROP_DHCP_SERVER = 14,
	DROP_DHCP_HIDDEN = 15,
	DROP_DHCP_OFF = 16,
	DROP_TOO_LONG = 17,
	DROP_TOO_LONG_FOR = 18,
	DROP_REFLECTED = 19,
	DROP_BLOCKED = 20,
	DROP_BLOCKED_FOR = 21,
	DROP_FLOW_BLOCKED = 22,
	DROP_FLOW_BLOCKED_FOR = 23,
};

/* Room for reasons to come, so that one more changes no layout; a power of
 * two.
 */
#define DROP_REASONS_MAX 32

/* The most addresses of either version of IP that a VNIC may have. */
#define ALLOWED_MAX 32

/* An IPv4 address, or all that agree with it where the mask is set. */
struct network4 {
	__be32 address;
	__be32 mask;
};

/* The IPv4 addresses that a guest may speak as, where the one in its VNIC's row
 * is not all. Key: the VNIC's number.
 */
struct allowed4 {
	__u32 count;
	struct network4 networks[ALLOWED_MAX];
};

/* An IPv6 address, or all that agree with it where the mask is set. */
struct network6 {
	__be32 address[4];
	__be32 mask[4];
};

/* The IPv6 addresses that a guest may speak as, where the one in its VNIC's row
 * is not all. Key: the VNIC's number.
 */
struct allowed6 {
	__u32 count;
	struct network6 networks[ALLOWED_MAX];
};

/* Who speaks through a host end. Key: the host end's ifindex. In all versions
 * the number and the slot stay where they are: each reads them in another's.
 */
struct vnic {
	__u32 id;
	__u32 segment;
	__u16 vid; /* 0: untagged */
	__u16 guard; /* GUARD_* */
	__u8 mac[6];
	__u16 mtu;
	__u32 slot; /* of its traffic */
	/* The first address of each version of IP that the guest may speak
	 * as. Most have no other. Without any it is that of nobody, as whom
	 * everybody may speak.
	 */
	struct network4 first4;
	struct network6 first6;
	__u32 shaper; /* ifindex of its near end; 0: there is none */
	__u16 class; /* in the shaper */
	__u16 flags; /* VNIC_* */
#ifdef ANOTHER_VERSION
	__u64 more;
#endif
};

/* Addresses, as struct learned tells them apart. */
#define FAMILY_IPV4 4
#define FAMILY_IPV6 6

/* An address that a guest came by; one of IPv4 is in the first word. */
struct learned {
	__u32 id; /* the VNIC's number */
	__u32 family; /* FAMILY_* */
	__be32 address[4];
};

/* The longest DHCP client id. */
#define CLIENT_ID_MAX 256

/* A DHCP client id that a guest may use; zero behind its end. */
struct client_id {
	__u32 id; /* the VNIC's number */
	__u32 length;
	__u8 bytes[CLIENT_ID_MAX];
};

/* A station of a segment: its address in two words, the first of which holds
 * two bytes of it below the VLAN. The kernel hashes words, and reads none
 * faster than one that was written as a whole.
 */
struct fdb_key {
	__u32 segment;
	__u32 vid_and_front;
	__u32 rest;
};

/* The VNIC that a station is. */
struct fdb_entry {
	__u32 ifindex; /* of the host end */
	__u32 id;
	__u16 flags; /* FDB_* */
	__u16 mtu;
	__u32 slot; /* of the VNIC's traffic */
	__u16 class; /* at the host end; 0: frames don't wait */
	__u8 pad[2];
};

/* A place in a list of a segment's VNICs; id 0 is the head. */
struct flood_key {
	__u32 segment;
	__u16 vid;
	__u16 list; /* FLOOD_* */
	__u32 id;
};

/* The VNIC at that place, and the place after it. */
struct flood_entry {
	__u32 ifindex; /* of the host end; 0 at the head */
	__u32 next; /* 0: the list ends */
	__u32 slot; /* of the VNIC's traffic */
	__u16 mtu;
	__u16 flags; /* FLOOD_* */
};

/* A segment's way out. Key: its number. */
struct segment {
	__u32 ifindex; /* of the physical link; 0: none */
	__u16 flags; /* SEGMENT_* */
	__u8 station[6]; /* the link's own address; zero: none */
};

/* Flows on one host. */
#define FLOWS_MAX 65536
/* The masks in a VNIC's list: those of the flows that it has, and while they
 * change those of the flows that it had.
 */
#define FLOW_MASKS_MAX 64

/* What flows can ask of a frame, seen from the VNIC, or which bits of it. What
 * a frame does not have is zero, and no flow asks for that. An IPv4 address is
 * in the first four bytes.
 */
struct flow_tuple {
	__u8 local[16];
	__u8 remote[16];
	__be16 local_port;
	__be16 remote_port;
	__u8 protocol;
	__u8 dsfield;
	__u8 family; /* 4 or 6 */
	__u8 pad;
};

/* What some flows of a VNIC ask for. */
struct flow_mask {
	__u32 number;
	struct flow_tuple bits;
};

/* All that the flows of a VNIC ask for, the most specific first. Key: the
 * VNIC's number.
 */
struct flow_masks {
	__u32 count;
	struct flow_mask masks[FLOW_MASKS_MAX];
};

/* What a frame of a flow looks like under the flow's mask. */
struct flow_key {
	__u32 vnic;
	__u32 mask;
	struct flow_tuple tuple;
};

/* What is done with the frames of a flow. */
struct flow {
	__u32 id;
	__u16 from_vnic; /* its class in the shaper; 0: the VNIC's */
	__u16 to_vnic; /* its class at the host end; 0: the VNIC's */
	__u8 blocked;
	__u8 pad[3];
};

/* What went through a flow, seen from the guest. Key: the flow's number. One
 * copy per CPU.
 */
struct flow_traffic {
	__u64 ipackets;
	__u64 rbytes;
	__u64 opackets;
	__u64 obytes;
	__u64 idrops;
	__u64 odrops;
};

/* How much of something there was in a stretch of time. */
struct budget {
	__u32 stretch;
	__u32 spent;
};

/*
 * What went through a VNIC, seen from the guest: i is what it received, o is
 * what it sent. Frames are counted as the wire would see them. Key: a slot, a
 * small number that the VNIC has while it is there: an array is found in fewer
 * steps than a row of a hash. Slot 0 is nobody's. One copy per CPU.
 */
struct traffic {
	__u64 ipackets;
	__u64 rbytes;
	__u64 opackets;
	__u64 obytes;
#ifdef ANOTHER_VERSION
	__u64 more;
#endif
};

/*
 * What was dropped of a VNIC's, and what was told of it. Key: the VNIC's
 * number. One copy per CPU.
 */
struct drops {
	__u64 frames[DROP_REASONS_MAX];
	/* When a dropped frame was last shown, in ns since the boot. */
	__u64 shown[DROP_REASONS_MAX];
	/* How often netd was told of what the guest sent, and of what was on
	 * its way to it.
	 */
	struct budget said;
	struct budget heard;
};

/* The most bytes of a frame that netd is told. */
#define TOLD_MAX 2048

/* A frame that may be about the address of a guest: a record of the ring
 * `told`, followed by the frame's bytes. Untagged.
 */
struct told {
	__u32 id; /* of the VNIC that sent it; 0: it came by the link */
	__u32 segment;
	__u16 vid;
	__u16 asks; /* it is to get an address, and not to give one */
	__u32 length; /* of the bytes that follow */
};

/* The most bytes of a dropped frame that are shown. */
#define SHOWN_MAX 256

/* A frame that was dropped: a record of the ring `shown`. */
struct shown {
	__u64 at; /* in ns since the boot */
	__u32 id; /* the VNIC's number */
	__u32 reason; /* enum drop_reason */
	__u32 frame_length; /* in bytes */
	__u32 length; /* of the bytes that are here */
	__u16 tci; /* of the VLAN tag that is not among the bytes */
	__u16 tagged; /* whether there is one */
	__u8 bytes[SHOWN_MAX];
	__u8 pad[4];
};

_Static_assert(sizeof(struct network4) == 8, "struct network4");
_Static_assert(sizeof(struct allowed4) == 260, "struct allowed4");
_Static_assert(sizeof(struct network6) == 32, "struct network6");
_Static_assert(sizeof(struct allowed6) == 1028, "struct allowed6");
_Static_assert(sizeof(struct learned) == 24, "struct learned");
_Static_assert(sizeof(struct client_id) == 264, "struct client_id");
_Static_assert(sizeof(struct fdb_key) == 12, "struct fdb_key");
_Static_assert(sizeof(struct fdb_entry) == 20, "struct fdb_entry");
_Static_assert(sizeof(struct flood_key) == 12, "struct flood_key");
_Static_assert(sizeof(struct flood_entry) == 16, "struct flood_entry");
_Static_assert(sizeof(struct segment) == 12, "struct segment");
_Static_assert(sizeof(struct flow_tuple) == 40, "struct flow_tuple");
_Static_assert(sizeof(struct flow_mask) == 44, "struct flow_mask");
_Static_assert(sizeof(struct flow_masks) == 2820, "struct flow_masks");
_Static_assert(sizeof(struct flow_key) == 48, "struct flow_key");
_Static_assert(sizeof(struct flow) == 12, "struct flow");
_Static_assert(sizeof(struct flow_traffic) == 48, "struct flow_traffic");
_Static_assert(sizeof(struct drops) == 528, "struct drops");
_Static_assert(sizeof(struct told) == 16, "struct told");
_Static_assert(sizeof(struct shown) == 288, "struct shown");
#ifndef ANOTHER_VERSION
_Static_assert(sizeof(struct vnic) == 72, "struct vnic");
_Static_assert(sizeof(struct traffic) == 32, "struct traffic");
#endif

#endif /* ABI_H */
