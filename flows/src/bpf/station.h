/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Who has which address. Stations are known, not learned: netd writes them, so
 * there is nothing to poison.
 */
#ifndef STATION_H
#define STATION_H

#include <stdbool.h>

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"
#include "maps.h"
#include "parse.h"

/* The key of a station by the two words of its address. */
static __always_inline struct fdb_entry *find_by_words(__u32 segment, __u16 vid,
						       __u16 front, __u32 rest)
{
	struct fdb_key key = {
		.segment = segment,
		.vid_and_front = (__u32)vid << 16 | front,
		.rest = rest,
	};

	return bpf_map_lookup_elem(&fdb, &key);
}

static __always_inline struct fdb_entry *find_station(__u32 segment, __u16 vid,
						      const __u8 *mac)
{
	__u16 front;
	__u32 rest;

	__builtin_memcpy(&front, mac, sizeof(front));
	__builtin_memcpy(&rest, mac + sizeof(front), sizeof(rest));
	return find_by_words(segment, vid, front, rest);
}

/* The station that a frame is addressed to. */
static __always_inline struct fdb_entry *
find_destination(__u32 segment, __u16 vid, const struct frame *frame)
{
	return find_by_words(segment, vid, *(const half_word *)frame->dst,
			     *(const word *)(frame->dst + 2));
}

/* Whether a frame comes from the address in its VNIC's row: own_mac() for those
 * that most frames come from.
 */
static __always_inline bool is_from(const struct frame *frame,
				    const struct vnic *vnic)
{
	return *(const word *)frame->src == *(const word *)vnic->mac &&
	       *(const half_word *)(frame->src + 4) ==
		       *(const half_word *)(vnic->mac + 4);
}

/* Whether an address is another of the guest's than the one in the row. */
static __noinline bool other_mac(const struct vnic *vnic, const __u8 *mac)
{
	struct fdb_entry *station;

	if (!(vnic->guard & GUARD_SECONDARY))
		return false;
	station = find_station(vnic->segment, vnic->vid, mac);
	return station && station->id == vnic->id;
}

/* Whether an address is the VNIC's, or another of its guest's. */
static __always_inline bool own_mac(const struct vnic *vnic, const __u8 *mac)
{
	return same_mac(mac, vnic->mac) || other_mac(vnic, mac);
}

#endif /* STATION_H */
